"""protocol/answers.py: an answer speaks of what was asked, and nothing else."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.answers import (
    ABSENCES,
    MAX_DIGESTS,
    Absence,
    Given,
    format_answers,
    format_query,
    parse_answers,
    parse_query,
)
from protocol.encoding import format_json
from protocol.errors import Malformed

DIGESTS = st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=5)
LINES = st.binary(max_size=20).map(lambda line: line.replace(b"\n", b" ") + b"\n")
BODIES = st.lists(LINES, min_size=2, max_size=3).map(b"".join)
ANSWERS = st.sampled_from(ABSENCES) | st.builds(Given, BODIES, st.booleans())

A, B = b"\xaa" * 32, b"\xbb" * 32
HEX = A.hex().encode()


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True, min_size=1, max_size=MAX_DIGESTS))
def test_query_is_read_as_it_was_written(digests: list[bytes]) -> None:
    assert parse_query(format_query(digests)) == digests


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"digests": None},
        {"digests": {}},
        {"digests": []},
        {"digests": [A.hex(), A.hex()]},
        {"digests": [A.hex().upper()]},
        {"digests": [5]},
        {"digests": [bytes([number]).hex() * 32 for number in range(256)] + [A.hex()]},
        {"digests": [A.hex()], "filler": "x" * (1 << 15)},
    ],
)
def test_bad_queries(value: Any) -> None:
    with pytest.raises(Malformed):
        parse_query(format_json(value))


@given(st.binary(max_size=100))
def test_any_bytes_as_query(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_query(body)


@given(st.data())
def test_answers_are_read_as_they_were_written(data: st.DataObject) -> None:
    asked = data.draw(DIGESTS)
    answers: list[Given | Absence] = [data.draw(ANSWERS) for _ in asked]
    written = format_answers(zip(asked, answers, strict=True))
    assert parse_answers(written, asked) == answers
    if asked:
        for bad in (written + b"\n", written[:-1], b"\n" + written):
            with pytest.raises(Malformed):
                parse_answers(bad, asked)
        with pytest.raises(Malformed):
            parse_answers(written, [*asked, b"z" * 32])
        with pytest.raises(Malformed):
            parse_answers(written, asked[:-1])


@given(st.binary(max_size=200))
def test_any_bytes_as_answers(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_answers(data, [A])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEX,
        HEX + b" erased",
        HEX + b" erased\r\n",
        HEX + b"  erased\n",
        HEX + b" Erased\n",
        HEX + b" gone\n",
        HEX + b" erased 1\n",
        HEX.upper() + b" erased\n",
        B.hex().encode() + b" erased\n",
        HEX + b" document\n",
        HEX + b" document x\n{}\n{}\n",
        HEX + b" document 02\n{}\n{}\n",
        HEX + b" document 4\n{}\n{}\n{}\n{}\n",
        HEX + b" document 1\n{}\n",
        HEX + b" document 0\n",
        HEX + b" document 2\n{}\n",
        HEX + b" document 2\n{}\n{}",
        HEX + b" document 2\n{}\n{}\nmore\n",
        HEX + b" document 99999999999999999999\n",
        HEX + b" direct\n",
        HEX + b" Direct 2\n{}\n{}\n",
    ],
)
def test_bad_answers(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_answers(data, [A])


def test_an_endless_status_line_costs_no_memory() -> None:
    data = HEX + b" " * 4_000_000 + b"\n"
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            parse_answers(data, [A])
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_order_is_that_of_the_request() -> None:
    written = format_answers([(A, "erased"), (B, Given(b"{}\n{}\n", direct=True))])
    assert parse_answers(written, [A, B]) == ["erased", (b"{}\n{}\n", True)]
    with pytest.raises(Malformed):
        parse_answers(written, [B, A])
