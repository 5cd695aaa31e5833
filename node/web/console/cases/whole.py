"""The whole of a field, for people who decide about it: every text in each of its languages, every member by
its name. For readers who want to know a child, `text` says it in one language.

Guarantees: nothing that a value holds is left out, whether this program knows its name or not; a number has
all of its digits. A hash is cut short: the page shows the picture that it is of, see `picture_forms`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from node.web.cases.text import CODED, DATED, is_lang_text, show_country, show_date, show_language
from node.web.cases.words import CODES, FIELDS, SEXES
from node.web.console.cases.own_fields import OUTCOMES
from node.web.languages import show_exactly, show_number

_MEMBERS: Mapping[str, Any] = MappingProxyType(
    {
        **FIELDS,
        "full": "",
        "given": lazy_gettext("Given name"),
        "family": lazy_gettext("Family name"),
        "lang": lazy_gettext("Language"),
        "script": lazy_gettext("Script"),
        "order": lazy_gettext("Which part comes first"),
        "transliteration_of": lazy_gettext("Spelling of"),
        "system": lazy_gettext("System"),
        "min": lazy_gettext("At least"),
        "max": lazy_gettext("At most"),
        "unit": "",
        "measured_on": lazy_gettext("Measured on"),
        "place": lazy_gettext("In words"),
        "subdivision": lazy_gettext("Province or state"),
        "lat": lazy_gettext("Latitude"),
        "lon": lazy_gettext("Longitude"),
        "radius_m": lazy_gettext("Somewhere within so many metres"),
        "polygon": lazy_gettext("Outline"),
        "photos": lazy_gettext("Photographs"),
        "taken": lazy_gettext("Taken"),
        "age_depicted": lazy_gettext("Age that it shows"),
        "primary": lazy_gettext("Shown first"),
        "alt": lazy_gettext("For those who cannot see it"),
        "rights_holder": lazy_gettext("Whose it is"),
        "licence": lazy_gettext("Licence"),
        "allowed_uses": lazy_gettext("Allowed for"),
        "expires_at": lazy_gettext("Last day"),
        "renditions": lazy_gettext("Sizes"),
        "sha256": "SHA-256",
        "media_type": lazy_gettext("Format"),
        "width": lazy_gettext("Width"),
        "bytes": lazy_gettext("Bytes"),
        "languages": lazy_gettext("Languages answered"),
        "hours": lazy_gettext("Hours"),
        "decided_on": lazy_gettext("Decided"),
        "by_role": lazy_gettext("Decided by"),
        "reason": lazy_gettext("Why"),
    }
)
_VALUES: Mapping[str, Mapping[Any, Any]] = MappingProxyType(
    {
        "sex": SEXES,
        "outcome": OUTCOMES,
        "order": {
            "given_first": lazy_gettext("the given name"),
            "family_first": lazy_gettext("the family name"),
        },
        "unit": {"year": lazy_gettext("years"), "month": lazy_gettext("months")},
        "allowed_uses": {
            **CODES,
            "press": lazy_gettext("press"),
            "social_media": lazy_gettext("social media"),
        },
        "kind": {
            **CODES,
            "birth": lazy_gettext("name at birth"),
            "photo": lazy_gettext("Photograph"),
            "age_progressed": lazy_gettext("Drawn older"),
            "composite": lazy_gettext("Drawn from descriptions"),
        },
        "origin": {
            "original": lazy_gettext("as it was said"),
            "human": lazy_gettext("translated by a person"),
            "machine": lazy_gettext("Translated by a program; nobody has checked it."),
        },
    }
)
_COUNTRIES = frozenset({"country", "countries", "nationalities", "hague_states", "show_in"})
_LANGUAGES = frozenset({"lang", "languages", "languages_spoken"})
_DATES = DATED | {"outcome_date", "measured_on", "expires_at", "decided_on"}
_CODES = (CODED | {"factors", "scope", "codes"}) - _VALUES.keys()
_SHORT_HASH = 12


@dataclass(frozen=True, slots=True)
class Part:
    """One member of what is said: what it is called, and what it is.

    Attributes:
        name: empty where the text speaks for itself.
        language: of the text, as a BCP 47 tag; empty where it is the reader's own, or none.
    """

    name: str
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Members that stand together.

    Attributes:
        path: where in the field they are, from outside; empty in the field itself.
    """

    path: str
    parts: Sequence[Part]


def describe_whole(name: str, value: Any) -> list[Line]:
    """Describe all that a field holds; nothing where it has no value."""
    return [] if value is None else list(_lines(name, value))


def picture_forms(value: Any) -> list[tuple[str, str]]:
    """Return the SHA-256 of the smallest and of the largest form of every photograph that a value holds."""
    match value:
        case {"renditions": [*forms]} if forms:
            by_size = sorted(forms, key=lambda form: int(form["bytes"]))
            return [(by_size[0]["sha256"], by_size[-1]["sha256"])]
        case Mapping():
            return [picture for item in value.values() for picture in picture_forms(item)]
        case list():
            return [picture for item in value for picture in picture_forms(item)]
    return []


def _lines(name: str, value: Any) -> Iterator[Line]:
    if is_lang_text(value):
        yield from (_text(tag, item) for tag, item in value.items())
    elif isinstance(value, Mapping):
        yield from _members(value)
    elif _is_list_of_objects(value):
        for number, item in enumerate(value, 1):
            place = show_number(number) if len(value) > 1 else ""
            yield from (_within(place, line) for line in _lines(name, item))
    else:
        yield Line("", [Part("", _say(name, value))])


def _members(value: Mapping[str, Any]) -> Iterator[Line]:
    """Describe an object: what is said in a word in its first line, and then everything else."""
    plain = {key: item for key, item in value.items() if not _has_members(item)}
    language = str(value.get("lang", ""))
    if plain:
        yield Line(
            "",
            [
                Part(_name(key), _say(key, item), language if key in ("full", "given", "family") else "")
                for key, item in plain.items()
            ],
        )
    for key, item in value.items():
        if key not in plain:
            yield from (_within(_name(key), line) for line in _lines(key, item))


def _text(tag: str, item: Mapping[str, Any]) -> Line:
    """Describe a text in one language, with the name of the language and where it is from."""
    about = {key: value for key, value in item.items() if key != "text"}
    return Line(
        _language(tag),
        [
            Part("", str(item["text"]), tag),
            *(Part("" if key == "origin" else _name(key), _say(key, value)) for key, value in about.items()),
        ],
    )


def _within(place: str, line: Line) -> Line:
    return replace(line, path=" › ".join(filter(None, (place, line.path))))


def _name(key: str) -> str:
    return str(_MEMBERS.get(key, key.replace("_", " ")))


def _say(name: str, value: Any) -> str:
    """Say a value without members; one that this program does not know as it came."""
    if name == "show_in" and value == "all":
        return str(_("in every country"))
    if isinstance(value, list):
        between = "; " if any(isinstance(item, list) for item in value) else str(_(", "))
        return between.join(_say(name, item) for item in value) or str(_("none"))
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if name in _VALUES and value in _VALUES[name]:
        return str(_VALUES[name][value])
    if isinstance(value, int | float):
        return show_exactly(value)
    text = str(value)
    if name in _CODES:
        return str(CODES.get(text, text))
    if name in _COUNTRIES:
        return show_country(text)
    if name in _LANGUAGES:
        return _language(text)
    if name in _DATES:
        return show_date(text) or text
    if name == "sha256":
        return text[:_SHORT_HASH] + "…"
    return text.replace("_", " ") if name.endswith("role") else text


def _language(tag: str) -> str:
    """Name a language, with its tag where that says more."""
    return f"{show_language(tag)} ({tag})" if "-" in tag else show_language(tag)


def _has_members(value: Any) -> bool:
    return isinstance(value, Mapping) or _is_list_of_objects(value)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, Mapping) for item in value)
