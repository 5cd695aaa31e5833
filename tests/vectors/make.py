"""Makes the test vectors beside it, by which a node in any language can be held to the protocol.

    python -m tests.vectors.make

Every key, salt and nonce is derived from a name, so that a second run writes the same bytes. Bytes that need
not be text are given in base64; `error` names the class of protocol/errors.py, which protocol/README.md
explains under "Errors". tests/protocol/test_vectors.py proves that the files are these and that protocol/
agrees with each of them.
"""

import json
from collections.abc import Callable, Mapping

from tests.vectors.documents import documents
from tests.vectors.fixed import FOLDER, Vectors
from tests.vectors.logs import checkpoints, evidence, feed, leaves, notes, witness
from tests.vectors.members import answers, roster, tokens
from tests.vectors.messages import messages, sealed
from tests.vectors.proofs import proofs
from tests.vectors.trees import encodings, tiles, tree

FILES: Mapping[str, Callable[[], Vectors]] = {
    "encodings.json": encodings,
    "tree.json": tree,
    "tiles.json": tiles,
    "notes.json": notes,
    "checkpoints.json": checkpoints,
    "leaves.json": leaves,
    "documents.json": documents,
    "feed.json": feed,
    "witness.json": witness,
    "evidence.json": evidence,
    "tokens.json": tokens,
    "roster.json": roster,
    "answers.json": answers,
    "sealed.json": sealed,
    "messages.json": messages,
    "proofs.json": proofs,
}


def made(name: str) -> bytes:
    """Make one file."""
    make = FILES[name]
    vectors = {"about": (make.__doc__ or "").strip(), **make()}
    return json.dumps(vectors, ensure_ascii=False, indent=1).encode() + b"\n"


if __name__ == "__main__":
    for file in FILES:
        (FOLDER / file).write_bytes(made(file))
