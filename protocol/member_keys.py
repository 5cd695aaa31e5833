"""The public keys in a member's entry of the roster: for tokens, for sealing, and those that were replaced.

Guarantees: every key that is read can be used, and stands for one holder. Leaves to others: that no key
serves two purposes or members (`protocol.member`). Specification: README, "Roster and endorsements".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocol.encoding import format_base64, format_time, parse_base64
from protocol.errors import Malformed
from protocol.fields import Fields
from protocol.jws import KID
from protocol.note import VerifierKey

MAX_RETIRED = 4
"""The most replaced keys of one feed, or of a cosigner, that a roster goes on listing."""

ML_KEM_PUBLIC = 1184
SEALING_PUBLIC = ML_KEM_PUBLIC + 32

_PRIME = 2**255 - 19


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that was replaced, and still counts before `until`: for whoever has not met the new one yet."""

    key: VerifierKey
    until: datetime


@dataclass(frozen=True, slots=True)
class TokenKey:
    """An Ed25519 key (32 bytes) for a member's tokens and statements, in force from `since` to before
    `until`."""

    kid: str
    public: bytes
    since: datetime
    until: datetime | None = None

    def valid_at(self, moment: datetime) -> bool:
        """Tell whether the key may sign at this moment."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class SealingKey:
    """An HPKE key of the suite MLKEM768-X25519: 1184 + 32 bytes. What is sealed to it is opened before
    `until`."""

    kid: str
    public: bytes
    until: datetime | None = None


def check_public_key(public: bytes, what: str) -> None:
    """Check that 32 bytes can be an Ed25519 public key that stands for one holder.

    Anyone can make signatures that verify under a point of small order, so such a key would prove nothing.

    Raises:
        Malformed: the point is of small order, or not written in its one form.
    """
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _PRIME:
        raise Malformed(f"{what}: not an Ed25519 key")
    # u = (1 + y) / (1 - y) carries the point to Curve25519, whose exchange refuses those of small order.
    u = (1 + y) * pow(1 - y, _PRIME - 2, _PRIME) % _PRIME
    _check_order(u.to_bytes(32, "little"), what)


def parse_vkey(value: Any, what: str, kind: int) -> VerifierKey:
    """Read a verifier key of one kind (README, "Signed notes").

    Raises:
        Malformed: not one, of another kind, or a point that nobody may use; see `check_public_key`.
    """
    if not isinstance(value, str):
        raise Malformed(f"{what}: must be a verifier key")
    key = VerifierKey.parse(value)
    if key.kind != kind:
        raise Malformed(f"{what}: must be a verifier key of kind {kind:02x}")
    check_public_key(key.public, what)
    return key


def parse_retired(fields: Fields, name: str, kind: int) -> tuple[RetiredKey, ...]:
    """Read a list of replaced keys of one kind; none where the field is not there.

    Raises:
        Malformed: not of the form, or a key of its cannot be used.
    """

    def parse(value: Any, what: str) -> RetiredKey:
        retired = Fields(value, what)
        return RetiredKey(parse_vkey(retired.get("vkey"), f"{what}.vkey", kind), retired.time("until"))

    return fields.list(name, parse, least=1, most=MAX_RETIRED) if fields.has(name) else ()


def format_retired(retired: tuple[RetiredKey, ...]) -> list[dict[str, str]]:
    """Write a list of replaced keys as its JSON value."""
    return [{"vkey": old.key.format(), "until": format_time(old.until)} for old in retired]


def not_ended(retired: tuple[RetiredKey, ...], now: datetime) -> Iterator[VerifierKey]:
    """Give the replaced keys that still count."""
    return (old.key for old in retired if now < old.until)


def parse_token_key(value: Any, what: str) -> TokenKey:
    """Read one entry of `token_keys`.

    Raises:
        Malformed: not of the form, no usable key, or it ends before it begins.
    """
    fields = Fields(value, what)
    key = TokenKey(
        kid=fields.text("kid", KID),
        public=parse_base64(fields.get("public"), f"{what}.public", 32),
        since=fields.time("from"),
        until=fields.time("until") if fields.has("until") else None,
    )
    if key.until is not None and key.until <= key.since:
        raise Malformed(f"{what}: ends before it begins")
    check_public_key(key.public, f"{what}.public")
    return key


def format_token_key(key: TokenKey) -> dict[str, Any]:
    """Write one entry of `token_keys`."""
    value = {"kid": key.kid, "public": format_base64(key.public), "from": format_time(key.since)}
    if key.until is not None:
        value["until"] = format_time(key.until)
    return value


def parse_sealing_key(value: Any, what: str) -> SealingKey:
    """Read one entry of `sealing_keys`.

    Raises:
        Malformed: not of the form, or nothing can be sealed to it.
    """
    fields = Fields(value, what)
    key = SealingKey(
        fields.text("kid", KID),
        parse_base64(fields.get("public"), f"{what}.public", SEALING_PUBLIC),
        fields.time("until") if fields.has("until") else None,
    )
    _check_ml_kem(key.public[:ML_KEM_PUBLIC], what)
    _check_order(key.public[ML_KEM_PUBLIC:], what)
    return key


def format_sealing_key(key: SealingKey) -> dict[str, Any]:
    """Write one entry of `sealing_keys`."""
    value = {"kid": key.kid, "public": format_base64(key.public)}
    if key.until is not None:
        value["until"] = format_time(key.until)
    return value


def _check_ml_kem(public: bytes, what: str) -> None:
    try:
        MLKEM768PublicKey.from_public_bytes(public)
    except ValueError:
        raise Malformed(f"{what}: not an ML-KEM-768 key") from None


def _check_order(public: bytes, what: str) -> None:
    """Check that a Curve25519 point is not of small order: whatever is agreed on with one of these is
    zero."""
    try:
        X25519PrivateKey.from_private_bytes(bytes(32)).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise Malformed(f"{what}: a key of small order, which protects nothing") from None
