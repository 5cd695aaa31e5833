"""What is printed, for people and for programs."""

import io
import json
from collections import OrderedDict
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import pytest
from rich.console import Console

from node.cli.base.output import (
    Rows,
    print_json,
    print_record,
    print_table,
    progress_bars,
    readable,
    safe,
    shown,
    utc_time,
)
from node.services.safekeeping.integrity import Finding

MOMENT = datetime(2026, 11, 21, 20, 14, 5, 999, tzinfo=UTC)


def test_json_knows_what_use_cases_return(capsys: pytest.CaptureFixture[str]) -> None:
    value = {
        "moment": MOMENT,
        "day": date(2026, 11, 21),
        "bytes": b"\x01\xff",
        "mapping": MappingProxyType({"a": (1, 2)}),
        "ordered": OrderedDict(a=1),
        "set": frozenset({"b", "a"}),
        "finding": Finding("here", "broken", "mend it"),
    }
    print_json(value)
    assert json.loads(capsys.readouterr().out) == {
        "moment": "2026-11-21T20:14:05Z",
        "day": "2026-11-21",
        "bytes": "01ff",
        "mapping": {"a": [1, 2]},
        "ordered": {"a": 1},
        "set": ["a", "b"],
        "finding": {"where": "here", "problem": "broken", "next_step": "mend it"},
    }


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("Олена\tШевченко", "Олена\tШевченко"),
        ("نور\u200cا", "نور\u200cا"),
        ("a\x1b[31mb", "a\ufffd[31mb"),
        ("a\u009b31mb", "a\ufffd31mb"),
        ("a\u202eb\u2066c", "a\ufffdb\ufffdc"),
        ("a\rb\x00", "a\ufffdb\ufffd"),
    ],
)
def test_nothing_steers_the_terminal(text: str, harmless: str) -> None:
    assert safe(text) == harmless


def test_a_cell_is_text_and_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("who", "since"), [("[bold]Eve[/bold]", MOMENT)])
    out = capsys.readouterr().out
    assert "[bold]Eve[/bold]" in out
    assert "2026-11-21 20:14" in out


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        ([], "-"),
        (["a", "b"], "a, b"),
        (7, "7"),
        (MOMENT.date(), "2026-11-21"),
    ],
)
def test_values_in_tables(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {"uk": {"text": "Львів", "origin": "original"}, "en": {"text": "Lviv", "origin": "human"}},
            "Львів [uk]\nLviv [en, human]",
        ),
        ({"min": 8, "max": 9, "unit": "year"}, "min 8, max 9, unit year"),
        ({"marks": [{"kind": "mole"}, {"kind": "scar"}]}, "marks - kind mole / - kind scar"),
        (["uk", "en"], "uk, en"),
        ([{"kind": "mole"}, {"kind": "scar"}], "- kind mole\n- kind scar"),
        ({"primary": True}, "primary yes"),
        ([{"kind": "adult", "sex": 2}], "- kind adult, sex female"),
        ({"later": {"origin": "x"}}, "later origin x"),
        ({"later": {"origin": 1, "text": None}}, "later origin 1, text None"),
        (1, "1"),
        ({}, ""),
    ],
)
def test_fields_of_a_case_are_readable(value: Any, text: str) -> None:
    assert readable(value) == text


@pytest.mark.parametrize(
    ("code", "word"), [(0, "unknown"), (1, "male"), (2, "female"), (9, "not_applicable"), (7, "7")]
)
def test_sex_is_a_word_for_people(code: int, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_record({"sex": code})
    assert capsys.readouterr().out.split()[-2:] == ["sex", word]


CASE = f"police.fr.example/{'k' * 26}"
HOLDINGS = (("case", "member", "since", "late"), [(CASE, "police.ke.example", MOMENT, "")], "One case")


def _printed(width: int, rows: Rows) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(rows)
    return console.export_text()


def test_a_table_that_fits_has_columns() -> None:
    text = _printed(100, Rows(*HOLDINGS))
    assert f"{CASE}   police.ke.example   2026-11-21 20:14" in text


def test_a_table_that_does_not_fit_is_a_block_of_lines_for_each_row() -> None:
    lines = [line.rstrip() for line in _printed(80, Rows(*HOLDINGS)).splitlines()]
    assert lines == [
        "One case", "", f"case  {CASE}", "  member  police.ke.example", "  since   2026-11-21 20:14",
    ]  # fmt: skip


def test_a_table_of_few_columns_is_folded() -> None:
    text = _printed(40, Rows(("field", "value"), [("circumstances", "word " * 20)]))
    assert text.count("circumstances") == 1
    assert text.count("word word") > 2


def test_times_are_in_utc_and_may_be_missing() -> None:
    assert utc_time(MOMENT) == "2026-11-21 20:14:05 UTC"
    assert utc_time(None) == "never"


def test_progress_is_silent_unless_a_terminal_is_watching(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars() as tell:
        tell("police.fr.example", "entries", 1, 10)
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bars() as tell:
        tell("police.fr.example", "entries", 256, 1000)
        tell("police.fr.example", "documents", 20, 0)
        tell("police.ke.example", "entries", 1, 10)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "police.fr.example" in captured.err
