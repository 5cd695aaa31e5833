"""Request tokens: who is calling whom, for which one request (JWT, EdDSA).

Guarantees: a verified token was signed by a key of its issuer, for this receiver, method, path and body, and is at most five minutes old.
Whether that member may have what it asks for, and whether a write was seen before, is left to the node. Specification: README, "Request tokens".
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.errors import BadSignature, Malformed, NotAuthorized

REQUEST_TYPE = "gmcn-request+jwt"
MAX_TOKEN_BYTES = 8192
MAX_LIFE = timedelta(minutes=5)
LEEWAY = timedelta(minutes=2)
"""How far two members' clocks may be apart before requests fail."""

FindKey = Callable[[str, str, datetime], Ed25519PublicKey]
"""`find(member, kid, at)`: the member's token key of that id, valid at that time; raises NotAuthorized otherwise."""


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """A member's token key, and the names under which the roster lists it."""

    member: str
    kid: str
    private: Ed25519PrivateKey

    def sign(self, kind: str, claims: dict[str, Any], now: datetime) -> str:
        """Sign claims as a JWT of the given `typ`, adding `iss` and `iat`."""
        issued = {"iss": self.member, "iat": int(now.timestamp()), **claims}
        return jwt.encode(issued, self.private, algorithm="EdDSA", headers={"typ": kind, "kid": self.kid})


@dataclass(frozen=True, slots=True)
class Claims:
    """The verified claims of a token.

    Attributes:
        issuer: the member that signed.
        at: when, by its own clock.
        all: every claim.
    """

    issuer: str
    at: datetime
    all: dict[str, Any]

    def text(self, name: str) -> str:
        """Return a claim that must be a non-empty text of at most 1,000 characters.

        Raises:
            Malformed: it is absent or something else.
        """
        value = self.all.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= 1000:
            raise Malformed(f"token: claim {name} must be a text")
        return value


@dataclass(frozen=True, slots=True)
class Request:
    """A verified request token."""

    issuer: str
    token_id: str
    expires: datetime


def verify_claims(token: str | bytes, kind: str, find: FindKey, limit: int = MAX_TOKEN_BYTES) -> Claims:
    """Verify who signed a token, and that it is of the right kind; its times and meaning are the caller's.

    Raises:
        Malformed: not a JWT of this `typ`, signed with EdDSA, with `iss`, `iat` and `kid`.
        BadSignature: the key did not sign it.
        NotAuthorized: the issuer has no such key.
    """
    data = token.encode() if isinstance(token, str) else token
    if len(data) > limit:
        raise Malformed(f"token: longer than {limit} bytes")
    try:
        header = jwt.get_unverified_header(data)
        claims = jwt.decode(data, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Malformed("token: not a JWT") from None
    issuer, issued, kid = claims.get("iss"), claims.get("iat"), header.get("kid")
    if header.get("typ") != kind or header.get("alg") != "EdDSA" or header.get("crit") is not None:
        raise Malformed(f"token: not of type {kind} signed with EdDSA")
    if not isinstance(issuer, str) or not isinstance(kid, str):
        raise Malformed("token: must name its issuer and key")
    at = _moment(issued, "iat")
    key = find(issuer, kid, at)
    try:
        verified = jwt.decode(data, key, algorithms=["EdDSA"], options=_SIGNATURE_ONLY)
    except (jwt.PyJWTError, ValueError):
        raise BadSignature("token: its signature does not verify") from None
    return Claims(issuer, at, verified)


def sign_request(
    signer: TokenSigner, audience: str, method: str, path: str, body: bytes, now: datetime, token_id: str
) -> str:
    """Sign one request.

    Args:
        audience: the member that is called.
        path: as sent, with its query if any.
        body: empty when there is none.
        token_id: random, never used twice.
    """
    claims = {
        "aud": audience,
        "exp": int((now + MAX_LIFE).timestamp()),
        "jti": token_id,
        "htm": method,
        "htu": path,
        "bod": hashlib.sha256(body).hexdigest(),
    }
    return signer.sign(REQUEST_TYPE, claims, now)


def verify_request(
    token: str, receiver: str, method: str, path: str, body: bytes, find: FindKey, now: datetime
) -> Request:
    """Verify that a token was made for this very request.

    Raises:
        Malformed, BadSignature: see `verify_claims`.
        NotAuthorized: for another receiver, method, path or body; too old, too long-lived, or from the future.
    """
    claims = verify_claims(token, REQUEST_TYPE, find)
    expires = _moment(claims.all.get("exp"), "exp")
    expected = {"aud": receiver, "htm": method, "htu": path, "bod": hashlib.sha256(body).hexdigest()}
    for name, value in expected.items():
        if claims.all.get(name) != value:
            raise NotAuthorized(f"token: made for another request ({name})")
    if expires - claims.at > MAX_LIFE:
        raise NotAuthorized("token: lives longer than five minutes")
    if claims.at - LEEWAY > now:
        raise NotAuthorized("token: from the future; check both clocks")
    if expires + LEEWAY <= now:
        raise NotAuthorized("token: expired; check both clocks")
    return Request(claims.issuer, claims.text("jti"), expires)


_SIGNATURE_ONLY: Any = {
    "verify_aud": False,
    "verify_iat": False,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def _moment(value: Any, name: str) -> datetime:
    if type(value) is not int or not 0 <= value < 1 << 33:
        raise Malformed(f"token: claim {name} must be a time in seconds")
    return datetime.fromtimestamp(value, UTC)
