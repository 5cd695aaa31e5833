"""HTTP to machines that lie, drip, bomb and point elsewhere."""

import gzip
import socket
import time
import zlib
from collections.abc import Iterator

import pytest

from node.adapters.http import Answer, HttpClient, is_public
from node.errors import PeerUnavailable
from tests.machines import Machine, Talk, drip, endlessly, head


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.close()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient(private_addresses=True, connect_seconds=5)
    yield made
    made.close()


@pytest.fixture
def guarded() -> Iterator[HttpClient]:
    made = HttpClient(private_addresses=False, connect_seconds=5)
    yield made
    made.close()


def fetch(client: HttpClient, url: str, limit: int = 1000, deadline: float = 20) -> Answer:
    return client.fetch("GET", url, limit=limit, deadline=deadline)


def test_an_answer_within_its_limits(machine: Machine, client: HttpClient) -> None:
    machine.say(head("Content-Length: 5", "ETag: W/1"), b"hello")
    answer = fetch(client, machine.url, limit=5)
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"hello", "W/1")


def test_a_compressed_answer_is_unpacked_up_to_the_limit(machine: Machine, client: HttpClient) -> None:
    packed = gzip.compress(b"a" * 1000)
    machine.say(head(f"Content-Length: {len(packed)}", "Content-Encoding: gzip"), packed)
    answer = fetch(client, machine.url, limit=1000)
    assert answer.body == b"a" * 1000
    with pytest.raises(PeerUnavailable, match="longer"):
        fetch(client, machine.url, limit=999)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_longer_answer_is_not_read_to_its_end(machine: Machine, client: HttpClient, encoding: str) -> None:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    bomb = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)
    piece = bomb if encoding == "gzip" else bytes(65536)
    machine.talk = endlessly(head(f"Content-Encoding: {encoding}"), piece=piece)
    with pytest.raises(PeerUnavailable, match="longer"):
        fetch(client, machine.url)


def test_bytes_without_end_that_unpack_to_nothing(machine: Machine, client: HttpClient) -> None:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    empty_block = b"\x00\x00\x00\xff\xff"
    start = packer.compress(b"") + packer.flush(zlib.Z_SYNC_FLUSH)
    machine.talk = endlessly(head("Content-Encoding: gzip"), start, piece=empty_block * 10_000)
    with pytest.raises(PeerUnavailable, match="longer"):
        fetch(client, machine.url)


def test_bytes_without_end_behind_the_compressed_ones(machine: Machine, client: HttpClient) -> None:
    machine.talk = endlessly(head("Content-Encoding: gzip"), gzip.compress(b"hello"), piece=bytes(65536))
    with pytest.raises(PeerUnavailable, match="could not be read"):
        fetch(client, machine.url)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        head("Content-Length: 6") + b"hello",
        head("Content-Length: 9", "Content-Encoding: gzip") + b"not gzip!",
        head("Content-Encoding: gzip") + gzip.compress(b"hello", mtime=0)[:-9],
        head("Content-Encoding: br") + b"hello",
        head("Content-Encoding: gzip, gzip") + gzip.compress(gzip.compress(b"hello", mtime=0), mtime=0),
        head("Transfer-Encoding: chunked") + b"5\r\nhel",
        head("Transfer-Encoding: chunked") + b"-5\r\nhello\r\n0\r\n\r\n",
        head(*(f"X-{number}: y" for number in range(200))) + b"hello",
        head("X: " + "y" * 70_000) + b"hello",
    ],
)
def test_an_answer_that_is_none(machine: Machine, client: HttpClient, said: bytes) -> None:
    machine.say(said)
    with pytest.raises(PeerUnavailable) as refused:
        fetch(client, machine.url)
    assert "127.0.0.1" not in str(refused.value)


@pytest.mark.parametrize(
    "talk",
    [
        drip(piece=b"H"),
        drip(b"HTTP/1.1 200 OK\r\n", piece=b"X: y\r\n"),
        drip(head()),
        drip(head("Content-Encoding: gzip"), gzip.compress(b"", mtime=0)[:10], piece=b"\x00\x00\x00\xff\xff"),
        drip(piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda sock: time.sleep(1.5),
    ],
    ids=["status", "headers", "body", "gzip", "interim", "silence"],
)
def test_one_deadline_for_the_whole_exchange(machine: Machine, client: HttpClient, talk: Talk) -> None:
    machine.talk = talk
    started = time.monotonic()
    with pytest.raises(PeerUnavailable, match="in time"):
        fetch(client, machine.url, limit=100_000, deadline=0.4)
    assert time.monotonic() - started < 5


def test_the_deadline_holds_while_tls_is_agreed_on(machine: Machine, client: HttpClient) -> None:
    """A server hello of 16 kB whose bytes come one by one."""
    machine.talk = drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", piece=b"\x00")
    started = time.monotonic()
    with pytest.raises(PeerUnavailable):
        fetch(client, machine.url.replace("http:", "https:"), deadline=0.4)
    assert time.monotonic() - started < 5


def test_the_deadline_holds_on_a_connection_that_was_kept(machine: Machine, client: HttpClient) -> None:
    def talk(sock: socket.socket) -> None:
        sock.sendall(head("Content-Length: 2") + b"ok")
        sock.recv(65536)
        drip(head())(sock)

    machine.talk = talk
    assert fetch(client, machine.url).body == b"ok"
    with pytest.raises(PeerUnavailable, match="in time"):
        fetch(client, machine.url, deadline=0.4)
    assert len(machine.heard) == 1


def test_a_redirect_is_an_answer_like_any_other(machine: Machine, client: HttpClient) -> None:
    for location in ("http://127.0.0.1:1/", "//elsewhere.example", "http://[", "\x80"):
        machine.say(head("Content-Length: 0", f"Location: {location}", status="302 Found"))
        assert fetch(client, machine.url).status == 302
    assert len(machine.heard) == 4


def test_the_body_of_a_redirect_is_bounded_too(machine: Machine, client: HttpClient) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    machine.talk = endlessly(head("Content-Encoding: gzip", "Location: /y", status="302 Found"), piece=bomb)
    with pytest.raises(PeerUnavailable, match="longer"):
        fetch(client, machine.url)


def test_nothing_of_the_environment_and_of_other_answers_goes_along(
    machine: Machine, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    machine.say(head("Content-Length: 2", "Set-Cookie: a=b; Path=/"), b"ok")
    assert fetch(client, machine.url).body == b"ok"
    assert fetch(client, machine.url).body == b"ok"
    for sent in machine.heard:
        assert b"cookie" not in sent.lower()
        assert b"authorization" not in sent.lower()


@pytest.mark.parametrize(
    "url", ["http://93.184.215.14/x", "ftp://police.fr.example/x", "file:///etc/passwd", "HTTP://x.example"]
)
def test_only_https_is_spoken(guarded: HttpClient, url: str) -> None:
    with pytest.raises(PeerUnavailable, match="https"):
        fetch(guarded, url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fc00::1", "fe80::1", "fe80::1%eth0", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:93.184.215.1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1", "::7f00:1", "fec0::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_open_internet(
    guarded: HttpClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    assert not is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    with pytest.raises(PeerUnavailable, match="cannot be reached"):
        fetch(guarded, "https://police.fr.example/x")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)


def test_names_and_addresses_of_this_machine_are_refused(guarded: HttpClient, machine: Machine) -> None:
    port = machine.url.split(":")[2]
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0", "2130706433", "0x7f000001"):
        with pytest.raises(PeerUnavailable):
            fetch(guarded, f"https://{host}:{port}")
    assert machine.heard == []


def test_the_address_that_was_checked_is_the_one_connected_to(
    guarded: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is asked for twice could answer otherwise the second time."""
    asked, tried = [], []

    def lookup(host: str, *args: object, **options: object) -> list[object]:
        asked.append(host)
        addresses = ("127.0.0.1", "2606:2800:21f::1", "93.184.215.14")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]

    def connect(address: tuple[str, int], *args: object, **options: object) -> socket.socket:
        tried.append(address)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr("node.adapters.http.create_connection", connect)
    with pytest.raises(PeerUnavailable, match="cannot be reached"):
        fetch(guarded, "https://police.fr.example/x")
    assert asked == ["police.fr.example"]
    assert tried == [("2606:2800:21f::1", 443), ("93.184.215.14", 443)]


def test_the_deadline_holds_for_a_name_with_many_addresses(
    guarded: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = [f"93.184.{high}.{low}" for high in range(10) for low in range(1, 101)]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    tried = []

    def connect(address: tuple[str, int], *args: object, **options: object) -> socket.socket:
        tried.append(address)
        time.sleep(0.02)
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    monkeypatch.setattr("node.adapters.http.create_connection", connect)
    with pytest.raises(PeerUnavailable, match="in time"):
        fetch(guarded, "https://police.fr.example/x", deadline=0.2)
    assert len(tried) < 100


def test_a_certificate_of_nobody(machine: Machine, client: HttpClient) -> None:
    machine.say(b"this is not TLS")
    with pytest.raises(PeerUnavailable, match=r"certificate|reached"):
        fetch(client, machine.url.replace("http:", "https:"))


def test_a_connection_that_was_closed_meanwhile_is_replaced(machine: Machine, client: HttpClient) -> None:
    """As after the other end's patience: it closes without a word, and the next request must not be lost."""
    machine.say(head("Content-Length: 2") + b"ok")
    for _ in range(20):
        assert fetch(client, machine.url).body == b"ok"
