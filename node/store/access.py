"""Who used this node: staff tokens, requests that must not be honoured twice, and the journal of what was
read and changed.

Guarantees: of a staff token only a hash is kept; a request's token id is taken once; the journal is only ever
added to, and holds case ids, field names and keyed hashes, never values of a case (rules of the domain, 9).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from node.store.database import Moment, metadata

staff_token = sa.Table(
    "staff_token",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("scope", sa.String, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
)

seen_request = sa.Table(
    "seen_request",
    metadata,
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("token_id", sa.String, primary_key=True),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("case_id", sa.String, nullable=False, default=""),
    sa.Column("fields", sa.String, nullable=False, default="[]"),
    sa.Column("purpose", sa.String, nullable=False, default=""),
    sa.Column("terms", sa.String, nullable=False, default=""),
)


# Built once: they are part of every request.
_FIND_TOKEN = sa.select(staff_token).where(staff_token.c.id == sa.bindparam("id"))
_COUNT_REQUESTS = sa.select(sa.func.count()).where(
    seen_request.c.member == sa.bindparam("member"),
    seen_request.c.action == sa.bindparam("action"),
    seen_request.c.at > sa.bindparam("since"),
)
_TAKE_REQUEST = seen_request.insert()
_WRITE_JOURNAL = journal.insert()


@dataclass(frozen=True, slots=True)
class StaffToken:
    """A token that a member's own staff use; its secret is not kept."""

    id: str
    name: str
    scope: str
    hash: bytes
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the journal.

    Attributes:
        action: such as "case.publish", "case.open", "search".
        fields: names of fields or parts that were touched.
        purpose: what the reader said that it was for.
        terms: keyed hash of what was searched for.
    """

    at: datetime
    actor: str
    action: str
    case_id: str = ""
    fields: Sequence[str] = ()
    purpose: str = ""
    terms: str = ""


def add_staff_token(conn: Connection, token: StaffToken) -> None:
    """Store a staff token."""
    conn.execute(
        staff_token.insert().values(
            id=token.id,
            name=token.name,
            scope=token.scope,
            hash=token.hash,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
    )


def find_staff_token(conn: Connection, token_id: str) -> StaffToken | None:
    """Return a staff token by its id, whether it still works or not."""
    row = conn.execute(_FIND_TOKEN, {"id": token_id}).one_or_none()
    return StaffToken(*row) if row else None


def list_staff_tokens(conn: Connection) -> list[StaffToken]:
    """Return every staff token, the newest first."""
    rows = conn.execute(sa.select(staff_token).order_by(staff_token.c.created_at.desc()))
    return [StaffToken(**row._mapping) for row in rows]


def revoke_staff_token(conn: Connection, token_id: str, now: datetime) -> bool:
    """End a staff token. Returns whether there was one to end."""
    done = conn.execute(
        staff_token.update()
        .where(staff_token.c.id == token_id, staff_token.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return bool(done.rowcount)


def revoke_staff_tokens(conn: Connection, now: datetime) -> None:
    """End every staff token."""
    conn.execute(staff_token.update().where(staff_token.c.revoked_at.is_(None)).values(revoked_at=now))


def take_request(
    conn: Connection, member: str, token_id: str, action: str, now: datetime, expires_at: datetime
) -> bool:
    """Take a request's token id. Returns False when it was taken before.

    Args:
        expires_at: from when on the token is refused for its age, so that its id can be forgotten.
    """
    try:
        with conn.begin_nested():
            row = {"member": member, "token_id": token_id, "action": action, "at": now}
            conn.execute(_TAKE_REQUEST, {**row, "expires_at": expires_at})
    except IntegrityError:
        return False
    return True


def count_requests(conn: Connection, member: str, action: str, since: datetime) -> int:
    """Count how often a member has done something since a moment a few minutes ago."""
    asked = {"member": member, "action": action, "since": since}
    return int(conn.execute(_COUNT_REQUESTS, asked).scalar_one())


def forget_requests(conn: Connection, before: datetime) -> None:
    """Forget token ids that no longer work anyway."""
    conn.execute(seen_request.delete().where(seen_request.c.expires_at < before))


def write_journal(conn: Connection, entry: JournalEntry) -> None:
    """Add a line to the journal."""
    row = {
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "case_id": entry.case_id,
        "fields": json.dumps(list(entry.fields)),
        "purpose": entry.purpose,
        "terms": entry.terms,
    }
    conn.execute(_WRITE_JOURNAL, row)


def read_journal(conn: Connection, case_id: str | None = None, limit: int = 100) -> list[JournalEntry]:
    """Return lines of the journal, the newest first."""
    query = sa.select(journal).order_by(journal.c.id.desc()).limit(limit)
    if case_id is not None:
        query = query.where(journal.c.case_id == case_id)
    return [
        JournalEntry(
            row.at, row.actor, row.action, row.case_id, json.loads(row.fields), row.purpose, row.terms
        )
        for row in conn.execute(query)
    ]
