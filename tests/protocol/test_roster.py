"""The roster: what is written is read again, and rules between its members are held."""

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import format_base64
from protocol.errors import Malformed, NotAuthorized, ProtocolError
from protocol.policy import Policy, format_policy, parse_policy
from protocol.roster import format_roster, parse_roster
from tests.members import JOINED, NOW, public
from tests.protocol.entries import (
    BRAZIL,
    POLICE,
    ROSTER,
    SCHEMAS,
    Change,
    roster_value,
)


def test_what_is_written_is_read_again() -> None:
    assert parse_roster(format_roster(ROSTER)) == ROSTER


def test_what_is_written_fits_the_schema() -> None:
    SCHEMAS.check("roster", roster_value())
    SCHEMAS.check("policy", json.loads(format_policy(Policy())))


def test_members_and_keys_are_looked_up() -> None:
    assert ROSTER.member("police.fr.example").country == "FR"
    assert ROSTER.token_key(POLICE.id, POLICE.kid, NOW) == public(POLICE.token)
    with pytest.raises(NotAuthorized, match="no member"):
        ROSTER.member("police.xx.example")
    with pytest.raises(NotAuthorized, match="no member"):
        ROSTER.token_key("police.xx.example", POLICE.kid, NOW)
    with pytest.raises(NotAuthorized, match="no such token key"):
        ROSTER.token_key(POLICE.id, BRAZIL.kid, NOW)
    with pytest.raises(NotAuthorized, match="no such token key"):
        ROSTER.token_key(POLICE.id, POLICE.kid, JOINED - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda top: top.update(schema="roster/2.0"), "must be one of"),
        (lambda top: top.update(network=""), "network"),
        (lambda top: top.update(members={}), "list of 0 to 1000"),
        (lambda top: top["members"].append(top["members"][0]), "share an id"),
        (lambda top: top["members"].append("x"), "must be an object"),
        (lambda top: top["members"][1]["token_keys"][0].update(kid=POLICE.kid), "token keys share a kid"),
        (
            lambda top: top["members"][1]["sealing_keys"][0].update(kid=f"{POLICE.id}-seal"),
            "sealing keys share a kid",
        ),
        (
            lambda top: top["members"][1]["token_keys"][0].update(public=format_base64(public(POLICE.token))),
            "stands elsewhere",
        ),
    ],
)
def test_rules_between_members(change: Change, message: str) -> None:
    value = roster_value()
    change(value)
    with pytest.raises(Malformed, match=message):
        parse_roster(json.dumps(value).encode())


def test_unknown_members_of_an_object_are_ignored() -> None:
    value = roster_value()
    value["later"] = value["members"][0]["later"] = value["members"][0]["duty"]["later"] = 1
    assert parse_roster(json.dumps(value).encode()) == ROSTER


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_protocol_errors(data: bytes) -> None:
    for parse in (parse_roster, parse_policy):
        with pytest.raises(ProtocolError):
            parse(data)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5),
    st.data(),
)
def test_any_value_anywhere_raises_only_protocol_errors(strange: Any, data: st.DataObject) -> None:
    value = roster_value()
    place: Any = value
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = strange
            break
        place = place[key]
    with suppress(ProtocolError):
        parse_roster(json.dumps(value).encode())
