"""protocol/resource.py: what a member has signed of a document that it hands out."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import BadSignature, Malformed, NotAuthorized, ProtocolError
from protocol.resource import RESOURCE_TYPE, Resource, format_resource, verify_resource
from protocol.token import TokenSigner
from tests.protocol.naive import AT, MEMBER, private_key, sha256

SIGNER = TokenSigner(MEMBER, "k1", private_key(5))
RESOURCE = Resource(
    sha256(b"leaflet"), "application/pdf", "Was tun?", "de", "CC-BY-4.0", "if-missing", date(2027, 1, 31)
)


def find(member: str, kid: str, at: datetime) -> bytes:
    if (member, kid, at) != (MEMBER, "k1", AT):
        raise NotAuthorized("no such key")
    return SIGNER.private.public_key().public_bytes_raw()


def statement(kind: str = RESOURCE_TYPE, **changes: Any) -> str:
    claims = {
        "sha256": RESOURCE.digest.hex(),
        "media_type": "application/pdf",
        "title": "Was tun?",
        "language": "de",
        "licence": "CC-BY-4.0",
        "topic": "if-missing",
        "review": "2027-01-31",
    } | changes
    return SIGNER.sign(kind, {name: value for name, value in claims.items() if value is not None}, AT)


def test_a_statement() -> None:
    text = format_resource(SIGNER, RESOURCE, AT)
    assert text == statement()
    read = verify_resource(text, find)
    assert (read.issuer, read.at, read.resource) == (MEMBER, AT, RESOURCE)
    assert verify_resource(statement(more="is passed over"), find) == read


@pytest.mark.parametrize("name", ["sha256", "media_type", "title", "language", "licence", "topic", "review"])
@pytest.mark.parametrize("value", [None, "", 7, [], "a\nb", "x" * 1001])
def test_a_claim_that_is_missing_or_something_else_is_refused(name: str, value: Any) -> None:
    with pytest.raises(Malformed):
        verify_resource(statement(**{name: value}), find)


def test_nobody_else_can_sign_it() -> None:
    forged = format_resource(replace(SIGNER, private=private_key(6)), RESOURCE, AT)
    with pytest.raises(BadSignature):
        verify_resource(forged, find)
    with pytest.raises(NotAuthorized):
        verify_resource(format_resource(replace(SIGNER, member="police.xx.example"), RESOURCE, AT), find)
    with pytest.raises(Malformed):
        verify_resource(statement("gmcn-current+jwt"), find)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        verify_resource(text, find)
