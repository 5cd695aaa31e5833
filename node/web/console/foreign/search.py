"""Searching the whole federation, own cases and foreign ones together.

Guarantees: what somebody looks for stands in no address: it is kept for an hour, encrypted, for them alone,
under a random name, so that the way back from a case leads to the results again.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import get_locale, lazy_gettext
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, NumberRange, Optional

from node.domain.names.similarity import MAX_NAME
from node.domain.permissions import Permission
from node.services.people import sessions, turns
from node.services.people.sessions import Fields
from node.services.search import finding, provenance
from node.services.search.finding import Found
from node.services.search.provenance import Provenance
from node.store.register import cases
from node.store.search.query import MAX_OFFSET, MAX_QUESTION, Query
from node.web.cases.text import CaseText, describe_briefly, small_forms_of
from node.web.cases.words import CATEGORIES, SEXES
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, person, this_node
from node.web.console.base.paging import PAGE_SIZE, Page, page_number
from node.web.console.foreign.cases import address_of
from node.web.writing import line

pages = Blueprint("search", __name__)

_ANY = SelectChoice("", lazy_gettext("any"))
_TOO_LONG = lazy_gettext("Use at most %(max)d characters.")
_AGE = [Optional(), NumberRange(0, 150, lazy_gettext("Give a number from %(min)d to %(max)d."))]
_TYPED = {"autocomplete": "off", "spellcheck": "false"}


class SearchForm(Form):
    """What somebody looks for; what is left out narrows nothing."""

    name = StringField(
        lazy_gettext("Name"),
        [Length(0, MAX_NAME, _TOO_LONG)],
        description=lazy_gettext("In any script, however it is spelled; also a part of it."),
        filters=[line],
        render_kw=_TYPED,
    )
    country = SelectField(lazy_gettext("Country of the owner"), default="")
    sex = SelectField(
        lazy_gettext("Sex"),
        default="",
        choices=[_ANY, *(SelectChoice(str(code), SEXES[code]) for code in (1, 2, 0))],
    )
    missing_within_years = IntegerField(
        lazy_gettext("Missing for at most … years"),
        [Optional(), NumberRange(0, 200, lazy_gettext("Give a number from %(min)d to %(max)d."))],
    )
    age_min = IntegerField(lazy_gettext("Age from"), _AGE)
    age_max = IntegerField(lazy_gettext("Age to"), _AGE)
    age_when = SelectField(
        lazy_gettext("Age at which time"),
        default="disappearance",
        choices=[
            SelectChoice("disappearance", lazy_gettext("when the child went missing")),
            SelectChoice("now", lazy_gettext("today")),
        ],
    )
    category = SelectField(
        lazy_gettext("Category"),
        default="",
        choices=[_ANY, *(SelectChoice(code, name) for code, name in CATEGORIES.items())],
    )
    source = SelectField(
        lazy_gettext("Whose cases"),
        default="",
        choices=[
            SelectChoice("", lazy_gettext("our own and those of others")),
            SelectChoice("replica", lazy_gettext("those of others")),
            SelectChoice("own", lazy_gettext("our own")),
        ],
    )
    status = SelectField(
        lazy_gettext("Status of our own cases"),
        default="",
        choices=[
            _ANY,
            SelectChoice(cases.DRAFT, lazy_gettext("draft")),
            SelectChoice(cases.PUBLISHED, lazy_gettext("published")),
            SelectChoice(cases.WITHDRAWN, lazy_gettext("withdrawn")),
        ],
    )
    text = StringField(
        lazy_gettext("Words"),
        [Length(0, MAX_QUESTION, _TOO_LONG)],
        description=lazy_gettext("Of circumstances, marks, clothing or place."),
        filters=[line],
        render_kw=_TYPED,
    )
    place = StringField(
        lazy_gettext("Place"),
        [Length(0, MAX_QUESTION, _TOO_LONG)],
        description=lazy_gettext("Where the child was last seen."),
        filters=[line],
        render_kw=_TYPED,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = (get_locale() or Locale("en")).territories
        codes = {member.country for member in this_node().network().roster.members}
        countries = sorted((str(names.get(code, code)), code) for code in codes)
        self.country.choices = [_ANY, *(SelectChoice(code, name) for name, code in countries)]

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields one by one, and those that belong together."""
        right: bool = super().validate(extra_validators)
        if right and (self.age_min.data or 0) > (self.age_max.data if self.age_max.data is not None else 150):
            self.age_max.errors = [_("This is less than the age from which you search.")]
            return False
        return right

    @property
    def asked(self) -> dict[str, Any]:
        """What narrows the result."""
        found = {
            name: field.data
            for name, field in self._fields.items()
            if name not in ("csrf_token", "age_when") and field.data not in (None, "")
        }
        if {"age_min", "age_max"} & found.keys():
            found["age_when"] = self.age_when.data
        return found

    def shown(self) -> list[tuple[str, str]]:
        """What narrows the result, as the reader is told."""
        said = []
        for name, value in self.asked.items():
            field = self._fields[name]
            words = {choice.value: choice.label for choice in getattr(field, "choices", ())}
            said.append((str(field.label.text), str(words.get(str(value), value))))
        return said


@dataclass(frozen=True, slots=True)
class Result:
    """A case that was found, as it is shown.

    Attributes:
        address: of its page; empty where there is none.
        photograph: address of a small one; empty where there is none here.
        origin: of a foreign one, where it comes from.
    """

    found: Found
    text: CaseText
    address: str
    photograph: str
    origin: Provenance | None


@pages.route("/search", methods=["GET", "POST"])
@needs(Permission.SEARCH)
def index() -> Response | str:
    """Ask what is looked for."""
    form = SearchForm()
    if form.validate_on_submit():
        return redirect(begin_search([(name, str(value)) for name, value in form.asked.items()]), 303)
    return render_template("foreign/search.html", form=form)


@pages.route("/search/<search_id>")
@needs(Permission.SEARCH)
def results(search_id: str) -> Response | str:
    """Show what was found."""
    node, kept = this_node(), find_search(search_id)
    if kept is None:
        flash(_("What you searched for is kept for an hour. Please search again."), "warning")
        return redirect(url_for("search.index"), 303)
    form = SearchForm(MultiDict(kept))
    number = page_number(request.args.get("page", ""), MAX_OFFSET)
    turns.take_search(node, person())
    found, total = finding.find(node, _query(form, (number - 1) * PAGE_SIZE), actor())
    owners = provenance.look_at_owners(node, {item.owner for item in found if item.source == "replica"})
    shown = [_result(item, owners) for item in found]
    page = Page(shown, number, min(total, MAX_OFFSET))
    return render_template(
        "foreign/results.html",
        form=form,
        page=page,
        total=total,
        keep=Form(formdata=None),
        keep_at=url_for("saved.keep_search", search_id=search_id),
    )


def begin_search(asked: Fields) -> str:
    """Keep what is asked for a while, and return the address of its results."""
    address = url_for("search.results", search_id=secrets.token_urlsafe(12))
    sessions.keep_form(this_node(), person(), address, asked)
    return address


def find_search(search_id: str) -> Fields | None:
    """Return what was asked; None where it is somebody else's, or was too long ago."""
    return sessions.find_form(this_node(), person(), url_for("search.results", search_id=search_id))


def _query(form: SearchForm, offset: int) -> Query:
    asked: Mapping[str, Any] = form.asked
    if "sex" in asked:
        asked = {**asked, "sex": int(asked["sex"])}
    return Query(today=this_node().now().date(), limit=PAGE_SIZE, offset=offset, **asked)


def _result(found: Found, owners: Mapping[str, Provenance]) -> Result:
    text = describe_briefly(found.public)
    return Result(found, text, address_of(found.case_id), _photograph(found), owners.get(found.owner))


def _photograph(found: Found) -> str:
    """Return the address of the first photograph whose small form is on this disk."""
    member, opaque = found.case_id.split("/")
    for sha256 in small_forms_of(found.public):
        if this_node().blobs.has(found.owner, sha256):
            return url_for("foreign.photograph", member=member, opaque=opaque, sha256=sha256)
    return ""
