"""The table of attacks in docs/attacks.md, as the tests read it."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "attacks.md"
_HEADING = re.compile(r"## .* \(`(tests/[a-z_/]+\.py)`\)")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Row:
    """One attack.

    Attributes:
        says: what stands in backquotes in the column of what the node says; tests hold the node to it.
        test: the node id that pytest gives it, without the kind of database.
    """

    attack: str
    does: str
    says: tuple[str, ...]
    afterwards: str
    test: str

    def is_for(self, node_id: str) -> bool:
        """Tell whether a test that pytest collected is the row's: `file::name`, or one of its cases."""
        path, _, case = self.test.partition("[")
        found, _, id_ = node_id.partition("[")
        if not case:
            return path == found
        wanted, given = case.removesuffix("]"), id_.removesuffix("]")
        return path == found and (given == wanted or given.endswith(f"-{wanted}"))


def read_rows() -> list[Row]:
    """Read every row of every table on the page."""
    rows, path = [], ""
    for line in PAGE.read_text("utf-8").splitlines():
        if heading := _HEADING.fullmatch(line):
            path = heading[1]
        elif line.startswith("| ") and not line.startswith("| Attack"):
            attack, does, says, afterwards, test = (cell.strip() for cell in _CELLS.split(line)[1:-1])
            name = test.strip("`")
            rows.append(
                Row(
                    attack,
                    does,
                    tuple(re.findall(r"`([^`]+)`", says)),
                    afterwards,
                    name if name.startswith("tests/") else f"{path}::{name}",
                )
            )
    return rows
