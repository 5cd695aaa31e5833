"""The texts of the console, as translators get them.

`python -m node.web.console.texts` brings every `.po` file up to date with the templates and the code; what is
new then stands there without a translation, and a test fails until somebody has written it.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from babel.messages.catalog import Catalog

from node.web.console.base.languages import DOMAIN, LANGUAGES, TRANSLATED
from node.web.console.base.refusals import HERE
from node.web.texts import NODE, Found, make_catalog, texts_in_folder, texts_of_module, update_texts

# What pages show as it is written there: the errors of what they use, and the questions of the gate.
_SHOWN = (
    "domain/disclosure.py",
    "domain/edtf.py",
    "domain/gate.py",
    "domain/site/look.py",
    "adapters/site_folder.py",
    "adapters/tables",
    "runtime.py",
    "services/audit",
    "services/endings",
    "services/leads",
    "services/members/membership.py",
    "services/messages.py",
    "services/people",
    "services/disclosure",
    "services/moving",
    "services/register",
    "services/search",
    "services/site/library.py",
    "services/site/look.py",
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
    "NoDraft",
    "AlreadyLinked",
)
# Which arguments of a call are texts; of a table of answers it is what they mean.
_ARGUMENTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {**dict.fromkeys(_ERRORS, (0, 1)), "Question": (3, 4), "Finding": (3,), "sentence": (0,)}
)


def extract_texts() -> Catalog:
    """Return every text that a reader of the console may see."""
    return make_catalog(DOMAIN, _found())


def update_all() -> None:
    """Bring the file of every language up to date."""
    translated = {language: LANGUAGES[language] for language in TRANSLATED}
    update_texts(DOMAIN, extract_texts(), translated, "console")


def _found() -> Iterator[Found]:
    yield from texts_in_folder(NODE / "web" / "console")
    yield from texts_in_folder(NODE / "web" / "cases")
    yield from texts_of_module(NODE / "web" / "topics.py")
    for room in _SHOWN:
        for path in sorted((NODE / room).rglob("*.py")) or [NODE / room]:
            yield from ((path, line, text, [], None) for line, text in _shown_texts(path))


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
