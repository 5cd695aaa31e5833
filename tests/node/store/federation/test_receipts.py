"""The ledger of peers' promises: it fills, and never goes back."""

from datetime import timedelta

from sqlalchemy import Engine

from node.store.database import writing
from node.store.federation import receipts
from node.store.federation.receipts import Promise
from node.store.published import feeds
from tests.federation import START

OWNER, PEER, CASE = "police.fr.example", "police.de.example", "police.fr.example/a"
LATER = START + timedelta(hours=1)


def test_what_was_promised_stands(engine: Engine) -> None:
    with writing(engine) as conn:
        feed = feeds.ensure_feed(conn, OWNER, "network", f"{OWNER}/network", own=True).id

    def say(version: int, **said: object) -> tuple[int, Promise]:
        with writing(engine) as conn:
            news = receipts.record_promises(conn, feed, PEER, [Promise(CASE, PEER, version, **said)])  # type: ignore[arg-type]
            (promise,) = receipts.promises_of(conn, feed, CASE)
            return news, promise

    assert say(2, held_at=START) == (1, Promise(CASE, PEER, 2, START))
    assert say(2, held_at=LATER) == (0, Promise(CASE, PEER, 2, START))
    assert say(1, held_at=LATER) == (0, Promise(CASE, PEER, 2, START))
    assert say(3, hidden_at=START) == (1, Promise(CASE, PEER, 3, START, START))
    assert say(3, hidden_at=LATER, purged_at=LATER) == (1, Promise(CASE, PEER, 3, START, START, LATER))
    assert say(3, hidden_at=LATER) == (0, Promise(CASE, PEER, 3, START, START, LATER))
    assert say(2, held_at=LATER) == (0, Promise(CASE, PEER, 3, START, START, LATER))


def test_one_peer_does_not_speak_for_another(engine: Engine) -> None:
    with writing(engine) as conn:
        feed = feeds.ensure_feed(conn, OWNER, "network", f"{OWNER}/network", own=True).id
        for member in (PEER, "ngo.fr.example"):
            receipts.record_promises(conn, feed, member, [Promise(CASE, member, 1, START)])
        receipts.record_promises(conn, feed, PEER, [Promise(CASE, PEER, 2, hidden_at=START)])
        said = {promise.member: promise.version for promise in receipts.promises_of(conn, feed, CASE)}
    assert said == {PEER: 2, "ngo.fr.example": 1}
