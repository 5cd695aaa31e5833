"""Signed statements have one spelling, one algorithm, one type."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import BadSignature, Malformed
from protocol.jws import find_type, format_statement, parse_claim_time, parse_statement
from tests.members import public

# Always the same key: the tokens below name their tests, and parallel runs must agree on the names.
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
TYPE = "gmcn-test+jwt"


def encode(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: Any, payload: Any) -> str:
    text = f"{encode(header)}.{encode(payload)}"
    return f"{text}.{encode(KEY.sign(text.encode()))}"


HEADER = {"alg": "EdDSA", "typ": TYPE, "kid": "k1"}


def test_a_statement_is_read_as_signed_and_any_jwt_library_reads_it_too() -> None:
    token = format_statement({"iss": "é"}, TYPE, "k1", KEY)
    statement = parse_statement(token, TYPE, "test", 1000)
    assert (statement.kid, statement.verify(public(KEY))) == ("k1", {"iss": "é"})
    assert jwt.decode(token, KEY.public_key(), algorithms=["EdDSA"]) == {"iss": "é"}
    with pytest.raises(BadSignature):
        statement.verify(public(Ed25519PrivateKey.generate()))
    with pytest.raises(BadSignature):
        statement.verify(b"short")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d",
        "é.é.é",
        signed(HEADER, {}) + "=",
        signed(HEADER, {})[:-1] + ("B" if signed(HEADER, {})[-1] != "B" else "C"),
        signed({**HEADER, "alg": "none"}, {}),
        signed({**HEADER, "alg": "HS256"}, {}),
        signed({**HEADER, "typ": "JWT"}, {}),
        signed({**HEADER, "crit": ["b64"], "b64": False}, {}),
        signed({**HEADER, "jwk": {}}, {}),
        signed({**HEADER, "kid": ""}, {}),
        signed({**HEADER, "kid": 5}, {}),
        signed({"alg": "EdDSA", "typ": TYPE}, {}),
        signed([], {}),
        signed(HEADER, []),
        signed(HEADER, b'{"iss":"a","iss":"b"}'),
        signed(HEADER, b"\xff"),
        signed(HEADER, {"long": "x" * 1000}),
    ],
)
def test_other_spellings_are_refused(token: str) -> None:
    with pytest.raises(Malformed):
        parse_statement(token, TYPE, "test", 1000)


def test_the_type_that_a_token_says_it_has() -> None:
    token = format_statement({}, "gmcn-x+jwt", "k1", Ed25519PrivateKey.generate())
    assert find_type(token, 4096) == "gmcn-x+jwt"
    assert find_type(f"{token}x", 4096) == "gmcn-x+jwt"
    for other in ("", "a.b.c", "é.b.c", f"{encode({'alg': 'EdDSA'})}.b.c", token[1:]):
        assert find_type(other, 4096) == ""
    assert find_type(token, 5) == ""


def test_times_are_whole_seconds() -> None:
    assert parse_claim_time(0, "iat") == datetime(1970, 1, 1, tzinfo=UTC)
    for value in (-1, 1.5, True, "1", None, 1 << 60):
        with pytest.raises(Malformed):
            parse_claim_time(value, "iat")


@given(st.text(max_size=200))
def test_any_text_raises_only_protocol_errors(token: str) -> None:
    with pytest.raises(Malformed):
        parse_statement(token, TYPE, "test", 1000)
