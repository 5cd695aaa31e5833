"""A member behind a firewall: it reaches others and nobody reaches it, and it is a member all the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.config import MirrorConfig
from node.errors import NotFound, PeerUnavailable
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.following import arrivals, partner
from node.services.members import membership
from node.services.register import cases as register
from node.store.database import reading
from node.store.federation import peers
from node.store.published import feed_cases, feeds
from node.web.federation import make_federation_app
from protocol.bundle import PIECE_BYTES
from protocol.member import fingerprint
from protocol.receipt import HELD, format_receipt
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation, down, dropping, tampering
from tests.liars import case_states, dump, find_feed

OWNER, PARTNER, OTHER = NGO[0], FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """The NGO is behind a firewall, with the French police for a partner; it has published a case."""
    made = Federation(tmp_path, [FR, DE, NGO])
    set_partner(made, PARTNER)
    made.wire.faults[OWNER] = [down]
    made.publish(OWNER, sample_record("ar", photos=None))
    yield made
    made.close()


def set_partner(federation: Federation, member: str) -> None:
    node = federation[OWNER]
    config = replace(node.config, mirror=MirrorConfig(member))
    federation.nodes[OWNER] = replace(node, config=config)


def held(federation: Federation, member: str) -> set[str]:
    with reading(federation[member].engine) as conn:
        if feeds.find_feed(conn, OWNER, "network") is None:
            return set()
    states = case_states(federation[member], OWNER)
    return {case for case, (state, _) in states.items() if state == feed_cases.HELD}


def hand_in(federation: Federation) -> None:
    assert partner.hand_in(federation[OWNER])
    assert [done.issuer for done in arrivals.take_arrived(federation[PARTNER])] == [OWNER]


def test_its_feed_reaches_everybody_through_its_partner(federation: Federation) -> None:
    hand_in(federation)
    assert len(held(federation, PARTNER)) == 1
    assert federation.pull(OTHER, OWNER).through == [PARTNER]
    assert held(federation, OTHER) == held(federation, PARTNER)
    assert list((federation[PARTNER].config.home / "arrivals").iterdir()) == []
    assert list(federation[OWNER].scratch().iterdir()) == []


def test_receipts_are_fetched_until_nothing_is_owed(federation: Federation) -> None:
    hand_in(federation)
    federation.pull(OTHER, OWNER)
    (case,) = held(federation, OTHER)
    for member in (PARTNER, OTHER):
        assert federation.pull(OWNER, member).fetched == 1
        assert federation.pull(OWNER, member).fetched == 0
    told = {one.member: one.version for one in register.holdings(federation[OWNER], case)}
    assert told == {PARTNER: 1, OTHER: 1}

    publishing.erase(federation[OWNER], case, "test")
    hand_in(federation)
    federation.pull(OTHER, OWNER)
    for member in (PARTNER, OTHER):
        erasure.purge(federation[member])
        federation.pull(OWNER, member)
    assert all(one.purged_at for one in register.holdings(federation[OWNER], case))


def test_only_news_are_sent_and_what_was_lost_is_sent_again(federation: Federation) -> None:
    hand_in(federation)
    assert partner.hand_in(federation[OWNER], ask=True) is False
    federation.wire.calls.clear()
    assert partner.hand_in(federation[OWNER]) is False
    assert federation.wire.calls == [], "nothing new: not a single call"

    federation.publish(OWNER, sample_record("uk", photos=None))
    assert partner.hand_in(federation[OWNER])
    for path in (federation[PARTNER].config.home / "arrivals").iterdir():
        path.unlink()
    hand_in(federation)
    assert len(held(federation, PARTNER)) == 2


def test_whom_the_feeds_are_open_to_is_told_when_that_changes(tmp_path: Path) -> None:
    made = Federation(tmp_path, [FR, DE, NGO], accepted=False)
    set_partner(made, PARTNER)
    for node, other in ((OWNER, PARTNER), (PARTNER, OWNER)):
        accept(made, node, other)
    made.publish(OWNER, sample_record("ar", photos=None))
    hand_in(made)
    assert find_feed(made[PARTNER], OWNER).readers == PARTNER
    assert partner.hand_in(made[OWNER], ask=True) is False
    accept(made, OWNER, OTHER)
    assert partner.hand_in(made[OWNER], ask=True)
    arrivals.take_arrived(made[PARTNER])
    assert find_feed(made[PARTNER], OWNER).readers == f"{OTHER}\n{PARTNER}"
    made.close()


def accept(federation: Federation, node: str, other: str) -> None:
    entry = federation[node].network().roster.member(other)
    membership.accept_member(federation[node], other, fingerprint(entry), "test")


def test_a_bundle_that_never_ends_does_not_stay(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold a child that is erased meanwhile."""
    monkeypatch.setattr(arrivals, "PIECE_BYTES", 1000)
    folder = federation[PARTNER].config.home / "arrivals"
    assert federation.ask(OWNER, PARTNER, "PUT", "/bundles/test-bundle-1/0", b"x" * 1000).status == 204
    for minutes, left in ((59, 1), (2, 0)):
        federation.clock.advance(minutes=minutes)
        assert arrivals.take_arrived(federation[PARTNER]) == []
        assert len(list(folder.iterdir())) == left


def test_what_waits_takes_no_more_disk_than_is_allowed_and_leaves_some_free(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, put = federation[PARTNER], "/bundles/test-bundle-1"
    monkeypatch.setattr(arrivals, "PIECE_BYTES", 400_000)
    config = replace(node.config, storage=replace(node.config.storage, arrivals_megabytes=1))
    federation.nodes[PARTNER] = replace(node, config=config)
    federation.wire.apps[PARTNER] = make_federation_app(federation[PARTNER], lambda: None)
    piece = b"x" * 400_000
    for caller, number in ((OWNER, 0), (OTHER, 0)):
        assert federation.ask(caller, PARTNER, "PUT", f"{put}/{number}", piece).status == 204
    before = sorted((path.name, path.stat().st_size) for path in (config.home / "arrivals").iterdir())
    answer = federation.ask(OWNER, PARTNER, "PUT", f"{put}/1", piece)
    assert (answer.status, b"no room for more bundles" in answer.body) == (503, True)
    monkeypatch.setattr(arrivals, "free_bytes", lambda folder: arrivals.MIN_FREE_BYTES)
    answer = federation.ask(OTHER, PARTNER, "PUT", f"{put}/1/last", b"x")
    assert (answer.status, b"almost full" in answer.body) == (503, True)
    assert answer.headers["retry-after"] == "60"
    assert sorted((path.name, path.stat().st_size) for path in (config.home / "arrivals").iterdir()) == before


def test_pieces_are_put_together_in_their_order_or_not_at_all(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (partner, arrivals):
        monkeypatch.setattr(module, "PIECE_BYTES", 1000)
    federation.wire.faults[PARTNER] = [dropping(3)]
    with pytest.raises(PeerUnavailable):
        partner.hand_in(federation[OWNER])
    assert arrivals.take_arrived(federation[PARTNER]) == []
    del federation.wire.faults[PARTNER]
    hand_in(federation)
    assert len(held(federation, PARTNER)) == 1

    put = "/bundles/test-bundle-1"
    assert federation.ask(OWNER, PARTNER, "PUT", f"{put}/1", b"x" * 1000).status == 409
    assert federation.ask(OWNER, PARTNER, "PUT", f"{put}/0", b"x" * 1000).status == 204
    assert federation.ask(OWNER, PARTNER, "PUT", f"{put}/0", b"y" * 1000).status == 204, "it begins anew"
    assert federation.ask(OWNER, PARTNER, "PUT", f"{put}/2", b"x" * 1000).status == 409
    assert federation.ask(OWNER, PARTNER, "PUT", "/bundles/other-bundle-1/1", b"x" * 1000).status == 409
    assert federation.ask(OWNER, PARTNER, "PUT", f"{put}/1/last", b"x").status == 202
    assert federation.ask(OWNER, PARTNER, "PUT", f"{put}/0", b"x" * 1000).status == 409, "one waits already"
    before = dump(federation[PARTNER])
    assert arrivals.take_arrived(federation[PARTNER]) == []
    assert dump(federation[PARTNER]) == before
    with reading(federation[PARTNER].engine) as conn:
        peer = peers.find_peer(conn, OWNER)
    assert peer is not None
    assert "bundle" in peer.false_reason


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/bundles/short/0", b"x" * PIECE_BYTES, 400),
        ("/bundles/test-bundle-1/00", b"x" * PIECE_BYTES, 400),
        ("/bundles/test-bundle-1/-1", b"x" * PIECE_BYTES, 400),
        ("/bundles/test-bundle-1/0", b"x", 400),
        ("/bundles/test-bundle-1/0", b"x" * (PIECE_BYTES + 1), 413),
        (f"/bundles/test-bundle-1/{arrivals.MAX_BYTES // PIECE_BYTES}", b"x" * PIECE_BYTES, 400),
    ],
)
def test_what_is_no_piece_is_refused(federation: Federation, path: str, body: bytes, status: int) -> None:
    assert federation.ask(OWNER, PARTNER, "PUT", path, body).status == status
    folder = federation[PARTNER].config.home / "arrivals"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_only_members_hand_in_and_fetch(federation: Federation) -> None:
    for method, path in (("PUT", "/bundles/test-bundle-1/0/last"), ("GET", "/receipts")):
        assert federation.ask(None, PARTNER, method, path).status == 401
    federation.announce(OWNER, state="removed", removed_at=federation.clock())
    federation.clock.advance(days=31)
    for method, path in (("PUT", "/bundles/test-bundle-1/0/last"), ("GET", "/receipts")):
        assert federation.ask(OWNER, PARTNER, method, path).status == 403


def test_a_bundle_that_breaks_off_behind_a_gap_is_dropped(federation: Federation) -> None:
    federation.wire.faults[PARTNER] = [tampering("/checkpoint", lambda body: body)]
    hand_in(federation)
    federation.publish(OWNER, sample_record("uk", photos=None))
    before = dump(federation[PARTNER])
    member = federation[OWNER].network().roster.member(PARTNER)
    partner._send(federation[OWNER], member, {f"{OWNER}/network": 2})
    row = find_feed(federation[PARTNER], OWNER)
    assert row.size == 1
    arrivals.take_arrived(federation[PARTNER])
    assert {name: rows for name, rows in dump(federation[PARTNER]).items() if name != "carried_head"} == {
        name: rows for name, rows in before.items() if name != "carried_head"
    }


def test_only_own_receipts_are_taken_back(federation: Federation) -> None:
    hand_in(federation)
    signer, now = federation[OTHER].token_signer(), federation[OTHER].now()
    foreign = format_receipt(signer, OWNER, f"{OWNER}/network", HELD, [], now, "receipt-1")
    for body in (foreign.encode(), b"hello"):
        assert federation.ask(OWNER, PARTNER, "POST", "/receipts/settled", body).status in (400, 403)
    (owed,) = federation[OWNER].peers.get_receipts(federation[OWNER].network().roster.member(PARTNER))
    assert federation.ask(OTHER, PARTNER, "POST", "/receipts/settled", owed.encode()).status == 403
    assert federation.ask(OWNER, PARTNER, "POST", "/receipts/settled", owed.encode()).status == 204
    assert federation[OWNER].peers.get_receipts(federation[OWNER].network().roster.member(PARTNER)) == []


def test_a_receipt_that_is_false_is_not_settled(federation: Federation) -> None:
    hand_in(federation)
    federation.wire.faults[PARTNER] = [tampering("/receipts", lambda body: body.replace(b"ey", b"eY", 1))]
    report = federation.pull(OWNER, PARTNER)
    assert report.lying
    del federation.wire.faults[PARTNER]
    assert federation.pull(OWNER, PARTNER).fetched == 1


def test_without_a_partner_nothing_is_sent_and_an_unknown_one_is_named(federation: Federation) -> None:
    set_partner(federation, "")
    assert partner.hand_in(federation[OWNER], ask=True) is False
    set_partner(federation, "police.xx.example")
    with pytest.raises(NotFound, match=r"police\.xx"):
        partner.hand_in(federation[OWNER])
