"""The ledger of what this member erased: who has hidden it, who has purged it, who is late."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response

from node.domain.permissions import Permission
from node.services.disclosure import ledger
from node.web.console.base.forms import Form
from node.web.console.base.guard import needs, this_node
from node.web.console.base.paging import PAGE_SIZE, page_number

pages = Blueprint("erasures", __name__)

ANSWERS: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        ledger.PURGED: (lazy_gettext("purged"), "good"),
        ledger.NOTHING_HELD: (lazy_gettext("held nothing"), "good"),
        ledger.HIDDEN: (lazy_gettext("hidden"), "warning"),
        ledger.SILENT: (lazy_gettext("has not answered"), "neutral"),
    }
)
"""What a member said: in words, and the kind of badge."""

_MOST = 1_000_000


@pages.route("/erasures")
@needs(Permission.SEE_FEDERATION)
def index() -> str:
    """Show what has ended, the newest first: what not everybody has purged, or all of it."""
    node, everything = this_node(), request.args.get("show") == "all"
    number = page_number(request.args.get("page", ""), _MOST)
    found = ledger.page_of_erasures(node, PAGE_SIZE + 1, (number - 1) * PAGE_SIZE, open_only=not everything)
    return render_template(
        "federation/erasures.html",
        entries=found[:PAGE_SIZE],
        more=len(found) > PAGE_SIZE,
        number=number,
        everything=everything,
        late=ledger.find_late(node),
        answers=ANSWERS,
        form=Form(formdata=None),
    )


@pages.route("/erasures/remind", methods=["POST"])
@needs(Permission.RUN_FEDERATION)
def remind() -> Response:
    """Have everybody reminded who owes a word, without waiting for it."""
    ledger.ask_to_remind(this_node())
    flash(_("Everybody who has not answered is reminded now."))
    return redirect(url_for("erasures.index"), 303)
