"""Pulling a peer: the eight steps of the protocol (README, "Pulling"), one function a step.

    1 ask        is there a newer checkpoint? if not, that was all
    2 judge      its signature and size                                      protocol.verification
    3 collect    the new entries, onto disk, until the root comes out        protocol.verification
    4 replay     what they say, in order                                     protocol.verification
    5 commit     head, entries and case table in one transaction; what was erased is hidden by it
    6 documents  7 photographs  8 receipts                                   node.services.following.replicas

Guarantees: whatever a peer sends ends as a committed, verified state or as a reason in `status`; a crash or a
second puller does no harm; memory does not grow with the feed. A peer that lies is quarantined, with its
verified erasures still honoured; a peer that is down is asked again; neither touches the others.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import IO

from sqlalchemy import Connection

from node.adapters.peers import Refused
from node.errors import Conflict, NotFound, PeerUnavailable
from node.runtime import Node
from node.services.endings.revival import undo_past
from node.services.following import replicas
from node.services.following.mirrors import choose_mirrors
from node.services.following.prefetch import fetch_ahead
from node.services.following.pruning import check_pruned, read_skipped, skip_to
from node.services.following.sources import FalseSource, Source, held_against, mirror_source, owner_source
from node.services.progress import Progress, no_progress
from node.services.serving import Caller, keep_receipt, read_receipt
from node.services.standing import Exchange, exchange_with, find_by_standing
from node.services.witnesses.evidence import PULL, keep, prove_split
from node.services.witnesses.gossip import compare_heads
from node.services.witnesses.witnessing import witnessed_at, witnesses_of
from node.store import endings, feeds, heads, marks, peers
from node.store.database import reading, writing
from node.store.heads import Head
from node.store.photographs import SMALL
from node.store.search import hide_feed, remove_many
from protocol.checkpoint import Checkpoint
from protocol.endorsement import verify_endorsement, verify_withdrawal
from protocol.errors import BadProof, Malformed, NotAuthorized, ProtocolError, SplitView
from protocol.leaf import ERASE, parse_leaf
from protocol.pruning import KEPT
from protocol.receipt import MAX_OWED
from protocol.roster import Audience, FeedEntry, FrozenHead, Member, Roster
from protocol.tiles import WIDTH, TileRef, parse_bundle
from protocol.tlog import leaf_hash
from protocol.token import Request
from protocol.verification import FeedState, FeedUpdate, replay

_BASE_BACKOFF = timedelta(seconds=5)
_SPOOL_IN_MEMORY = 1 << 20
_READERS_EVERY = timedelta(hours=1)
_RECEIPT_ROUNDS = 100
_STEP_BUNDLES = 8  # two thousand leaves: an eighth of a second, while which nobody else writes
MAX_PULL_BYTES = 1 << 30
"""The most that one step of a feed may bring, four million leaves: no peer can fill the disk."""


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
        NotFound: the roster does not list the member.
    """
    report, started = PullReport(member_id), node.clock()
    try:
        _pull_member(node, member_id, report, progress)
    except ProtocolError as error:
        report.error, report.lying = str(error), True
    except PeerUnavailable as error:
        report.error = error.message
    except Conflict:
        pass  # another pull of the same feed was faster: it has what this one would have brought
    _record(node, report, started)
    return report


def _pull_member(node: Node, member_id: str, report: PullReport, progress: Progress) -> None:
    with reading(node.engine) as conn:
        try:
            exchange = exchange_with(conn, node, member_id)
        except ProtocolError:
            raise NotFound(
                f"The roster lists no member {member_id}.", "See `gmcn status` for the members."
            ) from None
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
        _advance(node, source, entry, row, report, progress)
        if source.owner and row.through:
            report.leaves += read_skipped(node, source, row)
    except FalseSource:
        raise
    except ProtocolError as error:
        _hold_against_feed(node, source, row, member, entry, error)
        raise
    if audience in exchange.audiences:
        with _held_against(source):
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


def _held_against(source: Source) -> AbstractContextManager[None]:
    """Hold what is wrong with an answer against who gave it; see `sources.held_against`."""
    return nullcontext() if source.owner else held_against(source.name)


def _advance(
    node: Node,
    source: Source,
    entry: FeedEntry,
    row: feeds.FeedRow,
    report: PullReport,
    progress: Progress,
) -> None:
    """Steps 1 to 5."""
    if entry.frozen is not None and row.size >= entry.frozen.size:
        return  # all that counts is here, whatever the owner, or a thief of its key, has to say
    note = source.get_checkpoint(feeds.note_tag(row.note))
    if note is None:
        if row.state == feeds.QUARANTINED and source.owner:  # it is back at the head that was verified here
            with writing(node.engine) as conn:
                feeds.set_feed_state(conn, row.id, feeds.OPEN)
        return
    with reading(node.engine) as conn:
        seen = heads.newest_head(conn, row.id)
    with _held_against(source):
        update = FeedUpdate(row.known(), note, entry.keys_at(node.now()), seen.note if seen else None)
    _check_frozen(entry, update.checkpoint)
    if update.unchanged and not source.owner and not _vouches_longer(node, row, note):
        return  # who hands a head on may have left out who has cosigned it
    with _held_against(source):
        _skip_pruned(node, source, row, update)
    with tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY, dir=str(node.scratch())) as spool:
        with _held_against(source):
            try:
                state = _collect(source, update, spool, progress)
            except BadProof as error:
                keys, first_time = entry.keys_at(node.now()), row.state == feeds.OPEN
                raise prove_split(error, row.note, note, keys, source.get_file, thorough=first_time) from None
        _commit(node, row, update, seen, state, spool)
    report.leaves += state.frontier.size - row.size


def _check_frozen(entry: FeedEntry, checkpoint: Checkpoint) -> None:
    """Hold a frozen feed to the head at which the roster froze it: nothing behind that counts."""
    if entry.frozen is not None and checkpoint.size > entry.frozen.size:
        raise NotAuthorized("checkpoint: behind the head at which the roster has frozen this feed")
    if (
        entry.frozen is not None
        and checkpoint.size == entry.frozen.size
        and checkpoint.root != entry.frozen.root
    ):
        raise BadProof("checkpoint: another root than that of the frozen feed")


def _vouches_longer(node: Node, row: feeds.FeedRow, note: bytes) -> bool:
    """Tell whether witnesses vouch for a head up to a later time than for the same head as it is known."""
    if row.note is None:
        return True
    asked = witnesses_of(node.network(), row.member, row.audience, node.now())
    known, told = witnessed_at(row.note, asked), witnessed_at(note, asked)
    return told is not None and (known is None or told > known)


def _skip_pruned(node: Node, source: Source, row: feeds.FeedRow, update: FeedUpdate) -> None:
    """Begin behind what the feed has left off, where this node may have missed that."""
    recent = row.advanced_at is not None and node.clock() < row.advanced_at + KEPT
    if recent or update.unchanged:
        return  # what is not known here is not older than that, and still given
    pruned = source.get_pruned(row.size)
    if pruned is not None:
        with reading(node.engine) as conn:
            check_pruned(conn, row, pruned, node.now().date())
        update.skip(pruned)


def _collect(source: Source, update: FeedUpdate, spool: IO[bytes], progress: Progress) -> FeedState:
    """Step 3: bring the new entries onto the disk, and hold the tree against the signed root."""
    for ref, data in fetch_ahead(source.get_file, update.bundles()):
        update.feed(data)
        spool.write(len(data).to_bytes(4, "big") + data)
        if spool.tell() > MAX_PULL_BYTES:
            raise Malformed(f"feed: more than {MAX_PULL_BYTES} bytes of new entries at once")
        progress("entries", ref.index * WIDTH + ref.width, update.checkpoint.size)
    return update.finish()


def _commit(
    node: Node,
    row: feeds.FeedRow,
    update: FeedUpdate,
    seen: Head | None,
    state: FeedState,
    spool: IO[bytes],
) -> None:
    """Steps 4 and 5: entries and case table with what was erased hidden by them, and the head.

    A large update goes in several transactions, so that nobody waits long to write. Until the last of them
    the feed has no signed head here; a crash leaves a state from which the next pull goes on. What breaks a
    rule in a later one has the earlier ones taken back. Such a feed is not believed, but an erasure under its
    signed root is honoured all the same: it can only protect a child.

    Args:
        seen: the newest head that the update was held against; a witness may have seen a larger one.
    """
    reached, frontier = row, row.known().frontier
    if update.start.size > row.size:
        reached = replace(row, minimum=update.start.size, pruned=update.start.format())
        frontier = update.start
    hidden = set[str]()
    try:
        for files in _steps(update, spool, whole=row.size > 0 and reached is not row):
            entries = [entry for ref, data in files for entry in parse_bundle(data, ref.width)]
            entries = entries[frontier.size - files[0][0].index * WIDTH if files else 0 :]
            frontier = frontier.extended(map(leaf_hash, entries))
            note = state.note if frontier.size == state.frontier.size else None
            step = FeedState(row.origin, frontier, note)
            _commit_step(node, reached, update, seen, step, entries, files, hidden)
            reached = replace(reached, size=frontier.size, frontier=frontier.format(), note=note)
    except ProtocolError:
        hidden |= _signed_erasures(row, update, spool)
        with writing(node.engine) as conn:  # one transaction: at no moment is an erased case shown
            if reached.size > row.size:
                feeds.set_back(conn, reached, row)
                undo_past(conn, node, row, FrozenHead(row.size, row.known().frontier.root()))
            _hide_ahead(conn, node, row, hidden)
        raise


def _commit_step(
    node: Node,
    row: feeds.FeedRow,
    update: FeedUpdate,
    seen: Head | None,
    state: FeedState,
    entries: list[bytes],
    files: list[tuple[TileRef, bytes]],
    hidden: set[str],
) -> None:
    """Replay some of the new entries, and commit what follows from them.

    Args:
        row: as the step before has left it, where the feed begins included.
        state: what is reached by it; the note only where that is all of the update.
        hidden: cases of which a signed erasure was seen ahead of its turn; added to.
    """
    now, first = node.clock(), state.frontier.size - len(entries)
    with reading(node.engine) as conn:  # only a pull that takes the same step would change what this reads
        followed = replay(
            entries,
            first,
            row.member,
            lambda cases: feeds.lookup_cases(conn, row.id, cases),
            now,
            complete=row.complete,
        )
    with writing(node.engine) as conn:
        feeds.store_update(conn, row, state, now)
        if state.note is not None and (seen is None or state.frontier.size >= seen.size):
            head = update.checkpoint
            heads.advance_head(conn, row.id, seen, head.size, head.root, state.note, now)
        skip_to(conn, row, update.start)
        if row.size:
            hidden |= endings.hidden_ahead(conn, row.id, [leaf.case for leaf, _ in followed])
        feeds.store_cases(conn, row.id, followed, feeds.WANTED, now)
        erased = [leaf.case for leaf, after in followed if after.erased]
        if erased:
            remove_many(conn, "replica", row.id, erased)
            endings.brake(conn, row.id, now)
        feeds.write_files(conn, row.id, files)
        states = feeds.lookup_cases(conn, row.id, sorted(hidden))
        again = {case for case, state_of in states.items() if not state_of.erased}
        if again and state.note is not None:
            raise NotAuthorized("feed: a case returns of which a signed erasure was seen")
        if again:  # until the last step, and after a crash before it
            _hide_ahead(conn, node, row, again)


def _steps(update: FeedUpdate, spool: IO[bytes], *, whole: bool) -> Iterator[list[tuple[TileRef, bytes]]]:
    """Cut the new bundles into steps; a head without new entries is one, too.

    Args:
        whole: do it in one: what a step would delete could not be taken back.
    """
    files = _spooled(update, spool)
    yield list(files if whole else islice(files, _STEP_BUNDLES))
    while step := list(islice(files, _STEP_BUNDLES)):
        yield step


def _signed_erasures(row: feeds.FeedRow, update: FeedUpdate, spool: IO[bytes]) -> set[str]:
    """Read which cases an update erases, whatever else is wrong with it."""
    cases = set[str]()
    for ref, data in _spooled(update, spool):
        for entry in parse_bundle(data, ref.width):
            try:
                leaf = parse_leaf(entry, row.member)
            except ProtocolError:
                continue
            if leaf is not None and leaf.kind == ERASE:
                cases.add(leaf.case)
    return cases


def _hide_ahead(conn: Connection, node: Node, row: feeds.FeedRow, cases: set[str]) -> None:
    """Hide cases of which a signed erasure was seen whose turn has not come."""
    endings.hide_cases(conn, row.id, sorted(cases), node.clock())
    endings.brake(conn, row.id, node.clock())
    remove_many(conn, "replica", row.id, sorted(cases))


def _spooled(update: FeedUpdate, spool: IO[bytes]) -> Iterator[tuple[TileRef, bytes]]:
    spool.seek(0)
    for ref in update.bundles():
        yield ref, spool.read(int.from_bytes(spool.read(4), "big"))


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


def _record(node: Node, report: PullReport, started: datetime) -> None:
    """Write down how the pull went, and when the next one is due."""
    settings, now = node.config.pull, node.clock()
    with writing(node.engine) as conn:
        if not report.error or report.through:
            _hear(conn, node, report)
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


def _hear(conn: Connection, node: Node, report: PullReport) -> None:
    """Let the replicas of a member be found again, now that it is known what it erased since this node was
    restored."""
    member = report.member
    peer = peers.find_peer(conn, member)
    if peer is None or not peer.unheard or (report.error and not _is_vouched_for(conn, node, member)):
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
