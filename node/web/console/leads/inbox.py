"""Leads about own cases, and those that were sent: the list, one lead, and what is done with it.

Guarantees: whoever reads a lead or its picture is in the journal; a form that cannot be taken comes back as
it was filled in, with the reason beside its field.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response
from wtforms.fields import Field

from node.domain.permissions import Permission
from node.errors import NodeError, NotFound
from node.services.leads import inbox
from node.services.leads.inbox import LeadView
from node.services.leads.letters import MAX_LINE
from node.services.people import accounts
from node.services.people.sessions import actor_of
from node.store.leads import MEMBER
from node.web.cases.text import show_date
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, person, this_node
from node.web.console.base.paging import PAGE_SIZE, Page, page_number
from node.web.console.base.writing import MAX_PICTURE_FORM
from node.web.console.foreign.cases import address_of
from node.web.console.leads.forms import (
    DELIVERIES,
    KINDS,
    STATES,
    AnswerForm,
    AssignForm,
    DecideForm,
    DuplicateForm,
    LinkForm,
    TaskForm,
    TextForm,
    blame,
)

pages = Blueprint("leads", __name__)

_LEAD = "/leads/<int(max=2147483647):number>"
_MANY = 10_000


# --- Lists ---


@pages.route("/leads")
@needs(Permission.SEE_LEADS)
def index() -> str:
    """List what was told about own cases."""
    case_id, which = request.args.get("case", "")[:MAX_LINE], request.args.get("show", "")
    receipt = request.args.get("receipt", "").strip()[:MAX_LINE]
    chosen: dict[str, Any] = {
        "case_id": case_id,
        "receipt": receipt,
        "everything": which == "all",
        "assigned_to": {"mine": person().name, "nobody": ""}.get(which),
    }
    node = this_node()
    total = min(inbox.count_leads(node, **chosen), _MANY)
    number = page_number(request.args.get("page", ""), total)
    found = inbox.list_leads(node, **chosen, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
    page = Page(found, number, total)
    names = _names()
    return render_template(
        "leads/inbox.html",
        page=page,
        which=which,
        case_id=case_id,
        receipt=receipt,
        passed_on=inbox.find_passed_on(node, receipt) if receipt and not found else None,
        deliveries=DELIVERIES,
        states=STATES,
        kinds=KINDS,
        names=names,
    )


# --- One lead ---


@pages.route(_LEAD)
@needs(Permission.SEE_LEADS)
def show(number: int) -> str:
    """Show a lead and what was done with it."""
    view = _read(number)
    alike = inbox.find_alike(this_node(), view.lead)
    return render_template("leads/lead.html", take=Form(), alike=alike, **_shown(view))


@pages.route(f"{_LEAD}/pictures/<int(max=2147483647):entry>")
@needs(Permission.SEE_LEADS)
def picture(number: int, entry: int) -> Response:
    """Send the picture of a lead, or of an answer to it."""
    return _send_picture(number, entry, small=False)


@pages.route(f"{_LEAD}/pictures/<int(max=2147483647):entry>/small")
@needs(Permission.SEE_LEADS)
def small_picture(number: int, entry: int) -> Response:
    """Send the small form of a picture."""
    return _send_picture(number, entry, small=True)


@pages.route(f"{_LEAD}/take", methods=["POST"])
@needs(Permission.WORK_LEADS)
def take(number: int) -> Response:
    """Let whoever asks work on a lead."""
    try:
        inbox.assign(this_node(), number, person().name, actor())
    except NotFound:
        abort(404)
    flash(_("The lead is yours."))
    return redirect(url_for("leads.show", number=number), 303)


@pages.route(f"{_LEAD}/assign", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def assign(number: int) -> Response | str:
    """Say who works on a lead."""
    view = _read(number, incoming=True)
    form = AssignForm(data={"person": view.lead.assigned_to})

    def do() -> None:
        inbox.assign(this_node(), number, form.person.data, actor())

    return _work(view, form, form.person, _("Assign"), do, _("The lead is assigned."))


@pages.route(f"{_LEAD}/note", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def note(number: int) -> Response | str:
    """Add a note, for this member's own people."""
    view, form = _read(number), TextForm()

    def do() -> None:
        inbox.note(this_node(), number, form.text.data, actor())

    return _work(view, form, form.text, _("Add a note"), do, _("The note is saved."))


@pages.route(f"{_LEAD}/task", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def task(number: int) -> Response | str:
    """Add something that is to be done."""
    view, form, node = _read(number), TaskForm(), this_node()

    def do() -> None:
        due = None if form.days.data is None else node.clock() + timedelta(days=form.days.data)
        inbox.add_task(node, number, form.text.data, due, actor())

    return _work(view, form, form.text, _("Add a task"), do, _("The task is saved."))


@pages.route("/leads/tasks/<int(max=2147483647):entry>/done", methods=["POST"])
@needs(Permission.WORK_LEADS)
def done(entry: int) -> Response:
    """Say that a task is done."""
    try:
        finished = inbox.finish_task(this_node(), entry, actor())
    except NotFound:
        abort(404)
    flash(_("The task is done."))
    return redirect(url_for("leads.show", number=finished.lead_id), 303)


@pages.route(f"{_LEAD}/decide", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def decide(number: int) -> Response | str:
    """Decide what a lead is worth."""
    view, form = _read(number, incoming=True), DecideForm()

    def do() -> None:
        inbox.decide(this_node(), number, form.state.data, form.text.data, actor())

    return _work(view, form, form.text, _("Decide"), do, _("The decision is saved. It can be changed."))


@pages.route(f"{_LEAD}/duplicate", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def duplicate(number: int) -> Response | str:
    """Say that a lead says what another says."""
    view = _read(number, incoming=True)
    alike = inbox.find_alike(this_node(), view.lead)
    form = DuplicateForm(data={"first": alike[0] if alike else None})

    def do() -> None:
        inbox.mark_duplicate(this_node(), number, form.first.data, actor())

    return _work(
        view, form, form.first, _("Mark as a duplicate"), do, _("The lead is marked as a duplicate.")
    )


@pages.route(f"{_LEAD}/link", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def link(number: int) -> Response | str:
    """Let a lead be about another own case."""
    view, form = _read(number, incoming=True), LinkForm()

    def do() -> None:
        inbox.link(this_node(), number, form.case.data, actor())

    return _work(view, form, form.case, _("Link to another case"), do, _("The lead is about that case now."))


@pages.route(f"{_LEAD}/answer", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS, body=MAX_PICTURE_FORM)
def answer(number: int) -> Response | str:
    """Answer the member that sent a lead."""
    view, form = _read(number, incoming=True), AnswerForm()
    if view.lead.origin != MEMBER:
        abort(404)

    def do() -> None:
        state, data = form.state.data, form.picture_bytes
        inbox.answer(this_node(), number, form.text.data, actor(), state=state, picture=data)

    said = _("The answer is on its way to %(member)s.", member=view.lead.member)
    return _work(view, form, form.text, _("Answer"), do, said)


# --- Inside ---


def _read(number: int, *, incoming: bool = False) -> LeadView:
    """Read a lead, or answer that there is none."""
    try:
        view = inbox.read(this_node(), number, actor())
    except NotFound:
        abort(404)
    if incoming and view.lead.outgoing:
        abort(404)
    return view


def _send_picture(number: int, entry: int, *, small: bool) -> Response:
    try:
        data = inbox.read_picture(this_node(), number, entry, actor(), small=small)
    except NotFound:
        abort(404)
    response = make_response(data)
    response.content_type = "image/jpeg"
    return response


def _work(
    view: LeadView, form: Form, main: Field, title: str, do: Callable[[], object], said: str
) -> Response | str:
    """Do something with a lead once its form is right.

    Args:
        main: the field to which a refusal belongs.
    """
    if form.validate_on_submit():
        try:
            do()
        except NodeError as error:
            blame(form, main, error)
        else:
            flash(said)
            return redirect(url_for("leads.show", number=view.lead.id), 303)
    return render_template("leads/work.html", form=form, title=title, **_shown(view))


def _shown(view: LeadView) -> dict[str, Any]:
    """Return what a page about a lead needs."""
    lead = view.lead
    details = dict(lead.details)
    if "seen_at" in details:
        details["seen_at"] = show_date(details["seen_at"])
    return {
        "view": view,
        "lead": lead,
        "details": details,
        "case_address": address_of(lead.case_id),
        "states": STATES,
        "kinds": KINDS,
        "deliveries": DELIVERIES,
        "names": _names(),
        "now": this_node().clock(),
    }


def _names() -> dict[str, str]:
    """Return what people are called, by how leads and their histories name them."""
    found = {}
    for one in accounts.list_people(this_node()):
        found[one.name] = found[actor_of(one)] = one.full_name
    return found
