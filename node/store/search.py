"""The search: one row a case, own cases and replicas side by side, found by filters, words and names.

Guarantees: indexing a case again replaces its row; what is removed leaves the tables at once, and the
full-text index with `purge`; hidden rows are never found. Names are found across scripts: their words in
Latin letters and the consonants of these are words of the same index, asked for exactly and with one sound
changed; `domain.similarity` puts the candidates in order.

On SQLite the index is an FTS5 table over `search_text`, whose rows give the old values that an exact deletion
needs. On PostgreSQL it is a GIN index over the same column as a tsvector.

Leaves to others: what a row holds (`domain.searchable`) and who may search.
"""

# ruff: noqa: S608 - SQL is put together from the constants below alone; every value is bound

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from heapq import nlargest
from itertools import islice
from math import cos, radians
from typing import Any, Literal, NamedTuple

import orjson
import sqlalchemy as sa
from rapidfuzz import fuzz, process
from sqlalchemy import Column, Connection, Engine, Index, Table, text

from node.domain.searchable import (
    FOLD_MARK,
    MAX_RADIUS_M,
    PLACE_MARK,
    PUBLIC,
    SKELETON_MARK,
    SearchEntry,
    Source,
    split_words,
)
from node.domain.similarity import MAX_NAME, NameKey, key_score, name_keys, similar_skeletons
from node.errors import InvalidInput
from node.store.database import metadata, writing

# Narrow on purpose: a filter that no index serves reads the whole table, 100,000 rows in about 10 ms.
search_entry = Table(
    "search_entry",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    # What filters ask for first, since SQLite reads a row from its front up to the last column it needs.
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
Index("ix_search_entry_since", search_entry.c.since, sqlite_where=_SHOWN, postgresql_where=_SHOWN)
Index(
    "ix_search_entry_alert",
    search_entry.c.since,
    search_entry.c.alert_until,
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

# Hits that one call gives at most, and how far it may skip: whoever needs more narrows the question.
MAX_LIMIT, MAX_OFFSET = 200, 10_000
# How far cases are counted for the public: whoever finds more narrows the question.
MAX_COUNT = 1_000
# Characters of a question in words; a longer one is refused.
MAX_QUESTION = 500
# How alike a name must be to count as found; see bench/names.py for what that costs and brings.
MIN_SCORE = 0.55
# Rows of one part of the list of everything: a row stays in its part.
PART_ROWS = 10_000
_METRES_PER_DEGREE = 111_195.0
# Rows of one statement of a bulk insert: bounds the memory of a first pull, and makes few full-text segments.
_BATCH = 1_000
# Pages of the full-text index that one step of `purge` writes: a tenth of a second at 100,000 cases.
_STEP_PAGES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for; every condition narrows the result, and None leaves its field open.

    A case that does not state a field is not found by a condition on it.

    Attributes:
        today: the day that "within N years" and "age now" count from.
        name: a name in any script.
        text: words of circumstances, marks and clothing, each the beginning of a word; for staff those of the
            place, too.
        place: words of the place alone.
        near: latitude and longitude in degrees, radius in metres; the published radius of a case counts too.
        country, owner, source, status, category: exactly as in `SearchEntry`.
        seen_in: the country where the child was last seen.
        sex: ISO 5218.
        missing_within_years, missing_for_years: disappeared at most, or at least, so many years ago.
        age_min, age_max: years, both included, at the time that `age_when` says.
        alert_at: only children for whom an alert is out at this moment.
        countries: of the owner, or of where the child was last seen; any when empty.
        public: whether the public asks, who find what may be shown to them, and get first who went missing
            last; otherwise the staff.
        limit, offset: the part of the result that is wanted.

    Raises:
        InvalidInput: a value is out of range or too long; every problem at once.
    """

    today: date
    name: str | None = None
    text: str | None = None
    place: str | None = None
    near: tuple[float, float, float] | None = None
    country: str | None = None
    seen_in: str | None = None
    owner: str | None = None
    source: Source | None = None
    status: str | None = None
    category: str | None = None
    sex: int | None = None
    missing_within_years: int | None = None
    age_min: int | None = None
    age_max: int | None = None
    age_when: Literal["disappearance", "now"] = "disappearance"
    has_photo: bool | None = None
    alert_at: datetime | None = None
    missing_for_years: int | None = None
    countries: Sequence[str] = ()
    public: bool = False
    limit: int = 20
    offset: int = 0

    def __post_init__(self) -> None:
        problems = [
            f"{field}: at most {MAX_QUESTION} characters, not {len(value)}"
            for field, value in (("text", self.text), ("place", self.place))
            if value is not None and len(value) > MAX_QUESTION
        ]
        if self.name is not None and len(self.name) > MAX_NAME:
            problems.append(f"name: at most {MAX_NAME} characters, not {len(self.name)}")
        ranges: dict[str, tuple[float | None, float, float]] = {
            "limit": (self.limit, 1, MAX_LIMIT),
            "offset": (self.offset, 0, MAX_OFFSET),
            "age_min": (self.age_min, 0, 150),
            "age_max": (self.age_max, 0, 150),
            "missing_within_years": (self.missing_within_years, 0, 200),
            "missing_for_years": (self.missing_for_years, 0, 200),
        }
        if self.near is not None:
            ranges |= {
                "near latitude": (self.near[0], -90, 90),
                "near longitude": (self.near[1], -180, 180),
                "near radius": (self.near[2], 0, 20_100_000),
            }
        for field, (number, low, high) in ranges.items():
            if number is not None and not low <= number <= high:
                problems.append(f"{field}: from {low} to {high}, not {number}")
        for field in ("country", "seen_in", "owner", "status", "category"):
            value = getattr(self, field)
            if value is not None and (len(value) > MAX_QUESTION or not value.isprintable()):
                problems.append(f"{field}: a short code without control characters")
        if problems:
            raise InvalidInput("The search cannot be done as asked.", "Change what is named.", problems)


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


# --- Writing ---


def create_indexes(connection: Connection) -> None:
    """Make the full-text index over `search_text`, which must exist and be empty or be indexed right
    after."""
    postgresql = connection.dialect.name == "postgresql"
    for statement in _POSTGRESQL_INDEXES if postgresql else _SQLITE_INDEXES:
        connection.exec_driver_sql(statement)


def drop_indexes(connection: Connection) -> None:
    """Undo `create_indexes`, for a migration that goes back."""
    postgresql = connection.dialect.name == "postgresql"
    connection.exec_driver_sql(
        "DROP INDEX IF EXISTS ix_search_text_words" if postgresql else "DROP TABLE IF EXISTS search_fts"
    )


# detail=none holds which rows a word is in and nothing else: half the size, and all that is asked.
_SQLITE_INDEXES = (
    """CREATE VIRTUAL TABLE search_fts USING fts5(words, content='search_text',
       content_rowid='id', tokenize='ascii', detail=none, columnsize=0)""",
    # Few, large segments: a first pull would otherwise merge them over and over.
    "INSERT INTO search_fts (search_fts, rank) VALUES ('automerge', 8), ('hashsize', 4194304)",
)
_LEXEMES = "array_to_tsvector(array_remove(string_to_array(words, ' '), ''))"
_POSTGRESQL_INDEXES = (f"CREATE INDEX ix_search_text_words ON search_text USING gin (({_LEXEMES}))",)


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
        statement = text(
            f"SELECT id FROM search_entry WHERE case_id {_in(connection, 'cases')} AND source = :source"
            f" AND {same_feed}"
        )
        values = {"cases": _list(connection, case_ids), "source": source, "feed_id": feed_id}
        ids += connection.execute(statement, values).scalars()
    return ids


def _in(connection: Connection, name: str) -> str:
    """Give the SQL for "is one of the list bound as name": one parameter, however long the list is."""
    return (
        f"= ANY(:{name})"
        if connection.dialect.name == "postgresql"
        else f"IN (SELECT value FROM json_each(:{name}))"
    )


def _list(connection: Connection, values: list[str] | list[int]) -> Any:
    return values if connection.dialect.name == "postgresql" else orjson.dumps(values).decode()


_ENTRY_COLUMNS = ("id", "hidden", *SearchEntry._fields[:-3])
_TEXT_COLUMNS = ("id", *SearchEntry._fields[-3:])


def _insert(connection: Connection, entries: list[SearchEntry], *, hidden: bool) -> None:
    if connection.dialect.name == "postgresql":
        ids: list[int] = list(
            connection.execute(
                text("SELECT nextval('search_entry_id_seq') FROM generate_series(1, :n)"), {"n": len(entries)}
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
    these = {"ids": _list(connection, ids)}
    where = f"WHERE id {_in(connection, 'ids')}"
    if connection.dialect.name == "sqlite":
        forget = "INSERT INTO search_fts (search_fts, rowid, words) SELECT 'delete', id, words"
        connection.execute(text(f"{forget} FROM search_text {where}"), these)
    connection.execute(text(f"DELETE FROM search_text {where}"), these)
    connection.execute(text(f"DELETE FROM search_entry {where}"), these)
    return len(ids)


# --- Reading ---

_HIT = "e.id, e.source, e.feed_id, e.case_id, e.owner, e.country, e.status, e.updated"
_SELECT = f"SELECT {_HIT} FROM search_entry e"
_AMONG_NEWEST = "e.updated >= (SELECT updated FROM search_entry ORDER BY updated DESC LIMIT 1 OFFSET 3000)"
_AMONG_LAST_MISSING = (
    "e.shown_to > 0 AND e.since >= (SELECT since FROM search_entry WHERE shown_to > 0 AND since <= :before"
    " ORDER BY since DESC LIMIT 1 OFFSET 3000)"
)


def find(connection: Connection, query: Query) -> list[Hit]:
    """Give the part of the result that the query asks for.

    Without a name the newest change comes first; with one the most alike name, and among equals the newest.
    """
    if query.name is not None:
        return _find_by_name(connection, query)[query.offset : query.offset + query.limit]
    where, values = _conditions(connection, query)
    page = {**values, "limit": query.limit, "offset": query.offset}
    order = "since" if query.public else "updated"
    newest_first = f"ORDER BY e.{order} DESC, e.id DESC LIMIT :limit OFFSET :offset"
    if query.alert_at is not None and connection.dialect.name == "sqlite":
        return _hits(connection, f"{where} {newest_first}", page, "ix_search_entry_alert")
    if connection.dialect.name == "sqlite" and (query.public or query.country is None):
        # Mostly the newest rows fill the page. Where they do not, SQLite would walk on through the whole
        # table in the order of an index: "+" makes it read the table as it lies, which is several times
        # faster.
        among = _AMONG_LAST_MISSING if query.public else _AMONG_NEWEST
        rows = _hits(connection, f"{among} AND {where} {newest_first}", page, f"ix_search_entry_{order}")
        if len(rows) == query.limit:
            return rows
        newest_first = newest_first.replace(f"e.{order}", f"+e.{order}")
    return _hits(connection, f"{where} {newest_first}", page)


def _hits(connection: Connection, condition: str, values: dict[str, Any], by: str = "") -> list[Hit]:
    """Read the hits that fulfil a condition; on SQLite `by` is the index that leads to them."""
    indexed = f" INDEXED BY {by}" if by else ""
    found = connection.execute(text(f"{_SELECT}{indexed} WHERE {condition}"), values)
    return [Hit._make((*row, 1.0)) for row in found]


def find_and_count(connection: Connection, query: Query) -> tuple[list[Hit], int]:
    """Give the part of the result that the query asks for, and how many cases match in all; a name's
    candidates are put in order once for both, and what does not fill a page needs no counting."""
    if query.name is not None:
        ranked = _find_by_name(connection, query)
        return ranked[query.offset : query.offset + query.limit], len(ranked)
    hits = find(connection, query)
    if len(hits) < query.limit and (hits or not query.offset):
        return hits, query.offset + len(hits)
    return hits, count(connection, query)


def count(connection: Connection, query: Query) -> int:
    """Say how many cases match, to the public no more than MAX_COUNT; with a name, how many of its candidates
    are alike enough."""
    if query.name is not None:
        return len(_find_by_name(connection, query))
    where, values = _conditions(connection, query)
    counted = f"SELECT count(*) FROM search_entry e WHERE {where}"
    if query.public:
        counted = f"SELECT count(*) FROM (SELECT 1 FROM search_entry e WHERE {where} LIMIT {MAX_COUNT}) found"
    total: int = connection.execute(text(counted), values).scalar_one()
    return total


def find_audiences(
    connection: Connection, source: Source, feed_id: int | None, case_ids: Iterable[str]
) -> dict[str, int]:
    """Tell who may find some cases; those that are not in the search are absent."""
    ids = _ids_of(connection, ((source, feed_id, case_id) for case_id in case_ids))
    rows = text(f"SELECT case_id, shown_to FROM search_entry WHERE id {_in(connection, 'ids')}")
    return {row[0]: row[1] for row in connection.execute(rows, {"ids": _list(connection, ids)})}


def count_public(connection: Connection, countries: Sequence[str] = ()) -> dict[str, int]:
    """Count what the public may find, by country.

    Args:
        countries: see `Query`.
    """
    among, values = _among(connection, countries)
    shown = f"SELECT e.country, count(*) FROM search_entry e WHERE {_PUBLIC} AND {among} GROUP BY e.country"
    return {row[0]: row[1] for row in connection.execute(text(shown), values)}


def list_public(
    connection: Connection, part: int, countries: Sequence[str] = ()
) -> list[tuple[str, datetime]]:
    """List what the public may find of one part of the rows: each case with when it changed last.

    Args:
        countries: see `Query`.
    """
    among, values = _among(connection, countries)
    listed = text(
        f"SELECT e.case_id, e.updated FROM search_entry e WHERE e.id >= :first AND e.id < :last AND {_PUBLIC}"
        f" AND {among} ORDER BY e.id"
    )
    values |= {"first": part * PART_ROWS, "last": (part + 1) * PART_ROWS}
    rows = connection.execute(listed, values)
    return [(case_id, datetime.fromtimestamp(updated, UTC)) for case_id, updated in rows]


def list_public_parts(connection: Connection) -> list[int]:
    """Return which parts of the rows hold something that the public may find."""
    found = text(f"SELECT DISTINCT id / {PART_ROWS} FROM search_entry e WHERE {_PUBLIC}")
    return sorted(connection.execute(found).scalars())


_PUBLIC = "NOT e.hidden AND e.shown_to > 0"


def _among(connection: Connection, countries: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Write "of these countries" as SQL, with the values that it binds."""
    if not countries:
        return "1 = 1", {}
    one_of = _in(connection, "countries")
    return f"(e.country {one_of} OR e.seen_in {one_of})", {"countries": _list(connection, list(countries))}


# For the transaction only: a search is over before PostgreSQL has compiled its statement or started helpers,
# and its tables lie in memory.
_PLAN = "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL random_page_cost = 1.1"


def _conditions(connection: Connection, query: Query) -> tuple[str, dict[str, Any]]:
    """Write everything but the name as SQL over `search_entry e`, with the values it binds."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_PLAN)
    shown = f"e.shown_to < {PUBLIC}"
    if query.public:
        # "+" again: SQLite would walk through all rows in the order of the index that has them.
        shown = "e.shown_to > 0" if connection.dialect.name == "postgresql" else "+e.shown_to > 0"
    parts = ["NOT e.hidden", shown]
    values: dict[str, Any] = {}

    def add(part: str, **bound: Any) -> None:
        parts.append(part)
        values.update(bound)

    if query.alert_at is not None:
        add("e.alert_until > :alert_at", alert_at=int(query.alert_at.timestamp()))
    if query.countries:
        among, bound = _among(connection, query.countries)
        add(among, **bound)
    for field in ("country", "seen_in", "owner", "source", "status", "category", "sex", "has_photo"):
        value = getattr(query, field)
        if value is not None:
            add(f"e.{field} = :{field}", **{field: value})
    if query.missing_within_years is not None:
        add("e.missing_to >= :since", since=_years_before(query.today, query.missing_within_years))
    values["before"] = date.max.toordinal()
    if query.missing_for_years is not None:
        add("e.since <= :before", before=_years_before(query.today, query.missing_for_years))
    if query.age_min is not None:
        if query.age_when == "now":
            add("e.born_from <= :born_by", born_by=_years_before(query.today, query.age_min))
        else:
            add("e.age_max >= :age_min", age_min=query.age_min * 12)
    if query.age_max is not None:
        if query.age_when == "now":
            add("e.born_to > :born_after", born_after=_years_before(query.today, query.age_max + 1))
        else:
            add("e.age_min < :age_end", age_end=(query.age_max + 1) * 12)
    if query.near is not None:
        part, bound = _near(*query.near)
        add(part, **bound)
    wanted = [[_asked(word)] for word in split_words(query.text or "")]
    if not query.public:
        wanted = [[word, _asked_of_place(word.letters)] for (word,) in wanted]
    wanted += [[_asked_of_place(word)] for word in split_words(query.place or "")]
    if wanted:
        postgresql = connection.dialect.name == "postgresql"
        add(_WORDS_POSTGRESQL if postgresql else _WORDS_SQLITE, words=_all_of(wanted, postgresql=postgresql))
    elif query.text or query.place:
        parts.append("1 = 0")  # something was asked for, and no letter of it can be found
    return " AND ".join(parts), values


def _years_before(day: date, years: int) -> int:
    return day.toordinal() - round(years * 365.2425)


_WORDS_SQLITE = "e.id IN (SELECT rowid FROM search_fts WHERE search_fts MATCH :words)"
# OFFSET 0 keeps PostgreSQL from going through the newest cases and taking the text of each one apart.
_WORDS_POSTGRESQL = (
    f"e.id IN (SELECT id FROM search_text WHERE {_LEXEMES} @@ CAST(:words AS tsquery) OFFSET 0)"
)


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


def _near(lat: float, lon: float, radius: float) -> tuple[str, dict[str, Any]]:
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


# --- Names ---

# Rows that one way of looking for candidates gives at most; how many are enough to look no further, since
# what a looser way finds is less alike; how many go through the full comparison.
_MOST, _ENOUGH, _COMPARED = 400, 600, 120
# Consonants of two words that may both differ: shorter names are like thousands, longer ones have a word that
# is the same.
_LONG = 6
# Words of a name that are looked up; more of them tell nothing more.
_MAX_WORDS = 5


def _find_by_name(connection: Connection, query: Query) -> list[Hit]:
    asked = name_keys([query.name or ""])
    where, values = _conditions(connection, query)
    ids: set[int] = set()
    for key in asked:
        found: set[int] = set()
        for wanted in _ways(key):
            found.update(_candidates(connection, wanted, where, values))
            if len(found) >= _ENOUGH:
                break
        ids |= found
    scores = {}
    for row in _most_alike(asked, _names_of(connection, list(ids))):
        known = list(
            map(NameKey, row.names_fold.strip().split(" | "), row.names_skeleton.strip().split(" | "))
        )
        score = key_score(asked, known)
        if score >= MIN_SCORE:
            scores[row.id] = round(score, 4)
    statement = text(f"{_SELECT} WHERE e.id {_in(connection, 'ids')}")
    rows = connection.execute(statement, {"ids": _list(connection, list(scores))})
    hits = [Hit._make((*row, scores[row.id])) for row in rows]
    return sorted(hits, key=lambda hit: (-hit.score, -hit.updated, -hit.id))


def _ways(key: NameKey) -> Iterator[Sequence[Collection[str]]]:
    """Give what to look for, the strictest first.

    Every way is a list of groups of indexed words; a row must have one word of each group.
    """
    folds = list(dict.fromkeys(key.fold.split()))[:_MAX_WORDS]
    bones = list(dict.fromkeys(key.skeleton.split()))[:_MAX_WORDS]
    yield [[FOLD_MARK + word] for word in folds]
    if not bones:
        return
    same = [[SKELETON_MARK + word] for word in bones]
    alike = [[SKELETON_MARK + word for word in similar_skeletons(word)] for word in bones]
    yield same
    for at in range(len(bones)):
        yield [*same[:at], alike[at], *same[at + 1 :]]
    for at in range(len(bones) - 1):
        # Min Su is Minsu elsewhere.
        yield [*same[:at], [SKELETON_MARK + bones[at] + bones[at + 1]], *same[at + 2 :]]
    if len(bones) == 2 and sum(map(len, bones)) >= _LONG:
        yield alike
    if len(bones) > 1:
        yield [[word for group in same for word in group]]


def _candidates(
    connection: Connection, wanted: Sequence[Collection[str]], where: str, values: dict[str, Any]
) -> list[int]:
    # One value instead of a row a number: most of the time would go into fetching them. Filters come before
    # the limit, or many of one name would hide the one that is looked for.
    postgresql = connection.dialect.name == "postgresql"
    quote, either, both = ("'", " | ", " & ") if postgresql else ('"', " OR ", " AND ")
    groups = [either.join(f"{quote}{word}{quote}" for word in group) for group in wanted]
    bound = {**values, "names": both.join(f"({group})" for group in groups), "most": _MOST}
    statement = _MATCH_POSTGRESQL if postgresql else _MATCH_SQLITE
    found = connection.execute(text(statement.format(where=where)), bound).scalar_one()
    ids: list[int] = found if postgresql else orjson.loads(found)
    return ids


# CROSS JOIN keeps the order: first the words, then the filters on the rows they are in.
_MATCH_SQLITE = (
    "SELECT json_group_array(rowid) FROM (SELECT f.rowid FROM search_fts f CROSS JOIN search_entry e"
    " ON e.id = f.rowid WHERE search_fts MATCH :names AND {where} ORDER BY f.rowid DESC LIMIT :most)"
)
# The common table keeps the same order on PostgreSQL.
_MATCH_POSTGRESQL = (
    "WITH named AS MATERIALIZED"
    f" (SELECT id FROM search_text WHERE {_LEXEMES} @@ CAST(:names AS tsquery))"
    " SELECT coalesce(array_agg(id), '{{}}') FROM (SELECT named.id FROM named JOIN search_entry e"
    " ON e.id = named.id WHERE {where} LIMIT :most) found"
)


def _names_of(connection: Connection, ids: list[int]) -> Sequence[Any]:
    statement = text(
        f"SELECT id, names_fold, names_skeleton FROM search_text WHERE id {_in(connection, 'ids')}"
    )
    return connection.execute(statement, {"ids": _list(connection, ids)}).all()


def _most_alike(asked: list[NameKey], rows: Sequence[Any]) -> Sequence[Any]:
    """Keep the rows that a quick look at whole columns likes best, since the full comparison takes longer."""
    if len(rows) <= _COMPARED:
        return rows
    best = [0.0] * len(rows)
    for key in asked:
        for column, wanted in (("names_skeleton", key.skeleton), ("names_fold", key.fold)):
            texts = [getattr(row, column) for row in rows]
            for _text, score, at in process.extract(wanted, texts, scorer=fuzz.token_set_ratio, limit=None):
                best[at] += score
    return [rows[at] for at in nlargest(_COMPARED, range(len(rows)), key=best.__getitem__)]
