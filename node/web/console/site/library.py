"""The library of the public site: adding documents, renewing their day of review, removing them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from babel import Locale
from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.file import FileField, FileRequired
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, ValidationError
from wtforms.fields import Field
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from node.adapters.site_folder import MAX_DOCUMENT_BYTES
from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput
from node.services.site import library
from node.services.site.library import MAX_FACT, Document, Facts
from node.web.cases.text import show_language
from node.web.console.base.forms import Form, ask_first
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.base.languages import choose_language
from node.web.console.base.refusals import say_refusal
from node.web.console.base.writing import read_day
from node.web.console.site.look import MAX
from node.web.topics import TOPICS
from node.web.writing import line

pages = Blueprint("site_library", __name__)

_YEARS = 10
_CHOOSE = DataRequired(lazy_gettext("Choose one."))
_WRITE = DataRequired(lazy_gettext("Write something."))


class FactsForm(Form):
    """What is said of a document."""

    title = StringField(lazy_gettext("Title"), [_WRITE, Length(1, MAX_FACT, MAX)], filters=[line])
    language = SelectField(lazy_gettext("Language"), [_CHOOSE])
    topic = SelectField(
        lazy_gettext("Topic"), [_CHOOSE], choices=[SelectChoice(code, name) for code, name in TOPICS.items()]
    )
    licence = StringField(
        lazy_gettext("Licence"),
        [_WRITE, Length(1, MAX_FACT, MAX)],
        description=lazy_gettext("What readers may do with it, such as: CC-BY-4.0"),
        filters=[line],
        render_kw={"autocomplete": "off"},
    )
    review = StringField(
        lazy_gettext("Look at it again by"),
        [_WRITE],
        description=lazy_gettext(
            "From this day on you are reminded here, and readers are told that it may be out of date."
        ),
        filters=[line],
        render_kw={"type": "date"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted((show_language(code), code) for code in _languages())
        self.language.choices = [SelectChoice(code, name) for name, code in names]

    def validate_review(self, field: Field) -> None:
        """Refuse a day that is over, and one that nobody will see."""
        day, today = read_day(field.data), this_node().now().date()
        if not today < day <= date(today.year + _YEARS, 12, 31):
            raise ValidationError(
                _("Choose a day that is still to come, within %(years)s years.", years=_YEARS)
            )

    @property
    def facts(self) -> Facts:
        """What the form says."""
        return Facts(
            title=self.title.data,
            language=self.language.data,
            licence=self.licence.data,
            topic=self.topic.data,
            review=read_day(self.review.data),
        )


class DocumentForm(FactsForm):
    """A new document."""

    file = FileField(
        lazy_gettext("Document"),
        [FileRequired(lazy_gettext("Choose a document."))],
        description=lazy_gettext("PDF or plain text, at most 5 MB."),
        render_kw={"accept": "application/pdf,text/plain,.pdf,.txt"},
    )
    file_bytes = b""

    def validate_file(self, field: Field) -> None:
        """Read the document."""
        with field.data.stream as stream:
            self.file_bytes = stream.read(MAX_DOCUMENT_BYTES + 1)

    def tell_again(self) -> None:
        """Say that the document has to be chosen again, which no browser keeps."""
        if self.file_bytes and not self.file.errors:
            self.file.errors = [_("Choose the document again: it was not kept.")]


@pages.route("/site/library")
@needs(Permission.RUN_SITE)
def index() -> str:
    """List the documents."""
    node = this_node()
    return render_template(
        "site/library.html",
        documents=library.list_documents(node),
        today=node.now().date(),
        topics=TOPICS,
    )


@pages.route("/site/library/new", methods=["GET", "POST"])
@needs(Permission.RUN_SITE, body=MAX_DOCUMENT_BYTES + (1 << 20))
def add() -> Response | str:
    """Add a document."""
    form = DocumentForm(data={"language": choose_language()})
    if form.validate_on_submit():
        try:
            library.add_document(this_node(), form.file_bytes, form.facts, actor())
        except (Conflict, InvalidInput) as error:
            form.file.errors = [say_refusal(error)]
        else:
            flash(_("The document is signed, and in the library."))
            return redirect(url_for("site_library.index"), 303)
    form.tell_again()
    return render_template("site/document_form.html", form=form, title=_("Add a document"), found=None)


@pages.route("/site/library/<document>", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def change(document: str) -> Response | str:
    """Change what is said of a document, such as the day of review."""
    found = library.find_document(this_node(), document)
    form = FactsForm(data=_typed(found))
    if form.validate_on_submit():
        try:
            library.change_document(this_node(), document, form.facts, actor())
        except InvalidInput as error:
            form.title.errors = [say_refusal(error)]
        else:
            flash(_("What is said of the document is signed anew."))
            return redirect(url_for("site_library.index"), 303)
    title = found.facts.title if found.facts else _("Document without a valid signature")
    return render_template("site/document_form.html", form=form, title=title, found=found)


@pages.route("/site/library/<document>/remove", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def remove(document: str) -> Response | str:
    """Remove a document, once somebody has confirmed it."""
    found = library.find_document(this_node(), document)

    def do() -> Response:
        library.remove_document(this_node(), document, actor())
        flash(_("The document is removed."))
        return redirect(url_for("site_library.index"), 303)

    about = found.facts.title if found.facts else _("Document without a valid signature")
    text = _("Links to it from elsewhere then lead nowhere. Who has it already keeps it.")
    back = url_for("site_library.change", document=document)
    return ask_first(do, _("Remove the document"), lambda: about, text, back)


def _languages() -> list[str]:
    """Return the languages that a document may be in."""
    names: Mapping[str, str] = Locale("en").languages
    return [code for code in names if len(code) == 2]


def _typed(found: Document) -> dict[str, str]:
    """Write what is said of a document as a form has it."""
    if found.facts is None:
        return {"language": choose_language()}
    facts = found.facts
    return {
        "title": facts.title,
        "language": facts.language,
        "topic": facts.topic,
        "licence": facts.licence,
        "review": facts.review.isoformat(),
    }
