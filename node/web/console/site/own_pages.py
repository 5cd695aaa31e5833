"""The member's own pages on the public site: one text a language, with a preview of what readers see."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields import Field
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from node.domain.permissions import Permission
from node.domain.site.look import LANGUAGES, MAX_LINE, MAX_TEXT, OwnPage, is_slug, say_in
from node.domain.site.prose import parse_prose
from node.errors import Conflict, InvalidInput
from node.services.site import look
from node.web.cases.text import show_language
from node.web.console.base.forms import Form, ask_first
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.base.languages import choose_language
from node.web.console.base.refusals import say_refusal
from node.web.console.site.look import MAX, REFUSED
from node.web.writing import line, prose

pages = Blueprint("site_pages", __name__)


class TextForm(Form):
    """A page in one language."""

    title = StringField(
        lazy_gettext("Title"),
        [DataRequired(lazy_gettext("Write something.")), Length(1, MAX_LINE, MAX)],
        filters=[line],
    )
    text = TextAreaField(
        lazy_gettext("Text"),
        [DataRequired(lazy_gettext("Write something.")), Length(1, MAX_TEXT, MAX)],
        description=lazy_gettext(
            "An empty line begins a new paragraph. “# ” at the front of a line makes a heading, “- ” an "
            "item of a list. A link: [what is shown](https://police.example/). It begins with https, tel "
            "or mailto."
        ),
        filters=[prose],
        render_kw={"rows": 12},
    )


class PageForm(TextForm):
    """A new page."""

    slug = StringField(
        lazy_gettext("Name in the address"),
        [DataRequired(lazy_gettext("Write something."))],
        description=lazy_gettext("Small letters a to z, digits and hyphens, such as: about-us"),
        filters=[line, str.lower],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    language = SelectField(lazy_gettext("Language"), [DataRequired(lazy_gettext("Choose one."))])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.language.choices = [SelectChoice(code, show_language(code)) for code in LANGUAGES]

    def validate_slug(self, field: Field) -> None:
        """Refuse what would lead elsewhere."""
        if not is_slug(field.data):
            raise ValidationError(_("Use small letters a to z, digits and single hyphens, at most 40."))


@pages.route("/site/pages")
@needs(Permission.RUN_SITE)
def index() -> str:
    """List the pages."""
    found = [
        (page, say_in(page.titles, choose_language())[0]) for page in this_node().site_folder.look().pages
    ]
    return render_template("site/pages.html", pages=found)


@pages.route("/site/pages/new", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def add() -> Response | str:
    """Write a new page."""
    form = PageForm(data={"language": choose_language()})
    if form.validate_on_submit():
        language = form.language.data
        page = OwnPage(form.slug.data, {language: form.title.data}, {language: form.text.data})
        try:
            look.set_page(this_node(), page, actor())
        except Conflict as error:
            form.slug.errors = [say_refusal(error)]
        except InvalidInput:
            form.text.errors = [REFUSED]
        else:
            return _saved(page.slug)
    return render_template(
        "site/page_form.html", form=form, title=_("New page"), back=url_for("site_pages.index")
    )


@pages.route("/site/pages/<slug>")
@needs(Permission.RUN_SITE)
def show(slug: str) -> str:
    """Show a page as readers see it, in each language."""
    page = look.find_page(this_node().site_folder.look(), slug)
    written = [
        (language, show_language(language), page.titles[language], parse_prose(page.texts[language]))
        for language in page.titles
    ]
    missing = [(language, show_language(language)) for language in LANGUAGES if language not in page.titles]
    title = say_in(page.titles, choose_language())[0]
    return render_template("site/page.html", page=page, title=title, written=written, missing=missing)


@pages.route("/site/pages/<slug>/<language>", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def change(slug: str, language: str) -> Response | str:
    """Change a page in one language, or translate it into another one."""
    page = look.find_page(this_node().site_folder.look(), slug)
    if language not in LANGUAGES:
        raise NotFound
    form = TextForm(data={"title": page.titles.get(language, ""), "text": page.texts.get(language, "")})
    if form.validate_on_submit():
        titles, texts = {**page.titles, language: form.title.data}, {**page.texts, language: form.text.data}
        try:
            look.set_page(this_node(), OwnPage(slug, titles, texts), actor(), slug)
        except InvalidInput:
            form.text.errors = [REFUSED]
        else:
            return _saved(slug)
    back = url_for("site_pages.show", slug=slug)
    return render_template("site/page_form.html", form=form, title=show_language(language), back=back)


@pages.route("/site/pages/<slug>/remove", methods=["GET", "POST"])
@needs(Permission.RUN_SITE)
def remove(slug: str) -> Response | str:
    """Remove a page, once somebody has confirmed it."""
    page = look.find_page(this_node().site_folder.look(), slug)

    def do() -> Response:
        look.remove_page(this_node(), slug, actor())
        flash(_("The page is removed."))
        return redirect(url_for("site_pages.index"), 303)

    text = _("It goes in every language. Links to it from elsewhere then lead nowhere.")
    title = say_in(page.titles, choose_language())[0]
    return ask_first(do, _("Remove the page"), lambda: title, text, url_for("site_pages.show", slug=slug))


def _saved(slug: str) -> Response:
    flash(_("The site is changed. Readers see it within a minute."))
    return redirect(url_for("site_pages.show", slug=slug), 303)
