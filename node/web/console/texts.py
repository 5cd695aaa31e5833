"""The texts of the console, as translators get them.

`python -m node.web.console.texts` brings every `.po` file up to date with the templates and the code; what is
new then stands there without a translation, and a test fails until somebody has written it.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

from node.web.console.base.languages import DOMAIN, FOLDER, LANGUAGES, TRANSLATED

_NODE = FOLDER.parent.parent
_PAGES = _NODE / "web" / "console"
_KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_ngettext": (1, 2)}
# Errors of these rooms are shown to people as they are, so their sentences are texts, too.
_ROOMS = ("services/leads", "services/people")
_NAMES = ("NotFound", "NotAllowed", "Conflict", "InvalidInput", "PeerUnavailable", "TooOften")
_ERRORS = dict.fromkeys(_NAMES)
# And of these with the next step, which stands in their second place.
_ROOMS_WITH_STEPS = ("services/spreadsheets", "adapters/tables")
_STEPS = dict.fromkeys(_NAMES, (2,))
_MARKED = {"sentence": None}


def extract_texts() -> Catalog:
    """Return every text that a reader of the console may see."""
    catalog = Catalog(domain=DOMAIN, charset="utf-8")
    for path, line, text, comments, context in _found():
        where = path.relative_to(_NODE.parent).as_posix()
        catalog.add(text, None, [(where, line)], auto_comments=comments, context=context)
    return catalog


def path_of(language: str) -> Path:
    """Return the file with the texts of a language."""
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_texts(language: str) -> Catalog:
    """Read the texts of a language; none where there is no file yet."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, domain=DOMAIN)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def update_all() -> None:
    """Bring the file of every language up to date. A translation is kept while its text is the same."""
    texts = extract_texts()
    for language in TRANSLATED:
        catalog = read_texts(language)
        catalog.update(texts, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.fuzzy = False
        catalog.header_comment = f"# The console's texts in {LANGUAGES[language]}."
        written = io.BytesIO()
        write_po(written, catalog, width=0, include_lineno=False, sort_output=True)
        path_of(language).parent.mkdir(parents=True, exist_ok=True)
        path_of(language).write_bytes(_without_chatter(written.getvalue()))


def _without_chatter(written: bytes) -> bytes:
    """Leave off who wrote a file when: two people's changes would never merge."""
    kept = (b'"Language:', b'"Plural-Forms:', b'"MIME-Version:', b'"Content-T')
    head, blank, texts = written.partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if not line.startswith(b'"') or line.startswith(kept)]
    return b"\n".join(lines) + blank + texts


def _found() -> Iterator[tuple[Path, int, str | tuple[str, ...], list[str], str | None]]:
    for path in sorted(_PAGES.rglob("*.html")):
        yield from _texts_of(path, "jinja2.ext:babel_extract", _KEYWORDS)
    for path in sorted(_PAGES.rglob("*.py")):
        yield from _texts_of(path, "python", _KEYWORDS)
    for room in _ROOMS:
        for path in sorted((_NODE / room).rglob("*.py")):
            yield from _texts_of(path, "python", _ERRORS)
    for room in _ROOMS_WITH_STEPS:
        for path in sorted((_NODE / room).rglob("*.py")):
            yield from _texts_of(path, "python", _ERRORS)
            yield from _texts_of(path, "python", _STEPS)
            yield from _texts_of(path, "python", _MARKED)


def _texts_of(
    path: Path, method: str, keywords: Any
) -> Iterator[tuple[Path, int, str | tuple[str, ...], list[str], str | None]]:
    options = {"trimmed": "true", "silent": "false"}
    with path.open("rb") as file:
        for line, text, comments, context in extract(method, file, keywords, ["Translators:"], options):
            yield path, line, text, comments, context


if __name__ == "__main__":
    update_all()
