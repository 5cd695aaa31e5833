"""The words of importing a spreadsheet: fields that a column can be, states, and what is wrong with a row."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from node.domain.spreadsheets.columns import TARGETS, Target
from node.domain.spreadsheets.conversion import CellProblem
from node.services.spreadsheets.intake import Import
from node.services.spreadsheets.words import column_name, problem_sentence
from node.store.register import imports
from node.web.cases.words import CODES, FIELDS, SEXES
from node.web.languages import isolated

_MORE_LABELS: Mapping[str, Any] = MappingProxyType(
    {
        "names.full": _("Whole name, as it is written"),
        "names.given": _("Given name"),
        "names.family": _("Family name"),
        "names.alias": _("Another name"),
        "age": FIELDS["age_at_disappearance"],
        "last_seen.country": _("Country where last seen"),
        "last_seen.subdivision": _("Province or state"),
        "last_seen.area": _("Area for the public"),
        "last_seen.place": _("Exact place"),
        "last_seen.lat": _("Latitude"),
        "last_seen.lon": _("Longitude"),
        "eyes.colour": _("Colour of the eyes"),
        "hair.colour": _("Colour of the hair"),
        "hair.length": _("Length of the hair"),
        "notes": _("Notes of the house"),
        "contacts.kind": _("Whom to tell: kind"),
        "contacts.value": _("Whom to tell: telephone or web address"),
        "authority.name": FIELDS["authority"],
        "authority.kind": _("Body in charge: kind"),
        "consent.basis": FIELDS["consent"],
        "consent.given_by_role": _("Legal basis: given by"),
        "consent.scope": _("Legal basis: what it covers"),
        "consent.date": _("Legal basis: date"),
        "risk.level": FIELDS["risk"],
        "risk.assessed_at": _("Risk: assessed on"),
        "risk.assessed_by_role": _("Risk: assessed by"),
    }
)
LABELS: Mapping[str, Any] = MappingProxyType(
    {name: _MORE_LABELS.get(name) or FIELDS[name] for name in TARGETS}
)
"""What each field is called."""

HINTS: Mapping[str, Any] = MappingProxyType(
    {
        "birth": _("Like 2026-11-02"),
        "missing": _("Like 2026-11-02"),
        "day": _("Like 2026-11-02"),
        "moment": _("Like 2026-11-02"),
        "phone": _("Like +33144556677 or https://…"),
        "role": _("The role, such as duty officer. No names of people."),
        "country": _("Name or code, such as BR"),
    }
)
"""How a value for all rows is written, by the kind of its field."""

STATES: Mapping[str, Any] = MappingProxyType(
    {
        imports.MAPPING: _("To be mapped"),
        imports.CHECKING: _("The rows are being tried"),
        imports.CHECKED: _("Tried; nothing is in the register yet"),
        imports.IMPORTING: _("Being put into the register"),
        imports.DONE: _("Imported"),
        imports.UNDOING: _("Being undone"),
        imports.UNDONE: _("Undone"),
        imports.FAILED: _("Stopped"),
    }
)

ROWS: Mapping[str, Any] = MappingProxyType(
    {
        imports.WRONG: _("Wrong: to be mended"),
        imports.HERE: _("In the register already"),
        imports.GOOD: _("Good: would become cases"),
        imports.MADE: _("Put into the register"),
        imports.CHANGED: _("Cases that were changed"),
        imports.KEPT: _("Not undone: published or changed meanwhile"),
    }
)
"""What rows are."""

ENCODINGS: Mapping[str, Any] = MappingProxyType(
    {
        "utf-8": "UTF-8",
        "utf-16": "UTF-16",
        "windows-1252": _("Windows, Western Europe (1252)"),
        "windows-1251": _("Windows, Cyrillic (1251)"),
        "windows-1256": _("Windows, Arabic (1256)"),
    }
)
DELIMITERS: Mapping[str, Any] = MappingProxyType({",": _("Comma"), ";": _("Semicolon"), "\t": _("Tab")})
DATES: Mapping[str, Any] = MappingProxyType(
    {"dmy": _("Day first: 31/12/2014"), "mdy": _("Month first: 12/31/2014")}
)
UNITS: Mapping[str, Any] = MappingProxyType(
    {
        "cm": _("centimetres"),
        "m": _("metres"),
        "in": _("inches"),
        "ft": _("feet"),
        "kg": _("kilograms"),
        "lb": _("pounds"),
    }
)


def say_problem(found: Import, problem: CellProblem) -> str:
    """Say what is wrong with a row, with the column that it stands in."""
    label = LABELS.get(problem.target) or FIELDS.get(problem.target) or problem.target
    text = gettext(problem_sentence(problem))
    if problem.column < 0:
        return f"{label}: {text}"
    header = isolated(column_name(found, problem.column))
    return str(gettext("%(field)s (column %(column)s): %(text)s", field=label, column=header, text=text))


def codes_of(target: Target) -> list[tuple[str, Any]]:
    """Return the codes of a field with their names."""
    if target.name == "sex":
        return [(code, SEXES[int(code)]) for code in target.codes]
    return [(code, CODES[code]) for code in target.codes]
