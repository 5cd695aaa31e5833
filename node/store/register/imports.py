"""Spreadsheets that are on their way into the register, and what became of their rows.

Guarantees: a file, its name and its rows stand encrypted, and belong to one person; the file goes with the
import, its rows with their cases, and all of it when its time is over. An import goes on from where it stands
(compare-and-swap), so that two workers never do the same rows.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, chunks, metadata
from node.store.register.cases import DRAFT, case_file
from node.store.scrubbing import note_deletion

MAPPING = "mapping"
CHECKING = "checking"
CHECKED = "checked"
IMPORTING = "importing"
DONE = "done"
UNDOING = "undoing"
UNDONE = "undone"
FAILED = "failed"

RUNNING = (CHECKING, IMPORTING, UNDOING)
OPEN = (MAPPING, CHECKING, CHECKED, IMPORTING, FAILED)
"""The states in which the file is still here."""

GOOD = "good"
WRONG = "wrong"
HERE = "here"  # its reference is that of a case of the register
MADE = "made"
CHANGED = "changed"
KEPT = "kept"  # made, and not undone: it was published meanwhile

case_import = sa.Table(
    "case_import",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("person.id"), index=True),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("file", sa.LargeBinary),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("ends_at", Moment, nullable=False, index=True),
)

case_import_row = sa.Table(
    "case_import_row",
    metadata,
    sa.Column("import_id", sa.String, sa.ForeignKey("case_import.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Index("ix_case_import_row_state", "import_id", "state", "number"),
)

column_mapping = sa.Table(
    "column_mapping",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("used_at", Moment, nullable=False),
)

_HEAD = [column for column in case_import.columns if column.name != "file"]


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A file on its way.

    Attributes:
        person_id: whose it is; None for one of the command line.
        content: what is known of it, encrypted.
        done, total: how many rows of the present state are through, and how many there are.
        ends_at: when it is forgotten.
    """

    id: str
    person_id: str | None
    actor: str
    state: str
    content: bytes = field(repr=False)
    done: int
    total: int
    created_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class RowResult:
    """What a row is, or has become.

    Attributes:
        number: of the row in its file.
        case_id: the case that it is about; empty where there is none.
        revision: of that case, which the import made; 0 before.
        content: its cells and problems, encrypted; None once it is a case.
    """

    number: int
    state: str
    case_id: str = ""
    revision: int = 0
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class MappingRow:
    """A mapping that was saved for further files.

    Attributes:
        content: its name and itself, encrypted.
        actor: who saved it.
        used_at: when it served last; at first, when it was saved.
    """

    id: str
    content: bytes = field(repr=False)
    actor: str
    saved_at: datetime
    used_at: datetime


def add_import(conn: Connection, row: ImportRow, file: bytes) -> None:
    """Store a file that was handed in."""
    values = {column.name: getattr(row, column.name) for column in _HEAD}
    conn.execute(case_import.insert().values(**values, file=file))


def find_import(conn: Connection, import_id: str) -> ImportRow | None:
    """Return an import by its id."""
    row = conn.execute(sa.select(*_HEAD).where(case_import.c.id == import_id)).one_or_none()
    return ImportRow(*row) if row else None


def list_imports(conn: Connection, person_id: str | None, limit: int) -> list[ImportRow]:
    """Return the imports of a person, or of the command line, the newest first."""
    query = sa.select(*_HEAD).where(case_import.c.person_id.is_not_distinct_from(person_id))
    return [
        ImportRow(*row) for row in conn.execute(query.order_by(case_import.c.created_at.desc()).limit(limit))
    ]


def running_imports(conn: Connection) -> list[ImportRow]:
    """Return the imports of people that have something to do, the oldest first."""
    c = case_import.c
    query = sa.select(*_HEAD).where(c.state.in_(RUNNING), c.person_id.is_not(None)).order_by(c.created_at)
    return [ImportRow(*row) for row in conn.execute(query)]


def read_file(conn: Connection, import_id: str) -> bytes | None:
    """Return the encrypted file of an import; None once it is gone."""
    return conn.execute(
        sa.select(case_import.c.file).where(case_import.c.id == import_id)
    ).scalar_one_or_none()


def change_import(
    conn: Connection,
    before: ImportRow,
    state: str,
    *,
    done: int = 0,
    content: bytes | None = None,
    total: int | None = None,
    ends_at: datetime | None = None,
) -> bool:
    """Take an import on from how it was read. Returns False where it is not so any more."""
    c = case_import.c
    values = {"content": content, "total": total, "ends_at": ends_at}
    done_ = conn.execute(
        case_import.update()
        .where(c.id == before.id, c.state == before.state, c.done == before.done)
        .values(state=state, done=done, **{key: value for key, value in values.items() if value is not None})
    )
    return bool(done_.rowcount)


def drop_file(conn: Connection, import_id: str) -> None:
    """Forget the file of an import."""
    conn.execute(case_import.update().where(case_import.c.id == import_id).values(file=None))
    note_deletion(conn)


def drop_import(conn: Connection, import_id: str) -> None:
    """Forget an import with everything; cases that it has made stay."""
    conn.execute(case_import_row.delete().where(case_import_row.c.import_id == import_id))
    conn.execute(case_import.delete().where(case_import.c.id == import_id))
    note_deletion(conn)


def drop_old_imports(conn: Connection, now: datetime) -> None:
    """Forget the imports whose time is over."""
    for import_id in (
        conn.execute(sa.select(case_import.c.id).where(case_import.c.ends_at <= now)).scalars().all()
    ):
        drop_import(conn, import_id)


def drop_old_rows(conn: Connection, before: datetime) -> None:
    """Forget the rows with content of imports that are through and end before a moment."""
    c = case_import.c
    through = sa.select(c.id).where(c.state.in_((DONE, UNDONE)), c.ends_at <= before)
    of_these = sa.and_(
        case_import_row.c.import_id.in_(through), case_import_row.c.state.in_((GOOD, WRONG, HERE))
    )
    if conn.execute(case_import_row.delete().where(of_these)).rowcount:
        note_deletion(conn)


def drop_imports_about(conn: Connection, case_id: str) -> None:
    """Forget what files say of a case, since it is erased: its rows, and the files that still hold them."""
    c = case_import_row.c
    about = conn.execute(
        sa.select(case_import.c.id, case_import.c.state)
        .join(case_import_row, c.import_id == case_import.c.id)
        .where(c.case_id == case_id)
    ).all()
    conn.execute(case_import_row.delete().where(c.case_id == case_id))
    for import_id, state in about:
        if state in OPEN:
            _drop_unfinished(conn, import_id)


def add_rows(conn: Connection, import_id: str, rows: Sequence[RowResult]) -> None:
    """Store what rows are."""
    values = [
        {
            "import_id": import_id,
            "number": row.number,
            "state": row.state,
            "case_id": row.case_id,
            "revision": row.revision,
            "content": row.content,
        }
        for row in rows
    ]
    if values:
        conn.execute(case_import_row.insert(), values)


def change_row(conn: Connection, import_id: str, row: RowResult) -> None:
    """Store what a row has become."""
    c = case_import_row.c
    conn.execute(
        case_import_row.update()
        .where(c.import_id == import_id, c.number == row.number)
        .values(state=row.state, case_id=row.case_id, revision=row.revision, content=row.content)
    )


def drop_row(conn: Connection, import_id: str, number: int) -> None:
    """Forget one row."""
    c = case_import_row.c
    conn.execute(case_import_row.delete().where(c.import_id == import_id, c.number == number))


def drop_rows(conn: Connection, import_id: str, states: Collection[str]) -> None:
    """Forget the rows of an import that are of some states."""
    c = case_import_row.c
    conn.execute(case_import_row.delete().where(c.import_id == import_id, c.state.in_(states)))
    note_deletion(conn)


def list_rows(
    conn: Connection, import_id: str, states: Collection[str], limit: int, above: int = 0, offset: int = 0
) -> list[RowResult]:
    """Return rows of some states in the order of the file.

    Args:
        above: only those with a higher number.
    """
    c = case_import_row.c
    query = (
        sa.select(c.number, c.state, c.case_id, c.revision, c.content)
        .where(c.import_id == import_id, c.state.in_(states), c.number > above)
        .order_by(c.number)
    )
    return [RowResult(*row) for row in conn.execute(query.limit(limit).offset(offset))]


def count_rows(conn: Connection, import_id: str) -> dict[str, int]:
    """Count the rows of an import by their state."""
    c = case_import_row.c
    query = sa.select(c.state, sa.func.count()).where(c.import_id == import_id).group_by(c.state)
    return {row[0]: row[1] for row in conn.execute(query)}


def has_made(conn: Connection, import_id: str) -> bool:
    """Tell whether an import has made or changed cases that can be taken back."""
    return bool(count_rows(conn, import_id).keys() & {MADE, CHANGED})


def count_touched(conn: Connection, import_id: str) -> tuple[int, int]:
    """Count the cases that an import made that are drafts no more, and those that somebody has changed."""
    c = case_import_row.c
    made = (
        sa.select(sa.func.count())
        .select_from(case_import_row.join(case_file, case_file.c.case_id == c.case_id))
        .where(c.import_id == import_id, c.state == MADE)
    )
    out = conn.execute(made.where(case_file.c.status != DRAFT)).scalar_one()
    return out, conn.execute(made.where(case_file.c.revision != c.revision)).scalar_one()


def add_mapping(conn: Connection, row: MappingRow) -> None:
    """Keep a mapping."""
    values = {column.name: getattr(row, column.name) for column in column_mapping.columns}
    conn.execute(column_mapping.insert().values(values))


def list_mappings(conn: Connection) -> list[MappingRow]:
    """Return the mappings, as many as are kept: whoever adds one counts them first."""
    return [MappingRow(*row) for row in conn.execute(sa.select(column_mapping))]


def note_use(conn: Connection, mapping_id: str, now: datetime) -> None:
    """Note that a mapping served for another file."""
    c = column_mapping.c
    conn.execute(column_mapping.update().where(c.id == mapping_id).values(used_at=now))


def drop_mapping(conn: Connection, mapping_id: str) -> bool:
    """Forget a mapping. Returns False where there is none of this id."""
    dropped = conn.execute(column_mapping.delete().where(column_mapping.c.id == mapping_id)).rowcount
    if dropped:
        note_deletion(conn)
    return bool(dropped)


def drop_old_mappings(conn: Connection, before: datetime) -> None:
    """Forget the mappings that nobody has used since a moment."""
    if conn.execute(column_mapping.delete().where(column_mapping.c.used_at <= before)).rowcount:
        note_deletion(conn)


def cases_by_reference(conn: Connection, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give key and id of the cases of the register that have some references; see `cases.reference_key`."""
    for some in chunks(keys):
        query = sa.select(case_file.c.reference, case_file.c.case_id).where(case_file.c.reference.in_(some))
        yield from ((row[0], row[1]) for row in conn.execute(query))


def _drop_unfinished(conn: Connection, import_id: str) -> None:
    """Forget an import whose file says something of an erased case; what it has made is kept to be undone."""
    if not has_made(conn, import_id):
        drop_import(conn, import_id)
        return
    drop_rows(conn, import_id, (GOOD, WRONG, HERE))
    drop_file(conn, import_id)
    conn.execute(case_import.update().where(case_import.c.id == import_id).values(state=DONE))
