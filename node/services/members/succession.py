"""Feeds that the roster has frozen, and the successors under which they go on.

    frozen       nothing past the stated head counts (`revival` takes it back; `pulling` reads no further)
    succeeded    the same feed goes on under its new origin: an empty log, the same table of cases

Guarantees: versions go on and erased ids stay erased at every member, whatever it has read of the old feed;
of a past that the roster contradicts nothing is inherited. What the owner then writes into its successor, so
that newcomers know the same, is `own_feeds.open_feeds`.
"""

from sqlalchemy import Connection

from node.errors import InvalidInput, NotFound
from node.runtime import Node
from node.services.endings import revival
from node.store.database import reading, writing
from node.store.federation import heads, witnesses
from node.store.journal import JournalEntry, write_journal
from node.store.published import documents, endings, feeds
from node.store.search.index import remove_many
from protocol.errors import NotAuthorized
from protocol.feed_entry import Audience, FeedEntry, FrozenHead
from protocol.leaf import Leaf, parse_leaf
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


def find_head(
    node: Node, member_id: str, audience: Audience, size: int | None, last: int
) -> tuple[FrozenHead, list[tuple[int, Leaf]]]:
    """Compute the head that a feed had at a size, and read the leaves around it: for people who have to say
    where it was still good.

    Args:
        size: the newest when None.
        last: how many leaves are shown, those before and behind the head alike.

    Raises:
        NotFound: nothing of such a feed is here.
        InvalidInput: it never had so many leaves here, or what it takes was pruned.
    """
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, member_id, audience)
        if row is None:
            raise NotFound(f"Nothing is here of a {audience} feed of {member_id}.", "See `gmcn status`.")
        size = row.size if size is None else size
        root = _root_at(conn, row, size) if size <= row.size else b""
        if not root:
            raise InvalidInput(
                f"The head of {row.origin} at {size} leaves cannot be told here.",
                f"It has {row.size} here, from {row.minimum} on. Ask another member.",
            )
        leaves = []
        begin = max(row.minimum, size - last)
        for ref in bundles_between(begin, min(row.size, size + last)):
            entries = parse_bundle(feeds.read_file(conn, row.id, ref) or b"", ref.width)
            for place, entry in enumerate(entries, ref.index * WIDTH):
                leaf = parse_leaf(entry, member_id) if place >= begin else None
                if leaf is not None:
                    leaves.append((place, leaf))
    return FrozenHead(size, root), leaves


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
    if another_past and not row.own:
        _forget(conn, row)
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
