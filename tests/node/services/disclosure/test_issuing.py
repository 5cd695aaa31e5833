"""Statements are signed ahead for what is published, and for nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from node.runtime import Node
from node.services.disclosure import issuing, publishing
from node.services.disclosure.issuing import LIFE
from node.services.endings import erasure
from node.store import marks
from node.store.database import reading, writing
from node.store.published import documents, feeds
from node.store.published.statements import case_statement, find_statement
from protocol.current import Current, verify_current
from protocol.feed_entry import FrozenHead
from protocol.policy import Policy
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation

OWNER = FR[0]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def either(database_url: str, tmp_path: Path) -> Iterator[Federation]:
    """A federation whose owner has a database of either kind."""
    made = Federation(tmp_path, (FR, DE), databases={OWNER: database_url})
    yield made
    made.close()


def published(federation: Federation) -> str:
    (made,) = federation.publish(OWNER, sample_record("pt", photos=None))
    return made.case_id


def said(node: Node, case_id: str) -> Current | None:
    """What is stated of a case now."""
    with reading(node.engine) as conn:
        (held,) = documents.find_documents(conn, case_id)[:1] or (None,)
        stated = find_statement(conn, held.case_key, node.now()) if held else None
    find = node.network().roster.token_key_now(node.now())
    return verify_current(stated.token, find) if stated else None


def kept(node: Node) -> int:
    with reading(node.engine) as conn:
        return int(conn.execute(select(func.count()).select_from(case_statement)).scalar_one())


def digest_of(node: Node, case_id: str) -> bytes:
    with reading(node.engine) as conn:
        return documents.find_documents(conn, case_id)[0].digest


def test_each_published_case_is_called_current_once(either: Federation) -> None:
    node = either[OWNER]
    first, second = published(either), published(either)
    assert said(node, first) is None
    assert issuing.issue(node) == 2
    for case_id in (first, second):
        current = said(node, case_id)
        assert current is not None
        assert (current.issuer, current.case, current.version) == (OWNER, case_id, 1)
        assert (current.digest, current.until) == (digest_of(node, case_id), node.now() + LIFE)
    assert issuing.issue(node) == 0


def test_it_is_renewed_when_half_of_its_time_is_over(either: Federation) -> None:
    node, case_id = either[OWNER], published(either)
    issuing.issue(node)
    either.clock.advance(hours=24, minutes=-1)
    assert issuing.issue(node) == 0
    either.clock.advance(minutes=1)
    assert issuing.issue(node) == 1
    current = said(node, case_id)
    assert current is not None
    assert current.until == node.now() + LIFE
    assert kept(node) == 1


def test_what_ran_out_is_not_given(federation: Federation) -> None:
    node, case_id = federation[OWNER], published(federation)
    issuing.issue(node)
    federation.clock.advance(hours=48)
    assert said(node, case_id) is None


def test_a_new_version_ends_what_was_said_of_the_one_before(either: Federation) -> None:
    node, case_id = either[OWNER], published(either)
    issuing.issue(node)
    publishing.publish(node, [case_id], "test")
    assert said(node, case_id) is None
    assert kept(node) == 0
    issuing.issue(node)
    current = said(node, case_id)
    assert current is not None
    assert (current.version, current.digest) == (2, digest_of(node, case_id))


def test_what_is_withdrawn_or_erased_is_called_current_by_nothing(either: Federation) -> None:
    node = either[OWNER]
    withdrawn, erased, stays = (published(either) for _ in range(3))
    issuing.issue(node)
    publishing.withdraw(node, withdrawn, "test")
    publishing.erase(node, erased, "test")
    assert kept(node) == 1
    assert issuing.issue(node) == 0
    assert said(node, stays) is not None


def test_no_statement_outlives_the_document(federation: Federation) -> None:
    node, case_id = federation[OWNER], published(federation)
    with reading(node.engine) as conn:
        expires = documents.find_documents(conn, case_id)[0].expires
    end = datetime(expires.year, expires.month, expires.day, tzinfo=UTC) + timedelta(days=1)
    federation.clock.now = end - timedelta(hours=30)
    assert issuing.issue(node) == 1
    current = said(node, case_id)
    assert current is not None
    assert current.until == end
    federation.clock.now = end - MINUTE
    assert issuing.issue(node) == 0
    federation.clock.now = end
    assert issuing.issue(node) == 0
    erasure.expire(node)
    assert kept(node) == 0


def test_what_a_replaced_key_has_signed_is_signed_anew(federation: Federation) -> None:
    node, case_id = federation[OWNER], published(federation)
    issuing.issue(node)
    with writing(node.engine) as conn:
        conn.execute(case_statement.update().values(kid="one-before"))
    assert issuing.issue(node) == 1
    assert said(node, case_id) is not None


@pytest.mark.parametrize("state", [feeds.BEHIND, feeds.QUARANTINED, feeds.SPLIT])
def test_a_stopped_feed_calls_nothing_current(federation: Federation, state: str) -> None:
    node, case_id = federation[OWNER], published(federation)
    issuing.issue(node)
    later = published(federation)
    with writing(node.engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        feeds.set_feed_state(conn, row.id, state, "stopped")
    assert said(node, case_id) is None
    assert issuing.issue(node) == 0
    assert said(node, later) is None


@pytest.mark.parametrize("changes", [{"state": "suspended"}, {"state": "removed"}])
def test_a_member_that_does_not_stand_calls_nothing_current(
    federation: Federation, changes: dict[str, str]
) -> None:
    node = federation[OWNER]
    published(federation)
    removed_at = federation.clock() if changes["state"] == "removed" else None
    federation.announce(OWNER, state=changes["state"], removed_at=removed_at)
    assert issuing.issue(node) == 0


def test_a_restored_node_calls_nothing_current(federation: Federation) -> None:
    node = federation[OWNER]
    published(federation)
    with writing(node.engine) as conn:
        marks.set_mark(conn, marks.RESTORED, federation.clock())
    assert issuing.issue(node) == 0
    with writing(node.engine) as conn:
        marks.clear_mark(conn, marks.RESTORED)
    assert issuing.issue(node) == 1


def test_a_frozen_feed_calls_nothing_current(federation: Federation) -> None:
    node = federation[OWNER]
    published(federation)
    entry = node.entry()
    frozen = [
        replace(feed, state="frozen", frozen=FrozenHead(1, bytes(32))) if feed.audience == "network" else feed
        for feed in entry.feeds
    ]
    federation.announce(OWNER, feeds=tuple(frozen))
    assert issuing.issue(node) == 0


def test_many_are_signed_round_by_round(federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_ROUND", 2)
    node = federation[OWNER]
    for _ in range(5):
        published(federation)
    assert issuing.issue(node) == 5
    assert kept(node) == 5


def test_a_copy_that_is_behind_its_own_past_calls_nothing_current(tmp_path: Path) -> None:
    witnesses = (DE[0],)
    policy = Policy(witnesses={"network": witnesses, "police": witnesses}, quorum={"network": 1, "police": 1})
    federation = Federation(tmp_path, (FR, DE, NGO), policy=policy)
    case_id = published(federation)
    saved = federation.save(OWNER)
    publishing.publish(federation[OWNER], [case_id], "test")
    federation.clock.advance(minutes=2)
    federation.restore(OWNER, saved)
    node = federation[OWNER]
    assert issuing.issue(node) == 0
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
    assert row is not None
    assert row.state == feeds.BEHIND
    federation.close()
