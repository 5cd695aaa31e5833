"""Who may use this node: staff tokens, and requests that must not be honoured twice.

Guarantees: of a staff token only a hash is kept; a request's token id is taken once; nobody is counted where
a limit refuses. What was done is in the `journal`.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

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


# Built once: they are part of every request.
_FIND_TOKEN = sa.select(staff_token).where(staff_token.c.id == sa.bindparam("id"))
_COUNT_REQUESTS = sa.select(sa.func.count()).where(
    seen_request.c.member == sa.bindparam("member"),
    seen_request.c.action == sa.bindparam("action"),
    seen_request.c.at > sa.bindparam("since"),
)
# One statement; whoever writes is alone, so that nobody takes it in between. How many rows an INSERT made
# SQLAlchemy does not ask unless it is told to.
_TAKE_REQUEST = (
    seen_request.insert()
    .from_select(
        list(seen_request.c),
        sa.select(
            *(sa.bindparam(f"new_{column.name}", type_=column.type) for column in seen_request.c)
        ).where(
            ~sa.exists().where(
                seen_request.c.member == sa.bindparam("new_member"),
                seen_request.c.token_id == sa.bindparam("new_token_id"),
            )
        ),
    )
    .execution_options(preserve_rowcount=True)
)


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
    row = {"member": member, "token_id": token_id, "action": action, "at": now, "expires_at": expires_at}
    return conn.execute(_TAKE_REQUEST, {f"new_{name}": value for name, value in row.items()}).rowcount == 1


def count_requests(conn: Connection, member: str, action: str, since: datetime) -> int:
    """Count how often a member has done something since a moment a few minutes ago."""
    asked = {"member": member, "action": action, "since": since}
    return int(conn.execute(_COUNT_REQUESTS, asked).scalar_one())


def take_turn(
    conn: Connection, action: str, limits: Mapping[str, int], now: datetime, within: timedelta
) -> int | None:
    """Count something once for each of those whom it counts for, unless one of them has reached its limit.

    Args:
        limits: how often, at least once, each of them may do it within that time. All are looked at before
            one is counted.

    Returns:
        None when it was counted, else the seconds until the one that refused may again.
    """
    since = now - within
    for whose, most in limits.items():
        if count_requests(conn, whose, action, since) >= most:
            free_at = _first_request(conn, whose, action, since) + within
            return int((free_at - now).total_seconds()) + 1
    turn = secrets.token_hex(8)
    for whose in limits:
        take_request(conn, whose, turn, action, now, now + within)
    return None


def forget_requests(conn: Connection, before: datetime) -> None:
    """Forget token ids that no longer work anyway."""
    conn.execute(seen_request.delete().where(seen_request.c.expires_at < before))


def _first_request(conn: Connection, member: str, action: str, since: datetime) -> datetime:
    """Tell when a member, who has done something since a moment, did it first after that."""
    c = seen_request.c
    query = sa.select(sa.func.min(c.at)).where(c.member == member, c.action == action, c.at > since)
    found: datetime = conn.execute(query).scalar_one()
    return found
