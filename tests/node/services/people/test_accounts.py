"""Accounts: who may be added, what changes end, and that somebody always can manage people."""

import pytest

from node.domain.permissions import Permission, Role
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from node.services.people import accounts, sessions
from node.services.people.passwords import MIN_LENGTH, generate_secret
from node.store.database import reading
from node.store.staff import people
from tests.federation import Federation
from tests.node.services.people.conftest import HERE, PASSWORD, Desk


def test_somebody_is_added_with_a_password_that_is_shown_once(desk: Desk) -> None:
    made, password = accounts.add_person(
        desk.node, " Jo.Weil@desk-3 ", " Jo  Weil ", [Role.OPERATOR, Role.APPROVER], "cli:root"
    )
    assert (made.name, made.full_name, made.must_change) == ("jo.weil@desk-3", "Jo Weil", True)
    assert made.may(Permission.APPROVE)
    assert not made.may(Permission.MANAGE_PEOPLE)
    assert desk.password("JO.weil@desk-3", password).person.id == made.id
    with reading(desk.node.engine) as conn:
        assert password not in repr(conn.execute(people.person.select()).all())
    assert ("cli:root", "person.add", "jo.weil@desk-3 approver operator") in desk.journal()
    assert password not in repr(desk.journal())
    assert [person.name for person in accounts.list_people(desk.node)] == ["ana", "jo.weil@desk-3"]


@pytest.mark.parametrize("full_name", ["پری‌سا احمدی", "山田　花子"])
def test_a_person_is_called_as_their_script_is_written(desk: Desk, full_name: str) -> None:
    made, _ = accounts.add_person(desk.node, "somebody", full_name, [Role.AUDITOR], "cli:root")
    assert made.full_name == " ".join(full_name.split())


@pytest.mark.parametrize(
    ("name", "full_name", "roles", "password"),
    [
        ("", "Jo", ["operator"], None),
        ("j", "Jo", ["operator"], None),
        ("j o", "Jo", ["operator"], None),
        ("jö", "Jo", ["operator"], None),
        ("-jo", "Jo", ["operator"], None),
        ("j" * 65, "Jo", ["operator"], None),
        ("jo", " ", ["operator"], None),
        ("jo", "J" * 101, ["operator"], None),
        ("jo", "Jo\x00", ["operator"], None),
        ("jo", "Jo", [], None),
        ("jo", "Jo", ["operator"], "x" * (MIN_LENGTH - 1)),
        ("jo", "Jo", ["operator"], "x" * 201),
        ("jo", "Jo", ["operator"], "aaaaaaaaaaaaaaaa"),
        ("joanna", "Jo", ["operator"], "I am JOANNA from here"),
    ],
)
def test_somebody_who_cannot_be_added(
    desk: Desk, name: str, full_name: str, roles: list[str], password: str | None
) -> None:
    with pytest.raises(InvalidInput):
        accounts.add_person(desk.node, name, full_name, [Role(role) for role in roles], "test", password)
    assert [person.name for person in accounts.list_people(desk.node)] == ["ana"]


def test_a_name_is_given_once(desk: Desk) -> None:
    with pytest.raises(Conflict):
        accounts.add_person(desk.node, "ANA", "Another Ana", [Role.OPERATOR], "test")


def test_the_role_of_the_police_is_not_given_by_others(federation: Federation) -> None:
    ngo = federation["ngo.fr.example"]
    with pytest.raises(InvalidInput) as caught:
        accounts.add_person(ngo, "jo", "Jo", [Role.INVESTIGATOR], "test")
    assert "police" in caught.value.problems[0]
    made, _ = accounts.add_person(ngo, "jo", "Jo", [Role.OPERATOR], "test")
    with pytest.raises(InvalidInput):
        accounts.set_roles(ngo, made.id, [Role.OPERATOR, Role.INVESTIGATOR], "test")


def test_the_last_administrator_stays(desk: Desk) -> None:
    with pytest.raises(Conflict):
        accounts.disable(desk.node, desk.ana.id, "test")
    with pytest.raises(Conflict):
        accounts.set_roles(desk.node, desk.ana.id, [Role.AUDITOR], "test")
    jo, _ = accounts.add_person(desk.node, "jo", "Jo", [Role.ADMINISTRATOR], "test")
    accounts.disable(desk.node, jo.id, "test")
    with pytest.raises(Conflict):  # a disabled one does not count
        accounts.disable(desk.node, desk.ana.id, "test")
    accounts.enable(desk.node, jo.id, "test")
    accounts.set_roles(desk.node, desk.ana.id, [Role.AUDITOR], "test")
    assert desk.again().roles == {Role.AUDITOR}


def test_who_is_disabled_is_out_at_once(desk: Desk) -> None:
    jo, password = accounts.add_person(desk.node, "jo", "Jo", [Role.OPERATOR], "test")
    visit = desk.password("jo", password)
    accounts.disable(desk.node, jo.id, "test")
    with reading(desk.node.engine) as conn:
        assert people.find_session(conn, visit.session.hash) is None
    with pytest.raises(NotAllowed):
        desk.password("jo", password)
    assert accounts.find_person(desk.node, jo.id).permissions == frozenset()
    accounts.enable(desk.node, jo.id, "test")
    assert desk.password("jo", password).person.may(Permission.WRITE_CASES)


def test_a_reset_password_is_another_and_must_be_changed(desk: Desk) -> None:
    visit = desk.password()
    password = accounts.reset_password(desk.node, desk.ana.id, "cli:root")
    with reading(desk.node.engine) as conn:
        assert people.find_session(conn, visit.session.hash) is None
    with pytest.raises(NotAllowed):
        desk.password()
    visit = desk.password(password=password)
    assert visit.person.must_change
    with pytest.raises(NotAllowed):
        accounts.change_own_password(desk.node, visit, PASSWORD, "another good one 7", HERE)
    for bad in (password, "short", "ana ana ana ana", "a" * 20):
        with pytest.raises(InvalidInput):
            accounts.change_own_password(desk.node, visit, password, bad, HERE)
    accounts.change_own_password(desk.node, visit, password, "another good one 7", HERE)
    assert not desk.password(password="another good one 7").person.must_change


def test_a_changed_password_ends_every_other_session(desk: Desk) -> None:
    first, second = desk.password(), desk.password()
    accounts.change_own_password(desk.node, first, PASSWORD, "another good one 7", HERE)
    with reading(desk.node.engine) as conn:
        assert people.find_session(conn, first.session.hash) is not None
        assert people.find_session(conn, second.session.hash) is None


def test_a_reset_second_factor_is_gone_with_its_recovery_codes(desk: Desk) -> None:
    desk.enrol()
    assert accounts.count_recovery_codes(desk.node, desk.ana) == 10
    accounts.reset_second_factor(desk.node, desk.ana.id, "cli:root")
    assert desk.again().second_factor is None
    assert accounts.count_recovery_codes(desk.node, desk.ana) == 0
    assert desk.journal()[0] == ("cli:root", "person.second-factor-reset", "ana")


def test_nobody_is_said_to_be_nobody(desk: Desk) -> None:
    for gone in ("", "x", desk.ana.id + "0", "' OR 1=1 --"):
        for change in (accounts.disable, accounts.enable, accounts.reset_password):
            with pytest.raises(NotFound):
                change(desk.node, gone, "test")
        with pytest.raises(NotFound):
            accounts.find_person_by_name(desk.node, gone)


def test_drawn_passwords_differ_and_can_be_used(desk: Desk) -> None:
    drawn = {generate_secret() for _ in range(100)}
    assert len(drawn) == 100
    assert all(len(password) == 23 and password.count("-") == 3 for password in drawn)


def test_new_recovery_codes_need_the_password_and_end_the_old_ones(desk: Desk) -> None:
    _, codes = desk.enrol()
    visit = desk.password()
    with pytest.raises(NotAllowed):
        accounts.renew_recovery_codes(desk.node, visit, "not it at all", HERE)
    new = accounts.renew_recovery_codes(desk.node, visit, PASSWORD, HERE)
    assert not set(new) & set(codes)
    assert sessions.actor_of(desk.ana) == "console:ana"
    assert desk.journal()[0] == ("console:ana", "person.recovery-codes", "ana")
