"""The scripts of languages and of texts, as ISO 15924 names them."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from babel.core import get_global

_LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "LATIN": "Latn", "CYRILLIC": "Cyrl", "ARABIC": "Arab", "GREEK": "Grek", "HEBREW": "Hebr",
        "DEVANAGARI": "Deva", "BENGALI": "Beng", "THAI": "Thai", "HANGUL": "Hang", "ARMENIAN": "Armn",
        "GEORGIAN": "Geor", "ETHIOPIC": "Ethi", "TAMIL": "Taml", "CJK": "Hani", "HIRAGANA": "Hira",
        "KATAKANA": "Kana", "KATAKANA-HIRAGANA": "Kana",
    }
)  # fmt: skip
"""The first word of Unicode's names of letters."""

_PARTS: Mapping[str, Sequence[str]] = MappingProxyType(
    {"Jpan": ("Hani", "Hira", "Kana", "Hrkt"), "Kore": ("Hang",), "Hans": ("Hani",), "Hant": ("Hani",)}
)
"""Scripts whose readers read others, too."""


def script_of(language: str) -> str:
    """Return the script that a language is written in.

    Args:
        language: as a BCP 47 tag.
    """
    parts = language.split("-")
    for part in parts[1:]:
        if len(part) == 4 and part.isalpha():
            return part.title()
    likely: Mapping[str, str] = get_global("likely_subtags")
    names = ("_".join(parts), parts[0])
    full = next((likely[name] for name in names if name in likely), "und_Latn_ZZ")
    return full.split("_")[1]


def scripts_in(text: str) -> set[str]:
    """Return the scripts of the letters of a text, with an empty one for letters of any that is not known."""
    words = {unicodedata.name(sign, "").partition(" ")[0] for sign in text if sign.isalpha()}
    return {_LETTERS.get(word, "") for word in words}


def reads(script: str, others: Collection[str]) -> bool:
    """Tell whether who reads one script reads all of others."""
    return all(other == script or other in _PARTS.get(script, ()) for other in others)
