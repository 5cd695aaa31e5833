"""Back into one's own past: restored, copied and rolled back nodes, and what the peers see of it."""

import io
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from node.adapters.http import Answer
from node.adapters.keystore import create_sealing_file, load_sealing_file
from node.errors import Conflict, NotFound, PeerUnavailable
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.following import bundles
from node.services.register import cases as register
from node.services.safekeeping import backup, losses, recovery
from node.services.safekeeping.recovery import NotRecovered
from node.services.search import finding
from node.services.serving import NotIdentified
from node.services.witnesses import cosigning
from node.store import marks
from node.store.database import reading, writing
from node.store.journal import read_journal
from node.store.published import feeds
from node.store.register import cases
from node.store.search.finding import find
from node.store.search.query import Query
from protocol.checkpoint import sign_checkpoint
from protocol.feed import FeedHead, grow
from protocol.member_keys import RetiredKey
from protocol.note import ED25519, Ed25519Signer, format_note
from protocol.policy import Policy
from protocol.witness import format_submission
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Ask, Call, Federation, down, dropping, tampering, withholding
from tests.forensics import invent_child
from tests.liars import Liar, find_feed, problems

OWNER, PEER, HELPER = FR[0], DE[0], NGO[0]


class Insurance:
    """Backups of nodes, and new homes made of them."""

    def __init__(self, folder: Path) -> None:
        create_sealing_file(folder / "backup.pem", b"a long passphrase")
        self._key = load_sealing_file(folder / "backup.pem", b"a long passphrase")
        self._folder = folder

    def take(self, node: Node, name: str = "a") -> Path:
        """Back a node up."""
        return backup.back_up(node, self._folder / f"{name}.backup", self._key[1]).path

    def put_back(self, federation: Federation, member: str, made: Path) -> Node:
        """Lose a node's home, and restore it from a backup."""
        home = federation[member].config.home
        federation[member].engine.dispose()
        shutil.rmtree(home)
        backup.restore(made, self._key, home, federation.clock())
        return federation.reopen(member)


@pytest.fixture
def insurance(tmp_path: Path) -> Insurance:
    return Insurance(tmp_path)


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE, NGO])
    yield made
    made.close()


def pull_all(federation: Federation, owner: str = OWNER) -> None:
    for member in federation.nodes:
        if member != owner:
            assert federation.pull(member, owner).error == ""


def pictured(federation: Federation, colour: str, language: str = "ar") -> dict[str, Any]:
    Image.new("RGB", (300, 400), colour).save(federation.folder / f"{colour}.png")
    return sample_record(language, photos=[{"kind": "photo", "file": f"{colour}.png", "primary": True}])


def found(node: Node, federation: Federation) -> set[str]:
    with reading(node.engine) as conn:
        return {hit.case_id for hit in find(conn, Query(today=federation.clock().date(), limit=200))}


def status_of(node: Node, case_id: str) -> str:
    return register.get_case(node, case_id).status


def is_restored(node: Node) -> bool:
    with reading(node.engine) as conn:
        return marks.find_mark(conn, marks.RESTORED) is not None


def test_a_node_restored_from_yesterday_goes_on_where_its_peers_know_it_to_be(
    federation: Federation, insurance: Insurance
) -> None:
    kept, erased, changed = federation.publish(
        OWNER, sample_record("ar", photos=None), pictured(federation, "red"), sample_record("uk", photos=None)
    )
    pull_all(federation)
    made = insurance.take(federation[OWNER])
    federation.clock.advance(hours=20)
    publishing.erase(federation[OWNER], erased.case_id, "test")
    register.change_case(federation[OWNER], changed.case_id, {"sex": 9}, "test", federation.folder)
    publishing.publish(federation[OWNER], [changed.case_id, kept.case_id], "test")
    (fresh,) = federation.publish(OWNER, pictured(federation, "blue", "ja"))
    pull_all(federation)
    before = {name: find_feed(federation[PEER], OWNER, name).size for name in ("network", "police")}

    node = insurance.put_back(federation, OWNER, made)
    assert erased.case_id in found(node, federation)
    with pytest.raises(Conflict, match="was restored"):
        publishing.publish(node, [kept.case_id], "test")
    report = federation.pull(PEER, OWNER)
    assert (report.lying, report.error) == (
        False,
        "It answered 503: This node is fetching its own past. Ask again in a while.",
    )

    done = recovery.recover(node)
    assert done is not None
    assert (done.leaves, done.unheard) == (8, ())
    assert done.losses.erased == [erased.case_id]
    assert done.losses.rebuilt == [fresh.case_id]
    with reading(node.engine) as conn:
        entries = {entry.action: entry for entry in read_journal(conn, fresh.case_id)}
    assert "names" in entries["case.rebuild"].fields
    assert done.losses.older == [changed.case_id]
    assert done.losses.unpictured == [fresh.case_id]  # its full size: peers had only fetched the small one
    assert {name: find_feed(node, OWNER, name).size for name in before} == before
    assert found(node, federation) == {kept.case_id, changed.case_id, fresh.case_id}
    assert status_of(node, erased.case_id) == cases.ERASED
    assert register.get_case(node, fresh.case_id).record["names"] == sample_record("ja")["names"]
    assert not is_restored(node)
    assert recovery.recover(node) is None

    publishing.publish(node, [fresh.case_id, kept.case_id], "test")
    pull_all(federation)
    for member in federation.nodes:
        assert find_feed(federation[member], OWNER, "network").state == feeds.OPEN
        assert problems(federation[member]) == []


def test_a_restored_node_waits_for_most_of_its_peers(federation: Federation, insurance: Insurance) -> None:
    (case,) = federation.publish(OWNER, sample_record("ar", photos=None))
    pull_all(federation)
    made = insurance.take(federation[OWNER])
    publishing.erase(federation[OWNER], case.case_id, "test")
    pull_all(federation)
    node = insurance.put_back(federation, OWNER, made)
    federation.wire.faults[PEER] = [down]
    federation.wire.faults[HELPER] = [down]
    with pytest.raises(NotRecovered, match="0 members have told"):
        recovery.recover(node, with_few=True)
    del federation.wire.faults[HELPER]
    with pytest.raises(NotRecovered, match=r"1 members .* 1 do not answer \(police\.de\.example\)"):
        recovery.recover(node)
    assert is_restored(node)
    assert "police.de.example" in find_feed(node, OWNER, "network").reason
    del federation.wire.faults[PEER]
    assert recovery.recover(node) is not None


def test_an_erased_child_does_not_come_back_from_a_backup(
    federation: Federation, insurance: Insurance
) -> None:
    child = invent_child(federation.folder)
    (own,) = federation.publish(OWNER, child.record)
    secret = child.secret(federation[OWNER])
    federation.publish(PEER, sample_record("ja", photos=None))
    pull_all(federation)
    pull_all(federation, PEER)
    made = insurance.take(federation[OWNER])
    publishing.erase(federation[OWNER], own.case_id, "test")
    pull_all(federation)
    node = insurance.put_back(federation, OWNER, made)
    assert secret.traces(node.config.home) != []
    recovery.recover(node)
    assert own.case_id not in found(node, federation)
    assert list(node.blobs.iterate(OWNER)) == []
    node.engine.dispose()
    assert secret.traces(node.config.home) == []


def test_what_others_erased_since_the_backup_is_gone_before_anything_is_shown(
    federation: Federation, insurance: Insurance
) -> None:
    child = invent_child(federation.folder)
    (foreign,) = federation.publish(PEER, child.record)
    secret = child.secret(federation[PEER])
    federation.publish(OWNER, sample_record("ar", photos=None))
    pull_all(federation)
    pull_all(federation, PEER)
    made = insurance.take(federation[OWNER])
    publishing.erase(federation[PEER], foreign.case_id, "test")
    node = insurance.put_back(federation, OWNER, made)
    recovery.recover(node)
    assert foreign.case_id not in found(node, federation)
    node.engine.dispose()
    assert secret.traces(node.config.home) == []


def test_nothing_of_a_member_that_was_not_heard_is_shown(
    federation: Federation, insurance: Insurance
) -> None:
    (foreign,) = federation.publish(HELPER, sample_record("uk", photos=None))
    federation.publish(OWNER, sample_record("ar", photos=None))
    pull_all(federation)
    pull_all(federation, HELPER)
    made = insurance.take(federation[OWNER])
    node = insurance.put_back(federation, OWNER, made)
    federation.wire.faults[HELPER] = [down]
    federation.wire.faults[PEER] = [no_mirror]
    done = recovery.recover(node, with_few=True)
    assert done is not None
    assert done.unheard == (HELPER,)
    hits, _ = finding.find(node, Query(today=federation.clock().date()), "test")
    assert foreign.case_id not in {hit.case_id for hit in hits}
    with pytest.raises(NotFound):
        finding.open_case_quietly(node, foreign.case_id)
    federation.wire.faults.clear()
    note = find_feed(federation[HELPER], HELPER, "network").note
    submission = format_submission(1, [], note or b"")
    stranger = NotIdentified("")
    with pytest.raises(PeerUnavailable, match="cannot cosign"):  # it may have cosigned a larger head before
        cosigning.add_checkpoint(node, stranger, submission)
    assert federation.pull(OWNER, HELPER).error == ""
    cosigning.add_checkpoint(node, stranger, submission)
    hits, _ = finding.find(node, Query(today=federation.clock().date()), "test")
    assert foreign.case_id in {hit.case_id for hit in hits}


@pytest.mark.parametrize("witnessed", [False, True])
def test_a_mirror_that_is_behind_brings_back_nothing_that_was_erased(
    tmp_path: Path, insurance: Insurance, witnessed: bool
) -> None:
    """The node had purged another's child, was restored from before, and that member cannot be reached."""
    named = (PEER,) if witnessed else ()
    policy = Policy(witnesses={"network": named, "police": named})
    made = Federation(tmp_path, [FR, DE, NGO], policy=policy)
    (foreign,) = made.publish(HELPER, sample_record("uk", photos=None))
    made.publish(OWNER, sample_record("ar", photos=None))
    pull_all(made)
    pull_all(made, HELPER)
    old = insurance.take(made[OWNER])
    publishing.erase(made[HELPER], foreign.case_id, "test")
    assert made.pull(OWNER, HELPER).error == ""
    made.clock.advance(minutes=1)
    node = insurance.put_back(made, OWNER, old)
    made.wire.faults[HELPER] = [down]
    done = recovery.recover(node, with_few=True)
    assert (done and done.unheard, made.pull(OWNER, HELPER).through) == ((HELPER,), [PEER])
    with pytest.raises(NotFound):
        finding.open_case_quietly(node, foreign.case_id)
    hits, _ = finding.find(node, Query(today=made.clock().date()), "test")
    assert foreign.case_id not in {hit.case_id for hit in hits}

    made.wire.faults.clear()
    (later,) = made.publish(HELPER, sample_record("hi", photos=None))
    assert made.pull(PEER, HELPER).error == ""
    made.wire.faults[HELPER] = [down]
    made.pull(OWNER, HELPER)
    hits, _ = finding.find(node, Query(today=made.clock().date()), "test")
    shown = {hit.case_id for hit in hits} & {foreign.case_id, later.case_id}
    assert shown == ({later.case_id} if witnessed else set()), "by the witness's word, or its own alone"
    assert found(node, made) & {foreign.case_id, later.case_id} == shown, "and it is not counted either"
    made.close()


@pytest.mark.parametrize(
    ("maker", "after", "heard"),
    [(HELPER, True, True), (HELPER, False, False), (PEER, True, False)],
    ids=["the owner", "the owner, before the restore", "another member"],
)
def test_only_a_newer_bundle_of_the_owner_itself_says_what_it_erased(
    federation: Federation, insurance: Insurance, maker: str, after: bool, heard: bool
) -> None:
    """The node had purged another's child, was restored from before, and has no line to that member."""
    (erased, kept) = federation.publish(
        HELPER, sample_record("uk", photos=None), sample_record("hi", photos=None)
    )
    federation.publish(OWNER, sample_record("ar", photos=None))
    pull_all(federation)
    pull_all(federation, HELPER)
    old = insurance.take(federation[OWNER])
    early = carry(federation, maker)
    publishing.erase(federation[HELPER], erased.case_id, "test")
    assert federation.pull(OWNER, HELPER).error == ""
    federation.clock.advance(minutes=1)
    node = insurance.put_back(federation, OWNER, old)
    federation.wire.faults[HELPER] = [down]
    done = recovery.recover(node, with_few=True)
    assert done is not None
    assert done.unheard == (HELPER,)

    made = carry(federation, maker) if after else early
    brought = bundles.import_bundle(node, io.BytesIO(made))
    assert [report.error for report in brought.feeds if report.member == HELPER] == [""]
    assert found(node, federation) & {erased.case_id, kept.case_id} == ({kept.case_id} if heard else set())
    with reading(node.engine) as conn:
        assert losses.unheard(conn) == ([] if heard else [HELPER])
        said = " ".join(losses.warnings(conn))
    assert ("or a bundle that it has made since then" in said) is not heard


def carry(federation: Federation, maker: str) -> bytes:
    """Make a bundle for the owner of this file's backups."""
    file = io.BytesIO()
    bundles.export_bundle(federation[maker], OWNER, [], file, {})
    return file.getvalue()


def no_mirror(call: Call, ask: Ask) -> Answer:
    """A member that hands on nothing of that NGO."""
    if f"/mirrors/{HELPER}" in call.path:
        raise PeerUnavailable("It cannot be reached.")
    return ask()


def test_a_feed_that_never_began_begins_after_a_restore(federation: Federation, insurance: Insurance) -> None:
    with writing(federation[OWNER].engine) as conn:  # as if the backup had been made right after joining
        conn.execute(feeds.feed.delete())
    made = insurance.take(federation[OWNER])
    node = insurance.put_back(federation, OWNER, made)
    federation.wire.faults = {PEER: [down], HELPER: [down]}
    with pytest.raises(NotRecovered):
        recovery.recover(node)
    federation.wire.faults.clear()
    done = recovery.recover(node)
    assert done is not None
    federation.publish(OWNER, sample_record("ar", photos=None))
    pull_all(federation)


def test_a_feed_that_began_after_the_backup_is_fetched_whole(
    federation: Federation, insurance: Insurance
) -> None:
    with writing(federation[OWNER].engine) as conn:
        conn.execute(feeds.feed.delete())
    made = insurance.take(federation[OWNER])
    federation.publish(OWNER, sample_record("ar", photos=None), sample_record("uk", photos=None))
    pull_all(federation)
    node = insurance.put_back(federation, OWNER, made)
    done = recovery.recover(node)
    assert done is not None
    assert (done.leaves, len(done.losses.rebuilt)) == (4, 2)
    publishing.publish(node, done.losses.rebuilt, "test")
    pull_all(federation)
    assert problems(node) == []


def test_a_member_that_is_alone_says_so_itself(tmp_path: Path, insurance: Insurance) -> None:
    federation = Federation(tmp_path, [FR])
    federation.publish(OWNER, sample_record("ar", photos=None))
    node = insurance.put_back(federation, OWNER, insurance.take(federation[OWNER]))
    with pytest.raises(NotRecovered):
        recovery.recover(node)
    assert recovery.recover(node, with_few=True) is not None
    federation.publish(OWNER, sample_record("uk", photos=None))
    federation.close()


# --- Copied, resumed and set back ---


def set_behind(node: Node) -> None:
    """Stop the own feeds as a witness's word does."""
    with writing(node.engine) as conn:
        for row in feeds.own_feeds(conn):
            feeds.set_feed_state(conn, row.id, feeds.BEHIND, "a peer has a larger head")


def test_a_machine_that_was_set_back_fetches_its_own_past_and_goes_on(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    saved = federation.save(OWNER)
    (fresh,) = federation.publish(OWNER, pictured(federation, "blue", "uk"))
    pull_all(federation)
    size = find_feed(federation[OWNER], OWNER, "network").size
    federation.restore(OWNER, saved)
    node = federation[OWNER]
    set_behind(node)
    with pytest.raises(Conflict):
        publishing.publish(node, [fresh.case_id], "test")
    done = recovery.recover(node)
    assert done is not None
    assert done.losses.rebuilt == [fresh.case_id]
    assert done.losses.unpictured == []  # its photographs were not in the database, and are still there
    assert find_feed(node, OWNER, "network").size == size
    publishing.publish(node, [fresh.case_id], "test")
    pull_all(federation)
    assert [problems(federation[member]) for member in federation.nodes] == [[], [], []]


def test_a_copy_that_has_signed_something_else_says_that_only_a_successor_helps(
    federation: Federation,
) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    saved = federation.save(OWNER)
    federation.publish(OWNER, sample_record("uk", photos=None), sample_record("ja", photos=None))
    pull_all(federation)
    federation.restore(OWNER, saved)
    node = federation[OWNER]
    federation.publish(OWNER, sample_record("pt", photos=None))
    before = find_feed(node, OWNER, "network")
    set_behind(node)
    with pytest.raises(NotRecovered, match="another past") as told:
        recovery.recover(node)
    assert "successor" in told.value.next_step
    after = find_feed(node, OWNER, "network")
    assert (after.size, after.frontier, after.note) == (before.size, before.frontier, before.note)
    assert (after.state, "another past" in after.reason) == (feeds.BEHIND, True)


def test_a_mirror_that_lies_is_passed_over_and_one_that_is_behind_is_not_believed(
    federation: Federation, insurance: Insurance
) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    pull_all(federation)
    made = insurance.take(federation[OWNER])
    federation.publish(OWNER, sample_record("uk", photos=None))
    assert federation.pull(PEER, OWNER).error == ""  # the other is behind
    node = insurance.put_back(federation, OWNER, made)
    federation.wire.faults[PEER] = [tampering("/tile/entries", lambda data: data[:-1] + b"x")]
    with pytest.raises(NotRecovered):
        recovery.recover(node)
    assert find_feed(node, OWNER, "network").size == 1
    assert federation.pull(HELPER, OWNER).error != ""
    federation.wire.faults.clear()
    done = recovery.recover(node)
    assert done is not None
    assert done.documents == 2
    assert find_feed(node, OWNER, "network").size == 2


def test_a_key_that_was_replaced_long_ago_writes_nobodys_past(
    federation: Federation, insurance: Insurance
) -> None:
    """A peer has got hold of an old key of a restored node's, and hands on an erasure under it."""
    (case,) = federation.publish(OWNER, sample_record("ar", photos=None))
    made = insurance.take(federation[OWNER])
    entry = federation[OWNER].entry()
    feed = entry.feed("network")
    old = Ed25519Signer(feed.origin, ED25519, Ed25519PrivateKey.generate())
    retired = (RetiredKey(old.key, federation.clock()),)
    others = tuple(one for one in entry.feeds if one.audience != "network")
    federation.announce(OWNER, feeds=(replace(feed, retired=retired), *others))
    for one in federation.nodes.values():
        federation.accept_all(one)
    pull_all(federation)
    thief = Liar(federation, OWNER)
    thief.erase(case.case_id)
    head = grow(FeedHead(feed.origin), thief.entries).head.checkpoint()
    forged = format_note(sign_checkpoint(head, old))

    def hand_on(call: Call, ask: Ask) -> Answer:
        if call.path == f"/mirrors/{OWNER}/network/checkpoint":
            return Answer(200, {}, forged)
        return thief.fault(replace(call, path=call.path.replace(f"/mirrors/{OWNER}/", "/feeds/")), ask)

    node = insurance.put_back(federation, OWNER, made)
    federation.wire.faults[PEER] = [hand_on]
    done = recovery.recover(node)
    assert done is not None
    assert (done.leaves, done.losses.erased) == (0, [])
    assert status_of(node, case.case_id) == cases.PUBLISHED


def test_a_document_that_nobody_has_any_more_is_named(federation: Federation, insurance: Insurance) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    made = insurance.take(federation[OWNER])
    (fresh,) = federation.publish(OWNER, sample_record("uk", photos=None))
    federation.wire.faults[OWNER] = [withholding()]
    pull_all(federation)
    del federation.wire.faults[OWNER]
    node = insurance.put_back(federation, OWNER, made)
    done = recovery.recover(node)
    assert done is not None
    assert (done.losses.undocumented, done.losses.rebuilt) == ([fresh.case_id], [fresh.case_id])
    with reading(node.engine) as conn:
        assert any(fresh.case_id in line for line in losses.warnings(conn))
    assert {case.case_id for case in register.list_cases(node, None, 10, 0)} >= {fresh.case_id}
    register.standing_of(node, [register.get_case(node, fresh.case_id)])
    publishing.erase(node, fresh.case_id, "test")  # what is left to do
    losses.note_losses(node, "test")
    with reading(node.engine) as conn:
        assert losses.warnings(conn) == []
    pull_all(federation)


def test_a_recovery_that_is_cut_off_goes_on(federation: Federation, insurance: Insurance) -> None:
    (old,) = federation.publish(OWNER, sample_record("ar", photos=None))
    made = insurance.take(federation[OWNER])
    (fresh,) = federation.publish(OWNER, pictured(federation, "blue", "uk"))
    publishing.erase(federation[OWNER], old.case_id, "test")
    pull_all(federation)
    node = insurance.put_back(federation, OWNER, made)
    for answers in range(1, 60):
        federation.wire.faults = {PEER: [dropping(answers)], HELPER: [dropping(answers)]}
        with suppress(NotRecovered):
            if recovery.recover(node) is not None:
                break
        assert is_restored(node)
    federation.wire.faults.clear()
    with reading(node.engine) as conn:
        lost = losses.find_losses(conn)
    assert lost.erased == [old.case_id]
    assert lost.rebuilt == [fresh.case_id]
    assert status_of(node, old.case_id) == cases.ERASED
    publishing.publish(node, [fresh.case_id], "test")
    pull_all(federation)
