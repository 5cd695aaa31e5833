"""The fields of an own case for its people: those that others see, and those that never leave the house."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _

from node.web.cases.text import Fact, Said, describe_part, show_country, show_date
from node.web.cases.words import FIELDS

OUTCOMES: Mapping[str, Any] = MappingProxyType(
    {
        "recovered_safe": _("The child was found, safe"),
        "recovered_injured": _("The child was found, hurt"),
        "recovered_deceased": _("The child was found dead"),
        "reported_in_error": _("It was reported in error"),
        "other": _("Something else"),
    }
)

_OWN: Mapping[str, Any] = MappingProxyType(
    {
        "notes": _("Notes of the house"),
        "outcome": _("How it ended"),
        "outcome_date": _("When it ended"),
        "show_in": _("Shown to the public in"),
        "adult_decision": _("Decision after the 18th birthday"),
        "publication_decision": _("Decision to publish companions"),
    }
)


def name_field(name: str) -> Any:
    """Return what a field is called."""
    return _OWN.get(name) or FIELDS.get(name, name)


def describe_field(name: str, value: Any) -> list[Fact]:
    """Describe one field of a record; nothing where it has no value."""
    if value is None:
        return []
    if name not in _OWN:
        return describe_part({name: value})
    return [Fact(str(_OWN[name]), [Said(_say(name, value))])]


def _say(name: str, value: Any) -> str:
    if name == "outcome":
        return str(OUTCOMES.get(value, value))
    if name == "outcome_date":
        return show_date(value)
    if name == "show_in" and isinstance(value, list):
        return ", ".join(map(show_country, value)) or "–"
    if isinstance(value, Mapping):
        return f"{show_date(value['decided_on'])} · {value['by_role'].replace('_', ' ')} · {value['reason']}"
    return str(value)
