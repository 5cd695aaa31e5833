"""The console speaks every language wholly: no text is left untranslated, and none says something else."""

import re

import pytest
from babel.messages.catalog import Message
from babel.messages.checkers import num_plurals

from node.web.console.base.languages import LANGUAGES, TRANSLATED, load_texts
from node.web.console.texts import extract_texts, path_of, read_texts

MEND = "run `make texts` and translate what is new"


def strings_of(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\([a-z]+\)[sd]", text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    wanted = {(message.id, message.context) for message in extract_texts() if message.id}
    catalog = read_texts(language)
    present = {(message.id, message.context): message for message in catalog if message.id}
    assert present.keys() == wanted, MEND
    missing = [message.id for message in present.values() if not all(strings_of(message))]
    assert missing == [], MEND
    assert [message.id for message in present.values() if message.fuzzy] == [], MEND
    assert not catalog.obsolete, MEND


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_places_and_the_plurals_of_its_text(language: str) -> None:
    catalog = read_texts(language)
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
    found = {language: load_texts(language).ugettext("Due today") for language in LANGUAGES}
    assert found["en"] == "Due today"
    assert len(set(found.values())) == len(LANGUAGES)
    assert (
        load_texts("ru")
        .ungettext(
            "There were too many attempts. Wait %(num)d minute.",
            "There were too many attempts. Wait %(num)d minutes.",
            3,
        )
        .endswith("%(num)d минуты.")
    )
    assert path_of("ar").is_file()
