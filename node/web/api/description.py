"""The description of the API: an OpenAPI 3.1 document for programs, and the same as a page for people.

Guarantees: both name every route and every error, take the fields of a case from the schemas that the network
has in force, and need nothing from any other host.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from node.runtime import Node
from node.services.staff import MAX_REQUESTS
from node.web.api.routes import MAX_BODY, ROUTES, Route
from node.web.described import Problem, describe_errors, fields_of_cases
from schemas import Schemas

_FOLDER = Path(__file__).parent
_PARTS = {
    "Head": ("summary", "head"),
    "Public": ("summary", "public"),
    "Network": ("summary", "network"),
    "Police": ("supplement", "police"),
}
_ABOUT = f"""Finds cases over the whole federation from this node's own disk, and opens them, for this
member's own staff and programs.

Every request carries a token that the node's administrator made (`gmcn token create`), as `Authorization:
Bearer`. A token of the scope `search` finds cases and reads what is public; one of the scope `open` also
opens the other parts, for a purpose that is written into the node's journal first. A token may search and
open cases {MAX_REQUESTS} times a minute.

Bodies are JSON of at most {MAX_BODY} bytes; members that are not described are refused. Names of people
belong into bodies, never into addresses."""
_ERRORS = {
    400: "The body is not a JSON object in UTF-8, has a key twice, or is nested too deep.",
    401: "There is no staff token, or it has ended or was revoked.",
    403: "The token has not the scope that this needs.",
    404: "There is nothing here under this address, or it was erased.",
    413: "The body is longer than is allowed.",
    415: "The body is not sent as application/json.",
    422: "The body does not fit; `problems` lists everything that is wrong with it.",
    429: "The token has asked too often; Retry-After says how many seconds to wait.",
    500: "Something went wrong on this node.",
}
_OF_BODIES = (400, 413, 415, 422)

_UNUSED = ("PaginationMetadata",)
"""What flask-smorest describes, and this API does not send."""

_CASE_ID = "police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PUBLIC = {
    "names": [{"full": "Амина Бенали", "kind": "legal", "lang": "ru", "script": "Cyrl"}],
    "sex": 2,
    "age_at_disappearance": {"min": 9, "max": 9, "unit": "year"},
    "missing_since": "2026-03-14",
    "last_seen": {"country": "FR", "lat": 43.3, "lon": 5.37, "radius_m": 2000},
    "category": "runaway",
    "circumstances": {"fr": {"text": "Vue pour la dernière fois à la gare.", "origin": "original"}},
    "contacts": [{"kind": "hotline", "value": "116000", "country": "FR"}],
}
_OF_CASE = {"case": _CASE_ID, "source": "replica", "owner": "police.fr.example", "status": "published"}
_CASE = {
    **_OF_CASE,
    "version": 2,
    "expires": "2027-05-01",
    "reached_at": "2026-11-21T20:14:00Z",
    "parts": {"public": _PUBLIC},
    "withheld": ["network", "police"],
    "photographs": [
        {
            "sha256": _HASH,
            "rendition": "small",
            "media_type": "image/jpeg",
            "width": 240,
            "height": 300,
            "bytes": 9876,
            "state": "held",
        }
    ],
}
_PURPOSE = {"purpose": "border check, report 4711"}
_EXAMPLES: Mapping[str, tuple[Any, Any]] = {
    "search": (
        {"name": "Amina Benali", "sex": 2, "missing_within_years": 2, "limit": 10},
        {"total": 1, "results": [{**_OF_CASE, "country": "FR", "score": 0.93, "public": _PUBLIC}]},
    ),
    "case": (None, _CASE),
    "open": (
        _PURPOSE,
        {**_CASE, "withheld": [], "parts": {"public": _PUBLIC, "network": {"birth": "2016-05-02"}}},
    ),
    "open-photograph": (_PURPOSE, None),
}


@dataclass(frozen=True)
class Description:
    """The finished description.

    Attributes:
        style_hash: of the page's style, for its Content-Security-Policy.
    """

    openapi: bytes
    reference: str
    style_hash: str


def describe(spec: Any, node: Node) -> Description:
    """Finish what flask-smorest wrote of the routes, and make the page of it."""
    spec.components.schema("Problem", schema=Problem)
    document = _finish(spec.to_dict(), node.network().schemas)
    style = (_FOLDER / "static" / "reference.css").read_text("utf-8")
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    reference = environment.get_template("reference.html").render(
        document=document,
        operations=_operations(document),
        style=style,
        member=node.member,
        exercise=node.network().policy.exercise,
        show=lambda value: orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(),
    )
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Description(orjson.dumps(document), reference, style_hash)


def _finish(document: dict[str, Any], schemas: Schemas) -> dict[str, Any]:
    """Add what routes cannot say of themselves: errors, tokens, examples, and the fields of a case."""
    by_name = {route.name: route for route in ROUTES}
    for _, _, operation in _operations(document):
        _finish_operation(operation, by_name[operation["operationId"]])
    components = document["components"]
    components["responses"] = describe_errors(_ERRORS)
    components["securitySchemes"] = {"staff": {"type": "http", "scheme": "bearer"}}
    own = {name: schema for name, schema in components["schemas"].items() if name not in _UNUSED}
    components["schemas"] = {**fields_of_cases(schemas, _PARTS), **own}
    return {
        "openapi": document["openapi"],
        "info": {**document["info"], "description": _ABOUT},
        "servers": [{"url": "../api", "description": "This node."}],
        "security": [{"staff": []}],
        "tags": document["tags"],
        "paths": document["paths"],
        "components": components,
    }


def _operations(document: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """List path, method and description of every operation."""
    return [
        (path, method, item[method])
        for path, item in document["paths"].items()
        for method in ("get", "post")
        if method in item
    ]


def _finish_operation(operation: dict[str, Any], route: Route) -> None:
    errors = [status for status in _ERRORS if route.body or status not in _OF_BODIES]
    request, answer = _EXAMPLES.get(route.name, (None, None))
    good = operation["responses"]["200"]
    if request is not None:
        next(iter(operation["requestBody"]["content"].values()))["example"] = request
    if answer is not None:
        next(iter(good["content"].values()))["example"] = answer
    operation["responses"] = {"200": good} | {
        str(status): {"$ref": f"#/components/responses/Error{status}"} for status in errors
    }
