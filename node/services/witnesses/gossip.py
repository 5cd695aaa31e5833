"""What members tell each other about the heads of everybody's feeds, so that nobody can show one face here
and another there (protocol README, "Heads").

Guarantees: of a police feed nothing is said to, or taken from, a member with whom it is not exchanged; what a
peer shows is believed only as far as signatures and hashes prove it; a peer that has nothing new to show
costs one conditional request. What follows from two heads that contradict each other is
`services.witnesses.evidence`.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import Connection

from node.errors import NotFound, PeerUnavailable
from node.runtime import Node
from node.services.serving import Caller, not_exchanged
from node.services.standing import Exchange, exchanges
from node.services.witnesses import evidence
from node.services.witnesses.witnessing import stop_behind
from node.store.database import reading, writing
from node.store.federation import evidence as store
from node.store.federation import heads, waypoints
from node.store.federation.evidence import Comparison, Delivery, KeptEvidence
from node.store.published import feeds
from protocol.checkpoint import parse_checkpoint
from protocol.errors import ProtocolError
from protocol.evidence import own_lines, parse_evidence
from protocol.feed_entry import FeedEntry
from protocol.heads import MAX_EVIDENCE, Heads, format_heads
from protocol.member import Member
from protocol.note import parse_note

_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=1)
_AT_ONCE = 8
_LOOK_SECONDS = 10.0


def show_heads(
    node: Node, conn: Connection, caller: Caller, is_known: Callable[[str], bool]
) -> tuple[str, bytes | None]:
    """Tell a member the newest heads and the evidence of every feed that it may know.

    Args:
        is_known: tells whether a tag is that of what the caller was told last.

    Returns:
        The tag, and the answer; None when it is what the caller knows.

    Raises:
        NotAllowed: nothing is exchanged with it.
    """
    if not caller.exchange.audiences:
        raise not_exchanged(caller)
    entries = _entries(node)
    notes = [
        (note, entries[row.origin].every_key)
        for row, note in _newest_notes(conn)
        if row.audience in caller.exchange.audiences and row.origin in entries
    ]
    told = [
        kept.data
        for kept in store.list_evidence(conn)
        if kept.closed_at is None and kept.audience in caller.exchange.audiences
    ][:MAX_EVIDENCE]
    texts = [_text(note) for note, _ in notes]
    tag = hashlib.sha256(b"\x00".join([*texts, *told])).hexdigest()[:32]
    if is_known(tag):
        return tag, None
    return tag, format_heads([own_lines(parse_note(note), keys) for note, keys in notes], told)


def _entries(node: Node) -> Mapping[str, FeedEntry]:
    return {entry.origin: entry for member in node.network().roster.members for entry in member.feeds}


def _newest_notes(conn: Connection) -> Iterator[tuple[feeds.FeedRow, bytes]]:
    """Give the newest verified head of every feed: pulled, cosigned, or published."""
    seen = heads.list_heads(conn)
    for row in feeds.list_feeds(conn):
        head = seen.get(row.id)
        note = head.note if head is not None and head.size > row.size else row.note
        if note is not None:
            yield row, note


def compare_heads(node: Node, exchange: Exchange) -> None:
    """Ask a member which heads it knows, and hold them against those that are known here.

    It is asked at most every `pull.heads_seconds`. One that does not answer is asked again then: nothing is
    concluded from it.

    Raises:
        ProtocolError: the answer is not of the protocol's form.
    """
    member, now = exchange.member, node.clock()
    if not exchange.audiences:
        return
    with reading(node.engine) as conn:
        last = store.last_comparison(conn, member.id)
    if last is not None and now < last.compared_at + timedelta(seconds=node.config.pull.heads_seconds):
        return
    tag = last.tag if last else ""
    try:
        answer = node.peers.get_heads(member, tag)
    except PeerUnavailable:
        answer = None
    if answer is not None:
        tag, told = answer
        if not _take_heads(node, exchange, told):
            tag = ""  # so that the rest is told again
    with writing(node.engine) as conn:
        waypoints.remember_trees(conn)
        store.record_comparison(conn, Comparison(member.id, tag, now))


def _take_heads(node: Node, exchange: Exchange, told: Heads) -> bool:
    """Look at what a member has told. Returns whether all of it was looked at."""
    for data in told.evidence:
        with suppress(ProtocolError, NotFound):  # what proves nothing changes nothing
            receive(node, exchange, data)
    with reading(node.engine) as conn:
        rows = {row.origin: row for row in feeds.list_feeds(conn)}
    newest = {_text(row.note) for row in rows.values() if row.note is not None}
    until = time.monotonic() + _LOOK_SECONDS
    for note in told.notes:
        if _text(note) not in newest:  # as nearly all are: no signature needs a look
            row = rows.pop(parse_checkpoint(parse_note(note).text).origin, None)  # one head of each feed
            if row is not None:
                hold_head(node, note, exchange, evidence.HEADS)
        if time.monotonic() > until:  # whoever shows very old heads cannot keep this node busy with them
            return False
    return True


def _text(note: bytes) -> bytes:
    """Return what the signatures of a note are over, whether or not it is a note."""
    return note.rpartition(b"\n\n")[0]


def hold_head(node: Node, note: bytes, exchange: Exchange, found: str) -> bool:
    """Hold a head that a member has shown against what is known of its feed.

    Args:
        note: signed or not.
        found: how it came here; see `evidence.keep`.

    Returns:
        Whether the feed is stopped because of it.

    Raises:
        Malformed: it is no head.
    """
    checkpoint = parse_checkpoint(parse_note(note).text)
    listed = evidence.find_entry(node.network().roster, checkpoint.origin)
    if listed is None or listed[1].audience not in exchange.audiences:
        return False
    member, entry = listed
    keys = entry.keys_at(node.now())
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, member.id, entry.audience)
        if row is None or row.origin != checkpoint.origin or row.state == feeds.SPLIT:
            return False
        try:
            split = evidence.find_contradiction(conn, row, keys, note)
        except ProtocolError:  # no key in force has signed it, so it says nothing about the owner
            return False
        is_ahead = checkpoint.size > row.published_size()
        unknown = row.own and is_ahead and not evidence.is_known(conn, row, checkpoint)
    if unknown:
        with writing(node.engine) as conn:
            stop_behind(conn, row, note, exchange.member.id)
    if split is not None:
        with suppress(ProtocolError):  # one of the two may be under a key that has ended since
            return evidence.keep(node, member, entry, split, found, exchange.member.id)
    return False


def receive(node: Node, exchange: Exchange, data: bytes) -> bool:
    """Take evidence that a member hands on.

    Returns:
        Whether the feed is stopped now.

    Raises:
        ProtocolError: it proves nothing, with the reason; nothing has changed.
        NotFound: it is about a feed that is not exchanged with this member.
        NotAllowed: nothing is.
    """
    proof = parse_evidence(data)
    listed = evidence.find_entry(node.network().roster, proof.origin)
    if listed is None or listed[1].audience not in exchange.audiences:
        raise NotFound("There is no such feed here.")
    return evidence.keep(node, *listed, proof, evidence.RECEIVED, exchange.member.id)


def receive_from(node: Node, caller: Caller, data: bytes) -> None:
    """Take evidence that a caller hands on; see `receive`."""
    if not caller.exchange.audiences:
        raise not_exchanged(caller)
    receive(node, caller.exchange, data)


def pass_on(node: Node) -> int:
    """Hand evidence that was found here to every member that may know of the feed, until it has taken it.

    What others have found is in the answer to `GET /heads` and is not sent on: its finder does that.

    Returns:
        How many took a piece.
    """
    now = node.clock()
    due: list[tuple[KeptEvidence, Member, int]] = []
    with reading(node.engine) as conn:
        for kept in store.list_evidence(conn):
            if kept.closed_at is not None or kept.found == evidence.RECEIVED:
                continue
            before = store.list_deliveries(conn, kept.id)
            # Its owner too, who may not know that its key is stolen.
            readers = [other.member for other in exchanges(conn, node) if kept.audience in other.audiences]
            for member in readers:
                delivery = before.get(member.id)
                if delivery is None or (delivery.taken_at is None and delivery.next_at <= now):
                    due.append((kept, member, delivery.failures if delivery else 0))
    if not due:
        return 0
    with ThreadPoolExecutor(min(_AT_ONCE, len(due)), thread_name_prefix="evidence") as threads:
        return sum(threads.map(lambda item: _send(node, *item), due))


def _send(node: Node, kept: KeptEvidence, member: Member, failures: int) -> bool:
    try:
        node.peers.send_evidence(member, kept.data)
        problem = ""
    except (PeerUnavailable, ProtocolError) as error:
        problem = str(error)
    now = node.clock()
    wait = min(_FIRST_WAIT * 2 ** min(failures, 16), _LONGEST_WAIT)
    taken_at = None if problem else now
    with writing(node.engine) as conn:
        store.record_delivery(
            conn, Delivery(kept.id, member.id, taken_at, failures + bool(problem), now + wait, problem)
        )
    return not problem
