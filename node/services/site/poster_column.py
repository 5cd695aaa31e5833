"""What stands on a poster: its words in one language, and the pieces that all languages share.

Guarantees: nothing here is typst's; a text is only ever a text, with the language that it is in. Signs that
turn the direction of writing, and letters that no font has, are dealt with here.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anyascii import anyascii

from node.adapters.typesetting.fonts import covers, families
from node.domain.scripts import script_of
from protocol.signs import JOINERS, only_readable

_RIGHT_TO_LEFT = frozenset({"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Mand", "Samr", "Rohg"})
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its language, a BCP 47 tag; without one it is in the language of its column."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a column says of a picture: beneath it, and to those who do not see it."""

    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Column:
    """What a poster says in one language.

    Attributes:
        headline: one loud word.
        appeal: what it asks for, with the child's name.
        names: as this column's readers read them, the principal one first.
        facts: name and value, the most important first.
        brief: of these what a poster with few words has.
        story: what happened, with its heading; its text is empty where nothing is told.
        ask: stands before the numbers to call.
        warning: what not to do.
        scan: stands beside the code.
        small: who answers for the poster, and until when it holds.
        exercise: that no child on it is real; empty where they are.
        hours: when each contact answers, in their order.
    """

    language: str
    headline: str
    appeal: str
    names: Sequence[Text]
    facts: Sequence[tuple[str, Text]]
    brief: Sequence[tuple[str, Text]]
    story: tuple[str, Text]
    ask: str
    warning: str
    scan: str
    small: Sequence[str]
    exercise: str
    hours: Sequence[str]
    pictures: Sequence[Picture]


def is_writable(text: str) -> bool:
    """Tell whether the fonts have every letter of a text."""
    return all(covers(character) for character in clean(text) if not character.isspace())


def clean(text: str) -> str:
    """Leave off what no paper shows: signs that turn the direction of writing, and others without a shape."""
    kept = only_readable(unicodedata.normalize("NFC", text), "\n")
    return _LINES.sub("\n", _SPACES.sub(" ", kept)).strip()


def writable(text: str) -> str:
    """Return a text in characters that the fonts have: other letters in Latin ones, other signs left off."""
    return "".join(character if _fits(character) else _in_latin(character) for character in clean(text))


def in_latin(text: str) -> str:
    """Return a text in plain Latin letters, whatever it is written in."""
    return " ".join(anyascii(clean(text)).split())


def say(text: Text, language: str, *, plain: bool = False) -> dict[str, Any]:
    """Return a text as the templates take it.

    Args:
        language: of the column.
        plain: whether it is to be in Latin letters where it is of the case.
    """
    own = text.language if text.language not in ("", "und") else language
    script = script_of(own)
    return {
        "text": in_latin(text.text) if plain else writable(text.text),
        "lang": own.partition("-")[0],
        "script": script.lower(),
        "rtl": not plain and script in _RIGHT_TO_LEFT,
        "fonts": families(script),
    }


def _fits(character: str) -> bool:
    return character.isspace() or character in JOINERS or covers(character)


def _in_latin(character: str) -> str:
    return anyascii(character) if unicodedata.category(character)[0] in "LN" else ""
