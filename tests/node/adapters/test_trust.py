"""The network's signed files, fetched from sources that are down, behind, or lying."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuf.api.metadata import Metadata, Root

from node.adapters.repository import Holder
from node.adapters.trust import TrustStore
from node.errors import Conflict, InvalidInput, NotFound, PeerUnavailable
from node.services.coordinator import network, signing
from protocol.errors import BadProof, Malformed, NoQuorum, ProtocolError
from protocol.policy import Policy
from tests.members import MemberKeys, public
from tests.networks import COORDINATOR, Coordinator, Web, join_request, now

MIRROR = "https://node.police.fr.example/tuf"
POLICE = MemberKeys("police.fr.example")
BRAZIL = MemberKeys("policia.br.example", country="BR")

Files = dict[str, bytes | int]


@pytest.fixture
def coordinator(tmp_path: Path) -> Coordinator:
    return Coordinator(tmp_path / "network").create([POLICE])


@pytest.fixture
def store(tmp_path: Path, coordinator: Coordinator) -> TrustStore:
    store = TrustStore(tmp_path / "trust")
    store.bootstrap(coordinator.root, [COORDINATOR], Web({COORDINATOR: coordinator.files()}))
    return store


def admit_brazil(coordinator: Coordinator) -> Files:
    network.admit(coordinator.folder, join_request(BRAZIL), now())
    return dict(coordinator.publish().files())


def rotate_root(coordinator: Coordinator, name: str = "carla") -> None:
    """Replace a key holder by another, who signs beside the two before."""
    key = Ed25519PrivateKey.generate()
    leaving = next(iter(coordinator.holders))
    for role in ("root", "targets"):
        network.rotate(coordinator.folder, role, now(), add=[Holder(name, public(key))], remove=[leaving])
    coordinator.holders[name] = key
    coordinator.publish()
    del coordinator.holders[leaving]


def refresh(store: TrustStore, **sources: Files) -> Any:
    known = {"coordinator": COORDINATOR, "mirror": MIRROR}
    return store.refresh(
        [known[name] for name in sources], Web({known[name]: f for name, f in sources.items()})
    )


def served(store: TrustStore, coordinator: Coordinator) -> Files:
    """What a node serves on, of all that the coordinator has."""
    found: Files = {}
    for path in coordinator.files():
        _, part, name = path.split("/", 2)
        data = store.metadata_file(name) if part == "metadata" else store.target_file(name)
        if data is not None:
            found[path] = data
    return found


def tampered(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    value = json.loads(data)
    change(value)
    return json.dumps(value, separators=(",", ":")).encode()


def bump(signed: dict[str, Any]) -> None:
    signed["signed"]["version"] += 1


def test_a_newcomer_trusts_what_the_root_file_vouches_for(store: TrustStore) -> None:
    trusted = store.current()
    assert [member.id for member in trusted.roster.members] == [POLICE.id]
    assert trusted.policy == Policy()
    assert "summary.v1.json" in trusted.schemas
    assert trusted.versions == {"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1}
    assert timedelta(days=6) < trusted.expires_at - now() <= timedelta(days=7)


def test_nothing_is_trusted_before_joining(tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "trust")
    with pytest.raises(NotFound, match="not joined"):
        store.current()
    with pytest.raises(NotFound, match="not joined"):
        store.refresh([COORDINATOR], Web({}))
    assert store.metadata_file("timestamp.json") is None
    assert store.metadata_file("1.root.json") is None


def test_a_node_joins_one_network_once(store: TrustStore, coordinator: Coordinator) -> None:
    with pytest.raises(Conflict, match="already"):
        store.bootstrap(coordinator.root, [COORDINATOR], Web({}))


def test_news_arrive_and_old_values_stay_the_same_object(store: TrustStore, coordinator: Coordinator) -> None:
    before = store.current()
    assert refresh(store, coordinator=coordinator.files()) is before
    assert store.current() is before
    after = refresh(store, coordinator=admit_brazil(coordinator))
    assert [member.id for member in after.roster.members] == [POLICE.id, BRAZIL.id]
    assert after.version == before.version + 1


def test_another_process_sees_what_was_published(
    store: TrustStore, coordinator: Coordinator, tmp_path: Path
) -> None:
    other = TrustStore(tmp_path / "trust")
    assert other.current().version == 1
    refresh(store, coordinator=admit_brazil(coordinator))
    assert other.current().version == 2


def test_old_sets_are_cleared_away(store: TrustStore, coordinator: Coordinator, tmp_path: Path) -> None:
    for _ in range(5):
        signing.refresh(coordinator.folder, now())
        refresh(store, coordinator=coordinator.files())
    sets = [path.name for path in (tmp_path / "trust" / "sets").iterdir()]
    assert len(sets) == 3
    assert all(name.startswith("set-") for name in sets)


def test_what_is_served_on_is_byte_for_byte_what_was_signed(
    store: TrustStore, coordinator: Coordinator
) -> None:
    assert served(store, coordinator) == coordinator.files()
    assert store.metadata_file("2.root.json") is None
    assert store.metadata_file("../pinned.root.json") is None
    assert store.target_file("roster.json") is None


def test_a_newcomer_reaches_the_newest_root_through_a_peer(
    store: TrustStore, coordinator: Coordinator, tmp_path: Path
) -> None:
    first_root = coordinator.root
    for name in ("carla", "dora", "eve"):
        rotate_root(coordinator, name)
    refresh(store, coordinator=coordinator.files())
    mirror = served(store, coordinator)
    newcomer = TrustStore(tmp_path / "newcomer")
    trusted = newcomer.bootstrap(first_root, [COORDINATOR, MIRROR], Web({MIRROR: mirror}))
    assert trusted.versions["root"] == 4


def test_a_wrong_root_is_not_joined_with(coordinator: Coordinator, tmp_path: Path) -> None:
    other = Coordinator(tmp_path / "other").create()
    store = TrustStore(tmp_path / "trust")
    web = Web({COORDINATOR: coordinator.files()})
    with pytest.raises(NoQuorum):
        store.bootstrap(other.root, [COORDINATOR], web)
    for nonsense in (b"", b"[]", b"{}", coordinator.files()["/metadata/timestamp.json"]):
        with pytest.raises(InvalidInput, match="no root file"):
            store.bootstrap(nonsense, [COORDINATOR], web)
    unsigned = tampered(coordinator.root, lambda root: root.update(signatures=[]))
    with pytest.raises(InvalidInput, match="no root file"):
        store.bootstrap(unsigned, [COORDINATOR], web)
    with pytest.raises(NotFound):
        store.current()
    assert store.bootstrap(coordinator.root, [COORDINATOR], web)


def test_a_source_that_is_down_is_passed_over(store: TrustStore, coordinator: Coordinator) -> None:
    with pytest.raises(PeerUnavailable, match="cannot be reached"):
        store.refresh([COORDINATOR], Web({}))
    with pytest.raises(PeerUnavailable, match="No source"):
        store.refresh([], Web({}))
    assert store.refresh([COORDINATOR, MIRROR], Web({MIRROR: admit_brazil(coordinator)})).version == 2


def test_time_for_one_source_is_limited(store: TrustStore, coordinator: Coordinator) -> None:
    with pytest.raises(PeerUnavailable, match="in time"):
        store.refresh([COORDINATOR], Web({COORDINATOR: coordinator.files()}), seconds=0)


@pytest.mark.parametrize("status", [301, 302, 401, 500])
def test_other_answers_than_files_are_refused(
    store: TrustStore, coordinator: Coordinator, status: int
) -> None:
    files = admit_brazil(coordinator)
    for path in ("/metadata/2.root.json", "/metadata/timestamp.json", "/metadata/2.snapshot.json"):
        with pytest.raises(PeerUnavailable, match=f"answered {status}"):
            refresh(store, coordinator={**files, path: status})
    assert store.current().version == 1


@pytest.mark.parametrize("status", [403, 404])
def test_no_further_root_ends_the_chain(store: TrustStore, coordinator: Coordinator, status: int) -> None:
    files = admit_brazil(coordinator)
    assert refresh(store, coordinator={**files, "/metadata/2.root.json": status}).version == 2
    with pytest.raises(PeerUnavailable, match=f"answered {status}"):
        refresh(store, coordinator={**files, "/metadata/timestamp.json": status})


def test_an_older_mirror_is_behind_and_the_next_is_asked(store: TrustStore, coordinator: Coordinator) -> None:
    old = coordinator.files()
    new = admit_brazil(coordinator)
    refresh(store, coordinator=new)
    with pytest.raises(PeerUnavailable, match="behind"):
        refresh(store, mirror=dict(old))
    assert refresh(store, mirror=dict(old), coordinator=new).version == 2


def test_an_expired_timestamp_is_not_taken_and_what_is_trusted_stays(
    store: TrustStore, coordinator: Coordinator
) -> None:
    signing.refresh(coordinator.folder, now() - timedelta(days=8))
    with pytest.raises(PeerUnavailable, match="run out"):
        refresh(store, coordinator=dict(coordinator.files()))
    assert store.current().version == 1
    signing.refresh(coordinator.folder, now())
    assert refresh(store, coordinator=dict(coordinator.files())).versions["timestamp"] == 3


def test_what_has_expired_meanwhile_is_still_read_and_served(
    coordinator: Coordinator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing.refresh(coordinator.folder, now() - timedelta(days=7) + timedelta(seconds=2))
    store = TrustStore(tmp_path / "trust")
    expires = store.bootstrap(
        coordinator.root, [COORDINATOR], Web({COORDINATOR: coordinator.files()})
    ).expires_at
    while now() < expires:
        pass
    later = TrustStore(tmp_path / "trust")
    assert later.current().expires_at == expires
    assert later.metadata_file("timestamp.json") == coordinator.files()["/metadata/timestamp.json"]
    with pytest.raises(PeerUnavailable, match="run out"):
        later.refresh([COORDINATOR], Web({COORDINATOR: coordinator.files()}))


def test_a_roster_other_than_the_signed_one_is_refused(store: TrustStore, coordinator: Coordinator) -> None:
    files = admit_brazil(coordinator)
    path = next(
        path for path in files if path.endswith("roster.json") and path not in served(store, coordinator)
    )
    roster = files[path]
    assert isinstance(roster, bytes)
    invented = roster.replace(BRAZIL.id.encode(), b"policia.xx.example")
    with pytest.raises(BadProof):
        refresh(store, coordinator={**files, path: invented[: len(roster)]})
    with pytest.raises(Malformed):
        refresh(store, coordinator={**files, path: roster + b" " * 10})


def test_a_signed_roster_that_breaks_the_rules_is_not_taken(
    store: TrustStore, coordinator: Coordinator
) -> None:
    repository = network.Repository.open(coordinator.folder)
    roster = json.loads(repository.published_files()["roster.json"])
    roster["members"][0]["kind"] = "army"
    repository.stage_files({"roster.json": json.dumps(roster).encode()}, now())
    with pytest.raises(Malformed, match="must be one of"):
        refresh(store, coordinator=dict(coordinator.publish().files()))
    assert store.current().version == 1


def test_signed_files_of_another_shape_are_not_taken(store: TrustStore, coordinator: Coordinator) -> None:
    repository = network.Repository.open(coordinator.folder)
    repository.stage_files({}, now())
    change = repository.change()
    assert change is not None
    assert change.targets is not None
    del change.targets.signed.targets["policy.json"]
    change.write(repository.change_path)
    with pytest.raises(Malformed, match="no roster or no policy"):
        refresh(store, coordinator=dict(coordinator.publish().files()))
    names = [f"schemas/{first}{second}.v1.json" for first in "abcdefgh" for second in "abcdefgh"]
    repository.stage_files(dict.fromkeys(names, b"{}"), now())
    with pytest.raises(Malformed, match="too many"):
        refresh(store, coordinator=dict(coordinator.publish().files()))
    assert store.current().version == 1


def test_root_rotation_is_followed_and_the_old_keys_count_no_more(
    store: TrustStore, coordinator: Coordinator
) -> None:
    rotate_root(coordinator)
    assert refresh(store, coordinator=dict(coordinator.files())).versions["root"] == 2


def test_a_followed_root_is_kept_though_the_rest_failed(store: TrustStore, coordinator: Coordinator) -> None:
    old = dict(coordinator.files())
    network.rotate_online(coordinator.folder, now())
    new = dict(coordinator.publish().files())
    with pytest.raises(PeerUnavailable):
        refresh(store, coordinator={**new, "/metadata/timestamp.json": 500})
    assert store.current().versions["root"] == 1
    assert store.metadata_file("2.root.json") == new["/metadata/2.root.json"]
    # A thief has the online key that was revoked: what it signs is refused, although root 2 is withheld.
    with pytest.raises(NoQuorum):
        refresh(store, mirror=old)
    assert refresh(store, coordinator=new).versions["root"] == 2


def test_a_network_that_one_person_can_change_is_refused(
    tmp_path: Path, store: TrustStore, coordinator: Coordinator
) -> None:
    def edit(root: Root) -> None:
        root.roles["root"].threshold = 1

    exercise = Coordinator(tmp_path / "exercise", Policy(exercise=True)).create()
    network.Repository.open(exercise.folder).stage_root(edit, now())
    exercise.publish()
    other = TrustStore(tmp_path / "other")
    assert other.bootstrap(exercise.root, [COORDINATOR], Web({COORDINATOR: exercise.files()}))
    network.Repository.open(coordinator.folder).stage_root(edit, now())
    coordinator.publish()
    with pytest.raises(NoQuorum, match="single key"):
        store.refresh([COORDINATOR], Web({COORDINATOR: coordinator.files()}))
    assert store.current().versions["root"] == 1


def test_damage_on_this_disk_is_told_and_mended_by_a_refresh(
    store: TrustStore, coordinator: Coordinator, tmp_path: Path
) -> None:
    folder = tmp_path / "trust" / os.readlink(tmp_path / "trust" / "current")
    roster = folder / "targets" / "roster.json"
    roster.write_bytes(roster.read_bytes().replace(b"active", b"strong"))
    again = TrustStore(tmp_path / "trust")
    with pytest.raises(InvalidInput, match="damaged"):
        again.current()
    timestamp = folder / "metadata" / "timestamp.json"
    timestamp.write_bytes((folder / "metadata" / "snapshot.json").read_bytes())
    with pytest.raises(InvalidInput, match="damaged"):
        again.current()
    timestamp.unlink()
    with pytest.raises(InvalidInput, match="damaged"):
        again.current()
    assert refresh(again, coordinator=dict(coordinator.files())).version == 1


def test_a_crash_before_the_last_step_leaves_what_was_there(
    store: TrustStore, coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = admit_brazil(coordinator)

    def crash(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "symlink_to", crash)
        with pytest.raises(KeyboardInterrupt):
            refresh(store, coordinator=files)
    assert store.current().version == 1
    assert refresh(store, coordinator=files).version == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_anywhere_raise_only_what_is_promised(
    store: TrustStore, coordinator: Coordinator, data: st.DataObject
) -> None:
    files: Files = dict(coordinator.files())
    path = data.draw(st.sampled_from(["/metadata/2.root.json", "/metadata/timestamp.json"]))
    whole = coordinator.files()["/metadata/1.root.json" if "root" in path else path]
    value = json.loads(whole)
    place: Any = value
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(
                st.none() | st.integers() | st.text(max_size=3) | st.just([]) | st.just({})
            )
            break
        place = place[key]
    with suppress(ProtocolError, PeerUnavailable):
        refresh(store, coordinator={**files, path: json.dumps(value).encode()})
    assert store.current().version == 1


def test_the_pinned_root_need_not_be_the_first(
    store: TrustStore, coordinator: Coordinator, tmp_path: Path
) -> None:
    rotate_root(coordinator)
    newcomer = TrustStore(tmp_path / "newcomer")
    root = coordinator.files()["/metadata/2.root.json"]
    newcomer.bootstrap(root, [COORDINATOR], Web({COORDINATOR: coordinator.files()}))
    assert Metadata[Root].from_bytes(root).signed.version == newcomer.current().versions["root"]
    assert newcomer.metadata_file("1.root.json") is None
    assert replace(newcomer.current(), version=0) != newcomer.current()
