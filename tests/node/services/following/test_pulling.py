"""Pulling: each step, each lie that it catches, and that nothing of a lie stays."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from node.adapters.http import Answer
from node.errors import NotFound
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.following import pulling, spooling
from node.services.register import cases as register
from node.services.witnesses import evidence
from node.store.database import reading, writing
from node.store.federation import peers
from node.store.published import documents, feed_cases, feeds, photographs
from node.store.search.finding import find
from node.store.search.query import Query
from protocol.evidence import parse_evidence, verify_evidence
from protocol.feed_entry import FrozenHead
from protocol.policy import Policy
from tests.factories import Parts, sample_record
from tests.federation import (
    DE,
    FR,
    NGO,
    Ask,
    Call,
    Federation,
    down,
    dropping,
    tampering,
    withholding,
)  # fmt: skip
from tests.liars import Liar, answering, case_states, dump, find_feed, problems

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE], databases={PEER: database_url})
    yield made
    made.close()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path)
    yield made
    made.close()


def photograph(federation: Federation, name: str, colour: str = "red") -> dict[str, object]:
    Image.new("RGB", (640, 800), colour).save(federation.folder / name)
    return {"kind": "photo", "file": name, "primary": True, "taken": "2025-06"}


def found(federation: Federation, member: str = PEER) -> set[str]:
    """Tell which cases a search on a node finds."""
    with reading(federation[member].engine) as conn:
        return {hit.case_id for hit in find(conn, Query(today=federation.clock().date(), limit=200))}


def held(federation: Federation, owner: str = POLICE, audience: str = "network") -> set[str]:
    states = case_states(federation[PEER], owner, audience)
    return {case for case, (state, _) in states.items() if state == feed_cases.HELD}


# --- An honest peer ---


def test_everything_that_a_peer_has_arrives_and_is_told(federation: Federation) -> None:
    published = federation.publish(
        POLICE,
        sample_record("ar", photos=[photograph(federation, "a.png")]),
        sample_record("uk", photos=None),
    )
    told: list[tuple[str, int, int]] = []
    report = pulling.pull(federation[PEER], POLICE, lambda *step: told.append(step))
    both = {case.case_id for case in published}
    assert (report.leaves, report.photographs, report.refused, report.error) == (4, 1, [], "")
    assert (report.documents, report.receipts) == (4, 4)
    assert found(federation) == held(federation) == held(federation, audience="police") == both
    assert ("entries", 2, 2) in told
    assert problems(federation[PEER]) == []
    for case in both:
        (network, police) = register.holdings(federation[POLICE], case)
        assert (network.member, network.version, police.version) == (PEER, 1, 1)

    federation.wire.calls.clear()
    again = federation.pull(PEER, POLICE)
    assert (again.leaves, again.documents, again.photographs, again.receipts, again.error) == (0, 0, 0, 0, "")
    asked = [(call.path, status) for call, status in federation.wire.calls]
    assert asked[:2] == [("/feeds/network/checkpoint", 304), ("/feeds/police/checkpoint", 304)]
    assert len(asked) == 2


def test_a_new_version_takes_the_place_of_the_old_one(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    federation.pull(PEER, POLICE)
    federation.clock.advance(days=1)
    publishing.publish(federation[POLICE], [case.case_id], "test")
    assert federation.pull(PEER, POLICE).documents == 2
    with reading(federation[PEER].engine) as conn:
        (network, police) = documents.find_documents(conn, case.case_id)
    assert (network.version, police.version) == (2, 2)


def test_one_change_costs_the_same_whatever_the_size(three: Federation) -> None:
    def cost() -> list[str]:
        three.publish(POLICE, sample_record("ar", photos=None, reference=None))
        three.wire.calls.clear()
        three.pull(PEER, POLICE)
        return [call.path for call, _ in three.wire.calls if "/network/" in call.path]

    cost()  # the first pull also asks who may read the feed
    assert len(cost()) == 3
    three.publish(POLICE, *(sample_record("ja", photos=None, reference=None) for _ in range(6)))
    three.pull(PEER, POLICE)
    assert len(cost()) == 3


def test_a_member_that_the_roster_does_not_list(three: Federation) -> None:
    with pytest.raises(NotFound):
        three.pull(PEER, "police.xx.example")


# --- Steps 1 to 4 ---


def test_two_faces_stop_the_feed_and_are_kept_as_evidence(federation: Federation) -> None:
    federation.publish(POLICE, sample_record("ar", photos=None))
    federation.pull(PEER, POLICE)
    liar = Liar(federation, POLICE)
    liar.entries.clear()
    liar.put(1)
    before = dump(federation[PEER])
    federation.wire.faults[POLICE] = [liar.fault]
    report = federation.pull(PEER, POLICE)
    assert (report.lying, "another root" in report.error) == (True, True)
    row = find_feed(federation[PEER], POLICE)
    assert row.state == feeds.SPLIT
    assert {**dump(federation[PEER]), "evidence": []} == before

    (kept,) = evidence.list_evidence(federation[PEER])
    proof = parse_evidence(kept.kept.data)  # it speaks for itself
    verify_evidence(proof, federation[PEER].network().roster.member(POLICE).feed("network").keys)
    assert (proof.smaller, proof.larger) == (row.note, liar.checkpoint())

    del federation.wire.faults[POLICE]
    (case,) = federation.publish(POLICE, sample_record("uk", photos=None))
    federation.wire.calls.clear()
    assert "stopped" in federation.pull(PEER, POLICE).error
    assert not any("/network/" in call.path for call, _ in federation.wire.calls)
    assert evidence.list_evidence(federation[PEER]) == [kept]
    assert case.case_id in held(federation, audience="police")  # that is another log


def test_a_feed_without_end_is_given_up(three: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "MAX_PULL_BYTES", 1000)
    three.publish(POLICE, *(sample_record("ar", photos=None) for _ in range(6)))
    report = three.pull(PEER, POLICE)
    assert (report.lying, "more than 1000 bytes" in report.error) == (True, True)
    assert find_feed(three[PEER], POLICE).size == 0


def test_a_frozen_feed_ends_where_the_roster_says(three: Federation) -> None:
    three.publish(POLICE, sample_record("ar", photos=None))
    three.pull(PEER, POLICE)
    known = find_feed(three[PEER], POLICE)
    entry = three.coordinator.trusted.roster.member(POLICE)
    frozen = replace(
        entry.feeds[0], state="frozen", frozen=FrozenHead(known.size, known.known().frontier.root())
    )
    three.publish(POLICE, sample_record("uk", photos=None))
    three.announce(POLICE, feeds=(frozen, entry.feeds[1]))
    assert three.pull(PEER, POLICE).error == ""  # it has all that counts, and asks for nothing behind it
    assert find_feed(three[PEER], POLICE).size == known.size
    assert "frozen" in three.pull(HELPER, POLICE).error
    assert find_feed(three[HELPER], POLICE).size == 0


# --- Erasures are honoured, whatever else is wrong ---


BAD_LEAVES: dict[str, Callable[[Liar], object]] = {
    "no leaf": lambda liar: liar.entries.append(b"{}"),
    "a version skipped": lambda liar: liar.put(1) and liar.put(1, 3),
    "a life shortened": lambda liar: (
        liar.put(1) and liar.put(1, 2, expires=liar.now.date() + timedelta(days=179))
    ),
    "of another member": lambda liar: liar.put(1, case=f"{PEER}/{'a' * 26}"),
    "from the future": lambda liar: liar.put(1, at=liar.now + timedelta(days=3)),
}


@pytest.mark.parametrize("bad", BAD_LEAVES)
def test_a_signed_erasure_in_a_feed_that_lies_is_honoured(three: Federation, bad: str) -> None:
    kept, gone = (case.case_id for case in three.publish(POLICE, *(sample_record("ar", photos=None),) * 2))
    three.pull(PEER, POLICE)
    liar = Liar(three, POLICE)
    liar.erase(gone)
    BAD_LEAVES[bad](liar)
    three.wire.faults[POLICE] = [liar.fault]
    report = three.pull(PEER, POLICE)
    assert report.lying
    assert find_feed(three[PEER], POLICE).size == 2
    assert held(three) == found(three) == {kept}
    assert erasure.purge(three[PEER]) == 1
    with reading(three[PEER].engine) as conn:
        assert all(doc.audience == "police" for doc in documents.find_documents(conn, gone))
    assert problems(three[PEER]) == []


def test_an_erasure_without_a_signed_root_is_not_honoured(three: Federation) -> None:
    (case,) = three.publish(POLICE, sample_record("ar", photos=None))
    three.pull(PEER, POLICE)
    liar = Liar(three, POLICE)
    liar.erase(case.case_id)
    three.wire.faults[POLICE] = [
        liar.fault,
        tampering("/tile/", lambda data: data.replace(b'"expires"', b'"EXPIRES"')),
    ]
    assert three.pull(PEER, POLICE).lying
    assert held(three) == {case.case_id}


def test_a_feed_whose_clock_was_ahead_recovers_with_its_erasures(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    federation.pull(PEER, POLICE)
    liar = Liar(federation, POLICE)
    liar.put(2, at=liar.now + timedelta(days=3))
    liar.answers.clear()
    liar.erase(case.case_id)
    federation.wire.faults[POLICE] = [liar.fault, answering("/receipts", b"", 204)]
    assert "from the future" in federation.pull(PEER, POLICE).error
    assert held(federation) == set()
    erasure.purge(federation[PEER])

    federation.clock.advance(days=3)
    assert federation.pull(PEER, POLICE).error == ""
    assert find_feed(federation[PEER], POLICE).size == 3
    assert case_states(federation[PEER], POLICE)[case.case_id][0] == feed_cases.ERASED
    assert problems(federation[PEER]) == []


def test_a_case_does_not_return_because_its_erasure_was_in_a_refused_step(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    federation.pull(PEER, POLICE)
    liar = Liar(federation, POLICE)
    liar.erase(case.case_id)
    liar.entries.append(b"{}")
    federation.wire.faults[POLICE] = [liar.fault]
    assert federation.pull(PEER, POLICE).lying

    other_face = Liar(federation, POLICE)  # the same past, and no erasure in it
    other_face.put(1, 2, case=case.case_id)
    federation.wire.faults[POLICE] = [other_face.fault]
    report = federation.pull(PEER, POLICE)
    assert (report.lying, "returns" in report.error) == (True, True)
    assert found(federation) == held(federation) == set()
    assert find_feed(federation[PEER], POLICE).size == 1


# --- Step 6: documents ---


def other_field(part: str, name: str, value: object) -> Callable[[Parts], None]:
    return lambda parts: parts[part].__setitem__(name, value)


BAD_DOCUMENTS: list[tuple[dict[str, object], str]] = [
    ({"tamper": lambda body: body.replace(b"uk", b"ru")}, "digest"),
    ({"change": other_field("head", "version", 2)}, "head.version"),
    ({"change": other_field("head", "version", True)}, "head.version"),
    ({"change": other_field("head", "issuer", PEER)}, "head.issuer"),
    ({"change": other_field("head", "case", f"{POLICE}/{'b' * 26}")}, "head.case"),
    ({"change": other_field("head", "expires_at", "2099-01-01")}, "head.expires_at"),
    ({"change": other_field("head", "updated_at", "2026-11-20T00:00:00Z")}, "head.updated_at"),
    ({"change": other_field("head", "schema", "supplement/1.0")}, "schema"),
    ({"change": other_field("head", "schema", "summary/2.0")}, "schema"),
    ({"change": lambda parts: parts.pop("network")}, "parts"),
    ({"change": other_field("public", "sex", "girl")}, "public.sex"),
    ({"change": lambda parts: parts["network"].pop("birth")}, "network.birth"),
    ({"change": other_field("public", "birth", "2014")}, "public.birth"),
    ({"change": other_field("public", "salt", "")}, "salt"),
    ({"change": other_field("public", "names", [{"full": "\x00Зоя", "kind": "legal"}])}, "public.names"),
    ({"change": other_field("public", "unknown", "x" * 66_000)}, "bytes"),
    ({"change": other_field("public", "circumstances", {"\x00\u202e": {"text": "x"}})}, "circumstances"),
    ({"change": other_field("public", "deep", eval("[" * 40 + "]" * 40))}, "deep"),  # noqa: S307 - brackets
]


def test_bad_documents_are_put_aside_with_their_reasons_and_the_rest_goes_on(federation: Federation) -> None:
    liar = Liar(federation, POLICE)
    for number, (how, _) in enumerate(BAD_DOCUMENTS, 10):
        liar.put(number, **how)  # type: ignore[arg-type]
    liar.put(1)
    liar.put(2, change=other_field("public", "names", [{"full": "Зоя\u202e", "kind": "legal"}]))
    liar.put(3, change=other_field("public", "later_field", {"x": [1, 2.5, None]}))
    liar.put(4, change=other_field("public", "missing_since", "2026-02-31T10:00:00Z"))  # fits the schema
    age = {"min": 5.0, "max": 6.0, "unit": "year"}  # whole numbers to the schema, and not to PostgreSQL
    liar.put(5, change=lambda parts: parts["public"].update(sex=1.0, age_at_disappearance=age))
    federation.wire.faults[POLICE] = [liar.fault]
    report = federation.pull(PEER, POLICE)

    assert len(report.refused) == len(BAD_DOCUMENTS)
    states = case_states(federation[PEER], POLICE)
    for number, (_, reason) in enumerate(BAD_DOCUMENTS, 10):
        state, said = states[liar.case(number)]
        assert state == feed_cases.REFUSED
        assert reason in said
        assert "\x00" not in said
    good = {liar.case(number) for number in range(1, 6)}
    assert held(federation) == found(federation) == good
    assert problems(federation[PEER]) == []
    federation.wire.calls.clear()
    assert federation.pull(PEER, POLICE).refused == []  # they are not asked for again


def test_one_digest_announced_for_two_cases(federation: Federation) -> None:
    liar = Liar(federation, POLICE)
    digest = liar.put(1)
    liar.put(2)
    liar.say("put", liar.case(3), digest=digest)
    federation.wire.faults[POLICE] = [liar.fault]
    assert len(federation.pull(PEER, POLICE).refused) == 1
    assert held(federation) == {liar.case(1), liar.case(2)}


@pytest.mark.parametrize(
    "body", [b"", b"\x00" * 999, b"0" * 64 + b" document 2\n", b"0" * 64 + b" erased\n" * 2]
)
def test_an_answer_that_is_not_one_to_the_question(three: Federation, body: bytes) -> None:
    published = three.publish(POLICE, *(sample_record("ar", photos=None),) * 2)
    three.wire.faults[POLICE] = [answering("/network/documents", body)]
    report = three.pull(PEER, POLICE)
    assert (report.lying, held(three)) == (True, set())
    del three.wire.faults[POLICE]
    assert three.pull(PEER, POLICE).documents == 2
    assert held(three) == {case.case_id for case in published}


def test_what_is_withheld_is_told_and_asked_for_again(federation: Federation) -> None:
    first, second = (
        case.case_id for case in federation.publish(POLICE, *(sample_record("ar", photos=None),) * 2)
    )
    with reading(federation[POLICE].engine) as conn:
        digest = documents.find_documents(conn, first)[0].digest
    federation.wire.faults[POLICE] = [withholding(digest)]
    assert federation.pull(PEER, POLICE).error == ""
    assert held(federation) == {second}
    state, reason = case_states(federation[PEER], POLICE)[first]
    assert (state, "does not give" in reason) == (feed_cases.WITHHELD, True)

    del federation.wire.faults[POLICE]
    assert federation.pull(PEER, POLICE).documents == 0  # not at once
    federation.clock.advance(minutes=5)
    assert federation.pull(PEER, POLICE).documents == 1
    assert held(federation) == found(federation) == {first, second}


@pytest.mark.parametrize("said", ["superseded", "erased", "expired"])
def test_a_document_said_to_be_gone_that_the_feed_still_has_is_withheld(three: Federation, said: str) -> None:
    liar = Liar(three, POLICE)
    digest = liar.put(1)
    liar.answers[digest] = said  # type: ignore[assignment]
    three.wire.faults[POLICE] = [liar.fault]
    three.pull(PEER, POLICE)
    assert case_states(three[PEER], POLICE)[liar.case(1)][0] == feed_cases.WANTED  # it may be on its way
    three.clock.advance(minutes=5)
    three.pull(PEER, POLICE)
    assert case_states(three[PEER], POLICE)[liar.case(1)][0] == feed_cases.WITHHELD


def test_a_case_that_is_kept_from_this_member_until_the_owner_says_otherwise(federation: Federation) -> None:
    case, other = (
        case.case_id
        for case in federation.publish(POLICE, *(sample_record("ar", photos=None, reference=None),) * 2)
    )
    federation.pull(PEER, POLICE)
    register.exclude_members(federation[POLICE], case, [PEER], "test")
    publishing.publish(federation[POLICE], [case], "test")
    federation.pull(PEER, POLICE)
    state, reason = case_states(federation[PEER], POLICE)[case]
    assert (state, "keeps this case" in reason) == (feed_cases.RESTRICTED, True)
    assert found(federation) == held(federation) == {other}
    with reading(federation[PEER].engine) as conn:
        assert documents.find_documents(conn, case) == []
        assert len(conn.execute(documents.document.select()).all()) == 2

    register.exclude_members(federation[POLICE], case, [], "test")
    federation.clock.advance(hours=6)
    federation.pull(PEER, POLICE)
    assert found(federation) == held(federation) == {case, other}


# --- Step 7: photographs ---


def test_a_photograph_other_than_promised_is_left_out_and_the_rest_goes_on(federation: Federation) -> None:
    records = [
        sample_record("ar", photos=[photograph(federation, f"{colour}.png", colour)])
        for colour in ("red", "green", "blue", "black")
    ]
    federation.publish(POLICE, *records)
    given: list[str] = []

    def fault(call: Call, ask: Ask) -> Answer:
        answer = ask()
        if "/photographs/" not in call.path:
            return answer
        given.append(call.path)
        bodies = [answer.body[:-1] + b"x", answer.body + b"x", b"<svg/>"]
        return Answer(200, {}, bodies[len(given) - 1]) if len(given) <= 3 else answer

    federation.wire.faults[POLICE] = [fault]
    report = federation.pull(PEER, POLICE)
    assert (report.error, report.photographs, len(held(federation))) == ("", 1, 4)
    with reading(federation[PEER].engine) as conn:
        rows = conn.execute(
            photographs.photograph.select().where(photographs.photograph.c.rendition == "small")
        )
        states = [(row.state, bool(row.reason)) for row in rows]
    assert sorted(states) == [(feed_cases.HELD, False), *[(feed_cases.REFUSED, True)] * 3]
    assert problems(federation[PEER]) == []


def test_a_photograph_that_is_not_given_holds_up_nothing_and_is_asked_for_again(
    federation: Federation,
) -> None:
    first = sample_record("ar", photos=[photograph(federation, "a.png", "red")])
    second = sample_record("uk", photos=[photograph(federation, "b.png", "blue")])
    published = federation.publish(POLICE, first, second)
    (path,) = _small_photographs(federation, published[1].case_id)
    federation.wire.faults[POLICE] = [answering(path, b"{}", 404)]
    report = federation.pull(PEER, POLICE)
    assert (report.error, report.photographs, report.receipts) == ("", 1, 4)
    del federation.wire.faults[POLICE]
    assert federation.pull(PEER, POLICE).photographs == 1
    assert problems(federation[PEER]) == []


def _small_photographs(federation: Federation, case: str) -> list[str]:
    with reading(federation[POLICE].engine) as conn:
        key = documents.find_documents(conn, case)[0].case_key
        photos = photographs.photographs_of_case(conn, key)
    return [photo.sha256 for photo in photos if photo.rendition == "small"]


# --- Peers that are down in the middle, and pulls at the same time ---


def test_a_line_cut_at_every_request_in_turn_loses_nothing(federation: Federation) -> None:
    """Each round brings a case with a photograph and an erasure, over a line that is cut one request on."""
    live = [federation.publish(POLICE, _with_photograph(federation, "0"))[0].case_id]
    federation.pull(PEER, POLICE)
    for cut in range(40):
        live.append(federation.publish(POLICE, _with_photograph(federation, str(cut + 1)))[0].case_id)
        publishing.erase(federation[POLICE], live.pop(0), "test")
        federation.wire.faults[POLICE] = [dropping(cut)]
        report = federation.pull(PEER, POLICE)
        assert not report.lying
        assert problems(federation[PEER]) == []
        del federation.wire.faults[POLICE]
        if not report.error:
            break
        assert federation.pull(PEER, POLICE).error == ""
        assert held(federation) == held(federation, audience="police") == found(federation) == set(live)
        (network, police) = register.holdings(federation[POLICE], live[0])
        assert (network.version, police.version) == (1, 1)
        erasure.purge(federation[PEER])
        assert problems(federation[PEER]) == []
    else:
        pytest.fail("a pull needs more than 40 requests")
    assert cut > 8


def _with_photograph(federation: Federation, number: str) -> dict[str, object]:
    colour = f"#{int(number) * 9999 % 0xFFFFFF:06x}"
    return sample_record("ar", photos=[photograph(federation, f"{number}.png", colour)])


def test_pulls_of_one_feed_at_the_same_time(federation: Federation) -> None:
    published = federation.publish(POLICE, *(sample_record("ar", photos=None) for _ in range(6)))
    publishing.erase(federation[POLICE], published[0].case_id, "test")
    together, failed = threading.Barrier(4), list[BaseException]()

    def pull() -> None:
        together.wait()
        try:
            report = federation.pull(PEER, POLICE)
            assert report.error == ""
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert federation.pull(PEER, POLICE).error == ""
    assert held(federation) == found(federation) == {case.case_id for case in published[1:]}
    assert problems(federation[PEER]) == []


def test_a_slower_pull_of_the_same_update_holds_nothing_against_the_owner(federation: Federation) -> None:
    case = federation.publish(POLICE, sample_record("ar", photos=None))[0]
    publishing.erase(federation[POLICE], case.case_id, "test")

    def fault(call: Call, ask: Ask) -> Answer:
        answer = ask()
        if "/network/tile/entries/" in call.path:
            federation.wire.faults.clear()
            assert federation.pull(PEER, POLICE).leaves == 4  # another puller, faster
        return answer

    federation.wire.faults[POLICE] = [fault]
    report = federation.pull(PEER, POLICE)
    assert (report.leaves, report.error, report.lying) == (0, "", False)
    assert find_feed(federation[PEER], POLICE).state == feeds.OPEN
    assert problems(federation[PEER]) == []


def test_what_is_erased_while_its_document_is_on_the_way_does_not_come_back(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, _with_photograph(federation, "7"))

    def fault(call: Call, ask: Ask) -> Answer:
        answer = ask()
        if call.path.endswith("/network/documents"):
            federation.wire.faults.clear()
            publishing.erase(federation[POLICE], case.case_id, "test")
            assert federation.pull(PEER, POLICE).error == ""  # another puller, faster
        return answer

    federation.wire.faults[POLICE] = [fault]
    federation.pull(PEER, POLICE)
    assert {state for state, _ in case_states(federation[PEER], POLICE).values()} == {feed_cases.ERASED}
    assert found(federation) == set()
    with reading(federation[PEER].engine) as conn:
        assert conn.execute(documents.document.select()).all() == []
    erasure.purge(federation[PEER])
    assert list(federation[PEER].blobs.iterate(POLICE)) == []


def test_what_is_erased_while_its_photograph_is_on_the_way_leaves_no_bytes(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, _with_photograph(federation, "8"))

    def fault(call: Call, ask: Ask) -> Answer:
        answer = ask()
        if "/photographs/" in call.path:
            federation.wire.faults.clear()
            publishing.erase(federation[POLICE], case.case_id, "test")
            federation.pull(PEER, POLICE)
            erasure.purge(federation[PEER])
        return answer

    federation.wire.faults[POLICE] = [fault]
    federation.pull(PEER, POLICE)
    assert list(federation[PEER].blobs.iterate(POLICE)) == []
    assert problems(federation[PEER]) == []


def test_a_liar_costs_the_others_nothing(three: Federation) -> None:
    (case,) = three.publish(HELPER, sample_record("ar", photos=None))
    three.wire.faults[POLICE] = [answering("/", b"\xff" * 100)]
    assert three.pull(PEER, POLICE).lying
    assert three.pull(PEER, HELPER).error == ""
    assert held(three, HELPER) == {case.case_id}


def test_a_bad_list_of_withdrawals_holds_up_no_feed(three: Federation) -> None:
    (case,) = three.publish(POLICE, sample_record("ar", photos=None))
    for body in (b"", b"[]", b'{"withdrawals":[1]}', b'{"withdrawals":["a.b.c"]}'):
        three.wire.faults[POLICE] = [answering("/withdrawals", body)]
        assert three.pull(PEER, POLICE).lying
    assert held(three) == {case.case_id}


# --- Who pulls what ---


def test_a_suspended_member_gives_erasures_and_no_documents(three: Federation) -> None:
    first, second = (case.case_id for case in three.publish(POLICE, *(sample_record("ar", photos=None),) * 2))
    three.pull(PEER, POLICE)
    publishing.erase(three[POLICE], first, "test")
    (third,) = three.publish(POLICE, sample_record("uk", photos=None))
    three.announce(POLICE, state="suspended")
    assert found(three) == set()  # its replicas are hidden
    three.wire.calls.clear()
    report = three.pull(PEER, POLICE)
    assert (report.error, report.leaves, report.documents, report.receipts) == ("", 4, 0, 2)
    assert not any(call.path.endswith("/documents") for call, _ in three.wire.calls)
    states = {case: state for case, (state, _) in case_states(three[PEER], POLICE).items()}
    assert states == {first: feed_cases.ERASED, second: feed_cases.HELD, third.case_id: feed_cases.WANTED}

    three.announce(POLICE, state="active")
    assert three.pull(PEER, POLICE).documents == 2
    assert found(three) == {second, third.case_id}


def test_a_removed_member_is_asked_for_its_erasures_until_nothing_of_it_is_kept(three: Federation) -> None:
    three.announce(POLICE, state="removed", removed_at=three.clock())
    three.wire.calls.clear()
    assert three.pull(PEER, POLICE).error == ""
    asked = {call.path for call, _ in three.wire.calls}
    assert "/feeds/network/checkpoint" in asked
    assert not any("police" in path.split("/") or path.endswith("/documents") for path in asked)
    three.clock.advance(days=30)
    three.wire.calls.clear()
    report = three.pull(PEER, POLICE)
    assert (report.lying, "removed" in report.error, three.wire.calls) == (False, True, [])


def test_an_ngo_asks_for_no_police_feed(three: Federation) -> None:
    (case,) = three.publish(POLICE, sample_record("ar", photos=None))
    three.wire.calls.clear()
    assert three.pull(HELPER, POLICE).error == ""
    assert not any("police/" in call.path.removeprefix("/feeds/") for call, _ in three.wire.calls)
    assert found(three, HELPER) == {case.case_id}


def test_new_members_are_pulled_when_they_are_accepted_or_after_the_days_of_notice(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE], policy=Policy(notice_days=7), accepted=False)
    try:
        (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
        federation.wire.calls.clear()
        assert "not accepted" in federation.pull(PEER, POLICE).error
        assert federation.wire.calls == []
        federation.clock.advance(days=7)
        assert federation.pull(PEER, POLICE).error == ""
        assert not any("/police/" in call.path for call, _ in federation.wire.calls)
        assert held(federation) == {case.case_id}
        for node in federation.nodes.values():
            federation.accept_all(node)
        federation.pull(PEER, POLICE)
        assert held(federation, audience="police") == {case.case_id}
    finally:
        federation.close()


# --- When it is asked again ---


def test_failures_are_put_off_longer_and_longer_and_success_ends_that(three: Federation) -> None:
    def wait() -> float:
        with reading(three[PEER].engine) as conn:
            peer = peers.find_peer(conn, POLICE)
        assert peer is not None
        return (peer.next_at - three.clock()).total_seconds()

    three.wire.faults[POLICE] = [down]
    waits = []
    for _ in range(12):
        three.pull(PEER, POLICE)
        waits.append(wait())
    assert 4 <= waits[0] <= 6
    assert all(later > sooner for sooner, later in pairwise(waits[:7]))
    assert max(waits) <= 900 * 1.1
    del three.wire.faults[POLICE]
    three.pull(PEER, POLICE)
    assert 270 <= wait() <= 330
    three.wire.faults[POLICE] = [down]
    three.pull(PEER, POLICE)
    assert wait() <= 6


def test_a_ring_during_a_pull_is_not_forgotten(three: Federation) -> None:
    def fault(call: Call, ask: Ask) -> Answer:
        three.clock.advance(seconds=1)
        with writing(three[PEER].engine) as conn:
            peers.ring(conn, POLICE, three.clock())
        return ask()

    three.wire.faults[POLICE] = [fault]
    three.pull(PEER, POLICE)
    with reading(three[PEER].engine) as conn:
        assert POLICE in peers.due_peers(conn, three.clock())
