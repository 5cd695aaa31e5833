"""How a telephone number is written where people read it: on posters and on the site's pages alike.

Guarantees: without its spaces it is the number that it was, so that whoever compares a poster with a page, as
the page asks them to, compares the same signs.
"""

_DIALLING_ONE = ("1", "7")
_DIALLING_TWO = frozenset(
    {20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59), *range(60, 67)}
    | {81, 82, 84, 86, *range(90, 96), 98}
)
"""Country codes of one and two digits (ITU-T E.164); all others have three."""


def format_telephone(number: str) -> str:
    """Write an E.164 number in groups, so that it can be kept in mind; a short one stays as it is."""
    if not number.startswith("+"):
        return number
    digits = number[1:]
    size = 1 if digits[0] in _DIALLING_ONE else 2 if int(digits[:2]) in _DIALLING_TWO else 3
    country, rest = digits[:size], digits[size:]
    groups: list[str] = []
    while len(rest) > 4:
        take = 4 if len(rest) == 8 else 3
        groups.append(rest[:take])
        rest = rest[take:]
    return " ".join([f"+{country}", *groups, rest]).strip()
