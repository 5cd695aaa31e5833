"""First pull of many live summaries between two nodes on loopback, against its own floor in the same run.

The floor does to the same documents what cannot be left out: hash, parse, validate, and insert with the same
tables and indexes, by the node's own functions, without network, signatures, trees, leaves or states.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.network import Homes, serving
from bench.records import SETTINGS, bench_records
from node.domain.searchable import entry_of, find_audience
from node.jobs import stand_back
from node.runtime import Node, open_node
from node.services.disclosure import publishing
from node.services.following import pulling
from node.services.register import cases
from node.store.database import open_database, reading, writing
from node.store.migrate import migrate
from node.store.published import documents, feed_cases, feeds
from node.store.search.index import index_many
from protocol.document import digest_document, split_document
from protocol.encoding import parse_object
from protocol.leaf import PUT, CaseState, Leaf

OWNER = "police.owner.example"
_BATCH = 256
_PUBLISH = 2_000


def fill(node: Node, count: int) -> float:
    """Publish `count` invented cases. Returns the mean size of a document in bytes."""
    records = bench_records(count, node.now())
    left = count
    while left:
        batch = [next(records) for _ in range(min(_PUBLISH, left))]
        added = cases.add_cases(node, batch, "bench", Path())
        publishing.publish(node, [case.case_id for case in added], "bench")
        left -= len(batch)
    total = 0
    bodies = read_bodies(node)
    for body in bodies:
        total += len(body)
    return total / len(bodies)


def read_bodies(node: Node) -> list[bytes]:
    """Return the documents of the node's own network feed."""
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, node.member, "network")
        assert row is not None
        bodies, above = [], 0
        while batch := documents.iterate_documents(conn, row.id, above, 5_000):
            bodies += [doc.body for doc in batch]
            above = batch[-1].case_key
    return bodies


def measure_floor(source: Path, folder: Path) -> dict[str, float]:
    """Do what cannot be left out, in this process."""
    node = open_node(source)
    bodies = read_bodies(node)
    schemas = node.network().schemas
    engine = open_database(f"sqlite:///{folder / 'floor.db'}")
    migrate(engine)
    now = node.now()
    started, cpu = time.perf_counter(), time.process_time()
    with writing(engine) as conn:
        row = feeds.ensure_feed(conn, OWNER, "network", f"{OWNER}/network", own=False)
    for start in range(0, len(bodies), _BATCH):
        followed, entries, kept = [], [], []
        for place, body in enumerate(bodies[start : start + _BATCH], start):
            digest = digest_document(body)
            head, public, network = (parse_object(line, "part", 65_536) for line in split_document(body))
            schemas.check("summary", {"head": head, "public": public, "network": network})
            leaf = Leaf(PUT, head["case"], 1, digest, now.date(), now, b"")
            followed.append((leaf, CaseState(1, digest, now.date(), place)))
            entries.append(
                entry_of(
                    head,
                    public,
                    source="replica",
                    feed_id=row.id,
                    owner=OWNER,
                    country="FR",
                    status="published",
                    shown_to=find_audience(head, node.country),  # some indexes hold what the public may see
                )
            )
            kept.append((head["case"], body))
        with writing(engine) as conn:
            feed_cases.store_cases(conn, row.id, followed, feed_cases.HELD, now)
            keys = feed_cases.case_keys(conn, row.id, [case for case, _ in kept])
            documents.store_documents(conn, [(keys[case], body) for case, body in kept], [])
            index_many(conn, entries)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "documents": len(bodies),
    }


def measure_pull(home: Path, owner: str = OWNER) -> dict[str, Any]:
    """Pull everything from a member, in this process.

    Returns:
        `seconds` until every summary was verified, validated, indexed and searchable, and `told_seconds`
        until the owner had the receipts for all of them too.
    """
    node = open_node(home)
    stand_back()  # as the jobs of a node do
    started, cpu = time.perf_counter(), time.process_time()
    searchable = started

    def watch(what: str, done: int, total: int) -> None:
        nonlocal searchable
        if what == "documents":
            searchable = time.perf_counter()

    report = pulling.pull(node, owner, watch)
    told, cpu = time.perf_counter() - started, time.process_time() - cpu
    seconds = searchable - started
    if report.error or report.refused:
        raise RuntimeError(f"the pull did not succeed: {report.error or report.refused[0]}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": seconds,
        "told_seconds": told,
        "cpu_seconds": cpu,
        "documents": report.documents,
        "peak_bytes": memory,
    }


def build(folder: Path, count: int, runs: int) -> tuple[Homes, float]:
    """Build a network of one owner with `count` published summaries and a peer for each run.

    Returns:
        The homes, the owner's first, and the mean size of a document in bytes.
    """
    peers = [f"police.peer{number}.example" for number in range(1, runs + 1)]
    homes = Homes(folder, [OWNER, *peers], SETTINGS)
    return homes, fill(homes.homes[0].open(), count)


def run(homes: Homes) -> dict[str, Any]:
    """Measure floor and pull in turn, each in a fresh process, once for each peer.

    Returns:
        Seconds and documents a second of the pull whose ratio to its floor is the median one.
    """
    owner, *peers = homes.homes
    results: list[tuple[float, dict[str, Any], dict[str, Any]]] = []
    for peer in peers:
        floor = _in_process("floor", str(owner.folder), str(homes.folder))
        (homes.folder / "floor.db").unlink()
        with serving([owner]):
            pull = _in_process("pull", str(peer.folder))
        results.append((pull["seconds"] / floor["seconds"], floor, pull))
    results.sort(key=lambda result: result[0])
    ratio, floor, pull = results[len(results) // 2]
    return {
        "documents": pull["documents"],
        "floor_seconds": floor["seconds"],
        "pull_seconds": pull["seconds"],
        "told_seconds": pull["told_seconds"],
        "per_second": pull["documents"] / pull["seconds"],
        "ratio": ratio,
        "ratios": [each for each, _, _ in results],
        "peak_bytes": max(pull["peak_bytes"] for _, _, pull in results),
    }


def _in_process(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.first_pull", *arguments], check=True, stdout=subprocess.PIPE
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["floor", source, folder]:
            print(json.dumps(measure_floor(Path(source), Path(folder))))
        case ["pull", home, *owner]:
            print(json.dumps(measure_pull(Path(home), *owner)))
