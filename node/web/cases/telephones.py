"""Telephone numbers as people write them.

Guarantees: pages and posters write them in this one way; what is no international number stays as it is.
"""

import re

_INTERNATIONAL = re.compile(r"\+([0-9]{4,15})", re.ASCII)
_DIALLING_ONE = ("1", "7")
_DIALLING_TWO = frozenset(
    {20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59), *range(60, 67)}
    | {81, 82, 84, 86, *range(90, 96), 98}
)
"""Country codes of one and two digits (ITU-T E.164); all others have three."""


def format_telephone(number: str) -> str:
    """Write a telephone number in groups, so that it can be kept in mind from the wall to the telephone."""
    found = _INTERNATIONAL.fullmatch(number)
    if not found:
        return number
    digits = found[1]
    size = 1 if digits[0] in _DIALLING_ONE else 2 if int(digits[:2]) in _DIALLING_TWO else 3
    country, rest = digits[:size], digits[size:]
    groups: list[str] = []
    while len(rest) > 4:
        take = 4 if len(rest) == 8 else 3
        groups.append(rest[:take])
        rest = rest[take:]
    return " ".join([f"+{country}", *groups, rest])
