"""What may leave the house: a member's disclosure policy, applied to one case record.

Guarantees: only fields that the shared schemas name leave, each in the part where its schema puts it, and
nothing the policy withholds; what the schemas do not describe stays, at any depth; public coordinates are
never finer than the policy's grid; of who is grown up no public site shows anything until a person has
decided so. What `disclose` gives is what peers will see, so showing it to a person is the preview. Free text
(circumstances, alternative texts) is left to whoever approves it.

The built-in rules are the network's defaults for sensitive cases: of parental abduction and domestic violence
no exact place, companion or custody detail, but for custody in the police part; of unaccompanied migrant
children only a photograph for the public. A member's configuration has the last word.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Self

from node.domain.edtf import edtf_year
from node.domain.lifecycle import is_paused, live_photos
from node.errors import InvalidInput
from schemas import Schemas

DOMESTIC_VIOLENCE = "domestic_violence"
"""Treated like a category of its own wherever it is among the risk factors."""

NAMELESS = frozenset({"unaccompanied_migrant", "unidentified_found"})
"""The categories whose summaries may do without names, date and place."""

DECIDED = ("show_in", "adult_decision")
"""The members of a head that the owner decides."""

_NAMELESS_FIELDS = ("names", "missing_since", "last_seen")
_PHOTOGRAPH_FIELDS = frozenset(
    {"sex", "age_at_disappearance", "category", "circumstances", "photos", "contacts", "alert"}
)
_PHOTOGRAPH_DETAILS = frozenset(
    {"kind", "taken", "age_depicted", "primary", "licence", "allowed_uses", "expires_at", "renditions"}
)
"""Of a photograph that stands alone: without alternative text and rights holder, which can hold names."""

_NEUTRAL = {"en": {"text": "This child is missing. If you know anything, please call.", "origin": "original"}}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", re.ASCII)
_METRES_PER_DEGREE = 111_700
"""Of latitude at the poles, where it is longest; degrees of longitude are nowhere longer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is let out of a kind of case.

    Attributes:
        withhold: names of fields that stay in the house.
        companions: "withhold", "network" (members' staff), or "public", which also takes a decision by law
            enforcement in the record.
        birth: "full", or "year" alone.
        place: "area": the public gets the record's words for the area, and coordinates on a grid;
            "subdivision": country and subdivision alone.
        decimals: of a degree, the grid of public coordinates: 2 is about 1 km, 1 about 11 km.
        radius_m: least radius around public coordinates, in metres.
        photograph_only: the public gets a photograph, sex, age and whom to call, and nothing else.
    """

    withhold: frozenset[str] = frozenset()
    companions: str = "network"
    birth: str = "full"
    place: str = "area"
    decimals: int = 2
    radius_m: int = 1000
    photograph_only: bool = False

    def strictest(self, other: "Rule") -> "Rule":
        """Join two rules that both apply: whatever either holds back stays."""
        return Rule(
            withhold=self.withhold | other.withhold,
            companions=min(self.companions, other.companions, key=_CHOICES["companions"].index),
            birth=min(self.birth, other.birth, key=_CHOICES["birth"].index),
            place=min(self.place, other.place, key=_CHOICES["place"].index),
            decimals=min(self.decimals, other.decimals),
            radius_m=max(self.radius_m, other.radius_m),
            photograph_only=self.photograph_only or other.photograph_only,
        )


_CHOICES: Mapping[str, Sequence[str]] = {
    "companions": ("withhold", "network", "public"),
    "birth": ("year", "full"),
    "place": ("subdivision", "area"),
}
"""Settings that are a choice, the strictest first."""

_RANGES: Mapping[str, range] = {"decimals": range(4), "radius_m": range(100, 1_000_001)}

_SENSITIVE: Mapping[str, Any] = {
    "companions": "withhold",
    "place": "subdivision",
    "fields": {"last_seen_exact": "withhold", "parental": "withhold"},
}
_BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "family_abduction": _SENSITIVE,
    DOMESTIC_VIOLENCE: _SENSITIVE,
    "unaccompanied_migrant": {"photograph_only": True},
}


@dataclass(frozen=True, slots=True)
class DisclosurePolicy:
    """A member's rules for what leaves the house.

    Attributes:
        general: for cases of a category without rules of its own.
        categories: rules by category, and for DOMESTIC_VIOLENCE.
        neutral_text: circumstances of a case of which only the photograph is shown.
    """

    general: Rule
    categories: Mapping[str, Rule]
    neutral_text: Mapping[str, Any]

    @classmethod
    def parse(cls, settings: Mapping[str, Any], schemas: Schemas) -> Self:
        """Read the policy from the configuration; no settings at all give the network's defaults.

            [disclosure]
            decimals = 1                    # any attribute of Rule but `withhold`
            fields.clothing = "withhold"    # or "share"
            neutral_text = { fr = "Cet enfant est porté disparu." }
            [disclosure.categories.family_abduction]
            companions = "network"

        Raises:
            InvalidInput: with every problem: the key, what was read and what is allowed.
        """
        reader = _SettingsReader(schemas)
        own = {key: value for key, value in settings.items() if key not in ("categories", "neutral_text")}
        general = reader.rule("", own, Rule())
        tables = reader.table("categories", settings.get("categories", {}), reader.categories)
        categories = {}
        for name in dict.fromkeys([*_BUILT_IN, *tables]):
            built_in = reader.rule(name, _BUILT_IN.get(name, {}), general)
            categories[name] = reader.rule(name, tables.get(name, {}), built_in)
        neutral_text = (
            reader.neutral_text(settings["neutral_text"]) if "neutral_text" in settings else _NEUTRAL
        )
        if reader.problems:
            raise InvalidInput(
                "The disclosure settings cannot be used.",
                "Correct them in the node's configuration.",
                list(dict.fromkeys(reader.problems)),
            )
        return cls(general, categories, neutral_text)

    def rule_for(self, record: Mapping[str, Any]) -> Rule:
        """Choose the rule for a record: of its category, and of domestic violence where that applies too."""
        rule = self.categories.get(record.get("category", "unknown"), self.general)
        if DOMESTIC_VIOLENCE in record.get("risk", {}).get("factors", ()):
            rule = rule.strictest(self.categories[DOMESTIC_VIOLENCE])
        return rule


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What leaves the house of one record, by part, without salts.

    Attributes:
        head: the members of a head that the owner decides (`DECIDED`); the rest comes from the feed.
        public: None for a child who is not yet missing: such a case has no summary.
        network: None together with `public`.
        police: None when there is nothing for a supplement.
    """

    head: dict[str, Any]
    public: dict[str, Any] | None
    network: dict[str, Any] | None
    police: dict[str, Any] | None


def disclose(
    record: Mapping[str, Any], policy: DisclosurePolicy, *, schemas: Schemas, now: datetime
) -> Disclosed:
    """Decide what leaves the house of a record.

    Args:
        record: fits the schema `case`. Photographs that were not imported yet stay.
        now: photographs past their own expiry stay.
    """
    rule = policy.rule_for(record)

    def part(kind: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        shared = [name for name in schemas.fields(kind, name) if name not in rule.withhold]
        return schemas.keep_known(kind, name, _only(values, shared))

    decided = _only(record, DECIDED)
    head = {"show_in": "all", **schemas.keep_known("summary", "head", decided)}
    if is_paused(record, now):
        head["show_in"] = []
    police = part("supplement", "police", record) or None
    if "at_risk_preventive" in record:
        return Disclosed(head, None, None, police)
    public = part("summary", "public", _for_public(record, rule, policy.neutral_text, now))
    if record.get("category") in NAMELESS and not all(name in public for name in _NAMELESS_FIELDS):
        # Held back or not: without its category the summary would only look incomplete, and be refused.
        public["category"] = record["category"]
    return Disclosed(head, public, part("summary", "network", _for_network(record, rule, now)), police)


def coarsen(place: Mapping[str, Any], rule: Rule) -> dict[str, Any]:
    """Make a record's place coarse enough for the public.

    The radius covers the worst rounding error of the grid rather than this one's: a circle that just reached
    the true place would draw it. Always the same grid, so that repeated publishing cannot be averaged.
    """
    coarse = _only(place, ("country", "subdivision"))
    if rule.place == "subdivision":
        return coarse
    if "area" in place:
        coarse["place"] = place["area"]
    if "lat" in place and "lon" in place:
        half_cell = 0.5 * 10**-rule.decimals * _METRES_PER_DEGREE * math.sqrt(2)
        radius_m = max(rule.radius_m, math.ceil((half_cell + place.get("radius_m", 0)) / 100) * 100)
        if radius_m in _RANGES["radius_m"]:
            grid = {name: round(place[name], rule.decimals) for name in ("lat", "lon")}
            coarse |= {**grid, "radius_m": radius_m}
    return coarse


def _for_public(
    record: Mapping[str, Any], rule: Rule, neutral_text: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Derive the values that the public part may choose from."""
    values = {**record}
    if "last_seen" in record:
        values["last_seen"] = coarsen(record["last_seen"], rule)
    if "photos" in record:
        values["photos"] = _photos(record["photos"], now)
    if _companions_part(record, rule) == "public":
        values["companions"] = _companions(record["companions"], now)
    else:
        values.pop("companions", None)
    if rule.photograph_only:
        values = _only(values, _PHOTOGRAPH_FIELDS)
        values["circumstances"] = neutral_text
        values["photos"] = [_only(photo, _PHOTOGRAPH_DETAILS) for photo in values.get("photos", ())]
    return values


def _for_network(record: Mapping[str, Any], rule: Rule, now: datetime) -> dict[str, Any]:
    """Derive the values that the network part may choose from."""
    values = {**record}
    if "last_seen" in record:
        values["last_seen_exact"] = record["last_seen"]
    if rule.birth == "year":
        values["birth"] = edtf_year(record["birth"])
    if _companions_part(record, rule) == "network":
        values["companions"] = _companions(record["companions"], now)
    else:
        values.pop("companions", None)
    return values


def _companions_part(record: Mapping[str, Any], rule: Rule) -> str:
    """Choose the one part that companions go to."""
    if "companions" not in record:
        return "withhold"
    if rule.companions == "public" and ("publication_decision" not in record or rule.photograph_only):
        return "network"
    return rule.companions


def _companions(companions: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    return [
        {**person, "photos": _photos(person["photos"], now)} if "photos" in person else {**person}
        for person in companions
    ]


def _photos(photos: Sequence[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    return [photo for photo in live_photos(photos, now) if "renditions" in photo]


def _only(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


class _SettingsReader:
    """Reads the tables of the policy and gathers every problem."""

    def __init__(self, schemas: Schemas) -> None:
        self.problems: list[str] = []
        self.categories = (*schemas.schema("summary")["$defs"]["Category"]["enum"], DOMESTIC_VIOLENCE)
        self._optional: set[str] = set()
        for kind, parts in (("summary", ("public", "network")), ("supplement", ("police",))):
            for part in parts:
                required = schemas.schema(kind)["properties"][part]["required"]
                self._optional |= set(schemas.fields(kind, part)) - {*required, "companions"}

    def table(self, where: str, found: Any, allowed: Collection[str]) -> Mapping[str, Any]:
        """Read a table whose keys are known."""
        if not isinstance(found, Mapping):
            self._refuse(where, "must be a table")
            return {}
        for key in found.keys() - set(allowed):
            self._refuse(
                f"{where}.{key}", f"is not known; the settings here are {', '.join(sorted(allowed))}"
            )
        return {key: value for key, value in found.items() if key in allowed}

    def rule(self, category: str, settings: Any, base: Rule) -> Rule:
        """Read a rule: what is not set is as in `base`. No category: the general rule."""
        where = f"categories.{category}" if category else ""
        allowed = {"fields", *(attribute.name for attribute in fields(Rule))} - {"withhold"}
        values = dict(self.table(where, settings, allowed))
        withhold = self._withhold(category, f"{where}.fields", values.pop("fields", {}), base.withhold)
        for key, value in list(values.items()):
            if problem := _setting_problem(category, key, value):
                self._refuse(f"{where}.{key}", problem)
                del values[key]
        return replace(base, withhold=withhold, **values)

    def neutral_text(self, found: Any) -> dict[str, Any]:
        """Read a text in one or more languages."""
        if not isinstance(found, Mapping) or not found:
            self._refuse("neutral_text", 'must be a table such as { fr = "..." }')
            return {}
        for lang, text in found.items():
            if not _LANGUAGE.fullmatch(lang) or not isinstance(text, str) or not 1 <= len(text) <= 4000:
                self._refuse(
                    f"neutral_text.{lang}", "must be a text of 1 to 4000 characters under a BCP 47 tag"
                )
        return {lang: {"text": text, "origin": "original"} for lang, text in found.items()}

    def _withhold(self, category: str, where: str, found: Any, base: frozenset[str]) -> frozenset[str]:
        optional = self._optional - (set() if category in NAMELESS else set(_NAMELESS_FIELDS))
        table = self.table(where, found, optional)
        for name, choice in table.items():
            if choice not in ("share", "withhold"):
                self._refuse(f"{where}.{name}", f"must be share or withhold; read {choice!r}")
        return (base | {name for name in table if table[name] == "withhold"}) - {
            name for name in table if table[name] == "share"
        }

    def _refuse(self, where: str, message: str) -> None:
        self.problems.append(f"disclosure.{where.lstrip('.')}: {message}")


def _setting_problem(category: str, key: str, value: Any) -> str | None:
    """Say what is wrong with one setting of a rule."""
    if key in _CHOICES:
        allowed = _CHOICES[key]
        return None if value in allowed else f"must be one of {', '.join(allowed)}; read {value!r}"
    if key in _RANGES:
        span = _RANGES[key]
        ok = type(value) is int and value in span
        return None if ok else f"must be a whole number from {span[0]} to {span[-1]}; read {value!r}"
    if not isinstance(value, bool):
        return f"must be true or false; read {value!r}"
    if value and category not in NAMELESS:
        return (
            f"is possible for {' and '.join(sorted(NAMELESS))} only: others need a name, a date and a place"
        )
    return None
