"""What is looked for in a search, and its bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from node.domain.names.similarity import MAX_NAME
from node.domain.searchable import Source
from node.errors import InvalidInput

# Hits that one call gives at most, and how far it may skip: whoever needs more narrows the question.
MAX_LIMIT, MAX_OFFSET = 200, 10_000
# Characters of a question in words; a longer one is refused.
MAX_QUESTION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for; every condition narrows the result, and None leaves its field open.

    A case that does not state a field is not found by a condition on it.

    Attributes:
        today: the day that "within N years" and "age now" count from.
        name: a name in any script.
        text: words of circumstances, marks and clothing, each the beginning of a word; for staff those of the
            place, too.
        place: words of the place alone.
        near: latitude and longitude in degrees, radius in metres; the published radius of a case counts too.
        country, owner, source, status, category: exactly as in `SearchEntry`.
        seen_in: the country where the child was last seen.
        sex: ISO 5218.
        missing_within_years, missing_for_years: disappeared at most, or at least, so many years ago.
        age_min, age_max: years, both included, at the time that `age_when` says.
        alert_at: only children for whom an alert is out at this moment.
        countries: of the owner, or of where the child was last seen; any when empty.
        public: whether the public asks, who find what may be shown to them, and get first who went missing
            last; otherwise the staff.
        limit, offset: the part of the result that is wanted.

    Raises:
        InvalidInput: a value is out of range or too long; every problem at once.
    """

    today: date
    name: str | None = None
    text: str | None = None
    place: str | None = None
    near: tuple[float, float, float] | None = None
    country: str | None = None
    seen_in: str | None = None
    owner: str | None = None
    source: Source | None = None
    status: str | None = None
    category: str | None = None
    sex: int | None = None
    missing_within_years: int | None = None
    age_min: int | None = None
    age_max: int | None = None
    age_when: Literal["disappearance", "now"] = "disappearance"
    has_photo: bool | None = None
    alert_at: datetime | None = None
    missing_for_years: int | None = None
    countries: Sequence[str] = ()
    public: bool = False
    limit: int = 20
    offset: int = 0

    def __post_init__(self) -> None:
        problems = [
            f"{field}: at most {MAX_QUESTION} characters, not {len(value)}"
            for field, value in (("text", self.text), ("place", self.place))
            if value is not None and len(value) > MAX_QUESTION
        ]
        if self.name is not None and len(self.name) > MAX_NAME:
            problems.append(f"name: at most {MAX_NAME} characters, not {len(self.name)}")
        ranges: dict[str, tuple[float | None, float, float]] = {
            "limit": (self.limit, 1, MAX_LIMIT),
            "offset": (self.offset, 0, MAX_OFFSET),
            "age_min": (self.age_min, 0, 150),
            "age_max": (self.age_max, 0, 150),
            "missing_within_years": (self.missing_within_years, 0, 200),
            "missing_for_years": (self.missing_for_years, 0, 200),
        }
        if self.near is not None:
            ranges |= {
                "near latitude": (self.near[0], -90, 90),
                "near longitude": (self.near[1], -180, 180),
                "near radius": (self.near[2], 0, 20_100_000),
            }
        for field, (number, low, high) in ranges.items():
            if number is not None and not low <= number <= high:
                problems.append(f"{field}: from {low} to {high}, not {number}")
        for field in ("country", "seen_in", "owner", "status", "category"):
            value = getattr(self, field)
            if value is not None and (len(value) > MAX_QUESTION or not value.isprintable()):
                problems.append(f"{field}: a short code without control characters")
        if problems:
            raise InvalidInput("The search cannot be done as asked.", "Change what is named.", problems)
