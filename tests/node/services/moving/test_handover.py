"""A case changes its owner: there is always somebody whose case it is, and at the end it is one member."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from node.domain.renditions import renditions_in
from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound
from node.runtime import Node
from node.services import messages
from node.services.disclosure import gate, publishing
from node.services.moving import handover, takeover
from node.services.register import cases
from node.store.database import reading, writing
from node.store.federation import messages as store
from node.store.federation.messages import MessageRow
from node.store.journal import read_journal
from node.store.published import photographs
from node.store.register import handovers
from protocol.message import Content
from tests.factories import draw_photograph, lang_text, sample_full_record, sample_record
from tests.federation import DE, FR, NGO, Federation, down

OLD, NEW, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return Federation(tmp_path, [FR, DE, NGO])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two members, for tests that leave everything as it was."""
    made = Federation(tmp_path_factory.mktemp("handover"), [FR, DE])
    yield made
    made.close()


def publish(federation: Federation, **changes: Any) -> str:
    """Publish a case with a photograph."""
    if not (federation.folder / "child.png").exists():
        draw_photograph((300, 400)).save(federation.folder / "child.png")
    record = sample_record("ar", photos=[{"kind": "photo", "file": "child.png"}], **changes)
    return federation.publish(OLD, record)[0].case_id


def deliver(federation: Federation) -> None:
    """Let every node send what it has."""
    for node in federation.nodes.values():
        for member in messages.due(node):
            messages.deliver(node, member)


def settle(federation: Federation, rounds: int = 4) -> None:
    """Let every node do by itself what it does until nothing is left to do."""
    for _ in range(rounds):
        federation.clock.advance(minutes=20)
        deliver(federation)
        for node in federation.nodes.values():
            for other in federation.nodes:
                if other != node.member:
                    federation.pull(node.member, other)
            handover.proceed(node)
            takeover.proceed(node)


def offers(node: Node) -> list[MessageRow]:
    rows = messages.list_messages(node, outgoing=False, everything=False, limit=100)
    return [row for row in rows if row.kind == handover.OFFER]


def given(node: Node, case_id: str) -> tuple[str, str]:
    """State and reason of the newest offer of a case."""
    way = handover.way_of(node, case_id)[1]
    assert way is not None
    return way.state, way.reason


def status_of(federation: Federation, case_id: str) -> str:
    return cases.get_case(federation[OLD], case_id).status


def live(federation: Federation, reader: str = HELPER) -> set[str]:
    """The cases that a third member finds."""
    for owner in (OLD, NEW):
        federation.pull(reader, owner)
    with reading(federation[reader].engine) as conn:
        query = "SELECT case_id FROM feed_case WHERE state NOT IN ('erased', 'expired')"
        return set(conn.exec_driver_sql(query).scalars())


def test_a_case_goes_to_another_member_with_all_that_belongs_to_it(federation: Federation) -> None:
    case_id = publish(federation, notes="Ask the aunt.", reference="FR-1")
    cases.exclude_members(federation[OLD], case_id, [HELPER], "test")
    record = cases.get_case(federation[OLD], case_id).record
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    settle(federation, 1)
    (row,) = offers(federation[NEW])
    with reading(federation[NEW].engine) as conn:
        offer = takeover.read_offer(conn, federation[NEW], row)
        assert takeover.count_photographs(conn, federation[NEW], row, offer) == (2, 2)
    assert offer.record == record

    taken = takeover.accept(federation[NEW], row.id, "test")
    assert taken.came_from == case_id
    assert taken.case_id.startswith(f"{NEW}/")
    assert taken.versions == {"network": 1, "police": 1}
    assert status_of(federation, case_id) == "published"  # until the new one was seen
    settle(federation)

    assert status_of(federation, case_id) == "withdrawn"
    mine = cases.get_case(federation[NEW], taken.case_id)
    assert (mine.status, mine.record) == ("published", record)
    assert cases.excluded_members(federation[NEW], taken.case_id) == [HELPER]
    for sha256 in renditions_in(record):
        assert federation[NEW].blobs.get(NEW, sha256) is not None
    assert live(federation) == {taken.case_id}
    assert given(federation[OLD], case_id) == ("done", "")
    came, _ = handover.way_of(federation[NEW], taken.case_id)
    assert came is not None
    assert (came.member, came.other_case) == (OLD, case_id)
    with reading(federation[OLD].engine) as conn:
        entries = {entry.action: entry.fields for entry in read_journal(conn, case_id)}
    assert entries["case.hand-over"] == [NEW, taken.case_id]
    for node in federation.nodes.values():  # nothing of what was sent is left
        with reading(node.engine) as conn:
            assert conn.exec_driver_sql("SELECT count(*) FROM message WHERE sealed IS NOT NULL").scalar() == 0


def test_only_what_was_seen_before_is_published_by_one_person_alone(federation: Federation) -> None:
    """A member could offer as published what no second person has ever let out."""
    old, new = federation[OLD], federation[NEW]
    known, unknown = publish(federation), publish(federation, reference="FR-2")
    federation.pull(NEW, OLD)
    more = {**cases.get_case(old, unknown).record, "clothing": lang_text(ar="معطف")}
    cases.change_case(
        old, unknown, {"clothing": more["clothing"]}, "test", federation.folder
    )  # not published
    for case_id in (known, unknown):
        handover.offer_case(old, case_id, NEW, "test")
    deliver(federation)
    taken = {row.case_id: takeover.accept(new, row.id, "console:one") for row in offers(new)}
    assert (taken[known].to_review, taken[unknown].to_review) == (False, True)
    (asked,) = gate.list_unreviewed(new)
    assert (asked.case_id, asked.review_due) == (taken[unknown].case_id, new.clock() + timedelta(hours=24))
    with pytest.raises(NotAllowed):
        gate.review(new, asked.id, "looks right", "cli:one", upheld=True)
    assert gate.review(new, asked.id, "was never published", "console:two", upheld=False)
    assert cases.get_case(new, taken[unknown].case_id).status == "withdrawn"


def test_what_the_consent_does_not_cover_is_not_taken_over_as_published(federation: Federation) -> None:
    consent = {**sample_record("ar")["consent"], "scope": ["network"]}
    case_id = publish(federation, consent=consent)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    deliver(federation)
    (row,) = offers(federation[NEW])
    with pytest.raises(InvalidInput, match="consent"):
        takeover.accept(federation[NEW], row.id, "test")
    assert [status_of(federation, case_id), cases.list_cases(federation[NEW], None, 9, 0)] == [
        "published",
        [],
    ]


def test_at_every_moment_somebody_finds_the_case(federation: Federation) -> None:
    case_id = publish(federation)
    steps: list[Callable[[], object]] = [
        lambda: handover.offer_case(federation[OLD], case_id, NEW, "test"),
        lambda: deliver(federation),
        lambda: takeover.accept(federation[NEW], offers(federation[NEW])[0].id, "test"),
        lambda: deliver(federation),
        lambda: handover.proceed(federation[OLD]),
        lambda: federation.pull(OLD, NEW),
        lambda: handover.proceed(federation[OLD]),
    ]
    found = [live(federation)]
    for step in steps:
        step()
        found.append(live(federation))
    assert all(found)
    assert [len(cases) for cases in found] == [1, 1, 1, 2, 2, 2, 2, 1]
    assert case_id not in found[-1]


def test_the_case_does_not_change_on_its_way_and_does_not_come_back(federation: Federation) -> None:
    old, case_id = federation[OLD], publish(federation)
    handover.offer_case(old, case_id, NEW, "test")
    with pytest.raises(Conflict, match="offered"):
        cases.change_case(old, case_id, {"notes": "x"}, "test", federation.folder)
    with pytest.raises(Conflict, match="offered"):
        handover.offer_case(old, case_id, HELPER, "test")
    settle(federation, 1)
    takeover.accept(federation[NEW], offers(federation[NEW])[0].id, "test")
    settle(federation)
    with pytest.raises(Conflict, match="handed over"):
        publishing.undo_withdrawal(old, case_id, "test")
    with pytest.raises(Conflict):
        handover.offer_case(old, case_id, NEW, "test")


def test_a_draft_stays_a_draft(federation: Federation) -> None:
    record = sample_record("ar", photos=None, reference=None, vulnerabilities=None)
    (case,) = cases.add_cases(federation[OLD], [record], "test", federation.folder)
    handover.offer_case(federation[OLD], case.case_id, HELPER, "test")
    settle(federation, 1)
    taken = takeover.accept(federation[HELPER], offers(federation[HELPER])[0].id, "test")
    settle(federation)
    assert taken.versions == {}
    assert cases.get_case(federation[HELPER], taken.case_id).status == "draft"
    assert status_of(federation, case.case_id) == "withdrawn"


def test_what_is_declined_stays_with_its_owner(federation: Federation) -> None:
    case_id = publish(federation)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    settle(federation, 1)
    (row,) = offers(federation[NEW])
    for wrong in ("x" * 501, "two\nlines"):
        with pytest.raises(InvalidInput):
            takeover.decline(federation[NEW], row.id, wrong, "test")
    takeover.decline(federation[NEW], row.id, "not our country", "test")
    with pytest.raises(Conflict):
        takeover.accept(federation[NEW], row.id, "test")
    with pytest.raises(Conflict):
        takeover.decline(federation[NEW], row.id, "", "test")
    settle(federation)
    assert given(federation[OLD], case_id) == ("declined", "not our country")
    assert live(federation) == {case_id}
    cases.change_case(federation[OLD], case_id, {"notes": "x"}, "test", federation.folder)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    with reading(federation[NEW].engine) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM message WHERE sealed IS NOT NULL").scalar() == 0


def test_nobody_has_to_say_why(federation: Federation) -> None:
    case_id = publish(federation)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    settle(federation, 1)
    takeover.decline(federation[NEW], offers(federation[NEW])[0].id, "", "test")
    settle(federation)
    assert given(federation[OLD], case_id) == ("declined", "")


def test_an_answer_that_cannot_be_opened_any_more_holds_up_no_other(federation: Federation) -> None:
    old, (first, second) = federation[OLD], (publish(federation), publish(federation))
    for case_id in (first, second):
        handover.offer_case(old, case_id, NEW, "test")
    settle(federation, 1)
    for row in offers(federation[NEW]):
        takeover.decline(federation[NEW], row.id, "", "test")
    deliver(federation)
    (answer, *_) = messages.list_messages(old, outgoing=False, everything=False, limit=9)
    with writing(old.engine) as conn:
        conn.execute(store.message.update().where(store.message.c.id == answer.id).values(sealed=b"x"))
    handover.proceed(old)
    assert sorted(given(old, case_id)[0] for case_id in (first, second)) == ["declined", "offered"]


def test_an_offer_can_be_taken_back(federation: Federation) -> None:
    old, case_id = federation[OLD], publish(federation)
    handover.offer_case(old, case_id, NEW, "test")
    settle(federation, 1)
    handover.take_back(old, case_id, "test")
    cases.change_case(old, case_id, {"notes": "x"}, "test", federation.folder)
    with pytest.raises(Conflict, match="not confirmed"):
        handover.offer_case(old, case_id, NEW, "test")
    with pytest.raises(Conflict):
        handover.take_back(old, case_id, "test")
    settle(federation)
    assert offers(federation[NEW]) == []
    assert given(old, case_id) == ("cancelled", "the offer was taken back")
    handover.offer_case(old, case_id, NEW, "test")


def test_an_acceptance_that_crosses_the_end_of_an_offer_counts(federation: Federation) -> None:
    case_id = publish(federation)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    settle(federation, 1)
    handover.take_back(federation[OLD], case_id, "test")
    taken = takeover.accept(federation[NEW], offers(federation[NEW])[0].id, "test")
    settle(federation)
    assert live(federation) == {taken.case_id}
    assert status_of(federation, case_id) == "withdrawn"
    rows = messages.list_messages(federation[NEW], outgoing=False, everything=False, limit=9)
    assert [(row.kind, row.reason) for row in rows] == [
        (handover.CANCEL, "of a case that was accepted here: the offer was taken back")
    ]


def test_a_case_that_ends_is_not_offered_any_more(federation: Federation) -> None:
    case_id = publish(federation)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    settle(federation, 1)
    publishing.erase(federation[OLD], case_id, "test")
    settle(federation)
    assert offers(federation[NEW]) == []
    assert given(federation[OLD], case_id) == ("cancelled", "the case has ended")


def test_an_offer_that_nobody_answers_ends(federation: Federation) -> None:
    case_id = publish(federation)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    settle(federation, 1)
    federation.clock.advance(days=30)
    for member in (OLD, NEW):
        messages.expire(federation[member])
    handover.proceed(federation[OLD])
    assert given(federation[OLD], case_id) == ("lapsed", "there was no answer")
    assert offers(federation[NEW]) == []


def test_nothing_is_lost_while_either_side_is_down(federation: Federation) -> None:
    case_id = publish(federation)
    federation.wire.faults = {NEW: [down]}
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    settle(federation, 2)
    federation.wire.faults = {OLD: [down]}
    settle(federation, 1)
    taken = takeover.accept(federation[NEW], offers(federation[NEW])[0].id, "test")
    settle(federation, 2)
    assert status_of(federation, case_id) == "published"
    federation.wire.faults = {}
    settle(federation)
    assert live(federation) == {taken.case_id}


def test_whom_a_case_is_not_handed_to(federation: Federation) -> None:
    old, case_id = federation[OLD], publish(federation, reference="FR-1")
    for member, error in (("police.xx.example", NotFound), (OLD, NotAllowed)):
        with pytest.raises(error):
            handover.offer_case(old, case_id, member, "test")
    with pytest.raises(NotAllowed, match="law enforcement alone: reference"):
        handover.offer_case(old, case_id, HELPER, "test")
    cases.exclude_members(old, case_id, [NEW], "test")
    with pytest.raises(NotAllowed, match="kept from"):
        handover.offer_case(old, case_id, NEW, "test")
    cases.exclude_members(old, case_id, [], "test")
    federation.announce(NEW, address="https://elsewhere.example")
    with pytest.raises(NodeError):
        handover.offer_case(old, case_id, NEW, "test")
    assert messages.list_messages(old, outgoing=True, everything=True, limit=9) == []


def test_a_case_without_its_photograph_or_with_too_many_is_not_offered(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, case_id = federation[OLD], publish(federation)
    monkeypatch.setattr(handover, "MAX_PHOTOGRAPHS_BYTES", 1000)
    with pytest.raises(InvalidInput, match="together"):
        handover.offer_case(old, case_id, NEW, "test")
    monkeypatch.undo()
    for sha256 in renditions_in(cases.get_case(old, case_id).record):
        old.blobs.delete(OLD, sha256)
    with pytest.raises(Conflict, match="missing"):
        handover.offer_case(old, case_id, NEW, "test")
    assert messages.due(old) == []


def test_it_waits_for_every_piece_of_every_photograph(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "PIECE_BYTES", 10_000)
    case_id = publish(federation)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    full = max(
        int(item["bytes"]) for item in renditions_in(cases.get_case(federation[OLD], case_id).record).values()
    )
    pieces = [row for row in sent(federation[OLD]) if row.kind == handover.PHOTOGRAPH]
    assert len(pieces) >= full // 10_000
    with writing(federation[OLD].engine) as conn:  # the last piece is slow
        store.postpone(conn, pieces[0].id, federation.clock(), "")
        conn.exec_driver_sql("UPDATE message SET state = 'slow' WHERE id = ?", (pieces[0].id,))
    deliver(federation)
    (row,) = offers(federation[NEW])
    with pytest.raises(Conflict, match="Only 1 of 2"):
        takeover.accept(federation[NEW], row.id, "test")
    with writing(federation[OLD].engine) as conn:
        conn.exec_driver_sql("UPDATE message SET state = 'waiting' WHERE id = ?", (pieces[0].id,))
    deliver(federation)
    assert takeover.accept(federation[NEW], row.id, "test").versions


def sent(node: Node) -> list[MessageRow]:
    with reading(node.engine) as conn:
        return store.list_messages(conn, outgoing=True, limit=1000)


def test_an_offer_whose_photograph_is_refused_ends(federation: Federation) -> None:
    case_id = publish(federation)
    handover.offer_case(federation[OLD], case_id, NEW, "test")
    part = next(row for row in sent(federation[OLD]) if row.kind == handover.PHOTOGRAPH)
    with writing(federation[OLD].engine) as conn:
        store.refuse(conn, part.id, "It answered 413.")
    settle(federation)
    assert given(federation[OLD], case_id) == ("cancelled", "a photograph was refused: It answered 413.")
    assert offers(federation[NEW]) == []


RECORD = sample_record("ar", photos=None)
LARGE = {"sha256": "ab" * 32, "media_type": "image/jpeg", "width": 9, "height": 9, "bytes": 3_000_001}
TOO_LARGE = {
    "kind": "photo",
    "renditions": [{**LARGE, "bytes": 9}, LARGE],
}  # its pieces are put together in memory
GOOD = {"case": f"{OLD}/{'a' * 26}", "record": RECORD, "published": True, "kept_from": [HELPER, "x.example"]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"case": f"{HELPER}/{'a' * 26}"}, "not right"),
        ({"case": "x"}, "not right"),
        ({"record": None}, "not right"),
        ({"record": {}}, "record is not right"),
        ({"record": {**RECORD, "surprise": 1}}, "record is not right"),
        ({"record": {**RECORD, "photos": [{"kind": "photo", "file": "../node.toml"}]}}, "names files"),
        ({"record": {**RECORD, "photos": sample_record("ar")["photos"]}}, "0 of 2"),
        ({"record": {**RECORD, "photos": 5}}, "record is not right"),
        ({"record": {**RECORD, "photos": [TOO_LARGE]}}, "record is not right"),
        ({"record": {**RECORD, "photos": [{"renditions": [{}]}]}}, "record is not right"),
        ({"published": "yes"}, "not right"),
        ({"kept_from": "all"}, "not right"),
        ({"kept_from": [1]}, "not right"),
    ],
)
def test_an_offer_that_is_not_right_is_not_taken(
    shared: Federation, changes: dict[str, Any], words: str
) -> None:
    federation = shared
    messages.send_message(federation[OLD], NEW, handover.OFFER, Content({**GOOD, **changes}), "test")
    deliver(federation)
    (row,) = offers(federation[NEW])
    with pytest.raises((InvalidInput, Conflict), match=words):
        takeover.accept(federation[NEW], row.id, "test")
    assert cases.list_cases(federation[NEW], None, 9, 0) == []
    assert offers(federation[NEW]) == [row]
    seen = takeover.view_offer(federation[NEW], row)
    assert seen is None or seen.photographs_here < seen.photographs
    takeover.decline(federation[NEW], row.id, words, "test")


def test_photographs_that_are_none_are_not_taken(federation: Federation) -> None:
    old, new = federation[OLD], federation[NEW]
    photo = {"sha256": "ab" * 32, "media_type": "image/jpeg", "width": 9, "height": 9, "bytes": 4}
    record = {**RECORD, "photos": [{"kind": "photo", "renditions": [photo]}]}
    offer = messages.send_message(
        old, NEW, handover.OFFER, Content({**GOOD, "record": record}), "test"
    ).token_id
    for body in (
        {"sha256": "ab" * 32, "offset": 0},
        {"sha256": "cd" * 32, "offset": 0},
        {"sha256": "ab", "offset": 0},
        {"sha256": "ab" * 32, "offset": -1},
    ):
        content = Content({"re": offer, **body}, b"abcd")
        messages.send_message(old, NEW, handover.PHOTOGRAPH, content, "test")
    messages.send_message(old, NEW, "lead", Content({"re": offer}), "test")
    deliver(federation)
    (row,) = offers(new)
    with pytest.raises(InvalidInput, match="photographs are not right"):
        takeover.accept(new, row.id, "test")
    assert not new.blobs.has(NEW, "ab" * 32)
    with reading(new.engine) as conn:
        assert photographs.loose_among(conn, NEW, ["ab" * 32])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"accepted": True},
        {"accepted": True, "published": True, "new_case": f"{HELPER}/{'a' * 26}"},
        {"accepted": True, "published": True, "new_case": 7},
        {"accepted": False, "reason": ""},
    ],
)
def test_an_answer_that_is_none_changes_nothing(federation: Federation, body: dict[str, Any]) -> None:
    case_id = publish(federation)
    offer = handover.offer_case(federation[OLD], case_id, NEW, "test").offer
    messages.send_message(federation[NEW], OLD, handover.ANSWER, Content({"re": offer, **body}), "test")
    settle(federation, 1)
    assert given(federation[OLD], case_id)[0] == "offered"
    assert live(federation) == {case_id}


def test_only_the_member_that_was_asked_can_answer(federation: Federation) -> None:
    case_id = publish(federation)
    offer = handover.offer_case(federation[OLD], case_id, NEW, "test").offer
    yes = {"re": offer, "accepted": True, "published": False, "new_case": f"{HELPER}/{'a' * 26}"}
    messages.send_message(federation[HELPER], OLD, handover.ANSWER, Content(yes), "test")
    messages.send_message(
        federation[HELPER], NEW, handover.CANCEL, Content({"re": offer, "reason": "x"}), "test"
    )
    messages.send_message(federation[HELPER], NEW, handover.CANCEL, Content({"re": offer}), "test")
    settle(federation)
    assert given(federation[OLD], case_id)[0] == "offered"
    assert len(offers(federation[NEW])) == 1
    with pytest.raises(Conflict, match="no offer"):
        takeover.accept(
            federation[OLD],
            messages.list_messages(federation[OLD], outgoing=True, everything=True, limit=1)[0].id,
            "test",
        )


def test_it_is_not_let_go_before_the_new_one_is_seen(federation: Federation) -> None:
    case_id = publish(federation)
    offer = handover.offer_case(federation[OLD], case_id, NEW, "test").offer
    lie = {"re": offer, "accepted": True, "published": True, "new_case": f"{NEW}/{'a' * 26}"}
    messages.send_message(federation[NEW], OLD, handover.ANSWER, Content(lie), "test")
    settle(federation)
    assert given(federation[OLD], case_id)[0] == handovers.ACCEPTED
    assert live(federation) == {case_id}
    handover.take_back(federation[OLD], case_id, "test")
    settle(federation)
    assert live(federation) == {case_id}
    handover.offer_case(federation[OLD], case_id, NEW, "test")


def test_a_full_record_goes_to_law_enforcement(federation: Federation) -> None:
    record = sample_full_record(photos=None, companions=None)
    (case,) = cases.add_cases(federation[OLD], [record], "test", federation.folder)
    handover.offer_case(federation[OLD], case.case_id, NEW, "test")
    settle(federation, 1)
    taken = takeover.accept(federation[NEW], offers(federation[NEW])[0].id, "test")
    assert cases.get_case(federation[NEW], taken.case_id).record == record


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(number: int, *nodes: Node) -> Iterator[list[str]]:
    """End everything before the so manieth write to any of the databases; nothing of its transaction is
    kept."""
    writes: list[str] = []

    def count(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().split(None, 1)[0].upper() in ("INSERT", "UPDATE", "DELETE"):
            writes.append(statement)
            if len(writes) == number:
                raise Killed

    for node in nodes:
        event.listen(node.engine, "before_cursor_execute", count)
    try:
        yield writes
    finally:
        for node in nodes:
            event.remove(node.engine, "before_cursor_execute", count)


def hand_over(federation: Federation, case_id: str) -> None:
    """Do what people and jobs do until a case has changed its owner, from wherever it stands."""
    old, new = federation[OLD], federation[NEW]
    if handover.way_of(old, case_id)[1] is None:
        handover.offer_case(old, case_id, NEW, "test")
    for node in (old, new):
        for member in messages.due(node):
            messages.deliver(node, member)
        for row in offers(new):
            takeover.accept(new, row.id, "test")
    federation.pull(OLD, NEW)
    handover.proceed(old)
    handover.proceed(old)


def test_a_crash_at_any_write_loses_no_case_and_makes_no_second_owner(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE])
    old, new = federation[OLD], federation[NEW]
    number, crashes = 1, 0
    while True:
        case_id = publish(federation)
        with killed_at(number, old, new) as writes, suppress(Killed):
            hand_over(federation, case_id)
        if len(writes) < number:
            break
        crashes += 1
        for _ in range(3):
            federation.clock.advance(minutes=20)
            hand_over(federation, case_id)
        assert given(old, case_id) == ("done", "")
        assert status_of(federation, case_id) == "withdrawn"
        taken = handovers_of(new, case_id)
        assert len(taken) == 1
        assert cases.get_case(new, taken[0]).status == "published"
        number += 11
    assert crashes >= 5
    assert len(cases.list_cases(new, "published", 99, 0)) == crashes + 1
    assert cases.list_cases(old, "published", 99, 0) == []


def handovers_of(node: Node, case_id: str) -> list[str]:
    """The own cases that came from another."""
    with reading(node.engine) as conn:
        query = "SELECT case_id FROM handover WHERE other_case = ?"
        return list(conn.exec_driver_sql(query, (case_id,)).scalars())
