"""XLSX workbooks (ISO/IEC 29500, transitional and strict), as far as a list of people needs them.

Read here and not by a library, because a stranger's file must not cost more than it may: every part has a
limit in bytes before it is unpacked, and in elements, depth and the length of a tag before they are kept; a
document type is refused before it is read; formulas, links, drawings, names and macros are never looked at.
docs/decisions/0020 says more.

Guarantees: no formula is computed; of one that has a value the value counts as the program kept it, and one
that has none is a fault of its cell; dates are read in the 1900 and the 1904 system.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import IO, Any, Protocol
from xml.parsers import expat

from node.adapters.tables.row import ERROR, FORMULA, LONG, MAX_CELL, MAX_COLUMNS, Row, too_wide, trimmed
from node.errors import InvalidInput
from protocol.signs import only_readable

_MAX_PART = 64 << 20
_MAX_STRINGS_PART = 32 << 20  # all of it is kept while rows are read
_MAX_SMALL_PART = 4 << 20
_MAX_ENTRIES = 2_000
_MAX_ELEMENTS = 1_500_000  # of a part: 10,000 rows of seventy cells and more
_MAX_DEPTH = 32  # the parser keeps something for each element that is not closed yet
_MAX_TAG = 1 << 18  # bytes; the parser keeps a tag until it ends, and reads it anew with every piece
_MAX_SHEETS = 50
_MAX_NAMES = 1_000
_PIECE = 1 << 16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MACROS = re.compile(r"(^|/)vbaproject\.bin$|(^|/)macrosheets/", re.IGNORECASE)
_COLUMN_LETTERS = 7
_COLUMN = re.compile(r"[A-Za-z]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z?)?", re.ASCII)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
# What is no part of a pattern of a date: texts in quotes, single letters behind a backslash, and what stands
# in brackets, but for elapsed hours, which are no date.
_NO_PATTERN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_BUILT_IN_DATES = frozenset({*range(14, 18), 22, *range(27, 37), *range(50, 59)})
_BUILT_IN_TIMES = frozenset({*range(18, 22), 45, 47})
_DATE, _TIME = "date", "time"
_MAX_SERIAL = 2_958_466  # the day after 9999-12-31
_Attributes = Mapping[str, str]


class _Hearer(Protocol):
    """What hears the parts of an XML document as they come; names are without their namespaces."""

    def start(self, name: str, attributes: _Attributes) -> None:
        """Hear that an element begins."""

    def end(self, name: str) -> None:
        """Hear that it ends."""

    def text(self, text: str) -> None:
        """Hear a piece of text."""


class Workbook:
    """An open workbook.

    Args:
        data: the file.

    Attributes:
        sheets: their names, in order, with the part that each is.

    Raises:
        InvalidInput: it is no workbook, is damaged or too large, or holds macros.
    """

    def __init__(self, data: bytes) -> None:
        if data.count(b"PK\x01\x02") > _MAX_ENTRIES:
            raise _too_large()
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, OverflowError):
            raise _damaged() from None
        names = self._archive.namelist()
        if any(map(_MACROS.search, names)):
            raise InvalidInput(
                "The workbook holds macros, which can be harmful. Nothing of it was read.",
                "Open it in the program that made it, save it as .xlsx, and choose that file.",
            )
        book, targets = _Book(), _Relations()
        self._hear(self._find("xl/workbook.xml"), book, _MAX_SMALL_PART)
        self._hear(self._find("xl/_rels/workbook.xml.rels"), targets, _MAX_SMALL_PART)
        self._from_1904 = book.from_1904
        self.sheets: Mapping[str, str] = {
            name: targets.parts[relation] for name, relation in book.sheets if relation in targets.parts
        }
        if not self.sheets:
            raise InvalidInput("The workbook has no sheet with cells.", "Choose another file.")
        self._styles, self._strings = targets.of_kind("styles"), targets.of_kind("sharedStrings")

    def rows(self, sheet: str) -> Iterator[Row]:
        """Read the rows of a sheet; raises as the class does."""
        part = self.sheets.get(sheet)
        if part is None:
            raise InvalidInput("There is no such sheet.", "Choose one of the list.")
        styles, strings = _Styles(), _Strings()
        self._hear(self._styles, styles, _MAX_SMALL_PART)
        self._hear(self._strings, strings, _MAX_STRINGS_PART)
        cells = _Cells(strings.texts, styles.formats(), from_1904=self._from_1904)
        for _ in self._pieces(part, cells, _MAX_PART):
            yield from cells.take()

    def _find(self, name: str) -> str:
        """Return a part by the name that all programs give it; some write it in other cases."""
        found = {known.lower(): known for known in self._archive.namelist()}
        if name.lower() not in found:
            raise InvalidInput(
                "This is no workbook of the kind XLSX.",
                "Save the table as CSV or XLSX, and choose that file.",
            )
        return found[name.lower()]

    def _hear(self, part: str, hearer: _Hearer, limit: int) -> None:
        for _ in self._pieces(part, hearer, limit) if part else ():
            pass

    def _pieces(self, part: str, hearer: _Hearer, limit: int) -> Iterator[None]:
        """Let a hearer hear a part, and stop after every piece of it."""
        parser = expat.ParserCreate()  # prefixes are cut off: to resolve them costs a third of the time
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = _bounded(hearer)
        parser.CharacterDataHandler = hearer.text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        given = 0
        try:
            with self._open(part, limit) as file:
                while piece := file.read(_PIECE):
                    parser.Parse(piece)
                    given += len(piece)
                    if given - parser.CurrentByteIndex > _MAX_TAG:
                        raise _damaged()
                    yield
                parser.Parse(b"", True)
                yield
        except (expat.ExpatError, zipfile.BadZipFile, EOFError, ValueError, OSError, zlib.error):
            raise _damaged() from None

    def _open(self, part: str, limit: int) -> IO[bytes]:
        """Open a part. The archive says how large it is, and nothing beyond that is ever unpacked."""
        try:
            found = self._archive.getinfo(part)
            if found.file_size > limit:
                raise _too_large()
            if found.flag_bits & 1 or found.compress_type not in _METHODS:
                raise _damaged()
            return self._archive.open(found)
        except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
            raise _damaged() from None


class _Local(dict[str, str]):
    """Names of elements without their prefixes, each cut once."""

    def __missing__(self, name: str) -> str:
        if len(self) >= _MAX_NAMES:
            raise _damaged()
        self[name] = name.rpartition(":")[2]
        return self[name]


def _bounded(hearer: _Hearer) -> tuple[Callable[[str, _Attributes], None], Callable[[str], None]]:
    """Hand elements on, by their names without prefixes, while they are neither too deep nor too many.

    Two functions around a few names, since this runs for every element: a class takes half as long again.
    """
    local = _Local()
    hear_start, hear_end = hearer.start, hearer.end
    depth = count = 0

    def start(name: str, attributes: _Attributes) -> None:
        nonlocal depth, count
        depth += 1
        count += 1
        if depth > _MAX_DEPTH:
            raise _damaged()
        if count > _MAX_ELEMENTS:
            raise _too_large()
        hear_start(local[name], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        hear_end(local[name])

    return start, end


class _Book:
    """The list of sheets (section 18.2)."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.from_1904 = False

    def start(self, name: str, attributes: _Attributes) -> None:
        if name == "workbookPr":
            self.from_1904 = attributes.get("date1904") in ("1", "true", "on")
        elif name == "sheet" and attributes.get("state", "visible") == "visible":
            if len(self.sheets) >= _MAX_SHEETS:
                raise _too_large()
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets.append((attributes.get("name", "")[:100], relation))

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


class _Relations:
    """Which part is which (ISO/IEC 29500-2, 9.3). Whatever lies outside of the file is not followed."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self._kinds: dict[str, str] = {}

    def of_kind(self, kind: str) -> str:
        """Return the part of a kind; empty where there is none."""
        return self._kinds.get(kind, "")

    def start(self, name: str, attributes: _Attributes) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = attributes.get("Target", "")
        part = target[1:] if target.startswith("/") else f"xl/{target.removeprefix('./')}"
        kind = attributes.get("Type", "").rpartition("/")[2]
        if kind == "worksheet":
            self.parts[attributes.get("Id", "")] = part
        else:
            self._kinds.setdefault(kind, part)

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


class _Styles:
    """Which formats of cells are dates (18.8)."""

    def __init__(self) -> None:
        self._patterns: dict[str, str] = {}
        self._used: list[str] = []
        self._within = False

    def formats(self) -> list[str]:
        """Return _DATE, _TIME or nothing for each format of cells."""
        return [_kind_of_format(number, self._patterns.get(number)) for number in self._used]

    def start(self, name: str, attributes: _Attributes) -> None:
        if name == "numFmt":
            self._patterns[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._within = True
        elif name == "xf" and self._within:
            self._used.append(attributes.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._within = False

    def text(self, text: str) -> None:
        pass


class _Strings:
    """The texts that cells refer to (18.4), in UTF-8: one rare letter makes a text of Python's four times as
    long. How they are to be spoken is left out."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self._text = _Text()
        self._within, self._spoken = False, False

    def start(self, name: str, attributes: _Attributes) -> None:
        if name == "si":
            self._text = _Text()
        elif name == "rPh":
            self._spoken = True
        self._within = name == "t" and not self._spoken

    def end(self, name: str) -> None:
        self._within = False
        if name == "rPh":
            self._spoken = False
        elif name == "si":
            self.texts.append(self._text.take().encode())

    def text(self, text: str) -> None:
        if self._within:
            self._text.add(text)


class _Cells:
    """The rows of a sheet (18.3), taken as they become complete."""

    def __init__(self, strings: list[bytes], formats: list[str], *, from_1904: bool) -> None:
        self._strings, self._formats, self._from_1904 = strings, formats, from_1904
        self._rows: list[Row] = []
        self._number = 0
        self._cells: list[str] = []
        self._faults: dict[int, str] = {}
        self._formulas = 0
        self._place = -1
        self._cell: _Attributes = MappingProxyType({})
        self._text = _Text()
        self._element, self._formula, self._spoken = "", False, False

    def take(self) -> list[Row]:
        """Return the rows that are complete."""
        done, self._rows = self._rows, []
        return done

    def start(self, name: str, attributes: _Attributes) -> None:
        self._element = name
        if name == "v":  # the most there are
            return
        if name == "row":
            given = attributes.get("r", "")
            number = int(given) if given.isdecimal() and len(given) < 8 else 0
            self._number = max(number, self._number + 1)  # a row is known by its number: none has it twice
            self._cells, self._faults, self._formulas, self._place = [], {}, 0, -1
        elif name == "c":
            self._cell, self._formula = attributes, False
            if self._text:  # it stood outside of any cell, and belongs to none
                self._text.take()
            self._place = _column_of(attributes.get("r", ""), self._place + 1)
        elif name == "f":
            self._formula = True
        elif name == "rPh":
            self._spoken = True

    def end(self, name: str) -> None:
        self._element = ""
        if name == "c":
            if self._text or self._formula:
                self._finish_cell()
        elif name == "rPh":
            self._spoken = False
        elif name == "row":
            cells = trimmed(self._cells)
            if cells or self._faults:
                self._rows.append(Row(self._number, cells, self._faults, self._formulas))

    def text(self, text: str) -> None:
        if self._element == "v" or (self._element == "t" and not self._spoken):
            self._text.add(text)

    def _finish_cell(self) -> None:
        text, place, cells = self._text.take(), self._place, self._cells
        if not text and not self._formula:
            return
        if place >= MAX_COLUMNS:
            raise too_wide()
        fault, value = self._value(text)
        if self._formula and not text:
            fault = FORMULA
        elif len(value) > MAX_CELL:
            fault = LONG
        if place == len(cells):
            cells.append(value)
        else:
            cells += [""] * (place + 1 - len(cells))
            cells[place] = value
        if fault:
            self._faults[place] = fault
        elif self._formula:
            self._formulas += 1

    def _value(self, text: str) -> tuple[str, str]:
        """Return what is wrong with a cell, and its text."""
        match self._cell.get("t", "n"):
            case "n":
                return self._number_of(text)
            case "s":
                known = text.isdecimal() and len(text) < 8 and int(text) < len(self._strings)
                return ("", self._strings[int(text)].decode()) if known else (ERROR, "")
            case "str" | "inlineStr":
                return "", text
            case "b":
                return "", "TRUE" if text == "1" else "FALSE"
            case "e":
                return ERROR, text
            case "d":
                found = _ISO.fullmatch(text)
                return ("", " ".join(filter(None, found.groups()))) if found else (ERROR, text)
            case _:
                return self._number_of(text)

    def _number_of(self, text: str) -> tuple[str, str]:
        if not _NUMBER.fullmatch(text):
            return (ERROR if text else "", text)
        style = self._cell.get("s", "0")
        known = style.isdecimal() and len(style) < 7 and int(style) < len(self._formats)
        kind = self._formats[int(style)] if known else ""
        number = float(text)
        if kind and 0 <= number < _MAX_SERIAL:
            return "", _format_serial(number, kind, from_1904=self._from_1904)
        return "", _format_number(text, number)


class _Text:
    """A text that comes in pieces, no more of it than counts."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, text: str) -> None:
        """Add a piece."""
        if self._size <= MAX_CELL:
            self._pieces.append(text[: MAX_CELL + 1])
            self._size += len(text)

    def take(self) -> str:
        """Return the whole, with the signs that XML cannot hold where it names them (22.4.2.4); those that
        are no text are left out. What is added then begins another."""
        text = self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)
        self._pieces, self._size = [], 0
        return _ESCAPED.sub(_meant, text) if "_x" in text else text


def _meant(found: re.Match[str]) -> str:
    return only_readable(chr(int(found[1], 16)), "\t\n\r")


def _column_of(reference: str, otherwise: int) -> int:
    """Return the column that a reference such as AB12 names, from 0; `otherwise` where it names none."""
    letters = reference.rstrip("0123456789")
    # What is no name of a column may be a text of the file, of any length: none of it is remembered.
    column = _column_of_letters(letters) if len(letters) <= _COLUMN_LETTERS else None
    return otherwise if column is None else column


@lru_cache(2 * MAX_COLUMNS)
def _column_of_letters(letters: str) -> int | None:
    found = _COLUMN.fullmatch(letters)
    if not found:
        return None
    value = 0
    for letter in letters.upper():
        value = value * 26 + ord(letter) - 64
    return value - 1


def _kind_of_format(number: str, pattern: str | None) -> str:
    if pattern is None:
        place = int(number) if number.isdecimal() and len(number) < 6 else 0
        return _DATE if place in _BUILT_IN_DATES else _TIME if place in _BUILT_IN_TIMES else ""
    letters = _NO_PATTERN.sub("", pattern.partition(";")[0]).lower()
    if "[" in letters or "general" in letters:
        return ""
    if "d" in letters or "y" in letters or ("m" in letters and not {"h", "s"} & set(letters)):
        return _DATE
    return _TIME if {"h", "s"} & set(letters) else ""


def _format_serial(number: float, kind: str, *, from_1904: bool) -> str:
    """Write a day that is counted from 1900 or 1904 (18.17.4.1), to the minute. In 1900 Excel counts a 29
    February that never was."""
    first = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30 if number >= 60 else 31)  # noqa: DTZ001  # a cell has no zone
    moment = first + timedelta(minutes=round(number * 1440))
    written = moment.isoformat(" ", "minutes")
    if kind == _TIME and number < 1:
        return written[11:]
    return written.removesuffix(" 00:00")


def _format_number(text: str, number: float) -> str:
    """Write a number as a person would: a file number keeps its digits, 1.6000000000000001 becomes 1.6."""
    if text.lstrip("+-").isdecimal():
        return text.removeprefix("+")
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"


def _refuse_doctype(*_: Any) -> None:
    raise _damaged()


def _damaged() -> InvalidInput:
    return InvalidInput(
        "The workbook is damaged, or has a password.",
        "Open it in the program that made it, save it as .xlsx without a password, and choose that file.",
    )


def _too_large() -> InvalidInput:
    return InvalidInput(
        "The workbook is too large once it is unpacked.", "Divide it into files of at most 10,000 rows each."
    )
