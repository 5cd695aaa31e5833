"""Which signs people write with, in any script."""

from unicodedata import category

JOINERS = "\u200c\u200d"
"""Invisible, and part of how Persian and the Indic scripts are written."""


def is_readable(text: str) -> bool:
    """Tell whether a text is of what people write: also of joiners, and of every kind of space; not of what
    turns the direction of other text."""
    return all(sign.isprintable() or sign in JOINERS or category(sign) == "Zs" for sign in text)


def only_readable(text: str, keep: str = "") -> str:
    """Keep of a text the signs that are readable, and those of `keep`. Whatever else parts words, and every
    kind of space, becomes one; what is neither is left off."""
    return "".join(
        sign if sign in keep or sign in JOINERS or sign.isprintable() else " " * sign.isspace()
        for sign in text
    )
