"""Sessions: when they end, and what is kept of what somebody was typing."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from node.domain.permissions import Role
from node.services.people import accounts, sessions, sign_in
from node.services.people.sessions import KEPT, MAX_KEPT, Visit
from node.store.database import reading, writing
from node.store.staff import people
from tests.node.services.people.conftest import HERE, PASSWORD, Desk


@pytest.fixture
def token(desk: Desk) -> str:
    authenticator, _ = desk.enrol()
    return sign_in.check_code(desk.node, desk.password(), desk.code(authenticator), HERE)


def is_open(desk: Desk, token: str) -> bool:
    found = sessions.find_visit(desk.node, token)
    return found is not None and not found.ended


def test_a_session_ends_some_time_after_its_last_use(desk: Desk, token: str) -> None:
    for _ in range(3):
        desk.clock.advance(minutes=29)
        assert is_open(desk, token)
    desk.clock.advance(minutes=30)
    assert not is_open(desk, token)
    assert desk.visit(token).ended  # whose it was is still known


def test_a_session_ends_some_time_after_it_began(desk: Desk, token: str) -> None:
    for _ in range(12 * 3 - 1):
        desk.clock.advance(minutes=20)
        assert is_open(desk, token)
    desk.clock.advance(minutes=20)
    assert not is_open(desk, token)


def test_half_a_sign_in_waits_ten_minutes(desk: Desk) -> None:
    token = sign_in.check_password(desk.node, "ana", PASSWORD, HERE)
    desk.clock.advance(minutes=9)
    assert is_open(desk, token)
    desk.clock.advance(minutes=1)
    assert not is_open(desk, token)


def test_somebody_signs_out_here_or_everywhere_else(desk: Desk, token: str) -> None:
    desk.clock.advance(seconds=30)
    visit = desk.visit(token)
    with writing(desk.node.engine) as conn:
        more = [
            sessions.begin_session(conn, desk.ana, "Chrome", desk.clock(), complete=True) for _ in range(2)
        ]
    assert [item.device for item in sessions.list_open_sessions(desk.node, desk.ana)].count("Chrome") == 2
    sessions.end_other_sessions(desk.node, visit)
    assert is_open(desk, token)
    assert not any(is_open(desk, other) for other in more)
    sessions.end_session(desk.node, visit)
    assert sessions.find_visit(desk.node, token) is None
    assert [action for _, action, _ in desk.journal()[:2]] == ["sign-out", "sign-out.others"]


@pytest.mark.parametrize("token", ["", "x", "0" * 43, "\x00", "é", "\ud800", "x" * 100_000, "' OR 1=1 --"])
def test_anything_else_is_no_session(desk: Desk, token: str) -> None:
    assert sessions.find_visit(desk.node, token) is None


FIELDS = [("name", "ليلى"), ("role", "one"), ("role", "two"), ("text", "a\r\nb")]


def test_a_form_is_kept_for_its_author_and_its_page_for_an_hour(desk: Desk) -> None:
    assert sessions.keep_form(desk.node, desk.ana, "/cases/new", FIELDS)
    assert sessions.find_form(desk.node, desk.ana, "/cases/new") == FIELDS
    assert sessions.find_form(desk.node, desk.ana, "/cases/other") is None
    with reading(desk.node.engine) as conn:
        assert "ليلى".encode() not in conn.execute(people.kept_form.select()).one().fields
    sessions.keep_form(desk.node, desk.ana, "/cases/new", FIELDS[:1])
    assert sessions.find_form(desk.node, desk.ana, "/cases/new") == FIELDS[:1]
    desk.clock.advance(seconds=KEPT.total_seconds())
    assert sessions.find_form(desk.node, desk.ana, "/cases/new") is None
    sessions.forget_old(desk.node)
    with reading(desk.node.engine) as conn:
        assert conn.execute(people.kept_form.select()).all() == []


def test_a_form_is_forgotten_once_it_was_sent(desk: Desk) -> None:
    sessions.keep_form(desk.node, desk.ana, "/cases/new", FIELDS)
    sessions.drop_form(desk.node, desk.ana, "/cases/new")
    assert sessions.find_form(desk.node, desk.ana, "/cases/new") is None


def test_no_more_is_kept_than_a_form_can_hold(desk: Desk) -> None:
    assert not sessions.keep_form(desk.node, desk.ana, "/cases/new", [("text", "x" * MAX_KEPT)])
    assert sessions.find_form(desk.node, desk.ana, "/cases/new") is None


def test_no_more_forms_are_kept_than_a_person_types_in_an_hour(desk: Desk) -> None:
    purpose = f"purpose of {desk.ana.id}"
    sessions.keep_form(desk.node, desk.ana, purpose, FIELDS)
    for number in range(30):
        desk.clock.advance(seconds=1)
        assert sessions.keep_form(desk.node, desk.ana, f"/invented/{number}", FIELDS)
    with reading(desk.node.engine) as conn:
        kept = set(conn.execute(select(people.kept_form.c.path)).scalars())
    assert kept == {purpose, *(f"/invented/{number}" for number in range(10, 30))}


@pytest.mark.parametrize("end", [accounts.disable, accounts.reset_password, accounts.reset_second_factor])
def test_forms_go_with_the_sessions_that_an_administrator_ends(
    desk: Desk, end: Callable[..., object]
) -> None:
    jo, _ = accounts.add_person(desk.node, "jo", "Jo", [Role.OPERATOR], "test")
    for person in (jo, desk.ana):
        sessions.keep_form(desk.node, person, "/cases/new", FIELDS)
    end(desk.node, jo.id, "test")
    assert sessions.find_form(desk.node, jo, "/cases/new") is None
    assert sessions.find_form(desk.node, desk.ana, "/cases/new") == FIELDS


def test_sessions_long_over_are_forgotten(desk: Desk, token: str) -> None:
    desk.clock.advance(days=6)
    sessions.forget_old(desk.node)
    assert isinstance(sessions.find_visit(desk.node, token), Visit)
    desk.clock.advance(days=2)
    sessions.forget_old(desk.node)
    assert sessions.find_visit(desk.node, token) is None
