"""The log: one line an event on standard error, as text or JSON, without anything that could be personal.

Guarantees: only keys of a short list are ever written, each with a value of a form that has no room for a
name or a text: numbers, and words of ASCII without free writing in them. Whatever else is given is dropped,
and the line says that something was. Lines of libraries lose their arguments and tracebacks.
"""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import PurePath
from typing import Any

import structlog

from node.config import LogConfig

ALLOWED = frozenset(
    (
        "address", "bytes", "count", "documents", "error", "hash", "job", "leaves", "level", "library",
        "member", "method", "ms", "photographs", "port", "receipts", "route", "seconds", "source", "status",
        "through", "timestamp", "token",
    )
)  # fmt: skip
"""The only keys that are written, beside the event."""

_EVENT = re.compile(r"[a-z][a-z ,'-]{0,79}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.:/<>@+-]{0,200}", re.ASCII)

Event = MutableMapping[str, Any]


def set_up_log(config: LogConfig) -> None:
    """Send this process' log to standard error. The last call counts."""
    level = getattr(logging, config.level.upper())
    renderer: Any = structlog.processors.JSONRenderer() if config.form == "json" else format_text
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Libraries()], level=max(level, logging.WARNING), force=True)


def redact(_logger: Any, _method: str, event: Event) -> Event:
    """Drop what is not on the list, and values that have room for more than a word. A structlog processor."""
    kept: Event = {}
    dropped = 0
    for key, value in event.items():
        if key == "event":
            kept[key] = value if isinstance(value, str) and _EVENT.fullmatch(value) else "event withheld"
        elif key in ALLOWED and _is_plain(value):
            kept[key] = value
        else:
            dropped += 1
    if dropped:
        kept["withheld"] = dropped
    return kept


def format_text(_logger: Any, _method: str, event: Event) -> str:
    """Write a line for people, of values that have no white space in them. A structlog processor."""
    begin = f"{event.pop('timestamp')} [{event.pop('level')}] {event.pop('event')}"
    return " ".join((begin, *(f"{key}={value}" for key, value in event.items())))


def describe_exception(error: BaseException) -> str:
    """Name the kind of an exception and where it was raised, without what it says."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"@{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return _WORD.fullmatch(value) is not None
    return value is None or isinstance(value, int | float)


class _Libraries(logging.Handler):
    """Takes the lines of libraries, whose words may repeat a request: only who, where and how bad is kept."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        event = {"library": record.name, "source": f"{record.filename}:{record.lineno}"}
        if record.exc_info and record.exc_info[1]:
            event["error"] = describe_exception(record.exc_info[1])
        structlog.get_logger().log(record.levelno, "a library says something", **event)
