"""The journal's chain, what the database refuses, and writers at the same time: on both databases."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from node.store.database import open_database, reading, writing
from node.store.journal import (
    BEGINNING,
    JournalEntry,
    Wanted,
    find_entries,
    find_hash,
    hash_line,
    last_entry,
    read_journal,
    read_lines,
    write_journal,
)
from tests.federation import START

CASE = "police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3"


def write(engine: Engine, *entries: JournalEntry) -> None:
    with writing(engine) as conn:
        for entry in entries:
            write_journal(conn, entry)


def test_each_entry_has_the_next_number_and_a_hash_over_the_one_before(engine: Engine) -> None:
    whole = JournalEntry(
        START + timedelta(microseconds=123_456),
        "cli:amina",
        "case.open",
        CASE,
        ["head", "Größe"],
        'to check a "report"',
        ["ab" * 16, "cd" * 16],
    )
    write(engine, whole, JournalEntry(START, "node", "case.purge"))
    with reading(engine) as conn:
        first, second = read_lines(conn, 0, 10)
        assert last_entry(conn) == (2, second.hash)
        assert (find_hash(conn, 0), find_hash(conn, 1), find_hash(conn, 3)) == (BEGINNING, first.hash, None)
        assert read_journal(conn, CASE)[0].fields == ["head", "Größe"]
    assert first.text.decode() == (
        '{"number":1,"at":"2026-11-21T12:00:00.123Z","actor":"cli:amina","action":"case.open",'
        f'"case":"{CASE}","fields":["head","Größe"],"purpose":"to check a \\"report\\"",'
        f'"terms":"{"ab" * 16} {"cd" * 16}"}}'
    )
    assert first.hash == hash_line(BEGINNING, first.text)
    assert second.hash == hash_line(first.hash, second.text)


def test_the_database_itself_refuses_to_change_or_remove_an_entry(engine: Engine) -> None:
    write(engine, JournalEntry(START, "cli:amina", "case.open", CASE))
    for statement in (
        "UPDATE journal SET actor = 'cli:zoe'",
        "DELETE FROM journal",
        *(["TRUNCATE journal"] if engine.dialect.name == "postgresql" else []),
    ):
        with pytest.raises(DBAPIError, match="only ever added to"), writing(engine) as conn:
            conn.execute(sa.text(statement))
    with reading(engine) as conn:
        assert [entry.actor for entry in read_journal(conn)] == ["cli:amina"]


def test_writers_at_the_same_time_make_one_chain(engine: Engine) -> None:
    def work(who: str) -> None:
        own = open_database(engine.url.render_as_string(hide_password=False))
        for number in range(25):
            write(own, JournalEntry(START, who, f"test.{number}"), JournalEntry(START, who, "test"))
        own.dispose()

    threads = [threading.Thread(target=work, args=(f"cli:{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before, count = BEGINNING, 0
    with reading(engine) as conn:
        for count, line in enumerate(read_lines(conn, 0, 1_000), 1):
            assert (line.number, line.hash) == (count, hash_line(before, line.text))
            before = line.hash
    assert count == 200


def test_an_entry_goes_with_what_it_is_about(engine: Engine) -> None:
    write(engine, JournalEntry(START, "a", "kept"))
    with writing(engine) as conn:
        write_journal(conn, JournalEntry(START, "b", "undone"))
        conn.rollback()
    write(engine, JournalEntry(START, "c", "kept"))
    with reading(engine) as conn:
        assert [line.number for line in read_lines(conn, 0, 10)] == [1, 2]
        assert [entry.actor for entry in read_journal(conn)] == ["c", "a"]


def test_entries_are_found_by_every_condition(engine: Engine) -> None:
    later = START + timedelta(days=1)
    write(
        engine,
        JournalEntry(START, "cli:amina", "case.open", CASE, ["public"]),
        JournalEntry(START, "cli:zoe", "case.open", CASE, ["network", "public"], "Border check, 100%"),
        JournalEntry(later, "cli:zoe", "search", fields=["name"], terms=["ab" * 16, "cd" * 16]),
        JournalEntry(later, "cli:zoe", "case.exclude", CASE, ["police.de.example"]),
        JournalEntry(later, "cli:zoe", "caseless"),
    )
    for wanted, numbers in (
        (Wanted(), [5, 4, 3, 2, 1]),
        (Wanted(actor="cli:amina"), [1]),
        (Wanted(actor="cli"), []),
        (Wanted(action="case.open"), [2, 1]),
        (Wanted(action="case"), [4, 2, 1]),
        (Wanted(case_id=CASE, before=4), [2, 1]),
        (Wanted(field="public"), [2, 1]),
        (Wanted(field="police.de.example"), [4]),
        (Wanted(field="police"), []),
        (Wanted(purpose="border"), [2]),
        (Wanted(purpose="100%"), [2]),
        (Wanted(purpose="%"), [2]),
        (Wanted(terms=["cd" * 16]), [3]),
        (Wanted(terms=["cd" * 16, "ef" * 16]), []),
        (Wanted(since=later), [5, 4, 3]),
        (Wanted(until=later), [2, 1]),
    ):
        with reading(engine) as conn:
            assert [found.number for found in find_entries(conn, wanted, 10)] == numbers, wanted
    with reading(engine) as conn:
        assert [found.number for found in find_entries(conn, Wanted(), 2)] == [5, 4]


def test_a_row_that_is_none_of_ours_is_given_without_a_text(engine: Engine) -> None:
    write(engine, JournalEntry(START, "a", "test"))
    spoilt = ["9223372036854775807", "'x'", "x'ff'"]  # PostgreSQL's columns take nothing of another type
    if engine.dialect.name == "postgresql":
        del spoilt[1:]
    with writing(engine) as conn:
        for number, value in enumerate(spoilt, 2):
            row = f"INSERT INTO journal VALUES ({number}, {value}, '', '', '', '[]', '', '', '')"  # noqa: S608
            conn.execute(sa.text(row))
    with reading(engine) as conn:
        assert [bool(line.text) for line in read_lines(conn, 0, 10)] == [True, *[False] * len(spoilt)]
