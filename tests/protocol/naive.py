"""RFC 6962 section 2.1 word for word: slow, recursive, over whole lists of entries. What protocol/ is held
against. Also keys and leaves that are the same in every run.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.feed import FeedHead, grow
from protocol.leaf import ERASE, PUT, Leaf
from protocol.note import ED25519, Ed25519Signer
from protocol.tiles import TileRef
from protocol.tlog import NodeReader

MEMBER = "police.fr.example"
ORIGIN = f"{MEMBER}/network"
AT = datetime(2026, 11, 21, 20, 14, tzinfo=UTC)
EXPIRES = date(2027, 5, 20)


def sha256(*parts: bytes) -> bytes:
    """Hash the parts one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def tree_hash(entries: Sequence[bytes]) -> bytes:
    """MTH(D[n])."""
    if not entries:
        return sha256()
    if len(entries) == 1:
        return sha256(b"\x00", entries[0])
    k = split(len(entries))
    return sha256(b"\x01", tree_hash(entries[:k]), tree_hash(entries[k:]))


def audit_path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*audit_path(m, entries[:k]), tree_hash(entries[k:])]
    return [*audit_path(m - k, entries[k:]), tree_hash(entries[:k])]


def subproof(m: int, entries: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b); PROOF(m, D[n]) with `whole`."""
    if m == len(entries):
        return [] if whole else [tree_hash(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], whole), tree_hash(entries[k:])]
    return [*subproof(m - k, entries[k:], False), tree_hash(entries[:k])]


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def node_reader(entries: Sequence[bytes]) -> NodeReader:
    """Read the nodes of the tree over these entries."""
    return lambda level, index: tree_hash(entries[index << level : (index + 1) << level])


def signer(name: str = ORIGIN, kind: int = ED25519, seed: int = 1) -> Ed25519Signer:
    """A signer whose key is told by its seed."""
    return Ed25519Signer(name, kind, private_key(seed))


def private_key(seed: int) -> Ed25519PrivateKey:
    """The same key for the same seed."""
    return Ed25519PrivateKey.from_private_bytes(sha256(b"test key", bytes([seed])))


def case_id(number: int, member: str = MEMBER) -> str:
    """The id of a member's n-th case."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return f"{member}/" + "".join(letters[number >> (5 * i) & 31] for i in range(26))


def put(number: int = 0, version: int = 1, expires: date = EXPIRES, digest: bytes | None = None) -> Leaf:
    """A put leaf."""
    digest = digest or sha256(b"document", number.to_bytes(4, "big"), version.to_bytes(4, "big"))
    return Leaf(PUT, case_id(number), version, digest, expires, AT, sha256(b"nonce", digest)[:16])


def erase(number: int = 0, version: int = 2, expires: date = EXPIRES) -> Leaf:
    """An erase leaf."""
    return Leaf(ERASE, case_id(number), version, None, expires, AT, sha256(b"erase", bytes([version]))[:16])


def grown(entries: Sequence[bytes], steps: Sequence[int] = ()) -> tuple[FeedHead, dict[TileRef, bytes]]:
    """Write a feed in steps of the given sizes, then the rest at once; return its head and every file that
    was ever written.
    """
    head, place = FeedHead(ORIGIN), 0
    files: dict[TileRef, bytes] = {}
    for step in (*steps, len(entries)):
        growth = grow(head, entries[place : place + step])
        head, place = growth.head, place + step
        files.update(growth.files)
    return head, files
