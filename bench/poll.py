"""What following a peer costs: a poll that finds nothing, and pulling one change from a short and from a long
feed.
"""

import json
import secrets
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.network import Home, Homes, serving
from bench.records import SETTINGS, bench_records
from node.adapters.peers import feed_path
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.following import pulling
from node.services.register import cases
from node.services.register.cases import new_case_id
from node.store.database import reading, writing
from node.store.published import feed_cases, feeds
from protocol.checkpoint import sign_checkpoint
from protocol.feed import grow
from protocol.leaf import ERASE, NONCE_SIZE, PUT, CaseState, Leaf
from protocol.member import Member
from protocol.note import format_note

OWNER, PEER = "police.owner.example", "police.peer.example"
_CHUNK = 25_600
_POLLS = 300


def measure_poll(owner: Home, peer: Home) -> dict[str, float]:
    """Poll a feed without news: requests, bytes both ways (TLS apart), CPU of the server."""
    node = peer.open()
    with serving([owner]) as [process], _counted(owner.port) as meter:
        member = node.network().roster.member(OWNER)
        relayed = _relayed(member, meter.port)
        note = _note(node)
        tag = feeds.note_tag(note)
        node.peers.get_checkpoint(relayed, feed_path("network"), tag)  # the connection is there
        time.sleep(1)
        before, meter.bytes = sum(process.cpu_times()[:2]), 0
        for _ in range(_POLLS):
            if node.peers.get_checkpoint(relayed, feed_path("network"), tag) is not None:
                raise RuntimeError("the feed changed during the benchmark")
        spent = sum(process.cpu_times()[:2]) - before
    return {"requests": 1, "bytes": meter.bytes / _POLLS, "server_ms": spent / _POLLS * 1000}


def measure_change(homes: Homes, sizes: tuple[int, int], rounds: int = 20) -> dict[str, Any]:
    """Pull one change at feeds of two sizes that are equal modulo 256, in turn, so that both meet the same
    noise.
    """
    pairs = [(homes.homes[0], homes.homes[1]), (homes.homes[2], homes.homes[3])]
    for (owner, _), size in zip(pairs, sizes, strict=True):
        lengthen(owner.open(), size)
    seconds: list[list[float]] = [[], []]
    with serving([owner for owner, _ in pairs]):
        nodes = [(owner.open(), peer.open()) for owner, peer in pairs]
        for publisher, puller in nodes:
            _pull(puller, publisher.member)
        for _ in range(rounds):
            for index, (publisher, puller) in enumerate(nodes):
                [record] = bench_records(1, publisher.now(), seed=secrets.randbelow(1 << 30))
                [case] = cases.add_cases(publisher, [record], "bench", Path())
                publishing.publish(publisher, [case.case_id], "bench")
                started = time.perf_counter()
                _pull(puller, publisher.member)
                seconds[index].append(time.perf_counter() - started)
    short, long = (statistics.median(part) for part in seconds)
    return {"sizes": sizes, "ms": [short * 1000, long * 1000], "ratio": long / short}


def lengthen(node: Node, size: int) -> None:
    """Bring a network feed to a size, by leaves of a few cases that are put again and again, then erased."""
    signer, now = node.feed_signer("network"), node.now()
    expires = now.date() + timedelta(days=180)
    while True:
        with writing(node.engine) as conn:
            row = feeds.ensure_feed(conn, node.member, "network", signer.name, own=True)
            count = min(_CHUNK, size - row.size)
            if count <= 0:
                return
            case = new_case_id(node.member)
            leaves = [
                Leaf(
                    PUT, case, version, secrets.token_bytes(32), expires, now, secrets.token_bytes(NONCE_SIZE)
                )
                for version in range(1, count)
            ]
            leaves.append(Leaf(ERASE, case, count, None, expires, now, secrets.token_bytes(NONCE_SIZE)))
            if count == 1:
                leaves = [
                    Leaf(PUT, case, 1, secrets.token_bytes(32), expires, now, secrets.token_bytes(NONCE_SIZE))
                ]
            head = feeds.load_head(conn, row, row.known().frontier)
            growth = grow(head, [leaf.format() for leaf in leaves])
            note = format_note(sign_checkpoint(growth.head.checkpoint(), signer))
            feeds.store_growth(conn, row, growth, note, node.clock())
            last = leaves[-1]
            state = CaseState(last.version, last.digest, last.expires, growth.head.frontier.size - 1)
            feed_cases.store_cases(conn, row.id, [(last, state)], feed_cases.HELD, node.clock())


def run(large: int = 1_000_168) -> dict[str, Any]:
    """Measure both. `large` and 1,000 are equal modulo 256."""
    with tempfile.TemporaryDirectory(prefix="gmcn-bench-") as name:
        homes = Homes(Path(name) / "poll", [OWNER, PEER], SETTINGS)
        owner, peer = homes.homes
        node = owner.open()
        [case] = cases.add_cases(node, list(bench_records(1, node.now())), "bench", Path())
        publishing.publish(node, [case.case_id], "bench")
        with serving([owner]):
            _pull(peer.open(), OWNER)
        poll = measure_poll(owner, peer)
        members = [f"{kind}{number}.example" for number in (1, 2) for kind in ("owner", "peer")]
        change = measure_change(Homes(Path(name) / "change", members, SETTINGS), (1_000, large))
    return {"poll": poll, "change": change}


class _Meter:
    """Counts the bytes that pass through a relay."""

    def __init__(self) -> None:
        self.bytes = 0
        self.port = 0


@contextmanager
def _counted(port: int) -> Iterator[_Meter]:
    """Relay one port to another, counting the bytes of both directions."""
    meter = _Meter()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        meter.port = listening.getsockname()[1]

        def pump(source: socket.socket, sink: socket.socket) -> None:
            while data := source.recv(1 << 16):
                meter.bytes += len(data)
                sink.sendall(data)
            sink.close()

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                server = socket.create_connection(("127.0.0.1", port))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield meter


def _relayed(member: Member, port: int) -> Member:
    return replace(member, address=f"http://127.0.0.1:{port}")


def _note(node: Node) -> bytes | None:
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        return row.note


def _pull(node: Node, member: str) -> None:
    report = pulling.pull(node, member)
    if report.error:
        raise RuntimeError(f"the pull did not succeed: {report.error}")


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1])) if sys.argv[1:] else run(), indent=1))
