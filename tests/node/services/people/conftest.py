"""A node with somebody who may sign in, once on each kind of database."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest

from node.domain.permissions import Role
from node.runtime import Node
from node.services.people import accounts, sessions, sign_in
from node.services.people.sessions import Visit
from node.services.people.sign_in import Caller
from node.store import journal
from node.store.database import reading
from node.store.staff import people
from node.store.staff.people import Person
from tests.federation import FR, Clock, Federation

PASSWORD = "a horse on a staple 4"
HERE = Caller("192.0.2.7", "Firefox, Linux")


@dataclass
class Desk:
    """A node, and Ana, who administers it."""

    node: Node
    clock: Clock
    ana: Person

    def password(self, name: str = "ana", password: str = PASSWORD, caller: Caller = HERE) -> Visit:
        """Take the first step of signing in."""
        return self.visit(sign_in.check_password(self.node, name, password, caller))

    def visit(self, token: str) -> Visit:
        found = sessions.find_visit(self.node, token)
        assert found is not None
        return found

    def enrol(self) -> tuple[pyotp.TOTP, list[str]]:
        """Let Ana set up a second factor; the next code is one period later."""
        secret = pyotp.random_base32()
        authenticator = pyotp.TOTP(secret)
        _, codes = sign_in.confirm_enrolment(self.node, self.password(), secret, self.code(authenticator))
        self.clock.advance(seconds=30)
        return authenticator, codes

    def code(self, authenticator: pyotp.TOTP) -> str:
        return authenticator.at(int(self.clock().timestamp()))

    def again(self) -> Person:
        return accounts.find_person(self.node, self.ana.id)

    def journal(self) -> list[tuple[str, str, str]]:
        """What was written last comes first."""
        with reading(self.node.engine) as conn:
            return [(line.actor, line.action, line.purpose) for line in journal.read_journal(conn)]

    def attempts(self) -> int:
        with reading(self.node.engine) as conn:
            return len(conn.execute(people.sign_in_attempt.select()).all())


@contextmanager
def open_desk(folder: Path, databases: Mapping[str, str] | None = None) -> Iterator[Desk]:
    """Give a node in a folder, and Ana."""
    federation = Federation(folder, [FR], databases=databases or {})
    node = federation[FR[0]]
    ana, _ = accounts.add_person(node, "ana", "Ana Petit", [Role.ADMINISTRATOR], "test", PASSWORD)
    yield Desk(node, federation.clock, ana)
    federation.close()


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    with open_desk(tmp_path, {FR[0]: database_url}) as made:
        yield made
