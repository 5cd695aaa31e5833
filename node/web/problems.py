"""Errors as answers: one place that says which error has which status, in `application/problem+json`
(RFC 9457).

Guarantees: an answer holds only words of this program, never those of a request, a traceback or a path.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import structlog
from flask import Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound, PeerUnavailable
from node.log import describe_exception
from node.services.serving import NotIdentified, TooOften
from protocol.encoding import format_json
from protocol.errors import NotAuthorized, ProtocolError

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (NotIdentified, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (InvalidInput, 400),
    (TooOften, 429),
    (PeerUnavailable, 503),
    (NotAuthorized, 403),
    (ProtocolError, 400),
)
_RETRY_SECONDS = "60"  # what keeps a node from answering takes a person, or a pull, of about that long
_DETAIL = {
    404: "There is nothing here under this address.",
    405: "This address does not know that method.",
    413: "The body is longer than is allowed here.",
    415: "The body must be JSON: send it as application/json.",
    500: "Something went wrong on this node; its operator finds it in the log.",
}

log = structlog.get_logger()


def answer_error(error: Exception) -> Response:
    """Turn whatever a request ended with into its answer."""
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        status = error.code or 500
        detail = _DETAIL.get(status, "")
        if isinstance(error, MethodNotAllowed):
            headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    else:
        status = status_of(error)
        detail = _DETAIL[500] if status == 500 else _words(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooOften):
        headers["Retry-After"] = str(error.wait_seconds)
    elif status == 503:
        headers["Retry-After"] = _RETRY_SECONDS
    if status == 500:
        log.error("request failed", error=describe_exception(error))
    return problem(status, detail, headers)


def status_of(error: Exception) -> int:
    """Return the status of an error that is not Flask's own."""
    return next((code for kind, code in _STATUS if isinstance(error, kind)), 500)


def problem(
    status: int, detail: str, headers: Mapping[str, str] = MappingProxyType({}), problems: Sequence[str] = ()
) -> Response:
    """Make the answer itself.

    Args:
        problems: everything that is wrong with what was sent, each with its path; may be empty.
    """
    body: dict[str, Any] = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if problems:
        body["problems"] = list(problems)
    return Response(format_json(body), status, headers, content_type="application/problem+json")


def _words(error: Exception) -> str:
    if isinstance(error, NodeError):
        return f"{error.message} {error.next_step}".rstrip()
    return f"{error}."
