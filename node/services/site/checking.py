"""Checking what somebody brings as a proof: a proof file, a tlog-proof with its leaf, or a statement about a
case or about a document of a library.

Guarantees: nobody is asked and no node is needed: a roster, or a feed's key alone, is enough. What is
returned was signed by a key that counts now for the member that is named; whether it still holds is said
beside it. Every byte is hostile, also that of the photographs, of which nothing but the hash is taken.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from node.errors import InvalidInput
from protocol.checkpoint import verify_cosignatures
from protocol.current import MAX_CURRENT_LENGTH, Current, verify_current
from protocol.endorsement import State, standing
from protocol.errors import NotAuthorized
from protocol.jws import find_type
from protocol.member import Member
from protocol.note import VerifierKey
from protocol.proof import PROOF_HEADER, parse_proof
from protocol.proof_file import (
    Announced,
    FindFeedKeys,
    parse_proof_file,
    verify_announced,
    verify_shown,
    verify_statement,
)
from protocol.resource import MAX_RESOURCE_LENGTH, RESOURCE_TYPE, Resource, verify_resource
from protocol.roster import Roster
from protocol.token import LEEWAY

PROOF_FILE, TLOG_PROOF, STATEMENT = "proof file", "tlog-proof", "statement"

_JWT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a proof says, once it has been verified.

    Attributes:
        kind: PROOF_FILE, TLOG_PROOF or STATEMENT.
        owner: the member that signed, and its entry in the roster where there is one.
        at: when this version was announced, or called current.
        expires: the last day of the document's life; None in a statement.
        until: how long it is called current; None where no statement could be held against a key.
        witnesses: who has cosigned the head that it stands under; None in a statement.
        digest: of the whole document (32 bytes).
        photographs: SHA-256 of each that the public part names; None where there is no such part.
        stands: whether the owner's word counts now, by the roster.
        problem: why it may not be relied on now, in plain words; empty when it may.
    """

    kind: str
    owner: str
    entry: Member | None
    case_id: str
    version: int
    at: datetime
    expires: date | None
    until: datetime | None
    witnesses: tuple[str, ...] | None
    digest: bytes
    photographs: frozenset[str] | None
    stands: bool
    problem: str

    def shows(self, photograph: bytes) -> bool:
        """Tell whether these very bytes are a photograph that the public part names."""
        return hashlib.sha256(photograph).hexdigest() in (self.photographs or ())


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """What a member has said of a document of its library, once that has been verified.

    Attributes:
        owner: the member that signed.
        entry: what the roster says of it.
        at: when it signed.
        stands: whether its word counts now, by the roster.
        problem: why it may not be relied on now, in plain words; empty when it may.
    """

    owner: str
    entry: Member
    at: datetime
    resource: Resource
    stands: bool
    problem: str

    def is_about(self, document: bytes) -> bool:
        """Tell whether these very bytes are the document."""
        return hashlib.sha256(document).digest() == self.resource.digest


def is_of_document(data: bytes) -> bool:
    """Tell whether a file says that it is a statement about a document of a library."""
    fits = len(data) <= MAX_RESOURCE_LENGTH + 2 and _JWT.fullmatch(data)
    return bool(fits) and find_type(data.decode().strip(), MAX_RESOURCE_LENGTH) == RESOURCE_TYPE


def check_document(data: bytes, against: Roster | VerifierKey, now: datetime) -> CheckedDocument:
    """Check what a member has said of a document of its library.

    Its key need not be in force any more: a document outlives it (README, "Resources").

    Raises:
        ProtocolError: it is not what it says, with the rule that is broken.
        InvalidInput: it cannot be held against a feed's key.
    """
    roster = _roster_for_statement(against)
    signed = verify_resource(data.decode().strip(), roster.token_key)
    entry = roster.member(signed.issuer)
    outside = _not_standing(entry, roster, now)
    early = "It was signed in the future: check both clocks." if signed.at > now + LEEWAY else ""
    return CheckedDocument(
        owner=signed.issuer,
        entry=entry,
        at=signed.at,
        resource=signed.resource,
        stands=not outside,
        problem=outside or early,
    )


def check_proof(
    data: bytes, against: Roster | VerifierKey, now: datetime, leaf: bytes | None = None
) -> Checked:
    """Check what a file holds.

    Args:
        against: who is believed: the members of a roster, or the holder of one network feed's key.
        leaf: that of a tlog-proof which does not carry it.

    Raises:
        ProtocolError: it is not what it says, with the rule that is broken.
        InvalidInput: it is no proof at all, or one that cannot be held against a feed's key.
    """
    if data.startswith(PROOF_HEADER.encode()):
        announced = verify_announced(parse_proof(data), leaf, _feed_keys(against, now))
        return _of_leaf(TLOG_PROOF, announced, against, now)
    if data.lstrip().startswith(b"{"):
        return _check_file(data, against, now)
    if len(data) <= MAX_CURRENT_LENGTH + 2 and _JWT.fullmatch(data):
        roster = _roster_for_statement(against)
        current = verify_current(data.decode().strip(), roster.token_key_now(now))
        return _of_statement(current, roster, now)
    raise InvalidInput(
        "This is no proof: neither a proof file, nor a tlog-proof, nor a statement.",
        "Take the file as the site gives it.",
    )


def _roster_for_statement(against: Roster | VerifierKey) -> Roster:
    if isinstance(against, VerifierKey):
        raise InvalidInput(
            "A statement is signed with another key than a feed's.",
            "Name a roster, or the folder of a node, with --against.",
        )
    return against


def _check_file(data: bytes, against: Roster | VerifierKey, now: datetime) -> Checked:
    file = parse_proof_file(data)
    announced, parts = verify_shown(file, _feed_keys(against, now))
    current = None
    if isinstance(against, Roster):
        current = verify_statement(file, announced, against.token_key_now(now))
    photographs = frozenset(_hashes(parts["public"]))
    return _of_leaf(PROOF_FILE, announced, against, now, current, photographs)


def _of_leaf(
    kind: str,
    announced: Announced,
    against: Roster | VerifierKey,
    now: datetime,
    current: Current | None = None,
    photographs: frozenset[str] | None = None,
) -> Checked:
    leaf, entry = announced.leaf, _entry(against, announced.owner)
    outside = _not_standing(entry, against, now)
    over = f"Its life was over at the end of {leaf.expires}." if leaf.expires < now.date() else ""
    return Checked(
        kind=kind,
        owner=announced.owner,
        entry=entry,
        case_id=leaf.case,
        version=leaf.version,
        at=leaf.at,
        expires=leaf.expires,
        until=current.until if current else None,
        witnesses=_cosigners(announced, against, now),
        digest=announced.digest,
        photographs=photographs,
        stands=not outside,
        problem=outside or _frozen(entry) or _run_out(current, now) or over,
    )


def _of_statement(current: Current, against: Roster, now: datetime) -> Checked:
    entry = against.member(current.issuer)
    outside = _not_standing(entry, against, now)
    return Checked(
        kind=STATEMENT,
        owner=current.issuer,
        entry=entry,
        case_id=current.case,
        version=current.version,
        at=current.at,
        expires=None,
        until=current.until,
        witnesses=None,
        digest=current.digest,
        photographs=None,
        stands=not outside,
        problem=outside or _run_out(current, now),
    )


def _entry(against: Roster | VerifierKey, owner: str) -> Member | None:
    return against.member(owner) if isinstance(against, Roster) else None


def _not_standing(entry: Member | None, against: Roster | VerifierKey, now: datetime) -> str:
    """Say why a member's word does not count now; nothing where it does, or no roster tells."""
    if entry is None or isinstance(against, VerifierKey):
        return ""
    stands = standing(entry, against, (), now)
    return "" if stands.state is State.ACTIVE else f"Its owner's word does not count now: {stands.reason}."


def _frozen(entry: Member | None) -> str:
    """Say why no head of a feed counts: the network has frozen it. Also one smaller than where the feed ends
    may be of whoever stole its keys: without the log nobody can tell."""
    if entry is None or entry.feed("network").frozen is None:
        return ""
    return "The network has frozen its owner's feed: others may have its keys."


def _run_out(current: Current | None, now: datetime) -> str:
    """Say why a statement does not hold now; nothing where it does, or there is none."""
    try:
        if current is not None:
            current.check_holds(now)
    except NotAuthorized as error:
        return f"It is not called current now: {error}."
    return ""


def _feed_keys(against: Roster | VerifierKey, now: datetime) -> FindFeedKeys:
    if isinstance(against, VerifierKey):
        return lambda member: [against]
    return lambda member: against.member(member).feed("network").keys_at(now)


def _cosigners(announced: Announced, against: Roster | VerifierKey, now: datetime) -> tuple[str, ...]:
    """Name the other members that have cosigned a head; nobody where there is no roster to know them by."""
    members: Sequence[Member] = against.members if isinstance(against, Roster) else ()
    keys = [key for member in members if member.id != announced.owner for key in member.cosigners_at(now)]
    return tuple(sorted(each.key.name for each in verify_cosignatures(announced.note, keys)))


def _hashes(value: Any) -> Iterator[str]:
    """Find the hashes of the renditions that a part names, wherever in it; it may be of any form."""
    if isinstance(value, dict):
        if isinstance(found := value.get("sha256"), str):
            yield found
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _hashes(item)
