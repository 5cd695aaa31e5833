"""Who may see a page: every view names the permission that it needs; one function holds all requests to it.

Guarantees: an application with a view that names nothing does not start; a request that changes something
must come from a form of this console, in the same browser; whoever's session has run out is asked to sign in
and comes back to where they were, with what they had typed; what is sent is bounded before it is read, for
somebody who has not signed in much more closely, and in its fields before it is taken apart.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import (
    Flask,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as NoSuchPage
from werkzeug.wrappers import Response

from node.domain.permissions import Permission
from node.errors import NotAllowed
from node.runtime import Node
from node.services.people import sessions
from node.services.people.sessions import Visit
from node.services.people.sign_in import Caller
from node.services.witnesses.witnessing import check_not_restored
from node.store.database import reading
from node.store.staff.people import Person
from node.web.console.base.cookie import known_people
from node.web.log import start_clock

View = TypeVar("View", bound=Callable[..., Any])

MAX_FORM_BYTES = 2 << 20
"""How large a form may be whose view does not ask for more."""

MAX_STRANGERS_BYTES = 64 << 10
"""How large a body may be of somebody who has not signed in."""

MAX_FIELDS = 5_000
"""How many fields a form may have: each costs far more than the bytes that it is sent in."""

BY_ITSELF = "X-By-Itself"
"""What a page sends with its own requests that nobody caused, so that a console left alone signs out."""

FILES_LOST = "files-lost"
"""Stands among the fields of a kept form with which files were sent: those are not kept."""

_PUBLIC = "public"
_LONGEST_WAY_BACK = 1_000
_NOT_KEPT = ("csrf_token", "password")
_BROWSERS = {"Firefox": "Firefox", "Edg": "Edge", "OPR": "Opera", "Chrome": "Chrome", "Safari": "Safari"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")


class WrongHost(BadRequest):
    """The request was meant for another address than this console's."""


class ForgedForm(BadRequest):
    """The form did not come from this console, or from another browser."""


def needs(permission: Permission, *, body: int = MAX_FORM_BYTES) -> Callable[[View], View]:
    """Say which permission a view needs. Put it below `@blueprint.route`.

    Args:
        body: how many bytes may be sent to it; more where files are uploaded.
    """
    return _marked(permission, body)


def open_to_all(view: View) -> View:
    """Let everybody use a view, signed in or not: for the way in, and for nothing of a case."""
    return _marked(_PUBLIC, MAX_FORM_BYTES)(view)


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    """Return what a page needs; None where everybody may see it."""
    needed = cast(Any, app.view_functions[endpoint]).needed
    return None if needed == _PUBLIC else cast(Permission, needed)


def check_guarded(app: Flask) -> None:
    """Check that every view of an application says who may use it.

    Raises:
        TypeError: one does not.
    """
    if bare := sorted(name for name, view in app.view_functions.items() if not hasattr(view, "needed")):
        raise TypeError(f"these views name no permission: {', '.join(bare)}")


def this_node() -> Node:
    """Return the node whose console answers."""
    node: Node = current_app.extensions["node"]
    return node


def visit() -> Visit:
    """Return the session of the request that is answered."""
    found: Visit = g.visit
    return found


def person() -> Person:
    """Return who asks. Only in views that need a permission."""
    return visit().person


def actor() -> str:
    """Name who asks for the journal."""
    return sessions.actor_of(person())


def caller() -> Caller:
    """Say from where a request came, and from what kind of browser."""
    agent = request.user_agent.string
    browser = next((name for mark, name in _BROWSERS.items() if mark in agent), "")
    system = next((name for name in _SYSTEMS if name in agent), "")
    device = ", ".join(filter(None, (browser, system)))
    return Caller(request.remote_addr or "", device, known_people())


def is_signed_in() -> bool:
    """Tell whether the request comes from somebody who has given both factors, and not too long ago."""
    found: Visit | None = g.get("visit")
    return found is not None and not found.ended and found.session.complete


def way_back() -> str:
    """Return where somebody wanted to go before they had to sign in, and forget it."""
    return str(session.pop("back", "") or url_for("home.today"))


def guard_request() -> Response | None:
    """Hold a request to the rules; what it returns is answered instead of the page."""
    start_clock()
    if not is_own_host():
        raise WrongHost
    if request.endpoint is None:  # no such address, or not for that method
        return None
    if "\0" in request.path or b"%00" in request.query_string:  # PostgreSQL takes no text with a zero byte
        raise NoSuchPage
    view = cast(Any, current_app.view_functions[request.endpoint])
    if view.needed == _PUBLIC and request.endpoint == "static":
        return None
    g.visit = None
    if token := session.get("token"):
        by_itself = BY_ITSELF in request.headers
        g.visit = sessions.find_visit(this_node(), token, by_itself=by_itself)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        _check_own_site()
        if g.visit is not None and g.visit.session.complete:
            _bound_body(view.body)
        elif view.needed == _PUBLIC or (request.content_length or 0) <= MAX_STRANGERS_BYTES:
            _bound_body(MAX_STRANGERS_BYTES)
        else:
            return _ask_to_sign_in()  # nothing of it is read
        protection: CSRFProtect = current_app.extensions["csrf"]
        protection.protect()
    if view.needed == _PUBLIC:
        return None
    if not is_signed_in():
        return _ask_to_sign_in()
    if _must_change_password() and request.endpoint != "account.password":
        return redirect(url_for("account.password"), 303)
    if not person().may(view.needed):
        raise NotAllowed("Your roles do not allow this.", "Ask your administrator if you need it.")
    with reading(this_node().engine) as conn:
        check_not_restored(conn)
    return None


def is_own_host() -> bool:
    """Tell whether a request names this console as people reach it: another name may be somebody's trick to
    let a browser speak to it as to a site of theirs."""
    hosts: frozenset[str] = current_app.extensions["hosts"]
    return (urlsplit(f"//{request.host}").hostname or "") in hosts


def _must_change_password() -> bool:
    """Tell whether somebody has to choose a password first: not if they came in without one."""
    return person().must_change and not visit().session.by_provider


def _marked(needed: Permission | str, body: int) -> Callable[[View], View]:
    def mark(view: View) -> View:
        marked = cast(Any, view)
        marked.needed, marked.body = needed, body
        return view

    return mark


def _bound_body(most: int) -> None:
    """Hold what was sent to a number of bytes, and a form to a number of fields.

    Raises:
        RequestEntityTooLarge: it is more.
    """
    plain = request.mimetype == "application/x-www-form-urlencoded"  # a form without files
    request.max_content_length = min(most, MAX_FORM_BYTES) if plain else most
    if (request.content_length or 0) > request.max_content_length:
        raise RequestEntityTooLarge
    if plain and request.get_data().count(b"&") >= MAX_FIELDS:  # in one with files Werkzeug counts them
        raise RequestEntityTooLarge


def _check_own_site() -> None:
    """Check that what changes something was not sent by another site.

    Raises:
        ForgedForm: it was.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise ForgedForm


def _ask_to_sign_in() -> Response:
    """Send somebody to the way in, so that they come back to where they were."""
    if request.headers.get("HX-Request"):
        words = _("Nothing is lost: send the form or reload the page, and sign in.")
        return answer_part(401, _("You were signed out"), "", words)
    node, found = this_node(), cast("Visit | None", g.visit)
    if request.method == "GET":
        _note_way_back(request.full_path.rstrip("?"))
    elif _has_page(request.path):
        _note_way_back(request.path)
        if found is not None and found.session.complete:
            fields = [item for item in request.form.items(multi=True) if not item[0].endswith(_NOT_KEPT)]
            if any(file.filename for file in request.files.values()):
                fields.append((FILES_LOST, "1"))
            if sessions.keep_form(node, found.person, request.path, fields):
                _say_once(
                    _("You were signed out. What you had entered is kept: sign in to go on."),
                    "kept",
                )
        else:
            _say_once(_("You were signed out, and nothing was changed. Sign in and try again."), "warning")
    else:
        _say_once(_("You were signed out, and nothing was changed. Sign in and try again."), "warning")
    return redirect(url_for("entrance.sign_in"), 303)


def _note_way_back(address: str) -> None:
    """Note where somebody wanted to go; not an address that is longer than any of this console's, since no
    browser would keep the cookie."""
    session["back"] = address if len(address) <= _LONGEST_WAY_BACK else ""


def _say_once(text: str, kind: str) -> None:
    """Leave a message for the next page, unless it waits there already: a cookie holds only so much."""
    if (kind, text) not in session.get("_flashes", ()):
        flash(text, kind)


def answer_part(status: int, title: str, message: str, next_step: str) -> Response:
    """Say what went wrong on the page that asked for a part of itself."""
    part = render_template("part_error.html", title=title, message=message, next_step=next_step)
    response = make_response(part, status)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#messages", "innerHTML"
    response.headers["HX-Reselect"] = "unset"  # all of it, whatever part of a page was asked for
    return response


def _has_page(path: str) -> bool:
    """Tell whether a form's address also shows it."""
    adapter = current_app.url_map.bind("")
    return adapter.test(path, "GET")
