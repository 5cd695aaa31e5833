"""`gmcn evidence`: seeing what proves two faces, checking it anywhere, deciding."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.services.witnesses import evidence
from node.store.database import reading
from node.store.journal import read_journal
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.evidence import Evidence, format_evidence
from protocol.note import format_note
from tests.node.cli.conftest import FR, KE, Town, gmcn
from tests.protocol.naive import tree_hash


def two_faces(town: Town) -> Evidence:
    """Two heads that the French police have signed."""
    signer = town.nodes[FR].feed_signer("network")
    notes = [
        format_note(sign_checkpoint(Checkpoint(signer.name, 90, tree_hash([name])), signer))
        for name in (b"one", b"other")
    ]
    return Evidence(signer.name, *notes)


@pytest.fixture
def kept(town: Town) -> Iterator[dict[str, Any]]:
    """Evidence that Kenya has found, and decides about in the end."""
    proof, node = two_faces(town), town.nodes[KE]
    member = node.network().roster.member(FR)
    evidence.keep(node, member, member.feed("network"), proof, evidence.PULL, FR)
    (listed,) = town.json(KE, "evidence", "list")
    yield listed
    if town.json(KE, "evidence", "show", listed["id"])["closed_at"] is None:
        town.run(KE, "evidence", "close", listed["id"], "--reason", "the end of a test")


def test_from_finding_to_deciding(town: Town, kept: dict[str, Any], tmp_path: Path) -> None:
    short = kept["id"][:12]
    assert f"{short}" in town.run(KE, "evidence", "list").stdout
    shown = town.run(KE, "evidence", "show", short).stdout
    for words in (kept["id"], f"{FR}/network", f"by a pull from {FR}", "90 entries", "is stopped"):
        assert words in shown
    status = town.run(KE, "status").stdout
    assert f"{short} against {FR}/network" in status
    assert "two faces" in status
    assert town.json(KE, "status")["evidence"] == [[kept["id"], f"{FR}/network"]]

    file = tmp_path / "split.json"
    told = town.run(KE, "evidence", "export", short, str(file)).stderr
    key = told.split("--key ")[1].split()[0]
    assert "shown two faces" in town.run(KE, "evidence", "check", str(file)).stdout
    assert not (tmp_path / "nobody").exists()
    result = gmcn(tmp_path / "nobody", "evidence", "check", str(file), "--key", key, "--json")
    assert json.loads(result.stdout)["smaller"] == kept["smaller"]
    assert not (tmp_path / "nobody").exists()

    town.run(KE, "evidence", "close", short, code=2)
    town.run(KE, "evidence", "close", short, "--reason", "An old copy. Spoke to the duty desk.")
    town.run(KE, "evidence", "close", short, "--reason", "again", code=5)
    assert "An old copy" in town.run(KE, "evidence", "show", short).stdout
    assert town.json(KE, "status")["evidence"] == []
    with reading(town.nodes[KE].engine) as conn:
        assert read_journal(conn, limit=1)[0].action == "evidence.close"
    assert town.json(KE, "pull", FR)


def test_nothing_against_anybody(town: Town) -> None:
    assert "no evidence" in town.run(FR, "evidence", "list").stdout
    town.run(FR, "evidence", "show", "abc", code=3)
    town.run(FR, "evidence", "export", "abc", "file", code=3)


def test_evidence_that_proves_nothing(town: Town, tmp_path: Path) -> None:
    proof = two_faces(town)
    same = tmp_path / "same.json"
    same.write_bytes(format_evidence(Evidence(proof.origin, proof.smaller, proof.smaller)))
    result = town.run(KE, "evidence", "check", str(same), code=7)
    assert "proves nothing: both heads are the same" in result.stderr
    other_key = town.nodes[KE].feed_signer("network").key.format()
    result = town.run(KE, "evidence", "check", str(same), "--key", other_key, code=7)
    assert "no trusted key" in result.stderr
    assert "form name+id+key" in town.run(KE, "evidence", "check", str(same), "--key", "x", code=2).stderr
    same.write_bytes(b"not JSON")
    town.run(KE, "evidence", "check", str(same), code=7)
    town.run(KE, "evidence", "check", str(tmp_path / "none"), code=3)
    same.write_bytes(format_evidence(proof).replace(FR.encode(), b"police.xx.example"))
    assert "lists no feed" in town.run(KE, "evidence", "check", str(same), code=3).stderr


def test_a_key_is_needed_where_there_is_no_node(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "split.json"
    file.write_bytes(format_evidence(two_faces(town)))
    result = gmcn(tmp_path / "nobody", "evidence", "check", str(file))
    assert (result.exit_code, "There is no node" in result.stderr) == (2, True)
