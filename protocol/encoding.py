"""Strict reading of the small encodings that everything else is made of: JSON, base64, decimal numbers,
times.

Guarantees: a value has exactly one accepted spelling wherever the specification gives one (numbers, base64,
times), and every failure is `Malformed`, whose text never repeats what was read. The meaning of the values is
left to the callers. Specification: README, "Encodings".
"""

import base64
import binascii
import json
import re
from datetime import UTC, date, datetime
from typing import Any

import orjson

from protocol.errors import Malformed

MAX_DEPTH = 32
"""Levels of JSON arrays and objects that are read (README, "Limits")."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_HEX_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
# Hours stop at 23 here because later Pythons read 24:00:00 as the next day.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def parse_json(data: bytes, what: str, limit: int) -> Any:
    """Read one JSON value strictly.

    Args:
        data: the bytes as received; UTF-8 without a byte order mark.
        what: what is being read, for the error text ("leaf", "roster").
        limit: the most bytes that are looked at.

    Returns:
        The value. Objects are dicts in the order of the text.

    Raises:
        Malformed: too long, not UTF-8, not JSON, NaN or Infinity, a key twice in one object, or nested deeper
            than MAX_DEPTH.
    """
    if len(data) > limit:
        raise Malformed(f"{what}: {len(data)} bytes, at most {limit} are allowed")
    try:
        value = orjson.loads(data)
    except (orjson.JSONDecodeError, RecursionError):
        raise Malformed(f"{what}: not valid JSON in UTF-8") from None
    # orjson keeps the last of two equal keys. What our own writer would have written byte for byte has no
    # such pair; only other spellings pay for the slow look.
    if not _is_compact(value, data):
        _check_keys_unique(data, what)
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth_exceeds(value, MAX_DEPTH):
        raise Malformed(f"{what}: nested deeper than {MAX_DEPTH} levels")
    return value


def parse_object(data: bytes, what: str, limit: int) -> dict[str, Any]:
    """Read one JSON object strictly; like `parse_json`, and Malformed when the value is not an object."""
    value = parse_json(data, what, limit)
    if not isinstance(value, dict):
        raise Malformed(f"{what}: must be a JSON object")
    return value


def format_json(value: Any) -> bytes:
    """Write one JSON value as a single compact line of UTF-8, keys in the order given, without a newline."""
    return orjson.dumps(value)


def parse_base64(text: str, what: str, size: int | None = None) -> bytes:
    """Read standard base64 (RFC 4648 section 4) strictly: padded, no white space, no stray bits.

    Args:
        size: the number of bytes that it must hold, if fixed.

    Raises:
        Malformed: any other spelling, or another size.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError, UnicodeEncodeError, AttributeError):
        raise Malformed(f"{what}: not valid base64") from None
    if format_base64(data) != text:
        raise Malformed(f"{what}: base64 with stray bits at its end")
    if size is not None and len(data) != size:
        raise Malformed(f"{what}: holds {len(data)} bytes, must hold {size}")
    return data


def format_base64(data: bytes) -> str:
    """Write standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def parse_decimal(text: str, what: str) -> int:
    """Read a non-negative decimal number below 2^63: ASCII digits, no sign, no leading zero.

    Raises:
        Malformed: any other spelling.
    """
    if not _DECIMAL.fullmatch(text) or (number := int(text)) >= 1 << 63:
        raise Malformed(f"{what}: not a plain decimal number")
    return number


def parse_hash(text: Any, what: str) -> bytes:
    """Read a SHA-256 value of 64 lower-case hexadecimal digits into 32 bytes.

    Raises:
        Malformed: any other spelling.
    """
    if not isinstance(text, str) or not _HEX_HASH.fullmatch(text):
        raise Malformed(f"{what}: not 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)


def parse_time(text: Any, what: str) -> datetime:
    """Read an RFC 3339 time in whole seconds of UTC, `2026-11-21T20:14:00Z`, the only spelling of the
    protocol.

    Raises:
        Malformed: any other spelling or an impossible date.
    """
    if isinstance(text, str) and _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise Malformed(f"{what}: not a time such as 2026-11-21T20:14:00Z")


def format_time(moment: datetime) -> str:
    """Write an aware time as RFC 3339 in whole seconds of UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_date(text: Any, what: str) -> date:
    """Read a date, `2026-11-21`.

    Raises:
        Malformed: any other spelling or an impossible date.
    """
    if isinstance(text, str) and _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise Malformed(f"{what}: not a date such as 2026-11-21")


def _is_compact(value: Any, data: bytes) -> bool:
    try:
        return orjson.dumps(value) == data
    except (TypeError, RecursionError):  # deeper than the writer goes: certainly not ours
        return False


def _check_keys_unique(data: bytes, what: str) -> None:
    def reject_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise Malformed(f"{what}: a key stands twice in one object")
        return members

    try:
        json.loads(data, object_pairs_hook=reject_twice)
    except (ValueError, RecursionError):
        raise Malformed(f"{what}: not valid JSON in UTF-8") from None


def _depth_exceeds(value: Any, allowed: int) -> bool:
    """Tell whether arrays and objects stand in each other deeper than allowed, going no deeper than that."""
    if type(value) is not dict and type(value) is not list:
        return False
    if allowed == 0:
        return True
    for child in value.values() if type(value) is dict else value:
        kind = type(child)
        if (kind is dict or kind is list) and _depth_exceeds(child, allowed - 1):
            return True
    return False
