"""protocol/mirror.py: whom a feed is open to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Malformed
from protocol.mirror import MAX_READERS_BYTES, format_readers, parse_readers
from protocol.roster import MAX_MEMBERS

MEMBERS = st.lists(st.from_regex(r"[a-z]{1,9}\.example", fullmatch=True), unique=True, max_size=9)


@given(MEMBERS)
def test_readers_are_read_as_they_were_written(members: list[str]) -> None:
    assert parse_readers(format_readers(members)) == sorted(members)


def test_a_whole_roster_fits() -> None:
    members = [f"{number:03}{'x' * 55}.{'y' * 60}.{'z' * 60}.example" for number in range(MAX_MEMBERS)]
    assert parse_readers(format_readers(members)) == members


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"readers":{}}',
        b'{"readers":[1]}',
        b'{"readers":["no id"]}',
        b'{"readers":["a.example","a.example"]}',
        b'{"readers":[' + b",".join(b'"a%d.example"' % number for number in range(MAX_MEMBERS + 1)) + b"]}",
        b'{"readers":[]}' + b" " * MAX_READERS_BYTES,
    ],
)
def test_bad_readers(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_readers(data)


@given(st.binary(max_size=100))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_readers(data)
