"""Logs: notes, checkpoints, leaves, feeds, their witnesses, and the evidence against one that lies."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from protocol.checkpoint import Checkpoint, cosign, sign_checkpoint
from protocol.document import digest_document
from protocol.evidence import Evidence, format_evidence, gather_evidence
from protocol.feed import FeedHead, grow
from protocol.leaf import Leaf
from protocol.note import (
    COSIGNATURE,
    Ed25519Signer,
    Note,
    Signature,
    format_note,
    sign_text,
)
from protocol.tiles import format_bundle
from protocol.tlog import (
    EMPTY,
    consistency_proof,
    subtrees,
)
from protocol.witness import format_cosignatures, format_submission, origin_hash
from tests.members import NOW
from tests.protocol.naive import node_reader
from tests.vectors.documents import document
from tests.vectors.fixed import (
    EXPIRES,
    ORIGIN,
    POLICE,
    Vectors,
    b64,
    case_id,
    derived,
    erase,
    key_values,
    put,
    signed_tree,
    signer,
)


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
