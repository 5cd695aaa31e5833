"""The roster, the signed list of members.

Guarantees: whatever is in a `Roster` obeys the structural rules of the specification: ids, origins, key ids
and public keys are unique, every key is one that can be used, a member has exactly the feeds of its kind, and
only a frozen feed has a successor. Who signed the files is left to TUF (`node/adapters/trust.py`), and
whether a member may take part today to `protocol.endorsement`. Specification: README, "Roster and
endorsements".
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocol.encoding import (
    format_base64,
    format_json,
    format_time,
    parse_base64,
    parse_hash,
    parse_object,
)
from protocol.errors import Malformed, NotAuthorized
from protocol.fields import Fields, check_unique
from protocol.jws import KID
from protocol.note import COSIGNATURE, ED25519, VerifierKey

Audience = Literal["network", "police"]
Kind = Literal["law_enforcement", "ngo"]
MemberState = Literal["active", "suspended", "removed"]
FeedState = Literal["active", "frozen"]

AUDIENCES_OF: Mapping[Kind, tuple[Audience, ...]] = {
    "law_enforcement": ("network", "police"),
    "ngo": ("network",),
}
"""The feeds that a member of each kind has: all of them, even when empty."""

ROSTER_SCHEMA = "roster/1.0"
MAX_ROSTER_BYTES = 4 << 20
MAX_MEMBERS = 1000
MAX_NAMES = 40
MAX_FEED_KEYS = 4
MAX_RETIRED = 4
"""The most replaced keys of one feed, or of a cosigner, that a roster goes on listing."""

MAX_TOKEN_KEYS = 16
MAX_SEALING_KEYS = 8
MAX_ENDORSEMENT = 4096
"""The most characters of an endorsement."""

ML_KEM_PUBLIC = 1184
SEALING_PUBLIC = ML_KEM_PUBLIC + 32

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
_PRIME = 2**255 - 19


@dataclass(frozen=True, slots=True)
class FrozenHead:
    """Where a frozen feed ends: the number of leaves that count, and the tree's root (32 bytes) over them."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that was replaced, and still counts before `until`: for whoever has not met the new one yet."""

    key: VerifierKey
    until: datetime


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One feed of a member.

    Attributes:
        origin: `<member>/<audience>`, or `<member>/<audience>/N` (N from 2) for a successor; names the keys
            too.
        keys: those that may sign its checkpoints; the last one is in use.
        frozen: where it ends; None while it is active.
        succeeds: the frozen feed that this one goes on for.
        retired: keys that were replaced; see `keys_at`.
    """

    audience: Audience
    origin: str
    keys: tuple[VerifierKey, ...]
    state: FeedState = "active"
    frozen: FrozenHead | None = None
    succeeds: str | None = None
    retired: tuple[RetiredKey, ...] = ()

    def keys_at(self, now: datetime) -> tuple[VerifierKey, ...]:
        """Return the keys under which a checkpoint is taken now."""
        return (*_not_ended(self.retired, now), *self.keys)

    @property
    def every_key(self) -> tuple[VerifierKey, ...]:
        """The keys under which a checkpoint may have been taken so far: for what is stored already, and for
        evidence."""
        return (*(retired.key for retired in self.retired), *self.keys)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """An Ed25519 key (32 bytes) for a member's tokens and statements, in force from `since` to before
    `until`."""

    kid: str
    public: bytes
    since: datetime
    until: datetime | None = None

    def valid_at(self, moment: datetime) -> bool:
        """Tell whether the key may sign at this moment."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class SealingKey:
    """An HPKE key of the suite MLKEM768-X25519: 1184 + 32 bytes. What is sealed to it is opened before
    `until`."""

    kid: str
    public: bytes
    until: datetime | None = None


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
        return (*_not_ended(self.retired_cosigners, now), self.cosigner)

    def feed(self, audience: Audience) -> FeedEntry:
        """Return the newest feed of an audience.

        Raises:
            NotAuthorized: a member of this kind has no such feed.
        """
        feeds = [feed for feed in self.feeds if feed.audience == audience]
        if not feeds:
            raise NotAuthorized(f"{self.id} has no {audience} feed")
        return feeds[-1]


@dataclass(frozen=True, slots=True)
class Roster:
    """The members of a network as its coordinator's keys signed them."""

    network: str
    issued_at: datetime
    members: tuple[Member, ...]

    def member(self, member_id: str) -> Member:
        """Return a member in whatever state.

        Raises:
            NotAuthorized: no member has this id.
        """
        for member in self.members:
            if member.id == member_id:
                return member
        raise NotAuthorized("no member of this network has this id")

    def token_key(self, member_id: str, kid: str, at: datetime) -> bytes:
        """Return a member's token key (32 bytes) by its id, if it may sign at that moment.

        Raises:
            NotAuthorized: no such member, no such key, or not at that moment.
        """
        for key in self.member(member_id).token_keys:
            if key.kid == kid and key.valid_at(at):
                return key.public
        raise NotAuthorized(f"{member_id} had no such token key at that time")

    def token_key_now(self, now: datetime) -> Callable[[str, str, datetime], bytes]:
        """Return a `token_key` for statements that arrive now: their key must also be in force at this
        moment, so that whoever finds one that has ended cannot date back.

        Raises (when it is called):
            NotAuthorized: see `token_key`; or its key has ended.
        """

        def find(member_id: str, kid: str, at: datetime) -> bytes:
            self.token_key(member_id, kid, now)
            return self.token_key(member_id, kid, at)

        return find


def parse_roster(data: bytes) -> Roster:
    """Read roster.json.

    Members of an object that are not known here are ignored, so that a later minor version can add some.

    Raises:
        Malformed: not of the form, or a structural rule is broken; the text names the place and the rule.
    """
    top = Fields(parse_object(data, "roster", MAX_ROSTER_BYTES), "roster")
    top.choice("schema", (ROSTER_SCHEMA,))
    roster = Roster(
        top.text("network", most=100),
        top.time("issued_at"),
        top.list("members", parse_member, most=MAX_MEMBERS),
    )
    check_unique((member.id for member in roster.members), "roster: two members share an id")
    keys = [key for member in roster.members for key in member.token_keys]
    check_unique((key.kid for key in keys), "roster: two token keys share a kid")
    sealing = [key for member in roster.members for key in member.sealing_keys]
    check_unique((key.kid for key in sealing), "roster: two sealing keys share a kid")
    _check_keys_separate(roster.members)
    return roster


def format_roster(roster: Roster) -> bytes:
    """Write roster.json."""
    return format_json(
        {
            "schema": ROSTER_SCHEMA,
            "network": roster.network,
            "issued_at": format_time(roster.issued_at),
            "members": [format_member(member) for member in roster.members],
        }
    )


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
        feeds=fields.list("feeds", _parse_feed, least=1, most=32),
        token_keys=fields.list("token_keys", _parse_token_key, least=1, most=MAX_TOKEN_KEYS),
        cosigner=_parse_vkey(fields.get("cosigner"), f"{what}.cosigner", COSIGNATURE),
        sealing_keys=fields.list("sealing_keys", _parse_sealing_key, least=1, most=MAX_SEALING_KEYS),
        endorsement=fields.text("endorsement", most=MAX_ENDORSEMENT) if fields.has("endorsement") else None,
        joined=fields.time("joined"),
        removed_at=fields.time("removed_at") if fields.has("removed_at") else None,
        retired_cosigners=_parse_retired(fields, "retired_cosigners", COSIGNATURE),
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
    _check_keys_separate((member,))
    return member


def format_member(member: Member) -> dict[str, Any]:
    """Write one member's entry as its JSON value."""
    optional = {
        "endorsement": member.endorsement,
        "removed_at": member.removed_at and format_time(member.removed_at),
        "retired_cosigners": _format_retired(member.retired_cosigners) or None,
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
        "feeds": [_format_feed(feed) for feed in member.feeds],
        "token_keys": [_format_token_key(key) for key in member.token_keys],
        "cosigner": member.cosigner.format(),
        "sealing_keys": [_format_sealing_key(key) for key in member.sealing_keys],
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


def _not_ended(retired: tuple[RetiredKey, ...], now: datetime) -> Iterator[VerifierKey]:
    return (old.key for old in retired if now < old.until)


def parse_member_id(value: Any, what: str) -> str:
    """Read a member's id: a domain name in lower case.

    Raises:
        Malformed: another form.
    """
    if not isinstance(value, str) or len(value) > MAX_MEMBER_ID or not _MEMBER.fullmatch(value):
        raise Malformed(f"{what}: not a member id")
    return value


def successor_origin(feed: FeedEntry) -> str:
    """Return the origin of what goes on for a feed: `id/audience/2` for a first one, `id/audience/N+1` for
    the Nth."""
    base, _, number = feed.origin.partition(f"/{feed.audience}")
    return f"{base}/{feed.audience}/{int(number[1:] or 1) + 1}"


def check_public_key(public: bytes, what: str) -> None:
    """Check that 32 bytes can be an Ed25519 public key that stands for one holder.

    Anyone can make signatures that verify under a point of small order, so such a key would prove nothing.

    Raises:
        Malformed: the point is of small order, or not written in its one form.
    """
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _PRIME:
        raise Malformed(f"{what}: not an Ed25519 key")
    # u = (1 + y) / (1 - y) carries the point to Curve25519, whose exchange refuses those of small order.
    u = (1 + y) * pow(1 - y, _PRIME - 2, _PRIME) % _PRIME
    _check_order(u.to_bytes(32, "little"), what)


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


def _parse_vkey(value: Any, what: str, kind: int) -> VerifierKey:
    if not isinstance(value, str):
        raise Malformed(f"{what}: must be a verifier key")
    key = VerifierKey.parse(value)
    if key.kind != kind:
        raise Malformed(f"{what}: must be a verifier key of kind {kind:02x}")
    check_public_key(key.public, what)
    return key


def _parse_feed(value: Any, what: str) -> FeedEntry:
    fields = Fields(value, what)
    state = cast(FeedState, fields.choice("state", ("active", "frozen")))
    if fields.has("frozen") != (state == "frozen"):
        raise Malformed(f"{what}: frozen stands exactly in a frozen feed")
    return FeedEntry(
        audience=cast(Audience, fields.choice("audience", ("network", "police"))),
        origin=fields.text("origin"),
        keys=fields.list(
            "vkeys", lambda vkey, where: _parse_vkey(vkey, where, ED25519), least=1, most=MAX_FEED_KEYS
        ),
        state=state,
        frozen=_parse_frozen(fields.object("frozen")) if state == "frozen" else None,
        succeeds=fields.text("succeeds") if fields.has("succeeds") else None,
        retired=_parse_retired(fields, "retired", ED25519),
    )


def _parse_retired(fields: Fields, name: str, kind: int) -> tuple[RetiredKey, ...]:
    def parse(value: Any, what: str) -> RetiredKey:
        retired = Fields(value, what)
        return RetiredKey(_parse_vkey(retired.get("vkey"), f"{what}.vkey", kind), retired.time("until"))

    return fields.list(name, parse, least=1, most=MAX_RETIRED) if fields.has(name) else ()


def _format_retired(retired: tuple[RetiredKey, ...]) -> list[dict[str, str]]:
    return [{"vkey": old.key.format(), "until": format_time(old.until)} for old in retired]


def _parse_frozen(fields: Fields) -> FrozenHead:
    return FrozenHead(
        fields.integer("size", 0, (1 << 53) - 1), parse_hash(fields.get("root"), f"{fields.what}.root")
    )


def _format_feed(feed: FeedEntry) -> dict[str, Any]:
    value: dict[str, Any] = {
        "audience": feed.audience,
        "origin": feed.origin,
        "vkeys": [key.format() for key in feed.keys],
        "state": feed.state,
    }
    if feed.frozen:
        value["frozen"] = {"size": feed.frozen.size, "root": feed.frozen.root.hex()}
    if feed.succeeds:
        value["succeeds"] = feed.succeeds
    if feed.retired:
        value["retired"] = _format_retired(feed.retired)
    return value


def _parse_token_key(value: Any, what: str) -> TokenKey:
    fields = Fields(value, what)
    key = TokenKey(
        kid=fields.text("kid", KID),
        public=parse_base64(fields.get("public"), f"{what}.public", 32),
        since=fields.time("from"),
        until=fields.time("until") if fields.has("until") else None,
    )
    if key.until is not None and key.until <= key.since:
        raise Malformed(f"{what}: ends before it begins")
    check_public_key(key.public, f"{what}.public")
    return key


def _format_token_key(key: TokenKey) -> dict[str, Any]:
    value = {"kid": key.kid, "public": format_base64(key.public), "from": format_time(key.since)}
    if key.until is not None:
        value["until"] = format_time(key.until)
    return value


def _parse_sealing_key(value: Any, what: str) -> SealingKey:
    fields = Fields(value, what)
    key = SealingKey(
        fields.text("kid", KID),
        parse_base64(fields.get("public"), f"{what}.public", SEALING_PUBLIC),
        fields.time("until") if fields.has("until") else None,
    )
    _check_ml_kem(key.public[:ML_KEM_PUBLIC], what)
    _check_order(key.public[ML_KEM_PUBLIC:], what)
    return key


def _format_sealing_key(key: SealingKey) -> dict[str, Any]:
    value = {"kid": key.kid, "public": format_base64(key.public)}
    if key.until is not None:
        value["until"] = format_time(key.until)
    return value


def _check_ml_kem(public: bytes, what: str) -> None:
    try:
        MLKEM768PublicKey.from_public_bytes(public)
    except ValueError:
        raise Malformed(f"{what}: not an ML-KEM-768 key") from None


def _check_order(public: bytes, what: str) -> None:
    """Check that a Curve25519 point is not of small order: whatever is agreed on with one of these is
    zero."""
    try:
        X25519PrivateKey.from_private_bytes(bytes(32)).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise Malformed(f"{what}: a key of small order, which protects nothing") from None


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


def _check_keys_separate(members: tuple[Member, ...]) -> None:
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
