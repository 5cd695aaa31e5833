"""The policy: what is written is read again, and every broken rule is named."""

import json
from dataclasses import replace

import pytest

from protocol.errors import Malformed, NotAuthorized
from protocol.policy import Limits, Policy, check_policy, format_policy, parse_policy
from schemas import SchemaError
from tests.members import make_roster
from tests.protocol.entries import (
    BOTH,
    BRAZIL,
    NGO,
    POLICE,
    ROSTER,
    RULE,
    SCHEMAS,
    Change,
    at,
    without,
)

POLICY = Policy(
    exercise=True,
    witnesses={"network": (POLICE.id, NGO.id), "police": (POLICE.id, BRAZIL.id)},
    quorum={"network": 1, "police": 2},
    limits=Limits(document_bytes=8192),
)


def test_a_policy_is_read_as_written() -> None:
    assert parse_policy(format_policy(POLICY)) == POLICY
    SCHEMAS.check("policy", json.loads(format_policy(POLICY)))
    check_policy(POLICY, ROSTER)


@pytest.mark.parametrize(
    ("change", "message", "where"),
    [
        (at("schema", "policy/2.0"), "must be one of", BOTH),
        (at("exercise", 1), "true or false", BOTH),
        (at("summary_life_days", 731), "from 1 to 730", BOTH),
        (at("summary_life_days", 1.5), "from 1 to 730", BOTH),
        (at("witnesses.network", [5]), "not a member id", BOTH),
        (at("witnesses.network", ["x"]), "not a member id", BOTH),
        (at("witnesses.network", ["a." * 100 + "example"]), "not a member id", BOTH),
        (at("witnesses.network", [POLICE.id, POLICE.id]), "stands twice", BOTH),
        (at("quorum.network", 3), "more than there are", RULE),
        (at("limits.small_photo_bytes", 1), "from 1024", BOTH),
        (at("limits.document_bytes", 65537), "to 65536", BOTH),
        (without("limits"), "limits is missing", BOTH),
    ],
)
def test_a_policy_out_of_bounds_is_refused(change: Change, message: str, where: str) -> None:
    value = json.loads(format_policy(POLICY))
    change(value)
    with pytest.raises(Malformed, match=message):
        parse_policy(json.dumps(value).encode())
    if where == BOTH:
        with pytest.raises(SchemaError):
            SCHEMAS.check("policy", value)


def test_witnesses_must_be_able_to_see() -> None:
    with pytest.raises(NotAuthorized, match="no member"):
        check_policy(replace(POLICY, witnesses={"network": ("a.example",), "police": ()}), ROSTER)
    with pytest.raises(NotAuthorized, match="cannot be a witness of police"):
        check_policy(replace(POLICY, witnesses={"network": (), "police": (NGO.id,)}), ROSTER)
    suspended = make_roster(replace(POLICE.entry(), state="suspended"), NGO.entry(), BRAZIL.entry())
    with pytest.raises(NotAuthorized, match="cannot be a witness of network"):
        check_policy(POLICY, suspended)
