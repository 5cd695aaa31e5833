"""The routes between nodes, over the use cases of `node.services.serving`.

Guarantees: whatever is read for a request is read in one transaction that ends before the answer is sent; the
answer is bytes of the feed, or a problem in this program's own words.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from flask import Response, current_app, g, request
from sqlalchemy import Connection

from node.errors import NotFound
from node.services import messages, serving
from node.services.following import arrivals, mirrors, pruning
from node.services.serving import Caller, NotIdentified
from node.services.witnesses import gossip
from node.store.database import reading
from node.store.federation import peers
from node.store.published import feeds
from node.web.federation.callers import identify, present_caller, this_node
from node.web.federation.witness import get_cosigned, post_submission
from protocol.answers import MAX_QUERY_BYTES, format_answers, parse_query
from protocol.bundle import PIECE_BYTES
from protocol.encoding import format_json, parse_decimal
from protocol.errors import Malformed
from protocol.evidence import MAX_EVIDENCE_BYTES
from protocol.message import MAX_MESSAGE_BYTES
from protocol.mirror import format_readers
from protocol.pruning import format_pruned
from protocol.receipt import MAX_RECEIPT_LENGTH
from protocol.tiles import parse_tile_path
from protocol.witness import MAX_SUBMISSION_BYTES

NO_STORE = "no-store"
REVALIDATE = "private, no-cache"
IMMUTABLE = "private, max-age=31536000, immutable"

BINARY = "application/octet-stream"
_COMPRESS_FROM = 1024
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Route:
    """One address.

    Attributes:
        name: by which Flask knows it.
        body: how many bytes a request to it may have; one without is never read further than its headers.
    """

    name: str
    method: str
    rule: str
    view: Callable[..., Response]
    body: int = 0


def get_checkpoint(audience: str, owner: str = "") -> Response:
    """Answer with the newest checkpoint, or that it is still the one that the caller has.

    Args:
        owner: whose feed it is, here and below; empty for this node's own.
    """
    with _opened(audience, owner, leaves=True) as (_, row, _caller):
        note = row.note or b""
    tag = feeds.note_tag(note)
    headers = {"ETag": tag, "Cache-Control": REVALIDATE}
    if request.if_none_match.contains_weak(tag.strip('"')):
        return Response(status=304, headers=headers)
    return Response(note, headers=headers, content_type="text/plain; charset=utf-8")


def get_tile(audience: str, place: str, owner: str = "") -> Response:
    """Answer with a hash tile or an entry bundle."""
    with _opened(audience, owner, leaves=True) as (conn, row, _):
        try:
            ref = parse_tile_path(f"tile/{place}")
        except Malformed:
            raise NotFound("The log has no such tile.") from None
        data = serving.read_tile(conn, row, ref)
    return _answer(data, BINARY, IMMUTABLE, compress=ref.level is None)  # hashes do not compress


def get_pruned(audience: str, known: str, owner: str = "") -> Response:
    """Answer with what stands for entries that are not given any more."""
    with _opened(audience, owner, leaves=True) as (conn, row, _):
        told = pruning.tell_pruned(conn, row, parse_decimal(known, "known entries"))
    return _answer(format_pruned(told), "text/plain; charset=utf-8", REVALIDATE)


def post_documents(audience: str, owner: str = "") -> Response:
    """Answer for each digest with its document, or why there is none."""
    with _opened(audience, owner) as (conn, row, caller):
        assert isinstance(caller, Caller)  # without the exercise's exception nobody else gets here
        digests = parse_query(g.body)
        answer = serving.answer_documents if row.own else mirrors.answer_documents
        answers = answer(this_node(), conn, row, caller, digests)
    return _answer(format_answers(answers), "application/vnd.gmcn.documents", NO_STORE)


def get_photograph(audience: str, sha256: str, owner: str = "") -> Response:
    """Answer with a photograph that a live document refers to."""
    with _opened(audience, owner) as (conn, row, caller):
        assert isinstance(caller, Caller)
        if not _SHA256.fullmatch(sha256):
            raise NotFound("There is no such photograph here.")
        find = serving.find_photograph if row.own else mirrors.find_photograph
        photograph = find(this_node(), conn, row, caller, sha256)
    data = this_node().blobs.get(row.member, sha256)
    if data is None:
        raise NotFound("There is no such photograph here.")
    return _answer(data, photograph.media_type, NO_STORE, compress=False)


def get_readers(audience: str) -> Response:
    """Answer with the members that a feed is open to."""
    with _opened(audience) as (conn, row, _caller):
        readers = serving.list_readers(this_node(), conn, row.audience)
    return _answer(format_readers(readers), "application/json", NO_STORE)


def put_piece(token_id: str, number: str) -> Response:
    """Take a piece of a bundle, which another follows."""
    arrivals.take_piece(this_node(), present_caller(), token_id, number, g.body, last=False)
    return Response(status=204)


def put_last_piece(token_id: str, number: str) -> Response:
    """Take the last piece of a bundle; what is made of it shows at its maker's mirror."""
    arrivals.take_piece(this_node(), present_caller(), token_id, number, g.body, last=True)
    return Response(status=202, content_type="text/plain")


def get_receipts() -> Response:
    """Answer with receipts that this node owes to the caller."""
    tokens = arrivals.list_owed(this_node(), present_caller())
    return _answer(format_json({"receipts": tokens}), "application/json", NO_STORE)


def post_settled() -> Response:
    """Take back a receipt that the caller has."""
    arrivals.take_returned(this_node(), present_caller(), g.body.decode("ascii", "replace"))
    return Response(status=204)


def get_metadata(name: str) -> Response:
    """Answer with a signed file of the network, byte for byte."""
    return _signed_file(this_node().trust.metadata_file(name), "application/json")


def get_target(name: str) -> Response:
    """Answer with a file that the network's signed files list, byte for byte."""
    return _signed_file(this_node().trust.target_file(name), BINARY)


def get_withdrawals() -> Response:
    """Answer with the endorsements that this member has withdrawn."""
    with reading(this_node().engine) as conn:
        tokens = peers.withdrawal_tokens(conn, this_node().member)
    return _answer(format_json({"withdrawals": tokens}), "application/json", REVALIDATE)


def post_doorbell() -> Response:
    """Make the caller due to be pulled."""
    serving.take_ring(this_node(), present_caller())
    current_app.extensions["on_ring"]()
    return Response(status=202, content_type="text/plain")


def post_receipt() -> Response:
    """Take a receipt about own cases."""
    caller = present_caller()
    try:
        token = g.body.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("receipt: not a token") from None
    serving.take_receipt(this_node(), caller, token)
    return Response(status=204)


def post_message() -> Response:
    """Take a sealed message, and answer with the signed word for it."""
    word = messages.take_message(this_node(), present_caller(), g.body)
    return _answer(word.encode(), "application/jwt", NO_STORE, compress=False)


def get_heads() -> Response:
    """Answer with the newest heads and the evidence that this node knows, of what the caller may know of."""
    with reading(this_node().engine) as conn:
        caller = identify(conn)
        tag, body = gossip.show_heads(this_node(), conn, caller, request.if_none_match.contains_weak)
    if body is None:
        return Response(status=304, headers={"ETag": f'"{tag}"', "Cache-Control": REVALIDATE})
    response = _answer(body, "application/json", REVALIDATE)
    response.set_etag(tag)
    return response


def post_evidence() -> Response:
    """Take evidence that the caller hands on."""
    gossip.receive_from(this_node(), present_caller(), g.body)
    return Response(status=204)


def get_health() -> Response:
    """Answer that the process answers."""
    return _answer(b'{"status":"ok"}', "application/json", NO_STORE)


@contextmanager
def _opened(
    audience: str, owner: str = "", *, leaves: bool = False
) -> Iterator[tuple[Connection, feeds.FeedRow, Caller | NotIdentified]]:
    """Open a feed to whoever is calling.

    Args:
        owner: whose feed it is; empty for this node's own.
        leaves: whether it is about the log itself; see `serving.open_feed`.
    """
    with reading(this_node().engine) as conn:
        caller: Caller | NotIdentified
        try:
            caller = identify(conn)
        except NotIdentified as error:
            caller = error
            leaves = leaves and "Authorization" not in request.headers  # a bad token is never passed over
        if owner:
            row = mirrors.open_mirror(this_node(), conn, owner, audience, caller, leaves=leaves)
        else:
            row = serving.open_feed(this_node(), conn, audience, caller, leaves=leaves)
        yield conn, row, caller


def _signed_file(data: bytes | None, media_type: str) -> Response:
    if data is None:
        raise NotFound("There is no such signed file here.")
    return _answer(data, media_type, "no-cache")


def _answer(data: bytes, media_type: str, cache: str, *, compress: bool = True) -> Response:
    """Make an answer of bytes, compressed where that is worth it and asked for."""
    response = Response(data, content_type=media_type)
    response.headers["Cache-Control"] = cache
    if compress and this_node().config.server.compress and len(data) >= _COMPRESS_FROM:
        response.headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings["gzip"]:
            packer = zlib.compressobj(1, wbits=16 + zlib.MAX_WBITS)
            response.data = packer.compress(data) + packer.flush()
            response.headers["Content-Encoding"] = "gzip"
    return response


_FEED_ROUTES = (
    Route("checkpoint", "GET", "/checkpoint", get_checkpoint),
    Route("tile", "GET", "/tile/<path:place>", get_tile),
    Route("pruned", "GET", "/pruned/<known>", get_pruned),
    Route("documents", "POST", "/documents", post_documents, MAX_QUERY_BYTES),
    Route("photograph", "GET", "/photographs/<sha256>", get_photograph),
)
"""Below the address of an own feed, and below that of a mirror."""

ROUTES = (
    *(
        replace(route, rule=feed + route.rule)
        for feed in ("/feeds/<audience>", "/mirrors/<owner>/<audience>")
        for route in _FEED_ROUTES
    ),
    Route("readers", "GET", "/feeds/<audience>/readers", get_readers),
    Route("piece", "PUT", "/bundles/<token_id>/<number>", put_piece, PIECE_BYTES),
    Route("last piece", "PUT", "/bundles/<token_id>/<number>/last", put_last_piece, PIECE_BYTES),
    Route("owed", "GET", "/receipts", get_receipts),
    Route("receipts", "POST", "/receipts", post_receipt, MAX_RECEIPT_LENGTH),
    Route("settled", "POST", "/receipts/settled", post_settled, MAX_RECEIPT_LENGTH),
    Route("metadata", "GET", "/tuf/metadata/<name>", get_metadata),
    Route("target", "GET", "/tuf/targets/<path:name>", get_target),
    Route("withdrawals", "GET", "/withdrawals", get_withdrawals),
    Route("doorbell", "POST", "/doorbell", post_doorbell),
    Route("messages", "POST", "/messages", post_message, MAX_MESSAGE_BYTES),
    Route("heads", "GET", "/heads", get_heads),
    Route("evidence", "POST", "/evidence", post_evidence, MAX_EVIDENCE_BYTES),
    Route("submission", "POST", "/witness/add-checkpoint", post_submission, MAX_SUBMISSION_BYTES),
    Route("cosigned", "GET", "/witness/<log>/checkpoint", get_cosigned),
    Route("health", "GET", "/health", get_health),
)
BODY_LIMITS = {route.name: route.body for route in ROUTES}
MAX_BODY_BYTES = max(BODY_LIMITS.values())
"""The longest body that is read at all."""
