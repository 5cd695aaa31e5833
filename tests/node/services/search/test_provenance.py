"""Where a replica comes from: what was verified when, by how many it was seen, and how that grows old."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.services.search import provenance
from node.services.witnesses import witnessing
from protocol.policy import Policy
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation

HERE, OWNER = FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    witnesses = {"network": (FR[0], NGO[0]), "police": ()}
    policy = Policy(witnesses=witnesses, quorum={"network": 1, "police": 0})
    made = Federation(tmp_path, (FR, DE, NGO))
    made.coordinator.announce(policy=policy)
    made.refresh()
    yield made
    made.close()


def test_an_owner_that_was_pulled_is_verified_witnessed_and_fresh(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(HERE, OWNER)
    node = federation[HERE]
    found = provenance.look_at_owners(node, [OWNER, "nobody.example"])
    assert found.keys() == {OWNER}
    assert found[OWNER].member.duty.phone
    network = found[OWNER].feeds[0]
    assert (network.audience, network.size, network.state) == ("network", 1, "open")
    assert network.advanced_at == node.clock()
    assert (network.cosigners, network.asked) == ((NGO[0], HERE), 2)
    assert network.freshness.state == "fresh"
    federation.clock.advance(hours=25)
    assert provenance.look_at_owners(node, [OWNER])[OWNER].feeds[0].freshness.state == "silent"
    witnessing.refresh(federation[OWNER])
    federation.pull(HERE, OWNER)
    assert provenance.look_at_owners(node, [OWNER])[OWNER].feeds[0].freshness.state == "fresh"


def test_an_owner_that_was_never_reached_has_nothing_to_show(federation: Federation) -> None:
    found = provenance.look_at_owners(federation[HERE], [OWNER])
    assert (found[OWNER].reached_at, found[OWNER].feeds) == (None, ())
