"""Cases between members at the console: handed over, kept from somebody, taken over, and who holds what."""

from node.domain.permissions import Role
from node.services import messages
from node.services.disclosure import publishing
from node.services.moving import handover, takeover
from node.services.register import cases as register
from node.store.database import reading
from node.store.journal import Wanted, find_entries
from node.store.register import handovers
from tests.factories import sample_record
from tests.federation import DE, FR
from tests.node.web.console.conftest import Console, carry, csrf_token, send


def publish(console: Console) -> tuple[str, str]:
    """Publish an own case. Returns its id and the address of its page."""
    (case,) = console.federation.publish(FR[0], sample_record("uk", photos=None))
    return case.case_id, f"/cases/{case.case_id.partition('/')[2]}"


def journaled(console: Console, action: str) -> list[tuple[str, list[str]]]:
    with reading(console.node.engine) as conn:
        found = find_entries(conn, Wanted(action=action), 10)
    return [(item.entry.actor, list(item.entry.fields)) for item in found]


def test_a_case_is_offered_after_its_consequences_were_shown(console: Console) -> None:
    case_id, page = publish(console)
    client = console.browser(Role.APPROVER)
    assert f"{page}/hand-over" in client.get(page).text
    form = client.get(f"{page}/hand-over").text
    assert "the whole record" in form
    assert "every member erases it" in form
    assert f'value="{DE[0]}"' in form
    refused = send(client, f"{page}/hand-over", member=DE[0])
    assert "Speak with them first" in refused.text
    assert handover.way_of(console.node, case_id)[1] is None
    assert send(client, f"{page}/hand-over", member="police.xx.example", agreed="y").status_code == 200
    assert send(client, f"{page}/hand-over", member=DE[0], agreed="y").location == page
    shown = client.get(page).text
    assert "Offered, waiting" in shown
    assert f"Offered to {DE[0]}" in shown
    assert f"{page}/keep" in shown
    assert journaled(console, "case.offer") == [("console:approver", [DE[0]])]
    again = client.get(f"{page}/hand-over")
    assert send(client, f"{page}/hand-over", member=DE[0], agreed="y").location == page, again.text
    assert "cannot be done now" in client.get(page).text


def test_an_offer_is_taken_back(console: Console) -> None:
    case_id, page = publish(console)
    handover.offer_case(console.node, case_id, DE[0], "test")
    client = console.browser(Role.APPROVER)
    assert send(client, f"{page}/keep").location == page
    shown = client.get(page).text
    assert "Taken back" in shown
    assert f"{page}/hand-over" in shown
    assert send(client, f"{page}/keep").location == page
    assert "cannot be done now" in client.get(page).text


def test_a_reason_for_declining_is_shown_as_text(console: Console) -> None:
    case_id, page = publish(console)
    handover.offer_case(console.node, case_id, DE[0], "test")
    carry(console.federation)
    there = console.federation[DE[0]]
    (row,) = takeover.list_offers(there, 5)
    takeover.decline(there, row.id, "<b>not ours</b>", "test")
    carry(console.federation)
    handover.proceed(console.node)
    shown = console.browser(Role.APPROVER).get(page).text
    assert "Declined" in shown
    assert "&lt;b&gt;not ours" in shown


def test_a_case_is_kept_from_a_member(console: Console) -> None:
    case_id, page = publish(console)
    client = console.browser(Role.APPROVER)
    assert "What they hold already they keep until you publish" in client.get(f"{page}/exclude").text
    assert send(client, f"{page}/exclude", members=DE[0]).location == page
    assert register.excluded_members(console.node, case_id) == [DE[0]]
    shown = client.get(page).text
    assert f"Kept from: {DE[0]}" in shown
    assert "Publish the case again now" in shown
    assert "checked" in client.get(f"{page}/exclude").text
    assert send(client, f"{page}/exclude", members="police.xx.example").status_code == 200
    assert send(client, f"{page}/exclude").location == page
    assert register.excluded_members(console.node, case_id) == []
    assert journaled(console, "case.exclude") == [("console:approver", []), ("console:approver", [DE[0]])]


def test_a_case_that_has_ended_is_neither_handed_over_nor_kept_from_anybody(console: Console) -> None:
    case_id, page = publish(console)
    publishing.erase(console.node, case_id, "test")
    client = console.browser(Role.APPROVER)
    for what in ("hand-over", "exclude"):
        answer = client.get(f"{page}/{what}")
        assert (answer.status_code, answer.location) == (303, page)


def test_an_offered_case_is_read_and_taken_over(console: Console) -> None:
    number, client = console.offered, console.browser(Role.APPROVER)
    assert "offered to us" in client.get("/").text
    assert f"/offers/{number}" in client.get("/offers").text
    page = client.get(f"/offers/{number}")
    assert "2 of 2" in page.text
    assert "published under your name at once" in page.text
    assert ("console:approver", ["handover"]) in journaled(console, "message.read")
    token = csrf_token(page)
    done = client.post(f"/offers/{number}/accept", data={"csrf_token": token})
    assert done.location.startswith("/cases/")
    case = register.get_case(console.node, f"{FR[0]}{done.location.removeprefix('/cases')}")
    assert case.status == "published"
    assert f"It came from {DE[0]}" in client.get(done.location).text
    assert client.get(f"/offers/{number}").status_code == 404
    assert f"/offers/{number}" not in client.get("/offers").text
    again = client.post(f"/offers/{number}/accept", data={"csrf_token": token})
    assert again.location == f"/offers/{number}"  # the offer does not stand any more


def test_an_offered_case_is_declined_with_a_reason(console: Console) -> None:
    number, client = console.offered, console.browser(Role.APPROVER)
    too_long = send(client, f"/offers/{number}/decline", reason="x" * 501)
    assert "Use at most 500 characters" in too_long.text
    assert send(client, f"/offers/{number}/decline", reason="It is not ours.").location == "/offers"
    assert takeover.count_offers(console.node) == 0
    carry(console.federation)
    there = console.federation[DE[0]]
    handover.proceed(there)
    with reading(there.engine) as conn:
        case_id = next(iter(register.list_cases(there, None, 1, 0))).case_id
        given = handovers.giving_of(conn, case_id, handovers.STATES)
    assert given is not None
    assert (given.state, given.reason) == (handovers.DECLINED, "It is not ours.")


def test_a_message_that_is_no_offer_is_not_shown_as_one(console: Console) -> None:
    _ = console.told  # a lead has come, as a message
    rows = messages.list_messages(console.node, outgoing=None, everything=True, limit=10)
    assert rows
    client = console.browser(Role.APPROVER)
    for row in rows:
        assert client.get(f"/offers/{row.id}").status_code == 404
    assert client.get("/offers/999").status_code == 404


def test_the_page_of_an_erased_case_says_who_was_asked_to_erase_it(console: Console) -> None:
    case_id, page = publish(console)
    console.federation.pull(DE[0], FR[0])
    client = console.browser(Role.OPERATOR)
    assert "Holds it" in client.get(page).text
    publishing.erase(console.node, case_id, "test")
    erased = client.get(page).text
    assert "Asked to erase it, no answer yet" in erased
    assert "Holds it" not in erased
