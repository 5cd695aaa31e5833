"""The journal's pages: what an auditor finds, and the copy that is taken away."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from node.domain.permissions import Role
from node.services.audit import chain
from node.services.audit.exports import check_export
from node.services.search import finding
from node.store.database import reading, writing
from node.store.journal import JournalEntry, Wanted, find_entries, write_journal
from node.store.search.query import Query
from tests.federation import START
from tests.node.web.console.conftest import Console, csrf_token, open_console, send


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with open_console(tmp_path) as made:
        yield made


@pytest.fixture
def auditor(console: Console) -> FlaskClient:
    return console.browser(Role.AUDITOR)


def write(console: Console, count: int, purpose: str = "") -> None:
    with writing(console.node.engine) as conn:
        for number in range(count):
            entry = JournalEntry(console.node.clock(), f"cli:p{number}", "case.open", purpose=purpose)
            write_journal(conn, entry)


def test_who_searched_for_a_child_is_found_and_the_name_is_in_no_address(
    console: Console, auditor: FlaskClient
) -> None:
    finding.find(console.node, Query(today=START.date(), name="Олена Шевченко"), "cli:amina")
    finding.find(console.node, Query(today=START.date(), name="Wang"), "cli:chen")
    answer = send(auditor, "/audit", term="shevchenko")
    assert answer.status_code == 200
    assert "cli:amina" in answer.text
    assert "cli:chen" not in answer.text
    with reading(console.node.engine) as conn:
        (looked, *_) = find_entries(conn, Wanted(action="audit.list"), 1)
    assert (looked.entry.actor, looked.entry.fields) == ("console:auditor", ["term"])
    assert "There is no word in this" in send(auditor, "/audit", term="…").text


def test_conditions_narrow_what_is_found(console: Console, auditor: FlaskClient) -> None:
    write(console, 2, "border check")
    for fields, found, absent in (
        ({"who": " cli:p1 "}, "cli:p1", "cli:p0"),
        ({"action": "case"}, "cli:p0", "member.accept"),
        ({"purpose": "BORDER"}, "cli:p1", "member.accept"),
        ({"since": "2026-11-21", "until": "2026-11-21"}, "cli:p1", "No entry is like this"),
        ({"since": "2026-11-22"}, "No entry is like this", "cli:p1"),
        ({"until": "2026-11-20"}, "No entry is like this", "cli:p1"),
        ({"case_id": "police.fr.example/none"}, "No entry is like this", "cli:p1"),
    ):
        table = send(auditor, "/audit", **fields).text.split("</form>")[-1]
        assert found in table, fields
        assert absent not in table, fields


@pytest.mark.parametrize(
    "fields",
    [
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"until": "0001-01-01"},
        {"term": "x" * 201},
    ],
)
def test_what_makes_no_sense_is_said_beside_the_field(auditor: FlaskClient, fields: dict[str, str]) -> None:
    answer = send(auditor, "/audit", **fields)
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in answer.text
    assert "<tbody" not in answer.text


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "²"])
def test_a_forged_place_begins_with_the_newest(auditor: FlaskClient, before: str) -> None:
    assert "<tbody" in send(auditor, "/audit", before=before).text


def test_older_entries_are_a_form_with_the_same_conditions(console: Console, auditor: FlaskClient) -> None:
    write(console, 60)
    page = send(auditor, "/audit", action="case").text
    assert "cli:p59" in page
    assert "cli:p9<" not in page
    assert '<input type="hidden" name="action" value="case">' in page
    before = page.split('name="before" value="')[1].split('"')[0]
    page = send(auditor, "/audit", action="case", before=before).text
    assert "cli:p9<" in page
    assert "cli:p59" not in page
    assert "Older entries" not in page


def test_a_journal_that_was_changed_is_told(console: Console, auditor: FlaskClient) -> None:
    assert "not yet" in auditor.get("/audit").text
    head = chain.sign_head(console.node)
    assert head is not None
    assert f"up to entry {head.number}" in auditor.get("/audit").text
    with writing(console.node.engine) as conn:
        conn.exec_driver_sql("DROP TRIGGER journal_no_update")
        conn.exec_driver_sql("UPDATE journal SET hash = x'00' WHERE number = ?", (head.number,))
    for path in ("/audit", "/audit/export"):
        assert "The journal is not as it was signed." in auditor.get(path).text


def test_the_copy_is_whole_signed_and_written_down(console: Console, auditor: FlaskClient) -> None:
    write(console, 250)
    answer = send(auditor, "/audit/export", after="0")
    assert answer.headers["Content-Disposition"].startswith(
        'attachment; filename="journal-police.fr.example-1-'
    )
    assert answer.headers["Cache-Control"] == "no-store"
    checked = check_export(console.node, io.BytesIO(answer.data))
    assert (checked.problems, checked.signed_at) == ([], console.node.now())
    last = json.loads(answer.data.splitlines()[-1])["entry"]
    assert (last["action"], last["actor"]) == ("audit.export", "console:auditor")
    rest = send(auditor, "/audit/export", after=str(checked.last))
    assert check_export(console.node, io.BytesIO(rest.data)).after == checked.last


@pytest.mark.parametrize("after", ["-1", "x", "", "99999", str(1 << 70)])
def test_a_copy_from_nowhere_is_refused_beside_the_field(auditor: FlaskClient, after: str) -> None:
    answer = send(auditor, "/audit/export", after=after)
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in answer.text


def test_what_was_looked_for_is_kept_when_the_session_ends(console: Console, auditor: FlaskClient) -> None:
    token = csrf_token(auditor.get("/audit"))
    console.federation.clock.advance(hours=1)
    answer = auditor.post("/audit", data={"csrf_token": token, "purpose": "border"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    console.sign_in(auditor, console.people[Role.AUDITOR])
    assert 'value="border"' in auditor.get("/audit").text
