"""How the public site looks: its name, languages, countries, colours and logo.

Guarantees: whatever is refused stands beside its field, with everything else as it was typed; what the file
says that nobody changed here stays as it is.
"""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.file import FileField, FileRequired
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse
from wtforms import (
    BooleanField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import Field
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length
from wtforms.widgets import CheckboxInput, ListWidget

from node.domain.permissions import Permission
from node.domain.site.contrast import LEAST, contrast, is_colour, make_readable
from node.domain.site.look import GROUNDS, LANGUAGES, MAX_INTRO, MAX_LINE, Colours, Look
from node.errors import InvalidInput
from node.services.site import library, look
from node.web.cases.text import show_country, show_language
from node.web.console.base.forms import Form, ask_first
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.base.refusals import say_refusal
from node.web.writing import line, prose

pages = Blueprint("site", __name__)

MAX_LOGO_FORM = 3 << 20
OWN_COLOURS = Colours("#0e4a5a", "#8fd0e2")
"""Those of the program."""

MAX = lazy_gettext("Use at most %(max)d characters.")
REFUSED = lazy_gettext(
    "This cannot be shown on the site. Look at what you typed, and take out unusual letters."
)


def _boxes(label: Any, description: Any) -> SelectMultipleField:
    return SelectMultipleField(
        label,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        description=description,
    )


class WordsForm(Form):
    """What the site says of itself in one language."""

    name = StringField(
        lazy_gettext("Name of the site"),
        [Length(0, MAX_LINE, MAX)],
        description=lazy_gettext(
            "It stands at the top of every page. Empty: the name in the list of members."
        ),
        filters=[line],
    )
    intro = TextAreaField(
        lazy_gettext("Introduction"),
        [Length(0, MAX_INTRO, MAX)],
        description=lazy_gettext("It stands first on the first page. A few words are enough."),
        filters=[prose],
    )


class LanguagesForm(Form):
    """Which languages are offered."""

    first = SelectField(lazy_gettext("First language"))
    offered = _boxes(
        lazy_gettext("Languages"),
        lazy_gettext("Readers choose among these. None ticked: every language that the program speaks."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered.choices = [SelectChoice(code, show_language(code)) for code in LANGUAGES]
        self.first.choices = [SelectChoice("", _("the first that is ticked")), *self.offered.choices]

    def validate_first(self, field: Field) -> None:
        """Refuse a first language that is not offered."""
        if field.data and self.offered.data and field.data not in self.offered.data:
            raise ValidationError(_("Tick this language below, or choose another one."))

    @property
    def chosen(self) -> tuple[str, ...]:
        """The languages in their order."""
        ticked = [code for code in LANGUAGES if code in (self.offered.data or LANGUAGES)]
        if not self.offered.data and not self.first.data:
            return ()
        return tuple(sorted(ticked, key=lambda code: code != self.first.data))


class CountriesForm(Form):
    """Whose cases are shown."""

    shown = _boxes(
        lazy_gettext("Countries"),
        lazy_gettext(
            "Children of these countries, or who were last seen there, are shown besides our own. "
            "None ticked: of every country."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        node = this_node()
        codes = {member.country for member in node.network().roster.members} | {
            *node.site_folder.look().countries
        }
        names = sorted((show_country(code), code) for code in codes - {node.country})
        self.shown.choices = [SelectChoice(code, name) for name, code in names]


class ColoursForm(Form):
    """The accents of the site."""

    own = BooleanField(lazy_gettext("Use the colours of the program"))
    light = StringField(
        lazy_gettext("Colour on light pages"),
        description=lazy_gettext("It must be dark enough to be read on white."),
        filters=[line, str.lower],
        render_kw={"type": "color"},
    )
    dark = StringField(
        lazy_gettext("Colour on dark pages"),
        description=lazy_gettext("It must be light enough to be read on black."),
        filters=[line, str.lower],
        render_kw={"type": "color"},
    )

    def validate_light(self, field: Field) -> None:
        """Refuse what cannot be read."""
        self._check(field, "light")

    def validate_dark(self, field: Field) -> None:
        """Refuse what cannot be read."""
        self._check(field, "dark")

    def _check(self, field: Field, scheme: str) -> None:
        if self.own.data:
            return
        if not is_colour(field.data):
            raise ValidationError(_("Write a colour like #0e4a5a."))
        if contrast(field.data, GROUNDS[scheme]) < LEAST:
            better = make_readable(field.data, GROUNDS[scheme])
            raise ValidationError(
                _("This is hard to read. The nearest colour that is not: %(colour)s", colour=better)
            )


class LogoForm(Form):
    """A picture of the member's."""

    picture = FileField(
        lazy_gettext("Picture"),
        [FileRequired(lazy_gettext("Choose a picture."))],
        description=lazy_gettext("JPEG, PNG or WebP, at most 2 MB. It is made small."),
        render_kw={"accept": "image/jpeg,image/png,image/webp"},
    )


@pages.route("/site")
@needs(Permission.RUN_SITE)
def index() -> str:
    """Show how the site looks, and what can be changed."""
    node = this_node()
    chosen, problems = _read_or_say()
    return render_template(
        "site/index.html",
        look=chosen,
        problems=problems,
        logo=node.site_folder.logo(),
        documents=len(library.list_documents(node)),
        due=library.count_due(node),
        own_address=node.config.site.address,
    )


@pages.route("/site/words/<language>", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def words(language: str) -> AnyResponse | str:
    """Change what the site says of itself in one language."""
    if language not in LANGUAGES:
        raise NotFound
    chosen = this_node().site_folder.look()
    form = WordsForm(data={"name": chosen.names.get(language, ""), "intro": chosen.intro.get(language, "")})
    if form.validate_on_submit():
        try:
            look.set_words(this_node(), language, form.name.data, form.intro.data, actor())
        except InvalidInput:
            form.name.errors = [REFUSED]
        else:
            return _saved()
    return render_template(
        "site/words.html", form=form, language=language, languages_of_site=LANGUAGES, look=chosen
    )


@pages.route("/site/languages", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def languages() -> AnyResponse | str:
    """Choose the languages that are offered."""
    chosen = this_node().site_folder.look().languages
    form = LanguagesForm(data={"offered": list(chosen), "first": chosen[0] if chosen else ""})
    if form.validate_on_submit():
        look.change_look(this_node(), actor(), languages=form.chosen)
        return _saved()
    return render_template("site/choose.html", form=form, title=_("Languages of the site"))


@pages.route("/site/countries", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def countries() -> AnyResponse | str:
    """Choose whose cases are shown."""
    form = CountriesForm(data={"shown": list(this_node().site_folder.look().countries)})
    if form.validate_on_submit():
        look.change_look(this_node(), actor(), countries=tuple(form.shown.data or ()))
        return _saved()
    return render_template("site/choose.html", form=form, title=_("Countries of the site"))


@pages.route("/site/colours", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def colours() -> AnyResponse | str:
    """Choose the colours, and see them first."""
    present = this_node().site_folder.look().colours
    shown = present or OWN_COLOURS
    form = ColoursForm(data={"own": present is None, "light": shown.light, "dark": shown.dark})
    if form.validate_on_submit():
        typed = None if form.own.data else Colours(form.light.data, form.dark.data)
        if "preview" not in request.form:
            look.change_look(this_node(), actor(), colours=typed)
            return _saved()
        shown = typed or OWN_COLOURS
    return render_template("site/colours.html", form=form, shown=shown, grounds=GROUNDS)


@pages.route("/site/logo", methods=["GET", "POST"])
@needs(Permission.RUN_SITE, body=MAX_LOGO_FORM)
def logo() -> AnyResponse | str:
    """Choose a logo."""
    form = LogoForm()
    if form.validate_on_submit():
        with form.picture.data.stream as stream:
            data = stream.read()
        try:
            look.set_logo(this_node(), data, actor())
        except InvalidInput:
            form.picture.errors = [
                _("This picture cannot be taken. Save it as PNG or JPEG, smaller, and try again.")
            ]
        else:
            return _saved()
    return render_template("site/logo.html", form=form, logo=this_node().site_folder.logo())


@pages.route("/site/logo/remove", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def remove_logo() -> AnyResponse | str:
    """Remove the logo, once somebody has confirmed it."""

    def remove() -> AnyResponse:
        look.set_logo(this_node(), None, actor())
        return _saved()

    text = _("The site then shows its name alone.")
    return ask_first(remove, _("Remove the logo"), lambda: _("Logo"), text, url_for("site.logo"))


@pages.route("/site/logo.png")
@needs(Permission.RUN_SITE)
def show_logo() -> Response:
    """Send the logo."""
    return Response(this_node().site_folder.logo().data, content_type="image/png")


def _read_or_say() -> tuple[Look, tuple[str, ...]]:
    """Read the file; where it cannot be read, return how the site looks meanwhile, and what is wrong."""
    folder = this_node().site_folder
    try:
        return folder.read_look(), ()
    except InvalidInput as error:
        return folder.look(), error.problems or (say_refusal(error),)


def _saved() -> AnyResponse:
    flash(_("The site is changed. Readers see it within a minute."))
    return redirect(url_for("site.index"), 303)
