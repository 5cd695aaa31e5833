"""A node as a witness: every status of tlog-witness, and what is on the disk after it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from node.adapters.http import Answer
from node.services.witnesses import cosigning, evidence
from node.store.database import reading, writing
from node.store.federation import heads
from node.store.federation.evidence import KeptEvidence, list_evidence
from node.store.federation.heads import Head
from node.store.published import feeds
from protocol.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint, verify_cosignatures
from protocol.feed_entry import FrozenHead
from protocol.note import COSIGNATURE, ED25519, Ed25519Signer, Note, Signature, VerifierKey, format_note
from protocol.policy import Policy
from protocol.tlog import EMPTY, consistency_proof, leaf_hash
from protocol.witness import (
    MAX_SUBMISSION_BYTES,
    format_submission,
    origin_hash,
    parse_cosignatures,
)
from tests.federation import DE, FR, NGO, Federation

OWNER, WITNESS, HELPER = FR[0], DE[0], NGO[0]
ADD = "/witness/add-checkpoint"


@dataclass
class Log:
    """The tree of a feed that an owner signs whatever it is told to."""

    signer: Ed25519Signer
    leaves: list[bytes]

    @classmethod
    def of(cls, federation: Federation, audience: Any = "network", word: str = "leaf") -> "Log":
        leaves = [leaf_hash(f"{word} {number}".encode()) for number in range(20)]
        return cls(federation[OWNER].feed_signer(audience), leaves)

    def root(self, size: int) -> bytes:
        return EMPTY.extended(self.leaves[:size]).root()

    def note(self, size: int) -> Note:
        return sign_checkpoint(Checkpoint(self.signer.name, size, self.root(size)), self.signer)

    def proof(self, old: int, new: int) -> list[bytes]:
        def read(level: int, index: int) -> bytes:
            return EMPTY.extended(self.leaves[index << level : (index + 1) << level]).root()

        return consistency_proof(old, new, read)

    def submission(self, old: int, new: int) -> bytes:
        return format_submission(old, self.proof(old, new), format_note(self.note(new)))


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path)
    yield made
    made.close()


@pytest.fixture
def log(federation: Federation) -> Log:
    return Log.of(federation)


def submit(federation: Federation, body: bytes, caller: str | None = None, **options: Any) -> Answer:
    return federation.ask(caller, WITNESS, "POST", ADD, body, **options)


def fetch(federation: Federation, origin: str, caller: str | None = OWNER) -> Answer:
    return federation.ask(caller, WITNESS, "GET", f"/witness/{origin_hash(origin)}/checkpoint")


def stored(federation: Federation, audience: str = "network", member: str = WITNESS) -> Head | None:
    with reading(federation[member].engine) as conn:
        row = feeds.find_feed(conn, OWNER, audience)
        return None if row is None else heads.newest_head(conn, row.id)


def evidence_at(federation: Federation) -> list[KeptEvidence]:
    with reading(federation[WITNESS].engine) as conn:
        return list_evidence(conn)


def check_cosigned(federation: Federation, answer: Answer, note: Note) -> None:
    """Check that the answer is the witness's cosignature, and that what it is for is on the disk."""
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    key = federation[WITNESS].entry().cosigner
    (cosignature,) = verify_cosignatures(parse_cosignatures(answer.body, note.text), [key])
    assert cosignature.at == federation.clock().replace(microsecond=0)
    head = stored(federation)
    assert head is not None
    assert head.cosigned is not None
    assert head.cosigned == format_note(Note(note.text, (*note.signatures, cosignature.line)))


def test_200_heads_that_continue_each_other_are_cosigned(federation: Federation, log: Log) -> None:
    for old, new in ((0, 0), (0, 3), (3, 8), (8, 8), (8, 19)):
        federation.clock.advance(minutes=2)
        check_cosigned(federation, submit(federation, log.submission(old, new)), log.note(new))
    head = stored(federation)
    assert head is not None
    assert (head.size, head.root) == (19, log.root(19))


def test_200_over_sockets(tmp_path: Path) -> None:
    federation = Federation(tmp_path, sockets=True)
    try:
        log = Log.of(federation)
        check_cosigned(federation, submit(federation, log.submission(0, 5)), log.note(5))
        answer = submit(federation, log.submission(3, 9))
        assert (answer.status, answer.headers["content-type"], answer.body) == (
            409,
            "text/x.tlog.size",
            b"5\n",
        )
    finally:
        federation.close()


def test_a_repeated_submission_makes_nobody_write(federation: Federation, log: Log) -> None:
    first = submit(federation, log.submission(0, 5))
    before = stored(federation)
    federation.clock.advance(seconds=59)
    assert submit(federation, log.submission(5, 5)).body == first.body
    assert stored(federation) == before
    federation.clock.advance(seconds=2)
    assert submit(federation, log.submission(5, 5)).body != first.body


def test_400_what_is_not_a_submission(federation: Federation, log: Log) -> None:
    note = format_note(log.note(5))
    long_proof = b"A" * 43 + b"=\n"
    for above in (b"old 00\n", b"old -1\n", b"new 0\n", b"old 0\nnot base64\n", b"old 0\n" + 64 * long_proof):
        answer = submit(federation, above + b"\n" + note)
        assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    for body in (b"", b"old 0\n\nnothing\n", b"old 6\n\n" + note):
        assert submit(federation, body).status == 400
    assert stored(federation) is None


def test_400_an_old_size_above_its_own_even_where_the_witness_has_it(
    federation: Federation, log: Log
) -> None:
    submit(federation, log.submission(0, 8))
    assert submit(federation, format_submission(8, [], format_note(log.note(5)))).status == 400


def test_403_no_signature_that_counts(federation: Federation, log: Log) -> None:
    note = log.note(5)
    (line,) = note.signatures
    stranger = Ed25519Signer(log.signer.name, ED25519, federation[HELPER].feed_signer("network").private)
    unknown = sign_checkpoint(Checkpoint(log.signer.name, 5, log.root(5)), stranger)
    damaged = Note(note.text, (replace(line, data=line.data[:-1] + bytes([line.data[-1] ^ 1])),))
    both = Note(note.text, (*damaged.signatures, *note.signatures))
    for bad in (unknown, damaged, both):
        answer = submit(federation, format_submission(0, [], format_note(bad)))
        assert (answer.status, answer.headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert stored(federation) is None


def test_403_behind_the_head_of_a_frozen_feed(federation: Federation, log: Log) -> None:
    feed = federation[OWNER].entry().feed("network")
    frozen = replace(feed, state="frozen", frozen=FrozenHead(5, log.root(5)))
    submit(federation, log.submission(0, 3))
    federation.announce(OWNER, feeds=(frozen,))
    federation.accept_all(federation[WITNESS])
    assert submit(federation, log.submission(3, 6)).status == 403
    assert submit(federation, log.submission(3, 5)).status == 200


def test_404_a_log_that_is_not_known(federation: Federation, log: Log) -> None:
    name = "police.xx.example/network"
    foreign = replace(log, signer=replace(log.signer, name=name))
    own = replace(log, signer=federation[WITNESS].feed_signer("network"))
    for unknown in (foreign, own):
        answer = submit(federation, unknown.submission(0, 5))
        assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")


def test_404_a_member_that_is_not_accepted(tmp_path: Path) -> None:
    federation = Federation(tmp_path, accepted=False)
    log = Log.of(federation)
    assert submit(federation, log.submission(0, 5)).status == 404
    federation.accept_all(federation[WITNESS])
    assert submit(federation, log.submission(0, 5)).status == 200
    federation.close()


def test_409_another_old_size_than_that_of_the_newest_head(federation: Federation, log: Log) -> None:
    submit(federation, log.submission(0, 8))
    before = stored(federation)
    for old, new in ((0, 9), (5, 9), (9, 12), (0, 5), (5, 5)):
        answer = submit(federation, log.submission(old, new))
        assert (answer.status, answer.headers["content-type"]) == (409, "text/x.tlog.size")
        assert answer.body == b"8\n"
    assert stored(federation) == before


def test_409_names_a_head_that_only_a_pull_has_seen(federation: Federation, log: Log) -> None:
    with writing(federation[WITNESS].engine) as conn:
        row = feeds.ensure_feed(conn, OWNER, "network", log.signer.name, own=False)
        note = format_note(log.note(8))
        heads.advance_head(conn, row.id, None, 8, log.root(8), note, federation.clock())
    answer = submit(federation, log.submission(0, 12))
    assert (answer.status, answer.body) == (409, b"8\n")
    assert fetch(federation, log.signer.name).status == 404  # it was verified, and never cosigned
    check_cosigned(federation, submit(federation, log.submission(8, 12)), log.note(12))


def test_422_what_does_not_continue_the_newest_head(federation: Federation, log: Log) -> None:
    submit(federation, log.submission(0, 8))
    before, other = stored(federation), Log.of(federation, word="another past")
    note = format_note(log.note(12))
    proof = log.proof(8, 12)
    empty = Note(f"{log.signer.name}\n0\n{'A' * 43}=\n".encode(), ())
    empty = Note(
        empty.text, (Signature(log.signer.name, log.signer.key.key_id, log.signer.sign(empty.text)),)
    )
    for body in (
        other.submission(8, 12),
        format_submission(8, proof[:-1], note),
        format_submission(8, [*proof, proof[0]], note),
        format_submission(8, [], note),
        format_submission(8, proof, format_note(log.note(8))),
    ):
        answer = submit(federation, body)
        assert (answer.status, answer.headers["content-type"]) == (422, "text/plain; charset=utf-8")
    assert stored(federation) == before
    assert federation.ask(None, HELPER, "POST", ADD, format_submission(0, proof, note)).status == 422
    assert (
        federation.ask(None, HELPER, "POST", ADD, format_submission(0, [], format_note(empty))).status == 422
    )
    assert stored(federation, member=HELPER) is None


def test_422_a_feed_that_has_shown_two_faces(federation: Federation, log: Log) -> None:
    submit(federation, log.submission(0, 5))
    with writing(federation[WITNESS].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        feeds.set_feed_state(conn, row.id, feeds.SPLIT, "two faces")
    assert submit(federation, log.submission(5, 8)).status == 422


def test_two_heads_of_one_size_are_kept_as_evidence(federation: Federation, log: Log) -> None:
    submit(federation, log.submission(0, 8))
    other = Log.of(federation, word="another past")
    stranger = replace(other, signer=replace(other.signer, private=federation[HELPER].cosigner().private))
    submit(federation, stranger.submission(8, 8))
    submit(federation, other.submission(0, 9))
    assert evidence_at(federation) == []
    assert submit(federation, other.submission(0, 8)).status == 409
    (kept,) = evidence_at(federation)
    assert (kept.origin, kept.found, kept.source) == (log.signer.name, evidence.WITNESS, OWNER)
    assert submit(federation, log.submission(8, 9)).status == 422


def test_413_and_405(federation: Federation) -> None:
    assert submit(federation, b"x" * (MAX_SUBMISSION_BYTES + 1)).status == 413
    assert federation.ask(None, WITNESS, "GET", ADD).status == 405


def test_a_police_feed_is_an_unknown_log_to_everybody_else(federation: Federation) -> None:
    log = Log.of(federation, "police")
    unknown = replace(log, signer=replace(log.signer, name="police.xx.example/police"))
    hidden = submit(federation, unknown.submission(0, 5))
    for caller in (None, HELPER):
        for body in (log.submission(0, 5), log.submission(3, 5), log.submission(0, 5)[:-2] + b"A\n"):
            answer = submit(federation, body, caller)
            assert answer.status in (400, 404)
            if answer.status == 404:
                assert (answer.body, answer.headers) == (hidden.body, hidden.headers)
        assert fetch(federation, log.signer.name, caller).status == 404
    bad_token = submit(federation, log.submission(0, 5), token="not.a.token")
    assert (bad_token.status, bad_token.body) == (404, hidden.body)
    assert stored(federation, "police") is None
    assert submit(federation, log.submission(0, 5), OWNER).status == 200
    missing = fetch(federation, "police.xx.example/police", HELPER)
    for caller in (None, HELPER):
        answer = fetch(federation, log.signer.name, caller)
        assert (answer.status, answer.body) == (404, missing.body)
    assert fetch(federation, log.signer.name, OWNER).status == 200


def test_the_newest_cosigned_head_is_read_by_members(federation: Federation, log: Log) -> None:
    assert fetch(federation, log.signer.name).status == 404
    submit(federation, log.submission(0, 8))
    answer = fetch(federation, log.signer.name, HELPER)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    checkpoint, note = verify_checkpoint(answer.body, [log.signer.key])
    assert checkpoint == Checkpoint(log.signer.name, 8, log.root(8))
    assert len(verify_cosignatures(note, [federation[WITNESS].entry().cosigner])) == 1
    nobody = fetch(federation, log.signer.name, None)
    assert (nobody.status, nobody.headers["www-authenticate"]) == (401, "Bearer")
    assert federation.ask(OWNER, WITNESS, "GET", "/witness/nothing/checkpoint").status == 404
    federation.announce(HELPER, state="removed", removed_at=federation.clock())
    federation.clock.advance(days=31)
    assert fetch(federation, log.signer.name, HELPER).status == 403


def test_in_an_exercise_anybody_may_read_it(tmp_path: Path) -> None:
    federation = Federation(tmp_path, policy=Policy(exercise=True))
    log = Log.of(federation)
    submit(federation, log.submission(0, 8))
    assert fetch(federation, log.signer.name, None).status == 200
    federation.close()


def test_lines_that_a_sender_adds_are_not_kept(federation: Federation, log: Log) -> None:
    note = log.note(5)
    key = federation[WITNESS].entry().cosigner
    poison = Signature(key.name, key.key_id, bytes(72))
    stranger = VerifierKey("stranger.example", COSIGNATURE, bytes(32))
    lines = (poison, Signature(stranger.name, stranger.key_id, bytes(72)), *note.signatures)
    answer = submit(federation, format_submission(0, [], format_note(Note(note.text, lines))))
    check_cosigned(federation, answer, note)


def test_of_two_at_once_one_is_told_the_size_of_the_other(
    federation: Federation, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(federation, log.submission(0, 3))
    both_checked = threading.Barrier(2)

    @contextmanager
    def together(*arguments: Any, **options: Any) -> Iterator[Any]:
        both_checked.wait(10)
        with writing(*arguments, **options) as conn:
            yield conn

    monkeypatch.setattr(cosigning, "writing", together)
    answers: dict[int, Answer] = {}

    def send(size: int) -> None:
        answers[size] = submit(federation, log.submission(3, size))

    threads = [threading.Thread(target=send, args=(size,)) for size in (8, 12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers.values()) == [200, 409]
    (won,) = (size for size, answer in answers.items() if answer.status == 200)
    (lost,) = (answer for answer in answers.values() if answer.status == 409)
    head = stored(federation)
    assert head is not None
    assert head.size == won
    assert lost.body == f"{won}\n".encode()


def test_nothing_is_answered_that_is_not_on_the_disk(
    federation: Federation, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(federation, log.submission(0, 3))
    before = stored(federation)

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(heads, "keep_cosigned", fail)
    assert submit(federation, log.submission(3, 8)).status == 500
    assert stored(federation) == before
