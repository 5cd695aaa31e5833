"""The proof file of an own case: what the public site gives to whoever wants to check a poster or a
photograph for themselves (protocol README, "Proofs").

Guarantees: it is made of what is published: the document's own bytes, the leaf under the published head, and
a statement that was signed before; no key is touched. Of a case that is not shown here now there is none.
"""

import hashlib
from datetime import datetime

from sqlalchemy import Connection

from node.errors import Conflict, NotFound
from node.runtime import KeylessNode
from node.services.site.showing import Gone, Shown, find_shown
from node.services.standing import standing_of_own
from node.store.database import reading
from node.store.published import documents, feed_cases, feeds
from node.store.published.continued import find_newest
from node.store.published.documents import HeldDocument
from node.store.published.feeds import FeedRow
from node.store.published.statements import find_statement
from protocol.document import split_document
from protocol.endorsement import State
from protocol.proof import Proof
from protocol.proof_file import ProofFile, format_proof_file
from protocol.tiles import WIDTH, TileRef, parse_bundle, read_nodes
from protocol.tlog import inclusion_proof


class NotProven(Conflict):
    """There is no proof of a case that is shown: it was published a moment ago, or nothing is signed now."""


def find_poster(node: KeylessNode, case_id: str) -> Shown:
    """Find the own case that a poster is of, also one that was withdrawn and goes on under another id.

    Raises:
        Gone, NotFound, Conflict: see `showing.find_shown`.
    """
    try:
        return find_shown(node, case_id)
    except Gone as gone:
        with reading(node.engine) as conn:
            newest = find_newest(conn, case_id)
        if newest is None:
            raise
        try:
            return find_shown(node, newest)
        except NotFound:  # it is not published again yet
            raise gone from None


def make_proof_file(node: KeylessNode, case_id: str) -> bytes:
    """Make the proof file of an own case as it is shown now.

    Raises:
        Gone, NotFound: see `showing.find_shown`; or it is another member's, whose site has its proof.
        NotProven: there is none at present.
    """
    shown = find_shown(node, case_id)
    if not shown.own:
        raise NotFound("The owner of a case gives its proof.", "See the owner's own site.")
    if not _stands(node):
        raise _not_proven()
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, node.member, "network")
        held = _document(conn, shown)
        stated = find_statement(conn, held.case_key, node.now()) if held else None
        if row is None or held is None or stated is None:
            raise _not_proven()
        proof = _prove(conn, row, feed_cases.lookup_cases(conn, row.id, [case_id])[case_id].index)
    head, public, network = split_document(held.body)
    return format_proof_file(ProofFile(head, public, hashlib.sha256(network).digest(), proof, stated.token))


def current_until(node: KeylessNode, shown: Shown) -> datetime | None:
    """Return until when an own case is called current by a statement that holds now; None where none does."""
    if not _stands(node):
        return None
    with reading(node.engine) as conn:
        held = _document(conn, shown)
        stated = find_statement(conn, held.case_key, node.now()) if held else None
    return stated.until if stated else None


def _document(conn: Connection, shown: Shown) -> HeldDocument | None:
    """Find the document that is shown; None where it is another one by now."""
    held = documents.find_documents(conn, shown.case_id)
    return next((doc for doc in held if doc.digest == shown.digest), None)


def _stands(node: KeylessNode) -> bool:
    standing = standing_of_own(node)
    return standing is not None and standing.state is State.ACTIVE


def _prove(conn: Connection, row: FeedRow, index: int) -> Proof:
    """Prove that an entry stands under the published head of an own feed.

    Raises:
        NotProven: that head does not cover it.
    """
    size = row.published_size()
    if row.note is None or not 0 <= index < size:
        raise _not_proven()

    def fetch(ref: TileRef) -> bytes:
        return feeds.read_file(conn, row.id, ref) or b""

    number, place = divmod(index, WIDTH)
    bundle = TileRef(None, number, min(WIDTH, size - number * WIDTH))
    entry = parse_bundle(fetch(bundle), bundle.width)[place]
    hashes = inclusion_proof(index, size, read_nodes(size, fetch))
    return Proof(index, tuple(hashes), row.note, entry)


def _not_proven() -> NotProven:
    return NotProven("The proof of this case is not ready.", "Try again in a few minutes.")
