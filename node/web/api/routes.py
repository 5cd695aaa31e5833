"""The routes of the API, over the use cases of `node.services.search.finding` and `node.services.status`.

Guarantees: a name stands in no address and in no log; what is closed is opened by tokens of the scope `open`,
for a purpose that is in the journal before anything is shown.

Their docstrings are what the OpenAPI document says of them.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from flask import Response, current_app, g
from flask_smorest import Blueprint
from marshmallow import Schema

from node.errors import NotFound
from node.runtime import Node
from node.services.search import finding
from node.services.search.finding import Opened
from node.services.status import Status, status
from node.web.api import bodies
from node.web.api.bodies import CaseAnswer, OpenRequest, SearchAnswer, SearchRequest, StatusAnswer
from node.web.described import MEMBER, OPAQUE, SHA256, StrictParser, describe_places

MAX_BODY = 65_536
SEARCH, OPEN = "search", "open"

_MEMBER, _OPAQUE, _SHA256 = (re.compile(pattern, re.ASCII) for pattern in (MEMBER, OPAQUE, SHA256))
_CASE = "/v1/cases/<member>/<opaque>"
_PHOTOGRAPH = f"{_CASE}/photographs/<sha256>"
_IMAGE: Mapping[str, Any] = {"description": "The file."}


class Route(NamedTuple):
    """One route.

    Attributes:
        scope: which tokens may use it.
        limited: whether it counts towards what a token may do in a minute.
    """

    name: str
    method: str
    rule: str
    view: Callable[..., Any]
    scope: str
    limited: bool
    body: type[Schema] | None
    answer: type[Schema] | Mapping[str, Any]


def search(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Find cases

    Finds own cases and everything that was pulled from peers, together. Names are found across scripts. The
    journal keeps which conditions a search had and keyed hashes of what it asked for, never the words.
    """
    query = bodies.make_query(asked, _node().now().date())
    found, total = finding.find(_node(), query, _actor())
    return {"total": total, "results": found}


def get_case(member: str, opaque: str) -> Opened:
    """Read what is public of a case

    Of a replica head and public part; of an own case what this member's disclosure policy makes public of it,
    published or not. The journal keeps who read it.
    """
    return finding.open_public(_node(), _case_id(member, opaque), _actor())


def open_case(asked: Mapping[str, Any], member: str, opaque: str) -> Opened:
    """Open a whole case for a purpose

    The network part, and the police part where there is one; of an own case the private record. Needs a token
    of the scope `open`. The purpose is in this node's journal before anything is shown.
    """
    return finding.open_case(_node(), _case_id(member, opaque), _actor(), asked["purpose"])


def get_photograph(member: str, opaque: str, sha256: str) -> Response:
    """Read a photograph that the public part names

    The journal keeps who read a full-size one.
    """
    case_id = _case_id(member, opaque)
    data, media_type = finding.read_photograph(_node(), case_id, _hash(sha256), _actor())
    return Response(data, content_type=media_type)


def open_photograph(asked: Mapping[str, Any], member: str, opaque: str, sha256: str) -> Response:
    """Open a photograph for a purpose

    Also one that only the network or police part names. Needs a token of the scope `open`.
    """
    data, media_type = finding.open_photograph(
        _node(), _case_id(member, opaque), _hash(sha256), _actor(), asked["purpose"]
    )
    return Response(data, content_type=media_type)


def get_status() -> Status:
    """Read how this node stands

    What it holds of whom, how fresh that is, and what went wrong: how complete a search can be. No personal
    data.
    """
    return status(_node())


ROUTES = (
    Route("search", "POST", "/v1/search", search, SEARCH, True, SearchRequest, SearchAnswer),
    Route("case", "GET", _CASE, get_case, SEARCH, True, None, CaseAnswer),
    Route("open", "POST", f"{_CASE}/open", open_case, OPEN, True, OpenRequest, CaseAnswer),
    # Not counted: a page of results shows many, and each is named by a case only.
    Route("photograph", "GET", _PHOTOGRAPH, get_photograph, SEARCH, False, None, _IMAGE),
    Route("open-photograph", "POST", f"{_PHOTOGRAPH}/open", open_photograph, OPEN, True, OpenRequest, _IMAGE),
    Route("status", "GET", "/v1/status", get_status, SEARCH, True, None, StatusAnswer),
)
BY_NAME = {f"api.{route.name}": route for route in ROUTES}
"""By the name that Flask has for its endpoint."""


@cache
def make_blueprint() -> Any:
    """Make the blueprint that serves and describes the routes."""
    blueprint = Blueprint("api", __name__, description="Finding and opening cases.")
    blueprint.ARGUMENTS_PARSER = StrictParser(MAX_BODY)
    for route in ROUTES:
        view = route.view
        if route.body is not None:
            view = blueprint.arguments(route.body)(view)
        if isinstance(route.answer, Mapping):
            view = blueprint.response(200, dict(route.answer), content_type="image/*")(view)
        else:
            view = blueprint.response(200, route.answer)(view)
        view = blueprint.doc(operationId=route.name)(view)
        places = describe_places(route.rule)
        blueprint.add_url_rule(route.rule, route.name, view, methods=[route.method], parameters=places)
    return blueprint


def _node() -> Node:
    node: Node = current_app.extensions["node"]
    return node


def _actor() -> str:
    return f"token {g.token}"


def _case_id(member: str, opaque: str) -> str:
    if not _MEMBER.fullmatch(member) or not _OPAQUE.fullmatch(opaque):
        raise NotFound("There is no such case here.", "A case's id is what a search gives as `case`.")
    return f"{member}/{opaque}"


def _hash(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise NotFound("There is no such photograph here.")
    return sha256
