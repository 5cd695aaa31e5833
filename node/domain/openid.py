"""OpenID Connect: what an identity provider's documents and tokens must say, and whom a token then names.

Guarantees: an identity is returned only for a token that a key of the provider has signed, by an algorithm of
a short list that fits the key, for this client and this very sign-in, just now, and as strongly as the
member demands. Every refusal is a ProtocolError that names the rule and repeats nothing. How the documents
come here is left to `node.adapters.openid`.
Specification: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; Discovery 1.0, section 4.3.
"""

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import jwt
from jwt.algorithms import OKPAlgorithm

from protocol.encoding import parse_object
from protocol.errors import BadSignature, Malformed, NotAuthorized
from protocol.jws import parse_claim_time
from protocol.token import LEEWAY

MAX_DOCUMENT = 1 << 17
"""The most bytes of the provider's configuration, of its keys, and of its answer to a code."""

ALGORITHMS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "RS256": ("RSA", None),
        "PS256": ("RSA", None),
        "ES256": ("EC", "P-256"),
        "EdDSA": ("OKP", "Ed25519"),
        "Ed25519": ("OKP", "Ed25519"),
    }
)
"""What a token may be signed with, and the kind and curve of key that it takes. Nothing that is symmetric:
with those, whoever knows a public key could sign. "Ed25519" is what RFC 9864 calls EdDSA on that curve."""

BASIC, POST = "client_secret_basic", "client_secret_post"
"""How a client shows its secret: in the header of a request, or in its form."""

_MAX_TOKEN = 16_384
_MAX_KEYS = 100
_MAX_TEXT = 2_000
_MAX_SUBJECT = 255
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?:/[!-\"$-~]*)?",
    re.ASCII,
)
_JUST_NOW = timedelta(minutes=10)
# RSA keys of fewer than 2,048 bits count for nothing.
_JWS = jwt.PyJWS(algorithms=list(ALGORITHMS), options={"enforce_minimum_key_length": True})
_JWS.register_algorithm("Ed25519", OKPAlgorithm())  # PyJWT knows it by its older name alone


class UnknownKey(BadSignature):
    """The token names a key that the provider has not listed; it may have new ones."""


class WrongClock(NotAuthorized):
    """The token's times do not fit: one of the two clocks is wrong."""


class WeakSignIn(NotAuthorized):
    """The person did sign in there, and not as strongly, or as lately, as is demanded here."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says of itself.

    Attributes:
        end_session: where its own session is ended; empty where it offers that to nobody.
        names_itself: whether its answers carry its issuer (RFC 9207).
        takes_secret: how it lets clients show their secret, of BASIC and POST; never nothing.
    """

    issuer: str
    authorization: str
    token: str
    keys: str
    end_session: str
    names_itself: bool
    takes_secret: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of a provider.

    Attributes:
        kid: its name; empty where it has none.
        algorithm: the only one that it is for; empty where the provider does not say.
    """

    kid: str
    kind: str
    curve: str | None
    algorithm: str
    values: Mapping[str, Any]

    def fits(self, kid: str, algorithm: str) -> bool:
        """Tell whether a token that names these may be checked with it."""
        return (
            (self.kind, self.curve) == ALGORITHMS[algorithm]
            and self.algorithm in ("", algorithm)
            and kid in ("", self.kid)
        )


@dataclass(frozen=True, slots=True)
class Demand:
    """What a token must say to let somebody in.

    Attributes:
        acr: of these contexts it must name one; any will do when empty.
        amr: it must name all of these methods.
        max_age: how long ago the person may have proved who they are, at the most.
    """

    issuer: str
    client_id: str
    nonce: str
    acr: Collection[str] = ()
    amr: Collection[str] = ()
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a verified token names. Only both together are one person's."""

    issuer: str
    subject: str


def parse_provider(data: bytes, issuer: str, *, plain_http: bool) -> Provider:
    """Read a provider's configuration.

    Args:
        issuer: whose it must be.
        plain_http: whether addresses without TLS are taken: in a sandbox alone.

    Raises:
        Malformed: it is none, or an address of it cannot be used.
        NotAuthorized: it is another provider's.
    """
    fields = parse_object(data, "provider", MAX_DOCUMENT)
    if fields.get("issuer") != issuer:
        raise NotAuthorized("provider: its configuration names another issuer")

    def address(name: str) -> str:
        value = fields.get(name)
        if not isinstance(value, str) or not is_address(value, plain_http=plain_http):
            raise Malformed(f"provider: {name} is not an https address")
        return value

    methods = fields.get("token_endpoint_auth_methods_supported", [BASIC])
    return Provider(
        issuer,
        address("authorization_endpoint"),
        address("token_endpoint"),
        address("jwks_uri"),
        address("end_session_endpoint") if "end_session_endpoint" in fields else "",
        fields.get("authorization_response_iss_parameter_supported") is True,
        tuple(way for way in (BASIC, POST) if isinstance(methods, list) and way in methods) or (POST,),
    )


def is_address(text: str, *, plain_http: bool) -> bool:
    """Tell whether a text is an address of a provider: https, a host, and neither a name nor a fragment."""
    found = _ADDRESS.fullmatch(text) if len(text) <= _MAX_TEXT else None
    return found is not None and (plain_http or found["scheme"] == "https")


def parse_keys(data: bytes) -> tuple[Key, ...]:
    """Read a provider's keys: those that tokens may be signed with; others are passed over.

    Raises:
        Malformed: it is no list of keys, or one of more than a hundred.
    """
    listed = parse_object(data, "provider keys", MAX_DOCUMENT).get("keys")
    if not isinstance(listed, list) or len(listed) > _MAX_KEYS:
        raise Malformed(f"provider keys: must be a list of at most {_MAX_KEYS}")
    found = (_parse_key(item) for item in listed if isinstance(item, dict))
    return tuple(key for key in found if key is not None)


def _parse_key(values: Mapping[str, Any]) -> Key | None:
    kid, kind, curve, algorithm = (values.get(name, "") for name in ("kid", "kty", "crv", "alg"))
    known = (kind, curve or None) in ALGORITHMS.values() and algorithm in ("", *ALGORITHMS)
    if not known or not isinstance(kid, str) or values.get("use", "sig") != "sig":
        return None
    return Key(kid, kind, curve or None, algorithm, values)


def verify_identity(token: str, keys: Sequence[Key], demand: Demand, now: datetime) -> Identity:
    """Verify an ID token, and return whom it names.

    Raises:
        Malformed: it is none.
        UnknownKey, BadSignature: none of the keys has signed it.
        WrongClock: it is over, or of the future.
        WeakSignIn: less was asked of the person than is demanded.
        NotAuthorized: another provider's, for another client, or of another sign-in.
    """
    claims = _verify_signature(token, keys)
    if claims.get("iss") != demand.issuer:
        raise NotAuthorized("id token: of another issuer")
    _check_audience(claims, demand.client_id)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), demand.nonce.encode()):
        raise NotAuthorized("id token: of another sign-in (nonce)")
    _check_times(claims, now)
    _check_strength(claims, demand, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not is_subject(subject):
        raise Malformed("id token: sub must be a text of at most 255 characters")
    return Identity(demand.issuer, subject)


def is_subject(text: str) -> bool:
    """Tell whether a text may be what a provider calls a person by."""
    return 1 <= len(text) <= _MAX_SUBJECT and text.isascii() and text.isprintable()


def _verify_signature(token: str, keys: Sequence[Key]) -> dict[str, Any]:
    """Return the claims of a token that one of the keys has signed."""
    if len(token) > _MAX_TOKEN:
        raise Malformed(f"id token: longer than {_MAX_TOKEN} characters")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Malformed("id token: not a signed token") from None
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if not isinstance(algorithm, str) or not isinstance(kid, str):
        raise Malformed("id token: its header must name an algorithm")
    if algorithm not in ALGORITHMS or "crit" in header:
        raise BadSignature("id token: not signed by an algorithm that is taken here")
    fitting = [key for key in keys if key.fits(kid, algorithm)]
    if not fitting:
        raise UnknownKey("id token: signed by a key that the provider does not list")
    if len(fitting) > 1:
        raise BadSignature("id token: does not say which of several keys has signed it")
    try:
        public = jwt.PyJWK(dict(fitting[0].values), "EdDSA" if algorithm == "Ed25519" else algorithm).key
        payload = _JWS.decode(token, public, [algorithm])
    except jwt.PyJWTError:
        raise BadSignature("id token: the signature does not verify") from None
    return parse_object(payload, "id token", _MAX_TOKEN)


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience, party = claims.get("aud"), claims.get("azp")
    several = audience if isinstance(audience, list) else [audience]
    if client_id not in several:
        raise NotAuthorized("id token: for another client (aud)")
    if party not in ((client_id,) if len(several) > 1 else (None, client_id)):
        raise NotAuthorized("id token: for another client (azp)")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    issued = parse_claim_time(claims.get("iat"), "id token iat")
    expires = parse_claim_time(claims.get("exp"), "id token exp")
    begins = parse_claim_time(claims.get("nbf", claims.get("iat")), "id token nbf")
    if max(issued, begins) - LEEWAY > now:
        raise WrongClock("id token: from the future; check both clocks")
    if expires + LEEWAY <= now or issued + _JUST_NOW + LEEWAY <= now:
        raise WrongClock("id token: expired; check both clocks")


def _check_strength(claims: Mapping[str, Any], demand: Demand, now: datetime) -> None:
    if demand.acr and claims.get("acr") not in demand.acr:
        raise WeakSignIn("id token: not the demanded acr")
    methods = claims.get("amr", [])
    if demand.amr and not (isinstance(methods, list) and all(name in methods for name in demand.amr)):
        raise WeakSignIn("id token: not the demanded amr")
    if demand.max_age is not None:
        proved = parse_claim_time(claims.get("auth_time"), "id token auth_time")
        if proved + demand.max_age + LEEWAY <= now:
            raise WeakSignIn("id token: the sign-in at the provider is too old")
