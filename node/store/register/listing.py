"""The register as a list: own cases by a few fields of their records, the most recently changed first.

Leaves to others: names and words, which the search knows (`store.search`), and everything about one case
(`store.register.cases`).
"""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.register import cases
from node.store.register.cases import CaseFile, case_file


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which own cases are looked for; None leaves a condition open.

    Attributes:
        status: in which they stand; all but erased ones when None.
        review_by: the owner was to look at it again on that day or before.
    """

    status: str | None = None
    category: str | None = None
    review_by: date | None = None


def list_register(conn: Connection, wanted: Wanted, limit: int, offset: int) -> list[CaseFile]:
    """Return a part of the register."""
    query = (
        sa.select(case_file.c.case_id)
        .where(*_conditions(wanted))
        .order_by(case_file.c.updated_at.desc(), case_file.c.case_id.desc())
        .limit(limit)
        .offset(offset)
    )
    ids = list(conn.execute(query).scalars())
    found = cases.get_cases(conn, ids)
    return [found[case_id] for case_id in ids]


def count_register(conn: Connection, wanted: Wanted) -> int:
    """Count the cases that fit."""
    query = sa.select(sa.func.count()).select_from(case_file).where(*_conditions(wanted))
    return int(conn.execute(query).scalar_one())


def withdrawn_since(conn: Connection, moment: datetime, limit: int) -> list[CaseFile]:
    """Return the cases that were withdrawn after a moment, the first one first."""
    query = (
        sa.select(case_file.c.case_id, case_file.c.withdrawn_at)
        .where(case_file.c.status == cases.WITHDRAWN, case_file.c.withdrawn_at > moment)
        .order_by(case_file.c.withdrawn_at)
        .limit(limit)
    )
    ids = [row.case_id for row in conn.execute(query)]
    found = cases.get_cases(conn, ids)
    return [found[case_id] for case_id in ids]


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    c = case_file.c
    # A list of statuses would have SQLite put the cases of all of them in order, to give the first few.
    conditions = [c.status != cases.ERASED if wanted.status is None else c.status == wanted.status]
    if wanted.category is not None:
        conditions.append(c.category == wanted.category)
    if wanted.review_by is not None:
        conditions.append(c.review_due <= wanted.review_by.isoformat())
    return conditions
