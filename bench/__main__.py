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
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import convergence, crashes, erasure, first_pull, peers, poll, size, spread, witnessing
from bench.table import format_table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "bench.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- bench:begin -->\n", "<!-- bench:end -->"
FULL = 100_000
PEERS_FULL = 50_000


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
    table = format_table(known)
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


def _run_program(module: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", module, "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


PARTS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "names": lambda count, runs: _run_program("bench.names"),
    "search": lambda count, runs: _run_program("bench.search"),
    "console": lambda count, runs: _run_program(
        "bench.console", f"--replicas={count}", f"--own={count // 20}"
    ),
    "site": lambda count, runs: _run_program("bench.site", f"--replicas={count}", f"--own={count // 20}"),
    "posters": lambda count, runs: _run_program("bench.posters"),
    "poll": lambda count, runs: poll.run(),
    "witnessing": lambda count, runs: witnessing.run(),
    "spread": lambda count, runs: spread.run(),
    "erasure": lambda count, runs: erasure.run(),
    "convergence": lambda count, runs: convergence.run(),
    "crashes": lambda count, runs: crashes.run(),
    "first-pull": _run_first_pull,
}


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
