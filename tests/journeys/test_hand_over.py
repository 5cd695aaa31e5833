"""From one member's case to another's: over real sockets, on both databases, by the nodes themselves."""

import sqlalchemy as sa
from PIL import Image

from node.services import messages
from node.services.disclosure import publishing
from node.services.moving import handover, takeover
from node.services.register import cases as register
from node.store.database import reading
from node.store.federation.messages import MessageRow
from node.store.published import feed_cases, feeds
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation
from tests.journeys.conftest import Journey
from tests.liars import problems

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


def test_a_case_goes_to_another_member(journey: Journey) -> None:
    federation = journey.federation
    Image.effect_noise((900, 1200), 90).convert("RGB").save(federation.folder / "child.png")
    photos = [{"kind": "photo", "file": "child.png"}]
    case_id = federation.publish(POLICE, sample_record("ar", photos=photos))[0].case_id
    assert federation.pull(HELPER, POLICE).error == ""
    assert live(federation, POLICE) == {case_id}

    with journey.at_work(POLICE, PEER, HELPER):
        handover.offer_case(federation[POLICE], case_id, PEER, "test")
        journey.eventually(lambda: offered(federation) == "whole")
        taken = takeover.accept(federation[PEER], offers(federation)[0].id, "test")
        publishing.ring_peers(federation[PEER])
        journey.eventually(lambda: state(federation, case_id) == "done")
        journey.eventually(lambda: live(federation, POLICE) == set())
        journey.eventually(lambda: live(federation, PEER) == {taken.case_id})
        journey.eventually(lambda: not messages.due(federation[PEER]))

    assert register.get_case(federation[POLICE], case_id).status == "withdrawn"
    assert register.get_case(federation[PEER], taken.case_id).status == "published"
    for member in (POLICE, PEER, HELPER):
        assert problems(federation[member]) == []


def offers(federation: Federation) -> list[MessageRow]:
    return messages.list_messages(federation[PEER], outgoing=False, everything=False, limit=9)


def offered(federation: Federation) -> str:
    """Whether the offer has come, and its photographs with it."""
    for row in offers(federation):
        seen = takeover.view_offer(federation[PEER], row)
        if seen is not None:
            return "whole" if seen.photographs_here == seen.photographs == 2 else "begun"
    return ""


def state(federation: Federation, case_id: str) -> str:
    way = handover.way_of(federation[POLICE], case_id)[1]
    assert way is not None
    return way.state


def live(federation: Federation, owner: str) -> set[str]:
    """What a third member holds of an owner."""
    with reading(federation[HELPER].engine) as conn:
        row, c = feeds.find_feed(conn, owner, "network"), feed_cases.feed_case.c
        held = sa.select(c.case_id).where(c.feed_id == (row.id if row else 0), c.state == feed_cases.HELD)
        return set(conn.execute(held).scalars())
