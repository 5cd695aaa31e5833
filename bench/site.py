"""How long the server takes for each page of the public site, with 100,000 replicas and 5,000 own cases, on
SQLite and on PostgreSQL; how many pages a second two processes give; and what a first visit loads.

The times are of the server's work, asked for in this process without a network between. The rate is that of
`gmcn site serve --workers 2` on loopback, over connections that stay open. All that takes part shares the
machine: the two workers and the client that asks; beside a first pull, whoever pulls and the node that it
pulls from, too, five busy processes (and a PostgreSQL server).

    python -m bench.site                             a table
    python -m bench.site --engine sqlite --json      one object
"""

import argparse
import io
import itertools
import json
import re
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psutil
from flask.testing import FlaskClient
from PIL import Image

from bench import first_pull
from bench.console import fill_register, fill_replicas, opened
from bench.network import Home, serving
from bench.records import bench_records
from node.config import LogConfig
from node.log import set_up_log
from node.runtime import Node, open_node
from node.services.disclosure import publishing
from node.services.register import cases
from node.services.site import showing
from node.store.database import scrub
from node.web.public import make_site_app

GOAL_MS, GOAL_BYTES, GOAL_RATE = 30.0, 150_000, 300.0
WORKERS = 2
BESIDE = ("child", "children")
_SECONDS = 5.0
_CONNECTIONS = 8
_DIFFERENT = 2_000
# Who is pulled from meanwhile, and as many cases as take longer than the measurement.
_PULLED, _PULLED_CASES = "police.pulled.example", 40_000
_GMCN = "from node.cli import main; main()"


@dataclass(frozen=True)
class Filled:
    """A site with much to show.

    Attributes:
        pictured: an own case with a photograph.
        foreign, name: a replica, and its name.
    """

    node: Node
    pictured: str
    foreign: str
    name: str


def fill(node: Node, replicas: int, own: int) -> Filled:
    """Fill a node as years of work would."""
    foreign, name = fill_replicas(node, replicas)
    fill_register(node, own)
    (record,) = bench_records(1, node.now(), seed=3)
    folder = node.scratch()
    drawn = io.BytesIO()
    Image.effect_noise((600, 750), 60).convert("RGB").save(drawn, "PNG")
    (folder / "child.png").write_bytes(drawn.getvalue())
    record["photos"] = [{"kind": "photo", "file": "child.png", "primary": True}]
    (pictured,) = cases.add_cases(node, [record], "bench", folder)
    publishing.publish(node, [pictured.case_id], "bench")
    scrub(node.engine)
    return Filled(node, pictured.case_id, foreign, name)


# --- Asking ---

Ask = Callable[[FlaskClient], Any]


def pages(filled: Filled) -> Iterator[tuple[str, Ask]]:
    """Give what is asked: what it is, and how."""
    for what, address in {
        "first page": "/en/",
        "child": f"/en/child/{filled.foreign}",
        "child, own": f"/en/child/{filled.pictured}",
        "search, country, sex, years": "/en/search?country=FR&sex=1&years=5",
        "search, everything": "/en/search",
        "search, age and category": "/en/search?age_min=3&age_max=6&category=runaway",
        "newest": "/en/newest",
        "newest, page 50": "/en/newest?page=50",
        "missing for long": "/en/long-term",
        "alerts": "/en/alerts",
        "countries": "/en/countries",
        "one country": "/en/country/FR",
        "site map of 10,000": "/sitemap-1.xml",
    }.items():
        yield what, lambda client, address=address: client.get(address)  # type: ignore[misc]
    for what, asked in {
        "search, a name": {"name": filled.name},
        "search, a given name": {"name": filled.name.split()[0]},
        "search, a name and a country": {"name": filled.name, "country": "FR"},
        "search, words": {"text": "school", "sex": "2"},
    }.items():
        yield what, lambda client, asked=asked: client.post("/en/search", data=asked)  # type: ignore[misc]


def measure(filled: Filled, runs: int) -> dict[str, dict[str, float]]:
    """Ask for every page some times."""
    client = make_site_app(filled.node).test_client()
    results: dict[str, dict[str, float]] = {}
    for what, ask in pages(filled):
        answer = ask(client)
        if answer.status_code != 200:
            raise RuntimeError(f"{what}: {answer.status}")
        walls, worked = [], time.thread_time()
        for _ in range(runs):
            started = time.perf_counter()
            ask(client)
            walls.append((time.perf_counter() - started) * 1e3)
        results[what] = {
            "ms": round(sorted(walls)[len(walls) // 2], 1),
            "p95_ms": round(sorted(walls)[int(len(walls) * 0.95)], 1),
            "cpu_ms": round((time.thread_time() - worked) * 1e3 / runs, 1),
            "bytes": len(answer.data),
        }
    return results


def weigh(filled: Filled) -> dict[str, int]:
    """Count the bytes of a first visit: the page, its style sheet and icon, and the photographs that a
    browser loads without being asked for more."""
    client = make_site_app(filled.node).test_client()
    weights = {}
    for what, address in {"child": f"/en/child/{filled.pictured}", "search": "/en/search?years=1"}.items():
        page = client.get(address)
        named = re.findall(r'(?:src|href)="(/(?:photo|static)/[^"]+)"(?![^>]*lazy)', page.text)
        larger = re.findall(r'<a href="(/photo/[^"]+)"', page.text)
        loaded = set(named) - set(larger)
        weights[what] = len(page.data) + sum(len(client.get(each).data) for each in loaded)
    return weights


# --- The rate ---


def find_rates(filled: Filled) -> dict[str, float]:
    """Measure how many answers a second two processes give, of one page that many ask for, which is written
    once a minute, and of many different ones, as a crawler asks for them; and both once more beside a first
    pull, which stands back for them as that of a node does, and the member it pulls from, on the same
    machine."""
    listed = showing.list_addresses(filled.node, 1)[:_DIFFERENT]
    asked = {
        "child": [f"/en/child/{filled.foreign}"],
        "children": [f"/en/child/{case_id}" for case_id, _changed in listed],
        "search": ["/en/search?country=FR&sex=1&years=5"],
    }
    with _serving(filled.node) as (url, memory):
        rates = {what: round(_rate(url, paths), 1) for what, paths in asked.items()}
        with _pulling(filled.node):
            rates |= {f"{what}, beside a first pull": round(_rate(url, asked[what]), 1) for what in BESIDE}
        return rates | {"worker_mb": round(memory() / 1e6, 1)}


@contextmanager
def _serving(node: Node) -> Iterator[tuple[str, Callable[[], int]]]:
    command = [sys.executable, "-c", _GMCN, "--home", str(node.config.home), "site", "serve"]
    process = subprocess.Popen([*command, "--workers", str(WORKERS)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found, "it said where it is"
        threading.Thread(target=process.stderr.read, daemon=True).start()  # its log, which nobody needs

        def memory() -> int:
            return max(child.memory_info().rss for child in psutil.Process(process.pid).children())

        yield found[0], memory
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _pulling(node: Node) -> Iterator[None]:
    folder = node.config.home.parent / _PULLED
    home = Home(_PULLED, folder, open_node(folder).config.server.port)
    with serving([home]):
        command = [sys.executable, "-m", "bench.first_pull", "pull", str(node.config.home), _PULLED]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError("the pull was over before the pages were counted")
        finally:
            process.terminate()
            process.wait(30)


def _rate(url: str, paths: Sequence[str]) -> float:
    """Ask over some connections for a few seconds, in a process of its own."""
    asked = subprocess.run(
        [sys.executable, "-m", "bench.site", "--ask", url, *paths],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(asked.stdout)


def ask(url: str, *paths: str) -> float:
    """Ask for addresses in turn as fast as they are answered, and return how many a second.

    Plain sockets in one thread: what this process works is taken from the two cores that answer. That is 0.06
    ms an answer; the standard library's client with a thread for each connection took 0.2.
    """
    where = urlsplit(url)
    asked = [f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode() for path in paths]
    turn, answered = itertools.cycle(asked), 0
    begin = time.monotonic() + 1  # the first second warms up
    with selectors.DefaultSelector() as ready, ExitStack() as stack:
        for _ in range(_CONNECTIONS):
            line = stack.enter_context(socket.create_connection((where.hostname, where.port), 30))
            line.sendall(next(turn))
            ready.register(line, selectors.EVENT_READ, bytearray())
        while (now := time.monotonic()) < begin + _SECONDS:
            for key, _events in ready.select(30):
                if _is_whole(key.data, key.fileobj.recv(1 << 16)):  # type: ignore[union-attr]  # a socket
                    key.data.clear()
                    answered += now >= begin
                    key.fileobj.sendall(next(turn))  # type: ignore[union-attr]
    return answered / _SECONDS


def _is_whole(answer: bytearray, more: bytes) -> bool:
    """Add what came to an answer, and tell whether that was the last of it."""
    if not more:
        raise RuntimeError("the site closed a connection")
    answer += more
    head, _between, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(head.partition(b"\r\n")[0].decode())
    length = re.search(rb"\r\nContent-Length: (\d+)", head)
    return length is not None and len(body) >= int(length[1])


# --- Running ---


def run(replicas: int, own: int, runs: int, engines: Sequence[str]) -> dict[str, Any]:
    """Measure on each kind of database."""
    results: dict[str, Any] = {"replicas": replicas, "own": own}
    for engine in engines:
        with opened(engine, _PULLED) as node:
            started = time.perf_counter()
            filled = fill(node, replicas, own)
            first_pull.fill(open_node(node.config.home.parent / _PULLED), _PULLED_CASES)
            print(f"{engine}: filled in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
            results[engine] = {
                "pages": measure(filled, runs),
                "weight": weigh(filled),
                "rate": find_rates(filled),
            }
    return results


def main() -> int:
    """Measure and print; 0 if everything meets its goals."""
    parser = argparse.ArgumentParser(description="Speed and size of the public site.")
    parser.add_argument("--replicas", type=int, default=100_000, help="foreign cases (default 100000)")
    parser.add_argument("--own", type=int, default=5_000, help="own cases (default 5000)")
    parser.add_argument("--runs", type=int, default=40, help="how often each page is asked for (default 40)")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="only this database")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--ask", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(ask(*options.ask))
        return 0
    set_up_log(LogConfig(level="warning"))
    engines = (options.engine,) if options.engine else ("sqlite", "postgresql")
    results = run(options.replicas, options.own, options.runs, engines)
    missed = [line for engine in engines for line in _lines(engine, results[engine]) if line.endswith("!")]
    if options.json:
        print(json.dumps(results))
    else:
        print("\n".join(line for engine in engines for line in _lines(engine, results[engine])))
    return 1 if missed else 0


def _lines(engine: str, found: dict[str, Any]) -> Iterator[str]:
    """Write a line for every figure; one that misses its goal ends in an exclamation mark."""
    for what, page in found["pages"].items():
        bad = page["p95_ms"] >= GOAL_MS and not what.startswith("site map")
        yield (
            f"{engine:<12}{what:<32}{page['ms']:>7.1f} ms  p95 {page['p95_ms']:.1f} ms"
            f"  cpu {page['cpu_ms']:.1f} ms  {page['bytes']:,} B{'  !' if bad else ''}"
        )
    for what, weight in found["weight"].items():
        yield f"{engine:<12}{what + ', first visit':<32}{weight:>9,} B{'  !' if weight >= GOAL_BYTES else ''}"
    for what, rate in found["rate"].items():
        if what != "worker_mb":
            yield f"{engine:<12}{what:<32}{rate:>7.0f} a second{'  !' if rate < GOAL_RATE else ''}"
    yield f"{engine:<12}{'one process':<32}{found['rate']['worker_mb']:>7.0f} MB"


if __name__ == "__main__":
    raise SystemExit(main())
