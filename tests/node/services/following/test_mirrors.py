"""Mirrors: what a member hands on of others' feeds, to whom, and what a reader makes of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from node.adapters.http import Answer
from node.services.disclosure import own_feeds, publishing
from node.services.endings import erasure
from node.services.members import membership
from node.services.register import cases as register
from node.services.status import status
from node.services.witnesses import witnessing
from node.store.database import reading, writing
from node.store.federation import peers
from node.store.published import feed_cases, feeds
from protocol.answers import Given, format_query, parse_answers
from protocol.feed_entry import Audience
from protocol.member import fingerprint
from protocol.mirror import parse_readers
from protocol.note import parse_note
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Ask, Call, Fault, Federation, down, down_for, tampering, withholding
from tests.liars import Liar, answering, case_states, dump, find_feed, problems

OWNER, MIRROR, HELPER = FR[0], DE[0], NGO[0]
READER = "police.br.example"
MEMBERS = [FR, DE, (READER, "BR", "law_enforcement"), NGO]
CHECKPOINT = f"/mirrors/{OWNER}/network/checkpoint"


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """The Brazilian police and the NGO cannot reach the French police; the German police can."""
    made = Federation(tmp_path, MEMBERS)
    made.wire.faults[OWNER] = [down_for(READER, HELPER)]
    yield made
    made.close()


def held(federation: Federation, member: str, audience: str = "network") -> set[str]:
    with reading(federation[member].engine) as conn:
        if feeds.find_feed(conn, OWNER, audience) is None:
            return set()
    states = case_states(federation[member], OWNER, audience)
    return {case for case, (state, _) in states.items() if state == feed_cases.HELD}


def digest_of(federation: Federation, case: str, audience: str = "network") -> bytes:
    row = find_feed(federation[OWNER], OWNER, audience)
    with reading(federation[OWNER].engine) as conn:
        digest = feed_cases.lookup_cases(conn, row.id, [case])[case].digest
    assert digest is not None
    return digest


def ask_documents(
    federation: Federation, caller: str, digests: list[bytes], audience: str = "network"
) -> list[object]:
    path = f"/mirrors/{OWNER}/{audience}/documents"
    answer = federation.ask(caller, MIRROR, "POST", path, format_query(digests))
    assert answer.status == 200
    return list(parse_answers(answer.body, digests))


def photograph(federation: Federation, name: str, colour: str = "red") -> dict[str, object]:
    Image.new("RGB", (640, 800), colour).save(federation.folder / name)
    return {"kind": "photo", "file": name, "primary": True, "taken": "2025-06"}


def small_of(federation: Federation, case: str) -> str:
    record = register.get_case(federation[OWNER], case).record
    sizes = {item["sha256"]: item["bytes"] for item in record["photos"][0]["renditions"]}
    return str(min(sizes, key=lambda sha256: int(sizes[sha256])))


# --- An owner that cannot be reached ---


def test_what_an_owner_has_is_read_through_a_member_that_holds_it(federation: Federation) -> None:
    (case,) = federation.publish(OWNER, sample_record("ar", photos=[photograph(federation, "a.png")]))
    federation.pull(MIRROR, OWNER)
    report = federation.pull(READER, OWNER)
    assert (report.through, report.lying, report.false) == ([MIRROR, MIRROR], False, [])
    assert (report.leaves, report.documents, report.photographs, report.receipts) == (2, 2, 1, 0)
    assert "cannot be reached" in report.error
    assert held(federation, READER) == held(federation, READER, "police") == {case.case_id}
    assert problems(federation[READER]) == []
    assert find_feed(federation[READER], OWNER).through == MIRROR
    (shown,) = (peer for peer in status(federation[READER]).peers if peer.member == OWNER)
    assert ([feed.through for feed in shown.feeds], shown.failures) == ([MIRROR, MIRROR], 1)

    federation.wire.calls.clear()
    assert federation.pull(READER, OWNER).through == [MIRROR, MIRROR]
    asked = [(call.path, answer) for call, answer in federation.wire.calls]
    assert asked == [(f"/mirrors/{OWNER}/{audience}/checkpoint", 304) for audience in ("network", "police")]


def test_receipts_wait_for_the_owner_and_then_its_own_word_counts_again(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    federation.pull(READER, OWNER)
    federation.wire.faults.clear()
    report = federation.pull(READER, OWNER)
    assert (report.error, report.through, report.receipts) == ("", [], 2)
    assert find_feed(federation[READER], OWNER).through == ""


def test_an_erasure_arrives_through_a_mirror(federation: Federation) -> None:
    (case,) = federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    federation.pull(READER, OWNER)
    publishing.erase(federation[OWNER], case.case_id, "test")
    federation.pull(MIRROR, OWNER)
    federation.pull(READER, OWNER)
    assert held(federation, READER) == held(federation, READER, "police") == set()
    assert erasure.purge(federation[READER]) == 2


def test_the_law_enforcement_of_the_country_is_asked_first(tmp_path: Path) -> None:
    other = "gendarmerie.fr.example"
    made = Federation(tmp_path, [*MEMBERS, (other, "FR", "law_enforcement")])
    made.publish(OWNER, sample_record("ar", photos=None))
    made.wire.faults[OWNER] = [down_for(READER)]
    for mirror in (MIRROR, other):
        made.pull(mirror, OWNER)
        made.pull(READER, mirror)
    assert set(made.pull(READER, OWNER).through) == {other}
    made.close()


def test_a_mirror_that_lacks_something_says_nothing_about_the_owner(federation: Federation) -> None:
    record = sample_record("ar", photos=[photograph(federation, "a.png")])
    one, two = federation.publish(OWNER, record, sample_record("uk", photos=None))
    federation.pull(MIRROR, OWNER)
    federation.wire.faults[MIRROR] = [
        withholding(digest_of(federation, one.case_id), digest_of(federation, two.case_id)),
        answering("/photographs/", b"", 404),
    ]
    assert federation.pull(READER, OWNER).false == []
    states = case_states(federation[READER], OWNER)
    assert set(states.values()) == {(feed_cases.WANTED, "")}
    federation.wire.faults[MIRROR].pop(0)
    federation.pull(READER, OWNER)
    assert held(federation, READER) == {one.case_id, two.case_id}
    federation.wire.faults.clear()
    assert federation.pull(READER, OWNER).photographs == 1


def test_an_owner_that_refuses_is_not_read_through_others(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    federation.wire.faults[OWNER] = [answering("/", b"", 403)]
    federation.wire.calls.clear()
    assert federation.pull(READER, OWNER).through == []
    assert not any(call.path.startswith("/mirrors/") for call, _ in federation.wire.calls)


def test_when_nobody_has_it_nothing_is_concluded(federation: Federation) -> None:
    report = federation.pull(READER, OWNER)
    assert (report.through, report.lying, report.false) == ([], False, [])
    federation.wire.faults[MIRROR] = [down]
    assert federation.pull(READER, OWNER).through == []


# --- Mirrors that lie, and such that are behind ---


def stripped(liar: Liar) -> Fault:
    """The liar's own feed, served as if it were a mirror of it."""

    def fault(call: Call, ask: Ask) -> Answer:
        prefix = f"/mirrors/{OWNER}/"
        if not call.path.startswith(prefix):
            return ask()
        return liar.fault(replace(call, path="/feeds/" + call.path.removeprefix(prefix)), ask)

    return fault


def forged_head(federation: Federation) -> Fault:
    liar = Liar(federation, OWNER)
    liar.put(1)
    text = liar.checkpoint().replace(b"\n3\n", b"\n4\n")
    return answering("/network/checkpoint", text)


LIES: dict[str, tuple[Callable[[Federation], Fault], str]] = {
    "bytes for a head": (lambda _: answering("/network/checkpoint", b"hello"), "note"),
    "a head that nobody signed": (forged_head, "signature"),
    "no entries": (lambda _: answering("/network/tile/", b""), "entry bundle"),
    "another entry": (
        lambda _: tampering("/network/tile/", lambda data: data[:-5] + b"AAAA" + data[-1:]),
        "signed root",
    ),
    "another document": (
        lambda _: tampering("/network/documents", lambda data: data.replace(b'"salt":"', b'"salt":"A', 1)),
        "not the one that was announced",
    ),
    "no answer to the question": (lambda _: answering("/network/documents", b"hello"), "not about the"),
    "another photograph": (lambda _: answering("/photographs/", b"GIF89a"), "not the one that was announced"),
}


def test_a_mirror_that_lies_is_caught_and_blamed_itself(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None, reference=None))
    federation.pull(MIRROR, OWNER)
    federation.pull(READER, OWNER)
    federation.publish(OWNER, sample_record("uk", photos=[photograph(federation, "a.png")], reference=None))
    federation.pull(MIRROR, OWNER)
    before = dump(federation[READER])
    for lie, (make, reason) in LIES.items():  # each finds what the one before has not spoiled
        federation.wire.faults[MIRROR] = [make(federation)]
        report = federation.pull(READER, OWNER)
        assert (report.lying, len(report.false)) == (False, 1), lie
        assert (MIRROR in report.false[0], reason in report.false[0]) == (True, True), lie
        row = find_feed(federation[READER], OWNER)
        assert (row.state, row.reason) == (feeds.OPEN, "")
        assert all(
            state != feed_cases.REFUSED for state, _ in case_states(federation[READER], OWNER).values()
        )
        if row.size == 1:
            assert dump(federation[READER]) == before
        with reading(federation[READER].engine) as conn:
            mirror, owner = peers.find_peer(conn, MIRROR), peers.find_peer(conn, OWNER)
        assert mirror is not None
        assert owner is not None
        assert (mirror.false_at, reason in mirror.false_reason) == (federation.clock(), True)
        assert (mirror.lying, owner.lying) == (False, False)
        assert any(MIRROR in line and reason in line for line in status(federation[READER]).warnings)

        del federation.wire.faults[MIRROR]
        assert MIRROR not in federation.pull(READER, OWNER).through, "it is not asked again so soon"
        federation.clock.advance(days=1)
    assert MIRROR in federation.pull(READER, OWNER).through
    assert len(held(federation, READER)) == 2
    assert problems(federation[READER]) == []


def test_a_mirror_that_is_behind_does_not_lie(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    federation.wire.faults.clear()
    federation.publish(OWNER, sample_record("uk", photos=None))
    federation.pull(READER, OWNER)
    before = dump(federation[READER])
    federation.wire.faults[OWNER] = [down]
    report = federation.pull(READER, OWNER)
    assert (report.through, report.false, report.lying) == ([], [], False)
    assert dump(federation[READER]) == before
    with reading(federation[READER].engine) as conn:
        mirror = peers.find_peer(conn, MIRROR)
    assert mirror is not None
    assert mirror.false_at is None


def test_a_mirror_that_leaves_out_who_has_cosigned_makes_nothing_worse(federation: Federation) -> None:
    policy = federation.coordinator.trusted.policy
    witnesses: dict[Audience, tuple[str, ...]] = {"network": (MIRROR,), "police": (MIRROR,)}
    federation.coordinator.announce(policy=replace(policy, witnesses=witnesses))
    federation.refresh()
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    federation.pull(READER, OWNER)
    note = find_feed(federation[READER], OWNER).note
    assert note is not None
    assert len(parse_note(note).signatures) == 2
    plain = note[: note.rindex(b"\xe2\x80\x94")]
    federation.wire.faults[MIRROR] = [answering(CHECKPOINT, plain)]
    assert federation.pull(READER, OWNER).false == []
    assert find_feed(federation[READER], OWNER).note == note

    del federation.wire.faults[MIRROR]
    federation.clock.advance(hours=2)
    witnessing.refresh(federation[OWNER])
    federation.pull(MIRROR, OWNER)
    federation.pull(READER, OWNER)
    assert find_feed(federation[READER], OWNER).note == find_feed(federation[OWNER], OWNER).note != note


def test_two_faces_are_the_owners_whoever_shows_them(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    federation.pull(READER, OWNER)
    liar = Liar(federation, OWNER)
    liar.entries.clear()
    liar.put(1)
    federation.wire.faults[MIRROR] = [stripped(liar)]
    report = federation.pull(READER, OWNER)
    assert (report.lying, report.false) == (True, [])
    assert find_feed(federation[READER], OWNER).state == feeds.SPLIT
    assert federation.ask(MIRROR, READER, "GET", CHECKPOINT).status == 404, "it is not handed on either"


def test_what_an_owner_signed_against_the_rules_is_held_against_it(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    liar = Liar(federation, OWNER)
    liar.put(1, 3)
    federation.wire.faults[MIRROR] = [stripped(liar)]
    report = federation.pull(READER, OWNER)
    assert (report.lying, report.false) == (True, [])
    assert find_feed(federation[READER], OWNER).state == feeds.QUARANTINED


# --- Who may read a mirror ---


def test_a_case_that_is_kept_from_a_member_does_not_reach_it_through_another(federation: Federation) -> None:
    record = sample_record("ar", photos=[photograph(federation, "a.png")])
    shared, secret = register.add_cases(
        federation[OWNER],
        [record, {**record, "photos": [photograph(federation, "b.png", "blue")]}],
        "test",
        federation.folder,
    )
    register.exclude_members(federation[OWNER], secret.case_id, [READER], "test")
    publishing.publish(federation[OWNER], [shared.case_id, secret.case_id], "test")
    federation.pull(MIRROR, OWNER)
    assert held(federation, MIRROR) == {shared.case_id, secret.case_id}
    federation.pull(READER, OWNER)
    assert held(federation, READER) == held(federation, READER, "police") == {shared.case_id}

    kept = digest_of(federation, secret.case_id)
    assert ask_documents(federation, READER, [kept]) == ["restricted"]
    assert ask_documents(federation, HELPER, [kept]) == ["restricted"], "nobody but the owner hands it out"
    (own,) = ask_documents(federation, OWNER, [kept])
    assert isinstance(own, Given)
    assert own.direct
    base = f"/mirrors/{OWNER}/network/photographs"
    assert (
        federation.ask(READER, MIRROR, "GET", f"{base}/{small_of(federation, shared.case_id)}").status == 200
    )
    hidden = f"{base}/{small_of(federation, secret.case_id)}"
    assert federation.ask(READER, MIRROR, "GET", hidden).status == 404
    assert federation.ask(OWNER, MIRROR, "GET", hidden).status == 200


def test_a_police_feed_is_handed_on_to_law_enforcement_alone(federation: Federation) -> None:
    (case,) = federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    digest = digest_of(federation, case.case_id, "police")
    assert isinstance(ask_documents(federation, READER, [digest], "police")[0], Given)
    body = format_query([digest])
    for member, audience in ((OWNER, "police"), ("police.xx.example", "police"), (OWNER, "nothing")):
        for method, path in (
            ("GET", "checkpoint"),
            ("GET", "tile/0/000.p/1"),
            ("GET", f"photographs/{'a' * 64}"),
            ("POST", "documents"),
        ):
            sent = body if method == "POST" else b""
            answers = [
                federation.ask(caller, MIRROR, method, f"/mirrors/{owner}/{heard}/{path}", sent)
                for caller in (HELPER, None)
                for owner, heard in ((member, audience), ("police.xx.example", "nothing"))
            ]
            assert {answer.status for answer in answers} == {404}
            assert len({(answer.body, frozenset(answer.headers.items())) for answer in answers}) == 1
    federation.pull(HELPER, OWNER)
    assert held(federation, HELPER) == {case.case_id}
    assert held(federation, HELPER, "police") == set()


def test_only_those_that_the_owner_has_accepted_too(tmp_path: Path) -> None:
    federation = Federation(tmp_path, MEMBERS, accepted=False)
    for node, other in (
        (MIRROR, OWNER),
        (OWNER, MIRROR),
        (MIRROR, READER),
        (READER, MIRROR),
        (READER, OWNER),
    ):
        entry = federation[node].network().roster.member(other)
        membership.accept_member(federation[node], other, fingerprint(entry), "test")
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    federation.wire.faults[OWNER] = [down_for(READER)]
    assert federation.ask(READER, MIRROR, "GET", CHECKPOINT).status == 404
    assert federation.pull(READER, OWNER).through == []
    readers = federation.ask(MIRROR, OWNER, "GET", "/feeds/network/readers")
    assert parse_readers(readers.body) == [MIRROR]

    reader = federation[OWNER].network().roster.member(READER)
    membership.accept_member(federation[OWNER], READER, fingerprint(reader), "test")
    federation.clock.advance(hours=1)
    federation.pull(MIRROR, OWNER)
    assert federation.pull(READER, OWNER).through == [MIRROR, MIRROR]
    federation.close()


def test_nobody_without_a_token_reads_a_mirror_not_even_in_an_exercise(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    policy = replace(federation.coordinator.trusted.policy, exercise=True)
    federation.coordinator.announce(policy=policy)
    federation.refresh()
    assert federation.ask(None, OWNER, "GET", "/feeds/network/checkpoint").status == 200
    assert federation.ask(None, MIRROR, "GET", CHECKPOINT).status == 401


@pytest.mark.parametrize("state", ["suspended", "removed"])
def test_of_an_owner_that_is_out_only_erasures_are_handed_on(federation: Federation, state: str) -> None:
    (case,) = federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(MIRROR, OWNER)
    digest = digest_of(federation, case.case_id)
    removed = federation.clock() if state == "removed" else None
    federation.announce(OWNER, state=state, removed_at=removed)
    body = format_query([digest])
    assert (
        federation.ask(READER, MIRROR, "POST", CHECKPOINT.replace("checkpoint", "documents"), body).status
        == 404
    )
    assert federation.ask(READER, MIRROR, "GET", CHECKPOINT).status == 200
    federation.clock.advance(days=31)
    assert federation.ask(READER, MIRROR, "GET", CHECKPOINT).status == (404 if removed else 200)


def test_what_is_gone_is_not_handed_on(federation: Federation) -> None:
    one, two = federation.publish(OWNER, *(sample_record(text, photos=None) for text in ("ar", "uk")))
    federation.pull(MIRROR, OWNER)
    digests = [digest_of(federation, case.case_id) for case in (one, two)]
    publishing.erase(federation[OWNER], one.case_id, "test")
    federation.pull(MIRROR, OWNER)
    assert ask_documents(federation, READER, digests)[0] == "unknown"
    federation.clock.advance(days=181)
    assert ask_documents(federation, READER, digests) == ["unknown", "unknown"]


def test_own_feeds_are_not_mirrors(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    assert federation.ask(MIRROR, OWNER, "GET", CHECKPOINT).status == 404


def test_the_readers_of_a_police_feed_are_told_to_its_readers_alone(federation: Federation) -> None:
    own_feeds.open_feeds(federation[OWNER])
    told = federation.ask(MIRROR, OWNER, "GET", "/feeds/police/readers")
    assert parse_readers(told.body) == sorted([MIRROR, READER])
    federation.wire.faults.clear()
    assert federation.ask(HELPER, OWNER, "GET", "/feeds/police/readers").status == 404
    assert parse_readers(federation.ask(HELPER, OWNER, "GET", "/feeds/network/readers").body) == sorted(
        [MIRROR, READER, HELPER]
    )


def test_an_owner_that_names_no_readers_is_handed_on_to_nobody(federation: Federation) -> None:
    federation.publish(OWNER, sample_record("ar", photos=None))
    federation.wire.faults[OWNER].append(answering("/readers", b"", 404))
    federation.pull(MIRROR, OWNER)
    assert federation.ask(READER, MIRROR, "GET", CHECKPOINT).status == 404
    with writing(federation[MIRROR].engine) as conn:
        assert find_feed(federation[MIRROR], OWNER).readers is None
        feeds.set_readers(conn, find_feed(federation[MIRROR], OWNER).id, [READER], federation.clock())
    assert federation.ask(READER, MIRROR, "GET", CHECKPOINT).status == 200
