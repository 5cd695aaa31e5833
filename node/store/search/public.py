"""All that the public may find: how many of each country, and in parts that a row stays in."""

# ruff: noqa: S608 - SQL is put together from the constants below alone; every value is bound

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from node.store.search.filters import IS_PUBLIC, among_countries

# Rows of one part of the list of everything: a row stays in its part.
PART_ROWS = 10_000


def count_public(connection: Connection, countries: Sequence[str] = ()) -> dict[str, int]:
    """Count what the public may find, by country.

    Args:
        countries: see `Query`.
    """
    among, values = among_countries(connection, countries)
    shown = f"SELECT e.country, count(*) FROM search_entry e WHERE {IS_PUBLIC} AND {among} GROUP BY e.country"
    return {row[0]: row[1] for row in connection.execute(text(shown), values)}


def list_public(
    connection: Connection, part: int, countries: Sequence[str] = ()
) -> list[tuple[str, datetime]]:
    """List what the public may find of one part of the rows: each case with when it changed last.

    Args:
        countries: see `Query`.
    """
    among, values = among_countries(connection, countries)
    listed = text(
        f"SELECT e.case_id, e.updated FROM search_entry e WHERE e.id >= :first AND e.id < :last"
        f" AND {IS_PUBLIC} AND {among} ORDER BY e.id"
    )
    rows = connection.execute(listed, values | _rows_of(part))
    return [(case_id, datetime.fromtimestamp(updated, UTC)) for case_id, updated in rows]


def _rows_of(part: int) -> dict[str, int]:
    return {"first": part * PART_ROWS, "last": (part + 1) * PART_ROWS}


def list_public_parts(connection: Connection) -> list[int]:
    """Return which parts of the rows hold something that the public may find."""
    # A part is read up to its first row that may be found: all rows would be read for "DISTINCT id / n".
    last: int | None = connection.execute(text("SELECT max(id) FROM search_entry")).scalar_one()
    among = f"SELECT 1 FROM search_entry e WHERE e.id >= :first AND e.id < :last AND {IS_PUBLIC} LIMIT 1"
    return [
        part
        for part in range((last or 0) // PART_ROWS + 1)
        if connection.execute(text(among), _rows_of(part)).first()
    ]
