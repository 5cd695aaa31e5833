"""The coordinator: nothing is published without its holders, nobody is listed who did not prove its keys."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.adapters.repository import Change, Holder, Repository
from node.adapters.trust import TrustStore
from node.domain.rekeying import KEY_OVERLAP
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from node.services.coordinator import network, signing
from node.services.coordinator.network_view import describe
from protocol.endorsement import format_endorsement
from protocol.feed_entry import FeedEntry, FrozenHead
from protocol.joining import format_join_request
from protocol.member import fingerprint
from protocol.note import ED25519, VerifierKey
from protocol.policy import Policy, parse_policy
from protocol.roster import Roster, parse_roster
from tests.members import MemberKeys, public
from tests.networks import COORDINATOR, Coordinator, Web, join_request, now

POLICE = MemberKeys("police.fr.example")
BRAZIL = MemberKeys("policia.br.example", country="BR")
NGO = MemberKeys("enfants.fr.example", kind="ngo")


@pytest.fixture
def coordinator(tmp_path: Path) -> Coordinator:
    return Coordinator(tmp_path / "network").create([POLICE, BRAZIL])


def published(coordinator: Coordinator) -> Roster:
    return parse_roster(Repository.open(coordinator.folder).published_files()["roster.json"])


def staged(coordinator: Coordinator) -> Roster:
    return parse_roster(Repository.open(coordinator.folder).files()["roster.json"])


def changes(coordinator: Coordinator) -> str:
    return "\n".join(describe(coordinator.folder, now()).changes)


def endorsement(by: MemberKeys = POLICE) -> str:
    return format_endorsement(by.signer, NGO.id, "Agreement 1", now() + timedelta(days=300), now(), "e-1")


def test_a_new_network_waits_for_its_holders(tmp_path: Path) -> None:
    coordinator = Coordinator(tmp_path / "network")
    people = [Holder(name, public(key)) for name, key in coordinator.holders.items()]
    network.create_network(coordinator.folder, "Test network", people, people, 2, now())
    ana, bob = coordinator.holders.values()
    with pytest.raises(NotAllowed, match="root file needs 2 more") as caught:
        signing.publish(coordinator.folder, now())
    assert "ana, bob" in caught.value.message
    assert signing.sign_change(coordinator.folder, ana) == ["root", "targets"]
    assert signing.sign_change(coordinator.folder, ana) == ["root", "targets"]
    with pytest.raises(NotAllowed, match="root file needs 1 more of the signatures by bob"):
        signing.publish(coordinator.folder, now())
    with pytest.raises(NotFound, match="Nothing is published"):
        signing.refresh(coordinator.folder, now())
    with pytest.raises(Conflict, match="first change"):
        signing.discard(coordinator.folder)
    assert not list((coordinator.folder / "metadata").iterdir())
    signing.sign_change(coordinator.folder, bob)
    signing.publish(coordinator.folder, now())
    with pytest.raises(NotFound, match="Nothing is staged"):
        signing.publish(coordinator.folder, now())


def test_only_a_sandbox_may_hang_on_one_key(tmp_path: Path) -> None:
    people = [Holder("ana", public(Ed25519PrivateKey.generate()))]
    with pytest.raises(InvalidInput, match="threshold of 1"):
        network.create_network(tmp_path / "a", "n", people, people, 1, now())
    network.create_network(tmp_path / "b", "n", people, people, 1, now(), Policy(exercise=True))
    with pytest.raises(InvalidInput, match="2 signatures would be needed on root, and there would be 1"):
        network.create_network(tmp_path / "c", "n", people * 2, people * 2, 2, now())
    assert not (tmp_path / "c").exists()
    with pytest.raises(Conflict, match="not empty"):
        network.create_network(tmp_path / "b", "n", people, people, 1, now(), Policy(exercise=True))


def test_the_online_key_is_private(coordinator: Coordinator) -> None:
    keys = coordinator.folder / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}


def test_a_folder_without_a_network_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no network"):
        signing.publish(tmp_path, now())
    with pytest.raises(NotFound):
        describe(tmp_path / "nothing.json", now())


def test_holders_who_never_meet_sign_copies(coordinator: Coordinator, tmp_path: Path) -> None:
    network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())
    copies = {name: tmp_path / f"{name}.json" for name in coordinator.holders}
    for name, key in coordinator.holders.items():
        copies[name].write_bytes((coordinator.folder / "change.json").read_bytes())
        assert describe(copies[name], now()).changes == (f"Suspends {BRAZIL.id}.",)
        assert signing.sign_change(copies[name], key) == ["targets"]
        signing.collect(coordinator.folder, copies[name])
    assert describe(coordinator.folder, now()).signatures["targets"].missing == 0
    signing.publish(coordinator.folder, now())
    assert published(coordinator).member(BRAZIL.id).state == "suspended"


def test_a_signature_that_was_altered_on_the_way_does_not_block_the_right_one(
    coordinator: Coordinator, tmp_path: Path
) -> None:
    network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes((coordinator.folder / "change.json").read_bytes())
    for key in coordinator.holders.values():
        signing.sign_change(good, key)
    value = json.loads(good.read_text())
    for signature in value["targets"]["signatures"]:
        signature["sig"] = "00" * 64
    bad.write_text(json.dumps(value))
    signing.collect(coordinator.folder, bad)
    with pytest.raises(NotAllowed, match="2 more of the signatures by ana, bob"):
        signing.publish(coordinator.folder, now())
    signing.collect(coordinator.folder, good)
    signing.publish(coordinator.folder, now())
    assert published(coordinator).member(BRAZIL.id).state == "suspended"


def test_a_copy_of_another_change_is_not_taken(coordinator: Coordinator, tmp_path: Path) -> None:
    network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())
    (tmp_path / "copy.json").write_bytes((coordinator.folder / "change.json").read_bytes())
    network.set_state(coordinator.folder, POLICE.id, "suspended", now())
    with pytest.raises(Conflict, match="another change"):
        signing.collect(coordinator.folder, tmp_path / "copy.json")


def test_a_stranger_s_key_signs_nothing(coordinator: Coordinator) -> None:
    network.set_policy(coordinator.folder, {"notice_days": "8"}, now())
    with pytest.raises(NotAllowed, match="may sign nothing"):
        signing.sign_change(coordinator.folder, Ed25519PrivateKey.generate())


ALTERATIONS: list[Callable[[dict[str, Any]], Any]] = [
    lambda change: change["files"].update(
        {"roster.json": change["files"]["roster.json"].replace("BR", "XX")}
    ),
    lambda change: change["files"].pop("roster.json"),
    lambda change: change["files_before"].pop("policy.json"),
    lambda change: change["targets"]["signed"].update(_type="root"),
    lambda change: change.update(targets=change["root_before"]),
    lambda change: change.pop("files"),
    lambda change: change.update(files=[]),
    lambda change: change.update(root={}),
]


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_what_is_shown_is_what_would_be_signed(
    coordinator: Coordinator, tmp_path: Path, alter: Callable[[dict[str, Any]], Any]
) -> None:
    network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())
    value = json.loads((coordinator.folder / "change.json").read_text())
    alter(value)
    (tmp_path / "copy.json").write_text(json.dumps(value))
    with pytest.raises(InvalidInput, match="altered"):
        describe(tmp_path / "copy.json", now())
    with pytest.raises(InvalidInput, match="altered"):
        signing.sign_change(tmp_path / "copy.json", coordinator.holders["ana"])


def test_a_copy_that_says_nothing_of_its_signers_is_refused(coordinator: Coordinator, tmp_path: Path) -> None:
    network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())
    value = json.loads((coordinator.folder / "change.json").read_text())
    (tmp_path / "copy.json").write_text(json.dumps({**value, "root_before": None}))
    with pytest.raises(InvalidInput, match="no root"):
        describe(tmp_path / "copy.json", now())
    (tmp_path / "copy.json").write_bytes(b" " * ((32 << 20) + 1))
    with pytest.raises(InvalidInput, match="altered"):
        describe(tmp_path / "copy.json", now())


def test_admission_lists_the_proven_keys(coordinator: Coordinator) -> None:
    ukraine = MemberKeys("police.ua.example", country="UA")
    member = network.admit(coordinator.folder, join_request(ukraine) + "\n", now())
    assert f"Admits police.ua.example (UA, law enforcement); its keys: {fingerprint(member)}." in changes(
        coordinator
    )
    coordinator.publish()
    assert published(coordinator).members == (*published(coordinator).members[:2], member)


def test_who_is_not_admitted(coordinator: Coordinator) -> None:
    with pytest.raises(Conflict, match="listed already"):
        network.admit(coordinator.folder, join_request(POLICE), now())
    with pytest.raises(Conflict, match="another network"):
        network.admit(coordinator.folder, join_request(MemberKeys("police.ua.example"), "Other"), now())
    with pytest.raises(InvalidInput, match="three segments"):
        network.admit(coordinator.folder, "nonsense", now())
    with pytest.raises(InvalidInput, match="run out"):
        network.admit(
            coordinator.folder, join_request(MemberKeys("police.ua.example")), now() + timedelta(days=31)
        )
    thief = MemberKeys("police.ua.example", feeds=dict(POLICE.feeds))
    with pytest.raises(InvalidInput, match="stands elsewhere"):
        network.admit(coordinator.folder, join_request(thief), now())
    frozen = MemberKeys("police.ua.example")
    entry = frozen.entry()
    ended = replace(entry.feeds[0], state="frozen", frozen=FrozenHead(0, bytes(32)))
    request = format_join_request(
        replace(entry, feeds=(ended, entry.feeds[1])),
        "Test network",
        frozen.token,
        frozen.proving,
        now(),
        "r",
    )
    with pytest.raises(InvalidInput, match="frozen feed"):
        network.admit(coordinator.folder, request, now())
    assert Repository.open(coordinator.folder).change() is None


def test_an_ngo_needs_its_endorsement(coordinator: Coordinator) -> None:
    with pytest.raises(InvalidInput, match="no law-enforcement member") as caught:
        network.admit(coordinator.folder, join_request(NGO), now())
    assert "gmcn endorse" in caught.value.next_step
    with pytest.raises(InvalidInput, match="own country"):
        network.admit(coordinator.folder, join_request(NGO, endorsement=endorsement(BRAZIL)), now())
    network.admit(coordinator.folder, join_request(NGO, endorsement=endorsement()), now())
    coordinator.publish()
    line = next(line for line in describe(coordinator.folder, now()).members if line.id == NGO.id)
    assert (line.standing, line.kind) == ("active", "ngo")
    renewed = endorsement()
    assert network.endorse(coordinator.folder, renewed, now() + timedelta(seconds=1)).endorsement == renewed
    with pytest.raises(InvalidInput, match="own country"):
        network.endorse(coordinator.folder, endorsement(BRAZIL), now())


def test_suspension_return_and_removal(coordinator: Coordinator) -> None:
    network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())
    with pytest.raises(Conflict, match="suspended already"):
        network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())
    coordinator.publish()
    network.set_state(coordinator.folder, BRAZIL.id, "active", now())
    assert changes(coordinator) == f"Brings back {BRAZIL.id}."
    coordinator.publish()
    at = now()
    network.set_state(coordinator.folder, BRAZIL.id, "removed", at)
    assert changes(coordinator) == f"Removes for good {BRAZIL.id}."
    assert staged(coordinator).member(BRAZIL.id).removed_at == at
    with pytest.raises(Conflict, match="was removed"):
        network.set_state(coordinator.folder, BRAZIL.id, "active", now())
    with pytest.raises(Conflict, match="was removed"):
        network.rekey(coordinator.folder, join_request(BRAZIL, previous=BRAZIL.signer), now())
    with pytest.raises(NotFound, match="not on the list"):
        network.set_state(coordinator.folder, "police.xx.example", "suspended", now())


def test_new_keys_stand_beside_the_old_ones(coordinator: Coordinator) -> None:
    site = "https://missing.police.fr.example"
    new = MemberKeys(POLICE.id, address="https://new.police.fr.example", site=site)
    before = published(coordinator).member(POLICE.id)
    with pytest.raises(NotAllowed, match="vouches") as caught:
        network.rekey(coordinator.folder, join_request(new), now())
    assert "--old-key-lost" in caught.value.next_step
    at = now()
    member = network.rekey(coordinator.folder, join_request(new, previous=POLICE.signer), at)
    old_token, new_token = member.token_keys
    assert (old_token.public, old_token.until) == (public(POLICE.token), at + KEY_OVERLAP)
    assert (new_token.public, new_token.until) == (public(new.token), None)
    police = member.feed("police")
    assert [key.public for key in police.keys] == [public(new.feeds["police"])]
    assert [(old.key.public, old.until) for old in police.retired] == [
        (public(POLICE.feeds["police"]), at + KEY_OVERLAP)
    ]
    assert [old.key.public for old in member.retired_cosigners] == [public(POLICE.cosigner)]
    assert [key.kid for key in member.sealing_keys] == [
        before.sealing_keys[0].kid,
        new.entry().sealing_keys[0].kid,
    ]
    assert (member.joined, member.address) == (before.joined, "https://new.police.fr.example")
    said = changes(coordinator)
    assert f"Gives {POLICE.id} new keys: {fingerprint(member)}, were {fingerprint(before)}." in said
    assert "its node is at https://new.police.fr.example" in said
    assert f"Says that the public site of {POLICE.id} is at {site}." in said
    coordinator.publish()
    third = MemberKeys(POLICE.id)
    again = network.rekey(coordinator.folder, join_request(third, previous=new.signer), now())
    assert again.token_keys[0].until == at + KEY_OVERLAP
    assert len(again.token_keys) == 3


@pytest.fixture(autouse=True)
def distinct_sealing_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every set of keys have its own id for the sealing key, as real nodes do."""
    entry = MemberKeys.entry

    def named(self: MemberKeys, endorsement: str | None = None) -> Any:
        member = entry(self, endorsement)
        (key,) = member.sealing_keys
        return replace(member, sealing_keys=(replace(key, kid=key.public[:8].hex()),))

    monkeypatch.setattr(MemberKeys, "entry", named)


def test_one_key_alone_can_be_replaced(coordinator: Coordinator) -> None:
    same = replace(POLICE, cosigner=Ed25519PrivateKey.generate())
    member = network.rekey(coordinator.folder, join_request(same, previous=POLICE.signer), now())
    before = published(coordinator).member(POLICE.id)
    assert (member.token_keys, member.feeds, member.sealing_keys) == (
        before.token_keys, before.feeds, before.sealing_keys
    )  # fmt: skip
    assert member.cosigner != before.cosigner


def test_stolen_keys_are_struck_at_once(coordinator: Coordinator) -> None:
    new = MemberKeys(POLICE.id)
    member = network.rekey(coordinator.folder, join_request(new), now(), old_key_lost=True, overlap=None)
    assert [key.public for key in member.token_keys] == [public(new.token)]
    assert [key.public for key in member.feed("network").keys] == [public(new.feeds["network"])]
    assert len(member.sealing_keys) == 1


def test_what_a_request_for_new_keys_cannot_change(coordinator: Coordinator) -> None:
    with pytest.raises(NotFound, match="not on the list"):
        network.rekey(coordinator.folder, join_request(MemberKeys("police.ua.example")), now())
    abroad = MemberKeys(POLICE.id, country="DE")
    with pytest.raises(InvalidInput, match="kind or country"):
        network.rekey(coordinator.folder, join_request(abroad), now(), old_key_lost=True)


def test_a_frozen_feed_and_its_successor(coordinator: Coordinator) -> None:
    head = FrozenHead(7, bytes(32))
    network.freeze(coordinator.folder, POLICE.id, "network", head, now())
    assert changes(coordinator) == f"Freezes {POLICE.id}/network at 7 leaves."
    with pytest.raises(Conflict, match="frozen already"):
        network.freeze(coordinator.folder, POLICE.id, "network", head, now())
    network.admit(coordinator.folder, join_request(NGO, endorsement=endorsement()), now())
    with pytest.raises(NotFound, match="no police feed"):
        network.freeze(coordinator.folder, NGO.id, "police", head, now())
    coordinator.publish()
    origin = f"{POLICE.id}/network/2"
    key = Ed25519PrivateKey.generate()
    frozen, police = published(coordinator).member(POLICE.id).feeds
    successor = FeedEntry(
        "network", origin, (VerifierKey(origin, ED25519, public(key)),), succeeds=frozen.origin
    )

    def ask(*feeds: FeedEntry) -> str:
        entry = replace(POLICE.entry(), feeds=feeds)
        return format_join_request(
            entry, "Test network", POLICE.token, [*POLICE.proving, key], now(), "r", POLICE.signer
        )

    altered = replace(frozen, frozen=FrozenHead(9, bytes(32)))
    with pytest.raises(InvalidInput, match=f"leaves out or alters {POLICE.id}/network"):
        network.rekey(coordinator.folder, ask(altered, police, successor), now())
    member = network.rekey(coordinator.folder, ask(frozen, police, successor), now())
    assert member.feed("network") == successor
    with pytest.raises(InvalidInput, match="leaves out or alters"):
        network.rekey(coordinator.folder, join_request(POLICE, previous=POLICE.signer), now())


def test_the_policy_is_set_by_name(coordinator: Coordinator) -> None:
    policy = network.set_policy(
        coordinator.folder,
        {
            "notice_days": "14",
            "witnesses.network": f"{POLICE.id},{BRAZIL.id}",
            "quorum.network": "1",
            "limits.photo_bytes": "2000000",
        },
        now(),
    )
    assert (policy.notice_days, policy.exercise, policy.quorum["network"]) == (14, False, 1)
    assert policy.witnesses["network"] == (POLICE.id, BRAZIL.id)
    assert "Policy: notice_days becomes 14, was 7." in changes(coordinator)
    coordinator.publish()
    assert parse_policy(Repository.open(coordinator.folder).published_files()["policy.json"]) == policy
    with pytest.raises(InvalidInput, match="cannot be a witness") as caught:
        network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())
    assert "gmcn network policy" in caught.value.next_step
    assert network.set_policy(coordinator.folder, {"witnesses.network": POLICE.id}, now())
    assert network.set_state(coordinator.folder, BRAZIL.id, "suspended", now())


def test_a_network_never_turns_into_an_exercise_or_out_of_one(
    coordinator: Coordinator, tmp_path: Path
) -> None:
    exercise = Coordinator(tmp_path / "exercise", Policy(exercise=True)).create()
    for made, other in ((coordinator, "true"), (exercise, "false")):
        with pytest.raises(InvalidInput, match="stays what it began as"):
            network.set_policy(made.folder, {"exercise": other}, now())
        assert Repository.open(made.folder).change() is None


def test_every_wrong_setting_is_told_at_once(coordinator: Coordinator) -> None:
    with pytest.raises(InvalidInput) as caught:
        network.set_policy(
            coordinator.folder,
            {
                "notice": "1",
                "limits": "1",
                "a.b.c": "1",
                "schema": "1",
                "exercise": "yes",
                "notice_days": "-1",
            },
            now(),
        )
    assert len(caught.value.problems) == 6
    with pytest.raises(InvalidInput, match="from 0 to 90"):
        network.set_policy(coordinator.folder, {"notice_days": "91"}, now())
    with pytest.raises(InvalidInput, match="no member"):
        network.set_policy(coordinator.folder, {"witnesses.police": "police.xx.example"}, now())
    assert Repository.open(coordinator.folder).change() is None


def test_schemas_are_staged_when_they_differ(coordinator: Coordinator) -> None:
    assert network.update_schemas(coordinator.folder, now()) == []
    Repository.open(coordinator.folder).stage_files({"schemas/leaf.v1.json": b"{}"}, now())
    coordinator.publish()
    assert network.update_schemas(coordinator.folder, now()) == ["schemas/leaf.v1.json"]
    assert changes(coordinator) == "Schemas: leaf.v1.json are added or replaced."


def test_a_rotated_root_needs_old_and_new_holders(coordinator: Coordinator) -> None:
    carla, dora = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    network.rotate(
        coordinator.folder,
        "root",
        now(),
        add=[Holder("carla", public(carla)), Holder("dora", public(dora))],
        remove=["ana", "bob"],
    )
    said = changes(coordinator)
    assert "Root: the key of carla is added." in said
    assert "Root: the key of ana is removed." in said
    for key in (carla, dora):
        assert signing.sign_change(coordinator.folder, key) == ["root"]
    with pytest.raises(NotAllowed, match="2 more of the signatures by ana, bob"):
        signing.publish(coordinator.folder, now())
    for key in coordinator.holders.values():
        signing.sign_change(coordinator.folder, key)
    signing.publish(coordinator.folder, now())
    assert describe(coordinator.folder, now()).published[0].holders == ("carla", "dora")


def test_rotated_targets_keys_sign_the_roster_again(coordinator: Coordinator, tmp_path: Path) -> None:
    carla = Ed25519PrivateKey.generate()
    network.rotate(coordinator.folder, "targets", now(), add=[Holder("carla", public(carla))], remove=["ana"])
    coordinator.holders["carla"] = carla
    coordinator.publish()
    store = TrustStore(tmp_path / "trust")
    trusted = store.bootstrap(coordinator.root, [COORDINATOR], Web({COORDINATOR: coordinator.files()}))
    assert trusted.versions == {"root": 2, "timestamp": 2, "snapshot": 2, "targets": 2}


def test_terms_are_renewed_without_other_keys(coordinator: Coordinator) -> None:
    network.rotate(coordinator.folder, "targets", now() + timedelta(days=30))
    assert changes(coordinator) == "Renews the term of roster and policy as they are."
    assert describe(coordinator.folder, now()).signatures.keys() == {"targets"}
    coordinator.publish()
    network.rotate(coordinator.folder, "root", now())
    assert describe(coordinator.folder, now()).signatures.keys() == {"root"}
    signing.discard(coordinator.folder)
    assert changes(coordinator) == ""


def test_what_a_rotation_must_leave(coordinator: Coordinator) -> None:
    with pytest.raises(InvalidInput, match="there would be 1"):
        network.rotate(coordinator.folder, "root", now(), remove=["ana"])
    with pytest.raises(InvalidInput, match="at least 2"):
        network.rotate(coordinator.folder, "root", now(), threshold=1)
    with pytest.raises(InvalidInput, match="0 holders"):
        network.rotate(coordinator.folder, "root", now(), remove=["zoe"])


def test_a_fresh_online_key(coordinator: Coordinator, tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "trust")
    store.bootstrap(coordinator.root, [COORDINATOR], Web({COORDINATOR: coordinator.files()}))
    network.rotate_online(coordinator.folder, now())
    signing.refresh(coordinator.folder, now())  # while it is staged, the old one still counts
    coordinator.publish()
    trusted = store.refresh([COORDINATOR], Web({COORDINATOR: coordinator.files()}))
    assert (trusted.versions["root"], trusted.versions["timestamp"]) == (2, 3)


def test_online_signatures_are_renewed_when_due(coordinator: Coordinator) -> None:
    assert not signing.refresh_when_due(coordinator.folder, now() + timedelta(days=2))
    assert signing.refresh_when_due(coordinator.folder, now() + timedelta(days=4))
    assert describe(coordinator.folder, now()).published[3].version == 2


def test_old_snapshots_are_cleared_away(coordinator: Coordinator) -> None:
    for _ in range(8):
        signing.refresh(coordinator.folder, now())
    assert len(list((coordinator.folder / "metadata").glob("*.snapshot.json"))) == 5


def test_warnings_come_in_time(coordinator: Coordinator) -> None:
    def warnings(days: int) -> str:
        return "\n".join(describe(coordinator.folder, now() + timedelta(days=days)).warnings)

    assert warnings(1) == ""
    assert "gmcn network refresh" in warnings(5)
    assert "targets file runs out" in warnings(150)
    assert "root file has run out" in warnings(366)


def test_a_publication_that_was_cut_off_is_finished_by_the_next(
    coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.set_policy(coordinator.folder, {"notice_days": "8"}, now())
    before = coordinator.files()["/metadata/timestamp.json"]
    with monkeypatch.context() as patched:
        patched.setattr(Repository, "_announce", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            coordinator.publish()
    assert coordinator.files()["/metadata/timestamp.json"] == before
    coordinator.publish()
    assert describe(coordinator.folder, now()).published[1].version == 2


def test_damage_in_the_folder_is_told(coordinator: Coordinator) -> None:
    path = coordinator.folder / "metadata" / "timestamp.json"
    path.write_bytes((coordinator.folder / "metadata" / "1.snapshot.json").read_bytes())
    with pytest.raises(InvalidInput, match="another kind"):
        describe(coordinator.folder, now())
    path.write_bytes(b"")
    with pytest.raises(InvalidInput, match="damaged"):
        describe(coordinator.folder, now())


def test_a_change_with_a_roster_that_no_node_would_take_is_not_shown(
    coordinator: Coordinator, tmp_path: Path
) -> None:
    repository = Repository.open(coordinator.folder)
    repository.stage_files({"roster.json": b"{}"}, now())
    (tmp_path / "copy.json").write_bytes(repository.change_path.read_bytes())
    with pytest.raises(InvalidInput, match="no roster and policy"):
        describe(tmp_path / "copy.json", now())
    assert Change.read(tmp_path / "copy.json").files == {"roster.json": b"{}"}
