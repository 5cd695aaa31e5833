"""What an owner and a witness say to each other (C2SP tlog-witness): the body of `add-checkpoint`, its
checks, and the answers.

Guarantees: a submission that passes `check_submission` is a head signed by its log that continues the newest
one which the witness holds; every other ends as the error whose status the specification gives
(`format_refusal`). That this newest head is still the newest when the new one is stored is left to whoever
stores it. Specification: README, "Witnesses".
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from protocol.checkpoint import Checkpoint, parse_checkpoint_lines
from protocol.encoding import format_base64, parse_base64, parse_decimal
from protocol.errors import (
    BadProof,
    BadSignature,
    Malformed,
    NotAuthorized,
    NotNewest,
    ProtocolError,
)
from protocol.note import (
    ED25519,
    MAX_NOTE_BYTES,
    Note,
    Signature,
    VerifierKey,
    format_note,
    parse_note,
    verify_note,
)
from protocol.tlog import EMPTY_ROOT, HASH_SIZE, check_consistency

MAX_PROOF = 63
MAX_SUBMISSION_BYTES = MAX_NOTE_BYTES + 3072
"""A note behind a line for the old size and those of the longest proof."""

SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

_STATUS: tuple[tuple[type[ProtocolError], int], ...] = (
    (NotNewest, 409),
    (BadProof, 422),
    (BadSignature, 403),
    (NotAuthorized, 404),
    (Malformed, 400),
)


@dataclass(frozen=True, slots=True)
class Submission:
    """A head with the proof that it continues an earlier one; nothing is verified yet.

    Attributes:
        old_size: of the head that the witness is thought to hold; 0 for none.
        proof: from there to the new head (RFC 6962 section 2.1.2).
        checkpoint: what the note says.
        note: the signed note.
    """

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note


def parse_submission(data: bytes) -> Submission:
    """Read the body of `add-checkpoint`.

    Raises:
        Malformed: not of the specification's form.
    """
    if len(data) > MAX_SUBMISSION_BYTES:
        raise Malformed(f"submission: longer than {MAX_SUBMISSION_BYTES} bytes")
    above, _, below = data.partition(b"\n\n")
    try:
        first, *lines = above.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("submission: not ASCII above the checkpoint") from None
    word, _, number = first.partition(" ")
    if word != "old":
        raise Malformed("submission: does not begin with a line 'old <size>'")
    if len(lines) > MAX_PROOF:
        raise Malformed(f"submission: a proof of more than {MAX_PROOF} hashes")
    note = parse_note(below)
    return Submission(
        old_size=parse_decimal(number, "old size"),
        proof=tuple(parse_base64(line, "consistency proof", HASH_SIZE) for line in lines),
        checkpoint=parse_checkpoint_lines(note.text),
        note=note,
    )


def format_submission(old_size: int, proof: Iterable[bytes], note: bytes) -> bytes:
    """Write the body of `add-checkpoint`."""
    lines = [f"old {old_size}", *map(format_base64, proof), "", ""]
    return "\n".join(lines).encode() + note


def check_submission(submission: Submission, newest: Checkpoint | None, keys: Sequence[VerifierKey]) -> None:
    """Check, in the order of the specification, that a head may be cosigned.

    Args:
        newest: the newest head of this log that the witness holds; None for none.
        keys: those that it trusts for the origin that the head names; empty for an unknown log.

    Raises:
        NotAuthorized: the log is not known.
        BadSignature: none of its keys signed, or one of them failed.
        Malformed: it goes on from a larger size than its own.
        NotNewest: it goes on from another size than that of the newest head.
        BadProof: it does not continue that head. Where both have one size that is a split view.
    """
    checkpoint = submission.checkpoint
    if not keys:
        raise NotAuthorized("checkpoint: of a log that is not known here")
    signer = verify_note(submission.note, (key for key in keys if key.kind == ED25519))
    if signer.name != checkpoint.origin:
        raise BadSignature("checkpoint: its origin is not the name of the key that signed it")
    if submission.old_size > checkpoint.size:
        raise Malformed("submission: goes on from a larger size than its own")
    size, root = (newest.size, newest.root) if newest else (0, EMPTY_ROOT)
    if submission.old_size != size:
        raise NotNewest("submission: goes on from another head than the newest", size)
    check_consistency(size, root, checkpoint.size, checkpoint.root, submission.proof)


def format_refusal(error: ProtocolError) -> tuple[int, str, bytes]:
    """Write a witness's answer to a submission that it does not cosign: status, media type and body.

    The body of a 409 is the size of the newest head; of every other the reason, for people.
    """
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
    if isinstance(error, NotNewest):
        return status, SIZE_TYPE, f"{error.size}\n".encode()
    return status, TEXT_TYPE, f"{error}\n".encode()


def parse_newest_size(data: bytes) -> int:
    """Read the body of a 409: the size of the newest head that the witness holds.

    Raises:
        Malformed: not a decimal number and a newline.
    """
    if not data.isascii() or not data.endswith(b"\n"):
        raise Malformed("newest size: not a number and a newline")
    return parse_decimal(data[:-1].decode(), "newest size")


def format_cosignatures(lines: Iterable[Signature]) -> bytes:
    """Write the answer to a submission that was cosigned: the lines of the witness's keys."""
    return format_note(Note(b"", tuple(lines)))[1:]


def parse_cosignatures(data: bytes, text: bytes) -> Note:
    """Read the answer to a submission that was cosigned.

    Args:
        text: that of the checkpoint which was submitted.

    Returns:
        The checkpoint's note with the lines of the answer and no others: claims, until
        `checkpoint.verify_cosignatures` has looked at them.

    Raises:
        Malformed: not one or more signature lines.
    """
    note = parse_note(text + b"\n" + data)
    if note.text != text:
        raise Malformed("cosignatures: something other than signature lines")
    return note


def origin_hash(origin: str) -> str:
    """Name a log in the path below which a witness serves its newest head of it."""
    return hashlib.sha256(origin.encode()).hexdigest()
