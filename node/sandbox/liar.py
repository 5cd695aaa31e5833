"""A member whose node lies, with its true keys: what its peers must notice, each a way of lying.

It stands at the member's own address while the member's process is down, and answers as the member's node
would, but for the lie.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any, Literal
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.serving import WSGIRequestHandler, make_server

from node.errors import NodeError
from node.runtime import Node
from node.store.database import reading
from node.store.published import feeds
from node.web.federation import make_federation_app
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.feed import FeedHead, grow
from protocol.leaf import parse_leaf
from protocol.note import format_note
from protocol.tiles import bundles_between, parse_bundle
from protocol.tlog import EMPTY

Lie = Literal["rollback", "fork", "documents"]
"""rollback: a feed that is empty again; fork: a past in which the first case never was; documents: other
texts than those that were signed for."""

_CHECKPOINT = "/feeds/network/checkpoint"
_FEED = "/feeds/network/"
_DOCUMENTS = "/documents"
_WORDS = ((b'"sex":1', b'"sex":9'), (b'"sex":2', b'"sex":9'), (b'"EX-', b'"XX-'))
"""What is said otherwise: as long as before, so that only the hash can tell."""


@contextmanager
def lying(node: Node, lie: Lie) -> Iterator[None]:
    """Answer in the place of a node, with a lie in its network feed.

    Raises:
        NodeError: the node's own process still runs.
    """
    app: WSGIApplication = make_federation_app(node, lambda: None)
    match lie:
        case "rollback":
            app = _Replacing(app, {_CHECKPOINT: _empty_checkpoint(node)})
        case "fork":
            app = _Replacing(app, _forked_files(node))
        case "documents":
            app = _Tampering(app)
    try:
        server = make_server("127.0.0.1", node.config.server.port, app, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit):
        raise NodeError(f"The port of {node.member} is taken.", "Stop its process first.") from None
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Keep the screen for the story."""


class _Replacing:
    """Answers some paths with bytes of its own, and everything else honestly."""

    def __init__(self, honest: WSGIApplication, answers: dict[str, bytes]) -> None:
        self._honest = honest
        self._answers = answers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        data = self._answers.get(environ["PATH_INFO"])
        if data is None:
            return self._honest(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
        return [data]


class _Tampering:
    """Answers honestly, but changes a word in every document, of whatever feed."""

    def __init__(self, honest: WSGIApplication) -> None:
        self._honest = honest

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.pop("HTTP_ACCEPT_ENCODING", None)  # what is compressed cannot be changed in passing
        answer = self._honest(environ, start_response)
        if not environ["PATH_INFO"].endswith(_DOCUMENTS):
            return answer
        data = b"".join(answer)
        for true, false in _WORDS:
            data = data.replace(true, false)
        return [data]


def _empty_checkpoint(node: Node) -> bytes:
    signer = node.feed_signer("network")
    return format_note(sign_checkpoint(Checkpoint(signer.name, 0, EMPTY.root()), signer))


def _forked_files(node: Node) -> dict[str, bytes]:
    """Write the feed anew, with another first entry and one more at the end, signed with the true key."""
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, node.member, "network")
        assert row is not None
        entries = [
            entry
            for ref in bundles_between(0, row.size)
            for entry in parse_bundle(feeds.read_file(conn, row.id, ref) or b"", ref.width)
        ]
    first = parse_leaf(entries[0], node.member)
    assert first is not None
    other = replace(first, nonce=bytes(len(first.nonce))).format()
    signer = node.feed_signer("network")
    growth = grow(FeedHead(signer.name), [other, *entries[1:], other])
    files = {_FEED + ref.format(): data for ref, data in growth.files}
    files[_CHECKPOINT] = format_note(sign_checkpoint(growth.head.checkpoint(), signer))
    return files
