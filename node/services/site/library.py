"""The library of the public site: documents that a member hands out, each with what it has signed of it.

Guarantees: a document is a PDF or a text by its content, whatever it is called; what is shown of it was
signed by this member over its very bytes, and one whose signature does not verify is shown to nobody outside;
the journal says who added, renewed or removed which.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

from node.adapters.site_folder import MAX_DOCUMENT_BYTES, Filed, Kind
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import KeylessNode, Node
from node.store.database import writing
from node.store.journal import JournalEntry, write_journal
from protocol.errors import ProtocolError
from protocol.resource import Resource, format_resource, verify_resource
from protocol.signs import is_readable

TOPICS = ("if-missing", "abduction", "runaway", "online", "prevention", "professionals", "other")
"""What documents are about."""

MEDIA_TYPES: Mapping[Kind, str] = MappingProxyType(
    {"pdf": "application/pdf", "txt": "text/plain; charset=utf-8"}
)

MAX_DOCUMENTS = 500
MAX_FACT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is said of a document; see `protocol.resource.Resource`."""

    title: str
    language: str
    licence: str
    topic: str
    review: date


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the library.

    Attributes:
        facts: None where what stands beside it does not verify: it was not signed by this member, or is about
            another document.
        signed_at: when its facts were signed.
    """

    filed: Filed
    facts: Facts | None
    signed_at: datetime | None

    def is_due(self, today: date) -> bool:
        """Tell whether somebody should look again whether it still holds."""
        return self.facts is None or self.facts.review <= today


def list_documents(node: KeylessNode) -> list[Document]:
    """List every document, by title; those that do not verify come first."""
    found = [_read(node, filed) for filed in node.site_folder.list_documents()]
    return sorted(
        found, key=lambda one: (one.facts is not None, one.facts.title.casefold() if one.facts else "")
    )


def list_shown(node: KeylessNode) -> list[tuple[Document, Facts]]:
    """List the documents that are handed out, by title."""
    return [(found, found.facts) for found in list_documents(node) if found.facts is not None]


def find_document(node: KeylessNode, sha256: str) -> Document:
    """Find a document by the hash of its bytes.

    Raises:
        NotFound: there is none.
    """
    for filed in node.site_folder.list_documents():
        if filed.sha256 == sha256:
            return _read(node, filed)
    raise _nothing()


def read_shown_document(node: KeylessNode, sha256: str) -> tuple[Document, bytes]:
    """Return a document that is handed out, and its bytes.

    Raises:
        NotFound: there is none, or it does not verify.
    """
    found = find_document(node, sha256)
    if found.facts is None:
        raise _nothing()
    return found, node.site_folder.read_document(sha256, found.filed.kind)


def count_due(node: KeylessNode) -> int:
    """Count the documents that somebody should look at again."""
    today = node.now().date()
    return sum(found.is_due(today) for found in list_documents(node))


def add_document(node: Node, data: bytes, facts: Facts, actor: str) -> str:
    """Sign what is said of a document, and put both into the library. Returns the hash of its bytes.

    Raises:
        InvalidInput: it is neither a PDF nor a text, or too large; or something said of it cannot be taken.
        Conflict: it is there already, or the library is full.
    """
    kind = find_kind(data)
    sha256 = hashlib.sha256(data).hexdigest()
    with node.site_folder.turn():
        held = node.site_folder.list_documents()
        if any(filed.sha256 == sha256 for filed in held):
            raise Conflict("This document is in the library already.", "Change what is said of it there.")
        if len(held) >= MAX_DOCUMENTS:
            raise Conflict("The library is full.", "Remove a document that nobody needs any more.")
        _sign(node, data, kind, facts)
        _note(node, actor, "site.document-add", sha256)
    return sha256


def change_document(node: Node, sha256: str, facts: Facts, actor: str) -> None:
    """Sign anew what is said of a document, such as a later day of review.

    Raises:
        NotFound: there is none.
        InvalidInput: something said of it cannot be taken.
    """
    with node.site_folder.turn():
        kind = find_document(node, sha256).filed.kind
        _sign(node, node.site_folder.read_document(sha256, kind), kind, facts)
        _note(node, actor, "site.document-change", sha256)


def remove_document(node: KeylessNode, sha256: str, actor: str) -> None:
    """Take a document out of the library.

    Raises:
        NotFound: there is none.
    """
    with node.site_folder.turn():
        find_document(node, sha256)
        node.site_folder.remove_document(sha256)
        _note(node, actor, "site.document-remove", sha256)


def find_kind(data: bytes) -> Kind:
    """Tell what a document is, by its content.

    Raises:
        InvalidInput: neither a PDF nor a text, or too large.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidInput(
            "The document is larger than %(most)s MB.",
            "Save it smaller: pictures in it take most of the room.",
            most=MAX_DOCUMENT_BYTES // 1_000_000,
        )
    if data.startswith(b"%PDF-") and b"%%EOF" in data[-2048:]:
        return "pdf"
    if _is_text(data):
        return "txt"
    raise InvalidInput("The document is neither a PDF nor a plain text.", "Save it as PDF, and try again.")


def _is_text(data: bytes) -> bool:
    """Tell whether it is a text, and nothing that a program could take for a page of the web or a PDF."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        return False
    printable = all(ord(letter) >= 32 or letter in "\t\r\n\f" for letter in text)
    return bool(text) and printable and not text.startswith(("<", "%PDF-"))


def _read(node: KeylessNode, filed: Filed) -> Document:
    """Verify what stands beside a document."""
    try:
        signed = verify_resource(filed.statement, node.network().roster.token_key)
    except ProtocolError:
        return Document(filed, None, None)
    said = signed.resource
    same = said.digest.hex() == filed.sha256 and said.media_type == MEDIA_TYPES[filed.kind]
    if signed.issuer != node.member or not same:
        return Document(filed, None, None)
    facts = Facts(
        title=said.title, language=said.language, licence=said.licence, topic=said.topic, review=said.review
    )
    return Document(filed, facts, signed.at)


def _sign(node: Node, data: bytes, kind: Kind, facts: Facts) -> None:
    facts = _checked(facts)
    said = Resource(
        hashlib.sha256(data).digest(),
        MEDIA_TYPES[kind],
        facts.title,
        facts.language,
        facts.licence,
        facts.topic,
        facts.review,
    )
    node.site_folder.write_document(data, kind, format_resource(node.token_signer(), said, node.now()))


def _checked(facts: Facts) -> Facts:
    """Take off spaces, and refuse what cannot be said."""
    found = replace(
        facts, **{name: getattr(facts, name).strip() for name in ("title", "language", "licence")}
    )
    problems = [
        f"{name}: 1 to {MAX_FACT} letters on one line are needed"
        for name in ("title", "language", "licence")
        if not 0 < len(getattr(found, name)) <= MAX_FACT or not is_readable(getattr(found, name))
    ]
    if found.topic not in TOPICS:
        problems.append(f"topic: one of {', '.join(TOPICS)} is needed")
    if problems:
        raise InvalidInput("What is said of the document cannot be taken.", "Change what is named.", problems)
    return found


def _note(node: KeylessNode, actor: str, action: str, sha256: str) -> None:
    with writing(node.engine) as conn:
        write_journal(conn, JournalEntry(node.clock(), actor, action, fields=[sha256]))


def _nothing() -> NotFound:
    return NotFound("There is no such document.", "Look at the list of documents.")
