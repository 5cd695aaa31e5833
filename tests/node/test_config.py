"""The settings: what is read, what overrides it, what is refused and in which words, and that all is written
down."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from node import config
from node.config import Config, format_settings, load_config, parse_config
from node.errors import InvalidInput

ROOT = Path(__file__).parent.parent.parent
HOME = Path("/srv/gmcn")
MEMBER = {"member": "police.fr.example"}
SETTINGS = [
    (section, item) for section, kind in config._SECTIONS.items() for item in fields(kind)
]  # what there is, section by section


def parse(values: dict[str, Any], **environment: str) -> Config:
    return parse_config(HOME, {**MEMBER, **values}, environment)


def problems(values: dict[str, Any], **environment: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse(values, **environment)
    assert "node.toml has wrong settings" in caught.value.message
    return list(caught.value.problems)


def test_a_file_with_the_member_alone_has_every_default() -> None:
    assert parse({}) == Config(home=HOME, member="police.fr.example")


def test_the_database_is_in_the_home_unless_it_is_set() -> None:
    assert parse({}).database_url == "sqlite:////srv/gmcn/node.db"
    address = "postgresql+psycopg://gmcn@db/gmcn"
    assert parse({"database": {"url": address}}).database_url == address


@pytest.mark.parametrize(
    "member", ["", "Police.fr.example", "localhost", "police.fr.", "police..fr", "-a.fr", "a.1", "a/b.fr", 7]
)
def test_a_member_that_is_no_domain_is_refused(member: Any) -> None:
    (problem,) = problems({"member": member})
    assert problem.startswith("member: ")
    assert "police.fr.example" in problem


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"speed": 1}, "speed: not a setting; allowed are member, disclosure, database,"),
        ({"pull": {"speed": 1}}, "pull.speed: not a setting; allowed are interval_seconds, heads_seconds,"),
        ({"pull": 7}, "pull: 7 was read; allowed is a table"),
        ({"disclosure": "all"}, "disclosure: 'all' was read; allowed is a table"),
        ({"pull": {"workers": 0}}, "pull.workers: 0 was read; allowed is a whole number from 1 to 32"),
        ({"pull": {"workers": 33}}, "pull.workers: 33 was read; allowed is a whole number from 1 to 32"),
        ({"pull": {"workers": "4"}}, "pull.workers: '4' was read; allowed is a whole number from 1 to 32"),
        ({"pull": {"workers": True}}, "pull.workers: True was read; allowed is a whole number from 1 to 32"),
        ({"pull": {"workers": 4.0}}, "pull.workers: 4.0 was read; allowed is a whole number from 1 to 32"),
        ({"server": {"compress": 1}}, "server.compress: 1 was read; allowed is true or false"),
        ({"server": {"host": 1}}, "server.host: 1 was read; allowed is a text in quotes"),
        ({"log": {"level": "loud"}}, "log.level: 'loud' was read; allowed is one of debug, info, warning,"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_read_and_what_is_allowed(
    values: dict[str, Any], problem: str
) -> None:
    (found,) = problems(values)
    assert found.startswith(problem)


def test_every_wrong_setting_is_named_at_once() -> None:
    found = problems({"member": 1, "pull": {"workers": 0, "speed": 1}, "log": {"form": "xml"}, "more": 1})
    assert len(found) == 5


def test_names_and_texts_that_could_steer_a_terminal_or_end_a_path_are_refused() -> None:
    found = problems({"a\x1b[31m": 1, "pull": {"b\x07": 1}, "keys": {"passphrase_file": "a\x00"}})
    assert len(found) == 3
    assert all(text.isprintable() for text in found)


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000 + "]" * 5000])
def test_a_file_that_toml_chokes_on_is_refused_in_words(tmp_path: Path, value: str) -> None:
    (tmp_path / "node.toml").write_text(f'member = "police.fr.example"\nx = {value}\n', "utf-8")
    with pytest.raises(InvalidInput, match="too long, or nests too deep"):
        load_config(tmp_path, {})


def test_a_long_value_is_cut_short() -> None:
    (found,) = problems({"log": {"level": "x" * 500}})
    assert len(found) < 150


def test_the_environment_overrides_the_file() -> None:
    found = parse(
        {"pull": {"interval_seconds": 60, "workers": 2}, "server": {"compress": True}},
        GMCN_PULL_INTERVAL_SECONDS="30",
        GMCN_SERVER_COMPRESS="false",
        GMCN_SERVER_HOST="0.0.0.0",
        GMCN_MEMBER="police.ke.example",
        UNRELATED="x",
    )
    assert (found.pull.interval_seconds, found.pull.workers) == (30, 2)
    assert (found.server.compress, found.server.host, found.member) == (False, "0.0.0.0", "police.ke.example")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("False", False), ("0", False)])
def test_the_environment_says_yes_and_no_in_two_ways(text: str, value: bool) -> None:
    assert parse({}, GMCN_PULL_PRIVATE_ADDRESSES=text).pull.private_addresses is value


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5", "٣", "9" * 30])
def test_a_wrong_variable_is_named(text: str) -> None:
    (found,) = problems({}, GMCN_PULL_WORKERS=text)
    assert found.startswith("GMCN_PULL_WORKERS: ")
    assert found.endswith("allowed is a whole number from 1 to 32")


def test_the_file_is_read_from_the_home(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('member = "police.fr.example"\n[server]\nport = 9000\n', "utf-8")
    found = load_config(tmp_path, {})
    assert (found.home, found.server.port) == (tmp_path, 9000)


def test_the_environment_of_the_process_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node.toml").write_text('member = "police.fr.example"\n', "utf-8")
    monkeypatch.setenv("GMCN_SERVER_PORT", "9001")
    assert load_config(tmp_path).server.port == 9001


def test_without_a_file_the_next_step_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"node\.toml is missing") as caught:
        load_config(tmp_path, {})
    assert "gmcn init" in caught.value.next_step


@pytest.mark.parametrize("data", [b"member = ", b"\xff", b'member = "a.fr"\nmember = "b.fr"'])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "node.toml").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"node\.toml"):
        load_config(tmp_path, {})


def test_the_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        parse({}).pull.workers = 9  # type: ignore[misc]


def test_what_init_writes_is_read_back() -> None:
    chosen = {
        "pull.workers": "8",
        "server.compress": "false",
        "keys.passphrase_file": '/a "b"\\c',
        "log.form": "json",
    }
    values = tomllib.loads(format_settings(chosen))
    found = parse(values)
    assert (found.pull.workers, found.server.compress) == (8, False)
    assert (found.keys.passphrase_file, found.log.form) == ('/a "b"\\c', "json")
    assert parse(tomllib.loads(format_settings({}))) == parse({})


def test_init_writes_no_setting_that_there_is_not() -> None:
    with pytest.raises(InvalidInput) as caught:
        format_settings({"pull.speed": "1", "pull.workers": "2", "speed": "3"})
    assert caught.value.problems == ("pull.speed: not a setting", "speed: not a setting")


def test_the_example_shows_every_setting_with_its_default() -> None:
    values = tomllib.loads((ROOT / "config" / "node.example.toml").read_text("utf-8"))
    assert parse_config(HOME, values, {}) == Config(home=HOME, member="police.fr.example")
    shown = {(section, key) for section, table in values.items() if isinstance(table, dict) for key in table}
    assert shown == {(section, item.name) for section, item in SETTINGS}


def test_the_page_of_settings_is_complete() -> None:
    """docs/settings.md has a row for each setting: name, variable, default, what is allowed, and words."""
    rows = {}
    for line in (ROOT / "docs" / "settings.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 5:
            rows[cells[0].strip("`")] = cells[1:]
    assert set(rows) == {"member", *(f"{section}.{item.name}" for section, item in SETTINGS)}
    for section, item in SETTINGS:
        variable, default, allowed, words = rows[f"{section}.{item.name}"]
        assert variable == f"`GMCN_{section}_{item.name}`".upper()
        text = str(item.default).lower() if type(item.default) is bool else str(item.default)
        assert default == f"`{text or 'empty'}`"
        if type(item.default) is int:
            assert allowed == f"{item.metadata['least']} to {item.metadata['most']}"
        elif "allowed" in item.metadata:
            assert allowed == ", ".join(item.metadata["allowed"])
        assert len(words) > 10
