"""The columns of a spreadsheet and the fields of a case: which there are, and which is most likely which.

Guarantees: a suggestion takes each column and each field once; whoever imports decides.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from node.domain.names.similarity import fold
from node.domain.spreadsheets.column_words import CODES, HEADERS

DATE_ORDERS = ("dmy", "mdy")
HEIGHTS = ("cm", "m", "in", "ft")
WEIGHTS = ("kg", "lb")

MAX_FIXED = 4_000
MAX_WORDS = 200
"""The most words of one column that are translated one by one; a column with more is no column of codes."""

_IN_BRACKETS = re.compile(r"[(\[].*?[)\]]")


@dataclass(frozen=True, slots=True)
class Target:
    """A field that a column can fill.

    Attributes:
        name: its path in a record, but for `age` and `marks`, and the texts, which get a language.
        kind: how its cells are read; see `node.domain.spreadsheets.conversion`.
        needed: whether a case cannot be without it; from a column, or the same for every row.
    """

    name: str
    kind: str
    needed: bool = False

    @property
    def codes(self) -> Sequence[str]:
        """The codes that it can have; none where it is no field of codes."""
        return tuple(CODES.get(self.name, ()))


def _targets() -> Iterable[Target]:
    kinds = {
        "line": "names.full names.given names.family names.alias last_seen.subdivision reference",
        "text": "last_seen.area last_seen.place circumstances! marks clothing narrative authority.name!",
        "prose": "notes",
        "code": "sex! category eyes.colour hair.colour hair.length build contacts.kind authority.kind! "
        "consent.basis! risk.level!",
        "codes": "consent.scope!",
        "birth": "birth!",
        "missing": "missing_since!",
        "moment": "risk.assessed_at! review_due! purge_by!",
        "day": "consent.date!",
        "age": "age",
        "height": "height",
        "weight": "weight",
        "number": "last_seen.lat last_seen.lon",
        "country": "last_seen.country!",
        "countries": "nationalities",
        "languages": "languages_spoken",
        "phone": "contacts.value!",
        "role": "consent.given_by_role risk.assessed_by_role!",
    }
    found = {
        name.rstrip("!"): Target(name.rstrip("!"), kind, name.endswith("!"))
        for kind, names in kinds.items()
        for name in names.split()
    }
    return [found[name] for name in HEADERS]


TARGETS: Mapping[str, Target] = MappingProxyType({target.name: target for target in _targets()})
"""Every field, in the order in which people want them."""

DATED = frozenset({"birth", "missing", "moment", "day"})
"""The kinds whose cells are dates."""

CHOSEN = frozenset({"code", "codes", "country", "countries", "languages"})
"""The kinds whose cells say one of a list, and nothing of their own."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What becomes of the columns of one file.

    Attributes:
        columns: by field, the number of its column from 0.
        fixed: by field, the value of every row that has none in its column; as it would stand in a cell.
        words: by field of codes, the code for each word that the program does not know, by its `fold`; an
            empty code leaves the field out.
        language: of the texts, BCP 47.
        dates: one of DATE_ORDERS; empty while nobody has said.
        height, weight: the unit of numbers that have none.
    """

    columns: Mapping[str, int] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    language: str = ""
    dates: str = ""
    height: str = "cm"
    weight: str = "kg"

    def to_json(self, headers: Sequence[str]) -> dict[str, Any]:
        """Write it so that it serves for another file with the same headers."""
        return {
            "columns": {
                headers[column]: name for name, column in self.columns.items() if column < len(headers)
            },
            "fixed": dict(self.fixed),
            "words": {name: dict(words) for name, words in self.words.items()},
            "language": self.language,
            "dates": self.dates,
            "height": self.height,
            "weight": self.weight,
        }

    def missing(self) -> list[str]:
        """Name the fields that no case can be without, and that neither a column nor a fixed value gives."""
        given = self.columns.keys() | self.fixed.keys()
        needed = [target.name for target in TARGETS.values() if target.needed and target.name not in given]
        if not given & {"names.full", "names.given", "names.family"}:
            needed.insert(0, "names.full")
        return needed


def parse_mapping(value: Any, headers: Sequence[str]) -> ColumnMapping:
    """Read what `ColumnMapping.to_json` wrote, for a file with these headers. Columns that the file has not,
    and whatever is not known, are left out."""
    value = value if isinstance(value, Mapping) else {}
    places = {key: place for place, key in reversed(list(enumerate(map(header_key, headers)))) if key}
    columns: dict[str, int] = {}
    for header, name in _texts(value.get("columns")).items():
        place = places.get(header_key(header))
        if name in TARGETS and place is not None and place not in columns.values():
            columns.setdefault(name, place)
    words = value.get("words")
    return ColumnMapping(
        columns,
        {name: text[:MAX_FIXED] for name, text in _texts(value.get("fixed")).items() if name in TARGETS},
        {
            name: {
                fold(word): code
                for word, code in list(_texts(translated).items())[:MAX_WORDS]
                if not code or code in CODES[name]
            }
            for name, translated in (words if isinstance(words, Mapping) else {}).items()
            if name in CODES
        },
        _choice(value.get("language"), (), ""),
        _choice(value.get("dates"), DATE_ORDERS, ""),
        _choice(value.get("height"), HEIGHTS, "cm"),
        _choice(value.get("weight"), WEIGHTS, "kg"),
    )


def suggest_columns(headers: Sequence[str]) -> dict[str, int]:
    """Say which column is most likely which field, by its header: first those that are written as expected,
    then those that contain such words."""
    found: dict[str, int] = {}
    keys = [header_key(header) for header in headers]
    for rule in (_whole, _within):
        for place, key in enumerate(keys):
            if key and place not in found.values():
                name = rule(key, found)
                if name:
                    found[name] = place
    return found


def find_code(name: str, text: str, chosen: Mapping[str, str]) -> str | None:
    """Return the code for a word; an empty one where it is to be left out, None where the word is not known.

    Args:
        name: the field.
        chosen: codes for further words, by their `fold`.
    """
    key = fold(text)
    if key in chosen:
        return chosen[key]
    return _codes_of(name).get(key)


def header_key(header: str) -> str:
    """Return what headers are compared by: their words without case, accents and what is in brackets."""
    return fold(_IN_BRACKETS.sub(" ", header).replace("_", " ")) or fold(header)


def _whole(key: str, taken: Collection[str]) -> str:
    return next((name for name, words in _header_words().items() if name not in taken and key in words), "")


def _within(key: str, taken: Collection[str]) -> str:
    framed = f" {key} "
    fitting = [
        (len(word), name)
        for name, words in _header_words().items()
        if name not in taken
        for word in words
        if len(word) > 2 and f" {word} " in framed
    ]
    return max(fitting, key=lambda found: found[0])[1] if fitting else ""


@cache
def _header_words() -> Mapping[str, frozenset[str]]:
    words = {}
    taken = set[str]()
    for name, text in HEADERS.items():
        own = {name, name.replace(".", " "), name.replace("_", " ").replace(".", " ")}
        keys = {header_key(word) for word in (*own, *text.split("|"))} - taken - {""}
        words[name] = frozenset(keys)
        taken |= keys
    return words


@cache
def _codes_of(name: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for code, words in CODES.get(name, {}).items():
        for word in (code, code.replace("_", " "), *words.split("|")):
            found.setdefault(fold(word), code)
    return found


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {key: text for key, text in value.items() if isinstance(key, str) and isinstance(text, str)}


def _choice(value: Any, allowed: Sequence[str], otherwise: str) -> str:
    text = value if isinstance(value, str) else ""
    return text if text in allowed or (not allowed and len(text) <= 35) else otherwise
