"""Uncertain dates: the EDTF level 1 texts of the shared schemas (ISO 8601-2:2019) as earliest and latest day.

Guarantees: every text that fits the schemas' patterns has bounds; nothing that a peer wrote makes this fail.
How near "about" is, the standard does not say, so a qualifier (~ ? %) does not widen the bounds.
"""

import calendar
import re
from datetime import date

from node.errors import InvalidInput

_DATE = re.compile(
    r"((?:19|20)(?:[0-9]{2}|[0-9]X|XX))"
    r"(?:-(0[1-9]|1[0-2]|2[1-4]|XX)(?:-(0[1-9]|[12][0-9]|3[01]|XX))?)?"
    r"(?:[~?%]|T[0-9:]{8}(?:Z|[+-][0-9:]{5}))?",
    re.ASCII,
)
_OPEN = ("", "..")


def edtf_bounds(text: str) -> tuple[date | None, date | None]:
    """Find the earliest and the latest day that a date can mean.

    Args:
        text: an EDTF level 1 date or interval, or a moment with its zone (RFC 3339), whose own day counts.

    Returns:
        Both days, included; None for an end that is open or unknown.

    Raises:
        InvalidInput: not such a date.
    """
    first, slash, last = text.partition("/")
    if not slash:
        return _bounds(text)
    earliest = None if first in _OPEN else _bounds(first)[0]
    latest = None if last in _OPEN else _bounds(last)[1]
    if earliest and latest and earliest > latest:
        # An interval written backwards: the days it spans are clear all the same.
        return _bounds(last)[0], _bounds(first)[1]
    return earliest, latest


def edtf_year(text: str) -> str:
    """Cut a date or interval down to its years, keeping the qualifiers: "2014-03-05~" becomes "2014~"."""
    return re.sub(r"([0-9X]{4})(?:-[0-9X]{2}){1,2}", r"\1", text)


def _bounds(text: str) -> tuple[date, date]:
    match = _DATE.fullmatch(text)
    if not match:
        raise InvalidInput("A date is not in EDTF level 1.", "Write it like 2014-03-05, 2014~ or 2013/2015.")
    year, month, day = match.groups()
    first_year, last_year = int(year.replace("X", "0")), int(year.replace("X", "9"))
    if month is None or month == "XX" or int(month) > 12:
        # Seasons (21 to 24) mean the whole year: spring comes in other months on the other hemisphere.
        return date(first_year, 1, 1), date(last_year, 12, 31)
    if day is None or day == "XX":
        return date(first_year, int(month), 1), _day(last_year, int(month), 31)
    return _day(first_year, int(month), int(day)), _day(last_year, int(month), int(day))


def _day(year: int, month: int, day: int) -> date:
    """Give a day, or the last of its month: the schemas' patterns let 30 February pass."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))
