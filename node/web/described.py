"""What the JSON APIs of a node have alike: fields that are read strictly, problems that are named by their
path, and what their OpenAPI documents take from the network's schemas.

Guarantees: numbers are no texts, and true is no number; unknown members are refused; a problem repeats
nothing of the request but plain names of members.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn

from flask import Request
from flask_smorest import Api
from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Regexp
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from node.errors import InvalidInput
from protocol.encoding import format_time, parse_object
from protocol.member import MEMBER_ID
from schemas import Schemas

MAX_PROBLEMS = 50

MEMBER = f"^{MEMBER_ID}$"
OPAQUE = r"^[a-z2-7]{26}$"
SHA256 = r"^[0-9a-f]{64}$"

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)
_PLACES = {
    "member": (MEMBER, "The first half of a case's id: its owner.", "police.fr.example"),
    "opaque": (OPAQUE, "The second half of a case's id.", "k3ta7qmxk3ta7qmxk3ta7qmxk3"),
    "sha256": (SHA256, "Of a rendition, as the case names it.", "0" * 64),
}


class Strict(Schema):
    """A request's body or a part of one."""

    error_messages = {  # noqa: RUF012 - marshmallow reads it from the class
        "unknown": "Unknown field.",
        "type": "Must be an object.",
        "invalid": "Must be an object.",
    }


class WholeNumber(fields.Integer):
    """A JSON number without a fraction; neither a text nor true."""

    def _validated(self, value: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class Number(fields.Float):
    """A JSON number; neither a text nor true."""

    def _validated(self, value: Any) -> float:
        if type(value) not in (int, float):
            raise self.make_error("invalid")
        return float(value)


class Truth(fields.Boolean):
    """True or false, and nothing that only looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid")
        return value


class Moment(fields.DateTime):
    """A time as the protocol writes it: UTC, whole seconds."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else format_time(value)


def said(description: str, **more: Any) -> dict[str, Any]:
    """Describe a field."""
    return {"description": description, **more}


def ref(name: str, description: str) -> dict[str, Any]:
    """Describe a field whose form the network's schemas say."""
    return {"description": description, "allOf": [{"$ref": f"#/components/schemas/{name}"}]}


def country_code(description: str) -> fields.String:
    """Make a field for a country."""
    code = Regexp("^[A-Z]{2}$", error="Must be two capital letters (ISO 3166-1 alpha-2).")
    return fields.String(validate=code, metadata=said(description, example="FR"))


def list_problems(messages: Any, path: str = "") -> list[str]:
    """Write marshmallow's nested messages as lines, "near.lat: Not a valid number."."""
    return sorted(_problems(messages, path))[:MAX_PROBLEMS]


def _problems(messages: Any, path: str) -> Iterator[str]:
    if not isinstance(messages, dict):
        for message in messages if isinstance(messages, list) else [messages]:
            yield f"{path}: {message}" if path else str(message)
        return
    for name, inner in messages.items():
        if name == "_schema":
            yield from _problems(inner, path)
            continue
        shown = name if isinstance(name, str) and _PLAIN_NAME.fullmatch(name) else "?"
        yield from _problems(inner, f"{path}.{shown}" if path else shown)


class StrictParser(FlaskParser):
    """Reads what is asked as strictly as what comes from peers, and names every problem at once.

    Args:
        max_body: bytes that a body may have.
    """

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": RAISE, "query": RAISE}  # noqa: RUF012

    def __init__(self, max_body: int) -> None:
        super().__init__()
        self._max_body = max_body

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Return the object that was sent."""
        if not req.is_json:
            raise UnsupportedMediaType
        return parse_object(req.get_data(cache=False), "body", self._max_body)

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **_: Any) -> NoReturn:
        """Refuse what does not fit its schema."""
        (messages,) = error.messages_dict.values()
        raise InvalidInput(
            "The request cannot be taken as it is.", "Change what is listed.", list_problems(messages)
        )


class DescribedApi(Api):  # type: ignore[misc]  # published without types
    """An API whose document says of errors what `describe_errors` does, in the place of what flask-smorest
    would say of every status of HTTP: that was a third of the work of making an application."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_responses(self) -> None:
        """Describe no errors."""


class Problem(Schema):
    """What went wrong (RFC 9457, application/problem+json)."""

    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata=said("One sentence, and what to do next."))
    problems = fields.List(
        fields.String(), metadata=said("With 422: every problem of the body, each with its path.")
    )


def describe_places(rule: str) -> list[dict[str, Any]]:
    """Describe the parts of an address that change."""
    return [
        {
            "in": "path",
            "name": name,
            "schema": {"type": "string", "pattern": pattern},
            "description": description,
            "example": example,
        }
        for name, (pattern, description, example) in _PLACES.items()
        if f"<{name}>" in rule
    ]


def describe_errors(errors: Mapping[int, str]) -> dict[str, Any]:
    """Describe the answers of errors, by status and what it means."""
    return {
        f"Error{status}": {
            "description": description,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, description in errors.items()
    }


def fields_of_cases(schemas: Schemas, parts: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Take the parts of a case, and the terms that they are made of, from the schemas in force.

    Args:
        parts: kind of document and name of each part, by what it is called.
    """
    found: dict[str, Any] = {}
    for name, (kind, part) in parts.items():
        schema = schemas.schema(kind)
        known = set(schemas.fields(kind, part))
        properties = {
            field: inner
            for field, inner in schema["properties"][part]["properties"].items()
            if field in known
        }
        description = schema["properties"][part].get("description", "")
        found[name] = {"type": "object", "description": description, "properties": properties}
        found |= schema["$defs"]
    pointed: dict[str, Any] = _point_to_components(found)
    return pointed


def _point_to_components(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: inner.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref" and isinstance(inner, str)
            else _point_to_components(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_point_to_components(item) for item in value]
    return value
