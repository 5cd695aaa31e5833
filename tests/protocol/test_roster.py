"""The roster and the policy: what is written is read again, and every broken rule is named."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import format_base64
from protocol.errors import Malformed, NotAuthorized, ProtocolError
from protocol.feed_entry import FeedEntry, FrozenHead
from protocol.member import Member, fingerprint, format_member, parse_member
from protocol.member_keys import TokenKey, check_public_key
from protocol.note import ED25519, VerifierKey
from protocol.policy import Limits, Policy, check_policy, format_policy, parse_policy
from protocol.roster import format_roster, parse_roster
from schemas import SchemaError, Schemas
from tests.members import JOINED, NOW, MemberKeys, make_roster, public

SCHEMAS = Schemas.packaged()
POLICE = MemberKeys("police.fr.example")
NGO = MemberKeys("enfants.fr.example", kind="ngo")
BRAZIL = MemberKeys("policia.br.example", country="BR")
ROSTER = make_roster(POLICE.entry(), NGO.entry("a.b.c"), BRAZIL.entry())

Change = Callable[[dict[str, Any]], None]


def value_of(member: Member) -> dict[str, Any]:
    return json.loads(json.dumps(format_member(member)))


def roster_value() -> dict[str, Any]:
    return json.loads(format_roster(ROSTER))


def fresh_vkey(name: str, kind: int = ED25519) -> str:
    return VerifierKey(name, kind, public(Ed25519PrivateKey.generate())).format()


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


def test_the_newest_feed_of_an_audience() -> None:
    assert POLICE.entry().feed("police").origin == "police.fr.example/police"
    with pytest.raises(NotAuthorized, match="no police feed"):
        NGO.entry().feed("police")


def test_a_token_key_has_a_term() -> None:
    key = TokenKey("k", bytes(32), JOINED, JOINED + timedelta(days=1))
    assert key.valid_at(JOINED)
    assert not key.valid_at(JOINED + timedelta(days=1))
    entry = replace(POLICE.entry(), token_keys=(replace(POLICE.entry().token_keys[0], until=NOW),))
    assert parse_member(value_of(entry)) == entry


def with_successor() -> Member:
    first, police = POLICE.entry().feeds
    origin = f"{POLICE.id}/network/2"
    frozen = replace(first, state="frozen", frozen=FrozenHead(5, bytes(32)))
    # The same key may go on signing: what it signs names the origin.
    successor = FeedEntry(
        "network",
        origin,
        (VerifierKey(origin, ED25519, public(POLICE.feeds["network"])),),
        succeeds=first.origin,
    )
    return replace(POLICE.entry(), feeds=(frozen, police, successor))


def test_a_frozen_feed_has_a_successor() -> None:
    member = with_successor()
    assert parse_member(value_of(member)) == member
    assert member.feed("network").origin == "police.fr.example/network/2"
    SCHEMAS.check("roster", json.loads(format_roster(make_roster(member))))
    third = f"{POLICE.id}/network/3"
    frozen_again = replace(member.feeds[2], state="frozen", frozen=FrozenHead(0, bytes(32)))
    newest = FeedEntry(
        "network", third, (VerifierKey.parse(fresh_vkey(third)),), succeeds=frozen_again.origin
    )
    chain = replace(member, feeds=(*member.feeds[:2], frozen_again, newest))
    assert parse_member(value_of(chain)).feed("network") == newest


def change_feed(index: int, **changes: Any) -> Change:
    return lambda member: member["feeds"][index].update(changes)


def at(path: str, value: Any) -> Change:
    """Set one place of a member's entry, such as `duty.phone`."""

    def change(member: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for step in way:
            member = member[int(step)] if isinstance(member, list) else member[step]
        member[int(last) if isinstance(member, list) else last] = value

    return change


def without(path: str) -> Change:
    def change(member: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for step in way:
            member = member[step]
        del member[last]

    return change


BOTH = "refused by the schema too"
RULE = "a rule that only the protocol can hold"
BAD_MEMBERS: list[tuple[Change, str, str]] = [
    (without("id"), "id is missing", BOTH),
    (at("id", "police"), "not of the form", BOTH),
    (at("id", "Police.fr.example"), "not of the form", BOTH),
    (at("id", "../etc"), "not of the form", BOTH),
    (at("id", "a." * 95 + "example"), "1 to 190", BOTH),
    (at("id", 5), "must be a text", BOTH),
    (at("country", "fr"), "not of the form", BOTH),
    (at("kind", "army"), "must be one of", BOTH),
    (at("kind", {}), "must be one of", BOTH),
    (at("state", "asleep"), "must be one of", BOTH),
    (at("names", {}), "from one name to 40", BOTH),
    (at("names", {f"en-{n:03}": "x" for n in range(41)}), "from one name to 40", BOTH),
    (at("names", []), "must be an object", BOTH),
    (at("names", {"english": "x"}), "language tag", BOTH),
    (at("names", {"en" + "-abcde" * 7: "x"}), "language tag", BOTH),
    (at("names", {"en": "x\ny"}), "printable", BOTH),
    (at("names", {"en": ""}), "1 to 200", BOTH),
    (at("address", "http://node.police.fr.example"), "https", BOTH),
    (at("address", "https://user@node.example"), "https", BOTH),
    (at("address", "https://node.example?x=1"), "https", BOTH),
    (at("address", "https://node.example#x"), "https", BOTH),
    (at("address", "https://node.example/"), "https", BOTH),
    (at("address", "https://node.example:99999"), "no such port", RULE),
    (at("site", "http://missing.police.fr.example"), "https", BOTH),
    (at("site", "javascript:alert(1)"), "https", BOTH),
    (at("site", "https://missing.example/"), "https", BOTH),
    (at("site", None), "printable", BOTH),
    (at("duty.phone", "0144556677"), "not of the form", BOTH),
    (at("duty.email", "duty"), "not of the form", BOTH),
    (at("duty.languages", []), "list of 1 to 32", BOTH),
    (at("duty.languages", [7]), "language tag", BOTH),
    (at("duty", "x"), "must be an object", BOTH),
    (at("feeds", []), "list of 1", BOTH),
    (at("feeds", {}), "list of 1", BOTH),
    (at("feeds.0.audience", "press"), "must be one of", BOTH),
    (at("feeds.0.vkeys", [5]), "verifier key", BOTH),
    (at("feeds.0.vkeys", ["nonsense"]), "verifier key", BOTH),
    (at("feeds.0.state", "frozen"), "frozen stands exactly", BOTH),
    (at("feeds.0.frozen", {"size": 1, "root": "00" * 32}), "frozen stands exactly", BOTH),
    (change_feed(0, state="frozen", frozen={"size": -1, "root": "00" * 32}), "whole number", BOTH),
    (change_feed(0, state="frozen", frozen={"size": True, "root": "00" * 32}), "whole number", BOTH),
    (change_feed(0, state="frozen", frozen={"size": 1, "root": "AA" * 32}), "hexadecimal", BOTH),
    (at("token_keys", []), "list of 1", BOTH),
    (at("token_keys.0.kid", "a b"), "not of the form", BOTH),
    (at("token_keys.0.public", format_base64(bytes(31))), "must hold 32", BOTH),
    (at("token_keys.0.from", "yesterday"), "not a time", BOTH),
    (at("token_keys.0.until", "2025-01-01T00:00:00Z"), "ends before", RULE),
    (at("token_keys.0.public", format_base64(bytes(32))), "small order", RULE),
    (at("token_keys.0.public", format_base64(b"\x01" + bytes(31))), "small order", RULE),
    (at("token_keys.0.public", format_base64(b"\xff" * 32)), "not an Ed25519 key", RULE),
    (at("cosigner", 5), "verifier key", BOTH),
    (at("cosigner", fresh_vkey(POLICE.id)), "of kind 04", RULE),
    (at("cosigner", fresh_vkey("police.br.example", 4)), "named by the member's id", RULE),
    (at("sealing_keys.0.public", format_base64(bytes(100))), "must hold 1216", BOTH),
    (at("sealing_keys.0.public", format_base64(b"\xff" * 1216)), "not an ML-KEM", RULE),
    (
        at("sealing_keys.0.public", format_base64(POLICE.entry().sealing_keys[0].public[:1184] + bytes(32))),
        "small order",
        RULE,
    ),
    (at("endorsement", "a.b.c"), "only an NGO", BOTH),
    (at("removed_at", "2026-01-01T00:00:00Z"), "removed_at", BOTH),
    (at("state", "removed"), "removed_at", BOTH),
    (at("joined", 5), "not a time", BOTH),
    (at("feeds.0.origin", "police.br.example/network"), "continue", RULE),
    (at("feeds.0.succeeds", "police.fr.example/network"), "continue", RULE),
    (at("feeds.0.vkeys", [fresh_vkey("police.fr.example/police")]), "named by the origin", RULE),
    (at("kind", "ngo"), "audiences network", RULE),
    (lambda member: member["feeds"].pop(), "audiences network, police", RULE),
    (lambda member: member["feeds"].append(deepcopy(member["feeds"][0])), "continue", RULE),
    (
        lambda member: member["feeds"].append(
            {
                "audience": "network",
                "origin": "police.fr.example/network/2",
                "vkeys": [fresh_vkey("police.fr.example/network/2")],
                "state": "active",
                "succeeds": "police.fr.example/network",
            }
        ),
        "only a frozen feed",
        RULE,
    ),
    (
        lambda member: member["token_keys"][0].update(public=format_base64(public(POLICE.feeds["police"]))),
        "stands elsewhere",
        RULE,
    ),
]


@pytest.mark.parametrize(("change", "message", "where"), BAD_MEMBERS)
def test_a_broken_rule_is_named(change: Change, message: str, where: str) -> None:
    value = roster_value()
    change(value["members"][0])
    with pytest.raises(Malformed, match=message):
        parse_roster(json.dumps(value).encode())
    if where == BOTH:
        with pytest.raises(SchemaError):
            SCHEMAS.check("roster", value)
    else:
        SCHEMAS.check("roster", value)


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example",
        "https://a.example:8443/node",
        "http://127.0.0.1:8440",
        "http://localhost:1/x",
        "http://[::1]",
    ],
)
def test_addresses_that_are_taken(address: str) -> None:
    entry = replace(POLICE.entry(), address=address, site=address)
    assert parse_member(value_of(entry)) == entry
    SCHEMAS.check("roster", json.loads(format_roster(make_roster(entry))))


def test_a_removed_member_says_when() -> None:
    entry = replace(POLICE.entry(), state="removed", removed_at=NOW)
    assert parse_member(value_of(entry)) == entry


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


def test_the_fingerprint_changes_with_address_and_keys_and_with_nothing_else() -> None:
    entry = POLICE.entry()
    known = fingerprint(entry)
    assert len(known) == 39
    assert known.count("-") == 7
    renamed = replace(entry, names={"en": "x"}, state="suspended", joined=NOW)
    assert fingerprint(renamed) == known
    for other in [
        replace(entry, address="https://elsewhere.example"),
        replace(entry, site="https://elsewhere.example"),
        replace(entry, kind="ngo"),
        replace(entry, country="BR"),
        replace(entry, cosigner=BRAZIL.entry().cosigner),
        replace(entry, sealing_keys=BRAZIL.entry().sealing_keys),
        replace(entry, token_keys=BRAZIL.entry().token_keys),
        replace(entry, token_keys=(replace(entry.token_keys[0], until=NOW),)),
        replace(entry, feeds=BRAZIL.entry().feeds),
        with_successor(),
    ]:
        assert fingerprint(other) != known


@pytest.mark.parametrize(
    "encoded",
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ],
)
def test_points_of_small_order_are_no_keys(encoded: str) -> None:
    with pytest.raises(Malformed):
        check_public_key(bytes.fromhex(encoded), "key")


def test_ordinary_keys_pass() -> None:
    for _ in range(50):
        check_public_key(public(Ed25519PrivateKey.generate()), "key")


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
