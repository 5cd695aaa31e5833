"""What people type, made into texts that letters and purposes take.

Guarantees: whatever a browser or another program put between the letters, a text that passed here can be
printed.
"""

import unicodedata

from node.domain.signs import JOINERS


def prose(text: str | None) -> str:
    """Keep of a text of several lines what can be printed, and what joins and parts letters; used as a filter
    of fields."""
    return "\n".join(_kept(part, JOINERS) for part in (text or "").splitlines()).strip()


def line(text: str | None) -> str:
    """Keep of a text of one line what can be printed; used as a filter of fields."""
    return _kept(text or "", "")


def _kept(text: str, besides: str) -> str:
    return "".join(letter if letter in besides else _printable(letter) for letter in text).strip()


def _printable(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if unicodedata.category(letter)[0] == "Z" or letter.isspace() else ""
