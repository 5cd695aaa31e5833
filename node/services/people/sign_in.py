"""Signing in: a password, then a second factor.

Guarantees: the same answer after the same work whether the name exists, the password is wrong or the account
is disabled; every attempt counts before it is looked at, so that many at once are no way round the limits;
whoever guesses at an account waits longer each time, and an address that guesses at many is stopped, restart
or not; strangers who guess at an account do not keep its owner out of a browser that they have signed in with
before. Every success, failure and lock-out is in the journal, and no name that was merely typed: of those
that nobody has, the journal says once an hour how often they were tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import Connection

from node.errors import NotAllowed
from node.runtime import Node
from node.services.people import second_factor
from node.services.people.encryption import keyed_hash
from node.services.people.passwords import is_password
from node.services.people.sessions import Visit, actor_of, begin_session, find_again
from node.services.serving import TooOften
from node.store import marks
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.staff import people
from node.store.staff.people import Person

_COUNTED = timedelta(days=1)
_ADDRESS_COUNTED = timedelta(minutes=15)
_FIRST_WAIT = timedelta(seconds=30)
_DOUBLED = 12  # times at the most: the longest wait is met before
_NOBODY = "console:unknown"
_TOLD = timedelta(hours=1)
"""How often the journal is told of names that nobody has: what it is told stays for ever."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who knocks.

    Attributes:
        address: the IP address that the request came from.
        device: what the browser says it is, in a few words.
        known: by the ids of those who have signed in with this browser, what was drawn for each then.
    """

    address: str
    device: str
    known: Mapping[str, str] = field(default_factory=dict, repr=False)


def check_password(node: Node, name: str, password: str, caller: Caller) -> str:
    """Take the first step: return the token of a session that waits for the second factor.

    Raises:
        NotAllowed: the name and the password do not belong together, or passwords do not count here.
        TooOften: somebody has guessed too often.
    """
    if not node.config.oidc.passwords:
        raise NotAllowed("Nobody signs in with a password here.", "Use the other way in.")
    name = name.strip().casefold()
    with reading(node.engine) as conn:
        # PostgreSQL takes no text with a zero byte; nobody is called so.
        person = people.find_person_by_name(conn, name) if name.isprintable() else None
    number = count_attempt(node, name, person, caller)
    right = is_password(password, person.password_hash if person else None)
    now = node.clock()
    with writing(node.engine) as conn:
        if right and person is not None and _is_as_it_was(conn, person):
            people.take_back_attempt(conn, number)
            token = begin_session(conn, person, caller.device, now, complete=False)
        else:
            _note_failure(conn, person, now, "password")
            token = ""
    if not token:
        raise NotAllowed(
            "The name and the password do not belong together.",
            "Try again, or ask your administrator for a new password.",
        )
    return token


def check_code(node: Node, visit: Visit, code: str, caller: Caller) -> str:
    """Take the second step: return the token of a session that is complete.

    Raises:
        NotAllowed: it is no code, or was used before; or the first step does not count any more.
        TooOften: somebody has guessed too often.
    """
    count_attempt(node, visit.person.name, visit.person, caller)
    now = node.clock()
    with writing(node.engine) as conn:
        person = find_again(conn, visit)
        if person is not None and second_factor.take_code(conn, node, person, code, now):
            token = _complete(conn, node, visit, now, _browser(node, person, caller))
        else:
            _note_failure(conn, visit.person, now, "second factor")
            token = ""
    if not token:
        raise NotAllowed(
            "This code does not work, or was used before.",
            "Wait for the next one in your authenticator, or use a recovery code.",
        )
    return token


def confirm_enrolment(node: Node, visit: Visit, secret: str, code: str) -> tuple[str, list[str]]:
    """Set a second factor at the first sign-in, once its owner has shown a code of it.

    Returns:
        The token of a complete session, and ten recovery codes.

    Raises:
        NotAllowed: it is not the code of this secret, or there is a second factor already.
    """
    now = node.clock()
    with writing(node.engine) as conn:
        person = find_again(conn, visit)
        if person is None or person.second_factor is not None or not second_factor.is_code(secret, code, now):
            raise NotAllowed(
                "This is not the code that was expected.",
                "Check the clock of your telephone, and type the code that is shown now.",
            )
        codes = second_factor.enrol(conn, node, person, secret)
        # The code that was shown here has been used.
        second_factor.take_code(conn, node, _fresh(conn, person), code, now)
        write_journal(conn, JournalEntry(now, actor_of(person), "person.second-factor"))
        token = _complete(conn, node, visit, now, b"")
    return token, codes


def check_own_password(node: Node, visit: Visit, password: str, caller: Caller) -> None:
    """Check that it is still its owner who sits at an open session.

    Raises:
        NotAllowed: the password is not theirs.
        TooOften: somebody has guessed too often.
    """
    person = visit.person
    number = count_attempt(node, person.name, person, caller)
    right = is_password(password, person.password_hash)
    with writing(node.engine) as conn:
        if right:
            people.take_back_attempt(conn, number)
        else:
            _note_failure(conn, person, node.clock(), "password")
    if not right:
        raise NotAllowed("This is not your present password.", "Type it again.")


def forget_attempts(conn: Connection, node: Node, person: Person) -> None:
    """Forget what was tried in vain on an account, by strangers too: an administrator lets its owner in."""
    people.forget_attempts(conn, _account(node, person.name))


def tell_unknown(node: Node) -> None:
    """Tell the journal how often names that nobody has were tried, once its hour is over."""
    now = node.clock()
    with writing(node.engine) as conn:
        mark = marks.find_mark(conn, marks.UNKNOWN_NAMES)
        if mark is not None and now - mark.at >= _TOLD:
            marks.clear_mark(conn, marks.UNKNOWN_NAMES)
            if mark.about != "0":
                _journal_unknown(conn, now, int(mark.about))


def _note_failure(conn: Connection, person: Person | None, now: datetime, what: str) -> None:
    if person is not None:
        write_journal(conn, JournalEntry(now, actor_of(person), "sign-in.failed", purpose=what))
        return
    mark = marks.find_mark(conn, marks.UNKNOWN_NAMES)
    if mark is None:
        _journal_unknown(conn, now, 1)
        marks.set_mark(conn, marks.UNKNOWN_NAMES, now, "0")
    else:
        marks.set_mark(conn, marks.UNKNOWN_NAMES, mark.at, str(int(mark.about) + 1))


def _journal_unknown(conn: Connection, now: datetime, times: int) -> None:
    purpose = "password" if times == 1 else f"password, {times} times"
    write_journal(conn, JournalEntry(now, _NOBODY, "sign-in.failed", purpose=purpose))


def _is_as_it_was(conn: Connection, person: Person) -> bool:
    """Tell whether somebody may sign in with the password that they had before it was looked at."""
    now = people.find_person(conn, person.id)
    return now is not None and now.disabled_at is None and now.password_hash == person.password_hash


def _fresh(conn: Connection, person: Person) -> Person:
    found = people.find_person(conn, person.id)
    assert found is not None
    return found


def _complete(conn: Connection, node: Node, visit: Visit, now: datetime, browser: bytes) -> str:
    person = visit.person
    people.end_session(conn, visit.session.hash)
    people.forget_attempts(conn, _account(node, person.name), browser)
    return open_session(conn, person, visit.session.device, now, by_provider=visit.session.by_provider)


def open_session(conn: Connection, person: Person, device: str, now: datetime, *, by_provider: bool) -> str:
    """Sign somebody in who has proved all that is asked for, and return the token of their session."""
    people.change_person(conn, person.id, signed_in_at=now)
    how = "provider" if by_provider else ""
    write_journal(conn, JournalEntry(now, actor_of(person), "sign-in", purpose=how))
    return begin_session(conn, person, device, now, complete=True, by_provider=by_provider)


def count_attempt(node: Node, name: str | None, person: Person | None, caller: Caller) -> int:
    """Count an attempt, and return its number.

    Args:
        name: whose account it is at; None where that is not known yet, and only the address counts.

    Raises:
        TooOften: it may not be made yet; then it does not count.
    """
    now, limits = node.clock(), node.config.console
    account = b"" if name is None else _account(node, name)
    address = keyed_hash(node, "address", _prefix(caller.address))
    browser = _browser(node, person, caller)
    with writing(node.engine) as conn:
        count, last = (
            (0, None) if not account else people.failures_of_account(conn, account, browser, now - _COUNTED)
        )
        wait = _wait(count, limits.failures, timedelta(minutes=limits.lock_minutes))
        free_at = (last or now) + wait
        if people.failures_of_address(conn, address, now - _ADDRESS_COUNTED) >= limits.address_failures:
            free_at = max(free_at, now + _ADDRESS_COUNTED)
        if free_at <= now:
            number = people.add_attempt(conn, now, account, address, browser)
            if person is not None and count + 1 == limits.failures:
                write_journal(conn, JournalEntry(now, actor_of(person), "sign-in.locked"))
            return number
    seconds = int((free_at - now).total_seconds()) + 1
    raise TooOften(
        "There were too many attempts to sign in.",
        "Wait, and ask your administrator if it was not you.",
        seconds,
    )


def _wait(failures: int, allowed: int, longest: timedelta) -> timedelta:
    """Return how long after the last of some failures the next attempt may be made."""
    if failures < allowed:
        return timedelta(0)
    return min(_FIRST_WAIT * (1 << min(failures - allowed, _DOUBLED)), longest)


def _account(node: Node, name: str) -> bytes:
    return keyed_hash(node, "account", name)


def _browser(node: Node, person: Person | None, caller: Caller) -> bytes:
    """Return what tells apart the attempts in a browser that somebody has signed in with before; empty for a
    stranger's."""
    drawn = caller.known.get(person.id, "") if person else ""
    return keyed_hash(node, "browser", drawn) if drawn else b""


def _prefix(address: str) -> str:
    """Return what counts as one address: of IPv6 the network of 64 bits, which one subscriber has whole."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else address
