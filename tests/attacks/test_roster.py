"""A coordinator, or whoever has its key or sits on its line, that lies about who belongs to the network: The
Update Framework's own list of attacks."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp

from node.adapters.http import Answer
from node.adapters.keystore import load_key_file
from node.errors import PeerUnavailable
from node.runtime import Node
from node.services.coordinator import network, signing
from node.services.members import membership
from protocol.errors import NoQuorum, ProtocolError
from protocol.member import fingerprint
from tests.attacks.conftest import unchanged
from tests.factories import sample_record
from tests.federation import DE, FR, Ask, Call, Fault, down
from tests.networks import COORDINATOR
from tests.signed import SignedFederation

POLICE, PEER = FR[0], DE[0]
HOST = COORDINATOR.removeprefix("https://")
TIMESTAMP, ROOT = "/metadata/timestamp.json", "/metadata/2.root.json"

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedFederation]:
    """The coordinator has signed a change that the German police has not read; no test may let it."""
    made = SignedFederation(tmp_path_factory.mktemp("roster"), [FR, DE])
    made.publish(POLICE, sample_record("ar", photos=None))
    made.pull(PEER, POLICE)
    made.files_before = made.net.files()  # type: ignore[attr-defined]
    made.coordinate(network.set_policy, {"notice_days": "9"})
    yield made
    made.close()


@pytest.fixture
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedFederation]:
    """A federation for one test alone."""
    made = SignedFederation(tmp_path_factory.mktemp("roster"), [FR, DE])
    yield made
    made.close()


def serving(files: Files) -> Fault:
    """A source that has these files and no others."""

    def fault(call: Call, ask: Ask) -> Answer:
        data = files.get(call.path.removeprefix("/tuf"))
        return Answer(404, {}, b"") if data is None else Answer(200, {}, data)

    return fault


def refused(federation: SignedFederation, node: Node, fault: Fault) -> str:
    """Let a node read the network's files where every source lies alike, and tell what it says."""
    federation.wire.faults = {HOST: [fault], POLICE: [fault]}
    try:
        with pytest.raises((ProtocolError, PeerUnavailable)) as error:
            membership.refresh(node)
    finally:
        federation.wire.faults = {}
    return str(error.value)


def altered(data: bytes) -> bytes:
    """Change the version in a signed file, under its old signatures."""
    value = json.loads(data)
    value["signed"]["version"] += 1
    return json.dumps(value, separators=(",", ":")).encode()


def newest(files: Files, kind: str) -> str:
    """Name the newest metadata file of a kind."""
    numbered = (path.split("/")[-1].split(".") for path in files if path.endswith(f".{kind}.json"))
    return f"/metadata/{max(int(number) for number, *_ in numbered)}.{kind}.json"


Lie = Callable[[Files, Files], Files]


def changed(kind: str, change: Callable[[bytes, bytes], bytes]) -> Lie:
    """A coordinator whose newest file of a kind is another, made of the new and the old one."""

    def lie(new: Files, old: Files) -> Files:
        path = newest(new, kind)
        return {**new, path: change(new[path], old[newest(old, kind)])}

    return lie


def timestamp(change: Callable[[Files], bytes]) -> Lie:
    return lambda new, old: {**new, TIMESTAMP: change(new)}


def next_root(change: Callable[[bytes], bytes]) -> Lie:
    """A coordinator that has a root after the newest."""
    return lambda new, old: {**new, ROOT: change(new["/metadata/1.root.json"])}


LIES: dict[str, Lie] = {
    "bytes": timestamp(lambda new: b"\xff\x00"),
    "brackets": timestamp(lambda new: b"[" * 10_000),
    "another kind": timestamp(lambda new: new[newest(new, "snapshot")]),
    "too long": timestamp(lambda new: b" " * 20_000),
    "endless": timestamp(lambda new: b" " * 6_000_000),
    "signed by nobody": timestamp(lambda new: altered(new[TIMESTAMP])),
    "snapshot altered": changed("snapshot", lambda new, old: altered(new)),
    "mix and match": changed("targets", lambda new, old: old),
    "an old root again": next_root(lambda root: root),
    "a root of its own making": next_root(altered),
    "nothing": lambda new, old: {},
}


def online_key(signed: SignedFederation) -> CryptoSigner:
    """Steal the key that the coordinator has online."""
    (path,) = (signed.net.folder / "keys").glob("*.pem")
    return CryptoSigner(load_key_file(path, (signed.net.folder / "keys" / "secret").read_bytes()))


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_the_roster(shared: SignedFederation, lie: str, says: str) -> None:
    files = LIES[lie](shared.net.files(), shared.files_before)  # type: ignore[attr-defined]
    with unchanged(shared[PEER]):
        assert says in refused(shared, shared[PEER], serving(files))
        assert shared[PEER].network().policy.notice_days == 7


def test_a_roster_other_than_the_signed_one(signed: SignedFederation, says: str) -> None:
    old = signed.net.files()
    signed.coordinate(network.set_state, POLICE, "suspended")
    new = signed.net.files()
    (path,) = (path for path in new if path.endswith("roster.json") and path not in old)
    invented = new[path].replace(b'"suspended"', b'"active"   ')
    with unchanged(signed[PEER]):
        assert says in refused(signed, signed[PEER], serving({**new, path: invented}))


def test_an_older_roster(signed: SignedFederation, says: str) -> None:
    old = signed.net.files()
    signed.coordinate(network.set_policy, {"notice_days": "9"})
    signed.refresh()
    with unchanged(signed[PEER]):
        assert says in refused(signed, signed[PEER], serving(old))
        assert signed[PEER].network().policy.notice_days == 9


def test_a_roster_that_is_frozen(signed: SignedFederation, says: str) -> None:
    """Whoever keeps news away serves the last true files until their timestamp runs out; that is noticed."""
    signing.refresh(signed.net.folder, signed.clock() - timedelta(days=8))
    with unchanged(signed[PEER]):
        assert says in refused(signed, signed[PEER], serving(signed.net.files()))


def test_a_thief_of_the_online_key_runs_ahead(signed: SignedFederation, says: str) -> None:
    """Every later timestamp then looks old; a new online key, signed by the holders, brings nodes back."""
    ahead = network.Repository.open(signed.net.folder).published_timestamp()
    assert ahead is not None
    ahead.signed.version = 1_000_000
    ahead.sign(online_key(signed))
    signed.wire.faults = {HOST: [serving({**signed.net.files(), TIMESTAMP: ahead.to_bytes()})]}
    membership.refresh(signed[PEER])
    signed.wire.faults = {}
    signed.coordinate(network.set_policy, {"notice_days": "9"})
    with unchanged(signed[PEER]):
        assert says in refused(signed, signed[PEER], serving(signed.net.files()))
    signed.coordinate(lambda folder, now: network.rotate_online(folder, now))
    membership.refresh(signed[PEER])
    assert signed[PEER].network().policy.notice_days == 9


def test_a_change_that_too_few_have_signed(signed: SignedFederation, says: str) -> None:
    """A thief of one holder's key and of the online key publishes what two holders have to sign."""
    signed.coordinate(network.set_state, POLICE, "removed")
    files, key = signed.net.files(), online_key(signed)
    path = newest(files, "targets")
    targets = json.loads(files[path])
    targets["signatures"] = targets["signatures"][:1]
    snapshot = Metadata[Snapshot].from_bytes(files[newest(files, "snapshot")])
    snapshot.signed.meta["targets.json"] = MetaFile(snapshot.signed.meta["targets.json"].version)
    snapshot.sign(key)
    stamp = Metadata[Timestamp].from_bytes(files[TIMESTAMP])
    stamp.signed.snapshot_meta = MetaFile(snapshot.signed.version)
    stamp.sign(key)
    forged = {TIMESTAMP: stamp.to_bytes(), newest(files, "snapshot"): snapshot.to_bytes()}
    with unchanged(signed[PEER]):
        for signatures in (targets["signatures"], targets["signatures"] * 2):  # it counts itself twice, too
            body = json.dumps({**targets, "signatures": signatures}).encode()
            said = refused(signed, signed[PEER], serving({**files, **forged, path: body}))
            assert says in said or "not of the form" in said
        assert signed[PEER].network().roster.member(POLICE).state == "active"


def test_one_key_under_two_names(signed: SignedFederation, says: str) -> None:
    """tuf counts key ids; a second id for the same key would let one thief reach the threshold."""

    def list_twice(root: Root) -> None:
        key: Any = root.keys[root.roles["root"].keyids[0]]
        root.add_key(type(key)("ff" * 32, key.keytype, key.scheme, dict(key.keyval)), "root")

    network.Repository.open(signed.net.folder).stage_root(list_twice, signed.clock())
    signed.net.publish()
    with unchanged(signed[PEER], but=("files",)):
        assert says in refused(signed, signed[PEER], serving(signed.net.files()))


def test_a_root_that_skips_the_chain(signed: SignedFederation, says: str) -> None:
    """Root 3, properly signed, is no root for whoever has not seen root 2."""
    for days in ("8", "9"):
        signed.coordinate(lambda folder, now: network.rotate_online(folder, now))
        signed.coordinate(network.set_policy, {"notice_days": days})
    files = signed.net.files()
    skipped = {**files, ROOT: files["/metadata/3.root.json"]}
    with unchanged(signed[PEER]):
        assert says in refused(signed, signed[PEER], serving(skipped))


def test_a_mirror_that_lies_about_the_roster(signed: SignedFederation) -> None:
    """The coordinator is down, and of two peers one lies: what the other has is taken."""
    signed.coordinate(network.set_policy, {"notice_days": "9"})
    membership.refresh(signed[POLICE])

    def lie(call: Call, ask: Ask) -> Answer:
        answer = ask()
        return replace(answer, body=altered(answer.body)) if call.path.endswith("timestamp.json") else answer

    with unchanged(signed[PEER]):
        signed.wire.faults = {HOST: [down], POLICE: [lie]}
        with pytest.raises(NoQuorum):
            membership.refresh(signed[PEER])
    signed.wire.faults = {HOST: [down]}
    membership.refresh(signed[PEER])
    assert signed[PEER].network().policy.notice_days == 9


def test_an_invented_police_member(signed: SignedFederation) -> None:
    """All holders together put a force into the roster that no administrator has ever heard of."""
    ghost = "police.xx.example"
    (case,) = signed.publish(POLICE, sample_record("ar", photos=None))
    signed._make_node(ghost)
    signed.coordinate(network.admit, signed._request(ghost, "XX", "law_enforcement"))
    membership.join(signed[ghost], signed.net.root, [COORDINATOR])
    signed.accept_all(signed[ghost])
    membership.refresh(signed[POLICE])
    with unchanged(signed[POLICE]):
        report = signed.pull(ghost, POLICE)
        assert (report.leaves, report.documents) == (0, 0)
        assert "not accepted" in report.error
        assert "not accepted" in signed.pull(POLICE, ghost).error
    signed.clock.advance(days=signed[POLICE].network().policy.notice_days)
    # After the days of notice the network feed opens to a newcomer; a police feed never does by itself.
    assert signed.ask(ghost, POLICE, "GET", "/feeds/network/checkpoint").status == 200
    for audience in ("police", "nothing"):
        hidden = signed.ask(ghost, POLICE, "GET", f"/feeds/{audience}/checkpoint")
        assert hidden.status == 404
    entry = signed[POLICE].network().roster.member(ghost)
    membership.accept_member(signed[POLICE], ghost, fingerprint(entry), "test")
    assert signed.ask(ghost, POLICE, "GET", "/feeds/police/checkpoint").status == 200
    assert case.versions["police"] == 1


def test_a_root_of_another_network(signed: SignedFederation, says: str) -> None:
    """A root by other people's keys, as the next one of this network."""
    thief = Ed25519PrivateKey.generate()
    signed.coordinate(lambda folder, now: network.rotate_online(folder, now))
    files = signed.net.files()
    value = json.loads(files[ROOT])
    message = json.dumps(value["signed"], sort_keys=True, separators=(",", ":")).encode()
    value["signatures"] = [
        {"keyid": item["keyid"], "sig": thief.sign(message).hex()} for item in value["signatures"]
    ]
    with unchanged(signed[PEER]):
        assert says in refused(signed, signed[PEER], serving({**files, ROOT: json.dumps(value).encode()}))
