"""How large a whole node is: resident memory with all its replicas, idle and while pulling, and what they
take on the disk.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from bench.first_pull import OWNER
from bench.network import Home, serving
from bench.records import bench_records
from node.runtime import Node
from node.services import status
from node.services.disclosure import publishing
from node.services.register import cases
from node.store.database import reading
from node.store.published import feed_cases, feeds

_IDLE_SECONDS = 10
_PATIENCE = 600
_SMALL_BYTES = 12_288
_BLOCK = 4_096
PROMISED_CASES = 20_000


def run(owner: Home, peer: Home, changes: int = 5_000) -> dict[str, Any]:
    """Serve a peer that holds everything, and let it pull `changes` more summaries by itself.

    Returns:
        Bytes: resident when idle, most resident while pulling, on the disk for each replica, and what 20,000
        cases with photographs take at the most, by the settings' own cap.
    """
    node = peer.open()
    before = _held(node)
    with serving([owner, peer]) as [_, process]:
        time.sleep(_IDLE_SECONDS)
        idle = process.memory_info().rss
        owning = owner.open()
        added = cases.add_cases(owning, list(bench_records(changes, owning.now(), seed=2)), "bench", Path())
        publishing.publish(owning, [case.case_id for case in added], "bench")
        publishing.ring_peers(owning)
        most = _most_until(process, lambda: _held(node) >= before + changes)
    replicas = _held(node)
    disk = sum(path.stat().st_size for path in peer.folder.glob("node.db*"))
    each = disk / replicas
    cap = status.status(node).storage["full_foreign_cap_bytes"]
    small = -(-_SMALL_BYTES // _BLOCK) * _BLOCK
    return {
        "replicas": replicas,
        "idle_bytes": idle,
        "pulling_bytes": most,
        "disk_bytes_each": each,
        "promised_cases": PROMISED_CASES,
        "full_photographs_cap_bytes": cap,
        "promised_disk_bytes": PROMISED_CASES * (each + small) + cap,
    }


def _most_until(process: psutil.Process, done: Callable[[], bool]) -> int:
    most, started = 0, time.monotonic()
    while not done():
        most = max(most, process.memory_info().rss)
        if time.monotonic() - started > _PATIENCE:
            raise TimeoutError("the peer did not pull by itself")
        time.sleep(0.2)
    return most


def _held(node: Node) -> int:
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        return feed_cases.count_states(conn).get((row.id, feed_cases.HELD), 0)
