"""Updates of a feed that are too large for one transaction: in steps, resumed after a crash, taken back when
a later step breaks a rule; and a member that has more cases than it may have held here."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.runtime import Node
from node.services.disclosure import publishing
from node.services.following import advancing
from node.services.status import status
from node.store.database import reading
from node.store.federation import heads
from node.store.published import documents, feed_cases, feeds
from protocol.leaf import PUT
from tests.factories import sample_case_id, sample_record
from tests.federation import DE, FR, Federation
from tests.liars import Liar, case_states, dump, find_feed, problems

POLICE, PEER = FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Federation]:
    monkeypatch.setattr(advancing, "_STEP_BUNDLES", 1)
    made = Federation(tmp_path, [FR, DE])
    yield made
    made.close()


@pytest.fixture
def liar(federation: Federation) -> Liar:
    """The French police, with a real case, and three bundles and a half of leaves more to say."""
    federation.publish(POLICE, sample_record("ar", photos=None))
    assert federation.pull(PEER, POLICE).error == ""
    made = Liar(federation, POLICE)
    for number in range(900):
        made.say(PUT, sample_case_id(number, POLICE), digest=os.urandom(32))
    federation.wire.faults[POLICE] = [made.fault]
    return made


class Killed(BaseException):
    """The process ends."""


def die_in_step(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    calls, store = [0], feed_cases.store_cases

    def stored(*args: Any) -> None:
        calls[0] += 1
        if calls[0] == number:
            raise Killed
        store(*args)

    monkeypatch.setattr(feed_cases, "store_cases", stored)


def test_a_large_update_goes_in_steps(federation: Federation, liar: Liar) -> None:
    assert federation.pull(PEER, POLICE).leaves == 900
    row = find_feed(federation[PEER], POLICE)
    assert (row.size, row.note) == (901, liar.checkpoint())
    assert problems(federation[PEER]) == []


def test_a_crash_between_steps_is_resumed(
    federation: Federation, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = federation[PEER]
    with monkeypatch.context() as crashing:
        die_in_step(crashing, 3)
        with pytest.raises(Killed):
            federation.pull(PEER, POLICE)
    row = find_feed(peer, POLICE)
    assert (row.size, row.note) == (512, None)
    assert problems(peer) == []
    assert len(case_states(peer, POLICE)) == 512
    assert federation.pull(PEER, POLICE).leaves == 901 - 512
    assert find_feed(peer, POLICE).note == liar.checkpoint()
    assert problems(peer) == []


def test_what_a_later_step_refuses_takes_the_earlier_ones_back(federation: Federation, liar: Liar) -> None:
    peer = federation[PEER]
    real = next(iter(case_states(peer, POLICE)))
    liar.erase(real)
    liar.erase(sample_case_id(5, POLICE), version=7)
    before = dump(peer)
    report = federation.pull(PEER, POLICE)
    assert (report.lying, report.leaves) == (True, 0)
    row = find_feed(peer, POLICE)
    assert (row.size, row.state) == (1, feeds.QUARANTINED)
    assert case_states(peer, POLICE) == {real: (feed_cases.ERASED, "")}  # the signed erasure is honoured
    for table in ("feed", "document", "photograph", "head"):
        assert dump(peer)[table] == before[table]
    assert problems(peer) == []


def test_a_head_is_seen_only_when_all_of_it_is_there(
    federation: Federation, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_in_step(monkeypatch, 2)
    with pytest.raises(Killed):
        federation.pull(PEER, POLICE)
    with reading(federation[PEER].engine) as conn:
        head = heads.newest_head(conn, find_feed(federation[PEER], POLICE).id)
    assert head is not None
    assert head.size == 1


def set_quota(federation: Federation, cases: int) -> Node:
    node = federation[PEER]
    storage = replace(node.config.storage, cases_per_member=cases)
    federation.nodes[PEER] = replace(node, config=replace(node.config, storage=storage))
    return federation.nodes[PEER]


def count(node: Node) -> int:
    with reading(node.engine) as conn:
        return documents.count_documents(conn, find_feed(node, POLICE).id)


def test_what_goes_beyond_a_members_quota_waits(federation: Federation) -> None:
    peer = set_quota(federation, 3)
    published = federation.publish(POLICE, *(sample_record("uk", photos=None) for _ in range(5)))
    assert federation.pull(PEER, POLICE).error == ""
    assert count(peer) == 3
    [warning, _] = [text for text in status(peer).warnings if "cases_per_member" in text]
    assert f"2 of {POLICE}/network wait" in warning

    held = [case for case, (state, _) in case_states(peer, POLICE).items() if state == feed_cases.HELD]
    publishing.publish(federation[POLICE], held[:1], "test")
    assert federation.pull(PEER, POLICE).documents == 2  # a newer version of what is held takes no place
    publishing.erase(federation[POLICE], held[1], "test")
    waiting = next(case.case_id for case in published if case.case_id not in held)
    publishing.erase(federation[POLICE], waiting, "test")
    federation.pull(PEER, POLICE)
    states = case_states(peer, POLICE)
    assert states[held[1]][0] == states[waiting][0] == feed_cases.ERASED

    peer = set_quota(federation, 10)
    federation.pull(PEER, POLICE)
    assert count(peer) >= 3
    assert {state for state, _ in case_states(peer, POLICE).values()} == {feed_cases.HELD, feed_cases.ERASED}
    assert not [text for text in status(peer).warnings if "cases_per_member" in text]
