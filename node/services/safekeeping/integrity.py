"""Re-verifying everything on the disk against the feeds (`gmcn fsck`).

Guarantees: nothing is changed; every leaf, tile, document and photograph is hashed again from what the disk
holds now, the case table is replayed from the leaves, the search is held against the documents, and the
journal is followed from its first entry.
Findings name feeds, case ids and files, never content.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from node.domain.searchable import EVERYBODY, PUBLIC, Source, find_audience
from node.errors import NodeError
from node.runtime import Node
from node.services.audit import chain
from node.services.endings.revival import frozen_head
from node.services.progress import Progress, no_progress
from node.store.database import reading
from node.store.federation import heads, messages
from node.store.published import documents, feed_cases, feeds, photographs
from node.store.published.photographs import photographs_in
from node.store.register import cases
from node.store.search.index import find_audiences
from protocol.checkpoint import verify_checkpoint
from protocol.document import verify_document
from protocol.errors import NotAuthorized, ProtocolError
from protocol.feed import FeedHead, Growth, grow
from protocol.feed_entry import Audience
from protocol.leaf import PUT, CaseState, Leaf
from protocol.tiles import bundles_between, parse_bundle
from protocol.tlog import leaf_hash
from protocol.verification import replay

_ROUND = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """Something on the disk that is not as it must be."""

    where: str
    problem: str
    next_step: str


@dataclass
class Report:
    """What was looked at, and what was found.

    Attributes:
        journal: how many entries it has.
        journal_signed_at: when its head was signed last; None when it never was.
    """

    feeds: int = 0
    leaves: int = 0
    documents: int = 0
    photographs: int = 0
    journal: int = 0
    journal_signed_at: datetime | None = None
    findings: list[Finding] = field(default_factory=list)


def check(node: Node, progress: Progress = no_progress) -> Report:
    """Look at everything.

    Args:
        progress: told as it goes on: what, how many, of how many.
    """
    report = Report()
    with reading(node.engine) as conn:
        for row in feeds.list_feeds(conn):
            report.feeds += 1
            _check_head(conn, node, row, report)
            table = _check_leaves(conn, node, row, report, progress)
            if table is not None:
                _check_cases(conn, row, table, report)
            _check_documents(conn, node, row, report, progress)
            if row.audience == "network":
                _check_forgotten(conn, row, report)
        _check_photographs(conn, node, report)
        _check_messages(conn, report)
        _check_journal(conn, node, report, progress)
    return report


def _check_head(conn: Connection, node: Node, row: feeds.FeedRow, report: Report) -> None:
    note = row.newest_note
    if note is None:
        head = heads.newest_head(conn, row.id)  # it comes with the last step of a large update
        if row.size and (row.own or (head is not None and head.size >= row.size)):
            _found(report, row, "its signed head is missing")
        return
    try:
        keys = node.network().roster.member(row.member).feed(_audience(row)).every_key
    except NotAuthorized:
        return  # it has left the roster, and its keys with it
    try:
        checkpoint, _ = verify_checkpoint(note, keys)
        known = row.known().frontier
        if (checkpoint.origin, checkpoint.size, checkpoint.root) != (row.origin, known.size, known.root()):
            _found(report, row, "the stored head is not the signed one")
    except ProtocolError as error:
        _found(report, row, str(error))


def _check_leaves(
    conn: Connection, node: Node, row: feeds.FeedRow, report: Report, progress: Progress
) -> dict[str, tuple[Leaf, CaseState]] | None:
    """Hash every leaf again up to the signed root, and replay the case table from those that count: what a
    foreign feed said past a freeze does not."""
    frontier, table = row.beginning(), dict[str, tuple[Leaf, CaseState]]()
    frozen = None if row.own else frozen_head(node, row)
    counted = table if frozen is None else dict[str, tuple[Leaf, CaseState]]()
    head = feeds.load_head(conn, row, frontier) if row.own else None
    for ref in bundles_between(row.minimum, row.size):
        data = feeds.read_file(conn, row.id, ref)
        if data is None:
            _found(report, row, f"{ref.format()} is missing")
            return None
        try:
            entries = parse_bundle(data, ref.width)
            followed = replay(
                entries,
                frontier.size,
                row.member,
                lambda cases: {case: table[case][1] for case in cases if case in table},
                node.clock(),
                complete=row.complete,
            )
            if head is not None:
                head = _check_tiles(conn, row, grow(head, entries), report)
        except ProtocolError as error:
            _found(report, row, f"{ref.format()}: {error}")
            return None
        frontier = frontier.extended(map(leaf_hash, entries))
        table.update((leaf.case, (leaf, state)) for leaf, state in followed)
        if frozen is not None:
            counted.update((leaf.case, (leaf, at)) for leaf, at in followed if at.index < frozen.size)
        report.leaves += len(entries)
        progress("leaves", frontier.size, row.size)
    if (frontier.size, frontier.format()) != (row.size, row.frontier):
        _found(report, row, "its leaves do not lead to the signed root")
        return None
    return counted


def _check_tiles(conn: Connection, row: feeds.FeedRow, growth: Growth, report: Report) -> FeedHead:
    for ref, data in growth.files:
        if ref.level is not None and feeds.read_file(conn, row.id, ref) != data:
            _found(report, row, f"{ref.format()} does not hold the hashes of its leaves")
    return growth.head


def _check_cases(
    conn: Connection, row: feeds.FeedRow, table: dict[str, tuple[Leaf, CaseState]], report: Report
) -> None:
    """Hold the case table against the one that the leaves make."""
    for kept in feed_cases.iterate_cases(conn, row.id):
        leaf, state = table.pop(kept.case_id, (None, None))
        if state is None and kept.state_of_leaves.index < row.minimum:
            continue  # its leaf was left off
        if leaf is None or state is None:
            _found(report, row, f"case {kept.case_id} is in none of its leaves")
        elif (kept.state_of_leaves, kept.leaf_at) != (state, leaf.at):
            _found(report, row, f"case {kept.case_id} stands otherwise than its leaves say")
        elif state.erased and kept.state != feed_cases.ERASED:
            _found(report, row, f"case {kept.case_id} is erased and stands as {kept.state}")
        elif row.own and kept.state == feed_cases.ERASED and not state.erased:
            _found(report, row, f"case {kept.case_id} stands as erased and is not")
    for case in table:
        _found(report, row, f"case {case} is missing")
    for case in documents.cases_without_document(conn, row.id):
        _found(report, row, f"case {case}: its document is missing")


def _check_documents(
    conn: Connection, node: Node, row: feeds.FeedRow, report: Report, progress: Progress
) -> None:
    above = 0
    while batch := documents.iterate_documents(conn, row.id, above, _ROUND):
        shown = dict[str, int]()
        for doc in batch:
            above = doc.case_key
            report.documents += 1
            leaf = Leaf(PUT, doc.case_id, doc.version, doc.digest, doc.expires, doc.leaf_at, b"")
            photos = {photo.sha256: photo for photo in photographs.photographs_of_case(conn, doc.case_key)}
            try:
                parts = verify_document(doc.body, leaf, doc.audience).parts
                if {photo.sha256 for photo in photographs_in(doc.case_key, parts, "")} != photos.keys():
                    _found(report, row, f"case {doc.case_id}: not the photographs that its document names")
                shown[doc.case_id] = find_audience(parts["head"], node.country)
            except ProtocolError as error:
                _found(report, row, f"case {doc.case_id}: {error}")
            for photo in photos.values():
                if photo.state == feed_cases.HELD:
                    _check_photograph(node, row, doc.case_id, photo.sha256, report)
        if row.audience == "network":
            _check_found(conn, row, shown, report)
        progress("documents", report.documents, 0)


def _check_found(conn: Connection, row: feeds.FeedRow, shown: dict[str, int], report: Report) -> None:
    """Hold the search against who may find some cases by their documents: of own ones the public, the staff
    by the register."""
    found = find_audiences(conn, *_in_search(row), shown)
    for case_id, audience in shown.items():
        expected = (PUBLIC if audience == EVERYBODY else None) if row.own else audience
        if found.get(case_id) != expected:
            _found(report, row, f"case {case_id}: not found in the search by those who may")


def _check_forgotten(conn: Connection, row: feeds.FeedRow, report: Report) -> None:
    """Find cases that are over and that the search has still."""
    over = [kept.case_id for kept in feed_cases.iterate_cases(conn, row.id) if kept.state in feed_cases.GONE]
    for case_id in find_audiences(conn, *_in_search(row), over):
        _found(report, row, f"case {case_id} is over, and the search still finds it")


def _in_search(row: feeds.FeedRow) -> tuple[Source, int | None]:
    return ("site", None) if row.own else ("replica", row.id)


def _check_photograph(node: Node, row: feeds.FeedRow, case_id: str, sha256: str, report: Report) -> None:
    report.photographs += 1
    try:
        data = node.blobs.get(row.member, sha256)
    except NodeError:
        data = b""
    if data is None or hashlib.sha256(data).hexdigest() != sha256:
        state = "missing" if data is None else "damaged"
        _found(report, row, f"case {case_id}: a photograph is {state}")


def _check_photographs(conn: Connection, node: Node, report: Report) -> None:
    """Find photographs on the disk that nothing refers to, and nothing is about to delete."""
    for member in node.blobs.owners():
        for hashes in _chunks(node.blobs.iterate(member)):
            known = photographs.referenced(conn, member, hashes)
            known |= photographs.loose_among(conn, member, hashes)
            if member == node.member:
                known |= cases.photographs_kept(conn, hashes)
            for sha256 in set(hashes) - known:
                report.findings.append(
                    Finding(f"photographs of {member}", f"{sha256} belongs to no case", "Delete the file.")
                )


def _check_messages(conn: Connection, report: Report) -> None:
    """Find messages whose sealed bytes are no longer those that their signatures are over."""
    for row in messages.find_damaged(conn):
        where = f"message {row.id} {'to' if row.outgoing else 'from'} {row.member}"
        step = "Close it and write it again." if row.outgoing else "Close it and ask for it again."
        report.findings.append(Finding(where, "it is damaged", step))


def _check_journal(conn: Connection, node: Node, report: Report, progress: Progress) -> None:
    """Follow the journal from its first entry to the head that was signed last."""
    found = chain.verify(conn, node, progress)
    report.journal = found.entries
    report.journal_signed_at = found.head.at if found.head else None
    report.findings += [Finding("journal", problem, chain.NEXT_STEP) for problem in found.problems]


def _chunks(hashes: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for sha256 in hashes:
        chunk.append(sha256)
        if len(chunk) == _ROUND:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _audience(row: feeds.FeedRow) -> Audience:
    return "police" if row.audience == "police" else "network"


def _found(report: Report, row: feeds.FeedRow, problem: str) -> None:
    step = (
        "Restore the home from its backup; publish nothing before."
        if row.own
        else "Run `gmcn pull`; if it stays, restore the home from its backup."
    )
    report.findings.append(Finding(row.origin, problem, step))
