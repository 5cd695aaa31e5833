"""What differs between what peers have of a case and what would leave the house now.

Guarantees: two contents have one digest exactly when nothing in them differs, in whatever order their fields
stand; `adds_nothing` says yes only where everything that would leave has left already, and to as many.
Where both come from is left to others: `disclosure` makes the one, a published document is the other.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Parts = Mapping[str, Mapping[str, Any]]
"""Content by part: "head" (what the owner decides of it), "public", "network", "police"; without salts."""

ADDED, CHANGED, REMOVED, SAME = "added", "changed", "removed", "same"

RESTRICTING: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("allowed_uses", "expires_at", "licence", "rights_holder", "taken", "age_depicted"), "renditions"
        ),
        "radius_m": "lat",
        "until": "",
        "confidence": "",
        "kind": "",
        "role": "",
        "origin": "",
        "transliteration_of": "",
        "measured_on": "",
        "withdrawn_at": "",
    }
)
"""Members of an object that narrow what another member of it says, or all of it where that has no name here:
without them it would say more, or something else, and so they are not taken out alone."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one part, beside what peers have.

    Attributes:
        change: ADDED, CHANGED, REMOVED or SAME.
        before, after: the values; None on the side where the field is not.
    """

    part: str
    field: str
    change: str
    before: Any
    after: Any


def compare(before: Parts, after: Parts) -> list[FieldChange]:
    """Set content beside what there was before, field by field; those that go end each part."""
    return [
        change
        for name in dict.fromkeys([*after, *before])
        for change in _compare_part(name, before.get(name, {}), after.get(name, {}))
    ]


def adds_nothing(before: Parts, after: Parts) -> bool:
    """Tell whether nothing would leave that has not left already: all of it is there, or less of it."""
    return all(
        name in before
        and field in before[name]
        and (_shows_nowhere_new if field == "show_in" else _is_within)(before[name][field], value)
        for name, part in after.items()
        for field, value in part.items()
    )


def digest(parts: Parts, kept_from: Collection[str]) -> bytes:
    """Hash what would leave, and whom it is kept from: 32 bytes."""
    whole = {"parts": parts, "kept_from": sorted(kept_from)}
    text = json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _compare_part(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    for field, value in after.items():
        if field not in before:
            yield FieldChange(name, field, ADDED, None, value)
        else:
            change = SAME if before[field] == value else CHANGED
            yield FieldChange(name, field, change, before[field], value)
    for field, value in before.items():
        if field not in after:
            yield FieldChange(name, field, REMOVED, value, None)


def _is_within(before: Any, after: Any) -> bool:
    """Tell whether a value is the one before, or that with something taken out that does not narrow the rest;
    of what narrows it by a list, such as the uses of a photograph, some may go."""
    match before, after:
        case dict(), dict():
            return all(
                key in before and _is_within(before[key], value) for key, value in after.items()
            ) and all(
                name in after
                for name, narrowed in RESTRICTING.items()
                if name in before and (not narrowed or narrowed in after)
            )
        case list(), list():
            return all(any(_is_within(old, new) for old in before) for new in after)
    return type(before) is type(after) and bool(before == after)


def _shows_nowhere_new(before: Any, after: Any) -> bool:
    """Tell whether no country is to show it that might not; "all" has every country in it."""
    return before == "all" or _is_within(before, after)
