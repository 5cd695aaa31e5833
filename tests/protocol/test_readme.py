"""protocol/README.md: its sections are those that the code refers to, its numbers those of the code, its
examples those of the vectors.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from protocol import (
    answers,
    bundle,
    current,
    document,
    encoding,
    errors,
    evidence,
    heads,
    joining,
    leaf,
    member,
    mirror,
    note,
    policy,
    proof,
    proof_file,
    receipt,
    roster,
    tiles,
    token,
    witness,
)
from tests.vectors.fixed import FOLDER
from tests.vectors.make import FILES

PROTOCOL = Path(encoding.__file__).parent
README = (PROTOCOL / "README.md").read_text()
ROOT = PROTOCOL.parent


def test_every_section_that_the_code_names_is_there() -> None:
    sections = set(re.findall(r"^##+ (.+)$", README, re.MULTILINE))
    for path in (*PROTOCOL.glob("*.py"), *ROOT.glob("node/**/*.py")):
        named = re.findall(r"README,\s+\"([^\"]+)\"", path.read_text())
        assert {" ".join(name.split()) for name in named} <= sections, path.name


def test_its_links_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^##+ (.+)$", README, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= anchors


def test_errors_and_vectors_are_all_listed() -> None:
    listed = set(re.findall(r"^\| ([A-Z]\w+)(?: \(a \w+\))? \|", README, re.MULTILINE))
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert listed == kinds - {"ProtocolError"}
    assert set(re.findall(r"^\| `(\w+\.json)` \|", README, re.MULTILINE)) == set(FILES)


@pytest.mark.parametrize(
    ("what", "numbers"),
    [
        ("levels of JSON", [encoding.MAX_DEPTH]),
        ("signed note", [note.MAX_NOTE_BYTES, note.MAX_SIGNATURES]),
        ("submission to a witness", [witness.MAX_PROOF, witness.MAX_SUBMISSION_BYTES]),
        ("evidence", [evidence.MAX_EVIDENCE_BYTES, evidence.MAX_HASHES]),
        ("heads", [heads.MAX_HEADS_BYTES, heads.MAX_HEADS, heads.MAX_EVIDENCE]),
        ("tile, bundle", [256, tiles.WIDTH * 32, 256, tiles.WIDTH * (leaf.MAX_LEAF_BYTES + 2), 1024]),
        ("leaf", [leaf.MAX_LEAF_BYTES]),
        ("life of a document", [leaf.MAX_LIFE.days]),
        ("document", [document.MAX_DOCUMENT_BYTES]),
        ("digests in a request for documents", [answers.MAX_DIGESTS, answers.MAX_QUERY_BYTES]),
        ("small photograph", [policy.Limits().small_photo_bytes]),
        ("photograph", [policy.Limits().photo_bytes, 20_000_000]),
        (
            "request token",
            [token.MAX_TOKEN_LENGTH, token.MAX_LIFE.seconds // 60, token.LEEWAY.seconds // 60],
        ),
        ("readers of a feed", [mirror.MAX_READERS_BYTES, roster.MAX_MEMBERS]),
        ("bundle's statement", [bundle.MAX_STATEMENT]),
        ("record of a bundle", [bundle.MAX_RECORD_BYTES, bundle.MAX_KNOWN_BYTES]),
        ("piece of a bundle", [bundle.PIECE_BYTES]),
        ("receipts fetched at once", [receipt.MAX_OWED]),
        (
            "receipt",
            [receipt.MAX_RECEIPT_LENGTH, receipt.MAX_ITEMS, receipt.HEAD_LENGTH, receipt.ITEM_LENGTH],
        ),
        ("endorsement, withdrawal", [member.MAX_ENDORSEMENT]),
        ("join request", [joining.MAX_REQUEST, joining.LIFE.days]),
        ("proof (tlog-proof)", [proof.MAX_PROOF_BYTES, proof.MAX_PROOF_HASHES]),
        (
            "statement that a document is current",
            [current.MAX_CURRENT_LENGTH, current.MAX_CURRENT_LIFE.days],
        ),
        ("proof file", [proof_file.MAX_PROOF_FILE_BYTES]),
        ("roster", [roster.MAX_ROSTER_BYTES, roster.MAX_MEMBERS]),
        ("policy", [policy.MAX_POLICY_BYTES]),
        ("member id", [member.MAX_MEMBER_ID]),
    ],
)
def test_limits(what: str, numbers: list[int]) -> None:
    limits = README.partition("\n## Limits\n")[2]
    row = re.search(rf"^\| {re.escape(what)} \| (.+) \|$", limits, re.MULTILINE)
    assert row
    assert [
        int(number.replace(",", "")) for number in re.findall(r"[0-9][0-9,]*[0-9]|[0-9]", row[1])
    ] == numbers


def test_examples_are_in_the_vectors() -> None:
    examples = re.findall(r"^```\w+ (\w+\.json)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(examples) >= 5
    for name, example in examples:
        texts = list(texts_in(json.loads((FOLDER / name).read_bytes())))
        assert any(example.strip() in text for text in texts), example


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value, and what it holds when it is base64 or a signed statement."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value
        for segment in value.split("."):
            with suppress(ValueError):
                yield base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
