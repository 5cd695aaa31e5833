"""When deleted bytes are known to be gone: the pauses, the waiting, and what keeps PostgreSQL from it."""

from datetime import UTC, datetime, timedelta
from secrets import token_hex

import psycopg
import pytest
from sqlalchemy import Engine

from node.store import scrubbing
from node.store.database import open_database, reading, scrub, writing
from node.store.marks import find_mark
from node.store.migrate import migrate
from node.store.register import cases
from tests.databases import migrate_copy

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
PAUSE, MINUTE = timedelta(hours=4), timedelta(minutes=1)


on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def note(engine: Engine, *, erased: bool = False) -> None:
    with writing(engine) as conn:
        scrubbing.note_deletion(conn, erased=erased)


def is_due(engine: Engine, now: datetime) -> bool:
    with reading(engine) as conn:
        return scrubbing.is_due(conn, now)


def test_what_was_erased_is_due_at_once_and_what_was_replaced_within_the_hour(engine: Engine) -> None:
    assert not is_due(engine, START)
    note(engine)
    assert is_due(engine, START)
    assert scrubbing.advance(engine, START, PAUSE) == START
    assert not is_due(engine, START)
    note(engine)
    assert not is_due(engine, START + 59 * MINUTE)
    assert is_due(engine, START + 60 * MINUTE)
    note(engine, erased=True)
    note(engine)
    assert is_due(engine, START + MINUTE)


def test_a_reader_keeps_the_note_standing(tmp_path: object) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/node.db")
    migrate_copy(engine)
    with reading(engine) as conn:
        assert find_mark(conn, scrubbing.DELETED) is None
        note(engine, erased=True)
        assert scrubbing.advance(engine, START, PAUSE) is None
    assert is_due(engine, START)
    assert scrubbing.advance(engine, START + MINUTE, PAUSE) == START + MINUTE
    assert not is_due(engine, START + MINUTE)
    engine.dispose()


@on_postgresql
def test_tables_are_rewritten_only_after_a_pause(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rewritten = []

    def rewrite(engine: Engine) -> bool:
        rewritten.append(engine)
        return True

    monkeypatch.setattr(scrubbing, "scrub", rewrite)
    for minutes, clean_until in ((0, 0), (1, 0), (239, 0), (240, 240), (241, 240)):
        now = START + minutes * MINUTE
        assert scrubbing.advance(engine, now, PAUSE) == START + clean_until * MINUTE
    assert len(rewritten) == 2


@on_postgresql
def test_nothing_is_promised_before_the_log_has_turned_over(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as held_up:
        held_up.setattr(scrubbing, "_has_turned_over", lambda engine, place: False)
        assert scrubbing.advance(engine, START, PAUSE) is None
        assert scrubbing.advance(engine, START + 5 * PAUSE, PAUSE) is None
        assert is_due(engine, START + 5 * PAUSE)
    assert scrubbing.advance(engine, START + 6 * PAUSE, PAUSE) == START  # what was rewritten then is clean
    assert scrubbing.advance(engine, START + 6 * PAUSE, PAUSE) == START + 6 * PAUSE


@on_postgresql
def test_rewritten_tables_can_be_counted_by_their_indexes_alone(engine: Engine) -> None:
    with writing(engine) as conn:
        cases.add_case(conn, "a/1", {}, "test", START)
    assert scrub(engine)
    seen = "SELECT relallvisible FROM pg_class WHERE relname = 'case_file'"
    with reading(engine) as conn:
        assert conn.exec_driver_sql(seen).scalar_one() == 1


def test_a_role_without_rights_is_told_what_it_lacks(pg_url: str) -> None:
    role = f"weak_{token_hex(4)}"
    with psycopg.connect(pg_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT ALL ON SCHEMA public TO {role}")
    engine = open_database(pg_url.replace("postgres:@", f"{role}:@", 1))
    try:
        migrate(engine)
        lacking = scrubbing.waits_for(engine)
        assert lacking.count(";") == 2
        assert {"pg_monitor", "pg_checkpoint", "pg_switch_wal()"} == {
            word for word in lacking.replace(";", "").split() if word.startswith("pg_")
        }
    finally:
        engine.dispose()
        with psycopg.connect(pg_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
