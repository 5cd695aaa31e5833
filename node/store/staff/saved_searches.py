"""Searches that people have kept under a name.

Guarantees: name and conditions stand encrypted, since both may name a child; a search belongs to one person,
is found by nobody else, and goes with their account.
"""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata

saved_search = sa.Table(
    "saved_search",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)


@dataclass(frozen=True, slots=True)
class SavedRow:
    """A search that somebody has kept; `content` is encrypted."""

    id: str
    person_id: str
    content: bytes = field(repr=False)
    created_at: datetime


def add_search(conn: Connection, row: SavedRow) -> None:
    """Store a search."""
    values = {column.name: getattr(row, column.name) for column in saved_search.columns}
    conn.execute(saved_search.insert().values(values))


def find_search(conn: Connection, person_id: str, search_id: str) -> SavedRow | None:
    """Return a search of somebody by its id; nobody finds another's."""
    row = conn.execute(sa.select(saved_search).where(*_theirs(person_id, search_id))).one_or_none()
    return SavedRow(*row) if row else None


def list_searches(conn: Connection, person_id: str, limit: int) -> list[SavedRow]:
    """Return somebody's searches, the newest first."""
    query = sa.select(saved_search).where(saved_search.c.person_id == person_id)
    query = query.order_by(saved_search.c.created_at.desc(), saved_search.c.id).limit(limit)
    return [SavedRow(*row) for row in conn.execute(query)]


def change_search(conn: Connection, person_id: str, search_id: str, content: bytes) -> bool:
    """Change what is kept. Returns False where there is no such search of theirs."""
    done = conn.execute(saved_search.update().where(*_theirs(person_id, search_id)).values(content=content))
    return bool(done.rowcount)


def drop_search(conn: Connection, person_id: str, search_id: str) -> bool:
    """Forget a search. Returns False where there is no such search of theirs."""
    return bool(conn.execute(saved_search.delete().where(*_theirs(person_id, search_id))).rowcount)


def drop_searches_of(conn: Connection, person_id: str) -> None:
    """Forget everything that somebody has kept."""
    conn.execute(saved_search.delete().where(saved_search.c.person_id == person_id))


def _theirs(person_id: str, search_id: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return saved_search.c.id == search_id, saved_search.c.person_id == person_id
