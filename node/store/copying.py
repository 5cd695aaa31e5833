"""Every row of the database in a form that either kind of database can take: for backups.

Guarantees: what is copied is one state of the whole database, however long it takes and whatever is written
meanwhile; memory does not grow with it. A row is an array of JSON, a table is announced with its columns
before its first rows. Bytes stand as text whose characters are the bytes. The index of the search's words is
made anew and not copied.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from node.errors import InvalidInput
from node.store.database import reading
from node.store.tables import metadata

_ROWS_AT_ONCE = 64
_BATCH_BYTES = 1 << 20
# Does nothing where the database does not number, and for empty tables.
_GO_ON = (
    "SELECT setval(pg_get_serial_sequence('{0}', 'id'), (SELECT max(id) FROM {0})) "
    "WHERE pg_get_serial_sequence('{0}', 'id') IS NOT NULL AND EXISTS (SELECT 1 FROM {0})"
)


def count_rows(conn: Connection) -> int:
    """Count the rows of all tables."""
    return sum(
        conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    )


def dump(conn: Connection) -> Iterator[tuple[bytes, bytes, int]]:
    """Give the whole database, so that what a row refers to comes before it.

    Returns:
        For each batch the announcement of its table, its rows, and how many they are.
    """
    for table in metadata.sorted_tables:
        announced = orjson.dumps({"table": table.name, "columns": [_column(item) for item in table.columns]})
        binary = [place for place, item in enumerate(table.columns) if isinstance(item.type, sa.LargeBinary)]
        names = _quoted(conn, [item.name for item in table.columns])
        rows = conn.exec_driver_sql(
            f"SELECT {names} FROM {table.name}",  # noqa: S608 - names of tables and columns of this program
            execution_options={"stream_results": True, "yield_per": _ROWS_AT_ONCE},
        )
        batch, size = list[bytes](), 0
        for row in rows:
            batch.append(_format_row(row, binary))
            size += len(batch[-1])
            if size >= _BATCH_BYTES:
                yield announced, b"\n".join(batch), len(batch)
                batch, size = [], 0
        if batch:
            yield announced, b"\n".join(batch), len(batch)


class Loader:
    """Fills the tables of a database that was brought to the backup's revision and is otherwise empty."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._inspector = sa.inspect(conn)
        self._statements: dict[bytes, tuple[str, list[str]]] = {}

    def load(self, announced: bytes, rows: bytes) -> int:
        """Insert a batch that `dump` gave, and say how many rows it has.

        Raises:
            InvalidInput: the database has no such table or column.
        """
        if announced not in self._statements:
            self._statements[announced] = self._prepare(orjson.loads(announced))
        statement, kinds = self._statements[announced]
        values = [_parse_row(orjson.loads(line), kinds) for line in rows.split(b"\n")]
        self._conn.exec_driver_sql(statement, values)
        return len(values)

    def finish(self) -> None:
        """Make what follows from the rows: the index of the search's words, and where numbering goes on."""
        if self._conn.dialect.name == "sqlite":
            self._conn.exec_driver_sql("INSERT INTO search_fts (search_fts) VALUES ('rebuild')")
            return
        for name in self._inspector.get_table_names():
            columns = self._inspector.get_columns(name)
            if any(column["name"] == "id" and isinstance(column["type"], sa.Integer) for column in columns):
                self._conn.exec_driver_sql(_GO_ON.format(name))

    def _prepare(self, announced: dict[str, Any]) -> tuple[str, list[str]]:
        table, columns = announced["table"], announced["columns"]
        names = [name for name, _ in columns]
        known = (
            {column["name"] for column in self._inspector.get_columns(table)}
            if self._inspector.has_table(table)
            else set()
        )
        if not known >= set(names):  # also what keeps a forged name out of the statement
            raise InvalidInput(
                "This backup holds tables that this program does not know.", "Use the version that wrote it."
            )
        mark = "%s" if self._conn.dialect.name == "postgresql" else "?"
        marks, columns_named = ", ".join([mark] * len(names)), _quoted(self._conn, names)
        return f"INSERT INTO {table} ({columns_named}) VALUES ({marks})", [kind for _, kind in columns]  # noqa: S608


def is_empty(engine: Engine) -> bool:
    """Tell whether a database has no rows of this program's: no tables, or only empty ones."""
    present = sa.inspect(engine).get_table_names()
    with reading(engine) as conn:
        return not any(
            conn.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
            for name, table in metadata.tables.items()
            if name in present
        )


def _quoted(conn: Connection, names: Sequence[str]) -> str:
    """Write names of columns as this database wants those that are words of its language."""
    return ", ".join(map(conn.dialect.identifier_preparer.quote, names))


def _column(item: sa.Column[Any]) -> tuple[str, str]:
    if isinstance(item.type, sa.LargeBinary):
        return item.name, "binary"
    return item.name, "boolean" if isinstance(item.type, sa.Boolean) else "plain"


def _format_row(row: Sequence[Any], binary: Sequence[int]) -> bytes:
    values = list(row)
    for place in binary:
        if values[place] is not None:
            values[place] = bytes(values[place]).decode("latin-1")
    return orjson.dumps(values)


def _parse_row(values: list[Any], kinds: Sequence[str]) -> tuple[Any, ...]:
    for place, kind in enumerate(kinds):
        if values[place] is None or kind == "plain":
            continue
        values[place] = values[place].encode("latin-1") if kind == "binary" else bool(values[place])
    return tuple(values)
