"""protocol/proof.py: tlog-proofs that lead to a signed head, those that do not, and hostile bytes."""

import base64
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales import tiles as their_tiles
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tlog import Checkpoint as TheirCheckpoint
from tlog_scales.tlog import InclusionProof

from protocol.checkpoint import Checkpoint, cosign, sign_checkpoint, verify_cosignatures
from protocol.errors import BadProof, BadSignature, Malformed, ProtocolError
from protocol.note import COSIGNATURE, format_note
from protocol.proof import (
    MAX_PROOF_BYTES,
    MAX_PROOF_HASHES,
    PROOF_HEADER,
    Proof,
    format_proof,
    parse_proof,
    verify_proof,
)
from tests.protocol.naive import AT, ORIGIN, audit_path, signer, tree_hash

LOG, WITNESS = signer(), signer("w.example", COSIGNATURE, 9)
KEYS = [LOG.key]
ENTRIES = [bytes([number]) * 3 for number in range(40)]


def proof_of(index: int, size: int, extra: bytes | None = b"opaque") -> Proof:
    head = Checkpoint(ORIGIN, size, tree_hash(ENTRIES[:size]))
    note = format_note(cosign(sign_checkpoint(head, LOG), WITNESS, AT))
    return Proof(index, tuple(audit_path(index, ENTRIES[:size])), note, extra)


GOOD = proof_of(5, 13)
TEXT = format_proof(GOOD).decode()
HASH = TEXT.splitlines()[3]


@given(st.integers(1, 40).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_every_entry_of_every_tree_is_proven(place: tuple[int, int]) -> None:
    index, size = place
    for extra in (None, b"", b"opaque"):
        proof = parse_proof(format_proof(proof_of(index, size, extra)))
        assert proof == proof_of(index, size, extra)
        head, note = verify_proof(proof, ENTRIES[index], KEYS)
        assert (head.origin, head.size) == (ORIGIN, size)
        assert [one.key for one in verify_cosignatures(note, [WITNESS.key])] == [WITNESS.key]


def test_it_is_written_as_c2sp_shows_it() -> None:
    lines = TEXT.split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra b3BhcXVl", "index 5"]
    assert all(len(base64.b64decode(line)) == 32 for line in lines[3:7])
    assert lines[7:10] == ["", ORIGIN, "13"]


def test_an_independent_log_client_agrees() -> None:
    """What another team's package holds a proof against, given nothing but the text."""
    above, _, checkpoint = TEXT.partition("\n\n")
    hashes = [base64.b64decode(line) for line in above.split("\n")[3:]]
    head = TheirCheckpoint.from_text(checkpoint)
    head.verify(Vkey.from_string(LOG.key.format()))
    InclusionProof(5, head.size, hashes).check(their_tiles.leaf_hash(ENTRIES[5]), head.root_hash)
    known = VkeySet(Vkey.from_string(WITNESS.key.format()))
    assert [key.name for key, _ in known.verify(head.signatures, head)] == ["w.example"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        " " + TEXT,
        "\n" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n\n", "\n"),
        TEXT.replace("index 5\n", ""),
        TEXT.replace("index 5", "index 05"),
        TEXT.replace("index 5", "index -5"),
        TEXT.replace("index 5", "index  5"),
        TEXT.replace("index 5", "index ٥"),
        TEXT.replace("index 5", "index 5\nindex 6"),
        TEXT.replace("index 5", f"index {1 << 63}"),
        TEXT.replace("extra b3BhcXVl", "extra b3BhcXV="),
        TEXT.replace("extra b3BhcXVl", "extra b3BhcXVl\nextra b3BhcXVl"),
        TEXT.replace("extra b3BhcXVl\nindex 5", "index 5\nextra b3BhcXVl"),
        TEXT.replace(HASH, HASH[:-4]),
        TEXT.replace(HASH, HASH[:-1]),
        TEXT.replace(HASH, HASH + " "),
        TEXT.replace(HASH, "\n".join([HASH] * MAX_PROOF_HASHES)),
        TEXT.replace(HASH, "é"),
        TEXT + "x" * MAX_PROOF_BYTES,
        f"{PROOF_HEADER}\n\n{TEXT}",
        PROOF_HEADER,
    ],
)
def test_what_is_no_proof(text: str) -> None:
    with pytest.raises(Malformed):
        parse_proof(text.encode())


@pytest.mark.parametrize(
    ("proof", "entry", "error"),
    [
        (GOOD, ENTRIES[6], BadProof),
        (replace(GOOD, index=6), ENTRIES[5], BadProof),
        (replace(GOOD, index=13), ENTRIES[5], BadProof),
        (replace(GOOD, hashes=GOOD.hashes[:-1]), ENTRIES[5], BadProof),
        (replace(GOOD, hashes=(*GOOD.hashes, bytes(32))), ENTRIES[5], BadProof),
        (replace(GOOD, hashes=GOOD.hashes[::-1]), ENTRIES[5], BadProof),
        (replace(GOOD, checkpoint=proof_of(5, 12).checkpoint), ENTRIES[5], BadProof),
        (replace(GOOD, checkpoint=GOOD.checkpoint.replace(b"\n13\n", b"\n14\n")), ENTRIES[5], BadSignature),
        (replace(GOOD, checkpoint=b""), ENTRIES[5], Malformed),
        (replace(GOOD, checkpoint=b"no note\n"), ENTRIES[5], Malformed),
    ],
)
def test_what_proves_nothing(proof: Proof, entry: bytes, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        verify_proof(proof, entry, KEYS)


def test_a_stranger_proves_nothing() -> None:
    with pytest.raises(BadSignature):
        verify_proof(GOOD, ENTRIES[5], [signer(seed=2).key])
    with pytest.raises(BadSignature):
        verify_proof(GOOD, ENTRIES[5], [])


@given(st.binary(max_size=200), st.integers(0, len(TEXT)), st.integers(0, 40))
def test_any_bytes_as_proof(data: bytes, start: int, length: int) -> None:
    text = TEXT.encode()
    for given_bytes in (data, text[:start] + data + text[start + length :]):
        with suppress(ProtocolError):
            verify_proof(parse_proof(given_bytes), ENTRIES[5], KEYS)
