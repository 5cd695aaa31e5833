"""What a member has made its site look like: its name, its logo, its colours and the names of its pages.

Guarantees: a change is seen at the next request, without a restart; what a member typed is only ever text.
"""

from typing import Any

from flask import Blueprint, Response, url_for
from werkzeug.exceptions import NotFound

from node.domain.site.look import Colours, Texts, say_in
from node.web.public.cards import name_publisher
from node.web.public.request import choose_language, this_look, this_node

pages = Blueprint("look", __name__)

FILE_SECONDS = 86_400
"""How long colours and logo may be kept: their addresses change when they do."""

_DARK_INK = "#17150f"


@pages.route("/static/<version>/colours.css")
def colours(version: str) -> Response:
    """Send the member's colours."""
    chosen = this_look().colours
    if chosen is None:
        raise NotFound
    return _file(write_colours(chosen).encode(), "text/css; charset=utf-8")


@pages.route("/static/<version>/logo.png")
def logo(version: str) -> Response:
    """Send the member's logo."""
    found = this_node().site_folder.logo()
    if not found.data:
        raise NotFound
    return _file(found.data, "image/png")


def describe_look() -> dict[str, Any]:
    """Give every template what a member has said of its site, in the reader's language where it can."""
    chosen, logo = this_look(), this_node().site_folder.logo()
    name, language = say_own(chosen.names)
    intro, intro_language = say_own(chosen.intro)
    return {
        "site_name": name or name_publisher(),
        "site_name_language": language,
        "intro": intro,
        "intro_language": intro_language,
        "colours": chosen.colours,
        "colours_url": _colours_url(chosen.colours) if chosen.colours else "",
        "logo_url": url_for("look.logo", version=logo.version) if logo.data else "",
        "own_pages": [_link(page.slug, page.titles) for page in chosen.pages],
    }


def say_own(texts: Texts) -> tuple[str, str]:
    """Return a text of the member's own, and the language that it is in."""
    return say_in(texts, choose_language())


def write_colours(chosen: Colours) -> str:
    """Write the style sheet of a member's colours."""
    light = f"--link: {chosen.light}; --main: {chosen.light};"
    dark = f"--link: {chosen.dark}; --main: {chosen.dark}; --on-main: {_DARK_INK};"
    printed = "@media print { :root { --link: #000; } }"
    scheme = "@media (prefers-color-scheme: dark)"
    return f":root {{ {light} }}\n{scheme} {{ :root {{ {dark} }} }}\n{printed}\n"


def _colours_url(chosen: Colours) -> str:
    return url_for("look.colours", version=f"{chosen.light}{chosen.dark}".replace("#", ""))


def _link(slug: str, titles: Texts) -> dict[str, str]:
    title, language = say_own(titles)
    return {"title": title, "language": language, "address": url_for("own_pages.show", slug=slug)}


def _file(data: bytes, kind: str) -> Response:
    response = Response(data, content_type=kind)
    response.headers["Cache-Control"] = f"public, max-age={FILE_SECONDS}"
    return response
