"""Documents that are set with typst, in a process of their own.

Guarantees: what a document is made from reaches it as data, so that no text can become markup, read a file or
reach another machine; one document is made at a time, with a deadline, after which its process is ended; the
process has bounds of its own (`worker`), is started when it is needed and ends when it is not; nothing of a
document is ever in a file.

Leaves to others: which documents there are, and what stands in them.
"""

import json
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from node.adapters.typesetting.fonts import folders
from node.errors import NodeError

Form = Literal["pdf", "png", "svg"]

DEADLINE_SECONDS = 10.0
"""The longest that setting one document may take; it usually takes a hundredth."""

_WORKER = Path(__file__).with_name("worker.py")
_MOST_BYTES = 64 << 20
_ENVIRONMENT = {"LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2", "RAYON_NUM_THREADS": "1"}


class NotWritable(NodeError):
    """A document has characters that no font has."""


class Typesetter:
    """A process that sets documents, started when the first is asked for. Safe to use from several threads.

    Args:
        deadline_seconds: the longest that one document may take.
    """

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline_seconds
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._ending: weakref.finalize[..., Typesetter] | None = None
        self._made = 0

    def compile(
        self,
        files: Mapping[str, str],
        data: Mapping[str, Any],
        pictures: Sequence[bytes],
        form: Form,
        *,
        made_at: datetime,
        pixels_per_inch: float = 72,
    ) -> bytes:
        """Set a document.

        Args:
            files: typst's own text, by name; the first to be read is "main.typ". Never of a case.
            data: what it reads as `json("data.json")`. Its member `files` becomes what the pictures are
                called, in their order.
            pictures: JPEG files.
            form: "pdf" is made for readers who cannot see it, too (PDF/UA-1).
            made_at: what a PDF says of when it was made.

        Raises:
            NotWritable: no font has some character, and it was to be a PDF: pictures have a box there.
            NodeError: it cannot be set, or takes too long.
        """
        order = {
            "files": dict(files),
            "data": dict(data),
            "format": form,
            "ppi": pixels_per_inch if form == "png" else None,
            "timestamp": int(made_at.timestamp()),
        }
        parts = [json.dumps(order).encode(), *pictures]
        with self._lock:
            problem, made = self._ask(parts)
        if problem:
            if "could not be displayed" in problem:
                raise NotWritable("A text has characters that no font here has.")
            raise NodeError("The poster cannot be set.", "Try another format, or tell your administrator.")
        return made

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _ask(self, parts: Sequence[bytes]) -> tuple[str, bytes]:
        """Send a document and wait for it. A process that has ended since the last one is started anew."""
        sent = struct.pack(">Q", len(parts)) + b"".join(struct.pack(">Q", len(part)) + part for part in parts)
        deadline = time.monotonic() + self._deadline
        for fresh in (False, True):
            if fresh:
                self._end()
            line, fresh = self._started(), fresh or self._made == 0
            try:
                line.settimeout(max(0.01, deadline - time.monotonic()))
                line.sendall(sent)
                answer = _receive(line, deadline), _receive(line, deadline)
            except TimeoutError:
                self._end()
                raise NodeError("Setting the poster took too long, and was broken off.") from None
            except OSError:
                if fresh:
                    self._end()
                    raise NodeError("The process that sets posters broke off.", "Try again.") from None
            else:
                self._made += 1
                return answer[0].decode(), answer[1]
        raise AssertionError("the second try returns or raises")

    def _started(self) -> socket.socket:
        if self._line is None:
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-I", str(_WORKER), *map(str, folders())],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # a complaint could repeat what it is about
                    env=_ENVIRONMENT,
                    cwd="/",
                )
            self._line, self._made = ours, 0
            self._ending = weakref.finalize(self, _end, process, ours)
        return self._line

    def _end(self) -> None:
        if self._ending is not None:
            self._ending()
        self._line, self._ending, self._made = None, None, 0


def _end(process: subprocess.Popen[bytes], line: socket.socket) -> None:
    line.close()
    process.kill()
    process.wait()


def _receive(line: socket.socket, deadline: float) -> bytes:
    size = struct.unpack(">Q", _read(line, 8, deadline))[0]
    if size > _MOST_BYTES:
        raise ConnectionError("that is no answer")
    return _read(line, size, deadline)


def _read(line: socket.socket, size: int, deadline: float) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        line.settimeout(max(0.01, deadline - time.monotonic()))
        part = line.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise ConnectionError("the process has ended")
        parts += part
    return bytes(parts)
