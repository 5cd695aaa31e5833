"""Searches that somebody keeps under a name: of the register, and over the federation.

Guarantees: neither what is looked for nor the name of a search stands in an address; opening one is a search
like any other: it counts, it is in the journal, and what needs a purpose asks for one.
"""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput, NotFound
from node.services.search import saved
from node.services.search.saved import FEDERATION, MAX_NAME, REGISTER, Asked, SavedSearch
from node.web.console.base.forms import Form, ask_first
from node.web.console.base.guard import needs, person, this_node
from node.web.console.cases.register import FILTERS, WORDS, address_of_register, say_narrowed, show_found
from node.web.console.foreign.search import SearchForm, begin_search, find_search
from node.web.writing import line

pages = Blueprint("saved", __name__)

_SAVED = "/searches/<saved_id>"


class NameForm(Form):
    """What a search is called."""

    title = StringField(
        lazy_gettext("Name of the search"),
        [
            DataRequired(lazy_gettext("Give the search a name.")),
            Length(1, MAX_NAME, lazy_gettext("Use at most %(max)d characters.")),
        ],
        filters=[line],
        render_kw={"autocomplete": "off", "maxlength": MAX_NAME},
    )


@pages.route("/searches")
@needs(Permission.SEARCH)
def index() -> str:
    """List what its reader keeps."""
    shown = [(found, _say(found)) for found in saved.list_saved(this_node(), person())]
    return render_template("foreign/saved.html", shown=shown, form=Form(formdata=None), most=saved.MAX_SAVED)


@pages.route("/search/<search_id>/save", methods=["POST"])
@needs(Permission.SEARCH)
def keep_search(search_id: str) -> Response:
    """Keep a search over the federation, whose results are open."""
    asked, back = find_search(search_id), url_for("search.results", search_id=search_id)
    if asked is None:
        flash(_("What you searched for is kept for an hour. Please search again."), "warning")
        return redirect(url_for("search.index"), 303)
    return _keep(FEDERATION, asked, back)


@pages.route("/cases/save", methods=["POST"])
@needs(Permission.SEE_CASES)
def keep_register() -> Response:
    """Keep what the register is narrowed by."""
    asked = [(name, request.form.get(name, "").strip()) for name in (*FILTERS, *WORDS)]
    asked = [(name, value) for name, value in asked if value]
    return _keep(REGISTER, asked, address_of_register(dict(asked)))


@pages.route(f"{_SAVED}/open", methods=["POST"])
@needs(Permission.SEARCH)
def reopen(saved_id: str) -> Response | str:
    """Search anew for what is kept."""
    found = _find(saved_id)
    if found is None or not Form().validate_on_submit():
        return redirect(url_for(".index"), 303)
    asked = dict(found.asked)
    if found.over == FEDERATION:
        return redirect(begin_search(found.asked), 303)
    if not person().may(Permission.SEE_CASES):
        abort(403)
    if any(name in asked for name in WORDS):
        return show_found(*(asked.get(name, "") for name in WORDS))
    return redirect(address_of_register(asked), 303)


@pages.route(f"{_SAVED}/rename", methods=["GET", "POST"])
@needs(Permission.SEARCH)
def rename(saved_id: str) -> Response | str:
    """Give a search another name."""
    found = _find(saved_id)
    if found is None:
        return redirect(url_for(".index"), 303)
    form = NameForm(data={"title": found.name})
    if form.validate_on_submit():
        saved.rename(this_node(), person(), saved_id, form.title.data)
        flash(_("The search has its new name."))
        return redirect(url_for(".index"), 303)
    return render_template("foreign/rename.html", form=form, about=found.name)


@pages.route(f"{_SAVED}/delete", methods=["GET", "POST"])
@needs(Permission.SEARCH)
def delete(saved_id: str) -> Response | str:
    """Forget a search."""
    found, back = _find(saved_id), url_for(".index")
    if found is None:
        return redirect(back, 303)

    def drop() -> Response:
        saved.delete(this_node(), person(), saved_id)
        flash(_("The search is deleted."))
        return redirect(back, 303)

    text = _("Only what you looked for is deleted, no case.")
    return ask_first(drop, _("Delete the search"), lambda: found.name, text, back)


def _keep(over: str, asked: Asked, back: str) -> Response:
    form = NameForm()
    if not form.validate_on_submit():
        flash(" ".join(str(text) for text in form.title.errors) or _("Give the search a name."), "error")
        return redirect(back, 303)
    try:
        saved.save(this_node(), person(), form.title.data, over, asked)
    except Conflict:
        flash(_("You keep as many searches as can be kept. Delete some of them."), "error")
        return redirect(url_for(".index"), 303)
    except InvalidInput:
        flash(_("This search cannot be kept. Look for less."), "error")
        return redirect(back, 303)
    flash(_("The search is kept, for you alone."))
    return redirect(url_for(".index"), 303)


def _find(saved_id: str) -> SavedSearch | None:
    try:
        return saved.find_saved(this_node(), person(), saved_id)
    except NotFound:
        flash(_("There is no such search of yours here. It may be deleted."), "warning")
        return None


def _say(found: SavedSearch) -> list[tuple[Any, Any]]:
    """Say what a search narrows by."""
    if found.over == FEDERATION:
        return list(SearchForm(MultiDict(list(found.asked))).shown())
    return say_narrowed(dict(found.asked))
