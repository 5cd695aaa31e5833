"""The texts of an application, as translators get them: read out of templates and code, kept in `.po` files.

A translation is kept while its text is the same; what is new stands in the file without one, and a test fails
until somebody has written it.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

from node.web.languages import FOLDER, path_of

NODE = FOLDER.parent.parent
"""The folder of the program."""

Found = tuple[Path, int, str | tuple[str, ...], list[str], str | None]
"""A text: in which file and line, what it says, what translators are told of it, and its context."""

_KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_ngettext": (1, 2)}


def make_catalog(domain: str, found: Iterable[Found]) -> Catalog:
    """Put texts together."""
    catalog = Catalog(domain=domain, charset="utf-8")
    for path, line, text, comments, context in found:
        where = path.relative_to(NODE.parent).as_posix()
        catalog.add(text, None, [(where, line)], auto_comments=comments, context=context)
    return catalog


def read_texts(domain: str, language: str) -> Catalog:
    """Read the texts of a language; none where there is no file yet."""
    path = path_of(domain, language)
    if not path.exists():
        return Catalog(locale=language, domain=domain)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=domain)


def update_texts(domain: str, texts: Catalog, languages: Mapping[str, str], name: str) -> None:
    """Bring the files of some languages up to date.

    Args:
        name: what the application is called.
    """
    for language, own_name in languages.items():
        catalog = read_texts(domain, language)
        catalog.update(texts, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.fuzzy = False
        catalog.header_comment = f"# The {name}'s texts in {own_name}."
        written = io.BytesIO()
        write_po(written, catalog, width=0, include_lineno=False, sort_output=True)
        path = path_of(domain, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_without_chatter(written.getvalue()))


def texts_in_folder(folder: Path) -> Iterator[Found]:
    """Give the texts of every template and module in a folder."""
    for path in sorted(folder.rglob("*.html")):
        yield from _texts_of(path, "jinja2.ext:babel_extract", _KEYWORDS)
    for path in sorted(folder.rglob("*.py")):
        yield from texts_of_module(path)


def texts_of_module(path: Path) -> Iterator[Found]:
    """Give the texts of a module."""
    yield from _texts_of(path, "python", _KEYWORDS)


def _texts_of(path: Path, method: str, keywords: Any) -> Iterator[Found]:
    options = {"trimmed": "true", "silent": "false"}
    with path.open("rb") as file:
        for line, text, comments, context in extract(method, file, keywords, ["Translators:"], options):
            yield path, line, text, comments, context


def _without_chatter(written: bytes) -> bytes:
    """Leave off who wrote a file when: two people's changes would never merge."""
    kept = (b'"Language:', b'"Plural-Forms:', b'"MIME-Version:', b'"Content-T')
    head, blank, texts = written.partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if not line.startswith(b'"') or line.startswith(kept)]
    return b"\n".join(lines) + blank + texts
