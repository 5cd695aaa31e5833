"""Evidence that a member has shown two faces: seeing it, handing it to others, and deciding about it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from node.domain.permissions import Permission
from node.services.witnesses import evidence
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, this_node
from node.web.console.base.paging import Page

pages = Blueprint("evidence", __name__)

FOUND: Mapping[str, Any] = MappingProxyType(
    {
        evidence.PULL: lazy_gettext("found when its cases were pulled"),
        evidence.HEADS: lazy_gettext("found when heads were compared"),
        evidence.WITNESS: lazy_gettext("found when it asked for a cosignature"),
        evidence.RECEIVED: lazy_gettext("handed on by another member"),
    }
)
"""How evidence came here."""


class CloseForm(Form):
    """Why a feed may go on."""

    reason = TextAreaField(
        lazy_gettext("What was found out"),
        [
            DataRequired(lazy_gettext("Write what was found out, and whom you spoke to.")),
            Length(1, 1000, lazy_gettext("Use %(min)d to %(max)d characters.")),
        ],
        description=lazy_gettext("It is kept with the evidence. Name nobody who is in a case."),
    )


@pages.route("/evidence")
@needs(Permission.SEE_FEDERATION)
def index() -> str:
    """List what is kept."""
    page = Page.cut(evidence.list_evidence(this_node()), request.args.get("page", ""))
    return render_template("federation/evidence.html", page=page)


@pages.route("/evidence/<evidence_id>")
@needs(Permission.SEE_FEDERATION)
def show(evidence_id: str) -> str:
    """Show one piece."""
    node = this_node()
    view = evidence.find_evidence(node, evidence_id)
    keys = evidence.keys_of(node, view.kept.origin)
    return render_template("federation/evidence_one.html", view=view, found=FOUND[view.kept.found], keys=keys)


@pages.route("/evidence/<evidence_id>/file")
@needs(Permission.SEE_FEDERATION)
def download(evidence_id: str) -> Response:
    """Give the file that anybody can check; it holds signed heads and hashes, and nothing of any case."""
    kept = evidence.find_evidence(this_node(), evidence_id).kept
    response = make_response(kept.data)
    response.content_type = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="two-faces-{kept.id[:12]}.json"'
    return response


@pages.route("/evidence/<evidence_id>/close", methods=["GET", "POST"])
@needs(Permission.RUN_FEDERATION)
def close(evidence_id: str) -> Response | str:
    """Let the feed go on, with a reason."""
    node = this_node()
    view, form = evidence.find_evidence(node, evidence_id), CloseForm()
    if form.validate_on_submit():
        evidence.close(node, evidence_id, form.reason.data, actor())
        flash(_("It is closed. The feed goes on from what is known of it here."))
        return redirect(url_for("evidence.show", evidence_id=view.kept.id), 303)
    return render_template("federation/evidence_close.html", form=form, view=view)
