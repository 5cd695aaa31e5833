"""The pages of the federation: how members stand, accepting one, pulling, erasures and evidence."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import render_template
from flask.testing import FlaskClient

from node.domain.permissions import Role
from node.services.disclosure import ledger, publishing
from node.services.endings import erasure
from node.services.members import membership
from node.services.status.outlook import list_overviews
from node.services.witnesses import evidence
from node.store import marks
from node.store.database import reading, writing
from node.store.federation import peers
from node.web.console.federation.members import AcceptForm
from protocol.evidence import parse_evidence, verify_evidence
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, down
from tests.node.web.console.conftest import Console, csrf_token, keep_evidence, open_console, send

MEMBER = f"/federation/members/{DE[0]}"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with open_console(tmp_path) as made:
        yield made


@pytest.fixture
def admin(console: Console) -> FlaskClient:
    return console.browser(Role.ADMINISTRATOR)


def unaccept(console: Console) -> str:
    """Let the keys of the other member be new here, and give their fingerprint."""
    with writing(console.node.engine) as conn:
        peers.accept_peer(conn, DE[0], "", console.node.clock())
    (view,) = membership.list_members(console.node)
    assert not view.accepted
    return view.fingerprint


def words(client: FlaskClient, path: str = "/federation") -> str:
    return " ".join(client.get(path).text.split())


def next_at(console: Console) -> object:
    with reading(console.node.engine) as conn:
        found = peers.find_peer(conn, DE[0])
    assert found is not None
    return found.next_at


# --- Members ---


def test_how_a_member_stands_is_said_in_a_word(console: Console, admin: FlaskClient) -> None:
    assert "Nothing yet" in words(admin)
    console.federation.publish(DE[0], sample_record("ar", photos=None))
    console.federation.pull(FR[0], DE[0])
    assert "Fresh" in words(admin)
    console.federation.clock.advance(hours=3)
    admin = console.browser(Role.ADMINISTRATOR)
    assert "Stale" in words(admin)
    console.federation.wire.faults[DE[0]] = [down]
    console.federation.pull(FR[0], DE[0])
    assert "Not reached" in words(admin)
    assert "It cannot be reached." in words(admin, MEMBER)
    del console.federation.wire.faults[DE[0]]
    console.federation.pull(FR[0], DE[0])
    console.federation.clock.advance(days=1)
    assert "Silent" in words(console.browser(Role.ADMINISTRATOR))


def test_what_a_member_holds_of_ours_is_what_it_said(console: Console, admin: FlaskClient) -> None:
    (published,) = console.federation.publish(FR[0], sample_record("ar", photos=None))
    assert ">0<" in words(admin).split("Ours there</span>")[-1][:40]
    console.federation.pull(DE[0], FR[0])
    assert ">1<" in words(admin).split("Ours there</span>")[-1][:40]
    publishing.erase(console.node, published.case_id, "test")
    console.federation.pull(DE[0], FR[0])
    assert ">0<" in words(admin).split("Ours there</span>")[-1][:40]


def test_a_member_is_accepted_once_its_fingerprint_was_compared(console: Console, admin: FlaskClient) -> None:
    shown = unaccept(console)
    assert "waits to be accepted" in words(admin, "/")
    assert "Not accepted" in words(admin)
    page = words(admin, f"{MEMBER}/accept")
    assert shown in page
    assert "tel:" in page
    answer = send(admin, f"{MEMBER}/accept", shown=shown)
    assert (answer.status_code, "Compare first" in answer.text) == (200, True)
    answer = send(admin, f"{MEMBER}/accept", shown="other-keys", compared="y")
    assert "Its keys have changed" in answer.text
    assert not membership.list_members(console.node)[0].accepted
    answer = send(admin, f"{MEMBER}/accept", shown=shown, compared="y")
    assert (answer.status_code, answer.location) == (303, MEMBER)
    assert membership.list_members(console.node)[0].accepted
    assert "waits to be accepted" not in words(admin, "/")
    assert "already" in words(admin, f"{MEMBER}/accept")


def test_a_member_that_is_not_listed_is_not_found(admin: FlaskClient) -> None:
    for path in ("", "/accept"):
        assert admin.get(f"/federation/members/police.nowhere.example{path}").status_code == 404


def test_pulling_now_makes_members_due_and_waits_for_nothing(console: Console, admin: FlaskClient) -> None:
    console.federation.pull(FR[0], DE[0])
    calls = len(console.federation.wire.calls)
    assert next_at(console) != console.node.clock()
    token = csrf_token(admin.get("/federation"))
    answer = admin.post("/federation/pull", data={"csrf_token": token})
    assert (answer.status_code, answer.location) == (303, "/federation")
    assert "1 member is asked now." in words(admin)
    assert next_at(console) == console.node.clock()
    assert len(console.federation.wire.calls) == calls
    assert "Pull now" not in words(console.browser(Role.ANALYST))


def test_a_page_that_asks_for_itself_keeps_nobody_signed_in(console: Console) -> None:
    here, away = console.browser(Role.ANALYST), console.browser(Role.ANALYST)
    assert "X-By-Itself" in here.get("/federation").text
    for _ in range(4):
        console.federation.clock.advance(minutes=10)
        here.get("/federation")
        away.get("/federation", headers={"X-By-Itself": "1", "HX-Request": "true"})
    assert here.get("/federation").status_code == 200
    assert away.get("/federation", headers={"X-By-Itself": "1", "HX-Request": "true"}).status_code == 401


def test_a_roster_that_runs_out_is_due(console: Console) -> None:
    def due() -> str:
        return words(console.browser(Role.ADMINISTRATOR), "/")

    assert "list of members" not in due()
    console.federation.clock.advance(days=5, hours=1)
    assert "The list of members runs out." in due()
    console.federation.clock.advance(days=2)
    assert "The list of members has run out" in due()
    assert "list of members" not in words(console.browser(Role.ANALYST), "/")


@pytest.mark.parametrize(
    ("members", "text"),
    [((FR, NGO), f"Your endorsement of {NGO[0]} ends."), ((NGO, FR), "This member&#39;s endorsement ends.")],
)
def test_an_endorsement_that_ends_is_due_on_both_sides(
    tmp_path: Path, members: tuple[tuple[str, str, str], ...], text: str
) -> None:
    with open_console(tmp_path, members=members) as console:
        assert text not in words(console.browser(Role.ADMINISTRATOR), "/")
        console.federation.clock.advance(days=340)
        console.federation.coordinator.announce()
        console.federation.refresh()
        assert text in words(console.browser(Role.ADMINISTRATOR), "/")


def test_a_member_that_is_not_listed_itself_is_told_so(console: Console) -> None:
    trusted = console.federation.coordinator.trusted
    others = tuple(member for member in trusted.roster.members if member.id != FR[0])
    console.federation.coordinator.trusted = replace(trusted, roster=replace(trusted.roster, members=others))
    membership.refresh(console.node)
    admin = console.browser(Role.ADMINISTRATOR)
    for path in ("/", "/federation"):
        assert "The list of members does not name this member." in words(admin, path)
    assert "Pull now" not in words(admin)


# --- Erasures ---


def test_the_ledger_says_who_has_purged_and_who_is_late(console: Console, admin: FlaskClient) -> None:
    (published,) = console.federation.publish(FR[0], sample_record("ar", photos=None))
    console.federation.pull(DE[0], FR[0])
    assert "Everybody has purged" in words(admin, "/erasures")
    publishing.erase(console.node, published.case_id, "test")
    page = words(admin, "/erasures")
    assert published.case_id in page
    assert "has not answered" in page
    assert "are late" not in page
    console.federation.clock.advance(hours=25)
    admin = console.browser(Role.ADMINISTRATOR)
    assert "are late" in words(admin, "/erasures")
    assert "is late with purging" in words(admin, "/")
    console.federation.coordinator.announce()
    console.federation.refresh()
    console.federation.pull(DE[0], FR[0])
    erasure.purge(console.federation[DE[0]])
    console.federation.pull(DE[0], FR[0])
    assert "purged</span>" in words(admin, "/erasures?show=all")
    ledger.remind(console.node)
    assert "Everybody has purged" in words(admin, "/erasures")
    assert "is late" not in words(admin, "/")


def test_a_long_ledger_is_cut_into_pages(console: Console, admin: FlaskClient) -> None:
    published = console.federation.publish(FR[0], *(sample_record("ar", photos=None) for _ in range(14)))
    for case in published:  # each ends in two feeds
        publishing.erase(console.node, case.case_id, "test")
    first, second = words(admin, "/erasures"), words(admin, "/erasures?page=2")
    assert (first.count('scope="row"'), second.count('scope="row"')) == (25, 3)
    assert 'rel="next"' in first
    assert 'rel="next"' not in second
    assert "page=1" in second


def test_reminding_rings_the_silent_next_however_lately_it_was(console: Console, admin: FlaskClient) -> None:
    (published,) = console.federation.publish(FR[0], sample_record("ar", photos=None))
    publishing.erase(console.node, published.case_id, "test")
    console.federation.clock.advance(hours=30)
    within = timedelta(hours=26)
    assert ledger.remind(console.node) == [DE[0]]
    assert ledger.remind(console.node, within) == []
    admin = console.browser(Role.ADMINISTRATOR)
    token = csrf_token(admin.get("/erasures"))
    assert admin.post("/erasures/remind", data={"csrf_token": token}).status_code == 303
    assert ledger.remind(console.node, within) == [DE[0]]
    assert ledger.remind(console.node, within) == []
    with reading(console.node.engine) as conn:
        assert marks.find_mark(conn, marks.REMIND) is None


# --- Evidence ---


def test_evidence_is_shown_handed_out_and_closed_with_a_reason(console: Console, admin: FlaskClient) -> None:
    assert "no evidence" in words(admin, "/evidence")
    kept = keep_evidence(console.federation, FR[0], DE[0])
    path = f"/evidence/{kept}"
    assert "has shown two faces" in words(admin, "/")
    assert kept[:12] in words(admin, "/evidence")
    assert "Call the duty desk" in words(admin, path)
    with admin.get(f"{path}/file") as answer:
        keys = evidence.keys_of(console.node, f"{DE[0]}/network")
        verify_evidence(parse_evidence(answer.data), keys)
        assert answer.headers["Content-Disposition"].startswith("attachment;")
    answer = send(admin, f"{path}/close", reason=" ")
    assert "Write what was found out" in answer.text
    answer = send(admin, f"{path}/close", reason="Spoke to <b>Ms Koné</b>.")
    assert (answer.status_code, answer.location) == (303, path)
    page = words(admin, path)
    assert "Spoke to &lt;b&gt;Ms Koné&lt;/b&gt;." in page
    assert "console:administrator" in page
    assert "already" in words(admin, f"{path}/close")
    assert "two faces" not in words(admin, "/")


def test_closing_twice_says_that_it_changed(console: Console, admin: FlaskClient) -> None:
    kept = keep_evidence(console.federation, FR[0], DE[0])
    token = csrf_token(admin.get(f"/evidence/{kept}/close"))
    form = {"csrf_token": token, "reason": "An old copy."}
    assert admin.post(f"/evidence/{kept}/close", data=form).status_code == 303
    assert admin.post(f"/evidence/{kept}/close", data=form).status_code == 409
    assert admin.get("/evidence/ffff").status_code == 404


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"ja": "警察", "en": "Police", "ar": "الشرطة"}, "الشرطة"),
        ({"ja": "警察", "en": "Police"}, "Police"),
        ({"ja": "警察"}, "警察"),
    ],
)
def test_a_member_is_named_in_the_readers_language_else_so_that_most_can_read_it(
    console: Console, names: dict[str, str], name: str
) -> None:
    (found,) = list_overviews(console.node)
    called = replace(found, peer=replace(found.peer, names=names))
    with console.app.test_request_context("/federation", headers={"Accept-Language": "ar"}):
        page = render_template("federation/accept.html", found=called, form=AcceptForm())
    assert f"<strong><bdi>{name}</bdi></strong>" in page
