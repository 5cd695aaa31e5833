"""Cases between members: handing an own one over, keeping one from a member, and taking one over that is
offered.

Guarantees: what each of these does stands on the page before it is done; whoever opens an offer is in the
journal first.
"""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import BooleanField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from node.domain.permissions import Permission
from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound
from node.services.moving import handover, takeover
from node.services.moving.handover import MAX_REASON
from node.services.register import cases as register
from node.store.register.cases import DRAFT, PUBLISHED
from node.web.cases.text import describe_briefly
from node.web.console.base.forms import Form, ask_first
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.cases.register import case_id_of, describe_sections, open_name
from node.web.writing import line
from protocol.errors import ProtocolError

pages = Blueprint("case_moving", __name__)

MANY_OFFERS = 100
"""How many offers the list shows at most."""

_OFFER = "/offers/<int(max=2147483647):offer_id>"


class HandOverForm(Form):
    """To whom a case goes."""

    member = SelectField(
        lazy_gettext("Whose case it is to be"), [InputRequired(lazy_gettext("Choose a member."))]
    )
    agreed = BooleanField(
        lazy_gettext("I have spoken with them, and they are to have everything that we know of this case."),
        [InputRequired(lazy_gettext("Speak with them first: they get the whole record."))],
    )


class ExcludeForm(Form):
    """The members that a case is kept from."""

    members = SelectMultipleField(
        lazy_gettext("Keep the case from"),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


class DeclineForm(Form):
    """Why a case is not taken."""

    reason = StringField(
        lazy_gettext("Why"),
        [Length(0, MAX_REASON, lazy_gettext("Use at most %(max)d characters."))],
        description=lazy_gettext("The member that offers it reads this."),
        filters=[line],
    )


# --- Own cases ---


@pages.route("/cases/<opaque>/hand-over", methods=["GET", "POST"])
@needs(Permission.MOVE_CASES)
def hand_over(opaque: str) -> Response | str:
    """Offer a case to another member, with all that is known."""
    node, case = this_node(), register.get_case(this_node(), case_id_of(opaque))
    if case.status not in (DRAFT, PUBLISHED):
        return _not_now(opaque)
    form = HandOverForm()
    found = [SelectChoice(member.id, member.id) for member in handover.list_possible(node, case.case_id)]
    form.member.choices = [SelectChoice("", _("Choose a member")), *found]
    if form.validate_on_submit():
        try:
            handover.offer_case(node, case.case_id, form.member.data, actor())
        except (Conflict, NotAllowed, NotFound):
            return _not_now(opaque)
        except InvalidInput:
            form.member.errors = [
                _("The photographs are too large together. Take some out of the case first.")
            ]
        else:
            flash(
                _(
                    "The case is offered to %(member)s. It stays as it is until they answer.",
                    member=form.member.data,
                )
            )
            return redirect(url_for("cases.show", opaque=opaque), 303)
    return render_template(
        "cases/hand_over.html",
        form=form,
        possible=bool(found),
        published=case.status == PUBLISHED,
        days=handover.OFFER_LIFE.days,
        **_about(opaque),
    )


@pages.route("/cases/<opaque>/keep", methods=["GET", "POST"])
@needs(Permission.MOVE_CASES)
def keep(opaque: str) -> Response | str:
    """Take the offer of a case back."""
    case, back = register.get_case(this_node(), case_id_of(opaque)), url_for("cases.show", opaque=opaque)

    def take_back() -> Response:
        try:
            given = handover.take_back(this_node(), case.case_id, actor())
        except Conflict:
            return _not_now(opaque)
        flash(_("The offer to %(member)s is taken back, and they are told.", member=given.member))
        return redirect(back, 303)

    return ask_first(
        take_back,
        _("Take the offer back"),
        lambda: open_name(opaque),
        _(
            "The case stays yours, and you can change it again. If they have accepted it before they hear of "
            "this, it is theirs all the same: call their duty desk."
        ),
        back,
    )


@pages.route("/cases/<opaque>/exclude", methods=["GET", "POST"])
@needs(Permission.MOVE_CASES)
def exclude(opaque: str) -> Response | str:
    """Keep a case from members, or from fewer than before."""
    node, case = this_node(), register.get_case(this_node(), case_id_of(opaque))
    if case.status not in (DRAFT, PUBLISHED):
        return _not_now(opaque)
    form = ExcludeForm(data={"members": register.excluded_members(node, case.case_id)})
    others = sorted(member.id for member in node.network().roster.members if member.id != node.member)
    form.members.choices = [SelectChoice(name, name) for name in others]
    if form.validate_on_submit():
        register.exclude_members(node, case.case_id, form.members.data, actor())
        if case.status == PUBLISHED:
            flash(
                _("It is noted. Publish the case again now: until then they keep what they hold."), "warning"
            )
        else:
            flash(_("It is noted. They will get nothing of this case once it is published."))
        return redirect(url_for("cases.show", opaque=opaque), 303)
    return render_template(
        "cases/exclude.html", form=form, published=case.status == PUBLISHED, **_about(opaque)
    )


# --- Cases that are offered here ---


@pages.route("/offers")
@needs(Permission.MOVE_CASES)
def offers() -> str:
    """List the cases that other members offer."""
    return render_template("cases/offers.html", offers=takeover.list_offers(this_node(), MANY_OFFERS))


@pages.route(_OFFER)
@needs(Permission.MOVE_CASES)
def offer(offer_id: int) -> str:
    """Show a case that is offered, and what there is to do with it."""
    return _show_offer(offer_id, DeclineForm(formdata=None))


@pages.route(f"{_OFFER}/accept", methods=["POST"])
@needs(Permission.MOVE_CASES)
def accept(offer_id: int) -> Response:
    """Take a case over."""
    if not Form().validate_on_submit():
        return redirect(url_for(".offer", offer_id=offer_id), 303)
    try:
        taken = takeover.accept(this_node(), offer_id, actor())
    except (NodeError, ProtocolError) as error:
        if isinstance(error, NotFound):
            raise
        flash(_say_refusal(error), "error")
        return redirect(url_for(".offer", offer_id=offer_id), 303)
    if taken.versions:
        flash(
            _(
                "The case is yours now, and published under your name. %(member)s is told.",
                member=taken.old_owner,
            )
        )
    else:
        flash(_("The case is yours now, as a draft. %(member)s is told.", member=taken.old_owner))
    if taken.to_review:
        flash(
            _("More of it went out than was seen here before. Somebody else reviews that within 24 hours."),
            "warning",
        )
    return redirect(url_for("cases.show", opaque=taken.case_id.partition("/")[2]), 303)


@pages.route(f"{_OFFER}/decline", methods=["GET", "POST"])
@needs(Permission.MOVE_CASES)
def decline(offer_id: int) -> Response | str:
    """Decline a case that is offered."""
    form = DeclineForm()
    if form.validate_on_submit():
        try:
            member = takeover.decline(this_node(), offer_id, form.reason.data, actor())
        except (Conflict, NotAllowed) as error:
            flash(_say_refusal(error), "error")
            return redirect(url_for(".offers"), 303)
        flash(_("Declined. What they had sent is deleted here, and %(member)s is told.", member=member))
        return redirect(url_for(".offers"), 303)
    return _show_offer(offer_id, form)


def _show_offer(offer_id: int, form: DeclineForm) -> str:
    row, found = takeover.open_offer(this_node(), offer_id, actor())
    return render_template(
        "cases/offer.html",
        form=form,
        take=Form(formdata=None),
        row=row,
        offer=found,
        text=describe_briefly(found.record) if found else None,
        sections=describe_sections(found.record) if found else [],
    )


def _say_refusal(error: NodeError | ProtocolError) -> str:
    if isinstance(error, NotAllowed):
        return str(_("Nothing is exchanged with that member now. Ask your administrator."))
    if isinstance(error, InvalidInput | ProtocolError):
        return str(_("The case cannot be taken as it was sent. Decline it, and tell them so."))
    return str(
        _("It cannot be done now: not all photographs have come, or the offer does not stand any more.")
    )


def _about(opaque: str) -> dict[str, Any]:
    return {"about": open_name(opaque), "opaque": opaque}


def _not_now(opaque: str) -> Response:
    """Say that the case does not stand as it would have to."""
    flash(
        _("This cannot be done now: the case has ended, is offered already, or does not fit that member."),
        "error",
    )
    return redirect(url_for("cases.show", opaque=opaque), 303)
