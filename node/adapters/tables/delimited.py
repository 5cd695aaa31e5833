"""CSV: its encoding and its separator guessed, and its rows read.

Guarantees: a guess is a guess, and whoever uploads may say otherwise; beside the file itself no more of it is
in memory than a row; line breaks inside quotes stay in their cell.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, TextIO

from node.adapters.tables.row import LONG, MAX_CELL, MAX_COLUMNS, Row, too_wide, trimmed
from node.errors import InvalidInput

ENCODINGS = ("utf-8", "utf-16", "windows-1252", "windows-1251", "windows-1256")
DELIMITERS = (",", ";", "\t")

_NOTHING = Row(0, ())
_MAX_LINE = 1 << 20
_LOOKED_AT = 1 << 16
_PIECE = 1 << 16
_ROWS_LOOKED_AT = 50
_QUOTED = re.compile(r'"[^"]*"')
# Where a spreadsheet program may take a text for a formula: at its beginning, and behind what it takes for a
# separator, which is a matter of its country and not of the file. Wide signs count for Excel, too.
_BEGINS = r"(^|[;\t\r\n])"
_FORMULA = r'(?=[" \xa0]*[-=+@＝＋－＠])'
_BARE, _GUARDED = re.compile(_BEGINS + _FORMULA), re.compile(f"{_BEGINS}'{_FORMULA}")
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
    return "utf-8" if _is_utf_8(data) else _guess_windows(sample)


def guess_delimiter(text: TextIO) -> str:
    """Guess what stands between the cells: what gives most rows the same number of them, above one."""
    bare = _QUOTED.sub("", text.read(_LOOKED_AT))
    lines = [line for line in bare.splitlines()[:_ROWS_LOOKED_AT] if line]

    def score(delimiter: str) -> tuple[int, int]:
        widths = [line.count(delimiter) for line in lines]
        usual = max(set(widths), key=widths.count, default=0)
        return (widths.count(usual), usual) if usual else (0, 0)

    return max(DELIMITERS, key=score)


def open_text(data: bytes, encoding: str) -> TextIO:
    """Open a file as the text that it is, from its beginning. All of it was looked at.

    Raises:
        InvalidInput: it is not written so, or it is no text.
    """
    if encoding not in ENCODINGS:
        raise InvalidInput("There is no such encoding.", "Choose one of the list.")
    codec = {"utf-8": "utf-8-sig", "utf-16": _utf_16(data)}.get(encoding, encoding)
    text = io.TextIOWrapper(io.BytesIO(data), codec, newline="")
    try:
        while piece := text.read(_PIECE):
            if "\0" in piece:
                raise InvalidInput(
                    "The file holds signs that no text has.",
                    "Save the table as CSV or XLSX, and choose that file.",
                )
    except UnicodeDecodeError:
        raise InvalidInput(
            "The letters of the file are not written in this encoding.", "Choose another encoding."
        ) from None
    text.seek(0)
    return text


def read_rows(text: TextIO, delimiter: str) -> Iterator[Row]:
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
            yield _row(number, cells) if cells else _NOTHING  # a file may be a million empty lines
            number = reader.line_num + 1
    except csv.Error:
        raise _no_table() from None


def no_formula(text: str) -> str:
    """Write a cell with apostrophes, so that no spreadsheet program computes any of it; `read_rows` takes
    them off again."""
    return _BARE.sub(r"\1'", text)


def _row(number: int, cells: list[str]) -> Row:
    if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
        raise too_wide()
    faults = {}
    if max(map(len, cells)) > MAX_CELL:
        faults = {place: LONG for place, cell in enumerate(cells) if len(cell) > MAX_CELL}
    # Few cells have an apostrophe; to look for one costs far less than to look for a pattern.
    kept = [
        _GUARDED.sub(r"\1", cell[: MAX_CELL + 1]) if "'" in cell else cell[: MAX_CELL + 1]
        for cell in cells[:MAX_COLUMNS]
    ]
    return Row(number, trimmed(kept), faults)


def _reader(text: TextIO, delimiter: str) -> Any:  # the module does not name its kind
    return csv.reader(_lines(text), delimiter=delimiter)


def _lines(text: TextIO) -> Iterator[str]:
    while line := text.readline(_MAX_LINE + 1):
        if len(line) > _MAX_LINE:
            raise too_wide() if max(map(line.count, DELIMITERS)) > _MAX_LINE // 10 else _no_table()
        yield line


def _no_table() -> InvalidInput:
    return InvalidInput(
        "The file is no table: a quotation mark in it is never closed, or a cell is far too long.",
        "Open it in a spreadsheet program, and save it as XLSX.",
    )


def _is_utf_8(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for begin in range(0, len(data), _PIECE):
            decoder.decode(data[begin : begin + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


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
