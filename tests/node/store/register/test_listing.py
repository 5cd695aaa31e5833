"""The register as a list, on both databases: conditions, order, and what is counted."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from node.store.database import open_database, reading, writing
from node.store.register import cases, clocks, listing
from node.store.register.cases import DRAFT, PUBLISHED, WITHDRAWN
from node.store.register.listing import Wanted
from tests.databases import migrate_copy

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RECORDS = {
    "a/1": {"category": "runaway", "review_due": "2026-11-20T09:00:00Z"},
    "a/2": {"category": "runaway", "review_due": "2026-12-20"},
    "a/3": {"category": "lost_injured_otherwise"},
    "a/4": {},
}


@pytest.fixture
def register_of(engine: Engine) -> Engine:
    """A register of four drafts, each added a minute after the one before."""
    with writing(engine) as conn:
        for number, (case_id, record) in enumerate(RECORDS.items()):
            cases.add_case(conn, case_id, dict(record), "test", NOW + timedelta(minutes=number))
    return engine


def listed(engine: Engine, wanted: Wanted, limit: int = 25, offset: int = 0) -> list[str]:
    with reading(engine) as conn:
        assert listing.count_register(conn, wanted) >= limit or offset or limit > 4
        return [case.case_id for case in listing.list_register(conn, wanted, limit, offset)]


def test_the_last_changed_is_first_and_conditions_narrow(register_of: Engine) -> None:
    every = Wanted()
    assert listed(register_of, every) == ["a/4", "a/3", "a/2", "a/1"]
    assert listed(register_of, every, 2, 1) == ["a/3", "a/2"]
    assert listed(register_of, Wanted(PUBLISHED)) == []
    assert listed(register_of, Wanted(DRAFT, category="runaway")) == ["a/2", "a/1"]
    assert listed(register_of, Wanted(DRAFT, review_by=date(2026, 11, 21))) == ["a/1"]
    assert listed(register_of, Wanted(DRAFT, "runaway", date(2026, 12, 20))) == ["a/2", "a/1"]


def test_the_conditions_hold_for_what_a_case_has_become(register_of: Engine) -> None:
    runaway = Wanted(category="runaway")
    with writing(register_of) as conn:
        cases.change_case(conn, "a/4", 1, {"category": "runaway"}, "test", NOW + timedelta(hours=1))
        cases.change_case(conn, "a/1", 1, {}, "test", NOW + timedelta(hours=1))
        cases.empty_case(conn, "a/2", NOW + timedelta(hours=1))
    assert listed(register_of, runaway) == ["a/4"]
    with reading(register_of) as conn:
        (erased,) = listing.list_register(conn, Wanted(cases.ERASED), 10, 0)
    assert (erased.case_id, erased.record) == ("a/2", {})


def test_the_days_of_a_record_are_those_of_its_newest_revision(register_of: Engine) -> None:
    wanted = clocks.Wanted(["review", "purge"], [DRAFT], date(2026, 12, 31))
    with writing(register_of) as conn:
        assert clocks.list_days(conn, wanted, 9) == [
            (date(2026, 11, 20), "review", "a/1"),
            (date(2026, 12, 20), "review", "a/2"),
        ]
        assert (clocks.count_days(conn, wanted, 9), clocks.count_days(conn, wanted, 1)) == (2, 1)
        cases.change_case(conn, "a/1", 1, {"purge_by": "2026-11-01"}, "test", NOW)
        assert clocks.list_days(conn, wanted, 1) == [(date(2026, 11, 1), "purge", "a/1")]
        assert sorted(clocks.due_cases(conn, wanted)) == ["a/1", "a/2"]
        cases.set_status(conn, "a/1", WITHDRAWN, NOW)
        cases.empty_case(conn, "a/2", NOW)
        assert clocks.list_days(conn, wanted, 9) == []
        assert clocks.due_cases(conn, clocks.Wanted(["purge"], [WITHDRAWN], date(2026, 11, 2))) == ["a/1"]


@pytest.mark.parametrize("status", [None, PUBLISHED])
@pytest.mark.parametrize("category", [None, "runaway"])
def test_a_page_is_found_and_counted_without_looking_at_records(
    tmp_path: Path, status: str | None, category: str | None
) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'node.db'}")
    migrate_copy(engine)
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    with reading(engine) as conn:
        wanted = Wanted(status, category, date(2026, 11, 21))
        listing.count_register(conn, wanted)
        listing.list_register(conn, wanted, 25, 100)
        plans = [
            [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in list(asked)
        ]
    engine.dispose()
    assert len(plans) == 2
    for plan in plans:
        assert len(plan) == 1  # nothing is put in order
        assert "COVERING INDEX ix_case_file_" in plan[0]
