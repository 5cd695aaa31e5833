"""The sandbox as it is watched: every node runs, something happens now and then, and a table shows it."""

import shlex
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live

from node.runtime import Node
from node.sandbox.activity import Activity
from node.sandbox.desks import PASSWORD
from node.sandbox.plan import MEMBERS, NGO_IN, POLICE_FR, POLICE_IN, POLICE_JP, POLICE_UA
from node.sandbox.processes import Processes
from node.sandbox.screen import render
from node.sandbox.transcription import write_in_cyrillic
from node.sandbox.world import World, choose_name
from node.services.status import status

_LOOK_SECONDS = 1.0
_PRINT_SECONDS = 10.0
_PIPE_WIDTH = 120
_LATELY = 3


def watch(world: World, processes: Processes, seconds: float | None, told: Callable[[str], None]) -> None:
    """Run every node and show the table until Ctrl-C.

    On a terminal the table is redrawn in its place; elsewhere it is printed every few seconds.

    Args:
        seconds: after which it ends by itself; never when None.
        told: what is being done until the table is there.
    """
    with world.open_nodes() as nodes:
        told(f"starting {len(MEMBERS)} nodes and the coordinator")
        world.start_all(processes)
        end = None if seconds is None else time.monotonic() + seconds
        view = _View(world, processes, nodes)
        console = Console()
        if console.is_terminal:
            with Live(view.look(), console=console, auto_refresh=False, screen=False) as live:
                while end is None or time.monotonic() < end:
                    time.sleep(_LOOK_SECONDS)
                    processes.check_wanted()
                    live.update(view.look(), refresh=True)
        else:
            _print_now_and_then(view, processes, end)


def _print_now_and_then(view: "_View", processes: Processes, end: float | None) -> None:
    console, due = Console(width=_PIPE_WIDTH), 0.0
    while end is None or time.monotonic() < end:
        processes.check_wanted()
        seen = view.look()
        if time.monotonic() >= due:
            console.print(seen)
            due = time.monotonic() + _PRINT_SECONDS
        time.sleep(_LOOK_SECONDS)
    console.print(view.look())


class _View:
    def __init__(self, world: World, processes: Processes, nodes: Mapping[str, Node]) -> None:
        self._world, self._processes, self._nodes = world, processes, nodes
        spared = [choose_name(nodes[plan.id]) for plan in (NGO_IN, POLICE_JP, POLICE_UA)]
        self._activity = Activity(nodes, [case_id for case_id, *_ in spared], datetime.now(UTC))
        self._lately: deque[str] = deque(maxlen=_LATELY)
        self._hints = _hints(world, *(latin for *_, latin in spared))

    def look(self) -> RenderableType:
        """Let something happen if it is time, and draw how everything stands."""
        now = datetime.now(UTC)
        if event := self._activity.go_on(now):
            self._lately.append(event)
        return render(
            {member: status(node) for member, node in self._nodes.items()},
            {member: self._processes.number(member) for member in self._nodes},
            self._lately,
            self._hints,
            self._world,
            now,
        )


def _hints(world: World, indian: str, japanese: str, ukrainian: str) -> list[str]:
    """Write lines that can be typed as they are.

    Args:
        indian, japanese, ukrainian: names of children, in Latin letters.
    """
    gmcn = _shown(Path(sys.executable).with_name("gmcn"))

    def at(member: str) -> str:
        return f"{gmcn} --home {_shown(world.home(member))}"

    return [
        f"{world.site(POLICE_FR.id)}  # in a browser: search for {ukrainian}",
        f"{at(POLICE_FR.id)} user code operator  # consoles: operator, approver, …; password {PASSWORD}",
        f"{at(POLICE_UA.id)} search {shlex.quote(write_in_cyrillic(indian))}",
        f"{at(POLICE_FR.id)} search {shlex.quote(japanese)}",
        f"{at(POLICE_JP.id)} status",
        f"{at(POLICE_IN.id)} endorse {NGO_IN.id} --withdraw",
    ]


def _shown(path: Path) -> str:
    """Write a path as short as it can be typed from here."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
