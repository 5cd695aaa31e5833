"""The index of the search: one row a case, own cases and replicas side by side, and the words of each.

Guarantees: indexing a case again replaces its row; what is removed leaves the tables at once, and the
full-text index with `purge`.

On SQLite the index is an FTS5 table over `search_text`, whose rows give the old values that an exact deletion
needs. On PostgreSQL it is a GIN index over the same column as a tsvector.

Leaves to others: what a row holds (`domain.searchable`).
"""

# ruff: noqa: S608 - SQL is put together from the constants below alone; every value is bound

from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Column, Connection, Engine, Index, Table, text

from node.domain.searchable import SearchEntry, Source
from node.store.database import metadata, writing

# Narrow on purpose: a filter that no index serves reads the whole table, 100,000 rows in about 10 ms.
search_entry = Table(
    "search_entry",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    # What most filters read, since SQLite reads a row from its front up to the last column it needs.
    Column("hidden", sa.Boolean, nullable=False, default=False),
    Column("shown_to", sa.SmallInteger, nullable=False),
    Column("sex", sa.SmallInteger),
    Column("age_min", sa.Integer),
    Column("age_max", sa.Integer),
    Column("born_from", sa.Integer),
    Column("born_to", sa.Integer),
    Column("missing_from", sa.Integer),
    Column("missing_to", sa.Integer),
    Column("lat", sa.Double),
    Column("lon", sa.Double),
    Column("radius_m", sa.Double, nullable=False),
    Column("has_photo", sa.Boolean, nullable=False),
    Column("alert_until", sa.BigInteger),
    Column("updated", sa.BigInteger, nullable=False),
    Column("since", sa.Integer, nullable=False),
    Column("feed_id", sa.Integer),
    Column("country", sa.Text, nullable=False),
    Column("seen_in", sa.Text),
    Column("source", sa.Text, nullable=False),
    Column("category", sa.Text),
    Column("status", sa.Text, nullable=False),
    Column("owner", sa.Text, nullable=False),
    Column("case_id", sa.Text, nullable=False),
)
search_text = Table(
    "search_text",
    metadata,
    Column("id", sa.Integer, primary_key=True, autoincrement=False),
    Column("names_fold", sa.Text, nullable=False),
    Column("names_skeleton", sa.Text, nullable=False),
    Column("words", sa.Text, nullable=False),
)
Index("ix_search_entry_case", search_entry.c.case_id, search_entry.c.source, search_entry.c.feed_id)
Index("ix_search_entry_place", search_entry.c.lat, search_entry.c.lon)
Index("ix_search_entry_updated", search_entry.c.updated)
_SHOWN, _ALERT = sa.text("shown_to > 0"), sa.text("alert_until IS NOT NULL")
# Holds what the public filters by, so that who went missing last is found, and counted, without a look at the
# rows. SQLite reads an index alone only where it has the column of its own condition, too. Numbers come
# first: what stands behind a text PostgreSQL finds by walking there, which takes three times as long.
Index(
    "ix_search_entry_since",
    *(
        search_entry.c[name]
        for name in (
            "since", "age_min", "age_max", "sex", "missing_to", "shown_to", "hidden", "category", "country",
            "seen_in",
        )
    ),
    sqlite_where=_SHOWN,
    postgresql_where=_SHOWN,
    postgresql_include=["id"],  # which every index of SQLite has
)  # fmt: skip
Index(
    "ix_search_entry_alert",
    *(
        search_entry.c[name]
        for name in ("since", "alert_until", "owner", "shown_to", "hidden", "country", "seen_in")
    ),
    sqlite_where=_ALERT,
    postgresql_where=_ALERT,
)
# Holds what a duty officer filters by, so that one country is counted without looking at its rows.
Index(
    "ix_search_entry_filters",
    *(
        search_entry.c[name]
        for name in (
            "country", "updated", "hidden", "shown_to", "sex", "missing_to", "age_min", "age_max",
            "born_from", "born_to", "has_photo", "category",
        )
    ),
)  # fmt: skip

# Rows of one statement of a bulk insert: bounds the memory of a first pull, and makes few full-text segments.
_BATCH = 1_000
# Pages of the full-text index that one step of `purge` writes: a tenth of a second at 100,000 cases.
_STEP_PAGES = 500

_statement = cache(text)  # built once for each of the few texts here


def create_indexes(connection: Connection) -> None:
    """Make what is no index of SQLAlchemy's: the full-text index over `search_text`, which must be empty or
    be indexed right after, and on PostgreSQL that of own cases."""
    postgresql = connection.dialect.name == "postgresql"
    for statement in _POSTGRESQL_INDEXES if postgresql else _SQLITE_INDEXES:
        connection.exec_driver_sql(statement)


def drop_indexes(connection: Connection) -> None:
    """Undo `create_indexes`, for a migration that goes back."""
    postgresql = connection.dialect.name == "postgresql"
    connection.exec_driver_sql(
        "DROP INDEX IF EXISTS ix_search_text_words, ix_search_entry_own"
        if postgresql
        else "DROP TABLE IF EXISTS search_fts"
    )


# detail=none holds which rows a word is in and nothing else: half the size, and all that is asked.
_SQLITE_INDEXES = (
    """CREATE VIRTUAL TABLE search_fts USING fts5(words, content='search_text',
       content_rowid='id', tokenize='ascii', detail=none, columnsize=0)""",
    # Few, large segments: a first pull would otherwise merge them over and over.
    "INSERT INTO search_fts (search_fts, rank) VALUES ('automerge', 8), ('hashsize', 4194304)",
)
LEXEMES = "array_to_tsvector(array_remove(string_to_array(words, ' '), ''))"
_POSTGRESQL_INDEXES = (
    f"CREATE INDEX ix_search_text_words ON search_text USING gin (({LEXEMES}))",
    # Own cases are few: joined with this, a name among them takes less than half of looking at every row.
    "CREATE INDEX ix_search_entry_own ON search_entry (id) INCLUDE (shown_to)"
    " WHERE source = 'own' AND NOT hidden",
)


def index_many(connection: Connection, entries: Iterable[SearchEntry], *, hidden: bool = False) -> int:
    """Put cases into the search; one that is there already, by source, feed and case id, is replaced.

    Args:
        hidden: keep them from being found until `hide_feed` lets them be.

    Returns:
        How many rows were written.
    """
    written = 0
    pending = iter(entries)
    while batch := list(islice(pending, _BATCH)):
        latest = {(entry.source, entry.feed_id, entry.case_id): entry for entry in batch}
        _remove_ids(connection, _ids_of(connection, latest))
        _insert(connection, list(latest.values()), hidden=hidden)
        written += len(latest)
    return written


def remove_many(connection: Connection, source: Source, feed_id: int | None, case_ids: Iterable[str]) -> int:
    """Take cases out of the search, and say how many were there; `purge` clears what the indexes keep."""
    return _remove_ids(connection, _ids_of(connection, ((source, feed_id, case_id) for case_id in case_ids)))


def hide_feed(connection: Connection, feed_id: int, *, hidden: bool = True) -> int:
    """Keep all replicas of one feed from being found, or let them be found again."""
    others = sa.and_(search_entry.c.feed_id == feed_id, search_entry.c.hidden != hidden)
    change = sa.update(search_entry).where(others).values(hidden=hidden)
    return connection.execute(change).rowcount


def purge(engine: Engine) -> None:
    """Rebuild the full-text index without what was removed, in steps that let other writers in between.

    On SQLite the words of removed rows are gone from the database file then, and from the disk with
    `scrubbing` after it. A call that breaks off is made good by the next. On PostgreSQL `scrubbing` does all
    of it, since VACUUM FULL rewrites the index too.
    """
    if engine.dialect.name == "postgresql":
        return
    pages = -_STEP_PAGES  # first: all segments into one, as "optimize" does in a single long transaction
    while True:
        with writing(engine) as connection:
            before = _changes(connection)
            merge = "INSERT INTO search_fts (search_fts, rank) VALUES ('merge', ?)"
            connection.exec_driver_sql(merge, (pages,))
            if _changes(connection) - before < 2:  # FTS5's own sign that nothing was left to merge
                return
        pages = _STEP_PAGES


def _changes(connection: Connection) -> int:
    number: int = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    return number


def _ids_of(connection: Connection, keys: Iterable[tuple[Source, int | None, str]]) -> list[int]:
    by_feed: dict[tuple[Source, int | None], list[str]] = {}
    for source, feed_id, case_id in keys:
        by_feed.setdefault((source, feed_id), []).append(case_id)
    ids: list[int] = []
    for (source, feed_id), case_ids in by_feed.items():
        same_feed = "feed_id IS NULL" if feed_id is None else "feed_id = :feed_id"
        statement = _statement(
            f"SELECT id FROM search_entry WHERE case_id {one_of(connection, 'cases')} AND source = :source"
            f" AND {same_feed}"
        )
        values = {"cases": as_list(connection, case_ids), "source": source, "feed_id": feed_id}
        ids += connection.execute(statement, values).scalars()
    return ids


_ENTRY_COLUMNS = ("id", "hidden", *SearchEntry._fields[:-3])
_TEXT_COLUMNS = ("id", *SearchEntry._fields[-3:])


def _insert(connection: Connection, entries: list[SearchEntry], *, hidden: bool) -> None:
    if connection.dialect.name == "postgresql":
        ids: list[int] = list(
            connection.execute(
                _statement("SELECT nextval('search_entry_id_seq') FROM generate_series(1, :n)"),
                {"n": len(entries)},
            ).scalars()
        )
    else:
        # The write lock is held, so nobody else takes these numbers.
        last: int = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM search_entry").scalar_one()
        ids = list(range(last + 1, last + 1 + len(entries)))
    rows = [(number, hidden, *entry[:-3]) for number, entry in zip(ids, entries, strict=True)]
    texts = [(number, *entry[-3:]) for number, entry in zip(ids, entries, strict=True)]
    _bulk(connection, "search_entry", _ENTRY_COLUMNS, rows)
    _bulk(connection, "search_text", _TEXT_COLUMNS, texts)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            "INSERT INTO search_fts (rowid, words) SELECT id, words FROM search_text WHERE id >= ?", (ids[0],)
        )


def _bulk(connection: Connection, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    names = ", ".join(columns)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


def _remove_ids(connection: Connection, ids: list[int]) -> int:
    if not ids:
        return 0
    these = {"ids": as_list(connection, ids)}
    where = f"WHERE id {one_of(connection, 'ids')}"
    if connection.dialect.name == "sqlite":
        forget = "INSERT INTO search_fts (search_fts, rowid, words) SELECT 'delete', id, words"
        connection.execute(_statement(f"{forget} FROM search_text {where}"), these)
    connection.execute(_statement(f"DELETE FROM search_text {where}"), these)
    connection.execute(_statement(f"DELETE FROM search_entry {where}"), these)
    return len(ids)


def find_audiences(
    connection: Connection, source: Source, feed_id: int | None, case_ids: Iterable[str]
) -> dict[str, int]:
    """Tell who may find some cases; those that are not in the search are absent."""
    ids = _ids_of(connection, ((source, feed_id, case_id) for case_id in case_ids))
    rows = _statement(f"SELECT case_id, shown_to FROM search_entry WHERE id {one_of(connection, 'ids')}")
    return {row[0]: row[1] for row in connection.execute(rows, {"ids": as_list(connection, ids)})}


# --- Lists in SQL ---


def one_of(connection: Connection, name: str) -> str:
    """Give the SQL for "is one of the list bound as name": one parameter, however long the list is."""
    return (
        f"= ANY(:{name})"
        if connection.dialect.name == "postgresql"
        else f"IN (SELECT value FROM json_each(:{name}))"
    )


def as_list(connection: Connection, values: list[str] | list[int]) -> Any:
    return values if connection.dialect.name == "postgresql" else orjson.dumps(values).decode()


def read_ids(connection: Connection, listed: str, values: dict[str, Any]) -> list[int]:
    """Read ids as one value: of many rows of a number most of the time would go into fetching them."""
    if connection.dialect.name == "postgresql":
        found = connection.execute(text(f"SELECT array_agg(id) FROM ({listed}) listed"), values).scalar_one()
        return found or []
    found = connection.execute(text(f"SELECT json_group_array(id) FROM ({listed})"), values).scalar_one()
    ids: list[int] = orjson.loads(found)
    return ids
