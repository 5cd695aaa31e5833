"""Bundles: an update of feeds as a file, sealed to one member: what it could have pulled, for want of a line.

    <signed statement>\\n                 who has made it for whom, over the SHA-256 of all the rest
    the file's own key, sealed           `sealed.seal`, 1,168 bytes
    chunks of 64 KiB, each with its tag  what they hold is records, one after the other:
        <path> <length>\\n<bytes>

Guarantees: a statement that was verified is for this reader, by a member of the roster; what a chunk was
opened to is what was sealed in this place of this file, and only the last one is the end. What the records
say is held against signatures and hashes by whoever reads them, as in a pull. Specification: README,
"Bundles".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocol.encoding import format_json, parse_decimal, parse_hash, parse_object
from protocol.errors import Malformed, NotAuthorized
from protocol.member import MAX_MEMBER_ID, parse_member_id
from protocol.receipt import MAX_RECEIPT_LENGTH
from protocol.sealed import SEALING_OVERHEAD
from protocol.tiles import parse_tile_path
from protocol.token import LEEWAY, FindKey, TokenSigner, verify_claims

BUNDLE_TYPE = "gmcn-bundle+jwt"
MAX_STATEMENT = 4096
KEY_SIZE = 32
SEALED_KEY_SIZE = KEY_SIZE + SEALING_OVERHEAD
CHUNK_SIZE = 1 << 16
TAG_SIZE = 16
PIECE_BYTES = 1 << 19
"""How much of a bundle is sent over a line at once."""

MAX_RECORD_BYTES = 3_000_000
"""The most bytes of one record."""

MAX_RECORD_HEADER = MAX_MEMBER_ID + 200

_HASH = "[0-9a-f]{64}"
_PATH = re.compile(
    r"mirrors/([a-z0-9.-]+)/(network|police)/"
    rf"(?:(checkpoint)|(readers)|(pruned)/([0-9]+)|tile/(entries)/([0-9x/.p]+)"
    rf"|(documents|direct|photographs)/({_HASH}))",
    re.ASCII,
)
_OTHER = re.compile(r"(known)|(receipts|returned)/[0-9]{1,9}", re.ASCII)
MAX_KNOWN_BYTES = 1 << 20
_MAX_ORIGIN = 255


@dataclass(frozen=True, slots=True)
class BundleStatement:
    """A verified statement.

    Attributes:
        at: when it was made, by its issuer's clock.
        token_id: never used twice; what the file's key is sealed for names it.
        digest: the SHA-256 of everything behind the statement.
    """

    issuer: str
    at: datetime
    token_id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """The path of a record of a feed.

    Attributes:
        kind: what it is of the feed: "checkpoint", "readers", "pruned", "entries", "documents", "direct" (a
            document that its owner alone hands out) or "photographs".
        name: which one, where there are several: the rest of the path.
    """

    member: str
    audience: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class OtherRecord:
    """The path of a record that is not of a feed.

    Attributes:
        kind: "receipts"; "returned", one by the reader, given back because it was taken; or "known", how far
            the issuer has each feed.
    """

    kind: str


Record = FeedRecord | OtherRecord


def format_bundle_statement(
    signer: TokenSigner, receiver: str, digest: bytes, now: datetime, token_id: str
) -> str:
    """Sign what a bundle begins with."""
    return signer.sign(BUNDLE_TYPE, {"aud": receiver, "jti": token_id, "sha256": digest.hex()}, now)


def verify_bundle_statement(token: str, receiver: str, find: FindKey, now: datetime) -> BundleStatement:
    """Verify who has made a bundle, and that it is for this receiver. It may be old: it was carried.

    Raises:
        Malformed, BadSignature: see `token.verify_claims`.
        NotAuthorized: by nobody in the roster, for another member, or from the future.
    """
    claims = verify_claims(token, BUNDLE_TYPE, "bundle", find, MAX_STATEMENT)
    if claims.all.get("aud") != receiver:
        raise NotAuthorized("bundle: made for another member")
    if claims.at - LEEWAY > now:
        raise NotAuthorized("bundle: from the future; check both clocks")
    digest = parse_hash(claims.all.get("sha256"), "bundle sha256")
    return BundleStatement(claims.issuer, claims.at, claims.text("jti"), digest)


def seal_chunk(cipher: ChaCha20Poly1305, index: int, plain: bytes, *, last: bool) -> bytes:
    """Seal a chunk: CHUNK_SIZE bytes, the last one at most as many."""
    return cipher.encrypt(_nonce(index, last=last), plain, None)


def open_chunk(cipher: ChaCha20Poly1305, index: int, sealed: bytes, *, last: bool) -> bytes:
    """Open a chunk.

    Raises:
        Malformed: altered, or another one than the one of this place.
    """
    try:
        return cipher.decrypt(_nonce(index, last=last), sealed, None)
    except InvalidTag:
        raise Malformed("bundle: altered, or cut off") from None


def format_record_header(path: str, length: int) -> bytes:
    """Write what stands before the bytes of a record."""
    return f"{path} {length}\n".encode()


def parse_record_header(line: bytes) -> tuple[Record, int]:
    """Read what stands before the bytes of a record.

    Args:
        line: with its newline.

    Returns:
        What the record is, and how many bytes it has.

    Raises:
        Malformed: another form; or longer than such a record may be.
    """
    path, _, number = line.decode("ascii", "replace").removesuffix("\n").rpartition(" ")
    length = parse_decimal(number, "bundle: length of a record")
    if length > MAX_RECORD_BYTES:
        raise Malformed(f"bundle: a record of more than {MAX_RECORD_BYTES} bytes")
    other = _OTHER.fullmatch(path)
    if other is not None:
        if length > (MAX_KNOWN_BYTES if other[1] else MAX_RECEIPT_LENGTH):
            raise Malformed("bundle: a longer record than there is of its kind")
        return OtherRecord(other[1] or other[2]), length
    found = _PATH.fullmatch(path)
    if found is None:
        raise Malformed("bundle: a record that is not known")
    member = parse_member_id(found[1], "bundle: member of a record")
    if found[7]:
        parse_tile_path(f"tile/entries/{found[8]}")
    kind = next(filter(None, (found[3], found[4], found[5], found[7], found[9])))
    return FeedRecord(member, found[2], kind, found[6] or found[8] or found[10] or ""), length


def format_known(sizes: Mapping[str, int]) -> bytes:
    """Write how far each feed is held, by its origin."""
    return format_json({"feeds": dict(sizes)})


def parse_known(data: bytes) -> dict[str, int]:
    """Read how far each feed is held.

    Raises:
        Malformed: not an object from origins to sizes.
    """
    sizes = parse_object(data, "bundle: known", MAX_KNOWN_BYTES).get("feeds")
    if not isinstance(sizes, dict):
        raise Malformed("bundle: known must name feeds")
    for origin, size in sizes.items():
        if type(size) is not int or not 0 <= size < 1 << 63 or len(origin) > _MAX_ORIGIN:
            raise Malformed("bundle: known must be sizes of feeds")
    return sizes


def _nonce(index: int, *, last: bool) -> bytes:
    """The key is used for one file alone, so that counting makes nonces; the last chunk says that it is."""
    return index.to_bytes(11, "big") + bytes([last])
