"""The form of a case, as data: its sections and their fields, made from schemas/case.v1.json; how each is
written, and what is said where it cannot be read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from flask_babel import lazy_gettext as _

from node.web.cases.words import CODES, FIELDS, SEXES

_IN_WORDS = _("In words")
_DATE_HINT = _(
    "Like 2014-03-05. Not sure? 2014-03 is some day in March, 2014~ is about 2014, 2013/2015 is in between."
)
_MOMENT_HINT = _("Day, then time if it is known: 2026-11-02 17:30")
_DAY_HINT = _("Like 2026-11-02")
_ROLE_HINT = _("The role, such as duty officer. No names of people.")
_LANGUAGE_HINT = _("Name or code, such as pt")
_COUNTRY_HINT = _("Name or code, such as BR")
_FOR_STAFF = _("For staff of other members.")
_STAYS_HERE = _("It never leaves the house.")
_LIST_HINT = _("Names or codes, with commas between them.")

WRONG: Mapping[str, Any] = MappingProxyType(
    {
        "date": _("Write a date like 2014-03-05, 2014-03, 2014~ or 2013/2015."),
        "missing": _("Write a date like 2014-03-05, or a day and a time like 2026-11-02 17:30."),
        "moment": _("Write a day and a time like 2026-11-02 17:30, or a day alone."),
        "day": _("Write a day like 2026-11-02."),
        "country": _("Write the name of a country, or its code of two letters."),
        "countries": _("Write names of countries or their codes, with commas between them."),
        "language": _("Write the name of a language, or its code."),
        "languages": _("Write names of languages or their codes, with commas between them."),
        "script": _("Write the name of a script, such as Latin or Arabic, or its code of four letters."),
        "number": _("Write a number within what is possible."),
        "role": _("Write a role in Latin letters, such as duty officer."),
        "where": _(
            "Write names of countries or their codes with commas between them, or a dash for nowhere."
        ),
        "case": _("Write the whole id of the case: its member, a slash, and 26 letters and digits."),
        "phone": _("Write a telephone number like +33144556677, or an address that begins with https://"),
    }
)
"""What is said of a field of a kind that cannot be read."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field that is typed or chosen.

    Attributes:
        kind: "line", "text", "choice", "ticks", or one of those that are written in a certain way (`WRONG`).
        idle: a choice with a value from the start, which by itself fills nothing in.
    """

    name: str
    label: Any
    kind: str = "line"
    hint: Any = ""
    codes: Sequence[str] = ()
    idle: bool = False

    def choices(self) -> Iterator[tuple[str, Any]]:
        """Give each code with its name."""
        for code in self.codes:
            yield code, SEXES[int(code)] if self.kind == "sex" else _NAMES.get(code) or CODES[code]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together.

    Attributes:
        fixed: what is always in it.
        span: whether one of two bounds stands for both.
    """

    name: str
    label: Any
    fields: Sequence["Item"]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    span: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Groups of fields of which there may be several.

    Attributes:
        texts: whether it is one text in several languages.
    """

    name: str
    label: Any
    fields: Sequence["Item"]
    most: int = 20
    hint: Any = ""
    texts: bool = False


Item: TypeAlias = Leaf | Group | Rows


@dataclass(frozen=True, slots=True)
class Section:
    """One page of the form."""

    key: str
    label: Any
    items: Sequence[Item]


_NAMES: Mapping[str, Any] = MappingProxyType(
    {
        "original": _("as it was said"),
        "human": _("translated by a person"),
        "machine": _("translated by a program"),
        "year": _("years"),
        "month": _("months"),
        "birth": _("name at birth"),
        "network": _("staff of other members"),
        "police": _("Police"),
        "hotline": _("Hotline"),
        "web": _("Web page"),
    }
)


def _texts(name: str, label: Any, hint: Any = "") -> Rows:
    languages = (
        Leaf("lang", _("Language"), "language", _LANGUAGE_HINT),
        Leaf("text", _("Text"), "text"),
        Leaf(
            "origin", _("Where the text is from"), "choice", codes=("original", "human", "machine"), idle=True
        ),
    )
    return Rows(name, label, languages, 20, hint, texts=True)


def _leaf(name: str, kind: str = "line", hint: Any = "", codes: str = "", *, idle: bool = False) -> Leaf:
    return Leaf(name, FIELDS[name], kind, hint, tuple(codes.split()), idle)


def _coded(name: str, codes: str) -> Group:
    fields = (Leaf("codes", _("In short"), "ticks", codes=tuple(codes.split())), _texts("text", _IN_WORDS))
    return Group(name, FIELDS[name], fields)


def _span(name: str, unit: str) -> Group:
    fields = (Leaf("min", _("At least"), "number"), Leaf("max", _("At most"), "number"))
    measured = Leaf("measured_on", _("Measured on"), "date", _DATE_HINT)
    label = _("Height in centimetres") if name == "height" else _("Weight in kilograms")
    return Group(name, label, (*fields, measured), {"unit": unit}, span=True)


def _age(name: str) -> Group:
    fields = (
        Leaf("min", _("At least"), "number"),
        Leaf("max", _("At most"), "number", _("Leave it empty if the age is known exactly.")),
        Leaf("unit", _("Counted in"), "choice", codes=("year", "month"), idle=True),
    )
    return Group(name, FIELDS[name], fields, span=True)


def _names(most: int) -> Rows:
    fields = (
        Leaf("full", _("Whole name, as it is written"), "name"),
        _leaf("kind", "choice", codes="legal birth alias nickname", idle=True),
        Leaf("lang", _("Language"), "language", _LANGUAGE_HINT),
        Leaf("script", _("Script"), "script"),
        Leaf("given", _("Given name")),
        Leaf("family", _("Family name")),
        _leaf("order", "choice", codes="given_first family_first"),
        Leaf(
            "transliteration_of",
            _("Written in other letters, it is"),
            hint=_("The name that this one spells, exactly as it stands above."),
        ),
        Leaf("system", _("Spelled by"), hint=_("Such as passport or ISO 9")),
    )
    return Rows("names", FIELDS["names"], fields, most, _("The most used name first."))


def _destinations() -> Rows:
    fields = (
        _COUNTRY,
        _texts("region", FIELDS["region"]),
        _leaf("confidence", "choice", codes="low medium high"),
    )
    return Rows("destinations", FIELDS["destinations"], fields)


def _decision(name: str, label: Any, hint: Any) -> Group:
    fields = (
        Leaf("decided_on", _("Decided on"), "day", _DAY_HINT),
        Leaf("by_role", _("Decided by"), "role", _ROLE_HINT),
        Leaf("reason", _("Why"), hint=hint),
    )
    return Group(name, label, fields)


_SEX = Leaf("sex", FIELDS["sex"], "sex", codes=("2", "1", "0", "9"))
_COUNTRY = _leaf("country", "country", _COUNTRY_HINT)
_SUBDIVISION = Leaf("subdivision", _("Province or state"), hint=_("Code, such as BR-SP"))

SECTIONS: Sequence[Section] = (
    Section(
        "child",
        _("The child"),
        (
            _names(20),
            _SEX,
            _age("age_at_disappearance"),
            _leaf("birth", "date", _DATE_HINT),
            Group(
                "birth_place",
                FIELDS["birth_place"],
                (
                    _COUNTRY,
                    _SUBDIVISION,
                    _texts("place", _("Town or place"), _FOR_STAFF),
                ),
            ),
            _leaf("nationalities", "countries", _LIST_HINT),
            _leaf("languages_spoken", "languages", _LIST_HINT),
        ),
    ),
    Section(
        "disappearance",
        _("What happened"),
        (
            _leaf(
                "category",
                "choice",
                codes="runaway family_abduction nonfamily_abduction lost_injured_otherwise "
                "unaccompanied_migrant thrown_out catastrophe unidentified_found unknown",
            ),
            _leaf(
                "missing_since",
                "missing",
                _("Day and time like 2026-11-02 17:30, or a date: 2026-11-02, 2026-11~"),
            ),
            Group(
                "last_seen",
                FIELDS["last_seen"],
                (
                    _COUNTRY,
                    _SUBDIVISION,
                    _texts("area", _("Area for the public"), _("A town or district, never an address.")),
                    _texts("place", _("Exact place"), _FOR_STAFF),
                    Leaf("lat", _("Latitude"), "number", _("Like -23.55")),
                    Leaf("lon", _("Longitude"), "number", _("Like -46.63")),
                    Leaf("radius_m", _("Somewhere within so many metres"), "number"),
                ),
            ),
            _texts("circumstances", FIELDS["circumstances"], _("In words for the public.")),
        ),
    ),
    Section(
        "description",
        _("Description"),
        (
            _span("height", "cm"),
            _span("weight", "kg"),
            Group(
                "hair",
                FIELDS["hair"],
                (
                    _leaf(
                        "colour",
                        "choice",
                        codes="black blond blue brown grey green orange purple pink red sandy white "
                        "multicoloured unknown",
                    ),
                    _leaf("length", "choice", codes="bald shaved short medium long"),
                    _leaf(
                        "style",
                        "choice",
                        codes="straight wavy curly coily braided locs tied covered other",
                    ),
                    _texts("text", _IN_WORDS),
                ),
            ),
            Group(
                "eyes",
                FIELDS["eyes"],
                (
                    _leaf(
                        "colour",
                        "choice",
                        codes="black blue brown grey green hazel maroon multicoloured pink unknown",
                    ),
                    _texts("text", _IN_WORDS),
                ),
            ),
            Group(
                "build",
                FIELDS["build"],
                (
                    Leaf(
                        "value",
                        FIELDS["build"],
                        "choice",
                        codes=("very_thin", "slim", "medium", "muscular", "stocky", "heavy", "unknown"),
                    ),
                    _texts("text", _IN_WORDS),
                ),
            ),
            Group(
                "complexion",
                FIELDS["complexion"],
                (
                    Leaf(
                        "value",
                        FIELDS["complexion"],
                        "choice",
                        codes=(
                            "pale",
                            "light",
                            "medium",
                            "olive",
                            "brown",
                            "dark",
                            "ruddy",
                            "freckled",
                            "unknown",
                        ),
                    ),
                    _texts("text", _IN_WORDS),
                ),
            ),
            Rows(
                "marks",
                FIELDS["marks"],
                (
                    _leaf(
                        "kind",
                        "choice",
                        codes="scar mole birthmark tattoo piercing glasses braces prosthesis other",
                    ),
                    _leaf(
                        "body_part",
                        "choice",
                        codes="head face eye ear nose mouth neck shoulder arm hand chest back abdomen hip "
                        "leg foot other",
                    ),
                    _texts("text", _IN_WORDS),
                ),
                30,
            ),
            _texts("clothing", FIELDS["clothing"]),
        ),
    ),
    Section(
        "others",
        _("People, vehicles, other cases"),
        (
            Rows(
                "companions",
                FIELDS["companions"],
                (
                    _leaf("role", "choice", codes="companion suspected_abductor", idle=True),
                    _leaf(
                        "relation",
                        "choice",
                        codes="mother father step_parent grandparent sibling relative guardian partner "
                        "friend acquaintance stranger other unknown",
                    ),
                    _names(20),
                    _SEX,
                    _age("age"),
                    _texts("description", FIELDS["description"]),
                ),
                10,
            ),
            Rows(
                "vehicles",
                FIELDS["vehicles"],
                (_leaf("make"), _leaf("model"), _leaf("colour"), _leaf("plate"), _COUNTRY),
                10,
            ),
            _destinations(),
            Rows(
                "links",
                FIELDS["links"],
                (
                    _leaf("case", "case", _("Its id, as it stands at the end of its page.")),
                    _leaf("kind", "choice", codes="same_person sibling same_incident"),
                ),
                hint=_("Only cases that other members can see, too."),
            ),
        ),
    ),
    Section(
        "basis",
        _("Contacts and legal basis"),
        (
            Rows(
                "contacts",
                FIELDS["contacts"],
                (
                    _leaf("kind", "choice", codes="police hotline web", idle=True),
                    Leaf(
                        "value", _("Telephone or web address"), "phone", _("Like +33144556677 or https://…")
                    ),
                    _COUNTRY,
                    Leaf("languages", _("Languages answered"), "languages", _LIST_HINT),
                    Leaf("hours", _("Hours"), hint=_("Such as 24/7")),
                ),
            ),
            Group(
                "authority",
                FIELDS["authority"],
                (
                    _texts("name", FIELDS["name"]),
                    _leaf("kind", "choice", codes="police ngo central_authority"),
                    _leaf(
                        "partner_le", hint=_("For an organisation that is not police: the member's domain.")
                    ),
                ),
            ),
            Group(
                "consent",
                FIELDS["consent"],
                (
                    _leaf("basis", "choice", codes="parental court le_duty vital_interest"),
                    _leaf("given_by_role", "role", _ROLE_HINT),
                    _leaf("scope", "ticks", codes="network public photograph poster alert media face_search"),
                    _leaf("date", "day", _DAY_HINT),
                    _leaf("withdrawn_at", "moment", _MOMENT_HINT),
                ),
            ),
            Group(
                "parental",
                FIELDS["parental"],
                (
                    _leaf("hague_states", "countries", _LIST_HINT),
                    _leaf("custody_order", "choice", codes="none applied_for in_force disputed unknown"),
                    _texts("central_authority", FIELDS["central_authority"]),
                ),
            ),
        ),
    ),
    Section(
        "risk",
        _("Risk, and what is for police"),
        (
            Group(
                "risk",
                FIELDS["risk"],
                (
                    _leaf("level", "choice", codes="no_apparent low medium high"),
                    _leaf(
                        "factors",
                        "ticks",
                        codes="young_age medical_need disability self_harm abduction_threat trafficking "
                        "exploitation online_contact domestic_violence substance_use weather "
                        "out_of_character repeatedly_missing conflict_or_disaster border_crossing other",
                    ),
                    _leaf("assessed_at", "moment", _MOMENT_HINT),
                    _leaf("assessed_by_role", "role", _ROLE_HINT),
                    _leaf("next_review", "moment", _MOMENT_HINT),
                ),
            ),
            _coded(
                "medical",
                "daily_medication diabetes epilepsy asthma allergy heart_condition pregnancy mental_health "
                "other",
            ),
            _coded(
                "vulnerabilities",
                "autism intellectual_disability physical_disability sensory_disability non_verbal self_harm "
                "substance_use in_care victim_of_violence other",
            ),
            _coded("custody", "sole joint state_care protection_order travel_ban disputed other"),
            _coded(
                "exploitation",
                "sexual online labour forced_begging forced_crime forced_marriage armed_group trafficking "
                "other",
            ),
            _texts("narrative", FIELDS["narrative"]),
            _leaf("reference"),
            Rows(
                "external_refs",
                FIELDS["external_refs"],
                (
                    _leaf("system", "choice", codes="interpol sis national pfif"),
                    Leaf("value", _("Number there")),
                ),
            ),
        ),
    ),
    Section(
        "showing",
        _("Where it is shown"),
        (
            Leaf(
                "show_in",
                _("Countries whose public may see the case"),
                "where",
                _("Names or codes, with commas between them. Empty: everywhere. A dash: nowhere."),
            ),
            _decision(
                "publication_decision",
                _("Decision of the police to show the people with the child to the public"),
                _STAYS_HERE,
            ),
            _decision(
                "adult_decision",
                _("Decision that the case stays public after the 18th birthday"),
                _STAYS_HERE,
            ),
            Group(
                "alert",
                FIELDS["alert"],
                (
                    _leaf("state", "choice", codes="proposed active cancelled"),
                    _leaf("level", "choice", codes="amber missing_child"),
                    Group(
                        "area",
                        FIELDS["area"],
                        (
                            _leaf("countries", "countries", _LIST_HINT),
                            _texts("text", _("Area in words")),
                        ),
                    ),
                    _leaf("until", "moment", _MOMENT_HINT),
                ),
            ),
        ),
    ),
    Section(
        "keeping",
        _("Reviews and notes"),
        (
            _leaf("review_due", "moment", _MOMENT_HINT),
            _leaf("purge_by", "moment", _MOMENT_HINT),
            Leaf("notes", _("Notes of the house"), "text", _STAYS_HERE),
        ),
    ),
)
"""The form of a child that is missing, page by page."""

PREVENTIVE = Section(
    "preventive",
    _("At risk, not yet missing"),
    (
        Group(
            "at_risk_preventive",
            _("The child, and what is feared"),
            (
                _names(20),
                _SEX,
                _leaf("birth", "date", _DATE_HINT),
                _leaf("nationalities", "countries", _LIST_HINT),
                _destinations(),
                Leaf("until", _("In force until"), "day", _DAY_HINT),
            ),
        ),
    ),
)
"""The one page of a child that is not missing. Such a case needs no other, and only police see it."""

PHOTOGRAPH = Section(
    "photograph",
    _("About the photograph"),
    (
        Leaf("kind", FIELDS["kind"], "choice", codes=("photo", "age_progressed", "composite"), idle=True),
        Leaf("taken", _("Taken or made"), "date", _DATE_HINT),
        Leaf(
            "age_depicted", _("Age that it shows, in years"), "number", _("Of a picture that is drawn older.")
        ),
        _texts(
            "alt",
            _("What it shows"),
            _("For people who cannot see it: face, hair, clothes. Nothing about the case."),
        ),
        Leaf("rights_holder", _("Who has the rights"), hint=_("Such as the family")),
        Leaf("licence", _("Terms on which it may be used")),
        Leaf(
            "allowed_uses",
            _("May be used for"),
            "ticks",
            _("None ticked: whatever the consent covers."),
            ("web", "poster", "alert", "press", "social_media", "face_search"),
        ),
        Leaf("expires_at", _("Last day on which it may be shown"), "day", _DAY_HINT),
    ),
)
"""What is said of a photograph, on a page of its own."""

EVERY_SECTION: Sequence[Section] = (PREVENTIVE, *SECTIONS)

SECTION_OF: Mapping[str, Section] = MappingProxyType(
    {item.name: section for section in (*SECTIONS, PREVENTIVE) for item in section.items}
)
