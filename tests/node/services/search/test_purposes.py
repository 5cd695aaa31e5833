"""A purpose is asked once for a case and a session, and holds for a while."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.domain.permissions import Role
from node.errors import InvalidInput
from node.runtime import Node
from node.services.people import accounts, sessions
from node.services.people.sessions import Visit
from node.services.search import purposes
from node.store.database import writing
from tests.federation import FR, Federation

CASE = "police.de.example/" + "a" * 26


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, (FR,))
    yield made
    made.close()


def sit_down(node: Node, name: str) -> Visit:
    person = next((one for one in accounts.list_people(node) if one.name == name), None)
    if person is None:
        person, _ = accounts.add_person(node, name, name, [Role.OPERATOR], "test")
    with writing(node.engine) as conn:
        token = sessions.begin_session(conn, person, "Firefox", node.clock(), complete=True)
    visit = sessions.find_visit(node, token)
    assert visit is not None
    return visit


def test_a_purpose_holds_for_its_case_its_session_and_its_time(federation: Federation) -> None:
    node = federation[FR[0]]
    visit = sit_down(node, "ana")
    purposes.state_purpose(node, visit, CASE, " border check ")
    assert purposes.stated_purpose(node, visit, CASE) == "border check"
    assert purposes.stated_purpose(node, visit, CASE.replace("a", "b")) == ""
    assert purposes.stated_purpose(node, sit_down(node, "ana"), CASE) == ""
    assert purposes.stated_purpose(node, sit_down(node, "ben"), CASE) == ""
    federation.clock.advance(minutes=29)
    assert purposes.stated_purpose(node, visit, CASE) == "border check"
    federation.clock.advance(minutes=2)
    assert purposes.stated_purpose(node, visit, CASE) == ""


@pytest.mark.parametrize("purpose", ["", "x", "    x    ", "x" * 301, "two\nlines"])
def test_a_purpose_that_says_nothing_is_refused(federation: Federation, purpose: str) -> None:
    node = federation[FR[0]]
    visit = sit_down(node, "ana")
    with pytest.raises(InvalidInput):
        purposes.state_purpose(node, visit, CASE, purpose)
    assert purposes.stated_purpose(node, visit, CASE) == ""
