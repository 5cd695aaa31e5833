"""Checkpoints (C2SP tlog-checkpoint) and their cosignatures (C2SP tlog-cosignature, Ed25519).

Guarantees: a verified checkpoint was signed by a key of its log, whose name is the origin; a counted
cosignature was made by a distinct, known witness over exactly this head. Whether the head continues an
earlier one is left to `verification`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from protocol.encoding import format_base64, parse_base64, parse_decimal
from protocol.errors import BadSignature, Malformed, NoQuorum
from protocol.note import (
    COSIGNATURE,
    ED25519,
    MAX_SIGNATURES,
    Note,
    Signature,
    Signer,
    VerifierKey,
    format_note,
    parse_note,
    sign_text,
    verify_note,
)
from protocol.tlog import EMPTY_ROOT, HASH_SIZE


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, number of leaves and 32-byte root. No extension lines are used (protocol
    README, "Checkpoints").
    """

    origin: str
    size: int
    root: bytes

    def format(self) -> bytes:
        """Write the note's text: three lines."""
        return f"{self.origin}\n{self.size}\n{format_base64(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: whose key, the time that it states, and its line in the note."""

    key: VerifierKey
    at: datetime
    line: Signature


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Read the text of a checkpoint; nothing is verified.

    Raises:
        Malformed: not exactly three lines of the right form, or an empty tree with another root than SHA-256
            of nothing.
    """
    checkpoint = parse_checkpoint_lines(text)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise Malformed("checkpoint: an empty log with a root that is not that of nothing")
    return checkpoint


def parse_checkpoint_lines(text: bytes) -> Checkpoint:
    """Read the text of a checkpoint as `parse_checkpoint` does, but take an empty log with any root: a
    witness has an answer of its own for that.

    Raises:
        Malformed: not exactly three lines of the right form.
    """
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise Malformed("checkpoint: not UTF-8") from None
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise Malformed("checkpoint: must have exactly three lines")
    size = parse_decimal(lines[1], "checkpoint size")
    root = parse_base64(lines[2], "checkpoint root", HASH_SIZE)
    return Checkpoint(lines[0], size, root)


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> Note:
    """Sign a head as its log, whose key name is the origin.

    Args:
        signers: of every key that is in force: while one is replaced, readers who do not know the new one yet
            still know the old one.
    """
    text = checkpoint.format()
    return Note(text, tuple(sign_text(text, signer) for signer in signers))


def verify_checkpoint(data: bytes, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, Note]:
    """Verify the log's own signature on a checkpoint.

    Args:
        data: the signed note as received.
        keys: the log's keys, kind ED25519 (several during a rotation).

    Returns:
        The checkpoint, and the note with all its signature lines, cosignatures still unverified.

    Raises:
        Malformed: not a checkpoint.
        BadSignature: none of the keys signed, one of them failed, or its name is not the origin.
    """
    note = parse_note(data)
    key = verify_note(note, (k for k in keys if k.kind == ED25519))
    checkpoint = parse_checkpoint(note.text)
    if key.name != checkpoint.origin:
        raise BadSignature("checkpoint: its origin is not the name of the key that signed it")
    return checkpoint, note


def cosign(note: Note, signer: Signer, now: datetime) -> Note:
    """Add a witness's cosignature/v1 line, stating `now` in whole seconds."""
    stamp = int(now.timestamp())
    line = Signature(
        signer.key.name,
        signer.key.key_id,
        stamp.to_bytes(8, "big") + signer.sign(_cosigned(note.text, stamp)),
    )
    return Note(note.text, (*note.signatures, line))


def verify_cosignatures(note: Note, witnesses: Iterable[VerifierKey]) -> list[Cosignature]:
    """Return the valid cosignatures of distinct witnesses, the newest of each.

    A witness counts once, however many of its keys are in force while one is replaced: their common name
    tells.

    A bad line is passed over and does not count, so that whoever carries a checkpoint cannot make it
    worthless by adding lines to it.

    Args:
        witnesses: known keys of kind COSIGNATURE; a key that stands twice counts once.
    """
    found: dict[bytes, Cosignature] = {}
    for key in witnesses:
        if key.kind != COSIGNATURE:
            continue
        for line in note.signatures:
            if line.of(key) and (cosignature := _verify_line(note.text, line, key)):
                earlier = found.get(key.public)
                if earlier is None or earlier.at < cosignature.at:
                    found[key.public] = cosignature
    newest: dict[str, Cosignature] = {}
    for cosignature in found.values():
        other = newest.setdefault(cosignature.key.name, cosignature)
        newest[cosignature.key.name] = max(other, cosignature, key=lambda one: one.at)
    return list(newest.values())


def check_quorum(note: Note, witnesses: Iterable[VerifierKey], quorum: int) -> list[Cosignature]:
    """Check that at least `quorum` distinct witnesses cosigned, and return their cosignatures.

    Raises:
        NoQuorum: fewer did.
    """
    cosignatures = verify_cosignatures(note, witnesses)
    if len(cosignatures) < quorum:
        raise NoQuorum(f"checkpoint: {len(cosignatures)} of {quorum} demanded witnesses have cosigned")
    return cosignatures


def merge_signatures(note: Note, more: Iterable[Signature]) -> bytes:
    """Write the note with further signature lines behind its own, each line once.

    Raises:
        Malformed: more lines than a reader takes.
    """
    lines = dict.fromkeys((*note.signatures, *more))
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(f"checkpoint: more than {MAX_SIGNATURES} signatures")
    return format_note(Note(note.text, tuple(lines)))


def _verify_line(text: bytes, line: Signature, key: VerifierKey) -> Cosignature | None:
    stamp = int.from_bytes(line.data[:8], "big")
    try:
        key.check(_cosigned(text, stamp), line.data[8:])
        return Cosignature(key, datetime.fromtimestamp(stamp, UTC), line)
    except (BadSignature, OverflowError, ValueError, OSError):  # a time beyond the calendar is no time
        return None


def _cosigned(text: bytes, stamp: int) -> bytes:
    return f"cosignature/v1\ntime {stamp}\n".encode() + text
