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
def new_pg_database(server: str) -> Iterator[str]:
    """Make a PostgreSQL database without a table and give its address; drop it afterwards."""
    with pg_address(server) as address:
        with psycopg.connect(server, autocommit=True) as connection:
            # As files: in the log of writes, which is the default, a copy costs twice as much.
            connection.execute(f"CREATE DATABASE {make_url(address).database} STRATEGY FILE_COPY")
        yield address


@contextmanager
def pg_address(server: str) -> Iterator[str]:
    """Give the address of a PostgreSQL database that is not there yet; drop it afterwards.

    None is used twice: what a test did to its tables and triggers would reach the next.
    """
    name = f"test_{token_hex(8)}"
    address = make_url(server).set(drivername="postgresql+psycopg", database=name)
    yield address.render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def migrate_copy(engine: Engine) -> None:
    """Bring an empty database to the present form, by a copy of one that was migrated before."""
    if engine.dialect.name == "postgresql":
        engine.dispose()
        copy_pg_database(engine.url.render_as_string(hide_password=False), "migrated", migrate)
    elif engine.url.database:
        Path(engine.url.database).write_bytes(_migrated_file())
    else:
        migrate(engine)


def copy_pg_database(url: str, name: str, make: Callable[[Engine], None]) -> None:
    """Put a copy of a PostgreSQL database in the place of an empty one, or of none, on the same server.

    Args:
        name: of the other; it is made when it is needed first, and stays.
    """
    new, template = make_url(url), make_url(url).set(database=name)
    server = new.set(database="postgres", drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        if str(template) not in _MADE:
            connection.execute(f'CREATE DATABASE "{name}"')
            engine = open_database(template.render_as_string(hide_password=False))
            make(engine)
            engine.dispose()
            _MADE.add(str(template))
        connection.execute(f'DROP DATABASE IF EXISTS "{new.database}"')
        connection.execute(f'CREATE DATABASE "{new.database}" TEMPLATE "{name}" STRATEGY FILE_COPY')


def load_file(file: Path, engine: Engine) -> None:
    """Fill an empty PostgreSQL database with the rows of a SQLite file, as a backup does."""
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
