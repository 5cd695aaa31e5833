"""Signing in: a password, then a second factor.

Guarantees: the same answer after the same work whether the name exists, the password is wrong or the account
is disabled; every attempt counts before it is looked at, so that many at once are no way round the limits;
whoever guesses at an account waits longer each time, and an address that guesses at many is stopped, restart
or not. Every success, failure and lock-out is in the journal, and no name that was merely typed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import Connection

from node.errors import NotAllowed
from node.runtime import Node
from node.services.people import second_factor
from node.services.people.encryption import keyed_hash
from node.services.people.passwords import is_password
from node.services.people.sessions import Visit, actor_of, begin_session
from node.services.serving import TooOften
from node.store import people
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.people import Person

_COUNTED = timedelta(days=1)
_ADDRESS_COUNTED = timedelta(minutes=15)
_FIRST_WAIT = timedelta(seconds=30)
_DOUBLED = 12  # times at the most: the longest wait is met before
_NOBODY = "console:unknown"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who knocks.

    Attributes:
        address: the IP address that the request came from.
        device: what the browser says it is, in a few words.
    """

    address: str
    device: str


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
        person = people.find_person_by_name(conn, name)
    number = count_attempt(node, name, person, caller)
    right = is_password(password, person.password_hash if person else None)
    now = node.clock()
    with writing(node.engine) as conn:
        if not right or person is None or person.disabled_at is not None:
            actor = actor_of(person) if person else _NOBODY
            write_journal(conn, JournalEntry(now, actor, "sign-in.failed", purpose="password"))
            token = None
        else:
            people.take_back_attempt(conn, number)
            token = begin_session(conn, person, caller.device, now, complete=False)
    if token is None:
        raise NotAllowed(
            "The name and the password do not belong together.",
            "Try again, or ask your administrator for a new password.",
        )
    return token


def check_code(node: Node, visit: Visit, code: str, caller: Caller) -> str:
    """Take the second step: return the token of a session that is complete.

    Raises:
        NotAllowed: it is no code, or was used before.
        TooOften: somebody has guessed too often.
    """
    person = visit.person
    count_attempt(node, person.name, person, caller)
    now = node.clock()
    with writing(node.engine) as conn:
        right = second_factor.take_code(conn, node, person, code, now)
        if right:
            token = _complete(conn, node, visit, now)
        else:
            entry = JournalEntry(now, actor_of(person), "sign-in.failed", purpose="second factor")
            write_journal(conn, entry)
    if not right:
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
    if visit.person.second_factor is not None or not second_factor.is_code(secret, code, now):
        raise NotAllowed(
            "This is not the code that was expected.",
            "Check the clock of your telephone, and type the code that is shown now.",
        )
    with writing(node.engine) as conn:
        codes = second_factor.enrol(conn, node, visit.person, secret)
        # The code that was shown here has been used.
        second_factor.take_code(conn, node, _fresh(conn, visit.person), code, now)
        write_journal(conn, JournalEntry(now, actor_of(visit.person), "person.second-factor"))
        token = _complete(conn, node, visit, now)
    return token, codes


def _fresh(conn: Connection, person: Person) -> Person:
    found = people.find_person(conn, person.id)
    assert found is not None
    return found


def _complete(conn: Connection, node: Node, visit: Visit, now: datetime) -> str:
    person = visit.person
    people.end_session(conn, visit.session.hash)
    people.forget_attempts(conn, _account(node, person.name))
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
    with writing(node.engine) as conn:
        count, last = people.failures_of_account(conn, account, now - _COUNTED) if account else (0, None)
        wait = _wait(count, limits.failures, timedelta(minutes=limits.lock_minutes))
        free_at = (last or now) + wait
        if people.failures_of_address(conn, address, now - _ADDRESS_COUNTED) >= limits.address_failures:
            free_at = max(free_at, now + _ADDRESS_COUNTED)
        if free_at <= now:
            number = people.add_attempt(conn, now, account, address)
            if account and count + 1 == limits.failures:
                actor = actor_of(person) if person else _NOBODY
                write_journal(conn, JournalEntry(now, actor, "sign-in.locked"))
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


def _prefix(address: str) -> str:
    """Return what counts as one address: of IPv6 the network of 64 bits, which one subscriber has whole."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else address
