"""The journal: who did what with personal data, when and why, as a chain that is only ever added to.

Each entry has a number, and a hash over the hash before and its own bytes; both come about in the transaction
of what the entry is about, under the write lock that every such transaction holds. Triggers refuse to change
or remove one.

Guarantees: an entry holds case ids, names of fields and keyed hashes, never values of a case, so that it need
not go when a case is erased (rules of the domain, 9). `read_lines` gives what the database holds, byte for
byte, even where somebody has spoilt it. Whether the chain is whole, and signed heads of it, is
`services.audit`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata
from protocol.encoding import format_json

BEGINNING = bytes(32)
"""The hash before the first entry."""

_DOMAIN = b"gmcn/journal/1\n"

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("fields", sa.String, nullable=False),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("terms", sa.String, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
)

_SQLITE_GUARDS = tuple(
    f"CREATE TRIGGER journal_no_{event.lower()} BEFORE {event} ON journal "
    "BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END"
    for event in ("UPDATE", "DELETE")
)
_POSTGRESQL_GUARDS = (
    "CREATE FUNCTION refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the journal is only ever added to'; END $$",
    "CREATE TRIGGER journal_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON journal "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change()",
)

# Built once: they are part of every request.
_LAST = sa.select(journal.c.number, journal.c.hash).order_by(journal.c.number.desc()).limit(1)
# Numbers that are asked for may be larger than any that PostgreSQL would take for one of the column.
_HASH = sa.select(journal.c.hash).where(journal.c.number == sa.bindparam("number", type_=sa.BigInteger))
_WRITE = journal.insert()
# As they stand in the file: a row that was spoilt may not even be of the column's type.
_RAW = (
    sa.select(*[sa.type_coerce(column, sa.types.NullType()) for column in journal.c])
    .where(journal.c.number > sa.bindparam("after", type_=sa.BigInteger))
    .order_by(journal.c.number)
    .limit(sa.bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What is written into the journal.

    Attributes:
        actor: such as "cli:amina", "token 3f9a0c11d2e4", "member police.de.example"; "node" for what it does
            by itself.
        action: such as "case.publish", "case.open", "search".
        fields: names of what was touched: fields or parts of a case, conditions of a search, members, feeds,
            kinds of keys.
        purpose: what the reader said that it was for.
        terms: keyed hashes of what was searched for.
    """

    at: datetime
    actor: str
    action: str
    case_id: str = ""
    fields: Sequence[str] = ()
    purpose: str = ""
    terms: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NumberedEntry:
    """An entry with its place in the journal."""

    number: int
    entry: JournalEntry


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as its hash is over it; what it says is not looked at.

    Attributes:
        text: JSON; empty where the row cannot be one of this program's.
        hash: that stands beside it.
    """

    number: int
    text: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for; every condition narrows the result, and None leaves its field open.

    Attributes:
        action: a whole action, or the part of it before the dot.
        field: one of the names in `fields`, whole.
        purpose: words that stand in the purpose.
        terms: keyed hashes, all of which the entry must have.
        since, until: the first moment, and the first that is too late.
        before: only entries with a smaller number.
    """

    actor: str | None = None
    action: str | None = None
    case_id: str | None = None
    field: str | None = None
    purpose: str | None = None
    terms: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def create_guards(conn: Connection) -> None:
    """Have the database refuse to change or remove an entry; for the migration that makes the table."""
    postgresql = conn.dialect.name == "postgresql"
    for statement in _POSTGRESQL_GUARDS if postgresql else _SQLITE_GUARDS:
        conn.exec_driver_sql(statement)


def drop_guards(conn: Connection) -> None:
    """Undo `create_guards`, for a migration that goes back. Those of SQLite go with the table."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("DROP FUNCTION refuse_journal_change() CASCADE")


def hash_line(before: bytes, text: bytes) -> bytes:
    """Hash an entry's text with the hash of the entry before: SHA-256."""
    return hashlib.sha256(_DOMAIN + before + text).digest()


def write_journal(conn: Connection, entry: JournalEntry) -> None:
    """Add an entry, in a transaction that `writing` gave: its lock is what keeps the numbers in a row."""
    number, before = last_entry(conn)
    row: dict[str, Any] = {
        "number": number + 1,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "case_id": entry.case_id,
        "fields": format_json(list(entry.fields)).decode(),
        "purpose": entry.purpose,
        "terms": " ".join(entry.terms),
    }
    text = _format_line(**{**row, "at": round(entry.at.timestamp() * 1000)})
    conn.execute(_WRITE, {**row, "hash": hash_line(before, text)})


def last_entry(conn: Connection) -> tuple[int, bytes]:
    """Return the number and hash of the last entry; 0 and BEGINNING where there is none."""
    row = conn.execute(_LAST).one_or_none()
    return (row.number, row.hash) if row else (0, BEGINNING)


def find_hash(conn: Connection, number: int) -> bytes | None:
    """Return the hash of an entry; BEGINNING for 0, None where there is no such entry."""
    if number == 0:
        return BEGINNING
    found: bytes | None = conn.execute(_HASH, {"number": number}).scalar_one_or_none()
    return found


def read_lines(conn: Connection, after: int, limit: int) -> Iterator[Line]:
    """Give entries in their order, as they stand in the database.

    Args:
        after: the number before the first that is wanted.
        limit: the most that are given.
    """
    rows: Iterable[Sequence[Any]] = conn.execute(_RAW, {"after": after, "most": limit})
    for number, *values, found in rows:
        try:
            text = _format_line(number, *values)
        except (TypeError, ValueError, OverflowError, OSError):  # somebody else wrote it
            text = b""
        yield Line(number, text, found if isinstance(found, bytes) else b"")


def find_entries(conn: Connection, wanted: Wanted, limit: int) -> list[NumberedEntry]:
    """Return entries, the newest first."""
    query = sa.select(journal).order_by(journal.c.number.desc()).limit(limit)
    for condition in _conditions(wanted):
        query = query.where(condition)
    return [
        NumberedEntry(
            row.number,
            JournalEntry(
                row.at,
                row.actor,
                row.action,
                row.case_id,
                orjson.loads(row.fields),
                row.purpose,
                row.terms.split(),
            ),
        )
        for row in conn.execute(query)
    ]


def read_journal(conn: Connection, case_id: str | None = None, limit: int = 100) -> list[JournalEntry]:
    """Return the entries about a case, or all, the newest first."""
    return [found.entry for found in find_entries(conn, Wanted(case_id=case_id), limit)]


def _conditions(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    for column, value in (
        (journal.c.actor, wanted.actor),
        (journal.c.case_id, wanted.case_id),
    ):
        if value is not None:
            yield column == value
    if wanted.action is not None:
        below = journal.c.action.startswith(f"{wanted.action}.", autoescape=True)
        yield sa.or_(journal.c.action == wanted.action, below)
    if wanted.field is not None:
        yield journal.c.fields.contains(format_json(wanted.field).decode(), autoescape=True)
    if wanted.purpose is not None:
        yield journal.c.purpose.icontains(wanted.purpose, autoescape=True)
    for term in wanted.terms:
        yield journal.c.terms.contains(term, autoescape=True)
    if wanted.since is not None:
        yield journal.c.at >= wanted.since
    if wanted.until is not None:
        yield journal.c.at < wanted.until
    if wanted.before is not None:
        yield journal.c.number < sa.literal(wanted.before, sa.BigInteger)


def _format_line(
    number: int, at: int, actor: str, action: str, case_id: str, fields: str, purpose: str, terms: str
) -> bytes:
    """Write an entry as the hash is over it.

    Args:
        at: milliseconds since 1970.
        fields: JSON, which goes in as it stands: another spelling of the same names is another entry.
    """
    moment = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    values: dict[str, Any] = {
        "number": number,
        "at": f"{moment.removesuffix('+00:00')}Z",
        "actor": actor,
        "action": action,
        "case": case_id,
        "fields": orjson.Fragment(fields),
        "purpose": purpose,
        "terms": terms,
    }
    return format_json(values)
