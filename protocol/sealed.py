"""Sealing: bytes that one member alone can open, today and after quantum computers (HPKE, RFC 9180).

Guarantees: what was opened was sealed to one of the given keys, for exactly this purpose, sender, receiver
and id, and has not been altered; whatever bytes come in, nothing but `Malformed` comes out. Who sealed it is
not known: anybody can seal to a public key, so the sender's word is the signed statement around it.
Specification: README, "Sealing".
"""

from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from protocol.encoding import format_json
from protocol.errors import Malformed
from protocol.member_keys import ML_KEM_PUBLIC, SealingKey

SEALING_OVERHEAD = 1120 + 16
"""How many bytes sealing adds: the encapsulation, and the tag."""

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def sealing_info(kind: str, issuer: str, audience: str, token_id: str) -> bytes:
    """Say what sealed bytes are for: whoever opens them must say the same, or cannot.

    Args:
        kind: the type of the message, or what else is sealed.
        issuer, audience: who sends and who receives.
        token_id: the `jti` of the statement that goes with it.
    """
    return format_json([kind, issuer, audience, token_id])


def seal(key: SealingKey, plain: bytes, info: bytes) -> bytes:
    """Seal bytes to a member's key, of which the last one in the roster is in use.

    Raises:
        Malformed: nothing can be sealed to such a key (`roster.parse_roster` refuses those).
    """
    try:
        public = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(key.public[:ML_KEM_PUBLIC]),
            X25519PublicKey.from_public_bytes(key.public[ML_KEM_PUBLIC:]),
        )
        return _SUITE.encrypt(plain, public, info=info)
    except ValueError:
        raise Malformed("sealing key: nothing can be sealed to it") from None


def open_sealed(keys: Iterable[MLKEM768X25519PrivateKey], sealed: bytes, info: bytes) -> bytes:
    """Open sealed bytes with whichever of a member's keys they were sealed to.

    Args:
        keys: while a key is replaced, the old and the new one.
        info: what the sealed bytes must have been made for; see `sealing_info`.

    Raises:
        Malformed: none of the keys opens them for this purpose.
    """
    for key in keys:
        try:
            return _SUITE.decrypt(sealed, key, info=info)
        except InvalidTag:
            continue
    raise Malformed("sealed bytes: altered, sealed to another key, or for another purpose")
