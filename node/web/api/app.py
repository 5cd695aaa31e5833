"""The search API as a WSGI application.

Guarantees: everything but the description of the API needs a staff token, of the scope that its route asks
for, and a token's requests are counted; bodies are bounded before they are read; every error is a problem in
this program's own words; nothing is kept in the process but that description; answers are never stored, and
the log holds route, token, status and time.
"""

import re
from typing import Any

import orjson
from flask import Flask, Response, current_app, g, request
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from node.errors import InvalidInput, NotAllowed, PeerUnavailable
from node.runtime import Node
from node.services import staff
from node.services.serving import NotIdentified
from node.store import marks
from node.store.database import reading
from node.store.staff.access import StaffToken
from node.web.api.description import Description, describe
from node.web.api.routes import BY_NAME, MAX_BODY, make_blueprint
from node.web.described import DescribedApi
from node.web.log import log_answer, start_clock
from node.web.problems import answer_error, problem

_SCHEME = "bearer "
_TOKEN = re.compile(r"gmcn_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", re.ASCII)
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'"


class _Json(JSONProvider):
    """Writes answers with orjson. Bodies are read elsewhere, more strictly."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return Response(
            orjson.dumps(self._prepare_response_obj(args, kwargs)), content_type="application/json"
        )


def make_api_app(node: Node) -> Flask:
    """Make the WSGI application for staff, to be mounted at `/api`.

    Raises:
        NotFound: the node has not joined a network, whose schemas the API describes.
    """
    app = Flask(__name__, static_folder=None)
    app.json = _Json(app)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # an address has one spelling, and nothing is redirected
    app.extensions["node"] = node
    api = DescribedApi(app, spec_kwargs={"title": "Search API", "version": "1", "openapi_version": "3.1.0"})
    api.register_blueprint(make_blueprint())
    app.extensions["description"] = describe(api.spec, node)
    app.add_url_rule("/openapi.json", "openapi", get_openapi)
    app.add_url_rule("/", "reference", get_reference)
    app.before_request(_begin)
    app.after_request(_finish)
    for kind, handler in (
        (Exception, answer_error),
        (HTTPException, answer_error),
        (InvalidInput, _answer_invalid),
    ):
        app.register_error_handler(kind, handler)
    return app


def get_openapi() -> Response:
    """Answer with the description of this API for programs (OpenAPI 3.1)."""
    return Response(_description().openapi, content_type="application/json")


def get_reference() -> Response:
    """Answer with the description of this API for people."""
    response = Response(_description().reference, content_type="text/html; charset=utf-8")
    style = f"style-src 'sha256-{_description().style_hash}'"
    response.headers["Content-Security-Policy"] = f"{_NOTHING}; {style}; base-uri 'none'; form-action 'none'"
    return response


def _description() -> Description:
    description: Description = current_app.extensions["description"]
    return description


def _begin() -> None:
    start_clock()
    if request.endpoint is None:  # no such address, or not for that method
        return
    route = BY_NAME.get(request.endpoint)
    limit = MAX_BODY if route and route.body else 0
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    if route is None:
        return
    node: Node = current_app.extensions["node"]
    _check_recovered(node)
    token = _identify(node)
    g.token = token.id
    if staff.SCOPES.index(token.scope) < staff.SCOPES.index(route.scope):
        raise NotAllowed(
            f"This token has the scope `{token.scope}`; this needs `{route.scope}`.",
            "Ask your administrator for another one.",
        )
    if route.limited:
        staff.take_turn(node, token)
    request.max_content_length = limit


def _check_recovered(node: Node) -> None:
    """Check that what was erased since the backup is gone, on a node that was restored."""
    if not current_app.extensions.get("recovered"):
        with reading(node.engine) as conn:
            if marks.find_mark(conn, marks.RESTORED) is not None:
                raise PeerUnavailable(
                    "This node was restored, and first asks its peers what was erased since.",
                    "Ask again in a few minutes, or see its administrator.",
                )
        current_app.extensions["recovered"] = True


def _identify(node: Node) -> StaffToken:
    authorization = request.headers.get("Authorization", "")
    presented = authorization[len(_SCHEME) :].strip()
    if authorization[: len(_SCHEME)].lower() != _SCHEME:
        raise NotIdentified("A staff token is needed.", "Send it as `Authorization: Bearer`.")
    if not _TOKEN.fullmatch(presented):
        raise NotIdentified("This is not a staff token.", "It looks like gmcn_0123456789ab_...")
    try:
        return staff.check_token(node, presented)
    except NotAllowed as error:
        raise NotIdentified(error.message, error.next_step) from None


def _answer_invalid(error: InvalidInput) -> Response:
    return problem(422, f"{error.message} {error.next_step}".rstrip(), problems=error.problems)


def _finish(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers.setdefault("Content-Security-Policy", _NOTHING)
    response.headers.extend(_SECURITY)
    log_answer(response, token=g.get("token", ""))
    return response
