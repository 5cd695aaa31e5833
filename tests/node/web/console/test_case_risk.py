"""The risk to a child and what is due, at the console."""

from typing import Any

import pytest

from node.domain.permissions import Role
from node.services.register import cases as register
from tests.factories import sample_record
from tests.node.web.console.conftest import Console, send


def add(console: Console, number: int = 1, **changes: Any) -> str:
    records = [sample_record("pt", **{"photos": None, **changes}) for _ in range(number)]
    return register.add_cases(console.node, records, "test", console.node.scratch())[0].case_id


def test_a_risk_is_assessed_anew(console: Console) -> None:
    case_id = add(console)
    client, address = console.browser(Role.OPERATOR), f"/cases/{case_id.partition('/')[2]}/risk"
    fields = {"level": "high", "factors": ["self_harm", "weather"], "role": "Duty officer", "revision": 1}
    assert send(client, address, **fields, next_review="2026-11-30").status_code == 303
    risk = register.get_case(console.node, case_id).record["risk"]
    assert (risk["level"], risk["factors"]) == ("high", ["self_harm", "weather"])
    assert risk["assessed_by_role"] == "duty_officer"
    assert risk["next_review"].startswith("2026-11-30")
    page = client.get(address).text
    so_far = page[page.index("<tbody") :]
    assert so_far.index("high") < so_far.index("medium"), "the newest first"
    again = send(client, address, **fields)
    assert again.status_code == 303
    assert register.get_case(console.node, case_id).revision == 2, "somebody saw an older one"


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": "extreme"},
        {"level": ""},
        {"factors": ["x"]},
        {"role": "Müller!"},
        {"role": ""},
        {"next_review": "soon"},
        {"next_review": "2026-11-01"},
    ],
)
def test_a_wrong_assessment_changes_nothing(console: Console, wrong: dict[str, Any]) -> None:
    case_id = add(console)
    fields = {"level": "low", "factors": ["weather"], "role": "duty officer", "revision": 1}
    answer = send(
        console.browser(Role.OPERATOR), f"/cases/{case_id.partition('/')[2]}/risk", **{**fields, **wrong}
    )
    assert answer.status_code == 200
    assert "Please look at this again" in answer.text
    assert register.get_case(console.node, case_id).revision == 1


def test_what_is_due_leads_to_where_it_is_done(console: Console) -> None:
    opaque = add(console).partition("/")[2]
    console.federation.clock.advance(days=13)
    assert f"Case {opaque[:6]}" in console.browser(Role.OPERATOR).get("/").text
    assert f'href="/cases/{opaque}/risk"' in console.browser(Role.OPERATOR).get("/cases/due").text
    assert f'href="/cases/{opaque}/risk"' not in console.browser(Role.APPROVER).get("/cases/due").text
    assert f"Case {opaque[:6]}" not in console.browser(Role.ANALYST).get("/").text


def test_a_long_list_is_not_all_on_the_first_page(console: Console) -> None:
    add(console, 11)
    console.federation.clock.advance(days=13)
    page = console.browser(Role.OPERATOR).get("/").text
    assert "more things are due." in page
    assert page.count("Case ") == 10


def test_children_who_stay_missing_are_listed_by_their_reviews(console: Console) -> None:
    opaque = add(console, missing_since="2026-01-05").partition("/")[2]
    page = console.browser(Role.OPERATOR).get("/cases/due?show=long-term").text
    assert "The child stays missing." in page
    assert f'href="/cases/{opaque}/risk"' in page
