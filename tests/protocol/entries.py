"""Entries of a roster, and ways to break them."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.feed_entry import FeedEntry, FrozenHead
from protocol.member import Member, format_member
from protocol.note import ED25519, VerifierKey
from protocol.roster import format_roster
from schemas import Schemas
from tests.members import MemberKeys, make_roster, public

SCHEMAS = Schemas.packaged()
POLICE = MemberKeys("police.fr.example")
NGO = MemberKeys("enfants.fr.example", kind="ngo")
BRAZIL = MemberKeys("policia.br.example", country="BR")
ROSTER = make_roster(POLICE.entry(), NGO.entry("a.b.c"), BRAZIL.entry())

Change = Callable[[dict[str, Any]], None]

BOTH = "refused by the schema too"
RULE = "a rule that only the protocol can hold"


def value_of(member: Member) -> dict[str, Any]:
    return json.loads(json.dumps(format_member(member)))


def roster_value() -> dict[str, Any]:
    return json.loads(format_roster(ROSTER))


def fresh_vkey(name: str, kind: int = ED25519) -> str:
    return VerifierKey(name, kind, public(Ed25519PrivateKey.generate())).format()


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
