"""What a peer may be given and what is taken from it, without HTTP."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from node.errors import Conflict, NotAllowed, NotFound
from node.services import serving
from node.services.disclosure import ledger, publishing
from node.services.serving import MAX_RINGS, Caller, NotIdentified, TooOften
from node.store.database import reading, writing
from node.store.federation import receipts
from node.store.published import documents, feed_cases, feeds
from node.store.staff import access
from protocol.encoding import format_time
from protocol.errors import BadSignature, Malformed, NotAuthorized, ProtocolError
from protocol.receipt import ERASED, HELD, format_receipt
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


def call(federation: Federation, member: str = PEER) -> Caller:
    """Let a member call the French police once more."""
    token = federation.token(member, POLICE, "POST", "/x")
    with reading(federation[POLICE].engine) as conn:
        return serving.caller_of(federation[POLICE], conn, f"Bearer {token}", "POST", "/x", b"")


@dataclass
class Published:
    """A case of the French police in its network feed."""

    federation: Federation
    case_id: str
    digest: bytes
    feed_id: int

    def receipt(
        self, kind: str = HELD, signer: str = PEER, origin: str = f"{POLICE}/network", **changes: Any
    ) -> str:
        """Sign a receipt about it; `changes` are fields of its one item, left out when None."""
        now = format_time(self.federation.clock())
        held = {"digest": self.digest.hex(), "held_at": now}
        said = held if kind == HELD else {"hidden_at": now}
        item = {"case": self.case_id, "version": 1, **said, **changes}
        item = {name: value for name, value in item.items() if value is not None}
        private = self.federation[signer].token_signer()
        return format_receipt(private, POLICE, origin, kind, [item], self.federation.clock(), "receipt-1")

    def take(self, receipt: str, caller: str = PEER) -> None:
        serving.take_receipt(self.federation[POLICE], call(self.federation, caller), receipt)

    def promises(self) -> list[receipts.Promise]:
        with reading(self.federation[POLICE].engine) as conn:
            return receipts.promises_of(conn, self.feed_id, self.case_id)

    def statements(self) -> int:
        with reading(self.federation[POLICE].engine) as conn:
            return len(conn.execute(receipts.receipt_statement.select()).all())


@pytest.fixture
def published(federation: Federation) -> Published:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    with reading(federation[POLICE].engine) as conn:
        row = feeds.find_feed(conn, POLICE, "network")
        assert row is not None
        (held,) = documents.iterate_documents(conn, row.id, 0, 10)
    return Published(federation, case.case_id, held.digest, row.id)


def test_a_receipt_says_who_holds_which_version(published: Published) -> None:
    published.take(published.receipt())
    (promise,) = published.promises()
    assert (promise.member, promise.version, promise.held_at) == (PEER, 1, published.federation.clock())
    assert published.statements() == 0


def test_receipts_about_an_erasure_are_kept_as_they_came_while_they_say_something_new(
    published: Published,
) -> None:
    publishing.erase(published.federation[POLICE], published.case_id, "test")
    for _ in range(3):
        published.take(published.receipt(ERASED, version=2))
        published.federation.clock.advance(seconds=1)
    assert published.statements() == 1
    now = format_time(published.federation.clock())
    published.take(published.receipt(ERASED, version=2, purged_at=now))
    assert published.statements() == 2
    published.take(published.receipt(ERASED, version=2))
    (promise,) = published.promises()
    assert promise.purged_at is not None
    assert published.statements() == 2


def test_the_purge_of_an_older_version_confirms_no_later_erasure(published: Published) -> None:
    """Its clock is ahead: the version ended there before its owner renewed it."""
    node, now = published.federation[POLICE], format_time(published.federation.clock())
    published.take(published.receipt(ERASED, purged_at=now))
    publishing.publish(node, [published.case_id], "test")
    with reading(node.engine) as conn:
        digest = feed_cases.lookup_cases(conn, published.feed_id, [published.case_id])[
            published.case_id
        ].digest
    assert digest is not None
    publishing.erase(node, published.case_id, "test")
    for told in (None, published.receipt(version=2, digest=digest.hex())):
        if told:
            published.take(told)
        [entry] = [entry for entry in ledger.list_erasures(node) if entry.audience == "network"]
        assert entry.case_id == published.case_id
        assert PEER in entry.waiting
    (promise,) = published.promises()
    assert (promise.version, promise.purged_at) == (2, None)
    published.take(published.receipt(ERASED, version=3, purged_at=now))
    [entry] = [entry for entry in ledger.list_erasures(node) if entry.audience == "network"]
    assert PEER not in entry.waiting


def test_a_late_receipt_about_a_version_that_is_gone_is_taken(published: Published) -> None:
    late = published.receipt()
    publishing.erase(published.federation[POLICE], published.case_id, "test")
    published.take(late)
    assert published.promises()[0].version == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"version": 2}, Malformed),
        ({"version": 0}, Malformed),
        ({"digest": "0" * 64}, Malformed),
        ({"digest": None}, Malformed),
        ({"held_at": "yesterday"}, Malformed),
        ({"held_at": "2026-02-31T00:00:00Z"}, Malformed),
        ({"purged_at": "2026-11-21T12:00:00Z"}, Malformed),
        ({"case": f"{POLICE}/{'a' * 26}"}, NotAuthorized),
        ({"case": f"{PEER}/{'a' * 26}"}, NotAuthorized),
        ({"case": "../../etc/passwd"}, Malformed),
        ({"origin": f"{POLICE}/nothing"}, Malformed),
        ({"origin": f"{PEER}/network"}, NotAuthorized),
        ({"signer": HELPER}, NotAuthorized),
    ],
)
def test_a_receipt_that_cannot_be_leaves_nothing_behind(
    published: Published, changes: dict[str, Any], error: type[ProtocolError]
) -> None:
    with pytest.raises(error):
        published.take(published.receipt(**changes))
    assert published.promises() == []
    assert published.statements() == 0


def test_a_forged_receipt(published: Published) -> None:
    head, payload, _ = published.receipt().split(".")
    with pytest.raises(BadSignature):
        published.take(f"{head}.{payload}.{'A' * 86}")


def test_an_ngo_learns_nothing_from_a_receipt_about_the_police_feed(published: Published) -> None:
    with pytest.raises(NotAuthorized) as police:
        published.take(published.receipt(signer=HELPER, origin=f"{POLICE}/police"), HELPER)
    assert str(police.value) == "receipt: not about a feed that is exchanged with its sender"
    published.take(published.receipt(signer=HELPER), HELPER)


def test_a_write_is_honoured_once_until_its_token_is_too_old(published: Published) -> None:
    federation, node = published.federation, published.federation[POLICE]
    caller = call(federation)
    serving.take_receipt(node, caller, published.receipt())
    with pytest.raises(Conflict):
        serving.take_receipt(node, caller, published.receipt())
    with pytest.raises(Conflict):
        serving.take_ring(node, caller)
    federation.clock.advance(minutes=6, seconds=59)
    with writing(node.engine) as conn:
        access.forget_requests(conn, federation.clock())
    with pytest.raises(Conflict):
        serving.take_receipt(node, caller, published.receipt())


def test_a_refused_write_may_be_tried_again(published: Published) -> None:
    caller = call(published.federation)
    with pytest.raises(Malformed):
        serving.take_receipt(published.federation[POLICE], caller, published.receipt(version=9))
    serving.take_receipt(published.federation[POLICE], caller, published.receipt())


def test_rings_are_counted_by_the_minute_and_by_the_member(federation: Federation) -> None:
    node = federation[POLICE]
    for _ in range(MAX_RINGS):
        serving.take_ring(node, call(federation))
    with pytest.raises(TooOften):
        serving.take_ring(node, call(federation))
    serving.take_ring(node, call(federation, HELPER))
    federation.clock.advance(seconds=60)
    serving.take_ring(node, call(federation))


def test_a_removed_member_may_neither_ring_nor_promise(published: Published) -> None:
    published.federation.announce(PEER, state="removed", removed_at=published.federation.clock())
    published.federation.clock.advance(days=30)
    caller = call(published.federation)
    for refused in (
        lambda: serving.take_ring(published.federation[POLICE], caller),
        lambda: serving.take_receipt(published.federation[POLICE], caller, published.receipt()),
    ):
        with pytest.raises(NotAllowed, match="removed"):
            refused()


def test_a_suspended_member_reads_leaves_and_no_documents(published: Published) -> None:
    """So that an erasure reaches what it still holds, and its receipt comes back."""
    published.federation.announce(PEER, state="suspended")
    node, caller = published.federation[POLICE], call(published.federation)
    with reading(node.engine) as conn:
        assert serving.open_feed(node, conn, "network", caller, leaves=True).origin == f"{POLICE}/network"
        with pytest.raises(NotAllowed, match="suspended"):
            serving.open_feed(node, conn, "network", caller)
    serving.take_receipt(node, caller, published.receipt())


def test_a_feed_without_a_signed_head_is_not_there_yet(published: Published) -> None:
    node = published.federation[POLICE]
    with writing(node.engine) as conn:
        conn.execute(feeds.feed.update().values(note=None))
    with reading(node.engine) as conn, pytest.raises(NotFound):
        serving.open_feed(node, conn, "network", call(published.federation))


def test_a_roster_that_ran_out_ends_police_exchange_after_a_month(federation: Federation) -> None:
    node = federation[POLICE]
    caller = call(federation)
    with reading(node.engine) as conn:
        assert serving.open_feed(node, conn, "police", caller).audience == "police"
    federation.clock.advance(days=37, seconds=1)
    caller = call(federation)
    with reading(node.engine) as conn:
        assert serving.open_feed(node, conn, "network", caller).audience == "network"
        with pytest.raises(NotFound):
            serving.open_feed(node, conn, "police", caller)


def test_a_caller_is_taken_by_the_key_that_was_in_force(federation: Federation) -> None:
    entry = federation[POLICE].network().roster.member(PEER)
    (key,) = entry.token_keys
    ends = federation.clock() + timedelta(days=1)
    federation.announce(PEER, token_keys=(replace(key, until=ends),))
    assert call(federation).member == PEER
    federation.clock.advance(days=1)
    with pytest.raises(NotIdentified):
        call(federation)
