"""The sandbox's processes: every node as `gmcn serve`, the coordinator as `gmcn network serve`.

Guarantees: whatever was started is ended with the block that started it, also when this process is killed
outright; what a process says is in a file of its own. How they are started: `node.sandbox.forking`.
"""

import json
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import Any

from node.adapters.http import HttpClient
from node.errors import NodeError, PeerUnavailable
from node.sandbox.forking import Forked, Forking

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_RUN_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_SAID_BYTES = 600


class Processes:
    """Programs that run, by name."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, Forked] = {}
        self._http = HttpClient(private_addresses=True, connect_seconds=1)
        self._told_to_end = False
        logs.mkdir(exist_ok=True)
        self._forking = Forking(logs)

    def leave(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal that tells this process to end."""
        self._told_to_end = True
        raise KeyboardInterrupt

    def check_wanted(self) -> None:
        """Ask in every loop whether to go on: what a handler raises is lost where the interpreter runs it
        inside a callback.

        Raises:
            KeyboardInterrupt: a signal has told this process to end.
        """
        if self._told_to_end:
            raise KeyboardInterrupt

    def start(self, name: str, arguments: Sequence[str | Path]) -> None:
        """Start `gmcn` with arguments, without waiting for it."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = self._forking.start([*map(str, arguments)], log, log)

    def wait_until_answering(self, name: str, url: str) -> None:
        """Wait until a program that was started answers at an address.

        Raises:
            NodeError: it ended, or does not answer for long.
        """
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            self.check_wanted()
            if not self.is_running(name):
                raise NodeError(
                    f"The process of {name} ended at once: {self.last_words(name)}", self._hint(name)
                )
            try:
                self._http.fetch("GET", url, limit=1 << 20, deadline=2)
                return
            except PeerUnavailable:
                time.sleep(_LOOK_SECONDS)
        raise NodeError(f"The process of {name} does not answer.", self._hint(name))

    def run(self, arguments: Sequence[str | Path]) -> Any:
        """Run `gmcn` with arguments to its end, and return what it printed, read as JSON if it is that.

        Raises:
            NodeError: it failed, with what it said.
        """
        with TemporaryFile() as out, TemporaryFile() as err:
            process = self._forking.start([*map(str, arguments)], out, err)
            try:
                code = process.wait(_RUN_SECONDS)
            except TimeoutError:
                raise NodeError("gmcn does not come to its end.") from None
            finally:
                process.send(signal.SIGKILL)
            for file in (out, err):
                file.seek(0)
            said, complaint = out.read(), err.read()
        if code != 0:
            words = " ".join(complaint.decode("utf-8", "replace").split())
            raise NodeError(f"gmcn ended with {code}: {words[-_SAID_BYTES:]}")
        return json.loads(said) if said.startswith((b"{", b"[")) else said.decode()

    def is_running(self, name: str) -> bool:
        """Whether a program was started and has not ended."""
        return self.number(name) is not None

    def number(self, name: str) -> int | None:
        """Return the number of a program's process; None when it does not run."""
        process = self._running.get(name)
        return process.pid if process is not None and process.poll() is None else None

    def last_words(self, name: str) -> str:
        """Return the end of what a program has said."""
        data = (self._logs / f"{name}.log").read_bytes()[-_SAID_BYTES:]
        return " ".join(data.decode("utf-8", "replace").split())

    def stop(self, name: str) -> None:
        """End a program, and wait until it has."""
        self._end([self._running.pop(name)])

    def stop_all(self) -> None:
        """End every program."""
        running, self._running = list(self._running.values()), {}
        self._end(running)
        self._forking.close()
        self._http.close()

    def _end(self, running: Sequence[Forked]) -> None:
        for process in running:
            process.send(signal.SIGTERM)
        end = time.monotonic() + _STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except TimeoutError:
                process.send(signal.SIGKILL)
                process.wait(_STOP_SECONDS)

    def _hint(self, name: str) -> str:
        return f"See {self._logs / name}.log."


@contextmanager
def running(logs: Path) -> Iterator[Processes]:
    """Give a place to start programs from; all of them are ended with the block, also when this process is
    told to end: SIGTERM and SIGHUP leave the block as Ctrl-C does."""
    processes = Processes(logs)
    before = _on_signals(processes.leave)
    try:
        yield processes
    finally:
        _on_signals(signal.SIG_IGN)
        processes.stop_all()
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_signals(handler: Any) -> dict[signal.Signals, Any]:
    """Handle what tells a process to end otherwise, and return how it was handled; only a main thread can."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {
        number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
