"""protocol/current.py: who calls which document current, and for how long that is believed."""

from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.current import CURRENT_TYPE, MAX_CURRENT_LIFE, format_current, verify_current
from protocol.errors import BadSignature, Malformed, NotAuthorized, ProtocolError
from protocol.token import LEEWAY, TokenSigner
from tests.protocol.naive import AT, MEMBER, case_id, private_key, sha256

SIGNER = TokenSigner(MEMBER, "k1", private_key(5))
DIGEST = sha256(b"document")
UNTIL = AT + timedelta(hours=48)
SECOND = timedelta(seconds=1)


def find(member: str, kid: str, at: datetime) -> bytes:
    if (member, kid, at) != (MEMBER, "k1", AT):
        raise NotAuthorized("no such key")
    return SIGNER.private.public_key().public_bytes_raw()


def statement(**changes: Any) -> str:
    claims = {"exp": int(UNTIL.timestamp()), "case": case_id(1), "version": 3, "digest": DIGEST.hex()}
    claims |= changes
    named = {name: value for name, value in claims.items() if value is not None}
    return SIGNER.sign(CURRENT_TYPE, named, AT)


def test_a_statement() -> None:
    text = format_current(SIGNER, case_id(1), 3, DIGEST, UNTIL, AT)
    assert text == statement()
    read = verify_current(text, find)
    assert (read.issuer, read.case, read.version) == (MEMBER, case_id(1), 3)
    assert (read.digest, read.at, read.until) == (DIGEST, AT, UNTIL)
    assert verify_current(statement(more="is passed over"), find) == read


def test_any_jwt_library_reads_and_checks_it() -> None:
    public = SIGNER.private.public_key()
    claims = jwt.decode(statement(), public, algorithms=["EdDSA"], options={"verify_exp": False})
    assert claims["case"] == case_id(1)
    long_ago = statement(exp=1)
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(long_ago, public, algorithms=["EdDSA"])


def test_it_holds_from_when_it_was_signed_until_it_runs_out() -> None:
    read = verify_current(statement(), find)
    for moment in (AT - LEEWAY, AT, UNTIL - SECOND):
        read.check_holds(moment)
    for moment, words in ((AT - LEEWAY - SECOND, "future"), (UNTIL, "ran out at 2026-11-23 20:14 UTC")):
        with pytest.raises(NotAuthorized, match=words):
            read.check_holds(moment)


def test_the_longest_life() -> None:
    longest = AT + MAX_CURRENT_LIFE
    assert verify_current(statement(exp=int(longest.timestamp())), find).until == longest


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"case": case_id(1, "police.de.example")}, NotAuthorized),
        ({"case": "../../etc"}, Malformed),
        ({"case": None}, Malformed),
        ({"version": 0}, Malformed),
        ({"version": True}, Malformed),
        ({"version": 3.0}, Malformed),
        ({"version": 1 << 53}, Malformed),
        ({"version": None}, Malformed),
        ({"digest": DIGEST.hex().upper()}, Malformed),
        ({"digest": None}, Malformed),
        ({"exp": None}, Malformed),
        ({"exp": "soon"}, Malformed),
        ({"exp": int(AT.timestamp())}, NotAuthorized),
        ({"exp": int((AT + MAX_CURRENT_LIFE + SECOND).timestamp())}, NotAuthorized),
        ({"iss": "police.de.example"}, NotAuthorized),
        ({"filler": "x" * 4096}, Malformed),
    ],
)
def test_statements_that_are_not_allowed(changes: dict[str, Any], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        verify_current(statement(**changes), find)


def test_a_forged_statement() -> None:
    forger = TokenSigner(MEMBER, "k1", private_key(6))
    with pytest.raises(BadSignature):
        verify_current(format_current(forger, case_id(1), 3, DIGEST, UNTIL, AT), find)


@given(st.text(max_size=100))
def test_any_text_as_statement(text: str) -> None:
    with pytest.raises(ProtocolError):
        verify_current(text, find)
