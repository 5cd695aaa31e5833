"""The texts of the console, as translators get them.

`python -m node.web.console.texts` brings every `.po` file up to date with the templates and the code; what is
new then stands there without a translation, and a test fails until somebody has written it.
"""

import ast
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

from node.web.console.base.languages import DOMAIN, LANGUAGES, TRANSLATED
from node.web.console.base.refusals import HERE
from node.web.languages import FOLDER

_NODE = FOLDER.parent.parent
_PAGES, _CASES = _NODE / "web" / "console", _NODE / "web" / "cases"
_KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "lazy_ngettext": (1, 2)}
# What pages show as it is written there: the errors of what they use, and the questions of the gate.
_SHOWN = (
    "domain/disclosure.py",
    "domain/edtf.py",
    "domain/gate.py",
    "adapters/tables",
    "runtime.py",
    "services/audit",
    "services/endings",
    "services/leads",
    "services/members/membership.py",
    "services/messages.py",
    "services/people",
    "services/register",
    "services/spreadsheets",
    "services/standing.py",
    "services/status",
    "services/witnesses/evidence.py",
    "services/witnesses/witnessing.py",
    "store",
    "web/console/base/guard.py",
)
_ERRORS = (
    "NodeError",
    "NotFound",
    "NotAllowed",
    "Conflict",
    "InvalidInput",
    "PeerUnavailable",
    "TooOften",
    "NotAsApproved",
    "AlreadyLinked",
)
# Which arguments of a call are texts; of a table of answers it is what they mean.
_ARGUMENTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {**dict.fromkeys(_ERRORS, (0, 1)), "Question": (3, 4), "Finding": (3,), "sentence": (0,)}
)


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
    for path in [*sorted(_PAGES.rglob("*.py")), *sorted(_CASES.glob("*.py"))]:
        yield from _texts_of(path, "python", _KEYWORDS)
    for room in _SHOWN:
        for path in sorted((_NODE / room).rglob("*.py")) or [_NODE / room]:
            yield from ((path, line, text, [], None) for line, text in _shown_texts(path))


def _texts_of(
    path: Path, method: str, keywords: Any
) -> Iterator[tuple[Path, int, str | tuple[str, ...], list[str], str | None]]:
    options = {"trimmed": "true", "silent": "false"}
    with path.open("rb") as file:
        for line, text, comments, context in extract(method, file, keywords, ["Translators:"], options):
            yield path, line, text, comments, context


def _shown_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Give the texts among the arguments of calls, with their lines; but those that pages say otherwise."""
    tree = ast.parse(path.read_bytes())
    named = {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            for place in _ARGUMENTS.get(call.func.id, ()):
                for given in call.args[place : place + 1]:
                    value = named.get(given.id, given) if isinstance(given, ast.Name) else given
                    yield from ((given.lineno, text) for text in _strings(value) if text not in HERE)


def _strings(value: ast.expr) -> list[str]:
    """Return a text, or those of a table."""
    if isinstance(value, ast.Dict):
        return [text for item in value.values for text in _strings(item)]
    return [value.value] if isinstance(value, ast.Constant) and isinstance(value.value, str) else []


if __name__ == "__main__":
    update_all()
