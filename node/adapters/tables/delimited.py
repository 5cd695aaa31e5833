"""CSV: its encoding and its separator guessed, and its rows read.

Guarantees: a guess is a guess, and whoever uploads may say otherwise; memory grows with the file and not with
what it claims; line breaks inside quotes stay in their cell.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from node.adapters.tables.row import LONG, MAX_CELL, MAX_COLUMNS, Row, too_wide, trimmed
from node.errors import InvalidInput

ENCODINGS = ("utf-8", "utf-16", "windows-1252", "windows-1251", "windows-1256")
DELIMITERS = (",", ";", "\t")

_MAX_LINE = 1 << 20
_LOOKED_AT = 1 << 16
_ROWS_LOOKED_AT = 50
_QUOTED = re.compile(r'"[^"]*"')
_GUARDED = ("'=", "'+", "'-", "'@")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# What Russian and Arabic are mostly made of, in the encodings that Windows has for them.
_FREQUENT: Mapping[str, bytes] = MappingProxyType(
    {
        "windows-1251": "оеаинтсрвлкмд".encode("cp1251"),
        "windows-1256": "اليمنورتبةدعسه".encode("cp1256"),
    }
)


def guess_encoding(data: bytes) -> str:
    """Guess how the letters of a text are written."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    sample = data[:_LOOKED_AT]
    if sample[1::2].count(0) > len(sample) // 5 or sample[::2].count(0) > len(sample) // 5:
        return "utf-16"
    try:
        data.decode()
    except UnicodeDecodeError:
        return _guess_windows(sample)
    return "utf-8"


def guess_delimiter(text: str) -> str:
    """Guess what stands between the cells: what gives most rows the same number of them, above one."""
    bare = _QUOTED.sub("", text[:_LOOKED_AT])
    lines = [line for line in bare.splitlines()[:_ROWS_LOOKED_AT] if line]

    def score(delimiter: str) -> tuple[int, int]:
        widths = [line.count(delimiter) for line in lines]
        usual = max(set(widths), key=widths.count, default=0)
        return (widths.count(usual), usual) if usual else (0, 0)

    return max(DELIMITERS, key=score)


def decode(data: bytes, encoding: str) -> str:
    """Return the text of a file.

    Raises:
        InvalidInput: it is not written so, or it is no text.
    """
    if encoding not in ENCODINGS:
        raise InvalidInput("There is no such encoding.", "Choose one of the list.")
    codec = {"utf-8": "utf-8-sig", "utf-16": _utf_16(data)}.get(encoding, encoding)
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        raise InvalidInput(
            "The letters of the file are not written in this encoding.", "Choose another encoding."
        ) from None
    if "\0" in text:
        raise InvalidInput(
            "The file holds signs that no text has.", "Save the table as CSV or XLSX, and choose that file."
        )
    return text.removeprefix("\ufeff")


def read_rows(text: str, delimiter: str) -> Iterator[Row]:
    """Read the rows of a text.

    Raises:
        InvalidInput: it is no table; a quotation mark that is never closed is the usual reason.
    """
    if delimiter not in DELIMITERS:
        raise InvalidInput("There is no such separator.", "Choose one of the list.")
    reader = _reader(text, delimiter)
    number = 1
    try:
        for cells in reader:
            if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
                raise too_wide()
            faults = {place: LONG for place, cell in enumerate(cells) if len(cell) > MAX_CELL}
            kept = trimmed([_unguarded(cell[: MAX_CELL + 1]) for cell in cells[:MAX_COLUMNS]])
            yield Row(number, kept, faults)
            number = reader.line_num + 1
    except csv.Error:
        raise _no_table() from None


def _reader(text: str, delimiter: str) -> Any:  # the module does not name its kind
    return csv.reader(_lines(text), delimiter=delimiter)


def _unguarded(cell: str) -> str:
    """Take off the apostrophe that keeps a cell from being a formula, as the file of wrong rows has it."""
    return cell[1:] if cell.startswith(_GUARDED) else cell


def _lines(text: str) -> Iterator[str]:
    for line in io.StringIO(text, newline=""):
        if len(line) > _MAX_LINE:
            raise too_wide() if max(map(line.count, DELIMITERS)) > _MAX_LINE // 10 else _no_table()
        yield line


def _no_table() -> InvalidInput:
    return InvalidInput(
        "The file is no table: a quotation mark in it is never closed, or a cell is far too long.",
        "Open it in a spreadsheet program, and save it as XLSX.",
    )


def _utf_16(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = data[:_LOOKED_AT]
    return "utf-16-be" if sample[::2].count(0) > sample[1::2].count(0) else "utf-16-le"


def _guess_windows(sample: bytes) -> str:
    """Tell the three apart: in Western texts letters above 127 stand alone between others, in Russian and
    Arabic they make whole words, of the letters that these languages use most."""
    high = [byte > 127 for byte in sample]
    pairs = sum(one and two for one, two in pairwise(high))
    if pairs * 2 < sum(high):
        return "windows-1252"
    return max(_FREQUENT, key=lambda name: sum(sample.count(byte) for byte in set(_FREQUENT[name])))
