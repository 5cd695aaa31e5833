"""Spreadsheet files as rows, whoever made them: every bad file is refused with what it is, in time."""

import codecs
import csv
import io
import re
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from datetime import time as clock_time
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from node.adapters.tables.delimited import DELIMITERS, ENCODINGS, no_formula
from node.adapters.tables.row import MAX_CELL, MAX_ROWS, Row
from node.adapters.tables.sheet import CSV, XLSX, Reading, change_encoding, guess_reading, read_rows
from node.adapters.tables.workbook import _column_of_letters
from node.errors import InvalidInput


def rows_of(data: bytes) -> list[Row]:
    return list(read_rows(data, guess_reading(data)))


def cells_of(data: bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in rows_of(data)]


def workbook(*rows: list[Any], change: Callable[[Any], None] = lambda book: None) -> bytes:
    book, written = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    change(book)
    book.save(written)
    return written.getvalue()


def rebuilt(data: bytes, parts: dict[str, bytes]) -> bytes:
    """Put other parts into a workbook."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return written.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = b"</sheetData></worksheet>"


RELATIONS = "xl/_rels/workbook.xml.rels"
KIND = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def sheet(rows: bytes, strings: bytes = b"<sst/>") -> bytes:
    """Make a workbook whose sheet has these rows, as XML, with the texts that they refer to."""
    named = {b"worksheet": b"worksheets/sheet1.xml", b"sharedStrings": b"sharedStrings.xml"}
    relations = b"".join(
        b'<Relationship Id="rId%d" Type="%s%s" Target="%s"/>' % (number, KIND, kind, target)
        for number, (kind, target) in enumerate(named.items(), 1)
    )
    parts = {
        SHEET: HEAD + rows + TAIL,
        STRINGS: strings,
        RELATIONS: b"<Relationships>" + relations + b"</Relationships>",
    }
    return rebuilt(workbook(["a"]), parts)


@pytest.mark.parametrize(
    ("text", "encoding", "codec"),
    [
        ("Név;Pol\nJosé;м\n", "utf-8", "utf-8"),
        ("Név;Pol\nJosé;м\n", "utf-8", "utf-8-sig"),
        ("Name;اسم\nJosé;ذكر\n", "utf-16", "utf-16"),
        ("Name;Sexe\nJose;m\n", "utf-16", "utf-16-le"),
        ("Name;Sexe\nJose;m\n", "utf-16", "utf-16-be"),
        ("Prénom;Né\nRené;à Orléans\n", "windows-1252", "cp1252"),
        ("Имя;Пол\nИван Петров;муж\n", "windows-1251", "cp1251"),
        ("الاسم;الجنس\nعلي حسن;ذكر\n", "windows-1256", "cp1256"),
    ],
)
def test_the_encoding_of_csv_is_guessed(text: str, encoding: str, codec: str) -> None:
    data = text.encode(codec)
    assert guess_reading(data) == Reading(CSV, encoding, ";")
    assert cells_of(data) == [tuple(line.split(";")) for line in text.splitlines()]


def test_an_encoding_is_changed_and_one_that_does_not_fit_is_refused() -> None:
    data = "Имя\tПол\nИван\tм\n".encode("cp1251")
    reading = change_encoding(data, guess_reading(data), "windows-1252")
    assert next(read_rows(data, reading)).cells == ("Èìÿ", "Ïîë")
    for encoding in ("utf-8", "idna", "rot13"):
        with pytest.raises(InvalidInput):
            change_encoding(data, reading, encoding)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_separator_is_guessed_and_line_breaks_in_quotes_stay(delimiter: str) -> None:
    lines = [["Name", "What, happened; then"], ["Ana", 'She said: "no",\nand left']]
    data = "\r\n".join(
        delimiter.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in line) for line in lines
    )
    assert cells_of(data.encode()) == [tuple(line) for line in lines]


def test_rows_keep_the_number_that_the_file_shows() -> None:
    assert [row.number for row in rows_of(b'a,b\n\n"x\ny",1\n,\nz,2\n')] == [1, 3, 6]


@pytest.mark.parametrize("from_1904", [False, True])
def test_dates_numbers_and_texts_of_a_workbook(from_1904: bool) -> None:
    def change(book: Any) -> None:
        if from_1904:
            book.epoch = CALENDAR_MAC_1904

    values = [
        date(2014, 3, 5),
        datetime(2026, 11, 2, 17, 30),  # noqa: DTZ001  # a cell has no zone
        clock_time(9, 5),
        12345678901,
        1.6,
        "007",
        True,
        " two\nlines ",
        None,
        "end",
    ]
    book = openpyxl.Workbook()
    change(book)
    book.active.append(values)
    written = io.BytesIO()
    book.save(written)
    expected = (
        "2014-03-05",
        "2026-11-02 17:30",
        "09:05",
        "12345678901",
        "1.6",
        "007",
        "TRUE",
        "two\nlines",
        "",
        "end",
    )
    assert cells_of(written.getvalue()) == [expected]


def test_days_before_the_day_that_never_was() -> None:
    book = openpyxl.Workbook()
    for row, serial in enumerate((1, 59, 61, 61.999999), 1):
        cell = book.active.cell(row, 1, serial)
        cell.number_format = "dd/mm/yyyy"
    book.active.cell(5, 1, 30.5).number_format = "[h]:mm"
    book.active.cell(6, 1, 41703).number_format = '"day" 0'
    written = io.BytesIO()
    book.save(written)
    found = [cells[0] for cells in cells_of(written.getvalue())]
    assert found == ["1900-01-01", "1900-02-28", "1900-03-01", "1900-03-02", "30.5", "41703"]


def test_formulas_are_not_computed() -> None:
    data = sheet(
        b'<row r="1"><c r="A1"><f>1+1</f></c><c r="B1"><f>1+1</f><v>2</v></c>'
        b'<c r="C1" t="str"><f>HYPERLINK("x")</f><v>text</v></c><c r="D1" t="e"><v>#REF!</v></c></row>'
    )
    (row,) = rows_of(data)
    assert row.cells == ("", "2", "text", "#REF!")
    assert (row.faults, row.formulas) == ({0: "formula", 3: "error"}, 2)


def test_cells_without_places_inline_texts_and_readings_of_han() -> None:
    data = sheet(
        b'<row><c t="inlineStr"><is><r><t>A</t></r><r><t>na</t></r><rPh sb="0"><t>no</t></rPh></is></c>'
        b'<c t="d"><v>2014-03-05T00:00:00</v></c></row><row r="9"><c r="C9"><v>3</v></c></row>'
    )
    rows = rows_of(data)
    assert [(row.number, row.cells) for row in rows] == [(1, ("Ana", "2014-03-05 00:00")), (9, ("", "", "3"))]


def test_a_text_outside_of_cells_belongs_to_none() -> None:
    stray = b'<row><v>x</v><c r="A1"><v>1</v></c><t>x</t><c r="B1"><v>2</v></c></row>'
    (row,) = rows_of(sheet(stray))
    assert row.cells == ("1", "2")


def test_a_place_that_is_none_is_passed_over_and_not_remembered() -> None:
    _column_of_letters.cache_clear()
    told = "Quetzalcoatl" * 1_000
    (row,) = rows_of(sheet(f'<row><c r="{told}1"><v>1</v></c><c r="AAAAAAAA1"><v>2</v></c></row>'.encode()))
    assert row.cells == ("1", "2")
    assert _column_of_letters.cache_info().currsize == 0


def test_texts_that_cells_refer_to() -> None:
    strings = b"<sst><si><t>A</t></si><si><r><t>B</t></r><r><t> b_x0041__x0000_</t></r></si></sst>"
    (row,) = rows_of(
        sheet(b'<row><c t="s"><v>1</v></c><c t="s"><v>0</v></c><c t="s"><v>7</v></c></row>', strings)
    )
    assert (row.cells, row.faults) == (("B bA", "A"), {2: "error"})


def test_the_sheets_that_are_shown_can_be_chosen() -> None:
    def change(book: Any) -> None:
        book.create_sheet("Two").append(["second"])
        book.create_sheet("Hidden").sheet_state = "hidden"

    data = workbook(["first"], change=change)
    reading = guess_reading(data)
    assert (reading.kind, reading.sheets) == (XLSX, ("Sheet", "Two"))
    assert [row.cells for row in read_rows(data, Reading(XLSX, sheet="Two"))] == [("second",)]
    with pytest.raises(InvalidInput):
        list(read_rows(data, Reading(XLSX, sheet="Hidden")))


def test_empty_rows_without_end_are_passed_over() -> None:
    empty = b"".join(b'<row r="%d"><c r="A%d" s="0"/></row>' % (n, n) for n in range(2, 60_000))
    assert cells_of(sheet(b'<row r="1"><c r="A1"><v>1</v></c></row>' + empty)) == [("1",)]


def billion_laughs() -> bytes:
    entities = b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol") for n in range(10)
    )
    return rebuilt(workbook(["a"]), {SHEET: b"<!DOCTYPE x [" + entities + b"]>" + HEAD + b"&l9;" + TAIL})


def external_entity() -> bytes:
    doctype = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    return rebuilt(workbook(["a"]), {SHEET: doctype + HEAD + b'<row><c t="str"><v>&e;</v></c></row>' + TAIL})


def many_entries() -> bytes:
    return rebuilt(workbook(["a"]), {f"x/{number}": b"" for number in range(3_000)})


def lying_size() -> bytes:
    """Say that a part is small which is not."""
    data = bytearray(rebuilt(workbook(["a"]), {SHEET: HEAD + b" " * (80 << 20) + TAIL}))
    at = data.index(SHEET.encode(), data.rindex(b"PK\x01\x02" + b"", 0, data.rindex(SHEET.encode()))) - 46
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    return bytes(data)


def encrypted() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")


def macros(name: str) -> bytes:
    return rebuilt(workbook(["a"]), {name: b"\0"})


def shared_strings() -> bytes:
    cells = b"<row>%s</row>" % (b'<c t="s"><v>0</v></c>' * 150)
    return sheet(cells * 2_000, b"<sst><si><t>%s</t></si></sst>" % (b"x" * 7_900))


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "blank": (lambda: b" \r\n,;\n", "empty"),
    "picture": (lambda: b"\x89PNG\r\n\x1a\n\0\0", "picture"),
    "photograph": (lambda: b"\xff\xd8\xff\xe0\0\x10JFIF", "picture"),
    "pdf": (lambda: b"%PDF-1.7\n", "picture"),
    "null bytes": (lambda: b"a,b\n1,\0\n", "signs"),
    "old": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old version"),
    "password": (encrypted, "password"),
    "a zip": (lambda: rebuilt(workbook(["a"]), {})[:30] + b"\0" * 99, "damaged"),
    "macros": (lambda: macros("xl/vbaProject.bin"), "macros"),
    "macros elsewhere": (lambda: macros("evil/VBAPROJECT.BIN"), "macros"),
    "old macros": (lambda: macros("xl/macrosheets/sheet1.xml"), "macros"),
    "billion laughs": (billion_laughs, "damaged"),
    "external entity": (external_entity, "damaged"),
    "zip bomb": (lambda: rebuilt(workbook(["a"]), {SHEET: HEAD + b" " * (80 << 20) + TAIL}), "too large"),
    "lying zip bomb": (lying_size, "damaged"),
    "bomb of strings": (lambda: sheet(b"", b"<sst>" + b"<si/>" * 1_600_000), "too large"),
    "empty elements": (lambda: sheet(b"<row/>" * 9_000_000), "too large"),
    "empty lines": (lambda: b"a,b\n" + b"\n" * 9_000_000, "more rows"),
    "one string many times": (shared_strings, "more rows"),
    "many entries": (many_entries, "too large"),
    "a million columns": (lambda: sheet(b'<row><c r="BDWGN1"><v>1</v></c></row>'), "200 columns"),
    "far column": (lambda: sheet(b'<row><c r="ZZZZZZZ1"><v>1</v></c></row>'), "200 columns"),
    "columns of csv": (lambda: b"a,b\n" + b"x," * 999 + b"x", "200 columns"),
    "one line": (lambda: b"a,b\n" + b"x," * 2_000_000, "200 columns"),
    "rows": (lambda: b"a\n" + b"x\n" * (MAX_ROWS + 1), "more rows"),
    "open quote": (lambda: b'a,b\n"' + b"x\n" * 200_000, "quotation mark"),
    "one cell": (lambda: b"a,b\n" + b"x" * 2_000_000, "a cell is far too long"),
    "not closed": (lambda: rebuilt(workbook(["a"]), {SHEET: HEAD}), "damaged"),
    "no sheets": (lambda: rebuilt(workbook(["a"]), {"xl/workbook.xml": b"<workbook/>"}), "no sheet"),
    "no workbook": (lambda: rebuilt(b"PK\x05\x06" + b"\0" * 18, {"a": b""}), "no workbook"),
    "opendocument": (
        lambda: b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
        "OpenDocument",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_what_it_is(name: str) -> None:
    make, told = BAD[name]
    data = make()
    began = time.process_time()
    with pytest.raises(InvalidInput) as refused:
        rows_of(data)
    assert told in refused.value.message
    assert time.process_time() - began < 20


def long_texts() -> bytes:
    return sheet(b"", b"<sst>" + f"<si><t>😀{'x' * 7_990}</t></si>".encode() * 5_000 + b"</sst>")


def countless_attributes() -> bytes:
    return sheet(b"<c%s/>" % b"".join(b' a%d=""' % n for n in range(300_000)))


HEAVY: dict[str, tuple[Callable[[], bytes], str]] = {
    "elements in elements": (lambda: sheet(b"<a>" * 300_000), "damaged"),
    "a tag without end": (lambda: sheet(b'<row r="' + b"1" * 20_000_000 + b'"/>'), "damaged"),
    "countless attributes": (countless_attributes, "damaged"),
    "a comment without end": (lambda: sheet(b"<!--" + b"x" * 20_000_000 + b"-->"), "damaged"),
    "long texts": (long_texts, "too large"),
    "a rare letter": (lambda: ("😀" + "x" * 700 + ",b\n").encode() * 20_002, "more rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEAVY)
def test_little_more_is_kept_than_the_file_itself(name: str) -> None:
    make, told = HEAVY[name]
    data = make()
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput) as refused:
            for _ in read_rows(data, guess_reading(data)):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told in refused.value.message
    assert peak < 12_000_000


def test_each_row_has_a_number_of_its_own() -> None:
    rows = b"".join(b'<row r="%d"><c><v>%d</v></c></row>' % (n, n) for n in (2, 2, 1, 7, 0, 9_999_999, 3))
    assert [row.number for row in rows_of(sheet(rows))] == [2, 3, 4, 7, 8, 9_999_999, 10_000_000]


@pytest.mark.parametrize(
    "text",
    ["=1", "＝1", "-5", "@x", "+33", "a;=1", "a; =1", 'a;"=1"', "a\t=1", "a\n=1", "a;b;＋1", "a\n\n=1"],
)
def test_no_part_of_a_cell_becomes_a_formula_and_it_comes_back_as_it_was(text: str) -> None:
    written = no_formula(text)
    for separator in ",;\t\n":
        assert not [
            part for part in written.split(separator) if part.strip(' "').startswith(tuple("=＝-+＋@"))
        ]
    line = io.StringIO()
    csv.writer(line).writerow([written, "x"])
    (row,) = read_rows(line.getvalue().encode(), Reading(CSV, "utf-8", ","))
    assert row.cells == (text, "x")


@pytest.mark.parametrize("text", ["a - b", "a;b", "1, =2", "x@y", "a;'b", "don't"])
def test_what_is_no_formula_is_written_as_it_is(text: str) -> None:
    assert no_formula(text) == text


def test_a_cell_that_is_far_too_long_is_a_fault() -> None:
    (row,) = rows_of(workbook(["x" * (MAX_CELL + 1)]))
    assert row.faults == {0: "long"}
    assert rows_of(b"a," + b"x" * (MAX_CELL + 1))[0].faults == {1: "long"}


@given(st.binary(max_size=3_000))
def test_any_bytes_are_a_table_or_are_refused(data: bytes) -> None:
    for begin in (b"", codecs.BOM_UTF16_LE, b"PK\x03\x04"):
        try:
            rows_of(begin + data)
        except InvalidInput:
            continue


@given(st.binary(max_size=600), st.sampled_from([SHEET, STRINGS, "xl/styles.xml", "xl/workbook.xml"]))
def test_any_bytes_in_a_workbook_are_rows_or_are_refused(data: bytes, part: str) -> None:
    for content in (data, HEAD + data + TAIL):
        try:
            rows_of(rebuilt(GOOD, {part: content}))
        except InvalidInput:
            continue


GOOD = sheet(b'<row><c t="s"><v>0</v></c></row>', b"<sst><si><t>A</t></si></sst>")


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20),
            min_size=2,
            max_size=4,
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(ENCODINGS[:2]),
)
def test_csv_comes_back_as_it_was_written(rows: list[list[str]], encoding: str) -> None:
    text = "\n".join(";".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    reading = Reading(CSV, encoding, ";")
    read = [row.cells for row in read_rows(text.encode(encoding), reading)]
    expected = [[GUARDED.sub(r"\1", cell).strip() for cell in row] for row in rows]
    assert [list(cells) for cells in read] == [stripped(row) for row in expected if any(row)]


GUARDED = re.compile("(^|[;\\t\\r\\n])'(?=[\" \xa0]*[-=+@＝＋－＠])")


def stripped(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row = row[:-1]
    return row


def test_more_cells_than_all_columns_of_ten_thousand_rows_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = b"a,b,c\n" * 4
    monkeypatch.setattr("node.adapters.tables.row.MAX_CELLS", 12)
    assert len(rows_of(data)) == 4
    monkeypatch.setattr("node.adapters.tables.row.MAX_CELLS", 11)
    with pytest.raises(InvalidInput):
        rows_of(data)
