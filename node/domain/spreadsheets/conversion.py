"""A row of a spreadsheet as the record of a case: dates, measures, codes and countries as people write them.

Guarantees: what cannot be read for certain is a problem of its column and never a guess; an empty cell is no
value. Whether the record is whole and right is for the schema.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale

from node.domain.edtf import edtf_bounds
from node.domain.names.similarity import fold
from node.domain.scripts import scripts_in
from node.domain.spreadsheets.columns import TARGETS, ColumnMapping, Target, find_code
from node.errors import InvalidInput

NEEDED, UNKNOWN_WORD, DATE, ORDER, MOMENT, DAY, NUMBER, AGE, HEIGHT, WEIGHT = (
    "needed", "word", "date", "order", "moment", "day", "number", "age", "height", "weight",
)  # fmt: skip
COUNTRY, LANGUAGE, PHONE, ROLE, UNFIT = "country", "language", "phone", "role", "unfit"
TWICE, SEVERAL = "twice", "several"
"""A row above has the same reference; several cases of the register have it."""

_LANGUAGES = ("en", "es", "fr", "ar", "ru")
_MAX_MEASURE = 60
_EDTF = re.compile(r"[0-9X]{4}(-[0-9X]{2}){0,2}[~?%]?(/[0-9X]{4}(-[0-9X]{2}){0,2}[~?%]?)?")
_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_DAY = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})", re.ASCII)
_MONTH = re.compile(r"(\d{1,2})[-/.](\d{4})", re.ASCII)
_NAMED = re.compile(
    r"(\d{1,2})?(?:st|nd|rd|er|º|\.)?\s*(?:de |d')?([^\W\d]+)\.?,?\s+(?:de )?(\d{4})(?: ?г\.?)?"
)
_NAMED_FIRST = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_TIME = re.compile(
    r"(?:[T ,]+|^)(\d{1,2})[:h.](\d{2})(?::\d{2}(?:\.\d+)?)?\s*([ap]\.?m\.?)?$", re.ASCII | re.IGNORECASE
)
_RANGE = re.compile(r"(\d+(?:[.,]\d+)?)(?:\s*(?:-|–|—|to|a|à|до|إلى)\s*(\d+(?:[.,]\d+)?))?\s*([^\W\d]*)\.?")
_FEET = re.compile(
    r"(\d)\s*(?:'|’|′|ft\.?|feet|foot)\s*(?:(\d{1,2}(?:[.,]\d+)?)\s*(?:\"|”|″|''|in\.?|inch(?:es)?)?)?"
)
_METRES_AND = re.compile(r"([12])\s*m\s*(\d{1,2})")
_SUBDIVISION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}", re.ASCII)
_PHONE = re.compile(r"\+[1-9][0-9]{4,14}|[0-9]{3,6}", re.ASCII)
_ROLE = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)
_SEPARATORS = re.compile(r"[,;،/|\n]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CM: Mapping[str, float] = MappingProxyType(
    {"cm": 1, "cms": 1, "sm": 1, "m": 100, "mts": 100, "in": 2.54, "inch": 2.54, "inches": 2.54, "ft": 30.48}
)
_KG: Mapping[str, float] = MappingProxyType(
    {"kg": 1, "kgs": 1, "kilos": 1, "lb": 0.45359237, "lbs": 0.45359237, "pounds": 0.45359237}
)
_MONTHS_OF_AGE = (
    "m",
    "mo",
    "mos",
    "month",
    "months",
    "mes",
    "meses",
    "mois",
    "شهر",
    "أشهر",
    "мес",
    "месяц",
    "месяцев",
)


class CellProblem(NamedTuple):
    """What is wrong with a row.

    Attributes:
        target: the field.
        column: its number from 0; -1 where it is not from a column.
        code: one of the codes above, a fault of a cell, or one that an import adds.
    """

    target: str
    column: int
    code: str


@dataclass(frozen=True, slots=True)
class Converted:
    """A row that was read.

    Attributes:
        record: what it says, as far as it can be read.
        problems: what cannot.
    """

    record: dict[str, Any]
    problems: list[CellProblem] = field(default_factory=list)


class _Unread(Exception):
    """A cell that cannot be read; its text is the code of the problem."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the rows of a file are read.

    Attributes:
        fields: those that a column or a fixed value gives, each with its column, -1 for none.
        fixed: by field, what its fixed value was read as, or the problem that it could not be.
        zone: of times that name none.
    """

    mapping: ColumnMapping
    fields: Sequence[tuple[Target, int]]
    fixed: Mapping[str, Any]
    zone: ZoneInfo


def plan_rows(mapping: ColumnMapping, zone: ZoneInfo) -> Plan:
    """Read what is the same for all rows once: most fields of most lists have a fixed value."""
    fields = [
        (target, mapping.columns.get(target.name, -1))
        for target in TARGETS.values()
        if target.name in mapping.columns or mapping.fixed.get(target.name)
    ]
    fixed = {
        target.name: _try_cell(target, mapping.fixed[target.name], -1, mapping, zone)
        for target, _ in fields
        if mapping.fixed.get(target.name)
    }
    return Plan(mapping, fields, fixed, zone)


def convert_row(cells: Sequence[str], faults: Mapping[int, str], plan: Plan) -> Converted:
    """Make a record of a row.

    Args:
        faults: what is wrong with cells before they are read, by column.
    """
    values: dict[str, Any] = {}
    problems: list[CellProblem] = []
    for target, column in plan.fields:
        if column in faults:
            problems.append(CellProblem(target.name, column, faults[column]))
            continue
        if 0 <= column < len(cells) and cells[column]:
            value = _try_cell(target, cells[column], column, plan.mapping, plan.zone)
        else:
            value = copy(plan.fixed.get(target.name))  # a list of its own for every record
        if isinstance(value, CellProblem):
            problems.append(value)
        elif value is not None:
            values[target.name] = value
    return Converted(_record_of(values, plan.mapping), problems)


def _try_cell(target: Target, text: str, column: int, mapping: ColumnMapping, zone: ZoneInfo) -> Any:
    """Read the text of a cell, or give the problem that it cannot be read."""
    try:
        return read_cell(target, text, mapping, zone)
    except _Unread as error:
        return CellProblem(target.name, column, str(error))


def read_cell(target: Target, text: str, mapping: ColumnMapping, zone: ZoneInfo) -> Any:
    """Read the text of a cell as the value of a field; None where it is to be left out."""
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n")).strip()
    reader = _READERS.get(target.kind)
    if reader is not None:
        return reader(text)
    match target.kind:
        case "code":
            return _read_code(target.name, text, mapping)
        case "codes":
            codes = [_read_code(target.name, part, mapping) for part in _parts(text)]
            return list(dict.fromkeys(code for code in codes if code)) or None
        case "height":
            return _read_height(_short(text, HEIGHT), mapping.height)
        case "weight":
            return _read_span(_short(text, WEIGHT), _KG, mapping.weight, WEIGHT, 1)
        case _:
            return _read_date(target.kind, _short(text, DATE), mapping.dates, zone)


def is_readable(target: Target, text: str, mapping: ColumnMapping, zone: ZoneInfo) -> bool:
    """Tell whether a text can be the value of a field."""
    try:
        read_cell(target, text, mapping, zone)
    except _Unread:
        return False
    return True


def language_code(text: str) -> str:
    """Return the code of a language by its name or code; empty where there is none."""
    return _names("languages").get(fold(text), "")


def unknown_words(name: str, texts: Sequence[str], mapping: ColumnMapping) -> list[str]:
    """Return those of some texts that are no codes of a field and were not translated either, each once."""
    chosen = mapping.words.get(name, {})
    parts = [part for text in texts for part in (_parts(text) if TARGETS[name].kind == "codes" else [text])]
    found = {fold(part): part for part in reversed(parts) if find_code(name, part, chosen) is None}
    return [found[key] for key in sorted(found)]


def orders_of(texts: Sequence[str]) -> set[str]:
    """Return the orders of day and month that dates can have been written in: both where none tells."""
    orders = {"dmy", "mdy"}
    seen = False
    for text in texts:
        if found := _DAY.match(_ascii_digits(text[:_MAX_MEASURE])):
            seen = True
            first, second = int(found[1]), int(found[2])
            if first > 12:
                orders.discard("mdy")
            if second > 12:
                orders.discard("dmy")
    return orders if seen else set()


# --- One cell ---


def _read_code(name: str, text: str, mapping: ColumnMapping) -> Any:
    code = find_code(name, text, mapping.words.get(name, {}))
    if code is None:
        raise _Unread(UNKNOWN_WORD)
    return int(code) if code and name == "sex" else code or None


def _read_line(text: str) -> str:
    line = " ".join(text.split())
    if len(line) > 200:
        raise _Unread(UNFIT)
    return line


def _read_text(text: str) -> str:
    if len(text) > 4_000:
        raise _Unread(UNFIT)
    return text


def _read_date(kind: str, text: str, order: str, zone: ZoneInfo) -> str:
    """Read a date, or a day and a time where the field is a moment."""
    time = _TIME.search(text)
    day = _read_day((text[: time.start()] if time else text).strip(" ,T"), order)
    whole = re.fullmatch(r"\d{4}-\d\d-\d\d", day)
    if kind == "day" and not whole:
        raise _Unread(DAY)
    if kind == "moment" and not whole:
        raise _Unread(MOMENT)
    if kind in ("birth", "day") or not whole or (kind == "missing" and not time):
        return day
    hour, minute = _read_time(time) if time else (0, 0)
    return datetime.fromisoformat(day).replace(hour=hour, minute=minute, tzinfo=zone).isoformat()


def _read_time(found: "re.Match[str]") -> tuple[int, int]:
    hour, minute, half = int(found[1]), int(found[2]), (found[3] or "")[:1].lower()
    if half:
        if not 1 <= hour <= 12:
            raise _Unread(DATE)
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59:
        raise _Unread(DATE)
    return hour, minute


def _read_day(text: str, order: str) -> str:
    """Read a date as EDTF: 2014-03-05, 5/3/2014, 5 March 2014, 03/2014, March 2014, 2014, 2014~."""
    if found := _ISO_DAY.fullmatch(text):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if _EDTF.fullmatch(text):
        try:
            edtf_bounds(text)
        except InvalidInput:
            raise _Unread(DATE) from None
        return text
    if found := _DAY.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        if first != second and order not in ("dmy", "mdy"):
            raise _Unread(ORDER)
        return _day(year, first, second) if order == "mdy" else _day(year, second, first)
    if (found := _MONTH.fullmatch(text)) and 1 <= int(found[1]) <= 12:
        return _month(int(found[2]), int(found[1]))
    return _read_named(text)


def _read_named(text: str) -> str:
    if found := _NAMED.fullmatch(text):
        day, name, year = found.groups()
    elif found := _NAMED_FIRST.fullmatch(text):
        name, day, year = found.groups()
    else:
        raise _Unread(DATE)
    month = _month_names().get(fold(name))
    if month is None:
        raise _Unread(DATE)
    return _day(int(year), month, int(day)) if day else _month(int(year), month)


def _day(year: int, month: int, day: int) -> str:
    try:
        found = date(year, month, day)
    except ValueError:
        raise _Unread(DATE) from None
    if not 1900 <= year <= 2099:
        raise _Unread(DATE)
    return found.isoformat()


def _month(year: int, month: int) -> str:
    return _day(year, month, 1)[:7]


def _read_height(text: str, unit: str) -> dict[str, Any]:
    if found := _FEET.fullmatch(text):
        inches = int(found[1]) * 12 + float((found[2] or "0").replace(",", "."))
        return _span(inches * 2.54, inches * 2.54, "cm", 0)
    if found := _METRES_AND.fullmatch(text):
        return _span(int(found[1]) * 100 + int(found[2].ljust(2, "0")), None, "cm", 0)
    return _read_span(text, _CM, unit, HEIGHT, 0)


def _read_span(text: str, units: Mapping[str, float], unit: str, code: str, digits: int) -> dict[str, Any]:
    """Read a number or a range with its unit, in the first unit of `units`."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise _Unread(code)
    factor = units.get(fold(found[3] or unit))
    if factor is None:
        raise _Unread(code)
    least, most = float(found[1].replace(",", ".")), float((found[2] or found[1]).replace(",", "."))
    if least > most:
        raise _Unread(code)
    return _span(least * factor, most * factor, next(iter(units)), digits)


def _span(least: float, most: float | None, unit: str, digits: int) -> dict[str, Any]:
    def rounded(value: float) -> float:
        near = round(value, digits)
        return int(near) if near.is_integer() else near

    return {
        "min": rounded(float(least)),
        "max": rounded(float(least if most is None else most)),
        "unit": unit,
    }


def _read_age(text: str) -> dict[str, Any]:
    found = _RANGE.fullmatch(_short(text, AGE))
    if found is None or any("." in part or "," in part for part in found.groups("")[:2]):
        raise _Unread(AGE)
    unit = "month" if found[3] and found[3].casefold() in _MONTHS_OF_AGE else "year"
    least, most = int(found[1]), int(found[2] or found[1])
    if least > most or most > (120 if unit == "year" else 1500):
        raise _Unread(AGE)
    return {"min": least, "max": most, "unit": unit}


def _read_number(text: str) -> float:
    try:
        number = float(_short(text, NUMBER).replace(",", ".").replace("−", "-"))
    except ValueError:
        raise _Unread(NUMBER) from None
    if not -180 <= number <= 180:
        raise _Unread(NUMBER)
    return number


def _read_country(text: str) -> str:
    code = _names("territories").get(fold(text)) or _names("territories").get(text.casefold())
    if code is None:
        raise _Unread(COUNTRY)
    return code


def _read_language(text: str) -> str:
    code = _names("languages").get(fold(text))
    if code is None:
        raise _Unread(LANGUAGE)
    return code


def _read_phone(text: str) -> str:
    if text.lower().startswith("https://"):
        return text
    number = re.sub(r"^00", "+", re.sub(r"[\s().-]", "", _ascii_digits(text)))
    if not _PHONE.fullmatch(number):
        raise _Unread(PHONE)
    return number


def _read_role(text: str) -> str:
    role = re.sub(r"[\s-]+", "_", text.strip().lower())
    if not _ROLE.fullmatch(role):
        raise _Unread(ROLE)
    return role


_READERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "line": _read_line,
        "text": _read_text,
        "prose": lambda text: text,
        "age": _read_age,
        "number": _read_number,
        "country": _read_country,
        "countries": lambda text: list(dict.fromkeys(map(_read_country, _parts(text)))),
        "languages": lambda text: list(dict.fromkeys(map(_read_language, _parts(text)))),
        "phone": _read_phone,
        "role": _read_role,
    }
)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _SEPARATORS.split(text) if part.strip()]


def _short(text: str, code: str) -> str:
    """Give a measure or a date with the digits 0 to 9; a longer text is neither."""
    if len(text) > _MAX_MEASURE:
        raise _Unread(code)
    return _ascii_digits(text)


def _ascii_digits(text: str) -> str:
    """Write the digits of every script as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


@cache
def _month_names() -> Mapping[str, int]:
    found: dict[str, int] = {}
    for language in _LANGUAGES:
        months = Locale(language).months
        for form in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months[form][width].items():
                    found.setdefault(fold(name), number)
    return found


@cache
def _names(kind: str) -> Mapping[str, str]:
    """Return the codes of countries or languages by their names and by themselves."""
    found: dict[str, str] = {}
    for language in _LANGUAGES:
        for code, name in getattr(Locale(language), kind).items():
            if code.isalpha() and len(code) in ((2,) if kind == "territories" else (2, 3)):
                found.setdefault(fold(code), code)
                found.setdefault(fold(name), code)
    return found


# --- The record ---


def _record_of(values: dict[str, Any], mapping: ColumnMapping) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith(("names.", "contacts.")) or name in ("age", "marks"):
            continue
        target = TARGETS[name]
        first, _, second = name.partition(".")
        written = _in_language(value, mapping) if target.kind == "text" else value
        if second:
            record.setdefault(first, {})[second] = written
        else:
            record[first] = written
    if "build" in record:
        record["build"] = {"value": record["build"]}
    if names := _names_of(values):
        record["names"] = names
    if "marks" in values:
        record["marks"] = [{"kind": "other", "text": _in_language(values["marks"], mapping)}]
    if "contacts.value" in values:
        record["contacts"] = [_contact_of(values)]
    age = values.get("age") or _age_of(record.get("birth"), record.get("missing_since"))
    if age:
        record["age_at_disappearance"] = age
    return record


def _names_of(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    given, family = values.get("names.given", ""), values.get("names.family", "")
    full = values.get("names.full") or " ".join(filter(None, (given, family)))[:200]
    names = []
    if full:
        parts = {"given": given, "family": family, "script": _script_of(full)}
        names.append({"full": full, "kind": "legal", **{key: part for key, part in parts.items() if part}})
    if alias := values.get("names.alias"):
        names.append({"full": alias, "kind": "alias"})
    return names


def _contact_of(values: Mapping[str, Any]) -> dict[str, Any]:
    value = values["contacts.value"]
    kind = values.get("contacts.kind") or ("web" if str(value).startswith("https://") else "police")
    return {"kind": kind, "value": value}


def _in_language(text: str, mapping: ColumnMapping) -> dict[str, Any]:
    return {mapping.language or "und": {"text": text, "origin": "original"}}


def _script_of(text: str) -> str:
    """Return the script of a name that is written in one alone."""
    found = scripts_in(text)
    return found.pop() if len(found) == 1 else ""


def _age_of(birth: str | None, missing: str | None) -> dict[str, Any] | None:
    """Count the age in years where both dates are known."""
    if not birth or not missing:
        return None
    born, gone = edtf_bounds(birth), edtf_bounds(missing)
    if not (born[0] and born[1] and gone[0] and gone[1]):
        return None
    least, most = _years(born[1], gone[0]), _years(born[0], gone[1])
    return {"min": max(least, 0), "max": most, "unit": "year"} if most >= 0 else None


def _years(first: date, last: date) -> int:
    return last.year - first.year - ((last.month, last.day) < (first.month, first.day))
