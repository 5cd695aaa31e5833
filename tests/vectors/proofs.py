"""Proofs of one case."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.checkpoint import Checkpoint, cosign, sign_checkpoint
from protocol.current import CURRENT_TYPE
from protocol.document import digest_document, split_document
from protocol.jws import parse_statement
from protocol.note import (
    COSIGNATURE,
    Ed25519Signer,
    format_note,
)
from protocol.proof import Proof, format_proof
from protocol.proof_file import ProofFile, format_proof_file
from protocol.tlog import (
    inclusion_proof,
)
from protocol.token import REQUEST_TYPE
from tests.members import NOW
from tests.protocol.naive import node_reader
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
    erase,
    frontier_of,
    key_values,
    member_keys,
    private_key,
    put,
    signer,
)


def proofs() -> Vectors:
    """What an owner gives to those outside: tlog-proofs, statements and proof files."""
    keys, log, witness = member_keys(POLICE, "law_enforcement"), signer(ORIGIN), signer(NGO, COSIGNATURE)
    ends = NOW + timedelta(hours=48)
    summary = document()
    leaf = put("zoe", digest=digest_document(summary))
    entries = [put(f"case {number}").format() for number in range(8)]
    entries[5] = leaf.format()
    entries += [erase("case 1", 2).format(), b'{"kind":"later"}']

    def proof(index: int = 5, size: int = 10, origin: str = ORIGIN, one: Ed25519Signer = log) -> Proof:
        head = Checkpoint(origin, size, frontier_of(entries[:size]).root())
        note = format_note(cosign(sign_checkpoint(head, one), witness, NOW))
        hashes = inclusion_proof(index, size, node_reader(entries[:size]))
        return Proof(index, tuple(hashes), note, entries[index])

    def statement(until: datetime = ends, **said: Any) -> str:
        claims = {"exp": int(until.timestamp()), "case": leaf.case, "version": 1}
        claims |= {"digest": digest_document(summary).hex(), **said}
        return keys.signer.sign(CURRENT_TYPE, claims, NOW)

    def forged() -> str:
        return replace(keys.signer, private=private_key("forger")).sign(
            CURRENT_TYPE, parse_statement(statement(), CURRENT_TYPE, "vector", 4096).claims, NOW
        )

    good, text = proof(), format_proof(proof()).decode()
    head, public, network = split_document(summary)
    other_head, other_public, _ = split_document(document("other"))
    file = ProofFile(head, public, hashlib.sha256(network).digest(), good, statement())
    over = datetime(2027, 5, 20, tzinfo=UTC)
    stranger = signer(ORIGIN, seed="stranger")
    return {
        "log": key_values(log),
        "witness": key_values(witness),
        "key": {"member": POLICE, "kid": keys.kid, "public": b64(public_half(keys.token))},
        "proofs_good": [
            {"proof": format_proof(one).decode(), "leaf": b64(entries[one.index]), "size": size}
            for one, size in ((good, 10), (proof(0, 1), 1), (replace(proof(7, 8), extra=None), 8))
        ],
        "proofs_unread": [
            {"why": why, "data": b64(data.encode())}
            for why, data in (
                ("empty", ""),
                ("another version", text.replace("@v1", "@v2")),
                ("no empty line", text.replace("\n\n", "\n")),
                ("no index", text.replace("index 5\n", "")),
                ("index with a leading zero", text.replace("index 5", "index 05")),
                ("index below zero", text.replace("index 5", "index -5")),
                ("extra behind the index", replace_extra(text, "index 5\nextra AAAA")),
                ("extra twice", replace_extra(text, "extra AAAA\nextra AAAA\nindex 5")),
                ("extra with stray bits", replace_extra(text, "extra AB==\nindex 5")),
                ("a hash of 31 bytes", text.replace("index 5\n", f"index 5\n{b64(bytes(31))}\n")),
                ("64 hashes", text.replace("index 5\n", "index 5\n" + f"{b64(bytes(32))}\n" * 64)),
                ("carriage returns", text.replace("\n", "\r\n")),
            )
        ],
        "proofs_bad": [
            {"why": why, "proof": format_proof(one).decode(), "error": error}
            for why, one, error in (
                ("another index", replace(good, index=6), "BadProof"),
                ("another leaf", replace(good, extra=entries[6]), "BadProof"),
                ("a hash too few", replace(good, hashes=good.hashes[:-1]), "BadProof"),
                ("a hash too many", replace(good, hashes=(*good.hashes, bytes(32))), "BadProof"),
                ("under another head", replace(good, checkpoint=proof(5, 9).checkpoint), "BadProof"),
                ("another key", proof(one=stranger), "BadSignature"),
                (
                    "the police feed",
                    proof(one=signer(f"{POLICE}/police"), origin=f"{POLICE}/police"),
                    "BadSignature",
                ),
                ("without its leaf", replace(good, extra=None), "Malformed"),
                ("of an erasure", proof(8), "Malformed"),
                ("of another kind of leaf", proof(9), "Malformed"),
            )
        ],
        "statements_good": [
            {
                "token": statement(),
                "case": leaf.case,
                "version": 1,
                "digest": digest_document(summary).hex(),
                "until": "2026-11-23T20:14:00Z",
                "holds": ["2026-11-21T20:12:00Z", AT, "2026-11-23T20:13:59Z"],
                "does_not_hold": [EARLY, "2026-11-23T20:14:00Z"],
            }
        ],
        "statements_bad": [
            {"why": why, "token": token, "error": error}
            for why, token, error in (
                ("lives too long", statement(NOW + timedelta(days=7, seconds=1)), "NotAuthorized"),
                ("ends when it begins", statement(NOW), "NotAuthorized"),
                ("for half a year", statement(over), "NotAuthorized"),
                ("case of another", statement(case=case_id("zoe", "police.br.example")), "NotAuthorized"),
                ("no case", statement(case=""), "Malformed"),
                ("version 0", statement(version=0), "Malformed"),
                ("version with a fraction", statement(version=1.0), "Malformed"),
                ("no digest", statement(digest=None), "Malformed"),
                ("unknown key", member_keys(NGO, "ngo").signer.sign(CURRENT_TYPE, {}, NOW), "NotAuthorized"),
                ("forged", forged(), "BadSignature"),
                ("of another type", keys.signer.sign(REQUEST_TYPE, {}, NOW), "Malformed"),
            )
        ],
        "files_good": [b64(format_proof_file(file))],
        "files_bad": [
            {"why": why, "file": b64(format_proof_file(one)), "error": error}
            for why, one, error in (
                ("another public part", replace(file, public=other_public), "BadProof"),
                ("another head", replace(file, head=other_head), "BadProof"),
                ("another network part", replace(file, network=bytes(32)), "BadProof"),
                ("a space more", replace(file, public=public + b" "), "BadProof"),
                ("proof of another leaf", replace(file, proof=proof(6)), "BadProof"),
                (
                    "statement on another case",
                    replace(file, statement=statement(case=case_id("case 1"))),
                    "BadProof",
                ),
                ("statement on another version", replace(file, statement=statement(version=2)), "BadProof"),
                (
                    "statement on another digest",
                    replace(file, statement=statement(digest="00" * 32)),
                    "BadProof",
                ),
                ("no statement", replace(file, statement="a.b.c"), "Malformed"),
            )
        ],
    }


def public_half(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


def replace_extra(proof: str, lines: str) -> str:
    """Put other lines in the place of a proof's second and third."""
    first, _, _, rest = proof.split("\n", 3)
    return "\n".join((first, lines, rest))
