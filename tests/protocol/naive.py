"""RFC 6962 section 2.1 word for word: slow, recursive, over whole lists of entries. What protocol/ is held
against. HPKE likewise. Also keys and leaves that are the same in every run.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, date, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

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


def open_hpke(kem: int, secret: bytes, sealed: bytes, info: bytes) -> bytes:
    """RFC 9180 sections 4 and 5.1 word for word, for HKDF-SHA256 and ChaCha20-Poly1305 in base mode.

    Args:
        kem: the KEM's registered number.
        secret: the shared secret that it gave.
        sealed: the ciphertext without the encapsulation.
    """
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (kem, 1, 3))
    context = b"\0" + _extract(b"", suite, b"psk_id_hash", b"") + _extract(b"", suite, b"info_hash", info)
    shared = _extract(secret, suite, b"secret", b"")
    key = _expand(shared, suite, b"key", context, 32)
    nonce = _expand(shared, suite, b"base_nonce", context, 12)
    return ChaCha20Poly1305(key).decrypt(nonce, sealed, b"")


def agree_x25519(private: X25519PrivateKey, encapsulated: bytes) -> bytes:
    """RFC 9180 section 4.1: DHKEM(X25519, HKDF-SHA256)."""
    suite = b"KEM" + (0x20).to_bytes(2, "big")
    shared = private.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    context = encapsulated + private.public_key().public_bytes_raw()
    return _expand(_extract(b"", suite, b"eae_prk", shared), suite, b"shared_secret", context, 32)


def agree_hybrid(post_quantum: MLKEM768PrivateKey, classical: X25519PrivateKey, encapsulated: bytes) -> bytes:
    """MLKEM768-X25519, the X-Wing combiner: SHA3-256 over both secrets, the X25519 halves and the label."""
    ciphertext, ephemeral = encapsulated[:1088], encapsulated[1088:]
    shared = post_quantum.decapsulate(ciphertext)
    exchanged = classical.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    own = classical.public_key().public_bytes_raw()
    return hashlib.sha3_256(shared + exchanged + ephemeral + own + b"\\.//^\\").digest()


def _extract(salt: bytes, suite: bytes, label: bytes, material: bytes) -> bytes:
    """LabeledExtract."""
    return hmac.digest(salt, b"HPKE-v1" + suite + label + material, "sha256")


def _expand(key: bytes, suite: bytes, label: bytes, info: bytes, size: int) -> bytes:
    """LabeledExpand, for sizes of one hash at most."""
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labelled + b"\x01", "sha256")[:size]
