"""Other members' cases: what is public of each, what opens for a purpose, where it comes from, whom to call.

Guarantees: the network and police parts are on a page only while a purpose holds that this person stated for
this case in this session, and only those parts that their roles read; each reading is in the journal.
"""

from collections.abc import Collection
from dataclasses import replace

from flask import Blueprint, abort, current_app, make_response, redirect, render_template, url_for
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from node.domain.permissions import Permission
from node.errors import NotFound
from node.services.leads import sending
from node.services.search import finding, provenance, purposes
from node.services.search.finding import MAX_PURPOSE, MIN_PURPOSE, Opened
from node.web.cases.maps import map_of
from node.web.cases.text import Picture, describe_part, describe_public, pictures_of
from node.web.console.base.forms import Form
from node.web.console.base.guard import actor, needs, person, this_node, visit
from node.web.writing import line
from protocol.errors import ProtocolError
from protocol.leaf import check_case_id

pages = Blueprint("foreign", __name__)

_LEADS_SHOWN = 10
_CASE = "/foreign/<member>/<opaque>"


class PurposeForm(Form):
    """Why the closed parts of a case are read."""

    purpose = StringField(
        lazy_gettext("What do you need it for?"),
        [
            InputRequired(lazy_gettext("Say what you need it for.")),
            Length(MIN_PURPOSE, MAX_PURPOSE, lazy_gettext("Use %(min)d to %(max)d characters.")),
        ],
        description=lazy_gettext("In a few words, without names. For example: border check, report 4711."),
        filters=[line],
        render_kw={"autocomplete": "off", "maxlength": MAX_PURPOSE},
    )


@pages.route(_CASE)
@needs(Permission.SEARCH)
def show(member: str, opaque: str) -> Response | str:
    """Show a case, with as much as its reader may see and has asked for."""
    case_id = case_id_of(member, opaque)
    if member == this_node().member:
        return redirect(address_of(case_id) or abort(404), 303)
    purpose = purposes.stated_purpose(this_node(), visit(), case_id) if _readable() else ""
    return _page(_open(case_id, purpose), PurposeForm(formdata=None), purpose)


@pages.route(f"{_CASE}/purpose", methods=["GET", "POST"])
@needs(Permission.READ_NETWORK_PARTS)
def purpose(member: str, opaque: str) -> Response | str:
    """Ask why somebody wants to read what is closed."""
    case_id, form = case_id_of(member, opaque), PurposeForm()
    if form.validate_on_submit():
        purposes.state_purpose(this_node(), visit(), case_id, form.purpose.data)
        return redirect(url_for("foreign.show", member=member, opaque=opaque, _anchor="closed"), 303)
    return _page(_open(case_id, ""), form, "")


@pages.route(f"{_CASE}/photographs/<sha256>")
@needs(Permission.SEARCH)
def photograph(member: str, opaque: str, sha256: str) -> Response:
    """Send a photograph: one that is public, or that a part names which the reader has opened."""
    node, case_id = this_node(), case_id_of(member, opaque)
    try:
        data, media_type = finding.read_photograph(node, case_id, sha256, actor())
    except NotFound:
        stated = purposes.stated_purpose(node, visit(), case_id) if _readable() else ""
        if not stated or member == node.member:
            abort(404)
        try:
            data, media_type = finding.open_photograph(node, case_id, sha256, actor(), stated, _readable())
        except NotFound:
            abort(404)
    response = make_response(data)
    response.content_type = media_type
    return response


def case_id_of(member: str, opaque: str) -> str:
    """Put the two halves of a case's id together, or answer that there is nothing at such an address."""
    case_id = f"{member}/{opaque}"
    try:
        check_case_id(case_id, member)
    except ProtocolError:
        abort(404)
    return case_id


def address_of(case_id: str) -> str:
    """Return the address of a case's page; empty where there is none."""
    member, _, opaque = case_id.partition("/")
    if member != this_node().member:
        return url_for("foreign.show", member=member, opaque=opaque)
    return url_for("cases.show", opaque=opaque) if "cases.show" in current_app.view_functions else ""


def _readable() -> Collection[str]:
    """Return the closed parts that the reader's roles may open."""
    needed = {"network": Permission.READ_NETWORK_PARTS, "police": Permission.READ_POLICE_PARTS}
    return [part for part in finding.CLOSED_PARTS if person().may(needed[part])]


def _open(case_id: str, stated: str) -> Opened:
    try:
        if stated:
            return finding.open_case(this_node(), case_id, actor(), stated, _readable())
        return finding.open_public(this_node(), case_id, actor())
    except NotFound:
        abort(404)


def _page(opened: Opened, form: PurposeForm, stated: str) -> str:
    node = this_node()
    closed = {
        part: (
            describe_part(opened.parts[part]),
            _held(opened, part),
            map_of(opened.parts[part].get("last_seen_exact")),
        )
        for part in finding.CLOSED_PARTS
        if part in opened.parts
    }
    member, _, opaque = opened.case_id.partition("/")
    return render_template(
        "foreign/case.html",
        case=opened,
        address={"member": member, "opaque": opaque},
        text=describe_public(opened.parts.get("public", {})),
        photographs=_held(opened, "public"),
        map=map_of(opened.parts.get("public", {}).get("last_seen")),
        closed=closed,
        readable=_readable(),
        stated=stated,
        minutes=int(purposes.HOLDS.total_seconds() // 60),
        form=form,
        origin=provenance.look_at_owners(node, [opened.owner]).get(opened.owner),
        sent=sending.list_sent(node, case_id=opened.case_id, limit=_LEADS_SHOWN)
        if person().may(Permission.SEE_LEADS)
        else [],
    )


def _held(opened: Opened, part: str) -> list[Picture]:
    """Return the photographs of a part that are on this disk, each with the forms that are."""
    node = this_node()
    found = [
        replace(picture, forms=[sha256 for sha256 in picture.forms if node.blobs.has(opened.owner, sha256)])
        for picture in pictures_of(opened.parts.get(part, {}), node.clock().date())
    ]
    return [picture for picture in found if picture.forms]
