"""What the public may see: the public part of live documents, own ones and other members' alike.

Guarantees: what is shown was published and is live today, its owner lets it be shown in this member's
country, and, of another member's, something is exchanged with its owner now; a member that chose countries
shows no others; of a document nothing but its head and its public part is ever read; a photograph past its
own last day is left out. What comes back fits its JSON Schema and is hostile text all the same: a peer wrote
it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from node.domain.lifecycle import is_live, live_photos
from node.domain.searchable import is_shown_in, split_words
from node.errors import InvalidInput, NotAllowed, NotFound
from node.runtime import KeylessNode
from node.services.standing import exchange_with
from node.services.witnesses.witnessing import check_not_restored
from node.store.database import reading
from node.store.published import documents, feeds
from node.store.published.feed_cases import HELD
from node.store.published.photographs import Photograph, photographs_in
from node.store.search.finding import find_and_count
from node.store.search.public import count_public, list_public, list_public_parts
from node.store.search.query import Query
from protocol.document import AUDIENCE_SCHEMA, PARTS, digest_document, split_document
from protocol.encoding import parse_object, parse_time
from protocol.errors import NotAuthorized
from protocol.member import Member

MAX_ALERTS = 100
"""How many children a list of alerts has at most."""

# At which nobody is a child any more: an age, and so many years of being missed, that leave nobody out.
_GROWN = 18
_HEAD, _PUBLIC = (PARTS[AUDIENCE_SCHEMA["network"]].index(part) for part in ("head", "public"))


class Gone(NotFound):
    """The case was here, and is over: how it ended is told to nobody."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A child as the public may see them.

    Attributes:
        owner: whose case it is.
        own: whether that is this member.
        version, digest: of the document that is shown.
        expires: the last day of its life.
        public: its public part without the salt: valid against its schema, and still hostile text.
        photographs: the renditions that the public part names; not all of them may be on this disk.
    """

    case_id: str
    owner: Member
    own: bool
    version: int
    digest: bytes
    expires: date
    updated_at: datetime
    public: Mapping[str, Any]
    photographs: Sequence[Photograph]


def find_shown(node: KeylessNode, case_id: str) -> Shown:
    """Find a child by the id of the case.

    Raises:
        Gone: the case was here, and is over, or its owner lets nobody see it here any more.
        NotFound: nothing of such a case was ever here, or its owner's cases may not be shown now.
        NotAllowed: the case is this member's own, and the roster does not list this member.
        Conflict: this node was restored, and does not know yet what was erased since.
    """
    with reading(node.engine) as conn:
        check_not_restored(conn)
        owner = find_owner(conn, node, case_id.partition("/")[0])
        for doc in documents.find_shown(conn, "network", [case_id]):
            if (shown := _see(_rules(node), owner, case_id, doc.expires, doc.body)) is not None:
                return shown
        if feeds.was_stored(conn, owner.id, "network", case_id):
            raise Gone("This case is no longer shown.", "Nothing of it is kept here.")
    raise _nothing()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteQuery:
    """What somebody looks for on the site; see `store.search.query.Query`.

    Raises:
        InvalidInput: nothing but a place is asked for: whoever knows where a child was is not told who.
    """

    name: str | None = None
    text: str | None = None
    place: str | None = None
    country: str | None = None
    sex: int | None = None
    category: str | None = None
    missing_within_years: int | None = None
    missing_for_years: int | None = None
    age_min: int | None = None
    age_max: int | None = None
    alert: bool = False
    limit: int = 12
    offset: int = 0

    def __post_init__(self) -> None:
        if self.place and not self._narrows:
            raise InvalidInput("A place alone cannot be searched for.", "Give something else, too.")

    @property
    def _narrows(self) -> bool:
        """Whether anything but the place leaves somebody out: no age from 0 does, none up to that of every
        child, and no word without a letter."""
        return (
            any(split_words(words) for words in (self.name, self.text) if words)
            or any(code is not None for code in (self.country, self.sex, self.category))
            or any((self.age_min, self.missing_for_years, self.alert))
            or (self.age_max is not None and self.age_max < _GROWN - 1)
            or (self.missing_within_years is not None and self.missing_within_years < _GROWN)
        )


def find_children(node: KeylessNode, query: SiteQuery) -> tuple[list[Shown], int]:
    """Find children, those who went missing last first, of alerts those of each owner in turn; with a name,
    the most alike first.

    Returns:
        The part of the result that the query asks for, and how many match in all.

    Raises:
        InvalidInput: the query is out of range.
        Conflict: this node was restored, and does not know yet what was erased since.
    """
    asked = {field.name: getattr(query, field.name) for field in fields(query)}
    asked["alert_at"] = node.now() if asked.pop("alert") else None
    with reading(node.engine) as conn:
        check_not_restored(conn)
        wanted = Query(today=node.now().date(), public=True, countries=_countries(node), **asked)
        hits, total = find_and_count(conn, wanted)
        found = _see_all(conn, node, [hit.case_id for hit in hits])
    return found, total - (len(hits) - len(found))


def find_alerts(node: KeylessNode, country: str | None = None, limit: int = MAX_ALERTS) -> list[Shown]:
    """Find the children for whom an alert is out now: of each owner who went missing last, then of each the
    next.

    Raises:
        Conflict: this node was restored, and does not know yet what was erased since.
    """
    return find_children(node, SiteQuery(alert=True, country=country, limit=limit))[0]


def count_children(node: KeylessNode) -> dict[str, int]:
    """Count the children who are shown, by the country of whose case it is.

    Raises:
        Conflict: this node was restored, and does not know yet what was erased since.
    """
    with reading(node.engine) as conn:
        check_not_restored(conn)
        return count_public(conn, _countries(node))


def list_addresses(node: KeylessNode, part: int) -> list[tuple[str, datetime]]:
    """List the cases that are shown, in parts that stay the same: each with when it changed last."""
    with reading(node.engine) as conn:
        check_not_restored(conn)
        return list_public(conn, part, _countries(node))


def list_parts(node: KeylessNode) -> list[int]:
    """Return which parts `list_addresses` has; raises what it raises."""
    with reading(node.engine) as conn:
        check_not_restored(conn)
        return list_public_parts(conn)


def read_shown_photograph(node: KeylessNode, case_id: str, sha256: str) -> bytes:
    """Return a photograph of a child, a JPEG.

    Raises:
        NotFound: no such photograph is shown of this case, or it is not on this disk; see `find_shown`.
    """
    shown = find_shown(node, case_id)
    if any(photo.sha256 == sha256 for photo in shown.photographs):
        data = node.blobs.get(shown.owner.id, sha256)
        if data is not None:
            return data
    raise NotFound("There is no such photograph here.", "Full-size ones are fetched in the background.")


def find_owner(conn: Connection, node: KeylessNode, member_id: str) -> Member:
    """Return the entry of a member whose cases may be shown here now.

    Raises:
        NotFound: there is no such member, or nothing is exchanged with it now.
        NotAllowed: it is this member, and the roster does not list it.
    """
    if member_id == node.member:
        return node.entry()
    try:
        exchange = exchange_with(conn, node, member_id)
    except NotAuthorized:
        raise _nothing() from None
    if "network" not in exchange.shown:
        raise _nothing()
    return exchange.member


@dataclass(frozen=True, slots=True)
class _Rules:
    """What decides alike of every case what is shown of it, at one moment.

    Attributes:
        member, country: whose site it is.
        chosen: the countries whose cases are shown; all where there is none.
    """

    member: str
    country: str
    chosen: Collection[str]
    now: datetime


def _rules(node: KeylessNode) -> _Rules:
    return _Rules(node.member, node.country, _countries(node), node.clock())


def _see(rules: _Rules, owner: Member, case_id: str, expires: date, body: bytes) -> Shown | None:
    """Read of a document what the public may see; None where that is nothing.

    Args:
        expires: the last day of its life.
        body: of a summary that was verified when it came.
    """
    lines = split_document(body)
    head = _read(lines[_HEAD])
    if not is_live(expires, rules.now) or not is_shown_in(head, rules.country):
        return None
    public = _without_old_photographs(_read(lines[_PUBLIC]), rules.now)
    countries = {owner.country, public.get("last_seen", {}).get("country")}
    if rules.chosen and not countries & set(rules.chosen):
        return None
    return Shown(
        case_id=case_id,
        owner=owner,
        own=owner.id == rules.member,
        version=int(head["version"]),
        digest=digest_document(body),
        expires=expires,
        updated_at=parse_time(head["updated_at"], "updated_at"),
        public=public,
        photographs=[
            photo for photo in photographs_in(0, {"public": public}, HELD) if photo.media_type == "image/jpeg"
        ],
    )


def _see_all(conn: Connection, node: KeylessNode, case_ids: Iterable[str]) -> list[Shown]:
    """Read of some cases what the public may see, in their order; those that are over are left out."""
    wanted = list(case_ids)
    held = {doc.case_id: doc for doc in documents.find_shown(conn, "network", wanted)} if wanted else {}
    owners: dict[str, Member | None] = {}
    rules = _rules(node)
    found = []
    for case_id in wanted:
        doc = held.get(case_id)
        if doc is None:
            continue
        if doc.member not in owners:
            owners[doc.member] = _owner_or_none(conn, node, doc.member)
        owner = owners[doc.member]
        shown = _see(rules, owner, case_id, doc.expires, doc.body) if owner else None
        found += [shown] if shown else []
    return found


def _owner_or_none(conn: Connection, node: KeylessNode, member_id: str) -> Member | None:
    try:
        return find_owner(conn, node, member_id)
    except (NotFound, NotAllowed):
        return None


def _countries(node: KeylessNode) -> list[str]:
    """Return the countries whose cases this member chose to show, its own among them; none when all are."""
    chosen = node.site_folder.look().countries
    return [*chosen, node.country] if chosen else []


def _read(line: bytes) -> dict[str, Any]:
    part = parse_object(line, "document", len(line))
    part.pop("salt", None)  # it guards the digest of what was erased, and is nobody's to read
    return part


def _without_old_photographs(public: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Leave out the photographs of a child, and of companions, whose own last day is over."""
    for values in (public, *public.get("companions", ())):
        if "photos" in values:
            values["photos"] = live_photos(values["photos"], now)
    return public


def _nothing() -> NotFound:
    return NotFound("There is no such case here.")
