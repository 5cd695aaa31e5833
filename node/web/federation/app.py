"""The routes between nodes, over the use cases of `node.services.serving`.

Guarantees: every request is read within a limit, in one read transaction that ends before the answer is sent,
and answered with bytes of the feed or with a problem in this program's own words; nothing is kept in the
process, so that any number of workers may answer. TLS and the stripping of a path in front of the address
belong to the proxy before it.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from sqlalchemy import Connection
from werkzeug.exceptions import RequestEntityTooLarge

from node.errors import NotFound
from node.runtime import Node
from node.services import messages, serving
from node.services.following import arrivals, mirrors, pruning
from node.services.serving import Caller, NotIdentified
from node.services.witnesses import gossip
from node.store import feeds, peers
from node.store.database import reading
from node.web.federation.witness import SUBMISSION, add_witness_routes
from node.web.log import log_answer, start_clock
from node.web.problems import answer_error
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
_BODY_LIMITS = {
    "documents": MAX_QUERY_BYTES,
    "receipts": MAX_RECEIPT_LENGTH,
    "settled": MAX_RECEIPT_LENGTH,
    "piece": PIECE_BYTES,
    "last piece": PIECE_BYTES,
    "messages": MAX_MESSAGE_BYTES,
    "evidence": MAX_EVIDENCE_BYTES,
    SUBMISSION: MAX_SUBMISSION_BYTES,
}
MAX_BODY_BYTES = max(_BODY_LIMITS.values())
"""The longest body that is read at all."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def make_federation_app(node: Node, on_ring: Callable[[], None]) -> Flask:
    """Make the WSGI application between nodes.

    Args:
        on_ring: called after a doorbell made a peer due, so that it need not wait for the next tick.
    """
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # an address has one spelling, and nothing is redirected
    app.extensions["node"], app.extensions["on_ring"] = node, on_ring
    for feed in ("/feeds/<audience>", "/mirrors/<owner>/<audience>"):
        app.add_url_rule(f"{feed}/checkpoint", "checkpoint", get_checkpoint)
        app.add_url_rule(f"{feed}/tile/<path:place>", "tile", get_tile)
        app.add_url_rule(f"{feed}/pruned/<known>", "pruned", get_pruned)
        app.add_url_rule(f"{feed}/documents", "documents", post_documents, methods=["POST"])
        app.add_url_rule(f"{feed}/photographs/<sha256>", "photograph", get_photograph)
    app.add_url_rule("/feeds/<audience>/readers", "readers", get_readers)
    app.add_url_rule("/bundles/<token_id>/<number>", "piece", put_piece, methods=["PUT"])
    app.add_url_rule("/bundles/<token_id>/<number>/last", "last piece", put_last_piece, methods=["PUT"])
    app.add_url_rule("/receipts", "owed", get_receipts)
    app.add_url_rule("/receipts/settled", "settled", post_settled, methods=["POST"])
    app.add_url_rule("/tuf/metadata/<name>", "metadata", get_metadata)
    app.add_url_rule("/tuf/targets/<path:name>", "target", get_target)
    app.add_url_rule("/withdrawals", "withdrawals", get_withdrawals)
    app.add_url_rule("/doorbell", "doorbell", post_doorbell, methods=["POST"])
    app.add_url_rule("/receipts", "receipts", post_receipt, methods=["POST"])
    app.add_url_rule("/messages", "messages", post_message, methods=["POST"])
    app.add_url_rule("/heads", "heads", get_heads)
    app.add_url_rule("/evidence", "evidence", post_evidence, methods=["POST"])
    app.add_url_rule("/health", "health", get_health)
    add_witness_routes(app, _asker)
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Exception, answer_error)
    return app


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
        answers = answer(_node(), conn, row, caller, digests)
    return _answer(format_answers(answers), "application/vnd.gmcn.documents", NO_STORE)


def get_photograph(audience: str, sha256: str, owner: str = "") -> Response:
    """Answer with a photograph that a live document refers to."""
    with _opened(audience, owner) as (conn, row, caller):
        assert isinstance(caller, Caller)
        if not _SHA256.fullmatch(sha256):
            raise NotFound("There is no such photograph here.")
        find = serving.find_photograph if row.own else mirrors.find_photograph
        photograph = find(_node(), conn, row, caller, sha256)
    data = _node().blobs.get(row.member, sha256)
    if data is None:
        raise NotFound("There is no such photograph here.")
    return _answer(data, photograph.media_type, NO_STORE, compress=False)


def get_readers(audience: str) -> Response:
    """Answer with the members that a feed is open to."""
    with _opened(audience) as (conn, row, _caller):
        readers = serving.list_readers(_node(), conn, row.audience)
    return _answer(format_readers(readers), "application/json", NO_STORE)


def put_piece(token_id: str, number: str) -> Response:
    """Take a piece of a bundle, which another follows."""
    arrivals.take_piece(_node(), _caller(), token_id, number, g.body, last=False)
    return Response(status=204)


def put_last_piece(token_id: str, number: str) -> Response:
    """Take the last piece of a bundle; what is made of it shows at its maker's mirror."""
    arrivals.take_piece(_node(), _caller(), token_id, number, g.body, last=True)
    return Response(status=202, content_type="text/plain")


def get_receipts() -> Response:
    """Answer with receipts that this node owes to the caller."""
    tokens = arrivals.list_owed(_node(), _caller())
    return _answer(format_json({"receipts": tokens}), "application/json", NO_STORE)


def post_settled() -> Response:
    """Take back a receipt that the caller has."""
    arrivals.take_returned(_node(), _caller(), g.body.decode("ascii", "replace"))
    return Response(status=204)


def get_metadata(name: str) -> Response:
    """Answer with a signed file of the network, byte for byte."""
    return _signed_file(_node().trust.metadata_file(name), "application/json")


def get_target(name: str) -> Response:
    """Answer with a file that the network's signed files list, byte for byte."""
    return _signed_file(_node().trust.target_file(name), BINARY)


def get_withdrawals() -> Response:
    """Answer with the endorsements that this member has withdrawn."""
    with reading(_node().engine) as conn:
        tokens = peers.withdrawal_tokens(conn, _node().member)
    return _answer(format_json({"withdrawals": tokens}), "application/json", REVALIDATE)


def post_doorbell() -> Response:
    """Make the caller due to be pulled."""
    serving.take_ring(_node(), _caller())
    current_app.extensions["on_ring"]()
    return Response(status=202, content_type="text/plain")


def post_receipt() -> Response:
    """Take a receipt about own cases."""
    caller = _caller()
    try:
        token = g.body.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("receipt: not a token") from None
    serving.take_receipt(_node(), caller, token)
    return Response(status=204)


def post_message() -> Response:
    """Take a sealed message, and answer with the signed word for it."""
    word = messages.take_message(_node(), _caller(), g.body)
    return _answer(word.encode(), "application/jwt", NO_STORE, compress=False)


def get_heads() -> Response:
    """Answer with the newest heads and the evidence that this node knows, of what the caller may know of."""
    node = _node()
    with reading(node.engine) as conn:
        caller = _identify(node, conn)
        tag, body = gossip.show_heads(node, conn, caller, request.if_none_match.contains_weak)
    if body is None:
        return Response(status=304, headers={"ETag": f'"{tag}"', "Cache-Control": REVALIDATE})
    response = _answer(body, "application/json", REVALIDATE)
    response.set_etag(tag)
    return response


def post_evidence() -> Response:
    """Take evidence that the caller hands on."""
    gossip.receive_from(_node(), _caller(), g.body)
    return Response(status=204)


def get_health() -> Response:
    """Answer that the process answers."""
    return _answer(b'{"status":"ok"}', "application/json", NO_STORE)


def _node() -> Node:
    node: Node = current_app.extensions["node"]
    return node


def _caller() -> Caller:
    node = _node()
    with reading(node.engine) as conn:
        return _identify(node, conn)


def _asker() -> Caller | NotIdentified:
    node = _node()
    with reading(node.engine) as conn:
        try:
            return _identify(node, conn)
        except NotIdentified as error:
            return error


def _identify(node: Node, conn: Connection) -> Caller:
    path = urlsplit(node.entry().address).path + _sent_path()
    authorization = request.headers.get("Authorization", "")
    caller = serving.caller_of(node, conn, authorization, request.method, path, g.body)
    g.member = caller.member
    return caller


def _sent_path() -> str:
    """Return the path and query as they were sent; gunicorn and waitress have two names for them."""
    sent: str = request.environ.get("RAW_URI") or request.environ["REQUEST_URI"]
    return sent


@contextmanager
def _opened(
    audience: str, owner: str = "", *, leaves: bool = False
) -> Iterator[tuple[Connection, feeds.FeedRow, Caller | NotIdentified]]:
    """Open a feed to whoever is calling.

    Args:
        owner: whose feed it is; empty for this node's own.
        leaves: whether it is about the log itself; see `serving.open_feed`.
    """
    node = _node()
    with reading(node.engine) as conn:
        caller: Caller | NotIdentified
        try:
            caller = _identify(node, conn)
        except NotIdentified as error:
            caller = error
            leaves = leaves and "Authorization" not in request.headers  # a bad token is never passed over
        if owner:
            row = mirrors.open_mirror(node, conn, owner, audience, caller, leaves=leaves)
        else:
            row = serving.open_feed(node, conn, audience, caller, leaves=leaves)
        yield conn, row, caller


def _signed_file(data: bytes | None, media_type: str) -> Response:
    if data is None:
        raise NotFound("There is no such signed file here.")
    return _answer(data, media_type, "no-cache")


def _answer(data: bytes, media_type: str, cache: str, *, compress: bool = True) -> Response:
    """Make an answer of bytes, compressed where that is worth it and asked for."""
    response = Response(data, content_type=media_type)
    response.headers["Cache-Control"] = cache
    if compress and _node().config.server.compress and len(data) >= _COMPRESS_FROM:
        response.headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings["gzip"]:
            packer = zlib.compressobj(1, wbits=16 + zlib.MAX_WBITS)
            response.data = packer.compress(data) + packer.flush()
            response.headers["Content-Encoding"] = "gzip"
    return response


def _begin() -> None:
    start_clock()
    if "%" in _sent_path():  # no address here needs it, and each has one spelling
        raise NotFound("There is nothing here under this address.")
    limit = _BODY_LIMITS.get(request.endpoint or "", 0)
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    request.max_content_length = limit
    g.body = request.get_data(cache=False) if limit else b""  # a body that no route takes is never read


def _finish(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", NO_STORE)
    if response.status_code != 304:  # which repeats no headers but those that may have changed
        response.headers.extend(_SECURITY)
    log_answer(response, member=g.get("member", ""))
    return response
