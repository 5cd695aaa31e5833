"""Searching: the first page, and what was found.

Guarantees: a name, words and a place stand in no address; they come by POST and are kept nowhere. What can
stand in an address leads to one that can be kept, sent on and cached.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from node.errors import InvalidInput
from node.services.site import showing
from node.services.site.showing import SiteQuery
from node.web.cases.text import show_country
from node.web.cases.words import CATEGORIES, SEXES
from node.web.public.allowance import spending
from node.web.public.cards import PAGE_SIZE, Page, make_page
from node.web.public.kept import render_about
from node.web.public.lists import page_number
from node.web.public.request import this_node
from protocol.signs import is_readable

pages = Blueprint("search", __name__, url_prefix="/<language:language>")

MAX_WORDS = 100
"""Characters of a name, of words or of a place."""

MAX_AGE = 120
SPANS = (1, 2, 5, 10)
"""Within how many years a child went missing, to choose from."""

_WORDS = ("name", "text", "place")
_CODES = ("country", "sex", "years", "category")
_AGES = ("age_min", "age_max")
IN_ADDRESSES = (*_CODES, *_AGES)
"""What may stand in the address of results."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for.

    Attributes:
        typed: what was filled in, by field; nothing else is here.
        problems: what is wrong with it, by field.
    """

    typed: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> bool:
        """Whether there is something in it that stands in no address."""
        return any(name in self.typed for name in _WORDS)

    @property
    def more(self) -> bool:
        """Whether there is something in it that the short form does not ask for."""
        return any(name in self.typed for name in ("text", "place", "category", *_AGES))

    def query(self, number: int) -> SiteQuery:
        """Return the question, for one page of what is found."""
        typed = dict(self.typed)
        asked: dict[str, Any] = {
            name: typed[name] for name in ("name", "text", "place", "country", "category") if name in typed
        }
        asked |= {name: int(typed[name]) for name in ("sex", *_AGES) if name in typed}
        if "years" in typed:
            asked["missing_within_years"] = int(typed["years"])
        return SiteQuery(limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE, **asked)


@pages.route("/")
def start() -> bytes:
    """Ask what is looked for, and show who went missing last."""
    found, _total = showing.find_children(this_node(), SiteQuery(limit=PAGE_SIZE // 2))
    return render_about(found, "start.html", lambda: _form(Asked(), make_page(found, 1, 0)))


@pages.route("/search", methods=["GET", "POST"])
def results() -> Response | bytes:
    """Show what was found."""
    posted = request.method == "POST"
    asked = read_asked(request.form if posted else request.args, words=posted)
    if asked.problems:
        if not posted:
            raise BadRequest
        return make_response(render_template("search.html", **_form(asked, None)), 400)
    number = page_number((request.form if posted else request.args).get("page", "1"))
    if posted and not asked.words:
        typed: dict[str, Any] = dict(asked.typed)
        return redirect(url_for("search.results", **typed), 303)
    with spending() if posted else nullcontext():
        found, total = showing.find_children(this_node(), asked.query(number))
    return render_about(found, "search.html", lambda: _form(asked, make_page(found, number, total)), total)


def read_asked(sent: Mapping[str, str], *, words: bool) -> Asked:
    """Read what was filled in.

    Args:
        words: whether a name, words and a place may be asked for.
    """
    names = (*_WORDS, *IN_ADDRESSES) if words else IN_ADDRESSES
    typed = {name: text for name in names if (text := " ".join(sent.get(name, "").split()))}
    problems: dict[str, str] = {}
    for name in _WORDS:
        if len(typed.get(name, "")) > MAX_WORDS:
            problems[name] = _("Use at most %(most)s characters.", most=MAX_WORDS)
            typed[name] = typed[name][:MAX_WORDS]
        elif not is_readable(typed.get(name, "")):
            problems[name] = _("Use letters and digits only.")
    allowed = {
        "country": countries(),
        "sex": {str(code) for code in SEXES},
        "years": {str(span) for span in SPANS},
        "category": CATEGORIES,
    }
    for name, codes in allowed.items():
        if name in typed and typed[name] not in codes:
            problems[name] = _("Choose one of the list.")
    for name in _AGES:
        if name in typed and not _is_age(typed[name]):
            problems[name] = _("Give a number from %(least)s to %(most)s.", least=0, most=MAX_AGE)
    if not problems and set(_AGES) <= typed.keys() and int(typed["age_min"]) > int(typed["age_max"]):
        problems["age_max"] = _("This is less than the age from which you search.")
    asked = Asked(typed, problems)
    if not problems:
        try:
            asked.query(1)
        except InvalidInput:
            problems["place"] = _("Give something else, too: a name, a country or an age.")
    return asked


def countries() -> dict[str, str]:
    """Return the countries of the network's members, each with its name, in the order of their names."""
    codes = {member.country for member in this_node().network().roster.members}
    return {code: name for name, code in sorted((show_country(code), code) for code in codes)}


def _is_age(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_AGE


def _form(asked: Asked, page: Page | None) -> dict[str, Any]:
    return {
        "asked": asked,
        "page": page,
        "countries": countries(),
        "sexes": {str(code): SEXES[code] for code in (2, 1)},
        "spans": SPANS,
        "categories": CATEGORIES,
        "max_words": MAX_WORDS,
        "max_age": MAX_AGE,
    }
