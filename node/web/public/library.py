"""The library: documents to take away, each with what the member has signed of it.

Guarantees: a document is sent as a file to keep and never opened as a page of this site, and only while what
stands beside it verifies.
"""

from babel import Locale, UnknownLocaleError
from flask import Blueprint, Response, render_template
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from node.services.site.library import (
    MEDIA_TYPES,
    Document,
    Facts,
    find_document,
    list_shown,
    read_shown_document,
)
from node.web.cases.text import show_language
from node.web.languages import show_number
from node.web.public.cards import today
from node.web.public.request import choose_language, this_node
from node.web.topics import TOPICS

pages = Blueprint("library", __name__)

DOCUMENT_SECONDS = 300


@pages.route("/<language:language>/library")
def index() -> str:
    """List the documents, those in the reader's language first."""
    reader, groups = choose_language(), dict[str, list[tuple[Document, Facts]]]()
    for document, facts in list_shown(this_node()):
        groups.setdefault(facts.language, []).append((document, facts))
    order = list(TOPICS)
    for group in groups.values():
        group.sort(key=lambda item: order.index(item[1].topic) if item[1].topic in order else len(order))
    languages = sorted(groups, key=lambda code: (code.partition("-")[0] != reader, show_language(code)))
    return render_template(
        "library.html",
        groups=[(code, show_language(code), groups[code]) for code in languages],
        topics=TOPICS,
        today=today(),
        show_size=show_size,
        direction_of=direction_of,
    )


@pages.route("/library/<sha256>.<any(pdf, txt):kind>")
def document(sha256: str, kind: str) -> Response:
    """Send a document."""
    found, data = read_shown_document(this_node(), sha256)
    if found.filed.kind != kind or found.facts is None:
        raise NotFound
    return _attachment(data, MEDIA_TYPES[found.filed.kind], f"{found.facts.title[:80]}.{kind}")


@pages.route("/library/<sha256>.jws")
def statement(sha256: str) -> Response:
    """Send what the member has signed of a document."""
    found = find_document(this_node(), sha256)
    if found.facts is None:
        raise NotFound
    return _attachment(found.filed.statement.encode(), "application/jose", f"{found.facts.title[:80]}.jws")


def show_size(size: int) -> str:
    """Write how large a file is, as the reader does."""
    if size < 1_000_000:
        return str(_("%(number)s kB", number=show_number(max(1, round(size / 1000)))))
    return str(_("%(number)s MB", number=show_number(round(size / 1_000_000, 1))))


def direction_of(language: str) -> str:
    """Return the direction that a language is written in."""
    try:
        return str(Locale(language.partition("-")[0]).text_direction)
    except (UnknownLocaleError, ValueError):
        return "auto"


def _attachment(data: bytes, kind: str, name: str) -> Response:
    safe = "".join(" " if letter in '/\\:*?"<>|' else letter for letter in name)
    response = Response(data, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=safe)
    response.headers["Cache-Control"] = f"public, max-age={DOCUMENT_SECONDS}, must-revalidate"
    return response
