"""Every reader of foreign bytes, as a function of bytes alone, with good ones to begin from.

Whatever it is given, a target comes to its end or raises one of the errors that it promises. What is signed
is
signed here too, over claims that may be anything: a thief of a key has that power. tests/fuzz/test_targets.py
feeds them by Hypothesis, and `make fuzz` by atheris, which sees which way the bytes take through the code.
"""

import io
import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import openpyxl
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from PIL import Image

from node.adapters.archive import read_header, read_records
from node.adapters.bundles import BundleReader
from node.adapters.images import PhotographLimits, prepare_photograph
from node.adapters.tables.sheet import guess_reading, read_rows
from node.errors import InvalidInput
from protocol.answers import parse_answers, parse_query
from protocol.bundle import BUNDLE_TYPE, parse_known, parse_record_header, verify_bundle_statement
from protocol.checkpoint import verify_checkpoint, verify_cosignatures
from protocol.current import CURRENT_TYPE, verify_current
from protocol.document import split_document, verify_document
from protocol.encoding import format_json, parse_json
from protocol.endorsement import (
    ENDORSEMENT_TYPE,
    WITHDRAWAL_TYPE,
    verify_endorsement,
    verify_withdrawal,
)
from protocol.errors import ProtocolError
from protocol.evidence import parse_evidence, verify_evidence
from protocol.heads import parse_heads
from protocol.joining import JOIN_TYPE, verify_join_request
from protocol.jws import format_statement
from protocol.leaf import PUT, Leaf, parse_leaf
from protocol.message import (
    ACKNOWLEDGEMENT_TYPE,
    Address,
    open_content,
    verify_acknowledgement,
    verify_message,
)
from protocol.mirror import parse_readers
from protocol.note import COSIGNATURE, VerifierKey, parse_note
from protocol.policy import parse_policy
from protocol.proof import parse_proof
from protocol.proof_file import parse_proof_file, verify_announced, verify_shown, verify_statement
from protocol.pruning import parse_pruned
from protocol.receipt import RECEIPT_TYPE, verify_receipt
from protocol.roster import format_roster, parse_roster
from protocol.sealed import open_sealed
from protocol.tiles import check_tile, parse_bundle, parse_tile_path
from protocol.token import REQUEST_TYPE, verify_request
from protocol.witness import check_submission, parse_cosignatures, parse_newest_size, parse_submission
from tests.vectors.fixed import FOLDER, NGO, POLICE, member_keys

NOW = datetime(2026, 11, 21, 20, 14, tzinfo=UTC)


def _vectors(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_bytes())
    return found


_ROSTER, _TOKENS, _SEALED, _FEED = (_vectors(name) for name in ("roster", "tokens", "sealed", "feed"))
_MESSAGES, _CHECKPOINTS, _PROOFS = _vectors("messages"), _vectors("checkpoints"), _vectors("proofs")
_ORIGIN: str = _FEED["origin"]
_LISTED = parse_roster(b64decode(_ROSTER["roster"]))
_LOG = VerifierKey.parse(_FEED["log"]["vkey"])
_PROOFS_LOG = VerifierKey.parse(_PROOFS["log"]["vkey"])
_WITNESSES = [VerifierKey.parse(item["vkey"]) for item in _CHECKPOINTS["witnesses"]]
_NGO_KEYS, _POLICE_KEYS = member_keys(NGO, "ngo"), member_keys(POLICE, "law_enforcement")
_DIGEST = bytes(32)
_OWN_KEY = MLKEM768X25519PrivateKey(
    MLKEM768PrivateKey.from_seed_bytes(b64decode(_SEALED["receiver"]["ml_kem_seed"])),
    X25519PrivateKey.from_private_bytes(b64decode(_SEALED["receiver"]["x25519"])),
)
_ADDRESS = Address("lead", POLICE, NGO, "bWVzc2FnZSAx")


@dataclass(frozen=True)
class Target:
    """A reader, good bytes for it, and what it may raise."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...] = (b"",)
    refuses: tuple[type[Exception], ...] = (ProtocolError,)

    def feed(self, data: bytes) -> None:
        """Read some bytes; what is promised is passed over, and everything else is a fault."""
        with suppress(*self.refuses):
            self.read(data)


def _good(vectors: dict[str, Any], key: str, *path: str) -> tuple[bytes, ...]:
    """Return good values of a file of vectors: texts as they are, base64 where it is that."""
    values = vectors[key] if isinstance(vectors[key], list) else [vectors[key]]
    for step in path:
        values = [value[step] for value in values]
    return tuple(value.encode() for value in values)


def _decoded(seeds: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(b64decode(seed) for seed in seeds)


def _find(issuer: str, kid: str, at: datetime) -> bytes:
    return _NGO_KEYS.token.public_key().public_bytes_raw()


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


def _signed(kind: str, read: Callable[[str], object], seed: dict[str, Any], police: bool = False) -> Target:
    """A reader of signed claims, which are what the bytes say, whatever that is."""
    keys = _POLICE_KEYS if police else _NGO_KEYS

    def read_claims(data: bytes) -> object:
        claims = parse_json(data, "claims", 1 << 20)
        return read(format_statement(claims, kind, keys.kid, keys.token))

    return Target(read_claims, (format_json(seed),))


def _read_checkpoint(data: bytes) -> None:
    _, note = verify_checkpoint(data, [_LOG])
    verify_cosignatures(note, [key for key in _WITNESSES if key.kind == COSIGNATURE])


def _read_document(data: bytes) -> None:
    leaf = Leaf(PUT, f"{POLICE}/{'a' * 26}", 1, _DIGEST, NOW.date(), NOW, bytes(16))
    split_document(data)
    verify_document(data, leaf, "network")


def _read_proof_file(data: bytes) -> object:
    file = parse_proof_file(data)
    announced, _ = verify_shown(file, lambda member: [_PROOFS_LOG])
    return verify_statement(file, announced, _find)


def _read_roster(data: bytes) -> None:
    roster = parse_roster(data)
    assert parse_roster(format_roster(roster)) == roster


def _read_sealed(data: bytes) -> None:
    open_sealed([_OWN_KEY], data, _SEALED["good"]["info"].encode())


def _read_message(data: bytes) -> None:
    message = verify_message(data, NGO, _LISTED.token_key, NOW)
    open_content([_OWN_KEY], message.sealed, message.address)


def _read_submission(data: bytes) -> None:
    submission = parse_submission(data)
    check_submission(submission, None, [_LOG])


def _read_bundle_file(data: bytes) -> None:
    list(BundleReader(io.BytesIO(data), NGO, _find, [_OWN_KEY], NOW).records())


def _read_backup(data: bytes) -> None:
    file = io.BytesIO(data)
    list(read_records(file, read_header(file), _OWN_KEY))


def _workbook() -> bytes:
    made = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["Name", "Born", NOW.replace(tzinfo=None), 1.5, "=1+1"])
    book.save(made)
    return made.getvalue()


def _picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (48, 40), "red").save(file, kind)
    return file.getvalue()


_CLAIMS = {"iss": NGO, "aud": POLICE, "iat": int(NOW.timestamp()), "jti": "a" * 16}

TARGETS: dict[str, Target] = {
    "json": Target(lambda data: parse_json(data, "json", 1 << 16), (b'{"a":[1,2.5,"\\u00e9",null]}',)),
    "note": Target(parse_note, _good(_CHECKPOINTS, "good", "note")),
    "checkpoint": Target(_read_checkpoint, _good(_FEED, "published", "checkpoint")),
    "tile path": Target(_text(parse_tile_path), (b"tile/0/x001/234", b"tile/entries/000.p/12")),
    "entry bundle": Target(
        partial(parse_bundle, width=3), _decoded((_FEED["files"]["tile/entries/000.p/3"].encode(),))
    ),
    "hash tile": Target(lambda data: check_tile(data, parse_tile_path("tile/0/000.p/3")), (bytes(96),)),
    "leaf": Target(partial(parse_leaf, member=POLICE), _good(_vectors("leaves"), "good")),
    "document": Target(_read_document, _decoded(_good(_vectors("documents"), "good", "document"))),
    "query": Target(parse_query, _good(_vectors("answers"), "query_good", "body")),
    "answers": Target(
        partial(parse_answers, asked=[_DIGEST]),
        (b"0" * 64 + b" erased\n", b"0" * 64 + b" document 2\n{}\n{}\n"),
    ),
    "request token": Target(
        _text(lambda token: verify_request(token, POLICE, "GET", "/", b"", _find, NOW)),
        _good(_TOKENS, "requests_good", "token"),
    ),
    "request claims": _signed(
        REQUEST_TYPE,
        lambda token: verify_request(token, POLICE, "GET", "/", b"", _find, NOW),
        {**_CLAIMS, "exp": int(NOW.timestamp()) + 60, "htm": "GET", "htu": "/", "bod": "0" * 64},
    ),
    "proof": Target(
        lambda data: verify_announced(parse_proof(data), None, lambda member: [_PROOFS_LOG]),
        _good(_PROOFS, "proofs_good", "proof"),
    ),
    "current claims": _signed(
        CURRENT_TYPE,
        lambda token: verify_current(token, _find).check_holds(NOW),
        {
            **_CLAIMS,
            "case": f"{NGO}/{'a' * 26}",
            "version": 1,
            "digest": "0" * 64,
            "exp": int(NOW.timestamp()) + 60,
        },
    ),
    "proof file": Target(_read_proof_file, tuple(b64decode(file) for file in _PROOFS["files_good"])),
    "receipt": Target(
        _text(lambda token: verify_receipt(token, POLICE, _find)), _good(_TOKENS, "receipts_good", "token")
    ),
    "receipt claims": _signed(
        RECEIPT_TYPE,
        lambda token: verify_receipt(token, POLICE, _find),
        {**_CLAIMS, "kind": "held", "origin": _ORIGIN, "items": [{}]},
    ),
    "roster": Target(_read_roster, _decoded(_good(_ROSTER, "roster"))),
    "policy": Target(parse_policy, _decoded(_good(_ROSTER, "policy"))),
    "endorsement claims": _signed(
        ENDORSEMENT_TYPE,
        lambda token: verify_endorsement(token, _LISTED, NOW),
        {"iss": POLICE, "sub": NGO, "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 9, "jti": "a"},
        police=True,
    ),
    "withdrawal claims": _signed(
        WITHDRAWAL_TYPE,
        lambda token: verify_withdrawal(token, _LISTED),
        {"iss": POLICE, "iat": int(NOW.timestamp()), "jti": "a", "withdrawn": "b"},
        police=True,
    ),
    "join request": Target(
        _text(lambda token: verify_join_request(token, NOW, _LISTED)), _good(_ROSTER, "join_request", "token")
    ),
    "join claims": _signed(
        JOIN_TYPE, lambda token: verify_join_request(token, NOW, _LISTED), {**_CLAIMS, "member": {}}
    ),
    "submission": Target(_read_submission, (b"old 0\n\n" + _good(_FEED, "published", "checkpoint")[1],)),
    "newest size": Target(parse_newest_size, (b"12\n",)),
    "cosignatures": Target(
        partial(parse_cosignatures, text=b"a\n1\nb\n"), ("— witness.example AAAAAAAA\n".encode(),)
    ),
    "evidence": Target(
        lambda data: verify_evidence(parse_evidence(data), [_LOG]),
        _good(_vectors("evidence"), "good", "evidence"),
    ),
    "heads": Target(parse_heads, (b'{"heads":["a\\n0\\nb\\n\\n"]}',)),
    "readers": Target(parse_readers, (b'{"readers":["police.fr.example"]}',)),
    "pruned": Target(partial(parse_pruned, known=300), (b"{}", bytes(40))),
    "sealed": Target(_read_sealed, _decoded(_good(_SEALED, "good", "sealed"))),
    "message": Target(_read_message, _decoded(_good(_MESSAGES, "message_good", "data"))),
    "acknowledgement claims": _signed(
        ACKNOWLEDGEMENT_TYPE,
        lambda token: verify_acknowledgement(token.encode(), _ADDRESS, _DIGEST, _find),
        {**_CLAIMS, "sha256": _DIGEST.hex(), "received": int(NOW.timestamp())},
    ),
    "bundle claims": _signed(
        BUNDLE_TYPE,
        lambda token: verify_bundle_statement(token, POLICE, _find, NOW),
        {**_CLAIMS, "sha256": _DIGEST.hex()},
    ),
    "bundle record": Target(parse_record_header, (f"{_ORIGIN}/checkpoint 12\n".encode(),)),
    "bundle known": Target(parse_known, (b'{"police.fr.example/network":12}',)),
    "bundle file": Target(_read_bundle_file, (b"a.b.c\n" + bytes(1200),)),
    "backup": Target(_read_backup, (b"gmcn-backup/1\n{}\n" + bytes(1200),), (InvalidInput,)),
    "spreadsheet": Target(
        lambda data: list(read_rows(data, guess_reading(data))),
        (b"Name;Sex\nAna;f\n", "Имя\tПол\n".encode("cp1251"), _workbook()),
        (InvalidInput,),
    ),
    "photograph": Target(
        lambda data: prepare_photograph(data, PhotographLimits()),
        tuple(_picture(kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")),
        (InvalidInput,),
    ),
}
