"""What is known of peers: acceptance is of keys, and what is due stands in the database."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from node.store.database import reading, writing
from node.store.federation import peers
from tests.federation import START

PEER = "police.de.example"
WAIT = timedelta(minutes=5)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with writing(engine) as conn:
        peers.see_peer(conn, PEER, "keys", START)
    return engine


def find(engine: Engine) -> peers.Peer:
    with reading(engine) as conn:
        found = peers.find_peer(conn, PEER)
    assert found is not None
    return found


def test_other_keys_are_new_from_that_moment_and_not_accepted(filled: Engine) -> None:
    with writing(filled) as conn:
        peers.accept_peer(conn, PEER, "keys", START)
        peers.see_peer(conn, PEER, "keys", START + WAIT)
    assert (find(filled).seen_at, find(filled).accepted) == (START, "keys")
    with writing(filled) as conn:
        peers.see_peer(conn, PEER, "others", START + WAIT)
    assert (find(filled).seen_at, find(filled).fingerprint) == (START + WAIT, "others")
    assert find(filled).accepted != find(filled).fingerprint


@pytest.mark.parametrize("good", [True, False])
def test_a_ring_since_the_start_of_a_pull_stays_due(filled: Engine, good: bool) -> None:
    def record(started: int, now: int) -> None:
        begun, ended = START + timedelta(seconds=started), START + timedelta(seconds=now)
        with writing(filled) as conn:
            if good:
                peers.record_success(conn, PEER, begun, ended, WAIT)
            else:
                peers.record_failure(conn, PEER, begun, ended, WAIT, "down", lying=False)

    record(0, 1)
    assert find(filled).next_at == START + timedelta(seconds=1) + WAIT
    record(2, 3)  # by hand, before it was due: what was planned for later is planned anew
    assert find(filled).next_at == START + timedelta(seconds=3) + WAIT
    with writing(filled) as conn:
        peers.ring(conn, PEER, START + timedelta(seconds=5))
    record(4, 6)
    assert find(filled).next_at == START + timedelta(seconds=5)
    record(7, 8)
    assert find(filled).next_at == START + timedelta(seconds=8) + WAIT


def test_failures_are_counted_until_a_sign_of_life(filled: Engine) -> None:
    with writing(filled) as conn:
        for _ in range(3):
            peers.record_failure(conn, PEER, START, START, WAIT, "down", lying=False)
    assert (find(filled).failures, find(filled).reached_at, find(filled).error) == (3, None, "down")
    with writing(filled) as conn:
        peers.record_failure(conn, PEER, START, START, WAIT, "lie", lying=True)
    assert (find(filled).failures, find(filled).reached_at, find(filled).lying) == (4, START, True)
    with writing(filled) as conn:
        peers.record_success(conn, PEER, START, START, WAIT)
    assert (find(filled).failures, find(filled).error, find(filled).lying) == (0, "", False)
