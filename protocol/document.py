"""Documents: a summary or supplement as its parts, and the digest that a leaf carries.

Guarantees: the bytes of a document are hashed, kept and served as they are; a document that was verified has
the digest of its leaf and a head that says the same as the leaf. What the parts must hold is left to the JSON
Schemas. Specification: README, "Documents".
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.encoding import format_base64, format_json, parse_object, parse_time
from protocol.errors import BadProof, Malformed
from protocol.leaf import Leaf

SALT_SIZE = 32
MAX_DOCUMENT_BYTES = 1 << 16
DIGEST_PREFIX = b"gmcn/document/v1\n"

PARTS: Mapping[str, tuple[str, ...]] = {
    "summary/1": ("head", "public", "network"),
    "supplement/1": ("head", "police"),
}
"""The parts of each document, in their order on the wire, by the schema's name and major version."""

AUDIENCE_SCHEMA: Mapping[str, str] = {"network": "summary/1", "police": "supplement/1"}
"""Which document a feed carries."""


_SCHEMA = re.compile(r"([a-z]{1,32}/[1-9][0-9]{0,3})\.(?:0|[1-9][0-9]{0,3})", re.ASCII)


# The one spelling of 32 bytes: 43 digits, of which the last has two bits that must be 0.
_SALT = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """A document whose digest and head were held against its leaf.

    Attributes:
        data: the bytes as received.
        parts: the parsed parts by name, in order.
    """

    data: bytes
    parts: dict[str, dict[str, Any]]


def format_document(parts: Mapping[str, Mapping[str, Any]], salts: Sequence[bytes]) -> bytes:
    """Write a document.

    Args:
        parts: by name, in wire order, each without its salt.
        salts: 32 random bytes for each part.
    """
    lines = (
        format_json({**part, "salt": format_base64(salt)})
        for part, salt in zip(parts.values(), salts, strict=True)
    )
    return b"".join(line + b"\n" for line in lines)


def split_document(data: bytes) -> list[bytes]:
    """Split a document's bytes into its parts, each without its newline.

    Raises:
        Malformed: too long, without the final newline, or with more lines than any document has.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise Malformed(f"document: longer than {MAX_DOCUMENT_BYTES} bytes")
    lines = data.split(b"\n")
    if lines.pop() != b"" or not 2 <= len(lines) <= 3:
        raise Malformed("document: must be two or three lines, each ending in a newline")
    return lines


def digest_parts(hashes: Sequence[bytes]) -> bytes:
    """Compute a document's digest from the SHA-256 hashes of its parts, so that a part may be withheld and
    the rest still checked.
    """
    return hashlib.sha256(DIGEST_PREFIX + b"".join(hashes)).digest()


def digest_document(data: bytes) -> bytes:
    """Compute the digest of a whole document.

    Raises:
        Malformed: not two or three lines.
    """
    return digest_parts([hashlib.sha256(line).digest() for line in split_document(data)])


def verify_document(data: bytes, leaf: Leaf, audience: str) -> Document:
    """Hold a document against the verified leaf that announced it.

    Args:
        audience: of the feed, "network" or "police".

    Returns:
        The document, parsed; its content has still to be held against its JSON Schema.

    Raises:
        BadProof: another digest than the leaf's.
        Malformed: parts, salts or head not of the specified form, or a head that says otherwise than the
            leaf.
    """
    return Document(data, verify_excerpt(split_document(data), [], leaf, audience))


def verify_excerpt(
    lines: Sequence[bytes], withheld: Sequence[bytes], leaf: Leaf, audience: str
) -> dict[str, dict[str, Any]]:
    """Hold the first parts of a document against the verified leaf that announced the whole.

    Args:
        lines: the parts, head first, each without its newline.
        withheld: the SHA-256 of each part behind them.
        audience: of the feed, "network" or "police".

    Returns:
        The parts by name, parsed.

    Raises:
        BadProof, Malformed: see `verify_document`.
    """
    if digest_parts([*(hashlib.sha256(line).digest() for line in lines), *withheld]) != leaf.digest:
        raise BadProof("document: its digest is not the one in the feed")
    if any(b"\n" in line for line in lines):
        raise Malformed("document: a newline inside a part")
    parsed = [parse_object(line, "document part", MAX_DOCUMENT_BYTES) for line in lines]
    names = PARTS[_document_kind(parsed[0], audience)]
    if len(names) != len(lines) + len(withheld):
        raise Malformed("document: has not the parts of its schema")
    for part in parsed:
        if not isinstance(salt := part.get("salt"), str) or not _SALT.fullmatch(salt):
            raise Malformed("document salt: not the base64 of 32 bytes")
    _check_head(parsed[0], leaf)
    return dict(zip(names, parsed, strict=False))


def _document_kind(head: Mapping[str, Any], audience: str) -> str:
    schema = head.get("schema")
    match = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if not match or match[1] != AUDIENCE_SCHEMA.get(audience):
        raise Malformed("document: its schema is not one for this feed")
    return match[1]


def _check_head(head: Mapping[str, Any], leaf: Leaf) -> None:
    """The head repeats the leaf; a difference would let an owner say one thing to the log and another to the
    reader.
    """
    for member, expected in (
        ("case", leaf.case),
        ("version", leaf.version),
        ("issuer", leaf.case.partition("/")[0]),
        ("expires_at", leaf.expires.isoformat()),
    ):
        value = head.get(member)
        if value != expected or type(value) is not type(expected):
            raise Malformed(f"document: head.{member} is not what the leaf says")
    updated = parse_time(head.get("updated_at"), "head.updated_at")
    if updated != leaf.at:
        raise Malformed("document: head.updated_at is not the time of the leaf")
    if parse_time(head.get("issued_at"), "head.issued_at") > updated:
        raise Malformed("document: head.issued_at is after head.updated_at")
