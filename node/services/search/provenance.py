"""Where a replica comes from: whose it is, how new what is known of its owner is, who vouches for that, and
whom to call.

Guarantees: the times are those of verified heads and of the witnesses' own cosignatures; a member that the
roster no longer lists has no desk to call, and nobody vouches for it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from node.runtime import Node
from node.services.witnesses.freshness import Freshness, freshness_of
from node.services.witnesses.witnessing import cosigners_of, witnesses_of
from node.store.database import reading
from node.store.federation import peers
from node.store.published import feeds
from protocol.member import Member

AUDIENCES = ("network", "police")


@dataclass(frozen=True, slots=True)
class FeedOrigin:
    """One log of an owner, as this node has verified it.

    Attributes:
        advanced_at: when this node verified its newest entries; None before there were any.
        cosigners: the witnesses that have signed its newest head.
        asked: how many witnesses it has.
        state, reason: of the feed: open, or what is wrong with it.
    """

    audience: str
    origin: str
    size: int
    advanced_at: datetime | None
    through: str
    state: str
    reason: str
    cosigners: tuple[str, ...]
    asked: int
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of the owner of a replica.

    Attributes:
        member: its entry in the roster, with the desk to call.
        reached_at: when it last answered this node; None when it never did.
        feeds: those of its logs that are read here.
    """

    member: Member
    reached_at: datetime | None
    feeds: tuple[FeedOrigin, ...]


def look_at_owners(node: Node, owners: Collection[str]) -> dict[str, Provenance]:
    """Tell where the replicas of some members come from, by member; those not in the roster are absent."""
    listed = [member for member in node.network().roster.members if member.id in owners]
    with reading(node.engine) as conn:
        return {member.id: _look_at(conn, node, member) for member in listed}


def _look_at(conn: Connection, node: Node, member: Member) -> Provenance:
    peer = peers.find_peer(conn, member.id)
    reached_at = peer.reached_at if peer else None
    rows = (feeds.find_feed(conn, member.id, audience) for audience in AUDIENCES)
    return Provenance(
        member, reached_at, tuple(_look_at_feed(node, row, reached_at) for row in rows if row is not None)
    )


def _look_at_feed(node: Node, row: feeds.FeedRow, reached_at: datetime | None) -> FeedOrigin:
    now = node.now()
    asked = witnesses_of(node.network(), row.member, row.audience, now)
    return FeedOrigin(
        row.audience,
        row.origin,
        row.size,
        row.advanced_at,
        row.through,
        row.state,
        row.reason,
        cosigners_of(row.note, asked) if row.note is not None else (),
        len(asked.members),
        freshness_of(row, asked, reached_at, now),
    )
