"""Invented children for the sandbox: whole case records, in the country's own language and script.

Nobody here exists. Every text begins with the word for "exercise" in its own language, telephone numbers lie
in ranges reserved for fiction or begin with zeros where no number can, and web addresses end in `.example`.
The same random numbers give the same children. The words are in `countries/`, one file a country and `EN` for
the translations; `[m|f]` in a sentence is the form for a boy and for a girl. Faces are for `portraits`.
"""

import json
import random
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from node.errors import InvalidInput

Record = dict[str, Any]

# Shares of a hundred cases, and the ages in years between which they happen.
_CATEGORIES = {
    "runaway": (50, 12.0, 17.6),
    "family_abduction": (22, 0.6, 12.0),
    "lost_injured_otherwise": (11, 3.0, 16.0),
    "unaccompanied_migrant": (7, 13.0, 17.6),
    "nonfamily_abduction": (3, 5.0, 16.0),
    "thrown_out": (3, 13.0, 17.6),
    "unknown": (4, 7.0, 17.6),
}
_RISK = {
    "runaway": (
        ("low", "medium", "medium", "high"),
        ("out_of_character", "repeatedly_missing", "online_contact"),
    ),
    "family_abduction": (("low", "medium", "high"), ("border_crossing", "domestic_violence", "young_age")),
    "lost_injured_otherwise": (("medium", "high"), ("weather", "young_age", "disability", "medical_need")),
    "unaccompanied_migrant": (("medium", "high"), ("trafficking", "border_crossing", "exploitation")),
    "nonfamily_abduction": (("high",), ("abduction_threat", "online_contact")),
    "thrown_out": (("medium", "high"), ("substance_use", "exploitation")),
    "unknown": (("low", "medium", "high"), ("out_of_character",)),
}
# The hours of the day (first and last) of stories that name one: after school, in the evening.
_HOURS = {("runaway", 1): (14, 18), ("runaway", 2): (18, 21)}
_WITHOUT_PARENTS = frozenset({"unaccompanied_migrant", "thrown_out", "unknown"})
_HAGUE_STATES = frozenset({"BR", "FR", "GE", "GR", "IL", "JP", "KR", "LK", "MX", "TH", "UA"})
_MARKS = (("scar", "leg"), ("mole", "face"), ("birthmark", "neck"))
_LENGTHS = {1: ("shaved", "short", "short", "medium"), 2: ("short", "medium", "long", "long")}
_YEAR = 365.25
_BY_SEX = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")


class Written(NamedTuple):
    """A name as its bearer writes it, in Latin letters, and as it is read aloud where that is written too."""

    own: str
    latin: str
    reading: str


class Words(NamedTuple):
    """What cases are told with in one language. Lists stand in the same order in every language."""

    exercise: str
    seen: str
    toward: str
    stories: Mapping[str, tuple[str, ...]]
    spots: tuple[str, ...]
    tops: tuple[str, ...]
    bottoms: tuple[str, ...]
    extras: tuple[str, ...]
    marks: tuple[str, ...]
    comma: str
    colon: str
    stop: str
    between: str


class Country(NamedTuple):
    """What is usual in one country.

    Attributes:
        phone: the beginning of numbers that nobody has.
        parts: the names a person bears, in their order.
        names: by kind ("given", "family", "father", "patronymic") and sex.
        cities: (own name, English name, ISO 3166-2 subdivision, latitude, longitude).
        neighbours: countries to which children are taken or go.
    """

    code: str
    lang: str
    script: str
    offset: timezone
    phone: str
    parts: tuple[str, ...]
    name_space: str
    system: str
    reading_script: str
    names: Mapping[tuple[str, int], tuple[Written, ...]]
    hair: tuple[str, ...]
    hair_styles: tuple[str, ...]
    eyes: tuple[str, ...]
    complexion: tuple[str, ...]
    cities: tuple[tuple[str, str, str, float, float], ...]
    neighbours: tuple[str, ...]
    authority: tuple[str, str]
    words: Words


class Child(NamedTuple):
    """Who is missing, since when and why: `given` is the name in texts, `story` the text that is told."""

    sex: int
    family: Written | None
    given: Written
    names: list[Record]
    born: date
    missing: datetime
    category: str
    story: int


def countries() -> tuple[str, ...]:
    """Name the countries for which cases can be invented, ISO 3166-1 alpha-2."""
    names = (entry.name for entry in files("node.sandbox").joinpath("countries").iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name != "EN.json"))


def invent_case(country: str, rng: random.Random, *, now: datetime, origin: str = "") -> Record:
    """Invent one private case record (schemas/case.v1.json) without photographs.

    Args:
        country: where the child went missing, one of `countries()`.
        rng: where all chance comes from.
        now: the child is missing since before, and not yet 18.
        origin: the country that the child's family comes from, where it is another; names are of there.

    Raises:
        InvalidInput: no words for this country.
    """
    home, roots = _load_country(country), _load_country(origin or country)
    child = _invent_child(home, roots, rng, now)
    to = roots.code if roots is not home else rng.choice(home.neighbours)
    record: Record = {
        "names": child.names,
        "sex": child.sex,
        "age_at_disappearance": _age(child),
        "birth": _birth(child, rng),
        "nationalities": [roots.code],
        **_disappearance(home, child, to, rng),
        "category": child.category,
        **_appearance(home, roots, child, rng),
        "languages_spoken": [roots.lang] if rng.random() < 0.7 else [roots.lang, "en"],
        "contacts": _contacts(home)[: rng.choice((1, 1, 2))],
        **_management(home, child, now, rng),
    }
    if child.category == "family_abduction":
        record |= _abduction(home, roots, child, to, rng)
    return record


def _invent_child(home: Country, roots: Country, rng: random.Random, now: datetime) -> Child:
    weights = [share for share, _, _ in _CATEGORIES.values()]
    (category,) = rng.choices(list(_CATEGORIES), weights)
    _, youngest, oldest = _CATEGORIES[category]
    age = rng.uniform(youngest, oldest)
    days = min(0.05 + rng.expovariate(1 / 400), (17.95 - age) * _YEAR)
    story = rng.randrange(len(_stories(_load_words("EN"), category)))
    missing = _likely_hour((now - timedelta(days=days)).astimezone(home.offset), category, story, rng)
    born = (missing - timedelta(days=age * _YEAR)).date()
    sex = rng.choice((1, 2))
    names, given, family = _names(roots, sex, rng)
    if roots.script != home.script:
        given = given._replace(
            own=given.latin
        )  # in the texts: a report is written in the letters of its country
    return Child(sex, family, given, names, born, missing, category, story)


def _stories(words: Words, category: str) -> tuple[str, ...]:
    return words.stories.get(category) or words.stories["unknown"]


def _likely_hour(moment: datetime, category: str, story: int, rng: random.Random) -> datetime:
    """Move a moment back to an hour at which what is told can have happened."""
    first, last = _HOURS.get((category, story), (8, 21))
    hour, minute = rng.randint(first, last), 5 * rng.randrange(12)
    likely = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return likely if likely < moment else likely - timedelta(days=1)


def _names(
    home: Country, sex: int, rng: random.Random, family: Written | None = None
) -> tuple[list[Record], Written, Written | None]:
    """Give a person's names as in a record, and two parts of them; `family` is one that is borne already."""
    drawn: list[Written] = []
    for part in home.parts:
        borne = family if part == "family" and "family" not in home.parts[: len(drawn)] else None
        drawn.append(borne or rng.choice(home.names[part, sex]))
    by_part = dict(zip(reversed(home.parts), reversed(drawn), strict=True))
    given, inherited = by_part["given"], by_part.get("family")
    last = [name for part, name in zip(home.parts, drawn, strict=True) if part in ("family", "father")]
    order = "given_first" if home.parts[0] == "given" else "family_first"

    def write(form: int, space: str, **more: str) -> Record:
        return {
            "full": space.join(name[form] for name in drawn),
            "given": given[form],
            "family": space.join(name[form] for name in last),
            "kind": "legal",
            "order": order,
            **more,
        }

    names = [write(0, home.name_space, lang=home.lang, script=home.script)]
    if home.script != "Latn":
        language = home.lang.partition("-")[0]
        of = names[0]["full"]
        names.append(
            write(1, " ", lang=f"{language}-Latn", script="Latn", transliteration_of=of, system=home.system)
        )
        if home.reading_script:
            reading = f"{language}-{home.reading_script}"
            names.append(write(2, " ", lang=reading, script=home.reading_script, transliteration_of=of))
    return names, given, inherited


def _age(child: Child) -> Record:
    missing = child.missing.date()
    had_birthday = (missing.month, missing.day) >= (child.born.month, child.born.day)
    years = missing.year - child.born.year - (not had_birthday)
    if child.category == "unaccompanied_migrant":
        return {"min": years - 1, "max": years + 1, "unit": "year"}
    if years < 2:
        months = int((missing - child.born).days / _YEAR * 12)
        return {"min": months, "max": months, "unit": "month"}
    return {"min": years, "max": years, "unit": "year"}


def _birth(child: Child, rng: random.Random) -> str:
    """Give the day of birth as well as it is known, EDTF."""
    if child.category == "unaccompanied_migrant":
        return f"{child.born.year}~"
    return child.born.isoformat() if rng.random() < 0.9 else f"{child.born:%Y-%m}"


def _disappearance(home: Country, child: Child, to: str, rng: random.Random) -> Record:
    """Tell when, where and how, in the country's language and in English."""
    city = rng.choice(home.cities)
    elsewhere = rng.choice(home.cities)
    english = _load_words("EN")
    spot = rng.randrange(len(english.spots))
    hour_is_known = rng.random() < 0.8
    with_direction = child.category == "runaway" and elsewhere is not city and rng.random() < 0.4

    def tell(words: Words, form: Literal[0, 1]) -> Record:
        text = _stories(words, child.category)[child.story].format(given=child.given[form])
        seen = [words.spots[spot], city[form]] + ([f"{child.missing:%H:%M}"] if hour_is_known else [])
        told = [
            f"{words.exercise} – {text}",
            f"{words.seen}{words.colon}{words.comma.join(seen)}{words.stop}",
        ]
        if with_direction:
            told.append(f"{words.toward}{words.colon}{elsewhere[form]}{words.stop}")
        text = _choose_form(words.between.join(told), child.sex)
        return {"text": text, "origin": "original" if words is home.words else "human"}

    found: Record = {
        "missing_since": child.missing.isoformat() if hour_is_known else child.missing.date().isoformat(),
        "last_seen": {
            "place": {
                home.lang: _original(f"{home.words.spots[spot]}{home.words.comma}{city[0]}"),
                "en": _translated(f"{english.spots[spot]}, {city[1]}"),
            },
            "area": {home.lang: _original(city[0])}
            | ({"en": _translated(city[1])} if city[0] != city[1] else {}),
            "country": home.code,
            "subdivision": city[2],
            "lat": round(city[3] + rng.uniform(-0.03, 0.03), 4),
            "lon": round(city[4] + rng.uniform(-0.03, 0.03), 4),
            "radius_m": rng.choice((50, 100, 250)),
        },
        "circumstances": {home.lang: tell(home.words, 0), "en": tell(english, 1)},
    }
    if child.category in ("family_abduction", "unaccompanied_migrant"):
        found["destinations"] = [{"country": to, "confidence": rng.choice(("low", "medium", "high"))}]
    return found


def _original(text: str) -> Record:
    return {"text": text, "origin": "original"}


def _translated(text: str) -> Record:
    return {"text": text, "origin": "human"}


def _choose_form(text: str, sex: int) -> str:
    return _BY_SEX.sub(lambda forms: forms[sex], text)


def _appearance(home: Country, roots: Country, child: Child, rng: random.Random) -> Record:
    """Describe the child; as in life, not everything is known of everybody."""
    english = _load_words("EN")
    age = (child.missing.date() - child.born).days / _YEAR
    height, weight = _size(age, child.sex, rng)
    top, bottom, extra = (
        rng.randrange(len(list_)) for list_ in (english.tops, english.bottoms, english.extras)
    )

    def wear(words: Words) -> str:
        return words.comma.join((words.tops[top], words.bottoms[bottom], words.extras[extra]))

    looks: Record = {
        "hair": {
            "colour": rng.choice(roots.hair),
            "length": rng.choice(_LENGTHS[child.sex]),
            "style": rng.choice(roots.hair_styles),
        },
        "eyes": {"colour": rng.choice(roots.eyes)},
        "complexion": {"value": rng.choice(roots.complexion)},
        "height": {"min": height - 2, "max": height + 2, "unit": "cm"},
    }
    if rng.random() < 0.5:
        looks["weight"] = {"min": weight - 2, "max": weight + 2, "unit": "kg"}
        looks["build"] = {"value": rng.choice(("slim", "slim", "medium", "medium", "stocky"))}
    if rng.random() < 0.6:
        looks["clothing"] = {home.lang: _original(wear(home.words)), "en": _translated(wear(english))}
    chance = rng.random()
    if chance < 0.25:
        mark = rng.randrange(len(_MARKS))
        kind, body_part = _MARKS[mark]
        text = {home.lang: _original(home.words.marks[mark]), "en": _translated(english.marks[mark])}
        looks["marks"] = [{"kind": kind, "body_part": body_part, "text": text}]
    elif chance < 0.4 and age > 5:
        looks["marks"] = [{"kind": rng.choice(("glasses", "glasses", "braces"))}]
    return looks


def _size(age: float, sex: int, rng: random.Random) -> tuple[int, int]:
    """Give height in cm and weight in kg that are usual at an age, roughly the WHO's medians."""
    if age < 2:
        height = 50 + 18 * age
    else:
        height = 74 + 6.3 * min(age, 12) + max(0.0, min(age, 17) - 12) * (5 if sex == 1 else 2.5)
    height += rng.uniform(-0.05, 0.05) * height
    metres = height / 100
    return round(height), max(
        5, round((15.5 + max(0.0, age - 6) * 0.45 + rng.uniform(-1, 2)) * metres * metres)
    )


def _contacts(home: Country) -> list[Record]:
    common = {"country": home.code, "languages": [home.lang, "en"]}
    return [
        {"kind": "police", "value": f"{home.phone}0100", **common, "hours": "24/7"},
        {"kind": "web", "value": f"https://missing.{home.code.lower()}.example/", **common},
    ]


def _management(home: Country, child: Child, now: datetime, rng: random.Random) -> Record:
    """Give what the people who work on the case decide: risk, legal basis, authority, dates, references."""
    levels, factors = _RISK[child.category]
    reported = min(now, child.missing + timedelta(hours=rng.randint(1, 30)))
    basis = rng.choice(
        ("le_duty", "vital_interest") if child.category in _WITHOUT_PARENTS else ("parental", "le_duty")
    )
    return {
        "risk": {
            "level": rng.choice(levels),
            "factors": sorted(rng.sample(factors, rng.randint(1, min(2, len(factors))))),
            "assessed_at": _utc(reported),
            "next_review": _utc(now + timedelta(days=rng.randint(7, 60))),
            "assessed_by_role": "duty_officer",
        },
        "consent": {
            "basis": basis,
            "given_by_role": "parent" if basis == "parental" else "investigating_officer",
            "scope": ["network", "public", "photograph", "poster"],
            "date": _utc(reported)[:10],
        },
        "authority": {
            "name": {home.lang: _original(home.authority[0]), "en": _translated(home.authority[1])},
            "kind": "police",
        },
        "review_due": _utc(now + timedelta(days=rng.randint(30, 90))),
        "purge_by": _utc(now + timedelta(days=10 * _YEAR)),
        "reference": f"EX-{home.code}-{child.missing.year}-{rng.randrange(10**6):06d}",
    }


def _abduction(home: Country, roots: Country, child: Child, to: str, rng: random.Random) -> Record:
    """Give the parent with whom the child is, and where the law stands."""
    sex, relation = rng.choice(((1, "father"), (2, "mother")))
    names, _, _ = _names(roots, sex, rng, child.family if sex == child.sex else None)
    age = (child.missing.date() - child.born).days // 365 + rng.randint(20, 38)
    abduction: Record = {
        "companions": [
            {
                "relation": relation,
                "role": "suspected_abductor",
                "names": names,
                "sex": sex,
                "age": {"min": age, "max": age, "unit": "year"},
            }
        ],
        "parental": {"custody_order": rng.choice(("none", "applied_for", "in_force", "disputed"))},
    }
    if hague := sorted(_HAGUE_STATES & {home.code, to}):
        abduction["parental"]["hague_states"] = hague
    return abduction


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


@cache
def _load_country(code: str) -> Country:
    if code not in countries():
        raise InvalidInput(f"There are no words for {code}.", f"Choose from {', '.join(countries())}.")
    data = _read_file(code)

    def several(key: str) -> tuple[str, ...]:
        return tuple(data[key].split())

    hours, minutes = data["offset"][1:].split(":")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if data["offset"][0] == "-" else 1)
    return Country(
        code=code,
        lang=data["lang"],
        script=data["script"],
        offset=timezone(offset),
        phone=data["phone"],
        parts=tuple(data["parts"]),
        name_space=data.get("name_space", " "),
        system=data.get("system", ""),
        reading_script=data.get("reading", ""),
        names=_written_names(data),
        hair=several("hair"),
        hair_styles=several("hair_styles")
        if "hair_styles" in data
        else ("straight", "straight", "wavy", "curly"),
        eyes=several("eyes"),
        complexion=several("complexion"),
        cities=tuple(tuple(city) for city in data["cities"]),
        neighbours=tuple(data["neighbours"]),
        authority=(data["authority"][0], data["authority"][1]),
        words=_load_words(code),
    )


def _written_names(data: Record) -> dict[tuple[str, int], tuple[Written, ...]]:
    """Read lists such as "Іван=Ivan": a space between names, "=" between forms, "_" for a space in a name."""
    lists = {
        ("given", 1): data["male"],
        ("given", 2): data["female"],
        ("father", 1): data["male"],
        ("father", 2): data["male"],
        ("family", 1): data.get("family", ""),
        ("family", 2): data.get("family_female", data.get("family", "")),
        ("patronymic", 1): data.get("patronymic_male", ""),
        ("patronymic", 2): data.get("patronymic_female", ""),
    }
    return {key: tuple(_written(entry) for entry in text.split()) for key, text in lists.items()}


def _written(entry: str) -> Written:
    own, *more = entry.replace("_", " ").split("=")
    latin, reading = [*more, "", ""][:2]
    return Written(own, latin or own, reading)


@cache
def _load_words(code: str) -> Words:
    data = {"colon": ": ", "stop": ".", "between": " ", **_read_file(code)}
    return Words(**{key: _frozen(data[key]) for key in Words._fields})


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return {key: tuple(texts) for key, texts in value.items()} if isinstance(value, dict) else value


def _read_file(code: str) -> Record:
    text = files("node.sandbox").joinpath("countries", f"{code}.json").read_text(encoding="utf-8")
    data: Record = json.loads(text)
    return data
