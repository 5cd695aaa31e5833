"""The owner's statements that its published documents are current, as they were signed.

Guarantees: a statement is found only while its case is live in an open feed, at the version that it names,
and while it holds. It is deleted by the transaction that replaces or hides the case. Signing is left to
`node.services.disclosure.issuing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, chunks, metadata, upsert
from node.store.published.feed_cases import HELD, feed_case
from node.store.published.feeds import OPEN, feed

case_statement = sa.Table(
    "case_statement",
    metadata,
    sa.Column("case_key", sa.ForeignKey("feed_case.id"), primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("kid", sa.String, nullable=False),
    sa.Column("until", Moment, nullable=False),
    sa.Column("renew_at", Moment, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class LiveCase:
    """A published own case that lacks a statement which holds for a while."""

    key: int
    case_id: str
    version: int
    digest: bytes
    expires: date


@dataclass(frozen=True, slots=True)
class Stated:
    """A signed statement about one case.

    Attributes:
        kid: of the key that signed.
        until: when it runs out.
        renew_at: from when on there should be a newer one.
    """

    key: int
    version: int
    kid: str
    until: datetime
    renew_at: datetime
    token: str


# Built once: one is asked every few seconds, the other is part of every publication.
_LACKING = (
    sa.select(
        feed_case.c.id, feed_case.c.case_id, feed_case.c.version, feed_case.c.digest, feed_case.c.expires
    )
    .outerjoin(case_statement, case_statement.c.case_key == feed_case.c.id)
    .where(
        feed_case.c.feed_id == sa.bindparam("feed_id"),
        feed_case.c.state == HELD,
        feed_case.c.place >= 0,
        feed_case.c.place < sa.bindparam("size"),
        feed_case.c.expires >= sa.bindparam("today"),
        sa.or_(
            case_statement.c.case_key.is_(None),
            case_statement.c.version != feed_case.c.version,
            case_statement.c.kid != sa.bindparam("kid"),
            case_statement.c.renew_at <= sa.bindparam("now"),
        ),
    )
    .limit(sa.bindparam("most"))
)
_DROP = case_statement.delete().where(case_statement.c.case_key.in_(sa.bindparam("keys", expanding=True)))


def cases_lacking(
    conn: Connection, feed_id: int, size: int, kid: str, now: datetime, limit: int
) -> list[LiveCase]:
    """Return some live cases of an own feed without a statement by this key that holds for a while.

    Args:
        size: how many leaves of the feed are published.
    """
    today = now.date().isoformat()
    asked = {"feed_id": feed_id, "size": size, "today": today, "kid": kid, "now": now, "most": limit}
    return [
        LiveCase(key, case, version, digest, date.fromisoformat(expires))
        for key, case, version, digest, expires in conn.execute(_LACKING, asked)
    ]


def keep_statements(conn: Connection, stated: Sequence[Stated]) -> None:
    """Keep statements in the place of those before."""
    rows = [
        {
            "case_key": one.key,
            "version": one.version,
            "kid": one.kid,
            "until": one.until,
            "renew_at": one.renew_at,
            "token": one.token,
        }
        for one in stated
    ]
    if rows:
        upsert(conn, case_statement, rows, ("case_key",))


def find_statement(conn: Connection, case_key: int, now: datetime) -> Stated | None:
    """Return the statement about a live case that holds now; None when there is none."""
    query = (
        sa.select(case_statement)
        .join(feed_case, feed_case.c.id == case_statement.c.case_key)
        .join(feed, feed.c.id == feed_case.c.feed_id)
        .where(
            case_statement.c.case_key == case_key,
            case_statement.c.version == feed_case.c.version,
            case_statement.c.until > now,
            feed_case.c.state == HELD,
            feed.c.state == OPEN,
        )
    )
    row = conn.execute(query).one_or_none()
    return Stated(*row) if row else None


def drop_statements(conn: Connection, keys: Sequence[int]) -> None:
    """Delete what was stated about cases."""
    for some in chunks(keys):
        conn.execute(_DROP, {"keys": some})
