"""Signing in: two factors, codes that work once, and limits that guessing runs into."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import pytest

from node.config import ConsoleConfig
from node.domain.permissions import Role
from node.errors import InvalidInput, NotAllowed
from node.runtime import open_node
from node.services.people import accounts, passwords, second_factor, sessions, sign_in
from node.services.people.encryption import decrypt, encrypt
from node.services.people.sign_in import Caller
from node.services.serving import TooOften
from node.store.database import reading, writing
from node.store.staff import people
from tests.node.services.people.conftest import HERE, PASSWORD, Desk

WRONG = "something else 1"


def test_both_factors_open_a_session_and_one_does_not(desk: Desk) -> None:
    authenticator, _ = desk.enrol()
    half = desk.password()
    assert not half.session.complete
    whole = desk.visit(sign_in.check_code(desk.node, half, desk.code(authenticator), HERE))
    assert whole.session.complete
    assert (whole.person.name, whole.session.device) == ("ana", "Firefox, Linux")
    with reading(desk.node.engine) as conn:
        assert people.find_session(conn, half.session.hash) is None  # the token is another
    assert desk.journal()[0] == ("console:ana", "sign-in", "")


def test_what_is_stored_opens_nothing(desk: Desk) -> None:
    authenticator, codes = desk.enrol()
    token = sign_in.check_password(desk.node, "ana", PASSWORD, HERE)
    with reading(desk.node.engine) as conn:
        tables = (people.person, people.recovery_code, people.console_session, people.sign_in_attempt)
        stored = b" ".join(
            value if isinstance(value, bytes) else str(value).encode()
            for table in tables
            for row in conn.execute(table.select())
            for value in row
        )
    for secret in (PASSWORD, authenticator.secret, token, *codes, HERE.address):
        assert secret.encode() not in stored
    assert second_factor.is_code(authenticator.secret, desk.code(authenticator), desk.clock())
    kept = desk.again().second_factor
    assert kept is not None
    with pytest.raises(InvalidInput):  # somebody else's row does not open
        decrypt(desk.node, "second-factor", "another", kept)
    with pytest.raises(InvalidInput):
        decrypt(desk.node, "cookie", desk.ana.id, kept)


def test_a_code_works_once_and_none_that_is_older(desk: Desk) -> None:
    authenticator, _ = desk.enrol()
    now = desk.code(authenticator)
    sign_in.check_code(desk.node, desk.password(), now, HERE)
    for used in (now, authenticator.at(int(desk.clock().timestamp()) - 30)):
        with pytest.raises(NotAllowed):
            sign_in.check_code(desk.node, desk.password(), used, HERE)
    desk.clock.advance(seconds=30)
    sign_in.check_code(desk.node, desk.password(), desk.code(authenticator), HERE)


def test_the_code_of_the_enrolment_does_not_open_a_second_session(desk: Desk) -> None:
    authenticator, _ = desk.enrol()
    desk.clock.advance(seconds=-30)
    with pytest.raises(NotAllowed):
        sign_in.check_code(desk.node, desk.password(), desk.code(authenticator), HERE)


@pytest.mark.parametrize(
    ("seconds", "works"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_a_clock_may_be_one_period_off(desk: Desk, seconds: int, works: bool) -> None:
    authenticator, _ = desk.enrol()
    desk.clock.advance(seconds=120)
    code = authenticator.at(int(desk.clock().timestamp()) + seconds)
    if works:
        sign_in.check_code(desk.node, desk.password(), code, HERE)
    else:
        with pytest.raises(NotAllowed):
            sign_in.check_code(desk.node, desk.password(), code, HERE)


def test_a_code_is_taken_as_it_is_typed(desk: Desk) -> None:
    authenticator, codes = desk.enrol()
    code = desk.code(authenticator)
    arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    sign_in.check_code(desk.node, desk.password(), f" {arabic[:3]} {arabic[3:]} ", HERE)
    sign_in.check_code(desk.node, desk.password(), f" {codes[0].upper().replace('-', ' ')}", HERE)


def test_a_recovery_code_works_once_and_only_for_its_owner(desk: Desk) -> None:
    _, codes = desk.enrol()
    jo, password = accounts.add_person(desk.node, "jo", "Jo", [Role.OPERATOR], "test")
    secret = second_factor.new_secret()
    with pytest.raises(NotAllowed):
        sign_in.confirm_enrolment(desk.node, desk.password("jo", password), secret, "123")
    sign_in.check_code(desk.node, desk.password(), codes[3], HERE)
    assert accounts.count_recovery_codes(desk.node, desk.ana) == 9
    with pytest.raises(NotAllowed):
        sign_in.check_code(desk.node, desk.password(), codes[3], HERE)
    with pytest.raises(NotAllowed):
        sign_in.check_code(desk.node, desk.password("jo", password), codes[4], HERE)
    assert jo.second_factor is None


@pytest.mark.parametrize("code", ["", " ", "12345", "1234567", "abcdef", "ab-cd", "\x00", "é" * 100, "١٢٣"])
def test_anything_else_is_no_code(desk: Desk, code: str) -> None:
    desk.enrol()
    with pytest.raises(NotAllowed):
        sign_in.check_code(desk.node, desk.password(), code, HERE)


def test_nobody_learns_who_exists(desk: Desk) -> None:
    """The same words after the same work: one hash each, of the same cost."""
    jo, password = accounts.add_person(desk.node, "jo", "Jo", [Role.OPERATOR], "test")
    accounts.disable(desk.node, jo.id, "test")
    heard, hashes = set(), []
    real = passwords._HASHER.verify

    def verify(kept: str, given: str) -> bool:
        hashes.append(kept.rpartition("$")[0].rpartition("$")[0])
        return bool(real(kept, given))

    with patch.object(passwords, "_HASHER") as hasher:
        hasher.verify = verify
        for name, given in (("ana", WRONG), ("nobody", WRONG), ("jo", WRONG), ("jo", password), ("", "")):
            with pytest.raises(NotAllowed) as caught:
                desk.password(name, given)
            heard.add((caught.value.message, caught.value.next_step))
    assert len(heard) == 1
    assert len(hashes) == 5
    assert len(set(hashes)) == 1
    actors = [actor for actor, action, _ in desk.journal() if action == "sign-in.failed"]
    assert actors == ["console:jo", "console:jo", "console:unknown", "console:ana"]


def test_a_name_that_no_database_takes_is_one_that_nobody_has(desk: Desk) -> None:
    for name in ("a\0na", "ana\0", "\udc80"):
        with pytest.raises(NotAllowed):
            sign_in.check_password(desk.node, name, PASSWORD, HERE)


def guess(desk: Desk, name: str = "ana", caller: Caller = HERE) -> int:
    """Guess once; returns how many seconds to wait, 0 where the guess was looked at."""
    try:
        desk.password(name, WRONG, caller)
    except TooOften as error:
        return error.wait_seconds
    except NotAllowed:
        return 0
    raise AssertionError


@pytest.mark.parametrize("name", ["ana", "nobody"])
def test_whoever_guesses_waits_longer_each_time(desk: Desk, name: str) -> None:
    assert [guess(desk, name) for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(7):
        waits.append(guess(desk, name))
        desk.clock.advance(seconds=waits[-1])
        assert guess(desk, name) == 0
    assert waits == [31, 61, 121, 241, 481, 901, 901]
    locked = [actor for actor, action, _ in desk.journal() if action == "sign-in.locked"]
    assert locked == ["console:ana"] * (name == "ana")


def test_the_right_password_does_not_help_while_an_account_waits(desk: Desk) -> None:
    for _ in range(5):
        guess(desk)
    with pytest.raises(TooOften):
        desk.password()
    desk.clock.advance(seconds=31)
    assert desk.password().person.name == "ana"


def test_strangers_lock_strangers_and_not_the_owner(desk: Desk) -> None:
    authenticator, _ = desk.enrol()
    jo, _ = accounts.add_person(desk.node, "jo", "Jo", [Role.OPERATOR], "test")
    own = replace(HERE, known={desk.ana.id: "drawn at the last sign-in"})
    for _ in range(5):
        guess(desk)
    for stranger in (HERE, replace(HERE, known={jo.id: "drawn for somebody else"})):
        with pytest.raises(TooOften):
            desk.password(caller=stranger)
    sign_in.check_code(desk.node, desk.password(caller=own), desk.code(authenticator), own)
    with pytest.raises(TooOften):  # it is no way to guess more often
        desk.password()
    assert [guess(desk, caller=own) for _ in range(6)] == [0] * 5 + [31]


@pytest.mark.parametrize("reset", [accounts.reset_password, accounts.reset_second_factor])
def test_an_administrator_lets_the_owner_in(desk: Desk, reset: Callable[..., object]) -> None:
    desk.enrol()
    for _ in range(5):
        guess(desk)
    reset(desk.node, desk.ana.id, "test")
    assert guess(desk) == 0


@pytest.mark.parametrize("change", ["reset_password", "reset_second_factor", "disable"])
def test_who_is_shut_out_does_not_come_in_with_the_second_step(desk: Desk, change: str) -> None:
    """What a request found at its beginning may be over when it ends."""
    authenticator, _ = desk.enrol()
    accounts.add_person(desk.node, "jo", "Jo", [Role.ADMINISTRATOR], "test")
    half = desk.password()
    getattr(accounts, change)(desk.node, desk.ana.id, "test")
    with pytest.raises(NotAllowed):
        sign_in.check_code(desk.node, half, desk.code(authenticator), HERE)
    unenrolled = replace(half, person=replace(half.person, second_factor=None))
    with pytest.raises(NotAllowed):
        sign_in.confirm_enrolment(desk.node, unenrolled, authenticator.secret, desk.code(authenticator))
    with reading(desk.node.engine) as conn:
        assert conn.execute(people.console_session.select()).all() == []


@pytest.mark.parametrize("change", ["reset_password", "disable"])
def test_who_is_shut_out_does_not_come_in_with_the_first_step(desk: Desk, change: str) -> None:
    accounts.add_person(desk.node, "jo", "Jo", [Role.ADMINISTRATOR], "test")
    with pytest.raises(NotAllowed), meanwhile(desk, change):
        desk.password()


@pytest.mark.parametrize("change", ["reset_password", "reset_second_factor", "disable"])
def test_who_is_shut_out_meanwhile_changes_nothing(desk: Desk, change: str) -> None:
    desk.enrol()
    accounts.add_person(desk.node, "jo", "Jo", [Role.ADMINISTRATOR], "test")
    with writing(desk.node.engine) as conn:
        token = sessions.begin_session(conn, desk.again(), "", desk.clock(), complete=True)
    visit = desk.visit(token)
    for act in (
        lambda: accounts.change_own_password(desk.node, visit, PASSWORD, "another good one 7", HERE),
        lambda: accounts.renew_recovery_codes(desk.node, visit, PASSWORD, HERE),
    ):
        with pytest.raises(NotAllowed), meanwhile(desk, change):
            act()


@contextmanager
def meanwhile(desk: Desk, change: str) -> Iterator[None]:
    """Let an administrator do something with Ana's account while her password is looked at."""

    def look(password: str, kept: str | None) -> bool:
        getattr(accounts, change)(desk.node, desk.ana.id, "test")
        return True

    with patch.object(sign_in, "is_password", look):
        yield


def test_passwords_are_guessed_no_more_often_at_an_open_session(desk: Desk) -> None:
    authenticator, _ = desk.enrol()
    visit = desk.visit(sign_in.check_code(desk.node, desk.password(), desk.code(authenticator), HERE))
    for _ in range(5):
        with pytest.raises(NotAllowed):
            accounts.renew_recovery_codes(desk.node, visit, WRONG, HERE)
    assert [action for _, action, _ in desk.journal()].count("sign-in.failed") == 5
    with pytest.raises(TooOften):
        accounts.change_own_password(desk.node, visit, PASSWORD, "another good one 7", HERE)
    desk.clock.advance(seconds=31)
    assert len(accounts.renew_recovery_codes(desk.node, visit, PASSWORD, HERE)) == 10


def test_the_journal_is_not_filled_with_names_that_nobody_has(desk: Desk) -> None:
    before = len(desk.journal())
    for number in range(40):
        guess(desk, f"name{number % 7}", Caller(f"192.0.2.{number}", ""))
        sign_in.tell_unknown(desk.node)
    assert len(desk.journal()) == before + 1
    desk.clock.advance(hours=1)
    for _ in range(2):
        sign_in.tell_unknown(desk.node)
    tried = [entry for entry in desk.journal() if entry[1] == "sign-in.failed"]
    assert tried == [
        ("console:unknown", "sign-in.failed", "password, 34 times"),
        ("console:unknown", "sign-in.failed", "password"),
    ]


def test_limits_outlive_a_restart(desk: Desk) -> None:
    for _ in range(5):
        guess(desk)
    reopened = replace(open_node(desk.node.config.home, clock=desk.clock), trust=desk.node.trust)
    try:
        with pytest.raises(TooOften):
            sign_in.check_password(reopened, "ana", PASSWORD, HERE)
    finally:
        reopened.engine.dispose()
        reopened.http.close()


def test_codes_are_guessed_no_more_often_than_passwords(desk: Desk) -> None:
    """The right password, given again and again, does not clear the count."""
    desk.enrol()
    for _ in range(5):
        with pytest.raises(NotAllowed):
            sign_in.check_code(desk.node, desk.password(), "000000", HERE)
    with pytest.raises(TooOften):
        desk.password()


def test_signing_in_clears_the_count(desk: Desk) -> None:
    authenticator, _ = desk.enrol()
    for _ in range(4):
        guess(desk)
    sign_in.check_code(desk.node, desk.password(), desk.code(authenticator), HERE)
    assert desk.attempts() == 0


def test_an_address_that_guesses_at_many_is_stopped(desk: Desk) -> None:
    node = replace(desk.node, config=replace(desk.node.config, console=ConsoleConfig(address_failures=8)))
    few = replace(desk, node=node)
    for number in range(8):
        assert guess(few, f"name{number}", Caller(f"2001:db8:1:2::{number}", "")) == 0
    assert guess(few, "another", Caller("2001:db8:1:2:ffff::1", "")) > 0  # the same subscriber
    with pytest.raises(TooOften):
        few.password(caller=Caller("2001:db8:1:2::1", ""))
    assert few.password(caller=Caller("2001:db8:1:3::1", "")).person.name == "ana"
    few.clock.advance(minutes=16)
    assert guess(few, "another", Caller("2001:db8:1:2::1", "")) == 0


def test_many_guesses_at_once_are_no_way_round(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: guess(desk), range(12)))
    assert waits.count(0) == 5


def test_old_failures_are_forgotten(desk: Desk) -> None:
    for _ in range(5):
        guess(desk)
    desk.clock.advance(hours=25)
    assert guess(desk) == 0
    sessions.forget_old(desk.node)
    assert desk.attempts() == 1


def test_encryption_is_for_one_use(desk: Desk) -> None:
    sealed = encrypt(desk.node, "cookie", "", b"x")
    assert decrypt(desk.node, "cookie", "", sealed) == b"x"
    for wrong in (sealed[:-1], sealed[:5], b"", sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(InvalidInput):
            decrypt(desk.node, "cookie", "", wrong)
    with pytest.raises(InvalidInput):
        decrypt(desk.node, "kept-form", "", sealed)
