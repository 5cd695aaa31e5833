"""Join requests: nobody is listed under a key that it does not hold."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.encoding import format_base64
from protocol.errors import BadSignature, Malformed, NotAuthorized
from protocol.feed_entry import FeedEntry, FrozenHead
from protocol.joining import JOIN_TYPE, LIFE, format_join_request, verify_join_request
from protocol.jws import parse_statement
from protocol.member_keys import TokenKey
from protocol.note import ED25519, VerifierKey
from tests.members import JOINED, NOW, MemberKeys, make_roster, public

OLD = MemberKeys("police.fr.example")
NEW = MemberKeys("police.fr.example")
ROSTER = make_roster(OLD.entry())


def request(keys: MemberKeys = NEW, **options: Any) -> str:
    return format_join_request(
        keys.entry(), "Test network", keys.token, keys.proving, NOW, "request-1", **options
    )


def changed(change: Callable[[dict[str, Any]], None], **options: Any) -> str:
    """Change the claims of a request and sign them anew, as somebody with the token key could."""
    claims = json.loads(
        json.dumps(parse_statement(request(**options), JOIN_TYPE, "join request", 1 << 16).claims)
    )
    change(claims)
    return NEW.signer.sign(JOIN_TYPE, claims, NOW)


def test_a_request_is_read_as_it_was_made() -> None:
    made = verify_join_request(request(), NOW + timedelta(days=29))
    assert made.member == replace(NEW.entry(), joined=NOW.replace(microsecond=0))
    assert (made.network, made.token_id, made.previous_kid) == ("Test network", "request-1", None)


def test_the_listed_key_can_vouch_for_new_ones() -> None:
    assert verify_join_request(request(previous=OLD.signer), NOW, ROSTER).previous_kid == OLD.kid
    with pytest.raises(NotAuthorized, match="no roster"):
        verify_join_request(request(previous=OLD.signer), NOW)
    with pytest.raises(NotAuthorized, match="no such token key"):
        verify_join_request(request(previous=MemberKeys(OLD.id).signer), NOW, ROSTER)
    forged = replace(OLD.signer, private=Ed25519PrivateKey.generate())
    with pytest.raises(BadSignature):
        verify_join_request(request(previous=forged), NOW, ROSTER)


def test_the_keys_of_a_frozen_feed_may_be_lost() -> None:
    entry = NEW.entry()
    origin = f"{NEW.id}/network/2"
    successor_key = Ed25519PrivateKey.generate()
    frozen = replace(entry.feeds[0], state="frozen", frozen=FrozenHead(5, bytes(32)))
    successor = FeedEntry(
        "network", origin, (VerifierKey(origin, ED25519, public(successor_key)),), succeeds=frozen.origin
    )
    member = replace(entry, feeds=(frozen, entry.feeds[1], successor))
    keys = [NEW.feeds["police"], NEW.cosigner, successor_key]
    token = format_join_request(member, "Test network", NEW.token, keys, NOW, "request-2")
    assert verify_join_request(token, NOW).member.feed("network") == successor


def test_a_request_without_a_private_key_is_not_made() -> None:
    with pytest.raises(Malformed, match=r"private key of police\.fr\.example/network is missing"):
        format_join_request(NEW.entry(), "n", NEW.token, [NEW.cosigner], NOW, "x")


def test_exactly_one_token_key_is_asked_for() -> None:
    second = TokenKey("second", public(Ed25519PrivateKey.generate()), JOINED)
    entry = replace(NEW.entry(), token_keys=(*NEW.entry().token_keys, second))
    with pytest.raises(Malformed, match="exactly one"):
        format_join_request(entry, "n", NEW.token, NEW.proving, NOW, "x")


def test_the_request_is_of_its_time() -> None:
    with pytest.raises(NotAuthorized, match="has run out"):
        verify_join_request(request(), NOW + LIFE)
    with pytest.raises(NotAuthorized, match="future"):
        verify_join_request(request(), NOW - timedelta(hours=1))
    longer = changed(lambda claims: claims.update(exp=claims["exp"] + 1))
    with pytest.raises(NotAuthorized, match="30 days"):
        verify_join_request(longer, NOW)


def test_another_token_key_cannot_use_the_proofs() -> None:
    thief = MemberKeys(NEW.id)

    def steal(claims: dict[str, Any]) -> None:
        claims["member"]["token_keys"] = [
            {"kid": "thief", "public": format_base64(public(thief.token)), "from": "2026-01-01T00:00:00Z"}
        ]

    claims = parse_statement(request(), JOIN_TYPE, "join request", 1 << 16).claims
    steal(claims)
    with pytest.raises(BadSignature):
        verify_join_request(replace(thief.signer, kid="thief").sign(JOIN_TYPE, claims, NOW), NOW)


def test_the_token_key_must_sign() -> None:
    header, payload, _ = request().split(".")
    signature = request(MemberKeys(NEW.id)).split(".")[2]
    with pytest.raises(BadSignature):
        verify_join_request(f"{header}.{payload}.{signature}", NOW)


def delete(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.pop(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (delete("proofs"), "claims must be"),
        (lambda claims: claims.update(more=1), "claims must be"),
        (lambda claims: claims.update(proofs=[]), "claims must be"),
        (lambda claims: claims.update(proofs={}), "proof"),
        (lambda claims: claims["proofs"].update(more="x"), "does not ask for"),
        (lambda claims: claims.update(member=[]), "must be an object"),
        (lambda claims: claims["member"].update(state="active"), "without state"),
        (lambda claims: claims["member"].update(joined="2020-01-01T00:00:00Z"), "without state"),
        (lambda claims: claims["member"].update(address="http://x"), "https"),
        (lambda claims: claims.update(iss="police.br.example"), "signed by the member"),
        (lambda claims: claims["member"]["token_keys"][0].update(kid="other"), "signed by the member"),
        (lambda claims: claims.update(network=""), "network must be a text"),
        (lambda claims: claims.update(jti=5), "jti must be a text"),
        (lambda claims: claims.update(exp="never"), "exp"),
        (lambda claims: claims.update(previous="x"), "previous must hold"),
        (lambda claims: claims.update(previous={"signature": "x"}), "previous must hold"),
        (lambda claims: claims.update(previous={"kid": OLD.kid}), "previous"),
    ],
)
def test_another_form_is_refused(change: Callable[[dict[str, Any]], None], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        verify_join_request(changed(change), NOW, ROSTER)


def test_a_key_that_was_not_proven_is_refused() -> None:
    def swap(claims: dict[str, Any]) -> None:
        first, second, *_ = claims["proofs"]
        claims["proofs"][first] = claims["proofs"][second]

    with pytest.raises(BadSignature):
        verify_join_request(changed(swap), NOW)
