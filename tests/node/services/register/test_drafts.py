"""Unfinished cases and changes: kept for their author, laid over newer versions; the register as a list."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from node.domain.permissions import Role
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.people import accounts, sessions
from node.services.register import cases as register
from node.services.register import drafts, history, listing
from node.store.database import reading
from node.store.journal import JournalEntry, read_journal
from node.store.register.cases import CaseFile
from node.store.staff.people import Person
from tests.factories import sample_record
from tests.federation import FR, Federation


@pytest.fixture
def node(tmp_path: Path, database_url: str) -> Iterator[Node]:
    made = Federation(tmp_path, [FR], databases={FR[0]: database_url})
    yield made[FR[0]]
    made.close()


def add_person(node: Node, name: str) -> Person:
    return accounts.add_person(node, name, name, [Role.OPERATOR], "test")[0]


def add_case(node: Node, **changes: Any) -> CaseFile:
    record = sample_record("uk", photos=None, **changes)
    return register.add_cases(node, [record], "test", Path("/nonexistent"))[0]


def journaled(node: Node, case_id: str | None = None) -> list[JournalEntry]:
    with reading(node.engine) as conn:
        return read_journal(conn, case_id)


def test_a_draft_is_its_authors_alone_and_ends(node: Node) -> None:
    one, two = add_person(node, "one"), add_person(node, "two")
    draft = drafts.begin_case(node, one, {"names": [{"full": "Half"}]})
    assert drafts.find_draft(node, one, draft.id) == draft
    assert drafts.list_drafts(node, two) == []
    with pytest.raises(NotFound):
        drafts.find_draft(node, two, draft.id)
    with pytest.raises(InvalidInput):
        drafts.keep_draft(node, one, draft.id, lambda _: {"notes": "x" * (drafts.MAX_BYTES + 1)})
    with pytest.raises(NotFound):
        drafts.keep_draft(node, two, draft.id, lambda _: {})
    drafts.drop_draft(node, draft)
    with pytest.raises(NotFound):
        drafts.keep_draft(node, one, draft.id, lambda _: {})


def test_what_is_typed_at_the_same_time_in_two_pages_is_kept_of_both(node: Node) -> None:
    one = add_person(node, "one")
    draft = drafts.begin_case(node, one, {"names": [{"full": "Half"}]})
    changes = [partial(lambda name, typed: {**typed, name: "typed"}, f"field {at}") for at in range(8)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda change: drafts.keep_draft(node, one, draft.id, change), changes))
    kept = drafts.find_draft(node, one, draft.id).typed
    assert kept == {"names": [{"full": "Half"}], **{f"field {at}": "typed" for at in range(8)}}


def test_a_button_that_is_pressed_twice_makes_one_case(node: Node) -> None:
    one = add_person(node, "one")
    record = sample_record("uk", photos=None)
    draft = drafts.begin_case(node, one, {"names": [{"full": "Half"}]})
    pressed = [drafts.merge_draft(node, one, drafts.find_draft(node, one, draft.id), record) for _ in "12"]
    assert drafts.finish_draft(node, draft, pressed[0], {}, "me")
    with pytest.raises(Conflict):
        drafts.finish_draft(node, draft, pressed[1], {}, "me")
    assert len(register.list_cases(node, None, 10, 0)) == 1
    assert drafts.list_drafts(node, one) == []


def test_nobody_begins_without_end(node: Node) -> None:
    person = add_person(node, "one")
    for _ in range(drafts.MAX_DRAFTS):
        drafts.begin_case(node, person, {})
    with pytest.raises(Conflict):
        drafts.begin_case(node, person, {})


def test_nobody_begins_more_than_a_list_can_open(node: Node) -> None:
    person, full = add_person(node, "one"), {"notes": "x" * (drafts.MAX_ALL_BYTES // 4 - 100)}
    begun = [drafts.begin_case(node, person, {}) for _ in range(6)]
    for draft in begun[:4]:
        drafts.keep_draft(node, person, draft.id, lambda _: full)
    with pytest.raises(Conflict):
        drafts.keep_draft(node, person, begun[4].id, lambda _: full)
    with pytest.raises(Conflict):
        drafts.begin_case(node, person, full)
    assert drafts.keep_draft(node, person, begun[0].id, lambda _: full).typed == full
    assert len(drafts.list_drafts(node, person, 3)) == 3


def test_a_change_goes_over_a_newer_version_field_by_field(node: Node) -> None:
    person, case = add_person(node, "one"), add_case(node, notes="old")
    draft = drafts.begin_change(node, person, case, {})
    assert drafts.begin_change(node, person, case, {}).id == draft.id
    newer = {"notes": "theirs", "review_due": "2026-12-24T00:00:00Z"}
    register.change_case(node, case.case_id, newer, "other", Path("/nonexistent"))
    merge = drafts.merge_draft(
        node, person, draft, {"notes": "mine", "category": "unknown", "sex": case.record["sex"]}
    )
    assert set(merge.changes) == {"notes", "category"}
    assert merge.disputed == ["notes"]
    read = journaled(node, case.case_id)[0]
    assert (read.actor, read.action, read.fields) == ("console:one", "case.open", ["notes", "review_due"])
    for chosen in ({}, {"notes": "both"}):
        with pytest.raises(Conflict):
            drafts.finish_draft(node, draft, merge, chosen, "me")
    made = drafts.finish_draft(node, draft, merge, {"notes": "theirs"}, "me")
    assert made is not None
    assert (made.record["notes"], made.record["category"]) == ("theirs", "unknown")
    assert made.record["review_due"] == "2026-12-24T00:00:00Z"
    assert drafts.list_drafts(node, person) == []
    newest, middle, first = history.history_of(node, case.case_id, "me")
    assert (newest.actor, dict(newest.fields)) == ("me", {"category": ("runaway", "unknown")})
    assert middle.fields["notes"] == ("old", "theirs")
    assert first.fields["notes"] == (None, "old")


def test_whoever_begins_a_change_or_goes_on_with_it_has_read_the_case(node: Node) -> None:
    person, case = add_person(node, "one"), add_case(node)
    for times in (1, 2):
        drafts.begin_change(node, person, case, {})
        opened = [line for line in journaled(node, case.case_id) if line.action == "case.open"]
        assert [(line.actor, line.fields) for line in opened] == [
            ("console:one", sorted(case.record))
        ] * times


def test_whoever_reads_the_register_is_in_the_journal(node: Node) -> None:
    listing.list_register(node, 10, 0, "ana")
    assert journaled(node) == []  # there was nothing to read
    add_case(node)
    listing.list_register(node, 10, 0, "ana", status="draft")
    line = journaled(node)[0]
    assert (line.actor, line.action, line.case_id, line.fields) == ("ana", "case.list", "", ["status"])


def test_a_draft_goes_with_its_case(node: Node) -> None:
    person, case = add_person(node, "one"), add_case(node)
    drafts.begin_change(node, person, case, {})
    publishing.erase(node, case.case_id, "test")
    for seen in (case, register.get_case(node, case.case_id)):  # before the erasure, and after
        with pytest.raises(Conflict):
            drafts.begin_change(node, person, seen, {})
    assert drafts.list_drafts(node, person) == []


def test_what_was_kept_of_forms_about_a_case_goes_with_it(node: Node) -> None:
    person, case, other = add_person(node, "one"), add_case(node), add_case(node)
    draft = drafts.begin_change(node, person, case, {})
    opaque, stays = (each.case_id.partition("/")[2] for each in (case, other))
    gone = [f"/cases/{opaque}/propose", f"/cases/unfinished/{draft.id}/child", f"purpose x {case.case_id}"]
    for path in (*gone, f"/cases/{stays}/propose"):
        sessions.keep_form(node, person, path, [("note", "of 12 rue X")])
    publishing.erase(node, case.case_id, "test")
    assert [path for path in gone if sessions.find_form(node, person, path)] == []
    assert sessions.find_form(node, person, f"/cases/{stays}/propose")


def test_the_register_is_narrowed_by_what_stands_in_the_records(node: Node) -> None:
    due = add_case(node, category="catastrophe", review_due="2026-11-20T23:00:00+02:00")
    other = add_case(node)
    erased = add_case(node)
    publishing.erase(node, erased.case_id, "test")

    def found(**conditions: Any) -> set[str]:
        cases, total = listing.list_register(node, 10, 0, "ana", **conditions)
        assert total == len(cases)
        return {case.case_id for case in cases}

    assert found() == {due.case_id, other.case_id}
    assert found(status="erased") == {erased.case_id}
    assert found(category="catastrophe") == {due.case_id}
    assert found(review_by=date(2026, 11, 20)) == {due.case_id}
    assert found(review_by=date(2026, 11, 19)) == set()
    last = listing.list_register(node, 1, 1, "ana")
    assert len(last[0]) == 1
    assert listing.list_register(node, 1, 99, "ana") == last  # beyond the end
    with pytest.raises(InvalidInput):
        found(status="lost")
