"""Finding cases over the whole federation from this node's own disk, and opening one.

Guarantees: a search looks at public parts of replicas and at the own register, never at what others' staff
alone may see, and its results hold nothing but what is public; network and police parts of a foreign case are
opened for a stated purpose only; whoever opens a case or a full-size photograph is in the journal before
anything is shown, and of a search which conditions it had, with keyed hashes of what was looked for, never
the words.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from node.domain.disclosure import disclose
from node.domain.renditions import hashes_in
from node.errors import InvalidInput, NotFound
from node.runtime import Node
from node.services.audit.terms import hash_condition, hash_words
from node.services.standing import exchange_with
from node.store.database import reading, writing
from node.store.federation import peers
from node.store.journal import JournalEntry, write_journal
from node.store.published import documents, photographs
from node.store.published.documents import HeldDocument
from node.store.published.feed_cases import HELD
from node.store.published.photographs import FULL, Photograph, photographs_in
from node.store.register import cases
from node.store.register.cases import CaseFile
from node.store.search.finding import Hit, find_and_count
from node.store.search.query import Query
from protocol.document import AUDIENCE_SCHEMA, PARTS, split_document
from protocol.encoding import parse_object
from protocol.errors import NotAuthorized
from protocol.signs import is_readable

MIN_PURPOSE, MAX_PURPOSE = 5, 300

CLOSED_PARTS = ("network", "police")
"""The parts of a foreign case that open for a purpose only."""

_OPEN_PARTS = ("head", "public")
_WORDS = ("name", "text", "place")
_PUBLIC_LINE = PARTS[AUDIENCE_SCHEMA["network"]].index("public")


@dataclass(frozen=True, slots=True)
class Found:
    """A case that was found.

    Attributes:
        score: how alike the name is, from 0 to 1; 1 where no name was asked for.
        public: the public part of a replica; of an own case what the disclosure policy makes public of it
            today, published or not.
    """

    case_id: str
    source: str
    owner: str
    country: str
    status: str
    score: float
    public: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """A case as this node has it.

    Attributes:
        parts: by name, without their salts. Of a foreign case without a purpose only `head` and `public`; of
            an own case `record`, or `public` alone.
        withheld: parts that are here and need a purpose to be opened.
        photographs: renditions that the parts name and that documents brought.
        version, expires, reached_at: of a replica: its version, the last day of its life, when its owner was
            last reached.
    """

    case_id: str
    source: str
    owner: str
    status: str
    parts: Mapping[str, Mapping[str, Any]]
    withheld: Sequence[str]
    photographs: Sequence[Photograph]
    version: int | None = None
    expires: date | None = None
    reached_at: datetime | None = None


# --- Finding ---


def find(node: Node, query: Query, actor: str) -> tuple[list[Found], int]:
    """Find cases, own and foreign together.

    Returns:
        The part of the result that the query asks for, and how many cases match in all.
    """
    hits, total = find_hits(node, query, actor)
    with reading(node.engine) as conn:
        publics = _publics_of_own(conn, node, hits) | _publics_of_replicas(conn, node, hits)
    found = [
        Found(hit.case_id, hit.source, hit.owner, hit.country, hit.status, hit.score, publics[hit.case_id])
        for hit in hits
        if hit.case_id in publics
    ]
    return found, total - (len(hits) - len(found))


def find_hits(node: Node, query: Query, actor: str) -> tuple[list[Hit], int]:
    """Find cases like `find`, without what is public of them."""
    with reading(node.engine) as conn:
        hits, total = find_and_count(conn, query)
    asked = _asked(query)
    terms = _hash_terms(node, asked)
    with writing(node.engine) as conn:
        write_journal(conn, JournalEntry(node.clock(), actor, "search", fields=list(asked), terms=terms))
    return hits, total


def _publics_of_own(conn: Connection, node: Node, hits: Iterable[Hit]) -> dict[str, Mapping[str, Any]]:
    """Return what is public of each own hit."""
    own = cases.get_cases(conn, [hit.case_id for hit in hits if hit.source == "own"])
    return _disclosed(node, own.values()) if own else {}


def _publics_of_replicas(conn: Connection, node: Node, hits: Iterable[Hit]) -> dict[str, Mapping[str, Any]]:
    """Return the public part of each foreign hit; those whose content has gone meanwhile are absent."""
    publics: dict[str, Mapping[str, Any]] = {}
    shown: dict[str, bool] = {}
    today = node.clock().date()
    wanted = [hit.case_id for hit in hits if hit.source == "replica"]
    for doc in documents.find_shown(conn, "network", wanted) if wanted else ():
        if doc.member not in shown:
            shown[doc.member] = _is_exchanged(conn, node, doc.member, "network")
        if shown[doc.member] and doc.expires >= today:
            publics[doc.case_id] = _read_part(split_document(doc.body)[_PUBLIC_LINE])
    return publics


def _asked(query: Query) -> dict[str, Any]:
    """Return what was asked for, on whatever day and page."""
    return {
        condition.name: value
        for condition in fields(query)
        if condition.name not in ("today", "limit", "offset")
        and (value := getattr(query, condition.name)) != condition.default
    }


def _hash_terms(node: Node, asked: Mapping[str, Any]) -> list[str]:
    """Hash what was asked for, so that an auditor can tell who has looked for a certain child."""
    hashes = set[str]()
    for name, value in asked.items():
        hashes.update(hash_words(node, value) if name in _WORDS else [hash_condition(node, name, value)])
    return sorted(hashes)


# --- Opening ---


def open_case(
    node: Node, case_id: str, actor: str, purpose: str = "", allowed: Collection[str] = CLOSED_PARTS
) -> Opened:
    """Open one case: all of an own one, and as much of a foreign one as the purpose allows.

    Args:
        purpose: why the network and police parts are read; without it they stay closed.
        allowed: those of them that the reader may open at all.

    Raises:
        NotFound: this node has nothing of such a case.
        InvalidInput: the purpose is too short to mean anything, or too long.
    """
    if purpose:
        check_purpose(purpose)
    with writing(node.engine) as conn:
        if _is_own(node, case_id):
            opened = _own(conn, node, case_id)
            read = sorted(opened.parts["record"])
        else:
            opened = _foreign(conn, node, case_id, allowed if purpose else ())
            read = list(opened.parts)
        write_journal(conn, JournalEntry(node.clock(), actor, "case.open", case_id, read, purpose))
    return opened


def open_public(node: Node, case_id: str, actor: str) -> Opened:
    """Open of one case, own or foreign, what is public; the whole needs a purpose and `open_case`.

    Raises:
        NotFound: this node has nothing of such a case.
    """
    with writing(node.engine) as conn:
        opened = _public(conn, node, case_id)
        entry = JournalEntry(node.clock(), actor, "case.open", case_id, list(opened.parts))
        write_journal(conn, entry)
    return opened


def open_case_quietly(node: Node, case_id: str) -> Opened:
    """Open what of a case needs no purpose, without a line in the journal; for showing results."""
    with reading(node.engine) as conn:
        if _is_own(node, case_id):
            return _own(conn, node, case_id)
        return _foreign(conn, node, case_id, ())


def read_photograph(node: Node, case_id: str, sha256: str, actor: str) -> tuple[bytes, str]:
    """Return a photograph that the public part of a case names, and its media type.

    Full-size ones are in the journal first; small ones are part of a page of results, which is in it.

    Raises:
        NotFound: that part names no such photograph, or it is not on this disk.
    """
    with reading(node.engine) as conn:
        opened = _public(conn, node, case_id)
    if any(photo.sha256 == sha256 and photo.rendition == FULL for photo in _renditions(opened)):
        with writing(node.engine) as conn:
            write_journal(conn, JournalEntry(node.clock(), actor, "photograph.open", case_id, ["public"]))
    return _read_photograph(node, opened, sha256)


def open_photograph(
    node: Node,
    case_id: str,
    sha256: str,
    actor: str,
    purpose: str,
    allowed: Collection[str] = CLOSED_PARTS,
) -> tuple[bytes, str]:
    """Return a photograph that any part of a case names, and its media type.

    Args:
        purpose: why it is looked at; it is in the journal first.
        allowed: the closed parts that the reader may open.

    Raises:
        NotFound: the case names no such photograph, or it is not on this disk.
        InvalidInput: the purpose is too short to mean anything, or too long.
    """
    check_purpose(purpose)
    with writing(node.engine) as conn:
        opened = (
            _own(conn, node, case_id) if _is_own(node, case_id) else _foreign(conn, node, case_id, allowed)
        )
        named = [name for name, part in opened.parts.items() if sha256 in hashes_in(part)]
        write_journal(conn, JournalEntry(node.clock(), actor, "photograph.open", case_id, named, purpose))
    return _read_photograph(node, opened, sha256)


def read_parts(document: HeldDocument) -> dict[str, dict[str, Any]]:
    """Read the parts of a document that is held here."""
    lines = split_document(document.body)
    names = PARTS[AUDIENCE_SCHEMA[document.audience]]
    return {name: _read_part(line) for name, line in zip(names, lines, strict=True)}


def _read_part(line: bytes) -> dict[str, Any]:
    part = parse_object(line, "document", len(line))
    part.pop("salt", None)  # it guards the digest of what was erased, and is nobody's to read
    return part


def check_purpose(purpose: str) -> None:
    """Check that a purpose may mean something.

    Raises:
        InvalidInput: it is too short, too long, or of more than one line.
    """
    if not MIN_PURPOSE <= len(purpose.strip()) <= MAX_PURPOSE or not is_readable(purpose):
        raise InvalidInput(
            "The purpose must have %(least)s to %(most)s characters, on one line.",
            "Say in a few words what it is read for, without names: 'border check, report 4711'.",
            least=MIN_PURPOSE,
            most=MAX_PURPOSE,
        )


def _is_own(node: Node, case_id: str) -> bool:
    return case_id.partition("/")[0] == node.member


def _own(conn: Connection, node: Node, case_id: str) -> Opened:
    return _opened_own(conn, node, cases.get_case(conn, case_id), None)


def _public(conn: Connection, node: Node, case_id: str) -> Opened:
    """Read of a case what is public."""
    if not _is_own(node, case_id):
        return _foreign(conn, node, case_id, ())
    case = cases.get_case(conn, case_id)
    if case.status == cases.ERASED:
        raise NotFound("This case was erased.", "Nothing of it is kept.")
    return _opened_own(conn, node, case, _disclosed(node, [case])[case_id])


def _opened_own(conn: Connection, node: Node, case: CaseFile, public: Mapping[str, Any] | None) -> Opened:
    """Show an own case.

    Args:
        public: what is to be seen of it; all of it when None.
    """
    held = documents.find_documents(conn, case.case_id)
    parts = {"record": case.record} if public is None else {"public": public}
    return Opened(
        case_id=case.case_id,
        source="own",
        owner=node.member,
        status=case.status,
        parts=parts,
        withheld=() if public is None else ("record",),
        photographs=_named_photographs(conn, held, parts),
        version=held[0].version if held else None,
        expires=held[0].expires if held else None,
    )


def _disclosed(node: Node, own: Iterable[CaseFile]) -> dict[str, Mapping[str, Any]]:
    """Tell what the disclosure policy makes public of own cases; nothing of a child not yet missing."""
    policy, schemas, now = node.disclosure(), node.network().schemas, node.now()
    return {
        case.case_id: disclose(case.record, policy, schemas=schemas, now=now).public or {}
        for case in own
        if case.status != cases.ERASED
    }


def _foreign(conn: Connection, node: Node, case_id: str, allowed: Collection[str]) -> Opened:
    """Read a foreign case.

    Args:
        allowed: the parts that are read besides those that are open.
    """
    today = node.clock().date()
    held = [
        doc
        for doc in documents.find_documents(conn, case_id)
        if doc.expires >= today and _is_exchanged(conn, node, doc.member, doc.audience)
    ]
    if not held:
        raise NotFound(
            "This node shows no such case.",
            "It may have been erased, or nothing is exchanged with its owner now: `gmcn status` says.",
        )
    parts: dict[str, dict[str, Any]] = {}
    for doc in held:
        for name, part in read_parts(doc).items():
            parts.setdefault(name, part)
    closed = tuple(name for name in parts if name not in (*_OPEN_PARTS, *allowed))
    shown = {name: part for name, part in parts.items() if name not in closed}
    owner = peers.find_peer(conn, held[0].member)
    return Opened(
        case_id=case_id,
        source="replica",
        owner=held[0].member,
        status="published",
        parts=shown,
        withheld=closed,
        photographs=_named_photographs(conn, held, shown),
        version=int(parts["head"]["version"]),  # of what is shown, which a newer one may be about to replace
        expires=held[0].expires,
        reached_at=owner.reached_at if owner else None,
    )


def _is_exchanged(conn: Connection, node: Node, member: str, audience: str) -> bool:
    try:
        return audience in exchange_with(conn, node, member).shown
    except NotAuthorized:  # the roster lists it no longer
        return False


def _named_photographs(
    conn: Connection, held: Iterable[HeldDocument], parts: Mapping[str, Mapping[str, Any]]
) -> list[Photograph]:
    """List the photographs of documents that some of their parts name, each rendition once."""
    named = {sha256 for part in parts.values() for sha256 in hashes_in(part)}
    found = {
        photo.sha256: photo for doc in held for photo in photographs.photographs_of_case(conn, doc.case_key)
    }
    return [photo for sha256, photo in found.items() if sha256 in named]


def _renditions(opened: Opened) -> list[Photograph]:
    return photographs_in(0, opened.parts, HELD)


def _read_photograph(node: Node, opened: Opened, sha256: str) -> tuple[bytes, str]:
    for photo in _renditions(opened):
        if photo.sha256 == sha256 and (data := node.blobs.get(opened.owner, sha256)) is not None:
            return data, photo.media_type
    raise NotFound("There is no such photograph here.", "Full-size ones are fetched in the background.")
