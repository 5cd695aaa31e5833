"""What a search finds, in which order, and how many there are; hidden rows are never found.

Leaves to others: who may search.
"""

# ruff: noqa: S608 - SQL is put together from the constants below alone; every value is bound

from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from node.domain.searchable import Source
from node.store.search.filters import conditions
from node.store.search.index import as_list, one_of, read_ids
from node.store.search.names import score_names
from node.store.search.query import Query

# How far cases are counted for the public: whoever finds more narrows the question.
MAX_COUNT = 1_000

_HIT = "e.id, e.source, e.feed_id, e.case_id, e.owner, e.country, e.status, e.updated"
_SELECT = f"SELECT {_HIT} FROM search_entry e"
_AMONG_NEWEST = "e.updated >= (SELECT updated FROM search_entry ORDER BY updated DESC LIMIT 1 OFFSET 3000)"
# Alerts: of each owner the child who went missing last, then of each the next, or one owner with many would
# leave no room for those of others.
_IN_TURN = (
    "SELECT id FROM (SELECT e.id, e.since, row_number() OVER"
    " (PARTITION BY e.owner ORDER BY e.since DESC, e.id DESC) AS turn FROM {asked}) found"
    " ORDER BY turn, since DESC, id DESC LIMIT :most"
)


class Hit(NamedTuple):
    """A case that was found.

    Attributes:
        score: how alike the name is, from 0 to 1; 1.0 where no name was asked for.
    """

    id: int
    source: Source
    feed_id: int | None
    case_id: str
    owner: str
    country: str
    status: str
    updated: int
    score: float


def find(connection: Connection, query: Query) -> list[Hit]:
    """Give the part of the result that the query asks for.

    Without a name the newest change comes first, to the public who went missing last, of alerts of each owner
    in turn; with a name the most alike one, and among equals the newest.
    """
    if query.name is not None:
        return _find_by_name(connection, query)[query.offset : query.offset + query.limit]
    if query.public:
        ids = _last_missing(connection, query, query.offset + query.limit)
        return _read_hits(connection, ids[query.offset :])
    return _find_newest(connection, query)


def find_and_count(connection: Connection, query: Query) -> tuple[list[Hit], int]:
    """Give the part of the result that the query asks for, and how many cases match in all, see `count`; what
    does not fill a page needs no counting."""
    end = query.offset + query.limit
    if query.name is not None:
        ranked = _find_by_name(connection, query)
        return ranked[query.offset : end], len(ranked)
    if query.public:
        # One walk through an index for both: to where the page ends, and as far as is counted. Of alerts it
        # is through all that are out, two microseconds each.
        ids = _last_missing(connection, query, max(end, MAX_COUNT))
        hits = _read_hits(connection, ids[query.offset : end])
        counted = min(len(ids), MAX_COUNT)
    else:
        hits, counted = _find_newest(connection, query), None
    if len(hits) < query.limit and (hits or not query.offset):
        return hits, query.offset + len(hits)
    return hits, count(connection, query) if counted is None else counted


def count(connection: Connection, query: Query) -> int:
    """Say how many cases match, to the public no more than MAX_COUNT; with a name, how many of its candidates
    are alike enough."""
    if query.name is not None:
        return len(_find_by_name(connection, query))
    if query.public:
        return len(_last_missing(connection, query, MAX_COUNT))
    where, values = conditions(connection, query)
    counted = text(f"SELECT count(*) FROM search_entry e WHERE {where}")
    total: int = connection.execute(counted, values).scalar_one()
    return total


def _find_by_name(connection: Connection, query: Query) -> list[Hit]:
    scores = score_names(connection, query)
    hits = [hit._replace(score=scores[hit.id]) for hit in _read_hits(connection, list(scores))]
    return sorted(hits, key=lambda hit: (-hit.score, -hit.updated, -hit.id))


def _find_newest(connection: Connection, query: Query) -> list[Hit]:
    """Find what staff asks for without a name."""
    where, values = conditions(connection, query)
    page = {**values, "limit": query.limit, "offset": query.offset}
    newest_first = "ORDER BY e.updated DESC, e.id DESC LIMIT :limit OFFSET :offset"
    if query.alert_at is not None and connection.dialect.name == "sqlite":
        return _hits(connection, f"{where} {newest_first}", page, "ix_search_entry_alert")
    if connection.dialect.name == "sqlite" and query.country is None:
        # Mostly the newest rows fill the page. Where they do not, SQLite would walk on through the whole
        # table in the order of an index: "+" makes it read the table as it lies, which is several times
        # faster.
        among = f"{_AMONG_NEWEST} AND {where} {newest_first}"
        rows = _hits(connection, among, page, "ix_search_entry_updated")
        if len(rows) == query.limit:
            return rows
        newest_first = newest_first.replace("e.updated", "+e.updated")
    return _hits(connection, f"{where} {newest_first}", page)


def _hits(connection: Connection, condition: str, values: dict[str, Any], by: str = "") -> list[Hit]:
    """Read the hits that fulfil a condition; on SQLite `by` is the index that leads to them."""
    indexed = f" INDEXED BY {by}" if by else ""
    found = connection.execute(text(f"{_SELECT}{indexed} WHERE {condition}"), values)
    return [Hit._make((*row, 1.0)) for row in found.all()]


def _last_missing(connection: Connection, query: Query, most: int) -> list[int]:
    """List what the public asks for without a name, those who went missing last first, alerts in turn."""
    where, values = conditions(connection, query)
    led = ""
    if connection.dialect.name == "sqlite":
        by = "ix_search_entry_since" if query.alert_at is None else "ix_search_entry_alert"
        # Whoever has certain words is looked up by them.
        led = " NOT INDEXED" if query.text or query.place else f" INDEXED BY {by}"
    asked = f"search_entry e{led} WHERE {where}"
    listed = f"SELECT e.id FROM {asked} ORDER BY e.since DESC, e.id DESC LIMIT :most"
    if query.alert_at is not None:
        listed = _IN_TURN.format(asked=asked)
    return read_ids(connection, listed, {**values, "most": most})


def _read_hits(connection: Connection, ids: list[int]) -> list[Hit]:
    """Read hits in the order of their ids; what was taken out meanwhile is absent."""
    if not ids:
        return []
    found = _hits(connection, f"e.id {one_of(connection, 'ids')}", {"ids": as_list(connection, ids)})
    by_id = {hit.id: hit for hit in found}
    return [by_id[number] for number in ids if number in by_id]
