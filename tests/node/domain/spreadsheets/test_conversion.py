"""Cells as people write them: what can be read for certain is, and everything else is a problem."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.edtf import edtf_bounds
from node.domain.spreadsheets.columns import TARGETS, ColumnMapping
from node.domain.spreadsheets.conversion import (
    CellProblem,
    convert_row,
    is_readable,
    orders_of,
    plan_rows,
    read_cell,
    unknown_words,
)

ZONE = ZoneInfo("Europe/Paris")
MAPPING = ColumnMapping(language="fr", dates="dmy")


def read(name: str, text: str, mapping: ColumnMapping = MAPPING) -> Any:
    return read_cell(TARGETS[name], text, mapping, ZONE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-03-05", "2014-03-05"),
        ("2014/3/5", "2014-03-05"),
        ("5/3/2014", "2014-03-05"),
        ("05.03.2014", "2014-03-05"),
        ("٥/٣/٢٠١٤", "2014-03-05"),
        ("March 5, 2014", "2014-03-05"),
        ("5 de marzo de 2014", "2014-03-05"),
        ("1er janvier 2014", "2014-01-01"),
        ("5 марта 2014 г.", "2014-03-05"),
        ("٥ مارس ٢٠١٤", "2014-03-05"),
        ("03/2014", "2014-03"),
        ("mars 2014", "2014-03"),
        ("2014", "2014"),
        ("2014~", "2014~"),
        ("2014-03-XX", "2014-03-XX"),
        ("2013/2015", "2013/2015"),
    ],
)
def test_dates_are_read_as_people_write_them(text: str, expected: str) -> None:
    assert read("birth", text) == expected


@pytest.mark.parametrize(
    "text", ["5.3.14", "30/2/2014", "13/13/2014", "soon", "1850-01-01", "5/3/2014/9", "x" * 99]
)
def test_what_is_no_date_for_certain_is_none(text: str) -> None:
    assert not is_readable(TARGETS["birth"], text, MAPPING, ZONE)


def test_day_and_month_are_never_guessed() -> None:
    for text in ("5/3/2014", "31/12/2014"):
        made = convert_row([text], {}, plan_rows(ColumnMapping({"birth": 0}), ZONE))
        assert made.problems == [CellProblem("birth", 0, "order")]
    assert read("birth", "5/5/2014", ColumnMapping()) == "2014-05-05"
    assert read("birth", "12/31/2014", ColumnMapping(dates="mdy")) == "2014-12-31"
    assert orders_of(["5/3/2014", "2014-03-05"]) == {"dmy", "mdy"}
    assert orders_of(["5/3/2014", "31/3/2014"]) == {"dmy"}
    assert orders_of(["3/31/2014"]) == {"mdy"}
    assert orders_of(["2014-03-05", "x"]) == set()


def test_moments_are_those_of_the_consoles_zone() -> None:
    assert read("missing_since", "2/11/2026 17:30") == "2026-11-02T17:30:00+01:00"
    assert read("missing_since", "2 Jul 2026, 5:30 pm") == "2026-07-02T17:30:00+02:00"
    assert read("missing_since", "2026-11~") == "2026-11~"
    assert read("review_due", "3/12/2026") == "2026-12-03T00:00:00+01:00"
    assert not is_readable(TARGETS["review_due"], "2026-12", MAPPING, ZONE)
    assert not is_readable(TARGETS["consent.date"], "2026", MAPPING, ZONE)
    assert not is_readable(TARGETS["missing_since"], "2/11/2026 25:30", MAPPING, ZONE)


@pytest.mark.parametrize(
    ("name", "text", "span"),
    [
        ("height", "162", (162, 162, "cm")),
        ("height", "1,62 m", (162, 162, "cm")),
        ("height", "1m62", (162, 162, "cm")),
        ("height", "140–145 cm", (140, 145, "cm")),
        ("height", "5'4\"", (163, 163, "cm")),
        ("height", "5 ft", (152, 152, "cm")),
        ("weight", "90 lbs", (40.8, 40.8, "kg")),
        ("weight", "40-44.5", (40, 44.5, "kg")),
        ("age", "12", (12, 12, "year")),
        ("age", "10-12 ans", (10, 12, "year")),
        ("age", "8 месяцев", (8, 8, "month")),
    ],
)
def test_measures_are_read_with_their_units(name: str, text: str, span: tuple[float, float, str]) -> None:
    assert read(name, text) == dict(zip(("min", "max", "unit"), span, strict=True))


def test_a_number_without_a_unit_has_that_of_the_mapping() -> None:
    assert read("height", "5", ColumnMapping(height="ft"))["min"] == 152
    assert read("height", "1.62", ColumnMapping(height="m"))["min"] == 162
    assert read("weight", "100", ColumnMapping(weight="lb"))["min"] == 45.4


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("last_seen.country", "Brasil", "BR"),
        ("last_seen.country", "المغرب", "MA"),
        ("nationalities", "Germany; FR, Украина", ["DE", "FR", "UA"]),
        ("languages_spoken", "français, arabe", ["fr", "ar"]),
        ("contacts.value", "00 33 1 44 55 66 77", "+33144556677"),
        ("contacts.value", "https://example.org/x", "https://example.org/x"),
        ("risk.assessed_by_role", "Duty officer", "duty_officer"),
        ("consent.scope", "network, Photo", ["network", "photograph"]),
        ("last_seen.lat", "48,85", 48.85),
        ("names.full", " Ana \n María ", "Ana María"),
        ("reference", "007", "007"),
    ],
)
def test_other_cells(name: str, text: str, expected: Any) -> None:
    assert read(name, text) == expected


def test_unknown_words_are_asked_once_and_may_be_left_out() -> None:
    assert unknown_words("sex", ["W", "w ", "M", "?"], MAPPING) in (["?", "W"], ["W"])
    mapping = ColumnMapping({"sex": 0}, words={"sex": {"w": "2", "x": ""}})
    plan = plan_rows(mapping, ZONE)
    assert convert_row(["W"], {}, plan).record == {"sex": 2}
    assert convert_row(["X"], {}, plan) == convert_row([""], {}, plan)


def test_a_row_becomes_a_record_with_what_holds_for_every_row() -> None:
    columns = {"names.given": 0, "names.family": 1, "birth": 2, "missing_since": 3, "marks": 4, "category": 5}
    mapping = ColumnMapping(columns, {"category": "runaway", "contacts.value": "116000"}, {}, "uk", "dmy")
    made = convert_row(["Дмитро", "Шевчук", "5/3/2014", "2/11/2026", "шрам"], {}, plan_rows(mapping, ZONE))
    assert made.problems == []
    assert made.record == {
        "names": [
            {
                "full": "Дмитро Шевчук",
                "kind": "legal",
                "given": "Дмитро",
                "family": "Шевчук",
                "script": "Cyrl",
            }
        ],
        "birth": "2014-03-05",
        "missing_since": "2026-11-02",
        "age_at_disappearance": {"min": 12, "max": 12, "unit": "year"},
        "marks": [{"kind": "other", "text": {"uk": {"text": "шрам", "origin": "original"}}}],
        "category": "runaway",
        "contacts": [{"kind": "police", "value": "116000"}],
    }


def test_a_fault_of_a_cell_is_a_problem_of_its_field() -> None:
    made = convert_row(["", "x"], {0: "formula"}, plan_rows(ColumnMapping({"sex": 0}, {"sex": "m"}), ZONE))
    assert made.problems == [CellProblem("sex", 0, "formula")]


def test_fixed_values_fill_what_a_row_leaves_out_and_no_two_records_share_them() -> None:
    mapping = ColumnMapping(
        {"names.full": 0, "consent.date": 1},
        {"consent.scope": "network, public", "consent.date": "2026-11-02", "risk.level": "?"},
        dates="dmy",
    )
    plan = plan_rows(mapping, ZONE)
    first, second = convert_row(["Ann", ""], {}, plan), convert_row(["Ben", "2026-12-01"], {}, plan)
    assert first.record["consent"] == {"scope": ["network", "public"], "date": "2026-11-02"}
    assert second.record["consent"] == {"scope": ["network", "public"], "date": "2026-12-01"}
    assert first.record["consent"]["scope"] is not second.record["consent"]["scope"]
    assert first.problems == second.problems == [CellProblem("risk.level", -1, "word")]


@given(st.sampled_from(sorted(TARGETS)), st.text(max_size=80), st.sampled_from(["", "dmy", "mdy"]))
def test_any_cell_is_read_or_is_a_problem(name: str, text: str, order: str) -> None:
    mapping = ColumnMapping({name: 0}, language="en", dates=order)
    made = convert_row([text], {}, plan_rows(mapping, ZONE))
    assert len(made.problems) <= 1
    assert not (made.problems and made.record)
    assert json.loads(json.dumps(made.record)) == made.record


@given(st.dates(), st.sampled_from(["%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d", "%d-%m-%Y"]))
def test_every_day_comes_back_whatever_way_it_was_written(day: Any, pattern: str) -> None:
    text = day.strftime(pattern).rjust(10, "0")
    readable = is_readable(TARGETS["birth"], text, MAPPING, ZONE)
    assert readable == (1900 <= day.year <= 2099)
    if readable:
        assert edtf_bounds(read("birth", text)) == (day, day)
