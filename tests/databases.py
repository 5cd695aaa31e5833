"""Databases of tests that are copies of one made before: to make each anew takes longer than most tests."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any
from unittest.mock import patch

import psycopg
from sqlalchemy import Connection, Engine, event, inspect, make_url

from node.store import migrate as migrating
from node.store.copying import Loader, dump
from node.store.database import open_database, reading, scrub, writing
from node.store.migrate import migrate

_MADE: set[str] = set()
"""The addresses of PostgreSQL databases that others are copied from."""

_ADMINISTRATORS: dict[str, psycopg.Connection] = {}
"""The connection that makes and drops databases, by the address of its server's first one."""

_SAID: dict[tuple[str, str], list[tuple[str, Any]]] = {}
"""The statements that bring an empty database to a form, by kind of database and revision."""

_run_truly = migrating._run


def share_migrations() -> None:
    """Let what brings an empty database to its form be worked out once, for the rest of the process."""
    migrating._run = _run_again


@contextmanager
def true_migrations() -> Iterator[None]:
    """Let every migration be worked out anew."""
    with patch.object(migrating, "_run", _run_truly):
        yield


def _run_again(connection: Connection, revision: str, *, down: bool) -> None:
    which = connection.dialect.name, revision
    if down or inspect(connection).has_table("alembic_version"):
        _run_truly(connection, revision, down=down)
    elif which in _SAID:
        for statement, parameters in _SAID[which]:
            connection.exec_driver_sql(statement, parameters)
    else:
        with _hearing(connection) as said:
            _run_truly(connection, revision, down=down)
        _SAID[which] = said


@contextmanager
def _hearing(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Write down the statements that change something."""
    said: list[tuple[str, Any]] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if not statement.startswith(("SELECT", "PRAGMA")):
            said.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", hear)
    yield said
    event.remove(connection, "before_cursor_execute", hear)


@contextmanager
def administer(server: str) -> Iterator[None]:
    """Keep one connection to a PostgreSQL server, which makes and drops all databases there.

    To connect for each of them would cost half as much again.
    """
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET wal_recycle = off")  # as docs/operating.md asks
        connection.execute("ALTER SYSTEM SET fsync = off")  # no test takes the power away from it
        connection.execute("SELECT pg_reload_conf()")
        # Who connects first to a database writes a file that spares all others work: copies then have it.
        psycopg.connect(_beside(server, "template1").replace("+psycopg", "")).close()
        _ADMINISTRATORS[_beside(server, "postgres")] = connection
        yield
        del _ADMINISTRATORS[_beside(server, "postgres")]


@contextmanager
def new_pg_database(server: str) -> Iterator[str]:
    """Make a PostgreSQL database without a table and give its address; drop it afterwards."""
    with pg_address(server) as address:
        make_pg_database(address)
        yield address


@contextmanager
def pg_address(server: str) -> Iterator[str]:
    """Give the address of a PostgreSQL database that is not there yet; drop it afterwards.

    None is used twice: what a test did to its tables and triggers would reach the next.
    """
    address = _beside(server, f"test_{token_hex(8)}")
    yield address
    _administrator(address).execute(f"DROP DATABASE IF EXISTS {make_url(address).database} WITH (FORCE)")


def make_pg_database(address: str, template: str = "template1") -> None:
    """Make a PostgreSQL database as a copy of another, by default one without a table."""
    name = make_url(address).database
    # As files: in the log of writes, which is the default, a copy costs twice as much.
    _administrator(address).execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')


def migrate_copy(engine: Engine) -> None:
    """Make a database of the present form, by a copy of one that was migrated before."""
    if engine.dialect.name == "postgresql":
        copy_pg_database(engine.url.render_as_string(hide_password=False), "migrated", _make_migrated)
    elif engine.url.database:
        Path(engine.url.database).write_bytes(_migrated_file())
    else:
        migrate(engine)


def copy_pg_database(address: str, name: str, make: Callable[[Engine], None]) -> None:
    """Make a PostgreSQL database as a copy of another on the same server.

    Args:
        name: of the other; it is made when it is needed first, and stays.
        make: makes it, and is given an engine for what is not there yet.
    """
    template = _beside(address, name)
    if template not in _MADE:
        engine = open_database(template)
        make(engine)
        engine.dispose()
        _MADE.add(template)
    make_pg_database(address, name)


def _make_migrated(engine: Engine) -> None:
    make_pg_database(engine.url.render_as_string(hide_password=False))
    migrate(engine)


def _administrator(address: str) -> psycopg.Connection:
    return _ADMINISTRATORS[_beside(address, "postgres")]


def _beside(address: str, name: str) -> str:
    """Give the address of a database on the same server."""
    url = make_url(address).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


def load_file(file: Path, engine: Engine) -> None:
    """Make a PostgreSQL database with the rows of a SQLite file, as a backup does."""
    migrate_copy(engine)
    source = open_database(f"sqlite:///{file}")
    with reading(source) as rows, writing(engine) as target:
        loader = Loader(target)
        for announced, batch, _ in dump(rows):
            loader.load(announced, batch)
        loader.finish()
    source.dispose()


@cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "node.db"
        engine = open_database(f"sqlite:///{path}")
        migrate(engine)
        assert scrub(engine)
        engine.dispose()
        return path.read_bytes()
