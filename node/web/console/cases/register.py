"""The register of own cases: the list, a case, what it was before, its photographs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response as BaseResponse

from node.domain.lifecycle import UNDO_WINDOW, can_undo
from node.domain.permissions import Permission
from node.errors import InvalidInput
from node.services.disclosure import gate
from node.services.moving import handover
from node.services.people import turns
from node.services.register import cases as register
from node.services.register import drafts, history, listing
from node.services.search import finding
from node.store.register import handovers
from node.store.register.cases import DRAFT, ERASED, PUBLISHED, STATUSES, WITHDRAWN, CaseFile
from node.web.cases.maps import map_of
from node.web.cases.text import describe_briefly, describe_public, pictures_of
from node.web.cases.words import CATEGORIES
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, person, this_node
from node.web.console.base.paging import PAGE_SIZE, Page, page_number
from node.web.console.cases.drafts import draft_name
from node.web.console.cases.own_fields import describe_field, name_field
from node.web.console.cases.sections import EVERY_SECTION
from node.web.console.cases.whole import describe_whole
from node.web.languages import show_day

STATUS_NAMES: Mapping[str, Any] = MappingProxyType(
    {
        DRAFT: lazy_gettext("Not published"),
        PUBLISHED: lazy_gettext("Published"),
        WITHDRAWN: lazy_gettext("Withdrawn"),
        ERASED: lazy_gettext("Erased"),
    }
)
STATUS_KINDS: Mapping[str, str] = MappingProxyType(
    {DRAFT: "warning", PUBLISHED: "good", WITHDRAWN: "neutral", ERASED: "bad"}
)
_AUDIENCES: Mapping[str, Any] = MappingProxyType(
    {"network": lazy_gettext("The public and other members"), "police": lazy_gettext("Police alone")}
)
_HANDOVER: Mapping[str, tuple[Any, str, Any]] = MappingProxyType(
    {
        handovers.OFFERED: (
            lazy_gettext("Offered, waiting"),
            "warning",
            lazy_gettext("Offered to %(member)s; the case does not change until they answer."),
        ),
        handovers.ACCEPTED: (
            lazy_gettext("Accepted"),
            "warning",
            lazy_gettext("%(member)s has accepted it and is about to publish it."),
        ),
        handovers.DONE: (
            lazy_gettext("Handed over"),
            "good",
            lazy_gettext("Handed over to %(member)s."),
        ),
        handovers.DECLINED: (
            lazy_gettext("Declined"),
            "bad",
            lazy_gettext("%(member)s did not take it."),
        ),
        handovers.CANCELLED: (
            lazy_gettext("Taken back"),
            "neutral",
            lazy_gettext("The offer to %(member)s was taken back."),
        ),
        handovers.LAPSED: (
            lazy_gettext("No answer"),
            "bad",
            lazy_gettext("%(member)s did not answer in time."),
        ),
    }
)
_SHOWN_ELSEWHERE = frozenset({"photos"})

pages = Blueprint("cases", __name__)


@pages.route("/cases")
@needs(Permission.SEE_CASES)
def index() -> str:
    """List own cases, the most recently changed first, and what its reader has not finished."""
    asked = narrowed(request.args)
    conditions: dict[str, Any] = {
        "status": asked.get("status"),
        "category": asked.get("category"),
        "review_by": this_node().clock().date() if "review" in asked else None,
    }
    wanted = request.args.get("page", "")
    offset = (page_number(wanted, _MOST) - 1) * PAGE_SIZE
    found, total = listing.list_register(this_node(), PAGE_SIZE, offset, actor(), **conditions)
    return _list(Page(_rows(found), page_number(wanted, total), total), asked)


_MOST = 1_000_000

FILTERS, WORDS = ("status", "category", "review"), ("name", "text")
"""What the register is narrowed by: what may stand in an address, and what may not."""


def narrowed(asked: Mapping[str, str]) -> dict[str, str]:
    """Choose from what is asked the filters that there are."""
    known = {"status": STATUSES, "category": CATEGORIES, "review": ("1",)}
    return {name: asked[name] for name in FILTERS if asked.get(name) in known[name]}


def address_of_register(asked: Mapping[str, str]) -> str:
    """Return the address of the register with the filters of what is asked."""
    filters: dict[str, Any] = narrowed(asked)
    return url_for("cases.index", **filters)


def say_narrowed(asked: Mapping[str, str]) -> list[tuple[Any, Any]]:
    """Say what the register is narrowed by, names and words as well."""
    labels = {
        "status": _("State"),
        "category": _("Category"),
        "review": _("Review"),
        "name": _("Name"),
        "text": _("Words of the case"),
    }
    said = {**STATUS_NAMES, **CATEGORIES} | {"1": _("Review is due")}
    return [
        (labels[name], value if name in WORDS else said.get(value, value))
        for name, value in asked.items()
        if name in labels
    ]


@pages.route("/cases/find", methods=["GET", "POST"])
@needs(Permission.SEE_CASES)
def find() -> BaseResponse | str:
    """Find own cases by a name or by words, which stand in no address."""
    name, text = (request.form.get(field, "").strip() for field in WORDS)
    if not (Form().validate_on_submit() and (name or text)):
        return redirect(url_for(".index"), 303)
    return show_found(name, text)


def show_found(name: str, text: str) -> BaseResponse | str:
    """Show the own cases that a name or words find."""
    turns.take_search(this_node(), person())
    try:
        found, total = listing.find_own(this_node(), name, text, actor())
    except InvalidInput:
        flash(_("That is too long to look for. Use a few words."), "error")
        return redirect(url_for("cases.index"), 303)
    if total > len(found):
        flash(_("Only the first are shown. Type more of the name to find fewer."), "warning")
    asked = {field: value for field, value in zip(WORDS, (name, text), strict=True) if value}
    return _list(Page(_rows(found), 1, len(found), listing.MAX_FOUND), asked)


@pages.route("/cases/<opaque>")
@needs(Permission.SEE_CASES)
def show(opaque: str) -> str:
    """Show an own case: what is known, and how it stands in the network."""
    node, case_id = this_node(), case_id_of(opaque)
    case = register.get_case(node, case_id)
    held = register.holdings(node, case_id) if person().may(Permission.SEE_FEDERATION) else []
    if case.status == ERASED:
        return render_template("cases/erased.html", case=case, holdings=held, audiences=_AUDIENCES)
    finding.open_case(node, case_id, actor())  # in the journal before anything is shown
    (standing,) = register.standing_of(node, [case])
    came, went = handover.way_of(node, case_id)
    text = describe_public(case.record)
    return render_template(
        "cases/case.html",
        case=case,
        opaque=opaque,
        text=text,
        sections=describe_sections(case.record),
        photographs=pictures_of(case.record, node.clock().date()),
        map=map_of(case.record.get("last_seen")),
        standing=standing,
        notices=[(NOTICES[notice.kind], notice.due) for notice in standing.notices],
        holdings=held,
        waiting=next(iter(gate.list_requests(node, case_id=case_id, limit=1)), None),
        excluded=register.excluded_members(node, case_id),
        came=came,
        went=_say_way(went) if went else None,
        going=went is not None and went.state in handovers.GIVING_OPEN,
        undo_until=case.withdrawn_at + UNDO_WINDOW
        if case.withdrawn_at and can_undo(case.withdrawn_at, node.clock()) and not _is_given(went)
        else None,
        status_names=STATUS_NAMES,
        status_kinds=STATUS_KINDS,
        audiences=_AUDIENCES,
    )


@pages.route("/cases/<opaque>/history")
@needs(Permission.SEE_CASES)
def changes(opaque: str) -> str:
    """Show who changed which fields when, the old value beside the new."""
    found = history.history_of(this_node(), case_id_of(opaque), actor())
    page = Page.cut(found, request.args.get("page", ""), 10)
    rows = [
        (
            change,
            [
                (_label(name), describe_whole(name, before), describe_whole(name, after))
                for name, (before, after) in change.fields.items()
            ],
        )
        for change in page.items
    ]
    return render_template("cases/history.html", page=page, rows=rows, opaque=opaque)


def case_id_of(opaque: str) -> str:
    """Return the id of an own case by what stands in addresses."""
    return f"{this_node().member}/{opaque}"


def open_name(opaque: str, *besides: str) -> str:
    """Return how a page calls the child of an own case; that its reader is told so is in the journal.

    Args:
        besides: fields that the page shows, too.
    """
    case = register.open_fields(this_node(), case_id_of(opaque), actor(), ["names", *besides])
    return describe_briefly(case.record).title


def _list(page: "Page[Any]", asked: Mapping[str, str]) -> str:
    unfinished = []
    if person().may(Permission.WRITE_CASES):
        unfinished = [(draft, draft_name(draft)) for draft in drafts.list_drafts(this_node(), person())]
    return render_template(
        "cases/register.html",
        form=Form(),
        page=page,
        unfinished=unfinished,
        asked=asked,
        categories=CATEGORIES,
        status_names=STATUS_NAMES,
        status_kinds=STATUS_KINDS,
    )


def _rows(found: Sequence[CaseFile]) -> list[tuple[CaseFile, Any, str]]:
    return [(case, describe_briefly(case.record), _review(case.record)) for case in found]


def _review(record: Mapping[str, Any]) -> str:
    text = str(record.get("review_due", ""))[:10]
    try:
        return show_day(date.fromisoformat(text))
    except ValueError:
        return text


NOTICES: Mapping[str, Any] = MappingProxyType(
    {
        "expiry": lazy_gettext("The published case expires. Renew or withdraw it."),
        "adulthood": lazy_gettext("The child may turn 18. Decide whether the case stays public."),
        "photo": lazy_gettext("A photograph expires. Replace it."),
        "photo_age": lazy_gettext("The newest photograph is old. Ask for a newer one."),
        "risk": lazy_gettext("Assess the risk anew."),
        "long_term": lazy_gettext("The child stays missing. Assess the risk anew."),
        "review": lazy_gettext("Look at the case again."),
        "purge": lazy_gettext("The record goes."),
    }
)
"""What the owner of a case has to do, by the kind of a notice."""


def describe_sections(record: Mapping[str, Any]) -> list[tuple[Any, list[Any]]]:
    """Cut a record into the sections of the form, and what has no place there into a last one."""
    shown = []
    left = dict(record)
    for section in EVERY_SECTION:
        names = [item.name for item in section.items if item.name in left]
        facts = [fact for name in names for fact in describe_field(name, left.pop(name))]
        shown.append((section, facts))
    rest = [
        fact for name in left if name not in _SHOWN_ELSEWHERE for fact in describe_field(name, left[name])
    ]
    return [(section.label, facts) for section, facts in shown if facts] + (
        [(_("Everything else"), rest)] if rest else []
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """How a case is going to another member, as it is shown.

    Attributes:
        kind: of the badge.
        reason: that the other side gave.
        until: when the offer ends.
    """

    state: Any
    kind: str
    text: str
    reason: str
    until: datetime | None


def _say_way(went: handovers.Handover) -> _Way:
    state, kind, text = _HANDOVER[went.state]
    reason = went.reason if went.state == handovers.DECLINED else ""
    until = went.expires_at if went.state == handovers.OFFERED else None
    return _Way(state, kind, str(text) % {"member": went.member}, reason, until)


def _label(name: str) -> Any:
    if name == "photos":
        return _("Photographs")
    return name_field(name)


def _is_given(went: handovers.Handover | None) -> bool:
    return went is not None and went.state in handovers.GIVEN


def read_revision(text: Any) -> int:
    """Read a whole number that a form carries; -1 where somebody put something else there."""
    text = str(text or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
