"""What was hidden and comes back: what a wrong clock has hidden, and what a freeze of the network undoes.

Guarantees: only what was not purged comes back with its content; a case whose content is gone is asked for
again. What a frozen feed said past the head at which the roster froze it is as if it had never been said: the
successor of the feed goes on from the same table of cases at every member.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from node.domain.searchable import entry_of, find_audience
from node.runtime import Node
from node.services.endings.erasure import long_removed
from node.services.standing import may_show
from node.store.database import reading, writing
from node.store.published import documents, endings, feed_cases, feeds
from node.store.search.index import index_many, remove_many
from protocol.document import verify_document
from protocol.errors import NotAuthorized, ProtocolError
from protocol.feed_entry import FrozenHead
from protocol.leaf import PUT, CaseState, Leaf, parse_leaf
from protocol.tiles import WIDTH, bundles_between, parse_bundle
from protocol.tlog import EMPTY, leaf_hash

_ROUND = 500


def revive(node: Node) -> int:
    """Show again what was hidden for its age while the clock was ahead. Returns how many cases."""
    shown = 0
    with reading(node.engine) as conn:
        rows = feeds.list_feeds(conn)
    kept = {member.id for member in node.network().roster.members} - long_removed(node, node.clock())
    for row in rows:
        while row.member in kept:
            with writing(node.engine) as conn:
                early = endings.hidden_early(conn, row.id, node.clock().date(), _ROUND)
                endings.unhide_cases(conn, early)
                _keep_documents(conn, node, row, early)
            shown += len(early)
            if len(early) < _ROUND:
                break
    return shown


def undo_past_freezes(node: Node) -> int:
    """Take back what foreign feeds said past the heads at which the roster has frozen them. Returns how many
    cases stand otherwise than before."""
    undone = 0
    with reading(node.engine) as conn:
        rows = [row for row in feeds.list_feeds(conn) if not row.own]
    for row in rows:
        frozen = frozen_head(node, row)
        if frozen is not None and frozen.size < row.size:
            with writing(node.engine) as conn:
                undone += undo_past(conn, node, row, frozen)
    return undone


def frozen_head(node: Node, row: feeds.FeedRow) -> FrozenHead | None:
    """Return the head at which the roster has frozen a feed; None when it has not."""
    try:
        entries = node.network().roster.member(row.member).feeds
    except NotAuthorized:
        return None
    return next((entry.frozen for entry in entries if entry.origin == row.origin), None)


def undo_past(conn: Connection, node: Node, row: feeds.FeedRow, frozen: FrozenHead) -> int:
    """Take back what a feed said past a head; see `undo_past_freezes`."""
    keys = endings.cases_from(conn, row.id, frozen.size)
    if not keys:
        return 0
    before, root = _history(conn, row, frozen.size, keys)
    if root not in (b"", frozen.root):
        reason = "the roster has frozen it with another past than the one that was read here"
        feeds.set_feed_state(conn, row.id, feeds.QUARANTINED, reason)
        return 0
    remove_many(conn, "replica", row.id, list(keys))
    endings.unhide_cases(conn, list(keys.values()))
    feed_cases.set_back_cases(conn, row.id, before.values())
    never = [key for case, key in keys.items() if case not in before]
    documents.delete_content(conn, never)
    endings.forget_cases(conn, never)
    _keep_documents(conn, node, row, [keys[case] for case in before])
    return len(keys)


def _history(
    conn: Connection, row: feeds.FeedRow, size: int, cases: dict[str, int]
) -> tuple[dict[str, tuple[Leaf, CaseState]], bytes]:
    """Read where some cases stood when the feed had a size.

    Returns:
        That, and the root at the size; empty where leaves were pruned that it would take.
    """
    before: dict[str, tuple[Leaf, CaseState]] = {}
    frontier = EMPTY
    for ref in bundles_between(0, size):
        data = feeds.read_file(conn, row.id, ref)
        if data is None:
            continue
        entries = parse_bundle(data, ref.width)
        if frontier.size == ref.index * WIDTH:
            frontier = frontier.extended(map(leaf_hash, entries))
        for place, entry in enumerate(entries, ref.index * WIDTH):
            leaf = parse_leaf(entry, row.member)
            if leaf is not None and leaf.case in cases:
                before[leaf.case] = leaf, CaseState(leaf.version, leaf.digest, leaf.expires, place)
    return before, frontier.root() if frontier.size == size else b""


def _keep_documents(conn: Connection, node: Node, row: feeds.FeedRow, keys: Sequence[int]) -> None:
    """Take up again the documents that are still here of cases that are live again, and drop those of other
    versions."""
    kept, entries = [], []
    country = node.network().roster.member(row.member).country
    for held in documents.list_documents(conn, keys):
        leaf = Leaf(PUT, held.case_id, held.version, held.digest, held.expires, held.leaf_at, b"")
        try:
            parts = verify_document(held.body, leaf, row.audience).parts
        except ProtocolError:
            continue
        kept.append(held.case_key)
        if row.audience == "network" and not row.own:
            entries.append(
                entry_of(
                    parts["head"],
                    parts["public"],
                    source="replica",
                    feed_id=row.id,
                    owner=row.member,
                    country=country,
                    status="published",
                    shown_to=find_audience(parts["head"], node.country),
                )
            )
    documents.delete_content(conn, sorted(set(keys) - set(kept)))
    endings.keep_documents(conn, kept)
    index_many(conn, entries, hidden=not may_show(conn, node, row))
