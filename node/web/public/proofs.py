"""Is this poster real? The page behind the code on a poster, and what proves it to whoever does not take this
site's word.

Guarantees: only own cases are answered for; what is over is told in neutral words, and how it ended to
nobody; of what was never here it is said that it is not of this member. Nothing is signed here.
"""

import base64
import re
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound as NoSuchPage
from werkzeug.wrappers import Response

from node.errors import NotFound
from node.services.site.proofs import current_until, find_poster, make_proof_file
from node.services.site.showing import Gone
from node.web.cases.text import describe_briefly
from node.web.languages import said
from node.web.public.cards import held_pictures, names_of, photo_address, show_since
from node.web.public.child import contacts_of
from node.web.public.request import address_of, case_id_of, choose_language, this_node, whole_address
from protocol.encoding import format_json
from protocol.roster import format_roster

pages = Blueprint("proofs", __name__)

_VERSION = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)


@pages.route("/p/<opaque>")
def scan(opaque: str) -> Response:
    """Lead from the code on a poster to its page, in the reader's language."""
    address = url_for("proofs.poster", language=choose_language(), opaque=opaque, v=_version_asked())
    response = redirect(address, 302)
    response.vary.add("Accept-Language")
    return response


@pages.route("/<language:language>/poster/<opaque>")
def poster(opaque: str) -> Response:
    """Tell whether a poster is real and current, and whose it is."""
    try:
        shown = find_poster(this_node(), _own_case(opaque))
    except Gone:
        return make_response(render_template("poster_over.html"), 410)
    except (NotFound, NoSuchPage):
        return make_response(render_template("poster_unknown.html"), 404)
    newest = shown.case_id.rpartition("/")[2]
    if newest != opaque:  # the case was withdrawn by mistake, and published again
        return redirect(url_for("proofs.poster", opaque=newest), 302)
    return make_response(
        render_template(
            "poster.html",
            shown=shown,
            text=describe_briefly(shown.public),
            names=names_of(shown),
            owner=said(shown.owner.names),
            since=show_since(shown),
            contacts=contacts_of(shown),
            photographs=[
                (forms[0], photo_address(shown, forms[0]), forms[-1], photo_address(shown, forms[-1]))
                for _picture, forms in held_pictures(shown)
            ],
            child=address_of(shown.case_id),
            proof=url_for("proofs.proof", opaque=opaque),
            until=current_until(this_node(), shown),
            asked=_version_asked(),
        )
    )


@pages.route("/proof/<opaque>.json")
def proof(opaque: str) -> Response:
    """Send the proof file of an own case; programs on other sites may read it, too."""
    return _json(make_proof_file(this_node(), _own_case(opaque)))


@pages.route("/proof/keys.json")
def keys() -> Response:
    """Send the keys that this member's proofs are checked with: a JWK set, and the vkeys of its feed."""
    entry, now = this_node().entry(), this_node().now()
    value = {
        "keys": [_jwk(key.kid, key.public) for key in entry.token_keys if key.valid_at(now)],
        "vkeys": [key.format() for key in entry.feed("network").keys_at(now)],
    }
    return _json(format_json(value))


@pages.route("/proof/roster.json")
def roster() -> Response:
    """Send the list of members by which `gmcn verify` checks."""
    return _json(format_roster(this_node().network().roster))


@pages.route("/<language:language>/check")
def check() -> str:
    """Explain how a proof is checked without this site."""
    addresses = {name: whole_address(url_for(f"proofs.{name}")) for name in ("keys", "roster")}
    return render_template("check.html", **addresses)


def _own_case(opaque: str) -> str:
    return case_id_of(this_node().member, opaque)


def _version_asked() -> int | None:
    """Return the version that a poster says it shows; None where it says none."""
    text = request.args.get("v", "")
    return int(text) if _VERSION.fullmatch(text) else None


def _jwk(kid: str, public: bytes) -> dict[str, Any]:
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x}


def _json(data: bytes) -> Response:
    response = make_response(data)
    response.content_type = "application/json"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
