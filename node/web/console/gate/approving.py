"""The gate: what waits for a second person, and what that person decides.

Guarantees: nobody decides about what they asked for, whatever is sent; a decision is about what was shown,
for the service publishes what was asked for or nothing.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from node.domain.gate import QUESTIONS, person_of
from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput, NotAllowed
from node.services.disclosure import gate
from node.services.people import accounts
from node.services.people.sessions import actor_of
from node.services.search.finding import MAX_PURPOSE, MIN_PURPOSE
from node.store.register.gate import OPEN, OVERRIDDEN, GateRequest
from node.store.register.gate import STATES as EVERY_STATE
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.base.paging import PAGE_SIZE, Page, page_number
from node.web.console.gate.words import (
    CHANGES,
    STATE_KINDS,
    STATES,
    field_name,
    say_answer,
    say_finding,
    show_preview,
)
from node.web.writing import line

pages = Blueprint("gate", __name__)

_REQUEST = "/gate/<int(max=2147483647):request_id>"
_UPHELD, _WRONG = "upheld", "wrong"


class ReasonForm(Form):
    """Why something is decided."""

    reason = StringField(
        lazy_gettext("Why"),
        [
            InputRequired(lazy_gettext("Say why.")),
            Length(MIN_PURPOSE, MAX_PURPOSE, lazy_gettext("Use %(min)d to %(max)d characters.")),
        ],
        description=lazy_gettext("In a few words, without names. It stays in the journal."),
        filters=[line],
    )


class ReviewForm(ReasonForm):
    """What a publication without an approval is worth afterwards."""

    verdict = RadioField(
        lazy_gettext("Was it right to publish it at once?"),
        [InputRequired(lazy_gettext("Choose one."))],
        choices=[
            SelectChoice(_UPHELD, lazy_gettext("Yes: it stays published")),
            SelectChoice(_WRONG, lazy_gettext("No: the case is withdrawn, and every member erases it")),
        ],
    )


@pages.route("/gate")
@needs(Permission.SEE_CASES)
def index() -> str:
    """List what waits for a decision and for a review; or what was asked for before."""
    node, everything = this_node(), request.args.get("show") == "all"
    which = EVERY_STATE if everything else (OPEN,)
    total = gate.count_requests(node, which)
    number = page_number(request.args.get("page", ""), total)
    found = gate.list_requests(node, which, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
    return render_template(
        "gate/requests.html",
        everything=everything,
        page=Page(found, number, total),
        unreviewed=gate.list_unreviewed(node, PAGE_SIZE),
        states=STATES,
        state_kinds=STATE_KINDS,
        names=_names(),
    )


@pages.route(_REQUEST)
@needs(Permission.SEE_CASES)
def show(request_id: int) -> str:
    """Show a request, what would leave by it, and what its reader can do."""
    view = gate.open_request(this_node(), request_id, actor())
    asked, preview = view.request, view.preview
    return render_template(
        "gate/request.html",
        form=Form(),
        asked=asked,
        opaque=_opaque(asked),
        as_asked=view.as_asked,
        own=person_of(asked.author) == person_of(actor()),
        party=person_of(actor()) in asked.parties,
        waits=asked.state == OPEN,
        to_review=_to_review(asked),
        may_review=_to_review(asked) and person_of(actor()) not in asked.parties,
        answers=[
            (_(question.text), say_answer(question.name, asked.answers[question.name]))
            for question in QUESTIONS
            if question.name in asked.answers
        ],
        findings=[say_finding(found) for found in view.findings],
        preview=preview,
        shown=show_preview(preview) if preview else [],
        stays=[field_name(name) for name in preview.stays] if preview else [],
        changes=CHANGES,
        states=STATES,
        state_kinds=STATE_KINDS,
        names=_names(),
    )


@pages.route(f"{_REQUEST}/approve", methods=["POST"])
@needs(Permission.APPROVE)
def approve(request_id: int) -> Response:
    """Approve a request, which publishes the case."""

    def do() -> None:
        gate.approve(this_node(), request_id, actor())
        flash(_("Approved: the case is published."))

    if Form().validate_on_submit():
        _try(do)
    return redirect(url_for(".show", request_id=request_id), 303)


@pages.route(f"{_REQUEST}/take-back", methods=["POST"])
@needs(Permission.WRITE_CASES)
def take_back(request_id: int) -> Response:
    """Take back what one asked for."""

    def do() -> None:
        gate.take_back(this_node(), request_id, actor())
        flash(_("The request is taken back. Nothing has left the house."))

    if Form().validate_on_submit():
        _try(do)
    return redirect(url_for(".show", request_id=request_id), 303)


@pages.route(f"{_REQUEST}/refuse", methods=["GET", "POST"])
@needs(Permission.APPROVE)
def refuse(request_id: int) -> Response | str:
    """Refuse a request, and say why."""

    def do(form: ReasonForm) -> None:
        gate.refuse(this_node(), request_id, form.reason.data, actor())
        flash(_("Refused. Nothing has left the house; whoever asked sees why."))

    return _with_reason(request_id, ReasonForm(), do, lazy_gettext("Refuse"), lazy_gettext("Nothing leaves."))


@pages.route(f"{_REQUEST}/override", methods=["GET", "POST"])
@needs(Permission.OVERRIDE)
def override(request_id: int) -> Response | str:
    """Publish in an emergency what nobody has approved."""

    def do(form: ReasonForm) -> None:
        gate.override(this_node(), request_id, form.reason.data, actor())
        flash(_("The case is published. Somebody else reviews that within 24 hours: tell them."), "warning")

    return _with_reason(
        request_id,
        ReasonForm(),
        do,
        lazy_gettext("Publish at once"),
        lazy_gettext(
            "Only when a child is in danger and nobody can approve in time. It goes to every member at once. "
            "Somebody else reviews it within 24 hours, with what you write here."
        ),
    )


@pages.route(f"{_REQUEST}/review", methods=["GET", "POST"])
@needs(Permission.APPROVE)
def review(request_id: int) -> Response | str:
    """Settle afterwards what was published without an approval."""

    def do(form: ReasonForm) -> None:
        upheld = form["verdict"].data == _UPHELD
        withdrawn = gate.review(this_node(), request_id, form.reason.data, actor(), upheld=upheld)
        flash(_("Reviewed: the case is withdrawn.") if withdrawn else _("Reviewed."))

    text = lazy_gettext("It was published in an emergency, and nobody had approved it.")
    return _with_reason(request_id, ReviewForm(), do, lazy_gettext("Review"), text)


def _with_reason(
    request_id: int, form: ReasonForm, do: Callable[[Any], None], title: Any, text: Any
) -> Response | str:
    """Ask for a reason on a page of its own, and decide."""
    asked = gate.open_request(this_node(), request_id, actor()).request
    reviewing = isinstance(form, ReviewForm)
    if not (_to_review(asked) if reviewing else asked.state == OPEN):
        flash(_("That was decided already."), "warning")
        return redirect(url_for(".show", request_id=request_id), 303)
    if form.validate_on_submit():
        _try(lambda: do(form))
        return redirect(url_for(".show", request_id=request_id), 303)
    return render_template(
        "gate/reason.html", form=form, asked=asked, title=title, text=text, danger=not reviewing
    )


def _try(do: Callable[[], None]) -> None:
    """Decide, or say why that was not possible; then at most the request has ended."""
    try:
        do()
    except NotAllowed:
        flash(_("Somebody else must decide this: you had a part in it."), "error")
    except (Conflict, InvalidInput):
        flash(
            _("It does not stand as it would have to for this, and nothing was published. Look at it again."),
            "error",
        )


def _to_review(asked: GateRequest) -> bool:
    return asked.state == OVERRIDDEN and asked.reviewed_at is None


def _opaque(asked: GateRequest) -> str:
    return asked.case_id.partition("/")[2]


def _names() -> dict[str, str]:
    """Return what people are called, by how requests name them."""
    return {actor_of(one): one.full_name for one in accounts.list_people(this_node())}
