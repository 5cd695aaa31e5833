"""A member of the network: who it is, where its node answers, its feeds and keys.

Guarantees: whatever is in a `Member` obeys the structural rules of the specification: it has exactly the
feeds of its kind, only a frozen feed has a successor, and no key of its serves two purposes. Specification:
README, "Roster and endorsements".
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from protocol.encoding import format_base64, format_time
from protocol.errors import Malformed, NotAuthorized
from protocol.feed_entry import Audience, FeedEntry, format_feed, parse_feed, successor_origin
from protocol.fields import Fields, check_unique
from protocol.member_keys import (
    RetiredKey,
    SealingKey,
    TokenKey,
    format_retired,
    format_sealing_key,
    format_token_key,
    not_ended,
    parse_retired,
    parse_sealing_key,
    parse_token_key,
    parse_vkey,
)
from protocol.note import COSIGNATURE, VerifierKey

Kind = Literal["law_enforcement", "ngo"]
MemberState = Literal["active", "suspended", "removed"]

AUDIENCES_OF: Mapping[Kind, tuple[Audience, ...]] = {
    "law_enforcement": ("network", "police"),
    "ngo": ("network",),
}
"""The feeds that a member of each kind has: all of them, even when empty."""

MAX_NAMES = 40
MAX_TOKEN_KEYS = 16
MAX_SEALING_KEYS = 8
MAX_ENDORSEMENT = 4096
"""The most characters of an endorsement."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
MEMBER_ID = rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
"""The form of a member id as a regular expression (README, "Words")."""

_MEMBER = re.compile(MEMBER_ID, re.ASCII)
MAX_MEMBER_ID = 190  # characters: an origin stays a legal key name
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_LANGUAGE = re.compile(
    r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*",
    re.ASCII,
)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_EMAIL = re.compile(rf"[A-Za-z0-9._%+-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+", re.ASCII)
# No `@`, `?` or `#` can stand in either form: no user, query or fragment reaches a request line.
_PORT_AND_PATH = r"(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~-]+)*"
_HTTPS = re.compile(rf"https://{_LABEL}(?:\.{_LABEL})*{_PORT_AND_PATH}", re.ASCII)
_LOOPBACK = re.compile(rf"http://(?:127(?:\.[0-9]{{1,3}}){{3}}|localhost|\[::1\]){_PORT_AND_PATH}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Duty:
    """Who answers at any hour. `phone` is E.164, `languages` are BCP 47 tags, `hours` are plain words."""

    phone: str
    email: str
    languages: tuple[str, ...]
    hours: str


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation in the network.

    Attributes:
        id: its DNS domain in lower case.
        country: ISO 3166-1 alpha-2.
        names: by BCP 47 tag.
        address: where its node answers, without a slash at the end.
        feeds: all that it ever had, oldest first in each audience.
        token_keys, sealing_keys: the last one is in use.
        cosigner: the key of its cosignatures, named by its id.
        endorsement: for an NGO, the statement of a law-enforcement member of its country, not yet verified.
        retired_cosigners: keys of its cosignatures that were replaced; see `cosigners_at`.
        site: where its public site answers, without a slash at the end; None where it names none.
    """

    id: str
    country: str
    kind: Kind
    state: MemberState
    names: Mapping[str, str]
    address: str
    duty: Duty
    feeds: tuple[FeedEntry, ...]
    token_keys: tuple[TokenKey, ...]
    cosigner: VerifierKey
    sealing_keys: tuple[SealingKey, ...]
    endorsement: str | None
    joined: datetime
    removed_at: datetime | None = None
    retired_cosigners: tuple[RetiredKey, ...] = ()
    site: str | None = None

    def cosigners_at(self, now: datetime) -> tuple[VerifierKey, ...]:
        """Return the keys under which a cosignature of this member counts now; however many, it counts
        once."""
        return (*not_ended(self.retired_cosigners, now), self.cosigner)

    def feed(self, audience: Audience) -> FeedEntry:
        """Return the newest feed of an audience.

        Raises:
            NotAuthorized: a member of this kind has no such feed.
        """
        feeds = [feed for feed in self.feeds if feed.audience == audience]
        if not feeds:
            raise NotAuthorized(f"{self.id} has no {audience} feed")
        return feeds[-1]


def parse_member(value: Any, what: str = "member") -> Member:
    """Read one member's entry from its JSON value.

    Raises:
        Malformed: not of the form, or a rule that concerns this member alone is broken.
    """
    fields = Fields(value, what)
    kind = cast(Kind, fields.choice("kind", tuple(AUDIENCES_OF)))
    state = cast(MemberState, fields.choice("state", ("active", "suspended", "removed")))
    member = Member(
        id=fields.text("id", _MEMBER, MAX_MEMBER_ID),
        country=fields.text("country", _COUNTRY),
        kind=kind,
        state=state,
        names=_parse_names(fields.object("names")),
        address=_parse_address(fields.text("address", most=300), f"{what}.address"),
        duty=_parse_duty(fields.object("duty")),
        feeds=fields.list("feeds", parse_feed, least=1, most=32),
        token_keys=fields.list("token_keys", parse_token_key, least=1, most=MAX_TOKEN_KEYS),
        cosigner=parse_vkey(fields.get("cosigner"), f"{what}.cosigner", COSIGNATURE),
        sealing_keys=fields.list("sealing_keys", parse_sealing_key, least=1, most=MAX_SEALING_KEYS),
        endorsement=fields.text("endorsement", most=MAX_ENDORSEMENT) if fields.has("endorsement") else None,
        joined=fields.time("joined"),
        removed_at=fields.time("removed_at") if fields.has("removed_at") else None,
        retired_cosigners=parse_retired(fields, "retired_cosigners", COSIGNATURE),
        site=_parse_address(fields.text("site", most=300), f"{what}.site") if fields.has("site") else None,
    )
    if (member.state == "removed") != (member.removed_at is not None):
        raise Malformed(f"{what}: removed_at stands exactly in a removed member")
    if member.kind == "law_enforcement" and member.endorsement is not None:
        raise Malformed(f"{what}: only an NGO has an endorsement")
    cosigners = [retired.key for retired in member.retired_cosigners] + [member.cosigner]
    if any(key.name != member.id for key in cosigners):
        raise Malformed(f"{what}.cosigner: the key must be named by the member's id")
    check_unique((key.format() for key in cosigners), f"{what}.cosigner: a key stands twice")
    _check_feeds(member, what)
    check_keys_separate((member,))
    return member


def format_member(member: Member) -> dict[str, Any]:
    """Write one member's entry as its JSON value."""
    optional = {
        "endorsement": member.endorsement,
        "removed_at": member.removed_at and format_time(member.removed_at),
        "retired_cosigners": format_retired(member.retired_cosigners) or None,
        "site": member.site,
    }
    return {
        "id": member.id,
        "country": member.country,
        "kind": member.kind,
        "state": member.state,
        "names": dict(member.names),
        "address": member.address,
        "duty": {
            "phone": member.duty.phone,
            "email": member.duty.email,
            "languages": list(member.duty.languages),
            "hours": member.duty.hours,
        },
        "feeds": [format_feed(feed) for feed in member.feeds],
        "token_keys": [format_token_key(key) for key in member.token_keys],
        "cosigner": member.cosigner.format(),
        "sealing_keys": [format_sealing_key(key) for key in member.sealing_keys],
        "joined": format_time(member.joined),
        **{name: value for name, value in optional.items() if value is not None},
    }


def fingerprint(member: Member) -> str:
    """Name what an administrator accepts in a member: its id, country and kind, its addresses, and every key
    in its name.

    It changes whenever one of these does, and stays when anything else of the entry changes. The address is
    among them because whoever could move it alone could stand between two members and read along, and that of
    the public site because whoever could move it alone could have the public's tips. 160 bits of
    SHA-256 in base32, in groups of four, to be compared over the telephone.
    """
    lines = [f"member {member.id} {member.country} {member.kind}", f"address {member.address}"]
    lines += [f"site {member.site}"] if member.site else []
    lines += [f"feed {key.format()}" for feed in member.feeds for key in feed.keys]
    lines += [f"feed {_named(old)}" for feed in member.feeds for old in feed.retired]
    lines += [
        f"token {key.kid} {format_base64(key.public)} {format_time(key.since)}{_ending(key.until)}"
        for key in member.token_keys
    ]
    lines += [f"cosigner {member.cosigner.format()}"]
    lines += [f"cosigner {_named(old)}" for old in member.retired_cosigners]
    lines += [
        f"sealing {key.kid} {format_base64(key.public)}{_ending(key.until)}" for key in member.sealing_keys
    ]
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).digest()
    text = base64.b32encode(digest[:20]).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _named(retired: RetiredKey) -> str:
    return f"{retired.key.format()}{_ending(retired.until)}"


def _ending(until: datetime | None) -> str:
    return f" {format_time(until)}" if until else ""


def parse_member_id(value: Any, what: str) -> str:
    """Read a member's id: a domain name in lower case.

    Raises:
        Malformed: another form.
    """
    if not isinstance(value, str) or len(value) > MAX_MEMBER_ID or not _MEMBER.fullmatch(value):
        raise Malformed(f"{what}: not a member id")
    return value


def _parse_language(value: Any, what: str) -> str:
    if not isinstance(value, str) or len(value) > 35 or not _LANGUAGE.fullmatch(value):
        raise Malformed(f"{what}: not a language tag")
    return value


def _parse_names(fields: Fields) -> dict[str, str]:
    names = {_parse_language(tag, fields.what): fields.text(tag, most=200) for tag in fields.names()}
    if not 1 <= len(names) <= MAX_NAMES:
        raise Malformed(f"{fields.what}: from one name to {MAX_NAMES}")
    return names


def _parse_address(text: str, what: str) -> str:
    if not (_HTTPS.fullmatch(text) or _LOOPBACK.fullmatch(text)):
        raise Malformed(f"{what}: not https://host[:port][/path] in lower case, without a slash at the end")
    port = re.search(r":([0-9]+)(?:/|$)", text)
    if port and int(port[1]) > 65535:
        raise Malformed(f"{what}: there is no such port")
    return text


def _parse_duty(fields: Fields) -> Duty:
    return Duty(
        phone=fields.text("phone", _PHONE),
        email=fields.text("email", _EMAIL),
        languages=fields.list("languages", _parse_language, least=1, most=32),
        hours=fields.text("hours", most=100),
    )


def _check_feeds(member: Member, what: str) -> None:
    """Check that each audience of the kind has its feed, followed by successors, each of a frozen one."""
    if {feed.audience for feed in member.feeds} != set(AUDIENCES_OF[member.kind]):
        raise Malformed(f"{what}.feeds: must be the audiences {', '.join(AUDIENCES_OF[member.kind])}")
    newest: dict[str, FeedEntry] = {}
    for index, feed in enumerate(member.feeds):
        before = newest.get(feed.audience)
        origin = successor_origin(before) if before else f"{member.id}/{feed.audience}"
        if feed.origin != origin or feed.succeeds != (before and before.origin):
            raise Malformed(f"{what}.feeds[{index}]: origin and succeeds do not continue this audience")
        if before and before.state != "frozen":
            raise Malformed(f"{what}.feeds[{index}]: only a frozen feed has a successor")
        if any(key.name != feed.origin for key in feed.every_key):
            raise Malformed(f"{what}.feeds[{index}]: its keys must be named by the origin")
        check_unique((key.format() for key in feed.every_key), f"{what}.feeds[{index}]: a key stands twice")
        newest[feed.audience] = feed


def check_keys_separate(members: tuple[Member, ...]) -> None:
    """Check that no public key serves two members or two purposes: each is replaced alone, none speaks for
    another."""
    holders: dict[bytes, str] = {}
    for member in members:
        for purpose, public in _public_keys(member):
            if holders.setdefault(public, purpose) != purpose:
                raise Malformed(f"{member.id}: a key of its stands elsewhere too")


def _public_keys(member: Member) -> Iterator[tuple[str, bytes]]:
    for feed in member.feeds:
        for key in feed.every_key:
            yield f"{member.id} {feed.audience}", key.public
    for token_key in member.token_keys:
        yield f"{member.id} token {token_key.kid}", token_key.public
    for key in (*(old.key for old in member.retired_cosigners), member.cosigner):
        yield f"{member.id} cosigner", key.public
    for sealing_key in member.sealing_keys:
        yield f"{member.id} sealing {sealing_key.kid}", sealing_key.public
