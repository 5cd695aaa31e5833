"""Lists of children: the newest, those missing for long, active alerts, and by country."""

from typing import Any

from flask import Blueprint, request
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from node.services.site import showing
from node.services.site.showing import SiteQuery
from node.web.cases.text import show_country
from node.web.public.cards import MAX_PAGES, PAGE_SIZE, make_page
from node.web.public.kept import render_about
from node.web.public.request import this_node

pages = Blueprint("lists", __name__, url_prefix="/<language:language>")

LONG_YEARS = 1
"""After so many years a child counts as missing for long."""


@pages.route("/newest")
def newest() -> bytes:
    """List the children who went missing last."""
    return _list(_("Missing most recently"))


@pages.route("/long-term")
def long_term() -> bytes:
    """List the children who have been missing for long."""
    return _list(_("Missing for more than a year"), missing_for_years=LONG_YEARS)


@pages.route("/alerts")
def alerts() -> bytes:
    """List the children for whom an alert is out."""
    found = showing.find_alerts(this_node())
    return render_about(
        found, "list.html", lambda: {"title": _("Active alerts"), "page": make_page(found, 1, 0)}
    )


@pages.route("/countries")
def countries() -> bytes:
    """List the countries whose cases are shown, counted anew each minute."""

    def count() -> dict[str, Any]:
        counts = showing.count_children(this_node())
        return {"countries": sorted((show_country(code), code, number) for code, number in counts.items())}

    return render_about((), "countries.html", count)


@pages.route("/country/<code>")
def country(code: str) -> bytes:
    """List the children of one country."""
    return _list(show_country(check_country(code)), country=code)


def check_country(code: str) -> str:
    """Return the code of a member's country, and let no other lead anywhere."""
    if code not in {member.country for member in this_node().network().roster.members}:
        raise NotFound
    return code


def country_asked() -> str | None:
    """Return the country that an address asks for; None where it asks for none."""
    code = request.args.get("country", "")
    return check_country(code) if code else None


def page_number(text: str) -> int:
    """Read the number of a page in an address."""
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_PAGES):
        raise NotFound
    return int(text)


def _list(title: str, **conditions: Any) -> bytes:
    number = page_number(request.args.get("page", "1"))
    query = SiteQuery(limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE, **conditions)
    found, total = showing.find_children(this_node(), query)
    if not found and number > 1:
        raise NotFound
    return render_about(
        found, "list.html", lambda: {"title": title, "page": make_page(found, number, total)}, total
    )
