"""Sessions of the console, and forms that outlive one.

Guarantees: a session's token has 256 random bits, and the database only its hash; a session ends some time
after it was used last and some time after it began, whichever is first, with its person's account, and at the
press of a button; what somebody had typed when it ran out is kept for them alone, encrypted, for an hour, and
no more of it than a person types in one; it goes with the case that it is about.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.staff import people
from node.store.staff.people import Person, Session

KEPT = timedelta(hours=1)
"""How long a form waits for its author to sign in again."""

MAX_KEPT = 1 << 20
_MOST_KEPT = 20  # forms of one person

_HALF_WAY = timedelta(minutes=10)
_TOUCH = timedelta(minutes=1)
_FORGET = timedelta(days=7)
_USE = "kept-form"

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody's session as a request finds it.

    Attributes:
        ended: whether its time is over; it then opens nothing, and says whose form is kept.
    """

    person: Person
    session: Session
    ended: bool


def begin_session(
    conn: Connection, person: Person, device: str, now: datetime, *, complete: bool, by_provider: bool = False
) -> str:
    """Begin a session and return its token, which is not kept.

    Args:
        by_provider: whether an identity provider said who it is.
    """
    token = secrets.token_urlsafe(32)
    begun = Session(hash_token(token), person.id, device, complete, now, now, by_provider)
    people.add_session(conn, begun)
    return token


def find_visit(node: Node, token: str, *, by_itself: bool = False) -> Visit | None:
    """Return whose session a token is; None where there is none, or its person is disabled.

    Args:
        by_itself: whether a page asked without anybody's doing, which does not count as use.
    """
    now = node.clock()
    with reading(node.engine) as conn:
        found = people.find_session(conn, hash_token(token))
    if found is None or found[1].disabled_at is not None:
        return None
    session, person = found
    ended = now >= _end_of(node, session)
    if not ended and not by_itself and now - session.seen_at >= _TOUCH:
        with writing(node.engine) as conn:
            people.touch_session(conn, session.hash, now)
    return Visit(person, session, ended)


def find_again(conn: Connection, visit: Visit) -> Person | None:
    """Return who a visit is of as they are now; None where they were signed out, disabled or given another
    password since the request began. For the transaction in which something is changed in their name."""
    found = people.find_session(conn, visit.session.hash)
    if found is None or found[1].disabled_at is not None:
        return None
    return found[1] if found[1].password_hash == visit.person.password_hash else None


def list_open_sessions(node: Node, person: Person) -> list[Session]:
    """Return the sessions of a person that have not run out, the last used first."""
    now = node.clock()
    with reading(node.engine) as conn:
        found = people.list_sessions(conn, person.id, now - _idle(node))
    return [session for session in found if now < _end_of(node, session)]


def end_session(node: Node, visit: Visit) -> None:
    """Sign somebody out of one browser."""
    now = node.clock()
    with writing(node.engine) as conn:
        people.end_session(conn, visit.session.hash)
        write_journal(conn, JournalEntry(now, actor_of(visit.person), "sign-out"))


def end_other_sessions(node: Node, visit: Visit) -> None:
    """Sign somebody out of every other browser."""
    now = node.clock()
    with writing(node.engine) as conn:
        people.end_sessions(conn, visit.person.id, keep=visit.session.hash)
        write_journal(conn, JournalEntry(now, actor_of(visit.person), "sign-out.others"))


def keep_form(node: Node, person: Person, path: str, fields: Fields, kept: timedelta = KEPT) -> bool:
    """Keep what somebody had typed into the form at a path. Returns False where it is too much.

    Args:
        path: any other name serves, too, for what is kept for a while and stands in no address.
        kept: how long.
    """
    data = json.dumps(list(fields)).encode()
    if len(data) > MAX_KEPT:
        return False
    sealed, now = encrypt(node, _USE, f"{person.id} {path}", data), node.clock()
    with writing(node.engine) as conn:
        people.keep_form(conn, person.id, path, sealed, now + kept)
        people.drop_oldest_forms(conn, person.id, path, _MOST_KEPT)
    return True


def find_form(node: Node, person: Person, path: str) -> list[tuple[str, str]] | None:
    """Return what was kept of somebody's form at a path."""
    with reading(node.engine) as conn:
        sealed = people.find_form(conn, person.id, path, node.clock())
    if sealed is None:
        return None
    data = decrypt(node, _USE, f"{person.id} {path}", sealed)
    return [(name, value) for name, value in json.loads(data)]


def drop_form(node: Node, person: Person, path: str) -> None:
    """Forget what was kept, since it was sent."""
    with reading(node.engine) as conn:
        kept = people.find_form(conn, person.id, path, node.clock()) is not None
    if kept:  # mostly nothing is, and only one at a time can write; what is over goes with `forget_old`
        with writing(node.engine) as conn:
            people.drop_form(conn, person.id, path)


def forget_old(node: Node) -> None:
    """Forget what no longer serves: forms that nobody came for, old attempts, sessions long over."""
    now = node.clock()
    with writing(node.engine) as conn:
        people.forget_old(conn, now, attempts=now - timedelta(days=1), sessions=now - _FORGET)


def actor_of(person: Person) -> str:
    """Name a person for the journal."""
    return f"console:{person.name}"


def hash_token(token: str) -> bytes:
    """Hash a token of 256 random bits; no stretching is needed for what cannot be guessed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _idle(node: Node) -> timedelta:
    return timedelta(minutes=node.config.console.idle_minutes)


def _end_of(node: Node, session: Session) -> datetime:
    if not session.complete:
        return session.created_at + _HALF_WAY
    longest = timedelta(hours=node.config.console.session_hours)
    return min(session.seen_at + _idle(node), session.created_at + longest)
