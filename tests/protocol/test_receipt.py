"""protocol/receipt.py: who promised what, to whom, about which feed."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import format_time
from protocol.errors import Malformed, NotAuthorized, ProtocolError
from protocol.receipt import ERASED, HELD, MAX_ITEMS, RECEIPT_TYPE, format_receipt, verify_receipt
from protocol.token import TokenSigner
from tests.protocol.naive import AT, MEMBER, ORIGIN, case_id, private_key

SIGNER = TokenSigner("ngo.de.example", "k1", private_key(5))
ITEMS = [{"case": case_id(1), "version": 1}]


def find(member: str, kid: str, at: datetime) -> bytes:
    assert (member, kid, at) == (SIGNER.member, SIGNER.kid, AT)
    return SIGNER.private.public_key().public_bytes_raw()


def receipt(**changes: Any) -> str:
    claims = {"aud": MEMBER, "jti": "r1", "kind": HELD, "origin": ORIGIN, "items": ITEMS} | changes
    return SIGNER.sign(RECEIPT_TYPE, {name: value for name, value in claims.items() if value is not None}, AT)


@pytest.mark.parametrize("kind", [HELD, ERASED])
def test_a_receipt(kind: str) -> None:
    text = format_receipt(SIGNER, MEMBER, ORIGIN, kind, ITEMS, AT, "r1")
    read = verify_receipt(text, MEMBER, find)
    assert (read.issuer, read.kind, read.origin, read.at) == (SIGNER.member, kind, ORIGIN, AT)
    assert read.items == ITEMS
    assert read.claims["jti"] == "r1"
    assert text == receipt(kind=kind)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "police.de.example"}, NotAuthorized),
        ({"aud": None}, NotAuthorized),
        ({"origin": "police.de.example/network"}, NotAuthorized),
        ({"origin": "police.fr.example.evil/network"}, NotAuthorized),
        ({"origin": None}, Malformed),
        ({"origin": 5}, Malformed),
        ({"kind": "seen"}, Malformed),
        ({"kind": None}, Malformed),
        ({"kind": [HELD]}, Malformed),
        ({"items": None}, Malformed),
        ({"items": {"0": {}}}, Malformed),
        ({"items": [[]]}, Malformed),
        ({"items": [{}] * (MAX_ITEMS + 1)}, Malformed),
        ({"filler": "x" * (1 << 17)}, Malformed),
        ({"filler": "x" * 4000}, Malformed),
    ],
)
def test_receipts_that_are_not_allowed(changes: dict[str, Any], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        verify_receipt(receipt(**changes), MEMBER, find)


def test_the_longest_items_are_no_padding() -> None:
    longest = {
        "case": f"{MEMBER.rjust(190, 'x')}/{'a' * 26}",
        "version": (1 << 53) - 1,
        "hidden_at": format_time(AT),
        "purged_at": format_time(AT),
        "nothing_held": False,
    }
    assert verify_receipt(receipt(items=[longest] * 100), MEMBER, find).items == [longest] * 100


def test_as_many_items_as_are_allowed() -> None:
    items = [{"case": case_id(number), "version": 1 << 52} for number in range(MAX_ITEMS)]
    assert len(verify_receipt(receipt(items=items), MEMBER, find).items) == MAX_ITEMS


@given(st.text(max_size=100))
def test_any_text_as_receipt(text: str) -> None:
    with pytest.raises(ProtocolError):
        verify_receipt(text, MEMBER, find)
