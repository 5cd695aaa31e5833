"""What all vectors are made from: members, moments, keys, salts and nonces, derived from names."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.leaf import ERASE, PUT, Leaf
from protocol.note import (
    ED25519,
    Ed25519Signer,
    format_note,
)
from protocol.tlog import (
    EMPTY,
    Frontier,
    leaf_hash,
)
from tests.members import NOW, MemberKeys

FOLDER = Path(__file__).parent


POLICE = "police.fr.example"


NGO = "enfants.fr.example"


ORIGIN = f"{POLICE}/network"


EXPIRES = date(2027, 5, 20)


AT, EARLY = "2026-11-21T20:14:00Z", "2026-11-21T20:11:59Z"


Vectors = dict[str, Any]


def derived(name: str, size: int = 32) -> bytes:
    """Derive bytes from a name: SHAKE-256 of it."""
    return hashlib.shake_256(f"gmcn test vector: {name}".encode()).digest(size)


def private_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derived(name))


def signer(name: str, kind: int = ED25519, seed: str = "") -> Ed25519Signer:
    return Ed25519Signer(name, kind, private_key(seed or name))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def key_values(one: Ed25519Signer) -> Vectors:
    return {"vkey": one.key.format(), "private": b64(one.private.private_bytes_raw())}


def case_id(name: str, member: str = POLICE) -> str:
    return f"{member}/{base64.b32encode(derived(name, 16)).decode().rstrip('=').lower()}"


def frontier_of(entries: Sequence[bytes]) -> Frontier:
    return EMPTY.extended(map(leaf_hash, entries))


def put(name: str, version: int = 1, digest: bytes | None = None, expires: date = EXPIRES) -> Leaf:
    nonce = derived(f"nonce {name} {version}", 16)
    return Leaf(PUT, case_id(name), version, digest or derived(f"{name} {version}"), expires, NOW, nonce)


def erase(name: str, version: int) -> Leaf:
    return Leaf(ERASE, case_id(name), version, None, EXPIRES, NOW, derived(f"nonce {name} {version}", 16))


def signed_tree(log: Ed25519Signer, entries: Sequence[bytes], origin: str = ORIGIN) -> str:
    tree_head = Checkpoint(origin, len(entries), frontier_of(entries).root())
    return format_note(sign_checkpoint(tree_head, log)).decode()


def member_keys(member: str, kind: str) -> MemberKeys:
    sealing = (
        MLKEM768PrivateKey.from_seed_bytes(derived(f"{member} sealing", 64)),
        X25519PrivateKey.from_private_bytes(derived(f"{member} sealing x25519")),
    )
    audiences = ("network", "police") if kind == "law_enforcement" else ("network",)
    return MemberKeys(
        member,
        kind="ngo" if kind == "ngo" else "law_enforcement",
        feeds={audience: private_key(f"{member}/{audience}") for audience in audiences},
        token=private_key(f"{member} token"),
        cosigner=private_key(f"{member} cosigner"),
        sealing=sealing,
    )


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
