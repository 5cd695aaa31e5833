"""Pages that were written a moment ago, and would be the same again.

Guarantees: what a page shows is looked up at every request, so that a child who is no longer shown leaves at
once: only the writing of it is saved. A page is given again to nobody but who asks for the same address in
the same language, while each child on it has the same document, the same photographs on this disk and the
same alert, on the same day, and nothing changed of the network's files and of the site's look. How many
children each country has may be a minute old. What was asked for by POST is never kept. What stands around
pages (`shell`) has nothing in it of what was asked for, and is kept apart, for all of a kind. What nobody
asks for leaves within a minute of the next request, and all together is bounded.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from flask import current_app, render_template, request

from node.domain.lifecycle import active_alert
from node.services.site.showing import Shown
from node.web.public.cards import today
from node.web.public.request import choose_language, this_look, this_node

MAX_KEPT_BYTES = 4 << 20
"""The most that one process keeps: some three hundred pages."""

KEPT_SECONDS = 60.0
"""For how long a page is kept after it was written."""

_MAX_ADDRESS = 500  # no page names a longer one, and what others make up is kept with the page


class KeptPages:
    """Pages by what they depend on.

    Args:
        most: bytes of all of them.
    """

    def __init__(self, most: int = MAX_KEPT_BYTES) -> None:
        self._most, self._bytes = most, 0
        self._pages: OrderedDict[Hashable, tuple[float, bytes]] = OrderedDict()  # the oldest first
        self._around: tuple[object, ...] = ()
        self._lock = threading.Lock()

    def get(self, around: tuple[object, ...], key: Hashable, write: Callable[[], bytes]) -> bytes:
        """Return a page, written now where it is not kept.

        Args:
            around: what every page depends on; once one of these is another object, all pages go.
            key: what this page depends on beside it.
        """
        with self._lock:
            self._drop_old(around)
            if key in self._pages:
                return self._pages[key][1]
        page = write()
        with self._lock:
            if self._is_around(around) and key not in self._pages:
                self._pages[key] = time.monotonic(), page
                self._bytes += len(page)
                while self._bytes > self._most:
                    self._drop_oldest()
        return page

    def _drop_old(self, around: tuple[object, ...]) -> None:
        if not self._is_around(around):
            self._pages.clear()
            self._around, self._bytes = around, 0
        before = time.monotonic() - KEPT_SECONDS
        while self._pages and next(iter(self._pages.values()))[0] < before:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _key, (_written, page) = self._pages.popitem(last=False)
        self._bytes -= len(page)

    def _is_around(self, around: tuple[object, ...]) -> bool:
        return list(map(id, around)) == list(map(id, self._around))


def render_about(
    children: Sequence[Shown], template: str, make: Callable[[], Mapping[str, Any]], total: int = 0
) -> bytes:
    """Write a page about children, unless it was written a moment ago.

    Args:
        children: who is on it, as they were found just now.
        make: makes what the template needs, of nothing but the children, `total`, the day and the address.
        total: how many were found in all.
    """

    def write() -> bytes:
        return render_template(template, **make()).encode()

    if request.method != "GET":  # a search by POST has a name in it; the answer to HEAD is another
        return write()
    address = (request.root_url, request.full_path, choose_language())
    return keep((template, address, today(), total, *map(_state_of, children)), write)


def keep(key: Hashable, write: Callable[[], bytes]) -> bytes:
    """Return what was written a moment ago under the same key, the network's files and the site's look being
    the same, or write it."""
    if len(request.root_url) + len(request.full_path) > _MAX_ADDRESS:
        return write()
    node = this_node()
    kept: KeptPages = current_app.extensions["kept"]
    return kept.get((node.network(), this_look(), node.site_folder.logo()), key, write)


def _state_of(shown: Shown) -> Hashable:
    """Return what tells one state of a child from the next."""
    node = this_node()
    held = tuple((photo.sha256, node.blobs.has(shown.owner.id, photo.sha256)) for photo in shown.photographs)
    return (
        shown.case_id,
        shown.digest,
        shown.expires,
        active_alert(shown.public, node.now()) is not None,
        held,
    )
