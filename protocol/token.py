"""Request tokens: who is calling whom, for which one request (JWT, EdDSA).

Guarantees: a verified token was signed by a key of its issuer, for this receiver, method, path and body, and
is at most five minutes old. Whether that member may have what it asks for, and whether a write was seen
before, is left to the node.
Specification: README, "Request tokens".
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.errors import Malformed, NotAuthorized
from protocol.jws import format_statement, parse_claim_time, parse_statement

REQUEST_TYPE = "gmcn-request+jwt"
MAX_TOKEN_LENGTH = 4096
MAX_LIFE = timedelta(minutes=5)
LEEWAY = timedelta(minutes=2)
"""How far two members' clocks may be apart before requests fail."""

FindKey = Callable[[str, str, datetime], bytes]
"""`find(member, kid, at)`: the 32-byte token key of that id, valid at that time; raises NotAuthorized when
there is none.
"""


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """A member's token key, under the names by which the roster lists it."""

    member: str
    kid: str
    private: Ed25519PrivateKey

    def sign(self, kind: str, claims: dict[str, Any], now: datetime) -> str:
        """Sign claims as a JWT of the given `typ`, adding `iss` and `iat`."""
        issued = {"iss": self.member, "iat": int(now.timestamp()), **claims}
        return format_statement(issued, kind, self.kid, self.private)


@dataclass(frozen=True, slots=True)
class Claims:
    """The verified claims of a member's token.

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
    """A verified request token. `token_id` is never to be honoured twice before `expires`."""

    issuer: str
    token_id: str
    expires: datetime


def verify_claims(token: str, kind: str, what: str, find: FindKey, limit: int) -> Claims:
    """Verify who signed a token, and that it is of the right kind; its times and meaning are the caller's.

    Args:
        kind: the `typ` that it must have.
        what: what is being read, for the error text.
        limit: the most characters that are looked at.

    Raises:
        Malformed: not a statement of this kind with `iss` and `iat`; see `jws.parse_statement`.
        BadSignature: the key did not sign it.
        NotAuthorized: the issuer has no such key.
    """
    statement = parse_statement(token, kind, what, limit)
    issuer = statement.claims.get("iss")
    if not isinstance(issuer, str):
        raise Malformed(f"{what}: must name its issuer")
    at = parse_claim_time(statement.claims.get("iat"), f"{what} iat")
    return Claims(issuer, at, statement.verify(find(issuer, statement.kid, at)))


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
        NotAuthorized: for another receiver, method, path or body; too old, too long-lived, or from the
            future.
    """
    claims = verify_claims(token, REQUEST_TYPE, "request token", find, MAX_TOKEN_LENGTH)
    expires = parse_claim_time(claims.all.get("exp"), "request token exp")
    expected = {"aud": receiver, "htm": method, "htu": path, "bod": hashlib.sha256(body).hexdigest()}
    for name, value in expected.items():
        if claims.all.get(name) != value:
            raise NotAuthorized(f"request token: made for another request ({name})")
    if expires - claims.at > MAX_LIFE:
        raise NotAuthorized("request token: lives longer than five minutes")
    if claims.at - LEEWAY > now:
        raise NotAuthorized("request token: from the future; check both clocks")
    if expires + LEEWAY <= now:
        raise NotAuthorized("request token: expired; check both clocks")
    return Request(claims.issuer, claims.text("jti"), expires)
