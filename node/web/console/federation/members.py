"""The other members: how each stands here, accepting one, and asking all of them for news at once."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField
from wtforms.validators import InputRequired

from node.domain.permissions import Permission
from node.errors import Conflict, NotAllowed
from node.services.following import pulling
from node.services.members import membership
from node.services.status.outlook import MemberOverview, Outlook, find_overview, list_overviews
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.federation.map import draw_members
from node.web.languages import said
from protocol.member import fingerprint

pages = Blueprint("federation", __name__)

OUTLOOKS: Mapping[Outlook, tuple[Any, str, Any]] = MappingProxyType(
    {
        Outlook.STOPPED: (
            lazy_gettext("Stopped"),
            "bad",
            lazy_gettext(
                "It has told different members different things. Look at the evidence, and call it."
            ),
        ),
        Outlook.QUARANTINED: (
            lazy_gettext("Quarantined"),
            "bad",
            lazy_gettext(
                "What it sent breaks the rules. Nothing of it is taken but erasures. Call its duty desk."
            ),
        ),
        Outlook.REMOVED: (
            lazy_gettext("Removed"),
            "neutral",
            lazy_gettext("The coordinator has removed it. Its cases are not shown."),
        ),
        Outlook.SUSPENDED: (
            lazy_gettext("Suspended"),
            "warning",
            lazy_gettext("The coordinator has suspended it. Only erasures are exchanged."),
        ),
        Outlook.LAPSED: (
            lazy_gettext("Not endorsed"),
            "warning",
            lazy_gettext("No police force of its country endorses it now. Only erasures are exchanged."),
        ),
        Outlook.WAITING: (
            lazy_gettext("Not accepted"),
            "warning",
            lazy_gettext(
                "Its keys are new here. An administrator compares them by telephone, and accepts it."
            ),
        ),
        Outlook.DOWN: (
            lazy_gettext("Not reached"),
            "warning",
            lazy_gettext("It did not answer last time. This node goes on asking by itself."),
        ),
        Outlook.NEVER: (
            lazy_gettext("Nothing yet"),
            "neutral",
            lazy_gettext("Nothing was pulled from it yet."),
        ),
        Outlook.SILENT: (
            lazy_gettext("Silent"),
            "bad",
            lazy_gettext("Nothing new has come for a day or more. What it erased since is not known here."),
        ),
        Outlook.STALE: (
            lazy_gettext("Stale"),
            "warning",
            lazy_gettext("Nothing new has come for some hours."),
        ),
        Outlook.FRESH: (lazy_gettext("Fresh"), "good", ""),
    }
)
"""How a member stands: its name, the kind of badge, and what that means."""

NAMES: Mapping[Outlook, Any] = MappingProxyType({outlook: words[0] for outlook, words in OUTLOOKS.items()})
"""The name of how a member stands."""

KINDS: Mapping[str, Any] = MappingProxyType(
    {"law_enforcement": lazy_gettext("Police"), "ngo": lazy_gettext("Organisation")}
)


class AcceptForm(Form):
    """That somebody compared a fingerprint; it comes back with the form, so that no other is accepted."""

    shown = HiddenField()
    compared = BooleanField(
        lazy_gettext("I called them on a number that I know, and every group was the same."),
        [InputRequired(lazy_gettext("Compare first: whoever writes the list of members could invent one."))],
    )


@pages.route("/federation")
@needs(Permission.SEE_FEDERATION)
def index() -> str:
    """Show all members."""
    node, order, listed = this_node(), list(Outlook), True
    try:
        members = sorted(list_overviews(node), key=lambda found: order.index(found.outlook))
    except NotAllowed:
        members, listed = [], False
    form = Form(formdata=None)
    return render_template(
        "federation/members.html",
        members=members,
        listed=listed,
        form=form,
        network=node.network(),
        map=draw_members(node.entry().country, members, NAMES) if listed else None,
        **_words(),
    )


@pages.route("/federation/members/<member_id>")
@needs(Permission.SEE_FEDERATION)
def show(member_id: str) -> str:
    """Show one member."""
    found = find_overview(this_node(), member_id)
    return render_template("federation/member.html", found=found, **_words())


@pages.route("/federation/members/<member_id>/accept", methods=["GET", "POST"])
@needs(Permission.RUN_FEDERATION)
def accept(member_id: str) -> Response | str:
    """Accept a member's present keys, once its fingerprint was compared."""
    node, found = this_node(), find_overview(this_node(), member_id)
    form = AcceptForm()
    if form.validate_on_submit():
        try:
            membership.accept_member(node, member_id, form.shown.data, actor())
        except Conflict:
            form.compared.errors = [_("Its keys have changed meanwhile. Compare the new fingerprint.")]
        else:
            flash(_("%(name)s is accepted. Its cases come with the next pull.", name=said(found.peer.names)))
            return redirect(url_for("federation.show", member_id=member_id), 303)
    form.shown.data, form.compared.data = found.peer.fingerprint, False
    return render_template(
        "federation/accept.html", form=form, found=found, own=fingerprint(node.entry()), **_words()
    )


@pages.route("/federation/pull", methods=["POST"])
@needs(Permission.RUN_FEDERATION)
def pull() -> Response:
    """Ask all members for news, without waiting for it."""
    due = len(pulling.pull_soon(this_node()))
    text = ngettext("%(num)d member is asked now.", "%(num)d members are asked now.", due)
    flash(text)
    return redirect(url_for("federation.index"), 303)


def _words() -> dict[str, Any]:
    now = this_node().now()

    def next_pull(found: MemberOverview) -> datetime | None:
        """Return when it is asked next; None where that is now."""
        due = found.peer.next_at
        return due if due is not None and due > now else None

    return {"outlooks": OUTLOOKS, "kinds": KINDS, "next_pull": next_pull, "Outlook": Outlook, "now": now}
