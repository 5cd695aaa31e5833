"""Hiding and purging: what happens to content whose case was erased or has outlived itself.

    hidden    at once, with the commit that says so: not shown, found, served or matched
    emptied   soon after: documents, search rows and photographs are deleted; after mass erasure three days
              later (`domain.brake`)
    purged    then: what deleted rows leave behind in the database's files is gone too (`store.scrubbing`)

Guarantees: each state is in the database, so that a crash anywhere goes on at the next start; `purged_at` is
written only after nothing is left; a case expires by this node's own clock, owner reachable or not. While
that clock is wrong, cases are hidden and nothing is purged (`revival` shows again what was hidden too early).
"""

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from node.runtime import KeylessNode, Node
from node.services.standing import is_gone
from node.services.witnesses.witnessing import MAX_CLOCK_ERROR, clock_offset
from node.store import leads, scrubbing
from node.store.database import reading, writing
from node.store.federation import messages, peers
from node.store.published import documents, endings, feeds, photographs
from node.store.register import cases
from node.store.search.index import purge as purge_search
from node.store.search.index import remove_many
from node.store.staff import people

_ROUND = 1_000


def expire(node: Node) -> int:
    """Hide every case, own or foreign, whose life is over, and every replica of a member that was removed as
    long ago as the policy says. Returns how many."""
    hidden, now = 0, node.clock()
    while True:  # a few at a time, so that nobody waits long to write
        with writing(node.engine) as conn:
            some = _expire_some(conn, node, now)
        hidden += len(some)
        if len(some) < _ROUND:
            return hidden


def _expire_some(conn: Connection, node: Node, now: datetime) -> list[tuple[int, str]]:
    some = endings.expire_cases(conn, now.date(), now, _ROUND)
    rows, gone = feeds.list_feeds(conn), long_removed(node, now)
    for row in rows:
        if row.member in gone and len(some) < _ROUND:
            some += endings.end_feed(conn, row.id, now, _ROUND - len(some))
    own = {row.id for row in rows if row.own}
    published = {row.id for row in rows if row.own and row.audience == "network"}
    remove_many(conn, "site", None, [case for of, case in some if of in published])
    for feed_id in {feed_id for feed_id, _ in some} - own:
        remove_many(conn, "replica", feed_id, [case for of, case in some if of == feed_id])
    return some


def long_removed(node: Node, now: datetime) -> set[str]:
    """Name the members of whom no replica is kept: those that were removed long ago, and all once this one
    was."""
    network = node.network()
    gone = {member.id for member in network.roster.members if is_gone(member, network.policy, now)}
    everybody = {member.id for member in network.roster.members}
    return (everybody if node.member in gone else gone) - {node.member}


def purge(node: Node) -> int:
    """Delete what is left of hidden cases, to the last byte on the disk. Returns how many cases were purged.

    Cheap when there is nothing to do. Where something holds up the database's files the content is gone from
    the tables, and a later call finishes. Nothing is purged while the witnesses' clocks say that this one is
    wrong.
    """
    now = node.clock()
    remove_prints(node)
    with reading(node.engine) as conn:
        full = endings.cases_to_empty(conn, now, 1) or photographs.loose_photographs(conn, now, 1)
        replaced = scrubbing.is_due(conn, now)
        if not (full or replaced or endings.waits_for_scrub(conn)):
            return 0
    if not _clock_is_right(node):
        return 0
    if full:
        _empty(node, now)
    elif replaced:
        purge_search(node.engine)
    pause = timedelta(hours=node.config.database.rewrite_hours)
    clean_until = scrubbing.advance(node.engine, now, pause)
    if clean_until is None:
        return 0
    with writing(node.engine) as conn:
        purged = endings.mark_purged(conn, clean_until, now)
        for owner in endings.owners_of(conn, purged) - {node.member}:
            peers.ring(conn, owner, now)  # the receipt goes with the next pull of its owner: now
    return len(purged)


def remove_prints(node: KeylessNode) -> None:
    """Delete what was made of cases that are hidden, or of versions that are not the newest: whatever holds
    up the rest."""
    if not _stale_prints(node):
        return
    with writing(node.engine):  # nobody may keep one between the look and the deletion
        node.prints.remove(_stale_prints(node))


def _stale_prints(node: KeylessNode) -> list[Path]:
    today, made = node.now().date(), node.prints.cases()
    if not made:
        return []
    with reading(node.engine) as conn:
        return node.prints.stale(documents.live_versions(conn, made, today), today)


def _clock_is_right(node: Node) -> bool:
    offset = clock_offset(node)
    return offset is None or abs(offset) <= MAX_CLOCK_ERROR


def _empty(node: Node, now: datetime) -> None:
    """Delete the content of hidden cases from the tables, the search and the blob store."""
    with writing(node.engine) as conn:
        keys = endings.cases_to_empty(conn, now, _ROUND)
        documents.delete_content(conn, keys)
        # About an own case messages last as long as its record: see `publishing.erase`.
        told_of = endings.foreign_ids(conn, keys)
        messages.erase_about(conn, told_of, now)
        leads.erase_about(conn, told_of)
        people.drop_forms_about(conn, [case_id.partition("/")[2] for case_id in told_of])
    purge_search(node.engine)
    node.blobs.remove_leftovers()
    while _delete_photographs(node):
        pass
    with writing(node.engine) as conn:
        endings.mark_emptied(conn, keys, now)


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
