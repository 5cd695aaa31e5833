"""Leads by the command."""

from datetime import timedelta
from pathlib import Path

import pytest

from node.services.leads import inbox, sending
from node.services.leads.letters import Letter
from node.services.site import sightings
from node.services.site.sightings import Source
from tests.node.cli.conftest import FR, KE, Town
from tests.node.cli.test_cases import picture


@pytest.fixture
def told(town: Town) -> tuple[str, str, str]:
    """A lead of the Kenyan police about a French case: the case, and its number on both sides."""
    case = town.published(FR)
    photo = picture(town.folder / "seen.jpg")
    said = town.json(
        KE, "leads", "send", case, "Seen at the harbour.\nWith a man.", "--seen-at", "2026-05-01",
        "--at", "-4.05", "39.66", "--picture", str(town.folder / photo),
    )  # fmt: skip
    assert said["told"]
    inbox.take(town.nodes[FR])
    (lead,) = town.json(FR, "leads", "list", "--case", case)
    return case, str(lead["lead"]), str(said["lead"])


def test_a_lead_is_shown_worked_on_and_answered(
    town: Town, told: tuple[str, str, str], tmp_path: Path
) -> None:
    case, here, there = told
    shown = town.run(FR, "leads", "show", here).stdout
    assert case in shown
    assert "39.66" in shown
    assert "Seen at the harbour." in shown
    saved = tmp_path / "saved.jpg"
    town.run(FR, "leads", "show", here, "--save", str(saved))
    assert saved.read_bytes()[:2] == b"\xff\xd8"
    town.run(FR, "leads", "show", here, "--save", str(saved), code=5)

    town.run(FR, "leads", "assign", here, "Roy")
    town.run(FR, "leads", "note", here, "He sounds sure.")
    task = str(town.json(FR, "leads", "task", here, "Ask for the cameras.", "--days", "1")["task"])
    town.run(FR, "leads", "done", task)
    town.run(FR, "leads", "decide", here, "potential", "--reason", "It may be her.")
    assert "has it" in town.run(FR, "leads", "answer", here, "Thank you.", "--state", "potential").stderr
    view = town.json(FR, "leads", "show", here)
    assert [entry["what"] for entry in view["history"]] == ["assigned", "note", "task", "decided", "answer"]
    assert [lead["lead"] for lead in town.json(FR, "leads", "list", "--of", "Roy")] == [int(here)]

    sending.take_answers(town.nodes[KE])
    answered = town.json(KE, "leads", "show", there)
    assert (answered["state"], answered["history"][0]["text"]) == ("potential", "Thank you.")
    assert there in {str(lead["lead"]) for lead in town.json(KE, "leads", "list", "--sent")}


def test_what_the_public_told_is_found_by_its_receipt(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "MIN_AGE", timedelta(0))
    case, node = town.published(FR), town.nodes[FR]
    ticket = sightings.make_ticket(node, case)
    seen = Letter("Seen at the harbour.", contact="+254 1")
    receipt = sightings.send_sighting(node, case, seen, b"", Source("203.0.113.7", ticket))
    inbox.take(node)
    (lead,) = town.json(FR, "leads", "list", "--receipt", receipt.replace("-", ""))
    assert (lead["origin"], lead["member"], lead["receipt"]) == ("public", node.member, receipt)
    assert town.json(FR, "leads", "list", "--receipt", "4711-0815-2342-1234") == []
    shown = town.run(FR, "leads", "show", str(lead["lead"])).stdout
    assert f"the public through {node.member}" in shown
    assert receipt in shown
    assert "+254 1" in shown
    said = town.run(FR, "leads", "answer", str(lead["lead"]), "Thank you.", code=5)
    assert "did not come from another member" in said.stderr


def test_an_own_lead_is_written_down_and_is_a_duplicate(town: Town, told: tuple[str, str, str]) -> None:
    case, here, _ = told
    own = str(town.json(FR, "leads", "send", case, "Seen at the harbour, with a man.")["lead"])
    assert "alike" in town.run(FR, "leads", "show", own).stdout
    town.run(FR, "leads", "duplicate", own, here)
    assert f"duplicate of {here}" in town.run(FR, "leads", "show", own).stdout
    town.run(FR, "leads", "answer", own, "Thank you.", code=5)
    other = town.draft(FR)
    town.run(FR, "leads", "link", here, other)
    assert [lead["lead"] for lead in town.json(FR, "leads", "list", "--case", other)] == [int(here)]


def test_a_photograph_is_asked_for(town: Town, told: tuple[str, str, str]) -> None:
    case, _, _ = told
    assert "has it" in town.run(KE, "leads", "request-photograph", case, "A child here may be her.").stderr


def test_what_cannot_be_told_is_refused_in_words(town: Town) -> None:
    case = town.published(FR)
    assert "seen_at" in town.run(KE, "leads", "send", case, "x", "--seen-at", "yesterday", code=2).stderr
    town.run(KE, "leads", "show", "99999", code=3)
    town.run(KE, "leads", "send", "police.xx.example/" + "a" * 26, "x", code=3)
