"""Finding cases over the whole federation from this node's own disk, and opening one.

Guarantees: a search looks at public parts of replicas and at the own register, never at what others' staff
alone may see; network and police parts of a foreign case are opened for a stated purpose only, which is in
the journal before they are shown; the journal holds a keyed hash of what was looked for, never the words.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from node.errors import InvalidInput, NotFound
from node.runtime import Node
from node.services.standing import exchange_with
from node.store import cases, documents, peers
from node.store import search as index
from node.store.access import JournalEntry, write_journal
from node.store.database import reading, writing
from node.store.documents import HeldDocument, Photograph
from node.store.search import Query
from protocol.document import AUDIENCE_SCHEMA, PARTS, split_document
from protocol.encoding import format_json, parse_object

MIN_PURPOSE, MAX_PURPOSE = 5, 300


@dataclass(frozen=True, slots=True)
class Found:
    """A case that was found.

    Attributes:
        score: how alike the name is, from 0 to 1; 1 where no name was asked for.
        public: the public part of a replica, or the same fields of an own record.
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
        parts: by name. Of a foreign case without a purpose only `head` and `public`; of an own case `record`.
        withheld: parts that are here and need a purpose to be opened.
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


def find(node: Node, query: Query, actor: str) -> tuple[list[Found], int]:
    """Find cases, own and foreign together.

    Returns:
        The part of the result that the query asks for, and how many cases match in all.
    """
    with reading(node.engine) as conn:
        hits = index.find(conn, query)
        total = index.count(conn, query)
        publics = _publics(conn, node, hits)
        found = [
            Found(
                hit.case_id, hit.source, hit.owner, hit.country, hit.status, hit.score, publics[hit.case_id]
            )
            for hit in hits
            if hit.case_id in publics
        ]
    with writing(node.engine) as conn:
        write_journal(conn, JournalEntry(node.clock(), actor, "search", terms=_hash_terms(node, query)))
    return found, total


def open_case(node: Node, case_id: str, actor: str, purpose: str = "") -> Opened:
    """Open one case.

    Args:
        purpose: why the network and police parts are read; without it they stay closed.

    Raises:
        NotFound: this node has nothing of such a case.
        InvalidInput: the purpose is too short to mean anything, or too long.
    """
    if purpose and not MIN_PURPOSE <= len(purpose.strip()) <= MAX_PURPOSE:
        raise InvalidInput(
            f"The purpose must have {MIN_PURPOSE} to {MAX_PURPOSE} characters.",
            "Say in a few words what it is read for, without names: 'border check, report 4711'.",
        )
    if case_id.partition("/")[0] == node.member:
        return _open_own(node, case_id, actor, purpose)
    return _open_foreign(node, case_id, actor, purpose)


def read_parts(document: HeldDocument) -> dict[str, dict[str, Any]]:
    """Read the parts of a document that is held here."""
    lines = split_document(document.body)
    names = PARTS[AUDIENCE_SCHEMA[document.audience]]
    return {name: parse_object(line, "document", len(line)) for name, line in zip(names, lines, strict=True)}


def read_photograph(node: Node, case_id: str, sha256: str) -> tuple[bytes, str]:
    """Return a photograph of a case that may be shown here, and its media type.

    Raises:
        NotFound: the case names no such photograph, or it is not on this disk.
    """
    opened = open_case_quietly(node, case_id)
    for photo in opened.photographs:
        if photo.sha256 == sha256 and (data := node.blobs.get(opened.owner, sha256)) is not None:
            return data, photo.media_type
    raise NotFound("There is no such photograph here.", "Full-size ones are fetched in the background.")


def open_case_quietly(node: Node, case_id: str) -> Opened:
    """Open what of a case needs no purpose, without a line in the journal; for showing results."""
    if case_id.partition("/")[0] == node.member:
        with reading(node.engine) as conn:
            return _own(conn, node, case_id)
    with reading(node.engine) as conn:
        return _foreign(conn, node, case_id, with_purpose=False)


def _open_own(node: Node, case_id: str, actor: str, purpose: str) -> Opened:
    with writing(node.engine) as conn:
        opened = _own(conn, node, case_id)
        fields = sorted(opened.parts["record"])
        write_journal(conn, JournalEntry(node.clock(), actor, "case.open", case_id, fields, purpose))
    return opened


def _open_foreign(node: Node, case_id: str, actor: str, purpose: str) -> Opened:
    with writing(node.engine) as conn:
        opened = _foreign(conn, node, case_id, with_purpose=bool(purpose))
        entry = JournalEntry(node.clock(), actor, "case.open", case_id, list(opened.parts), purpose)
        write_journal(conn, entry)
    return opened


def _own(conn: Connection, node: Node, case_id: str) -> Opened:
    case = cases.get_case(conn, case_id)
    held = documents.find_documents(conn, case_id)
    return Opened(
        case_id=case_id,
        source="own",
        owner=node.member,
        status=case.status,
        parts={"record": case.record},
        withheld=(),
        photographs=[photo for doc in held for photo in documents.photographs_of_case(conn, doc.case_key)],
        version=held[0].version if held else None,
        expires=held[0].expires if held else None,
    )


def _foreign(conn: Connection, node: Node, case_id: str, *, with_purpose: bool) -> Opened:
    held = [doc for doc in documents.find_documents(conn, case_id) if _may_show(conn, node, doc)]
    if not held:
        raise NotFound(
            "This node holds no such case.",
            "It may have been erased by its owner. `gmcn status` shows when its owner was last reached.",
        )
    parts: dict[str, dict[str, Any]] = {}
    for doc in held:
        for name, part in read_parts(doc).items():
            parts.setdefault(name, part)
    closed = () if with_purpose else tuple(name for name in parts if name not in ("head", "public"))
    owner = peers.find_peer(conn, held[0].member)
    return Opened(
        case_id=case_id,
        source="replica",
        owner=held[0].member,
        status="published",
        parts={name: part for name, part in parts.items() if name not in closed},
        withheld=closed,
        photographs=[photo for doc in held for photo in documents.photographs_of_case(conn, doc.case_key)],
        version=held[0].version,
        expires=held[0].expires,
        reached_at=owner.reached_at if owner else None,
    )


def _may_show(conn: Connection, node: Node, doc: HeldDocument) -> bool:
    return (
        doc.expires >= node.clock().date() and doc.audience in exchange_with(conn, node, doc.member).audiences
    )


def _publics(conn: Connection, node: Node, hits: Sequence[index.Hit]) -> dict[str, Mapping[str, Any]]:
    """Return what may be shown of each hit; those whose content has gone meanwhile are absent."""
    publics: dict[str, Mapping[str, Any]] = {}
    allowed: dict[str, bool] = {}
    for hit in hits:
        if hit.source == "own":
            record = cases.get_case(conn, hit.case_id).record
            known = node.network().schemas.fields("summary", "public")
            publics[hit.case_id] = {name: record[name] for name in known if name in record}
            continue
        for doc in documents.find_documents(conn, hit.case_id):
            if doc.audience == "network":
                if doc.member not in allowed:
                    allowed[doc.member] = _may_show(conn, node, doc)
                if allowed[doc.member]:
                    publics[hit.case_id] = read_parts(doc)["public"]
    return publics


def _hash_terms(node: Node, query: Query) -> str:
    """Hash what was asked for under this node's own secret, so that the journal can show repeats and nothing
    else."""
    asked = {name: value for name in query.__slots__ if (value := getattr(query, name)) is not None}
    asked["today"] = ""
    return hmac.new(
        node.journal_key(), format_json({name: str(value) for name, value in asked.items()}), hashlib.sha256
    ).hexdigest()
