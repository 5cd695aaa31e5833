"""Cases and changes of cases that somebody has begun to type and not finished.

Guarantees: what was typed stands encrypted, and belongs to one person; it goes once it is finished or thrown
away, when its time is over, and with the case that it would have changed.
"""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata

case_draft = sa.Table(
    "case_draft",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("updated_at", Moment, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class DraftRow:
    """Something unfinished.

    Attributes:
        case_id: the case that it changes; empty for a new one.
        revision: of that case, which the change was made from; 0 for a new one.
        content: what was typed, encrypted.
    """

    id: str
    person_id: str
    case_id: str
    revision: int
    content: bytes = field(repr=False)
    updated_at: datetime


def add_draft(conn: Connection, row: DraftRow) -> None:
    """Store something that was begun."""
    conn.execute(
        case_draft.insert().values({column.name: getattr(row, column.name) for column in case_draft.columns})
    )


def find_draft(conn: Connection, person_id: str, draft_id: str) -> DraftRow | None:
    """Return what somebody has begun, by its id; nobody finds another's."""
    query = sa.select(case_draft).where(case_draft.c.id == draft_id, case_draft.c.person_id == person_id)
    row = conn.execute(query).one_or_none()
    return DraftRow(*row) if row else None


def find_draft_of(conn: Connection, person_id: str, case_id: str) -> DraftRow | None:
    """Return the change of a case that somebody has begun, the newest if there are several."""
    query = (
        sa.select(case_draft)
        .where(case_draft.c.person_id == person_id, case_draft.c.case_id == case_id)
        .order_by(case_draft.c.updated_at.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return DraftRow(*row) if row else None


def list_drafts(conn: Connection, person_id: str, limit: int) -> list[DraftRow]:
    """Return what somebody has begun, the last touched first."""
    query = sa.select(case_draft).where(case_draft.c.person_id == person_id)
    found = conn.execute(query.order_by(case_draft.c.updated_at.desc(), case_draft.c.id).limit(limit))
    return [DraftRow(*row) for row in found]


def size_of_others(conn: Connection, person_id: str, draft_id: str) -> tuple[int, int]:
    """Return how many other things somebody has begun, and how many bytes they have."""
    size = sa.func.coalesce(sa.func.sum(sa.func.length(case_draft.c.content)), 0)
    others = sa.and_(case_draft.c.person_id == person_id, case_draft.c.id != draft_id)
    count, total = conn.execute(sa.select(sa.func.count(), size).where(others)).one()
    return int(count), int(total)


def change_draft(conn: Connection, draft_id: str, content: bytes, now: datetime) -> None:
    """Store what is typed now."""
    conn.execute(
        case_draft.update().where(case_draft.c.id == draft_id).values(content=content, updated_at=now)
    )


def drop_draft(conn: Connection, draft_id: str) -> bool:
    """Forget something that was begun. Returns False where it is gone already."""
    return bool(conn.execute(case_draft.delete().where(case_draft.c.id == draft_id)).rowcount)


def drop_drafts_about(conn: Connection, case_id: str) -> list[str]:
    """Forget every change of a case that was begun, since the case is erased. Returns their ids."""
    about = case_draft.c.case_id == case_id
    ids = list(conn.execute(sa.select(case_draft.c.id).where(about)).scalars())
    conn.execute(case_draft.delete().where(about))
    return ids


def move_about(conn: Connection, old: str, new: str) -> None:
    """Let every change of a case that was begun be one of another: the same one, under a new id."""
    conn.execute(case_draft.update().where(case_draft.c.case_id == old).values(case_id=new))


def drop_old_drafts(conn: Connection, before: datetime) -> None:
    """Forget what nobody has touched since a moment."""
    conn.execute(case_draft.delete().where(case_draft.c.updated_at < before))
