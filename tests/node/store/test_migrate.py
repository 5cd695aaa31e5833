"""Migrations: up, down, up again with rows, and the same tables as the program's on both databases."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from node.errors import Conflict, InvalidInput
from node.store import journal
from node.store import migrate as migrating
from node.store.database import open_database, reading, writing
from node.store.federation import peers
from node.store.migrate import current_revision, migrate
from node.store.published import feeds
from node.store.register import cases
from node.store.tables import metadata
from tests import databases
from tests.databases import make_pg_database, new_pg_database, true_migrations
from tests.factories import sample_record
from tests.federation import DE, FR, START, Federation
from tests.liars import problems


def names(engine: Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names())


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Give an open database without a table, once of each kind."""
    if database_url.startswith("postgresql"):
        make_pg_database(database_url)
    opened = open_database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture(autouse=True)
def truly() -> Iterator[None]:
    """Other tests repeat what the first migration said; these are about what it says."""
    with true_migrations():
        yield


def test_the_migrated_schema_is_that_of_the_tables(engine: Engine) -> None:
    migrate(engine)
    assert_of_the_tables(engine)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_so_is_the_one_that_other_tests_make(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_run", databases._run_again)
    for name in ("first.db", "again.db"):
        with ExitStack() as stack:
            address = f"sqlite:///{tmp_path / name}"
            if kind == "postgresql":
                address = stack.enter_context(new_pg_database(request.getfixturevalue("pg_server")))
            engine = open_database(address)
            migrate(engine)
            assert_of_the_tables(engine)
            engine.dispose()


def assert_of_the_tables(engine: Engine) -> None:
    with reading(engine) as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        differences = [
            change
            for change in compare_metadata(context, metadata)
            # The full-text tables and the version are no SQLAlchemy tables.
            if not (
                change[0].startswith("remove")
                and str(change[1].name).startswith(("search_", "alembic", "ix_"))
            )
        ]
    assert differences == []
    assert set(metadata.tables) <= names(engine)


def test_up_down_and_up_again(engine: Engine) -> None:
    migrate(engine)
    with reading(engine) as conn:
        newest = current_revision(conn)
    first = names(engine)
    migrate(engine)  # does nothing
    migrate(engine, "base")
    assert names(engine) <= {"alembic_version"}
    migrate(engine)
    assert names(engine) == first
    with reading(engine) as conn:
        assert current_revision(conn) == newest


def test_rows_stay_when_nothing_is_to_be_done_and_go_with_their_tables(engine: Engine) -> None:
    migrate(engine)
    with writing(engine) as conn:
        cases.add_case(conn, "police.fr.example/a", sample_record("ar"), "test", START)
        feeds.ensure_feed(conn, "police.fr.example", "network", "police.fr.example/network", own=True)
        peers.see_peer(conn, "police.de.example", "keys", START)
        journal.write_journal(conn, journal.JournalEntry(START, "test", "case.add"))
    migrate(engine)
    with reading(engine) as conn:
        assert len(cases.list_cases(conn)) == len(feeds.list_feeds(conn)) == len(peers.list_peers(conn)) == 1
    migrate(engine, "base")
    migrate(engine)
    with reading(engine) as conn:
        assert cases.list_cases(conn) == feeds.list_feeds(conn) == journal.read_journal(conn) == []


def test_a_database_of_a_newer_program_is_left_alone(engine: Engine) -> None:
    migrate(engine)
    with writing(engine) as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    before = names(engine)
    for revision in ("head", "base"):
        with pytest.raises(Conflict, match="newer"):
            migrate(engine, revision)
    assert names(engine) == before


def test_a_home_whose_database_was_emptied_is_filled_again_by_its_peers(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE])
    try:
        federation.publish(FR[0], sample_record("ar", photos=None))
        federation.pull(DE[0], FR[0])
        engine = federation[DE[0]].engine
        migrate(engine, "base")
        migrate(engine)
        federation.accept_all(federation[DE[0]])
        assert federation.pull(DE[0], FR[0]).documents == 2
        assert problems(federation[DE[0]]) == []
    finally:
        federation.close()


def test_an_address_that_is_no_database(tmp_path: Path) -> None:
    for url in ("", "mysql://x/y", "nonsense", "postgresql://without-a-driver/x"):
        with pytest.raises(InvalidInput):
            open_database(url)
