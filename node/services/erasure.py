"""Hiding and purging: what happens to content whose case was erased or has outlived itself.

    hidden   at once, with the commit that says so: not shown, found, served or matched
    purged   soon after: documents, search rows, photographs, and what deleted rows leave behind in the
    database's files

Guarantees: both states are in the database, so that a crash anywhere goes on at the next start; `purged_at`
is written only after nothing is left; a case expires by this node's own clock, owner reachable or not.
"""

from datetime import datetime, timedelta

from node.runtime import Node
from node.store import cases, documents, endings, feeds, peers, photographs
from node.store.database import reading, scrub, writing
from node.store.search import purge as purge_search
from node.store.search import remove_many

_ROUND = 5_000


def expire(node: Node) -> int:
    """Hide every case, own or foreign, whose life is over, and every replica of a member that was removed as
    long ago as the policy says. Returns how many."""
    now = node.clock()
    with writing(node.engine) as conn:
        expired = endings.expire_cases(conn, now.date(), now)
        rows, gone = feeds.list_feeds(conn), _long_removed(node, now)
        for row in rows:
            if row.member in gone:
                expired += endings.end_feed(conn, row.id, now)
        own = {row.id for row in rows if row.own}
        for feed_id in {feed_id for feed_id, _ in expired} - own:
            remove_many(conn, "replica", feed_id, [case for of, case in expired if of == feed_id])
    return len(expired)


def _long_removed(node: Node, now: datetime) -> set[str]:
    network = node.network()
    before = now - timedelta(days=network.policy.removal_days)
    others = [member for member in network.roster.members if member.id != node.member]
    return {member.id for member in others if member.removed_at is not None and member.removed_at <= before}


def purge(node: Node) -> int:
    """Delete what is left of hidden cases, to the last byte on the disk. Returns how many cases.

    Cheap when there is nothing to do. Where a reader holds up the database's log the content is gone from the
    tables, and the next call finishes.
    """
    with reading(node.engine) as conn:
        keys = endings.cases_to_purge(conn, _ROUND)
        loose = photographs.loose_photographs(conn, node.clock(), _ROUND)
    if not keys and not loose:
        return 0
    with writing(node.engine) as conn:
        documents.delete_content(conn, keys)
        purge_search(conn)
    while _delete_photographs(node):
        pass
    if not scrub(node.engine):
        return 0
    now = node.clock()
    with writing(node.engine) as conn:
        endings.mark_purged(conn, keys, now)
        for owner in endings.owners_of(conn, keys) - {node.member}:
            peers.ring(conn, owner, now)  # the receipt goes with the next pull of its owner: now
    return len(keys)


def _delete_photographs(node: Node) -> int:
    """Delete the bytes of some loose photographs, unless a document or the register refers to them.

    Returns:
        How many were looked at.
    """
    with writing(node.engine) as conn:  # nothing may begin to refer to one between the look and the deletion
        loose = photographs.loose_photographs(conn, node.clock(), _ROUND)
        for member in {member for member, _ in loose}:
            hashes = [sha256 for of, sha256 in loose if of == member]
            kept = photographs.referenced(conn, member, hashes)
            if member == node.member:
                kept |= cases.photographs_kept(conn, hashes)
            for sha256 in set(hashes) - kept:
                node.blobs.delete(member, sha256)
        photographs.settle_photographs(conn, loose)
    return len(loose)
