"""protocol/token.py: a token is good for one request, by one member, for a few minutes."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import BadSignature, Malformed, NotAuthorized, ProtocolError
from protocol.token import LEEWAY, MAX_LIFE, REQUEST_TYPE, Request, TokenSigner, sign_request, verify_request
from tests.protocol.naive import AT, MEMBER, private_key

CALLER = "ngo.de.example"
SIGNER = TokenSigner(CALLER, "ngo.de.example-2026", private_key(5))
PATH = "/gmcn/feeds/network/checkpoint?x=1"


def find(member: str, kid: str, at: datetime) -> bytes:
    """The roster's answer for the one key there is."""
    if (member, kid) != (SIGNER.member, SIGNER.kid):
        raise NotAuthorized("no such key")
    return SIGNER.private.public_key().public_bytes_raw()


def token(body: bytes = b"", **changes: str) -> str:
    request = {"audience": MEMBER, "method": "GET", "path": PATH} | changes
    return sign_request(SIGNER, **request, body=body, now=AT, token_id="t1")


def verify(text: str, now: datetime = AT, **changes: Any) -> Request:
    request = {"receiver": MEMBER, "method": "GET", "path": PATH, "body": b""} | changes
    return verify_request(text, **request, find=find, now=now)


def test_a_request() -> None:
    assert verify(token()) == Request(CALLER, "t1", AT + MAX_LIFE)
    assert verify(token(b"body", method="POST"), method="POST", body=b"body").issuer == CALLER


@pytest.mark.parametrize(
    "changes",
    [
        {"receiver": "police.de.example"},
        {"method": "POST"},
        {"method": "get"},
        {"path": "/gmcn/feeds/network/checkpoint"},
        {"path": PATH + "&y=2"},
        {"path": "/feeds/network/checkpoint?x=1"},
        {"body": b"x"},
    ],
)
def test_another_request(changes: Mapping[str, Any]) -> None:
    with pytest.raises(NotAuthorized, match="another request"):
        verify(token(), **changes)


def test_its_time() -> None:
    for now in (AT - LEEWAY, AT, AT + MAX_LIFE, AT + MAX_LIFE + LEEWAY - timedelta(seconds=1)):
        verify(token(), now)
    with pytest.raises(NotAuthorized, match="future"):
        verify(token(), AT - LEEWAY - timedelta(seconds=1))
    with pytest.raises(NotAuthorized, match="expired"):
        verify(token(), AT + MAX_LIFE + LEEWAY)


def claims(**changes: Any) -> dict[str, Any]:
    values = {
        "aud": MEMBER,
        "exp": int(AT.timestamp()) + 300,
        "jti": "t1",
        "htm": "GET",
        "htu": PATH,
        "bod": hashlib.sha256(b"").hexdigest(),
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"exp": int(AT.timestamp()) + 301}, NotAuthorized),
        ({"exp": 0}, NotAuthorized),
        ({"exp": None}, Malformed),
        ({"exp": 253402300800}, Malformed),
        ({"exp": True}, Malformed),
        ({"exp": 1.5}, Malformed),
        ({"iat": None}, Malformed),
        ({"iat": -1}, Malformed),
        ({"iat": 253402300799, "exp": 253402300799}, NotAuthorized),
        ({"iat": 1 << 62}, Malformed),
        ({"iss": None}, Malformed),
        ({"iss": 5}, Malformed),
        ({"iss": "somebody.example"}, NotAuthorized),
        ({"aud": None}, NotAuthorized),
        ({"aud": [MEMBER]}, NotAuthorized),
        ({"bod": None}, NotAuthorized),
        ({"jti": None}, Malformed),
        ({"jti": ""}, Malformed),
        ({"jti": 1}, Malformed),
        ({"jti": "j" * 1001}, Malformed),
    ],
)
def test_claims_that_are_not_allowed(changes: dict[str, Any], error: type[ProtocolError]) -> None:
    signed = claims(**changes) | changes
    with pytest.raises(error):
        verify(SIGNER.sign(REQUEST_TYPE, signed, AT))


def test_another_key_of_the_same_name() -> None:
    forged = TokenSigner(SIGNER.member, SIGNER.kid, private_key(6))
    with pytest.raises(BadSignature):
        verify(forged.sign(REQUEST_TYPE, claims(), AT))
    with pytest.raises(NotAuthorized, match="no such key"):
        verify(TokenSigner(SIGNER.member, "other", private_key(6)).sign(REQUEST_TYPE, claims(), AT))


def test_a_statement_of_another_type() -> None:
    with pytest.raises(Malformed):
        verify(SIGNER.sign("gmcn-receipt+jwt", claims(), AT))


@given(
    st.text(max_size=100) | st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", fullmatch=True)
)
def test_any_text_as_token(text: str) -> None:
    with pytest.raises(ProtocolError):
        verify(text)


@given(st.data())
def test_a_changed_character(data: st.DataObject) -> None:
    text = token()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(exclude_characters=text[place]))
    with pytest.raises(ProtocolError):
        verify(text[:place] + other + text[place + 1 :])


def test_a_long_token() -> None:
    with pytest.raises(Malformed, match="4096"):
        verify("a" * 4097)
