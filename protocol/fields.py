"""Reading a JSON object field by field.

Guarantees: every value that is returned has the type and bounds that were asked for; whatever has not raises
`Malformed`, which names the place ("roster.members[3].duty: phone is missing") and never repeats what was
read. Keys that nobody asks for are passed over, so that a later minor version can add some.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar, cast

from protocol.encoding import parse_time
from protocol.errors import Malformed
from protocol.signs import is_readable

T = TypeVar("T")


class Fields:
    """A JSON object being read: each getter returns its type, or raises Malformed naming the place."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{what}: must be an object")
        self._value: dict[str, Any] = value
        self.what = what

    def has(self, key: str) -> bool:
        """Tell whether a key is there."""
        return key in self._value

    def names(self) -> Iterator[str]:
        """Give the keys."""
        return iter(self._value)

    def get(self, key: str) -> Any:
        """Return the value of a key, of any type."""
        if key not in self._value:
            raise Malformed(f"{self.what}: {key} is missing")
        return self._value[key]

    def text(self, key: str, form: re.Pattern[str] | None = None, most: int = 300) -> str:
        """Return a text of printable characters, of a form if one is given."""
        value = self.get(key)
        if not isinstance(value, str) or not 0 < len(value) <= most or not is_readable(value):
            raise Malformed(f"{self.what}.{key}: must be a text of 1 to {most} printable characters")
        if form and not form.fullmatch(value):
            raise Malformed(f"{self.what}.{key}: not of the form that is asked for")
        return value

    def integer(self, key: str, least: int, most: int) -> int:
        """Return a whole number within bounds, both included."""
        value = self.get(key)
        if type(value) is not int or not least <= value <= most:
            raise Malformed(f"{self.what}.{key}: must be a whole number from {least} to {most}")
        return value

    def boolean(self, key: str) -> bool:
        """Return a truth value."""
        value = self.get(key)
        if not isinstance(value, bool):
            raise Malformed(f"{self.what}.{key}: must be true or false")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return a text that must be one of a few."""
        value = self.get(key)
        if value not in allowed:
            raise Malformed(f"{self.what}.{key}: must be one of {', '.join(allowed)}")
        return cast(str, value)

    def time(self, key: str) -> datetime:
        """Return a time; see `parse_time`."""
        return parse_time(self.get(key), f"{self.what}.{key}")

    def object(self, key: str) -> "Fields":
        """Return an object to be read in its turn."""
        return Fields(self.get(key), f"{self.what}.{key}")

    def list(self, key: str, parse: Callable[[Any, str], T], *, least: int = 0, most: int) -> tuple[T, ...]:
        """Return what `parse` makes of each item and its place, if there are `least` to `most` items."""
        value = self.get(key)
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise Malformed(f"{self.what}.{key}: must be a list of {least} to {most}")
        return tuple(parse(item, f"{self.what}.{key}[{index}]") for index, item in enumerate(value))


def check_unique(values: Iterable[str], message: str) -> None:
    """Check that no value stands twice.

    Raises:
        Malformed: one does; `message` is its text.
    """
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise Malformed(message)
