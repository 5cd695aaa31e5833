"""How fast news spreads: from the doorbell to a visible replica, and from an erasure to every peer's receipt,
at ten peers.

Each node is a process of its own with its scheduler. What peers show is read from their databases, a few
times a second.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.network import Home, Homes, serving
from bench.records import SETTINGS, bench_records
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.register import cases
from node.store.database import reading
from node.store.federation import receipts
from node.store.published import documents, feeds

OWNER = "police.owner.example"
_TICK = 0.01
_PATIENCE = 60


def run(peers: int = 10, rounds: int = 10) -> dict[str, Any]:
    """Publish, ring and erase in rounds.

    Returns:
        Seconds from the publication to the replica at each peer (median, p95 over peers and rounds), and from
        the erasure until all peers hide it and the owner has their receipts (median and worst over rounds).
    """
    with tempfile.TemporaryDirectory(prefix="gmcn-bench-") as name:
        members = [OWNER, *(f"police.peer{number}.example" for number in range(peers))]
        homes = Homes(Path(name), members, SETTINGS)
        with serving(homes.homes):
            owner, others = homes.homes[0].open(), [home.open() for home in homes.homes[1:]]
            _settle(homes.homes)
            visible: list[float] = []
            erased: list[float] = []
            for number in range(rounds):
                case_id = _publish(owner, number, visible, others)
                erased.append(_erase(owner, others, case_id))
    return {
        "peers": peers,
        "rounds": rounds,
        "visible_median": statistics.median(visible),
        "visible_p95": statistics.quantiles(visible, n=20)[-1],
        "erased_median": statistics.median(erased),
        "erased_worst": max(erased),
    }


def _publish(owner: Node, number: int, visible: list[float], others: list[Node]) -> str:
    [record] = bench_records(1, owner.now(), seed=number)
    [case] = cases.add_cases(owner, [record], "bench", Path())
    publishing.publish(owner, [case.case_id], "bench")
    started = time.perf_counter()
    _ring(owner)
    visible += _seconds_until(others, lambda node: _shows(node, case.case_id), started)
    return case.case_id


def _erase(owner: Node, others: list[Node], case_id: str) -> float:
    started = time.perf_counter()
    publishing.erase(owner, case_id, "bench")
    _ring(owner)
    _seconds_until(others, lambda node: not _shows(node, case_id), started)
    members = {node.member for node in others}
    [done] = _seconds_until([owner], lambda node: _hidden_at(node, case_id) >= members, started)
    return done


def _ring(owner: Node) -> None:
    lost = {member: why for member, why in publishing.ring_peers(owner).items() if why}
    if lost:
        raise RuntimeError(f"doorbells that did not ring: {lost}")


def _shows(node: Node, case_id: str) -> bool:
    with reading(node.engine) as conn:
        return bool(documents.find_documents(conn, case_id))


def _hidden_at(owner: Node, case_id: str) -> set[str]:
    """Return who has given a receipt for hiding an own case."""
    with reading(owner.engine) as conn:
        row = feeds.find_feed(conn, owner.member, "network")
        assert row is not None
        promises = receipts.promises_of(conn, row.id, case_id)
    return {promise.member for promise in promises if promise.hidden_at or promise.nothing_held}


def _seconds_until(nodes: list[Node], holds: Callable[[Node], bool], started: float) -> list[float]:
    waiting, seconds = list(nodes), []
    while waiting:
        for node in [node for node in waiting if holds(node)]:
            seconds.append(time.perf_counter() - started)
            waiting.remove(node)
        if time.perf_counter() - started > _PATIENCE:
            raise TimeoutError(
                f"{len(waiting)} of {len(nodes)} nodes did not follow within {_PATIENCE} seconds"
            )
        time.sleep(_TICK)
    return seconds


def _settle(homes: list[Home]) -> None:
    """Wait until every node has pulled every other once."""
    nodes = [home.open() for home in homes]
    started = time.perf_counter()
    _seconds_until(nodes, lambda node: _reached(node) >= len(nodes) - 1, started)


def _reached(node: Node) -> int:
    with reading(node.engine) as conn:
        return sum(
            not row.own and row.note is not None and row.audience == "network"
            for row in feeds.list_feeds(conn)
        )


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:])), indent=1))
