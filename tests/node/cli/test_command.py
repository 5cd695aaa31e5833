"""What all commands have in common: help, exit codes, errors in words, quick start."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from node.cli import SECTIONS, main, walk
from node.cli.base.failures import EXIT_CODES, catch, tell
from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound, PeerUnavailable
from protocol.errors import Malformed, NoQuorum
from tests.node.cli.conftest import gmcn


def every_command() -> Iterator[tuple[str, click.Command]]:
    for ctx, command in walk(main, click.Context(main, info_name="gmcn")):
        yield ctx.command_path, command


def failing(error: Exception | type[BaseException]) -> click.Command:
    @click.command()
    @click.option("--debug", is_flag=True)
    @click.pass_context
    def fail(ctx: click.Context, debug: bool) -> None:
        with catch(ctx):
            raise error

    return fail


def test_the_help_of_every_command_says_what_it_does_with_an_example() -> None:
    for path, command in every_command():
        help_text = command.help or ""
        assert len(help_text.partition("\n\n")[0]) > 20, path
        assert "\b" in help_text, path
        assert "Example" in help_text, path
        for parameter in command.params:
            if isinstance(parameter, click.Option) and path.split()[1:2] not in (["network"], ["sandbox"]):
                assert parameter.help, (path, parameter.name)


def test_every_example_names_commands_and_options_that_exist() -> None:
    known = dict(every_command())
    for path, command in known.items():
        for line in (command.help or "").partition("\b")[2].splitlines():
            words = line.split()
            while words and "=" in words[0]:
                words.pop(0)
            if words[:1] != ["gmcn"]:
                continue
            name, rest = "gmcn", words[1:]
            while rest and rest[0] == "--home":
                rest = rest[2:]
            while rest and f"{name} {rest[0]}" in known:
                name, rest = f"{name} {rest[0]}", rest[1:]
            assert name != "gmcn", (path, line)
            options = {option for parameter in known[name].params for option in parameter.opts}
            used = {word.partition("=")[0] for word in rest if word.startswith("--")}
            assert used <= options, (path, line)


def test_the_list_of_commands_says_what_each_says_itself() -> None:
    context = click.Context(main, info_name="gmcn")
    for names in SECTIONS.values():
        for name, (_, line) in names.items():
            command = main.get_command(context, name)
            assert command is not None
            assert command.name == name
            assert line.endswith(".")
            assert len(line) < 80


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from node.cli import main; main(['--help'], standalone_mode=False); "
        "print([m for m in ('sqlalchemy', 'tuf', 'rich', 'PIL', 'node.runtime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_the_help_lists_every_exit_code() -> None:
    text = gmcn(Path("/nowhere"), "--help").stdout
    for code, meaning in EXIT_CODES.items():
        assert f"  {code}" in text
        assert " ".join(meaning.split()) in " ".join(text.split())


def test_the_version_is_that_of_the_package() -> None:
    assert gmcn(Path("/nowhere"), "--version").stdout == f"gmcn {metadata.version('gmcn-node')}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NodeError("It is so."), 1),
        (InvalidInput("It is so."), 2),
        (NotFound("It is so."), 3),
        (NotAllowed("It is so."), 4),
        (Conflict("It is so."), 5),
        (PeerUnavailable("It is so."), 6),
        (Malformed("It is so"), 7),
        (NoQuorum("It is so"), 7),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: Exception, code: int) -> None:
    result = CliRunner().invoke(failing(error))
    assert result.exit_code == code
    assert "It is so." in result.stderr
    assert result.stdout == ""


def test_every_problem_and_the_next_step_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(InvalidInput("It is wrong.", "Mend it.", ["sex: must be 0", "risk: is missing"])) == 2
    assert capsys.readouterr().err == (
        "Error: It is wrong.\n  - sex: must be 0\n  - risk: is missing\nNext: Mend it.\n"
    )


def test_an_unexpected_error_tells_its_kind_and_place_and_not_what_it_says() -> None:
    result = CliRunner().invoke(failing(ValueError("Олена Шевченко")))
    assert result.exit_code == 1
    assert "ValueError at test_command.py:" in result.stderr
    assert "Олена" not in result.stderr


def test_a_full_disk_is_told_in_words() -> None:
    result = CliRunner().invoke(
        failing(OSError(errno.ENOSPC, "No space left on device", "/srv/gmcn/node.db"))
    )
    assert result.exit_code == 1
    assert "The machine refused: No space left on device (/srv/gmcn/node.db)." in result.stderr


def test_debug_shows_where_an_error_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("node.cli.home.membership.init_home", fail)
    arguments = ["--home", str(tmp_path), "init", "police.fr.example"]
    assert "Traceback" not in CliRunner().invoke(main, arguments).stderr
    assert "Traceback" in CliRunner().invoke(main, ["--debug", *arguments]).stderr


def test_ctrl_c_ends_with_130() -> None:
    result = CliRunner().invoke(failing(KeyboardInterrupt))
    assert (result.exit_code, result.stderr) == (130, "Stopped.\n")


def test_a_wrong_option_ends_with_2() -> None:
    assert gmcn(Path("/nowhere"), "status", "--nonsense").exit_code == 2
    assert gmcn(Path("/nowhere"), "nonsense").exit_code == 2


@pytest.mark.parametrize(
    "command", [["status"], ["case", "list"], ["pull"], ["search"], ["fsck"], ["serve"], ["token", "list"]]
)
def test_without_a_node_every_command_says_how_to_make_one(tmp_path: Path, command: list[str]) -> None:
    result = gmcn(tmp_path / "none", *command)
    assert result.exit_code == 2
    assert "There is no node in" in result.stderr
    assert f"`gmcn --home {tmp_path / 'none'} init`" in result.stderr


@pytest.mark.parametrize(
    "command", [["status"], ["member", "list"], ["case", "list"], ["pull"], ["search"], ["serve"]]
)
def test_before_joining_every_command_says_how_to_join(new_home: Path, command: list[str]) -> None:
    result = gmcn(new_home, *command)
    if command == ["case", "list"]:
        assert result.exit_code == 0
        return
    assert result.exit_code == 3, result.output
    assert f"`gmcn --home {new_home} join request`" in result.stderr


def test_a_database_that_does_not_answer_is_told_without_its_words(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GMCN_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    result = gmcn(new_home, "case", "list")
    assert result.exit_code == 6
    assert "The database does not answer." in result.stderr
    assert "nobody" not in result.stderr
