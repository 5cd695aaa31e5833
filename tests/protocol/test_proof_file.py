"""protocol/proof_file.py: what an owner gives to those outside, and what others make of it."""

import base64
import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.current import format_current
from protocol.document import digest_document, format_document, split_document
from protocol.encoding import format_json
from protocol.errors import BadProof, BadSignature, Malformed, NotAuthorized, ProtocolError
from protocol.leaf import Leaf
from protocol.note import VerifierKey, format_note
from protocol.proof import MAX_PROOF_BYTES, Proof
from protocol.proof_file import (
    MAX_PROOF_FILE_BYTES,
    ProofFile,
    format_proof_file,
    parse_proof_file,
    verify_announced,
    verify_shown,
    verify_statement,
)
from protocol.token import TokenSigner
from tests.protocol.naive import (
    AT,
    MEMBER,
    ORIGIN,
    audit_path,
    case_id,
    erase,
    private_key,
    put,
    sha256,
    signer,
    tree_hash,
)
from tests.protocol.test_hostile import mutated

TOKENS = TokenSigner(MEMBER, "k1", private_key(5))
UNTIL = AT + timedelta(hours=48)


def document(number: int = 0, version: int = 1) -> bytes:
    head = {
        "schema": "summary/1.0",
        "case": case_id(number),
        "version": version,
        "issued_at": "2026-11-20T09:00:00Z",
        "updated_at": "2026-11-21T20:14:00Z",
        "expires_at": "2027-05-20",
        "issuer": MEMBER,
        "show_in": "all",
    }
    parts = {"head": head, "public": {"sex": 2}, "network": {"secret": True}}
    return format_document(parts, [sha256(part.encode(), bytes([number, version])) for part in parts])


LEAVES = [put(number, digest=digest_document(document(number))) for number in range(3)]
ENTRIES = [leaf.format() for leaf in LEAVES]


def proof_of(index: int, entries: list[bytes] = ENTRIES, origin: str = ORIGIN) -> Proof:
    note = format_note(sign_checkpoint(Checkpoint(origin, len(entries), tree_hash(entries)), signer(origin)))
    return Proof(index, tuple(audit_path(index, entries)), note, entries[index])


def statement(leaf: Leaf, **changes: Any) -> str:
    said = {"case": leaf.case, "version": leaf.version, "digest": leaf.digest} | changes
    return format_current(TOKENS, said["case"], said["version"], said["digest"], UNTIL, AT)


def file_of(index: int) -> ProofFile:
    head, public, network = split_document(document(index))
    hashed = hashlib.sha256(network).digest()
    return ProofFile(head, public, hashed, proof_of(index), statement(LEAVES[index]))


GOOD = file_of(1)


def find(member: str) -> list[VerifierKey]:
    if member != MEMBER:
        raise NotAuthorized("no such member")
    return [signer().key]


def find_token(member: str, kid: str, at: datetime) -> bytes:
    return TOKENS.private.public_key().public_bytes_raw()


def verify(file: ProofFile) -> None:
    announced, _ = verify_shown(file, find)
    verify_statement(file, announced, find_token)


def test_a_proof_file() -> None:
    file = parse_proof_file(format_proof_file(GOOD))
    assert file == GOOD
    announced, parts = verify_shown(file, find)
    assert (announced.owner, announced.leaf, announced.digest) == (MEMBER, LEAVES[1], LEAVES[1].digest)
    assert announced.checkpoint.size == len(ENTRIES)
    assert announced.note.text == announced.checkpoint.format()
    assert list(parts) == ["head", "public"]
    assert parts["public"]["sex"] == 2
    assert verify_statement(file, announced, find_token).until == UNTIL


def test_what_is_withheld_is_not_in_it() -> None:
    assert b"secret" not in b"".join((GOOD.head, GOOD.public, GOOD.proof.extra or b""))
    assert b"secret" not in base64.b64decode(json.loads(format_proof_file(GOOD))["public"])


def test_further_members_are_passed_over() -> None:
    value = json.loads(format_proof_file(GOOD)) | {"later": 1}
    assert parse_proof_file(format_json(value)) == GOOD


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (replace(GOOD, public=file_of(2).public), BadProof),
        (replace(GOOD, head=file_of(2).head), BadProof),
        (replace(GOOD, network=bytes(32)), BadProof),
        (replace(GOOD, public=GOOD.public + b" "), BadProof),
        (replace(GOOD, proof=proof_of(2)), BadProof),
        (replace(GOOD, proof=replace(GOOD.proof, extra=ENTRIES[2])), BadProof),
        (replace(GOOD, proof=replace(GOOD.proof, extra=None)), Malformed),
        (replace(GOOD, proof=proof_of(1, origin=f"{MEMBER}/police")), BadSignature),
        (replace(GOOD, proof=proof_of(1, origin="police.de.example/network")), NotAuthorized),
        (replace(GOOD, proof=proof_of(3, [*ENTRIES, erase(1).format()])), Malformed),
        (replace(GOOD, proof=proof_of(3, [*ENTRIES, b'{"kind":"later"}'])), Malformed),
        (replace(GOOD, statement=file_of(2).statement), BadProof),
        (replace(GOOD, statement=statement(LEAVES[1], version=2)), BadProof),
        (replace(GOOD, statement=statement(LEAVES[1], digest=bytes(32))), BadProof),
        (replace(GOOD, statement="a.b.c"), Malformed),
    ],
)
def test_files_that_prove_nothing(file: ProofFile, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        verify(file)


def test_a_leaf_may_come_beside_a_proof() -> None:
    bare = replace(GOOD.proof, extra=None)
    assert verify_announced(bare, ENTRIES[1], find).leaf == LEAVES[1]
    with pytest.raises(BadProof):
        verify_announced(bare, ENTRIES[2], find)


@pytest.mark.parametrize(
    ("head", "public"),
    [
        (b"{}", b"{}"),
        (b"[]", b"{}"),
        (GOOD.head, b"{}"),
        (GOOD.head, b"[]"),
        (GOOD.head.replace(b"summary/1.0", b"supplement/1.0"), GOOD.public),
        (GOOD.head.replace(b'"version":1', b'"version":2'), GOOD.public),
        (GOOD.head, GOOD.public.replace(b",", b",\n")),
    ],
)
def test_parts_that_no_summary_has(head: bytes, public: bytes) -> None:
    """Their owner has announced them all the same: nobody keeps it from announcing any bytes."""
    hashes = b"".join(hashlib.sha256(line).digest() for line in (head, public)) + GOOD.network
    entry = replace(LEAVES[1], digest=sha256(b"gmcn/document/v1\n", hashes)).format()
    with pytest.raises(Malformed):
        verify_shown(replace(GOOD, head=head, public=public, proof=proof_of(0, [entry])), find)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "proof/2.0"},
        {"head": "A"},
        {"head": None},
        {"public": 5},
        {"network_sha256": "00"},
        {"tlog_proof": None},
        {"tlog_proof": 5},
        {"tlog_proof": "x" * (MAX_PROOF_BYTES + 1)},
        {"tlog_proof": "c2sp.org/tlog-proof@v1"},
        {"statement": ""},
        {"statement": "x" * 4097},
        {"filler": "x" * MAX_PROOF_FILE_BYTES},
    ],
)
def test_what_is_no_proof_file(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse_proof_file(format_json(json.loads(format_proof_file(GOOD)) | changes))


@given(st.data())
def test_any_proof_file(data: st.DataObject) -> None:
    value = mutated(data, json.loads(format_proof_file(GOOD)))
    with suppress(ProtocolError):
        verify(parse_proof_file(json.dumps(value).encode()))
