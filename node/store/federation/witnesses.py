"""What the witnesses of the own feeds answered last.

Guarantees: one line for each witness of each feed, of the last time that it was asked and of the last time
that it cosigned. What follows from it (whether the own head may be trusted to be the newest, how far this
clock is off) is `services.witnesses.witnessing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata, upsert

witness = sa.Table(
    "witness",
    metadata,
    sa.Column("feed_id", sa.ForeignKey("feed.id"), primary_key=True),
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("confirmed_at", Moment),
    sa.Column("ahead_seconds", sa.BigInteger),
    sa.Column("problem", sa.String, nullable=False),
)

# Built once: it is asked at every publication.
_LIST_ANSWERS = (
    sa.select(witness).where(witness.c.feed_id == sa.bindparam("feed_id")).order_by(witness.c.member)
)


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """How one witness stands to one own feed.

    Attributes:
        asked_at: when it was last asked, by this node's clock.
        confirmed_at: when it last cosigned this node's newest head, by this node's clock; None before.
        ahead_seconds: how far its clock was ahead of this one then; negative when it was behind.
        problem: why it did not cosign when asked last, in plain words; empty when it did.
    """

    feed_id: int
    member: str
    asked_at: datetime
    confirmed_at: datetime | None
    ahead_seconds: int | None
    problem: str


def record_answers(conn: Connection, answers: Sequence[WitnessAnswer]) -> None:
    """Keep what witnesses answered; one that did not cosign keeps the time when it last did."""
    for good in (True, False):
        rows = [_row(answer) for answer in answers if (not answer.problem) is good]
        if rows:
            keep = () if good else ("confirmed_at", "ahead_seconds")
            upsert(conn, witness, rows, ("feed_id", "member"), keep)


def forget_answers(conn: Connection, feed_id: int) -> None:
    """Forget what was answered about a feed that goes on under another origin."""
    conn.execute(witness.delete().where(witness.c.feed_id == feed_id))


def list_answers(conn: Connection, feed_id: int) -> list[WitnessAnswer]:
    """Return what each witness of a feed answered last, by its member id."""
    return [WitnessAnswer(*row) for row in conn.execute(_LIST_ANSWERS, {"feed_id": feed_id})]


def _row(answer: WitnessAnswer) -> dict[str, object]:
    return {
        "feed_id": answer.feed_id,
        "member": answer.member,
        "asked_at": answer.asked_at,
        "confirmed_at": answer.confirmed_at,
        "ahead_seconds": answer.ahead_seconds,
        "problem": answer.problem,
    }
