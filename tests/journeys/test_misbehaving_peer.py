"""A peer that lies or is gone: the others go on, over real sockets, on both databases."""

from node.adapters.http import HttpClient
from node.services.disclosure import publishing
from node.services.status import status
from node.store.published import feed_cases, feeds
from tests.factories import sample_record
from tests.federation import DE, FR, NGO
from tests.journeys.conftest import Journey, served
from tests.liars import Liar, case_states, find_feed, problems

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


def test_a_liar_is_named_and_left_aside_while_the_others_are_pulled(journey: Journey) -> None:
    federation = journey.federation
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    federation.pull(PEER, POLICE)
    liar = Liar(federation, POLICE)
    liar.put(1)
    liar.put(1, 3)
    before, note = case_states(federation[PEER], POLICE), find_feed(federation[PEER], POLICE).note
    with served(federation, POLICE, liar.fault), journey.at_work(PEER):
        journey.ring(PEER, POLICE)
        journey.eventually(lambda: find_feed(federation[PEER], POLICE).state == feeds.QUARANTINED)
        assert case_states(federation[PEER], POLICE) == before
        assert find_feed(federation[PEER], POLICE).note == note
        (other,) = federation.publish(HELPER, sample_record("uk", photos=None))
        journey.ring(PEER, HELPER)
        journey.eventually(lambda: journey.versions(other.case_id, HELPER).get(PEER) == 1)
    (peer,) = (peer for peer in status(federation[PEER]).peers if peer.member == POLICE)
    assert peer.lying
    assert "rise by one" in peer.error
    assert any("quarantined" in warning for warning in status(federation[PEER]).warnings)

    publishing.publish(federation[POLICE], [case.case_id], "test")
    assert federation.pull(PEER, POLICE).error == ""
    assert find_feed(federation[PEER], POLICE).state == feeds.OPEN
    assert case_states(federation[PEER], POLICE) == {case.case_id: (feed_cases.HELD, "")}
    assert problems(federation[PEER]) == []


def test_a_peer_that_is_gone_is_down_and_what_is_here_stays(journey: Journey) -> None:
    federation = journey.federation
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    federation.pull(PEER, POLICE)
    federation.stop(POLICE)
    assert isinstance(federation[PEER].http, HttpClient)
    report = federation.pull(PEER, POLICE)
    assert (report.lying, "reached" in report.error) == (False, True)
    assert case_states(federation[PEER], POLICE) == {case.case_id: (feed_cases.HELD, "")}
