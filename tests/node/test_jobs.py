"""When the node does things by itself, and that nothing which goes wrong stops the rest."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast
from unittest.mock import patch

import pytest
from sqlalchemy.pool import QueuePool

from node.errors import PeerUnavailable
from node.jobs import BEHIND, Jobs
from node.runtime import Node
from node.services.audit import chain
from node.services.endings import erasure
from node.services.following import pulling, replicas
from node.services.following.pulling import PullReport
from node.services.members import membership
from node.services.witnesses import witnessing
from node.store.database import reading, writing
from node.store.federation import peers
from node.store.published import feeds
from node.store.staff import access
from protocol.feed_entry import Audience
from protocol.policy import Policy
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation, down

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, settings="[pull]\nworkers = 2\n")
    yield made
    made.close()


@pytest.fixture
def jobs(federation: Federation) -> Iterator[Jobs]:
    made = Jobs(federation[PEER])
    yield made
    made.stop()


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def find_peer(federation: Federation, member: str) -> peers.Peer:
    with reading(federation[PEER].engine) as conn:
        found = peers.find_peer(conn, member)
    assert found is not None
    return found


def make_due(federation: Federation, *members: str) -> None:
    with writing(federation[PEER].engine) as conn:
        for member in members:
            peers.ring(conn, member, federation.clock())


def test_every_peer_is_pulled_and_then_left_alone_until_it_is_due_again(
    federation: Federation, jobs: Jobs
) -> None:
    federation.publish(POLICE, sample_record("ar", photos=None))
    jobs.start()
    eventually(lambda: all(find_peer(federation, m).reached_at is not None for m in (POLICE, HELPER)))
    asked = len(federation.wire.calls)
    time.sleep(1.2)
    assert len(federation.wire.calls) == asked
    federation.clock.advance(minutes=10)
    eventually(lambda: len(federation.wire.calls) > asked)


@pytest.mark.skipif(sys.platform != "linux", reason="no priority of a thread elsewhere")
def test_a_pull_stands_back_for_whoever_waits(federation: Federation, jobs: Jobs) -> None:
    """So do the threads that it starts."""
    seen: list[int] = []

    def pull(_node: Node, member: str, _progress: object) -> PullReport:
        for thread in (threading.Thread(target=lambda: seen.append(own_priority())) for _ in range(2)):
            thread.start()
            thread.join()
        seen.append(own_priority())
        return PullReport(member)

    with patch.object(pulling, "pull", pull):
        jobs.start()
        eventually(lambda: len(seen) >= 3)
    assert set(seen) == {max(BEHIND, own_priority())}


def own_priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_the_head_of_the_journal_is_signed_at_start(federation: Federation, jobs: Jobs) -> None:
    jobs.start()
    eventually(lambda: chain.read_head(federation[PEER]) is not None)


def test_a_doorbell_is_answered_at_once(federation: Federation, jobs: Jobs) -> None:
    jobs.start()
    eventually(lambda: all(find_peer(federation, m).reached_at is not None for m in (POLICE, HELPER)))
    federation.clock.advance(seconds=1)
    before = find_peer(federation, POLICE).reached_at
    make_due(federation, POLICE)
    started = time.monotonic()
    jobs.wake()
    eventually(lambda: find_peer(federation, POLICE).reached_at != before)
    assert time.monotonic() - started < 5


def test_a_peer_that_is_down_waits_and_holds_up_nobody(federation: Federation, jobs: Jobs) -> None:
    federation.wire.faults[POLICE] = [down]
    jobs.start()
    eventually(lambda: find_peer(federation, HELPER).reached_at is not None)
    eventually(lambda: find_peer(federation, POLICE).failures == 1)
    assert find_peer(federation, POLICE).next_at > federation.clock()


def test_no_member_is_pulled_twice_at_once_and_no_more_at_once_than_allowed(
    federation: Federation, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    go_on = threading.Event()

    def stuck(_node: object, member: str, _progress: object) -> PullReport:
        begun.append(member)
        assert go_on.wait(20)
        return PullReport(member)

    monkeypatch.setattr(pulling, "pull", stuck)
    with writing(federation[PEER].engine) as conn:
        peers.see_peer(conn, "third.example", "keys", federation.clock())
    jobs.start()
    eventually(lambda: len(begun) == 2)
    for _ in range(5):
        jobs.wake()
        time.sleep(0.05)
    assert len(begun) == len(set(begun)) == 2
    go_on.set()
    eventually(lambda: "third.example" in begun)


def test_peers_that_drip_without_end_do_not_keep_all_places(
    federation: Federation, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    go_on = threading.Event()

    def stuck(_node: object, member: str, _progress: object) -> PullReport:
        begun.append(member)
        assert go_on.wait(20)
        return PullReport(member)

    monkeypatch.setattr(pulling, "pull", stuck)
    monkeypatch.setattr("node.jobs._PATIENCE_SECONDS", 0.5)
    with writing(federation[PEER].engine) as conn:
        peers.see_peer(conn, "third.example", "keys", federation.clock())
    jobs.start()
    eventually(lambda: "third.example" in begun)
    assert len(begun) == len(set(begun)) == 3
    go_on.set()


def test_an_error_of_this_program_is_put_off_and_stops_nothing(
    federation: Federation, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, failed = pulling.pull, threading.Event()

    def broken(node: object, member: str, progress: object) -> PullReport:
        if member == POLICE:
            failed.set()
            raise ValueError("a name that must not get out")
        return really(node, member, progress)  # type: ignore[arg-type]

    def fail(_node: object) -> None:
        raise PeerUnavailable("nobody is there")

    monkeypatch.setattr(pulling, "pull", broken)
    for module, name in (
        (erasure, "purge"),
        (erasure, "expire"),
        (membership, "refresh"),
        (replicas, "fetch_full_photographs"),
    ):
        monkeypatch.setattr(module, name, fail)
    jobs.start()
    assert failed.wait(10)
    eventually(lambda: find_peer(federation, HELPER).reached_at is not None)
    eventually(lambda: find_peer(federation, POLICE).error == "Something went wrong here; see the log.")
    assert find_peer(federation, POLICE).next_at > federation.clock()


def test_a_peer_that_the_roster_no_longer_lists_is_put_off(federation: Federation, jobs: Jobs) -> None:
    with writing(federation[PEER].engine) as conn:
        peers.see_peer(conn, "gone.example", "keys", federation.clock())
    jobs.start()
    eventually(lambda: "no member" in find_peer(federation, "gone.example").error)


def test_other_work_is_done_too(federation: Federation, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    done: set[str] = set()
    names = ((erasure, "purge"), (erasure, "expire"), (membership, "refresh"))
    for module, name in (*names, (replicas, "fetch_full_photographs")):
        monkeypatch.setattr(module, name, lambda _node, name=name: done.add(name))
    now = federation.clock()
    with writing(federation[PEER].engine) as conn:
        access.take_request(conn, POLICE, "old", "ring", now, now)
    federation.clock.advance(seconds=1)
    jobs.start()
    eventually(lambda: done == {"purge", "expire", "refresh", "fetch_full_photographs"})

    def forgotten() -> bool:
        with reading(federation[PEER].engine) as conn:
            return not conn.execute(access.seen_request.select()).all()

    eventually(forgotten)


def test_stopping_ends_a_long_pull_at_its_next_step(
    federation: Federation, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = threading.Event()

    def endless(_node: object, _member: str, progress: Callable[[str, int, int], None]) -> PullReport:
        while True:
            running.set()
            progress("documents", 0, 0)
            time.sleep(0.01)

    monkeypatch.setattr(pulling, "pull", endless)
    jobs.start()
    assert running.wait(10)
    started = time.monotonic()
    jobs.stop()
    assert time.monotonic() - started < 3
    assert find_peer(federation, POLICE).next_at <= federation.clock()  # still due: the next start goes on
    jobs.stop()
    jobs.wake()


def test_stopping_waits_until_what_runs_has_given_back_its_connection(
    federation: Federation, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = threading.Event()

    def purge(node: Node) -> None:
        with reading(node.engine) as conn:
            access.list_staff_tokens(conn)
            running.set()
            time.sleep(0.5)

    monkeypatch.setattr(erasure, "purge", purge)
    monkeypatch.setattr(pulling, "pull", lambda node, member, progress: PullReport(member))
    jobs.start()
    assert running.wait(10)
    jobs.stop()
    assert cast(QueuePool, federation[PEER].engine.pool).checkedout() == 0


def test_the_witnesses_are_asked_at_start_and_after_the_clock_has_jumped(
    federation: Federation, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(witnessing, "confirm", lambda node: asked.append("confirm"))
    monkeypatch.setattr(witnessing, "refresh", lambda node: asked.append("refresh"))
    jobs.start()
    eventually(lambda: asked == ["confirm", "refresh"])
    jobs._ask_witnesses()
    assert asked[2:] == ["refresh"]
    for minutes in (1, -1):
        federation.clock.advance(minutes=minutes)
        jobs._ask_witnesses()
        assert asked[-2:] == ["confirm", "refresh"]


def test_a_head_that_a_crash_has_left_pending_is_published_after_the_start(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[Audience, tuple[str, ...]] = {"network": (PEER,), "police": (PEER,)}
    federation.coordinator.announce(policy=Policy(witnesses=asked, quorum={"network": 1, "police": 1}))
    federation.refresh()
    with monkeypatch.context() as crashed:
        crashed.setattr(witnessing, "publish_pending", lambda node: None)
        federation.publish(POLICE, sample_record("ar", photos=None))

    def pending() -> list[bool]:
        with reading(federation[POLICE].engine) as conn:
            return [row.pending is not None for row in feeds.own_feeds(conn)]

    assert any(pending())
    jobs = Jobs(federation[POLICE])
    jobs.start()
    eventually(lambda: not any(pending()))
    jobs.stop()
