"""Who may exchange what with whom, and since when."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import NotAllowed, NotFound
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.members import membership
from node.services.standing import EXPIRED_POLICE, Exchange, exchange_with, exchanges, other_member
from node.services.status import status
from node.store.database import reading
from protocol.endorsement import State
from protocol.errors import NotAuthorized
from protocol.policy import Policy
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation
from tests.liars import case_states

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def strangers(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, accepted=False, policy=Policy(notice_days=7))
    yield made
    made.close()


def exchange(federation: Federation, member: str, other: str) -> Exchange:
    """Tell it by a look at one member, and hold that against a look at all of them."""
    with reading(federation[member].engine) as conn:
        found = exchange_with(conn, federation[member], other)
        assert found in exchanges(conn, federation[member])
        return found


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


@pytest.mark.parametrize(
    ("state", "leaves"), [("suspended", ("network", "police")), ("removed", ("network",))]
)
def test_from_a_member_that_the_roster_stops_only_erasures_are_read(
    federation: Federation, state: str, leaves: tuple[str, ...]
) -> None:
    federation.announce(PEER, state=state, removed_at=federation.clock() if state == "removed" else None)
    for found in (exchange(federation, POLICE, PEER), exchange(federation, PEER, POLICE)):
        assert (found.audiences, found.leaves) == ((), leaves)
        assert state in found.reason
    assert exchange(federation, POLICE, HELPER).audiences == ("network",)


def test_erasures_of_a_removed_member_count_until_its_replicas_are_gone(federation: Federation) -> None:
    first, second = (
        federation.publish(PEER, sample_record(language, photos=None))[0].case_id for language in ("ar", "uk")
    )
    (of_police,) = federation.publish(POLICE, sample_record("ja", photos=None))
    federation.pull(POLICE, PEER)
    federation.pull(PEER, POLICE)
    federation.announce(PEER, state="removed", removed_at=federation.clock())
    publishing.erase(federation[PEER], first, "test")
    publishing.erase(federation[POLICE], of_police.case_id, "test")
    assert federation.pull(POLICE, PEER).error == ""
    assert federation.pull(PEER, POLICE).error == ""
    assert case_states(federation[POLICE], PEER)[first][0] == "erased"
    assert case_states(federation[PEER], POLICE)[of_police.case_id][0] == "erased"
    federation.clock.advance(days=30)
    found = exchange(federation, POLICE, PEER)
    assert (found.leaves, "removed" in found.reason) == ((), True)
    assert "Nothing is exchanged" in federation.pull(POLICE, PEER).error
    for member, owner in ((POLICE, PEER), (PEER, POLICE)):
        erasure.expire(federation[member])
        assert {state for state, _ in case_states(federation[member], owner).values()} <= {
            "erased",
            "expired",
        }
    assert case_states(federation[POLICE], PEER)[second][0] == "expired"


def test_notice_that_is_shortened_holds_only_for_members_seen_after_the_longer_one(
    strangers: Federation,
) -> None:
    def set_notice(days: int) -> None:
        strangers.coordinator.announce(policy=Policy(notice_days=days))
        strangers.refresh()

    set_notice(0)
    assert exchange(strangers, POLICE, PEER).audiences == ()  # it was seen under seven days of notice
    other = strangers.coordinator.trusted.roster.member(HELPER)
    strangers.announce(PEER, sealing_keys=other.sealing_keys)  # invented in the same step as the notice
    strangers.clock.advance(days=6)
    assert exchange(strangers, POLICE, PEER).audiences == ()
    assert exchange(strangers, POLICE, HELPER).audiences == ()
    strangers.clock.advance(days=1)
    assert exchange(strangers, POLICE, HELPER).audiences == ("network",)
    strangers.announce(PEER, address="https://elsewhere.example")  # the longer notice has passed by now
    assert exchange(strangers, POLICE, PEER).audiences == ("network",)
    set_notice(14)
    assert exchange(strangers, POLICE, PEER).audiences == ()  # a longer one holds at once


def test_the_endorser_is_warned_too(federation: Federation) -> None:
    def warned(member: str) -> str:
        return "\n".join(status(federation[member]).warnings)

    for days, expected in ((334, ""), (1, "within 30 days"), (23, "within 7 days")):
        federation.clock.advance(days=days)
        assert expected in warned(POLICE)
        assert ("gmcn endorse" in warned(POLICE)) == bool(expected)
        assert "gmcn endorse" not in warned(PEER)
    assert "ask for a new endorsement" in warned(HELPER)


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


def test_a_person_may_name_any_member_but_their_own(federation: Federation) -> None:
    assert other_member(federation[POLICE], PEER).id == PEER
    with pytest.raises(NotAllowed, match="own member"):
        other_member(federation[POLICE], POLICE)
    with pytest.raises(NotFound, match=r"lists no member police\.xx"):
        other_member(federation[POLICE], "police.xx.example")


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
