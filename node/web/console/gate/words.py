"""The gate in the reader's language: its questions and answers, what is found, and what would leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from node.domain.changes import ADDED, CHANGED, REMOVED, SAME, FieldChange
from node.domain.gate import OPEN, Finding
from node.services.register.leaving import Preview
from node.store import gate as store
from node.web.console.cases.text import show_country
from node.web.console.cases.whole import Line, describe_whole, picture_forms
from node.web.console.cases.words import CODES, FIELDS

QUESTION_TEXTS: Mapping[str, Any] = MappingProxyType(
    {
        "basis": lazy_gettext("On what consent or legal basis is the case shared?"),
        "risk": lazy_gettext("How high is the risk to the child, as the record assesses it?"),
        "publicity": lazy_gettext("Does publicity add to the risk?"),
        "privacy": lazy_gettext(
            "Do texts and photographs tell more of the child or of others than the search needs?"
        ),
        "wording": lazy_gettext("What do the public texts say?"),
        "where": lazy_gettext("In which countries may public sites show it?"),
        "channels": lazy_gettext("Through which channels?"),
        "closing": lazy_gettext("How will it be closed?"),
        "note": lazy_gettext("What should the approver know? Without names."),
    }
)
ANSWER_TEXTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "basis": {
            "parental": lazy_gettext("consent of a parent or guardian"),
            "court": lazy_gettext("an order of a court"),
            "le_duty": lazy_gettext("a duty of law enforcement"),
            "vital_interest": lazy_gettext("the vital interest of the child"),
            "none": lazy_gettext("there is none: nothing may leave"),
        },
        "risk": {
            "no_apparent": lazy_gettext("no apparent risk"),
            "low": lazy_gettext("low"),
            "medium": lazy_gettext("medium"),
            "high": lazy_gettext("high"),
        },
        "publicity": {
            "no": lazy_gettext("it does not"),
            "possible": lazy_gettext("it may: shown all the same, with care"),
            "yes": lazy_gettext("it does: no public site shows the case"),
        },
        "privacy": {
            "clean": lazy_gettext("they do not"),
            "needed": lazy_gettext("they do, and the search needs it"),
            OPEN: lazy_gettext("not looked at yet: nothing may leave"),
        },
        "wording": {
            "neutral": lazy_gettext("nothing that only those involved can know"),
            "agreed": lazy_gettext("such details, agreed with the investigators"),
            OPEN: lazy_gettext("not agreed yet: nothing may leave"),
        },
        "channels": {
            "public": lazy_gettext("members' public sites"),
            "poster": lazy_gettext("posters"),
            "alert": lazy_gettext("alerts"),
            "media": lazy_gettext("press and broadcasters"),
        },
        "closing": {
            "on_return": lazy_gettext("by the duty officer, the hour the child is found"),
            "on_review": lazy_gettext("at its review, unless it is renewed"),
            "on_order": lazy_gettext("when the order or consent that it rests on ends"),
            OPEN: lazy_gettext("not settled yet: nothing may leave"),
        },
    }
)
FINDINGS: Mapping[str, Any] = MappingProxyType(
    {
        "no_basis": lazy_gettext("Without a consent or legal basis nothing may leave the house."),
        "other_basis": lazy_gettext("The record says: %(about)s. Correct the one or the other."),
        "withdrawn": lazy_gettext("The consent in the record was withdrawn: withdraw the case."),
        "network_not_covered": lazy_gettext(
            "What the consent covers, in the record, does not include the network."
        ),
        "other_level": lazy_gettext(
            "The record assesses the risk as: %(about)s. Assess it anew, or answer so."
        ),
        "may_drive_away": lazy_gettext(
            "Publicity can drive a parent into hiding, or lead a violent person to the child: ask the "
            "investigators before you approve."
        ),
        "may_be_seen": lazy_gettext("Somebody may hold the child and see that it is looked for: weigh it."),
        "may_add_risk": lazy_gettext("Publicity may add to the risk: weigh it."),
        "privacy_open": lazy_gettext("Nobody has looked whether texts and photographs tell too much."),
        "wording_open": lazy_gettext("What the public texts say is not agreed."),
        "closing_open": lazy_gettext("How the case will be closed is not settled."),
        "tells_more": lazy_gettext("It tells more of people than usual: read every text."),
        "tells_details": lazy_gettext("It has details that only those involved can know."),
        "machine_text": lazy_gettext("Some texts were translated by a program and not reviewed."),
        "no_channel": lazy_gettext("No public site may show the case, so there is no channel."),
        "not_covered": lazy_gettext("What the consent covers, in the record, does not include: %(about)s."),
        "no_photograph": lazy_gettext("There is no photograph for: %(about)s."),
        "unaccompanied": lazy_gettext("Of unaccompanied children as little as possible is made public."),
        "more_than_rules": lazy_gettext(
            "More leaves than the network's rules let out of such a case: %(about)s."
        ),
        "companions": lazy_gettext("People who are believed to be with the child are shown to all."),
    }
)
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
    return str(FINDINGS[found.name]) % {"about": _list(map(_about, found.about))}


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
            return _list(str(ANSWER_TEXTS[question][name]) for name in answer) or str(_("through none"))
        case "note", _text:
            return str(answer)
    return str(ANSWER_TEXTS[question][answer])


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
    return field_name(field) if dot else str(ANSWER_TEXTS["basis"].get(name) or CODES.get(part, part))


def _list(texts: Any) -> str:
    return str(_(", ")).join(texts)
