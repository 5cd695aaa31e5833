"""A lead finds its way from whoever knows something to the owner of the case, and an answer back."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image
from sqlalchemy import func, select

from node.domain.permissions import Role
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from node.runtime import Node
from node.services import messages
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.leads import inbox, sending, taking
from node.services.leads.letters import Letter
from node.services.moving import handover, takeover
from node.services.people import accounts, sessions
from node.store import leads
from node.store.database import reading, writing
from node.store.federation import messages as store
from node.store.leads import Lead
from protocol.message import Content
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation
from tests.forensics import invent_child

SENDER, OWNER, HELPER = DE[0], FR[0], NGO[0]
SEEN = Letter(
    "A girl like her bought bread.\nShe wore a red coat.", "2026-05-01", "Gare du Nord", 48.88, 2.355
)


@pytest.fixture
def federation(database_url: str, tmp_path: Path) -> Iterator[Federation]:
    """The owner's node on each kind of database."""
    made = Federation(tmp_path, [FR, DE], databases={OWNER: database_url})
    yield made
    made.close()


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE, NGO])
    yield made
    made.close()


def picture(colour: str = "red", size: int = 400) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(data, "PNG")
    return data.getvalue()


def published(federation: Federation) -> str:
    (case,) = federation.publish(OWNER, sample_record("ar", photos=None))
    federation.pull(SENDER, OWNER)
    return case.case_id


def carry(federation: Federation) -> None:
    """Do what the jobs do, on both sides."""
    for sender, receiver in ((SENDER, OWNER), (OWNER, SENDER)):
        assert messages.deliver(federation[sender], receiver) == ""
    for node in federation.nodes.values():
        inbox.take(node)
        sending.take_answers(node)


def come(node: Node) -> list[Lead]:
    return inbox.list_leads(node, outgoing=False, everything=True)


def told(federation: Federation, letter: Letter = SEEN, data: bytes = b"") -> tuple[str, Lead]:
    """Tell the owner of a case something. Returns the case and the lead as the owner has it."""
    case_id = published(federation)
    sending.send_lead(federation[SENDER], case_id, letter, "Diaz", data)
    carry(federation)
    (lead,) = come(federation[OWNER])
    return case_id, lead


def test_a_lead_reaches_the_owner_and_the_answer_comes_back(federation: Federation) -> None:
    case_id, lead = told(federation, data=picture())
    owner, sender = federation[OWNER], federation[SENDER]
    assert (lead.case_id, lead.member, lead.state, lead.kind) == (case_id, SENDER, leads.NEW, "lead")
    assert lead.text == SEEN.text
    assert lead.details == {"seen_at": "2026-05-01", "place": "Gare du Nord", "lat": 48.88, "lon": 2.355}
    with Image.open(io.BytesIO(inbox.read_picture(owner, lead.id, 0, "Roy"))) as taken:
        assert (taken.format, taken.size) == ("JPEG", (400, 400))
    assert messages.list_messages(owner, outgoing=False, everything=False, limit=10) == []

    assert inbox.answer(owner, lead.id, "Thank you.", "Roy", state=leads.POTENTIAL) == SENDER
    carry(federation)
    (mine,) = inbox.list_leads(sender, outgoing=True)
    assert (mine.unread, sending.count_unread(sender), sending.count_unread(owner)) == (True, 1, 0)
    view = inbox.read(sender, mine.id, "Diaz")
    assert sending.count_unread(sender) == 0
    assert (view.lead.state, view.delivery, view.pictures) == (leads.POTENTIAL, ("taken", ""), [0])
    assert [(e.by, e.text, e.about) for e in view.history] == [(OWNER, "Thank you.", leads.POTENTIAL)]


def test_a_lead_is_worked_on(federation: Federation) -> None:
    _, lead = told(federation)
    owner = federation[OWNER]
    inbox.assign(owner, lead.id, "Roy", "Chief")
    inbox.note(owner, lead.id, "The caller sounds sure.", "Roy")
    task = inbox.add_task(owner, lead.id, "Ask for the cameras.", owner.clock() + timedelta(days=1), "Roy")
    with reading(owner.engine) as conn:
        assert [entry.id for entry in leads.open_tasks(conn)] == [task]
        assert leads.count_open(conn) == 1
    inbox.finish_task(owner, task, "Roy")
    inbox.decide(owner, lead.id, leads.INVALID, "Her mother says it is another girl.", "Roy")
    view = inbox.read(owner, lead.id, "Roy")
    assert [entry.kind for entry in view.history] == ["assigned", "note", "task", "decided"]
    assert (view.lead.assigned_to, view.lead.state) == ("Roy", leads.INVALID)
    assert view.history[2].done_at == owner.clock()
    with reading(owner.engine) as conn:
        assert leads.open_tasks(conn) == []
        assert leads.count_open(conn) == 0
    assert inbox.list_leads(owner, assigned_to="Roy", everything=True) == [view.lead]
    assert inbox.list_leads(owner) == []
    inbox.decide(owner, lead.id, leads.CONFIRMED, "She was wrong.", "Roy")
    assert [found.id for found in inbox.list_leads(owner)] == [lead.id]


def test_duplicates_are_told_apart(light: Federation) -> None:
    case_id, first = told(light)
    owner = light[OWNER]
    again = Letter(SEEN.text.upper() + " !")
    number = inbox.note_down(owner, case_id, again, "Roy")
    other = inbox.note_down(owner, case_id, Letter("Somebody telephoned from Lyon."), "Roy")
    assert inbox.find_alike(owner, inbox.read(owner, number, "Roy").lead) == [first.id]
    assert inbox.find_alike(owner, inbox.read(owner, other, "Roy").lead) == []
    inbox.mark_duplicate(owner, number, first.id, "Roy")
    marked = inbox.read(owner, number, "Roy").lead
    assert (marked.state, marked.duplicate_of) == (leads.DUPLICATE, first.id)
    for one, of in ((other, number), (first.id, first.id)):
        with pytest.raises(Conflict):
            inbox.mark_duplicate(owner, one, of, "Roy")


def test_leads_are_compared_in_bounds_and_while_others_may_write(light: Federation) -> None:
    case_id, first = told(light, Letter("alpha " * 1_300))
    owner = light[OWNER]
    inbox.note_down(owner, case_id, Letter("alpha " * 1_300), "Roy")
    compared: list[int] = []

    def ratio(one: str, other: str, **_: object) -> float:
        with writing(owner.engine):  # nobody holds the write lock
            compared.append(max(len(one), len(other)))
        return 0

    with patch.object(inbox, "token_sort_ratio", ratio):
        inbox.find_alike(owner, inbox.read(owner, first.id, "Roy").lead)
    assert compared == [1_000]


def test_a_lead_that_came_for_the_wrong_case_is_linked_to_the_right_one(light: Federation) -> None:
    _, lead = told(light)
    owner = light[OWNER]
    (right,) = light.publish(OWNER, sample_record("uk", photos=None))
    inbox.link(owner, lead.id, right.case_id, "Roy")
    assert inbox.read(owner, lead.id, "Roy").lead.case_id == right.case_id
    with pytest.raises(Conflict):
        inbox.link(owner, lead.id, right.case_id, "Roy")
    with pytest.raises(NotFound):
        inbox.link(owner, lead.id, f"{OWNER}/{'a' * 26}", "Roy")


def test_a_photograph_is_asked_for_and_sent(light: Federation) -> None:
    case_id = published(light)
    number = sending.request_photograph(light[SENDER], case_id, "A child at our border may be her.", "Diaz")
    carry(light)
    (lead,) = come(light[OWNER])
    assert (lead.kind, lead.text) == ("photograph-request", "A child at our border may be her.")
    inbox.answer(light[OWNER], lead.id, "Of last summer.", "Roy", picture=picture("blue", 2400))
    carry(light)
    view = inbox.read(light[SENDER], number, "Diaz")
    (entry,) = view.history
    assert view.pictures == [entry.id]
    data = inbox.read_picture(light[SENDER], number, entry.id, "Diaz")
    assert 0 < len(data) <= taking.MAX_PICTURE_BYTES
    with pytest.raises(NotFound):
        inbox.read_picture(light[SENDER], number, 0, "Diaz")


def test_two_cases_that_are_believed_to_be_one(light: Federation) -> None:
    case_id = published(light)
    (own,) = light.publish(SENDER, sample_record("ar", photos=None))
    sending.send_lead(light[SENDER], case_id, Letter("It may be our Ana.", own_case=own.case_id), "Diaz")
    carry(light)
    (lead,) = come(light[OWNER])
    assert lead.details == {"own_case": own.case_id}
    unknown = Letter("x", own_case=f"{SENDER}/{'a' * 26}")
    with pytest.raises(NotFound):
        sending.send_lead(light[SENDER], case_id, unknown, "Diaz")
    with pytest.raises(InvalidInput):
        sending.send_lead(light[SENDER], case_id, Letter("x", own_case=case_id), "Diaz")


def test_what_is_about_an_erased_case_is_erased_at_both_ends(federation: Federation, tmp_path: Path) -> None:
    words = invent_child(tmp_path, photographs=0).words
    case_id, lead = told(federation, Letter(" ".join(words.names)), picture())
    owner, sender = federation[OWNER], federation[SENDER]
    inbox.note(owner, lead.id, words.texts[0], "Roy")
    inbox.answer(owner, lead.id, words.texts[0], "Roy")
    carry(federation)
    assert {"name", "text"} <= words.kinds_in(sender.config.home)

    publishing.erase(owner, case_id, "Roy")
    federation.pull(SENDER, OWNER)
    federation.clock.advance(hours=1)
    for node in (owner, sender):
        erasure.purge(node)
        messages.expire(node)
        erasure.purge(node)
        with reading(node.engine) as conn:
            for table in (leads.lead, leads.lead_entry, leads.lead_photograph):
                assert conn.execute(select(func.count()).select_from(table)).scalar_one() == 0
    assert words.traces(sender.config.home) == []


def test_what_was_kept_of_forms_about_a_purged_case_goes_with_it(light: Federation) -> None:
    case_id, sender = published(light), light[SENDER]
    person, _ = accounts.add_person(sender, "diaz", "Diaz", [Role.OPERATOR], "test")
    path = f"/leads/about/{case_id}"
    sessions.keep_form(sender, person, path, [("text", "Ana, of 12 rue X")])
    publishing.erase(light[OWNER], case_id, "Roy")
    light.pull(SENDER, OWNER)
    erasure.purge(sender)
    assert sessions.find_form(sender, person, path) is None


def test_an_answer_on_its_way_is_erased_with_the_case(federation: Federation) -> None:
    case_id, lead = told(federation)
    owner = federation[OWNER]
    inbox.answer(owner, lead.id, "Her address is 12 rue X.", "Roy", picture=picture())
    publishing.erase(owner, case_id, "Roy")
    carry(federation)
    (mine,) = inbox.list_leads(federation[SENDER], outgoing=True)
    assert inbox.read(federation[SENDER], mine.id, "Diaz").history == []
    (row,) = messages.list_messages(owner, outgoing=True, everything=True, limit=5)
    assert row.state == store.ERASED


def test_what_was_told_in_the_name_of_an_own_case_is_erased_with_it(federation: Federation) -> None:
    case_id, sender = published(federation), federation[SENDER]
    (own,) = federation.publish(SENDER, sample_record("ar", photos=None))
    sending.send_lead(sender, case_id, Letter("By telephone."), "Diaz")
    sending.send_lead(sender, case_id, Letter("Our Ana, of 12 rue X?", own_case=own.case_id), "Diaz")
    publishing.withdraw(sender, own.case_id, "Diaz", {})
    again = publishing.undo_withdrawal(sender, own.case_id, "Diaz")
    publishing.erase(sender, again.case_id, "Diaz")
    assert [lead.text for lead in inbox.list_leads(sender, outgoing=True)] == ["By telephone."]
    carry(federation)
    assert [lead.text for lead in come(federation[OWNER])] == ["By telephone."]


def test_a_withdrawal_that_is_undone_keeps_its_leads(light: Federation) -> None:
    case_id, lead = told(light)
    owner = light[OWNER]
    publishing.withdraw(owner, case_id, "Roy", {})
    again = publishing.undo_withdrawal(owner, case_id, "Roy")
    assert inbox.read(owner, lead.id, "Roy").lead.case_id == again.case_id


def test_a_lead_that_comes_after_a_hand_over_is_sent_on(light: Federation) -> None:
    case_id = published(light)
    handover.offer_case(light[OWNER], case_id, SENDER, "Roy")
    messages.deliver(light[OWNER], SENDER)
    (offer,) = messages.list_messages(light[SENDER], outgoing=False, everything=False, limit=5)
    taken = takeover.accept(light[SENDER], offer.id, "Diaz")
    messages.deliver(light[SENDER], OWNER)
    for _ in range(2):
        handover.proceed(light[OWNER])
        light.pull(OWNER, SENDER)
    publishing.erase(light[OWNER], case_id, "Roy")
    body = {"case": case_id, "text": "Seen again."}
    messages.send_message(light[SENDER], OWNER, "lead", Content(body), "Diaz")
    messages.deliver(light[SENDER], OWNER)
    inbox.take(light[OWNER])
    assert come(light[OWNER]) == []
    messages.deliver(light[OWNER], SENDER)
    (answer,) = [
        row
        for row in messages.list_messages(light[SENDER], outgoing=False, everything=False, limit=5)
        if row.kind == "lead-answer"
    ]
    content = messages.read_message(light[SENDER], answer.id, "Diaz").content
    assert content is not None
    assert content.body["text"] == f"The case goes on as {taken.case_id}."


BAD = {
    "no text": {},
    "an empty text": {"text": "  "},
    "a long text": {"text": "x" * 8001},
    "a text that steers a terminal": {"text": "a\x1b[2J"},
    "another day": {"text": "x", "seen_at": "yesterday"},
    "half a place": {"text": "x", "lat": 1.0},
    "a place outside the world": {"text": "x", "lat": 91, "lon": 0},
    "a number that is none": {"text": "x", "lat": True, "lon": 0},
    "a case of another": {"text": "x", "own_case": f"{HELPER}/{'a' * 26}"},
    "no case id": {"text": "x", "own_case": "../../etc"},
    "a text that turns its direction": {"text": "a\u202eb"},
    "a contact of two lines": {"text": "x", "contact": "a\nb"},
}


@pytest.mark.parametrize("said", BAD.values(), ids=BAD)
def test_a_lead_that_is_not_of_the_form_is_closed_with_the_reason(
    light: Federation, said: dict[str, object]
) -> None:
    case_id = published(light)
    messages.send_message(light[SENDER], OWNER, "lead", Content({"case": case_id, **said}), "Diaz")
    carry(light)
    assert come(light[OWNER]) == []
    (row,) = messages.list_messages(light[OWNER], outgoing=False, everything=True, limit=5)
    assert (row.state, bool(row.reason)) == (store.CLOSED, True)
    with pytest.raises((InvalidInput, NotFound)):
        sending.send_lead(light[SENDER], case_id, Letter(**{"text": "", **said}), "Diaz")  # type: ignore[arg-type]


def test_a_lead_may_be_written_in_any_script(light: Federation) -> None:
    case_id = published(light)
    letter = Letter("او را در می\u200cدان دیدم\u00a0!", place="می\u200cدان آزادی")
    sending.send_lead(light[SENDER], case_id, letter, "Diaz")
    carry(light)
    (lead,) = come(light[OWNER])
    assert (lead.text, lead.details["place"]) == (letter.text, letter.place)


def test_a_picture_that_is_none_is_left_out_and_said(light: Federation) -> None:
    case_id = published(light)
    body = {"case": case_id, "text": "See the picture."}
    messages.send_message(light[SENDER], OWNER, "lead", Content(body, b"no picture" * 9), "Diaz")
    carry(light)
    (lead,) = come(light[OWNER])
    view = inbox.read(light[OWNER], lead.id, "Roy")
    assert view.pictures == []
    assert "picture was not taken" in view.history[0].text
    with pytest.raises(InvalidInput):
        sending.send_lead(light[SENDER], case_id, SEEN, "Diaz", b"no picture" * 9)


def test_the_picture_of_a_peer_is_held_to_what_peers_send(light: Federation) -> None:
    """A small file can hold a picture that keeps the decoder of everybody busy."""
    case_id, data = published(light), picture(size=2_100)
    messages.send_message(light[SENDER], OWNER, "lead", Content({"case": case_id, "text": "x"}, data), "Diaz")
    carry(light)
    (lead,) = come(light[OWNER])
    view = inbox.read(light[OWNER], lead.id, "Roy")
    assert view.pictures == []
    assert "at most 4000000 pixels" in view.history[0].text
    assert inbox.note_down(light[OWNER], case_id, SEEN, "Roy", data)


def test_an_answer_to_nothing_or_from_somebody_else_is_closed(light: Federation) -> None:
    told(light)
    (mine,) = inbox.list_leads(light[SENDER], outgoing=True)
    forged = Content({"re": mine.token_id, "text": "Go away.", "state": "invalid"})
    messages.send_message(light[HELPER], SENDER, "lead-answer", forged, "x")
    messages.deliver(light[HELPER], SENDER)
    messages.send_message(light[OWNER], SENDER, "lead-answer", Content({"re": "nothing0", "text": "x"}), "x")
    messages.send_message(light[OWNER], SENDER, "lead-answer", Content({"re": mine.token_id}), "x")
    carry(light)
    view = inbox.read(light[SENDER], mine.id, "Diaz")
    assert (view.history, view.lead.state) == ([], leads.NEW)
    rows = messages.list_messages(light[SENDER], outgoing=False, everything=True, limit=9)
    assert [row.state for row in rows] == [store.CLOSED] * 3


def test_who_may_not_be_told_is_not(light: Federation) -> None:
    case_id = published(light)
    owner = light[OWNER]
    with pytest.raises(NotAllowed):
        sending.send_lead(owner, case_id, SEEN, "Roy")
    with pytest.raises(NotFound):
        sending.send_lead(owner, f"nobody.example/{'a' * 26}", SEEN, "Roy")
    with pytest.raises(NotFound):
        inbox.note_down(owner, f"{OWNER}/{'a' * 26}", SEEN, "Roy")
    number = inbox.note_down(owner, case_id, SEEN, "Roy")
    with pytest.raises(Conflict):
        inbox.answer(owner, number, "Hello", "Roy")
    publishing.erase(owner, case_id, "Roy")
    with pytest.raises(Conflict):
        inbox.note_down(owner, case_id, SEEN, "Roy")
    light.pull(SENDER, OWNER)
    with pytest.raises(Conflict):
        sending.send_lead(light[SENDER], case_id, SEEN, "Diaz")


def test_the_list_of_what_was_sent_says_how_each_stands(federation: Federation) -> None:
    case_id, lead = told(federation)
    sender = federation[SENDER]
    (item,) = sending.list_sent(sender, limit=5)
    assert (item.lead.case_id, item.delivery, item.answers) == (case_id, ("taken", ""), 0)
    inbox.answer(federation[OWNER], lead.id, "Thank you.", "Roy")
    carry(federation)
    number = sending.send_lead(sender, case_id, Letter("Once more."), "Diaz")
    newest, first = sending.list_sent(sender, case_id=case_id, limit=5)
    assert (newest.lead.id, newest.delivery, newest.answers) == (number, ("waiting", ""), 0)
    assert first.answers == 1


def test_leads_and_tasks_are_counted_for_a_person(federation: Federation) -> None:
    case_id, lead = told(federation)
    owner = federation[OWNER]
    note = inbox.note_down(owner, case_id, Letter("By telephone."), "Roy")
    assert (inbox.count_new(owner), inbox.count_leads(owner)) == (2, 2)
    inbox.assign(owner, note, "roy", "Chief")
    assert (inbox.count_new(owner), inbox.count_new(owner, "roy")) == (1, 1)
    assert inbox.count_leads(owner, assigned_to="roy") == 1
    later = inbox.add_task(owner, note, "Write.", None, "Roy")
    first = inbox.add_task(owner, note, "Call.", owner.clock(), "Roy")
    inbox.add_task(owner, lead.id, "Not his.", owner.clock(), "Roy")
    assert [task.id for task in inbox.list_tasks(owner, "roy", 5)] == [first, later]
    assert [task.id for task in inbox.list_tasks(owner, "roy", 1)] == [first]
    inbox.decide(owner, note, leads.INVALID, "no", "Roy")
    assert inbox.count_leads(owner) == 1
    assert inbox.count_leads(owner, everything=True, case_id=case_id) == 2
