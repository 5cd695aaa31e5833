"""What a transaction sees, and what is left of one that did not end well."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from node.store.database import begin_writing, open_database, reading, writing
from node.store.marks import find_mark, set_mark
from tests.databases import migrate_copy

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def stands(conn: Connection, name: str) -> bool:
    return find_mark(conn, name) is not None


def test_what_is_written_is_there_whole_or_not_at_all(engine: Engine) -> None:
    migrate_copy(engine)
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
