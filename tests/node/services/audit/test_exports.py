"""Copies of the journal: checked anywhere, and against whoever changes them."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.errors import InvalidInput, NotFound
from node.runtime import Node
from node.services.audit import chain
from node.services.audit.exports import check_export, export_journal
from node.store.database import writing
from node.store.journal import JournalEntry, last_entry, read_journal, write_journal
from tests.federation import DE, FR, Federation
from tests.node.services.audit.test_chain import length, write


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    made = Federation(tmp_path_factory.mktemp("exports"), [FR, DE])
    write(made[FR[0]], 5)
    yield made
    made.close()


@pytest.fixture
def node(shared: Federation) -> Node:
    return shared[FR[0]]


def export(node: Node, after: int = 0) -> bytes:
    target = io.BytesIO()
    export_journal(node, target, "auditor", after)
    return target.getvalue()


def problems(node: Node, data: bytes) -> list[str]:
    return check_export(node, io.BytesIO(data)).problems


def test_an_export_is_whole_signed_and_in_the_journal(shared: Federation, node: Node) -> None:
    data = export(node)
    lines = [json.loads(line) for line in data.splitlines()]
    assert len(lines) == 1 + length(node)
    assert [line["entry"]["number"] for line in lines[1:]] == list(range(1, len(lines)))
    assert (lines[-1]["entry"]["action"], lines[-1]["entry"]["actor"]) == ("audit.export", "auditor")
    for checker in (node, shared[DE[0]]):
        checked = check_export(checker, io.BytesIO(data))
        assert (checked.member, checked.after, checked.last, checked.signed_at, checked.problems) == (
            FR[0], 0, len(lines) - 1, node.now(), []
        )  # fmt: skip


def test_the_next_export_goes_on_where_the_last_one_ended(node: Node) -> None:
    last = check_export(node, io.BytesIO(export(node))).last
    write(node, 2)
    data = export(node, last)
    checked = check_export(node, io.BytesIO(data))
    assert (checked.after, checked.last, checked.problems) == (last, last + 3, [])
    assert len(data.splitlines()) == 1 + 3
    with pytest.raises(NotFound):
        export(node, 1_000_000)


def test_any_change_of_a_copy_is_found(shared: Federation, node: Node) -> None:
    data = export(node)
    other = shared[DE[0]]
    assert problems(other, data) == []
    for place in range(0, len(data), 7):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            assert problems(other, changed), place
        except InvalidInput:
            assert place < data.index(b"\n")  # the first line, which says what it is


def test_lines_that_were_left_out_put_in_swapped_or_cut_are_found(shared: Federation, node: Node) -> None:
    lines = export(node).splitlines(keepends=True)
    other = shared[DE[0]]
    for changed in (
        [*lines[:3], *lines[4:]],
        [lines[0], *lines[2:]],
        lines[:-1],
        [*lines[:-1], lines[-1][:-1]],
        [*lines[:2], lines[3], lines[2], *lines[4:]],
        [*lines, lines[-1]],
        [*lines, b"\n"],
        lines[:1],
        [lines[0].replace(b'"head":', b'"had":'), *lines[1:]],
        [lines[0].replace(FR[0].encode(), DE[0].encode()), *lines[1:]],
    ):
        assert problems(other, b"".join(changed)), changed[0]


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"{}\n", b'{"journal":"2"}\n', b"[]\n", b"\xff" * 99, b"{" * 9999]
)
def test_what_is_no_export_is_refused(node: Node, text: bytes) -> None:
    with pytest.raises(InvalidInput, match="no export"):
        problems(node, text)


def test_an_old_export_shows_that_the_journal_was_written_anew(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE])
    node = federation[FR[0]]
    write(node, 3)
    data = export(node)
    with writing(node.engine) as conn:  # whoever has database, home and key: everything else verifies
        entries = read_journal(conn, limit=1_000)[::-1]
        conn.exec_driver_sql("DROP TRIGGER journal_no_delete")
        conn.exec_driver_sql("DELETE FROM journal")
        for entry in entries:
            write_journal(conn, JournalEntry(entry.at, "cli:zoe", entry.action))
    (node.config.home / "journal.head").unlink()
    assert chain.sign_head(node) is not None
    with writing(node.engine) as conn:
        assert chain.verify(conn, node).problems == []
    assert "written anew" in problems(node, data)[0]
    assert problems(federation[DE[0]], data) == []
    federation.close()


def test_a_journal_that_was_changed_is_exported_unsigned(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE])
    node = federation[FR[0]]
    write(node, 3)
    head = chain.sign_head(node)
    assert head is not None
    with writing(node.engine) as conn:
        conn.exec_driver_sql("DROP TRIGGER journal_no_delete")
        conn.exec_driver_sql(f"DELETE FROM journal WHERE number = {head.number}")  # noqa: S608
    target = io.BytesIO()
    done = export_journal(node, target, "auditor")
    assert "not as it was signed" in done.problem
    told = problems(federation[DE[0]], target.getvalue())
    assert told == ["the journal was not signed when it was exported"]
    federation.close()


def test_memory_does_not_grow_with_the_journal(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE])
    node = federation[FR[0]]
    write(node, 20_000)
    file = tmp_path / "journal.jsonl"
    tracemalloc.start()
    with file.open("wb") as target:
        export_journal(node, target, "auditor")
    with file.open("rb") as source:
        assert check_export(node, source).problems == []
    with writing(node.engine) as conn:
        assert chain.verify(conn, node).entries == last_entry(conn)[0]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert file.stat().st_size > 4_000_000
    assert most < 3_000_000
    federation.close()
