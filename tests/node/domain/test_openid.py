"""Whom an identity provider's token names, and every way in which it may name nobody."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm

from node.domain.openid import (
    BASIC,
    POST,
    Demand,
    Identity,
    UnknownKey,
    WeakSignIn,
    WrongClock,
    is_address,
    parse_keys,
    parse_provider,
    verify_identity,
)
from protocol.errors import BadSignature, Malformed, NotAuthorized, ProtocolError
from tests.providers import PRIVATE_KEYS, public_jwk

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ISSUER = "https://login.police.example/realms/police"
DEMAND = Demand(ISSUER, "console", "the nonce")
LISTED = [public_jwk(key, name, name) for name, key in PRIVATE_KEYS.items()]
CLAIMS = {
    "iss": ISSUER,
    "sub": "c0ffee",
    "aud": "console",
    "iat": SECONDS,
    "exp": SECONDS + 300,
    "nonce": "the nonce",
}
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


def keys_of(*listed: dict[str, Any]) -> Any:
    return parse_keys(json.dumps({"keys": listed or LISTED}).encode())


def token(algorithm: str = "RS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    given = {"kid": algorithm} if headers is None else headers
    return jwt.encode(said, PRIVATE_KEYS[algorithm], algorithm, given)


def verify(text: str, demand: Demand = DEMAND, keys: Any = None) -> Identity:
    return verify_identity(text, keys or keys_of(), demand, NOW)


@pytest.mark.parametrize("algorithm", list(PRIVATE_KEYS))
def test_a_token_names_whoever_signed_in(algorithm: str) -> None:
    assert verify(token(algorithm)) == Identity(ISSUER, "c0ffee")


def test_a_token_may_call_its_algorithm_as_rfc_9864_does() -> None:
    signer = jwt.PyJWS()
    signer.register_algorithm("Ed25519", OKPAlgorithm())
    key = PRIVATE_KEYS["EdDSA"]
    signed = signer.encode(json.dumps(CLAIMS).encode(), key, "Ed25519", {"kid": "new"})
    for algorithm in ("", "Ed25519"):
        assert verify(signed, keys=keys_of(public_jwk(key, "new", algorithm))).subject == "c0ffee"
    for other in ("ES256", "RS256"):
        with pytest.raises(BadSignature):
            verify(signed, keys=keys_of(public_jwk(PRIVATE_KEYS[other], "new")))
    with pytest.raises(BadSignature):
        verify(f"{signed[:-8]}AAAAAAAA", keys=keys_of(public_jwk(key, "new")))


@pytest.mark.parametrize(
    ("claims", "error", "words"),
    [
        ({"iss": "https://other.example"}, NotAuthorized, "issuer"),
        ({"iss": f"{ISSUER}/"}, NotAuthorized, "issuer"),
        ({"iss": None}, NotAuthorized, "issuer"),
        ({"aud": "another"}, NotAuthorized, "aud"),
        ({"aud": []}, NotAuthorized, "aud"),
        ({"aud": None}, NotAuthorized, "aud"),
        ({"aud": {"console": 1}}, NotAuthorized, "aud"),
        ({"aud": ["console", "another"]}, NotAuthorized, "azp"),
        ({"aud": ["console", "another"], "azp": "another"}, NotAuthorized, "azp"),
        ({"azp": "another"}, NotAuthorized, "azp"),
        ({"nonce": "another"}, NotAuthorized, "nonce"),
        ({"nonce": None}, NotAuthorized, "nonce"),
        ({"nonce": "ноnce"}, NotAuthorized, "nonce"),
        ({"nonce": 7}, NotAuthorized, "nonce"),
        ({"exp": SECONDS - 120}, WrongClock, "expired"),
        ({"iat": SECONDS - 12 * 60}, WrongClock, "expired"),
        ({"iat": SECONDS + 121}, WrongClock, "future"),
        ({"nbf": SECONDS + 121}, WrongClock, "future"),
        ({"exp": None}, Malformed, "exp"),
        ({"iat": None}, Malformed, "iat"),
        ({"sub": None}, Malformed, "sub"),
        ({"sub": ""}, Malformed, "sub"),
        ({"sub": "a" * 256}, Malformed, "sub"),
        ({"sub": "a\nb"}, Malformed, "sub"),
    ],
)
def test_a_token_that_says_something_else_is_refused(
    claims: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        verify(token(**claims))


def test_several_audiences_need_a_word_about_who_asked() -> None:
    assert verify(token(aud=["console", "another"], azp="console")).subject == "c0ffee"
    assert verify(token(aud=["console"])).subject == "c0ffee"


def test_times_that_are_nearly_right_are() -> None:
    for claims in ({"exp": SECONDS - 119}, {"iat": SECONDS + 119}, {"iat": SECONDS - 11 * 60}):
        assert verify(token(**claims)).subject == "c0ffee"


def test_a_token_without_a_signature_is_refused() -> None:
    said = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).decode().rstrip("=")
    for name in ("none", "None", "NONE", ""):
        header = base64.urlsafe_b64encode(json.dumps({"alg": name}).encode()).decode().rstrip("=")
        with pytest.raises(ProtocolError):
            verify(f"{header}.{said}.")


def test_a_public_key_is_no_secret_to_sign_with() -> None:
    public = PRIVATE_KEYS["RS256"].public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(LISTED[0]).encode(),
    ):
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "RS256"}, CLAIMS)]
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        mac = base64.urlsafe_b64encode(hmac.digest(secret, signed, hashlib.sha256)).rstrip(b"=")
        with pytest.raises(BadSignature, match="algorithm"):
            verify(b".".join((signed, mac)).decode())


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_secret_that_the_provider_lists_is_passed_over(algorithm: str) -> None:
    secret = base64.urlsafe_b64encode(b"k" * 64).decode()
    keys = keys_of({"kty": "oct", "k": secret, "kid": "x", "alg": algorithm})
    assert keys == ()
    with pytest.raises(BadSignature):
        verify(jwt.encode(CLAIMS, b"k" * 64, algorithm, {"kid": "x"}))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS512"])
def test_an_algorithm_that_is_not_on_the_list_is_refused(algorithm: str) -> None:
    signed = jwt.encode(CLAIMS, PRIVATE_KEYS["RS256"], algorithm, {"kid": "RS256"})
    with pytest.raises(BadSignature, match="algorithm"):
        verify(signed, keys=keys_of(public_jwk(PRIVATE_KEYS["RS256"], "RS256")))


def test_a_key_is_for_the_algorithm_that_the_provider_says() -> None:
    signed = jwt.encode(CLAIMS, PRIVATE_KEYS["RS256"], "PS256", {"kid": "RS256"})
    with pytest.raises(UnknownKey):
        verify(signed)
    assert verify(signed, keys=keys_of(public_jwk(PRIVATE_KEYS["RS256"], "RS256"))).subject == "c0ffee"


def test_what_the_header_brings_along_is_no_key() -> None:
    stranger = rsa.generate_private_key(65537, 2048)
    brought = public_jwk(stranger, "RS256")
    for headers in ({"kid": "RS256", "jwk": brought}, {"kid": "RS256", "jku": "https://evil.example"}):
        with pytest.raises(BadSignature, match="does not verify"):
            verify(jwt.encode(CLAIMS, stranger, "RS256", headers))
    with pytest.raises(ProtocolError):
        verify(token(headers={"kid": "RS256", "crit": ["exp"], "exp": 1}))


def test_a_key_that_is_not_listed_is_told_apart() -> None:
    with pytest.raises(UnknownKey):
        verify(token(headers={"kid": "new"}))


def test_a_token_without_the_name_of_its_key_needs_a_single_one() -> None:
    assert verify(token(headers={})).subject == "c0ffee"
    two = keys_of(*(public_jwk(PRIVATE_KEYS[name], name) for name in ("RS256", "PS256")))
    with pytest.raises(BadSignature, match="which"):
        verify(token(headers={}), keys=two)


def test_a_short_key_counts_for_nothing() -> None:
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is what is tried
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        signed = jwt.encode(CLAIMS, short, "RS256", {"kid": "short"})
    with pytest.raises(BadSignature):
        verify(signed, keys=keys_of(public_jwk(short, "short")))


def test_a_key_for_encryption_signs_nothing() -> None:
    assert keys_of({**LISTED[0], "use": "enc"}) == ()


@pytest.mark.parametrize(
    ("demand", "claims", "good"),
    [
        ({"acr": ("gold", "silver")}, {"acr": "silver"}, True),
        ({"acr": ("gold",)}, {"acr": "bronze"}, False),
        ({"acr": ("gold",)}, {}, False),
        ({"acr": ("gold",)}, {"acr": ["gold"]}, False),
        ({"amr": ("mfa",)}, {"amr": ["pwd", "mfa"]}, True),
        ({"amr": ("mfa", "hwk")}, {"amr": ["pwd", "mfa"]}, False),
        ({"amr": ("mfa",)}, {"amr": "mfa"}, False),
        ({"amr": ("mfa",)}, {}, False),
        ({"max_age": timedelta(hours=1)}, {"auth_time": SECONDS - 3600}, True),
        ({"max_age": timedelta(hours=1)}, {"auth_time": SECONDS - 3720}, False),
    ],
)
def test_less_than_is_demanded_lets_nobody_in(
    demand: dict[str, Any], claims: dict[str, Any], good: bool
) -> None:
    demanded = replace(DEMAND, **demand)
    if good:
        assert verify(token(**claims), demanded).subject == "c0ffee"
    else:
        with pytest.raises(WeakSignIn):
            verify(token(**claims), demanded)


def test_an_age_that_is_demanded_must_be_told() -> None:
    with pytest.raises(Malformed, match="auth_time"):
        verify(token(), replace(DEMAND, max_age=timedelta(hours=1)))


@given(st.text(max_size=300) | st.lists(st.text(max_size=40), min_size=3, max_size=3).map(".".join))
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(ProtocolError):
        verify(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_no_keys_and_no_configuration(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_keys(data)
    with pytest.raises(ProtocolError):
        parse_provider(data, ISSUER, plain_http=True)


def test_what_an_error_says_repeats_nothing_of_the_token() -> None:
    for claims in ({"iss": "SECRET"}, {"aud": "SECRET"}, {"nonce": "SECRET"}, {"sub": "SECRET" * 60}):
        with pytest.raises(ProtocolError) as caught:
            verify(token(**claims))
        assert "SECRET" not in str(caught.value)


def test_too_many_keys_are_refused() -> None:
    with pytest.raises(Malformed):
        keys_of(*[{"kty": "oct"}] * 101)
    with pytest.raises(Malformed):
        parse_keys(b'{"keys": {}}')
    assert keys_of(*[{"kty": ["RSA"]}, {"kty": "RSA", "kid": 7}, {"kty": "EC", "crv": "P-521"}]) == ()


def read(**changes: Any) -> Any:
    said = {name: value for name, value in {**DOCUMENT, **changes}.items() if value is not None}
    return parse_provider(json.dumps(said).encode(), ISSUER, plain_http=False)


def test_a_configuration_is_read() -> None:
    found = read(end_session_endpoint=f"{ISSUER}/logout")
    assert (found.token, found.keys, found.end_session) == (
        f"{ISSUER}/token",
        f"{ISSUER}/keys",
        f"{ISSUER}/logout",
    )
    assert (read().end_session, found.names_itself, found.takes_secret) == ("", False, (BASIC,))
    assert read(authorization_response_iss_parameter_supported=True).names_itself
    for listed, taken in (([POST, "private_key_jwt", BASIC], (BASIC, POST)), ([POST], (POST,)), (7, (POST,))):
        assert read(token_endpoint_auth_methods_supported=listed).takes_secret == taken


@pytest.mark.parametrize("issuer", [None, f"{ISSUER}/", "https://evil.example", 7])
def test_a_configuration_of_another_issuer_is_refused(issuer: Any) -> None:
    with pytest.raises(NotAuthorized):
        read(issuer=issuer)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address",
    [
        None,
        7,
        "",
        "http://login.police.example/x",
        "https://",
        "https:///x",
        "ftp://login.police.example/x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://user@login.police.example/x",
        "https://login.police.example/x#y",
        "https://login.police.example/x\r\nSet-Cookie: y",
        "https://login.police.example:0/x",
        "https://[/x",
        "https://логин.example/x",
    ],
)
def test_an_address_that_cannot_be_trusted_is_refused(name: str, address: Any) -> None:
    with pytest.raises(Malformed, match=name):
        read(**{name: address})


def test_plain_http_is_for_sandboxes() -> None:
    assert is_address("http://127.0.0.1:9/x", plain_http=True)
    assert not is_address("http://127.0.0.1:9/x", plain_http=False)
