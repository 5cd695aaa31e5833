"""Makes the test vectors beside it, by which a node in any language can be held to the protocol.

    python -m tests.vectors.make

Every key, salt and nonce is derived from a name, so that a second run writes the same bytes. Bytes that need
not be text are given in base64; `error` names the class of protocol/errors.py, which protocol/README.md
explains under "Errors". tests/protocol/test_vectors.py proves that the files are these and that protocol/
agrees with each of them.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from protocol.answers import Given, format_answers, format_query
from protocol.checkpoint import Checkpoint, cosign, sign_checkpoint
from protocol.current import CURRENT_TYPE
from protocol.document import digest_document, format_document, split_document
from protocol.encoding import parse_time
from protocol.endorsement import format_endorsement, format_withdrawal
from protocol.errors import Malformed
from protocol.evidence import Evidence, format_evidence, gather_evidence
from protocol.feed import FeedHead, grow
from protocol.joining import format_join_request
from protocol.jws import parse_statement
from protocol.leaf import ERASE, PUT, Leaf
from protocol.message import (
    ACKNOWLEDGEMENT_TYPE,
    MESSAGE_TYPE,
    Address,
    format_acknowledgement,
    format_message,
    verify_message,
)
from protocol.note import (
    COSIGNATURE,
    ED25519,
    Ed25519Signer,
    Note,
    Signature,
    VerifierKey,
    format_note,
    sign_text,
)
from protocol.policy import Policy, format_policy
from protocol.proof import Proof, format_proof
from protocol.proof_file import ProofFile, format_proof_file
from protocol.receipt import format_receipt
from protocol.roster import Member, RetiredKey, TokenKey, fingerprint, format_roster
from protocol.sealed import open_sealed, seal, sealing_info
from protocol.tiles import TileRef, format_bundle, tile_width
from protocol.tlog import (
    EMPTY,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    subtrees,
)
from protocol.token import REQUEST_TYPE, TokenSigner, sign_request
from protocol.witness import format_cosignatures, format_submission, origin_hash
from tests.members import NOW, MemberKeys, make_roster
from tests.protocol.naive import node_reader

FOLDER = Path(__file__).parent
POLICE = "police.fr.example"
NGO = "enfants.fr.example"
ORIGIN = f"{POLICE}/network"
EXPIRES = date(2027, 5, 20)
AT, EARLY = "2026-11-21T20:14:00Z", "2026-11-21T20:11:59Z"

Vectors = dict[str, Any]


def derived(name: str, size: int = 32) -> bytes:
    """Derive bytes from a name: SHAKE-256 of it."""
    return hashlib.shake_256(f"gmcn test vector: {name}".encode()).digest(size)


def private_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derived(name))


def signer(name: str, kind: int = ED25519, seed: str = "") -> Ed25519Signer:
    return Ed25519Signer(name, kind, private_key(seed or name))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def key_values(one: Ed25519Signer) -> Vectors:
    return {"vkey": one.key.format(), "private": b64(one.private.private_bytes_raw())}


def case_id(name: str, member: str = POLICE) -> str:
    return f"{member}/{base64.b32encode(derived(name, 16)).decode().rstrip('=').lower()}"


def encodings() -> Vectors:
    """Strict JSON, base64, decimal numbers, hashes, times and dates."""
    bad_json = {
        "empty": b"",
        "truncated": b'{"a":',
        "trailing comma": b"[1,]",
        "two values": b"1 2",
        "NaN": b'{"a":NaN}',
        "Infinity": b"[Infinity]",
        "number too large": b"1e999",
        "leading zero": b"01",
        "byte order mark": b"\xef\xbb\xbf{}",
        "invalid UTF-8": b'"\xff"',
        "overlong UTF-8": b'"\xc0\x80"',
        "surrogate in UTF-8": b'"\xed\xa0\x80"',
        "lone surrogate escaped": b'"\\ud800"',
        "control character in a text": b'"\x01"',
        "UTF-16": "{}".encode("utf-16-le"),
        "a key twice": b'{"a":1,"a":1}',
        "a key twice, once escaped": b'{"a":1,"\\u0061":2}',
        "a key twice, further in": b'[{"b":{"a":1,"a":1}}]',
        "33 levels": b"[" * 33 + b"]" * 33,
        "33 levels of objects": b'{"a":' * 32 + b"{}" + b"}" * 32,
    }
    return {
        "json_good": [
            "null",
            "5",
            '"é"',
            ' { "a" : [ 1 , 2.5 ] } ',
            '{"a":{"a":1}}',
            '"\\ud83d\\ude00"',
            "[" * 32 + "]" * 32,
            "9007199254740993",
        ],
        "json_bad": [{"why": why, "data": b64(data)} for why, data in bad_json.items()],
        "base64_good": [{"text": b64(data), "hex": data.hex()} for data in (b"", b"\0", b"\xff\xfe", b"abc")],
        "base64_bad": [
            "A",
            "AA",
            "AAA",
            "AB==",
            "AAB=",
            "AA==AA==",
            "AAAA=",
            " AAAA",
            "AAAA\n",
            "AA-_",
            "A\u00c5==",
        ],
        "decimal_good": ["0", "1", "10", "9223372036854775807"],
        "decimal_bad": [
            "",
            "00",
            "01",
            "+1",
            "-1",
            "-0",
            " 1",
            "1 ",
            "1\n",
            "1_0",
            "1.0",
            "1e3",
            "0x1",
            "١",
            "9223372036854775808",
            "1" * 5000,
        ],
        "hash_good": ["00ff" * 16],
        "hash_bad": ["", "00FF" * 16, "00" * 31, "00" * 33, "0g" * 32, "00" * 32 + "\n"],
        "time_good": ["2026-11-21T20:14:00Z", "2024-02-29T23:59:59Z", "0001-01-01T00:00:00Z"],
        "time_bad": [
            "2026-11-21T20:14:00",
            "2026-11-21T20:14:00+00:00",
            "2026-11-21T20:14:00.0Z",
            "2026-11-21t20:14:00z",
            "2026-11-21 20:14:00Z",
            "2026-11-21T20:14Z",
            "2026-11-21T20:14:60Z",
            "2026-11-21T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-11-21T20:14:00Z\n",
        ],
        "date_good": ["2026-11-21", "2024-02-29"],
        "date_bad": ["2026-02-29", "20261121", "2026-W47-6", "2026-11-21T00:00:00Z", "2026-1-1", ""],
    }


def tree() -> Vectors:
    """Hashes, roots and proofs of RFC 6962."""
    entries = [derived(f"entry {number}", number % 9) for number in range(20)]
    read = node_reader(entries)
    roots = [EMPTY.extended(map(leaf_hash, entries[:size])).root() for size in range(len(entries) + 1)]
    inclusion = [(0, 1), (0, 2), (1, 3), (2, 3), (4, 7), (7, 8), (8, 9), (5, 13), (12, 20), (19, 20)]
    consistency = [
        (0, 5),
        (1, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 8),
        (6, 8),
        (7, 13),
        (8, 13),
        (13, 20),
        (16, 20),
    ]
    good_inclusion: list[Vectors] = [
        {
            "index": index,
            "size": size,
            "leaf_hash": leaf_hash(entries[index]).hex(),
            "root": roots[size].hex(),
            "proof": hexes(inclusion_proof(index, size, read)),
        }
        for index, size in inclusion
    ]
    good_consistency: list[Vectors] = [
        {
            "old": old,
            "new": new,
            "old_root": roots[old].hex(),
            "new_root": roots[new].hex(),
            "proof": hexes(consistency_proof(old, new, read)),
        }
        for old, new in consistency
    ]
    zeros = bytes(32).hex()
    one, two = good_inclusion[7], good_consistency[7]
    return {
        "entries": [b64(entry) for entry in entries],
        "leaf_hashes": hexes([leaf_hash(entry) for entry in entries]),
        "node": {
            "left": leaf_hash(entries[0]).hex(),
            "right": leaf_hash(entries[1]).hex(),
            "hash": node_hash(leaf_hash(entries[0]), leaf_hash(entries[1])).hex(),
        },
        "roots": hexes(roots),
        "frontiers": [hexes(frontier_of(entries[:size]).hashes) for size in range(len(entries) + 1)],
        "inclusion_good": good_inclusion,
        "inclusion_bad": [
            {"why": "too long", **one, "proof": [*one["proof"], zeros]},
            {"why": "too short", **one, "proof": one["proof"][:-1]},
            {"why": "order", **one, "proof": one["proof"][::-1]},
            {"why": "another index", **one, "index": one["index"] + 1},
            {"why": "beyond the tree", **one, "index": one["size"]},
            {"why": "another size", **one, "size": 40},
            {"why": "another root", **one, "root": zeros},
            {"why": "another leaf", **one, "leaf_hash": zeros},
        ],
        "consistency_good": good_consistency,
        "consistency_bad": [
            {"why": "too long", **two, "proof": [*two["proof"], zeros]},
            {"why": "too short", **two, "proof": two["proof"][:-1]},
            {"why": "empty", **two, "proof": []},
            {"why": "order", **two, "proof": two["proof"][::-1]},
            {"why": "another old root", **two, "old_root": zeros},
            {"why": "another new root", **two, "new_root": zeros},
            {"why": "backwards", **two, "old": two["new"], "new": two["old"]},
            {"why": "equal sizes with a proof", **good_consistency[1], "proof": [zeros]},
            {"why": "equal sizes with two roots", **good_consistency[1], "new_root": zeros},
            {"why": "empty tree with another root", **good_consistency[0], "old_root": zeros},
        ],
    }


def hexes(hashes: Sequence[bytes]) -> list[str]:
    return [one.hex() for one in hashes]


def frontier_of(entries: Sequence[bytes]) -> Frontier:
    return EMPTY.extended(map(leaf_hash, entries))


def tiles() -> Vectors:
    """Paths, widths and bundles."""
    refs = [
        TileRef(0, 0, 256),
        TileRef(0, 0, 1),
        TileRef(0, 1234067, 256),
        TileRef(1, 999, 255),
        TileRef(63, 1000, 256),
        TileRef(None, 0, 256),
        TileRef(None, 272, 112),
        TileRef(0, (1 << 55) - 1, 256),
    ]
    bundle = format_bundle([b"", b"a", bytes(300)])
    return {
        "paths_good": [
            {"path": ref.format(), "level": ref.level, "index": ref.index, "width": ref.width} for ref in refs
        ],
        "paths_bad": [
            "",
            "/tile/0/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/x1/000",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/000/",
            "tile/0/000\n",
            "tile/0/../000",
            "tile/0/%30%30%30",
            "tile/0/٠٠٠",
            "tile/data/000",
            "tile/0/x036/x028/x797/x018/x963/968",
        ],
        "widths": [
            {"size": size, "level": level, "index": index, "width": tile_width(level, index, size)}
            for size, level, index in (
                (256, 0, 0),
                (256, 1, 0),
                (70000, 0, 272),
                (70000, 0, 273),
                (70000, 0, 274),
                (70000, 1, 1),
                (70000, 2, 0),
                (70000, 3, 0),
            )
        ],
        "bundles_good": [
            {"data": b64(bundle), "entries": [b64(b""), b64(b"a"), b64(bytes(300))]},
            {"data": "", "entries": []},
        ],
        "bundles_bad": [
            {"why": "too few entries", "width": 4, "data": b64(bundle)},
            {"why": "too many entries", "width": 2, "data": b64(bundle)},
            {"why": "ends inside an entry", "width": 3, "data": b64(bundle[:-1])},
            {"why": "ends inside a length", "width": 4, "data": b64(bundle + b"\0")},
            {"why": "bytes after the last entry", "width": 3, "data": b64(bundle + b"\0\0")},
        ],
    }


def notes() -> Vectors:
    """Verifier keys and signed notes."""
    log, other = signer("log.example"), signer("log.example", seed="another key of the log's name")
    witness = signer("log.example", COSIGNATURE, "witness")
    text = b"one\n\ntwo \xc3\xa9\n"
    good = sign_text(text, log)
    stranger = sign_text(text, signer("stranger.example"))
    same_id = replace(good, name="stranger.example")
    vkey = log.key.format()
    plain = format_note(Note(text, (good,))).decode()

    def sign(*lines: Signature) -> str:
        return format_note(Note(text, lines)).decode()

    return {
        "keys": [key_values(log), key_values(other), key_values(witness)],
        "vkeys_bad": [
            vkey.replace("+", "-", 1),
            vkey + "\n",
            vkey[:-4],
            vkey.replace("log.", "lug."),
            "+" + vkey,
            vkey.replace(log.key.key_id.hex(), log.key.key_id.hex().upper()),
            vkey.replace("log.", "l g."),
            replace(log.key, kind=2).format(),
            "",
        ],
        "verify_good": [
            {"why": "one signature", "vkeys": [vkey], "note": plain, "signer": vkey},
            {"why": "strangers", "vkeys": [vkey], "note": sign(stranger, same_id, good), "signer": vkey},
            {"why": "two keys known", "vkeys": [other.key.format(), vkey], "note": plain, "signer": vkey},
        ],
        "verify_bad": [
            {"why": why, "vkeys": vkeys, "note": note, "error": "BadSignature"}
            for why, vkeys, note in (
                ("only strangers", [vkey], sign(stranger, same_id)),
                ("no key is known", [], plain),
                ("another text", [vkey], plain.replace("two", "too")),
                ("a bad line of a known key first", [vkey], sign(replace(good, data=bytes(64)), good)),
                ("a bad line of a known key last", [vkey], sign(good, replace(good, data=b"x"))),
                ("another key of the same name", [vkey], sign(sign_text(text, other))),
            )
        ],
        "notes_bad": [
            {"why": why, "data": b64(data.encode("latin-1") if why == "not UTF-8" else data.encode())}
            for why, data in (
                ("empty", ""),
                ("no blank line", plain.replace("\n\n", "\n")),
                ("no signature", "one\n\n"),
                ("no final newline", plain[:-1]),
                ("a line more", plain + "\n"),
                ("not UTF-8", "t\xffxt\n\n- x\n"),
                ("control character", plain.replace("one", "o\tne")),
                ("carriage returns", plain.replace("\n", "\r\n")),
                ("hyphen for em dash", plain.replace("—", "-")),
                ("two spaces", plain.replace("— ", "—  ")),
                ("plus in the name", plain.replace("log.", "l+g.")),
                ("space in the name", plain.replace("log.", "l\u00a0g.")),
                ("base64 without padding", plain.replace("=\n", "\n")),
                ("signature too short", plain.partition("— ")[0] + "— log.example AAAAAA==\n"),
                ("65 signatures", plain + "— log.example AAAAAAA=\n" * 64),
            )
        ],
    }


def checkpoints() -> Vectors:
    """Checkpoints and cosignatures."""
    log = signer(ORIGIN)
    witnesses = [signer(f"police.{country}.example", COSIGNATURE) for country in ("br", "jp", "ng")]
    head = Checkpoint(ORIGIN, 5, derived("root"))
    signed = sign_checkpoint(head, log)
    twice = cosign(cosign(signed, witnesses[0], NOW), witnesses[0], NOW + timedelta(hours=1))
    two = cosign(twice, witnesses[1], NOW)
    forged = Signature(witnesses[2].name, witnesses[2].key.key_id, two.signatures[-1].data)
    far = (1 << 63) - 1
    far_text = f"cosignature/v1\ntime {far}\n".encode() + head.format()
    beyond = Signature(
        witnesses[2].name, witnesses[2].key.key_id, far.to_bytes(8, "big") + witnesses[2].sign(far_text)
    )
    poisoned = Note(two.text, (*two.signatures, forged, beyond))
    root = b64(head.root)
    stamp = int(NOW.timestamp())
    return {
        "log": key_values(log),
        "witnesses": [key_values(witness) for witness in witnesses],
        "good": [
            {"note": format_note(note).decode(), "origin": ORIGIN, "size": size, "root": root_hex}
            for note, size, root_hex in (
                (signed, 5, head.root.hex()),
                (two, 5, head.root.hex()),
                (sign_checkpoint(FeedHead(ORIGIN).checkpoint(), log), 0, EMPTY.root().hex()),
            )
        ],
        "bad": [
            {
                "why": why,
                "note": format_note(Note(text.encode(), (sign_text(text.encode(), log),))).decode(),
                "error": error,
            }
            for why, text, error in (
                ("extension line", f"{ORIGIN}\n5\n{root}\nmore\n", "Malformed"),
                ("two lines", f"{ORIGIN}\n5\n", "Malformed"),
                ("leading zero", f"{ORIGIN}\n05\n{root}\n", "Malformed"),
                ("size of 64 bits", f"{ORIGIN}\n{1 << 63}\n{root}\n", "Malformed"),
                ("short root", f"{ORIGIN}\n5\nAAAA\n", "Malformed"),
                ("empty log with another root", f"{ORIGIN}\n0\n{root}\n", "Malformed"),
                ("origin that is not the key's name", f"{POLICE}/police\n5\n{root}\n", "BadSignature"),
            )
        ],
        "cosigned_message": {
            "at": stamp,
            "message": f"cosignature/v1\ntime {stamp}\n" + head.format().decode(),
        },
        "quorums": [
            {
                "why": "one witness twice, one once; a forged line and one beyond the year 9999 do not count",
                "note": format_note(poisoned).decode(),
                "quorum": 2,
                "counted": [
                    {"name": witnesses[0].name, "at": stamp + 3600},
                    {"name": witnesses[1].name, "at": stamp},
                ],
            },
            {"why": "too few", "note": format_note(poisoned).decode(), "quorum": 3, "error": "NoQuorum"},
            {
                "why": "one witness twice is one",
                "note": format_note(twice).decode(),
                "quorum": 2,
                "error": "NoQuorum",
            },
        ],
    }


def put(name: str, version: int = 1, digest: bytes | None = None, expires: date = EXPIRES) -> Leaf:
    nonce = derived(f"nonce {name} {version}", 16)
    return Leaf(PUT, case_id(name), version, digest or derived(f"{name} {version}"), expires, NOW, nonce)


def erase(name: str, version: int) -> Leaf:
    return Leaf(ERASE, case_id(name), version, None, EXPIRES, NOW, derived(f"nonce {name} {version}", 16))


def leaves() -> Vectors:
    """Leaves, and histories that they make."""
    base = json.loads(put("first").format())
    gone = json.loads(erase("first", 2).format())
    bad: list[tuple[str, Mapping[str, Any], str]] = [
        ("no kind", {**base, "kind": None}, "Malformed"),
        ("empty kind", {**base, "kind": ""}, "Malformed"),
        ("put without digest", {**gone, "kind": "put"}, "Malformed"),
        ("erase with digest", {**base, "kind": "erase"}, "Malformed"),
        ("digest in capitals", {**base, "digest": base["digest"].upper()}, "Malformed"),
        ("digest null", {**base, "digest": None}, "Malformed"),
        ("version 0", {**base, "version": 0}, "Malformed"),
        ("version true", {**base, "version": True}, "Malformed"),
        ("version as text", {**base, "version": "1"}, "Malformed"),
        ("version with a fraction", {**base, "version": 1.0}, "Malformed"),
        ("version of 54 bits", {**base, "version": 1 << 53}, "Malformed"),
        ("case of another member", {**base, "case": case_id("first", "police.br.example")}, "NotAuthorized"),
        ("case too short", {**base, "case": base["case"][:-1]}, "Malformed"),
        ("case in capitals", {**base, "case": base["case"].upper()}, "Malformed"),
        ("path tricks", {**base, "case": f"{POLICE}/../{'a' * 23}"}, "Malformed"),
        ("expires is no date", {**base, "expires": "2027-02-30"}, "Malformed"),
        ("expires before it begins", {**base, "expires": "2026-11-20"}, "Malformed"),
        ("expires after 732 days", {**base, "expires": "2028-11-22"}, "Malformed"),
        ("expires at the end of the calendar", {**base, "expires": "9999-12-31"}, "Malformed"),
        ("time with an offset", {**base, "at": "2026-11-21T20:14:00+00:00"}, "Malformed"),
        ("nonce of 15 bytes", {**base, "nonce": b64(bytes(15))}, "Malformed"),
        ("1025 bytes", {**base, "later": "x" * (1025 - len(put("first").format()) - 11)}, "Malformed"),
    ]
    good = [put("first"), put("first", 2), erase("first", 3), put("first", expires=date(2028, 11, 21))]
    later = json.dumps({**base, "later": [1]}, separators=(",", ":"))
    short = EXPIRES - timedelta(days=1)
    histories: list[tuple[str, list[Leaf], str | None]] = [
        ("put, renewed, erased", [put("a"), put("b"), put("a", 2), erase("b", 2), erase("a", 3)], None),
        ("longer life", [put("a", expires=short), put("a", 2)], None),
        ("begins at 2", [put("a", 2)], "Rollback"),
        ("the same version again", [put("a"), put("a")], "Rollback"),
        ("a version is left out", [put("a"), put("a", 3)], "Rollback"),
        ("shorter life", [put("a"), put("a", 2, expires=short)], "Rollback"),
        ("erases what never was", [erase("a", 1)], "NotAuthorized"),
        ("content after erasure", [put("a"), erase("a", 2), put("a", 3)], "NotAuthorized"),
        ("erased twice", [put("a"), erase("a", 2), erase("a", 3)], "NotAuthorized"),
    ]
    live, ended = put("a"), erase("b", 4)
    successors: list[tuple[str, list[Leaf], str | None]] = [
        ("goes on", [put("a", 2), put("a", 3)], None),
        ("goes on above versions that the reader has not met", [put("a", 7)], None),
        ("says once more what was erased", [erase("b", 5), put("a", 2)], None),
        ("a case that the reader has not met", [put("c", 3), erase("d", 9), put("e")], None),
        ("an old version", [put("a")], "Rollback"),
        ("a version twice", [put("a", 2), put("a", 2)], "Rollback"),
        ("content of what the feed before it has erased", [put("b", 5)], "NotAuthorized"),
        ("content of what it has said to be erased", [erase("d", 9), put("d", 10)], "NotAuthorized"),
        ("erased twice here", [erase("b", 5), erase("b", 6)], "NotAuthorized"),
    ]
    return {
        "member": POLICE,
        "good": [leaf.format().decode() for leaf in good],
        "unknown_members_are_ignored": later,
        "unknown_kinds_are_passed_over": ['{"kind":"merge"}', '{"kind":"PUT","case":5}'],
        "bad": [
            {"why": why, "leaf": json.dumps(leaf, separators=(",", ":")), "error": error}
            for why, leaf, error in bad
        ],
        "histories": [
            {"why": why, "leaves": [leaf.format().decode() for leaf in history], "error": error}
            for why, history, error in histories
        ],
        "inherited": [leaf.format().decode() for leaf in (live, ended)],
        "successors": [
            {"why": why, "leaves": [leaf.format().decode() for leaf in history], "error": error}
            for why, history, error in successors
        ],
    }


def head_of(leaf: Leaf, schema: str = "summary/1.0") -> dict[str, Any]:
    return {
        "schema": schema,
        "case": leaf.case,
        "version": leaf.version,
        "issued_at": "2026-11-20T09:00:00Z",
        "updated_at": "2026-11-21T20:14:00Z",
        "expires_at": leaf.expires.isoformat(),
        "issuer": POLICE,
        "show_in": "all",
    }


def text(language: str, words: str) -> Vectors:
    return {language: {"text": words, "origin": "original"}}


PUBLIC: Vectors = {
    "names": [{"full": "Zoé Exemple", "kind": "legal", "lang": "fr", "script": "Latn"}],
    "sex": 2,
    "age_at_disappearance": {"min": 12, "max": 12, "unit": "year"},
    "missing_since": "2026-11-19",
    "last_seen": {"place": text("fr", "Lyon"), "country": "FR", "lat": 45.8, "lon": 4.8, "radius_m": 8000},
    "circumstances": text("fr", "EXERCICE. Partie de l'école à pied."),
    "contacts": [
        {"kind": "hotline", "value": "116000", "country": "FR", "languages": ["fr"], "hours": "24/7"}
    ],
}
NETWORK: Vectors = {
    "birth": "2014-03-XX",
    "risk": {
        "level": "medium",
        "factors": ["young_age"],
        "assessed_at": "2026-11-20T09:00:00Z",
        "next_review": "2026-12-20T09:00:00Z",
        "assessed_by_role": "duty_officer",
    },
    "consent": {"basis": "parental", "given_by_role": "mother", "scope": ["network"], "date": "2026-11-20"},
    "authority": {"name": text("fr", "Police (exercice)"), "kind": "police"},
    "review_due": "2026-12-20T00:00:00Z",
    "purge_by": "2044-03-31T00:00:00Z",
}


def document(name: str = "zoe", version: int = 1, **head: Any) -> bytes:
    parts = {"head": head_of(put(name, version)) | head, "public": PUBLIC, "network": NETWORK}
    return format_document(parts, [derived(f"salt {name} {version} {part}") for part in parts])


def documents() -> Vectors:
    """Documents, their digests, and parts that are withheld."""
    summary = document()
    leaf = put("zoe", digest=digest_document(summary))
    police = {"head": head_of(leaf, "supplement/1.0"), "police": {"reference": "EX-1"}}
    supplement = format_document(police, [derived(f"salt zoe {part}") for part in police])
    later = document(schema="summary/1.1", later=True)
    lines = summary.split(b"\n")[:-1]
    part_hashes = [hashlib.sha256(line).hexdigest() for line in lines]

    def joined(parts: Sequence[bytes]) -> bytes:
        return b"".join(part + b"\n" for part in parts)

    no_salt = json.dumps({**PUBLIC}, ensure_ascii=False).encode()
    bad = [
        ("two parts of three", joined(lines[:2])),
        ("four lines", joined([*lines, b"{}"])),
        ("no final newline", summary[:-1]),
        ("a part without salt", joined([lines[0], no_salt, lines[2]])),
        ("a part that is no object", joined([*lines[:2], b"[]"])),
        ("a key twice in a part", joined([*lines[:2], b'{"a":1,' + lines[2][1:-1] + b',"a":1}'])),
        ("another schema", document(schema="summary/2.0")),
        ("schema of the other feed", document(schema="supplement/1.0")),
        ("schema without minor version", document(schema="summary/1")),
        ("head: another case", document(case=case_id("other"))),
        ("head: another version", document(version=2)),
        ("head: another issuer", document(issuer="police.br.example")),
        ("head: another expiry", document(expires_at="2027-05-21")),
        ("head: another time", document(updated_at="2026-11-21T20:14:01Z")),
        ("head: issued after it was updated", document(issued_at="2026-11-22T00:00:00Z")),
    ]
    return {
        "digest_prefix": b64(b"gmcn/document/v1\n"),
        "good": [
            verified(summary, leaf, "network"),
            verified(supplement, replace(leaf, digest=digest_document(supplement)), "police"),
            verified(later, replace(leaf, digest=digest_document(later)), "network"),
        ],
        "partial": {
            "head": b64(lines[0]),
            "public": b64(lines[1]),
            "network_sha256": part_hashes[2],
            "digest": digest_document(summary).hex(),
        },
        "another_digest": {
            "document": b64(summary),
            "leaf": put("zoe").format().decode(),
            "error": "BadProof",
        },
        "bad": [
            {
                "why": why,
                **verified(data, put("zoe", digest=digest_of_lines(data)), "network"),
                "error": "Malformed",
            }
            for why, data in bad
        ],
    }


def digest_of_lines(data: bytes) -> bytes:
    """The digest of any lines, also of such as no document has."""
    hashes = [hashlib.sha256(line).digest() for line in data.removesuffix(b"\n").split(b"\n")]
    return hashlib.sha256(b"gmcn/document/v1\n" + b"".join(hashes)).digest()


def verified(data: bytes, leaf: Leaf, audience: str) -> Vectors:
    return {"audience": audience, "document": b64(data), "leaf": leaf.format().decode()}


def feed() -> Vectors:
    """A feed at several sizes with all its files, and what liars make of it."""
    log, witness = signer(ORIGIN), signer("police.br.example", COSIGNATURE)
    first, second = document("zoe"), document("zoe", 2)
    entries = [
        put("zoe", digest=digest_document(first)).format(),
        put("case 1").format(),
        put("zoe", 2, digest_document(second)).format(),
        erase("case 1", 2).format(),
        b'{"kind":"later"}',
        *(put(f"case {number}").format() for number in range(2, 255)),
    ]
    head = FeedHead(ORIGIN)
    files: dict[str, str] = {}
    published: dict[int, str] = {}
    for size in (0, 1, 3, 5, 12, 256, 258):
        growth = grow(head, entries[head.frontier.size : size])
        head = growth.head
        files.update({ref.format(): b64(data) for ref, data in growth.files})
        note = cosign(sign_checkpoint(head.checkpoint(), log), witness, NOW)
        published[size] = format_note(note).decode()
    longer = entries[:12]
    fork = [*longer[:2], put("another").format(), *longer[3:]]
    changed = [*longer[:9], b"{}", *longer[10:]]
    exchanged = [*longer[:8], longer[9], longer[8], *longer[10:]]
    stolen = signer(ORIGIN, seed="stolen name")
    police_log = signer(f"{POLICE}/police")
    return {
        "member": POLICE,
        "origin": ORIGIN,
        "log": key_values(log),
        "witness": key_values(witness),
        "published": [{"size": size, "checkpoint": note} for size, note in published.items()],
        "files": files,
        "documents": [b64(first), b64(second)],
        "cases_at_5": {
            case_id("zoe"): {
                "version": 2,
                "digest": digest_document(second).hex(),
                "expires": EXPIRES.isoformat(),
            },
            case_id("case 1"): {"version": 2, "digest": None, "expires": EXPIRES.isoformat()},
        },
        "lies": [
            lie("older than what is known", published[3], [], "Rollback"),
            lie("the same size, another root", signed_tree(log, fork[:5]), [], "SplitView"),
            lie("another past", signed_tree(log, fork), fork, "BadProof"),
            lie("an entry changed in the bundle", published[12], changed, "BadProof"),
            lie("two entries exchanged", published[12], exchanged, "BadProof"),
            lie("an entry too few", published[12], longer[:-1], "Malformed"),
            lie("another key", signed_tree(stolen, longer), [], "BadSignature"),
            lie("another feed", signed_tree(police_log, longer, police_log.name), [], "BadSignature"),
        ],
    }


def signed_tree(log: Ed25519Signer, entries: Sequence[bytes], origin: str = ORIGIN) -> str:
    tree_head = Checkpoint(origin, len(entries), frontier_of(entries).root())
    return format_note(sign_checkpoint(tree_head, log)).decode()


def lie(why: str, checkpoint: str, entries: Sequence[bytes], error: str) -> Vectors:
    """What a reader that knows 5 entries is told: a checkpoint and, if it gets that far, one bundle."""
    bundles = [b64(format_bundle(entries))] if entries else []
    return {"why": why, "known": 5, "checkpoint": checkpoint, "bundles": bundles, "error": error}


def witness() -> Vectors:
    """What is submitted to a witness, and what it answers by the newest head that it holds."""
    log, cosigner = signer(ORIGIN), signer("police.br.example", COSIGNATURE)
    entries = [derived(f"entry {number}", number % 9) for number in range(20)]
    fork = [b"another", *entries[1:]]
    stranger, other = signer(ORIGIN, seed="stolen name"), signer(f"{POLICE}/police")
    impossible = sign_checkpoint(Checkpoint(ORIGIN, 0, derived("root")), log)
    poisoned = Note(impossible.text, (Signature(log.name, log.key.key_id, bytes(64)),))
    tree, forked = node_reader(entries), node_reader(fork)

    def head(size: int, by: Ed25519Signer = log, leaves: Sequence[bytes] = entries) -> bytes:
        return signed_tree(by, leaves[:size], by.name).encode()

    def said(why: str, newest: int, body: bytes, status: int, answer: str = "") -> Vectors:
        return {"why": why, "newest": newest, "body": b64(body), "status": status, "answer": answer}

    def told(why: str, newest: int, old: int, size: int, status: int, answer: str = "") -> Vectors:
        return said(
            why,
            newest,
            format_submission(old, consistency_proof(old, size, tree), head(size)),
            status,
            answer,
        )

    cosigned = cosign(Note(head(5).partition(b"\n\n")[0] + b"\n", ()), cosigner, NOW)
    return {
        "log": key_values(log),
        "witness": key_values(cosigner),
        "origin_hash": origin_hash(ORIGIN),
        "heads": {str(size): head(size).decode() for size in (3, 5, 12)},
        "submissions": [
            told("the first head", 0, 0, 5, 200),
            told("the next head", 3, 3, 5, 200),
            told("the same head again", 5, 5, 5, 200),
            told("from the beginning of a tree of which more is known", 3, 0, 5, 409, "3\n"),
            told("from further than the witness is", 3, 5, 12, 409, "3\n"),
            told("a log that the witness has never seen, not from its beginning", 0, 3, 5, 409, "0\n"),
            said("from further than its own size", 5, format_submission(5, [], head(3)), 400),
            said("another log's head", 0, format_submission(0, [], head(5, other)), 404),
            said("another key", 0, format_submission(0, [], head(5, stranger)), 403),
            said(
                "a line of the log's key that does not verify",
                0,
                format_submission(0, [], format_note(poisoned)),
                403,
            ),
            said("empty, with a root", 0, format_submission(0, [], format_note(impossible)), 422),
            said("a proof from nothing", 0, format_submission(0, [bytes(32)], head(5)), 422),
            said("no proof", 3, format_submission(3, [], head(5)), 422),
            said("a proof too many", 5, format_submission(5, [bytes(32)], head(5)), 422),
            said("the same size, another root", 5, format_submission(5, [], head(5, leaves=fork)), 422),
            said(
                "another past",
                3,
                format_submission(3, consistency_proof(3, 12, forked), head(12, leaves=fork)),
                422,
            ),
        ],
        "submissions_bad": [
            {"why": why, "body": b64(body)}
            for why, body in (
                ("empty", b""),
                ("no line for the old size", head(5)),
                ("leading zero", format_submission(0, [], head(5)).replace(b"old 0", b"old 00")),
                ("a hash too short", b"old 3\nAAAA\n\n" + head(5)),
                ("64 hashes", format_submission(3, [bytes(32)] * 64, head(5))),
                ("no empty line", b"old 0\n" + head(5)),
                ("extension line", format_submission(0, [], head(5).replace(b"\n\n", b"\nmore\n\n", 1))),
            )
        ],
        "cosignatures": {
            "checkpoint": head(5).decode(),
            "answer": format_cosignatures(cosigned.signatures).decode(),
            "at": int(NOW.timestamp()),
        },
    }


def evidence() -> Vectors:
    """Evidence of split views, and what proves nothing."""
    log, stranger = signer(ORIGIN), signer(ORIGIN, seed="stolen name")
    entries = [derived(f"entry {number}", number % 9) for number in range(20)]
    fork = [b"another", *entries[1:]]
    read = node_reader(fork)

    def head(size: int, leaves: Sequence[bytes] = entries, by: Ed25519Signer = log) -> bytes:
        return signed_tree(by, leaves[:size]).encode()

    def gathered(smaller: int, larger: int) -> Evidence:
        return gather_evidence(head(smaller), head(larger, fork), [log.key], read)

    def honest(smaller: int, larger: int) -> Evidence:
        places = (*subtrees(0, smaller), *subtrees(smaller, larger))
        hashes = tuple(node_reader(entries)(*place) for place in places)
        return Evidence(ORIGIN, head(smaller), head(larger), hashes)

    equal, unequal = gathered(5, 5), gathered(5, 12)
    return {
        "log": key_values(log),
        "good": [
            {"evidence": format_evidence(gathered(smaller, larger)).decode(), "sizes": [smaller, larger]}
            for smaller, larger in ((5, 5), (5, 12), (8, 16), (1, 20), (19, 20))
        ],
        "bad": [
            {"why": why, "evidence": format_evidence(one).decode(), "error": error}
            for why, one, error in (
                ("the same head twice", replace(equal, larger=equal.smaller), "BadProof"),
                ("one history", honest(5, 12), "BadProof"),
                ("an empty log is the beginning of every log", honest(0, 12), "BadProof"),
                ("the larger head first", replace(equal, smaller=head(12)), "BadProof"),
                ("hashes of the other tree", replace(unequal, hashes=honest(5, 12).hashes), "BadProof"),
                ("a hash too few", replace(unequal, hashes=unequal.hashes[:-1]), "Malformed"),
                ("hashes beside equal sizes", replace(equal, hashes=unequal.hashes), "Malformed"),
                ("another feed", replace(equal, origin=f"{POLICE}/police"), "BadSignature"),
                ("another key", replace(equal, larger=head(5, fork, stranger)), "BadSignature"),
            )
        ],
    }


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


def member_keys(member: str, kind: str) -> MemberKeys:
    sealing = (
        MLKEM768PrivateKey.from_seed_bytes(derived(f"{member} sealing", 64)),
        X25519PrivateKey.from_private_bytes(derived(f"{member} sealing x25519")),
    )
    audiences = ("network", "police") if kind == "law_enforcement" else ("network",)
    return MemberKeys(
        member,
        kind="ngo" if kind == "ngo" else "law_enforcement",
        feeds={audience: private_key(f"{member}/{audience}") for audience in audiences},
        token=private_key(f"{member} token"),
        cosigner=private_key(f"{member} cosigner"),
        sealing=sealing,
    )


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


def sealing_halves(keys: MemberKeys) -> Vectors:
    post_quantum, classical = keys.sealing
    return {
        "public": b64(keys.entry().sealing_keys[-1].public),
        "ml_kem_seed": b64(post_quantum.private_bytes_raw()),
        "x25519": b64(classical.private_bytes_raw()),
    }


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


FILES: Mapping[str, Callable[[], Vectors]] = {
    "encodings.json": encodings,
    "tree.json": tree,
    "tiles.json": tiles,
    "notes.json": notes,
    "checkpoints.json": checkpoints,
    "leaves.json": leaves,
    "documents.json": documents,
    "feed.json": feed,
    "witness.json": witness,
    "evidence.json": evidence,
    "tokens.json": tokens,
    "roster.json": roster,
    "answers.json": answers,
    "sealed.json": sealed,
    "messages.json": messages,
    "proofs.json": proofs,
}


def made(name: str) -> bytes:
    """Make one file."""
    make = FILES[name]
    vectors = {"about": (make.__doc__ or "").strip(), **make()}
    return json.dumps(vectors, ensure_ascii=False, indent=1).encode() + b"\n"


if __name__ == "__main__":
    for file in FILES:
        (FOLDER / file).write_bytes(made(file))
