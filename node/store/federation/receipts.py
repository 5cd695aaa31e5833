"""Receipts: what peers promised about own cases, and what this node still owes to owners.

Guarantees: a promise never goes back: an older version or a missing time does not replace a newer one. The
signed receipts about erasures are kept, those about held versions are not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, chunks, metadata, upsert
from node.store.published.feed_cases import GONE, HELD, feed_case
from node.store.published.feeds import feed

receipt = sa.Table(
    "receipt",
    metadata,
    sa.Column("feed_id", sa.ForeignKey("feed.id"), primary_key=True),
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("held_at", Moment),
    sa.Column("hidden_at", Moment),
    sa.Column("purged_at", Moment),
    sa.Column("nothing_held", sa.Boolean, nullable=False, default=False),
)

sa.Index(
    "ix_receipt_held",
    receipt.c.member,
    receipt.c.case_id,
    sqlite_where=sa.text("held_at IS NOT NULL AND hidden_at IS NULL"),
    postgresql_where=sa.text("held_at IS NOT NULL AND hidden_at IS NULL"),
)

receipt_statement = sa.Table(
    "receipt_statement",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("member", sa.String, nullable=False),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
)

_TIMES = ("held_at", "hidden_at", "purged_at")


@dataclass(frozen=True, slots=True)
class Promise:
    """What one peer said about one own case; times are the peer's."""

    case_id: str
    member: str
    version: int
    held_at: datetime | None = None
    hidden_at: datetime | None = None
    purged_at: datetime | None = None
    nothing_held: bool = False


@dataclass(frozen=True, slots=True)
class Owed:
    """A receipt that this node owes to the owner of a foreign case.

    Attributes:
        stored: whether any version of it was ever here.
    """

    case_key: int
    case_id: str
    version: int
    digest: bytes | None
    hidden_at: datetime | None
    purged_at: datetime | None
    stored: bool


@dataclass(frozen=True, slots=True)
class OwnErasure:
    """A case of an own feed that has ended.

    Attributes:
        version: that a peer has to speak of: of the erasure, or of what has expired.
        state: ERASED or EXPIRED, since `ended_at`.
    """

    case_key: int
    case_id: str
    version: int
    state: str
    ended_at: datetime


# Built once: they are part of every pull, most of which find nothing to do.
_OWED = (
    sa.select(
        feed_case.c.id,
        feed_case.c.case_id,
        feed_case.c.version,
        feed_case.c.digest,
        feed_case.c.hidden_at,
        feed_case.c.purged_at,
        feed_case.c.stored,
    )
    # As text: a partial index is used only where the query says word for word what the index says.
    .where(
        feed_case.c.feed_id == sa.bindparam("feed_id"),
        sa.text("owed"),
        feed_case.c.id > sa.bindparam("above"),
    )
    .order_by(feed_case.c.id)
    .limit(sa.bindparam("most"))
)
_OWED_HELD = _OWED.where(feed_case.c.state == HELD)
_OWED_GONE = _OWED.where(feed_case.c.state.in_(GONE))
_PROMISED = sa.select(receipt).where(
    receipt.c.feed_id == sa.bindparam("feed_id"),
    receipt.c.member == sa.bindparam("member"),
    receipt.c.case_id.in_(sa.bindparam("cases", expanding=True)),
)
_TOLD = (
    feed_case.update()
    .where(feed_case.c.id == sa.bindparam("of_case"), feed_case.c.version == sa.bindparam("of_version"))
    .values(owed=False)
)
_TOLD_AS_PURGED = _TOLD.where(
    feed_case.c.purged_at.is_not_distinct_from(sa.bindparam("purged", type_=Moment))
)


def record_promises(conn: Connection, feed_id: int, member: str, promises: Sequence[Promise]) -> int:
    """Write down what a peer promised, never going back behind what it promised before.

    Args:
        promises: all by this member, each case once.

    Returns:
        How many of them said something that was not known yet.
    """
    asked = {"feed_id": feed_id, "member": member, "cases": [item.case_id for item in promises]}
    known = {row.case_id: row for row in conn.execute(_PROMISED, asked)}
    rows = []
    for item in promises:
        row = known.get(item.case_id)
        told: dict[str, Any] = {name: getattr(item, name) for name in ("version", *_TIMES, "nothing_held")}
        if row is not None:
            if item.version < row.version:
                continue
            before = {name: getattr(row, name) for name in (*_TIMES, "nothing_held")}
            if item.version == row.version:  # what was said first stands, so that nobody has news without end
                told.update({name: value for name, value in before.items() if value})
            else:  # that an older version was purged says nothing of this one
                told["held_at"] = told["held_at"] or before["held_at"]
            if all(value == getattr(row, name) for name, value in told.items()):
                continue
        rows.append({"feed_id": feed_id, "case_id": item.case_id, "member": member, **told})
    if rows:
        upsert(conn, receipt, rows, ("feed_id", "case_id", "member"))
    return len(rows)


def keep_statement(conn: Connection, member: str, token: str, now: datetime) -> None:
    """Keep a signed receipt as it came."""
    conn.execute(receipt_statement.insert().values(member=member, token=token, received_at=now))


def iterate_statements(conn: Connection) -> Iterator[str]:
    """Give every signed receipt about erasures, the oldest first."""
    yield from conn.execute(sa.select(receipt_statement.c.token).order_by(receipt_statement.c.id)).scalars()


def promises_of(conn: Connection, feed_id: int, case_id: str) -> list[Promise]:
    """Return what every peer promised about one own case."""
    query = (
        sa.select(receipt)
        .where(receipt.c.feed_id == feed_id, receipt.c.case_id == case_id)
        .order_by(receipt.c.member)
    )
    return [_promise(row) for row in conn.execute(query)]


def _promise(row: sa.Row[Any]) -> Promise:
    return Promise(
        row.case_id, row.member, row.version, row.held_at, row.hidden_at, row.purged_at, row.nothing_held
    )


def count_held(conn: Connection) -> dict[str, int]:
    """Count by peer the own cases of which it has said that it holds a version, and not that it hid it."""
    c = receipt.c
    held = sa.and_(c.held_at.is_not(None), c.hidden_at.is_(None))
    query = sa.select(c.member, sa.func.count(c.case_id.distinct())).where(held).group_by(c.member)
    return {row[0]: row[1] for row in conn.execute(query)}


def promises_about(conn: Connection, feed_id: int, cases: Sequence[str]) -> dict[str, list[Promise]]:
    """Return what every peer promised about own cases, by case."""
    found: dict[str, list[Promise]] = {}
    for some in chunks(cases):
        query = sa.select(receipt).where(receipt.c.feed_id == feed_id, receipt.c.case_id.in_(some))
        for row in conn.execute(query.order_by(receipt.c.member)):
            found.setdefault(row.case_id, []).append(_promise(row))
    return found


def own_erasures(
    conn: Connection,
    feed_id: int,
    case_id: str | None = None,
    after: datetime | None = None,
    *,
    unconfirmed: bool = False,
) -> list[OwnErasure]:
    """Return the cases of an own feed that have ended, the newest first.

    Args:
        case_id: this one alone.
        after: only those that ended later.
        unconfirmed: only those that not all peers are known to have confirmed.
    """
    c = feed_case.c
    query = sa.select(c.id, c.case_id, c.version, c.state, c.hidden_at).where(c.hidden_at.is_not(None))
    if case_id is not None:
        query = query.where(c.case_id == case_id)
    if after is None:
        query = query.where(c.feed_id == feed_id)
    else:  # asked every second: "+" has SQLite take the few that ended lately, not the whole feed
        query = query.where(sa.literal_column("+feed_case.feed_id") == feed_id, c.hidden_at > after)
    if unconfirmed:
        query = query.where(c.owed)
    return [OwnErasure(*row) for row in conn.execute(query.order_by(c.hidden_at.desc(), c.id))]


def page_of_erasures(
    conn: Connection, limit: int, offset: int = 0, *, unconfirmed: bool = False, oldest_first: bool = False
) -> list[tuple[int, OwnErasure]]:
    """Return some of the cases that have ended in any own feed, each with its feed's id; the newest first,
    unless told otherwise.

    Args:
        unconfirmed: only those that not all peers are known to have confirmed.
    """
    c = feed_case.c
    own = sa.select(feed.c.id).where(feed.c.own)
    query = sa.select(c.feed_id, c.id, c.case_id, c.version, c.state, c.hidden_at)
    query = query.where(c.feed_id.in_(own), c.hidden_at.is_not(None))
    if unconfirmed:
        query = query.where(c.owed)
    order = (c.hidden_at, c.id) if oldest_first else (c.hidden_at.desc(), c.id)
    rows = conn.execute(query.order_by(*order).limit(limit).offset(offset))
    return [(feed_id, OwnErasure(*row)) for feed_id, *row in rows]


def confirm_erasures(conn: Connection, erasures: Sequence[OwnErasure]) -> None:
    """Write down that all peers have confirmed own erasures, unless the case has moved on meanwhile."""
    if erasures:
        rows = [{"of_case": item.case_key, "of_version": item.version} for item in erasures]
        conn.execute(_TOLD, rows)


def owed_held(conn: Connection, feed_id: int, limit: int, above: int = 0) -> list[Owed]:
    """Return held versions whose owner has not been told yet, in the order of their keys.

    Args:
        above: only those of cases with greater keys.
    """
    return _owed(conn, _OWED_HELD, feed_id, limit, above)


def owed_erased(conn: Connection, feed_id: int, limit: int, above: int = 0) -> list[Owed]:
    """Return hidden or purged cases whose owner has not been told yet; see `owed_held`."""
    return _owed(conn, _OWED_GONE, feed_id, limit, above)


def settle(conn: Connection, items: Sequence[Owed]) -> None:
    """Write down that the owner took a receipt, unless there is more to tell meanwhile."""
    rows = [
        {"of_case": item.case_key, "of_version": item.version, "purged": item.purged_at} for item in items
    ]
    conn.execute(_TOLD_AS_PURGED, rows)


def settle_returned(conn: Connection, feed_id: int, items: Sequence[Mapping[str, Any]]) -> None:
    """Write down that the owner took a receipt, by the receipt's own items, unless there is more to tell
    meanwhile."""
    c = feed_case.c
    for item in items:
        more = sa.false() if "purged_at" in item else c.purged_at.is_not(None)
        same = sa.and_(c.feed_id == feed_id, c.case_id == item["case"], c.version == item["version"])
        conn.execute(feed_case.update().where(same, sa.not_(more)).values(owed=False))


def _owed(conn: Connection, query: sa.Select[Any], feed_id: int, limit: int, above: int) -> list[Owed]:
    found = conn.execute(query, {"feed_id": feed_id, "most": limit, "above": above})
    return [Owed(*row) for row in found]
