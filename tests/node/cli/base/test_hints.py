"""The commands that people are told to type next."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from node.cli import main
from node.cli.backup import restore
from node.cli.base.hints import as_typed_here
from node.cli.home import request
from tests.node.cli.conftest import JP, gmcn


def said_with(text: str, *arguments: str) -> str:
    """Write a text inside a command that was called with these arguments."""
    with main.make_context("gmcn", [*arguments, "status"]) as ctx:
        assert ctx is click.get_current_context()
        return as_typed_here(text)


@pytest.fixture(autouse=True)
def started_as_gmcn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GMCN_HOME", raising=False)
    monkeypatch.setattr("sys.argv", ["gmcn"])
    monkeypatch.setattr("shutil.which", lambda name: str(Path("gmcn").resolve()))


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("See `gmcn case list`.", "See `gmcn --home 'a b' case list`."),
        ("gmcn join request, gmcn serve", "gmcn --home 'a b' join request, gmcn --home 'a b' serve"),
        ("Next: gmcn backup-key backup.pem", "Next: gmcn backup-key backup.pem"),
        ("gmcn network sign net", "gmcn network sign net"),
        ("gmcn evidence check split.json", "gmcn evidence check split.json"),
        ("gmcn evidence list", "gmcn --home 'a b' evidence list"),
        ("Ask gmcn about it.", "Ask gmcn about it."),
        ("The folder gmcn lists", "The folder gmcn lists"),
    ],
)  # fmt: skip
def test_a_home_that_was_typed_is_named_where_a_command_needs_it(text: str, typed: str) -> None:
    assert said_with(text, "--home", "a b") == typed


def test_a_home_in_the_environment_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GMCN_HOME", "/srv/gmcn")
    assert said_with("See `gmcn case list`.") == "See `gmcn case list`."


def test_the_usual_home_is_not_named() -> None:
    assert said_with("See `gmcn case list`.") == "See `gmcn case list`."


def test_a_program_that_the_shell_would_not_find_is_named_by_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/gmcn"])
    assert said_with("gmcn serve, gmcn network show net") == (
        ".venv/bin/gmcn serve, .venv/bin/gmcn network show net"
    )
    monkeypatch.setattr("shutil.which", lambda name: str(Path(".venv/bin/gmcn").resolve()))
    assert said_with("gmcn serve") == "gmcn serve"


def test_outside_a_command_a_text_stays_as_it_is() -> None:
    assert as_typed_here("gmcn serve") == "gmcn serve"


def test_errors_and_hints_of_a_command_name_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert f"`gmcn --home {home} init`" in gmcn(home, "status").stderr
    assert f"  gmcn --home {home} join request" in gmcn(home, "init", JP).stdout
    assert "gmcn --home" not in CliRunner(env={"GMCN_HOME": str(home)}).invoke(main, ["status"]).stderr


def test_the_hint_after_init_names_what_a_request_needs(tmp_path: Path) -> None:
    text = gmcn(tmp_path / "home", "init", JP).stdout
    needed = [option for option in request.params if option.required]
    assert needed
    for option in needed:
        assert f"{option.opts[0]} " in text
    assert all(len(line) <= 80 for line in text.partition("Next")[2].splitlines() if "--home" not in line)


def test_the_home_that_a_command_has_made_is_the_one_to_go_on_with() -> None:
    arguments = ["yesterday.backup", "--home", "new", "--key", "backup.pem"]
    with (
        main.make_context("gmcn", ["--home", "old", "restore"]) as program,
        restore.make_context("restore", arguments, parent=program),
    ):
        assert as_typed_here("Next: gmcn serve.") == "Next: gmcn --home new serve."
