"""protocol/document.py: parts, digests, and the head that repeats the leaf."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.document import (
    MAX_DOCUMENT_BYTES,
    digest_document,
    digest_parts,
    format_document,
    split_document,
    verify_document,
)
from protocol.encoding import format_json, format_time
from protocol.errors import BadProof, Malformed, ProtocolError
from protocol.leaf import Leaf
from tests.protocol.naive import erase, put, sha256

SALTS = [bytes([number]) * 32 for number in range(3)]


def head(leaf: Leaf, **changes: Any) -> dict[str, Any]:
    """The head that a leaf asks for."""
    members = {
        "schema": "summary/1.0",
        "case": leaf.case,
        "version": leaf.version,
        "issuer": leaf.case.partition("/")[0],
        "issued_at": "2026-11-01T00:00:00Z",
        "updated_at": format_time(leaf.at),
        "expires_at": leaf.expires.isoformat(),
    }
    return members | changes


def summary(**changes: Any) -> bytes:
    parts = {"head": head(put(), **changes), "public": {"sex": 2}, "network": {"birth": "2014~"}}
    return format_document(parts, SALTS)


def leaf_of(data: bytes) -> Leaf:
    return put(digest=digest_document(data))


def test_summary() -> None:
    data = summary()
    document = verify_document(data, leaf_of(data), "network")
    assert document.data == data
    assert list(document.parts) == ["head", "public", "network"]
    assert document.parts["public"]["sex"] == 2


def test_supplement() -> None:
    parts = {"head": head(put(), schema="supplement/1.0"), "police": {"reference": "A 1"}}
    data = format_document(parts, SALTS[:2])
    assert list(verify_document(data, leaf_of(data), "police").parts) == ["head", "police"]


def test_digest_is_the_one_of_the_specification() -> None:
    data = summary()
    lines = data.split(b"\n")[:3]
    expected = sha256(b"gmcn/document/v1\n", *(hashlib.sha256(line).digest() for line in lines))
    assert digest_document(data) == expected
    assert leaf_of(data).digest == expected


def test_a_part_can_be_withheld() -> None:
    data = summary()
    shown, public, hidden = split_document(data)
    assert digest_parts([sha256(shown), sha256(public), sha256(hidden)]) == digest_document(data)


def test_bytes_are_kept_as_they_are() -> None:
    spaced = b'{ "salt": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "later": [1.50, "\\u00e9"] }'
    data = b"\n".join([*split_document(summary())[:2], spaced, b""])
    document = verify_document(data, leaf_of(data), "network")
    assert document.data == data
    assert document.parts["network"]["later"] == [1.5, "é"]


@given(st.binary(max_size=300))
def test_any_bytes_as_document(data: bytes) -> None:
    try:
        digest = digest_document(data)
    except Malformed:
        digest = bytes(32)
    with pytest.raises(ProtocolError):
        verify_document(data, put(digest=digest), "network")


@given(st.lists(st.binary(max_size=50).filter(lambda line: b"\n" not in line), min_size=2, max_size=3))
def test_any_lines_with_the_right_digest(lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    with pytest.raises(Malformed):
        verify_document(data, leaf_of(data), "network")


@given(st.data())
def test_a_changed_byte_changes_the_digest(data: st.DataObject) -> None:
    whole = bytearray(summary())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((BadProof, Malformed)):
        verify_document(bytes(whole), leaf_of(summary()), "network")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b"{}\n{}",
        b"{}\n{}\n{}\n{}\n",
        pytest.param(b"\n" * MAX_DOCUMENT_BYTES, id="newlines"),
        pytest.param(b"x" * MAX_DOCUMENT_BYTES + b"\n\n", id="long"),
    ],
)
def test_bad_lines(data: bytes) -> None:
    with pytest.raises(Malformed):
        split_document(data)
    with pytest.raises(Malformed):
        digest_document(data)


@pytest.mark.parametrize("audience", ["network", "police", "", "other"])
@pytest.mark.parametrize(
    "schema",
    [
        "summary",
        "summary/1",
        "summary/1.",
        "summary/1.0.0",
        "summary/1.x",
        "summary/01.0",
        "summary/2.0",
        1,
        None,
    ],
)
def test_schemas_of_no_feed(schema: Any, audience: str) -> None:
    data = summary(schema=schema)
    with pytest.raises(Malformed, match="schema"):
        verify_document(data, leaf_of(data), audience)


def test_schemas_of_another_feed() -> None:
    with pytest.raises(Malformed, match="schema"):
        verify_document(summary(), leaf_of(summary()), "police")
    data = summary(schema="supplement/1.0")
    with pytest.raises(Malformed, match="schema"):
        verify_document(data, leaf_of(data), "network")


def test_a_later_minor_version_is_read() -> None:
    data = summary(schema="summary/1.12")
    assert verify_document(data, leaf_of(data), "network").parts["head"]["schema"] == "summary/1.12"


def test_wrong_number_of_parts() -> None:
    data = b"".join(line + b"\n" for line in split_document(summary())[:2])
    with pytest.raises(Malformed, match="parts"):
        verify_document(data, leaf_of(data), "network")


@pytest.mark.parametrize("salt", [None, "", "AAAA", 5, ["A"]])
def test_bad_salt(salt: Any) -> None:
    lines = split_document(summary())
    part = json.loads(lines[1]) | {"salt": salt}
    data = b"".join(line + b"\n" for line in (lines[0], format_json(part), lines[2]))
    with pytest.raises(Malformed, match="salt"):
        verify_document(data, leaf_of(data), "network")


def test_missing_salt() -> None:
    data = b"\n".join([*split_document(summary())[:2], b"{}", b""])
    with pytest.raises(Malformed, match="salt"):
        verify_document(data, leaf_of(data), "network")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("case", "police.fr.example/" + "b" * 26),
        ("case", None),
        ("version", 2),
        ("version", 1.0),
        ("version", True),
        ("version", "1"),
        ("issuer", "police.de.example"),
        ("issuer", None),
        ("expires_at", "2027-05-21"),
        ("expires_at", "2027-05-20T00:00:00Z"),
        ("updated_at", "2026-11-21T20:14:01Z"),
        ("updated_at", "2026-11-21T22:14:00+02:00"),
        ("updated_at", None),
        ("issued_at", "2026-11-21T20:14:01Z"),
        ("issued_at", "2026-11-01T00:00:00"),
        ("issued_at", None),
    ],
)
def test_a_head_that_says_otherwise(member: str, value: Any) -> None:
    data = summary(**{member: value})
    with pytest.raises(Malformed, match=f"head.{member}"):
        verify_document(data, leaf_of(data), "network")


def test_a_leaf_that_says_otherwise() -> None:
    data = summary()
    leaf = leaf_of(data)
    verify_document(data, leaf, "network")
    for other in (
        replace(leaf, version=2),
        replace(leaf, case=leaf.case[:-1] + "b"),
        replace(leaf, expires=leaf.expires + timedelta(days=1)),
        replace(leaf, at=leaf.at + timedelta(seconds=1)),
    ):
        with pytest.raises(Malformed):
            verify_document(data, other, "network")
    with pytest.raises(BadProof):
        verify_document(data, put(), "network")
    with pytest.raises(BadProof):
        verify_document(data, erase(), "network")


def test_writing_asks_for_a_salt_a_part() -> None:
    with pytest.raises(ValueError, match="shorter"):
        format_document({"head": {}, "public": {}}, SALTS[:1])
