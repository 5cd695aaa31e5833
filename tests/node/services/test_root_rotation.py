"""The network's own keys replaced: members follow, however long they were away, from whoever has the files;
what too few have signed convinces nobody."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.adapters.repository import Holder, Repository
from node.adapters.trust import POLICY, TrustStore
from node.errors import NotAllowed
from node.services.coordinator import network, signing
from node.services.coordinator.network_view import describe
from node.services.members import keys, membership
from node.services.status import status
from protocol.errors import NoQuorum
from protocol.policy import Policy, format_policy
from tests.factories import sample_record
from tests.federation import DE, FR, down
from tests.members import public
from tests.networks import COORDINATOR, Coordinator, Web, now
from tests.signed import SignedFederation

POLICE, PEER = FR[0], DE[0]
HOST = COORDINATOR.removeprefix("https://")


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[SignedFederation]:
    made = SignedFederation(tmp_path, [FR, DE])
    yield made
    made.close()


def rotate_everything(federation: SignedFederation, *names: str) -> None:
    """Replace every holder of root and targets by others: the old and the new ones sign."""
    net = federation.net
    leaving = dict(net.holders)
    coming = {name: Ed25519PrivateKey.generate() for name in names}
    people = [Holder(name, public(key)) for name, key in coming.items()]
    for role in ("root", "targets"):
        network.rotate(net.folder, role, now(), add=people, remove=list(leaving))
    for key in (*leaving.values(), *coming.values()):
        signing.sign_change(net.folder, key)
    signing.publish(net.folder, now())
    net.holders = coming


def root_version(federation: SignedFederation, member: str) -> int:
    return federation[member].trust.current().versions["root"]


def test_a_member_that_slept_through_several_rotations_follows_them_one_by_one(
    federation: SignedFederation,
) -> None:
    for names in (("carla", "dora"), ("emil", "fina"), ("gita", "hugo")):
        rotate_everything(federation, *names)
        membership.refresh(federation[POLICE])
    assert (root_version(federation, POLICE), root_version(federation, PEER)) == (4, 1)
    federation.wire.faults[HOST] = [down]  # the coordinator is away: a peer has every step
    membership.refresh(federation[PEER])
    assert root_version(federation, PEER) == 4
    federation.publish(POLICE, sample_record("ar", photos=None))
    assert federation.pull(PEER, POLICE).error == ""
    federation.wire.faults.clear()
    holders = describe(federation.net.folder, now()).published[0].holders
    assert holders == ("gita", "hugo")


def test_a_newcomer_with_the_oldest_root_file_reaches_the_newest(federation: SignedFederation) -> None:
    rotate_everything(federation, "carla", "dora")
    rotate_everything(federation, "emil", "fina")
    federation.refresh()
    federation.join_later("police.br.example", "BR", "law_enforcement")
    assert root_version(federation, "police.br.example") == 3
    assert federation.pull("police.br.example", POLICE).error == ""


@pytest.mark.parametrize("signers", [["ana"], ["carla", "dora"], ["ana", "carla"]])
def test_a_root_that_too_few_have_signed_is_refused_and_nothing_changed(
    federation: SignedFederation, signers: list[str]
) -> None:
    net = federation.net
    net.holders |= {name: Ed25519PrivateKey.generate() for name in ("carla", "dora")}
    files, before = net.files(), federation[PEER].trust.current()
    people = [Holder(name, public(net.holders[name])) for name in ("carla", "dora")]
    network.rotate(net.folder, "root", now(), add=people, remove=["ana", "bob"])
    for name in signers:
        signing.sign_change(net.folder, net.holders[name])
    with pytest.raises(NotAllowed, match="root file needs"):
        signing.publish(net.folder, now())
    assert net.files() == files
    # A coordinator that publishes it all the same convinces nobody.
    change = Repository.open(net.folder).change()
    assert change is not None
    assert change.root is not None
    (net.folder / "metadata" / "2.root.json").write_bytes(change.root.to_bytes())
    with pytest.raises(NoQuorum):
        federation[PEER].trust.refresh([COORDINATOR], federation[PEER].http)
    membership.refresh(federation[PEER])
    assert federation[PEER].trust.current() == before
    assert federation.pull(PEER, POLICE).error == ""


def test_real_cases_are_never_turned_into_an_exercise(federation: SignedFederation) -> None:
    turned = format_policy(Policy(exercise=True))
    Repository.open(federation.net.folder).stage_files({POLICY: turned}, now())
    federation.net.publish()
    federation.refresh()
    assert not federation[PEER].network().policy.exercise
    assert "says that it is an exercise" in "\n".join(status(federation[PEER]).warnings)
    assert federation.ask(None, POLICE, "GET", "/feeds/network/checkpoint").status == 401
    # Nor is one key enough from now on, as it would be in an exercise.
    net = federation.net
    network.rotate(net.folder, "root", now(), threshold=1)
    net.publish()
    with pytest.raises(NoQuorum, match="with a single key"):
        membership.refresh(federation[PEER])


def test_an_exercise_stays_one_for_those_who_joined_it(tmp_path: Path) -> None:
    net = Coordinator(tmp_path / "net", Policy(exercise=True)).create()
    store = TrustStore(tmp_path / "trust")
    store.bootstrap(net.root, [COORDINATOR], Web({COORDINATOR: net.files()}))
    assert (store.current().policy.exercise, store.current().turned) == (True, False)
    Repository.open(net.folder).stage_files({POLICY: format_policy(Policy())}, now())
    net.publish()
    found = store.refresh([COORDINATOR], Web({COORDINATOR: net.files()}))
    assert (found.policy.exercise, found.turned, found.version) == (True, True, 2)
    assert TrustStore(tmp_path / "trust").current().policy.exercise


def test_signing_may_take_longer_than_the_overlap_when_it_is_said(federation: SignedFederation) -> None:
    request = keys.rotate(federation[POLICE], ["token"], "test")
    federation.coordinate(network.rekey, request, overlap=timedelta(days=60))
    federation.refresh()
    old, _ = federation[PEER].network().roster.member(POLICE).token_keys
    assert old.until == federation.clock() + timedelta(days=60)
