"""Asking the witnesses of the own feeds (protocol README, "Witnesses").

    check_may_sign     before a head is signed: is ours the newest that anybody knows, and is the clock right?
    publish_pending    after it was signed and stored: the witnesses see it before anybody else
    refresh            every hour: the same head with newer cosignatures

Each of them submits the newest own heads with `add-checkpoint`: a cosignature is also the word that no larger
head is known, and the time by another clock.

Guarantees: nothing is published before every witness was asked, two seconds long at most; what a witness says
is believed only with a signature under it: its own under a cosignature, this member's under a head that this
node does not have. Such a head stops the own feed. A witness that is down, slow or lies stops nothing: the
head is published as unwitnessed, and that is shown.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from node.errors import Conflict, PeerUnavailable
from node.runtime import Network, Node
from node.store import marks
from node.store.database import reading, writing
from node.store.federation import witnesses
from node.store.federation.witnesses import WitnessAnswer
from node.store.published import feeds
from node.store.published.feeds import FeedRow
from protocol.checkpoint import (
    Checkpoint,
    Cosignature,
    merge_signatures,
    parse_checkpoint,
    verify_checkpoint,
    verify_cosignatures,
)
from protocol.errors import BadSignature, ProtocolError
from protocol.feed_entry import Audience
from protocol.member import Member
from protocol.note import Note, VerifierKey, parse_note
from protocol.tiles import read_nodes
from protocol.tlog import NodeReader, consistency_proof, tree_root
from protocol.witness import format_submission, parse_cosignatures, parse_newest_size

DEADLINE_SECONDS = 2.0
"""How long the witnesses are waited for before a head is published without them."""

LEASE = timedelta(minutes=1)
"""How long a witness's word that no larger head is known allows to sign on top of it, in the process that has
asked: many cases are erased one by one without asking each time."""

REFRESH = timedelta(hours=1)
"""How old the cosignatures of a quorum become before newer ones are asked for."""

RETRY = timedelta(minutes=1)
"""How long a head without its quorum waits before the witnesses are asked again."""

MAX_CLOCK_ERROR = timedelta(minutes=10)
"""How far this machine's clock may be from those of the witnesses while anything is signed or purged."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who vouches for a feed.

    Attributes:
        members: the policy's witnesses without the feed's owner, whose own word counts for nothing here.
        quorum: how many of them make a head a witnessed one; 0 where there are none.
    """

    members: tuple[Member, ...]
    keys: tuple[VerifierKey, ...]
    quorum: int


def witnesses_of(network: Network, owner: str, audience: str, now: datetime) -> Witnesses:
    """Return the witnesses of a member's feed.

    Where the owner is a witness itself, and all of them are demanded, all others are enough.
    """
    asked: Audience = "police" if audience == "police" else "network"
    names = [name for name in network.policy.witnesses[asked] if name != owner]
    listed = {member.id: member for member in network.roster.members} if names else {}
    members = tuple(listed[name] for name in names if name in listed)
    quorum = min(max(1, network.policy.quorum[asked]), len(members))
    return Witnesses(members, tuple(key for member in members for key in member.cosigners_at(now)), quorum)


def witnessed_at(note: bytes, asked: Witnesses) -> datetime | None:
    """Return the time up to which a quorum of witnesses vouches that a head was the newest; None without a
    quorum.

    It is the oldest of the newest cosignatures that make the quorum, by the witnesses' clocks.
    """
    times = sorted(_newest_by_member(parse_note(note), asked.keys).values(), key=lambda item: item.at)
    return times[-asked.quorum].at if 0 < asked.quorum <= len(times) else None


def cosigners_of(note: bytes, asked: Witnesses) -> tuple[str, ...]:
    """Return which witnesses of a feed have cosigned a head, by name."""
    return tuple(sorted(_newest_by_member(parse_note(note), asked.keys)))


def check_may_sign(node: Node) -> None:
    """Check that a head may be signed on top of the own ones; the witnesses are asked unless they were just
    now. Call it before the transaction that signs.

    Raises:
        Conflict: somebody has seen a larger head of an own feed, or another one; the node was restored and
            has heard from nobody yet; or its clock is far off.
    """
    now = node.now()
    with reading(node.engine) as conn:
        check_not_restored(conn)
        rows = _own_feeds(conn)
        for row in rows:
            check_not_stopped(row)
        lapsed = [row for row in rows if not _is_confirmed(node, row, now)]
        clock_is_off = _clock_is_off(_measured_offset(conn, node, now))
    if lapsed or clock_is_off:
        _attend(node, rows if clock_is_off else lapsed)
        with reading(node.engine) as conn:
            for row in _own_feeds(conn):
                check_not_stopped(row)
            check_clock(conn, node)


def check_not_restored(conn: Connection) -> None:
    """Check that this node knows what it did last.

    Raises:
        Conflict: it was restored from a backup, and has not heard yet what happened since.
    """
    if marks.find_mark(conn, marks.RESTORED) is not None:
        raise Conflict(
            "This node was restored, and does not know yet what happened since that backup.",
            "It asks its peers by itself under `gmcn serve`; see `gmcn status`.",
        )


def check_not_stopped(row: FeedRow) -> None:
    """Check that an own feed may grow.

    Raises:
        Conflict: it is stopped.
    """
    if row.state == feeds.BEHIND:
        raise Conflict(
            "%(feed)s is behind its own past: %(reason)s. Nothing is signed.",
            "The newest head is fetched from the peers by `gmcn serve`; see `gmcn status`.",
            feed=row.origin,
            reason=row.reason,
        )
    if row.state != feeds.OPEN:
        raise Conflict(
            "%(feed)s is stopped: %(reason)s. Nothing is signed.",
            "People must look at it first.",
            feed=row.origin,
            reason=row.reason,
        )


def check_clock(conn: Connection, node: Node) -> None:
    """Check that this machine's clock is near those of the witnesses, as far as they were heard lately.

    Raises:
        Conflict: it is more than MAX_CLOCK_ERROR away.
    """
    offset = _measured_offset(conn, node, node.now())
    if offset is not None and _clock_is_off(offset):
        minutes = round(abs(offset) / timedelta(minutes=1))
        if offset > timedelta(0):
            raise Conflict(
                "This machine's clock is %(minutes)s minutes behind those of the witnesses: "
                "nothing is signed.",
                "Set the clock of this machine, then try again.",
                minutes=minutes,
            )
        raise Conflict(
            "This machine's clock is %(minutes)s minutes ahead of those of the witnesses: nothing is signed.",
            "Set the clock of this machine, then try again.",
            minutes=minutes,
        )


def clock_offset(node: Node) -> timedelta | None:
    """Return how far the witnesses' clocks are ahead of this one, by the median of the last quorum's
    cosignatures; None where no quorum answers.

    When that was measured too long ago by this clock, which may have jumped, the witnesses are asked again.
    """
    with reading(node.engine) as conn:
        offset = _measured_offset(conn, node, node.now())
        rows = [row for row in _own_feeds(conn) if not _asked_lately(conn, row, node.now())]
    if offset is None and rows:
        _attend(node, rows)
        with reading(node.engine) as conn:
            offset = _measured_offset(conn, node, node.now())
    return offset


def publish_pending(node: Node) -> None:
    """Publish the own heads that were signed and stored, after their witnesses were asked.

    Raises:
        Conflict: a witness has shown a larger head of an own feed, or another one; that feed is not
            published, and nothing is signed any more.
    """
    for _ in range(_ROUNDS):
        with reading(node.engine) as conn:
            rows = [row for row in _own_feeds(conn) if row.pending is not None]
        for row in rows:
            check_not_stopped(row)
        if not rows:
            return
        _attend(node, rows)


def refresh(node: Node) -> None:
    """Do what is due: publish heads that a crash has left pending, and renew cosignatures."""
    with reading(node.engine) as conn:
        due = [row for row in _own_feeds(conn) if _is_due(conn, node, row)]
    _attend(node, due)


def confirm(node: Node) -> None:
    """Ask the witnesses whether the own heads are the newest: at start, and after the clock has jumped."""
    with reading(node.engine) as conn:
        rows = _own_feeds(conn)
    _attend(node, rows)


def stop_behind(conn: Connection, row: FeedRow, shown: bytes, by: str) -> None:
    """Stop an own feed of which somebody has shown a head that this node's leaves do not lead to.

    Args:
        shown: the signed note, verified under this member's own key; kept with the feed.
        by: the member that has shown it.
    """
    size = parse_checkpoint(parse_note(shown).text).size
    reason = f"{by} has a head of {size} entries that this node signed and does not have"
    feeds.set_feed_state(conn, row.id, feeds.BEHIND, reason, shown)


_ROUNDS = 5  # a head that was signed while the one before it was submitted is published by the next round


@dataclass(frozen=True, slots=True)
class _Reply:
    """What one witness answered about one feed.

    Attributes:
        cosignature: verified; None when it gave none.
        contradicts: whether it says that it knows a larger or another head.
    """

    row: FeedRow
    witness: Member
    at: datetime
    cosignature: Cosignature | None = None
    problem: str = ""
    contradicts: bool = False

    def answer(self) -> WitnessAnswer:
        """Return what is kept of it."""
        if self.cosignature is None:
            return WitnessAnswer(self.row.id, self.witness.id, self.at, None, None, self.problem)
        ahead = round((self.cosignature.at - self.at).total_seconds())
        return WitnessAnswer(self.row.id, self.witness.id, self.at, self.at, ahead, "")


def _attend(node: Node, rows: Sequence[FeedRow]) -> None:
    """Submit the newest head of each of these feeds to its witnesses, all at once, and act on the answers."""
    network, now = node.network(), node.now()
    asked = {row.id: witnesses_of(network, row.member, row.audience, now) for row in rows}
    rows = [row for row in rows if asked[row.id].members or row.pending is not None]
    replies = _submit_all(node, [(row, witness) for row in rows for witness in asked[row.id].members])
    for row in rows:
        about = [reply for reply in replies if reply.row is row]
        contradictions = [reply for reply in about if reply.contradicts]
        shown = next((pair for reply in contradictions if (pair := _newer_head(node, reply))), None)
        with writing(node.engine) as conn:
            witnesses.record_answers(conn, [reply.answer() for reply in about])
            if shown is not None:
                stop_behind(conn, row, shown[1], shown[0])
            else:
                _keep_note(conn, row, asked[row.id], about)
        if shown is None and any(reply.cosignature for reply in about):
            node.vouched[row.origin] = now


def _submit_all(node: Node, asked: Sequence[tuple[FeedRow, Member]]) -> list[_Reply]:
    if not asked:
        return []
    until = time.monotonic() + DEADLINE_SECONDS
    threads = ThreadPoolExecutor(len(asked), thread_name_prefix="witness")
    running = {threads.submit(_submit, node, row, witness, until): (row, witness) for row, witness in asked}
    done, late = wait(running, timeout=DEADLINE_SECONDS)
    threads.shutdown(wait=False)  # a name server that hangs would hold this up beyond the deadline
    missed = [_Reply(*running[future], node.now(), problem="It did not answer in time.") for future in late]
    return [future.result() for future in done] + missed


def _submit(node: Node, row: FeedRow, witness: Member, until: float) -> _Reply:
    """Submit the newest head of a feed to one witness, from the size that it is thought to have, or else from
    the one that it says it has."""
    note = row.newest_note or b""
    size, old = parse_checkpoint(parse_note(note).text).size, row.published_size()
    try:
        for last_try in (False, True):
            body = format_submission(old, _proof(node, row, old, size), note)
            status, data = node.peers.add_checkpoint(witness, body, until - time.monotonic())
            if status == 200:
                keys = witness.cosigners_at(node.now())
                return _Reply(row, witness, node.now(), _verify_cosignature(data, note, keys))
            if status == 422 or (old := parse_newest_size(data)) > size or last_try:
                break
    except PeerUnavailable as error:
        return _Reply(row, witness, node.now(), problem=error.message)
    except ProtocolError as error:
        return _Reply(row, witness, node.now(), problem=f"{error}.")
    problem = "It says that it knows another head of this feed, and shows none."
    return _Reply(row, witness, node.now(), problem=problem, contradicts=True)


def _verify_cosignature(data: bytes, note: bytes, keys: Sequence[VerifierKey]) -> Cosignature:
    found = verify_cosignatures(parse_cosignatures(data, parse_note(note).text), keys)
    if not found:
        raise BadSignature("cosignature: not by the witness's key over this head")
    return max(found, key=lambda item: item.at)


def _newer_head(node: Node, reply: _Reply) -> tuple[str, bytes] | None:
    """Let a witness show the head that it says it knows; None unless a key of this member's that counts now
    has signed one that the own leaves do not lead to. A witness could otherwise stop an owner by a word, or
    with a key that was replaced long ago. Heads that were signed with one are signed anew with the next."""
    row = reply.row
    entry = node.entry().feed("police" if row.audience == "police" else "network")
    keys = entry.keys_at(node.now())
    for data in _shown_heads(node, reply.witness, row.origin):
        with suppress(ProtocolError):
            shown, _ = verify_checkpoint(data, keys)
            if shown.origin == row.origin and not _is_own_past(node, row, shown):
                return reply.witness.id, data
    return None


def _shown_heads(node: Node, witness: Member, origin: str) -> Iterator[bytes]:
    """Ask a witness for the newest head that it has cosigned, and for the newest heads that it knows: it may
    have pulled one that it was not asked to cosign."""
    with suppress(PeerUnavailable, ProtocolError):
        yield node.peers.get_cosigned(witness, origin, DEADLINE_SECONDS)
    with suppress(PeerUnavailable, ProtocolError):
        told = node.peers.get_heads(witness, "", DEADLINE_SECONDS)
        yield from (note for note in (told[1].notes if told else ()) if note.startswith(origin.encode()))


def _is_own_past(node: Node, row: FeedRow, head: Checkpoint) -> bool:
    """Tell whether the own leaves lead to a head. There may be more of them than when it was asked for."""
    with reading(node.engine) as conn:
        own = feeds.find_feed(conn, row.member, row.audience)
        if own is None or own.origin != row.origin or head.size > own.size:
            return False
        return tree_root(head.size, _nodes(conn, own)) == head.root


def _keep_note(conn: Connection, row: FeedRow, asked: Witnesses, replies: Sequence[_Reply]) -> None:
    """Publish a head that is pending; or let newer cosignatures take the place of old ones, once an hour, so
    that readers find the same bytes in between."""
    before = row.newest_note or b""
    note = parse_note(before)
    own = [line for line in note.signatures if line.name == row.origin]
    fresh = tuple(reply.cosignature.line for reply in replies if reply.cosignature)
    newest = _newest_by_member(Note(note.text, (*note.signatures, *fresh)), asked.keys).values()
    merged = merge_signatures(Note(note.text, tuple(own)), [cosignature.line for cosignature in newest])
    if row.pending is not None or _is_worth(before, merged, asked):
        feeds.publish_note(conn, row, merged)


def _is_worth(before: bytes, after: bytes, asked: Witnesses) -> bool:
    was, will_be = witnessed_at(before, asked), witnessed_at(after, asked)
    if was is None:
        return len(parse_note(after).signatures) > len(parse_note(before).signatures)
    return will_be is not None and will_be - was >= REFRESH


def _newest_by_member(note: Note, keys: Sequence[VerifierKey]) -> dict[str, Cosignature]:
    """Return the newest cosignature of each witness, which counts once however many keys it has."""
    newest: dict[str, Cosignature] = {}
    for cosignature in sorted(verify_cosignatures(note, keys), key=lambda item: item.at):
        newest[cosignature.key.name] = cosignature
    return newest


def _own_feeds(conn: Connection) -> list[FeedRow]:
    """Return the own feeds that have a signed head."""
    return [row for row in feeds.own_feeds(conn) if row.newest_note is not None]


def _is_confirmed(node: Node, row: FeedRow, now: datetime) -> bool:
    """Tell whether a witness has lately vouched for the own head to this process, or there is none."""
    if not witnesses_of(node.network(), row.member, row.audience, now).members:
        return True
    heard = node.vouched.get(row.origin)
    return heard is not None and now - LEASE < heard <= now


def _is_due(conn: Connection, node: Node, row: FeedRow) -> bool:
    """Tell whether the witnesses of a feed should be asked again."""
    now = node.now()
    if row.state != feeds.OPEN or row.pending is not None:
        return row.state == feeds.OPEN
    asked = witnesses_of(node.network(), row.member, row.audience, now)
    vouched = witnessed_at(row.newest_note or b"", asked)
    due = vouched is None or abs(now - vouched) >= REFRESH
    return due and not _asked_lately(conn, row, now)


def _asked_lately(conn: Connection, row: FeedRow, now: datetime) -> bool:
    answers = witnesses.list_answers(conn, row.id)
    return any(now - RETRY < answer.asked_at <= now for answer in answers)


def _measured_offset(conn: Connection, node: Node, now: datetime) -> timedelta | None:
    """Return the median of how far the witnesses' clocks were ahead when they cosigned last, if a quorum did
    so within two refreshes."""
    quorum = witnesses_of(node.network(), node.member, "network", now).quorum
    row = feeds.find_feed(conn, node.member, "network") if quorum else None
    if row is None:
        return None
    ahead = [
        answer.ahead_seconds
        for answer in witnesses.list_answers(conn, row.id)
        if answer.ahead_seconds is not None
        and answer.confirmed_at is not None
        and now - 2 * REFRESH < answer.confirmed_at <= now
    ]
    return timedelta(seconds=statistics.median(ahead)) if len(ahead) >= quorum else None


def _clock_is_off(offset: timedelta | None) -> bool:
    return offset is not None and abs(offset) > MAX_CLOCK_ERROR


def _proof(node: Node, row: FeedRow, old: int, new: int) -> list[bytes]:
    if old in (0, new):
        return []
    with reading(node.engine) as conn:
        return consistency_proof(old, new, _nodes(conn, row))


def _nodes(conn: Connection, row: FeedRow) -> NodeReader:
    return read_nodes(row.size, lambda ref: feeds.read_file(conn, row.id, ref) or b"")
