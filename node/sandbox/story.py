"""The whole story by itself (`gmcn sandbox --once`): every chapter is done by real programs and then checked.

Guarantees: a step is `ok` only when what it promises was found on the nodes' disks or in the answers of their
programs; the first one that is not ends the story, and its reason is in the report; every process is ended.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from node.errors import NodeError
from node.log import describe_exception
from node.sandbox.chapters import Chapters, NotSo
from node.sandbox.plan import MEMBERS
from node.sandbox.processes import Processes
from node.sandbox.world import World, build_world
from node.services.register import cases
from protocol.errors import ProtocolError

_SCRIPTS = 8
"""In at least so many scripts the names of the invented children stand."""


@dataclass(frozen=True, slots=True)
class Step:
    """How one step went."""

    name: str
    ok: bool
    seconds: float
    detail: str


@dataclass
class Report:
    """How the story went."""

    ok: bool = False
    seconds: float = 0.0
    steps: list[Step] = field(default_factory=list)


class Teller:
    """Takes the steps one by one.

    Args:
        ended: told of each.
    """

    def __init__(self, ended: Callable[[Step], None]) -> None:
        self.report = Report()
        self._ended = ended

    def do(self, name: str, action: Callable[[], str]) -> None:
        """Take one step.

        Raises:
            NotSo: it did not come out as promised.
        """
        started = time.monotonic()
        try:
            ok, detail = True, action()
        except NotSo as error:
            ok, detail = False, str(error)
        except NodeError as error:
            ok, detail = False, f"{error.message} {error.next_step}".strip()
        except ProtocolError as error:
            ok, detail = False, f"the protocol was broken: {error}"
        except Exception as error:  # the report must be whole, whatever it is
            ok, detail = False, f"unexpected: {describe_exception(error)}"
        step = Step(name, ok, round(time.monotonic() - started, 2), detail)
        self.report.steps.append(step)
        self._ended(step)
        if not ok:
            raise NotSo(detail)


def play(folder: Path, number: int, ended: Callable[[Step], None] = lambda step: None) -> Report:
    """Build a network in an empty folder, play the story on it, and end every process.

    Args:
        number: of cases for each member that owns some.
        ended: told of each step.
    """
    teller, started = Teller(ended), time.monotonic()
    built: list[tuple[World, Processes]] = []
    with suppress(NotSo), ExitStack() as stack:
        teller.do("build", lambda: _build(folder, number, stack, built))
        ((world, processes),) = built
        nodes = stack.enter_context(world.open_nodes())
        for name, action in Chapters(world, processes, nodes).steps():
            processes.check_wanted()
            teller.do(name, action)
        teller.report.ok = True
    teller.report.seconds = round(time.monotonic() - started, 1)
    return teller.report


def _build(folder: Path, number: int, stack: ExitStack, built: list[tuple[World, Processes]]) -> str:
    world, processes = stack.enter_context(build_world(folder, number))
    built.append((world, processes))
    scripts, total = set[str](), 0
    with world.open_nodes() as nodes:
        for node in nodes.values():
            own = cases.list_cases(node, None, number, 0)
            total += len(own)
            scripts |= {name["script"] for case in own for name in case.record.get("names", ())}
    if len(scripts) < _SCRIPTS:
        raise NotSo(f"the names stand in only {len(scripts)} scripts; build with more --cases")
    shown = ", ".join(sorted(scripts))
    return f"{len(MEMBERS)} members, {total} cases, names in {len(scripts)} scripts: {shown}"
