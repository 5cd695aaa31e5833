"""Under which id an own case goes on that was withdrawn and published again: an erased id never returns, and
posters still carry it.

Guarantees: an id leads to the newest one at once, however often the case was published anew. Only this
member's own site may follow it.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import metadata

continued_case = sa.Table(
    "continued_case",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("newest", sa.String, nullable=False, index=True),
)


def note_continued(conn: Connection, case_id: str, newest: str) -> None:
    """Note under which id a case goes on, and all that led to its id before."""
    c = continued_case.c
    conn.execute(continued_case.update().where(c.newest == case_id).values(newest=newest))
    conn.execute(continued_case.insert().values(case_id=case_id, newest=newest))


def find_newest(conn: Connection, case_id: str) -> str | None:
    """Return the id under which a case goes on; None where it has ended or never changed its id."""
    query = sa.select(continued_case.c.newest).where(continued_case.c.case_id == case_id)
    return conn.execute(query).scalar_one_or_none()


def forget_continued(conn: Connection, case_id: str) -> None:
    """Forget what led to a case, which is over."""
    conn.execute(continued_case.delete().where(continued_case.c.newest == case_id))
