"""The public site as a WSGI application.

Guarantees: it is given a node without keys and has no other; no page sets a cookie; no script is run but the
program's own, and nothing is loaded from any other host; what is shown may be kept by caches for minutes and
is asked for again after them, and what is no longer shown is kept by none; every error is a page with the
next step, in the reader's language, and says nothing of what was asked for.
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
from flask import (
    Flask,
    Request,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import lazy_gettext
from werkzeug.exceptions import BadHost, HTTPException, NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from node.config import SiteConfig
from node.errors import Conflict, InvalidInput, NotAllowed
from node.log import describe_exception
from node.runtime import KeylessNode
from node.services.serving import TooOften
from node.services.site.showing import Gone
from node.web.languages import is_timezone, set_up_languages
from node.web.log import log_answer, start_clock
from node.web.problems import status_of
from node.web.proxy import BehindProxy
from node.web.public import (
    child,
    discovery,
    feeds,
    help_now,
    library,
    lists,
    look,
    own_pages,
    posters,
    proofs,
    search,
    sightings,
    widgets,
)
from node.web.public.allowance import Allowance
from node.web.public.api import make_public_api
from node.web.public.cards import name_publisher
from node.web.public.kept import KeptPages
from node.web.public.request import (
    DOMAIN,
    POLICY,
    LanguageConverter,
    choose_language,
    find_offered,
    this_node,
    whole_address,
)
from node.web.public.shell import surround
from node.web.public.telephones import format_telephone

MAX_BODY_BYTES = 32 << 20
"""The largest body that any view asks for: a photograph from a telephone."""

MAX_FORM_BYTES = 64 << 10
"""How large a body may be whose view does not ask for more."""

MAX_FIELDS_BYTES = 2 * MAX_FORM_BYTES
"""How much the fields of a form with a photograph may hold. The piece of it that is being taken apart counts,
too, and may have 64 kB and a little."""

MAX_FIELDS = 100
"""How many fields a form may have."""

PAGE_SECONDS = 60
"""For how long a page may be shown without asking whether it still holds."""

_BLUEPRINTS = (
    child.pages,
    search.pages,
    lists.pages,
    discovery.pages,
    posters.pages,
    proofs.pages,
    sightings.pages,
    help_now.pages,
    own_pages.pages,
    library.pages,
    look.pages,
    feeds.pages,
    widgets.frames,
    widgets.pages,
)
_STATIC = (Path(__file__).parent / "static", Path(__file__).parent.parent / "static")
_STATIC_SECONDS = 86_400
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "site.css": "text/css; charset=utf-8",
        "widget.css": "text/css; charset=utf-8",
        "map.css": "text/css; charset=utf-8",
        "seen.js": "text/javascript; charset=utf-8",
        "widget.js": "text/javascript; charset=utf-8",
        "icon.svg": "image/svg+xml",
        "glass.svg": "image/svg+xml",
    }
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEADERS = {
    "Content-Security-Policy": "; ".join(POLICY),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
}
# What a reader can make of an error: a title, and what to do next.
_ERRORS: Mapping[int, tuple[Any, Any]] = MappingProxyType(
    {
        400: (
            lazy_gettext("That did not work"),
            lazy_gettext("Go back, change something and try again."),
        ),
        404: (
            lazy_gettext("There is nothing here"),
            lazy_gettext("The address may be wrong. Search for a child, or look at the newest cases."),
        ),
        410: (
            lazy_gettext("This page is no longer here"),
            lazy_gettext(
                "Thank you for looking. Other children are still missing: please look at them, too."
            ),
        ),
        413: (lazy_gettext("That is too large"), lazy_gettext("Go back and send less.")),
        429: (lazy_gettext("Too often"), lazy_gettext("Wait a little, and then try again.")),
        500: (lazy_gettext("Something went wrong here"), lazy_gettext("Try again in a few minutes.")),
        503: (lazy_gettext("Not available now"), lazy_gettext("Try again in a few minutes.")),
    }
)

log = structlog.get_logger()


class _Request(Request):
    """A request whose files stay in memory: they are about children, and belong in no temporary file."""

    max_content_length = MAX_FORM_BYTES

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def make_site_app(node: KeylessNode) -> Flask:
    """Make the WSGI application of the public site.

    Raises:
        InvalidInput: its settings do not fit together.
    """
    config = node.config.site
    _check_settings(config)
    app = Flask(__name__, static_folder=None)
    app.request_class = _Request
    app.extensions["node"], app.extensions["languages"] = node, find_offered()
    app.extensions["allowance"], app.extensions["kept"] = Allowance(), KeptPages()
    app.config.update(
        MAX_FORM_MEMORY_SIZE=MAX_FIELDS_BYTES,
        MAX_FORM_PARTS=MAX_FIELDS,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        PREFERRED_URL_SCHEME="https" if config.address else "http",
    )
    app.url_map.merge_slashes = False  # an address has one spelling
    app.url_map.converters["language"] = LanguageConverter
    app.jinja_env.filters["telephone"] = format_telephone
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    set_up_languages(app, DOMAIN, app.extensions["languages"], choose_language, config.timezone)
    app.url_value_preprocessor(_take_language)
    app.url_defaults(_give_language)
    app.before_request(start_clock)
    app.after_request(_finish)
    app.context_processor(_surroundings)
    app.register_error_handler(Exception, answer_error)
    app.add_url_rule("/", "start", choose_start)
    app.add_url_rule("/static/<version>/<name>", "static", send_static)
    for pages in _BLUEPRINTS:
        app.register_blueprint(pages)
    programs = make_public_api(node, app.extensions["allowance"])
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/api": programs})  # type: ignore[method-assign]
    if config.address:  # a proxy speaks TLS, and says who it was that asked
        app.wsgi_app = BehindProxy(app.wsgi_app)  # type: ignore[method-assign]
    return app


def choose_start() -> Response:
    """Lead to the first page in the language that the reader's browser asks for."""
    response = redirect(f"/{choose_language()}/", 302)
    response.vary.add("Accept-Language")
    return response


def send_static(version: str, name: str) -> Response:
    """Send one of the program's own files, which may be kept for a day, unlike pages."""
    if name not in _KINDS:
        raise NotFound
    response = Response(_read_static(name), content_type=_KINDS[name])
    if version == _version(name):  # else a cache could keep this file ahead for that of the next release
        response.headers["Cache-Control"] = f"public, max-age={_STATIC_SECONDS}"
    return response


def answer_error(error: Exception) -> Response:
    """Turn whatever a request ended with into a page."""
    if isinstance(error, HTTPException) and error.code is not None and 300 <= error.code < 400:
        return error.get_response()
    if isinstance(error, BadHost):  # no name at all, so that no address of a page can be made for it
        return Response("This is not the address of this site.\n", 400, content_type="text/plain")
    status = _status_of(error)
    if status == 500:
        log.error("request failed", error=describe_exception(error))
    title, next_step = _ERRORS.get(status, _ERRORS[500 if status > 499 else 400])
    response = make_response(render_template("error.html", title=title, next_step=next_step), status)
    if isinstance(error, TooOften):
        response.headers["Retry-After"] = str(error.wait_seconds)
    return response


def _status_of(error: Exception) -> int:
    if isinstance(error, HTTPException):
        return error.code or 500
    if isinstance(error, Gone):
        return 410
    if isinstance(error, Conflict | NotAllowed):  # restored and not up to date yet; not in the network now
        return 503
    return status_of(error)


def _check_settings(config: SiteConfig) -> None:
    address = urlsplit(config.address)
    problems = []
    if config.address and (
        address.scheme != "https" or not address.hostname or address.path not in ("", "/")
    ):
        problems.append("site.address: must be like https://missing.police.example, or empty")
    if not config.address and config.host not in _LOOPBACK:
        problems.append("site.address: is needed where site.host is not of this machine alone")
    if not is_timezone(config.timezone):
        problems.append("site.timezone: must be one such as Europe/Paris")
    if problems:
        raise InvalidInput("The site's settings do not fit.", "See docs/settings.md.", problems)


def _take_language(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values and "language" in values:
        g.language = values.pop("language")


def _give_language(endpoint: str, values: dict[str, Any]) -> None:
    if "language" not in values and current_app.url_map.is_endpoint_expecting(endpoint, "language"):
        values["language"] = choose_language()


def _surroundings() -> dict[str, Any]:
    """Give every template what the shell of a page needs."""
    node = this_node()
    return {
        "exercise": node.network().policy.exercise,
        "publisher": name_publisher(),
        **look.describe_look(),
        "static_url": static_url,
        "whole_address": whole_address,
        "surround": surround,
    }


def static_url(name: str) -> str:
    """Return the address of one of the program's own files; it changes when the file does."""
    return url_for("static", version=_version(name), name=name)


@cache
def _version(name: str) -> str:
    return hashlib.sha256(_read_static(name)).hexdigest()[:12]


@cache
def _read_static(name: str) -> bytes:
    return next(folder / name for folder in _STATIC if (folder / name).is_file()).read_bytes()


def _finish(response: Response) -> Response:
    if response.status_code >= HTTPStatus.BAD_REQUEST or request.method == "POST":
        response.headers["Cache-Control"] = "no-store"
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = f"public, max-age={PAGE_SECONDS}, must-revalidate"
    if response.status_code == HTTPStatus.OK and request.method in ("GET", "HEAD"):
        response.add_etag()
        response.make_conditional(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    log_answer(response)  # type: ignore[arg-type]  # Flask's own kind
    return response
