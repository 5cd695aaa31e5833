"""The public API: what the site shows, for programs of others, with an OpenAPI document.

Guarantees: nothing is given but what the site shows; a name stands in no address, and who looks for names is
counted for a minute, in memory alone; scripts of any site may read what a GET gives; a case that is over is
answered with 410; every error is a problem in this program's own words.

The docstrings of the views are what the OpenAPI document says of them.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import orjson
from flask import Flask, Response, current_app, request
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException, NotFound

from node.errors import Conflict, InvalidInput, NotAllowed
from node.runtime import KeylessNode
from node.services.site import showing
from node.services.site.showing import Gone, Shown, SiteQuery
from node.web.described import (
    DescribedApi,
    Problem,
    StrictParser,
    describe_errors,
    describe_places,
    fields_of_cases,
)
from node.web.log import log_answer, start_clock
from node.web.problems import answer_error, problem
from node.web.public.allowance import Allowance, spending
from node.web.public.api_bodies import Case, Conditions, Countries, Found, Wanted
from node.web.public.request import case_id_of, this_node, whole_address

MAX_BODY = 16_384
SECONDS = 60
_CASE = "/v1/cases/<member>/<opaque>"
_ERRORS = {
    400: "The body is not a JSON object in UTF-8, or has a key twice.",
    404: "There is nothing here under this address.",
    410: "The case is over; take away what you show of it.",
    413: "The body is longer than is allowed.",
    415: "The body is not sent as application/json.",
    422: "What was asked does not fit; `problems` lists everything that is wrong with it.",
    429: "There were too many searches from this address; Retry-After says how many seconds to wait.",
    500: "Something went wrong on this node.",
    503: "This node does not know yet what was erased; Retry-After says when to ask again.",
}
_ABOUT = """What this public site shows, for programs. No token is needed.

Show what is there now, and keep no copy: ask again within minutes, and take away at once what answers 410.
Names are asked for by POST, since addresses are written down everywhere. Who asks in a loop has to wait."""
_UNUSED = ("PaginationMetadata",)  # what flask-smorest describes, and this API does not send
_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Robots-Tag": "noindex, noarchive",
    }
)


def make_public_api(node: KeylessNode, allowance: Allowance) -> Flask:
    """Make the WSGI application of the public API, to be mounted at `/api`.

    Args:
        allowance: of the site that it is a part of.
    """
    app = Flask(__name__, static_folder=None)
    app.config.update(PROVIDE_AUTOMATIC_OPTIONS=False, MAX_CONTENT_LENGTH=MAX_BODY)
    app.url_map.merge_slashes = False
    app.extensions["node"], app.extensions["allowance"] = node, allowance
    api = DescribedApi(app, spec_kwargs={"title": "Public API", "version": "1", "openapi_version": "3.1.0"})
    api.register_blueprint(_make_blueprint())
    app.extensions["document"] = _describe(api.spec, node)
    app.add_url_rule("/openapi.json", "openapi", get_openapi)
    app.before_request(start_clock)
    app.after_request(_finish)
    for kind in (Exception, HTTPException):
        app.register_error_handler(kind, answer_error)
    app.register_error_handler(InvalidInput, _answer_invalid)
    app.register_error_handler(Gone, lambda error: problem(410, f"{error.message} {error.next_step}"))
    app.register_error_handler(Conflict, _answer_not_ready)
    app.register_error_handler(NotAllowed, _answer_not_listed)
    return app


def get_openapi() -> Response:
    """Answer with the description of this API (OpenAPI 3.1)."""
    return Response(current_app.extensions["document"], content_type="application/json")


def list_cases(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Find cases without words

    Those who went missing last come first, of alerts those of each member in turn; without a condition these
    are the newest of all.
    """
    return _found(asked)


def search(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Find cases by name, words or place

    With a name the most alike come first. A place alone is not searched for.
    """
    with spending():
        return _found(asked)


def list_alerts() -> dict[str, Any]:
    """List the cases with an active alert"""
    found = showing.find_alerts(this_node())
    return {"total": len(found), "results": [_case(shown) for shown in found]}


def list_countries() -> dict[str, Any]:
    """Count the cases that are shown, by the country whose they are"""
    counts = sorted(showing.count_children(this_node()).items())
    return {"countries": [{"country": code, "children": number} for code, number in counts]}


def get_case(member: str, opaque: str) -> dict[str, Any]:
    """Read a case

    Its public part as its owner published it, without photographs whose own last day is over.
    """
    return _case(showing.find_shown(this_node(), case_id_of(member, opaque)))


def get_photograph(member: str, opaque: str, sha256: str) -> Response:
    """Read a photograph of a case"""
    if len(sha256) != 64:
        raise NotFound
    data = showing.read_shown_photograph(this_node(), case_id_of(member, opaque), sha256)
    return Response(data, content_type="image/jpeg")


_ROUTES: tuple[tuple[str, str, str, Any, Any, Any], ...] = (
    ("list-cases", "GET", "/v1/cases", list_cases, (Conditions, "query"), Found),
    ("search", "POST", "/v1/search", search, (Wanted, "json"), Found),
    ("list-alerts", "GET", "/v1/alerts", list_alerts, None, Found),
    ("list-countries", "GET", "/v1/countries", list_countries, None, Countries),
    ("get-case", "GET", _CASE, get_case, None, Case),
    ("get-photograph", "GET", f"{_CASE}/photographs/<sha256>", get_photograph, None, None),
)


@cache
def _make_blueprint() -> Any:
    blueprint = Blueprint("api", __name__, description="Missing children.")
    blueprint.ARGUMENTS_PARSER = StrictParser(MAX_BODY)
    for name, method, rule, view, asked, answer in _ROUTES:
        if asked is not None:
            view = blueprint.arguments(asked[0], location=asked[1])(view)
        if answer is None:
            view = blueprint.response(200, {"description": "The file."}, content_type="image/jpeg")(view)
        else:
            view = blueprint.response(200, answer)(view)
        view = blueprint.doc(operationId=name)(view)
        blueprint.add_url_rule(rule, name, view, methods=[method], parameters=describe_places(rule))
    return blueprint


def _describe(spec: Any, node: KeylessNode) -> bytes:
    spec.components.schema("Problem", schema=Problem)
    document = spec.to_dict()
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation["responses"] = {"200": operation["responses"]["200"]} | {
                    str(status): {"$ref": f"#/components/responses/Error{status}"} for status in _ERRORS
                }
    components = document["components"]
    of_cases = fields_of_cases(node.network().schemas, {"Public": ("summary", "public")})
    own = {name: schema for name, schema in components["schemas"].items() if name not in _UNUSED}
    components["responses"], components["schemas"] = describe_errors(_ERRORS), {**of_cases, **own}
    return orjson.dumps(
        {**document, "info": {**document["info"], "description": _ABOUT}, "servers": [{"url": "../api"}]}
    )


def _found(asked: Mapping[str, Any]) -> dict[str, Any]:
    found, total = showing.find_children(this_node(), SiteQuery(**asked))
    return {"total": total, "results": [_case(shown) for shown in found]}


def _case(shown: Shown) -> dict[str, Any]:
    """Describe a case by what the site shows of it, and where that is."""
    blobs, photographs = this_node().blobs, f"/api/v1/cases/{shown.case_id}/photographs/"
    return {
        "case": shown.case_id,
        "owner": {"id": shown.owner.id, "country": shown.owner.country, "names": dict(shown.owner.names)},
        "version": shown.version,
        "digest": shown.digest.hex(),
        "updated_at": shown.updated_at,
        "expires": shown.expires,
        "public": shown.public,
        "photographs": [
            {**photo.describe(), "url": whole_address(photographs + photo.sha256)}
            for photo in shown.photographs
            if blobs.has(shown.owner.id, photo.sha256)
        ],
        "page": whole_address(f"/en/child/{shown.case_id}"),
        "widget": whole_address(f"/en/child/{shown.case_id}/widget"),
        "proof": _proof_address(shown),
    }


def _proof_address(shown: Shown) -> str | None:
    """Return where the owner's proof of a case is; None where its owner names no site."""
    path = f"/proof/{shown.case_id.rpartition('/')[2]}.json"
    if shown.own:
        return whole_address(path)
    return f"{shown.owner.site}{path}" if shown.owner.site else None


def _answer_invalid(error: InvalidInput) -> Response:
    return problem(422, f"{error.message} {error.next_step}".rstrip(), problems=error.problems)


def _answer_not_ready(error: Conflict) -> Response:
    return problem(503, f"{error.message} {error.next_step}".rstrip(), {"Retry-After": "60"})


def _answer_not_listed(_error: NotAllowed) -> Response:
    """Answer where the roster does not list this member: what its operator does about that is nobody's."""
    return problem(503, "This site is not part of the network now. Try again later.", {"Retry-After": "60"})


def _finish(response: Response) -> Response:
    fine = response.status_code == 200 and request.method in ("GET", "HEAD")
    response.headers["Cache-Control"] = f"public, max-age={SECONDS}, must-revalidate" if fine else "no-store"
    if fine:
        response.add_etag()
        response.make_conditional(request)
    response.headers.extend(_HEADERS)
    if request.method == "GET":
        response.headers["Access-Control-Allow-Origin"] = "*"
    log_answer(response)
    return response
