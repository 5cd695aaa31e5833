"""One process that serves a home: the applications behind one listening socket (waitress).

Guarantees: a home is served by one process at a time, told apart by a lock that ends with the process,
however it ends; every request is bounded in size before any of it is looked at, and nobody keeps a thread or
a connection by leaving the answer unread; on SIGTERM or SIGINT running requests are finished, and then the
background work is stopped. TLS belongs to the proxy in front.
"""

import ctypes
import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol, cast
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server
from waitress.task import WSGITask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from node.errors import Conflict, NodeError
from node.runtime import Node
from node.web.api import make_api_app
from node.web.federation import MAX_BODY_BYTES, make_federation_app

LOCK_NAME = "serve.lock"

_M_ARENA_MAX = -8  # of mallopt(3)
_HEADER_BYTES = 16_384
_IDLE_SECONDS = 60
_LOOK_SECONDS = 5
_CONNECTIONS = 500
_FINISH_SECONDS = 5


class Background(Protocol):
    """The work that goes on beside the answering of requests, such as `node.jobs.Jobs`."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End soon."""

    def wake(self) -> None:
        """See at once what is due."""


class Server:
    """A node's applications on a socket that listens from now on; they answer while `run` runs.

    Args:
        on_ring: called when a peer rang the doorbell.

    Raises:
        NodeError: the address of the settings cannot be listened on.
    """

    def __init__(self, node: Node, on_ring: Callable[[], None]) -> None:
        listening = _listen(node.config.server.host, node.config.server.port)
        host, port = listening.getsockname()[:2]
        self.url = (
            f"http://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"http://{host}:{port}"
        )
        self._stopping = False
        options: Any = {
            "sockets": [listening],
            "threads": node.config.server.threads,
            "max_request_header_size": _HEADER_BYTES,
            "max_request_body_size": MAX_BODY_BYTES,
            "channel_timeout": _IDLE_SECONDS,
            "connection_limit": _CONNECTIONS,
            "ident": None,
        }
        self._waitress = cast(Any, create_server(make_app(node, on_ring), **options))
        # At its default of 1, every piece of a longer answer waits for the loop; 13 times slower for 50 kB.
        # Set here because as an option it warns that a later version will have no need of it.
        self._waitress.adj.send_bytes = 1_000_000
        self._waitress.channel_class = _Channel

    def run(self) -> None:
        """Answer until `stop` is called; then finish what has begun, for a few seconds at the most."""
        sockets = self._waitress._map
        look_at = 0.0
        while not self._stopping:
            wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)
            if time.monotonic() >= look_at:
                self._close_idle()
                look_at = time.monotonic() + _LOOK_SECONDS
        self._waitress.accepting = False
        end = time.monotonic() + _FINISH_SECONDS
        while self._is_busy() and time.monotonic() < end:
            wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)
        self._waitress.task_dispatcher.shutdown(timeout=0)
        wasyncore.close_all(sockets)

    def stop(self) -> None:
        """Let `run` end. May be called from any thread, and from a signal."""
        self._stopping = True
        self._waitress.pull_trigger()

    def _close_idle(self) -> None:
        """Close connections on which nothing has moved for a while.

        waitress only marks them, and closes one once it can be written to: never where the caller leaves its
        answer unread, who could take up all connections in this way.
        """
        before = time.time() - _IDLE_SECONDS
        for channel in list(self._waitress.active_channels.values()):
            if not channel.requests and channel.last_activity < before:
                channel.handle_close()

    def _is_busy(self) -> bool:
        channels = self._waitress.active_channels.values()
        return any(channel.requests or channel.total_outbufs_len for channel in channels)


class _Task(WSGITask):
    def build_response_header(self) -> bytes:
        """Answer only the first of requests that came at once, and close (RFC 9112, 9.3.2).

        waitress answers them all, and lets the thread wait without end for a caller that reads none of it:
        as many such callers as there are threads would silence the node. No client of a node sends ahead.
        """
        if len(self.channel.requests) > 1:
            super().set_close_on_finish()
        return super().build_response_header()

    def set_close_on_finish(self) -> None:
        """Keep the connection after an answer that has no body by its status (204, 304).

        waitress closes it, as if nobody could tell where such an answer ends; every poll that finds nothing
        new would then cost a new connection.
        """
        request = cast(HTTPRequestParser, self.request)
        asked = request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked or self.version != "1.1":
            super().set_close_on_finish()


class _Channel(HTTPChannel):
    task_class = _Task


def serve(node: Node, background: Background, announce: Callable[[str], None]) -> None:
    """Serve a home until the process is told to end by SIGTERM or SIGINT. For the main thread.

    Args:
        announce: told where the node listens, as a URL, once it does.

    Raises:
        Conflict: another process serves this home.
        NodeError: the address of the settings cannot be listened on.
    """
    _bound_arenas()
    with hold_home(node):
        server = Server(node, background.wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: server.stop())
        background.start()
        try:
            announce(server.url)
            server.run()
        finally:
            background.stop()


def _bound_arenas() -> None:
    """Let all threads share two heaps. By default the C library gives each its own and keeps what is freed in
    every one of them: tens of megabytes in a node that promises to be small. Elsewhere than on glibc nothing
    happens."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


@contextmanager
def hold_home(node: Node) -> Iterator[None]:
    """Hold the right to serve a home.

    Raises:
        Conflict: another process has it.
    """
    path = node.config.home / LOCK_NAME
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            raise Conflict(
                f"Another process serves {node.config.home} already: number {holder or 'unknown'}.",
                "Stop it first, or name another home with --home.",
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def make_app(node: Node, on_ring: Callable[[], None]) -> WSGIApplication:
    """Make the whole of what a node answers as one WSGI application; several processes may run it."""
    return DispatcherMiddleware(make_federation_app(node, on_ring), {"/api": make_api_app(node)})


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise NodeError(
            f"{host} port {port} cannot be listened on: {error.strerror or 'unknown address'}.",
            "Set another server.host or server.port in node.toml, or stop what listens there.",
        ) from None
