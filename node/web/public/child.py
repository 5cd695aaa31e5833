"""The page of a child, and the photographs on it.

Guarantees: what a peer wrote is only ever text: no address of it is followed but one that begins with
https:// or is a telephone number.
"""

import re
from dataclasses import replace

from flask import Blueprint, make_response, render_template
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from node.services.site import showing
from node.services.site.showing import Shown
from node.web.cases.text import Picture, describe_public, pictures_of
from node.web.public.request import case_id_of, this_node

pages = Blueprint("child", __name__)

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
PHOTO_SECONDS = 300


@pages.route("/<language:language>/child/<member>/<opaque>")
def show(member: str, opaque: str) -> str:
    """Show a child."""
    shown = showing.find_shown(this_node(), case_id_of(member, opaque))
    text = describe_public(shown.public)
    return render_template(
        "child.html", shown=shown, text=text, member=member, opaque=opaque, pictures=_held(shown)
    )


@pages.route("/photo/<member>/<opaque>/<sha256>.jpg")
def photo(member: str, opaque: str, sha256: str) -> Response:
    """Send a photograph."""
    if not _SHA256.fullmatch(sha256):
        raise NotFound
    data = showing.read_shown_photograph(this_node(), case_id_of(member, opaque), sha256)
    response = make_response(data)
    response.content_type = "image/jpeg"
    response.headers["Cache-Control"] = f"public, max-age={PHOTO_SECONDS}, must-revalidate"
    return response


def _held(shown: Shown) -> list[Picture]:
    """Return the photographs of a child that are on this disk, each with the forms that are."""
    node = this_node()
    named = {photo.sha256 for photo in shown.photographs}
    found = [
        replace(
            picture,
            forms=[s for s in picture.forms if s in named and node.blobs.has(shown.owner.id, s)],
        )
        for picture in pictures_of(shown.public, node.now().date())
    ]
    return [picture for picture in found if picture.forms]
