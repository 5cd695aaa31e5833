"""Proof files: what an owner gives to those outside about one of its cases, to be checked without asking
anybody.

Guarantees: of a proof file that was verified, head and public part are the bytes that the owner announced in
its network feed, and the statement in it speaks of this very version. The network part is left out; the hash
that stands for it tells nothing. Whether the statement still holds, whether the public part fits its JSON
Schema, and who has cosigned is left to the callers. Specification: README, "Proofs".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.checkpoint import Checkpoint, parse_checkpoint
from protocol.current import MAX_CURRENT_LENGTH, Current, verify_current
from protocol.document import verify_excerpt
from protocol.encoding import format_base64, format_json, parse_base64, parse_hash, parse_object
from protocol.errors import BadProof, Malformed
from protocol.fields import Fields
from protocol.leaf import Leaf, parse_leaf
from protocol.note import Note, VerifierKey, parse_note
from protocol.proof import MAX_PROOF_BYTES, Proof, format_proof, parse_proof, verify_proof
from protocol.token import FindKey

PROOF_FILE_SCHEMA = "proof/1.0"
MAX_PROOF_FILE_BYTES = 1 << 19

FindFeedKeys = Callable[[str], Sequence[VerifierKey]]
"""`find(member)`: the keys of its network feed that count now; raises NotAuthorized when there is no such
member."""


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A proof file as read. Nothing is verified.

    Attributes:
        head, public: the first two lines of the document, without their newlines.
        network: SHA-256 of the third.
        proof: of the leaf, which it carries.
        statement: that it is current.
    """

    head: bytes
    public: bytes
    network: bytes
    proof: Proof
    statement: str


@dataclass(frozen=True, slots=True)
class Announced:
    """A leaf that stands in its owner's network feed.

    Attributes:
        digest: of the document that it announces (32 bytes).
        checkpoint, note: the signed head that covers it; cosignatures still unverified.
    """

    owner: str
    leaf: Leaf
    digest: bytes
    checkpoint: Checkpoint
    note: Note


def format_proof_file(file: ProofFile) -> bytes:
    """Write a proof file."""
    return format_json(
        {
            "schema": PROOF_FILE_SCHEMA,
            "head": format_base64(file.head),
            "public": format_base64(file.public),
            "network_sha256": file.network.hex(),
            "tlog_proof": format_proof(file.proof).decode(),
            "statement": file.statement,
        }
    )


def parse_proof_file(data: bytes) -> ProofFile:
    """Read a proof file; nothing is verified.

    Raises:
        Malformed: not of the form that `format_proof_file` writes. Further members are passed over.
    """
    fields = Fields(parse_object(data, "proof file", MAX_PROOF_FILE_BYTES), "proof file")
    fields.choice("schema", (PROOF_FILE_SCHEMA,))
    head, public = (parse_base64(fields.get(name), f"proof file {name}") for name in ("head", "public"))
    text = fields.get("tlog_proof")
    if not isinstance(text, str) or len(text) > MAX_PROOF_BYTES:
        raise Malformed("proof file: tlog_proof must be the text of a proof")
    return ProofFile(
        head,
        public,
        parse_hash(fields.get("network_sha256"), "proof file network_sha256"),
        parse_proof(text.encode()),
        fields.text("statement", most=MAX_CURRENT_LENGTH),
    )


def verify_announced(proof: Proof, entry: bytes | None, find: FindFeedKeys) -> Announced:
    """Verify that a leaf with content stands in the network feed of the member whose case it names.

    Args:
        entry: the leaf's bytes; None where the proof carries them.

    Raises:
        Malformed: it is no leaf with content, or there is none.
        BadSignature, BadProof: see `verify_proof`.
        NotAuthorized: no such member, or a case of another.
    """
    entry = proof.extra if entry is None else entry
    if entry is None:
        raise Malformed("proof: comes without its leaf")
    owner = _owner_of(proof.checkpoint)
    checkpoint, note = verify_proof(proof, entry, find(owner))
    leaf = parse_leaf(entry, owner)
    if leaf is None or leaf.digest is None:
        raise Malformed("proof: its leaf announces no document")
    return Announced(owner, leaf, leaf.digest, checkpoint, note)


def verify_shown(file: ProofFile, find: FindFeedKeys) -> tuple[Announced, dict[str, dict[str, Any]]]:
    """Verify that what a proof file shows is what its owner has announced; whether it is the current version
    is told by its statement alone.

    Returns:
        Where it stands, and the parts by name: "head" and "public".

    Raises:
        Malformed, BadSignature, BadProof, NotAuthorized: see `verify_announced` and `verify_excerpt`.
    """
    announced = verify_announced(file.proof, None, find)
    return announced, verify_excerpt([file.head, file.public], [file.network], announced.leaf, "network")


def verify_statement(file: ProofFile, announced: Announced, find: FindKey) -> Current:
    """Verify the statement of a proof file whose content was verified.

    Raises:
        Malformed, BadSignature, NotAuthorized: see `verify_current`.
        BadProof: it speaks of another document.
    """
    current, leaf = verify_current(file.statement, find), announced.leaf
    if (current.case, current.version, current.digest) != (leaf.case, leaf.version, leaf.digest):
        raise BadProof("proof file: its statement speaks of another document")
    return current


def _owner_of(checkpoint: bytes) -> str:
    """Name the member whose log a signed head says that it is of."""
    return parse_checkpoint(parse_note(checkpoint).text).origin.partition("/")[0]
