"""Evidence of split views: what is kept of it, who was told of it, and when each peer's heads were looked at.

Guarantees: evidence is kept as it was verified, under the hash of its bytes, and never changed; closing it
writes down who decided and why, and nothing is ever deleted. What evidence means is
`services.witnesses.evidence`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata, upsert

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("origin", sa.String, nullable=False, index=True),
    sa.Column("member", sa.String, nullable=False),
    sa.Column("audience", sa.String, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("found", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("found_at", Moment, nullable=False),
    sa.Column("closed_at", Moment),
    sa.Column("closed_by", sa.String, nullable=False, default=""),
    sa.Column("reason", sa.String, nullable=False, default=""),
)

evidence_delivery = sa.Table(
    "evidence_delivery",
    metadata,
    sa.Column("evidence_id", sa.ForeignKey("evidence.id"), primary_key=True),
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("taken_at", Moment),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("next_at", Moment, nullable=False),
    sa.Column("error", sa.String, nullable=False),
)

comparison = sa.Table(
    "comparison",
    metadata,
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("tag", sa.String, nullable=False),
    sa.Column("compared_at", Moment, nullable=False),
)

_LIST = sa.select(evidence).order_by(evidence.c.found_at.desc(), evidence.c.id)
_FIND_COMPARISON = sa.select(comparison).where(comparison.c.member == sa.bindparam("member"))


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """One piece of evidence.

    Attributes:
        id: SHA-256 of `data`, in hexadecimal.
        member, audience: whose feed it is about.
        data: as `protocol.evidence.format_evidence` writes it.
        found: how it came here; see `services.witnesses.evidence`.
        source: the member that showed it.
        closed_at, closed_by, reason: when and by whom it was decided that the feed goes on, and why.
    """

    id: str
    origin: str
    member: str
    audience: str
    data: bytes
    found: str
    source: str
    found_at: datetime
    closed_at: datetime | None = None
    closed_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How handing a piece of evidence to one member goes.

    Attributes:
        taken_at: when it took it; None before.
        error: why it did not when it was tried last, in plain words.
    """

    evidence_id: str
    member: str
    taken_at: datetime | None
    failures: int
    next_at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """When the heads that a member knows were last held against those that are known here, and their ETag."""

    member: str
    tag: str
    compared_at: datetime


def keep_evidence(conn: Connection, kept: KeptEvidence) -> None:
    """Keep a piece of evidence; one that is there already stays as it is."""
    row = asdict(kept)
    upsert(conn, evidence, [row], ("id",), keep=tuple(row))


def find_evidence(conn: Connection, prefix: str) -> list[KeptEvidence]:
    """Return the evidence whose id begins so."""
    query = sa.select(evidence).where(evidence.c.id.startswith(prefix, autoescape=True))
    return [KeptEvidence(*row) for row in conn.execute(query.order_by(evidence.c.id))]


def list_evidence(conn: Connection, origin: str | None = None) -> list[KeptEvidence]:
    """Return what is kept, of one feed or of all, the newest first."""
    query = _LIST if origin is None else _LIST.where(evidence.c.origin == origin)
    return [KeptEvidence(*row) for row in conn.execute(query)]


def close_evidence(conn: Connection, origin: str, actor: str, reason: str, now: datetime) -> None:
    """Write down that people have decided about everything that is open against a feed."""
    conn.execute(
        evidence.update()
        .where(evidence.c.origin == origin, evidence.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=actor, reason=reason)
    )


def list_deliveries(conn: Connection, evidence_id: str) -> dict[str, Delivery]:
    """Return how handing it on goes, by member; one that was not tried yet is absent."""
    query = sa.select(evidence_delivery).where(evidence_delivery.c.evidence_id == evidence_id)
    return {row.member: Delivery(*row) for row in conn.execute(query.order_by(evidence_delivery.c.member))}


def record_delivery(conn: Connection, delivery: Delivery) -> None:
    """Write down how an attempt went."""
    upsert(conn, evidence_delivery, [asdict(delivery)], ("evidence_id", "member"))


def last_comparison(conn: Connection, member: str) -> Comparison | None:
    """Return when a member's heads were last looked at; None when never."""
    row = conn.execute(_FIND_COMPARISON, {"member": member}).one_or_none()
    return Comparison(*row) if row else None


def record_comparison(conn: Connection, done: Comparison) -> None:
    """Write down that a member's heads were looked at."""
    upsert(conn, comparison, [asdict(done)], ("member",))
