"""The little federation itself: what can go wrong on its wire does, and the nodes say so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.store.database import reading
from node.store.published import feed_cases, feeds
from tests.factories import sample_record
from tests.federation import (
    DE,
    FR,
    Federation,
    down,
    dropping,
    slow,
    tampering,
    withholding,
)

OWNER, PEER = FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE])
    made.publish(OWNER, sample_record("ar", photos=None))
    yield made
    made.close()


def feed_of(federation: Federation) -> feeds.FeedRow:
    with reading(federation[PEER].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
    assert row is not None
    return row


def test_an_owner_that_is_down_slow_or_cut_off_is_no_liar(federation: Federation) -> None:
    for fault in (down, slow(61), dropping(2)):
        federation.wire.faults[OWNER] = [fault]
        report = federation.pull(PEER, OWNER)
        assert report.error
        assert not report.lying
    federation.wire.faults[OWNER] = [slow(1)]
    assert federation.pull(PEER, OWNER).error == ""


def test_a_changed_answer_is_a_lie(federation: Federation) -> None:
    federation.wire.faults[OWNER] = [tampering("tile/entries", lambda data: data[:-1] + b"x")]
    report = federation.pull(PEER, OWNER)
    assert report.lying
    assert feed_of(federation).size == 0


def test_a_withheld_document_is_noted(federation: Federation) -> None:
    federation.wire.faults[OWNER] = [withholding()]
    assert federation.pull(PEER, OWNER).documents == 0
    row = feed_of(federation)
    with reading(federation[PEER].engine) as conn:
        assert feed_cases.count_states(conn)[row.id, feed_cases.WITHHELD] == 1


def test_an_owner_that_goes_back_and_on_another_way_has_two_faces(federation: Federation) -> None:
    saved = federation.save(OWNER)
    federation.publish(OWNER, sample_record("uk", photos=None))
    assert federation.pull(PEER, OWNER).error == ""
    federation.restore(OWNER, saved)
    assert federation.pull(PEER, OWNER).lying  # rolled back
    federation.publish(OWNER, sample_record("ja", photos=None))
    assert federation.pull(PEER, OWNER).lying  # forked
    assert feed_of(federation).state == feeds.SPLIT


def test_calls_over_sockets_are_the_same_calls(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE], sockets=True)
    federation.publish(OWNER, sample_record("ar", photos=None))
    assert federation.pull(PEER, OWNER).documents == 2
    assert federation.ask(PEER, OWNER, "POST", "/doorbell").status == 202
    assert federation.rung == [OWNER]
    assert federation.wire.calls == []
    federation.close()
