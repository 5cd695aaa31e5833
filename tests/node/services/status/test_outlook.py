"""How each member stands, in one word: that of the worst that is known."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.errors import NotFound
from node.services.disclosure import ledger, publishing
from node.services.following import pulling
from node.services.status.looking import status
from node.services.status.outlook import MemberOverview, Outlook, find_overview, list_overviews
from node.store.database import reading, writing
from node.store.federation import peers, receipts
from node.store.published import feeds
from protocol.policy import Policy
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation, down, tampering

OWN, PEER, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def made(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    """Three members, of which one has a database of either kind."""
    federation = Federation(tmp_path, [FR, DE, NGO], databases={OWN: database_url})
    yield federation
    federation.close()


def peer(federation: Federation, member: str = PEER) -> MemberOverview:
    return find_overview(federation[OWN], member)


def test_a_member_goes_through_every_state(made: Federation) -> None:
    node = made[OWN]
    assert peer(made).outlook is Outlook.NEVER
    made.publish(PEER, sample_record("ar", photos=None))
    made.pull(OWN, PEER)
    assert (peer(made).outlook, peer(made).held_here, peer(made).witnessed) == (Outlook.FRESH, 2, None)
    made.clock.advance(hours=3)
    assert peer(made).outlook is Outlook.STALE
    made.clock.advance(hours=22)
    assert peer(made).outlook is Outlook.SILENT
    made.wire.faults[PEER] = [down]
    made.pull(OWN, PEER)
    assert peer(made).outlook is Outlook.DOWN
    del made.wire.faults[PEER]
    made.pull(OWN, PEER)
    with writing(node.engine) as conn:
        peers.accept_peer(conn, PEER, "", node.clock())
    assert peer(made).outlook is Outlook.WAITING
    made.accept_all(node)
    made.announce(HELPER, state="suspended")
    assert peer(made, HELPER).outlook is Outlook.SUSPENDED
    made.publish(PEER, sample_record("uk", photos=None))
    made.wire.faults[PEER] = [tampering("/checkpoint", lambda data: data.replace(b"\n", b"\nx", 1))]
    assert made.pull(OWN, PEER).lying
    assert peer(made).outlook is Outlook.QUARANTINED
    with writing(node.engine) as conn:
        row = feeds.find_feed(conn, PEER, "network")
        assert row is not None
        feeds.set_feed_state(conn, row.id, feeds.SPLIT, "two faces")
    assert peer(made).outlook is Outlook.STOPPED
    with pytest.raises(NotFound):
        peer(made, "police.nowhere.example")


def test_members_are_listed_by_country(made: Federation) -> None:
    assert [found.peer.member for found in list_overviews(made[OWN])] == [PEER, HELPER]


def test_what_peers_hold_of_ours_is_counted_by_case_until_it_is_hidden(made: Federation) -> None:
    first, _ = made.publish(OWN, *(sample_record("ar", photos=None) for _ in range(2)))
    made.pull(PEER, OWN)
    made.pull(HELPER, OWN)
    with reading(made[OWN].engine) as conn:
        assert receipts.count_held(conn) == {PEER: 2, HELPER: 2}
    publishing.erase(made[OWN], first.case_id, "test")
    made.pull(PEER, OWN)
    assert (peer(made).held_there, peer(made, HELPER).held_there) == (1, 2)


def test_a_page_of_the_ledger_is_part_of_the_whole(made: Federation) -> None:
    node = made[OWN]
    for case in made.publish(OWN, *(sample_record("ar", photos=None) for _ in range(3))):
        made.clock.advance(hours=1)
        publishing.erase(node, case.case_id, "test")
    whole = ledger.page_of_erasures(node, 100)
    assert [entry.ended_at for entry in whole] == sorted((entry.ended_at for entry in whole), reverse=True)
    assert {(e.case_id, e.audience) for e in whole} == {
        (e.case_id, e.audience) for e in ledger.list_erasures(node)
    }
    assert ledger.page_of_erasures(node, 4) + ledger.page_of_erasures(node, 4, 4) == whole
    assert ledger.page_of_erasures(node, 100, open_only=True) == whole
    assert ledger.find_late(node) == {}
    made.clock.advance(hours=25)
    assert ledger.find_late(node) == dict.fromkeys((PEER, HELPER), whole[-1].ended_at)


def test_pulling_soon_makes_those_due_with_whom_something_is_exchanged(made: Federation) -> None:
    node = made[OWN]
    made.announce(HELPER, state="removed", removed_at=made.clock())
    made.clock.advance(days=400)
    made.coordinator.announce()
    made.refresh()
    made.pull(OWN, PEER)
    with reading(node.engine) as conn:
        assert PEER not in peers.due_peers(conn, node.clock())
    assert pulling.pull_soon(node) == [PEER]
    with reading(node.engine) as conn:
        assert PEER in peers.due_peers(conn, node.clock())


def test_that_no_witness_is_named_is_said_until_one_is(made: Federation) -> None:
    def said() -> list[str]:
        return [text for text in status(made[FR[0]]).warnings if "names no witnesses" in text]

    assert [f"{FR[0]}/network" in text for text in said()] == [True]
    made.coordinator.announce(
        policy=Policy(witnesses={"network": (DE[0],), "police": (DE[0],)}, quorum={"network": 1, "police": 1})
    )
    made.refresh()
    assert said() == []
