"""Cases on their way from one member to another: which were offered, to whom or by whom, and what became of
it.

Guarantees: of a case at most one offer is open; where a case came from and where it went stays known after
the messages are gone. What happens at each step is `node.services.moving.handover`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata

OFFERED = "offered"
ACCEPTED = "accepted"  # giving: the new owner has it, and the own case is still to go; taking: it is ours
DONE = "done"  # giving: the own case is withdrawn
DECLINED = "declined"
CANCELLED = "cancelled"
LAPSED = "lapsed"

STATES = (OFFERED, ACCEPTED, DONE, DECLINED, CANCELLED, LAPSED)
GIVING_OPEN = (OFFERED, ACCEPTED)
"""States in which an own case is not to change."""

GIVEN = (ACCEPTED, DONE)
"""States in which an own case has another owner."""

handover = sa.Table(
    "handover",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("giving", sa.Boolean, nullable=False),
    sa.Column("member", sa.String, nullable=False),
    sa.Column("offer", sa.String, nullable=False),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("other_case", sa.String, nullable=False, default=""),
    sa.Column("published", sa.Boolean, nullable=False, default=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False, default=""),
    sa.Column("at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("answered_at", Moment),
    sa.UniqueConstraint("giving", "member", "offer"),
)


@dataclass(frozen=True, slots=True)
class Handover:
    """A case on its way.

    Attributes:
        giving: whether this node is the old owner.
        member: the other side.
        offer: the id of the message that offered it.
        case_id: the own case: the old one when giving, the new one when taking.
        other_case: the other side's; empty while giving and not accepted.
        published: giving: whether the new owner says that it is live in its feed; taking: whether it is.
        reason: of the other side, or of this node, in plain words.
    """

    id: int
    giving: bool
    member: str
    offer: str
    case_id: str
    other_case: str
    published: bool
    state: str
    reason: str
    at: datetime
    expires_at: datetime
    answered_at: datetime | None


def add_handover(
    conn: Connection,
    *,
    giving: bool,
    member: str,
    offer: str,
    case_id: str,
    state: str,
    now: datetime,
    expires_at: datetime,
    other_case: str = "",
    published: bool = False,
) -> None:
    """Write down that a case is on its way."""
    conn.execute(
        handover.insert().values(
            giving=giving,
            member=member,
            offer=offer,
            case_id=case_id,
            other_case=other_case,
            published=published,
            state=state,
            at=now,
            expires_at=expires_at,
        )
    )


def find_offer(conn: Connection, *, giving: bool, member: str, offer: str) -> Handover | None:
    """Return a handover by the message that offered it."""
    c = handover.c
    return _first(conn, c.giving == giving, c.member == member, c.offer == offer)


def giving_of(conn: Connection, case_id: str, states: Sequence[str]) -> Handover | None:
    """Return the newest handover of an own case to another member that stands in one of the states."""
    c = handover.c
    return _first(conn, c.giving, c.case_id == case_id, c.state.in_(states))


def origin_of(conn: Connection, case_id: str) -> Handover | None:
    """Return the handover by which an own case came here, if it did."""
    c = handover.c
    return _first(conn, sa.not_(c.giving), c.case_id == case_id)


def open_givings(conn: Connection) -> list[Handover]:
    """Return the handovers to other members that are not at their end."""
    query = sa.select(handover).where(handover.c.giving, handover.c.state.in_(GIVING_OPEN))
    return [Handover(*row) for row in conn.execute(query.order_by(handover.c.id))]


def change_handover(conn: Connection, number: int, **values: Any) -> None:
    """Change state, other_case, published, reason or answered_at."""
    conn.execute(handover.update().where(handover.c.id == number).values(**values))


def _first(conn: Connection, *conditions: sa.ColumnElement[bool]) -> Handover | None:
    query = sa.select(handover).where(*conditions).order_by(handover.c.id.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return Handover(*row) if row else None
