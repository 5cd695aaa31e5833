"""protocol/leaf.py: one leaf, and how leaves follow each other."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Malformed, NotAuthorized, ProtocolError, Rollback
from protocol.leaf import ERASE, MAX_LIFE, PUT, CaseState, Leaf, check_case_id, follow, parse_leaf
from tests.protocol.naive import AT, EXPIRES, MEMBER, case_id, erase, put

DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31) - MAX_LIFE)
LEAVES = st.builds(
    lambda kind, number, version, day, life, seconds, nonce: Leaf(
        kind,
        case_id(number),
        version,
        b"d" * 32 if kind == PUT else None,
        day + timedelta(days=life),
        datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds),
        nonce,
    ),
    st.sampled_from([PUT, ERASE]),
    st.integers(0, 1 << 130),
    st.integers(1, (1 << 53) - 1),
    DAYS,
    st.integers(0, MAX_LIFE.days),
    st.integers(0, 86399),
    st.binary(min_size=16, max_size=16),
)


@given(LEAVES)
def test_leaf_is_read_as_it_was_written(leaf: Leaf) -> None:
    assert parse_leaf(leaf.format(), MEMBER) == leaf


def test_form_on_the_wire() -> None:
    assert erase().format() == (
        b'{"kind":"erase","case":"police.fr.example/aaaaaaaaaaaaaaaaaaaaaaaaaa","version":2,'
        b'"expires":"2027-05-20","at":"2026-11-21T20:14:00Z","nonce":"' + erase().format()[-26:]
    )
    assert list(json.loads(put().format())) == ["kind", "case", "version", "digest", "expires", "at", "nonce"]


@given(st.binary(max_size=200))
def test_any_bytes_as_leaf(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_leaf(data, MEMBER)


@given(
    st.sampled_from(["kind", "case", "version", "digest", "expires", "at", "nonce"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2),
)
def test_any_value_in_any_place(name: str, value: Any) -> None:
    members = json.loads(put().format())
    members[name] = value
    try:
        leaf = parse_leaf(json.dumps(members).encode(), MEMBER)
    except ProtocolError:
        return
    assert leaf is None or leaf.format() == json.dumps(members, separators=(",", ":")).encode()


def changed(**members: Any) -> Callable[[dict[str, Any]], None]:
    def change(leaf: dict[str, Any]) -> None:
        leaf.update(members)

    return change


def without(name: str) -> Callable[[dict[str, Any]], None]:
    def change(leaf: dict[str, Any]) -> None:
        del leaf[name]

    return change


@pytest.mark.parametrize(
    "change",
    [
        without("kind"),
        changed(kind=""),
        changed(kind=None),
        changed(kind=["put"]),
        changed(kind="erase"),
        without("case"),
        changed(case=1),
        changed(case=MEMBER),
        changed(case=f"{MEMBER}/../aaaaaaaaaaaaaaaaaaaaaaa"),
        changed(case=f"{MEMBER}/{'a' * 25}"),
        changed(case=f"{MEMBER}/{'a' * 27}"),
        changed(case=f"{MEMBER}/{'A' * 26}"),
        changed(case=f"{MEMBER}/{'1' * 26}"),
        changed(case=f"{MEMBER}/{'a' * 26}\n"),
        changed(case=f"Police.fr.example/{'a' * 26}"),
        changed(case=f"localhost/{'a' * 26}"),
        changed(case=f"-a.example/{'a' * 26}"),
        changed(case=f"a..example/{'a' * 26}"),
        without("version"),
        changed(version=0),
        changed(version=-1),
        changed(version=1.0),
        changed(version=True),
        changed(version="1"),
        changed(version=1 << 53),
        without("digest"),
        changed(digest=None),
        changed(digest="D" * 64),
        changed(digest="d" * 63),
        without("expires"),
        changed(expires="2027-02-30"),
        changed(expires="2027-05-20T00:00:00Z"),
        changed(expires="2026-11-20"),
        changed(expires=(AT.date() + MAX_LIFE + timedelta(days=1)).isoformat()),
        changed(expires="9999-12-31"),
        without("at"),
        changed(at="2026-11-21T20:14:00+00:00"),
        changed(at="2026-11-21T24:00:00Z"),
        without("nonce"),
        changed(nonce="AAAA"),
        changed(nonce=5),
        changed(filler="x" * 1024),
    ],
)
def test_bad_leaves(change: Callable[[dict[str, Any]], None]) -> None:
    members = json.loads(put().format())
    change(members)
    with pytest.raises(Malformed):
        parse_leaf(json.dumps(members, separators=(",", ":")).encode(), MEMBER)


def test_the_last_days_of_the_calendar_do_not_overflow() -> None:
    members = json.loads(put().format()) | {"at": "9999-06-01T00:00:00Z", "expires": "9999-12-31"}
    leaf = parse_leaf(json.dumps(members).encode(), MEMBER)
    assert leaf
    assert leaf.expires == date(9999, 12, 31)


def test_an_erase_with_a_digest() -> None:
    members = json.loads(erase().format()) | {"digest": "d" * 64}
    with pytest.raises(Malformed):
        parse_leaf(json.dumps(members).encode(), MEMBER)


def test_a_case_of_another_member() -> None:
    leaf = replace(put(), case=case_id(1, "police.de.example"))
    with pytest.raises(NotAuthorized):
        parse_leaf(leaf.format(), MEMBER)
    with pytest.raises(NotAuthorized):
        check_case_id(leaf.case, MEMBER)
    check_case_id(leaf.case, "police.de.example")


def test_a_long_id_takes_linear_time() -> None:
    for hostile in ("a." * 500_000, "a-" * 500_000, "a" * 1_000_000 + "/"):
        with pytest.raises(Malformed):
            check_case_id(hostile, MEMBER)


def test_forward_rule() -> None:
    members = json.loads(put().format()) | {"later": {"a": [1]}}
    assert parse_leaf(json.dumps(members).encode(), MEMBER) == put()
    assert parse_leaf(b'{"kind":"merge","case":5}', MEMBER) is None


def test_a_history() -> None:
    first = follow(None, put(version=1), 7)
    assert first == CaseState(1, put(version=1).digest, EXPIRES, 7)
    assert not first.erased
    later = EXPIRES + timedelta(days=30)
    second = follow(first, put(version=2, expires=later), 9)
    assert second == CaseState(2, put(version=2).digest, later, 9)
    gone = follow(second, erase(version=3, expires=later), 12)
    assert gone == CaseState(3, None, later, 12)
    assert gone.erased


@pytest.mark.parametrize(
    ("current", "leaf", "error"),
    [
        (None, put(version=2), Rollback),
        (None, erase(version=1), NotAuthorized),
        (CaseState(1, b"d", EXPIRES, 0), put(version=1), Rollback),
        (CaseState(2, b"d", EXPIRES, 0), put(version=1), Rollback),
        (CaseState(1, b"d", EXPIRES, 0), put(version=3), Rollback),
        (CaseState(1, b"d", EXPIRES, 0), erase(version=3), Rollback),
        (CaseState(1, b"d", EXPIRES, 0), put(version=2, expires=EXPIRES - timedelta(days=1)), Rollback),
        (CaseState(1, b"d", EXPIRES, 0), erase(version=2, expires=EXPIRES - timedelta(days=1)), Rollback),
        (CaseState(2, None, EXPIRES, 0), put(version=3), NotAuthorized),
        (CaseState(2, None, EXPIRES, 0), erase(version=3), NotAuthorized),
    ],
)
def test_leaves_that_do_not_follow(current: CaseState | None, leaf: Leaf, error: type[Exception]) -> None:
    with pytest.raises(error):
        follow(current, leaf, 1)
