"""What stands around every page: its head, the ways to other pages and languages, and its foot.

Guarantees: it is the same for many pages and written for the first of them; what differs from one of these to
the next is put where the template left room for it, and nothing that a member or a reader wrote can make such
room.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import g, render_template, request, url_for
from flask_babel import lazy_gettext
from markupsafe import Markup, escape

from node.web.public import search, widgets
from node.web.public.kept import keep
from node.web.public.request import choose_language, offered, whole_address

SECTIONS = (
    ("search.start", lazy_gettext("Search")),
    ("lists.newest", lazy_gettext("Newest")),
    ("lists.alerts", lazy_gettext("Alerts")),
    ("lists.long_term", lazy_gettext("Missing for long")),
    ("lists.countries", lazy_gettext("Countries")),
)
"""The lists that every page leads to."""

# Room for a block of the page, and for its address behind the language: nothing else in the template has "<"
# where it is not the program's own, since all that is put into it is escaped.
_ROOM: Mapping[str, Any] = MappingProxyType({"block": Markup("<block>"), "rest": Markup("<rest>")})

# In one order in every process: the address of a page, and its ETag, are the same whichever answers.
_KEPT = tuple(dict.fromkeys(("page", *search.IN_ADDRESSES, *widgets.IN_ADDRESSES)))


def surround(country: str | None) -> list[Markup]:
    """Return what stands before, between and behind the blocks of the page that is written.

    Args:
        country: the one whose children the page lists.
    """
    rest = _rest_of_address()
    languages = () if rest is None else tuple(offered())

    def write() -> bytes:
        values = {"country": country, "sections": SECTIONS, "others": languages}
        return render_template("shell.html", **values, **_ROOM).encode()

    key = ("shell.html", whole_address("/"), choose_language(), request.endpoint, country, languages)
    filled = keep(key, write).decode().replace(_ROOM["rest"], escape(rest or ""))
    return [Markup(part) for part in filled.split(_ROOM["block"])]  # noqa: S704 - as Jinja wrote it


def _rest_of_address() -> str | None:
    """Return the address of the page behind its language; None of what has no pages in others."""
    if request.method != "GET" or request.endpoint is None or "language" not in g:
        return None
    here = {
        **(request.view_args or {}),
        **{name: request.args[name] for name in _KEPT if name in request.args},
    }
    return url_for(request.endpoint, **here, language=g.language).removeprefix(f"/{g.language}")
