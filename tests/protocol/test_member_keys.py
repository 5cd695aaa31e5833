"""The public keys of a member: their terms, and those that can be used."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.errors import Malformed
from protocol.member import parse_member
from protocol.member_keys import TokenKey, check_public_key
from tests.members import JOINED, NOW, public
from tests.protocol.entries import POLICE, value_of


def test_a_token_key_has_a_term() -> None:
    key = TokenKey("k", bytes(32), JOINED, JOINED + timedelta(days=1))
    assert key.valid_at(JOINED)
    assert not key.valid_at(JOINED + timedelta(days=1))
    entry = replace(POLICE.entry(), token_keys=(replace(POLICE.entry().token_keys[0], until=NOW),))
    assert parse_member(value_of(entry)) == entry


@pytest.mark.parametrize(
    "encoded",
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ],
)
def test_points_of_small_order_are_no_keys(encoded: str) -> None:
    with pytest.raises(Malformed):
        check_public_key(bytes.fromhex(encoded), "key")


def test_ordinary_keys_pass() -> None:
    for _ in range(50):
        check_public_key(public(Ed25519PrivateKey.generate()), "key")
