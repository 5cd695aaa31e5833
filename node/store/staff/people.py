"""Who may sign in to the console: people, their recovery codes and sessions, what they tried in vain, and
forms that outlived a session.

Guarantees: nothing here opens anything by itself. A password stands as an argon2 hash, a second factor
encrypted, a recovery code and a session's token as a hash; names that were tried and addresses stand as keyed
hashes, since what is typed into a wrong field may be a password. Whom an identity provider names is not told
to anybody: of those who have no account yet, it stands encrypted, and only for some days.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from node.domain.permissions import Permission, Role, permissions_of
from node.store.database import Moment, metadata, upsert

person = sa.Table(
    "person",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),
    sa.Column("full_name", sa.String, nullable=False),
    sa.Column("roles", sa.String, nullable=False),
    sa.Column("language", sa.String, nullable=False, default=""),
    sa.Column("password_hash", sa.String),
    sa.Column("must_change", sa.Boolean, nullable=False),
    sa.Column("issuer", sa.String),
    sa.Column("subject", sa.String),
    sa.Column("second_factor", sa.LargeBinary),
    sa.Column("used_step", sa.BigInteger, nullable=False, default=0),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("signed_in_at", Moment),
    sa.Column("disabled_at", Moment),
    sa.UniqueConstraint("issuer", "subject"),
)

recovery_code = sa.Table(
    "recovery_code",
    metadata,
    sa.Column("person_id", sa.String, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("hash", sa.LargeBinary, primary_key=True),
)

console_session = sa.Table(
    "console_session",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("person_id", sa.String, sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("device", sa.String, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("seen_at", Moment, nullable=False, index=True),
    sa.Column("by_provider", sa.Boolean, nullable=False),
)

sign_in_attempt = sa.Table(
    "sign_in_attempt",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False, index=True),
    sa.Column("account", sa.LargeBinary, nullable=False, index=True),
    sa.Column("address", sa.LargeBinary, nullable=False, index=True),
    sa.Column("browser", sa.LargeBinary, nullable=False),
)

unlinked_identity = sa.Table(
    "unlinked_identity",
    metadata,
    sa.Column("reference", sa.String, primary_key=True),
    sa.Column("identity", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
)

kept_form = sa.Table(
    "kept_form",
    metadata,
    sa.Column("person_id", sa.String, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("path", sa.String, primary_key=True),
    sa.Column("fields", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
)

# Built once: they are part of every request, or of every sign-in.
_FIND_SESSION = (
    sa.select(console_session, person)
    .join(person, person.c.id == console_session.c.person_id)
    .where(console_session.c.hash == sa.bindparam("hash"))
)
_FIND_FORM = sa.select(kept_form.c.fields).where(
    kept_form.c.person_id == sa.bindparam("person_id"),
    kept_form.c.path == sa.bindparam("path"),
    kept_form.c.expires_at > sa.bindparam("now"),
)
_TOUCH_SESSION = (
    console_session.update()
    .where(console_session.c.hash == sa.bindparam("of_hash"))
    .values(seen_at=sa.bindparam("now"))
)
_ADD_SESSION = console_session.insert()
_ADD_PERSON = person.insert()
_SET_PERSON = person.update().where(person.c.id == sa.bindparam("of_person"))
_FIND_PERSON = sa.select(person).where(person.c.id == sa.bindparam("id"))
_FIND_BY_NAME = sa.select(person).where(person.c.name == sa.bindparam("name"))
_FIND_BY_IDENTITY = sa.select(person).where(
    person.c.issuer == sa.bindparam("issuer"), person.c.subject == sa.bindparam("subject")
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in.

    Attributes:
        name: what they sign in with.
        language: the one they chose; empty before they did.
        password_hash: None where they sign in through an identity provider alone.
        must_change: whether the password was set by somebody else.
        issuer, subject: the identity provider that they are linked to, and what it calls them; both or none.
        second_factor: the encrypted secret of their authenticator; None before they have enrolled one.
        used_step: the newest period whose code was used.
    """

    id: str
    name: str
    full_name: str
    roles: frozenset[Role]
    language: str
    password_hash: str | None = field(repr=False)
    must_change: bool
    issuer: str | None
    subject: str | None = field(repr=False)
    second_factor: bytes | None = field(repr=False)
    used_step: int
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What they may do; nothing once they are disabled."""
        return permissions_of(self.roles) if self.disabled_at is None else frozenset()

    def may(self, permission: Permission) -> bool:
        """Tell whether they may do something."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that somebody signed in with.

    Attributes:
        hash: SHA-256 of the token that the browser has.
        device: what the browser says it is, in a few words.
        complete: whether the second factor was given, too.
        seen_at: when it was used last, to the minute.
        by_provider: whether it was an identity provider that said who it is.
    """

    hash: bytes = field(repr=False)
    person_id: str
    device: str
    complete: bool
    created_at: datetime
    seen_at: datetime
    by_provider: bool


def add_person(conn: Connection, new: Person) -> bool:
    """Store a person. Returns False where the name, or what a provider calls them, is taken."""
    values = {column.name: getattr(new, column.name) for column in person.columns}
    try:
        with conn.begin_nested():
            conn.execute(_ADD_PERSON, {**values, "roles": _format_roles(new.roles)})
    except IntegrityError:
        return False
    return True


def find_person(conn: Connection, person_id: str) -> Person | None:
    """Return a person by their id."""
    return _one_person(conn, _FIND_PERSON, id=person_id)


def find_person_by_name(conn: Connection, name: str) -> Person | None:
    """Return a person by the name that they sign in with."""
    return _one_person(conn, _FIND_BY_NAME, name=name)


def find_person_by_identity(conn: Connection, issuer: str, subject: str) -> Person | None:
    """Return the person who is linked to what an identity provider calls somebody."""
    return _one_person(conn, _FIND_BY_IDENTITY, issuer=issuer, subject=subject)


def list_people(conn: Connection) -> list[Person]:
    """Return everybody, disabled ones included, by name."""
    return [_person(row) for row in conn.execute(sa.select(person).order_by(person.c.name))]


def change_person(conn: Connection, person_id: str, **values: Any) -> None:
    """Change columns of a person."""
    if "roles" in values:
        values["roles"] = _format_roles(values["roles"])
    conn.execute(_SET_PERSON, {"of_person": person_id, **values})


def take_step(conn: Connection, person_id: str, step: int) -> bool:
    """Use the code of a period. Returns False where that or a later one was used before."""
    done = conn.execute(
        person.update().where(person.c.id == person_id, person.c.used_step < step).values(used_step=step)
    )
    return bool(done.rowcount)


def set_recovery_codes(conn: Connection, person_id: str, hashes: Collection[bytes]) -> None:
    """Replace all recovery codes of a person; none ends them."""
    conn.execute(recovery_code.delete().where(recovery_code.c.person_id == person_id))
    if hashes:
        conn.execute(recovery_code.insert(), [{"person_id": person_id, "hash": item} for item in hashes])


def take_recovery_code(conn: Connection, person_id: str, code_hash: bytes) -> bool:
    """Use up a recovery code. Returns whether there was one."""
    done = conn.execute(
        recovery_code.delete().where(
            recovery_code.c.person_id == person_id, recovery_code.c.hash == code_hash
        )
    )
    return bool(done.rowcount)


def count_recovery_codes(conn: Connection, person_id: str) -> int:
    """Count the recovery codes that a person has left."""
    query = sa.select(sa.func.count()).where(recovery_code.c.person_id == person_id)
    return int(conn.execute(query).scalar_one())


def add_session(conn: Connection, session: Session) -> None:
    """Store a session."""
    conn.execute(
        _ADD_SESSION, {column.name: getattr(session, column.name) for column in console_session.columns}
    )


def find_session(conn: Connection, token_hash: bytes) -> tuple[Session, Person] | None:
    """Return a session and whose it is, whether it has run out or not."""
    row = conn.execute(_FIND_SESSION, {"hash": token_hash}).one_or_none()
    if row is None:
        return None
    count = len(console_session.columns)
    return Session(*row[:count]), _person(row[count:])


def list_sessions(conn: Connection, person_id: str, seen_after: datetime) -> list[Session]:
    """Return the complete sessions of a person that were used since a moment, the newest first."""
    query = (
        sa.select(console_session)
        .where(
            console_session.c.person_id == person_id,
            console_session.c.complete,
            console_session.c.seen_at > seen_after,
        )
        .order_by(console_session.c.seen_at.desc())
    )
    return [Session(*row) for row in conn.execute(query)]


def touch_session(conn: Connection, token_hash: bytes, now: datetime) -> None:
    """Write down that a session was used."""
    conn.execute(_TOUCH_SESSION, {"of_hash": token_hash, "now": now})


def end_session(conn: Connection, token_hash: bytes) -> None:
    """End one session."""
    conn.execute(console_session.delete().where(console_session.c.hash == token_hash))


def end_sessions(conn: Connection, person_id: str, keep: bytes = b"") -> int:
    """End the sessions of a person, but for one. Returns how many there were, complete or not."""
    done = conn.execute(
        console_session.delete().where(
            console_session.c.person_id == person_id, console_session.c.hash != keep
        )
    )
    return done.rowcount


def drop_forms_about(conn: Connection, ids: Collection[str]) -> None:
    """Forget what was kept of forms under paths with one of some ids, since that is erased."""
    for row in conn.execute(sa.select(kept_form.c.person_id, kept_form.c.path)).all():
        if not frozenset(ids).isdisjoint(re.split("[/ ]", row.path)):
            drop_form(conn, row.person_id, row.path)


def drop_forms(conn: Connection, person_id: str) -> None:
    """Forget all that was kept for somebody."""
    conn.execute(kept_form.delete().where(kept_form.c.person_id == person_id))


def end_all_sessions(conn: Connection) -> None:
    """End every session, and forget the forms that were kept."""
    conn.execute(console_session.delete())
    conn.execute(kept_form.delete())


def add_attempt(conn: Connection, at: datetime, account: bytes, address: bytes, browser: bytes) -> int:
    """Count an attempt to sign in, before it is known whether it succeeds. Returns its number.

    Args:
        browser: one that the account's owner has signed in with before; empty for all others.
    """
    values = {"at": at, "account": account, "address": address, "browser": browser}
    made = conn.execute(sign_in_attempt.insert().values(values))
    key = made.inserted_primary_key
    assert key is not None
    return int(key[0])


def take_back_attempt(conn: Connection, number: int) -> None:
    """Take an attempt off the count, since it was right."""
    conn.execute(sign_in_attempt.delete().where(sign_in_attempt.c.id == number))


def forget_attempts(conn: Connection, account: bytes, browser: bytes | None = None) -> None:
    """Forget what was tried in vain on an account: in one browser, in those of strangers, or everywhere when
    None."""
    tried = sign_in_attempt.c.account == account
    if browser is not None:
        tried = sa.and_(tried, sign_in_attempt.c.browser == browser)
    conn.execute(sign_in_attempt.delete().where(tried))


def failures_of_account(
    conn: Connection, account: bytes, browser: bytes, since: datetime
) -> tuple[int, datetime | None]:
    """Return how often an account was tried in vain in a browser since a moment, and when last."""
    c = sign_in_attempt.c
    query = sa.select(sa.func.count(), sa.func.max(c.at)).where(
        c.account == account, c.browser == browser, c.at > since
    )
    count, last = conn.execute(query).one()
    return int(count), last


def failures_of_address(conn: Connection, address: bytes, since: datetime) -> int:
    """Count what was tried in vain from an address since a moment."""
    query = sa.select(sa.func.count()).where(
        sign_in_attempt.c.address == address, sign_in_attempt.c.at > since
    )
    return int(conn.execute(query).scalar_one())


def keep_unlinked(conn: Connection, reference: str, identity: bytes, expires_at: datetime) -> None:
    """Keep, encrypted, who was refused because no account is linked to them."""
    row = {"reference": reference, "identity": identity, "expires_at": expires_at}
    upsert(conn, unlinked_identity, [row], ("reference",))


def find_unlinked(conn: Connection, reference: str, now: datetime) -> bytes | None:
    """Return who was refused under a reference, encrypted, if that is not too long ago."""
    query = sa.select(unlinked_identity.c.identity).where(
        unlinked_identity.c.reference == reference, unlinked_identity.c.expires_at > now
    )
    found: bytes | None = conn.execute(query).scalar_one_or_none()
    return found


def drop_unlinked(conn: Connection, reference: str) -> None:
    """Forget who was refused under a reference, since they are linked now."""
    conn.execute(unlinked_identity.delete().where(unlinked_identity.c.reference == reference))


def keep_form(conn: Connection, person_id: str, path: str, fields: bytes, expires_at: datetime) -> None:
    """Keep what somebody had entered, instead of what was kept for that path before."""
    row = {"person_id": person_id, "path": path, "fields": fields, "expires_at": expires_at}
    upsert(conn, kept_form, [row], ("person_id", "path"))


def drop_oldest_forms(conn: Connection, person_id: str, path: str, most: int) -> None:
    """Forget what was kept longest ago of somebody's forms at addresses, until there are so many at the most;
    the one at a path stays."""
    c = kept_form.c
    others = sa.and_(c.person_id == person_id, c.path.startswith("/"), c.path != path)
    query = sa.select(c.path).where(others).order_by(c.expires_at.desc(), c.path).offset(most - 1)
    for old in conn.execute(query).scalars().all():
        drop_form(conn, person_id, old)


def find_form(conn: Connection, person_id: str, path: str, now: datetime) -> bytes | None:
    """Return what was kept for somebody and a path, if its time is not over."""
    asked = {"person_id": person_id, "path": path, "now": now}
    found: bytes | None = conn.execute(_FIND_FORM, asked).scalar_one_or_none()
    return found


def drop_form(conn: Connection, person_id: str, path: str) -> None:
    """Forget what was kept for somebody and a path."""
    conn.execute(kept_form.delete().where(kept_form.c.person_id == person_id, kept_form.c.path == path))


def forget_old(conn: Connection, now: datetime, attempts: datetime, sessions: datetime) -> None:
    """Forget what was kept for a while whose time is over, attempts made before a moment, and sessions not
    used since one."""
    conn.execute(kept_form.delete().where(kept_form.c.expires_at <= now))
    conn.execute(unlinked_identity.delete().where(unlinked_identity.c.expires_at <= now))
    conn.execute(sign_in_attempt.delete().where(sign_in_attempt.c.at < attempts))
    conn.execute(console_session.delete().where(console_session.c.seen_at < sessions))


def _one_person(conn: Connection, query: sa.Select[Any], **asked: str) -> Person | None:
    row = conn.execute(query, asked).one_or_none()
    return _person(row) if row else None


def _person(row: Any) -> Person:
    values = dict(zip((column.name for column in person.columns), row, strict=True))
    return Person(**{**values, "roles": frozenset(map(Role, values["roles"].split()))})


def _format_roles(roles: Collection[Role]) -> str:
    return " ".join(sorted(roles))
