"""Expiry, coming of age, photographs' own clocks, and what the owner is told."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from node.domain.lifecycle import (
    Adulthood,
    adulthood,
    can_undo,
    due_days,
    expiry_day,
    is_live,
    is_paused,
    live_photos,
    next_long_term_review,
    notices,
)
from tests.factories import sample_photo, sample_record

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def test_a_summary_expires_its_life_after_the_day_of_issue() -> None:
    assert expiry_day(NOW, 180) == date(2027, 5, 20)


def test_the_day_of_issue_is_the_day_in_utc() -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=timezone(timedelta(hours=-3)))
    assert expiry_day(late, 10) == date(2026, 12, 2)


def test_an_expiry_is_never_shortened() -> None:
    assert expiry_day(NOW, 30, previous=date(2027, 5, 20)) == date(2027, 5, 20)
    assert expiry_day(NOW, 180, previous=date(2026, 12, 1)) == date(2027, 5, 20)


def test_a_summary_lives_through_its_last_day() -> None:
    assert is_live(date(2026, 11, 21), NOW)
    assert is_live(date(2026, 11, 21), datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC))
    assert not is_live(date(2026, 11, 21), datetime(2026, 11, 22, tzinfo=UTC))


def test_photographs_expire_on_their_own_clock() -> None:
    keeps, today, gone = sample_photo("a"), sample_photo("b", expires_at="2026-11-21"), sample_photo("c")
    gone["expires_at"] = "2026-11-20"
    assert live_photos([keeps, today, gone], NOW) == [keeps, today]


@pytest.mark.parametrize(
    ("birth", "warn_on", "pause_on"),
    [
        ("2008-11-21", "2026-11-21", "2026-12-01"),
        ("2008-12-31", "2026-12-31", "2027-01-01"),
        ("2008-12-01", "2026-12-01", "2027-01-01"),  # born on a first: the pause still hides which day it was
        ("2008-02-29", "2026-03-01", "2026-04-01"),
        ("2008", "2026-01-01", "2027-01-01"),
        ("2008/2010", "2026-01-01", "2029-01-01"),
        ("2008-06-XX", "2026-06-01", "2026-07-01"),
    ],
)
def test_the_earliest_date_warns_and_the_latest_acts(birth: str, warn_on: str, pause_on: str) -> None:
    assert adulthood(birth) == Adulthood(date.fromisoformat(warn_on), date.fromisoformat(pause_on))


def test_an_open_birth_date_decides_nothing() -> None:
    assert adulthood("2008/..") is None
    assert adulthood("../2008") is None


@pytest.mark.parametrize(
    ("birth", "paused"),
    [("2008-10-31", True), ("2008-11-01", False), ("2007", True), ("2008", False), ("2008/..", False)],
)
def test_the_public_view_pauses_on_the_first_of_the_month_after_the_latest_birthday(
    birth: str, paused: bool
) -> None:
    assert is_paused({"birth": birth}, NOW) is paused
    assert not is_paused({"birth": birth, "adult_decision": {}}, NOW)
    assert not is_paused({}, NOW)


def test_the_pause_begins_with_the_day_in_utc() -> None:
    record = {"birth": "2008-10-31"}
    first = datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert not is_paused(record, first)  # in UTC it is still October
    assert is_paused(record, first + timedelta(hours=1))


@pytest.mark.parametrize(
    ("assessed", "due"),
    [
        ("2026-01-01", "2026-01-29"),
        ("2026-01-29", "2026-04-02"),
        ("2026-04-02", "2026-07-02"),
        ("2026-07-03", "2026-10-02"),
        ("2026-10-02", "2027-01-01"),
        ("2026-12-31", "2027-01-01"),
        ("2027-01-01", "2028-01-01"),
        ("2025-06-01", "2026-01-29"),
    ],
)
def test_a_child_that_stays_missing_is_looked_at_again_ever_more_rarely(assessed: str, due: str) -> None:
    record = {"missing_since": "2026-01-01", "risk": {"assessed_at": f"{assessed}T09:00:00Z"}}
    assert next_long_term_review(record) == date.fromisoformat(due)


def test_a_long_term_review_needs_to_know_since_when() -> None:
    risk = {"assessed_at": "2026-01-01T09:00:00Z"}
    assert next_long_term_review({"risk": risk}) is None
    assert next_long_term_review({"risk": risk, "missing_since": "../2026"}) is None
    assert next_long_term_review({"missing_since": "2026-01-01"}) is None


def test_a_photograph_of_two_years_ago_shows_another_child() -> None:
    old, newer = sample_photo("a", taken="2021"), sample_photo("b", taken="2024-11~")
    only = {"photos": [old, newer, sample_photo("c", taken=None)]}
    (told,) = notices(only, None, NOW)
    assert (told.kind, told.due) == ("photo_age", date(2026, 11, 30))
    assert due_days(only) == [("photo_age", date(2026, 11, 30))]
    assert notices({"photos": [old, sample_photo("c", taken="2025")]}, None, NOW) == []


def test_a_record_tells_every_day_on_which_it_asks_for_something() -> None:
    record = {"review_due": "2026-11-29T00:00:00Z", "purge_by": "2044-01-01", "missing_since": "2026-11-02"}
    assert due_days(record) == [("review", date(2026, 11, 29)), ("purge", date(2044, 1, 1))]
    assert due_days({"reference": "7"}) == []


def test_a_withdrawal_can_be_undone_for_three_days() -> None:
    assert can_undo(NOW, NOW + timedelta(days=3) - timedelta(seconds=1))
    assert not can_undo(NOW, NOW + timedelta(days=3))


def test_the_owner_is_told_what_is_due_most_urgent_first() -> None:
    record = sample_record(
        birth="2008-12-05",
        missing_since="2026-10-30",
        photos=[
            sample_photo("a", taken=None),
            sample_photo("b", taken="2024-12-10", expires_at="2026-11-20"),
        ],
        review_due="2026-11-22T09:00:00+01:00",
        purge_by="2026-11-21T00:00:00Z",
    )
    found = notices(record, date(2026, 12, 15), NOW)
    assert [(notice.kind, notice.due.isoformat(), notice.message) for notice in found] == [
        ("photo", "2026-11-20", "Expiry of photograph 2: yesterday. Replace it."),
        ("purge", "2026-11-21", "Last day of the record: today."),
        ("review", "2026-11-22", "Review of the case: tomorrow."),
        (
            "long_term",
            "2026-11-27",
            "Review of a child that stays missing: in 6 days. Assess the risk anew.",
        ),
        ("risk", "2026-12-03", "Review of the risk: in 12 days. Assess it anew."),
        (
            "adulthood",
            "2026-12-05",
            "Earliest 18th birthday: in 14 days. Decide whether the case stays public; "
            "without a decision the public view pauses on 2027-01-01.",
        ),
        (
            "photo_age",
            "2026-12-10",
            "The newest photograph is two years old: in 19 days. Ask for another.",
        ),
        ("expiry", "2026-12-15", "Expiry of the summary: in 24 days. Renew or withdraw it."),
    ]


def test_what_is_far_off_or_decided_is_not_told() -> None:
    decision = {"decided_on": "2026-11-01", "by_role": "supervisor", "reason": "x"}
    record = sample_record(birth="2008-12-05", adult_decision=decision, review_due="2027-11-22T09:00:00Z")
    record["risk"] = {"assessed_at": "2026-12-01T09:00:00Z"}
    assert notices(record, date(2027, 5, 20), NOW) == []
    assert notices(record, None, NOW) == []
    assert notices({"reference": "7"}, None, NOW) == []
    (late,) = notices(record, date(2026, 11, 1), NOW)
    assert late.message == "Expiry of the summary: 20 days ago. Renew or withdraw it."
    (soon,) = notices(record, date(2026, 12, 1), NOW, ahead=timedelta(days=10))
    assert soon.kind == "expiry"
