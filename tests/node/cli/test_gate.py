"""Two people at the command line: one asks, the other looks and decides."""

import json
from pathlib import Path

import pytest

from tests.node.cli.conftest import FR, KE, Town, gmcn

ANSWERS = ("publicity=no", "privacy=clean", "wording=neutral", "closing=on_return")
GATED = {"GMCN_GATE_REQUIRED": "true"}


def colleague(monkeypatch: pytest.MonkeyPatch, name: str = "cli:ben") -> None:
    monkeypatch.setattr("node.cli.gate.actor", lambda: name)


def test_one_asks_and_a_colleague_approves(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    case = town.draft(FR)
    asked = town.json(FR, "gate", "questions", case)
    assert asked["suggested"]["basis"] == "parental"
    assert "publicity" in [question["name"] for question in asked["questions"]]
    assert "Does publicity add to the risk?" in town.run(FR, "gate", "questions", case).stdout

    wrong = town.run(FR, "gate", "request", case, "publicity=no", code=2).stderr
    assert "privacy: not answered" in wrong
    assert "sides" in town.run(FR, "gate", "request", case, "sides=2", code=2).stderr
    number = town.json(FR, "gate", "request", case, *ANSWERS, "where=BR,PT")["request"]
    assert [item["request"] for item in town.json(FR, "gate", "list")] == [number]
    assert case in town.run(FR, "gate", "list").stdout
    assert [item["kind"] for item in town.json(FR, "due", "--kind", "approval")] == ["approval"]
    assert case in town.run(FR, "due").stdout
    text = town.run(FR, "gate", "show", str(number)).stdout
    assert "added" in text
    assert "publicity no" in text
    town.run(FR, "gate", "approve", str(number), code=4)

    colleague(monkeypatch)
    done = town.json(FR, "gate", "approve", str(number))
    assert (done["case"], done["versions"]) == (case, {"network": 1, "police": 1})
    shown = town.json(FR, "gate", "show", str(number))
    assert (shown["state"], shown["decided_by"], shown["version"]) == ("approved", "cli:ben", 1)
    town.run(KE, "pull", FR)
    assert case in town.run(KE, "show", case).stdout


def test_refused_and_taken_back(town: Town) -> None:
    case = town.draft(FR)
    first = town.json(FR, "gate", "request", case, *ANSWERS)["request"]
    town.run(FR, "gate", "refuse", str(first), "--reason", "the photograph shows another child")
    assert "another child" in town.run(FR, "gate", "show", str(first)).stdout
    second = town.json(FR, "gate", "request", case, *ANSWERS)["request"]
    assert "taken back" in town.run(FR, "gate", "take-back", str(second)).stdout
    states = [item["state"] for item in town.json(FR, "gate", "list", "--all", "--case", case)]
    assert states == ["taken back", "refused"]
    town.run(FR, "gate", "show", "4711", code=3)


def test_an_emergency_is_reviewed(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = town.draft(FR)
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"publicity": "yes", "privacy": "clean", "closing": "on_return"}), "utf-8")
    number = str(town.json(FR, "gate", "request", case, "--file", str(answers))["request"])
    result = town.run(FR, "gate", "override", number, "--reason", "seen at the border", "--no-ring")
    assert f"gate review {number}" in result.stderr
    assert town.json(FR, "due", "--kind", "override")[0]["case_id"] == case
    assert "review    due" in town.run(FR, "gate", "show", number).stdout
    town.run(FR, "gate", "review", number, "--verdict", "upheld", "--reason", "it was right", code=4)
    colleague(monkeypatch)
    assert (
        "withdrawn"
        in town.run(FR, "gate", "review", number, "--verdict", "withdraw", "--reason", "not urgent").stdout
    )
    assert town.json(FR, "case", "show", case)["status"] == "withdrawn"
    assert "not upheld" in town.run(FR, "gate", "show", number).stdout


def test_where_the_gate_is_required_the_command_line_has_no_way_round_it(town: Town) -> None:
    home, case = town.home(FR), town.draft(FR)
    refused = gmcn(home, "publish", case, "--no-ring", **GATED)
    assert refused.exit_code == 5
    assert f"gate request {case}" in refused.stderr
    town.run(FR, "publish", case, "--no-ring")
    assert gmcn(home, "renew", case, "--no-ring", **GATED).exit_code == 0
    town.run(FR, "case", "change", case, 'hair={"colour": "red"}')
    assert gmcn(home, "renew", case, "--no-ring", **GATED).exit_code == 5
    town.run(FR, "case", "withdraw", case, "--no-ring")
    again = gmcn(home, "case", "undo", case, "--no-ring", **GATED)
    assert again.exit_code == 0
    assert "A draft" in again.stderr
    assert town.json(FR, "case", "show", again.stdout.strip())["status"] == "draft"


def test_nothing_is_due_is_said(new_home: Path) -> None:
    assert "Nothing is due." in gmcn(new_home, "due").stdout
    assert json.loads(gmcn(new_home, "due", "--json").stdout) == []
    assert "Nothing waits" in gmcn(new_home, "gate", "list").stdout
