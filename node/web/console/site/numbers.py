"""The telephone numbers of “Help now”, by country."""

from collections.abc import Mapping
from typing import Any

from babel import Locale
from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional, Regexp

from node.adapters.hotlines import load_numbers
from node.domain.permissions import Permission
from node.domain.site.look import MAX_LINE, Numbers
from node.errors import InvalidInput
from node.services.site import look
from node.web.cases.text import show_country
from node.web.console.base.forms import Form, ask_first
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.site.look import MAX, REFUSED
from node.web.writing import line

pages = Blueprint("site_numbers", __name__)

_NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
"""Codes that stand among those of countries, and are none."""

_DIGITS = Regexp(
    r"\+?[0-9]{2,15}$",
    message=lazy_gettext("Write digits without spaces; with + before the code of a country."),
)


def _compact(text: str | None) -> str:
    """Take out what people put between digits; used as a filter of fields."""
    return "".join(letter for letter in text or "" if letter not in " -./()\u00a0\u202f")


def _number(label: Any) -> StringField:
    return StringField(
        label,
        [Optional(), _DIGITS],
        filters=[_compact],
        render_kw={"inputmode": "tel", "autocomplete": "off", "dir": "ltr"},
    )


class CountryForm(Form):
    """Of which country."""

    country = SelectField(lazy_gettext("Country"), [InputRequired(lazy_gettext("Choose one."))])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted((show_country(code), code) for code in _codes())
        self.country.choices = [SelectChoice(code, name) for name, code in names]


class NumbersForm(Form):
    """Whom to call in a country."""

    emergency = _number(lazy_gettext("Police, in an emergency"))
    hotline = _number(lazy_gettext("Hotline for missing children"))
    organisation = StringField(
        lazy_gettext("Who answers the hotline"), [Length(0, MAX_LINE, MAX)], filters=[line]
    )


@pages.route("/site/numbers", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def index() -> Response | str:
    """List the numbers that the member has changed, and choose another country."""
    node = this_node()
    form = CountryForm(data={"country": node.country})
    if form.validate_on_submit():
        return redirect(url_for("site_numbers.change", country=form.country.data), 303)
    chosen = node.site_folder.look()
    shown = [
        (code, show_country(code), look.numbers_of(chosen, code)) for code in {node.country, *chosen.hotlines}
    ]
    return render_template("site/numbers.html", form=form, numbers=sorted(shown, key=lambda item: item[1]))


@pages.route("/site/numbers/<country>", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def change(country: str) -> Response | str:
    """Change the numbers of a country."""
    if country not in _codes():
        raise NotFound
    chosen = this_node().site_folder.look()
    present = look.numbers_of(chosen, country)
    form = NumbersForm(
        data={
            "emergency": present.emergency,
            "hotline": present.hotline,
            "organisation": present.organisation,
        }
    )
    if form.validate_on_submit():
        typed = Numbers(form.emergency.data, form.hotline.data, form.organisation.data)
        try:
            look.set_numbers(this_node(), country, typed, actor())
        except InvalidInput:
            form.organisation.errors = [REFUSED]
        else:
            return _saved()
    return render_template(
        "site/numbers_of.html",
        form=form,
        title=show_country(country),
        country=country,
        changed=country in chosen.hotlines,
        known=load_numbers().get(country),
    )


@pages.route("/site/numbers/<country>/reset", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def reset(country: str) -> Response | str:
    """Go back to the numbers of the program, once somebody has confirmed it."""
    if country not in _codes():
        raise NotFound

    def do() -> Response:
        look.set_numbers(this_node(), country, None, actor())
        return _saved()

    text = _("The site then shows the numbers that come with the program.")
    back = url_for("site_numbers.change", country=country)
    return ask_first(do, _("Forget our numbers"), lambda: show_country(country), text, back)


def _codes() -> set[str]:
    """Return the countries that there are."""
    names: Mapping[str, str] = Locale("en").territories
    return {code for code in names if len(code) == 2 and code.isalpha()} - _NO_COUNTRIES


def _saved() -> Response:
    flash(_("The site is changed. Readers see it within a minute."))
    return redirect(url_for("site_numbers.index"), 303)
