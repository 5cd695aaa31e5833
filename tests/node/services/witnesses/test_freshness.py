"""How new what is known of a peer is: by the witnesses' word, or only by its own."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from node.cli.status import render
from node.services.status import FeedStatus, Status, status
from node.services.witnesses import witnessing
from node.services.witnesses.freshness import FRESH, SILENT, Freshness
from node.store.database import writing
from node.store.published import feeds
from protocol.policy import Policy
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, START, Federation, down

OWNER, WITNESS, READER = FR[0], DE[0], NGO[0]
ASKED = Policy(witnesses={"network": (WITNESS,), "police": (WITNESS,)}, quorum={"network": 1, "police": 1})


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, policy=ASKED)
    witnessing.confirm(made[OWNER])
    made.clock.advance(minutes=2)
    yield made
    made.close()


def publish(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))


def seen_by(federation: Federation, member: str = READER) -> FeedStatus:
    (peer,) = (peer for peer in status(federation[member]).peers if peer.member == OWNER)
    (feed,) = (feed for feed in peer.feeds if feed.audience == "network")
    return feed


def shown(found: Status) -> str:
    console = Console(width=300)
    with console.capture() as captured:
        console.print(render(found, datetime.now(START.tzinfo)))
    return captured.get()


def test_a_witnessed_head_ages_however_often_its_owner_answers(federation: Federation) -> None:
    publish(federation)
    signed_at = federation.clock()
    for after, state in (
        (timedelta(0), "fresh"),
        (FRESH - timedelta(seconds=1), "fresh"),
        (FRESH, "stale"),
        (SILENT - timedelta(seconds=1), "stale"),
        (SILENT, "silent"),
    ):
        federation.clock.now = signed_at + after
        assert federation.pull(READER, OWNER).error == ""  # the same old head, again and again
        assert seen_by(federation).freshness == Freshness(state, True, signed_at)  # type: ignore[arg-type]
    assert "witnessed, silent" in shown(status(federation[READER]))
    assert f"{OWNER}/network" in " ".join(status(federation[READER]).warnings)
    witnessing.refresh(federation[OWNER])
    federation.pull(READER, OWNER)
    assert seen_by(federation).freshness == Freshness("fresh", True, federation.clock())


def test_an_unwitnessed_head_is_as_fresh_as_its_owner_s_word(federation: Federation) -> None:
    federation.wire.faults[WITNESS] = [down]
    publish(federation)
    federation.pull(READER, OWNER)
    reached_at = federation.clock()
    assert seen_by(federation).freshness == Freshness("fresh", False, reached_at)
    assert "unwitnessed, fresh" in shown(status(federation[READER]))
    federation.wire.faults[OWNER] = [down]
    federation.clock.advance(hours=3)
    federation.pull(READER, OWNER)
    assert seen_by(federation).freshness == Freshness("stale", False, reached_at)


def test_where_nobody_is_to_witness_nothing_is_said_about_it(tmp_path: Path) -> None:
    federation = Federation(tmp_path)
    publish(federation)
    federation.pull(READER, OWNER)
    assert seen_by(federation).freshness == Freshness("fresh", None, federation.clock())
    assert "witnessed" not in shown(status(federation[READER])) + shown(status(federation[OWNER]))
    federation.close()


def test_the_owner_sees_which_witness_fails_it(federation: Federation) -> None:
    publish(federation)
    found = status(federation[OWNER])
    assert [feed.freshness.witnessed for feed in found.own] == [True, True]
    assert [(answer.member, answer.problem) for answer in found.own[0].witnesses] == [(WITNESS, "")]
    assert "1 entries, witnessed" in shown(found)
    assert found.warnings == []
    federation.wire.faults[WITNESS] = [down]
    publish(federation)
    found = status(federation[OWNER])
    assert [feed.freshness.witnessed for feed in found.own] == [False, False]
    (warning, _) = found.warnings
    lack = f"{OWNER}/network is published without the quorum of its witnesses."
    assert warning == f"{lack} {WITNESS}: It cannot be reached."


def test_the_owner_sees_what_waits_and_what_stops_it(federation: Federation) -> None:
    publish(federation)
    node = federation[OWNER]
    with writing(node.engine) as conn:
        row = feeds.own_feeds(conn)[0]
        assert row.note is not None
        conn.execute(feeds.feed.update().where(feeds.feed.c.id == row.id).values(pending=row.note, size=3))
        conn.execute(
            feeds.feed.update().where(feeds.feed.c.id == row.id).values(frontier=row.frontier + row.frontier)
        )
        witnessing.stop_behind(conn, row, row.note, WITNESS)
    found = status(node)
    assert found.own[0].unpublished == 2
    assert "3 entries, 2 not published yet" in shown(found)
    knows = f"{WITNESS} has a head of 1 entries that this node signed and does not have"
    assert found.warnings == [f"{OWNER}/network is behind: {knows}. Nothing is signed."]


def test_the_owner_sees_that_its_clock_is_off(federation: Federation) -> None:
    node, clock = federation[OWNER], federation.clock
    late = replace(node, clock=lambda: clock() - timedelta(hours=1))
    witnessing.confirm(late)
    assert any("60 minutes behind" in warning for warning in status(late).warnings)
