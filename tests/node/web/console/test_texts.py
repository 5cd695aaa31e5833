"""The console speaks every language wholly: no text is left untranslated, and none says something else."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.checkers import num_plurals

import node
from node.errors import NodeError
from node.web.console import app
from node.web.console.base.languages import DOMAIN, LANGUAGES, TRANSLATED
from node.web.console.base.refusals import HERE
from node.web.console.texts import extract_texts
from node.web.languages import load_texts, path_of
from node.web.texts import read_texts

MEND = "run `make texts` and translate what is new"

ROOT = Path(node.__file__).parent
PAGES = Path(app.__file__).parent
# What pages use of these raises nothing at them: of `serving` a class, of `pulling` what it does soon, and of
# the last two what `membership` asks them.
SILENT = {
    "services/serving.py",
    "services/following/pulling.py",
    "services/members/keys.py",
    "services/members/succession.py",
}


@cache
def texts() -> Catalog:
    """Give every text of the console; to read them out of all templates and modules takes two seconds."""
    return extract_texts()


def imported_from(path: Path, *rooms: str) -> set[Path]:
    """Give the modules of some rooms that a module imports."""
    found = set()
    for statement in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(rooms):
            base = ROOT.parent / (statement.module or "").replace(".", "/")
            names = [base / f"{alias.name}.py" for alias in statement.names]
            found |= {place for place in (base.with_suffix(".py"), *names) if place.is_file()}
    return found


@cache
def used_by_pages() -> set[Path]:
    """Give the modules that pages use, and what those use of their own room and of the store."""
    waiting = {
        used for page in PAGES.rglob("*.py") for used in imported_from(page, "node.services", "node.store")
    }
    found = set[Path]()
    while waiting:
        path = waiting.pop()
        if path.relative_to(ROOT).as_posix() not in SILENT:
            found.add(path)
            room = ".".join(path.relative_to(ROOT.parent).parent.parts)
            waiting |= imported_from(path, room, "node.store") - found
    return found


def names_of_errors(kind: type[NodeError] = NodeError) -> set[str]:
    return {kind.__name__}.union(*(names_of_errors(below) for below in kind.__subclasses__()))


def raised_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Give every message and next step of the errors that a module makes, with its place."""
    tree = ast.parse(path.read_bytes())
    errors = names_of_errors() - {"Refused"}  # of the identity provider: pages say it by its reason
    named = {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in errors:
            for given in call.args[:2]:
                value = named.get(given.id, given) if isinstance(given, ast.Name) else given
                where = f"{path.relative_to(ROOT)}:{given.lineno}"
                assert isinstance(value, ast.Constant), f"{where}: not one text, which cannot be translated"
                yield where, str(value.value)


def strings_of(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\([a-z]+\)[sd]", text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    wanted = {(message.id, message.context) for message in texts() if message.id}
    catalog = read_texts(DOMAIN, language)
    present = {(message.id, message.context): message for message in catalog if message.id}
    assert present.keys() == wanted, MEND
    missing = [message.id for message in present.values() if not all(strings_of(message))]
    assert missing == [], MEND
    assert [message.id for message in present.values() if message.fuzzy] == [], MEND
    assert not catalog.obsolete, MEND


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_places_and_the_plurals_of_its_text(language: str) -> None:
    catalog = read_texts(DOMAIN, language)
    for message in catalog:
        if not message.id:
            continue
        num_plurals(catalog, message)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = strings_of(message)
        allowed = set().union(*(placeholders(item) for item in ids))
        for text in strings:
            found = placeholders(text)
            # "two minutes" is one word in some languages, and needs no number.
            assert found <= allowed if len(ids) > 1 else found == allowed, (language, text)


def test_a_text_is_found_in_every_language() -> None:
    found = {language: load_texts(DOMAIN, language).ugettext("Due today") for language in LANGUAGES}
    assert found["en"] == "Due today"
    assert len(set(found.values())) == len(LANGUAGES)
    assert (
        load_texts(DOMAIN, "ru")
        .ungettext(
            "There were too many attempts. Wait %(num)d minute.",
            "There were too many attempts. Wait %(num)d minutes.",
            3,
        )
        .endswith("%(num)d минуты.")
    )
    assert path_of(DOMAIN, "ar").is_file()


def test_every_error_that_reaches_a_page_can_be_said_in_every_language() -> None:
    known, used = {*HERE, "", *(message.id for message in texts())}, used_by_pages()
    assert {"cases.py", "gate.py", "inbox.py", "sign_in.py", "evidence.py"} <= {path.name for path in used}
    said = [item for path in used for item in raised_texts(path)]
    assert len(said) > 200
    assert [item for item in said if item[1] not in known] == [], "add it to _SHOWN of texts.py"


def test_what_the_console_says_in_the_place_of_a_command_is_said_of_an_error() -> None:
    raised = {text for path in {*used_by_pages(), ROOT / "runtime.py"} for _, text in raised_texts(path)}
    assert HERE.keys() - raised == set()
