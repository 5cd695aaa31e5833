"""Replaced keys: they count until a stated moment, are part of what is accepted, and cannot date back."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.checkpoint import Checkpoint, check_quorum, cosign, sign_checkpoint, verify_checkpoint
from protocol.errors import BadSignature, Malformed, NoQuorum, NotAuthorized
from protocol.joining import format_join_request, verify_join_request
from protocol.member import Member, fingerprint, format_member, parse_member
from protocol.member_keys import RetiredKey, TokenKey
from protocol.note import COSIGNATURE, ED25519, Ed25519Signer, VerifierKey, format_note
from protocol.receipt import HELD, format_receipt, verify_receipt
from protocol.roster import format_roster, parse_roster
from protocol.tlog import EMPTY_ROOT
from schemas import Schemas
from tests.members import JOINED, NOW, MemberKeys, make_roster, public

POLICE = MemberKeys("police.fr.example")
ORIGIN = f"{POLICE.id}/network"
OLD = Ed25519PrivateKey.generate()
UNTIL = NOW + timedelta(days=7)


def vkey(private: Ed25519PrivateKey, name: str = ORIGIN, kind: int = ED25519) -> VerifierKey:
    return VerifierKey(name, kind, public(private))


def rotated() -> Member:
    """Return a member of whom each kind of key was replaced a moment ago."""
    entry = POLICE.entry()
    network, police = entry.feeds
    (sealing,) = entry.sealing_keys
    old_seal = replace(MemberKeys("x.example").entry().sealing_keys[0], until=UNTIL)
    return replace(
        entry,
        feeds=(replace(network, retired=(RetiredKey(vkey(OLD), UNTIL),)), police),
        retired_cosigners=(RetiredKey(vkey(OLD_COSIGNER, POLICE.id, COSIGNATURE), UNTIL),),
        sealing_keys=(old_seal, sealing),
    )


OLD_COSIGNER = Ed25519PrivateKey.generate()


def test_they_are_written_read_and_fit_the_schema() -> None:
    roster = make_roster(rotated())
    assert parse_roster(format_roster(roster)) == roster
    Schemas.packaged().check("roster", json.loads(format_roster(roster)))


def test_a_replaced_feed_key_counts_until_its_end_and_not_after() -> None:
    feed = rotated().feed("network")
    assert feed.keys_at(UNTIL - timedelta(seconds=1)) == (vkey(OLD), *feed.keys)
    assert feed.keys_at(UNTIL) == feed.keys
    assert feed.every_key == (vkey(OLD), *feed.keys)
    by_old = format_note(
        sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), Ed25519Signer(ORIGIN, ED25519, OLD))
    )
    assert verify_checkpoint(by_old, feed.keys_at(NOW))[0].size == 0
    with pytest.raises(BadSignature):
        verify_checkpoint(by_old, feed.keys_at(UNTIL))


def test_a_head_under_both_keys_is_taken_by_readers_of_the_old_and_the_new_roster() -> None:
    feed = rotated().feed("network")
    signers = [Ed25519Signer(ORIGIN, ED25519, key) for key in (POLICE.feeds["network"], OLD)]
    note = format_note(sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), *signers))
    for keys in ([vkey(OLD)], feed.keys, feed.keys_at(NOW)):
        assert verify_checkpoint(note, keys)[0].origin == ORIGIN


def test_a_witness_with_two_keys_in_force_is_one_witness() -> None:
    member = rotated()
    note = sign_checkpoint(
        Checkpoint("log.example", 0, EMPTY_ROOT), Ed25519Signer("log.example", ED25519, OLD)
    )
    by_old = cosign(note, Ed25519Signer(member.id, COSIGNATURE, OLD_COSIGNER), NOW)
    by_both = cosign(by_old, Ed25519Signer(member.id, COSIGNATURE, POLICE.cosigner), NOW + timedelta(hours=1))
    assert check_quorum(by_old, member.cosigners_at(NOW), 1)
    with pytest.raises(NoQuorum):
        check_quorum(by_old, member.cosigners_at(UNTIL), 1)
    (counted,) = check_quorum(by_both, member.cosigners_at(NOW), 1)
    assert counted.at == NOW + timedelta(hours=1)
    with pytest.raises(NoQuorum):
        check_quorum(by_both, member.cosigners_at(NOW), 2)


def test_they_are_part_of_what_is_accepted() -> None:
    whole, known = rotated(), fingerprint(rotated())
    later = RetiredKey(vkey(OLD), UNTIL + timedelta(days=30))
    (network, police), (old_seal, seal) = whole.feeds, whole.sealing_keys
    for other in (
        replace(whole, feeds=(replace(network, retired=()), police)),
        replace(whole, feeds=(replace(network, retired=(later,)), police)),
        replace(whole, retired_cosigners=()),
        replace(whole, sealing_keys=(replace(old_seal, until=None), seal)),
    ):
        assert fingerprint(other) != known


def test_rules_for_them() -> None:
    whole = rotated()
    network, police = whole.feeds
    foreign = RetiredKey(vkey(Ed25519PrivateKey.generate(), f"{POLICE.id}/police"), UNTIL)
    twice = RetiredKey(network.keys[0], UNTIL)
    stolen = vkey(POLICE.feeds["police"], POLICE.id, COSIGNATURE)
    for broken, message in (
        (replace(whole, feeds=(replace(network, retired=(foreign,)), police)), "named by the origin"),
        (replace(whole, feeds=(replace(network, retired=(twice,)), police)), "stands twice"),
        (replace(whole, retired_cosigners=(RetiredKey(whole.cosigner, UNTIL),)), "stands twice"),
        (
            replace(whole, retired_cosigners=(RetiredKey(vkey(OLD, "x.example", COSIGNATURE), UNTIL),)),
            "named by the member",
        ),
        (replace(whole, retired_cosigners=(RetiredKey(stolen, UNTIL),)), "stands elsewhere"),
    ):
        with pytest.raises(Malformed, match=message):
            parse_member(json.loads(json.dumps(format_member(broken))))
    value = json.loads(json.dumps(format_member(whole)))
    value["feeds"][0]["retired"] = []
    with pytest.raises(Malformed, match="list of 1 to 4"):
        parse_member(value)


def test_nobody_asks_for_replaced_keys() -> None:
    whole = rotated()
    asked = (replace(whole, retired_cosigners=()), replace(whole, feeds=POLICE.entry().feeds))
    for entry in asked:
        request = format_join_request(entry, "Test network", POLICE.token, POLICE.proving, NOW, "request-1")
        with pytest.raises(Malformed, match="which nobody proves"):
            verify_join_request(request, NOW)


def test_whoever_finds_a_token_key_that_has_ended_cannot_date_back() -> None:
    old = TokenKey(POLICE.kid, public(POLICE.token), JOINED, UNTIL)
    new = TokenKey("new", public(Ed25519PrivateKey.generate()), NOW)
    roster = make_roster(replace(POLICE.entry(), token_keys=(old, new)))
    receipt = format_receipt(
        POLICE.signer, "police.de.example", "police.de.example/network", HELD, [], NOW, "r"
    )
    find = roster.token_key_now(UNTIL - timedelta(seconds=1))
    assert verify_receipt(receipt, "police.de.example", find).issuer == POLICE.id
    with pytest.raises(NotAuthorized, match="no such token key"):
        verify_receipt(receipt, "police.de.example", roster.token_key_now(UNTIL))
    before_it_began = replace(POLICE.signer, kid="new")
    with pytest.raises(NotAuthorized, match="no such token key"):
        roster.token_key_now(UNTIL)(before_it_began.member, before_it_began.kid, JOINED)
