"""What the records of own cases ask of their owner, and on which day: a copy of what their clocks say.

Guarantees: it stands as the newest revision of the record has it, and goes with the record; whether a case is
of an age to ask for anything at all is its status, which is looked at each time.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import metadata

case_due = sa.Table(
    "case_due",
    metadata,
    sa.Column("case_id", sa.ForeignKey("case_file.case_id"), primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("due", sa.String(10), primary_key=True),
    sa.Index("ix_case_due_due", "due", "kind", "case_id"),
)

# Built once: they are part of every change of a case.
_DROP_DAYS = case_due.delete().where(case_due.c.case_id == sa.bindparam("case_id"))
_ADD_DAYS = case_due.insert()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which days are looked for.

    Attributes:
        kinds: of `domain.lifecycle.Notice`.
        statuses: in which their cases stand.
        last: no later day than this.
    """

    kinds: Collection[str]
    statuses: Collection[str]
    last: date


def set_clocks(conn: Connection, case_id: str, days: Iterable[tuple[str, date]]) -> None:
    """Set what a record asks for, in the place of what it asked for before: kinds, each with its day."""
    conn.execute(_DROP_DAYS, {"case_id": case_id})
    rows = [{"case_id": case_id, "kind": kind, "due": day.isoformat()} for kind, day in sorted(set(days))]
    if rows:
        conn.execute(_ADD_DAYS, rows)


def list_days(conn: Connection, wanted: Wanted, limit: int) -> list[tuple[date, str, str]]:
    """Return days with their kinds and cases, the first day first."""
    c = case_due.c
    query = _select(wanted, c.due, c.kind, c.case_id).order_by(c.due, c.kind, c.case_id).limit(limit)
    return [(date.fromisoformat(due), kind, case_id) for due, kind, case_id in conn.execute(query)]


def count_days(conn: Connection, wanted: Wanted, most: int) -> int:
    """Count what `list_days` would return; no further than `most`."""
    some = _select(wanted, sa.literal(1)).limit(most).subquery()
    return int(conn.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def due_cases(conn: Connection, wanted: Wanted) -> list[str]:
    """Return the cases that ask for something, each once."""
    return list(conn.execute(_select(wanted, case_due.c.case_id).distinct()).scalars())


def _select(wanted: Wanted, *columns: Any) -> sa.Select[Any]:
    # A join would have SQLite begin with the cases, and put all their days in order to give the first few.
    file = metadata.tables["case_file"].c  # of `cases`, which writes here
    stands = sa.exists().where(file.case_id == case_due.c.case_id, file.status.in_(wanted.statuses))
    due = case_due.c.due <= wanted.last.isoformat()
    return sa.select(*columns).select_from(case_due).where(due, case_due.c.kind.in_(wanted.kinds), stands)
