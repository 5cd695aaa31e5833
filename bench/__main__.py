"""Run the benchmarks, write bench/results/bench.json, and put the table into the README.

python -m bench                       everything but other people's programs: half an hour at full size
python -m bench peers                 our first pull beside git, hypercore and PouchDB, same documents
python -m bench first-pull search     only these
python -m bench --documents 5000      smaller; nothing is written into the README then
"""

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import first_pull, peers, poll, size, spread

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "bench.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- bench:begin -->\n", "<!-- bench:end -->"
FULL = 100_000
PEERS_FULL = 50_000
MB = 1_000_000


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` is None where there is no target."""

    what: str
    measured: str
    target: str
    met: bool | None


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="Benchmarks of the node.")
    parser.add_argument(
        "only", nargs="*", choices=[*PARTS, "peers"], help="parts to run (default: all but peers)"
    )
    parser.add_argument("--documents", type=int, help=f"summaries (default {FULL}, with peers {PEERS_FULL})")
    parser.add_argument(
        "--runs", type=int, default=3, help="first pulls; the median ratio counts (default 3)"
    )
    parser.add_argument("--write", action="store_true", help="write the results of a smaller run too")
    options = parser.parse_args()
    parts = options.only or list(PARTS)
    count = options.documents or (PEERS_FULL if parts == ["peers"] else FULL)
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    known["machine"] = _machine()
    for part in parts:
        print(f"— {part}", file=sys.stderr, flush=True)
        if part == "peers":
            known["peers"] = _run_peers(count)
        else:
            known[part] = PARTS[part](count, options.runs)
    table = _table(known)
    print(table)
    if options.documents is None or options.write:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
        _write_readme(table)
    return 0


def _run_first_pull(count: int, runs: int) -> dict[str, Any]:
    """The first pull, and with its homes how large a node is that holds everything."""
    with tempfile.TemporaryDirectory(prefix="gmcn-bench-") as name:
        homes, mean = first_pull.build(Path(name), count, runs)
        result = first_pull.run(homes)
        result["document_bytes"] = mean
        result["size"] = size.run(homes.homes[0], homes.homes[1])
    return result


def _run_peers(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="gmcn-bench-") as name:
        homes, mean = first_pull.build(Path(name), count, 3)
        ours = first_pull.run(homes)
        bodies = first_pull.read_bodies(homes.homes[0].open())
        given = peers.write_documents(Path(name) / "documents.jsonl", bodies)
        results, skipped = peers.run_peers(given)
    return {
        "documents": count,
        "document_bytes": mean,
        "ours": ours,
        "others": [asdict(result) for result in results],
        "skipped": skipped,
    }


def _run_program(module: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", module, "--json"], stdout=subprocess.PIPE, check=False)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


PARTS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "names": lambda count, runs: _run_program("bench.names"),
    "search": lambda count, runs: _run_program("bench.search"),
    "poll": lambda count, runs: poll.run(),
    "spread": lambda count, runs: spread.run(),
    "first-pull": _run_first_pull,
}


def _rows(known: dict[str, Any]) -> Iterator[Row]:
    if pull := known.get("first-pull"):
        kilobytes = pull["document_bytes"] / 1000
        what = f"First pull of {pull['documents']:,} live summaries of {kilobytes:.1f} kB, to its own floor"
        rate = f"{pull['ratio']:.2f} × ({pull['pull_seconds']:.0f} s, {pull['per_second']:,.0f} a second)"
        yield Row(what, rate, "≤ 1.4 ×", pull["ratio"] <= 1.4)
        held = pull["size"]
        most = max(held["idle_bytes"], held["pulling_bytes"])
        yield Row(
            f"Whole node holding {held['replicas']:,} replicas, resident idle / while pulling",
            f"{held['idle_bytes'] / MB:.0f} / {held['pulling_bytes'] / MB:.0f} MB",
            "≤ 160 MB",
            most <= 160 * MB,
        )
        yield Row(
            f"Disk for {held['promised_cases']:,} cases with photographs, at the default cap",
            f"{held['promised_disk_bytes'] / 1e9:.2f} GB",
            "≤ 2 GB",
            held["promised_disk_bytes"] <= 2e9,
        )
    if found := known.get("peers"):
        best = max((other["per_second"] for other in found["others"]), default=0)
        names = ", ".join(f"{other['name']} {other['per_second']:,}" for other in found["others"])
        skipped = "".join(f"; {name} skipped: {why}" for name, why in found["skipped"].items())
        ours = found["ours"]["per_second"]
        yield Row(
            f"{found['documents']:,} documents, a second, beside others that neither validate nor index",
            f"{ours:,.0f} ({names}{skipped})",
            "≥ 3 × the best",
            bool(best) and ours >= 3 * best,
        )
    if found := known.get("poll"):
        quiet, change = found["poll"], found["change"]
        yield Row(
            "A poll that finds nothing: requests, bytes both ways, server CPU",
            f"{quiet['requests']}, {quiet['bytes']:.0f} B, {quiet['server_ms']:.1f} ms",
            "1, < 1 kB, < 2 ms",
            quiet["bytes"] < 1000 and quiet["server_ms"] < 2,
        )
        yield Row(
            f"Pulling one change at {change['sizes'][1]:,} leaves, to the same at {change['sizes'][0]:,}",
            f"{change['ratio']:.2f} × ({change['ms'][1]:.0f} ms)",
            "the same",
            change["ratio"] <= 1.1,
        )
    if found := known.get("spread"):
        yield Row(
            f"Doorbell to visible replica at {found['peers']} peers, p95",
            f"{found['visible_p95']:.2f} s",
            "< 1 s",
            found["visible_p95"] < 1,
        )
        yield Row(
            f"Erase to hidden at all of {found['peers']} peers, receipts in, worst",
            f"{found['erased_worst']:.2f} s",
            "< 5 s",
            found["erased_worst"] < 5,
        )
    if found := known.get("search"):
        for engine in ("sqlite", "postgresql"):
            speeds = found[engine]
            yield Row(
                f"Search over {found['rows']:,} cases, {engine}: by name across scripts / by filters, p95",
                f"{speeds['names_p95_ms']:.0f} / {speeds['filters_p95_ms']:.0f} ms",
                "< 50 / < 20 ms",
                speeds["names_p95_ms"] < 50 and speeds["filters_p95_ms"] < 20,
            )
    if found := known.get("names"):
        recall = found["recall_at_10"]
        yield Row("Names across scripts: recall@10", f"{recall:.2f}", "≥ 0.9", recall >= 0.9)


def _table(known: dict[str, Any]) -> str:
    verdict = {True: "yes", False: "**no**", None: ""}
    lines = ["| what | measured | target | met |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.target} | {verdict[row.met]} |" for row in _rows(known)]
    return "\n".join([*lines, "", known["machine"]]) + "\n"


def _write_readme(table: str) -> None:
    text = README.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}{table}{END}{after}", "utf-8")


def _machine() -> str:
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}."
    )


if __name__ == "__main__":
    sys.exit(main())
