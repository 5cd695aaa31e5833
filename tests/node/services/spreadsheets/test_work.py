"""Spreadsheets into the register: tried, imported once, and undone as one; nothing of it is left where it
must not be."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from node.domain.permissions import Role
from node.domain.spreadsheets.columns import MAX_WORDS, ColumnMapping
from node.domain.spreadsheets.conversion import convert_row
from node.errors import Conflict, InvalidInput, NodeError, NotFound
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.people import accounts
from node.services.register import cases as register
from node.services.serving import TooOften
from node.services.spreadsheets import intake, report, work
from node.services.spreadsheets.intake import Import
from node.store.database import reading
from node.store.journal import Wanted, find_entries
from node.store.register import imports
from node.store.register.cases import DRAFT, ERASED, PUBLISHED
from node.store.staff.people import Person
from tests.factories import sample_record
from tests.node.services.spreadsheets.tables import FIXED, HEADERS, row, table

NO_FILES = Path("/nonexistent")


def take(node: Node, person: Person | None, data: bytes, **changes: Any) -> Import:
    found = intake.take_file(node, person, "cases.csv", data, "en", "console:one")
    return intake.set_mapping(node, found, replace(found.mapping, fixed=FIXED, **changes))


def check(node: Node, person: Person | None, found: Import) -> Import:
    intake.start_check(node, found)
    work.run(node, found.id)
    return intake.find_import(node, person, found.id)


def import_all(node: Node, person: Person | None, data: bytes, *, update: bool = False) -> Import:
    found = check(node, person, take(node, person, data))
    intake.start_import(node, found, update=update)
    work.run(node, found.id)
    return intake.find_import(node, person, found.id)


def counts(node: Node, found: Import) -> dict[str, int]:
    return report.count_outcomes(node, found).rows


def wrong_of(node: Node, found: Import) -> list[tuple[int, set[tuple[str, str]]]]:
    rows = report.list_outcomes(node, found, imports.WRONG, 100, 0)
    return [(one.number, {(problem.target, problem.code) for problem in one.problems}) for one in rows]


def test_good_rows_become_cases_that_are_not_published_and_bad_ones_say_why(
    node: Node, person: Person
) -> None:
    data = table(row(1), row(2, Sex="neither", Height="tall"), row(3, Name="", Country="Atlantis"), row(4))
    found = check(node, person, take(node, person, data))
    assert found.row.state == imports.CHECKED
    assert counts(node, found) == {"good": 2, "wrong": 2}
    assert wrong_of(node, found) == [
        (3, {("sex", "word"), ("height", "height")}),
        (4, {("last_seen.country", "country"), ("names.full", "needed")}),
    ]
    assert register.list_cases(node, None, 10, 0) == []
    intake.start_import(node, found, update=False)
    work.proceed(node)
    assert counts(node, found) == {"made": 2, "wrong": 2}
    made = register.list_cases(node, None, 10, 0)
    assert {(case.status, case.record["reference"]) for case in made} == {(DRAFT, "A-1"), (DRAFT, "A-4")}
    assert made[0].record["age_at_disappearance"] == {"min": 12, "max": 12, "unit": "year"}
    with pytest.raises(Conflict):
        intake.read_file(node, found)
    with reading(node.engine) as conn:
        told = [entry.entry.action for entry in find_entries(conn, Wanted(), 50)]
    assert {"import.upload", "import.done", "case.add"} <= set(told)


def test_a_reference_that_is_here_is_never_doubled_and_changed_only_when_asked(
    node: Node, person: Person
) -> None:
    import_all(node, person, table(row(1)))
    again = table(row(1, Height="150"), row(2), row(2))
    found = import_all(node, person, again)
    assert counts(node, found) == {"here": 1, "made": 1, "wrong": 1}
    assert wrong_of(node, found) == [(4, {("reference", "twice")})]
    (case,) = [case for case in register.list_cases(node, None, 9, 0) if case.record["reference"] == "A-1"]
    assert case.record["height"]["min"] == 140
    found = import_all(node, person, table(row(1, Height="150")), update=True)
    assert counts(node, found) == {"changed": 1}
    assert register.get_case(node, case.case_id).record["height"]["min"] == 150
    intake.start_undo(node, found, "console:one")
    work.run(node, found.id)
    assert register.get_case(node, case.case_id).record["height"]["min"] == 140
    assert counts(node, found) == {}


def test_no_case_is_changed_by_a_reference_that_several_have(node: Node, person: Person) -> None:
    def add() -> str:
        return register.add_cases(
            node, [sample_record("uk", photos=None, reference="A-1")], "test", NO_FILES
        )[0].case_id

    first = add()
    found = check(node, person, take(node, person, table(row(1))))
    assert counts(node, found) == {"here": 1}
    second = add()  # somebody enters another one meanwhile
    intake.start_import(node, found, update=True)
    work.run(node, found.id)
    assert wrong_of(node, found) == [(2, {("reference", "several")})]
    again = check(node, person, take(node, person, table(row(1))))
    assert wrong_of(node, again) == [(2, {("reference", "several")})]
    assert [register.get_case(node, case_id).revision for case_id in (first, second)] == [1, 1]


def test_an_import_is_undone_as_one_while_nothing_of_it_was_published(node: Node, person: Person) -> None:
    found = import_all(node, person, table(*[row(number) for number in range(1, 31)]))
    assert counts(node, found) == {"made": 30}
    intake.start_undo(node, found, "console:one")
    work.run(node, found.id)
    assert {case.status for case in register.list_cases(node, None, 50, 0)} == {ERASED}
    assert intake.find_import(node, person, found.id).row.state == imports.UNDONE
    found = import_all(node, person, table(row(1), row(2)))
    first = register.list_cases(node, DRAFT, 50, 0)[0]
    publishing.publish(node, [first.case_id], "test")
    with pytest.raises(Conflict):
        intake.start_undo(node, intake.find_import(node, person, found.id), "console:one")


def test_what_was_published_while_an_import_is_undone_stays(node: Node, person: Person) -> None:
    found = import_all(node, person, table(row(1), row(2)))
    intake.start_undo(node, found, "console:one")
    first = register.list_cases(node, DRAFT, 50, 0)[0]
    publishing.publish(node, [first.case_id], "test")
    work.run(node, found.id)
    assert counts(node, found) == {"kept": 1}


def test_an_import_goes_on_where_it_stood_and_makes_no_case_twice(
    node: Node, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = check(node, person, take(node, person, table(*[row(number) for number in range(1, 61)])))
    intake.start_import(node, found, update=False)
    store, calls = register.index_cases, []

    def crash(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError
        store(*arguments)

    monkeypatch.setattr(register, "index_cases", crash)
    with pytest.raises(RuntimeError):
        work.run(node, found.id)
    monkeypatch.undo()
    assert len(register.list_cases(node, None, 100, 0)) == 25
    work.run(node, found.id)
    assert counts(node, found) == {"made": 60}
    assert len(register.list_cases(node, None, 100, 0)) == 60


def test_nothing_of_an_erased_case_stays_in_a_file_that_waits(node: Node, person: Person) -> None:
    (case,) = register.add_cases(
        node, [sample_record("pt", photos=None, reference="a - 1")], "test", NO_FILES
    )
    waiting = check(node, person, take(node, person, table(row(1))))
    assert counts(node, waiting) == {"here": 1}
    through = import_all(node, person, table(row(1)))
    publishing.erase(node, case.case_id, "test")
    with pytest.raises(NotFound):
        intake.find_import(node, person, waiting.id)
    assert counts(node, through) == {}


def test_nothing_of_an_erased_case_stays_with_an_import_that_is_through(node: Node, person: Person) -> None:
    found = import_all(node, person, table(row(1, Name="Ana Sola", Sex="girl"), row(2)))
    case = next(one for one in register.list_cases(node, DRAFT, 9, 0) if one.record["reference"] == "A-1")
    publishing.erase(node, case.case_id, "test")
    with reading(node.engine) as conn:
        row_of_it = imports.find_import(conn, found.id)
        results = imports.list_rows(conn, found.id, report.SHOWN, 9)
    assert row_of_it is not None
    kept = [repr(intake.open_import(node, row_of_it)), *(repr(one.content) for one in results)]
    assert not [text for text in kept if "Ana" in text or "A-1" in text or "Did not come" in text]


def test_a_file_is_its_authors_alone_encrypted_and_gone_after_a_day(node: Node, person: Person) -> None:
    other = accounts.add_person(node, "two", "two", [Role.OPERATOR], "test")[0]
    found = take(node, person, table(row(1)))
    with pytest.raises(NotFound):
        intake.find_import(node, other, found.id)
    with reading(node.engine) as conn:
        stored = imports.read_file(conn, found.id)
        assert stored is not None
        assert b"Child" not in stored + found.row.content
    later = replace(node, clock=lambda: node.clock() + intake.LIFE + timedelta(minutes=1))
    intake.forget_old(later)
    with pytest.raises(NotFound):
        intake.find_import(node, person, found.id)


def test_rows_that_were_wrong_go_after_a_day_and_an_import_stays_to_be_undone(
    node: Node, person: Person
) -> None:
    found = import_all(node, person, table(row(1), row(2, Sex="neither")))
    intake.forget_old(replace(node, clock=lambda: node.clock() + intake.LIFE + timedelta(minutes=1)))
    assert counts(node, found) == {"made": 1}


def test_nobody_uploads_without_end(node: Node, person: Person) -> None:
    for _ in range(intake.MAX_OPEN):
        found = take(node, person, table(row(1)))
    with pytest.raises(Conflict):
        take(node, person, table(row(1)))
    for _ in range(intake.MAX_UPLOADS - intake.MAX_OPEN):
        intake.throw_away(node, found, "console:one")
        found = take(node, person, table(row(1)))
    intake.throw_away(node, found, "console:one")
    with pytest.raises(TooOften):
        take(node, person, table(row(1)))


def test_what_has_to_be_said_first_is_asked(node: Node, person: Person) -> None:
    data = table(row(1, **{"Date of birth": "5/3/2014"}), row(2, **{"Date of birth": "6/3/2014"}))
    found = intake.take_file(node, person, "cases.csv", data, "", "console:one")
    with pytest.raises(InvalidInput) as refused:
        intake.start_check(node, found)
    assert {"contacts.value", "language", "dates"} <= set(refused.value.problems)
    data = table(row(1, **{"Date of birth": "5/3/2014"}), row(2, **{"Date of birth": "31/3/2014"}))
    found = intake.take_file(node, person, "cases.csv", data, "en", "console:one")
    assert found.mapping.dates == "dmy"


def test_the_order_of_dates_is_found_beyond_the_words_that_are_kept(node: Node) -> None:
    days = [f"{day}/{month}/{year}" for year in range(2000, 2009) for month in range(1, 13) for day in (1, 9)]
    assert len(days) > MAX_WORDS
    data = table(*[row(1, **{"Date of birth": day}) for day in (*days, *days[:9], "31/3/2014")])
    assert intake.take_file(node, None, "cases.csv", data, "en", "cli:one").mapping.dates == "dmy"


def test_wrong_rows_come_back_as_a_file_without_formulas_and_can_be_imported_mended(
    node: Node, person: Person
) -> None:
    evil = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx"]
    rows = [row(number, Name=f"{text} {number}", Sex="?") for number, text in enumerate(evil)]
    found = check(node, person, take(node, person, table(*rows)))
    lines = report.format_wrong(node, found, "Wrong", lambda problem: f"{problem.target}.", "console:one")
    written = list(csv.reader(io.StringIO(b"".join(lines).decode("utf-8-sig"))))
    assert written[0] == [*HEADERS, "Wrong"]
    assert [one[1][:2] for one in written[1:5]] == ["'=", "'+", "'-", "'@"]
    assert all(one[-1] == "sex." for one in written[1:])
    mended = io.StringIO()
    csv.writer(mended).writerows(
        [[*line[:2], "girl" if at else "Sex", *line[3:]] for at, line in enumerate(written)]
    )
    again = import_all(node, person, mended.getvalue().encode())
    assert counts(node, again) == {"made": 6}
    names = {case.record["names"][0]["full"] for case in register.list_cases(node, None, 9, 0)}
    assert "=cmd|' /C calc'!A0 0" in names


def test_an_encoding_and_a_separator_are_changed_by_whoever_knows_better(node: Node, person: Person) -> None:
    data = "Имя;Пол\nИван;м\n".encode("cp1251")
    found = intake.take_file(node, person, "x.csv", data, "ru", "console:one")
    assert found.reading.encoding == "windows-1251"
    assert found.mapping.columns == {"names.full": 0, "sex": 1}
    intake.change_reading(node, found, encoding="windows-1252")
    found = intake.find_import(node, person, found.id)
    assert found.headers[0] == "Èìÿ"
    with pytest.raises(InvalidInput):
        intake.change_reading(node, found, encoding="utf-8")
    intake.change_reading(node, found, delimiter=",")
    assert len(intake.find_import(node, person, found.id).headers) == 1


def test_ten_thousand_bad_rows_are_told_page_by_page(node: Node, person: Person) -> None:
    data = table(*[row(number, Sex="x", Country="y") for number in range(10_000)])
    found = check(node, person, take(node, person, data))
    assert counts(node, found) == {"wrong": 10_000}
    assert len(report.list_outcomes(node, found, imports.WRONG, 25, 9_990)) == 10
    lines = report.format_wrong(node, found, "Wrong", lambda problem: problem.code, "console:one")
    assert sum(1 for _ in lines) == 10_001


def test_what_a_mapping_file_says_wrongly_is_left_out(node: Node) -> None:
    found = intake.take_file(node, None, "cases.csv", table(row(1)), "en", "cli:one")
    assert found.unknown_words() == {}
    assert ColumnMapping().missing()[0] == "names.full"


def test_an_import_that_breaks_the_program_holds_up_no_other(
    node: Node, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(cells: Sequence[str], *rest: Any) -> Any:
        if "Child Number 666" in cells:
            raise RuntimeError("an error in this program")
        return convert_row(cells, *rest)

    monkeypatch.setattr(work, "convert_row", convert)
    broken, good = take(node, person, table(row(666))), take(node, person, table(row(1)))
    intake.start_check(node, broken)
    intake.start_check(node, good)
    work.proceed(node)
    failed, checked = (intake.find_import(node, person, one.id) for one in (broken, good))
    assert (failed.row.state, checked.row.state) == (imports.FAILED, imports.CHECKED)
    assert failed.problem
    intake.throw_away(node, failed, "console:one")


def test_an_import_that_fails_half_way_is_through_and_can_be_undone(
    node: Node, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = register.import_cases
    left = iter([made])

    def import_cases(*given: Any) -> Any:
        if (do := next(left, None)) is None:
            raise NodeError("The disk is full.", "Make room.")
        return do(*given)

    monkeypatch.setattr(register, "import_cases", import_cases)
    found = import_all(node, person, table(*map(row, range(30))))
    assert (found.row.state, found.problem) == (imports.DONE, "The disk is full.")
    assert counts(node, found)["made"] == len(register.list_cases(node, None, 100, 0)) == 25
    monkeypatch.undo()
    again = import_all(node, person, table(*map(row, range(30))))
    assert counts(node, again) == {"here": 25, "made": 5}
    intake.start_undo(node, found, "console:one")
    work.run(node, found.id)
    assert len(register.list_cases(node, DRAFT, 100, 0)) == 5


def test_a_case_that_is_published_in_the_moment_of_the_undoing_stays(
    node: Node, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = import_all(node, person, table(row(1)))
    (case,) = register.list_cases(node, DRAFT, 10, 0)
    intake.start_undo(node, found, "console:one")
    erase = publishing.erase

    def publish_first(*given: Any, **named: Any) -> None:
        publishing.publish(node, [case.case_id], "console:two")
        erase(*given, **named)

    monkeypatch.setattr(publishing, "erase", publish_first)
    work.run(node, found.id)
    monkeypatch.undo()
    assert register.get_case(node, case.case_id).status == PUBLISHED
    assert counts(node, intake.find_import(node, person, found.id)) == {"kept": 1}
