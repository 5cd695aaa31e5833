"""Messages and cases on their way, by the command."""

import json
from pathlib import Path

import pytest

from node.services.moving import handover
from tests.node.cli.conftest import FR, KE, NGO, Town
from tests.node.cli.test_cases import picture


@pytest.fixture
def offered(town: Town) -> tuple[str, int]:
    """A case of the French police that is offered to the Kenyan one, and the message there."""
    photo = picture(town.folder / "offered.jpg")
    case = town.published(FR, photos=[{"kind": "photo", "file": photo}])
    told = town.json(FR, "case", "hand-over", case, "--to", KE, "--yes")
    assert told == {"case": case, "member": KE, "state": "offered", "told": True, "reason": ""}
    (message,) = [row for row in town.json(KE, "messages", "list") if row["case"] == case]
    return case, message["message"]


def test_a_message_is_sent_shown_and_closed(town: Town, tmp_path: Path) -> None:
    attached = tmp_path / "picture.jpg"
    attached.write_bytes(b"a picture")
    body = json.dumps({"note": "seen at the station\x1b[2J"})
    result = town.run(NGO, "messages", "send", FR, "sighting", "-", "--attach", str(attached), stdin=body)
    assert "has it" in result.stderr
    (sent,) = [
        row for row in town.json(NGO, "messages", "list", "--sent", "--all") if row["type"] == "sighting"
    ]
    assert sent["state"] == "taken"
    assert sent["acknowledgement"].count(".") == 2
    (row,) = [row for row in town.json(FR, "messages", "list", "--received") if row["type"] == "sighting"]
    number = str(row["message"])
    shown = town.run(FR, "messages", "show", number).stdout
    assert "seen at the station" in shown
    assert "\x1b" not in shown
    saved = tmp_path / "saved.jpg"
    said = town.json(FR, "messages", "show", number, "--save", str(saved))
    assert (said["says"]["note"], said["attachment_bytes"]) == ("seen at the station\x1b[2J", 9)
    assert saved.read_bytes() == b"a picture"
    town.run(FR, "messages", "show", number, "--save", str(saved), code=2)
    assert "Closed" in town.run(FR, "messages", "close", number).stdout
    assert "is gone" in town.run(FR, "messages", "show", number).stderr
    town.run(FR, "messages", "close", number, code=5)
    town.run(FR, "messages", "show", "99999", code=3)


def test_what_cannot_be_sent_is_refused_in_words(town: Town) -> None:
    assert "JSON object" in town.run(FR, "messages", "send", KE, "lead", "-", stdin="[]", code=2).stderr
    assert "of the form" in town.run(FR, "messages", "send", KE, "Lead", "-", stdin="{}", code=2).stderr
    town.run(FR, "messages", "send", "police.xx.example", "lead", "-", stdin="{}", code=3)


def test_a_case_is_handed_over(town: Town, offered: tuple[str, int]) -> None:
    case, number = offered
    assert f"offered to {KE}" in town.run(FR, "case", "show", case).stdout
    shown = town.run(KE, "messages", "show", str(number)).stdout
    assert "2 of 2 have come" in shown
    taken = town.json(KE, "messages", "accept", str(number))
    assert taken["came_from"] == case
    assert taken["told"]
    town.run(FR, "pull", KE)
    handover.proceed(town.nodes[FR])
    handover.proceed(town.nodes[FR])
    seen = town.json(FR, "case", "show", case)
    assert seen["status"] == "withdrawn"
    assert (seen["goes_to"]["state"], seen["goes_to"]["case"]) == ("done", taken["case"])
    assert f"came from {case}" in town.run(KE, "case", "show", taken["case"]).stdout
    assert town.json(KE, "case", "show", taken["case"])["came_from"]["member"] == FR
    assert "handed over" in town.run(FR, "case", "undo", case, code=5).stderr


def test_an_offer_is_declined(town: Town, offered: tuple[str, int]) -> None:
    case, number = offered
    said = town.run(KE, "messages", "decline", str(number), "--reason", "not ours")
    assert "deleted" in said.stdout
    handover.proceed(town.nodes[FR])
    assert "not ours" in town.run(FR, "case", "show", case).stdout
    assert town.json(FR, "case", "show", case)["status"] == "published"


def test_an_offer_is_taken_back(town: Town, offered: tuple[str, int]) -> None:
    case, _ = offered
    assert town.json(FR, "case", "keep", case)["state"] == "cancelled"
    town.run(FR, "case", "keep", case, code=5)


def test_handing_over_asks_first(town: Town) -> None:
    case = town.published(FR)
    result = town.run(FR, "case", "hand-over", case, "--to", KE, code=130)
    assert "would get all" in result.stderr
    town.run(FR, "case", "hand-over", case, "--to", NGO, "--yes", code=4)
