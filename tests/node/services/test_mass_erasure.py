"""A stolen key erases everything it can: the brake, what it spares, and the freeze that brings it back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from node.runtime import Node
from node.services.disclosure import publishing
from node.services.endings import erasure, revival
from node.services.register import cases
from node.services.status import status
from node.store.database import reading
from node.store.published import documents, feed_cases, feeds
from node.store.search.finding import find
from node.store.search.query import Query
from protocol.feed_entry import FrozenHead
from tests.factories import sample_record
from tests.federation import DE, FR, Federation
from tests.liars import case_states, dump, find_feed, problems

POLICE, PEER = FR[0], DE[0]
CASES = 25


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    """Cases that the peer holds; every test begins from a twin."""
    made = Federation(tmp_path_factory.mktemp("begun"), [FR, DE])
    made.publish(POLICE, *(sample_record("uk", photos=None) for _ in range(CASES)))
    assert made.pull(PEER, POLICE).error == ""
    return made


@pytest.fixture
def federation(begun: Federation, tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = begun.twin(tmp_path / "members", {PEER: database_url})
    yield made
    made.close()


@pytest.fixture
def published(federation: Federation) -> list[str]:
    """The cases that the peer holds."""
    return [case.case_id for case in cases.list_cases(federation[POLICE], None, CASES, 0)]


def erase(federation: Federation, *erased: str) -> None:
    for case in erased:
        publishing.erase(federation[POLICE], case, "thief")
    federation.pull(PEER, POLICE)


def shown(node: Node, federation: Federation) -> set[str]:
    with reading(node.engine) as conn:
        return {hit.case_id for hit in find(conn, Query(today=federation.clock().date(), limit=200))}


def held(node: Node, case: str) -> int:
    with reading(node.engine) as conn:
        return len(documents.find_documents(conn, case))


def kept(node: Node) -> int:
    """Count the documents in the tables, shown or not."""
    with reading(node.engine) as conn:
        return len(conn.execute(select(documents.document.c.case_key)).all())


def freeze(federation: Federation, head: FrozenHead, audience: str = "network") -> None:
    entry = federation.coordinator.trusted.roster.member(POLICE)
    frozen = [
        replace(feed, state="frozen", frozen=head) if feed.audience == audience else feed
        for feed in entry.feeds
    ]
    federation.announce(POLICE, feeds=tuple(frozen))


def head_of(federation: Federation, audience: str = "network") -> FrozenHead:
    row = find_feed(federation[POLICE], POLICE, audience)
    return FrozenHead(row.size, row.known().frontier.root())


def test_a_few_erasures_are_purged_at_once(federation: Federation, published: list[str]) -> None:
    erase(federation, *published[:20])
    assert erasure.purge(federation[PEER]) == 40  # of both feeds
    assert kept(federation[PEER]) == 2 * (CASES - 20)


def test_many_are_hidden_at_once_and_purged_after_three_days(
    federation: Federation, published: list[str]
) -> None:
    peer = federation[PEER]
    erase(federation, *published[:21])
    assert shown(peer, federation) == set(published[21:])
    assert held(peer, published[0]) == 0
    assert erasure.purge(peer) == 0
    assert kept(peer) == 2 * CASES
    [warning] = [text for text in status(peer).warnings if f"{POLICE}/network" in text and "erased" in text]
    assert "21 cases" in warning
    assert "2026-11-24 12:00" in warning

    federation.clock.advance(hours=71)
    assert erasure.purge(peer) == 0
    federation.clock.advance(hours=1)
    assert erasure.purge(peer) == 42
    assert kept(peer) == 2 * (CASES - 21)
    assert not [text for text in status(peer).warnings if "by telephone" in text]
    assert problems(peer) == []


def test_one_after_the_other_within_a_day_is_many_too(federation: Federation, published: list[str]) -> None:
    peer = federation[PEER]
    for number in range(21):
        erase(federation, published[number])
        federation.clock.advance(hours=1)
        erasure.purge(peer)
    assert kept(peer) > 2 * (CASES - 21)
    erase(federation, published[21])
    erasure.purge(peer)
    assert kept(peer) >= 2 * (CASES - 20)


def test_spread_over_days_they_are_not(federation: Federation, published: list[str]) -> None:
    for number in range(21):
        erase(federation, published[number])
        federation.clock.advance(hours=2)
        erasure.purge(federation[PEER])
    federation.clock.advance(hours=5)
    erasure.purge(federation[PEER])
    assert kept(federation[PEER]) == 2 * (CASES - 21)


def test_the_end_of_a_life_is_not_put_off(federation: Federation, published: list[str]) -> None:
    peer = federation[PEER]
    federation.clock.advance(days=179)
    federation.coordinator.announce()
    federation.refresh()
    erase(federation, *published)
    assert erasure.purge(peer) == 0
    federation.clock.advance(days=2)
    assert erasure.purge(peer) == 2 * CASES


def test_a_freeze_brings_back_what_was_erased_behind_it(federation: Federation, published: list[str]) -> None:
    peer = federation[PEER]
    before = dump(peer)
    heads = {audience: head_of(federation, audience) for audience in ("network", "police")}
    federation.publish(POLICE, sample_record("hi", photos=None))  # by the thief
    erase(federation, *published)
    assert shown(peer, federation) < set(case_states(peer, POLICE))
    federation.clock.advance(hours=70)
    assert erasure.purge(peer) == 0
    for audience, head in heads.items():
        freeze(federation, head, audience)
    revival.undo_past_freezes(peer)
    assert shown(peer, federation) == set(published)
    assert {state for state, _ in case_states(peer, POLICE).values()} == {feed_cases.HELD}
    for table in ("document", "photograph", "search_entry"):
        assert len(dump(peer)[table]) == len(before[table])
    federation.clock.advance(hours=70)
    assert erasure.purge(peer) == 0
    assert held(peer, published[0]) == 2
    assert revival.undo_past_freezes(peer) == 0
    assert problems(peer) == []


def test_what_was_purged_before_the_freeze_is_asked_for_again(
    federation: Federation, published: list[str]
) -> None:
    peer, head = federation[PEER], head_of(federation)
    erase(federation, published[0])
    erasure.purge(peer)
    freeze(federation, head)
    revival.undo_past_freezes(peer)
    assert case_states(peer, POLICE)[published[0]][0] == feed_cases.WANTED
    assert shown(peer, federation) == set(published[1:])


def test_a_freeze_at_another_past_brings_nothing_back(federation: Federation, published: list[str]) -> None:
    peer, head = federation[PEER], head_of(federation)
    erase(federation, *published)
    freeze(federation, replace(head, root=bytes(32)))
    revival.undo_past_freezes(peer)
    assert shown(peer, federation) == set()
    assert find_feed(peer, POLICE).state == feeds.QUARANTINED


def test_what_a_clock_ahead_has_hidden_comes_back(federation: Federation, published: list[str]) -> None:
    peer, now = federation[PEER], federation.clock.now
    federation.clock.advance(days=365)
    assert erasure.expire(peer) == 2 * CASES
    assert shown(peer, federation) == set()
    federation.clock.now = now + timedelta(minutes=5)
    assert revival.revive(peer) == 2 * CASES
    assert shown(peer, federation) == set(published)
    assert revival.revive(peer) == 0
    assert problems(peer) == []


def test_what_comes_back_of_a_suspended_member_is_not_found(
    federation: Federation, published: list[str]
) -> None:
    """Neither what a clock ahead has hidden, nor what a freeze brings back."""
    peer, now = federation[PEER], federation.clock.now
    row = find_feed(peer, POLICE)
    frozen = FrozenHead(row.size, row.known().frontier.root())
    erase(federation, published[0])
    federation.clock.advance(days=365)
    erasure.expire(peer)
    federation.clock.now = now + timedelta(minutes=5)
    entry = federation.coordinator.trusted.roster.member(POLICE)
    feed = replace(entry.feeds[0], state="frozen", frozen=frozen)
    federation.announce(POLICE, feeds=(feed, *entry.feeds[1:]), state="suspended")
    assert revival.revive(peer) > CASES
    assert (held(peer, published[0]), held(peer, published[1])) == (1, 2)  # the network feed alone is frozen
    assert shown(peer, federation) == set()
    federation.announce(POLICE, state="active")
    assert shown(peer, federation) == set(published)


def test_nothing_is_purged_while_the_clock_is_wrong(
    federation: Federation, published: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = federation[PEER]
    offsets: list[Any] = [timedelta(minutes=-11), timedelta(minutes=11), timedelta(minutes=9), None]
    monkeypatch.setattr(erasure, "clock_offset", lambda node: offsets[0])
    erase(federation, published[0])
    assert held(peer, published[0]) == 0
    purged = []
    while offsets:
        purged.append(erasure.purge(peer))
        offsets.pop(0)
    assert purged == [0, 0, 2, 0]
