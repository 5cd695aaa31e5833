"""Searches that people keep: for them alone, in no address, and searched anew when they are opened."""

import pytest

from node.domain.permissions import Role
from node.services.people import accounts
from node.services.people.turns import MAX_SEARCHES
from node.services.search import saved
from node.store.database import reading
from node.store.journal import Wanted, find_entries
from tests.factories import sample_record
from tests.federation import FR
from tests.node.web.console.conftest import Console, csrf_token, send

NAME = "Dmitri Shevchuk"


def searches(console: Console) -> int:
    with reading(console.node.engine) as conn:
        return len(find_entries(conn, Wanted(action="search"), 100))


def kept(console: Console, role: Role = Role.OPERATOR) -> list[saved.SavedSearch]:
    return saved.list_saved(console.node, console.people[role])


def test_a_search_is_kept_opened_renamed_and_deleted(console: Console) -> None:
    told, client = console.told, console.browser(Role.OPERATOR)
    results = send(client, "/search", name=NAME).location
    token = csrf_token(client.get(results))
    nameless = client.post(f"{results}/save", data={"csrf_token": token, "title": " "})
    assert nameless.location == results
    assert "Give the search a name" in client.get(results).text
    done = client.post(f"{results}/save", data={"csrf_token": token, "title": "The boy of <b>Lviv</b>"})
    assert done.location == "/searches"
    listed = client.get("/searches").text
    assert "The boy of &lt;b&gt;Lviv" in listed
    assert NAME in listed
    (one,) = kept(console)
    before = searches(console)
    console.federation.clock.advance(days=40)  # long after the search itself is forgotten
    client = console.browser(Role.OPERATOR)
    opened = client.post(f"/searches/{one.id}/open", data={"csrf_token": token_of(client)})
    assert "hevch" not in opened.location
    assert f"/foreign/{told.foreign}" in client.get(opened.location).text
    assert searches(console) == before + 1
    assert send(client, f"/searches/{one.id}/rename", title="").status_code == 200
    assert send(client, f"/searches/{one.id}/rename", title="Lviv").location == "/searches"
    assert [item.name for item in kept(console)] == ["Lviv"]
    assert send(client, f"/searches/{one.id}/delete").location == "/searches"
    assert kept(console) == []


def token_of(client: object) -> str:
    return csrf_token(client.get("/account"))  # type: ignore[attr-defined]


def test_opening_a_search_opens_no_closed_part(console: Console) -> None:
    told, client = console.told, console.browser(Role.INVESTIGATOR)
    made = saved.save(
        console.node, console.people[Role.INVESTIGATOR], "x", saved.FEDERATION, [("name", NAME)]
    )
    opened = client.post(f"/searches/{made.id}/open", data={"csrf_token": token_of(client)})
    client.get(opened.location)
    page = client.get(f"/foreign/{told.foreign}").text
    assert "What do you need it for?" in page
    with reading(console.node.engine) as conn:
        read = find_entries(conn, Wanted(action="case.open"), 1)[0].entry
    assert not {"network", "police"} & set(read.fields)


def test_a_filter_of_the_register_is_kept(console: Console) -> None:
    (case,) = console.federation.publish(FR[0], sample_record("uk", photos=None))
    client = console.browser(Role.OPERATOR)
    token = csrf_token(client.get("/cases?status=published"))
    client.post("/cases/save", data={"csrf_token": token, "title": "Out", "status": "published", "x": "y"})
    client.post("/cases/save", data={"csrf_token": token, "title": "Him", "name": NAME})
    him, out = kept(console)
    assert (list(him.asked), list(out.asked)) == ([("name", NAME)], [("status", "published")])
    opened = client.post(f"/searches/{out.id}/open", data={"csrf_token": token})
    assert opened.location == "/cases?status=published"
    found = client.post(f"/searches/{him.id}/open", data={"csrf_token": token})
    assert found.status_code == 200
    assert case.case_id.partition("/")[2] in found.text
    assert f'value="{NAME}"' in found.text


def test_nothing_that_is_looked_for_is_in_the_database_in_the_clear(console: Console) -> None:
    saved.save(console.node, console.people[Role.OPERATOR], NAME, saved.FEDERATION, [("name", NAME)])
    with reading(console.node.engine) as conn:
        (content,) = conn.exec_driver_sql("SELECT content FROM saved_search").scalars()
    assert b"Dmitri" not in bytes(content)


def test_what_somebody_keeps_goes_with_their_account(console: Console) -> None:
    person = console.people[Role.OPERATOR]
    saved.save(console.node, person, "x", saved.FEDERATION, [])
    accounts.disable(console.node, person.id, "test")
    assert kept(console) == []


def test_who_searches_too_often_is_told_when_they_may_again(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    address = send(client, "/search", name=NAME).location
    token = token_of(client)
    for _ in range(MAX_SEARCHES):
        assert client.get(address).status_code == 200
    console.federation.clock.advance(seconds=20)
    for answer in (client.get(address), client.post("/cases/find", data={"csrf_token": token, "name": "A"})):
        assert answer.status_code == 429
        assert "You have searched too often" in answer.text
        assert "Wait 41 seconds" in answer.text
        assert answer.headers["Retry-After"] == "41"
    assert console.browser(Role.APPROVER).get("/search").status_code == 200
    console.federation.clock.advance(seconds=41)
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "two\nlines"])
def test_a_name_that_cannot_be_used_is_refused(console: Console, name: str) -> None:
    with pytest.raises(saved.InvalidInput):
        saved.save(console.node, console.people[Role.OPERATOR], name, saved.FEDERATION, [])


def test_nobody_keeps_searches_without_end(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MAX_SAVED", 1)
    client = console.browser(Role.OPERATOR)
    token = token_of(client)
    for title in ("one", "two"):
        client.post("/cases/save", data={"csrf_token": token, "title": title})
    assert [item.name for item in kept(console)] == ["one"]
    assert "Delete some of them" in client.get("/searches").text
