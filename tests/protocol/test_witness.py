"""protocol/witness.py: every answer that the specification gives to a submission, and hostile bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checkpoint import (
    Checkpoint,
    cosign,
    merge_signatures,
    sign_checkpoint,
    verify_cosignatures,
)
from protocol.errors import (
    BadProof,
    BadSignature,
    Malformed,
    NoQuorum,
    NotAuthorized,
    NotNewest,
    ProtocolError,
    Rollback,
)
from protocol.note import COSIGNATURE, Note, format_note, parse_note
from protocol.tlog import EMPTY_ROOT, consistency_proof
from protocol.witness import (
    MAX_PROOF,
    MAX_SUBMISSION_BYTES,
    SIZE_TYPE,
    TEXT_TYPE,
    Submission,
    check_submission,
    format_cosignatures,
    format_refusal,
    format_submission,
    origin_hash,
    parse_cosignatures,
    parse_newest_size,
    parse_submission,
)
from tests.protocol.naive import AT, ORIGIN, node_reader, signer, tree_hash

LOG, WITNESS = signer(), signer("w.example", COSIGNATURE, 9)
ENTRIES = [bytes([number]) for number in range(20)]

EXAMPLE = (
    "old 20852014\n"
    "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
    "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
    "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
    "\n"
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9"
    "nTo+zyWE+xeMcTOAYQ8=\n"
).encode()
"""From the specification, which does not give the key."""


def head(size: int, entries: list[bytes] = ENTRIES) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tree_hash(entries[:size]))


NOTE = format_note(sign_checkpoint(head(5), LOG))


def submitted(note: Note) -> Submission:
    return parse_submission(format_submission(0, [], format_note(note)))


def submission(old: int, new: int, entries: list[bytes] = ENTRIES) -> bytes:
    proof = consistency_proof(old, new, node_reader(entries))
    return format_submission(old, proof, format_note(sign_checkpoint(head(new, entries), LOG)))


def test_example_of_the_specification_is_read_as_it_was_written() -> None:
    read = parse_submission(EXAMPLE)
    assert (read.old_size, len(read.proof), read.checkpoint.size) == (20852014, 4, 20852163)
    assert format_submission(read.old_size, read.proof, format_note(read.note)) == EXAMPLE


@given(st.integers(0, 20), st.integers(0, 20))
def test_what_continues_the_newest_head_is_taken(one: int, other: int) -> None:
    old, new = sorted((one, other))
    check_submission(parse_submission(submission(old, new)), head(old) if old else None, [LOG.key])


def test_a_log_that_is_not_known() -> None:
    with pytest.raises(NotAuthorized):
        check_submission(parse_submission(submission(0, 5)), None, [])


def test_signatures() -> None:
    good = parse_submission(submission(0, 5))
    with pytest.raises(BadSignature):
        check_submission(good, None, [signer(seed=2).key])
    with pytest.raises(BadSignature):
        check_submission(good, None, [signer(kind=COSIGNATURE).key])
    other = sign_checkpoint(Checkpoint("b.example/network", 5, b"r" * 32), LOG)
    with pytest.raises(BadSignature, match="origin"):
        check_submission(submitted(other), None, [LOG.key])
    bad = (*good.note.signatures, *sign_checkpoint(head(6), LOG).signatures)
    with pytest.raises(BadSignature):  # one line by a known key verifies, and one does not
        check_submission(submitted(Note(good.note.text, bad)), None, [LOG.key])
    strange = cosign(good.note, WITNESS, AT)  # strangers' lines are passed over
    check_submission(submitted(strange), None, [LOG.key])


def test_from_a_larger_size_than_its_own() -> None:
    with pytest.raises(Malformed, match="larger"):
        check_submission(parse_submission(format_submission(6, [], NOTE)), head(6), [LOG.key])


@pytest.mark.parametrize(("old", "newest"), [(0, 3), (2, 3), (4, 3), (3, None)])
def test_from_another_head_than_the_newest(old: int, newest: int | None) -> None:
    known = head(newest) if newest else None
    with pytest.raises(NotNewest) as caught:
        check_submission(parse_submission(submission(old, 9)), known, [LOG.key])
    assert caught.value.size == (newest or 0)
    assert isinstance(caught.value, Rollback)


def test_an_empty_log_has_one_root() -> None:
    check_submission(submitted(sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), LOG)), None, [LOG.key])
    bad = submitted(sign_checkpoint(Checkpoint(ORIGIN, 0, b"r" * 32), LOG))
    with pytest.raises(BadProof):
        check_submission(bad, None, [LOG.key])


def test_what_does_not_continue_the_newest_head() -> None:
    fork = [b"another", *ENTRIES[1:]]
    proof_from_nothing = parse_submission(format_submission(0, [bytes(32)], NOTE))
    with pytest.raises(BadProof):
        check_submission(proof_from_nothing, None, [LOG.key])
    for old, new in ((5, 9), (5, 5)):
        with pytest.raises(BadProof):
            check_submission(parse_submission(submission(old, new, fork)), head(old), [LOG.key])


@pytest.mark.parametrize(
    ("error", "status", "media_type", "body"),
    [
        (Malformed("form"), 400, TEXT_TYPE, b"form\n"),
        (BadSignature("key"), 403, TEXT_TYPE, b"key\n"),
        (NotAuthorized("log"), 404, TEXT_TYPE, b"log\n"),
        (NotNewest("behind", 7), 409, SIZE_TYPE, b"7\n"),
        (BadProof("proof"), 422, TEXT_TYPE, b"proof\n"),
        (NoQuorum("few"), 403, TEXT_TYPE, b"few\n"),
        (Rollback("older"), 400, TEXT_TYPE, b"older\n"),
    ],
)
def test_statuses(error: ProtocolError, status: int, media_type: str, body: bytes) -> None:
    assert format_refusal(error) == (status, media_type, body)


def test_newest_size() -> None:
    assert parse_newest_size(format_refusal(NotNewest("behind", 20852163))[2]) == 20852163
    for bad in (b"", b"7", b"07\n", b"7\n\n", b"-7\n", b"seven\n", "٧\n".encode(), b"\xff\n"):
        with pytest.raises(Malformed):
            parse_newest_size(bad)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        NOTE,
        b"old 0\n" + NOTE,
        b"old 05\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old  1\n\n" + NOTE,
        b"Old 1\n\n" + NOTE,
        b"old 1 \n\n" + NOTE,
        b"old 1\r\n\r\n" + NOTE,
        b"old 9223372036854775808\n\n" + NOTE,
        "old ٣\n\n".encode() + NOTE,
        b"old 1\nAAAA\n\n" + NOTE,
        b"old 1\n" + b"A" * 43 + b"=\n\n",
        b"\nold 1\n\n" + NOTE,
        format_submission(1, [bytes(32)] * (MAX_PROOF + 1), NOTE),
        format_submission(0, [], NOTE[:-1]),
        format_submission(0, [], NOTE.replace(b"\n5\n", b"\n5\nmore\n")),
        format_submission(0, [], b"x" * MAX_SUBMISSION_BYTES),
    ],
)
def test_bad_submissions(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_submission(body)


def test_longest_proof() -> None:
    assert len(parse_submission(format_submission(1, [bytes(32)] * MAX_PROOF, NOTE)).proof) == MAX_PROOF


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=50).map(lambda data: b"old 1\n\n" + data)))
def test_any_bytes_as_submission(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        check_submission(parse_submission(data), None, [LOG.key])


@given(st.integers(0, 300), st.binary(max_size=3), st.integers(0, 3))
def test_a_changed_submission_is_refused_or_has_one_form(place: int, insert: bytes, cut: int) -> None:
    good = submission(3, 9)
    data = good[:place] + insert + good[place + cut :]
    try:
        read = parse_submission(data)
    except Malformed:
        return
    assert format_submission(read.old_size, read.proof, format_note(read.note)) == data


def test_cosignatures_move_into_the_checkpoint() -> None:
    note = parse_note(NOTE)
    (line,) = cosign(Note(note.text, ()), WITNESS, AT).signatures
    body = format_cosignatures([line])
    assert body.startswith("— w.example ".encode())
    answer = parse_cosignatures(body, note.text)
    (found,) = verify_cosignatures(answer, [WITNESS.key])
    assert (found.at, found.line) == (AT, line)
    assert merge_signatures(note, [found.line]) == format_note(cosign(note, WITNESS, AT))


@pytest.mark.parametrize("body", [b"", b"\n", b"x\n", format_cosignatures(parse_note(NOTE).signatures)[:-1]])
def test_bad_cosignatures(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_cosignatures(body, head(5).format())


def test_an_answer_cannot_bring_another_text() -> None:
    line = format_cosignatures(parse_note(NOTE).signatures)
    for above in (b"\n", b"more\n\n", line + b"\n"):
        with pytest.raises(Malformed, match="other than"):
            parse_cosignatures(above + line, head(5).format())


@given(st.binary(max_size=200))
def test_any_bytes_as_answer(data: bytes) -> None:
    for read in (lambda: parse_cosignatures(data, head(5).format()), lambda: parse_newest_size(b"x" + data)):
        with pytest.raises(ProtocolError):
            read()


def test_origin_hash() -> None:
    assert origin_hash(ORIGIN) == "f4bc5945daacdf13c5b18b10690afc90a4433ab21f144ba3871ac580a710c158"
