"""What stands behind a peer's live leaves: its documents, their photographs, and the receipts for both.

A reconcile loop over states in the database, in batches and newest first: whatever is missing is asked for,
whatever a batch brings is committed, and a restart goes on where it was.

Guarantees: a document is shown only after its digest, schema, head, issuer, audience and life were checked; a
bad one is refused with its reason while the rest goes on; a photograph is kept only with the hash, size and
form that its document promised.
"""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from node.adapters.images import check_rendition
from node.domain.searchable import SearchEntry, entry_of, find_audience
from node.errors import InvalidInput, PeerUnavailable
from node.runtime import Network, Node
from node.services.following.prefetch import fetch_ahead
from node.services.following.sources import Source, owner_source
from node.services.progress import Progress
from node.services.standing import exchange_with, may_show
from node.store.database import reading, writing
from node.store.federation import receipts
from node.store.published import documents, feed_cases, feeds, photographs
from node.store.published.documents import WantedDocument
from node.store.published.photographs import FULL, Photograph, photographs_in
from node.store.search.index import index_many, remove_many
from protocol.answers import MAX_DIGESTS, Absence, Given
from protocol.document import AUDIENCE_SCHEMA, verify_document
from protocol.encoding import format_time
from protocol.errors import Malformed, ProtocolError
from protocol.member import Member
from protocol.receipt import ERASED, HELD, MAX_ITEMS, format_receipt
from schemas import SchemaError

_ROUND = 16 * MAX_DIGESTS
_COMMIT = 4 * MAX_DIGESTS  # a transaction: the search's indexes prefer large steps
_SOON = timedelta(minutes=5)
_RETRY = {"restricted": timedelta(hours=6)}
_PHOTO_ROUND = 64


def fetch_documents(
    node: Node, source: Source, member: Member, row: feeds.FeedRow, progress: Progress
) -> tuple[int, list[str]]:
    """Step 6: bring the documents of live leaves that are not here yet, as many as a member may have here;
    beyond that only newer versions of what is.

    Args:
        source: who is asked. That one who is not the owner does not have a document says nothing about it.
        member: the owner.

    Returns:
        How many were stored, and why others were refused.

    Raises:
        PeerUnavailable: the source stopped answering; what came before is kept.
        ProtocolError: its answer is not one to the question; what came before is kept.
    """
    network = node.network()
    stored, lacking, refused = 0, 0, list[str]()
    with writing(node.engine) as conn:
        documents.want_again(conn, row.id, node.clock())
    while True:
        with reading(node.engine) as conn:
            room = node.config.storage.cases_per_member - documents.count_documents(conn, row.id)
            wanted = documents.want_documents(
                conn, row.id, node.clock(), min(_ROUND, max(room, 0)) or _ROUND, lacking, newer_only=room <= 0
            )
        if not wanted:
            return stored, refused
        batches = [wanted[start : start + MAX_DIGESTS] for start in range(0, len(wanted), MAX_DIGESTS)]
        taken = _Taken()

        def ask(batch: list[WantedDocument]) -> list[Given | Absence]:
            digests = list(dict.fromkeys(map(_digest, batch)))  # a liar may announce one for two cases
            given = source.get_documents(digests)
            answers = dict(zip(digests, given, strict=True))
            return [answers[_digest(item)] for item in batch]

        try:
            for batch, answers in fetch_ahead(ask, batches):
                for item, answer in zip(batch, answers, strict=True):
                    if isinstance(answer, str) and not source.owner:
                        lacking += 1
                    else:
                        _take(network, member, row, node.country, item, answer, taken)
                if taken.size >= _COMMIT:
                    stored += _commit(node, row, taken)
                    taken, refused = _Taken(), [*refused, *taken.reasons()]
                    progress("documents", stored, 0)
        finally:
            stored += _commit(node, row, taken)
        refused += taken.reasons()
        progress("documents", stored, 0)


@dataclass
class _Taken:
    """Answers that were looked at and are not committed yet."""

    good: list[tuple[WantedDocument, Given, SearchEntry | None, list[Photograph]]] = field(
        default_factory=list
    )
    bad: list[tuple[WantedDocument, str]] = field(default_factory=list)
    absent: list[tuple[WantedDocument, Absence]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.good) + len(self.bad) + len(self.absent)

    def items(self) -> list[WantedDocument]:
        good = [one[0] for one in self.good]
        return good + [item for item, _ in self.bad] + [item for item, _ in self.absent]

    def reasons(self) -> list[str]:
        return [reason for _, reason in self.bad]


def _take(
    network: Network,
    member: Member,
    row: feeds.FeedRow,
    here: str,
    item: WantedDocument,
    answer: Given | Absence,
    taken: _Taken,
) -> None:
    """Check one answer, in a country."""
    if isinstance(answer, str):
        taken.absent.append((item, answer))
        return
    try:
        parts = _check_document(network, answer.body, item, row.audience)
    except ProtocolError as error:
        taken.bad.append((item, str(error)))
        return
    entry = _entry(parts, member, row, here) if row.audience == "network" else None
    taken.good.append((item, answer, entry, photographs_in(item.case_key, parts, feed_cases.WANTED)))


def _commit(node: Node, row: feeds.FeedRow, taken: _Taken) -> int:
    """Commit in one transaction what was taken: documents, search rows, and why others did not come.

    What the feed has moved on from meanwhile is passed over.

    Returns:
        How many documents were stored.
    """
    if not taken.size:
        return 0
    now = node.clock()
    with writing(node.engine) as conn:
        current = documents.still_wanted(conn, taken.items())
        kept = [one for one in taken.good if one[0].case_key in current]
        documents.store_documents(
            conn,
            [(item.case_key, given.body) for item, given, _, _ in kept],
            [photo for _, _, _, photos in kept for photo in photos],
            {item.case_key for item, given, _, _ in kept if given.direct},
        )
        entries = [entry for _, _, entry, _ in kept if entry is not None]
        index_many(conn, entries, hidden=not may_show(conn, node, row))  # who may take part may have changed
        for item, reason in taken.bad:
            documents.set_case_states(conn, [item], feed_cases.REFUSED, reason)
        for item, why in taken.absent:
            _note_absence(conn, row, item, why, now)
    return len(kept)


def _note_absence(
    conn: Connection, row: feeds.FeedRow, item: WantedDocument, answer: str, now: datetime
) -> None:
    """Write down why a document did not come.

    Superseded, erased and expired say that our copy of the feed is older than the owner's: the next pull
    brings the leaf that says so. Where it does not, and the owner says so again, that is withholding, as
    unknown is at once. Restricted is the owner's right.
    """
    if answer == "restricted":
        state, reason = feed_cases.RESTRICTED, "the owner keeps this case from this member"
    elif answer == "unknown" or item.asked_before:
        state, reason = feed_cases.WITHHELD, "the owner announces this document and does not give it"
    else:
        state, reason = feed_cases.WANTED, f"the owner says that it is {answer}"
    changed = documents.set_case_states(conn, [item], state, reason, now + _RETRY.get(answer, _SOON))
    if changed and state == feed_cases.RESTRICTED:
        documents.delete_content(conn, [item.case_key])
        remove_many(conn, "replica", row.id, [item.leaf.case])


def _check_document(
    network: Network, data: bytes, item: WantedDocument, audience: str
) -> dict[str, dict[str, Any]]:
    """Hold a document against its leaf, the policy and its JSON Schema.

    Raises:
        ProtocolError: the first thing that is wrong.
    """
    if len(data) > network.policy.limits.document_bytes:
        raise Malformed(f"document: longer than the policy's {network.policy.limits.document_bytes} bytes")
    document = verify_document(data, item.leaf, audience)
    try:
        network.schemas.check(AUDIENCE_SCHEMA[audience].partition("/")[0], document.parts)
    except SchemaError as error:
        raise Malformed(f"document: {error.problems[0]}") from None
    return document.parts


def _entry(parts: dict[str, dict[str, Any]], member: Member, row: feeds.FeedRow, here: str) -> SearchEntry:
    return entry_of(
        parts["head"],
        parts["public"],
        source="replica",
        feed_id=row.id,
        owner=member.id,
        country=member.country,
        status="published",
        shown_to=find_audience(parts["head"], here),
    )


def fetch_photographs(
    node: Node, source: Source, row: feeds.FeedRow, rendition: str, most: int | None = None
) -> int:
    """Step 7: bring renditions of one kind that are not here yet.

    Args:
        source: who is asked. That one who is not the owner does not have a photograph says nothing about it.
        most: how many at the most; all when None.

    Returns:
        How many were kept. One that breaks its document's promise is refused with the reason, and the rest
        goes on.

    Raises:
        PeerUnavailable: the source stopped answering; what came before is kept.
        ProtocolError: one that is not the owner gives another photograph; what came before is kept.
    """
    kept, lacking = 0, 0
    with writing(node.engine) as conn:
        photographs.want_photographs_again(conn, row.id, rendition)
    while most is None or kept < most:
        with reading(node.engine) as conn:
            wanted = photographs.want_photographs(conn, row.id, rendition, _PHOTO_ROUND, lacking)
        if not wanted:
            break
        for item, data in fetch_ahead(lambda item: source.get_photograph(item.sha256, item.size), wanted):
            if data is None and not source.owner:
                lacking += 1
            else:
                kept += _keep_photograph(node, row.member, item, data)
    return kept


def _keep_photograph(node: Node, owner: str, item: Photograph, data: bytes | None) -> int:
    state, reason = feed_cases.HELD, ""
    if data is None:
        state, reason = feed_cases.WITHHELD, "the owner does not give this photograph"
    else:
        try:
            check_rendition(data, item.describe(), node.photograph_limits())
        except InvalidInput as error:
            state, reason = feed_cases.REFUSED, error.message
    with writing(node.engine) as conn:
        still_named = photographs.set_photograph_state(conn, item, state, reason)
        if data is None or state != feed_cases.HELD or not still_named:
            return 0
        # Within the transaction: were its case erased between the two, nothing would know of the bytes.
        node.blobs.put(owner, data)
    return 1


def send_receipts(node: Node, member: Member, row: feeds.FeedRow) -> int:
    """Step 8: tell the owner what is held here and what was hidden and purged. Returns how many items were
    told.

    Raises:
        PeerUnavailable: the owner did not take them; they are still owed.
    """
    told = 0
    for token, items in owed_receipts(node, row):
        node.peers.send_receipt(member, token)
        with writing(node.engine) as conn:
            receipts.settle(conn, items)
        told += len(items)
    return told


def owed_receipts(node: Node, row: feeds.FeedRow) -> Iterator[tuple[str, list[receipts.Owed]]]:
    """Sign what the owner of a feed has not been told yet: each receipt with its items, which are owed until
    they are settled."""
    for kind, owed, item_of in (
        (ERASED, receipts.owed_erased, _erased_item),
        (HELD, receipts.owed_held, _held_item),
    ):
        above = 0
        while True:
            with reading(node.engine) as conn:
                items = owed(conn, row.id, MAX_ITEMS, above)
            if not items:
                break
            now, above = node.now(), items[-1].case_key
            told = [item_of(item, now) for item in items]
            token_id = secrets.token_urlsafe(16)
            signer = node.token_signer()
            yield format_receipt(signer, row.member, row.origin, kind, told, now, token_id), items


def _held_item(item: receipts.Owed, now: datetime) -> dict[str, Any]:
    assert item.digest is not None
    return {
        "case": item.case_id,
        "version": item.version,
        "digest": item.digest.hex(),
        "held_at": format_time(now),
    }


def _erased_item(item: receipts.Owed, now: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {
        "case": item.case_id,
        "version": item.version,
        "hidden_at": format_time(item.hidden_at or now),
    }
    if item.purged_at is not None:
        told["purged_at"] = format_time(item.purged_at)
    if not item.stored:
        told["nothing_held"] = True
    return told


def fetch_full_photographs(node: Node) -> int:
    """Bring full-size photographs of peers in the background, as far as the cap of the settings allows.

    Returns:
        How many were kept. A peer that does not answer is passed over.
    """
    if not node.config.storage.full_photographs:
        return 0
    kept = 0
    with reading(node.engine) as conn:
        rows = [row for row in feeds.list_feeds(conn) if not row.own]
    for row in rows:
        with reading(node.engine) as conn:
            left = node.config.storage.photographs_megabytes * 1_000_000 - photographs.bytes_held(conn, FULL)
            exchange = exchange_with(conn, node, row.member)
        if left <= 0:
            break
        if row.audience not in exchange.audiences:
            continue
        with suppress(PeerUnavailable):
            source = owner_source(node, exchange.member, row.audience)
            kept += fetch_photographs(node, source, row, FULL, _PHOTO_ROUND)
    return kept


def _digest(item: WantedDocument) -> bytes:
    assert item.leaf.digest is not None
    return item.leaf.digest
