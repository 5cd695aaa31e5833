"""What this node does with two signed heads of one feed that contradict each other: prove it, keep it, stop
the feed, and let people decide.

Guarantees: a feed stops only for evidence that was verified under keys that are in force, and from that
moment nothing of it is pulled, cosigned or handed on until a person here has decided, or the network has
frozen the feed. Evidence that proves nothing changes nothing. How it travels is `services.witnesses.gossip`.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import structlog
from sqlalchemy import Connection

from node.errors import Conflict, InvalidInput, NotFound, PeerUnavailable
from node.runtime import Node
from node.store.database import reading, writing
from node.store.federation import evidence as store
from node.store.federation import heads, peers, waypoints
from node.store.federation.evidence import Delivery, KeptEvidence
from node.store.journal import JournalEntry, write_journal
from node.store.published import feeds
from protocol.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from protocol.errors import BadProof, Malformed, ProtocolError, SplitView
from protocol.evidence import (
    Evidence,
    evidence_of,
    format_evidence,
    gather_evidence,
    parse_evidence,
    verify_evidence,
)
from protocol.feed_entry import FeedEntry
from protocol.member import Member
from protocol.note import VerifierKey, parse_note
from protocol.roster import Roster
from protocol.tiles import WIDTH, TileRef, bundles_between, parse_bundle, read_nodes
from protocol.tlog import EMPTY, Frontier, NodeReader, extend_range, leaf_hash, subtrees

PULL, HEADS, WITNESS, RECEIVED = "pull", "heads", "witness", "received"
"""How evidence came here: a pull met it; a peer's heads did, or a head that was to be cosigned; or a member
handed it on."""

MAX_OPEN = 16
"""How many pieces are kept against one feed while nobody has decided: whoever holds its key could sign any
number."""

MAX_ENTRIES_READ = 64 << 20
"""The most bytes of entries that are read again for a proof: some 200,000 leaves."""

_REASON = "it has shown two faces: two signed heads contradict each other; see `gmcn evidence list`"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """A piece of evidence, as people look at it.

    Attributes:
        smaller, larger: the heads that contradict each other.
        deliveries: how handing it on goes, for what was found here.
    """

    kept: KeptEvidence
    smaller: Checkpoint
    larger: Checkpoint
    deliveries: list[Delivery]


def find_entry(roster: Roster, origin: str) -> tuple[Member, FeedEntry] | None:
    """Find a feed by its origin in the roster."""
    for member in roster.members:
        for entry in member.feeds:
            if entry.origin == origin:
                return member, entry
    return None


def prove_split(
    error: BadProof,
    older: bytes | None,
    newer: bytes,
    keys: Sequence[VerifierKey],
    fetch: Callable[[TileRef], bytes],
    *,
    thorough: bool,
) -> BadProof:
    """See whether a feed that did not come out as signed has another past than the one that is known here.

    Args:
        older, newer: the signed heads, the known one and the one that did not come out.
        fetch: reads the newer tree's files from whoever gave the newer head; nothing of it is believed.
        thorough: whether all entries are read where the hash tiles prove nothing, as members have none of the
            feeds that they hand on.

    Returns:
        A SplitView with what proves it; the error as it was when nothing does.
    """
    if isinstance(error, SplitView) or older is None:
        return error
    size = parse_checkpoint(parse_note(newer).text).size
    readers = [read_nodes(size, fetch), _read_entries(size, fetch)]
    for read in readers if thorough else readers[:1]:
        with suppress(ProtocolError, PeerUnavailable):
            proof = gather_evidence(older, newer, keys, read)
            return SplitView("feed: another past than the one that is known", older, newer, proof.hashes)
    return error


def _read_entries(size: int, fetch: Callable[[TileRef], bytes]) -> NodeReader:
    """Read nodes out of all entries, each once and from the left, as `gather_evidence` asks for them."""

    def leaves() -> Iterator[bytes]:
        read = 0
        for ref in bundles_between(0, size):
            data = fetch(ref)
            read += len(data)
            if read > MAX_ENTRIES_READ:
                raise Malformed("feed: too long to be proven from its entries")
            yield from map(leaf_hash, parse_bundle(data, ref.width))

    hashes = leaves()
    return lambda level, index: EMPTY.extended(islice(hashes, 1 << level)).root()


def find_contradiction(
    conn: Connection, row: feeds.FeedRow, keys: Sequence[VerifierKey], note: bytes
) -> SplitView | None:
    """Hold a signed head against what is known of its feed.

    Returns:
        The contradiction; None when there is none, or when it cannot be told: of a larger head a pull will
        tell.

    Raises:
        ProtocolError: it is not a head of this feed signed by these keys.
    """
    checkpoint, _ = verify_checkpoint(note, [key for key in keys if key.name == row.origin])
    newest = heads.newest_head(conn, row.id)
    if newest is not None and newest.size == checkpoint.size:
        if newest.root == checkpoint.root:
            return None
        return SplitView("head: another root for a size that is known", newest.note, note)
    if row.note is None or checkpoint.size > row.published_size():
        return None
    return _look_back(conn, row, checkpoint, note, row.note)


def is_known(conn: Connection, row: feeds.FeedRow, head: Checkpoint) -> bool:
    """Tell whether the history that is known here has a head."""
    then = _tree_at(conn, row, head.size)
    return then is not None and then.root() == head.root


def _look_back(
    conn: Connection, row: feeds.FeedRow, checkpoint: Checkpoint, note: bytes, ours: bytes
) -> SplitView | None:
    """Hold a head against the tree that was known at its size, and say what proves it if that was another."""
    then, size = _tree_at(conn, row, checkpoint.size), row.published_size()
    if then is None or then.root() == checkpoint.root:
        return None
    if checkpoint.size == size:
        return SplitView("head: another root for a size that is known", ours, note)
    rest: list[bytes] = []
    extend_range(then.size, then.size, rest, _leaf_hashes(conn, row, then.size, size))
    return SplitView("head: another past than the one that is known", note, ours, (*then.hashes, *rest))


def _tree_at(conn: Connection, row: feeds.FeedRow, size: int) -> Frontier | None:
    """Return the tree that a feed had at a size; None when that cannot be told: it never was so large, or its
    beginning is not here any more."""
    if size > row.size:
        return None
    if row.own:
        read = read_nodes(row.size, lambda ref: feeds.read_file(conn, row.id, ref) or b"")
        return Frontier(size, tuple(read(*place) for place in subtrees(0, size)))
    known = waypoints.nearest_tree(conn, row.origin, size)
    then = known.extended(_leaf_hashes(conn, row, known.size, size))
    return then if then.size == size else None


def _leaf_hashes(conn: Connection, row: feeds.FeedRow, low: int, high: int) -> Iterator[bytes]:
    """Read the leaf hashes from one place of a feed to another, as far as they are here."""
    for ref in bundles_between(low, high):
        data = feeds.read_file(conn, row.id, ref)
        if data is None:
            return
        entries = parse_bundle(data, ref.width)
        yield from map(leaf_hash, entries[max(0, low - ref.index * WIDTH) :])


def keep(
    node: Node, member: Member, entry: FeedEntry, split: SplitView | Evidence, found: str, source: str
) -> bool:
    """Keep what proves that a member's feed has shown two faces, and stop the feed.

    Only keys that are in force now count: whoever finds one that was replaced cannot stop a feed with it.

    Args:
        found: PULL, HEADS, WITNESS or RECEIVED.
        source: the member that showed it.

    Returns:
        Whether the feed is stopped now. It is not where people have decided about it before, here or, by
        freezing it, in the network.

    Raises:
        ProtocolError: it proves nothing; nothing has changed.
    """
    keys = entry.keys_at(node.now())
    if isinstance(split, SplitView):
        proof = evidence_of(split, keys)
    else:
        proof, _ = split, verify_evidence(split, keys)
    data = format_evidence(proof)
    digest = hashlib.sha256(data).hexdigest()
    kept = KeptEvidence(digest, proof.origin, member.id, entry.audience, data, found, source, node.clock())
    with writing(node.engine, durable=True) as conn:
        own = member.id == node.member
        row = feeds.ensure_feed(conn, member.id, entry.audience, entry.origin, own=own)
        return _keep(conn, kept, proof, row, entry)


def _keep(
    conn: Connection, kept: KeptEvidence, proof: Evidence, row: feeds.FeedRow, entry: FeedEntry
) -> bool:
    before = store.list_evidence(conn, proof.origin)
    if any(one.id == kept.id for one in before) or _is_decided(conn, row, proof, before):
        return row.state == feeds.SPLIT
    if sum(one.closed_at is None for one in before) < MAX_OPEN:
        store.keep_evidence(conn, kept)
        log.error("two faces", member=kept.member)
    # A feed that the network has frozen is held to the head at which it was, which is a decision too.
    if entry.state == "active" and row.origin == proof.origin:
        feeds.set_feed_state(conn, row.id, feeds.SPLIT, _REASON)
        return True
    return False


def _is_decided(
    conn: Connection, row: feeds.FeedRow, proof: Evidence, before: Sequence[KeptEvidence]
) -> bool:
    """Tell whether evidence only repeats a head that people have decided against here."""
    news = set(_heads_of(proof))
    for one in before:
        if one.closed_at is not None:
            for head in news.intersection(_heads_of(parse_evidence(one.data))):
                if not is_known(conn, row, head):
                    return True
    return False


def _heads_of(proof: Evidence) -> tuple[Checkpoint, Checkpoint]:
    """Read the heads of evidence that was verified when it was kept."""
    return tuple(parse_checkpoint(parse_note(note).text) for note in (proof.smaller, proof.larger))  # type: ignore[return-value]


def list_evidence(node: Node) -> list[EvidenceView]:
    """Show what is kept, the newest first."""
    with reading(node.engine) as conn:
        return [_view(conn, kept) for kept in store.list_evidence(conn)]


def list_open(node: Node) -> list[tuple[str, str]]:
    """Return what nobody has decided about: the feed's origin and the id of one piece against it."""
    with reading(node.engine) as conn:
        found = [kept for kept in store.list_evidence(conn) if kept.closed_at is None]
    return sorted({kept.origin: kept.id for kept in found}.items())


def find_evidence(node: Node, prefix: str) -> EvidenceView:
    """Show one piece of evidence.

    Args:
        prefix: the beginning of its id.

    Raises:
        NotFound, InvalidInput: there is none, or more than one.
    """
    with reading(node.engine) as conn:
        found = store.find_evidence(conn, prefix)
        if not found:
            raise NotFound("There is no such evidence here.", "See `gmcn evidence list`.")
        if len(found) > 1:
            raise InvalidInput("Several pieces of evidence begin so.", "Write more of the id.")
        return _view(conn, found[0])


def keys_of(node: Node, origin: str) -> tuple[VerifierKey, ...]:
    """Return the keys that a feed has and had by the roster; none when it lists no such feed."""
    listed = find_entry(node.network().roster, origin)
    return listed[1].every_key if listed else ()


def check_file(data: bytes, keys: Sequence[VerifierKey] | Roster) -> tuple[Evidence, Checkpoint, Checkpoint]:
    """Check evidence that somebody brought, without asking anybody.

    Args:
        keys: those of the feed; or a roster that lists them, also those that were replaced since.

    Returns:
        The evidence, its smaller and its larger head.

    Raises:
        ProtocolError: it proves nothing, with the reason.
        NotFound: the roster lists no such feed.
    """
    proof = parse_evidence(data)
    if isinstance(keys, Roster):
        listed = find_entry(keys, proof.origin)
        if listed is None:
            raise NotFound(
                "The roster lists no feed %(feed)s.",
                "Name its key with --key, if you have it.",
                feed=proof.origin,
            )
        keys = listed[1].every_key
    return proof, *verify_evidence(proof, keys)


def close(node: Node, prefix: str, reason: str, actor: str) -> KeptEvidence:
    """Let a feed go on from what is known of it here: a person has looked, and decided.

    Everything that is open against the feed is closed with it.

    Raises:
        NotFound, InvalidInput: there is no such evidence, or more than one; or there is no reason.
        Conflict: it is closed already.
    """
    if not reason.strip():
        raise InvalidInput("The decision needs a reason.", "Write what was found out: --reason TEXT.")
    kept = find_evidence(node, prefix).kept
    if kept.closed_at is not None:
        raise Conflict(
            "It was closed by %(person)s already.", "See `gmcn evidence show`.", person=kept.closed_by
        )
    now = node.clock()
    with writing(node.engine) as conn:
        store.close_evidence(conn, kept.origin, actor, reason, now)
        row = feeds.find_feed(conn, kept.member, kept.audience)
        if row is not None and row.state == feeds.SPLIT:
            feeds.set_feed_state(conn, row.id, feeds.OPEN)
            peers.ring(conn, kept.member, now)
        write_journal(conn, JournalEntry(now, actor, "evidence.close", fields=[kept.origin]))
    return kept


def _view(conn: Connection, kept: KeptEvidence) -> EvidenceView:
    smaller, larger = _heads_of(parse_evidence(kept.data))
    deliveries = list(store.list_deliveries(conn, kept.id).values())
    return EvidenceView(kept, smaller, larger, deliveries)
