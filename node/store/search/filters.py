"""Everything of a question but the name, as SQL over `search_entry e`: rows that are hidden fulfil none."""

# ruff: noqa: S608 - SQL is put together from the constants below alone; every value is bound

from collections.abc import Iterator, Sequence
from datetime import date
from math import cos, radians
from typing import Any, NamedTuple, get_args

from sqlalchemy import Connection

from node.domain.searchable import MAX_RADIUS_M, PLACE_MARK, PUBLIC, Source, split_words
from node.store.search.index import LEXEMES, as_list, one_of
from node.store.search.query import Query

_METRES_PER_DEGREE = 111_195.0
IS_PUBLIC = "NOT e.hidden AND e.shown_to > 0"
"""What the public may find."""

_IS_FOR_STAFF = f"NOT e.hidden AND e.shown_to < {PUBLIC}"
_EXACT = ("sex", "has_photo", "category", "country", "seen_in", "owner", "status")
# Written out: PostgreSQL takes the index of own cases only where it sees that they are asked for.
_OF_SOURCE = {source: f"e.source = '{source}'" for source in get_args(Source)}


Filter = tuple[str, dict[str, Any]]
"""A condition, and the values that it binds."""


def conditions(connection: Connection, query: Query) -> Filter:
    """Write everything but the name as SQL over `search_entry e`, with the values it binds.

    In the order in which SQLite tries them on a row: times and ages leave out most, and what nearly every row
    fulfils comes last (by `bench.site`, a fourth less time where few match).
    """
    parts = list[str]()
    values = dict[str, Any]()
    for part, bound in (*_ranges(query), *_equal(query), *_further(connection, query)):
        parts.append(part)
        values |= bound
    parts.append(IS_PUBLIC if query.public else _IS_FOR_STAFF)
    return " AND ".join(parts), values


def _equal(query: Query) -> Iterator[Filter]:
    """Give the conditions that compare a field with a value."""
    for field in _EXACT:
        if (value := getattr(query, field)) is not None:
            yield f"e.{field} = :{field}", {field: value}
    if query.source is not None:
        yield _OF_SOURCE[query.source], {}


def _ranges(query: Query) -> Iterator[Filter]:
    """Give the conditions on times and ages."""
    if query.alert_at is not None:
        yield "e.alert_until > :alert_at", {"alert_at": int(query.alert_at.timestamp())}
    if query.missing_within_years is not None:
        yield "e.missing_to >= :since", {"since": _years_before(query.today, query.missing_within_years)}
    if query.missing_for_years is not None:
        yield "e.since <= :before", {"before": _years_before(query.today, query.missing_for_years)}
    if query.age_min is not None:
        yield _at_least(query, query.age_min)
    if query.age_max is not None:
        yield _at_most(query, query.age_max)


def _further(connection: Connection, query: Query) -> Iterator[Filter]:
    """Give the conditions that take longer."""
    if query.countries:
        yield among_countries(connection, query.countries)
    if query.near is not None:
        yield _near(*query.near)
    if query.text or query.place:
        yield _words(connection, query)


def among_countries(connection: Connection, countries: Sequence[str]) -> Filter:
    """Write "of these countries" as SQL, with the values that it binds."""
    if not countries:
        return "1 = 1", {}
    among = one_of(connection, "countries")
    return f"(e.country {among} OR e.seen_in {among})", {"countries": as_list(connection, list(countries))}


def _at_least(query: Query, years: int) -> Filter:
    if query.age_when == "now":
        return "e.born_from <= :born_by", {"born_by": _years_before(query.today, years)}
    return "e.age_max >= :age_min", {"age_min": years * 12}


def _at_most(query: Query, years: int) -> Filter:
    if query.age_when == "now":
        return "e.born_to > :born_after", {"born_after": _years_before(query.today, years + 1)}
    return "e.age_min < :age_end", {"age_end": (years + 1) * 12}


def _years_before(day: date, years: int) -> int:
    return day.toordinal() - round(years * 365.2425)


def _near(lat: float, lon: float, radius: float) -> Filter:
    """Compare on a plane that touches the globe at the point: right to a percent within 500 km."""
    east = "abs(e.lon - :lon)"
    metres_east = f"(CASE WHEN {east} > 180 THEN 360 - {east} ELSE {east} END * :scale)"
    metres_north = f"((e.lat - :lat) * {_METRES_PER_DEGREE})"
    reach = "(:radius + e.radius_m)"
    part = (
        "e.lat BETWEEN :south AND :north AND "
        f"{metres_north} * {metres_north} + {metres_east} * {metres_east} <= {reach} * {reach}"
    )
    band = (radius + MAX_RADIUS_M) / _METRES_PER_DEGREE
    scale = _METRES_PER_DEGREE * cos(radians(lat))
    wide = (radius + MAX_RADIUS_M) / max(scale, 1.0)
    if lon - wide >= -180 and lon + wide <= 180:
        part = f"e.lon BETWEEN :west AND :east AND {part}"
    bound = {
        "lat": lat,
        "lon": lon,
        "scale": scale,
        "radius": radius,
        "south": lat - band,
        "north": lat + band,
    }
    return part, bound | {"west": lon - wide, "east": lon + wide}


# --- Words ---

_WORDS_SQLITE = "e.id IN (SELECT rowid FROM search_fts WHERE search_fts MATCH :words)"
# OFFSET 0 keeps PostgreSQL from going through the newest cases and taking the text of each one apart.
_WORDS_POSTGRESQL = (
    f"e.id IN (SELECT id FROM search_text WHERE {LEXEMES} @@ CAST(:words AS tsquery) OFFSET 0)"
)


def _words(connection: Connection, query: Query) -> Filter:
    wanted = [[_asked(word)] for word in split_words(query.text or "")]
    if not query.public:
        wanted = [[word, _asked_of_place(word.letters)] for (word,) in wanted]
    wanted += [[_asked_of_place(word)] for word in split_words(query.place or "")]
    if not wanted:
        return "1 = 0", {}  # something was asked for, and no letter of it can be found
    postgresql = connection.dialect.name == "postgresql"
    having = _WORDS_POSTGRESQL if postgresql else _WORDS_SQLITE
    return having, {"words": _all_of(wanted, postgresql=postgresql)}


class _Word(NamedTuple):
    letters: str
    begins: bool


def _asked(word: str, shortest: int = 3) -> _Word:
    """Take a word as the beginning of words, unless it is so short that half the texts would match.

    A lone character of a script without spaces is always a beginning: the index holds pairs.
    """
    return _Word(word, len(word) >= shortest or not word[-1].isascii())


def _asked_of_place(word: str) -> _Word:
    return _asked(PLACE_MARK + word, shortest=4)


def _all_of(groups: list[list[_Word]], *, postgresql: bool) -> str:
    """Ask for one word of each group."""
    quote, begins, either, both = ("'", ":*", " | ", " & ") if postgresql else ('"', "*", " OR ", " AND ")
    written = (
        either.join(f"{quote}{word.letters}{quote}{begins if word.begins else ''}" for word in group)
        for group in groups
    )
    return both.join(f"({group})" for group in written)
