"""The posters that the public site made, so that those which hang on walls can be called back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext

from node.domain.permissions import Permission
from node.services.site import recall
from node.web.console.base.guard import needs, this_node
from node.web.console.base.paging import PAGE_SIZE, page_number

pages = Blueprint("posters", __name__)

STANDINGS: Mapping[str, tuple[Any, Any, str]] = MappingProxyType(
    {
        recall.LIVE: (lazy_gettext("still shown"), "", "good"),
        recall.CHANGED: (
            lazy_gettext("changed since"),
            lazy_gettext("Ask those who have put it up to print it anew."),
            "warning",
        ),
        recall.OVER: (
            lazy_gettext("no longer shown"),
            lazy_gettext("Have every copy taken down: ask whoever has put it up, and the press."),
            "bad",
        ),
    }
)
"""How it stands with what a poster is of: in words, what to do, and the kind of badge."""

_MOST = 1_000_000


@pages.route("/posters")
@needs(Permission.SEE_CASES)
def index() -> str:
    """Show of which cases posters were made, the latest first."""
    number = page_number(request.args.get("page", ""), _MOST)
    found = recall.list_made(this_node(), PAGE_SIZE + 1, (number - 1) * PAGE_SIZE)
    return render_template(
        "site/posters.html",
        made=found[:PAGE_SIZE],
        more=len(found) > PAGE_SIZE,
        number=number,
        standings=STANDINGS,
        own=f"{this_node().member}/",
    )
