"""Turns: counted within a span of time, and nobody is counted where a limit refuses."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from node.store.database import reading, writing
from node.store.staff import access
from tests.federation import START

MINUTE = timedelta(minutes=1)


def take(engine: Engine, limits: dict[str, int], at: datetime = START, action: str = "search") -> int | None:
    with writing(engine) as conn:
        return access.take_turn(conn, action, limits, at, MINUTE)


def counted(engine: Engine, whose: str) -> int:
    with reading(engine) as conn:
        return access.count_requests(conn, whose, "search", START - MINUTE)


def test_a_limit_refuses_until_the_first_turn_is_old(engine: Engine) -> None:
    for seconds in (0, 20):
        assert take(engine, {"ana": 2}, START + timedelta(seconds=seconds)) is None
    assert take(engine, {"ana": 2}, START + timedelta(seconds=30)) == 31
    assert take(engine, {"jo": 2}) is None
    assert take(engine, {"ana": 2}, action="import") is None
    assert take(engine, {"ana": 2}, START + timedelta(seconds=59.5)) == 1
    assert take(engine, {"ana": 2}, START + MINUTE) is None
    assert take(engine, {"ana": 2}, START + MINUTE) == 21


@pytest.mark.parametrize("order", [("ana", "all"), ("all", "ana")])
def test_nobody_is_counted_where_one_of_several_refuses(engine: Engine, order: tuple[str, str]) -> None:
    most = {"ana": 3, "all": 2}
    for _ in range(2):
        assert take(engine, {whose: most[whose] for whose in order}) is None
    assert take(engine, {whose: most[whose] for whose in order}) == 61
    assert (counted(engine, "ana"), counted(engine, "all")) == (2, 2)
