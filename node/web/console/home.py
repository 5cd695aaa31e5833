"""The first page: what is due today, for whoever looks at it.

A subject adds its items by a function in `SOURCES`: given the node and a person, it returns what that person
should do. It is asked at every visit, so it must be quick.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from node.domain.gate import person_of
from node.domain.lifecycle import UNDO_WINDOW
from node.domain.permissions import Permission
from node.errors import NotAllowed
from node.runtime import Node
from node.services.disclosure import ledger
from node.services.leads import inbox, sending
from node.services.members import membership
from node.services.moving import takeover
from node.services.people import accounts
from node.services.people.sessions import actor_of
from node.services.register import drafts, due, listing
from node.services.register.due import APPROVAL, OVERRIDE
from node.services.site import library
from node.services.standing import standing_of_own
from node.services.witnesses import evidence
from node.store.staff.people import Person
from node.web.console.base.guard import needs, person, this_node
from node.web.console.cases.risk import address_of_due, describe_due
from node.web.languages import show_day
from protocol.endorsement import State

_FEW_CODES = 3
_MOST = 10
_NEAR = timedelta(days=1)
_TASKS_SHOWN = 20
_ROSTER_SOON = timedelta(days=2)  # the coordinator renews it when four days are left

Urgency: TypeAlias = Literal["now", "soon", "later"]

pages = Blueprint("home", __name__)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that somebody should do.

    Attributes:
        text: what, in the reader's language, without personal data of a case.
        address: where it is done.
        urgency: "now" comes first and is said in words, then "soon", then "later".
        by: until when; None where no clock runs.
    """

    text: str
    address: str
    urgency: Urgency = "later"
    by: datetime | None = None


Source = Callable[[Node, Person], Iterator[Due]]


@pages.route("/")
@needs(Permission.USE_CONSOLE)
def today() -> str:
    """Show what is due."""
    return render_template("home.html", items=due_for(this_node(), person()))


def due_for(node: Node, reader: Person) -> list[Due]:
    """Return everything that somebody should do, the most urgent first."""
    order = ("now", "soon", "later")
    items = [item for source in SOURCES for item in source(node, reader)]
    return sorted(
        items, key=lambda item: (order.index(item.urgency), item.by is None, item.by and item.by.timestamp())
    )


def _own_recovery_codes(node: Node, reader: Person) -> Iterator[Due]:
    left = accounts.count_recovery_codes(node, reader)
    if left <= _FEW_CODES:
        text = ngettext(
            "You have %(num)d recovery code left. Make new ones.",
            "You have %(num)d recovery codes left. Make new ones.",
            left,
        )
        yield Due(text, url_for("account.recovery_codes"), "soon")


def _people_never_seen(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.MANAGE_PEOPLE):
        return
    for other in accounts.list_people(node):
        if other.signed_in_at is None and other.disabled_at is None:
            text = _(
                "%(name)s has never signed in. Hand over the password, or disable the account.",
                name=other.name,
            )
            yield Due(text, url_for("people.show", person_id=other.id))


def _unfinished(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.WRITE_CASES):
        return
    for draft in drafts.list_drafts(node, reader, _MOST):
        text = _("Finish the change of a case.") if draft.case_id else _("Finish the new case.")
        yield Due(text, url_for("case_drafts.check", draft_id=draft.id), by=draft.ends_at)


def _undoable(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.END_CASES):
        return
    for case in listing.undoable(node, _MOST):
        opaque = case.case_id.partition("/")[2]
        text = _("Case %(number)s was withdrawn. It can still be undone.", number=opaque[:6])
        by = case.withdrawn_at + UNDO_WINDOW if case.withdrawn_at else None
        yield Due(text, url_for("case_endings.undo", opaque=opaque), by=by)


def _leads_of_nobody(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.WORK_LEADS):
        return
    if number := inbox.count_new(node):
        text = ngettext(
            "%(num)d new lead about our cases waits for somebody.",
            "%(num)d new leads about our cases wait for somebody.",
            number,
        )
        yield Due(text, url_for("leads.index", show="nobody"), "now")


def _own_leads(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.WORK_LEADS):
        return
    if number := inbox.count_new(node, reader.name):
        text = ngettext(
            "%(num)d lead of yours is not decided.", "%(num)d leads of yours are not decided.", number
        )
        yield Due(text, url_for("leads.index", show="mine"), "soon")


def _unread_answers(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.WORK_LEADS):
        return
    if number := sending.count_unread(node):
        text = ngettext(
            "%(num)d lead that we sent has a new answer. Read it.",
            "%(num)d leads that we sent have new answers. Read them.",
            number,
        )
        yield Due(text, url_for("leads.sent"), "soon")


def _own_tasks(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.WORK_LEADS):
        return
    for entry in inbox.list_tasks(node, reader.name, _TASKS_SHOWN):
        near = entry.due_at is not None and entry.due_at <= node.clock() + _NEAR
        address = url_for("leads.show", number=entry.lead_id)
        text = _("Your task of lead %(number)s", number=entry.lead_id)
        yield Due(text, address, "soon" if near else "later", entry.due_at)


def _cases(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.SEE_CASES):
        return
    kinds, decider = _kinds_for(reader), person_of(actor_of(reader))
    today = node.now().date()
    for item in due.list_due(node, kinds=kinds, decider=decider, limit=_MOST):
        text = _(
            "Case %(number)s, %(day)s: %(what)s",
            number=item.case_id.partition("/")[2][:6],
            day=show_day(item.due),
            what=describe_due(item),
        )
        urgency: Urgency = "now" if item.request is not None or item.due < today else "soon"
        yield Due(text, address_of_due(item, reader), urgency, item.at if item.kind == OVERRIDE else None)
    if (more := due.count_due(node, kinds=kinds, decider=decider) - _MOST) > 0:
        text = ngettext("%(num)d more thing is due.", "%(num)d more things are due.", more)
        yield Due(text, url_for("case_risk.index"), "soon")


def _kinds_for(reader: Person) -> list[str]:
    """Return the kinds of what is due that are for a person to do."""
    gate = reader.may(Permission.APPROVE)
    case = reader.may(Permission.WRITE_CASES) or reader.may(Permission.END_CASES)
    return [kind for kind in due.KINDS if (gate if kind in (APPROVAL, OVERRIDE) else case)]


def _offers(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.MOVE_CASES):
        return
    if number := takeover.count_offers(node):
        text = ngettext(
            "%(num)d case is offered to us. Take it over, or decline.",
            "%(num)d cases are offered to us. Take them over, or decline.",
            number,
        )
        yield Due(text, url_for("case_moving.offers"), "soon")


def _federation(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.RUN_FEDERATION):
        return
    try:
        views = membership.list_members(node)
    except NotAllowed:
        text = _("The list of members does not name this member. Call the coordinator.")
        yield Due(text, url_for("federation.index"), "now")
        views = []
    for view in views:
        member = view.member.id
        if view.standing.state is State.ACTIVE and not view.accepted:
            text = _("%(name)s waits to be accepted. Compare its fingerprint by telephone.", name=member)
            yield Due(text, url_for("federation.accept", member_id=member), "soon")
        if view.standing.endorser == node.member and view.standing.warning is not None:
            text = _("Your endorsement of %(name)s ends. Renew it, or tell them.", name=member)
            yield Due(text, url_for("federation.show", member_id=member), "soon", view.standing.until)
    for origin, kept_id in evidence.list_open(node):
        text = _("%(feed)s has shown two faces and is stopped. Call its duty desk.", feed=origin)
        yield Due(text, url_for("evidence.show", evidence_id=kept_id), "now")
    for member in ledger.find_late(node):
        text = _("%(name)s is late with purging what you erased. Call its duty desk.", name=member)
        yield Due(text, url_for("erasures.index"), "soon")


def _network(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.RUN_FEDERATION):
        return
    expires_at, now = node.network().expires_at, node.now()
    if expires_at <= now:
        text = _("The list of members has run out: no new member or key is taken. Call the coordinator.")
        yield Due(text, url_for("federation.index"), "now")
    elif expires_at - now < _ROSTER_SOON:
        text = _("The list of members runs out. Ask the coordinator why it was not renewed.")
        yield Due(text, url_for("federation.index"), "soon", expires_at)
    stands = standing_of_own(node)
    if stands is not None and stands.warning is not None:
        text = _("This member's endorsement ends. Ask the police of your country for a new one.")
        yield Due(text, url_for("federation.index"), "soon", stands.until)


def _library(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.RUN_SITE):
        return
    if number := library.count_due(node):
        text = ngettext(
            "%(num)d document of the library should be looked at again.",
            "%(num)d documents of the library should be looked at again.",
            number,
        )
        yield Due(text, url_for("site_library.index"), "soon")


SOURCES: Sequence[Source] = (
    _cases,
    _leads_of_nobody,
    _own_leads,
    _unread_answers,
    _own_tasks,
    _offers,
    _undoable,
    _unfinished,
    _own_recovery_codes,
    _people_never_seen,
    _federation,
    _network,
    _library,
)
"""Who knows what is due."""
