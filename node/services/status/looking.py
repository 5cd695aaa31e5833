"""Looking at everything that a node is asked about when somebody asks how it stands."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from node.runtime import Node
from node.services.disclosure import ledger
from node.services.members.membership import MemberView, list_members
from node.services.messages import PARTS
from node.services.status.figures import FeedStatus, PeerStatus, Status
from node.services.status.warnings import find_warnings
from node.services.witnesses.freshness import freshness_of
from node.services.witnesses.witnessing import witnesses_of
from node.store.database import reading
from node.store.federation import evidence, messages, peers, witnesses
from node.store.published import feed_cases, feeds, photographs
from node.store.register import cases
from protocol.endorsement import standing


def status(node: Node) -> Status:
    """Look at everything.

    Raises:
        NotFound: the node has not joined a network.
        NotAllowed: the roster does not list its member.
    """
    network, entry = node.network(), node.entry()
    views = list_members(node)
    erasures = ledger.list_erasures(node, open_only=True)
    with reading(node.engine) as conn:
        by_member = feeds_by_member(conn, node)
        own = by_member.get(node.member, [])
        own_standing = standing(entry, network.roster, peers.list_withdrawals(conn), node.now())
        found = look_at_peers(conn, node, views, by_member)
        storage = {
            "photographs_bytes": node.blobs.total_bytes(),
            "full_foreign_bytes": photographs.bytes_held(conn, photographs.FULL),
            "full_foreign_cap_bytes": node.config.storage.photographs_megabytes * 1_000_000,
        }
        register = cases.count_cases(conn)
        proofs = [(kept.id, kept.origin) for kept in evidence.list_evidence(conn) if kept.closed_at is None]
        mail = messages.count_open(conn, PARTS)
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
    result.warnings.extend(find_warnings(node, result, views, erasures))
    return result


def look_at_peers(
    conn: Connection,
    node: Node,
    views: Iterable[MemberView],
    by_member: Mapping[str, list[FeedStatus]],
) -> list[PeerStatus]:
    """Look at other members, with the feeds of each."""
    seen = {peer.member: peer for peer in peers.list_peers(conn)}
    return [_peer(view, seen.get(view.member.id), by_member.get(view.member.id, [])) for view in views]


def feeds_by_member(conn: Connection, node: Node, only: str | None = None) -> dict[str, list[FeedStatus]]:
    """Look at the feeds that are known here, by their member; those of one member alone where it is named."""
    counts, network, now = feed_cases.count_states(conn), node.network(), node.now()
    seen = {peer.member: peer for peer in peers.list_peers(conn)}
    found: dict[str, list[FeedStatus]] = {}
    for row in feeds.list_feeds(conn):
        if only not in (None, row.member):
            continue
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
                row.skipped_by,
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
        names=view.member.names,
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
