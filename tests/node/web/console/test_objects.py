"""Ids in addresses: of others' things, of things of another kind, of things that have ended or never were."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from node.domain.permissions import PERMISSIONS, Permission, Role
from node.errors import NotFound
from node.services.disclosure import gate
from node.services.leads import inbox, sending
from node.services.leads.letters import Letter
from node.services.register import cases as register
from node.services.register import drafts
from node.services.search import finding, saved
from node.web.console.base.guard import permission_of
from tests.federation import FR
from tests.node.web.console.conftest import Console, csrf_token, open_console, propose, send


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One for all tests here: nothing that they try succeeds."""
    with open_console(tmp_path_factory.mktemp("objects")) as made:
        yield made


def token_of(client: FlaskClient) -> str:
    return csrf_token(client.get("/account"))


def who_may(needed: Permission) -> Role:
    return next(role for role in Role if needed in PERMISSIONS[role])


@dataclass(frozen=True)
class Wrong:
    """Values for the arguments of some addresses that are no good there.

    Attributes:
        rooms: beginnings of the endpoints.
        expected: the statuses that answer so.
    """

    what: str
    rooms: tuple[str, ...]
    values: dict[str, Any]
    expected: tuple[int, ...] = (404,)


def wrong_ones(console: Console) -> list[Wrong]:
    """Give what is tried: each of it at every address of the rooms that has one of the arguments."""
    told = console.told
    sent = sending.send_lead(console.node, told.foreign, Letter("Seen in Lyon."), "test")
    incoming = ("assign", "decide", "duplicate", "link", "answer", "take")
    return [
        Wrong("a foreign case as an own one", ("case",), {"opaque": told.foreign.partition("/")[2]}),
        Wrong("a case that never was", ("case",), {"opaque": "a" * 26}),
        Wrong("an id that is none", ("case",), {"opaque": "..%2f..%2fetc"}),
        Wrong("another member's case that is not here", ("foreign",), {"opaque": "a" * 26}),
        Wrong("a case of no member", ("foreign", "telling"), {"member": "x" * 300}),
        Wrong("a photograph of another case", ("cases", "foreign"), {"sha256": "0" * 64}),
        Wrong("a request that never was", ("gate",), {"request_id": 2_000_000_000}),
        Wrong("a lead that never was", ("leads",), {"number": 2_000_000_000, "entry": 2_000_000_000}),
        Wrong("a sent lead as one that came", tuple(f"leads.{name}" for name in incoming), {"number": sent}),
        Wrong("a message that is no offer", ("case_moving",), {"offer_id": 2_000_000_000}),
        Wrong("nobody", ("people",), {"person_id": "0" * 16}),
        Wrong("no member", ("federation",), {"member_id": "police.xx.example"}),
        Wrong("no evidence", ("evidence",), {"evidence_id": "0" * 64}),
        Wrong("no search", ("search", "saved"), {"search_id": "y" * 16, "saved_id": "y" * 16}, (303,)),
        Wrong("no mapping", ("case_imports",), {"mapping_id": "y" * 16}, (303,)),
        Wrong("nothing unfinished", ("case_drafts",), {"draft_id": "y" * 16}, (303,)),
    ]


def test_what_is_not_there_answers_like_that_and_never_breaks(console: Console) -> None:
    examples = console.examples() | console.entered.examples()
    adapter = console.app.url_map.bind("")
    tried, table = set(), wrong_ones(console)
    for wrong in table:
        for rule in console.app.url_map.iter_rules():
            given = wrong.values.keys() & rule.arguments
            if not given or not rule.endpoint.startswith(wrong.rooms):
                continue
            needed = permission_of(console.app, rule.endpoint)
            assert needed is not None
            client = console.browser(who_may(needed))
            places = {name: wrong.values.get(name, examples[name]) for name in rule.arguments}
            address = adapter.build(rule.endpoint, places)
            tried.add((wrong.what, rule.endpoint))
            for method in {"GET", "POST"} & set(rule.methods or ()):
                data = {"csrf_token": token_of(client)} if method == "POST" else None
                answer = client.open(address, method=method, data=data)
                assert answer.status_code in wrong.expected, (wrong.what, method, address, answer.status)
    assert {what for what, _ in tried} == {wrong.what for wrong in table}


def test_somebody_elses_unfinished_case_is_neither_shown_nor_changed(console: Console) -> None:
    mine, other = console.entered.draft, console.browser(Role.INVESTIGATOR)
    for what in ("child", "check", "throw-away"):
        address = f"/cases/unfinished/{mine.id}/{what}"
        for answer in (other.get(address), other.post(address, data={"csrf_token": token_of(other)})):
            assert (answer.status_code, answer.location) == (303, "/cases"), address
    assert drafts.find_draft(console.node, console.people[Role.OPERATOR], mine.id).typed == mine.typed


def test_somebody_elses_saved_search_is_neither_shown_nor_changed(console: Console) -> None:
    mine, other = console.kept, console.browser(Role.APPROVER)
    token = token_of(other)
    for what in ("rename", "delete"):
        assert other.get(f"/searches/{mine.id}/{what}").location == "/searches"
    for what in ("open", "rename", "delete"):
        answer = other.post(f"/searches/{mine.id}/{what}", data={"csrf_token": token, "title": "x"})
        assert (answer.status_code, answer.location) == (303, "/searches"), what
    assert mine.name not in other.get("/searches").text
    assert saved.find_saved(console.node, console.people[Role.OPERATOR], mine.id) == mine
    with pytest.raises(NotFound):
        saved.find_saved(console.node, console.people[Role.APPROVER], mine.id)


def test_the_results_of_somebody_elses_search_are_neither_shown_nor_kept(console: Console) -> None:
    address = send(console.browser(Role.OPERATOR), "/search", name="Dmitri").location
    other = console.browser(Role.APPROVER)
    assert other.get(address).location == "/search"
    kept = other.post(f"{address}/save", data={"csrf_token": token_of(other), "title": "x"})
    assert kept.location == "/search"
    assert saved.list_saved(console.node, console.people[Role.APPROVER]) == []


@pytest.mark.parametrize("what", ["approve", "refuse", "override", "take-back", "review"])
def test_nothing_more_is_done_with_a_request_that_is_decided(console: Console, what: str) -> None:
    asked = propose(console)
    gate.refuse(console.node, asked.id, "not enough is known", "test")
    needed = permission_of(console.app, f"gate.{what.replace('-', '_')}")
    assert needed is not None
    client = console.browser(who_may(needed))
    form = {"csrf_token": token_of(client), "reason": "it is urgent", "verdict": "upheld"}
    assert client.post(f"/gate/{asked.id}/{what}", data=form).status_code in (200, 303)
    (now,) = gate.list_requests(console.node, ["refused"], asked.case_id)
    assert (now.state, now.decided_by, now.reviewed_by) == ("refused", "test", "")
    assert register.get_case(console.node, asked.case_id).status == "draft"


def test_who_asked_neither_approves_nor_takes_back_what_is_anothers(console: Console) -> None:
    asked = propose(console)
    other = console.browser(Role.INVESTIGATOR)
    other.post(f"/gate/{asked.id}/take-back", data={"csrf_token": token_of(other)})
    assert [found.state for found in gate.list_requests(console.node, case_id=asked.case_id)] == ["open"]


def test_a_photograph_of_one_case_does_not_open_by_another(console: Console) -> None:
    other = propose(console).case_id.partition("/")[2]
    client = console.browser(Role.OPERATOR)
    assert client.get(f"/cases/{other}/photographs/{console.entered.photograph}").status_code == 404


def test_a_purpose_for_one_case_opens_no_other(console: Console) -> None:
    told, client = console.told, console.browser(Role.OPERATOR)
    assert send(client, f"/foreign/{told.foreign}/purpose", purpose="border check 4711").status_code == 303
    assert "border check 4711" in client.get(f"/foreign/{told.foreign}").text
    again = console.browser(Role.OPERATOR)  # the same person in another browser states it anew
    assert "border check 4711" not in again.get(f"/foreign/{told.foreign}").text
    assert finding.open_public(console.node, told.foreign, "test").withheld


def test_a_lead_is_not_linked_to_what_is_no_own_case(console: Console) -> None:
    told, client = console.told, console.browser(Role.OPERATOR)
    for case_id in (told.foreign, f"{FR[0]}/{'a' * 26}", "x"):
        answer = send(client, f"/leads/{told.lead}/link", case=case_id)
        assert answer.status_code == 200, case_id
    assert inbox.read(console.node, told.lead, "test").lead.case_id == told.own
