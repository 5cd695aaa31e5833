"""One process that serves a home: listening, stopping, and keeping a second one away."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from node.config import ConsoleConfig, ServerConfig
from node.errors import Conflict, NodeError
from node.runtime import Node
from node.web.process import LOCK_NAME, Server, hold_home, make_app
from tests.federation import FR, Federation

_SERVE = """
import sys
from dataclasses import replace
from pathlib import Path
from node.errors import NodeError
from node.jobs import Jobs
from node.log import set_up_log
from node.runtime import open_node
from node.web.process import serve
from tests.federation import Clock, Coordinator, StandInTrust
node = replace(open_node(Path(sys.argv[1])), trust=StandInTrust(Coordinator(Clock())))
set_up_log(node.config.log)
try:
    serve(node, Jobs(node), lambda url, *_: print(url, flush=True))
except NodeError as error:
    print(error.message, error.next_step, flush=True)
    sys.exit(3)
print("ended", flush=True)
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    federation = Federation(tmp_path, [FR])
    yield federation[FR[0]]
    federation.close()


def start(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_serves_until_it_is_told_to_end_and_keeps_a_second_one_away(
    node: Node, number: signal.Signals
) -> None:
    home = node.config.home
    first = start(home)
    assert first.stdout is not None
    url = first.stdout.readline().strip()
    assert url, first.communicate(timeout=60)
    assert get(url, "/health") == (200, b'{"status":"ok"}')

    second = start(home)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 3
    assert f"number {first.pid}" in said
    assert "--home" in said

    first.send_signal(number)
    said, complaints = first.communicate(timeout=60)
    assert (first.returncode, said) == (0, "ended\n")
    assert "Traceback" not in complaints
    with hold_home(node):  # the lock is free again
        pass


def test_a_killed_process_leaves_the_home_free(node: Node) -> None:
    process = start(node.config.home)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.kill()
    process.communicate(timeout=60)
    with hold_home(node):
        assert (node.config.home / LOCK_NAME).read_text() == str(os.getpid())
        with pytest.raises(Conflict, match=str(os.getpid())), hold_home(node):
            pass


def get(url: str, path: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def on(node: Node, host: str, port: int) -> Node:
    return replace(node, config=replace(node.config, server=ServerConfig(host=host, port=port)))


def test_an_address_that_is_taken_or_not_ours_is_said_in_words(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NodeError, match=f"port {port} cannot be listened on"):
            Server(on(node, "127.0.0.1", port), lambda: None)
    with pytest.raises(NodeError, match="cannot be listened on"):
        Server(on(node, "192.0.2.1", 0), lambda: None)
    with pytest.raises(NodeError, match="cannot be listened on"):
        Server(on(node, "no such host", 0), lambda: None)


def test_staff_and_peers_are_answered_by_one_process(node: Node) -> None:
    client = Client(make_app(node, lambda: None))
    assert client.get("/health").status_code == 200
    assert client.get("/api/openapi.json").status_code == 200


def test_it_listens_on_ipv6_too(node: Node) -> None:
    server = Server(on(node, "::1", 0), lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.url.startswith("http://[::1]:")
    assert get(server.url, "/health")[0] == 200
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def server(node: Node) -> Iterator[Server]:
    server = Server(node, lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join(10)


def connect(server: Server) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)


def test_of_requests_sent_at_once_the_first_is_answered(server: Server) -> None:
    with connect(server) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
        said = b"".join(iter(lambda: sock.recv(65536), b""))
    assert said.count(b"HTTP/1.1 200") == 1
    assert b"Connection: close" in said


def test_whoever_does_not_read_the_answers_holds_up_nobody(
    node: Node, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.web.process._IDLE_SECONDS", 0.5)
    monkeypatch.setattr("node.web.process._LOOK_SECONDS", 0.1)
    monkeypatch.setattr(node.trust, "metadata_file", lambda name: bytes(8_000_000))
    deaf = [connect(server) for _ in range(2 * node.config.server.threads)]
    for sock in deaf:
        sock.sendall(b"GET /tuf/metadata/root.json HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
    assert get(server.url, "/health")[0] == 200
    ends = time.monotonic() + 20
    while server._channels() and time.monotonic() < ends:
        time.sleep(0.05)
    assert not server._channels()
    for sock in deaf:
        sock.close()


def test_what_has_begun_is_finished_before_the_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def slow(_name: str) -> bytes:
        begun.set()
        time.sleep(0.5)
        return b"x" * 300_000

    monkeypatch.setattr(node.trust, "metadata_file", slow)
    server = Server(node, lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    answers: list[tuple[int, bytes]] = []
    asking = threading.Thread(target=lambda: answers.append(get(server.url, "/tuf/metadata/root.json")))
    asking.start()
    assert begun.wait(10)
    server.stop()
    asking.join(10)
    thread.join(10)
    assert answers == [(200, b"x" * 300_000)]


def test_the_console_has_a_socket_of_its_own_and_is_served_only_where_it_is_on(
    node: Node, server: Server
) -> None:
    off = server
    console = ConsoleConfig(enabled=True, port=0)
    server = Server(replace(node, config=replace(node.config, console=console)), lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert off.console_url == ""
    assert get(server.console_url, "/sign-in")[0] == 200
    assert get(server.console_url, "/health")[0] == 404
    assert get(server.url, "/sign-in")[0] == 404
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_the_first_visit_prepares_the_console_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = threading.Event()
    times: list[object] = []
    monkeypatch.setattr("node.web.console.prepare", lambda app: (times.append(app), prepared.set()))
    config = replace(node.config, console=ConsoleConfig(enabled=True, port=0))
    server = Server(replace(node, config=config), lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert get(server.url, "/health")[0] == 200
    assert not prepared.is_set()  # a console that nobody opens stays small
    for _ in range(3):
        assert get(server.console_url, "/sign-in")[0] == 200
    assert prepared.wait(10)
    server.stop()
    thread.join(10)
    assert len(times) == 1


def test_a_crowd_at_the_console_keeps_no_peer_out(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.web.process._CONNECTIONS", 6)
    monkeypatch.setattr("node.web.process._CONSOLE_CONNECTIONS", 4)
    config = replace(node.config, console=ConsoleConfig(enabled=True, port=0))
    server = Server(replace(node, config=config), lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    console = urlsplit(server.console_url)
    crowd = [socket.create_connection((console.hostname, console.port), timeout=10) for _ in range(9)]
    assert get(server.url, "/health")[0] == 200
    assert len(server._channels()) <= 4 + 1
    for sock in crowd:
        sock.close()
    assert get(server.console_url, "/sign-in")[0] == 200
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_console_that_cannot_listen_leaves_nothing_open(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        console = ConsoleConfig(enabled=True, port=taken.getsockname()[1])
        with pytest.raises(NodeError, match="cannot be listened on") as caught:
            Server(replace(node, config=replace(node.config, console=console)), lambda: None)
    assert "console.port" in caught.value.next_step
