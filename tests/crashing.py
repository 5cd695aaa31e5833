"""A process that a test kills: it uses a home of a federation without end, and tells of each round, so that
the test knows how far it came."""

import pickle
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
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
from tests.forking import fork


class FixedTrust:
    """The coordinator's files as the test hands them over."""

    def __init__(self, trusted: Trusted) -> None:
        self._trusted = trusted

    def current(self) -> Trusted:
        """Return them."""
        return self._trusted


class Worker:
    """A process at work in a folder.

    Args:
        number: by which it tells its pictures from those of others.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._process, self._told = fork(_work, folder, number)

    def await_round(self) -> None:
        """Wait until it has done one more round.

        Raises:
            EOFError: it has ended.
        """
        self._told.recv_bytes()

    def kill(self) -> None:
        """End it by SIGKILL, wherever it is."""
        self._process.kill()
        self._process.join()
        assert self._process.exitcode == -signal.SIGKILL
        self._process.close()
        self._told.close()


def _work(folder: Path, number: int, telling: Connection) -> None:
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
        telling.send_bytes(b"+")
