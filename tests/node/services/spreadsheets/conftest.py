"""A member with one operator, who brings spreadsheets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.domain.permissions import Role
from node.runtime import Node
from node.services.people import accounts
from node.store.staff.people import Person
from tests.federation import FR, Federation


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR], databases={FR[0]: database_url})
    yield made
    made.close()


@pytest.fixture
def node(federation: Federation) -> Node:
    return federation[FR[0]]


@pytest.fixture
def person(node: Node) -> Person:
    return accounts.add_person(node, "one", "one", [Role.OPERATOR], "test")[0]
