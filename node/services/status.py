"""How this node stands: what it owns, what it holds of whom, how fresh that is, and what went wrong.

Guarantees: no personal data; every reason is given in the words in which it was found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from node.errors import Conflict
from node.runtime import Node
from node.services.members.membership import MemberView, list_members
from node.services.messages import PARTS
from node.services.register import ledger
from node.services.register.ledger import Erasure
from node.services.safekeeping import losses
from node.services.witnesses.freshness import Freshness, freshness_of
from node.services.witnesses.witnessing import check_clock, witnesses_of
from node.store import (
    cases,
    documents,
    endings,
    evidence,
    feeds,
    gate,
    messages,
    peers,
    photographs,
    scrubbing,
    witnesses,
)
from node.store.database import reading
from node.store.witnesses import WitnessAnswer
from protocol.endorsement import Standing, State, standing

FALSE_SHOWN = timedelta(days=7)
"""How long it is told that a peer handed on what is not true."""


@dataclass(frozen=True)
class FeedStatus:
    """One feed.

    Attributes:
        size, root: the head: leaves, and the root over them in hexadecimal.
        states: number of cases by state: held, wanted, refused, withheld, restricted, erased, expired.
        state: open, quarantined, split or behind; `reason` says why.
        through: who handed it on when it was read last; empty when it was its owner.
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
    freshness: Freshness
    unpublished: int
    witnesses: list[WitnessAnswer]


@dataclass(frozen=True)
class PeerStatus:
    """One peer: what may be exchanged with it, its replicas here, and how pulling it goes."""

    member: str
    country: str
    kind: str
    name: str
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


def status(node: Node) -> Status:
    """Look at everything.

    Raises:
        NotFound: the node has not joined a network.
        NotAllowed: the roster does not list its member.
    """
    network, entry = node.network(), node.entry()
    views = {view.member.id: view for view in list_members(node)}
    erasures = ledger.list_erasures(node, open_only=True)
    with reading(node.engine) as conn:
        seen = {peer.member: peer for peer in peers.list_peers(conn)}
        by_member = _feeds_by_member(conn, node, seen)
        own = by_member.get(node.member, [])
        own_standing = standing(entry, network.roster, peers.list_withdrawals(conn), node.now())
        found = [_peer(view, seen.get(member), by_member.get(member, [])) for member, view in views.items()]
        storage = {
            "photographs_bytes": node.blobs.total_bytes(),
            "full_foreign_bytes": photographs.bytes_held(conn, photographs.FULL),
            "full_foreign_cap_bytes": node.config.storage.photographs_megabytes * 1_000_000,
        }
        register = cases.count_cases(conn)
        proofs = [(kept.id, kept.origin) for kept in evidence.list_evidence(conn) if kept.closed_at is None]
        problems = [*_clock_problem(conn, node), *losses.warnings(conn), *_erasure_warnings(conn, node)]
        mail = messages.count_open(conn, PARTS)
        problems += _gate_warnings(conn, node)
    if stuck := scrubbing.waits_for(node.engine):
        problems.append(f"PostgreSQL cannot be seen to forget what was erased: {stuck}. See the guide.")
    result = Status(
        member=node.member,
        network=network.roster.network,
        exercise=network.policy.exercise,
        roster_version=network.version,
        roster_expires_at=network.expires_at,
        standing=own_standing,
        own=own,
        register=register,
        peers=found,
        storage=storage,
        erasures_waiting=[(entry.case_id, entry.ended_at, entry.waiting) for entry in reversed(erasures)],
        evidence=proofs,
        messages=mail,
    )
    problems += _message_warnings(mail)
    overdue = _overdue_warnings(erasures)
    given = _endorsement_warnings(node, views.values())
    result.warnings.extend([*problems, *_own_warnings(own), *overdue, *given, *_warnings(node, result)])
    return result


def _feeds_by_member(
    conn: Connection, node: Node, seen: Mapping[str, peers.Peer]
) -> dict[str, list[FeedStatus]]:
    counts, network, now = feeds.count_states(conn), node.network(), node.now()
    found: dict[str, list[FeedStatus]] = {}
    for row in feeds.list_feeds(conn):
        states = {state: number for (feed_id, state), number in counts.items() if feed_id == row.id}
        asked = witnesses_of(network, row.member, row.audience, now)
        reached_at = now if row.own else seen[row.member].reached_at if row.member in seen else None
        found.setdefault(row.member, []).append(
            FeedStatus(
                row.audience,
                row.origin,
                row.size,
                row.known().frontier.root().hex(),
                states,
                row.state,
                row.reason,
                row.advanced_at,
                row.through,
                freshness_of(row, asked, reached_at, now),
                row.size - row.published_size(),
                witnesses.list_answers(conn, row.id) if row.own else [],
            )
        )
    return found


def _peer(view: MemberView, peer: peers.Peer | None, held: list[FeedStatus]) -> PeerStatus:
    return PeerStatus(
        member=view.member.id,
        country=view.member.country,
        kind=view.member.kind,
        name=next(iter(view.member.names.values()), view.member.id),
        standing=view.standing.state.value,
        standing_reason=view.standing.reason,
        accepted=view.accepted,
        fingerprint=view.fingerprint,
        audiences=view.audiences,
        reason=view.reason,
        feeds=held,
        reached_at=peer.reached_at if peer else None,
        next_at=peer.next_at if peer else None,
        failures=peer.failures if peer else 0,
        error=peer.error if peer else "",
        lying=peer.lying if peer else False,
        false_at=peer.false_at if peer else None,
        false_reason=peer.false_reason if peer else "",
    )


def _clock_problem(conn: Connection, node: Node) -> list[str]:
    try:
        check_clock(conn, node)
    except Conflict as error:
        return [f"{error.message} {error.next_step}"]
    return []


def _own_warnings(own: Sequence[FeedStatus]) -> list[str]:
    warnings = []
    for feed in own:
        if feed.state != feeds.OPEN:
            warnings.append(f"{feed.origin} is {feed.state}: {feed.reason}. Nothing is signed.")
        if feed.freshness.witnessed is False:
            reasons = [f"{answer.member}: {answer.problem}" for answer in feed.witnesses if answer.problem]
            text = f"{feed.origin} is published without the quorum of its witnesses."
            warnings.append(" ".join([text, *reasons]))
    return warnings


def _endorsement_warnings(node: Node, views: Iterable[MemberView]) -> list[str]:
    """Tell the endorser, too, what its endorsements come to: the NGO alone might not be heard."""
    warnings = []
    for view in views:
        stands = view.standing
        if stands.endorser == node.member and stands.warning is not None and stands.until is not None:
            warnings.append(
                f"This member's endorsement of {view.member.id} ends within {stands.warning} days, on "
                f"{stands.until:%Y-%m-%d}: write another with `gmcn endorse`, or tell the NGO that it ends."
            )
    return warnings


def _gate_warnings(conn: Connection, node: Node) -> list[str]:
    late = [item for item in gate.unreviewed(conn) if item.review_due and item.review_due < node.clock()]
    return [
        f"Published without an approval, and not reviewed within 24 hours: {item.case_id}. "
        f"See `gmcn gate show {item.id}`."
        for item in late
    ]


def _message_warnings(mail: Mapping[str, int]) -> list[str]:
    words = {messages.NEW: "that wait for you", messages.REFUSED: "that their receiver refused"}
    return [
        f"Messages {which}: {mail[state]}. See `gmcn messages list`."
        for state, which in words.items()
        if state in mail
    ]


def _overdue_warnings(erasures: list[Erasure]) -> list[str]:
    """Name the members that owe a word about erasures for longer than the policy allows."""
    owed: dict[str, list[datetime]] = {}
    for entry in erasures:
        for answer in entry.answers:
            if answer.overdue:
                owed.setdefault(answer.member, []).append(entry.ended_at)
    return [
        f"{member} has not confirmed {len(times)} erasures, the oldest of {min(times):%Y-%m-%d %H:%M} UTC: "
        "see `gmcn erasures --open`, and ask its duty officer."
        for member, times in sorted(owed.items())
    ]


def _erasure_warnings(conn: Connection, node: Node) -> list[str]:
    """Tell what of others' erasures waits here, and what keeps them from being finished."""
    waiting = endings.count_waiting(conn, node.clock())
    full = documents.count_waiting(conn, node.config.storage.cases_per_member)
    warnings = []
    for row in feeds.list_feeds(conn):
        if row.id in waiting:
            number, until = waiting[row.id]
            warnings.append(
                f"{row.origin} has erased {number} cases within a day. They are hidden, and purged from "
                f"{until:%Y-%m-%d %H:%M} UTC on: ask {row.member} by telephone. If it was not them, the "
                "coordinator can freeze the feed, which brings the cases back."
            )
        if row.id in full:
            warnings.append(
                f"{row.member} has more live cases than storage.cases_per_member allows: {full[row.id]} of "
                f"{row.origin} wait. Raise the setting, or ask why."
            )
    return warnings


def _warnings(node: Node, found: Status) -> list[str]:
    warnings = []
    now = node.now()
    if found.roster_expires_at <= now:
        warnings.append(
            f"The network's signed files ran out on {found.roster_expires_at:%Y-%m-%d %H:%M} UTC: "
            "no new member or key is taken. Ask the coordinator."
        )
    if node.trust.current().turned:
        now_is, here = ("no exercise", "one") if found.exercise else ("an exercise", "none")
        warnings.append(
            f"The network's policy says that it is {now_is}; here it stays {here}, as when this node joined. "
            "Ask the coordinator."
        )
    if found.standing.state is not State.ACTIVE:
        warnings.append(f"This member's standing is {found.standing.state}: {found.standing.reason}.")
    elif found.standing.warning:
        warnings.append(f"This member is {found.standing.reason}: ask for a new endorsement now.")
    for peer in found.peers:
        if peer.standing == "active" and not peer.accepted:
            warnings.append(f"{peer.member} waits to be accepted: see `gmcn member list`.")
        if peer.false_at is not None and now < peer.false_at + FALSE_SHOWN:
            warnings.append(
                f"{peer.member} handed on what is not true, on {peer.false_at:%Y-%m-%d %H:%M} UTC: "
                f"{peer.false_reason}. Tell its operator."
            )
        for feed in peer.feeds:
            if feed.state != feeds.OPEN:
                warnings.append(f"{feed.origin} is {feed.state}: {feed.reason}.")
            if feed.freshness.state == "silent" and feed.freshness.vouched_at is not None:
                since = f"{feed.freshness.vouched_at:%Y-%m-%d %H:%M} UTC"
                warnings.append(f"{feed.origin} is silent: nothing newer than {since} has come from it.")
            if feed.states.get(feeds.WITHHELD):
                warnings.append(
                    f"{feed.origin} withholds {feed.states[feeds.WITHHELD]} documents that it announces."
                )
    return warnings
