"""Evidence of a split view: two signed heads of one feed that cannot belong to one history, so written down
that anybody with the feed's key can check it, without asking anybody.

Guarantees: `verify_evidence` accepts exactly what its owner alone can have brought about: it signed both
heads, and neither is the beginning of the other. What stands in evidence beside the two notes is hashes; it
says nothing about a child. Specification: README, "Evidence".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.checkpoint import Checkpoint, verify_checkpoint
from protocol.encoding import format_base64, format_json, parse_base64, parse_object
from protocol.errors import BadProof, Malformed, SplitView
from protocol.fields import Fields
from protocol.note import Note, VerifierKey, format_note
from protocol.tlog import HASH_SIZE, Frontier, NodeReader, subtrees

SCHEMA = "evidence/1.0"
MAX_EVIDENCE_BYTES = 16_384
MAX_HASHES = 125
"""The most complete subtrees that the leaves before and behind one place of a tree can have."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two heads that contradict each other.

    Attributes:
        origin: of the feed.
        smaller, larger: the signed notes; of equal sizes in any order.
        hashes: empty for equal sizes. Else those of the complete subtrees over the leaves of the larger tree
            up to the smaller size, then those over the rest, each from the left: all of them lead to the
            larger root, and the first part alone to another root than the smaller one.
    """

    origin: str
    smaller: bytes
    larger: bytes
    hashes: tuple[bytes, ...] = ()


def evidence_of(split: SplitView, keys: Sequence[VerifierKey]) -> Evidence:
    """Write down what the reading side of a feed has found.

    Raises:
        ProtocolError: as `verify_evidence`, when it proves nothing under these keys.
    """
    return _made(split.older, split.newer, split.hashes, keys)


def gather_evidence(smaller: bytes, larger: bytes, keys: Sequence[VerifierKey], read: NodeReader) -> Evidence:
    """Hold two heads against each other, if their sizes differ by the larger tree's hashes.

    Args:
        read: reads the nodes of the larger tree, whoever they come from: nothing of it is believed.

    Raises:
        BadProof: they prove nothing.
        ProtocolError: as `verify_evidence`; and what `read` raises.
    """
    (first, _), (second, _) = verify_checkpoint(smaller, keys), verify_checkpoint(larger, keys)
    places: list[tuple[int, int]] = []
    if first.size != second.size:
        places = [*subtrees(0, first.size), *subtrees(first.size, second.size)]
    return _made(smaller, larger, [read(level, index) for level, index in places], keys)


def own_lines(note: Note, keys: Sequence[VerifierKey]) -> bytes:
    """Write a verified note with the lines of the log's own keys only: whoever carried it could have added
    any others, and they prove nothing about its owner.
    """
    lines = dict.fromkeys(line for line in note.signatures if any(line.of(key) for key in keys))
    return format_note(Note(note.text, tuple(lines)))


def format_evidence(evidence: Evidence) -> bytes:
    """Write evidence as one line of JSON."""
    return format_json(
        {
            "schema": SCHEMA,
            "origin": evidence.origin,
            "smaller": evidence.smaller.decode(),
            "larger": evidence.larger.decode(),
            "hashes": [format_base64(one) for one in evidence.hashes],
        }
    )


def parse_evidence(data: bytes) -> Evidence:
    """Read evidence; nothing is verified.

    Raises:
        Malformed: not of the form that `format_evidence` writes. Further members are passed over.
    """
    fields = Fields(parse_object(data, "evidence", MAX_EVIDENCE_BYTES), "evidence")
    fields.choice("schema", (SCHEMA,))
    return Evidence(
        origin=fields.text("origin"),
        smaller=_parse_text(fields, "smaller"),
        larger=_parse_text(fields, "larger"),
        hashes=fields.list("hashes", _parse_hash, most=MAX_HASHES),
    )


def verify_evidence(evidence: Evidence, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, Checkpoint]:
    """Verify that a feed's owner has signed two heads that contradict each other.

    Args:
        keys: the feed's keys.

    Returns:
        The smaller and the larger head.

    Raises:
        Malformed, BadSignature: one of them is no head of this feed signed by these keys.
        BadProof: both are, and the evidence proves nothing.
    """
    smaller, larger = (
        _verify_head(note, evidence.origin, keys) for note in (evidence.smaller, evidence.larger)
    )
    if smaller.size > larger.size:
        raise BadProof("evidence: proves nothing: its smaller head is the larger one")
    if smaller.size == larger.size:
        if smaller.root == larger.root:
            raise BadProof("evidence: proves nothing: both heads are the same")
        if evidence.hashes:
            raise Malformed("evidence: two heads of one size need no hashes")
        return smaller, larger
    count = smaller.size.bit_count()
    beginning = Frontier(smaller.size, evidence.hashes[:count])
    if len(beginning.hashes) != count:
        raise Malformed("evidence: too few hashes")
    if beginning.joined(larger.size, evidence.hashes[count:]).root() != larger.root:
        raise BadProof("evidence: proves nothing: its hashes do not lead to the larger head")
    if beginning.root() == smaller.root:
        raise BadProof("evidence: proves nothing: the smaller head is the beginning of the larger one")
    return smaller, larger


def _verify_head(note: bytes, origin: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    checkpoint, _ = verify_checkpoint(note, [key for key in keys if key.name == origin])
    return checkpoint


def _made(one: bytes, other: bytes, hashes: Iterable[bytes], keys: Sequence[VerifierKey]) -> Evidence:
    (checkpoint, first), (_, second) = verify_checkpoint(one, keys), verify_checkpoint(other, keys)
    evidence = Evidence(checkpoint.origin, own_lines(first, keys), own_lines(second, keys), tuple(hashes))
    verify_evidence(evidence, keys)
    return evidence


def _parse_text(fields: Fields, key: str) -> bytes:
    value: Any = fields.get(key)
    if not isinstance(value, str):
        raise Malformed(f"evidence.{key}: must be the text of a signed note")
    return value.encode()


def _parse_hash(value: Any, what: str) -> bytes:
    return parse_base64(value, what, HASH_SIZE)
