"""How much of the machine strangers may use within a minute by what takes it long: a search for words, a part
of the site map.

Guarantees: a network that asks in a loop is told to wait, and others are not; all of them together leave the
larger part of a processor to pages, and to the peers whom the same process answers. What is counted is time
of the processor, since that is what they take from others. Nothing is kept but networks, in memory, for a
minute.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from flask import current_app, request

from node.services.serving import TooOften
from node.services.site.sightings import network_of

EACH_SECONDS = 4.0
"""Seconds of the processor that one network may use within a minute: a hundred names."""

ALL_SECONDS = 24.0
"""How many all may use together."""

_MINUTE = 60.0


class Allowance:
    """What was used within this minute, by network.

    Args:
        each, everybody: seconds of the processor.
    """

    def __init__(self, each: float = EACH_SECONDS, everybody: float = ALL_SECONDS) -> None:
        self._each, self._all = each, everybody
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._used: defaultdict[str, float] = defaultdict(float)
        self._together = 0.0

    @contextmanager
    def spend(self, network: str) -> Iterator[None]:
        """Count what the block uses.

        Raises:
            TooOften: nothing is left in this minute.
        """
        self._check(network)
        started = time.thread_time()
        try:
            yield
        finally:
            used = time.thread_time() - started
            with self._lock:
                self._used[network] += used
                self._together += used

    def _check(self, network: str) -> None:
        with self._lock:
            age = time.monotonic() - self._begun
            if age >= _MINUTE:
                self._used.clear()
                self._begun, self._together, age = time.monotonic(), 0.0, 0.0
            if self._used[network] >= self._each or self._together >= self._all:
                raise TooOften("So much is searched for now.", "Wait a little.", int(_MINUTE - age) + 1)


@contextmanager
def spending() -> Iterator[None]:
    """Count what the block uses for whoever asks. Who asks from this machine is not counted.

    Raises:
        TooOften: nothing is left in this minute.
    """
    asker = request.remote_addr or ""
    if _is_here(asker):
        yield
        return
    allowance: Allowance = current_app.extensions["allowance"]
    with allowance.spend(network_of(asker)):
        yield


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
