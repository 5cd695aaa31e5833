"""What is told of how a node stands: of itself, of each peer and of each feed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from node.services.witnesses.freshness import Freshness
from node.store.federation.witnesses import WitnessAnswer
from protocol.endorsement import Standing


@dataclass(frozen=True)
class FeedStatus:
    """One feed.

    Attributes:
        size, root: the head: leaves, and the root over them in hexadecimal.
        states: number of cases by state: held, wanted, refused, withheld, restricted, erased, expired.
        state: open, quarantined, split or behind; `reason` says why.
        through: who handed it on when it was read last; empty when it was its owner.
        skipped_by: by whose word alone it begins late here; empty when by nobody's but its owner's.
        freshness: how new its published head is, and by whose word.
        unpublished: entries of an own feed that are signed and wait for its witnesses to be asked.
        witnesses: of an own feed, what each of its witnesses answered last.
    """

    audience: str
    origin: str
    size: int
    root: str
    states: dict[str, int]
    state: str
    reason: str
    advanced_at: datetime | None
    through: str
    skipped_by: str
    freshness: Freshness
    unpublished: int
    witnesses: list[WitnessAnswer]


@dataclass(frozen=True)
class PeerStatus:
    """One peer: what may be exchanged with it, its replicas here, and how pulling it goes.

    Attributes:
        names: what it calls itself, by BCP 47 tag.
    """

    member: str
    country: str
    kind: str
    names: Mapping[str, str]
    standing: str
    standing_reason: str
    accepted: bool
    fingerprint: str
    audiences: tuple[str, ...]
    reason: str
    feeds: list[FeedStatus]
    reached_at: datetime | None
    next_at: datetime | None
    failures: int
    error: str
    lying: bool
    false_at: datetime | None
    false_reason: str


@dataclass(frozen=True)
class Status:
    """The whole node.

    Attributes:
        register: number of own cases by status.
        storage: bytes of photographs on the disk, of full-size foreign ones, and their cap.
        erasures_waiting: own erasures that peers have not confirmed as purged: case, since when, who.
        evidence: what proves two faces, and nobody has decided about: id and origin of the feed.
        messages: number of sealed messages by state: new (nobody has dealt with it), waiting (for its
            receiver), refused (by its receiver).
        warnings: what the operator should do something about, in plain words.
    """

    member: str
    network: str
    exercise: bool
    roster_version: int
    roster_expires_at: datetime
    standing: Standing
    own: list[FeedStatus]
    register: dict[str, int]
    peers: list[PeerStatus]
    storage: dict[str, int]
    erasures_waiting: list[tuple[str, datetime, list[str]]]
    evidence: list[tuple[str, str]]
    messages: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
