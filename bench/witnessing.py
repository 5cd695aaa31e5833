"""What witnesses cost: a poll, and a publication, in a network without witnesses and in one with three.

A poll is what a node does every half minute for each peer: both feeds are asked for news. With witnesses the
heads are longer, and once an hour a poll meets one whose cosignatures were renewed; both are in the figure.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.network import Home, Homes, serving
from bench.records import SETTINGS, bench_records
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.following import pulling
from node.services.register import cases
from node.store.database import reading, writing
from node.store.published import feeds
from protocol.checkpoint import cosign
from protocol.note import Note, format_note, parse_note

OWNER, PEER = "police.owner.example", "police.peer.example"
WITNESSES = tuple(f"police.witness{number}.example" for number in (1, 2, 3))
_POLLS = 200
_RENEWALS = 20
_PUBLICATIONS = 20
_POLLS_AN_HOUR = 120


def run() -> dict[str, Any]:
    """Measure both networks in turn, so that they meet the same noise."""
    with tempfile.TemporaryDirectory(prefix="gmcn-bench-") as name:
        plain = Homes(Path(name) / "plain", [OWNER, PEER], SETTINGS)
        witnessed = Homes(Path(name) / "witnessed", [OWNER, PEER, *WITNESSES], SETTINGS, WITNESSES)
        served = [plain.homes[0], *(home for home in witnessed.homes if home.member != PEER)]
        with serving(served):
            publish = _alternate(_publish, plain.homes[0], witnessed.homes[0], _PUBLICATIONS)
            poll = _alternate(_poll, plain.homes[1], witnessed.homes[1], _POLLS)
            owner, peer, *others = (home.open() for home in witnessed.homes)
            _poll(peer)
            renewed = [_poll_renewed(owner, peer, others) for _ in range(_RENEWALS)]
    without, with_witnesses = (statistics.median(part) for part in poll)
    an_hour = (_POLLS_AN_HOUR - 1) * with_witnesses + statistics.median(renewed)
    return {
        "poll_ms": [without * 1000, with_witnesses * 1000],
        "renewed_ms": statistics.median(renewed) * 1000,
        "overhead": an_hour / _POLLS_AN_HOUR / without - 1,
        "publish_ms": [statistics.median(part) * 1000 for part in publish],
    }


def _alternate(measure: Any, plain: Home, witnessed: Home, rounds: int) -> tuple[list[float], list[float]]:
    nodes = plain.open(), witnessed.open()
    for node in nodes:
        measure(node)  # the connections are there
    pairs = [(measure(nodes[0]), measure(nodes[1])) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _publish(node: Node) -> float:
    [case] = cases.add_cases(node, list(bench_records(1, node.now())), "bench", Path())
    started = time.perf_counter()
    publishing.publish(node, [case.case_id], "bench")
    return time.perf_counter() - started


def _poll(node: Node) -> float:
    started = time.perf_counter()
    report = pulling.pull(node, OWNER)
    if report.error:
        raise RuntimeError(f"the poll did not succeed: {report.error}")
    return time.perf_counter() - started


def _poll_renewed(owner: Node, peer: Node, witnesses: Sequence[Node]) -> float:
    """Renew the cosignatures as an hour would, and poll the owner."""
    with reading(owner.engine) as conn:
        rows = feeds.own_feeds(conn)
    for row in rows:
        note = parse_note(row.note or b"")
        renewed = Note(note.text, tuple(line for line in note.signatures if line.name == row.origin))
        for witness in witnesses:
            renewed = cosign(renewed, witness.cosigner(), owner.now() + timedelta(seconds=time.monotonic()))
        with writing(owner.engine) as conn:
            feeds.publish_note(conn, row, format_note(renewed))
    return _poll(peer)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
