"""How fast an erasure is certain: the last peer's word that it is hidden, with one of ten peers down for a
minute, and every peer's word that it is purged from its disk.

Each node is a process of its own with its scheduler, on SQLite. The owner's ledger is read a few times a
second; nobody but the nodes themselves reminds anybody.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.network import Homes, serving
from bench.records import SETTINGS, bench_records
from node.runtime import Node
from node.services.disclosure import ledger, publishing
from node.services.disclosure.ledger import Answer
from node.services.register import cases
from node.store.database import reading
from node.store.published import documents, feeds

OWNER = "police.owner.example"
_TICK = 0.05
_PATIENCE = 240


def run(peers: int = 10, down_seconds: int = 60) -> dict[str, Any]:
    """Erase one case while a peer is down.

    Returns:
        Seconds from the erasure until all peers that were up have hidden it, and have purged it (median and
        worst); and from the return of the one that was down until it has hidden it, and has purged it.
    """
    with tempfile.TemporaryDirectory(prefix="gmcn-bench-") as name:
        members = [OWNER, *(f"police.peer{number}.example" for number in range(peers))]
        homes = Homes(Path(name), members, SETTINGS)
        away = homes.homes[-1]
        with serving(homes.homes[:-1]):
            owner = homes.homes[0].open()
            nodes = [home.open() for home in homes.homes[1:]]
            with serving([away]):
                case_id = _publish(owner, nodes)
            started = time.perf_counter()
            publishing.erase(owner, case_id, "bench")
            publishing.ring_peers(owner)
            up = [node.member for node in nodes[:-1]]
            hidden = _wait(owner, case_id, up, _is_hidden, started)
            purged = _wait(owner, case_id, up, lambda answer: answer.closed, started)
            time.sleep(max(0.0, down_seconds - (time.perf_counter() - started)))
            with serving([away]):
                back = time.perf_counter()
                [seen] = _wait(owner, case_id, [away.member], _is_hidden, back)
                [gone] = _wait(owner, case_id, [away.member], lambda answer: answer.closed, back)
    return {
        "peers": peers,
        "down_seconds": down_seconds,
        "hidden_worst": max(hidden),
        "purged_median": statistics.median(purged),
        "purged_worst": max(purged),
        "back_hidden": seen,
        "back_purged": gone,
    }


def _publish(owner: Node, nodes: list[Node]) -> str:
    """Publish a case, and wait until every peer holds it."""
    [record] = bench_records(1, owner.now())
    [case] = cases.add_cases(owner, [record], "bench", Path())
    publishing.publish(owner, [case.case_id], "bench")
    end = time.perf_counter() + _PATIENCE
    while not all(_holds(node, case.case_id) for node in nodes):
        if time.perf_counter() > end:
            raise TimeoutError("not every peer has pulled the case")
        publishing.ring_peers(owner)
        time.sleep(1)
    return case.case_id


def _holds(node: Node, case_id: str) -> bool:
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        return row is not None and row.note is not None and bool(documents.find_documents(conn, case_id))


def _is_hidden(answer: Answer) -> bool:
    return answer.hidden_at is not None


def _wait(
    owner: Node, case_id: str, members: list[str], holds: Callable[[Answer], bool], started: float
) -> list[float]:
    """Return after how many seconds each of some members has said that something holds, in every feed."""
    waiting, seconds = set(members), []
    while waiting:
        entries = ledger.list_erasures(owner, case_id)
        lacking = {answer.member for entry in entries for answer in entry.answers if not holds(answer)}
        for _ in waiting - lacking:
            seconds.append(time.perf_counter() - started)
        waiting &= lacking
        if time.perf_counter() - started > _PATIENCE:
            raise TimeoutError(f"{len(waiting)} peers did not answer within {_PATIENCE} seconds")
        time.sleep(_TICK)
    return seconds


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:])), indent=1))
