"""Children in frames on the pages of others, and the page that says how to put them there.

Guarantees: what stands in a frame always comes from this site and may be kept for a minute, so that a child
who is no longer shown leaves it whatever becomes of the page around; a frame runs no script, sets no cookie
and sends no form, and nothing but these pages may be framed by others.
"""

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from node.services.site import showing
from node.services.site.showing import SiteQuery
from node.web.languages import isolated
from node.web.public.cards import PAGE_SIZE, Page, make_card, make_page
from node.web.public.feeds import ALERTS, NEWEST
from node.web.public.kept import render_about
from node.web.public.lists import country_asked
from node.web.public.request import case_id_of, this_node
from node.web.public.search import countries

frames = Blueprint("frames", __name__, url_prefix="/<language:language>")
pages = Blueprint("partners", __name__, url_prefix="/<language:language>")

MAX_COUNT = PAGE_SIZE
"""Children in one frame."""

USUAL_COUNT = 4

IN_ADDRESSES = ("country", "count", "list")
"""What an address of a frame may ask for."""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'none'",
        "frame-ancestors *",
        "base-uri 'none'",
    )
)


@frames.after_request
def _let_others_frame(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@frames.route("/widget")
def children() -> bytes:
    """Show some children in a frame."""
    node, country, count, name = this_node(), country_asked(), _count(), _list()
    if name == ALERTS:
        title, found = _("Active alerts"), showing.find_alerts(node, country, count)
    else:
        title = _("Missing children")
        found, _total = showing.find_children(node, SiteQuery(country=country, limit=count))
    return render_about(found, "frame_list.html", lambda: {"title": title, "page": make_page(found, 1, 0)})


@frames.route("/child/<member>/<opaque>/widget")
def child(member: str, opaque: str) -> str:
    """Show one child in a frame."""
    card = make_card(showing.find_shown(this_node(), case_id_of(member, opaque)))
    title = isolated(card.names[0].text) if card.names else _("Name not known")
    return render_template("frame_child.html", title=title, page=Page([card], 1, 1))


@pages.route("/partners")
def show() -> str:
    """Tell newsrooms and partners how to show missing children."""
    asked = {"country": country_asked(), "count": _count(), "list": _list()}
    return render_template(
        "partners.html",
        asked=asked,
        countries=countries(),
        lists={NEWEST: _("Missing most recently"), ALERTS: _("Active alerts")},
        most=MAX_COUNT,
        frame={name: value for name, value in asked.items() if value not in (None, NEWEST)},
    )


def _count() -> int:
    text = request.args.get("count", str(USUAL_COUNT))
    if not (text.isascii() and text.isdigit() and len(text) < 3 and 1 <= int(text) <= MAX_COUNT):
        raise BadRequest
    return int(text)


def _list() -> str:
    name = request.args.get("list", NEWEST)
    if name not in (NEWEST, ALERTS):
        raise BadRequest
    return name
