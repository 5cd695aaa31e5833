"""What a transaction sees, and what is left of one that did not end well."""

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from node.store import database
from node.store.database import begin_writing, open_database, reading, writing
from node.store.marks import find_mark, set_mark
from tests.databases import migrate_copy

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def stands(conn: Connection, name: str) -> bool:
    return find_mark(conn, name) is not None


def test_what_is_written_is_there_whole_or_not_at_all(engine: Engine) -> None:
    with writing(engine) as conn:
        set_mark(conn, "kept", NOW)
    with suppress(RuntimeError), writing(engine) as conn:
        set_mark(conn, "lost", NOW)
        raise RuntimeError
    with engine.connect() as conn:
        begin_writing(conn)
        set_mark(conn, "lost", NOW)
    with reading(engine) as conn:
        assert stands(conn, "kept")
        assert not stands(conn, "lost")


def test_a_reader_sees_one_state_of_a_file(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'node.db'}")
    migrate_copy(engine)
    with reading(engine) as conn:
        assert not stands(conn, "new")
        with writing(engine) as other:
            set_mark(other, "new", NOW)
        assert not stands(conn, "new")
    with reading(engine) as conn:
        assert stands(conn, "new")
    engine.dispose()


def test_to_open_a_file_again_leaves_the_locks_of_those_who_have_it_open(tmp_path: Path) -> None:
    """Without them another process would believe to be the last one, and take the log away under them."""
    engine = open_database(f"sqlite:///{tmp_path / 'node.db'}")
    migrate_copy(engine)
    with writing(engine) as conn:
        set_mark(conn, "before", NOW)
    log = (tmp_path / "node.db-wal").stat()
    open_database(str(engine.url)).dispose()
    other = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM').close()"
    subprocess.run([sys.executable, "-c", other, str(tmp_path / "node.db")], check=True)
    assert (tmp_path / "node.db-wal").stat().st_ino == log.st_ino
    with writing(engine) as conn:
        set_mark(conn, "after", NOW)
    engine.dispose()
    with reading(engine) as conn:
        assert stands(conn, "before")
        assert stands(conn, "after")
    engine.dispose()


def test_a_connection_that_was_left_in_a_transaction_is_not_used_again(pg_url: str) -> None:
    engine = open_database(pg_url)
    with reading(engine) as conn:
        driver = conn.connection.driver_connection
    assert driver is not None
    driver.execute("SELECT 1")  # begins a transaction, as whoever came too late would
    with reading(engine) as conn:
        assert conn.connection.driver_connection is not driver
        assert conn.exec_driver_sql("SELECT 1").scalar_one() == 1
    assert driver.closed
    engine.dispose()


def test_a_connection_that_rested_is_asked_whether_it_is_still_there(
    pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(pg_url)
    with reading(engine) as conn:
        driver = conn.connection.driver_connection
        process = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with psycopg.connect(pg_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (process,))
    monkeypatch.setattr(database, "_PING_AFTER_SECONDS", 0)
    with reading(engine) as conn:
        assert conn.exec_driver_sql("SELECT 1").scalar_one() == 1
        assert conn.connection.driver_connection is not driver
    engine.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_only_reads_holds_no_transaction_open(engine: Engine) -> None:
    with reading(engine) as conn:
        assert not stands(conn, "new")
        driver = conn.connection.driver_connection
        assert driver is not None
        assert driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    with writing(engine) as conn:  # the same connection, which is in a transaction again
        assert conn.connection.driver_connection is driver
        set_mark(conn, "new", NOW)
        conn.rollback()
    with reading(engine) as conn:
        assert not stands(conn, "new")
        assert conn.exec_driver_sql("SHOW jit").scalar_one() == "off"
