"""The process that sets documents: one after the other, for the process that started it, over its standard
input, which is a socket. It is started by its path and knows nothing of the node.

Guarantees: it leaves no file and no core dump, and ends when its parent does, when it has waited for
`IDLE_SECONDS` or has come to `MOST_RESIDENT_KIB`, or when one document took more than `CPU_SECONDS`. Where
memory runs out it is ended before the node is. A document can read nothing but the files that came with it:
its root is the list of this process' open files, and pictures are files in memory there.
"""

import contextlib
import json
import os
import resource
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import typst

IDLE_SECONDS = 60.0
CPU_SECONDS = 15
MEMORY_BYTES = 2 << 30
MOST_RESIDENT_KIB = 200 << 10
ROOT = "/proc/self/fd"


def main(folders: list[str]) -> None:
    """Answer until nobody asks any more.

    Args:
        folders: of the fonts.
    """
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MEMORY_BYTES),
    ):
        resource.setrlimit(limit, (most, most))
    with contextlib.suppress(OSError):  # the supervisor may forbid it
        Path("/proc/self/oom_score_adj").write_text("1000")
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders))
    with socket.socket(fileno=0) as line:
        while True:
            line.settimeout(IDLE_SECONDS)
            try:
                asked = _receive(line)
            except TimeoutError:
                return
            if asked is None:
                return
            line.settimeout(None)
            _limit_time()
            for part in _answer(fonts, asked):
                line.sendall(struct.pack(">Q", len(part)) + part)
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MOST_RESIDENT_KIB:
                return  # it remembers what it has set, and that adds up


def _limit_time() -> None:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    most = int(spent.ru_utime + spent.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(fonts: typst.Fonts, asked: list[bytes]) -> tuple[bytes, bytes]:
    """Set a document. Returns what went wrong, and what was made."""
    order: dict[str, Any] = json.loads(asked[0])
    pictures = []
    try:
        for picture in asked[1:]:
            pictures.append(os.memfd_create("picture"))
            _fill(pictures[-1], picture)
        data = {**order["data"], "files": [str(number) for number in pictures]}
        files = {name: text.encode() for name, text in order["files"].items()}
        made: bytes = typst.compile(  # type: ignore[call-overload]  # its types know no files by name
            {**files, "data.json": json.dumps(data).encode()},
            root=ROOT,
            font_paths=fonts,
            ignore_system_fonts=True,
            format=order["format"],
            ppi=order["ppi"],
            pdf_standards=["ua-1"] if order["format"] == "pdf" else [],
            timestamp=order["timestamp"],
        )
        return b"", made
    except typst.TypstError as error:
        return error.message.encode(), b""
    finally:
        for number in pictures:
            os.close(number)


def _fill(number: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(number, rest) :]


def _receive(line: socket.socket) -> list[bytes] | None:
    """Receive what is asked: how many parts there are, and each with its length. None when nobody asks."""
    head = _read(line, 8)
    if head is None:
        return None
    (count,) = struct.unpack(">Q", head)
    parts = []
    for _ in range(count):
        head = _read(line, 8)
        part = None if head is None else _read(line, struct.unpack(">Q", head)[0])
        if part is None:
            return None
        parts.append(part)
    return parts


def _read(line: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = line.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


if __name__ == "__main__":
    main(sys.argv[1:])
