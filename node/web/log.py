"""One line of the log for each request, in the same words whichever application answered.

Guarantees: the line has the route's pattern and never the address that was asked for, which names a case.
"""

import time

import structlog
from flask import Response, g, request

_log = structlog.get_logger()


def start_clock() -> None:
    """Note when a request began."""
    g.started = time.perf_counter()


def log_answer(response: Response, **who: str) -> None:
    """Write the line of a request that was answered.

    Args:
        who: the member or the staff token that asked; empty where that is not known.
    """
    _log.info(
        "request",
        method=request.method,
        route=str(request.url_rule) if request.url_rule else "",
        **who,
        status=response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 1),
        bytes=response.content_length,
    )
