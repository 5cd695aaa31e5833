"""What witnesses answered last, and the own head that waits for them, on both databases."""

from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from node.store.database import reading, writing
from node.store.federation.witnesses import WitnessAnswer, forget_answers, list_answers, record_answers
from node.store.published import feeds
from node.store.published.feeds import FeedRow, own_feeds, publish_note, set_feed_state
from protocol.checkpoint import sign_checkpoint
from protocol.feed import FeedHead, grow
from protocol.note import ED25519, Ed25519Signer, format_note
from tests.federation import START

OWNER, FIRST, SECOND = "police.fr.example", "police.br.example", "police.de.example"
ORIGIN = f"{OWNER}/network"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
LATER = START + timedelta(minutes=7)


def own_feed(engine: Engine) -> FeedRow:
    with reading(engine) as conn:
        (row,) = own_feeds(conn)
    return row


def sign(engine: Engine, *, publish: bool) -> bytes:
    signer = Ed25519Signer(ORIGIN, ED25519, KEY)
    with writing(engine, durable=True) as conn:
        row = feeds.ensure_feed(conn, OWNER, "network", ORIGIN, own=True)
        frontier = row.known().frontier
        growth = grow(feeds.load_head(conn, row, frontier) if row.size else FeedHead(ORIGIN), [b"leaf"])
        note = format_note(sign_checkpoint(growth.head.checkpoint(), signer))
        feeds.store_growth(conn, row, growth, note, START, publish=publish)
    return note


def test_who_does_not_cosign_keeps_the_time_when_it_last_did(engine: Engine) -> None:
    sign(engine, publish=True)
    feed = own_feed(engine).id
    good = [WitnessAnswer(feed, member, START, START, -3, "") for member in (FIRST, SECOND)]
    with writing(engine) as conn:
        record_answers(conn, [])
        record_answers(conn, good)
        assert list_answers(conn, feed) == good
        record_answers(
            conn,
            [
                WitnessAnswer(feed, FIRST, LATER, None, None, "It cannot be reached."),
                WitnessAnswer(feed, SECOND, LATER, LATER, 4, ""),
            ],
        )
        assert list_answers(conn, feed) == [
            WitnessAnswer(feed, FIRST, LATER, START, -3, "It cannot be reached."),
            WitnessAnswer(feed, SECOND, LATER, LATER, 4, ""),
        ]
        forget_answers(conn, feed)
        assert list_answers(conn, feed) == []


def test_a_pending_head_is_published_only_while_it_is_the_newest(engine: Engine) -> None:
    first = sign(engine, publish=True)
    second = sign(engine, publish=False)
    row = own_feed(engine)
    assert (row.note, row.pending, row.newest_note) == (first, second, second)
    assert (row.size, row.published_size()) == (2, 1)
    third = sign(engine, publish=False)
    with writing(engine) as conn:
        publish_note(conn, row, second + b"cosigned")
    assert own_feed(engine).note == first, "the feed has grown meanwhile"
    row = own_feed(engine)
    with writing(engine) as conn:
        set_feed_state(conn, row.id, feeds.BEHIND, "others know more")
        publish_note(conn, row, third)
    assert own_feed(engine).note == first, "it was stopped meanwhile"
    with writing(engine) as conn:
        set_feed_state(conn, row.id, feeds.OPEN)
        publish_note(conn, row, third + b"cosigned")
        publish_note(conn, row, third + b"by a slower process")
    row = own_feed(engine)
    assert (row.note, row.pending, row.published_size()) == (third + b"cosigned", None, 3)


def test_a_first_head_that_waits_is_served_to_nobody(engine: Engine) -> None:
    sign(engine, publish=False)
    row = own_feed(engine)
    assert (row.note, row.size, row.published_size()) == (None, 1, 0)
