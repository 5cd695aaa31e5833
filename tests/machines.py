"""Machines on loopback that say what a test wants, byte by byte: lies, drips and bombs below HTTP."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

Talk = Callable[[socket.socket], None]


class Machine:
    """A machine on loopback that answers each connection as it is told.

    Attributes:
        heard: what came first on each connection.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/x"
        self.talk: Talk = lambda sock: None
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def say(self, *pieces: bytes) -> None:
        """Answer with these bytes."""
        self.talk = lambda sock: sock.sendall(b"".join(pieces))

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            with sock, suppress(OSError):
                self.heard.append(sock.recv(65536))
                self.talk(sock)
                sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def drip(*first: bytes, piece: bytes = b"x") -> Talk:
    """Send something, and then a little now and then, for as long as anybody listens."""

    def talk(sock: socket.socket) -> None:
        sock.sendall(b"".join(first))
        while True:
            sock.sendall(piece)
            time.sleep(0.02)

    return talk


def endlessly(*first: bytes, piece: bytes) -> Talk:
    def talk(sock: socket.socket) -> None:
        sock.sendall(b"".join(first))
        while True:
            sock.sendall(piece)

    return talk
