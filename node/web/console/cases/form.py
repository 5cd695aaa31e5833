"""A case as people type it: the way between what is typed and a record.

What is typed is texts alone, in lists and by name, so that it can be kept however wrong it is. Whether a
record is right is for the schema; here is only which field a problem belongs to.

Guarantees: a record that was not touched comes back as it was, with whatever the form does not show; fields
that the form does not have are not read.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from flask_babel import get_locale
from werkzeug.datastructures import MultiDict

from node.domain.names.romanising import suggest_spellings
from node.web.console.cases.sections import EVERY_SECTION, PHOTOGRAPH, Group, Item, Leaf, Rows, Section

MAX_TEXT = 20_000
WAS = "was"
"""Which row of the record a row of the form was, so that it keeps what the form does not show."""

_NOWHERE = "–"
_DASHES = frozenset("-‐‑–—−")
_STEP = re.compile(r"[.\[]([A-Za-z0-9_?-]+)\]?|^([A-Za-z0-9_?-]+)")
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:[.,]\d{1,9})?")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T]+(\d{1,2}:\d\d(?::\d\d)?) *(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


# --- What was sent ---


def read_section(section: Section, sent: "MultiDict[str, str]") -> dict[str, Any]:
    """Read what was typed into a section; rows that are empty are left out."""
    return {item.name: _read(item, sent, item.name) for item in section.items}


def add_row(section: Section, typed: dict[str, Any], wanted: str) -> None:
    """Add an empty row to the rows of this id; nothing where there are none, or enough."""
    found = _find_rows(section, typed, wanted)
    if found is not None and len(found[1]) < found[0].most:
        found[1].append(_empty(found[0].fields))


def remove_row(section: Section, typed: dict[str, Any], wanted: str) -> None:
    """Take a row out, by the id of its rows and its number."""
    rows, _dash, number = wanted.rpartition("-")
    found = _find_rows(section, typed, rows)
    if found is not None and number.isascii() and number.isdecimal() and int(number[:4]) < len(found[1]):
        del found[1][int(number[:4])]


def take_spelling(section: Section, typed: dict[str, Any], wanted: str) -> str:
    """Add a name as it may be spelled in Latin letters, because somebody pressed for it.

    Args:
        wanted: the id of a row of names, and which of its spellings: "names-0-1".

    Returns:
        The id of the row that is there now; empty where there is nothing to add.
    """
    at, _dash, number = wanted.rpartition("-")
    rows, _dash, row = at.rpartition("-")
    found = _find_rows(section, typed, rows)
    if found is None or found[0].name != "names" or len(found[1]) >= found[0].most:
        return ""
    names = found[1]
    name = names[int(row)] if row in map(str, range(len(names))) else {}
    spellings = suggest_spellings(name.get("full", ""), code_of(name.get("lang", ""), "languages"))
    if number not in map(str, range(len(spellings))):
        return ""
    spelling = spellings[int(number)]
    added = {
        "full": spelling.text,
        "kind": name.get("kind", ""),
        "lang": name.get("lang", ""),
        "script": "Latn",
        "transliteration_of": name["full"],
        "system": spelling.system,
    }
    names.append({**_empty(found[0].fields), **added})
    return f"{rows}-{len(names) - 1}"


def find_leaf(at: str) -> tuple[Section, Leaf] | None:
    """Find a field by its id in whatever rows it stands, such as "companions-3-names-0-full"."""
    steps = [step for step in at.split("-") if not step.isdecimal()]
    every = (*EVERY_SECTION, PHOTOGRAPH)
    section = next((one for one in every if any([item.name] == steps[:1] for item in one.items)), None)
    item: Item | None = None
    fields: Sequence[Item] = section.items if section else ()
    for step in steps:
        item = next((inner for inner in fields if inner.name == step), None)
        fields = () if item is None or isinstance(item, Leaf) else item.fields
    return (section, item) if section and isinstance(item, Leaf) else None


def _read(item: Item, sent: "MultiDict[str, str]", at: str) -> Any:
    if isinstance(item, Leaf):
        if item.kind == "ticks":
            given = sent.getlist(at)
            return [code for code in item.codes if code in given]
        text = sent.get(at, "")[:MAX_TEXT].replace("\r\n", "\n").strip()
        return text if not item.codes or text in item.codes else ""
    if isinstance(item, Group):
        return {inner.name: _read(inner, sent, f"{at}-{inner.name}") for inner in item.fields}
    rows = []
    for number in _numbers(sent, at, item.most):
        row = {inner.name: _read(inner, sent, f"{at}-{number}-{inner.name}") for inner in item.fields}
        if _is_filled(item.fields, row):
            was = sent.get(f"{at}-{number}-{WAS}", "")
            rows.append({**row, WAS: was} if was else row)
    return rows


def _numbers(sent: "MultiDict[str, str]", at: str, most: int) -> list[int]:
    begins = re.compile(re.escape(at) + r"-([0-9]{1,4})-")
    return sorted({int(found[1]) for name in sent if (found := begins.match(name))})[:most]


def _is_filled(fields: Sequence[Item], typed: Mapping[str, Any]) -> bool:
    for item in fields:
        value = typed.get(item.name)
        if isinstance(item, Group):
            if _is_filled(item.fields, value or {}):
                return True
        elif value and not (isinstance(item, Leaf) and item.idle):
            return True
    return False


def _empty(fields: Sequence[Item]) -> dict[str, Any]:
    return {
        item.name: [] if isinstance(item, Rows) else {} if isinstance(item, Group) else "" for item in fields
    }


def _find_rows(section: Section, typed: dict[str, Any], at: str) -> tuple[Rows, list[Any]] | None:
    """Find rows by their id, such as "companions-0-names"."""
    fields: Sequence[Item] = section.items
    value: Any = typed
    item: Item | None = None
    for step in at.split("-"):
        if isinstance(item, Rows) and isinstance(value, list):
            if not (step.isascii() and step.isdecimal() and int(step[:4]) < len(value)):
                return None
            value, fields, item = value[int(step[:4])], item.fields, None
            continue
        item = next((inner for inner in fields if inner.name == step), None)
        if item is None or isinstance(item, Leaf):
            return None
        value = value.setdefault(step, [] if isinstance(item, Rows) else {})
        fields = item.fields
    return (item, value) if isinstance(item, Rows) else None


# --- From a record, and to one ---


def type_record(
    record: Mapping[str, Any], timezone: str, sections: Sequence[Section] = EVERY_SECTION
) -> dict[str, Any]:
    """Write a record, or what there is for some sections, as somebody would have typed it."""
    zone = ZoneInfo(timezone)
    return {
        item.name: _type(item, record.get(item.name), zone) for section in sections for item in section.items
    }


def read_typed(
    typed: Mapping[str, Any],
    base: Mapping[str, Any],
    timezone: str,
    sections: Sequence[Section] = EVERY_SECTION,
) -> dict[str, Any]:
    """Return every field that the sections have with its value; None for none.

    Args:
        base: the record that was there before: what was not touched stays exactly as it is in it.
    """
    zone, before = ZoneInfo(timezone), type_record(base, timezone, sections)
    return {
        item.name: base.get(item.name)
        if _same(item, typed.get(item.name), before[item.name])
        else _value(item, typed.get(item.name), base.get(item.name), zone)
        for section in sections
        for item in section.items
    }


def _same(item: Item, typed: Any, before: Any) -> bool:
    return bool(typed == before) or not (_is_filled([item], {item.name: typed}) or before)


def _type(item: Item, value: Any, zone: ZoneInfo) -> Any:
    if isinstance(item, Leaf):
        return _type_leaf(item, value, zone)
    if isinstance(item, Group):
        value = value or {}
        return {inner.name: _type(inner, value.get(inner.name), zone) for inner in item.fields}
    if item.texts:
        value = [{"lang": tag, **text} for tag, text in (value or {}).items()]
    rows = []
    for number, row in enumerate(value or ()):
        shown = {inner.name: _type(inner, row.get(inner.name), zone) for inner in item.fields}
        rows.append(shown if item.texts else {**shown, WAS: str(number)})
    return rows


def _type_leaf(leaf: Leaf, value: Any, zone: ZoneInfo) -> Any:
    if leaf.kind == "ticks":
        return list(value or ())
    if value is None:
        return ""
    if leaf.kind == "where":
        return "" if value == "all" else ", ".join(value) or _NOWHERE
    if leaf.kind in ("countries", "languages"):
        return ", ".join(value)
    if leaf.kind in ("moment", "missing"):
        typed = _type_moment(str(value), zone)
        return typed.removesuffix(" 00:00") if leaf.kind == "moment" else typed
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).replace("_", " ") if leaf.kind == "role" else str(value)


def _type_moment(text: str, zone: ZoneInfo) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        return text
    shown = moment.isoformat(" ", "minutes" if not moment.second else "seconds")
    local = moment.replace(tzinfo=None).replace(tzinfo=zone)
    if local.utcoffset() == moment.utcoffset():
        return shown[:-6]
    return f"{shown[:-6]} {shown[-6:]}"


def _value(item: Item, typed: Any, base: Any, zone: ZoneInfo) -> Any:
    if isinstance(item, Leaf):
        return value_of(item, typed or "", zone)
    if isinstance(item, Group):
        return _value_of_group(item, typed or {}, base if isinstance(base, Mapping) else {}, zone)
    if item.texts:
        return _value_of_texts(typed or ()) or None
    rows = []
    for row in typed or ():
        was = str(row.get(WAS, ""))
        known = isinstance(base, Sequence) and was.isascii() and was.isdecimal() and int(was[:4]) < len(base)
        before = base[int(was[:4])] if known else {}
        rows.append(_value_of_group(Group("", "", item.fields), row, before, zone) or {})
    return rows or None


def _value_of_group(
    group: Group, typed: Mapping[str, Any], base: Mapping[str, Any], zone: ZoneInfo
) -> dict[str, Any] | None:
    if not _is_filled(group.fields, typed):
        return None
    names = {item.name for item in group.fields}
    made: dict[str, Any] = {name: value for name, value in base.items() if name not in names}
    for item in group.fields:
        value = _value(item, typed.get(item.name), base.get(item.name), zone)
        if value is not None:
            made[item.name] = value
    if group.span and made.keys() & {"min", "max"}:
        made.setdefault("max", made.get("min"))
        made.setdefault("min", made.get("max"))
    return {**made, **group.fixed}


def _value_of_texts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for number, row in enumerate(rows):
        tag = code_of(row.get("lang", ""), "languages") or f"?{number}"
        made[tag if tag not in made else f"?{number}"] = {
            "text": row.get("text", ""),
            "origin": row.get("origin") or "original",
        }
    return made


def value_of(leaf: Leaf, typed: Any, zone: ZoneInfo) -> Any:
    """Return what a field says in a record; None for nothing, and what cannot be read as it is."""
    if not typed:
        return leaf.codes[0] if leaf.idle else None
    match leaf.kind:
        case "number":
            return _number(typed)
        case "sex":
            return int(typed)
        case "country":
            return code_of(typed, "territories")
        case "language":
            return code_of(typed, "languages")
        case "script":
            return code_of(typed, "scripts")
        case "where" if typed in _DASHES:
            return []
        case "countries" | "languages" | "where":
            kind = "languages" if leaf.kind == "languages" else "territories"
            return [code_of(part, kind) for part in re.split(r"[,;،]", typed) if part.strip()]
        case "moment" | "missing":
            return _moment(typed, zone, day_alone=leaf.kind == "missing")
        case "role":
            return re.sub(r"[\s-]+", "_", typed.strip().lower())
        case "phone" if not typed.lower().startswith("http"):
            return re.sub(r"^00", "+", re.sub(r"[\s().-]", "", typed))
    return typed


def _number(text: str) -> Any:
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text.replace(",", "."))
    return int(number) if number.is_integer() else number


def _moment(text: str, zone: ZoneInfo, *, day_alone: bool) -> str:
    found = _MOMENT.fullmatch(text)
    if not found or (day_alone and not found[2]):
        return text
    day, time, offset = found[1], (found[2] or "00:00").zfill(5), found[3] or ""
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{offset}")
    except ValueError:
        return text
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.isoformat(timespec="seconds")


def code_of(text: str, kind: str) -> str:
    """Return the code for a name in the reader's language or English; else what was typed."""
    text = text.strip()
    for language in dict.fromkeys((str(get_locale() or "en"), "en")):
        if code := _codes(language, kind).get(text.casefold()):
            return code
    return text


@cache
def _codes(language: str, kind: str) -> Mapping[str, str]:
    names: Mapping[str, str] = getattr(Locale.parse(language), kind)
    codes = {code.casefold(): code.replace("_", "-") for code in names if not code.isdecimal()}
    return {
        name.casefold(): code.replace("_", "-") for code, name in names.items() if not code.isdecimal()
    } | codes


# --- Problems ---


def place_problem(
    path: str, typed: Mapping[str, Any], sections: Sequence[Section] = EVERY_SECTION
) -> tuple[str, Leaf | Group | Rows | None]:
    """Return the id of the field that a problem's path leads to, and the field.

    Args:
        path: as in a schema's problem: "names[0].full", "circumstances.pt.text".
    """
    steps = [first or second for first, second in _STEP.findall(path)]
    fields: Sequence[Item] = [item for section in sections for item in section.items]
    found: Item | None = None
    value: Any = typed
    at: list[str] = []
    for step in steps:
        if isinstance(found, Rows) and fields is found.fields and isinstance(value, list):
            number = _row_of(found, value, step)
            if number is None:
                break
            at.append(str(number))
            value, found_fields = value[number], found.fields
            fields, found = found_fields, Group("", found.label, found.fields)
            continue
        inner = next((item for item in fields if item.name == step), None)
        if inner is None:
            break
        at.append(step)
        value = value.get(step) if isinstance(value, Mapping) else None
        found = inner
        if isinstance(inner, Leaf):
            break
        fields = inner.fields
    return "-".join(at), found


def _row_of(rows: Rows, typed: Sequence[Mapping[str, Any]], step: str) -> int | None:
    if not rows.texts:
        return int(step) if step.isdecimal() and int(step) < len(typed) else None
    tags = list(_value_of_texts(typed))
    if step in tags:
        return tags.index(step)
    return next((number for number, tag in enumerate(tags) if tag.startswith("?")), None)
