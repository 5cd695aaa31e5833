"""The head store: one newest head a feed, which only what continues it replaces."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from node.errors import Conflict
from node.store.database import reading, writing
from node.store.federation import heads
from node.store.federation.heads import Head, advance_head, keep_cosigned, newest_head
from node.store.published import feeds
from protocol.checkpoint import Checkpoint
from protocol.tlog import EMPTY_ROOT
from tests.federation import START

OWNER = "police.fr.example"
ORIGIN = f"{OWNER}/network"
A, B, C = (bytes([number]) * 32 for number in (1, 2, 3))
LATER = START + timedelta(hours=1)


@pytest.fixture
def feed(engine: Engine) -> int:
    with writing(engine) as conn:
        return feeds.ensure_feed(conn, OWNER, "network", ORIGIN, own=False).id


def test_a_head_is_replaced_by_what_continues_it(engine: Engine, feed: int) -> None:
    with writing(engine) as conn:
        assert newest_head(conn, feed) is None
        advance_head(conn, feed, None, 0, EMPTY_ROOT, b"empty", START)
        first = newest_head(conn, feed)
        assert first == Head(feed, 0, EMPTY_ROOT, b"empty", START, None, None)
        advance_head(conn, feed, first, 5, A, b"five", LATER)
    with reading(engine) as conn:
        second = newest_head(conn, feed)
        assert second == Head(feed, 5, A, b"five", LATER, None, None)
        assert second.checkpoint(ORIGIN) == Checkpoint(ORIGIN, 5, A)
        assert heads.list_heads(conn) == {feed: second}


def test_of_two_that_start_from_one_head_the_slower_is_refused(engine: Engine, feed: int) -> None:
    with writing(engine) as conn:
        advance_head(conn, feed, None, 5, A, b"five", START)
        with pytest.raises(Conflict):
            advance_head(conn, feed, None, 5, B, b"another five", START)
        before = newest_head(conn, feed)
        advance_head(conn, feed, before, 8, B, b"eight", START)
        for size, root in ((7, C), (8, C), (9, C)):
            with pytest.raises(Conflict):
                advance_head(conn, feed, before, size, root, b"too late", LATER)
        assert newest_head(conn, feed) == Head(feed, 8, B, b"eight", START, None, None)


def test_a_head_with_newer_signatures_takes_its_own_place(engine: Engine, feed: int) -> None:
    with writing(engine) as conn:
        advance_head(conn, feed, None, 5, A, b"five", START)
        advance_head(conn, feed, newest_head(conn, feed), 5, A, b"five, cosigned", LATER)
        assert newest_head(conn, feed) == Head(feed, 5, A, b"five, cosigned", LATER, None, None)


def test_what_was_cosigned_stays_while_pulls_go_on(engine: Engine, feed: int) -> None:
    with writing(engine) as conn:
        advance_head(conn, feed, None, 5, A, b"five", START)
        keep_cosigned(conn, feed, b"five and mine", START)
        advance_head(conn, feed, newest_head(conn, feed), 9, B, b"nine", LATER)
        assert newest_head(conn, feed) == Head(feed, 9, B, b"nine", LATER, b"five and mine", START)
