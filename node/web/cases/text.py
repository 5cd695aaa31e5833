"""The parts of a case in the reader's language: each field with its name, codes as words, dates as people
write them.

Guarantees: what a peer wrote is only ever text; a field or a code that this program does not know yet is left
out or shown as it came, and never breaks a page.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext

from node.domain.edtf import edtf_bounds
from node.domain.lifecycle import PICTURE_LASTS
from node.web.cases.choice import choose_words, order_names
from node.web.cases.measures import show_measure
from node.web.cases.words import CODES, FIELDS, SEXES
from node.web.languages import isolated, reader_locale, show_day, show_moment, show_month, show_number

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_BETWEEN = " · "
_SEASONS: Mapping[str, Any] = MappingProxyType(
    {
        "21": lazy_gettext("spring of %(year)s"),
        "22": lazy_gettext("summer of %(year)s"),
        "23": lazy_gettext("autumn of %(year)s"),
        "24": lazy_gettext("winter of %(year)s"),
    }
)
# Shown in places of their own, or of no use to a reader.
_ELSEWHERE = frozenset({"photos", "salt"})


@dataclass(frozen=True, slots=True)
class Said:
    """One line of what is known.

    Attributes:
        language: of the text, as a BCP 47 tag; empty where it is the reader's own.
        note: what the reader should know about the text, such as that a program translated it.
        call: the telephone number in it; empty when there is none.
    """

    text: str
    language: str = ""
    note: str = ""
    call: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A field of a case: its name and what is known."""

    name: str
    lines: Sequence[Said]


@dataclass(frozen=True, slots=True)
class CaseText:
    """The public part of a case.

    Attributes:
        names: as they are written, the principal one first; empty where nobody knows one.
        facts: everything else.
    """

    names: Sequence[Said]
    sex: str
    age: str
    missing_since: str
    place: str
    facts: Sequence[Fact]

    @property
    def title(self) -> str:
        """How a page calls the child."""
        return isolated(self.names[0].text) if self.names else str(_("Name not known"))


@dataclass(frozen=True, slots=True)
class Picture:
    """A photograph as pages show it.

    Attributes:
        forms: SHA-256 of each form of it, the small one first.
        alt: what it shows, for who cannot see it.
        notes: what to know about it: that it is drawn, when it was taken, that it is old.
    """

    forms: Sequence[str]
    alt: Said
    notes: Sequence[str]


def describe_names(part: Mapping[str, Any]) -> list[Said]:
    """Describe the names of a child, the principal one first."""
    child = part if "names" in part else part.get("at_risk_preventive", part)
    return [_name(item) for item in child.get("names", ())]


def describe_names_for(part: Mapping[str, Any], language: str) -> list[Said]:
    """Describe the names of a child, first the one that readers of a language can read."""
    return [_name(item) for item in order_names(part.get("names", ()), language)]


def describe_public(part: Mapping[str, Any]) -> CaseText:
    """Describe the public part of a case, or a whole record as its public part would be; of a child that is
    not missing, who it is."""
    return replace(describe_briefly(part), facts=describe_part(part))


def describe_briefly(part: Mapping[str, Any]) -> CaseText:
    """Describe the public part of a case as one of a list: without `facts`, which are most of the work."""
    child = part if "names" in part else part.get("at_risk_preventive", part)
    return CaseText(
        names=describe_names(part),
        sex=describe_sex(child.get("sex")),
        age=describe_age(part["age_at_disappearance"]) if "age_at_disappearance" in part else "",
        missing_since=show_date(part.get("missing_since", "")),
        place=describe_place(part["last_seen"]).text if part.get("last_seen") else "",
        facts=(),
    )


def describe_part(part: Mapping[str, Any]) -> list[Fact]:
    """Describe every field of a part that this program knows, in the order in which people want them."""
    return [
        Fact(str(FIELDS[name]), lines)
        for name in FIELDS
        if name in part and name not in _ELSEWHERE and (lines := _lines(name, part[name]))
    ]


def pictures_of(part: Mapping[str, Any], today: date | None = None) -> list[Picture]:
    """Describe the photographs of a part or a record: the child's, the primary one first, then those of
    companions.

    Args:
        today: tells which are old; None where that is of no matter.
    """
    if "photos" not in part and "companions" not in part:
        return []
    child = describe_briefly(part)
    who = [isolated(child.names[0].text) if child.names else "", child.sex, child.age]
    looks = [line.text for name in ("hair", "eyes") if name in part for line in _lines(name, part[name])]
    facts = ", ".join(filter(None, (*who, *looks))) or str(_("the child"))
    found = [describe_picture(photo, facts, at, today) for at, photo in enumerate(_primary_first(part), 1)]
    for companion in part.get("companions", ()):
        facts = name_companion(companion)
        found += [
            describe_picture(photo, facts, at, today)
            for at, photo in enumerate(companion.get("photos", ()), 1)
        ]
    return [picture for picture in found if picture.forms]


def small_forms_of(part: Mapping[str, Any]) -> list[str]:
    """Return the SHA-256 of the small form of each photograph of the child, the primary one first: a list
    that names the child shows nobody else."""
    return [forms[0] for photo in _primary_first(part) if (forms := _forms_of(photo))]


def describe_picture(photo: Mapping[str, Any], facts: str, number: int, today: date | None) -> Picture:
    """Describe one photograph.

    Args:
        facts: whom it shows, for a photograph that nobody has described.
    """
    alt = Said(str(_("Photograph %(number)s: %(facts)s", number=show_number(number), facts=facts)))
    return Picture(
        forms=_forms_of(photo),
        alt=describe_words(photo["alt"]) if photo.get("alt") else alt,
        notes=list(_notes_of(photo, today)),
    )


def _primary_first(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return sorted(part.get("photos", ()), key=lambda photo: not photo.get("primary", False))


def _forms_of(photo: Mapping[str, Any]) -> list[str]:
    forms = sorted(photo.get("renditions", ()), key=lambda item: int(item["bytes"]))
    return [item["sha256"] for item in forms]


def name_companion(companion: Mapping[str, Any]) -> str:
    """Name somebody who is with the child: by name, else by what they are to the child."""
    names = [isolated(str(item["full"])) for item in companion.get("names", ())][:1]
    codes = (companion.get("relation"), companion.get("role"))
    return ", ".join(names + [str(CODES.get(code, code)) for code in codes if code])


def _notes_of(photo: Mapping[str, Any], today: date | None) -> Iterator[str]:
    """Say what somebody who looks at a photograph has to know."""
    if photo.get("kind") in ("age_progressed", "composite"):
        yield str(CODES[photo["kind"]])
    if "age_depicted" in photo:
        yield str(_("shows the age of %(age)s", age=show_number(int(photo["age_depicted"]))))
    if taken := photo.get("taken"):
        yield str(_("taken: %(date)s", date=show_date(taken)))
        last = edtf_bounds(taken)[1]
        if today and last and last + PICTURE_LASTS <= today and photo.get("kind") == "photo":
            yield str(_("old: the child may look different now"))


def show_date(text: str) -> str:
    """Write a day, a moment or an uncertain date (EDTF) as the reader does."""
    first, slash, last = text.partition("/")
    if slash:
        return str(_("%(first)s to %(last)s", first=show_date(first) or "…", last=show_date(last) or "…"))
    if text.endswith(("~", "%")):
        return str(_("about %(date)s", date=show_date(text[:-1])))
    if text.endswith("?"):
        return str(_("perhaps %(date)s", date=show_date(text[:-1])))
    try:
        if "T" in text:
            return show_moment(datetime.fromisoformat(text))
        return show_day(date.fromisoformat(text)) if _DAY.fullmatch(text) else _show_vague(text)
    except (ValueError, KeyError):  # the 31st of February fits the pattern, too
        return text


def show_country(code: str) -> str:
    """Return the name of a country in the reader's language."""
    return str(reader_locale().territories.get(code, code))


def show_language(tag: str) -> str:
    """Return the name of a language in the reader's language."""
    code = tag.partition("-")[0]
    return str(reader_locale().languages.get(code, tag))


def show_script(code: str) -> str:
    """Return the name of a script in the reader's language."""
    return str(reader_locale().scripts.get(code, code))


def _show_vague(text: str) -> str:
    """Write a date of which less than the day is known: a month, a season, a year, a decade."""
    year, _dash, rest = text.partition("-")
    month = rest.partition("-")[0]
    if text == "..":
        return ""
    if year.endswith("X"):
        first = year.replace("X", "0")
        span = "XX" if year.endswith("XX") else "X"
        return str(_("%(year)s to %(last)s", year=first, last=year.replace(span, "99"[: len(span)])))
    if month in _SEASONS:
        return str(_SEASONS[month]) % {"year": year}
    if not month or month == "XX":
        return year
    return show_month(date(int(year), int(month), 1))


def _lines(name: str, value: Any) -> list[Said]:
    """Describe the value of a field in lines."""
    if name in _SPECIAL:
        return _SPECIAL[name](value)
    if is_lang_text(value):
        return [describe_words(value)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [line for item in value for line in _lines("", item)]
    if isinstance(value, Mapping):
        inner = (f"{FIELDS[key]}: {text}" if FIELDS[key] else text for key, text in _inner(value))
        return [Said(line)] if (line := _BETWEEN.join(inner)) else []
    return [Said(_plain(name, value))]


def _inner(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in FIELDS:
        if key in value and key not in _ELSEWHERE:
            lines = _lines(key, value[key])
            if lines:
                yield key, ", ".join(isolated(line.text) for line in lines)


def _plain(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, int | float):
        return show_number(value)
    if name in CODED and value in CODES:
        return str(CODES[value])
    return str(value).replace("_", " ") if name.endswith("role") else str(value)


def is_lang_text(value: Any) -> bool:
    """Tell whether a value is a text in one or more languages."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(item, Mapping) and {"text", "origin"} <= item.keys() for item in value.values())
    )


def describe_words(texts: Mapping[str, Mapping[str, str]]) -> Said:
    """Choose of a text the language that the reader reads best."""
    tag = choose_words(texts, str(reader_locale().language))
    machine = texts[tag]["origin"] == "machine"
    return Said(
        texts[tag]["text"], tag, _("Translated by a program; nobody has checked it.") if machine else ""
    )


def _name(item: Mapping[str, Any]) -> Said:
    kind = CODES.get(item.get("kind", ""), "")
    return Said(str(item["full"]), str(item.get("lang", "und")), str(kind))


def describe_sex(code: Any) -> str:
    """Write the sex of a child; empty where there is no word for it."""
    return str(SEXES.get(code, ""))


def describe_age(age: Mapping[str, Any]) -> str:
    """Write an age, or between which two it is."""
    return show_age(int(age["min"]), int(age["max"]), age["unit"])


def show_age(low: int, high: int, unit: str = "year") -> str:
    """Write an age, or between which two it is, in years or months."""
    span = show_number(low) if low == high else f"{show_number(low)}–{show_number(high)}"
    if unit == "month":
        return str(ngettext("%(span)s month", "%(span)s months", high, span=span))
    return str(ngettext("%(span)s year", "%(span)s years", high, span=span))


def _measure(value: Mapping[str, Any]) -> list[Said]:
    return [Said(show_measure(value, reader_locale()))]


def _place(value: Mapping[str, Any]) -> list[Said]:
    """Describe a place: words and country in the first line, then the position."""
    if not value:
        return []
    lines = [describe_place(value)]
    if "lat" in value:
        position = f"{value['lat']:.5f}, {value['lon']:.5f}"
        if radius := value.get("radius_m"):
            position = _("%(position)s, within %(metres)s m", position=position, metres=show_number(radius))
        lines.append(Said(position))
    return lines


def describe_place(value: Mapping[str, Any]) -> Said:
    """Write a place and its country."""
    words = describe_words(value["place"]) if "place" in value else Said("")
    where = ", ".join(filter(None, (isolated(words.text), show_country(value["country"]))))
    return Said(where, words.language, words.note)


def describe_contact(item: Mapping[str, Any]) -> Said:
    """Describe where whoever has seen the child turns to."""
    about = [str(CODES.get(item["kind"], item["kind"]))]
    about += [show_country(item["country"])] if "country" in item else []
    about += [", ".join(map(show_language, item["languages"]))] if item.get("languages") else []
    about += [isolated(item["hours"])] if "hours" in item else []
    call = "" if item["kind"] == "web" else str(item["value"])
    return Said(str(item["value"]), note=_BETWEEN.join(about), call=call)


def _dated(value: str) -> list[Said]:
    return [Said(show_date(value))]


CODED = frozenset(
    {
        "category", "colour", "length", "style", "value", "kind", "body_part", "relation", "role",
        "confidence", "level", "basis", "custody_order", "system", "state",
    }
)  # fmt: skip
"""Fields that hold a code, which `CODES` has words for."""

DATED = frozenset(
    {
        "missing_since", "birth", "taken", "assessed_at", "next_review", "date", "withdrawn_at", "until",
        "review_due", "purge_by",
    }
)  # fmt: skip
"""Fields that hold a day, a moment or an uncertain date."""

_SPECIAL: Mapping[str, Callable[[Any], list[Said]]] = MappingProxyType(
    {
        "names": lambda value: [_name(item) for item in value],
        "sex": lambda value: [Said(describe_sex(value))] if value in SEXES else [],
        "age_at_disappearance": lambda value: [Said(describe_age(value))],
        "age": lambda value: [Said(describe_age(value))],
        "height": _measure,
        "weight": _measure,
        "last_seen": _place,
        "last_seen_exact": _place,
        "birth_place": _place,
        "contacts": lambda value: list(map(describe_contact, value)),
        "country": lambda value: [Said(show_country(value))],
        "nationalities": lambda value: [Said(", ".join(map(show_country, value)))],
        "hague_states": lambda value: [Said(", ".join(map(show_country, value)))],
        "countries": lambda value: [Said(", ".join(map(show_country, value)))],
        "languages_spoken": lambda value: [Said(", ".join(map(show_language, value)))],
        **dict.fromkeys(
            DATED,
            _dated,
        ),
        **dict.fromkeys(
            ("factors", "scope", "codes"),
            lambda value: [Said(", ".join(str(CODES.get(code, code)) for code in value))],
        ),
    }
)
"""Fields that need more than their value."""
