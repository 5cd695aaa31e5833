"""`gmcn site`: seeing, checking and changing how the public site looks."""

import json
from pathlib import Path

import pytest

from node.store.database import open_database, reading
from node.store.journal import read_journal
from tests.node.cli.conftest import gmcn

LOOK = 'languages = ["fr", "en"]\n[names]\nen = "Find them"\n[intro]\nfr = """\nUn\nDeux"""\n'
WRONG = 'theme = 1\nlanguages = ["tlh"]\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "node"
    assert gmcn(home, "init", "police.fr.example").exit_code == 0
    return home


def test_a_look_is_checked_set_and_shown(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.toml"
    file.write_text(LOOK)
    assert gmcn(home, "site", "check").exit_code == 0
    assert gmcn(home, "site", "check", str(file)).output == "All is well.\n"
    assert gmcn(home, "site", "set", str(file)).exit_code == 0
    shown = gmcn(home, "site", "show").output
    assert 'en = "Find them"' in shown
    assert gmcn(home, "site", "set", "-", stdin=shown).exit_code == 0
    assert gmcn(home, "site", "show").output == shown
    value = json.loads(gmcn(home, "site", "show", "--json").output)
    assert (value["names"], value["languages"]) == ({"en": "Find them"}, ["fr", "en"])
    engine = open_database(f"sqlite:///{home / 'node.db'}")
    with reading(engine) as conn:
        (entry, *_) = read_journal(conn)
    engine.dispose()
    assert (entry.action, entry.actor.partition(":")[0]) == ("site.change", "cli")


def test_a_wrong_one_is_refused_with_every_problem_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(WRONG)
    for command in ("check", "set"):
        answer = gmcn(home, "site", command, str(file))
        assert answer.exit_code == 2
        assert "'theme' is not known" in answer.output
        assert "languages: 'tlh'" in answer.output
    assert not (home / "site").exists()
    (home / "site").mkdir()
    (home / "site/site.toml").write_text(WRONG)
    for command in ("check", "show"):
        assert gmcn(home, "site", command).exit_code == 2
    file.write_text(LOOK)
    assert gmcn(home, "site", "set", str(file)).exit_code == 0
    assert gmcn(home, "site", "check").exit_code == 0


def test_without_a_node_or_a_file_it_says_so(home: Path, tmp_path: Path) -> None:
    assert gmcn(tmp_path / "none", "site", "show").exit_code == 2
    assert gmcn(home, "site", "check", str(tmp_path / "none")).exit_code == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "lead to http://127.0.0.1:8442, on this machine alone."),
        ({"GMCN_SITE_PORT": "0"}, "no posters are made"),
        ({"GMCN_SITE_PORT": "0", "GMCN_SITE_ADDRESS": "https://missing.example"}, ""),
    ],
)
def test_where_the_codes_on_posters_lead_is_said(home: Path, settings: dict[str, str], said: str) -> None:
    result = gmcn(home, "site", "check", **settings)
    assert (result.exit_code, result.stdout) == (0, "All is well.\n")
    assert said in result.stderr
    assert bool(said) == ("site.address is not set" in result.stderr)
