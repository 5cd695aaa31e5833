"""The chain of the journal against whoever can write to the database, on both databases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from node.errors import Conflict
from node.runtime import Node
from node.services.audit import chain
from node.services.members import keys
from node.services.safekeeping import integrity
from node.services.status import status
from node.store.database import reading, writing
from node.store.journal import JournalEntry, hash_line, last_entry, read_lines, write_journal
from tests.federation import DE, FR, Federation

CASE = f"{FR[0]}/k3ta7qmxk3ta7qmxk3ta7qmxk3"
COLUMNS = ("at", "actor", "action", "case_id", "fields", "purpose", "terms", "hash")
MORE = 5


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE], databases={FR[0]: database_url})
    write(made[FR[0]], MORE)
    yield made
    made.close()


@pytest.fixture
def node(federation: Federation) -> Node:
    return federation[FR[0]]


def write(node: Node, count: int) -> None:
    with writing(node.engine) as conn:
        for number in range(count):
            entry = JournalEntry(
                node.clock(), "cli:amina", "case.open", CASE, ["public"], f"purpose {number}", ["ab" * 16]
            )
            write_journal(conn, entry)


@contextmanager
def meddling(node: Node) -> Iterator[Connection]:
    """Give the database to somebody who owns it, and put everything back at the end."""
    with writing(node.engine) as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("ALTER TABLE journal DISABLE TRIGGER USER")
        else:
            conn.exec_driver_sql("DROP TRIGGER journal_no_update")
            conn.exec_driver_sql("DROP TRIGGER journal_no_delete")
        yield conn
        conn.rollback()


def found(conn: Connection, node: Node) -> list[str]:
    return chain.verify(conn, node).problems


def length(node: Node) -> int:
    with reading(node.engine) as conn:
        return last_entry(conn)[0]


def rewrite(conn: Connection, first: int) -> None:
    """Make the hashes right again from an entry on, as somebody would who knows how they come about."""
    for line in list(read_lines(conn, first - 1, 1_000)):
        (before,) = [other.hash for other in read_lines(conn, line.number - 2, 1)]
        fresh = {"hash": hash_line(before, line.text), "number": line.number}
        conn.execute(sa.text("UPDATE journal SET hash = :hash WHERE number = :number"), fresh)


def test_a_whole_journal_is_found_whole(node: Node) -> None:
    with reading(node.engine) as conn:
        assert (chain.verify(conn, node).head, found(conn, node)) == (None, [])
    head = chain.sign_head(node)
    assert head is not None
    assert (head.member, head.number, head.at) == (FR[0], length(node), node.now())
    write(node, 1)
    report = integrity.check(node)
    assert (report.findings, report.journal, report.journal_signed_at) == ([], head.number + 1, node.now())
    with reading(node.engine) as conn:
        assert chain.warnings(conn, node) == []


@pytest.mark.parametrize("column", COLUMNS)
def test_a_change_of_any_column_of_any_entry_is_found_where_it_is(node: Node, column: str) -> None:
    for number in range(1, length(node) + 1):
        with meddling(node) as conn:
            text = sa.text(f"SELECT {column} FROM journal WHERE number = {number}")  # noqa: S608
            value = conn.execute(text).scalar_one()
            if column == "at":
                value += 1
            elif column == "hash":
                value = bytes([value[0] ^ 1]) + value[1:]
            elif column == "fields":
                value = value.replace("[", "[ ")  # the same names to whoever reads them
            else:
                value = value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
            changed = {"value": value, "number": number}
            conn.execute(sa.text(f"UPDATE journal SET {column} = :value WHERE number = :number"), changed)  # noqa: S608
            assert found(conn, node)[0] == f"entry {number} was changed, or the one before it"


def test_entries_that_were_removed_put_in_or_swapped_are_found(node: Node) -> None:
    last = length(node)
    for statements, problem in (
        (["DELETE FROM journal WHERE number = 2"], "entries are missing: 2 to 2"),
        (["DELETE FROM journal WHERE number < 3"], "entries are missing: 1 to 2"),
        (
            [f"UPDATE journal SET number = number + 1 WHERE number = {last}"],  # noqa: S608
            f"entries are missing: {last} to {last}",
        ),
        (
            [
                "UPDATE journal SET number = 100 WHERE number = 2",
                "UPDATE journal SET number = 2 WHERE number = 3",
                "UPDATE journal SET number = 3 WHERE number = 100",
            ],
            "entry 2 was changed, or the one before it",
        ),
        *(
            (
                [f"INSERT INTO journal SELECT {number}, {', '.join(COLUMNS)} FROM journal WHERE number = 1"],  # noqa: S608
                problem,
            )
            for number, problem in (
                (0, "entry 0 is not where it belongs"),
                (-7, "entry -7 is not where it belongs"),
                (last + 1, f"entry {last + 1} was changed, or the one before it"),
            )
        ),
    ):
        with meddling(node) as conn:
            for statement in statements:
                conn.execute(sa.text(statement))
            assert found(conn, node)[0] == problem


def test_many_breaks_are_not_told_without_end(node: Node) -> None:
    write(node, 2 * chain.MAX_PROBLEMS)
    with meddling(node) as conn:
        conn.execute(sa.text("UPDATE journal SET purpose = 'another'"))
        assert len(found(conn, node)) == chain.MAX_PROBLEMS


def test_a_journal_that_was_cut_or_written_anew_is_not_the_signed_one(node: Node) -> None:
    head = chain.sign_head(node)
    assert head is not None
    for number in (head.number, 3):
        with meddling(node) as conn:
            conn.execute(sa.text(f"DELETE FROM journal WHERE number >= {number}"))  # noqa: S608
            (problem,) = found(conn, node)
            assert problem.startswith(f"the journal ends with entry {number - 1}, and the head")
            assert "somebody has changed" in chain.warnings(conn, node)[0]
    with meddling(node) as conn:
        conn.execute(sa.text("UPDATE journal SET actor = 'cli:zoe' WHERE number = 3"))
        rewrite(conn, 3)
        (problem,) = found(conn, node)
        assert problem.startswith(f"entry {head.number} is not the one that was signed")
    with meddling(node) as conn:
        conn.execute(sa.text("DELETE FROM journal"))
        assert len(found(conn, node)) == 1


def test_a_journal_that_was_changed_is_not_signed_over(node: Node) -> None:
    def change(statement: str, then: Callable[[Connection], None] = lambda conn: None) -> None:
        with writing(node.engine) as conn:
            postgresql = conn.dialect.name == "postgresql"
            conn.exec_driver_sql(
                "ALTER TABLE journal DISABLE TRIGGER USER" if postgresql else "DROP TRIGGER journal_no_update"
            )
            conn.execute(sa.text(statement))
            then(conn)

    head = chain.sign_head(node)
    assert head is not None
    write(node, 3)
    change(
        f"UPDATE journal SET actor = 'cli:zoe' WHERE number = {head.number}",  # noqa: S608
        lambda conn: rewrite(conn, head.number),
    )
    with pytest.raises(Conflict, match=f"entry {head.number} is missing or another one"):
        chain.sign_head(node)
    assert chain.read_head(node) == head
    assert any("not as it was signed" in warning for warning in status(node).warnings)
    assert [finding.where for finding in integrity.check(node).findings] == ["journal"]


def test_the_head_goes_on_when_the_key_is_replaced(federation: Federation, node: Node) -> None:
    head = chain.sign_head(node)
    keys.make_keys(node, ["token"], "test")
    entry = node.entry()
    fresh = keys.with_newest_keys(node, entry).token_keys
    federation.clock.advance(days=1)
    federation.announce(FR[0], token_keys=tuple(replace(key, since=node.now()) for key in fresh))
    with reading(node.engine) as conn:
        (problem,) = found(conn, node)  # its key has left the roster: nobody can tell whose it is
        assert "journal.head in the home is not signed by this member" in problem
    again = chain.sign_head(node)
    assert head is not None
    assert again is not None
    assert again.at == head.at + timedelta(days=1)
    with reading(node.engine) as conn:
        assert found(conn, node) == []


def test_a_head_of_another_member_or_none_at_all_is_told(federation: Federation, node: Node) -> None:
    other = chain.sign_head(federation[DE[0]])
    assert other is not None
    file = node.config.home / "journal.head"
    for text in (other.token, "", "x" * 5_000, other.token[:-8] + "AAAAAAAA"):
        file.write_text(text)
        with reading(node.engine) as conn:
            assert len(found(conn, node)) == 1
            assert len(chain.warnings(conn, node)) == 1


def test_nothing_is_signed_before_the_roster_lists_the_member(federation: Federation, node: Node) -> None:
    known = federation.coordinator.trusted
    others = tuple(member for member in known.roster.members if member.id != FR[0])
    federation.coordinator.trusted = replace(
        known, roster=replace(known.roster, members=others), version=known.version + 1
    )
    node.trust.refresh([], node.http)
    assert chain.sign_head(node) is None
    assert not (node.config.home / "journal.head").exists()
