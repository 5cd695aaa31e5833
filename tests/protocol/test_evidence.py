"""protocol/evidence.py: what proves a split view, what proves nothing, and hostile bytes."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checkpoint import Checkpoint, cosign, sign_checkpoint
from protocol.encoding import format_base64
from protocol.errors import BadProof, BadSignature, Malformed, ProtocolError, SplitView
from protocol.evidence import (
    MAX_EVIDENCE_BYTES,
    MAX_HASHES,
    Evidence,
    evidence_of,
    format_evidence,
    gather_evidence,
    parse_evidence,
    verify_evidence,
)
from protocol.note import COSIGNATURE, Note, VerifierKey, format_note, parse_note
from protocol.tlog import subtrees
from tests.protocol.naive import AT, ORIGIN, node_reader, signer, tree_hash
from tests.protocol.test_hostile import mutated

LOG = signer()
KEYS = [LOG.key]
HONEST = [bytes([number]) for number in range(40)]
FORK = [b"another", *HONEST[1:]]


def head(size: int, entries: list[bytes] = HONEST) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tree_hash(entries[:size]))


def signed(size: int, entries: list[bytes] = HONEST) -> bytes:
    return format_note(sign_checkpoint(head(size, entries), LOG))


def gathered(smaller: int, larger: int) -> Evidence:
    return gather_evidence(signed(smaller), signed(larger, FORK), KEYS, node_reader(FORK))


EQUAL = gathered(5, 5)
UNEQUAL = gathered(5, 12)


@given(st.integers(1, 39), st.integers(1, 39))
def test_a_fork_is_proven_at_any_two_sizes(one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    evidence = parse_evidence(format_evidence(gathered(smaller, larger)))
    assert verify_evidence(evidence, KEYS) == (head(smaller), head(larger, FORK))
    assert (evidence.hashes == ()) == (smaller == larger)


@given(st.integers(0, 39), st.integers(0, 39))
def test_one_history_proves_nothing(one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    with pytest.raises(BadProof, match="proves nothing"):
        gather_evidence(signed(smaller), signed(larger), KEYS, node_reader(HONEST))


def test_an_empty_log_is_the_beginning_of_every_log() -> None:
    with pytest.raises(BadProof, match="beginning"):
        gathered(0, 5)


def test_hashes_of_another_tree_prove_nothing() -> None:
    with pytest.raises(BadProof, match="do not lead"):
        gather_evidence(signed(5), signed(12, FORK), KEYS, node_reader(HONEST))


def test_the_larger_head_stands_last() -> None:
    with pytest.raises(BadProof, match="proves nothing"):
        verify_evidence(replace(UNEQUAL, smaller=UNEQUAL.larger, larger=UNEQUAL.smaller), KEYS)
    with pytest.raises(BadProof, match="proves nothing"):
        gather_evidence(signed(12), signed(5, FORK), KEYS, node_reader(FORK))


def test_the_number_of_hashes() -> None:
    for hashes in (UNEQUAL.hashes[:1], UNEQUAL.hashes[:-1], (*UNEQUAL.hashes, bytes(32)), ()):
        with pytest.raises(Malformed):
            verify_evidence(replace(UNEQUAL, hashes=hashes), KEYS)
    with pytest.raises(Malformed, match="no hashes"):
        verify_evidence(replace(EQUAL, hashes=UNEQUAL.hashes), KEYS)
    with pytest.raises(BadProof):
        verify_evidence(replace(UNEQUAL, hashes=(*UNEQUAL.hashes[:-1], bytes(32))), KEYS)


def test_the_most_hashes_that_evidence_can_need() -> None:
    size = (1 << 63) - 1
    count = max((1 << 62).bit_count() + len(subtrees(1 << 62, size)), size.bit_count())
    assert count <= MAX_HASHES
    for bits in range(1, 8):
        most = max(
            small.bit_count() + len(subtrees(small, large))
            for large in range(1, 1 << bits)
            for small in range(large)
        )
        assert most == 2 * bits - 1
    assert MAX_HASHES == 2 * 63 - 1


@pytest.mark.parametrize("evidence", [EQUAL, UNEQUAL])
def test_signatures(evidence: Evidence) -> None:
    with pytest.raises(BadSignature):
        verify_evidence(evidence, [])
    with pytest.raises(BadSignature):
        verify_evidence(evidence, [signer(seed=2).key])
    with pytest.raises(BadSignature):
        verify_evidence(replace(evidence, origin="police.de.example/network"), KEYS)
    forged = Note(parse_note(evidence.larger).text, parse_note(evidence.smaller).signatures)
    with pytest.raises(BadSignature):
        verify_evidence(replace(evidence, larger=format_note(forged)), KEYS)


def test_two_feeds_do_not_contradict_each_other() -> None:
    other = signer("police.fr.example/police")
    head_of_other = Checkpoint(other.name, 5, tree_hash(FORK[:5]))
    note = format_note(sign_checkpoint(head_of_other, other))
    with pytest.raises(BadSignature):
        verify_evidence(Evidence(ORIGIN, signed(5), note), [LOG.key, other.key])


def test_heads_by_the_old_key_and_by_the_new() -> None:
    new = signer(seed=2)
    fork = format_note(sign_checkpoint(head(5, FORK), new))
    verify_evidence(Evidence(ORIGIN, signed(5), fork), [new.key, LOG.key])


def test_only_the_logs_own_lines_are_kept() -> None:
    note = sign_checkpoint(head(5, FORK), LOG)
    carried = cosign(Note(note.text, note.signatures * 2), signer("w.example", COSIGNATURE, 9), AT)
    evidence = gather_evidence(signed(5), format_note(carried), KEYS, node_reader(FORK))
    assert evidence == EQUAL


def test_what_a_pull_found() -> None:
    assert evidence_of(SplitView("", signed(5), signed(5, FORK)), KEYS) == EQUAL
    assert evidence_of(SplitView("", signed(5), signed(12, FORK), UNEQUAL.hashes), KEYS) == UNEQUAL


def test_the_longest_evidence_fits() -> None:
    name = "a" * 190 + "/network/99"
    keys = [signer(name, seed=seed) for seed in range(1, 5)]
    notes = []
    for root in (b"a" * 32, b"b" * 32):
        signatures = [sign_checkpoint(Checkpoint(name, 1 << 62, root), key).signatures[0] for key in keys]
        notes.append(format_note(Note(Checkpoint(name, 1 << 62, root).format(), tuple(signatures))))
    evidence = Evidence(name, notes[0], notes[1], (bytes(32),) * MAX_HASHES)
    assert parse_evidence(format_evidence(evidence)) == evidence


def written(**changes: Any) -> bytes:
    value = {**json.loads(format_evidence(UNEQUAL)), **changes}
    return json.dumps({key: item for key, item in value.items() if item is not ...}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        written(schema="evidence/2.0"),
        written(schema=...),
        written(origin=...),
        written(origin=""),
        written(origin=5),
        written(smaller=None),
        written(larger=...),
        written(hashes=...),
        written(hashes=["AAAA"]),
        written(hashes=[format_base64(bytes(32))] * (MAX_HASHES + 1)),
        written(more="x" * MAX_EVIDENCE_BYTES),
    ],
)
def test_bad_evidence(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_evidence(data)


def test_a_later_minor_version_may_add_members() -> None:
    assert parse_evidence(written(more=5)) == UNEQUAL


@given(st.binary(max_size=200))
def test_any_bytes_as_evidence(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_evidence(data)


@given(st.binary(max_size=200), st.binary(max_size=200), st.lists(st.binary(min_size=32, max_size=32)))
def test_any_notes_and_hashes(smaller: bytes, larger: bytes, hashes: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        verify_evidence(Evidence(ORIGIN, smaller, larger, tuple(hashes)), KEYS)


@given(st.data())
def test_well_formed_evidence_with_anything_in_any_place(data: st.DataObject) -> None:
    with suppress(ProtocolError):
        evidence = parse_evidence(json.dumps(mutated(data, json.loads(format_evidence(UNEQUAL)))).encode())
        verify_evidence(evidence, KEYS)


@given(st.data())
def test_nobody_is_accused_by_changed_evidence(data: st.DataObject) -> None:
    """However two notes of one history are dressed up, they do not become evidence."""
    smaller, larger = sorted(data.draw(st.tuples(st.integers(0, 39), st.integers(0, 39))))
    pool = [node_reader(HONEST)(level, 0) for level in range(6)] + [bytes(32)]
    hashes = data.draw(st.lists(st.sampled_from(pool), max_size=8))
    with pytest.raises(ProtocolError):
        verify_evidence(Evidence(ORIGIN, signed(smaller), signed(larger), tuple(hashes)), KEYS)


def test_a_key_of_another_kind_signs_nothing() -> None:
    with pytest.raises(BadSignature):
        verify_evidence(EQUAL, [VerifierKey(ORIGIN, COSIGNATURE, LOG.key.public)])
