"""The console as a WSGI application.

Guarantees: no page is stored anywhere or shown inside another site; no script and no style but this program's
own files, none of them written into a page; nothing is loaded from any other host; every error is a page with
the next step, in the reader's language; the log holds route, person, status and time.
"""

import hashlib
import io
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Request, g, make_response, render_template, request, send_from_directory, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from node.config import ConsoleConfig
from node.domain.permissions import Permission
from node.errors import InvalidInput, NodeError
from node.log import describe_exception
from node.runtime import Node
from node.services import maps
from node.services.people import provider
from node.services.serving import TooOften
from node.web.cases.text import show_country, show_language
from node.web.console import audit, home
from node.web.console.accounts import account, entrance, people
from node.web.console.accounts.words import role_names
from node.web.console.base import guard, navigation
from node.web.console.base.cookie import SealedCookies
from node.web.console.base.guard import (
    ForgedForm,
    WrongHost,
    answer_part,
    check_guarded,
    guard_request,
    open_to_all,
    this_node,
)
from node.web.console.base.languages import DOMAIN, LANGUAGES, choose_language
from node.web.console.base.refusals import say_message, say_next_step
from node.web.console.cases import (
    drafts,
    endings,
    imports,
    moving,
    photographs,
    place,
    register,
    risk,
    typed,
)
from node.web.console.federation import erasures, evidence, members
from node.web.console.foreign import cases as foreign_cases
from node.web.console.foreign import saved, search
from node.web.console.gate import approving, proposing
from node.web.console.leads import inbox, telling
from node.web.console.site import library, numbers, own_pages, posters
from node.web.console.site import look as site_look
from node.web.languages import is_timezone, said, set_up_languages
from node.web.log import log_answer
from node.web.problems import status_of
from node.web.proxy import BehindProxy

MAX_BODY_BYTES = 32 << 20
"""The largest body that any view asks for: a spreadsheet, or a photograph from a camera."""

_BLUEPRINTS = (
    entrance.pages,
    home.pages,
    account.pages,
    register.pages,
    drafts.pages,
    place.pages,
    typed.pages,
    photographs.pages,
    endings.pages,
    moving.pages,
    imports.pages,
    proposing.pages,
    risk.pages,
    approving.pages,
    search.pages,
    saved.pages,
    foreign_cases.pages,
    inbox.pages,
    telling.pages,
    people.pages,
    members.pages,
    erasures.pages,
    posters.pages,
    evidence.pages,
    site_look.pages,
    own_pages.pages,
    numbers.pages,
    library.pages,
    audit.pages,
)
_STATIC = (Path(__file__).parent / "static", Path(__file__).parent.parent / "static")
_STATIC_SECONDS = 86_400
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",  # htmx asks for parts of pages
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
}
_HSTS = "max-age=31536000"
# What a reader can make of an error: a title, and what to do next.
_ERRORS: Mapping[int, tuple[Any, Any]] = MappingProxyType(
    {
        400: (lazy_gettext("That did not work"), lazy_gettext("Go back, reload the page and try again.")),
        403: (
            lazy_gettext("This is not allowed"),
            lazy_gettext("Ask your administrator if you need it for your work."),
        ),
        404: (
            lazy_gettext("There is nothing here"),
            lazy_gettext("It may have been erased, or the address is wrong. Go on from the first page."),
        ),
        405: (lazy_gettext("That did not work"), lazy_gettext("Go back, reload the page and try again.")),
        409: (
            lazy_gettext("It changed meanwhile"),
            lazy_gettext("Go back, reload the page and look at it again before you go on."),
        ),
        413: (
            lazy_gettext("That is too large"),
            lazy_gettext("Go back and send less at a time, or a smaller file."),
        ),
        429: (lazy_gettext("Too often"), lazy_gettext("Wait a little, and then try again.")),
        500: (
            lazy_gettext("Something went wrong here"),
            lazy_gettext(
                "Try again. If it happens once more, tell your administrator the time: it is in the log."
            ),
        ),
        503: (
            lazy_gettext("Not available now"),
            lazy_gettext("Try again in a few minutes, or ask your administrator."),
        ),
    }
)

log = structlog.get_logger()


class _Request(Request):
    """A request whose files stay in memory: they are about children, and belong in no temporary file."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def make_console_app(node: Node) -> Flask:
    """Make the WSGI application of the console.

    Raises:
        InvalidInput: its settings, or those of the identity provider, do not fit together.
        NotFound, NotAllowed: its key is missing, or others can read it.
    """
    config = node.config.console
    _check_settings(config)
    provider.check_settings(node)
    address = urlsplit(config.address)
    app = Flask(__name__, static_folder=None)
    app.request_class = _Request
    app.extensions["node"] = node
    app.extensions["hosts"] = (
        frozenset({address.hostname}) if address.hostname else frozenset({*_LOOPBACK, config.host})
    )
    secure = bool(config.address)
    app.config.update(
        SECRET_KEY=node.console_key("form").hex(),
        SESSION_COOKIE_NAME=f"{'__Host-' if secure else ''}gmcn-{node.member}",
        SESSION_COOKIE_SECURE=secure,
        MAX_CONTENT_LENGTH=guard.MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=guard.MAX_FORM_BYTES,
        MAX_FORM_PARTS=guard.MAX_FIELDS,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        PREFERRED_URL_SCHEME="https" if secure else "http",
        WTF_CSRF_CHECK_DEFAULT=False,  # `guard` does, before it asks who it is
        WTF_CSRF_TIME_LIMIT=None,  # it lives as long as the cookie, so that a long form can be sent
        WTF_CSRF_SSL_STRICT=False,  # asks for a Referer, which no page sends; `guard` looks at Sec-Fetch-Site
    )
    app.session_interface = SealedCookies(node)
    app.jinja_env.filters.update(
        role_names=role_names, language_name=show_language, country_name=show_country, said=said
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    CSRFProtect(app)
    set_up_languages(app, DOMAIN, LANGUAGES, choose_language, config.timezone)
    app.before_request(guard_request)
    app.after_request(_finish)
    app.context_processor(_surroundings)
    app.register_error_handler(Exception, answer_error)
    app.add_url_rule("/static/<version>/<path:name>", "static", send_static)
    for pages in _BLUEPRINTS:
        app.register_blueprint(pages)
    check_guarded(app)
    if secure:  # a proxy speaks TLS, and says who it was that asked
        app.wsgi_app = BehindProxy(app.wsgi_app)  # type: ignore[method-assign]
    return app


def prepare(app: Flask) -> None:
    """Do once what the first reader of each page would otherwise wait for: compile templates, read the atlas.
    About two seconds of work and 17 MB of memory; for a thread beside those that answer."""
    maps.prepare()
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)


@open_to_all
def send_static(version: str, name: str) -> Response:
    """Send a style sheet or a script. They are this program's own and may be kept for a day, unlike pages."""
    folder = next((folder for folder in _STATIC if (folder / name).is_file()), _STATIC[0])
    return send_from_directory(folder, name, max_age=_STATIC_SECONDS)


def answer_error(error: Exception) -> Response:
    """Turn whatever a request ended with into a page, or into a message on the page that asked for a part."""
    if isinstance(error, CSRFError):
        error = ForgedForm()
    status = (error.code or 500) if isinstance(error, HTTPException) else status_of(error)
    if isinstance(error, HTTPException) and error.code is not None and 300 <= error.code < 400:
        return error.get_response()
    if status == 500:
        log.error("request failed", error=describe_exception(error))
    title, next_step = _ERRORS.get(status, _ERRORS[500 if status > 499 else 400])
    message = ""
    if isinstance(error, ForgedForm):
        message = _("This page was open for too long, or somebody else signed in here. Nothing was changed.")
    elif isinstance(error, WrongHost):
        message = _("This console has another address.")
    elif isinstance(error, NodeError):
        message, next_step = say_message(error), say_next_step(error) or next_step
    if isinstance(error, TooOften):
        next_step = ngettext(
            "Wait %(num)d second, and then try again.",
            "Wait %(num)d seconds, and then try again.",
            error.wait_seconds,
        )
    if request.headers.get("HX-Request"):
        response = answer_part(status, title, message, next_step)
    else:
        page = render_template("error.html", title=title, message=message, next_step=next_step, status=status)
        response = make_response(page, status)
    if isinstance(error, TooOften):
        response.headers["Retry-After"] = str(error.wait_seconds)
    return response


def _check_settings(config: ConsoleConfig) -> None:
    address = urlsplit(config.address)
    problems = []
    if config.address and (
        address.scheme != "https" or not address.hostname or address.path not in ("", "/")
    ):
        problems.append("console.address: must be like https://console.police.example, or empty")
    if not config.address and config.host not in _LOOPBACK:
        problems.append(
            "console.address: is needed where console.host is not of this machine alone: passwords do not "
            "travel without TLS"
        )
    if not is_timezone(config.timezone):
        problems.append("console.timezone: must be one such as Europe/Paris")
    if problems:
        raise InvalidInput("The console's settings do not fit.", "See docs/settings.md.", problems)


def _surroundings() -> dict[str, Any]:
    """Give every template what the shell of a page needs."""
    node = this_node()
    person = guard.person() if guard.is_signed_in() else None
    return {
        "node": node,
        "person": person,
        "Permission": Permission,
        "exercise": _is_exercise(node),
        "navigation": navigation.entries_for(person) if person else (),
        "static_url": static_url,
    }


def _is_exercise(node: Node) -> bool:
    return node.network().policy.exercise


def static_url(name: str) -> str:
    """Return the address of one of the program's own files; it changes when the file does."""
    return url_for("static", version=_version(name), name=name)


@cache
def _version(name: str) -> str:
    path = next(folder / name for folder in _STATIC if (folder / name).is_file())
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _finish(response: Response) -> Response:
    if request.endpoint != "static" or response.status_code != HTTPStatus.OK:
        response.headers["Cache-Control"] = "no-store"
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    config = this_node().config.console
    if config.address and config.hsts:
        response.headers["Strict-Transport-Security"] = _HSTS
    visit = g.get("visit")
    log_answer(response, person=visit.person.id if visit else "")  # type: ignore[arg-type]  # Flask's own kind
    return response
