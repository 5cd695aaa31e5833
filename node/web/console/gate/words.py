"""The gate in the reader's language: its questions and answers, what is found, and what would leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from node.domain.changes import ADDED, CHANGED, REMOVED, SAME, FieldChange
from node.domain.gate import Finding, find_question
from node.services.disclosure.leaving import Preview
from node.store.register import gate as store
from node.web.cases.text import show_country
from node.web.cases.words import CODES, FIELDS
from node.web.console.cases.whole import Line, describe_whole, picture_forms

STATES: Mapping[str, Any] = MappingProxyType(
    {
        store.OPEN: lazy_gettext("Waits for a decision"),
        store.APPROVED: lazy_gettext("Approved and published"),
        store.REFUSED: lazy_gettext("Refused"),
        store.OVERRIDDEN: lazy_gettext("Published without an approval"),
        store.TAKEN_BACK: lazy_gettext("Taken back"),
        store.VOID: lazy_gettext("Ended, because the case is another now"),
    }
)
STATE_KINDS: Mapping[str, str] = MappingProxyType(
    {
        store.OPEN: "warning",
        store.APPROVED: "good",
        store.REFUSED: "bad",
        store.OVERRIDDEN: "warning",
        store.TAKEN_BACK: "neutral",
        store.VOID: "neutral",
    }
)
CHANGES: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        ADDED: (lazy_gettext("New"), "good"),
        CHANGED: (lazy_gettext("Changed"), "warning"),
        REMOVED: (lazy_gettext("Taken away"), "bad"),
        SAME: (lazy_gettext("As it was"), "neutral"),
    }
)
_PARTS: Mapping[str, Any] = MappingProxyType(
    {
        "head": lazy_gettext("Where it may be shown"),
        "public": lazy_gettext("What the public sees"),
        "network": lazy_gettext("What staff of other members see besides"),
        "police": lazy_gettext("What police alone see besides"),
    }
)
_OTHER_FIELDS: Mapping[str, Any] = MappingProxyType(
    {
        "show_in": lazy_gettext("Public sites"),
        "adult_decision": lazy_gettext("Decision about the grown-up"),
        "photos": lazy_gettext("Photographs"),
        "notes": lazy_gettext("Notes of the house"),
        "outcome": lazy_gettext("How it ended"),
        "outcome_date": lazy_gettext("When it ended"),
        "publication_decision": lazy_gettext("Decision to publish"),
    }
)


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One field of what would leave, as a reader sees it.

    Attributes:
        change: one of `CHANGES`.
        before, after: what peers have, and what they would have; all of it.
        photographs: SHA-256 of the smallest and the largest form of each photograph that would leave.
    """

    name: Any
    change: str
    before: Sequence[Line]
    after: Sequence[Line]
    photographs: Sequence[tuple[str, str]]


def show_preview(preview: Preview) -> list[tuple[Any, list[ShownChange]]]:
    """Give each part of what would leave under its heading, field by field."""
    parts: dict[str, list[ShownChange]] = {}
    for change in preview.fields:
        parts.setdefault(change.part, []).append(_shown(change))
    return [(_PARTS[name], changes) for name, changes in parts.items()]


def field_name(name: str) -> str:
    """Return the name of a field of a case."""
    return str(FIELDS.get(name) or _OTHER_FIELDS.get(name) or name)


def say_finding(found: Finding) -> str:
    """Say what was found of the answers."""
    return str(_(found.template, about=_list(map(_about, found.about))))


def say_answer(question: str, answer: Any) -> str:
    """Say an answer as the form does."""
    match question, answer:
        case "where", "all":
            return str(_("in every country"))
        case "where", []:
            return str(_("in none"))
        case "where", _countries:
            return _list(map(show_country, answer))
        case "channels", _names:
            return _list(_meaning(question, name) for name in answer) or str(_("through none"))
        case "note", _text:
            return str(answer)
    return _meaning(question, answer)


def _meaning(question: str, answer: str) -> str:
    """Say an answer that can be chosen."""
    return str(_(find_question(question).allowed[answer]))


def _shown(change: FieldChange) -> ShownChange:
    return ShownChange(
        field_name(change.field),
        change.change,
        describe_whole(change.field, change.before),
        describe_whole(change.field, change.after),
        picture_forms(change.after),
    )


def _about(name: str) -> str:
    """Say a code of the terms, or a field as `part.field`."""
    part, dot, field = name.partition(".")
    if dot:
        return field_name(field)
    return _meaning("basis", name) if name in find_question("basis").allowed else str(CODES.get(part, part))


def _list(texts: Any) -> str:
    return str(_(", ")).join(texts)
