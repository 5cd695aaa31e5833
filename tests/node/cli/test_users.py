"""`gmcn user`: the first administrator, and help for those who cannot sign in."""

import json
from pathlib import Path

import pytest
from click.testing import Result

from tests.node.cli.conftest import FR, NGO, Town, gmcn, gmcn_without_terminal


def user(town: Town, *args: str, code: int = 0, stdin: str | None = None) -> Result:
    return town.run(FR, "user", *args, code=code, stdin=stdin)


def listed(town: Town, name: str) -> dict[str, object]:
    found = {item["name"]: item for item in town.json(FR, "user", "list")}
    return dict(found[name])


def test_the_first_administrator_gets_a_password_that_is_shown_once(town: Town) -> None:
    made = user(town, "add", "Ana", "--full-name", "Ana Petit", "--role", "administrator")
    password = made.stdout.strip()
    assert len(password) == 23
    assert "only time" in made.stderr
    assert "must change it" in made.stderr
    assert password not in user(town, "list").stdout
    assert listed(town, "ana")["roles"] == ["administrator"]
    assert user(town, "add", "ana", "--full-name", "B", "--role", "auditor", code=5).stdout == ""


def test_a_password_is_asked_for_and_not_shown(town: Town) -> None:
    typed = "a horse on a staple 4\n" * 2
    made = user(town, "add", "jo", "--full-name", "Jo", "--role", "operator", "--role", "approver",
                "--ask-password", stdin=typed)  # fmt: skip
    assert "staple" not in made.stdout + made.stderr
    assert listed(town, "jo")["roles"] == ["approver", "operator"]
    again = town.json(FR, "user", "reset-password", "jo")
    assert set(again) == {"name", "roles", "password"}
    assert (
        "shorter" not in user(town, "reset-password", "jo", "--ask-password", stdin="x\nx\n", code=2).stdout
    )


def test_a_password_is_not_asked_for_where_no_terminal_can_hide_it(town: Town) -> None:
    user(town, "add", "noor", "--full-name", "Noor", "--role", "operator")
    refused = gmcn_without_terminal(town.home(FR), "user", "reset-password", "noor", "--ask-password")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "there is no terminal" in refused.stderr
    assert "Leave out --ask-password" in refused.stderr
    assert "Warning" not in refused.stderr


def test_roles_change_and_accounts_end_and_begin_again(town: Town) -> None:
    user(town, "add", "kim", "--full-name", "Kim", "--role", "analyst")
    user(town, "roles", "kim", "investigator", "operator")
    assert listed(town, "kim")["roles"] == ["investigator", "operator"]
    user(town, "disable", "kim")
    assert listed(town, "kim")["disabled_at"] is not None
    user(town, "enable", "kim")
    assert listed(town, "kim")["disabled_at"] is None
    user(town, "reset-second-factor", "kim")
    assert listed(town, "kim")["second_factor"] is False


def test_what_cannot_be_done_is_said(town: Town) -> None:
    for command in ("disable", "enable", "reset-password", "reset-second-factor", "code"):
        assert "no such person" in user(town, command, "nobody", code=3).stderr
    refused = town.run(NGO, "user", "add", "lee", "--full-name", "Lee", "--role", "investigator", code=2)
    assert "police" in refused.stderr


def test_codes_are_shown_in_an_exercise_alone(town: Town) -> None:
    user(town, "add", "max", "--full-name", "Max", "--role", "analyst")
    assert "exercise" in user(town, "code", "max", code=4).stderr


@pytest.mark.parametrize("args", [["add", "x"], ["roles", "x"], ["add", "x", "--role", "owner"]])
def test_a_wrong_line_is_refused(new_home: Path, args: list[str]) -> None:
    assert gmcn(new_home, "user", *args).exit_code == 2


def test_the_list_is_json(town: Town) -> None:
    user(town, "add", "pat", "--full-name", "Pat", "--role", "auditor")
    found = json.loads(user(town, "list", "--json").stdout)
    assert all("password_hash" not in item for item in found)


def test_somebody_signs_in_through_the_identity_provider(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    sam = ("add", "sam", "--full-name", "Sam", "--role", "analyst", "--oidc-subject", "8f14e45f")
    refused = user(town, *sam, code=2)
    assert "no identity provider" in refused.stderr
    monkeypatch.setenv("GMCN_OIDC_ISSUER", "https://login.police.example")
    made = user(town, *sam)
    assert "has no password" in made.stdout
    assert "8f14e45f" not in made.stdout + user(town, "list").stdout
    assert (listed(town, "sam")["linked"], listed(town, "sam")["password"]) == (True, False)
    user(town, "add", "kit", "--full-name", "Kit", "--role", "analyst")
    assert "Another account" in user(town, "link", "kit", "8f14e45f", code=5).stderr
    user(town, "link", "kit", "other")
    assert listed(town, "kit")["linked"] is True
    assert "reset-password" in user(town, "unlink", "sam").stderr
    assert user(town, "unlink", "kit").stderr == ""
    assert listed(town, "sam")["linked"] is False
    assert "within the last days" in user(town, "link", "sam", "abcde-fghjk", code=2).stderr
