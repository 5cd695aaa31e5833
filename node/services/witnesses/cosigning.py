"""Being a witness of other members' feeds (C2SP tlog-witness; protocol README, "Witnesses").

Guarantees: a head is cosigned only if it continues the newest one that was verified here, by a pull or by an
earlier submission, and only after it is on the disk, so that no crash and no second submission at the same
moment makes this node vouch for two histories. A police feed does not exist for whoever may not read it.
How any of it is said over HTTP is left to `node.web.federation`.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from node.errors import Conflict, NotAllowed, NotFound, PeerUnavailable
from node.runtime import Node
from node.services.serving import Caller, NotIdentified
from node.services.standing import exchange_with
from node.services.witnesses import evidence, gossip, witnessing
from node.store.database import reading, writing
from node.store.federation import heads, peers
from node.store.federation.heads import Head
from node.store.published import feeds
from protocol.checkpoint import cosign
from protocol.errors import BadProof, BadSignature, NotNewest, ProtocolError
from protocol.feed_entry import FeedEntry
from protocol.member import Member
from protocol.note import Note, Signature, format_note, parse_note
from protocol.witness import Submission, check_submission, origin_hash, parse_submission

REPEAT = timedelta(minutes=1)
"""Within this time the same head gets the same cosignature again: nobody makes this node write by repeating a
submission."""

Asker = Caller | NotIdentified
"""A member, or why it is not known who is asking: submitting needs no token, but for police feeds."""


@dataclass(frozen=True, slots=True)
class _Log:
    """A feed that this node may cosign, and its newest head here."""

    member: Member
    entry: FeedEntry
    row: feeds.FeedRow | None
    newest: Head | None


def add_checkpoint(node: Node, asker: Asker, data: bytes) -> Signature:
    """Cosign the head that somebody submits, and keep it as the newest of its feed.

    Args:
        data: the body of `add-checkpoint`.

    Returns:
        The cosignature, which is on the disk.

    Raises:
        ProtocolError: it is not cosigned; `protocol.witness.format_refusal` has the status for each.
        PeerUnavailable: this node may sign nothing at present.
    """
    submission = parse_submission(data)
    try:
        with reading(node.engine) as conn:
            _check_able(conn, node)
            log = _check(conn, node, asker, submission)
        if (known := _said_just_now(node, log, submission)) is not None:
            return known
        with writing(node.engine, durable=True) as conn:
            log = _check(conn, node, asker, submission)  # again, now that nobody else writes
            return _cosign(conn, node, log, submission)
    except (BadProof, NotNewest):
        _keep_contradiction(node, asker, submission)
        raise


def newest_cosigned(node: Node, asker: Asker, log: str) -> bytes:
    """Return the newest head of a feed that this node has cosigned, with its cosignature.

    Args:
        log: the SHA-256 of the feed's origin, in hexadecimal.

    Raises:
        NotFound: no such feed was ever cosigned here, or none that the asker may know of.
        NotIdentified, NotAllowed: it is for members with whom `network` feeds are exchanged.
    """
    with reading(node.engine) as conn:
        for row in feeds.list_feeds(conn):
            if origin_hash(row.origin) == log and not row.own and _may_know(row.audience, asker):
                head = heads.newest_head(conn, row.id)
                if head is not None and head.cosigned is not None:
                    _check_reader(node, asker)
                    return head.cosigned
    raise NotFound("This witness has cosigned no such log.")


def _keep_contradiction(node: Node, asker: Asker, submission: Submission) -> None:
    """Keep the evidence when a head has the size of the newest one and another root.

    Of a smaller head it would take all leaves to tell, which nobody may make this node read by a submission;
    once it is published the comparison of heads finds it.
    """
    checkpoint = submission.checkpoint
    with reading(node.engine) as conn:
        log = _find_log(conn, node, asker, checkpoint.origin)
        if log is None or log.newest is None:
            return
        exchange = exchange_with(conn, node, log.member.id)
    if log.newest.size == checkpoint.size and log.newest.root != checkpoint.root:
        with suppress(ProtocolError):
            gossip.hold_head(node, format_note(submission.note), exchange, evidence.WITNESS)


def _check_able(conn: Connection, node: Node) -> None:
    """Check that this node's word is worth something: it has forgotten nothing, and its clock is right."""
    try:
        witnessing.check_not_restored(conn)
        witnessing.check_clock(conn, node)
    except Conflict as error:
        raise PeerUnavailable("This witness cannot cosign at present.", error.next_step) from None


def _check_remembered(conn: Connection, member: Member) -> None:
    """Check that this node has not forgotten what it cosigned of a member last: after a restore it pulls it
    first."""
    peer = peers.find_peer(conn, member.id)
    if peer is not None and peer.unheard:
        raise PeerUnavailable("This witness cannot cosign at present.", "It was restored: ask again later.")


def _check(conn: Connection, node: Node, asker: Asker, submission: Submission) -> _Log:
    """Check everything that a submission must be against the newest head."""
    checkpoint = submission.checkpoint
    log = _find_log(conn, node, asker, checkpoint.origin)
    newest = log.newest.checkpoint(checkpoint.origin) if log and log.newest else None
    check_submission(submission, newest, log.entry.keys_at(node.now()) if log else ())
    assert log is not None  # without a key nothing passes
    _check_remembered(conn, log.member)
    if log.row is not None and log.row.state == feeds.SPLIT:
        raise BadProof("checkpoint: of a feed that has shown two faces; people must look at it first")
    if log.entry.frozen is not None and checkpoint.size > log.entry.frozen.size:
        raise BadSignature("checkpoint: its keys do not count behind the head at which the feed is frozen")
    return log


def _find_log(conn: Connection, node: Node, asker: Asker, origin: str) -> _Log | None:
    """Find a feed by its origin, if this node reads it and the asker may know of it."""
    for member in node.network().roster.members:
        for entry in member.feeds:
            if entry.origin == origin and member.id != node.member and _may_know(entry.audience, asker):
                row = feeds.find_feed(conn, member.id, entry.audience)
                known_by_another_name = row is not None and row.origin != origin
                if known_by_another_name or entry.audience not in exchange_with(conn, node, member.id).leaves:
                    return None
                return _Log(member, entry, row, heads.newest_head(conn, row.id) if row else None)
    return None


def _may_know(audience: str, asker: Asker) -> bool:
    return audience == "network" or (isinstance(asker, Caller) and audience in asker.exchange.leaves)


def _check_reader(node: Node, asker: Asker) -> None:
    if isinstance(asker, Caller):
        if "network" not in asker.exchange.leaves:
            raise NotAllowed(f"Nothing is exchanged with {asker.member}: {asker.exchange.reason}.")
    elif not node.network().policy.exercise:
        raise asker


def _said_just_now(node: Node, log: _Log, submission: Submission) -> Signature | None:
    """Return the cosignature of the same head that this node gave a moment ago."""
    head = log.newest
    if head is None or head.cosigned is None or head.cosigned_at is None:
        return None
    note, key = parse_note(head.cosigned), node.cosigner().key
    if note.text != submission.note.text or not timedelta(0) <= node.now() - head.cosigned_at < REPEAT:
        return None
    return next((line for line in note.signatures if line.of(key)), None)


def _cosign(conn: Connection, node: Node, log: _Log, submission: Submission) -> Signature:
    checkpoint, now = submission.checkpoint, node.now()
    row = log.row or feeds.ensure_feed(conn, log.member.id, log.entry.audience, checkpoint.origin, own=False)
    # Other lines are whatever the sender wrote: what is kept and served holds none that was not verified.
    keys = log.entry.keys_at(now)
    by_log = tuple(line for line in submission.note.signatures if any(map(line.of, keys)))
    note = Note(submission.note.text, by_log)
    if log.newest is None or log.newest.size < checkpoint.size:
        heads.advance_head(conn, row.id, log.newest, checkpoint.size, checkpoint.root, format_note(note), now)
    cosigned = cosign(note, node.cosigner(), now)
    heads.keep_cosigned(conn, row.id, format_note(cosigned), now)
    return cosigned.signatures[-1]
