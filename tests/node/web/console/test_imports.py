"""Importing a spreadsheet at the console: the way of a file, and whatever somebody may send instead."""

import io
import re
from html import unescape
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, stream_encode_multipart

from node.domain.permissions import Role
from node.services.people import sessions
from node.services.register import cases as register
from node.services.spreadsheets import mappings, work
from node.store.register.cases import DRAFT, ERASED
from tests.node.services.spreadsheets.tables import FIXED, HEADERS, row, table
from tests.node.web.console.conftest import Console, csrf_token, picture, send
from tests.node.web.console.test_hostile_cases import OVERRIDE, Looked


def upload(client: FlaskClient, data: bytes, name: str = "cases.csv") -> TestResponse:
    token = csrf_token(client.get("/cases/import"))
    fields = {"csrf_token": token, "file": FileStorage(io.BytesIO(data), name)}
    body, length, boundary = stream_encode_multipart(fields, use_tempfile=False)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post("/cases/import", input_stream=body, content_length=length, content_type=kind)


def text_of(page: TestResponse) -> str:
    return unescape(re.sub(r"<[^>]+>|\s+", " ", page.text))


def begin(client: FlaskClient, data: bytes) -> str:
    """Upload a file and return where its import is."""
    answer = upload(client, data)
    assert answer.status_code == 303, text_of(answer)
    return str(answer.location.removesuffix("/columns"))


def answers(**changes: Any) -> dict[str, Any]:
    fixed: dict[str, Any] = {f"fixed-{name}": text for name, text in FIXED.items()}
    fixed["fixed-consent.scope"] = ["network", "public"]
    return fixed | {"language": "English", "go": "check"} | changes


def mapped(client: FlaskClient, data: bytes, **changes: Any) -> str:
    """Upload a file, answer the questions, and return where its import is."""
    place = begin(client, data)
    assert send(client, f"{place}/columns", go="on", **shown(client, f"{place}/columns")).status_code == 303
    answer = send(client, f"{place}/questions", **answers(**changes))
    assert answer.location == place, text_of(answer)
    return place


def shown(client: FlaskClient, address: str) -> dict[str, str]:
    """Give what the page of columns suggests."""
    page = client.get(address).text
    found = {}
    for name, options in re.findall(r'<select id="(column-\d+)".*?>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r"<option value=([^ >]+) selected", options)
        found[name] = chosen[1] if chosen else ""
    return found


def test_a_file_is_mapped_tried_imported_and_undone(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    data = table(row(1), row(2, Sex="neither"), row(3, Sex="W"), row(4, Sex="W"))
    place = begin(client, data)
    suggested = shown(client, f"{place}/columns")
    assert list(suggested.values())[:4] == ["reference", "names.full", "sex", "birth"]
    send(client, f"{place}/columns", go="on", **suggested)
    page = client.get(f"{place}/questions").text
    assert "word-sex-0" in page
    answer = send(client, f"{place}/questions", **answers(**{"word-sex-1": "2", "save": "Ours"}))
    assert answer.location == place
    assert "Look again" in text_of(client.get(place))
    work.proceed(console.node)
    page = text_of(client.get(place))
    assert "Put 3 cases into the register" in page
    assert "Sex (column Sex): The word is not known." in page
    assert send(client, place).location == place
    work.proceed(console.node)
    made = [case for case in register.list_cases(console.node, DRAFT, 50, 0) if case.record.get("reference")]
    assert {case.record["reference"] for case in made} == {"A-1", "A-3", "A-4"}
    assert {case.record["sex"] for case in made} == {2}
    assert send(client, f"{place}/undo").location == place
    work.proceed(console.node)
    assert "Undone" in text_of(client.get(place))
    assert {register.get_case(console.node, case.case_id).status for case in made} == {ERASED}
    second = begin(client, data)
    send(client, f"{second}/columns", go="load", mapping="Ours")
    assert "word-sex-1" not in client.get(f"{second}/questions").text


def test_a_saved_mapping_is_shown_with_who_saved_it_and_deleted_after_a_question(console: Console) -> None:
    client, other = console.browser(Role.OPERATOR), console.browser(Role.INVESTIGATOR)
    place = begin(client, table(row(1)))
    answers_of_mine = answers(save="Province <office>")
    send(client, f"{place}/columns", go="on", **shown(client, f"{place}/columns"))
    send(client, f"{place}/questions", **answers_of_mine)
    page = other.get("/cases/import")
    assert "Province &lt;office&gt;" in page.text
    assert sessions.actor_of(console.people[Role.OPERATOR]) in text_of(page)
    (address,) = re.findall(r"/cases/import/mappings/\w+/delete", page.text)
    asked = other.get(address)
    assert "Province &lt;office&gt;" in asked.text
    assert len(mappings.list_mappings(console.node)) == 1
    assert send(other, address).location == "/cases/import"
    assert mappings.list_mappings(console.node) == []
    page = other.get("/cases/import")
    assert "The mapping is deleted." in page.text
    assert "Saved mappings" not in page.text
    assert other.get(address).location == "/cases/import"


def test_a_file_is_never_written_in_the_clear(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def spool(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("werkzeug.wrappers.request.default_stream_factory", spool)
    data = table(*[row(number, Name="x" * 5_000) for number in range(200)])
    place = begin(console.browser(Role.OPERATOR), data)
    assert place.startswith("/cases/import/")


def test_what_is_missing_is_asked_beside_its_field(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    place = begin(client, table(row(1, **{"Date of birth": "5/3/2014"})))
    send(client, f"{place}/columns", go="on", **shown(client, f"{place}/columns"))
    answer = send(client, f"{place}/questions", go="check", **{"fixed-contacts.value": "no number"})
    assert answer.status_code == 200
    assert 'href="#fixed-contacts.value"' in answer.text
    assert 'href="#dates"' in answer.text
    assert 'value="no number"' in answer.text


def test_two_columns_are_not_the_same_field(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    place = begin(client, table(row(1)))
    answer = send(client, f"{place}/columns", go="on", **{"column-0": "sex", "column-1": "sex"})
    assert "Two columns are said to be the same field" in text_of(answer)


def test_wrong_rows_are_saved_as_a_file_that_computes_nothing(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    place = mapped(client, table(row(1, Name="=1+1", Sex="neither")))
    work.proceed(console.node)
    answer = client.get(f"{place}/wrong.csv")
    assert answer.mimetype == "text/csv"
    assert "'=1+1" in answer.get_data(as_text=True)
    assert "The word is not known." in answer.get_data(as_text=True)


def test_an_import_is_its_authors_alone(console: Console) -> None:
    client, other = console.browser(Role.OPERATOR), console.browser(Role.INVESTIGATOR)
    place = begin(client, table(row(1)))
    for path in ("", "/columns", "/questions", "/undo", "/throw-away", "/wrong.csv"):
        assert other.get(f"{place}{path}").location == "/cases/import"
    token = csrf_token(other.get("/cases/import"))
    other.post(f"{place}/throw-away", data={"csrf_token": token})
    assert client.get(f"{place}/columns").status_code == 200
    assert client.get("/cases/import/no-such-import").status_code == 303
    assert send(client, f"{place}/throw-away").location == "/cases/import"
    assert client.get(f"{place}/columns").status_code == 303


def test_script_in_cells_headers_and_file_names_is_text(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    evil = "<script>alert(1)</script>"
    rows = [row(1, Name=evil, Sex=evil), row(2, Sex=evil)]
    data = table(*rows, headers=[*HEADERS[:-1], evil])
    answer = upload(client, data, f"{evil}.csv")
    place = answer.location.removesuffix("/columns")
    pages = [client.get(f"{place}/columns"), client.get("/cases/import")]
    send(client, f"{place}/columns", go="on", **shown(client, f"{place}/columns"))
    pages.append(client.get(f"{place}/questions"))
    send(client, f"{place}/questions", **answers())
    work.proceed(console.node)
    pages.append(client.get(place))
    for page in pages:
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text


def test_letters_that_turn_the_direction_of_writing_turn_no_page(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    data = table(row(1, Name=OVERRIDE, Sex=OVERRIDE), headers=[*HEADERS[:2], f"Sex {OVERRIDE}", *HEADERS[3:]])
    place = upload(client, data, f"{OVERRIDE}.csv").location.removesuffix("/columns")
    pages = [client.get(path) for path in (f"{place}/columns", f"{place}/throw-away", "/cases/import")]
    send(client, f"{place}/columns", go="on", **shown(client, f"{place}/columns"))
    pages.append(client.get(f"{place}/questions"))
    send(client, f"{place}/questions", **answers())
    work.proceed(console.node)
    pages.append(client.get(place))
    assert "The word is not known" in text_of(pages[-1])
    for page in pages:
        assert Looked(page.text).loose() == []


def workbook(**changes: Any) -> bytes:
    made, written = openpyxl.Workbook(), io.BytesIO()
    made.active.append(HEADERS)
    made.active.append(row(1, **changes))
    made.save(written)
    return written.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The file is empty."),
        (picture(), "This is a picture or a document, whatever its name says, and no table."),
        (table(), "The file has a row of headers, and no row below it."),
        (b"Name,Sex\n\0\0,1\n", "The file holds signs that no text has."),
        (workbook()[:-500], "The workbook is damaged"),
        (b"Name\n" + b"," * 300_000 + b"x", "The file has more than 200 columns."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "This is a workbook of an old version of Excel."),
    ],
    ids=["empty", "picture", "headers", "null", "damaged", "columns", "old"],
)
def test_what_is_no_table_is_refused_with_what_it_is(console: Console, data: bytes, told: str) -> None:
    client = console.browser(Role.OPERATOR)
    answer = upload(client, data)
    assert answer.status_code == 200
    assert told in text_of(answer)


def test_a_workbook_named_csv_is_read_as_what_it_is(console: Console) -> None:
    place = begin(console.browser(Role.OPERATOR), workbook())
    assert place.startswith("/cases/import/")


def test_a_file_that_is_too_large_is_refused(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    assert "The file is larger than 16 MB." in text_of(upload(client, b"x," * (8 << 20) + b"xx"))
    assert upload(client, b"x" * (18 << 20)).status_code == 413
