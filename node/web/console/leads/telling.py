"""Telling what is known about a case: to the owner of another member's, to our own people of an own one.

Guarantees: a form that cannot be taken comes back as it was filled in, with the reason beside its field.
"""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response
from wtforms.fields import Field

from node.domain.permissions import Permission
from node.errors import NodeError, NotFound
from node.services.leads import inbox, sending
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.base.paging import PAGE_SIZE, Page, page_number
from node.web.console.base.writing import MAX_PICTURE_FORM
from node.web.console.foreign.cases import address_of, case_id_of
from node.web.console.leads.forms import DELIVERIES, KINDS, STATES, LeadForm, TextForm, blame

pages = Blueprint("telling", __name__)

_MANY = 10_000


@pages.route("/leads/sent")
@needs(Permission.SEE_LEADS)
def index() -> str:
    """List what was told to the owners of others' cases."""
    node = this_node()
    total = min(inbox.count_leads(node, outgoing=True), _MANY)
    number = page_number(request.args.get("page", ""), total)
    found = sending.list_sent(node, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
    return render_template(
        "leads/sent.html",
        page=Page(found, number, total),
        states=STATES,
        kinds=KINDS,
        deliveries=DELIVERIES,
        address_of=address_of,
    )


@pages.route("/leads/about/<member>/<opaque>", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS, body=MAX_PICTURE_FORM)
def tell(member: str, opaque: str) -> Response | str:
    """Tell something about a case: to its owner, or to those who work on an own one."""
    node, case_id, form = this_node(), case_id_of(member, opaque), LeadForm()
    own = member == node.member
    if own:
        del form.own_case
    if form.validate_on_submit():
        write = inbox.note_down if own else sending.send_lead
        try:
            number = write(node, case_id, form.letter, actor(), form.picture_bytes)
        except NodeError as error:
            blame(form, _field_of(form, error), error)
        else:
            flash(
                _("The lead is saved.") if own else _("The lead is on its way to %(member)s.", member=member)
            )
            return redirect(url_for("leads.show", number=number), 303)
    back = address_of(case_id) or url_for("leads.index")
    return render_template("leads/tell.html", form=form, case_id=case_id, member=member, own=own, back=back)


@pages.route("/leads/photograph-of/<member>/<opaque>", methods=["GET", "POST"])
@needs(Permission.WORK_LEADS)
def ask_photograph(member: str, opaque: str) -> Response | str:
    """Ask a case's owner for a photograph that shows more."""
    node, case_id, form = this_node(), case_id_of(member, opaque), TextForm()
    if member == node.member:
        abort(404)
    if form.validate_on_submit():
        try:
            number = sending.request_photograph(node, case_id, form.text.data, actor())
        except NodeError as error:
            blame(form, form.text, error)
        else:
            flash(_("The request is on its way to %(member)s.", member=member))
            return redirect(url_for("leads.show", number=number), 303)
    back = address_of(case_id)
    return render_template("leads/ask.html", form=form, case_id=case_id, member=member, back=back)


def _field_of(form: LeadForm, error: NodeError) -> Field:
    """Tell which field of a lead a refusal is about."""
    if "own_case" in form and (isinstance(error, NotFound) or "own_case" in error.message):
        return form.own_case
    return form.text
