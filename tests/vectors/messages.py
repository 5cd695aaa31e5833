"""Sealed messages."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from protocol.errors import Malformed
from protocol.message import (
    ACKNOWLEDGEMENT_TYPE,
    MESSAGE_TYPE,
    Address,
    format_acknowledgement,
    format_message,
    verify_message,
)
from protocol.roster import format_roster
from protocol.sealed import open_sealed, seal, sealing_info
from protocol.token import REQUEST_TYPE, TokenSigner
from tests.members import NOW, MemberKeys, make_roster
from tests.vectors.fixed import (
    AT,
    EARLY,
    FOLDER,
    NGO,
    POLICE,
    Vectors,
    b64,
    derived,
    flip,
    member_keys,
    private_key,
)


def sealed() -> Vectors:
    """Sealed bytes, and what nobody may open. Sealing is random: the bytes in the file stay while they
    open."""
    receiver, other = member_keys(NGO, "ngo"), member_keys(POLICE, "law_enforcement")
    info = sealing_info("lead", POLICE, NGO, "bWVzc2FnZSAx")
    plain = b'{"note":"Gare du Nord, hier soir"}\n'
    present = FOLDER / "sealed.json"
    try:
        data = base64.b64decode(json.loads(present.read_bytes())["good"]["sealed"])
        open_sealed([MLKEM768X25519PrivateKey(*receiver.sealing)], data, info)
    except (FileNotFoundError, Malformed):
        data = seal(receiver.entry().sealing_keys[-1], plain, info)
    misdirected = sealing_info("lead", POLICE, "police.br.example", "bWVzc2FnZSAx")
    return {
        "receiver": sealing_halves(receiver),
        "other": sealing_halves(other),
        "good": {"sealed": b64(data), "info": info.decode(), "plain": b64(plain)},
        "bad": [
            {"why": why, "sealed": b64(wrong), "info": said.decode()}
            for why, wrong, said in (
                ("nothing", b"", info),
                ("only the encapsulation", data[:1120], info),
                ("cut short", data[:-1], info),
                ("a byte too many", data + b"\0", info),
                ("a bit of the ML-KEM ciphertext", flip(data, 0), info),
                ("a bit of the X25519 key", flip(data, 1088), info),
                ("a bit of the text", flip(data, 1120), info),
                ("an X25519 key of small order", data[:1088] + bytes(32) + data[1120:], info),
                ("for another receiver", data, misdirected),
                ("of another type", data, sealing_info("sighting", POLICE, NGO, "bWVzc2FnZSAx")),
                ("random bytes", derived("sealed", 2000), info),
            )
        ],
    }


def messages() -> Vectors:
    """Messages as they are sent, and acknowledgements as they come back."""
    sender, receiver = member_keys(POLICE, "law_enforcement"), member_keys(NGO, "ngo")
    data = base64.b64decode(sealed()["good"]["sealed"])
    address = Address("lead", POLICE, NGO, "bWVzc2FnZSAx")
    expires = NOW + timedelta(days=90)
    good = format_message(sender.signer, address, data, expires, NOW)
    end = int(expires.timestamp())
    claims = {
        "aud": NGO,
        "exp": end,
        "jti": address.token_id,
        "type": address.kind,
        "sha256": hashlib.sha256(data).hexdigest(),
    }

    def message(by: TokenSigner = sender.signer, typ: str = MESSAGE_TYPE, **changes: Any) -> bytes:
        said = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return by.sign(typ, said, NOW).encode() + b"\n" + data

    def find(member: str, kid: str, at: Any) -> bytes:
        return sender.entry().token_keys[0].public

    taken = verify_message(good, NGO, find, NOW)
    said = {"aud": POLICE, "jti": taken.address.token_id, "sha256": claims["sha256"]}
    word = {**said, "received": int(NOW.timestamp())}

    def acknowledged(
        by: TokenSigner = receiver.signer, typ: str = ACKNOWLEDGEMENT_TYPE, **changes: Any
    ) -> str:
        return by.sign(typ, {name: v for name, v in {**word, **changes}.items() if v is not None}, NOW)

    forger = TokenSigner(POLICE, sender.kid, private_key("forger"))
    return {
        "now": AT,
        "roster": b64(format_roster(make_roster(sender.entry(), receiver.entry()))),
        "receiver": NGO,
        "message_good": {
            "data": b64(good),
            "statement": good.partition(b"\n")[0].decode(),
            "type": "lead",
            "iss": POLICE,
            "jti": address.token_id,
            "expires": "2027-02-19T20:14:00Z",
        },
        "messages_bad": [
            {"why": why, "data": b64(wrong), "now": now, "error": error}
            for why, wrong, now, error in (
                ("empty", b"", AT, "Malformed"),
                ("no newline", good.partition(b"\n")[0], AT, "Malformed"),
                ("an altered byte", flip(good, len(good) - 1), AT, "BadProof"),
                ("cut short", good[:-1], AT, "BadProof"),
                ("for another member", message(aud=POLICE), AT, "NotAuthorized"),
                ("forged", message(forger), AT, "BadSignature"),
                ("another kind of statement", message(typ=REQUEST_TYPE), AT, "Malformed"),
                ("no type", message(type=None), AT, "Malformed"),
                ("a type in capitals", message(type="Lead"), AT, "Malformed"),
                ("an id too short", message(jti="short"), AT, "Malformed"),
                ("no hash", message(sha256=None), AT, "Malformed"),
                ("no end", message(exp=None), AT, "Malformed"),
                ("from the future", good, EARLY, "NotAuthorized"),
                ("past its life", good, "2027-02-19T20:16:00Z", "NotAuthorized"),
                ("lives too long", message(exp=end + 121), AT, "NotAuthorized"),
            )
        ],
        "acknowledgement_good": {
            "token": format_acknowledgement(receiver.signer, taken, NOW, NOW),
            "received": AT,
        },
        "acknowledgements_bad": [
            {"why": why, "token": token, "error": error}
            for why, token, error in (
                ("no token", "é", "Malformed"),
                ("another kind of statement", acknowledged(typ=MESSAGE_TYPE), "Malformed"),
                ("by somebody else", acknowledged(sender.signer), "NotAuthorized"),
                ("for somebody else", acknowledged(aud=NGO), "NotAuthorized"),
                ("for another message", acknowledged(jti="bWVzc2FnZSAy"), "NotAuthorized"),
                ("for other bytes", acknowledged(sha256="00" * 32), "NotAuthorized"),
                ("no time", acknowledged(received=None), "Malformed"),
            )
        ],
    }


def sealing_halves(keys: MemberKeys) -> Vectors:
    post_quantum, classical = keys.sealing
    return {
        "public": b64(keys.entry().sealing_keys[-1].public),
        "ml_kem_seed": b64(post_quantum.private_bytes_raw()),
        "x25519": b64(classical.private_bytes_raw()),
    }
