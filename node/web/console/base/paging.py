"""Long lists, cut into pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from flask import request, url_for

Item = TypeVar("Item")

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list.

    Attributes:
        number: from 1.
        total: how many items the whole list has.
    """

    items: Sequence[Item]
    number: int
    total: int
    size: int = PAGE_SIZE

    @classmethod
    def cut(cls, items: Sequence[Item], wanted: str, size: int = PAGE_SIZE) -> "Page[Item]":
        """Cut the page that a request asks for out of a whole list; one that there is not becomes the
        nearest."""
        number = page_number(wanted, len(items), size)
        return cls(items[(number - 1) * size : number * size], number, len(items), size)

    @property
    def count(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // self.size))

    def address(self, number: int) -> str:
        """Return the address of another page of the list that is shown, with the same filters."""
        # `url_for` would take some names of arguments for orders to itself: whoever made the link chose them.
        arguments = urlencode({**request.args.to_dict(flat=False), "page": number}, doseq=True)
        return f"{url_for(request.endpoint or '', **request.view_args or {})}?{arguments}"


def page_number(wanted: str, total: int, size: int = PAGE_SIZE) -> int:
    """Read the number of a page from a request; for lists that the database cuts."""
    number = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 9 else 1
    return min(max(1, number), max(1, -(-total // size)))
