"""When a case expires or needs its owner: days and moments in, answers out.

Guarantees: nothing here reads a clock; `now` is an aware datetime and days are days in UTC. An expiry is
never shortened. Acting on the answers (erasing, hiding, telling people) is left to the services.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from node.domain.edtf import edtf_bounds

UNDO_WINDOW = timedelta(days=3)
"""How long the owner can take a withdrawal back in its own register; peers have deleted by then."""

ADULT_AGE = 18

PICTURE_LASTS = timedelta(days=730)
"""From then on a photograph of a child shows somebody else: a newer one, or an age progression, is needed."""

_FAR_AWAY = datetime(9999, 12, 31, tzinfo=UTC)

LONG_TERM_REVIEWS = (28, 91, 182, 274)
"""Days after the disappearance on which the risk is assessed anew; later once a year. From the first on, a
case is a long-term one."""

RISK_REVIEWS: Mapping[str, timedelta] = {
    "high": timedelta(days=1),
    "medium": timedelta(days=7),
    "low": timedelta(days=28),
    "no_apparent": timedelta(days=28),
}
"""Within which a risk is assessed anew, by its level, where nobody says otherwise."""

_YEAR = 365


@dataclass(frozen=True, slots=True)
class Adulthood:
    """What the 18th birthday means for a case.

    Attributes:
        warn_on: the earliest day on which the child can turn 18: from then on the owner is asked to decide.
        pause_on: first of the month after the latest such day: the public view pauses without a decision. The
            delay keeps the pause from publishing the birthday.
    """

    warn_on: date
    pause_on: date


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the owner of a case has to do.

    Attributes:
        kind: "expiry", "adulthood", "photo", "photo_age", "risk", "long_term", "review" or "purge".
        due: the day by which it is to be done; it may have passed.
        message: in plain words, without personal data.
    """

    kind: str
    due: date
    message: str


def expiry_day(issued: datetime, life_days: int, previous: date | None = None) -> date:
    """Compute the last day of a document's life.

    Args:
        issued: when this version is issued.
        life_days: the network policy's life of a summary, in days.
        previous: the expiry of the version before, which is never shortened.
    """
    day = issued.astimezone(UTC).date() + timedelta(days=life_days)
    return max(day, previous) if previous else day


def is_live(expires: date, now: datetime) -> bool:
    """Tell whether a document or photograph may still be held: through the whole of its last day, in UTC."""
    return now.astimezone(UTC).date() <= expires


def live_photos(photos: Iterable[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    """Choose the photographs whose own expiry has not passed."""
    return [
        photo for photo in photos if "expires_at" not in photo or is_live(last_day(photo["expires_at"]), now)
    ]


def last_day(text: str) -> date:
    """Read a day or a moment as loosely as the schemas let it pass, 30 February included."""
    day = edtf_bounds(text)[1]
    assert day is not None, "a single day has no open end"
    return day


def active_alert(public: Mapping[str, Any], now: datetime) -> Mapping[str, Any] | None:
    """Return the alert for a child while it is out; None otherwise."""
    ends = alert_end(public)
    return None if ends is None or ends <= now else public["alert"]


def alert_end(public: Mapping[str, Any]) -> datetime | None:
    """Return when the alert for a child ends: far away where that is not said; None where there is none."""
    alert: Mapping[str, Any] = public.get("alert") or {}
    if alert.get("state") != "active":
        return None
    if "until" not in alert:
        return _FAR_AWAY
    try:
        return datetime.fromisoformat(alert["until"])
    except ValueError:  # on 30 February: with the last of its month
        return datetime.combine(last_day(alert["until"]) + timedelta(days=1), time(), UTC)


def age_today(public: Mapping[str, Any], today: date) -> tuple[int, int] | None:
    """Compute how old a child is, in whole years, by its age when it went missing: the least and the most.

    Returns:
        None where it is not known when that was, or it was less than a year ago.
    """
    first, last = edtf_bounds(public["missing_since"]) if "missing_since" in public else (None, None)
    if first is None or last is None or today < _birthday(last, 1):
        return None
    age = public["age_at_disappearance"]
    months, within = (12, 11) if age["unit"] == "year" else (1, 0)
    least = int(age["min"]) * months + _months_between(last, today)
    most = int(age["max"]) * months + within + _months_between(first, today) + 1
    return least // 12, most // 12


def adulthood(birth: str) -> Adulthood | None:
    """Compute what the 18th birthday means for a case.

    Args:
        birth: EDTF level 1. Where it is uncertain the earliest date warns and the latest acts.

    Returns:
        None when either end of the birth date is open.
    """
    earliest, latest = edtf_bounds(birth)
    if earliest is None or latest is None:
        return None
    last = _birthday(latest, ADULT_AGE)
    following = date(last.year + last.month // 12, last.month % 12 + 1, 1)
    return Adulthood(_birthday(earliest, ADULT_AGE), following)


def is_paused(record: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether the public view of a case pauses: its child is grown up for certain, and no person has
    decided that the case stays public."""
    adult = adulthood(record["birth"]) if "birth" in record and "adult_decision" not in record else None
    return adult is not None and now.astimezone(UTC).date() >= adult.pause_on


def can_undo(withdrawn_at: datetime, now: datetime) -> bool:
    """Tell whether the owner can still take a withdrawal back."""
    return now < withdrawn_at + UNDO_WINDOW


def is_over(record: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether the last day of a record in its owner's register is over."""
    return "purge_by" in record and last_day(record["purge_by"]) < now.astimezone(UTC).date()


def notices(
    record: Mapping[str, Any], expires: date | None, now: datetime, ahead: timedelta = timedelta(days=30)
) -> list[Notice]:
    """List what the owner of a case has to do within a time, the most urgent first.

    Args:
        record: the case record.
        expires: last day of its published summary; None while it is not published.
        ahead: how long before the day to speak up.
    """
    today = now.astimezone(UTC).date()
    due = [notice for notice in _all_notices(record, expires, today) if notice.due <= today + ahead]
    return sorted(due, key=lambda notice: notice.due)


def due_days(record: Mapping[str, Any]) -> list[tuple[str, date]]:
    """Return what a record asks of its owner, on whatever day: the kinds of notices, each with its day."""
    return [(notice.kind, notice.due) for notice in _notices_of_record(record, date.min)]


def next_long_term_review(record: Mapping[str, Any]) -> date | None:
    """Return the day on which the risk to a child that stays missing is to be assessed anew: the first of the
    calendar after its last assessment. None where it is not known when the child went missing, or how the
    risk was assessed."""
    if "missing_since" not in record or "risk" not in record:
        return None
    missing = edtf_bounds(record["missing_since"])[0]
    assessed = last_day(record["risk"]["assessed_at"])
    if missing is None:
        return None
    for days in LONG_TERM_REVIEWS:
        if missing + timedelta(days=days) > assessed:
            return missing + timedelta(days=days)
    years = max((assessed - missing).days // _YEAR + 1, 1)
    return missing + timedelta(days=years * _YEAR)


def _all_notices(record: Mapping[str, Any], expires: date | None, today: date) -> Iterator[Notice]:
    if expires is not None:
        message = f"Expiry of the summary: {_when(expires, today)}. Renew or withdraw it."
        yield Notice("expiry", expires, message)
    yield from _notices_of_record(record, today)


def _notices_of_record(record: Mapping[str, Any], today: date) -> Iterator[Notice]:
    adult = adulthood(record["birth"]) if "birth" in record else None
    if adult and "adult_decision" not in record:
        pauses = "pauses" if today < adult.pause_on else "paused"
        yield Notice(
            "adulthood",
            adult.warn_on,
            f"Earliest 18th birthday: {_when(adult.warn_on, today)}. Decide whether the case stays public; "
            f"without a decision the public view {pauses} on {adult.pause_on}.",
        )
    yield from _on_photographs(record, today)
    if "next_review" in record.get("risk", {}):
        day = last_day(record["risk"]["next_review"])
        yield Notice("risk", day, f"Review of the risk: {_when(day, today)}. Assess it anew.")
    long_term = next_long_term_review(record)
    if long_term is not None:
        message = f"Review of a child that stays missing: {_when(long_term, today)}. Assess the risk anew."
        yield Notice("long_term", long_term, message)
    if "review_due" in record:
        day = last_day(record["review_due"])
        yield Notice("review", day, f"Review of the case: {_when(day, today)}.")
    if "purge_by" in record:
        day = last_day(record["purge_by"])
        yield Notice("purge", day, f"Last day of the record: {_when(day, today)}.")


def _on_photographs(record: Mapping[str, Any], today: date) -> Iterator[Notice]:
    shown = list[date]()
    for number, photo in enumerate(record.get("photos", ()), 1):
        if "expires_at" in photo:
            day = last_day(photo["expires_at"])
            yield Notice("photo", day, f"Expiry of photograph {number}: {_when(day, today)}. Replace it.")
        taken = edtf_bounds(photo["taken"])[1] if "taken" in photo else None
        shown += [taken] if taken else []
    if shown:
        day = max(shown) + PICTURE_LASTS
        message = f"The newest photograph is two years old: {_when(day, today)}. Ask for another."
        yield Notice("photo_age", day, message)


def _when(day: date, today: date) -> str:
    days = (day - today).days
    if abs(days) > 1:
        return f"in {days} days" if days > 0 else f"{-days} days ago"
    return {-1: "yesterday", 0: "today", 1: "tomorrow"}[days]


def _birthday(birth: date, years: int) -> date:
    """Add years to a day; who was born on 29 February has completed the year on 1 March."""
    try:
        return birth.replace(year=birth.year + years)
    except ValueError:
        return date(birth.year + years, 3, 1)


def _months_between(first: date, last: date) -> int:
    """Count the months that are over."""
    return (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
