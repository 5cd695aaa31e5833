"""protocol/encoding.py: one spelling for each value, and nothing but Malformed for the rest."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import (
    MAX_DEPTH,
    format_base64,
    format_json,
    format_time,
    parse_base64,
    parse_date,
    parse_decimal,
    parse_hash,
    parse_json,
    parse_object,
    parse_time,
)
from protocol.errors import Malformed

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert parse_json(format_json(value), "test", 1 << 20) == value


@given(VALUES)
def test_json_in_other_spellings_means_the_same(value: Any) -> None:
    assert parse_json(json.dumps(value, indent=1).encode(), "test", 1 << 20) == value


@given(st.binary(max_size=200))
def test_any_bytes_as_json(data: bytes) -> None:
    try:
        value = parse_json(data, "test", 100)
    except Malformed:
        return
    assert json.loads(data) == value
    assert len(data) <= 100


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nul",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'{"a":NaN}',
        b"1e999",
        b"01",
        b"+1",
        b"'a'",
        b'{"a":1,}',
        b"[1] x",
        b'"\xff"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\x00"',
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":1}',
        b'[{"b":{"a":1,"a":1}}]',
        '"\x00"'.encode("utf-16"),
        "{}".encode("utf-16-le"),
        pytest.param(b"[" * 100_000, id="open arrays"),
        pytest.param(b'{"a":' * 100_000, id="open objects"),
        pytest.param(b"[" * 1000 + b"]" * 1000, id="1000 arrays"),
        pytest.param(b" " + b"[" * 1000 + b"]" * 1000, id="1000 arrays, not compact"),
    ],
)
def test_bad_json(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_json(data, "test", 1 << 20)


@pytest.mark.parametrize("opening", [("[", "]"), ('{"a":', "}")])
def test_depth(opening: tuple[str, str]) -> None:
    before, after = opening
    deepest = before * (MAX_DEPTH - 1) + "[]" + after * (MAX_DEPTH - 1)
    parse_json(deepest.encode(), "test", 1 << 20)
    with pytest.raises(Malformed, match="deeper"):
        parse_json(f"[{deepest}]".encode(), "test", 1 << 20)
    with pytest.raises(Malformed, match="deeper"):
        parse_json(f" [{deepest} ]".encode(), "test", 1 << 20)


def test_json_limit() -> None:
    assert parse_json(b"[1]", "test", 3) == [1]
    with pytest.raises(Malformed, match="4 bytes, at most 3"):
        parse_json(b"[12]", "test", 3)


def test_object() -> None:
    assert parse_object(b'{"a":1}', "test", 10) == {"a": 1}
    with pytest.raises(Malformed, match="object"):
        parse_object(b"[]", "test", 10)


def test_json_of_many_duplicates_and_long_numbers_takes_linear_time() -> None:
    """Each of these is the worst of its kind for the slow look at keys. They take a tenth of a second
    together, and would take minutes if any step were quadratic."""
    hostile = [
        b"[" + b",".join([b"9" * 4000] * 500) + b"]",
        b"[" + b",".join([b'{"a":1 }'] * 30_000) + b"]",
        b" [" + b",".join([b"[]"] * 30_000) + b"]",
        b"1" * 2_000_000,
    ]
    started = perf_counter()
    for data in hostile:
        with suppress(Malformed):
            parse_json(data, "test", 1 << 22)
    assert perf_counter() - started < 5


def test_errors_do_not_repeat_what_was_read() -> None:
    for attempt in (
        lambda: parse_json(b'{"secret":1,"secret":1}', "test", 100),
        lambda: parse_base64("secret!", "test"),
        lambda: parse_decimal("secret", "test"),
        lambda: parse_hash("secret", "test"),
        lambda: parse_time("secret", "test"),
        lambda: parse_date("secret", "test"),
    ):
        with pytest.raises(Malformed) as caught:
            attempt()
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None


@given(st.binary())
def test_base64_is_read_as_it_was_written(data: bytes) -> None:
    assert parse_base64(format_base64(data), "test", len(data)) == data


@given(st.text(alphabet="ABab01+/=-_ \n\u00e9", max_size=12) | st.text(max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    try:
        data = parse_base64(text, "test")
    except Malformed:
        return
    assert format_base64(data) == text


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAA", "AB==", "AAB=", "AAAA====", "AA==AA==", " AAAA", "AAAA\n", "AA-_", "\u0661AAA"]
)
def test_bad_base64(text: str) -> None:
    with pytest.raises(Malformed):
        parse_base64(text, "test")


@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_base64_that_is_no_text(value: Any) -> None:
    with pytest.raises(Malformed):
        parse_base64(value, "test")


def test_base64_size() -> None:
    with pytest.raises(Malformed, match="holds 3 bytes, must hold 4"):
        parse_base64("AAAA", "test", 4)


@given(st.integers(0, 2**63 - 1))
def test_decimal_is_read_as_it_was_written(number: int) -> None:
    assert parse_decimal(str(number), "test") == number


@pytest.mark.parametrize("digits", [19, 20, 1_000_000])
def test_a_number_of_any_length_is_refused(digits: int) -> None:
    """Short ones are in tests/vectors/encodings.json."""
    with pytest.raises(Malformed):
        parse_decimal("9" * digits, "test")


@given(st.text(max_size=8))
def test_any_text_as_number_hash_time_and_date(text: str) -> None:
    for parse in (parse_decimal, parse_hash, parse_time, parse_date, parse_base64):
        with suppress(Malformed):
            parse(text, "test")


def test_hash() -> None:
    assert parse_hash("00ff" * 16, "test") == bytes.fromhex("00ff" * 16)
    for bad in ("00FF" * 16, "00" * 31, "00" * 33, "0g" * 32, "00" * 32 + "\n", None, 5, "\u0660" * 64):
        with pytest.raises(Malformed):
            parse_hash(bad, "test")


@given(st.datetimes(timezones=st.just(UTC)))
def test_time_is_read_as_it_was_written(moment: datetime) -> None:
    assert parse_time(format_time(moment), "test") == moment.replace(microsecond=0)


def test_time_of_another_zone_is_written_in_utc() -> None:
    assert format_time(datetime.fromisoformat("2026-11-21T22:14:00.9+02:00")) == "2026-11-21T20:14:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T20:14:00",
        "2026-11-21T20:14:00+00:00",
        "2026-11-21t20:14:00z",
        "2026-11-21 20:14:00Z",
        "2026-11-21T20:14Z",
        "2026-11-21T20:14:00.0Z",
        "2026-11-21T20:14:60Z",
        "2026-11-21T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-21T20:14:00Z\n",
        "\u0662026-11-21T20:14:00Z",
        "",
        None,
        1795292040,
    ],
)
def test_bad_times(text: Any) -> None:
    with pytest.raises(Malformed):
        parse_time(text, "test")


@given(st.dates())
def test_date_is_read_as_it_was_written(day: date) -> None:
    assert parse_date(day.isoformat(), "test") == day


@pytest.mark.parametrize(
    "text", ["2026-02-29", "20261121", "2026-W47-6", "2026-11-21T00:00:00Z", "0000-01-01", "", None, 20261121]
)
def test_bad_dates(text: Any) -> None:
    with pytest.raises(Malformed):
        parse_date(text, "test")


def test_brackets_in_a_text_are_no_depth() -> None:
    assert parse_json(b'"' + b"[" * 40 + b'"', "text", 100) == "[" * 40
    assert parse_json(b'["' + b"{" * 40 + b'"]', "text", 100) == ["{" * 40]
