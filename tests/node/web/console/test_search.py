"""Searching the federation: what is asked stands in no address, and what comes back is right to read."""

from node.domain.permissions import Role
from node.store.database import reading
from node.store.journal import read_journal
from tests.node.web.console.conftest import Console, send


def search(console: Console, role: Role = Role.OPERATOR, **asked: str) -> str:
    client = console.browser(role)
    answer = send(client, "/search", **asked)
    assert answer.status_code == 303, answer.text
    found = client.get(answer.location)
    assert found.status_code == 200
    return found.text


def test_a_name_finds_a_foreign_case_and_stands_in_no_address(console: Console) -> None:
    told = console.told
    client = console.browser(Role.OPERATOR)
    answer = send(client, "/search", name="Dmitri Shevchuk", country="DE")
    assert answer.location.startswith("/search/")
    assert "hevch" not in answer.location
    page = client.get(answer.location).text
    assert f"/foreign/{told.foreign}" in page
    assert told.own not in page
    assert f"/photographs/{told.photograph}" in page
    assert "Fresh" in page
    with reading(console.node.engine) as conn:
        assert "search" in [entry.action for entry in read_journal(conn, limit=5)]


def test_what_is_left_empty_narrows_nothing(console: Console) -> None:
    told = console.told
    page = search(console)
    assert f"/foreign/{told.foreign}" in page
    assert "Our own case" in page
    assert "Nothing was found" in search(console, text="nothing of the kind")


def test_somebody_elses_search_does_not_open(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    address = send(client, "/search", name="Dmitri Shevchuk").location
    answer = console.browser(Role.APPROVER).get(address)
    assert (answer.status_code, answer.location) == (303, "/search")
    console.federation.clock.advance(minutes=61)
    assert console.browser(Role.OPERATOR).get(address).status_code == 303


def test_a_search_that_cannot_be_done_comes_back_as_it_was(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    for wrong in (
        {"age_min": "12", "age_max": "8"},
        {"age_min": "many"},
        {"missing_within_years": "-1"},
        {"name": "x" * 201},
        {"text": "x" * 501},
        {"country": "XX"},
        {"sex": "<script>"},
    ):
        answer = send(client, "/search", place="<script>alert(1)</script>", **wrong)
        assert answer.status_code == 200, wrong
        assert "Please look at this again" in answer.text
        assert "&lt;script&gt;alert(1)" in answer.text
        assert "<script>" not in answer.text


def test_pages_that_there_are_not_show_nothing_and_do_not_break(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    address = send(client, "/search").location
    for page in ("0", "-1", "x", "99999999999999999", "400", "401"):
        assert client.get(address, query_string={"page": page}).status_code == 200
