"""Leaving off the oldest entries of feeds, own and foreign alike, once everything they say has ended
(protocol README, "Pruning").

Guarantees: whole bundles go, from the beginning and without a gap, and only by the rule that every reader
knows; what proves that later entries continue them stays. Of a feed that is known here only its owner can say
that something was left off. Of one that is new somebody else may: what it has left off is shown as missing,
and read from the owner once that answers.
"""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import Connection

from node.errors import Conflict, NotFound
from node.runtime import Node
from node.services.following.sources import Source
from node.store.database import reading, writing
from node.store.published import feed_cases, feeds
from protocol.errors import BadProof, ProtocolError, Rollback
from protocol.pruning import KEPT, Pruned, is_past_life
from protocol.tiles import WIDTH, TileRef, bundles_between, parse_bundle, read_nodes
from protocol.tlog import Frontier, leaf_hash, subtrees
from protocol.verification import replay

_STEP = 64
"""How many bundles a transaction leaves off at the most: others wait for it."""

_STEP_BACK = 8 * WIDTH
"""How many entries that somebody else has left off are read at once."""


def prune(node: Node) -> int:
    """Leave off what is past its life in every feed. Returns how many entries."""
    today, dropped = node.now().date(), 0
    with reading(node.engine) as conn:
        rows = feeds.list_feeds(conn)
    for row in rows:
        while step := _prune_some(node, row.member, row.audience, today):
            dropped += step
    return dropped


def _prune_some(node: Node, member: str, audience: str, today: date) -> int:
    with writing(node.engine) as conn:
        row = feeds.find_feed(conn, member, audience)
        if row is None:
            return 0
        beginning = row.beginning()
        for entries in _ended_bundles(conn, row, today):
            beginning = beginning.extended(map(leaf_hash, entries))
        if beginning.size > row.minimum:
            feeds.prune(conn, row.id, beginning)
        return beginning.size - row.minimum


def _ended_bundles(conn: Connection, row: feeds.FeedRow, today: date) -> Iterator[list[bytes]]:
    first = row.minimum // WIDTH
    for place in range(first, min(row.size // WIDTH, first + _STEP)):
        data = feeds.read_file(conn, row.id, TileRef(None, place, WIDTH))
        try:
            entries = parse_bundle(data or b"", WIDTH)
            if not all(is_past_life(entry, row.member, today) for entry in entries):
                return
        except ProtocolError:  # damaged here: `gmcn fsck` says so, and nothing is lost over it
            return
        yield entries


def tell_pruned(conn: Connection, row: feeds.FeedRow, known: int) -> Pruned:
    """Tell a reader that knows the first `known` entries of a feed how to go on.

    Raises:
        NotFound: nothing behind them was left off; or, of another member's feed, there are no hashes here to
            go on from just that place.
    """
    if known >= row.minimum:
        raise NotFound("Nothing behind these entries was left off.")
    if known == 0:
        return Pruned(row.minimum, row.beginning().hashes)
    read = read_nodes(row.size, lambda ref: _tile(conn, row, ref))
    return Pruned(row.minimum, tuple(read(level, index) for level, index in subtrees(known, row.minimum)))


def _tile(conn: Connection, row: feeds.FeedRow, ref: TileRef) -> bytes:
    data = feeds.read_file(conn, row.id, ref)
    if data is None:
        raise NotFound("The hashes from this place on are not held here.", "Ask the feed's owner.")
    return data


def check_pruned(conn: Connection, row: feeds.FeedRow, pruned: Pruned, today: date) -> None:
    """Hold what a feed leaves off against what is known of it.

    Raises:
        Rollback: a case that is known here lives on by an entry that is not given any more: it may have been
            erased by one that is kept from this node.
    """
    if feed_cases.has_live_before(conn, row.id, pruned.minimum, today - KEPT):
        raise Rollback("pruned entries: some are not past their life")


def may_skip(source: Source, member: str, known: int) -> bool:
    """Tell whether a source is believed that entries behind the first `known` of a member's feed are not
    given any more. Who hands a feed on has no hashes to go on from, and would leave off what it wants."""
    return source.name == member or known == 0


def skip_to(conn: Connection, row: feeds.FeedRow, source: Source, beginning: Frontier) -> None:
    """Let a replica begin behind what its source has left off."""
    if beginning.size > row.size:
        feeds.prune(conn, row.id, beginning)
        feeds.set_skipped(conn, row.id, "" if source.name == row.member else source.name)


def read_skipped(node: Node, source: Source, row: feeds.FeedRow) -> int:
    """Read the entries that whoever handed a feed on has left off, and that its owner still gives: backwards,
    in steps of which each is complete. Returns how many.

    Args:
        source: the owner.

    Raises:
        ProtocolError: they are not those that the signed root covers, or break a rule.
        PeerUnavailable: it does not give them now.
        Conflict: somebody else has changed the feed meanwhile.
    """
    pruned = source.get_pruned(0)
    first, brought = pruned.minimum if pruned else 0, 0
    while True:
        with writing(node.engine) as conn:
            now = feeds.find_feed(conn, row.member, row.audience)
            if now is None or now.origin != row.origin:
                return brought
            if now.minimum <= first:
                feeds.set_skipped(conn, row.id, "")
                return brought
        brought += _read_before(node, source, now, max(first, now.minimum - _STEP_BACK))


def _read_before(node: Node, source: Source, row: feeds.FeedRow, begin: int) -> int:
    """Let a replica begin earlier. What later entries say of a case counts, and not what these do."""
    nodes = read_nodes(row.size, source.get_file)
    start = Frontier(begin, tuple(nodes(level, index) for level, index in subtrees(0, begin)))
    files = [(ref, source.get_file(ref)) for ref in bundles_between(begin, row.minimum)]
    entries = [entry for ref, data in files for entry in parse_bundle(data, ref.width)]
    if start.extended(map(leaf_hash, entries)).root() != row.beginning().root():
        raise BadProof("pruned entries: those that are given are others")
    followed = replay(entries, begin, row.member, lambda cases: {}, node.clock(), complete=False)
    with writing(node.engine) as conn:
        now = feeds.find_feed(conn, row.member, row.audience)
        if now is None or (now.origin, now.pruned) != (row.origin, row.pruned):
            raise Conflict("The feed has moved on meanwhile.", "Try again: it starts from the newer head.")
        known = feed_cases.lookup_cases(conn, row.id, [leaf.case for leaf, _ in followed])
        news = [one for one in followed if one[0].case not in known]
        feed_cases.store_cases(conn, row.id, news, feed_cases.WANTED, node.clock())
        feeds.write_files(conn, row.id, files)
        feeds.prune(conn, row.id, start)
    return len(entries)
