"""Pulling a peer: whom to ask for what, in which order, and when again (protocol README, "Pulling").

    withdrawals of endorsements
    each feed    1 to 5 its log                   advancing
                 6 documents 7 photographs        replicas, from its owner or, when that is down, from mirrors
                 8 receipts                       replicas
    the heads that the peer knows of others       node.services.witnesses.gossip

Guarantees: whatever a peer sends ends as a committed, verified state or as a reason in `status`; a second
puller does no harm. A peer that lies is quarantined, with its verified erasures still honoured; a peer that
is down is asked again; neither touches the others.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from node.adapters.peers import Refused
from node.errors import Conflict, PeerUnavailable
from node.runtime import Node
from node.services.following import replicas
from node.services.following.advancing import advance
from node.services.following.mirrors import choose_mirrors
from node.services.following.pruning import read_skipped
from node.services.following.sources import FalseSource, Source, judged, mirror_source, owner_source
from node.services.progress import Progress, no_progress
from node.services.serving import Caller, keep_receipt, read_receipt
from node.services.standing import Exchange, exchange_with, exchanges, find_by_standing, other_member
from node.services.witnesses.evidence import PULL, keep
from node.services.witnesses.gossip import compare_heads
from node.services.witnesses.witnessing import witnessed_at, witnesses_of
from node.store import marks
from node.store.database import reading, writing
from node.store.federation import peers
from node.store.published import feeds
from node.store.published.photographs import SMALL
from node.store.search.index import hide_feed
from protocol.endorsement import verify_endorsement, verify_withdrawal
from protocol.errors import ProtocolError, SplitView
from protocol.feed_entry import Audience, FeedEntry
from protocol.member import Member
from protocol.receipt import MAX_OWED
from protocol.roster import Roster
from protocol.token import Request

_BASE_BACKOFF = timedelta(seconds=5)
_READERS_EVERY = timedelta(hours=1)
_RECEIPT_ROUNDS = 100


@dataclass
class PullReport:
    """What one pull of one member brought.

    Attributes:
        leaves, documents, photographs: new ones.
        refused: documents that broke the protocol, each with its reason.
        error: why it ended early, in plain words; empty when it did not.
        lying: whether that was a breach of the protocol.
        fetched: items of receipts that were fetched from it, where it could not bring them.
        through: the members that handed on what the member itself could not be asked for.
        false: what others handed on that is not true, each with who did.
    """

    member: str
    leaves: int = 0
    documents: int = 0
    photographs: int = 0
    receipts: int = 0
    refused: list[str] = field(default_factory=list)
    error: str = ""
    lying: bool = False
    fetched: int = 0
    through: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)


def pull(node: Node, member_id: str, progress: Progress = no_progress) -> PullReport:
    """Pull everything that a member has for this node, and write down how it went.

    Nothing that the peer does raises anything here.

    Raises:
        NotFound, NotAllowed: the roster does not list the member, or it is this node's own.
    """
    report, started, overtaken = PullReport(member_id), node.clock(), False
    try:
        _pull_member(node, member_id, report, progress)
    except ProtocolError as error:
        report.error, report.lying = str(error), True
    except PeerUnavailable as error:
        report.error = error.message
    except Conflict:
        overtaken = True  # another pull of the same feed was faster: what this one would have brought is here
    _record(node, report, started, overtaken=overtaken)
    return report


def pull_soon(node: Node) -> list[str]:
    """Make every member due with which something is exchanged: the jobs pull it next, and nobody waits here.

    Returns:
        Who is due now.
    """
    with writing(node.engine) as conn:
        due = [exchange.member.id for exchange in exchanges(conn, node) if exchange.leaves]
        for member in due:
            peers.ring(conn, member, node.clock())
    return due


def _pull_member(node: Node, member_id: str, report: PullReport, progress: Progress) -> None:
    other_member(node, member_id)
    with reading(node.engine) as conn:
        exchange = exchange_with(conn, node, member_id)
    if not exchange.leaves:
        raise PeerUnavailable(f"Nothing is exchanged with it: {exchange.reason}.")
    steps = [partial(_pull_feed, node, exchange, audience, report, progress) for audience in exchange.leaves]
    if exchange.member.kind == "law_enforcement":  # first: what it says may be why the rest is refused
        steps.insert(0, partial(_pull_withdrawals, node, exchange.member))
    if node.config.mirror.partner:
        steps.append(partial(_fetch_receipts, node, exchange, report))
    steps.append(partial(compare_heads, node, exchange))
    failed = _try_all(steps)
    if isinstance(failed, PeerUnavailable) and not isinstance(failed, _Stopped | Refused):
        through = [partial(_ask_mirrors, node, exchange, name, report, progress) for name in exchange.leaves]
        failed = _try_all(through) or failed
    if failed is not None:
        raise failed


def _try_all(steps: Sequence[Callable[[], None]]) -> ProtocolError | PeerUnavailable | None:
    """Take steps, of which those behind a lie are taken too: the other feed is another log, with another key.

    Returns:
        The first thing that went wrong; that somebody does not answer, whatever else did.
    """
    broken: ProtocolError | PeerUnavailable | None = None
    for step in steps:
        try:
            step()
        except (ProtocolError, _Stopped) as error:
            broken = broken or error
        except PeerUnavailable as error:
            return error
    return broken


def _fetch_receipts(node: Node, exchange: Exchange, report: PullReport) -> None:
    """Step 8 the other way round: a node that nobody can reach fetches what it is told about its own
    feeds."""
    member = exchange.member
    caller = Caller(Request(member.id, "", node.now()), exchange)
    for _ in range(_RECEIPT_ROUNDS):
        tokens = node.peers.get_receipts(member)
        for token in tokens:
            receipt = read_receipt(node, caller, token)
            with writing(node.engine) as conn:
                keep_receipt(conn, node, caller, receipt, token)
            node.peers.settle_receipt(member, token)
            report.fetched += len(receipt.items)
        if len(tokens) < MAX_OWED:
            return


class _Stopped(PeerUnavailable):
    """A feed with two faces, which is not asked any more."""


def _pull_feed(
    node: Node, exchange: Exchange, audience: Audience, report: PullReport, progress: Progress
) -> None:
    """Bring the replica of one feed up to date; without documents where only erasures are exchanged.

    Raises:
        ProtocolError: the feed breaks the protocol; it is quarantined, and its state is what it was.
        PeerUnavailable: the peer does not answer; the state is what was committed before.
    """
    source = owner_source(node, exchange.member, audience)
    row = read_feed(node, exchange, audience, source, report, progress)
    report.receipts += replicas.send_receipts(node, exchange.member, row)


def _ask_mirrors(
    node: Node, exchange: Exchange, audience: Audience, report: PullReport, progress: Progress
) -> None:
    """Read a feed whose owner does not answer from the first of its mirrors that has it. An owner that
    answers, and refuses, is not gone round in this way.

    Raises:
        ProtocolError: the owner has broken the protocol, whoever hands that on.
    """
    owner = exchange.member
    with reading(node.engine) as conn:
        found = choose_mirrors(conn, node, owner, audience)
    for mirror in found:
        source = mirror_source(node, mirror, owner.id, audience)
        try:
            read_feed(node, exchange, audience, source, report, progress)
        except FalseSource as error:
            report.false.append(str(error))
            with writing(node.engine) as conn:
                peers.record_false(conn, mirror.id, error.reason, node.clock())
        except PeerUnavailable:
            continue
        else:
            report.through.append(mirror.id)
            return


def read_feed(
    node: Node,
    exchange: Exchange,
    audience: Audience,
    source: Source,
    report: PullReport,
    progress: Progress = no_progress,
) -> feeds.FeedRow:
    """Steps 1 to 7, wherever the feed is read from.

    Returns:
        The feed as it was before.

    Raises:
        FalseSource: the source is not the owner and breaks the protocol; the feed is what it was.
        ProtocolError: the owner does, whoever hands it on; the feed is quarantined, its state what it was.
        PeerUnavailable: the source does not answer, or is behind; the state is what was committed before.
    """
    member = exchange.member
    entry = member.feed(audience)
    with writing(node.engine) as conn:
        row = feeds.ensure_feed(conn, member.id, audience, entry.origin, own=False)
    if row.state == feeds.SPLIT and entry.frozen is None:  # which is the network's decision
        raise _Stopped(f"The {audience} feed is stopped: {row.reason}.", "People must look at it first.")
    try:
        report.leaves += advance(node, source, entry, row, progress)
        if source.owner and row.skipped_by:
            report.leaves += read_skipped(node, source, row)
    except FalseSource:
        raise
    except ProtocolError as error:
        _hold_against_feed(node, source, row, member, entry, error)
        raise
    if audience in exchange.audiences:
        with judged(source):
            stored, refused = replicas.fetch_documents(node, source, member, row, progress)
            report.documents += stored
            report.refused += refused
            report.photographs += replicas.fetch_photographs(node, source, row, SMALL)
    _note_source(node, source, row)
    return row


def _note_source(node: Node, source: Source, row: feeds.FeedRow) -> None:
    """Keep who handed the feed on, and, from time to time, whom its owner has it open to."""
    through = "" if source.owner else source.name
    due = row.readers_at is None or node.clock() >= row.readers_at + _READERS_EVERY
    readers = source.get_readers() if due or not source.owner else None  # to look into a bundle costs nothing
    if through == row.through and readers is None:
        return
    with writing(node.engine) as conn:
        feeds.set_through(conn, row.id, through)
        if readers is not None:
            feeds.set_readers(conn, row.id, readers, node.clock())


def _pull_withdrawals(node: Node, member: Member) -> None:
    """Ask which endorsements a law-enforcement member has withdrawn, and honour them from now on.

    Those that the roster does not list are passed over: a member could invent any number, and what is kept is
    looked through whenever an NGO calls.
    """
    roster = node.network().roster
    listed = _endorsements_by(roster, member, node.now())
    if not listed:
        return
    verified = [(verify_withdrawal(token, roster), token) for token in node.peers.get_withdrawals(member)]
    with writing(node.engine) as conn:
        known = {withdrawal.token_id for withdrawal in peers.list_withdrawals(conn)}
        for withdrawal, token in verified:
            if withdrawal.issuer == member.id and withdrawal.token_id in listed - known:
                peers.keep_withdrawal(conn, withdrawal, token)
        if any(withdrawal.token_id in listed - known for withdrawal, _ in verified):
            find_by_standing(conn, node)


def _endorsements_by(roster: Roster, endorser: Member, now: datetime) -> set[str]:
    """Return the ids of a member's endorsements that the roster lists and that could count now."""
    listed = set()
    for other in roster.members:
        if other.endorsement is not None and other.country == endorser.country:
            with suppress(ProtocolError):
                endorsement = verify_endorsement(other.endorsement, roster, now)
                if endorsement.issuer == endorser.id:
                    listed.add(endorsement.token_id)
    return listed


def _hold_against_feed(
    node: Node, source: Source, row: feeds.FeedRow, member: Member, entry: FeedEntry, error: ProtocolError
) -> None:
    """Stop a feed of which there is proof that it has two faces; quarantine one that breaks another rule."""
    if isinstance(error, SplitView):
        with suppress(ProtocolError):  # it cannot be proven when one head is under a key that has ended
            if keep(node, member, entry, error, PULL, source.name):
                return
    with writing(node.engine) as conn:
        feeds.set_feed_state(conn, row.id, feeds.QUARANTINED, str(error))


def _record(node: Node, report: PullReport, started: datetime, *, overtaken: bool) -> None:
    """Write down how the pull went, and when the next one is due."""
    settings, now = node.config.pull, node.clock()
    with writing(node.engine) as conn:
        if not report.error or report.through:  # what overtook this pull may have been a mirror's, and older
            hear(conn, node, report.member, by_owner=not report.error and not overtaken)
        if not report.error:
            wait = timedelta(seconds=settings.interval_seconds)
            peers.record_success(conn, report.member, started, now, _jittered(wait))
            return
        known = peers.find_peer(conn, report.member)
        failures = known.failures if known else 0
        wait = min(_BASE_BACKOFF * 2 ** min(failures, 16), timedelta(seconds=settings.backoff_seconds))
        if report.through:  # there are news to be had, whether or not it answers again
            wait = min(wait, timedelta(seconds=settings.interval_seconds))
        peers.record_failure(
            conn, report.member, started, now, _jittered(wait), report.error, lying=report.lying
        )


def hear(conn: Connection, node: Node, member: str, *, by_owner: bool) -> None:
    """Let the replicas of a member be found again where it is known now what it erased since this node was
    restored.

    Args:
        by_owner: whether the member itself has said so, of all its feeds that are held here.
    """
    peer = peers.find_peer(conn, member)
    if peer is None or not peer.unheard or not (by_owner or _is_vouched_for(conn, node, member)):
        return
    peers.hear_peer(conn, member)
    shown = exchange_with(conn, node, member).shown
    for row in feeds.list_feeds(conn):
        if row.member == member:
            hide_feed(conn, row.id, hidden=row.audience not in shown)


def _is_vouched_for(conn: Connection, node: Node, member: str) -> bool:
    """Tell whether witnesses vouch that what is known of a member's feeds was the newest after this node was
    restored. Who hands a feed on may have heard less of it than this node had before."""
    put_back = marks.find_mark(conn, marks.PUT_BACK)
    for audience in exchange_with(conn, node, member).leaves:
        row = feeds.find_feed(conn, member, audience)
        asked = witnesses_of(node.network(), member, audience, node.now())
        told = witnessed_at(row.note, asked) if row is not None and row.note is not None else None
        if told is None or put_back is None or told < put_back.at:
            return False
    return True


def _jittered(wait: timedelta) -> timedelta:
    """Spread the pulls of many nodes, so that they do not all knock at the same moment."""
    return wait * random.uniform(0.9, 1.1)
