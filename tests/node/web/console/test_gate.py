"""The gate at the console: proposed by one, decided by another, whatever somebody sends."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from node.domain.permissions import Role
from node.services.disclosure import gate
from node.services.people import accounts, sessions
from node.services.register import cases as register
from node.store.register import gate as store
from node.store.register.cases import CaseFile
from node.store.register.gate import GateRequest
from tests.factories import GATE_ANSWERS, sample_record
from tests.node.web.console.conftest import Console, csrf_token, propose, send

SCRIPT = "<script>alert(1)</script>"
REASON = "seen at the border an hour ago"


def draft(console: Console, **changes: Any) -> str:
    """Add a case that nobody has seen yet, and give what stands in its addresses."""
    record = sample_record("pt", **{"photos": None, **changes})
    (case,) = register.add_cases(console.node, [record], "test", console.node.scratch())
    return opaque(case.case_id)


def opaque(case_id: str) -> str:
    return case_id.partition("/")[2]


def status(console: Console, case: str) -> str:
    return register.get_case(console.node, f"{console.node.member}/{case}").status


def case_of(console: Console, case_id: str) -> CaseFile:
    return register.get_case(console.node, case_id)


def found(console: Console, asked: GateRequest) -> GateRequest:
    return gate.open_request(console.node, asked.id, "test").request


def fill(console: Console, case: str, **fields: Any) -> TestResponse:
    """Send the questions of the gate with good answers, but for these."""
    return send(
        console.browser(Role.OPERATOR), f"/cases/{case}/propose", **{**GATE_ANSWERS, "revision": 1, **fields}
    )


def press(console: Console, role: Role, asked: GateRequest, what: str, **fields: Any) -> TestResponse:
    """Do something with a request, from the page that shows it."""
    client, shown = console.browser(role), f"/gate/{asked.id}"
    token = csrf_token(client.get(shown))
    return client.post(f"{shown}/{what}", data={"csrf_token": token, **fields}, follow_redirects=True)


def test_the_questions_come_with_what_the_record_answers(console: Console) -> None:
    page = console.browser(Role.OPERATOR).get(f"/cases/{draft(console)}/propose").text
    for ticked in ('name="basis" type="radio" value="parental"', 'name="risk" type="radio" value="medium"'):
        assert f"checked {ticked.split()[0]}" in page or ticked in page
    assert page.count(" checked ") == 4  # basis, risk, every country, public sites
    assert "all of this is new to other members" in page
    assert "Staff" in page or "staff of other members" in page


def test_one_proposes_and_another_publishes(console: Console) -> None:
    case = draft(console)
    answer = fill(console, case, note=f"Look well. {SCRIPT}")
    assert answer.status_code == 303, answer.text
    (asked,) = gate.list_requests(console.node)
    assert answer.location == f"/gate/{asked.id}"
    own = console.browser(Role.OPERATOR).get(f"/gate/{asked.id}").text
    assert "somebody else must approve it" in own
    assert "Approve and publish" not in own
    assert f'href="/gate/{asked.id}"' in console.browser(Role.OPERATOR).get(f"/cases/{case}").text
    assert f'href="/gate/{asked.id}"' not in console.browser(Role.OPERATOR).get("/").text
    approver = console.browser(Role.APPROVER)
    assert f'href="/gate/{asked.id}"' in approver.get("/").text
    assert f'href="/gate/{asked.id}"' in approver.get("/gate").text
    page = approver.get(f"/gate/{asked.id}").text
    assert "Approve and publish" in page
    assert "Look well. &lt;script&gt;" in page
    assert "<script>alert" not in page
    assert status(console, case) == "draft"
    assert "Approved: the case is published." in press(console, Role.APPROVER, asked, "approve").text
    assert status(console, case) == "published"
    assert f'href="/gate/{asked.id}"' not in approver.get("/").text
    assert "Approved and published" in approver.get("/gate?show=all").text


def test_whoever_asked_does_not_approve_whatever_they_send(console: Console) -> None:
    person = console.people[Role.OPERATOR]
    accounts.set_roles(console.node, person.id, [Role.OPERATOR, Role.APPROVER], "test")
    asked = propose(console)
    page = console.browser(Role.OPERATOR).get(f"/gate/{asked.id}").text
    assert "Approve and publish" not in page
    assert f'href="/gate/{asked.id}"' not in console.browser(Role.OPERATOR).get("/").text
    answer = press(console, Role.OPERATOR, asked, "approve")
    assert "Somebody else must decide this" in answer.text
    assert found(console, asked).state == store.OPEN
    assert status(console, opaque(asked.case_id)) == "draft"


def test_whoever_wrote_it_does_not_approve_it_whatever_they_send(console: Console) -> None:
    node, author = console.node, sessions.actor_of(console.people[Role.APPROVER])
    (case,) = register.add_cases(node, [sample_record("pt", photos=None)], author, node.scratch())
    asked = gate.request(node, case.case_id, GATE_ANSWERS, "console:operator")
    page = console.browser(Role.APPROVER).get(f"/gate/{asked.id}").text
    assert "You wrote part of this" in page
    assert "Approve and publish" not in page
    assert f"/gate/{asked.id}" not in console.browser(Role.APPROVER).get("/").text
    assert "you had a part in it" in press(console, Role.APPROVER, asked, "approve").text
    assert found(console, asked).state == store.OPEN


def test_a_request_ends_when_the_case_changes(console: Console) -> None:
    asked = propose(console)
    register.change_case(console.node, asked.case_id, {"notes": "x"}, "test", console.node.scratch(), None)
    answer = press(console, Role.APPROVER, asked, "approve")
    assert "nothing was published" in answer.text
    assert "Ended, because the case is another now" in answer.text
    assert status(console, opaque(asked.case_id)) == "draft"
    assert "Propose it anew" in console.browser(Role.OPERATOR).get(f"/gate/{asked.id}").text
    assert "Propose it anew" not in console.browser(Role.APPROVER).get(f"/gate/{asked.id}").text


def test_nothing_is_asked_for_of_a_case_that_changed_since_it_was_shown(console: Console) -> None:
    case = draft(console)
    register.change_case(
        console.node, f"{console.node.member}/{case}", {"notes": "x"}, "test", console.node.scratch(), None
    )
    assert fill(console, case).location == f"/cases/{case}/propose"
    assert gate.list_requests(console.node) == []
    assert fill(console, case, revision="x").location == f"/cases/{case}/propose"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"publicity": ""}, "Answer this question."),
        ({"publicity": SCRIPT}, "Not a valid choice"),
        ({"basis": "none"}, "Without a consent or legal basis"),
        ({"basis": "court"}, "The record says: consent of a parent or guardian."),
        ({"risk": "high"}, "The record assesses the risk as: medium."),
        ({"privacy": "open"}, "Nobody has looked"),
        ({"channels": ["poster"]}, "does not include: poster"),
        ({"where": "some", "countries": "Bolivia"}, "Write codes of countries"),
        ({"where": "some", "countries": ""}, "Write codes of countries"),
        ({"note": "x" * 501}, "Use at most 500 characters."),
    ],
)
def test_answers_that_refuse_are_said_beside_their_question(
    console: Console, fields: dict[str, Any], said: str
) -> None:
    answer = fill(console, draft(console), **fields)
    assert answer.status_code == 200
    assert "Please look at this again" in answer.text
    assert said in answer.text
    assert "<script>alert" not in answer.text
    assert gate.list_requests(console.node) == []


def test_what_the_approver_will_weigh_is_shown_before_anybody_is_asked(console: Console) -> None:
    answer = fill(console, draft(console), publicity="possible", weigh="1")
    assert answer.status_code == 200
    assert "Publicity may add to the risk: weigh it." in answer.text
    assert gate.list_requests(console.node) == []
    assert "nothing special to weigh" in fill(console, draft(console), weigh="1").text


def test_publicity_that_adds_to_the_risk_needs_no_answers_about_the_public(console: Console) -> None:
    case = draft(console)
    answer = fill(console, case, publicity="yes", wording="", channels=["public"])
    assert answer.status_code == 303, answer.text
    record = register.get_case(console.node, f"{console.node.member}/{case}").record
    assert record["show_in"] == []


def test_where_it_may_be_shown_is_typed_as_codes(console: Console) -> None:
    case = draft(console)
    assert fill(console, case, where="some", countries="br, ar،br").status_code == 303
    assert register.get_case(console.node, f"{console.node.member}/{case}").record["show_in"] == ["BR", "AR"]


def test_what_changed_stands_beside_what_peers_have(console: Console) -> None:
    (case,) = console.federation.publish(console.node.member, sample_record("pt", photos=None))
    register.change_case(
        console.node, case.case_id, {"eyes": {"colour": "green"}, "height": None}, "test",
        console.node.scratch(), None,
    )  # fmt: skip
    page = console.browser(Role.OPERATOR).get(f"/cases/{opaque(case.case_id)}/propose").text
    for said in (
        "Changed",
        "Taken away",
        "As it was",
        "Colour:</span> <bdi>green<",
        "Colour:</span> <bdi>brown<",
    ):
        assert said in page


def test_a_life_is_renewed_without_anybody_and_nothing_new_goes_that_way(console: Console) -> None:
    (case,) = console.federation.publish(console.node.member, sample_record("pt", photos=None))
    client, place = console.browser(Role.OPERATOR), f"/cases/{opaque(case.case_id)}"
    page = client.get(f"{place}/propose")
    assert "Nobody has to approve that." in page.text
    token = {"csrf_token": csrf_token(page)}
    assert client.post(f"{place}/publish-again", data=token).location == place
    (stands,) = register.standing_of(console.node, [register.get_case(console.node, case.case_id)])
    assert stands.versions["network"] == 2
    register.change_case(
        console.node, case.case_id, {"eyes": {"colour": "green"}}, "test", console.node.scratch(), None
    )
    assert client.post(f"{place}/publish-again", data=token).location == f"{place}/propose"
    (stands,) = register.standing_of(console.node, [register.get_case(console.node, case.case_id)])
    assert stands.versions["network"] == 2


def test_what_the_consent_does_not_cover_is_not_renewed(console: Console) -> None:
    (case,) = console.federation.publish(console.node.member, sample_record("pt", photos=None))
    consent = {**case_of(console, case.case_id).record["consent"], "scope": ["public"]}
    register.change_case(console.node, case.case_id, {"consent": consent}, "test", console.node.scratch())
    client, place = console.browser(Role.OPERATOR), f"/cases/{opaque(case.case_id)}"
    page = client.get(f"{place}/propose")
    assert "does not include the network" in page.text
    assert "Publish again" not in page.text
    sent = client.post(f"{place}/publish-again", data={"csrf_token": csrf_token(client.get("/cases/new"))})
    assert sent.location == f"{place}/propose"
    (stands,) = register.standing_of(console.node, [case_of(console, case.case_id)])
    assert stands.versions["network"] == 1


def test_a_refusal_says_why_to_whoever_asked(console: Console) -> None:
    asked = propose(console)
    client = console.browser(Role.APPROVER)
    short = send(client, f"/gate/{asked.id}/refuse", reason="x")
    assert (short.status_code, found(console, asked).state) == (200, store.OPEN)
    reason = f"another child {SCRIPT}"
    assert send(client, f"/gate/{asked.id}/refuse", reason=reason).status_code == 303
    page = console.browser(Role.OPERATOR).get(f"/gate/{asked.id}").text
    assert "another child &lt;script&gt;" in page
    assert "Propose it anew" in page
    assert client.get(f"/gate/{asked.id}/refuse").location == f"/gate/{asked.id}"


def test_only_whoever_asked_takes_a_request_back(console: Console) -> None:
    asked = propose(console)
    press(console, Role.INVESTIGATOR, asked, "take-back")
    assert found(console, asked).state == store.OPEN
    assert "taken back" in press(console, Role.OPERATOR, asked, "take-back").text
    assert found(console, asked).state == store.TAKEN_BACK


def test_an_emergency_is_published_at_once_and_reviewed_by_somebody_else(console: Console) -> None:
    asked = propose(console)
    operator, approver = console.browser(Role.OPERATOR), console.browser(Role.APPROVER)
    assert send(operator, f"/gate/{asked.id}/override", reason=REASON).status_code == 303
    assert status(console, opaque(asked.case_id)) == "published"
    assert found(console, asked).reason == REASON
    assert "It was published without an approval. Review that." in approver.get("/").text
    assert "Review that." not in operator.get("/").text
    assert "Published without an approval" in approver.get("/gate").text
    page = approver.get(f"/gate/{asked.id}/review").text
    assert REASON in page
    assert send(approver, f"/gate/{asked.id}/review", reason="it was in danger").status_code == 200
    done = send(approver, f"/gate/{asked.id}/review", verdict="wrong", reason="the family was not asked")
    assert done.status_code == 303
    assert status(console, opaque(asked.case_id)) == "withdrawn"
    assert found(console, asked).upheld is False
    assert "It was wrong" in operator.get(f"/gate/{asked.id}").text
    assert "Review that." not in approver.get("/").text


def test_whoever_published_in_an_emergency_does_not_review_it(console: Console) -> None:
    person = console.people[Role.INVESTIGATOR]
    accounts.set_roles(console.node, person.id, [Role.INVESTIGATOR, Role.APPROVER], "test")
    asked = propose(console)
    gate.override(console.node, asked.id, REASON, sessions.actor_of(person))
    client = console.browser(Role.INVESTIGATOR)
    assert "/review" not in client.get(f"/gate/{asked.id}").text
    send(client, f"/gate/{asked.id}/review", verdict="upheld", reason=REASON)
    assert found(console, asked).reviewed_at is None


def test_requests_that_there_are_not(console: Console) -> None:
    client = console.browser(Role.APPROVER)
    for number in ("99", "0", "-1", "x", "9" * 12):
        assert client.get(f"/gate/{number}").status_code == 404, number
    foreign = opaque(console.told.foreign)
    assert console.browser(Role.OPERATOR).get(f"/cases/{foreign}/propose").status_code == 404
