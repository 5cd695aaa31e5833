"""Staff tokens: shown once, kept as a hash, ended by time and by hand."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import InvalidInput, NotAllowed, NotFound
from node.runtime import Node
from node.services import staff
from node.store import journal
from node.store.database import reading
from node.store.staff import access
from tests.federation import FR, Federation


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR], databases={FR[0]: database_url})
    yield made
    made.close()


@pytest.fixture
def node(federation: Federation) -> Node:
    return federation[FR[0]]


def test_a_token_works_until_its_end(federation: Federation, node: Node) -> None:
    token = staff.create_token(node, " border desk 3 ", "search", 30, "Ana")
    found = staff.check_token(node, token)
    assert (found.name, found.scope) == ("border desk 3", "search")
    secret = token.split("_", 2)[2]
    with reading(node.engine) as conn:
        assert secret not in repr(conn.execute(access.staff_token.select()).all())
        assert secret not in repr(journal.read_journal(conn))
    federation.clock.advance(seconds=timedelta(days=30).total_seconds() - 1)
    staff.check_token(node, token)
    federation.clock.advance(seconds=1)
    with pytest.raises(NotAllowed):
        staff.check_token(node, token)


def test_a_revoked_token_ends_at_once_and_alone(node: Node) -> None:
    first, second = (staff.create_token(node, name, "open", 1, "Ana") for name in ("one", "two"))
    listed = staff.list_tokens(node)
    staff.revoke_token(node, next(token.id for token in listed if token.name == "one"), "Ana")
    with pytest.raises(NotAllowed):
        staff.check_token(node, first)
    assert staff.check_token(node, second).name == "two"
    for gone in (staff.check_token(node, second).id + "x", "", listed[0].id[:3]):
        with pytest.raises(NotFound):
            staff.revoke_token(node, gone, "Ana")
    with reading(node.engine) as conn:
        actions = [entry.action for entry in journal.read_journal(conn)]
    assert actions[:3] == ["token.revoke", "token.create", "token.create"]


def test_anything_else_is_no_token(node: Node) -> None:
    token = staff.create_token(node, "one", "open", 1, "Ana")
    prefix, token_id, secret = token.split("_", 2)
    for wrong in (
        "", "_", "__", "gmcn", f"{prefix}_{token_id}_", f"{prefix}_{token_id}_{secret}x",
        f"x_{token_id}_{secret}",
        f"{prefix}_{'0' * 12}_{secret}", f"{prefix}_\x00_{secret}", f"{prefix}_é_é", "x" * 100_000,
        f"{prefix}_' OR 1=1 --_{secret}",
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            staff.check_token(node, wrong)


@pytest.mark.parametrize(
    ("name", "scope", "days"),
    [("", "open", 1), ("x" * 81, "open", 1), ("x", "all", 1), ("x", "open", 0), ("x", "open", 367)],
)
def test_a_token_that_cannot_be_made(node: Node, name: str, scope: str, days: int) -> None:
    with pytest.raises(InvalidInput):
        staff.create_token(node, name, scope, days, "Ana")
    assert staff.list_tokens(node) == []
