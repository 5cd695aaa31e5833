"""Proofs that an entry stands in a log, for those outside who ask nobody (C2SP tlog-proof).

Guarantees: a proof is read in its one accepted form; `verify_proof` returns a checkpoint that a key of the
log has signed, and under whose root the entry stands at the proof's index. What the entry says, and whether
it is still the newest of its case, is left to `current` and `proof_file`. Specification: README, "Proofs".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.checkpoint import Checkpoint, verify_checkpoint
from protocol.encoding import format_base64, parse_base64, parse_decimal
from protocol.errors import Malformed
from protocol.note import MAX_NOTE_BYTES, Note, VerifierKey
from protocol.tiles import MAX_ENTRY_BYTES
from protocol.tlog import HASH_SIZE, check_inclusion, leaf_hash

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
"""The first line of every proof."""

MAX_PROOF_HASHES = 63
MAX_PROOF_BYTES = 2 * MAX_ENTRY_BYTES + MAX_NOTE_BYTES

_EXTRA, _INDEX = "extra ", "index "


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an entry stands in a log, and what leads from there to a signed head. Nothing is verified.

    Attributes:
        index: of the entry.
        hashes: the audit path, leaf side first; 32 bytes each.
        checkpoint: the signed note as received, with its cosignatures.
        extra: what stands beside it, which no signature covers. In the proofs of this network it is the
            entry itself, so that one file is enough. None when there is no such line.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def format_proof(proof: Proof) -> bytes:
    """Write a proof."""
    lines = [PROOF_HEADER]
    if proof.extra is not None:
        lines.append(_EXTRA + format_base64(proof.extra))
    lines.append(f"{_INDEX}{proof.index}")
    lines += map(format_base64, proof.hashes)
    return "\n".join([*lines, "", ""]).encode() + proof.checkpoint


def parse_proof(data: bytes) -> Proof:
    """Read a proof; nothing is verified.

    Raises:
        Malformed: not of the form that `format_proof` writes.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise Malformed(f"proof: {len(data)} bytes, at most {MAX_PROOF_BYTES} are allowed")
    above, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = above.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("proof: not ASCII above its checkpoint") from None
    if not blank or lines.pop(0) != PROOF_HEADER:
        raise Malformed(f"proof: must begin with {PROOF_HEADER}, and have an empty line above its checkpoint")
    extra = None
    if lines and lines[0].startswith(_EXTRA):
        extra = parse_base64(lines.pop(0).removeprefix(_EXTRA), "proof extra")
    if not lines or not lines[0].startswith(_INDEX):
        raise Malformed("proof: has no index")
    index = parse_decimal(lines.pop(0).removeprefix(_INDEX), "proof index")
    if len(lines) > MAX_PROOF_HASHES:
        raise Malformed(f"proof: more than {MAX_PROOF_HASHES} hashes")
    return Proof(
        index, tuple(parse_base64(line, "proof hash", HASH_SIZE) for line in lines), checkpoint, extra
    )


def verify_proof(proof: Proof, entry: bytes, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, Note]:
    """Verify that an entry stands in a log.

    Args:
        entry: its bytes, from `proof.extra` or from elsewhere.
        keys: the log's.

    Returns:
        The head, and the note with all its signature lines, cosignatures still unverified.

    Raises:
        Malformed, BadSignature: the checkpoint is none of this log's; see `verify_checkpoint`.
        BadProof: the entry does not stand there.
    """
    checkpoint, note = verify_checkpoint(proof.checkpoint, keys)
    check_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint, note
