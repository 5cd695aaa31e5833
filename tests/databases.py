"""Databases of tests that are copies of one made before: to make each anew takes longer than most tests."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from secrets import token_hex

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, make_url

from node.store.copying import Loader, dump
from node.store.database import open_database, reading, scrub, writing
from node.store.migrate import migrate

_MIGRATED = "migrated"
_SPARE = 6  # databases that are kept: as many as one test may have, and some
_FORM = """SELECT md5(string_agg(concat_ws(' ', relname, relkind, relnatts), ',' ORDER BY relname))
    FROM pg_class WHERE relnamespace = 'public'::regnamespace"""
_FILLED = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0"""
_END_OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
_NO_TRIGGERS = "SET LOCAL session_replication_role = replica"
_COUNTED = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"


@dataclass(frozen=True)
class _Content:
    """The rows of every table as `COPY` gives them, and how far each sequence has counted."""

    tables: dict[str, bytes]
    counted: list[tuple[str, int]]


class PgDatabases:
    """The databases of one PostgreSQL server. To make one, and to drop it, costs more than most tests: what a
    test gives back is emptied for the next, and gets another name.

    Attributes:
        server: the address of the server's own database.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self._own: Connection | None = None
        self._form: str | None = None  # of the database that is migrated
        self._spare: dict[str | None, list[str]] = {}  # by form: None is without a table
        self._contents: dict[str, _Content] = {}

    def close(self) -> None:
        """Leave the server."""
        if self._own:
            self._own.close()

    @contextmanager
    def new(self) -> Iterator[str]:
        """Give the address of a database without a table, for as long as the block takes."""
        name = f"test_{token_hex(8)}"
        self._take(None, name, "template1")
        yield self.address(name)
        self._give_back(name)

    def migrate(self, name: str) -> None:
        """Bring a database without a table to the present form."""
        if self._form is None:
            self._do(f"CREATE DATABASE {_MIGRATED}")
            engine = open_database(self.address(_MIGRATED))
            migrate(engine)
            engine.dispose()
            with self._connect(_MIGRATED) as connection:
                self._form = _form_of(connection)
        self._put_away(name, None)
        self._take(self._form, name, _MIGRATED)

    def fill(self, name: str, content: str, make: Callable[[], None]) -> None:
        """Bring a database without a table to the present form, with rows.

        Args:
            content: names the rows.
            make: does it the first time.
        """
        if content not in self._contents:
            make()
            with self._connect(name) as connection:
                self._contents[content] = _read_content(connection)
            return
        self.migrate(name)
        with self._connect(name) as connection:
            _write_content(connection, self._contents[content])

    def address(self, name: str) -> str:
        """Return the address of a database, as the node's settings have it."""
        address = make_url(self.server).set(drivername="postgresql+psycopg", database=name)
        return address.render_as_string(hide_password=False)

    def _take(self, form: str | None, name: str, template: str) -> None:
        if spare := self._spare.get(form):
            self._do(f'ALTER DATABASE {spare.pop()} RENAME TO "{name}"')
        else:
            # As files: in the log of writes, which is the default, a copy costs twice as much.
            self._do(f'CREATE DATABASE "{name}" TEMPLATE {template} STRATEGY FILE_COPY')

    def _give_back(self, name: str) -> None:
        with self._connect(name) as connection:
            form = _form_of(connection)
            if form is not None and form == self._form:
                connection.execute(_END_OTHERS, (name, connection.info.backend_pid))
                _empty(connection)
        self._put_away(name, form)

    def _put_away(self, name: str, form: str | None) -> None:
        spare = self._spare.setdefault(form, [])
        if form not in (None, self._form) or len(spare) == _SPARE:
            self._do(f'DROP DATABASE "{name}" WITH (FORCE)')
            return
        self._do(_END_OTHERS, name, 0)
        spare.append(f"spare_{token_hex(8)}")
        self._do(f'ALTER DATABASE "{name}" RENAME TO {spare[-1]}')

    def _do(self, statement: str, *values: object) -> None:
        """Run a statement in the server's own database, on one connection: each costs as much as a test."""
        if self._own is None:
            self._own = self._connect()
        self._own.execute(statement, values or None)

    def _connect(self, name: str = "postgres") -> Connection:
        return psycopg.connect(make_conninfo(self.server, dbname=name), autocommit=True)


def _form_of(connection: Connection) -> str | None:
    """Return what tells whether a database has the same tables as another; None where it has none."""
    (form,) = connection.execute(_FORM).fetchone() or (None,)
    return form


def _empty(connection: Connection) -> None:
    with connection.transaction():
        connection.execute(_NO_TRIGGERS)  # the journal refuses to be emptied
        if filled := [name for (name,) in connection.execute(_FILLED)]:
            connection.execute(f"TRUNCATE {', '.join(filled)} CASCADE")
        for counted, _ in connection.execute(_COUNTED).fetchall():
            connection.execute(f"ALTER SEQUENCE {counted} RESTART")


def _read_content(connection: Connection) -> _Content:
    tables = {}
    for (name,) in connection.execute(_FILLED).fetchall():
        with connection.cursor().copy(f"COPY {name} TO STDOUT (FORMAT binary)") as rows:
            tables[name] = b"".join(map(bytes, rows))
    return _Content(tables, connection.execute(_COUNTED).fetchall())


def _write_content(connection: Connection, content: _Content) -> None:
    with connection.transaction():
        connection.execute(_NO_TRIGGERS)  # the rows are whole: what refers to another may come before it
        for name, data in content.tables.items():
            with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT binary)") as rows:
                rows.write(data)
        for name, counted in content.counted:
            connection.execute("SELECT setval(%s, %s)", (name, counted))


_SERVERS: dict[str, PgDatabases] = {}


def pg_databases(address: str) -> PgDatabases:
    """Return the databases of a server, by the address of any of them."""
    url = make_url(address).set(drivername="postgresql", database="postgres")
    server = url.render_as_string(hide_password=False)
    return _SERVERS.setdefault(server, PgDatabases(server))


def migrate_copy(engine: Engine) -> None:
    """Bring an empty database to the present form, by a copy of one that was migrated before."""
    if engine.dialect.name == "postgresql":
        engine.dispose()
        url = engine.url.render_as_string(hide_password=False)
        pg_databases(url).migrate(engine.url.database or "")
    elif engine.url.database:
        Path(engine.url.database).write_bytes(_migrated_file())
    else:
        migrate(engine)


def fill_copy(url: str, content: str, file: Path) -> None:
    """Fill an empty PostgreSQL database with the rows of a SQLite file, as a backup does.

    Args:
        content: names these rows, which are read from the file only once.
    """
    pg_databases(url).fill(make_url(url).database or "", content, partial(_load_file, file, url))


def _load_file(file: Path, url: str) -> None:
    engine = open_database(url)
    migrate_copy(engine)
    source = open_database(f"sqlite:///{file}")
    with reading(source) as rows, writing(engine) as target:
        loader = Loader(target)
        for announced, batch, _ in dump(rows):
            loader.load(announced, batch)
        loader.finish()
    source.dispose()
    engine.dispose()


@cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "node.db"
        engine = open_database(f"sqlite:///{path}")
        migrate(engine)
        assert scrub(engine)
        engine.dispose()
        return path.read_bytes()
