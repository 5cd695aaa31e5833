"""Well-formed things with anything in any place: whatever is read raises only ProtocolError."""

import copy
import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.endorsement import (
    ENDORSEMENT_TYPE,
    WITHDRAWAL_TYPE,
    standing,
    verify_endorsement,
    verify_withdrawal,
)
from protocol.errors import ProtocolError
from protocol.joining import JOIN_TYPE, verify_join_request
from protocol.jws import format_statement, parse_statement
from protocol.member import fingerprint
from protocol.policy import parse_policy
from protocol.roster import format_roster, parse_roster
from tests.members import NOW
from tests.vectors.fixed import FOLDER, NGO, POLICE, member_keys

VECTORS = json.loads((FOLDER / "roster.json").read_bytes())
ROSTER, POLICY = (json.loads(b64decode(VECTORS[name])) for name in ("roster", "policy"))
LISTED = parse_roster(b64decode(VECTORS["roster"]))
POLICE_KEYS, NGO_KEYS = member_keys(POLICE, "law_enforcement"), member_keys(NGO, "ngo")

ODD: list[Any] = [
    *(None, True, 0, -1, 1, 1.5, 1 << 62, 253402300799, 253402300800, "", "a", "\x00", "é" * 50, "x" * 5000),
    *([], {}, [[]], [None], ["a"], {"": ""}, "+" * 30, "/", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
]


def claims_of(token: str, kind: str) -> dict[str, Any]:
    return parse_statement(token, kind, "vector", 1 << 17).claims


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a value."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def mutated(data: st.DataObject, value: Any) -> Any:
    """The value with something taken out, doubled, replaced or misspelt, up to three times."""
    value = copy.deepcopy(value)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, key = data.draw(st.sampled_from(list(places(value)) or [(None,)]))
        if key is None:
            return value
        holder = value
        for step in path:
            holder = holder[step]
        match data.draw(st.sampled_from(["remove", "double", "replace", "misspell"])):
            case "remove":
                del holder[key]
            case "double" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case "misspell" if isinstance(text := holder[key], str):
                place = data.draw(st.integers(0, len(text)))
                holder[key] = text[:place] + data.draw(st.text(max_size=2)) + text[place + 1 :]
            case _:
                holder[key] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
    return value


@given(st.data())
def test_roster(data: st.DataObject) -> None:
    try:
        roster = parse_roster(json.dumps(mutated(data, ROSTER)).encode())
    except ProtocolError:
        return
    assert parse_roster(format_roster(roster)) == roster
    for member in roster.members:
        fingerprint(member)
        standing(member, roster, [], NOW)


@given(st.data())
def test_policy(data: st.DataObject) -> None:
    with suppress(ProtocolError):
        parse_policy(json.dumps(mutated(data, POLICY)).encode())


def read_endorsement(claims: dict[str, Any]) -> None:
    token = format_statement(claims, ENDORSEMENT_TYPE, POLICE_KEYS.kid, POLICE_KEYS.token)
    verify_endorsement(token, LISTED, NOW)


def read_withdrawal(claims: dict[str, Any]) -> None:
    token = format_statement(claims, WITHDRAWAL_TYPE, POLICE_KEYS.kid, POLICE_KEYS.token)
    verify_withdrawal(token, LISTED)


def read_join_request(claims: dict[str, Any]) -> None:
    token = format_statement(claims, JOIN_TYPE, NGO_KEYS.kid, NGO_KEYS.token)
    verify_join_request(token, NOW, LISTED)


@pytest.mark.parametrize(
    ("claims", "read"),
    [
        (claims_of(VECTORS["endorsement_good"]["token"], ENDORSEMENT_TYPE), read_endorsement),
        (claims_of(VECTORS["withdrawal"]["token"], WITHDRAWAL_TYPE), read_withdrawal),
        (claims_of(VECTORS["join_request"]["token"], JOIN_TYPE), read_join_request),
        (
            claims_of(VECTORS["join_request"]["token"], JOIN_TYPE)
            | {"previous": {"kid": NGO_KEYS.kid, "signature": "AAAA"}},
            read_join_request,
        ),
    ],
    ids=["endorsement", "withdrawal", "join request", "join request vouched for"],
)
@given(st.data())
def test_statements(
    claims: dict[str, Any], read: Callable[[dict[str, Any]], None], data: st.DataObject
) -> None:
    with suppress(ProtocolError):
        read(mutated(data, claims))
