"""From a case in one country's register to a search in another's: over real sockets, on both databases."""

from datetime import date
from functools import partial

from PIL import Image

from node.services.disclosure import publishing
from node.services.register import cases as register
from node.store.database import reading
from node.store.published import documents
from node.store.search.finding import find
from node.store.search.query import Query
from tests.factories import sample_record
from tests.federation import DE, FR, NGO
from tests.journeys.conftest import Journey
from tests.liars import problems

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


def test_a_child_is_found_in_another_country_by_a_name_in_another_script(journey: Journey) -> None:
    federation = journey.federation
    Image.new("RGB", (640, 800), "red").save(federation.folder / "a.png")
    photographs = [{"kind": "photo", "file": "a.png", "primary": True}]
    (case,) = federation.publish(POLICE, sample_record("uk", photos=photographs))
    with journey.at_work(PEER, HELPER):
        assert set(publishing.ring_peers(federation[POLICE]).values()) == {""}
        journey.eventually(lambda: journey.versions(case.case_id) == {PEER: 1, HELPER: 1})
        for member in (PEER, HELPER):
            with reading(federation[member].engine) as conn:
                hits = find(conn, Query(today=date(2026, 11, 21), name="Shevchuk Dmytro"))
            assert [hit.case_id for hit in hits] == [case.case_id]
            expected = ["network", "police"] if member == PEER else ["network"]
            journey.eventually(partial(holds, journey, member, case.case_id, expected))
            assert len(list(federation[member].blobs.iterate(POLICE))) >= 1

        names = [{"full": "Dmytro Renamed", "kind": "legal", "lang": "uk", "script": "Latn"}]
        register.change_case(federation[POLICE], case.case_id, {"names": names}, "test", federation.folder)
        publishing.publish(federation[POLICE], [case.case_id], "test")
        publishing.ring_peers(federation[POLICE])
        journey.eventually(lambda: journey.versions(case.case_id) == {PEER: 2, HELPER: 2})
        with reading(federation[PEER].engine) as conn:
            assert len(find(conn, Query(today=date(2026, 11, 21), name="Renamed"))) == 1
    for member in (POLICE, PEER, HELPER):
        assert problems(federation[member]) == []


def holds(journey: Journey, member: str, case: str, audiences: list[str]) -> bool:
    """Tell whether a member has the documents of a case for exactly these audiences."""
    with reading(journey.federation[member].engine) as conn:
        return [doc.audience for doc in documents.find_documents(conn, case)] == audiences
