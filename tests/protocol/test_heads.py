"""protocol/heads.py: what members say about everybody's heads, and hostile bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Malformed
from protocol.heads import MAX_EVIDENCE, MAX_HEADS, MAX_HEADS_BYTES, Heads, format_heads, parse_heads

TEXTS = st.lists(st.text(st.characters(codec="utf-8")).map(str.encode), max_size=5).map(tuple)


@given(TEXTS, TEXTS)
def test_it_is_read_as_it_was_written(notes: tuple[bytes, ...], evidence: tuple[bytes, ...]) -> None:
    assert parse_heads(format_heads(notes, evidence)) == Heads(notes, evidence)


def test_a_later_minor_version_may_add_members() -> None:
    assert parse_heads(b'{"heads":["a"],"evidence":[],"more":1}') == Heads((b"a",), ())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"heads":[]}',
        b'{"evidence":[]}',
        b'{"heads":{},"evidence":[]}',
        b'{"heads":[5],"evidence":[]}',
        b'{"heads":[],"evidence":[null]}',
        b'{"heads":[],"evidence":[],"evidence":[]}',
        json.dumps({"heads": [""] * (MAX_HEADS + 1), "evidence": []}).encode(),
        json.dumps({"heads": [], "evidence": [""] * (MAX_EVIDENCE + 1)}).encode(),
        b'{"heads":[],"evidence":[]}' + b" " * MAX_HEADS_BYTES,
    ],
)
def test_bad_answers(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_heads(data)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_heads(data)
