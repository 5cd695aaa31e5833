"""Members to each other: tokens, the roster, and answers to what a peer asks."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from protocol.answers import Given, format_answers, format_query
from protocol.encoding import parse_time
from protocol.endorsement import format_endorsement, format_withdrawal
from protocol.joining import format_join_request
from protocol.member import Member, fingerprint
from protocol.member_keys import RetiredKey, TokenKey
from protocol.note import (
    COSIGNATURE,
    ED25519,
    VerifierKey,
)
from protocol.policy import Policy, format_policy
from protocol.receipt import format_receipt
from protocol.roster import format_roster
from protocol.token import REQUEST_TYPE, TokenSigner, sign_request
from tests.members import NOW, make_roster
from tests.vectors.documents import document
from tests.vectors.fixed import (
    AT,
    EARLY,
    NGO,
    ORIGIN,
    POLICE,
    Vectors,
    b64,
    case_id,
    derived,
    member_keys,
    private_key,
)


def tokens() -> Vectors:
    """Request tokens and receipts."""
    one = TokenSigner(NGO, f"{NGO}-2026", private_key("token key"))
    path = "/node/feeds/network/tile/0/000.p/5?x=1"
    body = b'{"digests":[]}'
    get = {"receiver": POLICE, "method": "GET", "path": path, "body": "", "now": AT}
    post = {**get, "method": "POST", "path": "/node/feeds/network/documents", "body": b64(body)}
    read = sign_request(one, POLICE, "GET", path, b"", NOW, "dG9rZW4gMQ")
    write = sign_request(one, POLICE, "POST", "/node/feeds/network/documents", body, NOW, "dG9rZW4gMg")
    exp = int(NOW.timestamp()) + 300
    bod = hashlib.sha256(b"").hexdigest()
    claims = {"aud": POLICE, "exp": exp, "jti": "dG9rZW4gMw", "htm": "GET", "htu": path, "bod": bod}

    def signed(**more: Any) -> str:
        return one.sign(REQUEST_TYPE, claims | more, NOW)

    forged = TokenSigner(one.member, one.kid, private_key("forger")).sign(REQUEST_TYPE, claims, NOW)
    items = [
        {
            "case": case_id("zoe"),
            "version": 2,
            "digest": derived("zoe 2").hex(),
            "held_at": "2026-11-21T20:13:00Z",
        }
    ]
    gone = [
        {
            "case": case_id("case 1"),
            "version": 2,
            "hidden_at": "2026-11-21T20:13:00Z",
            "purged_at": "2026-11-21T20:13:02Z",
        }
    ]

    def receipt(kind: str, about: Sequence[Vectors], token_id: str, origin: str = ORIGIN) -> str:
        return format_receipt(one, POLICE, origin, kind, about, NOW, token_id)

    held, erased = receipt("held", items, "cmVjZWlwdCAx"), receipt("erased", gone, "cmVjZWlwdCAy")
    return {
        "key": {
            "member": one.member,
            "kid": one.kid,
            "public": b64(one.private.public_key().public_bytes_raw()),
            "private": b64(one.private.private_bytes_raw()),
        },
        "requests_good": [{"token": read, **get}, {"token": write, **post}],
        "requests_bad": [
            {"why": why, "token": token, **request, "error": error}
            for why, token, request, error in (
                ("another receiver", read, {**get, "receiver": "police.br.example"}, "NotAuthorized"),
                ("another method", read, {**get, "method": "HEAD"}, "NotAuthorized"),
                ("another query", read, {**get, "path": path[:-1] + "2"}, "NotAuthorized"),
                ("another body", write, {**post, "body": ""}, "NotAuthorized"),
                ("expired, with leeway", read, {**get, "now": "2026-11-21T20:21:00Z"}, "NotAuthorized"),
                ("from the future, with leeway", read, {**get, "now": EARLY}, "NotAuthorized"),
                ("lives too long", signed(exp=exp + 1), get, "NotAuthorized"),
                ("no jti", signed(jti=""), get, "Malformed"),
                ("exp with a fraction", signed(exp=exp + 0.5), get, "Malformed"),
                ("unknown issuer", signed(iss="nobody.example"), get, "NotAuthorized"),
                ("forged", forged, get, "BadSignature"),
                ("of another type", held, get, "Malformed"),
                ("base64url with padding", read + "==", get, "Malformed"),
                ("no signature", read.rpartition(".")[0] + ".", get, "BadSignature"),
            )
        ],
        "receipts_good": [
            {"token": held, "owner": POLICE, "kind": "held", "origin": ORIGIN, "items": items},
            {"token": erased, "owner": POLICE, "kind": "erased", "origin": ORIGIN, "items": gone},
        ],
        "receipts_bad": [
            {"why": why, "token": token, "owner": owner, "error": error}
            for why, token, owner, error in (
                ("for another owner", held, "police.br.example", "NotAuthorized"),
                (
                    "about another member's feed",
                    receipt("held", items, "cmVjZWlwdCAz", "police.br.example/network"),
                    POLICE,
                    "NotAuthorized",
                ),
                ("of an unknown kind", receipt("seen", items, "cmVjZWlwdCA0"), POLICE, "Malformed"),
                ("257 items", receipt("held", items * 257, "cmVjZWlwdCA1"), POLICE, "Malformed"),
            )
        ],
    }


def moment(text: str) -> datetime:
    return parse_time(text, "vector")


def replace_keys(entry: Member) -> Member:
    """Replace each kind of key of a member; the old ones count for seven more days."""
    ends = NOW + timedelta(days=7)

    def old(name: str, kind: int) -> RetiredKey:
        public_key = private_key(f"old {name}").public_key().public_bytes_raw()
        return RetiredKey(VerifierKey(name, kind, public_key), ends)

    network, *others = entry.feeds
    (token_key,), (sealing,) = entry.token_keys, entry.sealing_keys
    old_token = private_key("old token").public_key().public_bytes_raw()
    old_sealing = member_keys(NGO, "ngo").entry().sealing_keys[0]
    return replace(
        entry,
        feeds=(replace(network, retired=(old(network.origin, ED25519),)), *others),
        token_keys=(TokenKey("old-token", old_token, token_key.since, ends), token_key),
        retired_cosigners=(old(entry.id, COSIGNATURE),),
        sealing_keys=(replace(old_sealing, kid="old-seal", until=ends), sealing),
    )


def roster() -> Vectors:
    """A roster, a policy, an endorsement and its withdrawal, and a request to join."""
    police, ngo = member_keys(POLICE, "law_enforcement"), member_keys(NGO, "ngo")
    until = NOW + timedelta(days=365)
    endorsement = format_endorsement(police.signer, NGO, "Convention 12/2026", until, NOW, "ZW5kb3JzZSAx")
    listed = make_roster(police.entry(), ngo.entry(endorsement))
    rotated = replace_keys(police.entry())
    policy = Policy(witnesses={"network": (POLICE,), "police": (POLICE,)}, quorum={"network": 1, "police": 0})
    stolen = TokenSigner(POLICE, police.kid, private_key("forger"))
    by_itself = format_endorsement(ngo.signer, NGO, "Convention 12/2026", until, NOW, "ZW5kb3JzZSAy")
    forged = format_endorsement(stolen, NGO, "Convention 12/2026", until, NOW, "ZW5kb3JzZSAz")
    return {
        "now": AT,
        "roster": b64(format_roster(listed)),
        "policy": b64(format_policy(policy)),
        "replaced": {
            "roster": b64(format_roster(make_roster(rotated))),
            "member": POLICE,
            "fingerprint": fingerprint(rotated),
            "in_force": [
                {
                    "at": at,
                    "network": [key.format() for key in rotated.feed("network").keys_at(moment(at))],
                    "cosigners": [key.format() for key in rotated.cosigners_at(moment(at))],
                }
                for at in ("2026-11-28T20:13:59Z", "2026-11-28T20:14:00Z")
            ],
        },
        "endorsement_good": {
            "token": endorsement,
            "issuer": POLICE,
            "subject": NGO,
            "jti": "ZW5kb3JzZSAx",
            "expires": "2027-11-21T20:14:00Z",
        },
        "endorsements_bad": [
            {"why": "by the NGO itself", "token": by_itself, "now": AT, "error": "NotAuthorized"},
            {"why": "forged", "token": forged, "now": AT, "error": "BadSignature"},
            {"why": "run out", "token": endorsement, "now": "2027-11-21T20:14:00Z", "error": "NotAuthorized"},
            {"why": "from the future", "token": endorsement, "now": EARLY, "error": "NotAuthorized"},
        ],
        "withdrawal": {
            "token": format_withdrawal(police.signer, "ZW5kb3JzZSAx", NOW),
            "jti": "ZW5kb3JzZSAx",
        },
        "standings": [
            {"member": member, "at": at, "withdrawn": withdrawn, "state": state, "warning": warning}
            for member, at, withdrawn, state, warning in (
                (POLICE, AT, False, "active", None),
                (NGO, AT, False, "active", None),
                (NGO, "2027-10-23T20:14:00Z", False, "active", 30),
                (NGO, "2027-11-15T20:14:00Z", False, "active", 7),
                (NGO, "2027-11-21T20:14:00Z", False, "lapsed", None),
                (NGO, AT, True, "lapsed", None),
            )
        ],
        "join_request": {
            "token": format_join_request(
                ngo.entry(), "Test network", ngo.token, ngo.proving, NOW, "am9pbiAx"
            ),
            "member": NGO,
            "network": "Test network",
        },
    }


def answers() -> Vectors:
    """Requests for documents and their answers."""
    one, two, three = derived("one"), derived("two"), derived("three")
    data = document()
    found = one.hex().encode() + b" document 3\n" + data
    return {
        "query_good": {"body": format_query([one, two]).decode(), "digests": [one.hex(), two.hex()]},
        "queries_bad": [
            "[]",
            '{"digests":[]}',
            '{"digests":["00"]}',
            format_query([one, one]).decode(),
            format_query([derived(f"digest {number}") for number in range(257)]).decode(),
        ],
        "answer_good": {
            "asked": [one.hex(), two.hex(), three.hex()],
            "data": b64(
                format_answers([(one, Given(data)), (two, "erased"), (three, Given(data, direct=True))])
            ),
            "answers": [
                {"document": b64(data), "direct": False},
                {"status": "erased"},
                {"document": b64(data), "direct": True},
            ],
        },
        "answers_bad": [
            {"why": why, "asked": [one.hex()], "data": b64(answer)}
            for why, answer in (
                ("empty", b""),
                ("another digest", two.hex().encode() + b" erased\n"),
                ("an unknown status", one.hex().encode() + b" gone\n"),
                ("two spaces", one.hex().encode() + b"  erased\n"),
                ("a digest in capitals", one.hex().upper().encode() + b" erased\n"),
                ("four lines", one.hex().encode() + b" document 4\n" + data + b"{}\n"),
                ("too few lines", found[: found.rindex(b"\n", 0, -1) + 1]),
                ("no final newline", found[:-1]),
                ("more than was asked for", found + two.hex().encode() + b" erased\n"),
            )
        ],
    }
