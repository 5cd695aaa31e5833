"""The public site in processes of its own, which never read a key (`gmcn site serve`).

Guarantees: every worker opens the home for itself and answers on one socket that all share; one that ends by
itself is replaced, but for one that ends at once; on SIGTERM or SIGINT all finish what they have begun, and
they end also when this process is killed outright.
"""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from node.config import SiteConfig
from node.errors import NodeError
from node.log import describe_exception
from node.runtime import KeylessNode
from node.web.process import Listening, add_site, bound_arenas, end_with, listen, settle

_SHORT_SECONDS = 5.0
_ENDING = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()

Open = Callable[[], KeylessNode]
"""Opens the node: in each worker, since a connection to a database belongs to one process."""


def serve_site(config: SiteConfig, open_site: Open, workers: int, announce: Callable[[str], None]) -> None:
    """Serve the public site until the process is told to end by SIGTERM or SIGINT. For the main thread.

    Args:
        workers: how many processes answer; a single one is this process itself.
        announce: told where the site is, as people type it, once it listens.

    Raises:
        NodeError: the address of the settings cannot be listened on, or the workers end at once.
    """
    listening = listen("site", config.host, config.port)
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"http://{host}:{port}"
    announce(config.address or url)
    if workers == 1:
        _work(listening, open_site)
    else:
        _Crew(listening, open_site, workers).run()


def _work(listening: socket.socket, open_site: Open) -> None:
    bound_arenas()
    server = Listening()
    add_site(server, open_site(), listening)
    settle()
    for number in _ENDING:
        signal.signal(number, lambda _number, _frame: server.stop())
    server.run()


class _Crew:
    """Workers on one socket, and the process that looks after them."""

    def __init__(self, listening: socket.socket, open_site: Open, number: int) -> None:
        self._listening, self._open_site, self._number = listening, open_site, number
        self._started: dict[int, float] = {}
        self._stopping = False

    def run(self) -> None:
        for number in _ENDING:
            signal.signal(number, lambda _number, _frame: self._stop())
        for _ in range(self._number):
            self._start()
        failed = False
        while self._started:
            process, _status = os.wait()
            lived = time.monotonic() - self._started.pop(process)
            if self._stopping:
                continue
            if lived < _SHORT_SECONDS:
                failed = True
                self._stop()
            else:
                log.warning("a worker of the site ended, and another takes its place")
                self._start()
        self._listening.close()
        if failed:
            raise NodeError("The site's workers end at once.", "What they said is above.")

    def _start(self) -> None:
        # A signal that a worker took as its parent does would be lost on it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        parent, process = os.getpid(), os.fork()
        if process:
            self._started[process] = time.monotonic()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            return
        status = 1
        try:  # whatever happens, the worker never goes on where this process was called from
            for number in _ENDING:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            end_with(parent)
            _work(self._listening, self._open_site)
            status = 0
        except NodeError as error:
            log.error("a worker of the site cannot work", error=describe_exception(error))
        finally:
            os._exit(status)

    def _stop(self) -> None:
        self._stopping = True
        for process in self._started:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
