"""A first pull of more than a bundle of leaves and more than a batch of documents, cut and resumed."""

from node.services.disclosure import publishing
from node.store.published import feed_cases
from tests.factories import sample_record
from tests.federation import DE, FR, dropping
from tests.journeys.conftest import Journey, served
from tests.liars import case_states, find_feed, problems

POLICE, PEER = FR[0], DE[0]
CASES = 300


def test_a_long_first_pull_that_is_cut_goes_on_where_it_was(journey: Journey) -> None:
    federation = journey.federation
    records = [sample_record("ja", photos=None, reference=None, narrative=None) for _ in range(CASES)]
    published = federation.publish(POLICE, *records)
    publishing.erase(federation[POLICE], published[0].case_id, "test")
    with served(federation, POLICE, dropping(5)):
        report = federation.pull(PEER, POLICE)
    assert (report.error != "", report.lying) == (True, False)
    row = find_feed(federation[PEER], POLICE)
    assert row.size == CASES + 1
    states = [state for state, _ in case_states(federation[PEER], POLICE).values()]
    assert feed_cases.WANTED in states
    assert problems(federation[PEER]) == []

    report = federation.pull(PEER, POLICE)
    assert (report.error, report.leaves) == ("", 0)
    states = [state for state, _ in case_states(federation[PEER], POLICE).values()]
    assert (states.count(feed_cases.HELD), states.count(feed_cases.ERASED)) == (CASES - 1, 1)
    assert problems(federation[PEER]) == []
    journey.eventually(lambda: journey.versions(published[-1].case_id) == {PEER: 1})
