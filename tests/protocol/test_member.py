"""A member's entry: what is written is read again, and every broken rule is named."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from protocol.encoding import format_base64
from protocol.errors import Malformed, NotAuthorized
from protocol.feed_entry import FeedEntry, FrozenHead
from protocol.member import fingerprint, parse_member
from protocol.note import VerifierKey
from protocol.roster import format_roster, parse_roster
from schemas import SchemaError
from tests.members import NOW, make_roster, public
from tests.protocol.entries import (
    BOTH,
    BRAZIL,
    NGO,
    POLICE,
    RULE,
    SCHEMAS,
    Change,
    at,
    fresh_vkey,
    roster_value,
    value_of,
    with_successor,
    without,
)


def test_the_newest_feed_of_an_audience() -> None:
    assert POLICE.entry().feed("police").origin == "police.fr.example/police"
    with pytest.raises(NotAuthorized, match="no police feed"):
        NGO.entry().feed("police")


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
