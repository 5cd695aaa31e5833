"""From an erasure to the peers' word that nothing is left: over real sockets, on both databases."""

from node.services.disclosure import publishing
from node.services.register import cases as register
from node.services.status import status
from node.store.database import reading
from node.store.published import documents
from tests.factories import sample_record
from tests.federation import DE, FR, NGO
from tests.journeys.conftest import Journey
from tests.liars import problems

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


def test_an_owner_sees_who_has_erased_and_who_has_not(journey: Journey) -> None:
    federation = journey.federation
    case, kept = (c.case_id for c in federation.publish(POLICE, *(sample_record("ar", photos=None),) * 2))
    for member in (PEER, HELPER):
        assert federation.pull(member, POLICE).error == ""
    publishing.erase(federation[POLICE], case, "test")
    owner = federation[POLICE]

    with journey.at_work(PEER):
        publishing.ring_peers(owner)
        journey.eventually(lambda: journey.purged(case) == {PEER})
    waiting = {item[0]: item[2] for item in status(owner).erasures_waiting}
    assert waiting == {case: [HELPER]}

    with journey.at_work(HELPER):
        journey.ring(HELPER)
        journey.eventually(lambda: journey.purged(case) == {PEER, HELPER})
    assert status(owner).erasures_waiting == []
    for holding in register.holdings(owner, case):
        assert holding.hidden_at is not None
        assert holding.purged_at is not None
        assert holding.hidden_at <= holding.purged_at
    for member in (PEER, HELPER):
        with reading(federation[member].engine) as conn:
            assert documents.find_documents(conn, case) == []
            assert len(documents.find_documents(conn, kept)) >= 1
        assert problems(federation[member]) == []
