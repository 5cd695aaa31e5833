"""The site's texts: a language is offered once it says everything, and nothing is asked of translators that
no reader of the site can see."""

import re

from babel.messages.catalog import Message
from babel.messages.checkers import num_plurals

from node.web.console.base.languages import LANGUAGES as OF_THE_CONSOLE
from node.web.languages import path_of
from node.web.public.request import DOMAIN, LANGUAGES
from node.web.public.texts import extract_texts, words_of_public
from node.web.texts import read_texts

MEND = "run `make texts` and translate what is new"
BEGUN = [language for language in LANGUAGES if path_of(DOMAIN, language).is_file()]


def ids(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple) else (message.id,)


def strings(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def test_a_language_that_is_offered_says_everything() -> None:
    texts = extract_texts()
    for language in BEGUN:
        catalog = read_texts(DOMAIN, language)
        for message in texts:
            found = catalog.get(message.id)
            assert not message.id or (found and all(strings(found))), (language, message.id, MEND)


def test_a_translation_has_the_places_and_the_plurals_of_its_text() -> None:
    for language in BEGUN:
        catalog = read_texts(DOMAIN, language)
        for message in filter(lambda message: message.id, catalog):
            num_plurals(catalog, message)
            allowed = places_in(ids(message)[-1])
            for text in strings(message):
                found, several = places_in(text), len(ids(message)) > 1
                assert found <= allowed if several else found == allowed, (language, message.id)


def places_in(text: str) -> set[str]:
    return set(re.findall(r"%\([a-z]+\)[sd]|</?[a-z]+>", text))


def test_the_words_of_closed_parts_are_asked_of_nobody() -> None:
    asked = {text for message in extract_texts() for text in ids(message)}
    assert {"Missing since", "scar", "Taken by family", "I have seen this child"} <= asked
    assert not {"Police file number", "epilepsy", "forced marriage", "Vehicles", "Legal basis"} & asked
    assert {"marks", "tattoo", "runaway"} <= words_of_public()
    assert not {"vehicles", "risk", "epilepsy", "hague_states"} & words_of_public()


def test_a_language_has_one_name() -> None:
    assert OF_THE_CONSOLE.items() <= LANGUAGES.items()
