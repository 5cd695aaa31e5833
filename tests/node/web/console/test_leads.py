"""Leads at the console: told, taken up, worked on, decided and answered, whatever somebody types."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from node.domain.permissions import Role
from node.runtime import Node
from node.services import messages as mail
from node.services.leads import inbox, sending
from node.services.leads.letters import Letter
from node.services.site import sightings
from node.services.site.sightings import Source
from node.store import leads
from node.store.leads import Lead
from protocol.message import Content
from tests.factories import sample_record
from tests.node.web.console.conftest import Console, carry, csrf_token, send

SCRIPT = "<script>alert(1)</script>"
THERE = "police.de.example"


@pytest.fixture
def console(told_console: Console) -> Console:
    return told_console


def picture() -> tuple[io.BytesIO, str]:
    data = io.BytesIO()
    Image.new("RGB", (400, 300), "blue").save(data, "PNG")
    data.seek(0)
    return data, "seen.png"


def work(console: Console, what: str, role: Role = Role.OPERATOR, **fields: Any) -> TestResponse:
    number = fields.pop("number", console.told.lead)
    return send(console.browser(role), f"/leads/{number}/{what}", **fields)


def lead_of(console: Console, number: int = 0) -> Lead:
    return inbox.read(console.node, number or console.told.lead, "test").lead


def sent_from(console: Console) -> Lead:
    return inbox.list_leads(console.node, outgoing=True)[0]


def test_a_new_lead_waits_on_the_first_page_until_somebody_takes_it(console: Console) -> None:
    number = console.told.lead
    client = console.browser(Role.OPERATOR)
    assert "1 new lead about our cases waits for somebody." in client.get("/").text
    assert "new lead" not in console.browser(Role.ANALYST).get("/").text
    page = client.get(f"/leads/{number}")
    assert "She was seen at the harbour." in page.text
    assert "Hamburg" in page.text
    answer = client.post(f"/leads/{number}/take", data={"csrf_token": csrf_token(page)})
    assert (answer.status_code, answer.location) == (303, f"/leads/{number}")
    assert lead_of(console).assigned_to == "operator"
    assert "new lead" not in client.get("/").text


def test_the_list_is_narrowed(console: Console) -> None:
    told = console.told
    note = inbox.note_down(console.node, told.own, Letter("Somebody called."), "console:approver")
    inbox.assign(console.node, note, "approver", "test")
    client = console.browser(Role.APPROVER)

    def listed(query: str) -> set[int]:
        page = client.get(f"/leads?{query}").text
        return {number for number in (told.lead, note) if f'href="/leads/{number}"' in page}

    assert listed("") == {told.lead, note}
    assert listed("show=mine") == {note}
    assert listed("show=nobody") == {told.lead}
    assert listed(f"case={told.own}") == {told.lead, note}
    assert listed(f"case={told.foreign}") == set()
    inbox.decide(console.node, note, leads.INVALID, "no", "test")
    assert listed("") == {told.lead}
    assert listed("show=all") == {told.lead, note}
    assert client.get(f"/leads?case={SCRIPT}&show={SCRIPT}&page={SCRIPT}").status_code == 200


def test_a_lead_is_worked_on(console: Console) -> None:
    number = console.told.lead
    for what, fields in (
        ("assign", {"person": "operator"}),
        ("note", {"text": f"Sounds sure. {SCRIPT}"}),
        ("task", {"text": "Ask for the cameras.", "days": "0"}),
        ("decide", {"state": "potential", "text": "Worth a look."}),
    ):
        answer = work(console, what, **fields)
        assert (answer.status_code, answer.location) == (303, f"/leads/{number}"), answer.text
    client = console.browser(Role.OPERATOR)
    opened = client.get(f"/leads/{number}")
    page, token = opened.text, csrf_token(opened)
    for said in ("Some operator", "Sounds sure. &lt;script&gt;", "Ask for the cameras.", "Worth a look."):
        assert said in page
    assert "<script>alert" not in page
    assert f"Your task of lead {number}" in client.get("/").text
    (task,) = inbox.list_tasks(console.node, "operator", 5)
    assert client.post(f"/leads/tasks/{task.id}/done", data={"csrf_token": token}).status_code == 303
    assert inbox.list_tasks(console.node, "operator", 5) == []
    assert "Your task" not in client.get("/").text


def test_duplicates_and_leads_for_the_wrong_case(console: Console) -> None:
    told = console.told
    twin = inbox.note_down(console.node, told.own, Letter("She was seen at the harbour"), "test")
    assert f'href="/leads/{told.lead}"' in console.browser(Role.OPERATOR).get(f"/leads/{twin}").text
    assert work(console, "duplicate", number=twin, first=str(told.lead)).status_code == 303
    assert lead_of(console, twin).duplicate_of == told.lead
    again = work(console, "duplicate", first=str(told.lead))
    assert again.status_code == 200
    assert "which is itself no duplicate" in again.text
    for case in (told.own, told.foreign, "x", SCRIPT):
        answer = work(console, "link", case=case)
        assert answer.status_code == 200, case
        assert "Please look at this again" in answer.text


def test_what_the_public_told_is_known_as_such_and_found_by_its_receipt(console: Console) -> None:
    told, node, there = console.told, console.node, console.federation[THERE]
    receipt = tell_publicly(console, told.own, SCRIPT)
    body = {
        "case": told.own,
        "text": f"Through {SCRIPT}",
        "origin": "public",
        "contact": SCRIPT,
        "place": SCRIPT,
    }
    mail.send_message(there, node.member, "lead", Content(body), "test")
    carry(console.federation)
    theirs, ours = (lead.id for lead in inbox.list_leads(node, limit=2))
    client = console.browser(Role.OPERATOR)
    page = client.get("/leads").text
    assert "the public, through our site" in page
    assert f"the public, through the site of {THERE}" in page
    found = client.get("/leads", query_string={"receipt": f" {receipt.replace('-', ' ')} "}).text
    assert f'href="/leads/{ours}"' in found
    assert f'href="/leads/{theirs}"' not in found
    (foreign,) = console.federation.publish(THERE, sample_record("ar", photos=None))
    console.federation.pull(node.member, THERE)
    elsewhere = tell_publicly(console, foreign.case_id, "Seen.")
    page = client.get(f"/leads?receipt={elsewhere}").text
    assert f"It is about a case of {THERE} and went there sealed" in page
    assert "on its way" in page
    assert "There are no such leads." in client.get("/leads?receipt=4711").text
    assert SCRIPT not in client.get("/leads", query_string={"receipt": f'"{SCRIPT}'}).text
    for number in (ours, theirs):
        shown = client.get(f"/leads/{number}").text
        assert "Somebody wrote this on a public site; nobody has checked it." in shown
        assert "Answer the sender" not in shown
        assert SCRIPT not in shown
        assert "&lt;script&gt;" in shown
        assert client.get(f"/leads/{number}/answer").status_code == 404
    assert receipt in client.get(f"/leads/{ours}").text


def tell_publicly(console: Console, case_id: str, text: str) -> str:
    """Tell something on the public site of this member."""
    ticket = sightings.make_ticket(console.node, case_id)
    console.federation.clock.advance(seconds=10)
    source = Source("203.0.113.7", ticket)
    return sightings.send_sighting(console.node, case_id, Letter(text, contact=SCRIPT), b"", source)


def test_an_answer_goes_back_to_the_sender_with_its_picture(console: Console) -> None:
    number = console.told.lead
    answer = work(console, "answer", text="Thank you.\r\nWe look.", state="potential", picture=picture())
    assert answer.status_code == 303, answer.text
    carry(console.federation)
    there = console.federation[THERE]
    (item,) = sending.list_sent(there, limit=5)
    assert (item.answers, item.lead.state, item.delivery) == (1, "potential", ("taken", ""))
    view = inbox.read(there, item.lead.id, "test")
    assert view.history[0].text == "Thank you.\nWe look."
    assert view.history[0].id in view.pictures
    note = inbox.note_down(console.node, console.told.own, Letter("By telephone."), "test")
    assert number != note
    assert console.browser(Role.OPERATOR).get(f"/leads/{note}/answer").status_code == 404


def test_a_lead_about_a_foreign_case_is_sent_and_its_answer_is_listed(console: Console) -> None:
    told, client = console.told, console.browser(Role.OPERATOR)
    answer = send(
        client,
        f"/leads/about/{told.foreign}",
        text="A boy like him\r\nbought bread.",
        seen_on="2026-11-20",
        seen_at="14:30",
        place="Gare\u00a0du Nord",
        position="48.88, 2.355",
        contact="+33 1 23 45",
        own_case=told.own,
        picture=picture(),
    )
    lead = sent_from(console)
    assert (answer.status_code, answer.location) == (303, f"/leads/{lead.id}"), answer.text
    assert lead.text == "A boy like him\nbought bread."
    assert lead.details == {
        "seen_at": "2026-11-20T14:30:00+00:00",
        "place": "Gare du Nord",
        "lat": 48.88,
        "lon": 2.355,
        "contact": "+33 1 23 45",
        "own_case": told.own,
    }
    assert "on its way" in client.get("/leads/sent").text
    carry(console.federation)
    there = console.federation[THERE]
    (came,) = inbox.list_leads(there)
    inbox.answer(there, came.id, f"Danke. {SCRIPT}", "Roy", state="confirmed")
    carry(console.federation)
    page = client.get("/leads/sent").text
    assert "delivered" in page
    assert "confirmed" in page
    assert "Danke. &lt;script&gt;" in client.get(answer.location).text
    assert f"Lead {lead.id}" in client.get(f"/foreign/{told.foreign}").text
    for owner_only in ("assign", "decide", "duplicate", "link", "answer"):
        assert client.get(f"/leads/{lead.id}/{owner_only}").status_code == 404


def test_a_photograph_is_asked_for(console: Console) -> None:
    told = console.told
    path = f"/leads/photograph-of/{told.foreign}"
    assert send(console.browser(Role.OPERATOR), path, text="A child at our border.").status_code == 303
    assert sent_from(console).kind == "photograph-request"
    assert send(console.browser(Role.OPERATOR), path, text=" ").status_code == 200
    assert console.browser(Role.OPERATOR).get(f"/leads/photograph-of/{told.own}").status_code == 404


def test_what_was_told_about_an_own_case_is_noted_down(console: Console) -> None:
    answer = send(console.browser(Role.OPERATOR), f"/leads/about/{console.told.own}", text="By telephone.")
    number = int(answer.location.rpartition("/")[2])
    assert lead_of(console, number).by == "console:operator"


WRONG: dict[str, dict[str, Any]] = {
    "no text": {"text": " \n "},
    "a long text": {"text": "x" * 8001},
    "no day": {"seen_on": "yesterday"},
    "a day to come": {"seen_on": "2027-05-01"},
    "a time without a day": {"seen_on": "", "seen_at": "14:30"},
    "no time": {"seen_at": "noon"},
    "half a position": {"position": "48.88"},
    "a position outside the world": {"position": "91, 0"},
    "a position that is none": {"position": "nan, inf"},
    "a long place": {"place": "x" * 301},
    "a case that is not ours": {"own_case": f"{THERE}/{'a' * 26}"},
    "a case that there is not": {"own_case": f"police.fr.example/{'a' * 26}"},
    "no case": {"own_case": SCRIPT},
    "a picture that is none": {"picture": (io.BytesIO(b"GIF89a" + b"x" * 99), "seen.gif")},
    "a program as a picture": {"picture": (io.BytesIO(b"MZ" + b"x" * 99), "../../seen.png")},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_lead_that_cannot_be_sent_comes_back_as_it_was(console: Console, wrong: dict[str, Any]) -> None:
    fields = {"text": "Seen.", "contact": SCRIPT, "seen_on": "2026-11-20", **wrong}
    answer = send(console.browser(Role.OPERATOR), f"/leads/about/{console.told.foreign}", **fields)
    assert answer.status_code == 200
    assert "Please look at this again" in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<script>alert" not in answer.text
    assert inbox.list_leads(console.node, outgoing=True) == []


def test_a_picture_that_is_too_large_is_told_beside_its_field(console: Console) -> None:
    path = f"/leads/about/{console.told.foreign}"
    small = replace(console.node.photograph_limits(), input_bytes=100)
    with patch.object(Node, "photograph_limits", lambda _: small):
        answer = send(console.browser(Role.OPERATOR), path, text="Seen by the sea.", picture=picture())
    assert answer.status_code == 200
    assert "larger than" in answer.text
    assert "Seen by the sea." in answer.text


def test_a_picture_has_to_be_chosen_again_after_a_mistake(console: Console) -> None:
    path = f"/leads/about/{console.told.foreign}"
    answer = send(console.browser(Role.OPERATOR), path, text="", picture=picture())
    assert "Choose the picture again" in answer.text


def test_signs_that_cannot_be_printed_do_not_stop_a_lead(console: Console) -> None:
    text = "او را دیدم\u200c\u200f\u00a0کنار دریا\x00\x1b[2J"
    path = f"/leads/about/{console.told.foreign}"
    assert send(console.browser(Role.OPERATOR), path, text=text).status_code == 303
    assert sent_from(console).text == "او را دیدم\u200c کنار دریا[2J"


def test_a_member_with_whom_nothing_is_exchanged_gets_no_lead(console: Console) -> None:
    path = f"/leads/about/{console.told.foreign}"
    client = console.browser(Role.OPERATOR)
    client.get(path)
    console.federation.announce(THERE, state="suspended")
    answer = send(client, path, text="Seen.")
    assert answer.status_code == 200
    assert "Nothing is exchanged with this member now" in answer.text


@pytest.mark.parametrize("number", ["0", "99", "2147483647", "2147483648", "9" * 40, "x", "-1"])
def test_forged_numbers_find_nothing(console: Console, number: str) -> None:
    client, told = console.browser(Role.OPERATOR), console.told
    assert told
    for path in ("", "/note", "/answer", "/pictures/0", "/pictures/0/small"):
        assert client.get(f"/leads/{number}{path}").status_code == 404
    assert client.get(f"/leads/{told.lead}/pictures/{number}").status_code in (
        404,
        200 if number == "0" else 404,
    )
    token = send(client, f"/leads/{told.lead}/note", text="x") and client.get(f"/leads/{told.lead}").text
    token = token.partition('name="csrf_token" type="hidden" value="')[2].partition('"')[0]
    for path in (f"/leads/{number}/take", f"/leads/tasks/{number}/done"):
        assert client.post(path, data={"csrf_token": token}).status_code == 404


def test_a_picture_of_a_lead_is_sent_and_kept_nowhere(console: Console) -> None:
    for path in ("pictures/0", "pictures/0/small"):
        answer = console.browser(Role.APPROVER).get(f"/leads/{console.told.lead}/{path}")
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_task_that_is_late_says_so(console: Console) -> None:
    node, number = console.node, console.told.lead
    inbox.assign(node, number, "operator", "test")
    inbox.add_task(node, number, "Call back.", node.clock() - timedelta(days=1), "test")
    assert "Late" in console.browser(Role.OPERATOR).get(f"/leads/{number}").text
