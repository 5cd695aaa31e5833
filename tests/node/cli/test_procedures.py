"""docs/operating/, done: the procedures for keys and members, by the coordinator and two members that
docs/operating.md has made."""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from node.cli import main
from node.config import LogConfig
from node.log import set_up_log
from tests.node.cli.test_operating_guide import BLOCKS, DOCS, Readers

PAGES = ("audit", "new-keys", "stolen-key", "leaving", "network-keys")
POLICE = "police.fr.example"


def blocks_of(page: str) -> list[tuple[str, str]]:
    text = (DOCS / "operating" / f"{page}.md").read_text("utf-8")
    return re.findall(r"^```sh (\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class KeyReaders(Readers):
    """Who follows these pages: a holder of the network's keys who lives elsewhere is among them."""

    def _said(self, word: str, who: str, country: str) -> str:
        if word in ("carla.pem", "carla.pub", "journal.jsonl"):
            return str(self._folder / word)
        if word == "change.json":
            copy = self._folder / word
            if not copy.exists():
                shutil.copy(self._folder / "net" / word, copy)
            return str(copy)
        if word in ("SIZE", "ROOT"):
            home = str(self._folder / "fr" / "home")
            told = CliRunner().invoke(main, ["--home", home, "member", "head", POLICE, "network"]).stdout
            size, root = re.findall(r"--size (\d+) --root ([0-9a-f]{64})", told)[0]
            return str(size if word == "SIZE" else root)
        return super()._said(word, who, country)


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[KeyReaders]:
    set_up_log(LogConfig(level="error"))
    with ExitStack() as stack:
        yield KeyReaders(tmp_path, stack)


def test_every_procedure_works_in_its_order(readers: KeyReaders) -> None:
    (first_case,) = (place for place, (_, commands) in enumerate(BLOCKS) if "gmcn case add" in commands)
    for who, commands in BLOCKS[: first_case + 1]:
        readers.follow(who, commands)
    for page in PAGES:
        found = blocks_of(page)
        assert len(found) > 3
        for who, commands in found:
            readers.follow(who, commands)
