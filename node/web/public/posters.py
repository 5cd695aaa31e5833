"""Posters: the page where somebody chooses one, and the files.

Guarantees: whatever a poster says is in the language of its address, and in the one beside it that was asked
for; its code leads to an address of the settings, whatever a request calls its host; a file is never called
after a child.
"""

import re
from typing import get_args

from flask import Blueprint, current_app, make_response, render_template, request
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from node.adapters.typesetting import Form
from node.runtime import KeylessNode
from node.services.site import posters
from node.services.site.poster_sheet import FORMATS, PAPER, PREVIEW, SCREENS, STYLES
from node.services.site.posters import Speech, Turns, Wish
from node.services.site.showing import Shown
from node.services.site.sightings import network_of
from node.web.languages import isolated, reader_locale
from node.web.public.cards import names_of
from node.web.public.poster_text import describe
from node.web.public.request import address_of, case_id_of, offered, this_node
from node.web.public.telephones import format_telephone

pages = Blueprint("poster", __name__)

POSTER_SECONDS = 300

_FILE = re.compile(rf"({'|'.join(STYLES)})-({'|'.join(FORMATS)})\.({'|'.join(get_args(Form))})", re.ASCII)
_TYPES: dict[str, str] = {"pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml"}
# A drawing that is opened by itself has its pictures in it, and may do nothing.
_DRAWING_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"


@pages.record_once
def _prepare(state: BlueprintSetupState) -> None:
    node: KeylessNode = state.app.extensions["node"]
    state.app.extensions["poster_turns"] = Turns(at_once=max(1, node.config.site.threads - 1))


@pages.route("/<language:language>/child/<member>/<opaque>/poster")
def choose(member: str, opaque: str) -> str:
    """Show what posters there are of a child."""
    case_id = case_id_of(member, opaque)
    shown, _photos = posters.find_for_poster(this_node(), case_id)
    beside, names = _beside(), names_of(shown)
    return render_template(
        "posters.html",
        names=names,
        title=isolated(names[0].text) if names else _("Name not known"),
        back=address_of(case_id),
        beside=beside,
        second={tag: name for tag, name in offered().items() if tag != _language()},
        styles={"classic": _("Everything that is known"), "action": _("One large picture, few words")},
        preview=PREVIEW,
        paper=PAPER,
        screens=dict(zip(SCREENS, (_("square"), _("upright"), _("wide")), strict=True)),
        file=lambda style, size, form: address_of(
            case_id, "poster.send", name=f"{style}-{size}.{form}", **({"with": beside} if beside else {})
        ),
    )


@pages.route("/<language:language>/child/<member>/<opaque>/poster/<name>")
def send(member: str, opaque: str, name: str) -> Response:
    """Send a poster."""
    match = _FILE.fullmatch(name)
    if match is None:
        raise NotFound
    style, size, form = match.groups()
    languages = tuple(filter(None, (_language(), _beside())))
    wish = Wish(style, size, form, languages)  # type: ignore[arg-type]  # the pattern has only these
    turns: Turns = current_app.extensions["poster_turns"]
    case_id = case_id_of(member, opaque)
    made = posters.make_poster(
        this_node(), case_id, wish, SPEECH, turns, network_of(request.remote_addr or "")
    )
    response = make_response(made)
    response.content_type = _TYPES[form]
    response.headers["Cache-Control"] = f"public, max-age={POSTER_SECONDS}, must-revalidate"
    response.headers["X-Robots-Tag"] = "noindex, noarchive"
    response.headers["Content-Disposition"] = f'inline; filename="poster-{opaque[:8]}-{size}.{form}"'
    if form == "svg":
        response.headers["Content-Security-Policy"] = _DRAWING_POLICY
    return response


def address_on_paper(shown: Shown) -> str:
    """Return the address that the code of a poster leads to: the short one at the owner's own site, which
    tells whether a poster of this version is real; the child's page here where the owner names no site."""
    site = posters.find_site(this_node(), shown)
    if not shown.own and not shown.owner.site:
        return site + address_of(shown.case_id)
    return f"{site}/p/{shown.case_id.partition('/')[2]}?v={shown.version}"


SPEECH = Speech(describe, format_telephone, address_on_paper)
"""How posters speak to people."""


def _language() -> str:
    return reader_locale().language


def _beside() -> str:
    """Return the second language that is asked for; empty where none is."""
    asked = request.args.get("with", "")
    if asked and (asked not in offered() or asked == _language()):
        raise NotFound
    return asked
