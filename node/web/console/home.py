"""The first page: what is due today, for whoever looks at it.

A subject adds its items by a function in `SOURCES`: given the node and a person, it returns what that person
should do. It is asked at every visit, so it must be quick.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from node.domain.lifecycle import UNDO_WINDOW
from node.domain.permissions import Permission
from node.runtime import Node
from node.services.leads import inbox
from node.services.people import accounts
from node.services.register import drafts, listing
from node.store.people import Person
from node.web.console.guard import needs, person, this_node

_FEW_CODES = 3
_MOST = 10
_NEAR = timedelta(days=1)
_TASKS_SHOWN = 20

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
    urgency: Literal["now", "soon", "later"] = "later"
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
    for draft in drafts.list_drafts(node, reader)[:_MOST]:
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


def _own_tasks(node: Node, reader: Person) -> Iterator[Due]:
    if not reader.may(Permission.WORK_LEADS):
        return
    for entry in inbox.list_tasks(node, reader.name, _TASKS_SHOWN):
        near = entry.due_at is not None and entry.due_at <= node.clock() + _NEAR
        address = url_for("leads.show", number=entry.lead_id)
        text = _("Your task of lead %(number)s", number=entry.lead_id)
        yield Due(text, address, "soon" if near else "later", entry.due_at)


SOURCES: Sequence[Source] = (
    _leads_of_nobody,
    _own_tasks,
    _undoable,
    _unfinished,
    _own_recovery_codes,
    _people_never_seen,
)
"""Who knows what is due."""
