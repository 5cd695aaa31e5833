"""One database for a node: SQLite by default, PostgreSQL by its URL.

Guarantees: a transaction that writes takes the write lock of the whole database when it begins, on either
kind, so that two writers wait for each other instead of failing half-way, and what one has read stays so
until it commits; a SQLite file overwrites what it deletes (`secure_delete`) and never writes rows to
temporary files. Dropping what the write-ahead log and old row versions still hold is `scrub`.

Leaves to others: the tables (each module of `node.store` adds its own to `metadata`) and their migrations.
"""

import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, cast

import sqlalchemy
import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from node.errors import InvalidInput, NodeError

Item = TypeVar("Item")

log = structlog.get_logger()

metadata = sqlalchemy.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(sqlalchemy.types.TypeDecorator[datetime]):
    """An aware time, kept as whole milliseconds since 1970: both databases order and compare it alike."""

    impl = sqlalchemy.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sqlalchemy.Dialect) -> int | None:
        """Turn an aware time into milliseconds."""
        return _milliseconds(value)

    def process_result_value(self, value: int | None, dialect: sqlalchemy.Dialect) -> datetime | None:
        """Turn milliseconds into a time in UTC."""
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


# A writer holds the lock for one batch of a pull, well below a second; half a minute of waiting means that
# something is stuck.
_BUSY_TIMEOUT_MS = 30_000
# Whoever waits to truncate the log keeps writers waiting meanwhile.
_SCRUB_TIMEOUT_MS = 500
# To ask a PostgreSQL server before each use whether it is still there would be a fourth of all questions.
_PING_AFTER_SECONDS = 1.0
# Nothing that is asked here gets faster by being compiled, or by helpers, and all of it lies in memory.
_PLANNING = "SET jit = off; SET max_parallel_workers_per_gather = 0; SET random_page_cost = 1.1"
# The advisory lock of whoever writes to a PostgreSQL database: any number that nothing else uses there.
_WRITE_LOCK = 0x676D636E
# That of whoever copies one, shared: rewriting the tables would wait for it, with everybody else behind.
_COPY_LOCK = 0x676D6363
_PG_DISK_FULL = "53100"
# Per connection, in KiB: enough for the upper pages of every index, small enough for a node that promises 160
# MB resident.
_CACHE_KIB = 4_096
_CHUNK = 500  # bound parameters of one statement stay far below either database's limit
_PRAGMAS = (
    f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    f"PRAGMA cache_size=-{_CACHE_KIB}",
)


def open_database(url: str) -> Engine:
    """Open the node's database, without creating its tables.

    Args:
        url: `sqlite:///path/to/file.db` or `postgresql+psycopg://…`.

    Raises:
        InvalidInput: the URL names another kind of database, or cannot be read.
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError as error:
        raise InvalidInput(
            "The database address cannot be read.",
            "Write it as sqlite:///path or postgresql+psycopg://host/name.",
        ) from error
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return _open_sqlite(parsed)
        case "postgresql+psycopg":
            return _open_postgresql(parsed)
        case other:
            raise InvalidInput(
                "The database address begins with %(other)s://, which this node does not know.",
                "Use sqlite:///path or postgresql+psycopg://host/name.",
                other=other,
            )


def _open_postgresql(url: sqlalchemy.URL) -> Engine:
    # The connection used last first: it needs no look whether it is still there.
    engine = sqlalchemy.create_engine(url, pool_use_lifo=True)
    driver: Any = engine.dialect.loaded_dbapi  # which is installed only where it is needed

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.execute(_PLANNING)
        connection.commit()

    @event.listens_for(engine, "checkin")
    def _note(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["given_back"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _check(connection: Any, record: ConnectionPoolEntry, _fairy: object) -> None:
        """Have another connection taken where this one cannot be used."""
        if connection.info.transaction_status != driver.pq.TransactionStatus.IDLE:
            log.error("a connection to the database was given back in the middle of a transaction")
            raise sqlalchemy.exc.DisconnectionError
        now = time.monotonic()
        if now - record.info.get("given_back", now) >= _PING_AFTER_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except driver.Error:  # the server was started anew meanwhile
                raise sqlalchemy.exc.DisconnectionError from None

    return engine


def _open_sqlite(url: sqlalchemy.URL) -> Engine:
    # The connection used last first: its pages are in its cache, and those of idle ones stay small.
    engine = sqlalchemy.create_engine(url, pool_use_lifo=True)
    if url.database and url.database != ":memory:":
        # SQLite would let every user of the machine read it, wherever the settings put it. The log beside it
        # gets the same mode. One that is there already is not opened: to close it would take away the locks
        # of every connection that this process has to it (POSIX), and another process could break it.
        with suppress(OSError):  # it is there; anything else SQLite meets too, and names
            os.close(os.open(url.database, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # Python's own transaction handling begins late and never IMMEDIATE: off; `reading` and `writing`
        # begin.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that only reads: on SQLite one state of the database; on PostgreSQL each statement
    sees its own, as it would in a transaction there, and is spared asking for one."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            _driver(connection).execute("BEGIN")
            yield connection
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Give a connection that reads one state of the database for as long as it takes, while others write.

    Meanwhile `scrub` does nothing: the state that is read still has what they delete.
    """
    if engine.dialect.name == "sqlite":
        with reading(engine) as connection:
            yield connection
        return
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_COPY_LOCK})")
        yield connection


@contextmanager
def writing(engine: Engine, *, durable: bool = False) -> Iterator[Connection]:
    """Give a connection in a transaction: committed at the end of the block, rolled back by an exception.

    The write lock is taken at once. On SQLite a transaction that reads first and writes later could otherwise
    fail instead of waiting; on PostgreSQL an erasure could be committed between another writer's look at a
    case and its change.

    Args:
        durable: whether the commit must outlive a loss of power, as PostgreSQL's always does: what is signed
            must not be forgotten. SQLite otherwise forgets the last moments then, and never more.

    Raises:
        NodeError: the disk is full.
    """
    try:
        with engine.begin() as connection:
            begin_writing(connection, durable=durable)
            yield connection
    except sqlalchemy.exc.OperationalError as error:
        if not _is_full(error.orig):
            raise
        raise NodeError(
            "The disk that the database is on is full, and nothing was changed.",
            "Make room there; what the node does by itself is tried again.",
        ) from None


def begin_writing(connection: Connection, *, durable: bool = False) -> None:
    """Take the write lock, on a connection without a transaction of its own; see `writing`."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
        return
    _driver(connection).execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _driver(connection: Connection) -> sqlite3.Connection:
    """Return what SQLAlchemy stands before. To begin by an event of SQLAlchemy's would cost every request and
    every statement more than SQLite itself takes for it."""
    return cast(sqlite3.Connection, connection.connection.dbapi_connection)


def _is_full(error: BaseException | None) -> bool:
    """Tell whether a driver's error means that the disk is full."""
    code = getattr(error, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or getattr(error, "sqlstate", None) == _PG_DISK_FULL


def upsert(
    connection: Connection,
    table: sqlalchemy.Table,
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
    keep: Collection[str] = (),
) -> None:
    """Insert rows, and change those that are there already.

    Written for the driver directly: at the hundred thousand rows of a first pull, SQLAlchemy's handling of
    each value would cost more than the insertion.

    Args:
        rows: at least one, all with the same columns; Python-side defaults are not applied.
        key: the columns that tell rows apart; they have a unique index.
        keep: columns that an existing row keeps.
    """
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    statement, moments = _upserting(mark, table, tuple(rows[0]), tuple(key), tuple(keep))
    values = []
    for row in rows:
        if moments:
            row = {**row, **{name: _milliseconds(row[name]) for name in moments}}
        values.append(tuple(row.values()))
    connection.exec_driver_sql(statement, values)


@cache
def _upserting(
    mark: str, table: sqlalchemy.Table, names: tuple[str, ...], key: tuple[str, ...], keep: tuple[str, ...]
) -> tuple[str, list[str]]:
    """Build the statement of `upsert`, once for each form; and name the columns that are moments."""
    changes = [f"{name} = excluded.{name}" for name in names if name not in key and name not in keep]
    action = f"UPDATE SET {', '.join(changes)}" if changes else "NOTHING"
    statement = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(key)}) DO {action}"  # names of tables and columns, never values
    )
    return statement, [name for name in names if isinstance(table.c[name].type, Moment)]


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Cut a list into pieces that one statement can take as parameters."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def scrub(engine: Engine) -> bool:
    """Drop what deleted rows left outside the tables: SQLite's write-ahead log, PostgreSQL's dead rows.

    Call it outside any transaction, after the transaction that deleted has committed. On PostgreSQL every
    table is rewritten and locked meanwhile; the server's own write-ahead log turns over by its settings.

    Returns:
        False where a reader still needed the log, or a backup the tables: nothing is lost, and the next call
        does it.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Beside a writer, or another of its kind, it could wait in a circle.
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({_WRITE_LOCK})")
            try:
                copied = f"SELECT pg_try_advisory_lock({_COPY_LOCK})"
                if not connection.exec_driver_sql(copied).scalar_one():
                    return False
                tables = ", ".join(f'"{name}"' for name in sqlalchemy.inspect(connection).get_table_names())
                connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {tables}")
                # Notes which rows everybody may see; as long as that is not known, no index is read alone.
                connection.exec_driver_sql(f"VACUUM {tables}")
                # The planner's statistics hold samples of the values; of other catalogues nothing is copied.
                connection.exec_driver_sql("VACUUM (FULL) pg_catalog.pg_statistic")
            finally:
                connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
        return True
    pooled = engine.raw_connection()
    try:
        cursor = pooled.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_SCRUB_TIMEOUT_MS}")
        busy: int = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    finally:
        pooled.close()
    return busy == 0
