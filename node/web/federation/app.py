"""The application between nodes.

Guarantees: every request is read within the limit of its route, and nothing is kept in the process, so that
any number of workers may answer. TLS and the stripping of a path in front of the address belong to the proxy
before it.
"""

from collections.abc import Callable

from flask import Flask, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from node.errors import NotFound
from node.runtime import Node
from node.web.federation.callers import sent_path
from node.web.federation.routes import BODY_LIMITS, NO_STORE, ROUTES
from node.web.log import log_answer, start_clock
from node.web.problems import answer_error

_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def make_federation_app(node: Node, on_ring: Callable[[], None]) -> Flask:
    """Make the WSGI application between nodes.

    Args:
        on_ring: called after a doorbell made a peer due, so that it need not wait for the next tick.
    """
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # an address has one spelling, and nothing is redirected
    app.extensions["node"], app.extensions["on_ring"] = node, on_ring
    for route in ROUTES:
        app.add_url_rule(route.rule, route.name, route.view, methods=[route.method])
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(Exception, answer_error)
    return app


def _begin() -> None:
    start_clock()
    if "%" in sent_path():  # no address here needs it, and each has one spelling
        raise NotFound("There is nothing here under this address.")
    limit = BODY_LIMITS.get(request.endpoint or "", 0)
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    request.max_content_length = limit
    g.body = request.get_data(cache=False) if limit else b""  # a body that no route takes is never read


def _finish(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", NO_STORE)
    if response.status_code != 304:  # which repeats no headers but those that may have changed
        response.headers.extend(_SECURITY)
    log_answer(response, member=g.get("member", ""))
    return response
