"""Signed statements between members: JWTs with one algorithm, one key id and one type, read strictly.

Guarantees: a statement has exactly one accepted spelling (RFC 7515 compact form, unpadded base64url without
stray bits, a header of `alg`, `kid` and `typ` and nothing else, an object of claims without a key twice), and
its signature is Ed25519 by the key that the caller names. What the claims must say, and whether the signer
may say it, is left to the callers. Specification: README, "Signed statements".
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from protocol.encoding import format_json, parse_object
from protocol.errors import BadSignature, Malformed

KID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""The form of a key id."""

_LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z, the last that a datetime can say
_JWS = jwt.PyJWS(algorithms=["EdDSA"])
_EDDSA = OKPAlgorithm()


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement. Nothing is verified yet: `kid` and `claims` are what somebody says.

    Attributes:
        what: what it is, for error texts.
        signed: the bytes that the signature is over.
    """

    what: str
    signed: bytes
    signature: bytes
    kid: str
    claims: dict[str, Any]

    def verify(self, public: bytes) -> dict[str, Any]:
        """Return the claims once the Ed25519 key `public` (32 bytes) is known to have signed them.

        Raises:
            BadSignature: that key did not sign this.
        """
        try:
            key = Ed25519PublicKey.from_public_bytes(public)
        except ValueError:
            raise BadSignature(f"{self.what}: not a key") from None
        if not _EDDSA.verify(self.signed, key, self.signature):
            raise BadSignature(f"{self.what}: the signature does not verify")
        return self.claims


def format_statement(claims: dict[str, Any], typ: str, kid: str, private: Ed25519PrivateKey) -> str:
    """Sign claims as a JWT in compact form."""
    return _JWS.encode(format_json(claims), private, "EdDSA", {"typ": typ, "kid": kid})


def parse_statement(token: str, typ: str, what: str, limit: int) -> Statement:
    """Read a JWT of one type without verifying it.

    Args:
        typ: the only type that is taken, such as `gmcn-endorsement+jwt`.
        what: what is being read, for the error text.
        limit: the most characters that are looked at.

    Raises:
        Malformed: another form, type or algorithm.
    """
    if len(token) > limit:
        raise Malformed(f"{what}: not a token of at most {limit} characters")
    segments = token.split(".")
    if len(segments) != 3:
        raise Malformed(f"{what}: not three segments")
    header, payload, signature = (_parse_base64url(segment, what) for segment in segments)
    fields = parse_object(header, f"{what} header", limit)
    kid = fields.get("kid")
    if (
        fields != {"alg": "EdDSA", "typ": typ, "kid": kid}
        or not isinstance(kid, str)
        or not KID.fullmatch(kid)
    ):
        raise Malformed(f"{what}: its header must hold alg EdDSA, typ {typ} and kid, and nothing else")
    signed = token.rpartition(".")[0].encode("ascii")
    return Statement(what, signed, signature, kid, parse_object(payload, what, limit))


def find_type(token: str, limit: int) -> str:
    """Return the type that a token says it is of; empty when it says none. Nothing of it is verified."""
    try:
        header = _parse_base64url(token[:limit].partition(".")[0], "token")
        return str(parse_object(header, "token header", limit).get("typ", ""))
    except Malformed:
        return ""


def parse_claim_time(value: Any, what: str) -> datetime:
    """Read a NumericDate claim (RFC 7519) in whole seconds.

    Raises:
        Malformed: not an integer, or outside the years 1970 to 9999.
    """
    if type(value) is not int or not 0 <= value <= _LAST_SECOND:
        raise Malformed(f"{what}: not a time in whole seconds")
    return datetime.fromtimestamp(value, UTC)


def _parse_base64url(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"{what}: not valid base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Malformed(f"{what}: base64url with padding or stray bits")
    return data
