"""Databases of tests that are copies of one made before: to make each anew takes longer than most tests."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex

import psycopg
from sqlalchemy import Engine, make_url

from node.store.copying import Loader, dump
from node.store.database import open_database, reading, scrub, writing
from node.store.migrate import migrate

_MADE: set[str] = set()
"""The addresses of PostgreSQL databases that others are copied from."""


@contextmanager
def new_pg_database(server: str) -> Iterator[str]:
    """Make a PostgreSQL database without a table and give its address; drop it afterwards.

    None is used twice: what a test did to its tables and triggers would reach the next.
    """
    name = f"test_{token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY")  # half the cost of the default
    address = make_url(server).set(drivername="postgresql+psycopg", database=name)
    yield address.render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
    """Replace an empty PostgreSQL database by a copy of another on the same server.

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
        connection.execute(f'DROP DATABASE "{new.database}"')
        # As files: in the log of writes, which is the default, a copy costs twice as much.
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
