"""What sits at a member's address, or on the way to it: endless bytes, bombs, drips, and addresses that lead
inside. Calls go over real sockets here."""

import gzip
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from node.adapters.http import HttpClient
from node.runtime import Node
from tests.attacks.conftest import unchanged
from tests.factories import sample_record
from tests.federation import DE, FR, Federation
from tests.liars import find_feed
from tests.machines import Machine, Talk, drip, endlessly, head

POLICE, PEER = FR[0], DE[0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """The German police has pulled the French. No test changes anything of that."""
    federation = Federation(tmp_path_factory.mktemp("lines"), [FR, DE])
    federation.publish(POLICE, sample_record("ar", photos=None))
    federation.pull(PEER, POLICE)
    yield federation
    federation.close()


@contextmanager
def calling(federation: Federation, address: str, *, inside: bool) -> Iterator[Node]:
    """Let the roster lead elsewhere, and give a node that goes there over real sockets.

    Args:
        inside: whether it may go to addresses that are not of the open internet.
    """
    federation.announce(POLICE, address=address)
    federation.accept_all(federation[PEER])
    client, before = HttpClient(private_addresses=inside, connect_seconds=2), federation[PEER]
    settings = replace(before.config, pull=replace(before.config.pull, deadline_seconds=1))
    federation.nodes[PEER] = replace(before, http=client, config=settings)
    try:
        with unchanged(before):
            yield federation[PEER]
    finally:
        federation.nodes[PEER] = before
        client.close()


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)


TALKS: dict[str, Talk] = {
    "endless data": endlessly(head(), piece=bytes(65536)),
    "gzip bomb": endlessly(head("Content-Encoding: gzip"), piece=bomb()),
    "slow drip": drip(head()),
    "drip of headers": drip(b"HTTP/1.1 200 OK\r\n", piece=b"X: y\r\n"),
    "silence": lambda sock: time.sleep(1.5),
    "a redirect inside": lambda sock: sock.sendall(
        head("Location: http://169.254.169.254/", "Content-Length: 0", status="302 Found")
    ),
    "cut off": lambda sock: sock.sendall(head("Content-Encoding: gzip") + gzip.compress(b"hello")[:-9]),
    "no HTTP": lambda sock: sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"),
}


@pytest.mark.parametrize("talk", TALKS)
def test_a_machine_at_a_members_address(shared: Federation, talk: str, says: str) -> None:
    machine = Machine()
    machine.talk = TALKS[talk]
    started = time.monotonic()
    with calling(shared, machine.url.removesuffix("/x"), inside=True) as node:
        report = shared.pull(PEER, POLICE)
        assert (report.lying, says in report.error) == (False, True), report.error
        assert find_feed(node, POLICE).state == "open"
    assert time.monotonic() - started < 20
    machine.close()


INSIDE = [
    "https://127.0.0.1",
    "https://169.254.169.254",
    "https://[::1]",
    "https://10.0.0.1",
    "http://x.example",
]


@pytest.mark.parametrize("address", INSIDE)
def test_a_members_address_that_leads_inside(shared: Federation, address: str, says: str) -> None:
    with calling(shared, address, inside=False):
        report = shared.pull(PEER, POLICE)
        assert (report.lying, report.leaves) == (False, 0)
        assert says in report.error


def test_a_name_that_answers_otherwise_the_second_time(
    shared: Federation, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    """DNS rebinding: the first look-up gives an address of the open internet, every later one the machine
    itself."""
    asked, tried = [], []

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        tried.append(address[0])
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr("node.adapters.http.create_connection", connect)
    with calling(shared, f"https://{POLICE}", inside=False):
        assert says in shared.pull(PEER, POLICE).error
    assert set(tried) == {"93.184.215.14"}


def test_a_home_is_nobody_elses(tmp_path: Path) -> None:
    """Another user of the machine reads neither the database nor the keys nor the photographs."""
    federation = Federation(tmp_path, [FR])
    federation.publish(POLICE, sample_record("ar", photos=None))
    home = federation[POLICE].config.home
    assert home.stat().st_mode & 0o077 == 0
    for path in (home / "keys").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    federation.close()
