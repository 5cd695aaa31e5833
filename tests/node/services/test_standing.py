"""Who may exchange what with whom, and since when."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from node.services import membership
from node.services.standing import EXPIRED_POLICE, Exchange, exchange_with
from node.store.database import reading
from protocol.endorsement import State
from protocol.errors import NotAuthorized
from protocol.policy import Policy
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path)
    yield made
    made.close()


@pytest.fixture
def strangers(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, accepted=False, policy=Policy(notice_days=7))
    yield made
    made.close()


def exchange(federation: Federation, member: str, other: str) -> Exchange:
    with reading(federation[member].engine) as conn:
        return exchange_with(conn, federation[member], other)


def test_police_exchanges_both_feeds_and_an_ngo_one(federation: Federation) -> None:
    assert exchange(federation, POLICE, PEER).audiences == ("network", "police")
    assert exchange(federation, POLICE, HELPER).audiences == ("network",)
    assert exchange(federation, HELPER, POLICE).audiences == ("network",)
    assert exchange(federation, POLICE, PEER).reason == ""
    with pytest.raises(NotAuthorized):
        exchange(federation, POLICE, "police.xx.example")


def test_without_acceptance_only_the_network_feed_after_the_days_of_notice(strangers: Federation) -> None:
    for _ in range(2):
        found = exchange(strangers, POLICE, PEER)
        assert (found.accepted, found.audiences, found.leaves) == (False, (), ())
        assert "gmcn member accept" in found.reason
        strangers.clock.advance(days=3)
    strangers.clock.advance(days=1)
    found = exchange(strangers, POLICE, PEER)
    assert (found.accepted, found.audiences) == (False, ("network",))
    assert "police exchange waits" in found.reason
    strangers.clock.advance(days=1000)
    assert exchange(strangers, POLICE, PEER).audiences == ("network",)


def test_new_keys_of_a_member_begin_again(federation: Federation) -> None:
    other = federation.coordinator.trusted.roster.member(HELPER)
    federation.announce(PEER, sealing_keys=other.sealing_keys)
    found = exchange(federation, POLICE, PEER)
    assert (found.accepted, found.audiences) == (False, ())
    federation.accept_all(federation[POLICE])
    assert exchange(federation, POLICE, PEER).audiences == ("network", "police")


@pytest.mark.parametrize(("state", "leaves"), [("suspended", ("network", "police")), ("removed", ())])
def test_a_member_that_the_roster_stops(federation: Federation, state: str, leaves: tuple[str, ...]) -> None:
    removed_at = federation.clock() if state == "removed" else None
    federation.announce(PEER, state=state, removed_at=removed_at)
    for found in (exchange(federation, POLICE, PEER), exchange(federation, PEER, POLICE)):
        assert (found.audiences, found.leaves) == ((), leaves)
        assert state in found.reason
    assert exchange(federation, POLICE, HELPER).audiences == ("network",)


def test_an_ngo_stops_with_its_endorsement_even_when_nobody_answers(federation: Federation) -> None:
    federation.publish(HELPER, sample_record("ar", photos=None))
    federation.pull(POLICE, HELPER)
    federation.clock.advance(days=365, seconds=-1)
    assert exchange(federation, PEER, HELPER).standing.warning == 7
    assert exchange(federation, PEER, HELPER).audiences == ("network",)
    federation.clock.advance(seconds=1)
    found = exchange(federation, PEER, HELPER)
    assert (found.standing.state, found.audiences, found.leaves) == (State.LAPSED, (), ("network",))


def test_a_withdrawn_endorsement_counts_where_it_is_known(federation: Federation) -> None:
    membership.withdraw_endorsement(federation[POLICE], HELPER, "test")
    assert exchange(federation, POLICE, HELPER).audiences == ()
    assert exchange(federation, PEER, HELPER).audiences == ("network",)
    federation.publish(POLICE, sample_record("ar", photos=None))
    assert "only erasures" in federation.pull(HELPER, POLICE).error  # which brings the reason
    assert federation.pull(HELPER, POLICE).error == ""
    found = exchange(federation, HELPER, POLICE)
    assert (found.audiences, "own standing" in found.reason) == ((), True)


def test_police_exchange_stops_thirty_days_after_the_roster_ran_out(federation: Federation) -> None:
    expires = federation[POLICE].network().expires_at
    federation.clock.now = expires + EXPIRED_POLICE - timedelta(seconds=1)
    assert exchange(federation, POLICE, PEER).audiences == ("network", "police")
    federation.clock.advance(seconds=1)
    found = exchange(federation, POLICE, PEER)
    assert (found.audiences, "30 days" in found.reason) == (("network",), True)


def test_a_member_that_the_roster_leads_elsewhere_begins_again(federation: Federation) -> None:
    """Else whoever writes the roster could stand between two members, and read police documents."""
    federation.announce(FR[0], address="https://relay.example")
    assert exchange(federation, DE[0], FR[0]).audiences == ()
    federation.accept_all(federation[DE[0]])
    assert exchange(federation, DE[0], FR[0]).audiences == ("network", "police")
