"""A row of a spreadsheet, how large one may be, and what may be wrong with a cell before its text counts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from node.errors import InvalidInput

MAX_ROWS = 20_000
MAX_COLUMNS = 200
_MAX_LINES = 1 << 20  # empty ones included: as many as a spreadsheet program has
MAX_CELL = 8_000
"""Characters of one cell."""

MAX_CELLS = 2_000_000
"""Cells of all rows together: 10,000 rows of the most columns."""

MAX_TEXT = 40_000_000
"""Characters of all cells together: one text that many cells name is small in a file and large outside."""

FORMULA = "formula"
ERROR = "error"
LONG = "long"


@dataclass(frozen=True, slots=True)
class Row:
    """One row with something in it.

    Attributes:
        number: as a spreadsheet program shows it, from 1; of CSV the line where it begins.
        cells: texts; dates are written like 2014-03-05 or 2014-03-05 17:30.
        faults: by column, from 0: FORMULA without a value that was kept, ERROR instead of a value, or LONG.
        formulas: how many values a formula gave; they are as the program that wrote the file kept them.
    """

    number: int
    cells: tuple[str, ...]
    faults: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    formulas: int = 0


def bounded(rows: Iterable[Row]) -> Iterator[Row]:
    """Pass rows on, but for empty ones, and no more than can be worked on.

    Raises:
        InvalidInput: they are too many, or too wide.
    """
    count = cells = size = 0
    for line, row in enumerate(rows):
        if line >= _MAX_LINES:
            raise _too_many()
        if not any(row.cells) and not row.faults:
            continue
        count += 1
        cells += len(row.cells)
        size += sum(map(len, row.cells))
        if len(row.cells) > MAX_COLUMNS:
            raise too_wide()
        if count > MAX_ROWS + 1 or cells > MAX_CELLS or size > MAX_TEXT:  # and the row of headers
            raise _too_many()
        yield row


def _too_many() -> InvalidInput:
    return InvalidInput(
        "The file has more rows than can be imported at once.",
        "Divide it into files of at most 10,000 rows each.",
    )


def too_wide() -> InvalidInput:
    """Say that there are more columns than any list of people has."""
    return InvalidInput(
        "The file has more than 200 columns.", "Save only the columns that are about the children."
    )


def trimmed(cells: list[str]) -> tuple[str, ...]:
    """Take white space off the cells, and empty ones off the end."""
    kept = [cell.strip() for cell in cells]
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)
