"""Foreign cases: what is seen without a purpose, what opens with one, for whom and for how long."""

import pytest

from node.domain.permissions import Role
from node.services.disclosure import publishing
from node.store.database import reading
from node.store.journal import JournalEntry, read_journal
from tests.factories import sample_full_record
from tests.node.web.console.conftest import Console, send

PURPOSE = "border check, report 4711"


@pytest.fixture
def console(told_console: Console) -> Console:
    return told_console


def journal(console: Console) -> list[JournalEntry]:
    with reading(console.node.engine) as conn:
        return [entry for entry in read_journal(conn, limit=50) if entry.case_id == console.told.foreign]


def open_with_purpose(console: Console, role: Role, purpose: str = PURPOSE) -> str:
    client, address = console.browser(role), f"/foreign/{console.told.foreign}"
    answer = send(client, f"{address}/purpose", purpose=purpose)
    assert (answer.status_code, answer.location) == (303, f"{address}#closed")
    return client.get(address).text


def test_the_public_part_is_open_and_says_where_it_comes_from(console: Console) -> None:
    page = console.browser(Role.ANALYST).get(f"/foreign/{console.told.foreign}").text
    for said in ("Verified", "against the owner", "Version", 'href="tel:', "police.de.example"):
        assert said in page
    assert "your roles do not open it" in page
    assert "What do you need it for?" not in page
    assert [entry.fields for entry in journal(console) if entry.action == "case.open"] == [["head", "public"]]


def test_the_closed_parts_open_for_a_purpose_and_for_those_roles_only(console: Console) -> None:
    address = f"/foreign/{console.told.foreign}"
    before = console.browser(Role.OPERATOR).get(address).text
    assert "Nationalities" not in before
    assert "What do you need it for?" in before
    page = open_with_purpose(console, Role.OPERATOR)
    assert PURPOSE in page
    assert "Nationalities" in page
    assert "Medical needs" not in page
    assert journal(console)[0].purpose == PURPOSE
    assert "police" not in journal(console)[0].fields
    assert "Medical needs" in open_with_purpose(console, Role.INVESTIGATOR)
    assert "police" in journal(console)[0].fields
    assert console.browser(Role.ANALYST).get(f"{address}/purpose").status_code == 403


def test_a_purpose_holds_for_one_case_one_session_and_half_an_hour(console: Console) -> None:
    client, address = console.browser(Role.OPERATOR), f"/foreign/{console.told.foreign}"
    (other,) = console.federation.publish("police.de.example", sample_full_record(photos=None, alert=None))
    console.federation.pull(console.node.member, "police.de.example")
    send(client, f"{address}/purpose", purpose=PURPOSE)
    assert "Nationalities" in client.get(address).text
    assert "Nationalities" not in client.get(f"/foreign/{other.case_id}").text
    assert "Nationalities" not in console.browser(Role.OPERATOR).get(address).text
    console.federation.clock.advance(minutes=20)
    assert "Nationalities" in client.get(address).text
    console.federation.clock.advance(minutes=11)
    assert "Nationalities" not in client.get(address).text


@pytest.mark.parametrize("purpose", ["", "x", "x" * 301, "  \n "])
def test_a_purpose_that_says_nothing_opens_nothing(console: Console, purpose: str) -> None:
    client, address = console.browser(Role.OPERATOR), f"/foreign/{console.told.foreign}"
    answer = send(client, f"{address}/purpose", purpose=purpose)
    assert answer.status_code == 200
    assert "Please look at this again" in answer.text
    assert "Nationalities" not in client.get(address).text


def test_script_in_a_purpose_is_text(console: Console) -> None:
    page = open_with_purpose(console, Role.OPERATOR, "<script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_script_in_what_a_peer_wrote_is_text(console: Console) -> None:
    bad = "<script>alert(1)</script>"
    names = [{"full": bad, "kind": "legal"}]
    text = {"en": {"text": f'{bad}"><img src=x onerror=alert(1)>', "origin": "machine"}}
    text["de"] = {**text["en"], "origin": "original"}
    record = sample_full_record(photos=None, alert=None, names=names, circumstances=text, narrative=text)
    (case,) = console.federation.publish("police.de.example", record)
    console.federation.pull(console.node.member, "police.de.example")
    client = console.browser(Role.INVESTIGATOR)
    send(client, f"/foreign/{case.case_id}/purpose", purpose=PURPOSE)
    page = client.get(f"/foreign/{case.case_id}").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "Translated by a program" in page


def test_a_photograph_is_sent_and_kept_nowhere(console: Console) -> None:
    told = console.told
    answer = console.browser(Role.ANALYST).get(f"/foreign/{told.foreign}/photographs/{told.photograph}")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"] == "no-store"
    assert console.browser(Role.AUDITOR).get(
        f"/foreign/{told.foreign}/photographs/{told.photograph}"
    ).status_code == 403  # fmt: skip


def test_what_is_not_there_is_not_found(console: Console) -> None:
    client, told = console.browser(Role.INVESTIGATOR), console.told
    member = "police.de.example"
    for path in (
        f"/foreign/{member}/{'a' * 26}",
        f"/foreign/{member}/..%2f..",
        "/foreign/nobody/x",
        f"/foreign/<b>/{'a' * 26}",
        f"/foreign/{told.foreign}/photographs/{'0' * 64}",
        f"/foreign/{told.foreign}/photographs/..",
        f"/foreign/{told.own}/photographs/{told.photograph}",
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "gmcn" not in answer.text.partition("<main")[2], path


def test_an_erased_case_is_gone_with_its_photograph(console: Console) -> None:
    told, client = console.told, console.browser(Role.INVESTIGATOR)
    publishing.erase(console.federation["police.de.example"], told.foreign, "test")
    console.federation.pull(console.node.member, "police.de.example")
    assert client.get(f"/foreign/{told.foreign}").status_code == 404
    assert client.get(f"/foreign/{told.foreign}/photographs/{told.photograph}").status_code == 404
