"""Convergence: many nodes behind a partition that heals, on lines that lose one message in twenty, until
every replica is equal.

All nodes live in this process, and their calls lead straight into each other's applications. They pull when
their own schedules say so, by a clock that is moved on five seconds at a time, so that the seconds until they
agree are those of real nodes whose calls take no time.
"""

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from node.adapters.http import Answer, HttpClient
from node.errors import PeerUnavailable
from node.services.disclosure import publishing
from node.services.following import pulling
from node.store.database import reading
from node.store.federation import peers
from node.store.published.documents import document
from node.store.published.feed_cases import feed_case
from node.store.published.feeds import feed
from tests.factories import sample_record
from tests.federation import Federation, Wire

_PATIENCE_SECONDS = 7200
_PARTITION_SECONDS = 300
_TICK_SECONDS = 5
_COUNTRIES = ("FR", "DE", "IT", "ES", "PL")

_HEADS = (
    sa.select(feed.c.audience, feed.c.size, feed.c.frontier)
    .where(feed.c.member == sa.bindparam("owner"))
    .order_by(feed.c.audience)
)
_CASES = (
    sa.select(feed.c.audience, feed_case.c.case_id, feed_case.c.version, feed_case.c.state, document.c.body)
    .select_from(feed_case.join(feed).outerjoin(document))
    .where(feed.c.member == sa.bindparam("owner"))
    .order_by(feed.c.audience, feed_case.c.case_id)
)


@dataclass
class Lines:
    """What can happen to the messages of all nodes.

    Attributes:
        loss: the share that is lost, half of them on the way to the peer and half on the way back.
        sides: the members of each side, while the network is in two.
        sent, lost: how many there were.
    """

    wire: Wire
    loss: float = 0.0
    sides: tuple[set[str], ...] = ()
    sent: int = 0
    lost: int = 0

    def fetch(self, caller: str, method: str, url: str, **options: Any) -> Answer:
        """Make a call that may get lost, or whose answer may."""
        if self.sides and sum(bool(side & {caller, _host(url)}) for side in self.sides) > 1:
            raise PeerUnavailable("It cannot be reached.")
        self.sent += 1
        fate = random.random()
        if fate >= self.loss / 2:
            answer = self.wire.fetch(method, url, **options)
            if fate >= self.loss:
                return answer
        self.lost += 1
        raise PeerUnavailable("It did not answer in time.")


class Line:
    """Stands in for the `HttpClient` of one node."""

    def __init__(self, lines: Lines, caller: str) -> None:
        self._lines, self._caller = lines, caller

    def fetch(self, method: str, url: str, **options: Any) -> Answer:
        """Make a call as `HttpClient.fetch` does."""
        return self._lines.fetch(self._caller, method, url, **options)


def run(nodes: int = 50, loss: float = 0.05, cases: int = 2) -> dict[str, Any]:
    """Publish, part, change everything on both sides, heal, and wait.

    Args:
        loss: the share of messages that is lost once the partition has healed.
        cases: that each member has before it, of which it changes one, erases one and adds one meanwhile.

    Returns:
        How many replicas there are and how many are unequal to their owner's feed in the end; the seconds by
        the nodes' clock until none was; how many pulls and messages that took, how often at the most one
        member asked one other, and how many messages were lost; the CPU time of the whole.
    """
    started, spent = time.perf_counter(), time.process_time()
    with _network(nodes) as (federation, lines):
        owned = {member: _publish(federation, member, cases) for member in federation.nodes}
        names = list(federation.nodes)
        _pull_for(federation, _PATIENCE_SECONDS, set(permutations(names, 2)))
        lines.sides = set(names[::2]), set(names[1::2])
        for member, known in owned.items():
            publishing.publish(federation[member], known[:1], "bench")
            publishing.erase(federation[member], known[-1], "bench")
            _publish(federation, member, 1)
        apart = _apart(federation)
        _pull_for(federation, _PARTITION_SECONDS, apart)
        before = len(apart)
        lines.sides, lines.loss, lines.sent, lines.lost = (), loss, 0, 0
        seconds, pulls = _pull_for(federation, _PATIENCE_SECONDS, apart)
        asked = pulls.values()
        return {
            "nodes": nodes,
            "loss": loss,
            "replicas": nodes * (nodes - 1),
            "apart_before": before,
            "apart": len(_apart(federation)),
            "seconds": seconds,
            "pulls": sum(asked),
            "most_pulls": max(asked),
            "messages": lines.sent,
            "lost": lines.lost,
            "wall_seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() - spent,
        }


@contextmanager
def _network(count: int) -> Iterator[tuple[Federation, Lines]]:
    with tempfile.TemporaryDirectory(prefix="gmcn-bench-") as name:
        members = [
            (f"police.n{number}.example", _COUNTRIES[number % len(_COUNTRIES)], "law_enforcement")
            for number in range(count)
        ]
        federation = Federation(Path(name), members)
        lines = Lines(federation.wire)
        for member, node in federation.nodes.items():
            federation.nodes[member] = replace(node, http=cast(HttpClient, Line(lines, member)))
        try:
            yield federation, lines
        finally:
            federation.close()


def _publish(federation: Federation, member: str, count: int) -> list[str]:
    records = [sample_record("ar", photos=None, reference=None) for _ in range(count)]
    return [case.case_id for case in federation.publish(member, *records)]


def _apart(federation: Federation) -> set[tuple[str, str]]:
    """Return who holds a replica of whom that is unequal: another head, other cases, or other documents."""
    own = {member: _replica(federation, member, member) for member in federation.nodes}
    return {pair for pair in permutations(own, 2) if _replica(federation, *pair) != own[pair[1]]}


def _pull_for(
    federation: Federation, seconds: float, apart: set[tuple[str, str]]
) -> tuple[float, Counter[tuple[str, str]]]:
    """Let every node pull whom its schedule has due, for some time or until all replicas are equal.

    Args:
        apart: who holds an unequal replica of whom; it is kept up.

    Returns:
        Seconds by the nodes' clock, and how often each asked each.
    """
    began, pulls = federation.clock(), Counter[tuple[str, str]]()
    own = {member: _replica(federation, member, member) for member in federation.nodes}
    while apart and (federation.clock() - began).total_seconds() < seconds:
        for member, node in federation.nodes.items():
            with reading(node.engine) as conn:
                due = peers.due_peers(conn, federation.clock())
            for owner in due:
                report = pulling.pull(node, owner)
                pulls[member, owner] += 1
                if report.lying:
                    raise RuntimeError(f"{owner} is said to lie: {report.error}")
                if (member, owner) in apart and _replica(federation, member, owner) == own[owner]:
                    apart.remove((member, owner))
        federation.clock.advance(seconds=_TICK_SECONDS)
    return (federation.clock() - began).total_seconds(), pulls


def _replica(federation: Federation, member: str, owner: str) -> tuple[Any, ...]:
    """Return what a member holds of an owner: heads, and every case with its state and its document."""
    with reading(federation[member].engine) as conn:
        heads = conn.execute(_HEADS, {"owner": owner}).all()
        return (*heads, *conn.execute(_CASES, {"owner": owner}))


def _host(url: str) -> str:
    return url.split("/")[2]


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:2])), indent=1))
