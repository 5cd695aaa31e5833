"""Cases: entered section by section, changed by two people at once, ended, and hostile input."""

import io
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from node.domain.permissions import Role
from node.services.disclosure import publishing
from node.services.register import cases as register
from node.services.register import drafts
from node.store.database import reading
from node.store.journal import Wanted, find_entries, read_journal
from node.store.register.cases import CaseFile
from node.web.console.cases.form import place_problem, read_typed, type_record
from tests.factories import lang_text, sample_full_record, sample_record
from tests.node.web.console.conftest import Console, csrf_token, picture, send

CHILD = {
    "names-0-full": "Шевчук Дмитро",
    "names-0-kind": "legal",
    "names-0-lang": "Ukrainian",
    "names-0-script": "Cyrillic",
    "sex": "1",
    "age_at_disappearance-min": "12",
    "age_at_disappearance-unit": "year",
    "birth": "2014~",
    "nationalities": "Ukraine, PL",
}
DISAPPEARANCE = {
    "category": "runaway",
    "missing_since": "2026-11-02 17:30",
    "last_seen-country": "Ukraine",
    "last_seen-area-0-lang": "uk",
    "last_seen-area-0-text": "Львів",
    "last_seen-lat": "49,8",
    "last_seen-lon": "24",
    "circumstances-0-lang": "uk",
    "circumstances-0-text": "Не прийшов додому.",
    "circumstances-1-lang": "en",
    "circumstances-1-text": "Did not come home.",
    "circumstances-1-origin": "human",
}
BASIS = {
    "contacts-0-kind": "police",
    "contacts-0-value": "00 33 1 44 55 66 77",
    "authority-name-0-lang": "fr",
    "authority-name-0-text": "Police",
    "authority-kind": "police",
    "consent-basis": "parental",
    "consent-given_by_role": "Mother",
    "consent-scope": ["network", "public"],
    "consent-date": "2026-11-02",
}
RISK = {
    "risk-level": "medium",
    "risk-assessed_at": "2026-11-03 09:00",
    "risk-assessed_by_role": "Duty officer",
}
KIND = {"kind": "photo", "whose": "0"}
KEEPING = {"review_due": "2026-12-03", "purge_by": "2044-01-01"}


def text_of(page: TestResponse) -> str:
    return unescape(re.sub(r"<[^>]+>|\s+", " ", page.text))


def begin(client: FlaskClient, **fields: Any) -> str:
    """Begin a case and return where its draft is."""
    answer = send(client, "/cases/new", **(fields or CHILD), go="on")
    assert answer.status_code == 303
    found = re.match(r"/cases/unfinished/[^/]+/", answer.location)
    assert found, answer.location
    return found[0]


def add_case(console: Console, **changes: Any) -> tuple[CaseFile, str]:
    """Put a case into the register, and say where its page is."""
    record = sample_record("uk", photos=None, **changes)
    (case,) = register.add_cases(console.node, [record], "test", Path("/nonexistent"))
    return case, f"/cases/{case.case_id.partition('/')[2]}"


def change(client: FlaskClient, page: str, section: str, **fields: Any) -> str:
    """Begin to change a case in a section, and return where the draft is."""
    answer = send(client, f"{page}/change", section=section)
    where = answer.location.rpartition("/")[0]
    if fields:
        assert send(client, f"{where}/{section}", **fields, go="check").status_code == 303
    return where


def record_of(console: Console, page: str) -> dict[str, Any]:
    case_id = f"{console.node.member}/{page.rpartition('/')[2]}"
    return register.get_case(console.node, case_id).record


def test_a_case_is_entered_section_by_section(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    where = begin(client)
    for section, fields in (
        ("disappearance", DISAPPEARANCE),
        ("description", {"height-min": "140", "hair-colour": "black"}),
        ("others", {"vehicles-0-plate": "AA 1"}),
        ("basis", BASIS),
        ("risk", RISK),
        ("keeping", KEEPING),
    ):
        answer = send(client, f"{where}{section}", **fields, go="on")
        assert "checked" not in answer.location, client.get(answer.location).text
    assert answer.location == f"{where}check"
    done = send(client, f"{where}check")
    assert done.status_code == 303, text_of(done)
    record = record_of(console, done.location)
    assert record["names"] == [{"full": "Шевчук Дмитро", "kind": "legal", "lang": "uk", "script": "Cyrl"}]
    assert record["age_at_disappearance"] == {"min": 12, "max": 12, "unit": "year"}
    assert record["nationalities"] == ["UA", "PL"]
    assert record["missing_since"] == "2026-11-02T17:30:00+00:00"
    assert record["last_seen"]["lat"] == 49.8
    assert record["circumstances"]["en"] == {"text": "Did not come home.", "origin": "human"}
    assert record["contacts"] == [{"kind": "police", "value": "+33144556677"}]
    assert record["consent"]["given_by_role"] == "mother"
    assert record["height"] == {"min": 140, "max": 140, "unit": "cm"}
    assert client.get(f"{where}check").status_code == 303  # finished drafts are gone
    page = client.get(done.location)
    assert "Шевчук Дмитро" in page.text
    assert "Not published" in page.text


def test_what_is_unfinished_is_kept_however_wrong_and_for_its_author_alone(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    where = begin(client, **{"names-0-full": "Half", "birth": "some day", "age_at_disappearance-min": "old"})
    page = client.get(f"{where}child?checked=1")
    assert 'value="some day"' in page.text
    assert 'href="#birth"' in page.text
    assert "Write a date like" in page.text
    assert "Write a number" in page.text
    check = client.get(f"{where}check")
    assert "This is still to do" in check.text
    assert "Put the case into the register" not in check.text
    assert send(client, f"{where}check").status_code == 200
    assert register.list_cases(console.node, None, 10, 0) == []
    assert "Half" in client.get("/cases").text
    assert "Finish the new case." in client.get("/").text
    other = console.browser(Role.INVESTIGATOR)
    assert "Half" not in other.get("/cases").text
    for name in ("child", "check", "throw-away"):
        assert other.get(f"{where}{name}").location == "/cases"
    with reading(console.node.engine) as conn:
        (sealed,) = conn.exec_driver_sql("SELECT content FROM case_draft").scalars()
    assert b"Half" not in bytes(sealed)
    send(client, f"{where}throw-away")
    assert "Half" not in client.get("/cases").text
    begin(client)
    console.federation.clock.advance(days=31)
    drafts.forget_old(console.node)
    assert drafts.list_drafts(console.node, console.people[Role.OPERATOR]) == []


def test_rows_come_and_go_without_a_script(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    answer = send(client, "/cases/new", **CHILD, add="names")
    page = client.get(answer.location)
    assert 'name="names-1-full"' in page.text
    assert "Shevchuk Dmytro" in page.text  # what it may be in Latin letters
    where = answer.location.partition("?")[0]
    typed = {**CHILD, "names-1-full": "Dmytro", "names-1-kind": "nickname"}
    page = client.get(send(client, where, **typed, remove="names-0").location)
    assert 'value="Dmytro"' in page.text
    assert "Шевчук" not in page.text
    for forged in ("names-7", "names", "birth", "x-1-y", "names-0-full", "-", "names-99999999999999999999"):
        assert send(client, where, remove=forged).status_code == 303
        assert client.get(send(client, where, add=forged).location).status_code == 200


def test_a_record_that_nobody_touches_stays_as_it_is() -> None:
    for record in (sample_full_record(), sample_record("pt"), sample_record("ar"), sample_record("ja")):
        read = read_typed(type_record(record, "Europe/Paris"), record, "Europe/Paris")
        assert {name: value for name, value in read.items() if value != record.get(name)} == {}


def test_one_changed_row_keeps_what_the_form_does_not_show() -> None:
    record = sample_full_record()
    typed = type_record(record, "UTC")
    typed["companions"][0]["relation"] = "father"
    typed["names"][0]["full"] = "Інше"
    read = read_typed(typed, record, "UTC")
    assert read["names"][0] == {**record["names"][0], "full": "Інше"}
    assert read["companions"][0] == {**record["companions"][0], "relation": "father"}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("names[0].full", "names-0-full"),
        ("circumstances.en.text", "circumstances-1-text"),
        ("last_seen.area.uk", "last_seen-area-0"),
        ("height.min", "height-min"),
        ("companions[0].age.max", "companions-0-age-max"),
        ("names", "names"),
        ("names[9].full", "names"),
        ("alert.until", "alert-until"),
        ("at_risk_preventive.names[0].full", "at_risk_preventive-names"),
        ("photos[0].taken", ""),
        ("?", ""),
    ],
)
def test_a_problem_is_shown_beside_its_field(path: str, place: str) -> None:
    record = sample_full_record(circumstances=lang_text(uk="a", en="b"))
    assert place_problem(path, type_record(record, "UTC"))[0] == place


def test_a_change_shows_the_old_beside_the_new_and_is_in_the_history(console: Console) -> None:
    case, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    where = change(
        client, page, "keeping", review_due="2026-12-24", purge_by="2044-01-01", notes="Call them."
    )
    check = text_of(client.get(f"{where}/check"))
    assert "24 Dec 2026" in check
    assert "3 Dec 2026" in check
    assert send(client, f"{where}/check", revision="1").location == page
    record = record_of(console, page)
    assert record["review_due"] == "2026-12-24T00:00:00+00:00"
    assert record["purge_by"] == case.record["purge_by"]
    history = text_of(client.get(f"{page}/history"))
    assert "Call them." in history
    assert "console:operator" in history
    with reading(console.node.engine) as conn:
        (entry,) = find_entries(conn, Wanted(action="case.change"), 10)
    assert set(entry.entry.fields) == {"review_due", "notes"}


def test_two_people_change_a_case_at_once_and_nothing_is_lost(console: Console) -> None:
    _, page = add_case(console, notes="Old")
    one, two = console.browser(Role.OPERATOR), console.browser(Role.INVESTIGATOR)
    keep = {"review_due": "2026-12-03", "purge_by": "2044-01-01"}
    first = change(one, page, "keeping", **keep, notes="Mine")
    second = change(two, page, "keeping", **{**keep, "review_due": "2026-12-10"}, notes="Theirs")
    assert send(two, f"{second}/check", revision="1").status_code == 303
    check = one.get(f"{first}/check")
    assert "Mine" in check.text
    assert "Theirs" in check.text
    # The page that was open before the other person stored does nothing.
    assert send(one, f"{first}/check", revision="1").location == f"{first}/check"
    undecided = send(one, f"{first}/check", revision="2")
    assert "Choose for each field" in undecided.text
    assert record_of(console, page)["notes"] == "Theirs"
    assert send(one, f"{first}/check", revision="2", **{"take-notes": "mine"}).location == page
    record = record_of(console, page)
    assert record["notes"] == "Mine"
    assert record["review_due"] == "2026-12-10T00:00:00+00:00"  # theirs, which the first never touched


def test_the_other_persons_version_can_stay(console: Console) -> None:
    _, page = add_case(console, notes="Old")
    one, two = console.browser(Role.OPERATOR), console.browser(Role.INVESTIGATOR)
    first = change(one, page, "keeping", **KEEPING, notes="Mine")
    second = change(two, page, "keeping", **KEEPING, notes="Theirs")
    send(two, f"{second}/check", revision="1")
    assert send(one, f"{first}/check", revision="2", **{"take-notes": "theirs"}).location == page
    assert record_of(console, page)["notes"] == "Theirs"


@pytest.mark.parametrize("forged", ["", "0", "7", "-1", "x", "1' OR 1", "٣"])
def test_a_forged_revision_changes_nothing(console: Console, forged: str) -> None:
    _, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    where = change(client, page, "keeping", **KEEPING, notes="New")
    assert send(client, f"{where}/check", revision=forged).location == f"{where}/check"
    assert "notes" not in record_of(console, page)
    photograph = {"pictures": (io.BytesIO(picture()), "child.png"), "revision": forged, **KIND}
    answer = send(client, f"{page}/photographs", **photograph)
    assert answer.status_code == 200
    assert "photos" not in record_of(console, page)


def test_a_form_outlives_the_end_of_its_session(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    where = begin(client)
    token = csrf_token(client.get(f"{where}child"))
    console.federation.clock.advance(minutes=45)
    assert (
        client.post(f"{where}child", data={**CHILD, "names-0-full": "Late", "csrf_token": token}).location
        == "/sign-in"
    )
    console.sign_in(client, console.people[Role.OPERATOR])
    assert 'value="Late"' in client.get(f"{where}child").text


def test_fields_that_are_not_in_the_form_are_not_read(console: Console) -> None:
    case, page = add_case(console)
    client = console.browser(Role.OPERATOR)
    forged = {
        "outcome": "recovered_safe",
        "photos-0-file": "/etc/passwd",
        "alert-state": "active",
        "status": "published",
        "vehicles-0-unknown": "x",
        "vehicles-0-was": "999999",
        "vehicles-99999999-plate": "x",
        "category": "<script>alert(1)</script>",
    }
    where = change(client, page, "others", **forged, **{"vehicles-1-plate": "BB 2"})
    send(client, f"{where}/check", revision="1")
    record = record_of(console, page)
    assert record["vehicles"] == [{"plate": "BB 2"}]
    changed = {name for name in {**record, **case.record} if record.get(name) != case.record.get(name)}
    assert changed <= {"vehicles", "companions", "destinations"}


def test_a_script_in_a_text_is_shown_as_text(console: Console) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
    _, page = add_case(
        console,
        names=[{"full": evil, "kind": "legal"}],
        circumstances=lang_text(en=evil),
        notes=evil,
        contacts=[{"kind": "police", "value": "+33144556677", "hours": evil}],
    )
    client = console.browser(Role.OPERATOR)
    where = change(client, page, "child", **{**CHILD, "names-0-full": evil + "2"})
    for address in (
        "/cases",
        page,
        f"{page}/history",
        f"{page}/change",
        f"{page}/erase",
        f"{where}/check",
        *(f"{where}/{key}?checked=1" for key in ("child", "disappearance", "basis", "keeping")),
    ):
        text = client.get(address).text
        assert "<script>alert" not in text, address
        assert "<img src=x" not in text, address
        assert "49" not in re.findall(r"\{\{7\*7\}\}|>49<", text), address


def test_ids_of_other_members_cases_open_nothing(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    foreign = console.told.foreign.partition("/")[2]
    for tail in (
        "",
        "/history",
        "/photographs",
        "/change",
        "/close",
        "/erase",
        "/undo",
        "/photographs/" + "0" * 64,
    ):
        assert client.get(f"/cases/{foreign}{tail}").status_code == 404, tail


def test_the_register_is_narrowed_and_searched(console: Console) -> None:
    one, _ = add_case(console, names=[{"full": "Ana Silva", "kind": "legal"}], category="runaway")
    add_case(
        console,
        names=[{"full": "Omar", "kind": "legal"}],
        category="catastrophe",
        review_due="2026-11-20T00:00:00Z",
    )
    client = console.browser(Role.ANALYST)
    assert "Ana Silva" in client.get("/cases").text
    for query, found in (
        ("category=catastrophe", {"Omar"}),
        ("review=1", {"Omar"}),
        ("status=draft&category=runaway", {"Ana Silva"}),
        ("status=published", set()),
        ("status=nonsense&category=nonsense&page=99", {"Omar", "Ana Silva"}),
    ):
        text = client.get(f"/cases?{query}").text
        assert {name for name in ("Omar", "Ana Silva") if name in text} == found, query
    page = client.get("/cases")
    answer = client.post("/cases/find", data={"csrf_token": csrf_token(page), "name": "Анна Сильва"})
    assert "Ana Silva" in answer.text
    assert "Omar" not in answer.text
    assert client.get("/cases/find").location == "/cases"
    too_long = {"csrf_token": csrf_token(page), "text": "x" * 5_000}
    assert client.post("/cases/find", data=too_long).location == "/cases"
    with reading(console.node.engine) as conn:
        assert len(list(find_entries(conn, Wanted(action="search"), 10))) == 1
    assert one.case_id


def test_a_case_ends_and_that_is_undone(console: Console) -> None:
    (published,) = console.federation.publish(console.node.member, sample_record("uk", photos=None))
    page = f"/cases/{published.case_id.partition('/')[2]}"
    client = console.browser(Role.OPERATOR)
    assert "found dead" not in client.get(f"{page}/close").text
    assert send(client, f"{page}/close", outcome="recovered_deceased").status_code == 200
    assert send(client, f"{page}/close", outcome="recovered_safe", day="yesterday").status_code == 200
    assert send(client, f"{page}/close", outcome="recovered_safe", day="2026-11-20").location == page
    assert record_of(console, page)["outcome"] == "recovered_safe"
    for address in (page, f"{page}/history"):
        assert "The child was found, safe" in client.get(address).text
    assert "It can still be undone." in client.get("/").text
    assert send(client, f"{page}/withdraw").location == page  # not published any more: says so
    again = send(client, f"{page}/undo").location
    assert again != page
    assert (
        register.get_case(console.node, f"{console.node.member}/{again.rpartition('/')[2]}").status
        == "published"
    )
    assert "This case is erased" in client.get(page).text
    assert send(client, f"{again}/withdraw").location == again
    console.federation.clock.advance(days=4)
    console.sign_in(client, console.people[Role.OPERATOR])
    assert "It can still be undone." not in client.get("/").text
    assert "Undo the withdrawal" not in client.get(again).text
    assert send(client, f"{again}/undo").location == again
    change(client, again, "keeping", notes="To be erased")
    assert send(client, f"{again}/erase").location == again
    assert "This case is erased" in client.get(again).text
    assert "To be erased" not in client.get("/cases").text
    assert "Finish" not in client.get("/").text


def test_a_page_that_names_the_child_is_in_the_journal(console: Console) -> None:
    (case,) = console.federation.publish(console.node.member, sample_record("pt", photos=None))
    client, page = console.browser(Role.OPERATOR), f"/cases/{case.case_id.partition('/')[2]}"
    for what in ("close", "withdraw", "erase", "undo", "risk"):
        assert "João" in client.get(f"{page}/{what}").text
    with reading(console.node.engine) as conn:
        opened = [line for line in read_journal(conn, case.case_id) if line.actor == "console:operator"]
    assert {line.action for line in opened} == {"case.open"}
    assert [list(line.fields) for line in opened] == [["names", "risk"], *[["names"]] * 4]


def test_only_those_who_may_record_a_death_do(console: Console) -> None:
    (published,) = console.federation.publish(console.node.member, sample_record("uk", photos=None))
    page = f"/cases/{published.case_id.partition('/')[2]}"
    client = console.browser(Role.APPROVER)
    assert "Change a case" not in client.get(page).text
    assert send(client, f"{page}/close", outcome="recovered_deceased").location == page
    assert record_of(console, page)["outcome"] == "recovered_deceased"


def test_a_case_shows_who_holds_it(console: Console) -> None:
    console.told  # noqa: B018 - a published case of ours, which a German peer reads
    (published,) = console.federation.publish(console.node.member, sample_record("uk", photos=None))
    page = f"/cases/{published.case_id.partition('/')[2]}"
    register.exclude_members(console.node, published.case_id, [], "test")
    text = text_of(console.browser(Role.ANALYST).get(page))
    assert "The public and other members" in text
    assert "police.de.example" in text
    publishing.erase(console.node, published.case_id, "test")
