"""A member that nobody can reach, and one without a line at all: over real sockets, on both databases."""

from dataclasses import replace
from pathlib import Path

from node.config import MirrorConfig
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.following import bundles
from node.services.register import cases as register
from node.services.status import status
from node.store.published import feed_cases
from tests.factories import sample_record
from tests.federation import DE, FR, NGO
from tests.journeys.conftest import Journey
from tests.liars import case_states, find_feed, problems

PARTNER, PEER, HIDDEN = FR[0], DE[0], NGO[0]


def states(journey: Journey, member: str) -> set[str]:
    try:
        return {state for state, _ in case_states(journey.federation[member], HIDDEN).values()}
    except AssertionError:  # nothing of that feed was ever seen
        return set()


def test_a_member_behind_a_firewall_publishes_erases_and_has_its_receipts(journey: Journey) -> None:
    federation = journey.federation
    federation.stop(HIDDEN)
    node = federation[HIDDEN]
    federation.nodes[HIDDEN] = replace(node, config=replace(node.config, mirror=MirrorConfig(PARTNER)))
    (case,) = federation.publish(HIDDEN, sample_record("ar", photos=None))

    with journey.at_work(HIDDEN, PARTNER, PEER):
        journey.eventually(lambda: states(journey, PARTNER) == states(journey, PEER) == {feed_cases.HELD})
        journey.eventually(lambda: journey.versions(case.case_id, HIDDEN) == {PARTNER: 1, PEER: 1})
        publishing.erase(federation[HIDDEN], case.case_id, "test")
        journey.eventually(lambda: states(journey, PARTNER) == states(journey, PEER) == {feed_cases.ERASED})
        journey.eventually(
            lambda: all(one.purged_at for one in register.holdings(federation[HIDDEN], case.case_id))
        )
    assert find_feed(federation[PEER], HIDDEN).through == PARTNER
    (shown,) = (peer for peer in status(federation[PEER]).peers if peer.member == HIDDEN)
    assert (shown.lying, bool(shown.error)) == (False, True)
    for member in (PARTNER, PEER):
        assert problems(federation[member]) == []


def test_a_desk_without_a_line_by_stick(journey: Journey, tmp_path: Path) -> None:
    federation = journey.federation
    federation.stop(PEER)
    stick = tmp_path / "stick.bundle"

    def carry(issuer: str, receiver: str) -> bundles.Imported:
        with stick.open("wb") as target:
            bundles.export_bundle(federation[issuer], receiver, [], target)
        with stick.open("rb") as file:
            return bundles.import_bundle(federation[receiver], file)

    (case,) = federation.publish(HIDDEN, sample_record("ar", photos=None))
    federation.pull(PARTNER, HIDDEN)
    (own,) = federation.publish(PEER, sample_record("uk", photos=None))
    carry(PARTNER, PEER)
    assert states(journey, PEER) == {feed_cases.HELD}
    carry(PEER, PARTNER)
    assert case_states(federation[PARTNER], PEER) == {own.case_id: (feed_cases.HELD, "")}
    assert carry(PEER, HIDDEN).receipts == 1
    assert journey.versions(case.case_id, HIDDEN) == {PARTNER: 1, PEER: 1}

    publishing.erase(federation[HIDDEN], case.case_id, "test")
    federation.pull(PARTNER, HIDDEN)
    carry(PARTNER, PEER)
    assert states(journey, PEER) == {feed_cases.ERASED}
    erasure.purge(federation[PEER])
    carry(PEER, HIDDEN)
    (holding,) = (one for one in register.holdings(federation[HIDDEN], case.case_id) if one.member == PEER)
    assert holding.purged_at is not None
    assert problems(federation[PEER]) == []
