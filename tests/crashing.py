"""The work of a process that a test kills: a home of a federation, used without end.

It prints a line for each round, so that the test knows how far it came.
"""

import pickle
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from PIL import Image

from node.adapters.trust import Trusted, TrustStore
from node.config import LogConfig
from node.log import set_up_log
from node.runtime import open_node
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.following import pulling
from node.services.register import cases
from tests.factories import sample_record
from tests.federation import DE, FR, START


class FixedTrust:
    """The coordinator's files as the test hands them over."""

    def __init__(self, trusted: Trusted) -> None:
        self._trusted = trusted

    def current(self) -> Trusted:
        """Return them."""
        return self._trusted


def work(folder: Path, number: int) -> None:
    """Publish, renew, erase, purge and pull until killed."""
    set_up_log(LogConfig(level="error"))
    trusted: Trusted = pickle.loads((folder / "trusted.pickle").read_bytes())  # noqa: S301 - the test's own
    node = open_node(folder / FR[0], clock=lambda: START)
    node = replace(node, trust=cast(TrustStore, FixedTrust(trusted)))
    colour = "red" if number == 1 else "blue"
    Image.new("RGB", (200, 200), colour).save(folder / f"{colour}.png")
    record = sample_record("ar", photos=[{"kind": "photo", "file": f"{colour}.png"}])
    mine: list[str] = []

    def add() -> None:
        (case,) = cases.add_cases(node, [record], "worker", folder)
        mine.append(case.case_id)
        publishing.publish(node, mine[-1:], "worker")

    def end() -> None:
        if len(mine) > 1:
            publishing.erase(node, mine.pop(0), "worker")

    steps: list[Callable[[], Any]] = [
        add,
        lambda: publishing.publish(node, mine[-1:], "worker"),
        end,
        lambda: erasure.purge(node),
        lambda: pulling.pull(node, DE[0]),
    ]
    add()
    while True:
        random.choice(steps)()
        print(flush=True)  # noqa: T201 - the test listens
