"""Feeds that the roster has frozen, and the successors under which they go on.

    frozen       nothing past the stated head counts (`revival` takes it back; `pulling` reads no further)
    succeeded    the same feed goes on under its new origin: an empty log, the same table of cases

Guarantees: versions go on and erased ids stay erased at every member, whatever it has read of the old feed;
of a past that the roster contradicts nothing is inherited. What the owner then writes into its successor, so
that newcomers know the same, is `publishing.open_feeds`.
"""

from sqlalchemy import Connection

from node.runtime import Node
from node.services import revival
from node.store import documents, endings, feeds, heads, witnesses
from node.store.access import JournalEntry, write_journal
from node.store.database import reading, writing
from node.store.search import remove_many
from protocol.errors import NotAuthorized
from protocol.roster import FeedEntry, FrozenHead
from protocol.tiles import WIDTH, bundles_between, parse_bundle
from protocol.tlog import leaf_hash


def follow_successors(node: Node) -> int:
    """Take back what was said past a freeze, and let every feed that has a successor go on under it. Returns
    how many went on."""
    revival.undo_past_freezes(node)
    with reading(node.engine) as conn:
        due = [row.id for row in feeds.list_feeds(conn) if _succession(node, row) is not None]
    if due:
        with writing(node.engine, durable=True) as conn:
            for row in feeds.list_feeds(conn):
                succession = _succession(node, row) if row.id in due else None
                if succession is not None:
                    _go_on(conn, node, row, *succession)
    return len(due)


def _succession(node: Node, row: feeds.FeedRow) -> tuple[FrozenHead, FeedEntry] | None:
    """Return where a feed was frozen, and what goes on for it; None while nothing does."""
    try:
        entries = [
            entry
            for entry in node.network().roster.member(row.member).feeds
            if entry.audience == row.audience
        ]
    except NotAuthorized:
        return None
    frozen = next((entry.frozen for entry in entries if entry.origin == row.origin), None)
    return None if frozen is None or entries[-1].origin == row.origin else (frozen, entries[-1])


def _go_on(
    conn: Connection, node: Node, row: feeds.FeedRow, frozen: FrozenHead, successor: FeedEntry
) -> None:
    behind = row.size < frozen.size
    another_past = not behind and _root_at(conn, row, frozen.size) not in (b"", frozen.root)
    if not row.own:
        if another_past:
            _forget(conn, row)
        elif row.size > frozen.size:  # of a feed that had stopped, nothing was taken back before
            revival.undo_past(conn, node, row, frozen)
    # No case has more versions than the feed had leaves: an owner that has lost some goes on above all.
    ahead = frozen.size if row.own and (behind or another_past) else 0
    feeds.begin_successor(conn, row, successor.origin, ahead)
    heads.forget_head(conn, row.id)
    witnesses.forget_answers(conn, row.id)
    write_journal(conn, JournalEntry(node.clock(), "node", "feed.succeed", purpose=successor.origin))


def _root_at(conn: Connection, row: feeds.FeedRow, size: int) -> bytes:
    """Compute the root that a feed had at a size; empty where that would take leaves that were pruned."""
    frontier = row.beginning()
    if frontier.size > size:
        return b""
    for ref in bundles_between(frontier.size, size):
        data = feeds.read_file(conn, row.id, ref)
        if data is None:
            return b""
        entries = parse_bundle(data, ref.width)[frontier.size - ref.index * WIDTH :]
        frontier = frontier.extended(map(leaf_hash, entries))
    return frontier.root()


def _forget(conn: Connection, row: feeds.FeedRow) -> None:
    """Forget all that was read of a past which never was; the successor tells it anew."""
    keys = endings.cases_from(conn, row.id, -1)
    remove_many(conn, "replica", row.id, list(keys))
    documents.delete_content(conn, list(keys.values()))
    endings.forget_cases(conn, list(keys.values()))
