"""What every attack is tried with: the words that the table has the node say, and its state before and
after."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from node.runtime import Node
from tests.attacks.table import read_rows
from tests.federation import DE, FR, Federation
from tests.liars import dump

ROWS = read_rows()


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """The French and the German police and a French NGO."""
    made = Federation(tmp_path)
    yield made
    made.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Federation]:
    """The French and the German police."""
    made = Federation(tmp_path, [FR, DE])
    yield made
    made.close()


@pytest.fixture
def says(request: pytest.FixtureRequest) -> str:
    """What docs/attacks.md has the node say to the attack that the test tries."""
    (row,) = [row for row in ROWS if row.is_for(request.node.nodeid)]
    (words,) = row.says
    return words


def state(node: Node) -> dict[str, Any]:
    """Give everything that a node knows and keeps, but for when it last asked whom and how that went."""
    home = node.config.home
    kept = [*_files(home / "photographs"), *_files(home / "keys"), *_files(home / "trust" / "roots")]
    kept += _files((home / "trust" / "current").resolve())
    return {**dump(node), "files": kept}


@contextmanager
def unchanged(*nodes: Node, but: tuple[str, ...] = ()) -> Iterator[None]:
    """Hold the state of nodes after the block to what it was before.

    Args:
        but: tables that the attack may leave a trace in, as evidence of it.
    """
    before = [state(node) for node in nodes]
    yield
    for node, was in zip(nodes, before, strict=True):
        now = state(node)
        for name in was.keys() | now.keys():
            assert name in but or now.get(name) == was.get(name), (node.member, name)


def _files(folder: Path) -> list[tuple[str, bytes]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return [(str(path.relative_to(folder)), path.read_bytes()) for path in paths]
