"""The answer to `GET /heads`: the newest heads that a member knows, of everybody's feeds, and the evidence
that it holds.

Guarantees: an answer that was read has the form and the bounds of the specification. Nothing in it is
verified: heads are held against what the reader knows, and evidence is `evidence.verify_evidence`'s.
Specification: README, "Heads".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from protocol.encoding import format_json, parse_object
from protocol.errors import Malformed
from protocol.fields import Fields

MAX_HEADS_BYTES = 1 << 22
MAX_HEADS = 4_096
MAX_EVIDENCE = 64


@dataclass(frozen=True, slots=True)
class Heads:
    """What a member knows.

    Attributes:
        notes: signed notes of checkpoints, at best with the signatures of the logs themselves only.
        evidence: as `evidence.parse_evidence` reads it.
    """

    notes: tuple[bytes, ...]
    evidence: tuple[bytes, ...]


def format_heads(notes: Iterable[bytes], evidence: Iterable[bytes]) -> bytes:
    """Write the answer."""
    return format_json(
        {"heads": [note.decode() for note in notes], "evidence": [data.decode() for data in evidence]}
    )


def parse_heads(data: bytes) -> Heads:
    """Read the answer.

    Raises:
        Malformed: not of the form that `format_heads` writes. Further members are passed over.
    """
    fields = Fields(parse_object(data, "heads", MAX_HEADS_BYTES), "heads")
    return Heads(
        fields.list("heads", _parse_text, most=MAX_HEADS),
        fields.list("evidence", _parse_text, most=MAX_EVIDENCE),
    )


def _parse_text(value: Any, what: str) -> bytes:
    if not isinstance(value, str):
        raise Malformed(f"{what}: must be a text")
    return value.encode()
