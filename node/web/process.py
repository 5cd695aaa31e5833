"""One process that serves a home: what peers and programs ask on one listening socket, what its people ask at
the console on another, and what everybody asks at the public site on a third (waitress).

Guarantees: a home is served by one process at a time, told apart by a lock that ends with the process,
however it ends; every request is bounded in size before any of it is looked at, and nobody keeps a thread or
a connection by leaving the answer unread; on SIGTERM or SIGINT running requests are finished, and then the
background work is stopped. TLS belongs to the proxy in front.
"""

import ctypes
import fcntl
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server
from waitress.task import WSGITask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from node.errors import Conflict, NodeError
from node.runtime import KeylessNode, Node
from node.web.api import make_api_app
from node.web.federation import MAX_BODY_BYTES, make_federation_app

LOCK_NAME = "serve.lock"

_M_ARENA_MAX = -8  # of mallopt(3)
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_HEADER_BYTES = 16_384
_IDLE_SECONDS = 60
_LOOK_SECONDS = 5
_CONNECTIONS = 500
# Each may bring a photograph, which waits on the disk until all of it is here.
_CONSOLE_CONNECTIONS = _SITE_CONNECTIONS = 100
_FINISH_SECONDS = 5


class Background(Protocol):
    """The work that goes on beside the answering of requests, such as `node.jobs.Jobs`."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End soon."""

    def wake(self) -> None:
        """See at once what is due."""


class Listening:
    """Applications on sockets that listen from now on; they answer while `run` runs."""

    def __init__(self) -> None:
        self._stopping = False
        self._sockets: dict[int, Any] = {}
        self._servers: list[Any] = []

    def add(
        self, app: WSGIApplication, listening: socket.socket, threads: int, max_body: int, connections: int
    ) -> str:
        """Answer with an application what comes to a socket, and return its address."""
        options: Any = {
            "sockets": [listening],
            "threads": threads,
            "max_request_header_size": _HEADER_BYTES,
            "max_request_body_size": max_body,
            "channel_timeout": _IDLE_SECONDS,
            "ident": None,
            # `proxy` decides whom it believes: without the header all people behind a proxy are one.
            "clear_untrusted_proxy_headers": False,
        }
        waitress = cast(Any, create_server(app, map=self._sockets, **options))
        # At its default of 1, every piece of a longer answer waits for the loop; 13 times slower for 50 kB.
        # Set here because as an option it warns that a later version will have no need of it.
        waitress.adj.send_bytes = 1_000_000
        waitress.channel_class = _Channel
        # Its own limit counts the sockets of all servers: a crowd at one would keep all from the other.
        waitress.readable = lambda: waitress.accepting and len(waitress.active_channels) < connections
        self._servers.append(waitress)
        host, port = listening.getsockname()[:2]
        return f"http://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"http://{host}:{port}"

    def run(self) -> None:
        """Answer until `stop` is called; then finish what has begun, for a few seconds at the most."""
        sockets = self._sockets
        look_at = 0.0
        while not self._stopping:
            wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)
            if time.monotonic() >= look_at:
                self._close_idle()
                look_at = time.monotonic() + _LOOK_SECONDS
        for server in self._servers:
            server.accepting = False
        end = time.monotonic() + _FINISH_SECONDS
        while self._is_busy() and time.monotonic() < end:
            wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)
        self.close()

    def stop(self) -> None:
        """Let `run` end. May be called from any thread, and from a signal."""
        self._stopping = True
        with suppress(OSError):  # `run` has looked, and closed it, in between
            self._servers[0].pull_trigger()

    def close(self) -> None:
        """Close every socket."""
        for server in self._servers:
            server.task_dispatcher.shutdown(timeout=0)
        wasyncore.close_all(self._sockets)

    def _close_idle(self) -> None:
        """Close connections on which nothing has moved for a while.

        waitress only marks them, and closes one once it can be written to: never where the caller leaves its
        answer unread, who could take up all connections in this way.
        """
        before = time.time() - _IDLE_SECONDS
        for channel in self._channels():
            if not channel.requests and channel.last_activity < before:
                channel.handle_close()

    def _is_busy(self) -> bool:
        return any(channel.requests or channel.total_outbufs_len for channel in self._channels())

    def _channels(self) -> list[Any]:
        return [channel for server in self._servers for channel in list(server.active_channels.values())]


class Server(Listening):
    """A node's applications. Peers, its people and the public have threads and connections of their own: none
    of them waits for a crowd of the others.

    Args:
        on_ring: called when a peer rang the doorbell.

    Attributes:
        url: where peers and programs are answered.
        console_url: where its people are, as they type it; empty where the console is off.
        site_url: where the public is, as people type it; empty where the site is off.

    Raises:
        NodeError: an address of the settings cannot be listened on, or those of the console or the site do
            not fit together.
    """

    def __init__(self, node: Node, on_ring: Callable[[], None]) -> None:
        super().__init__()
        server, console, site = node.config.server, node.config.console, node.config.site
        try:
            listening = listen("server", server.host, server.port)
            app = make_app(node, on_ring)
            self.url = self.add(app, listening, server.threads, MAX_BODY_BYTES, _CONNECTIONS)
            self.console_url = self.site_url = ""
            if console.enabled:
                app, limit = _make_console(node)
                listening = listen("console", console.host, console.port)
                url = self.add(app, listening, console.threads, limit, _CONSOLE_CONNECTIONS)
                self.console_url = console.address or url
            if site.enabled:
                url = add_site(self, node, listen("site", site.host, site.port))
                self.site_url = site.address or url
        except NodeError:
            self.close()
            raise


def add_site(server: Listening, node: KeylessNode, listening: socket.socket) -> str:
    """Answer with the public site what comes to a socket, and return its address."""
    # Imported by whoever serves a site, as the console is.
    from node.web import public

    app = public.make_site_app(node)
    return server.add(app, listening, node.config.site.threads, public.MAX_BODY_BYTES, _SITE_CONNECTIONS)


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


def serve(node: Node, background: Background, announce: Callable[[str, str, str], None]) -> None:
    """Serve a home until the process is told to end by SIGTERM or SIGINT. For the main thread.

    Args:
        announce: told where the node listens, as a URL, where its console is and where its site, once they
            do.

    Raises:
        Conflict: another process serves this home.
        NodeError: the address of the settings cannot be listened on.
    """
    bound_arenas()
    with hold_home(node):
        server = Server(node, background.wake)
        settle()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: server.stop())
        background.start()
        try:
            announce(server.url, server.console_url, server.site_url)
            server.run()
        finally:
            background.stop()


def bound_arenas() -> None:
    """Let all threads share two heaps. By default the C library gives each its own and keeps what is freed in
    every one of them: tens of megabytes in a node that promises to be small. Elsewhere than on glibc nothing
    happens."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def settle() -> None:
    """Leave all that is here now out of every later collection of what nobody refers to: to walk through the
    whole program stops every answer for tens of milliseconds."""
    gc.collect()
    gc.freeze()


def end_with(parent: int) -> None:
    """Have this process told to end when its parent is gone. Elsewhere than on Linux nothing happens."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(0)


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


def _make_console(node: Node) -> tuple[WSGIApplication, int]:
    """Make the console, and say how large a body it takes."""
    # Imported by whoever serves a console: its templates, forms and languages take several megabytes.
    from node.web import console

    app = console.make_console_app(node)
    return _prepare_once(app, lambda: console.prepare(app)), console.MAX_BODY_BYTES


def _prepare_once(app: WSGIApplication, prepare: Callable[[], None]) -> WSGIApplication:
    """Have the first request begin, beside it, what every later page would wait for: while they sign in it
    gets done, and a console that nobody opens stays small."""
    begun = threading.Lock()  # never released

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if begun.acquire(blocking=False):
            threading.Thread(target=prepare, name="prepare", daemon=True).start()
        return app(environ, start_response)

    return answer


def listen(section: str, host: str, port: int) -> socket.socket:
    """Listen at an address of the settings.

    Raises:
        NodeError: that cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise NodeError(
            f"{host} port {port} cannot be listened on: {error.strerror or 'unknown address'}.",
            f"Set another {section}.host or {section}.port in node.toml, or stop what listens there.",
        ) from None
