"""What became of the rows of an import, for whoever reads it, and the wrong ones as a file to mend.

Guarantees: what stood in a cell never becomes a formula in the file that is given back (OWASP, CSV
injection); memory does not grow with the number of rows.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from node.adapters.tables.delimited import no_formula
from node.domain.spreadsheets.conversion import CellProblem
from node.runtime import Node
from node.services.spreadsheets.intake import Import, open_row
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.register import imports
from node.store.register.imports import RowResult

SHOWN = (imports.WRONG, imports.HERE, imports.KEPT, imports.CHANGED, imports.MADE, imports.GOOD)
"""The states of rows, what asks for somebody first."""

_ROUND = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row is.

    Attributes:
        title: the child's name; empty where there is none, or the case says it.
        cells: of a row that is wrong.
    """

    number: int
    state: str
    case_id: str
    title: str
    problems: Sequence[CellProblem]
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of an import are what; of the cases that it made, how many are drafts no more, and how
    many were changed since."""

    rows: dict[str, int]
    published: int
    changed: int


def count_outcomes(node: Node, found: Import) -> Counts:
    """Count what the rows of an import are."""
    with reading(node.engine) as conn:
        return Counts(imports.count_rows(conn, found.id), *imports.count_touched(conn, found.id))


def list_outcomes(node: Node, found: Import, state: str, limit: int, offset: int) -> list[Outcome]:
    """Return a part of the rows that are of one state, in the order of the file."""
    with reading(node.engine) as conn:
        rows = imports.list_rows(conn, found.id, (state,), limit, offset=offset)
    return [_outcome(node, found, row) for row in rows]


def format_wrong(
    node: Node, found: Import, heading: str, say: Callable[[CellProblem], str], actor: str
) -> Iterator[bytes]:
    """Write the rows that are wrong as CSV, each with what is wrong with it: to be mended and imported again.

    Args:
        heading: of the column with the reasons.
        say: puts a problem into words.
    """
    with writing(node.engine) as conn:
        write_journal(conn, JournalEntry(node.clock(), actor, "import.export", purpose=found.id))
    return _format(node, found, heading, say)


def _format(node: Node, found: Import, heading: str, say: Callable[[CellProblem], str]) -> Iterator[bytes]:
    yield b"\xef\xbb\xbf" + _line([*found.headers, heading])
    width, above = len(found.headers), 0
    while rows := _wrong_rows(node, found, above):
        for row in rows:
            one = _outcome(node, found, row)
            cells = [*one.cells[:width], *[""] * (width - len(one.cells))]
            yield _line([*cells, " ".join(map(say, one.problems))])
        above = rows[-1].number


def _wrong_rows(node: Node, found: Import, above: int) -> list[RowResult]:
    with reading(node.engine) as conn:
        return imports.list_rows(conn, found.id, (imports.WRONG,), _ROUND, above=above)


def _line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([no_formula(cell) for cell in cells])
    return line.getvalue().encode()


def _outcome(node: Node, found: Import, row: RowResult) -> Outcome:
    content = open_row(node, found.id, row.number, row.content) if row.content else {}
    problems = [CellProblem(*problem) for problem in content.get("problems", ())]
    cells = content.get("cells", ())
    return Outcome(row.number, row.state, row.case_id, content.get("title", ""), problems, cells)
