"""Accounts of the console: added, given roles, disabled, reset.

Guarantees: every change is in the journal with who made it; a password that somebody else set must be changed
at the first sign-in; what was reset, linked or disabled ends the sessions that were open, with what was kept
of their forms; who guesses at one's password at an open session meets the limits of the way in; the last
administrator stays. Only an administrator links an account to what an identity provider calls somebody.
"""

import re
from collections.abc import Collection
from secrets import token_hex

from sqlalchemy import Connection

from node.domain.openid import Identity, is_subject
from node.domain.permissions import POLICE_ONLY, Role
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from node.runtime import Node
from node.services.people import references, second_factor
from node.services.people.passwords import (
    check_password_rules,
    generate_secret,
    hash_password,
)
from node.services.people.sessions import Visit, actor_of, find_again
from node.services.people.sign_in import Caller, check_own_password, forget_attempts
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.staff import people, saved_searches
from node.store.staff.people import Person
from protocol.signs import is_readable

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}", re.ASCII)
_MAX_FULL_NAME = 100


class AlreadyLinked(Conflict):
    """Another account is linked to what the identity provider calls somebody."""


def add_person(
    node: Node,
    name: str,
    full_name: str,
    roles: Collection[Role],
    actor: str,
    password: str | None = None,
    subject: str = "",
) -> tuple[Person, str]:
    """Add somebody, and return them with the password that they sign in with once.

    Args:
        name: what they sign in with: letters, digits, `.`, `-`, `_`, `@`; capital letters count as small.
        password: drawn when None; but none is made, and an empty one returned, for somebody who signs in
            through the identity provider.
        subject: what the identity provider calls them, or the reference that it refused them under.

    Raises:
        InvalidInput: a name, a role, the password or the subject cannot be taken, with all that is wrong.
        Conflict: the name or the subject is taken.
    """
    name, full_name = name.strip().casefold(), " ".join(full_name.split())
    problems = _problems_of_roles(node, roles)
    if not _NAME.fullmatch(name):
        problems.append("name: must have 2 to 64 of the letters a to z, digits, and . - _ @")
    if not 1 <= len(full_name) <= _MAX_FULL_NAME or not is_readable(full_name):
        problems.append(f"full name: must have 1 to {_MAX_FULL_NAME} characters")
    if problems:
        raise InvalidInput("This person cannot be added.", "See what is allowed.", problems)
    identity = _identity(node, subject) if subject else None
    without = password is None and (identity is not None or not node.config.oidc.passwords)
    password = "" if without else _password(password, name)
    now = node.clock()
    made = Person(
        id=token_hex(8),
        name=name,
        full_name=full_name,
        roles=frozenset(roles),
        language="",
        password_hash=hash_password(password) if password else None,
        must_change=bool(password),
        issuer=identity.issuer if identity else None,
        subject=identity.subject if identity else None,
        second_factor=None,
        used_step=0,
        created_at=now,
        signed_in_at=None,
        disabled_at=None,
    )
    with writing(node.engine) as conn:
        if identity is not None:
            _check_not_linked(conn, identity, made)
        if not people.add_person(conn, made):
            raise Conflict("There is somebody of this name already.", "Choose another name to sign in with.")
        _journal(conn, node, actor, "person.add", made, " ".join(sorted(roles)))
        if identity is not None:
            _journal_link(conn, node, actor, made, identity)
    return made, password


def list_people(node: Node) -> list[Person]:
    """Return everybody, disabled ones included, by name."""
    with reading(node.engine) as conn:
        return people.list_people(conn)


def find_person(node: Node, person_id: str) -> Person:
    """Return a person by their id.

    Raises:
        NotFound: there is nobody.
    """
    with reading(node.engine) as conn:
        return _found(people.find_person(conn, person_id))


def find_person_by_name(node: Node, name: str) -> Person:
    """Return a person by the name that they sign in with; raises like `find_person`."""
    with reading(node.engine) as conn:
        return _found(people.find_person_by_name(conn, name.strip().casefold()))


def reference_of(node: Node, person: Person) -> str:
    """Return the reference of what the identity provider calls somebody; empty where they are not linked."""
    if person.issuer is None or person.subject is None:
        return ""
    return references.of(node, Identity(person.issuer, person.subject))


def set_roles(node: Node, person_id: str, roles: Collection[Role], actor: str) -> None:
    """Give somebody roles instead of those they had.

    Raises:
        InvalidInput: none, or one that this member does not give.
        Conflict: nobody would be administrator.
        NotFound: there is no such person.
    """
    if problems := _problems_of_roles(node, roles):
        raise InvalidInput("These roles cannot be given.", "Choose others.", problems)
    with writing(node.engine) as conn:
        person = _found(people.find_person(conn, person_id))
        if Role.ADMINISTRATOR not in roles:
            _check_not_last_administrator(conn, person)
        people.change_person(conn, person.id, roles=roles)
        _journal(conn, node, actor, "person.roles", person, " ".join(sorted(roles)))


def disable(node: Node, person_id: str, actor: str) -> None:
    """Let somebody sign in no more, end their sessions now, and forget the searches that they keep.

    Raises:
        Conflict: they are the last administrator.
        NotFound: there is no such person.
    """
    with writing(node.engine) as conn:
        person = _found(people.find_person(conn, person_id))
        _check_not_last_administrator(conn, person)
        people.change_person(conn, person.id, disabled_at=node.clock())
        _shut_out(conn, node, person)
        saved_searches.drop_searches_of(conn, person.id)
        _journal(conn, node, actor, "person.disable", person)


def enable(node: Node, person_id: str, actor: str) -> None:
    """Let somebody sign in again who was disabled.

    Raises:
        NotFound: there is no such person.
    """
    with writing(node.engine) as conn:
        person = _found(people.find_person(conn, person_id))
        people.change_person(conn, person.id, disabled_at=None)
        _journal(conn, node, actor, "person.enable", person)


def link(node: Node, person_id: str, subject: str, actor: str) -> None:
    """Let somebody sign in through the identity provider, and end their sessions.

    Args:
        subject: what the provider calls them, or the reference that it refused them under.

    Raises:
        InvalidInput: it is neither, or there is no identity provider.
        Conflict: somebody else is linked to it.
        NotFound: there is no such person.
    """
    identity = _identity(node, subject)
    with writing(node.engine) as conn:
        person = _found(people.find_person(conn, person_id))
        _check_not_linked(conn, identity, person)
        people.change_person(conn, person.id, issuer=identity.issuer, subject=identity.subject)
        _shut_out(conn, node, person)
        _journal_link(conn, node, actor, person, identity)


def unlink(node: Node, person_id: str, actor: str) -> None:
    """Let somebody sign in through the identity provider no more, and end their sessions.

    Raises:
        NotFound: there is no such person.
    """
    with writing(node.engine) as conn:
        person = _found(people.find_person(conn, person_id))
        people.change_person(conn, person.id, issuer=None, subject=None)
        _shut_out(conn, node, person)
        _journal(conn, node, actor, "person.unlink", person)


def reset_password(node: Node, person_id: str, actor: str, password: str | None = None) -> str:
    """Give somebody a password to sign in with once, end their sessions, and return it.

    Args:
        password: drawn when None.

    Raises:
        InvalidInput: the password cannot be used.
        NotFound: there is no such person.
    """
    name = find_person(node, person_id).name
    password = _password(password, name)
    kept = hash_password(password)
    with writing(node.engine) as conn:
        person = _found(people.find_person(conn, person_id))
        people.change_person(conn, person.id, password_hash=kept, must_change=True)
        _shut_out(conn, node, person)
        _journal(conn, node, actor, "person.password", person)
    return password


def reset_second_factor(node: Node, person_id: str, actor: str) -> None:
    """Forget somebody's second factor and recovery codes: they enrol another at the next sign-in.

    Raises:
        NotFound: there is no such person.
    """
    with writing(node.engine) as conn:
        person = _found(people.find_person(conn, person_id))
        people.change_person(conn, person.id, second_factor=None)
        people.set_recovery_codes(conn, person.id, ())
        _shut_out(conn, node, person)
        _journal(conn, node, actor, "person.second-factor-reset", person)


def change_own_password(node: Node, visit: Visit, old: str, new: str, caller: Caller) -> None:
    """Change one's own password; every other session of theirs ends.

    Raises:
        NotAllowed: the old one is not right.
        TooOften: somebody has guessed too often.
        InvalidInput: the new one cannot be used, or is the old one.
    """
    person = visit.person
    check_own_password(node, visit, old, caller)
    check_password_rules(new, person.name)
    if new == old:
        raise InvalidInput(
            "This is the password that you have.", "Choose another.", ["password: must be a new one"]
        )
    kept = hash_password(new)
    with writing(node.engine) as conn:
        _check_still_in(conn, visit)
        people.change_person(conn, person.id, password_hash=kept, must_change=False)
        people.end_sessions(conn, person.id, keep=visit.session.hash)
        _journal(conn, node, actor_of(person), "person.password", person)


def renew_recovery_codes(node: Node, visit: Visit, password: str, caller: Caller) -> list[str]:
    """Replace one's own recovery codes, and return the new ones, which cannot be shown again.

    Raises:
        NotAllowed: the password is not theirs.
        TooOften: somebody has guessed too often.
    """
    check_own_password(node, visit, password, caller)
    with writing(node.engine) as conn:
        _check_still_in(conn, visit)
        codes = second_factor.renew_recovery_codes(conn, node, visit.person)
        _journal(conn, node, actor_of(visit.person), "person.recovery-codes", visit.person)
    return codes


def count_recovery_codes(node: Node, person: Person) -> int:
    """Count the recovery codes that somebody has left."""
    with reading(node.engine) as conn:
        return people.count_recovery_codes(conn, person.id)


def set_language(node: Node, person: Person, language: str) -> None:
    """Write down which language somebody reads; which there are is for the caller to know."""
    with writing(node.engine) as conn:
        people.change_person(conn, person.id, language=language)


def _problems_of_roles(node: Node, roles: Collection[Role]) -> list[str]:
    if not roles:
        return ["roles: at least one is needed"]
    if POLICE_ONLY & set(roles) and node.entry().kind != "law_enforcement":
        names = ", ".join(sorted(POLICE_ONLY & set(roles)))
        return [f"roles: {names} is for members that are police"]
    return []


def _identity(node: Node, subject: str) -> Identity:
    """Return whom an administrator means by a subject or a reference."""
    issuer, subject = node.config.oidc.issuer, subject.strip()
    if not issuer:
        raise InvalidInput(
            "This console has no identity provider.",
            "Set oidc.issuer in node.toml first.",
            ["subject: there is no identity provider"],
        )
    if references.is_reference(subject):
        return references.find(node, subject)
    if not is_subject(subject):
        raise InvalidInput(
            "This is nothing that an identity provider calls anybody.",
            "Copy it from there, or type the reference that was shown.",
            ["subject: must have 1 to 255 letters, digits and signs of ASCII"],
        )
    return Identity(issuer, subject)


def _check_not_linked(conn: Connection, identity: Identity, person: Person) -> None:
    other = people.find_person_by_identity(conn, identity.issuer, identity.subject)
    if other is not None and other.id != person.id:
        raise AlreadyLinked(
            "Another account is linked to this already.", "Take it off there first, or look again who it is."
        )


def _journal_link(conn: Connection, node: Node, actor: str, person: Person, identity: Identity) -> None:
    """Write down a link by its reference: what the provider calls somebody may be a name."""
    reference = references.of(node, identity)
    people.drop_unlinked(conn, reference)
    _journal(conn, node, actor, "person.link", person, reference)


def _password(given: str | None, name: str) -> str:
    if given is None:
        return generate_secret()
    check_password_rules(given, name)
    return given


def _check_not_last_administrator(conn: Connection, person: Person) -> None:
    others = (other for other in people.list_people(conn) if other.id != person.id)
    if Role.ADMINISTRATOR in person.roles and not any(
        Role.ADMINISTRATOR in other.roles and other.disabled_at is None for other in others
    ):
        raise Conflict(
            "This is the only administrator who can still sign in.", "Make somebody else administrator first."
        )


def _check_still_in(conn: Connection, visit: Visit) -> None:
    """Check that nobody was shut out while their password was looked at."""
    if find_again(conn, visit) is None:
        raise NotAllowed("You were signed out, and nothing was changed.", "Sign in and try again.")


def _shut_out(conn: Connection, node: Node, person: Person) -> None:
    """End somebody's sessions with all that is kept of them, and what was tried in vain on their account."""
    people.end_sessions(conn, person.id)
    people.drop_forms(conn, person.id)
    forget_attempts(conn, node, person)


def _found(person: Person | None) -> Person:
    if person is None:
        raise NotFound("There is no such person.", "See the list of people.")
    return person


def _journal(conn: Connection, node: Node, actor: str, action: str, person: Person, what: str = "") -> None:
    entry = JournalEntry(node.clock(), actor, action, purpose=f"{person.name} {what}".rstrip())
    write_journal(conn, entry)
