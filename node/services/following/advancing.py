"""The log of one feed, from whoever gives it: steps 1 to 5 of pulling (protocol README), one function a step.

    1 ask        is there a newer checkpoint? if not, that was all
    2 judge      its signature and size                                      protocol.verification
    3 collect    the new entries, onto disk, until the root comes out        spooling
    4 replay     what they say, in order                                     protocol.verification
    5 commit     entries and case table with what was erased hidden by them, and at last the head

Guarantees: nothing is committed that the signed root does not cover; a crash at any moment, or another pull
of the same feed, leaves a state from which the next one goes on; memory does not grow with the feed. What
the entries announce is fetched by `replicas`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import IO

from sqlalchemy import Connection

from node.runtime import Node
from node.services.endings.revival import undo_past
from node.services.following.pruning import check_pruned, may_skip, skip_to
from node.services.following.sources import Source, judged
from node.services.following.spooling import open_spool, read_spool, spool_entries
from node.services.progress import Progress
from node.services.witnesses.evidence import prove_split
from node.services.witnesses.witnessing import witnessed_at, witnesses_of
from node.store.database import reading, writing
from node.store.federation import heads
from node.store.federation.heads import Head
from node.store.published import endings, feed_cases, feeds
from node.store.search.index import remove_many
from protocol.checkpoint import Checkpoint
from protocol.errors import BadProof, NotAuthorized, ProtocolError
from protocol.feed_entry import FeedEntry, FrozenHead
from protocol.leaf import ERASE, parse_leaf
from protocol.pruning import KEPT
from protocol.tiles import WIDTH, TileRef, parse_bundle
from protocol.tlog import leaf_hash
from protocol.verification import FeedState, FeedUpdate, replay

_STEP_BUNDLES = 8  # two thousand leaves: an eighth of a second, while which nobody else writes


def advance(
    node: Node,
    source: Source,
    entry: FeedEntry,
    row: feeds.FeedRow,
    progress: Progress,
) -> int:
    """Bring the log of a replica up to the newest head that a source gives. Returns how many entries came.

    Raises:
        FalseSource: the source is not the owner and breaks the protocol; the feed is what it was.
        ProtocolError: the owner does; its verified erasures are honoured, and the feed is else what it was.
        PeerUnavailable: the source does not answer, or is behind; what was committed before stays.
        Conflict: another pull was faster.
    """
    if entry.frozen is not None and row.size >= entry.frozen.size:
        return 0  # all that counts is here, whatever the owner, or a thief of its key, has to say
    note = source.get_checkpoint(feeds.note_tag(row.note))
    if note is None:
        if row.state == feeds.QUARANTINED and source.owner:  # it is back at the head that was verified here
            with writing(node.engine) as conn:
                feeds.set_feed_state(conn, row.id, feeds.OPEN)
        return 0
    with reading(node.engine) as conn:
        seen = heads.newest_head(conn, row.id)
    with judged(source):
        update = FeedUpdate(row.known(), note, entry.keys_at(node.now()), seen.note if seen else None)
    _check_frozen(entry, update.checkpoint)
    if update.unchanged and not source.owner and not _vouches_longer(node, row, note):
        return 0  # who hands a head on may have left out who has cosigned it
    with judged(source):
        _skip_pruned(node, source, row, update)
    with open_spool(node) as spool:
        with judged(source):
            try:
                state = spool_entries(source, update, spool, progress)
            except BadProof as error:
                keys, first_time = entry.keys_at(node.now()), row.state == feeds.OPEN
                raise prove_split(error, row.note, note, keys, source.get_file, thorough=first_time) from None
        _commit(node, source, row, update, seen, state, spool)
    return state.frontier.size - row.size


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
    if not may_skip(source, row.member, row.size):
        return
    pruned = source.get_pruned(row.size)
    if pruned is not None:
        with _reading_as_of(node, row) as conn:
            check_pruned(conn, row, pruned, node.now().date())
        update.skip(pruned)


def _commit(
    node: Node,
    source: Source,
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
            _commit_step(node, source, reached, update, seen, step, entries, files, hidden)
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
    source: Source,
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
    with _reading_as_of(node, row) as conn:
        followed = replay(
            entries,
            first,
            row.member,
            lambda cases: feed_cases.lookup_cases(conn, row.id, cases),
            now,
            complete=row.complete,
        )
    with writing(node.engine) as conn:
        feeds.store_update(conn, row, state, now)
        if state.note is not None and (seen is None or state.frontier.size >= seen.size):
            head = update.checkpoint
            heads.advance_head(conn, row.id, seen, head.size, head.root, state.note, now)
        skip_to(conn, row, source, update.start)
        if row.size:
            hidden |= endings.hidden_ahead(conn, row.id, [leaf.case for leaf, _ in followed])
        feed_cases.store_cases(conn, row.id, followed, feed_cases.WANTED, now)
        erased = [leaf.case for leaf, after in followed if after.erased]
        if erased:
            remove_many(conn, "replica", row.id, erased)
            endings.brake(conn, row.id, now)
        feeds.write_files(conn, row.id, files)
        states = feed_cases.lookup_cases(conn, row.id, sorted(hidden))
        again = {case for case, state_of in states.items() if not state_of.erased}
        if again and state.note is not None:
            raise NotAuthorized("feed: a case returns of which a signed erasure was seen")
        if again:  # until the last step, and after a crash before it
            _hide_ahead(conn, node, row, again)


@contextmanager
def _reading_as_of(node: Node, row: feeds.FeedRow) -> Iterator[Connection]:
    """Read what belongs to a feed as it is in `row`. What turns out wrong with an update is held against
    nobody when another pull has committed the same one in between.

    Raises:
        Conflict: that is so.
    """
    with reading(node.engine) as conn:
        try:
            yield conn
        except ProtocolError:
            feeds.check_unmoved(conn, row)
            raise


def _steps(update: FeedUpdate, spool: IO[bytes], *, whole: bool) -> Iterator[list[tuple[TileRef, bytes]]]:
    """Cut the new bundles into steps; a head without new entries is one, too.

    Args:
        whole: do it in one: what a step would delete could not be taken back.
    """
    files = read_spool(update, spool)
    yield list(files if whole else islice(files, _STEP_BUNDLES))
    while step := list(islice(files, _STEP_BUNDLES)):
        yield step


def _signed_erasures(row: feeds.FeedRow, update: FeedUpdate, spool: IO[bytes]) -> set[str]:
    """Read which cases an update erases, whatever else is wrong with it."""
    cases = set[str]()
    for ref, data in read_spool(update, spool):
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
