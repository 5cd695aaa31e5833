"""A node killed at every write: publishing, pulling, erasing, purging and restoring, each begun again and
again, and ended by SIGKILL before its first write, its second, and so on.

    found = run()                  every point
    found = run(most=10)           ten points of each piece of work, spread over it

A write is a statement that changes a SQLite database, its commits and checkpoints among them, or a file that
is opened for writing, renamed, removed or made a folder of. Between two of them nothing changes on the disk,
so that killing before each, and after the last, is killing everywhere. Owner and peer live in the process
that is killed; afterwards both are opened anew and re-verified, the work is done again as the next round of a
scheduler would, and then owner and peer must agree, with every case that was there before.

Processes fork, so this runs in one without threads: `python -m tests.crashes`, or `run_apart`.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from PIL import Image
from sqlalchemy import Engine, event

from node.adapters.keystore import create_sealing_file, load_sealing_file
from node.config import FILE_NAME
from node.errors import NodeError
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.register import cases
from node.services.safekeeping import backup, recovery
from node.store.database import reading
from node.store.published import documents
from node.store.register import cases as register
from node.store.search.finding import find
from node.store.search.query import Query
from tests.factories import sample_record
from tests.federation import DE, FR, Federation
from tests.liars import case_states, problems

OWNER, PEER = FR[0], DE[0]
_CHANGES = (
    "INSERT",
    "UPDATE",
    "DELETE",
    "REPLACE",
    "COMMIT",
    "CREATE",
    "DROP",
    "VACUUM",
    "PRAGMA WAL_CHECKPOINT",
)
_FILES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate"}
_SECONDS = 60


class Trip:
    """Counts the writes of this process, and kills it before one of them. There is one a process.

    Args:
        at: before which write; never when None.
    """

    def __init__(self, at: int | None) -> None:
        self.writes: list[str] = []
        self._at = at

    def arm(self) -> None:
        """Watch every database that is opened from now on, and every file."""
        event.listen(Engine, "connect", self._watch)
        sys.addaudithook(self._hear)

    def _watch(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(self._trace)

    def _trace(self, statement: str) -> None:
        if statement.lstrip().upper().startswith(_CHANGES):
            self._step(statement.split("(")[0][:60])

    def _hear(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name in _FILES or (name == "open" and _writes(arguments)):
            self._step(name)

    def _step(self, what: str) -> None:
        if len(self.writes) == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.writes.append(what)


def _writes(arguments: tuple[Any, ...]) -> bool:
    """Tell whether a file is opened for writing, from the arguments of Python's `open` event."""
    _path, mode, flags = arguments
    return any(letter in mode for letter in "wxa+") if isinstance(mode, str) else bool(flags & os.O_CREAT)


@dataclass
class World:
    """The French police with three published cases and the German police that holds them, on a shelf to begin
    from again."""

    federation: Federation
    backup: Path
    key: tuple[MLKEM768X25519PrivateKey, bytes]
    kept: list[str] = field(default_factory=list)

    @property
    def is_lost(self) -> bool:
        """Whether the owner has no home, or not yet again."""
        return not (self.federation[OWNER].config.home / FILE_NAME).exists()

    def record(self) -> dict[str, Any]:
        """Write a case with a photograph that no other has."""
        name = f"{random.getrandbits(48):012x}.png"
        Image.new("RGB", (96, 120), f"#{name[:6]}").save(self.federation.folder / name)
        return sample_record("ar", photos=[{"kind": "photo", "file": name}])

    def homes(self) -> list[Path]:
        return [node.config.home for node in self.federation.nodes.values()]

    def save(self, shelf: Path) -> None:
        """Put both homes onto a shelf."""
        for node in self.federation.nodes.values():
            node.engine.dispose()
        for home in self.homes():
            shutil.rmtree(shelf / home.name, ignore_errors=True)
            shutil.copytree(home, shelf / home.name, symlinks=True)

    def load(self, shelf: Path) -> None:
        """Begin from what is on the shelf, with both nodes opened anew."""
        for member, home in zip(list(self.federation.nodes), self.homes(), strict=True):
            self.federation[member].engine.dispose()
            shutil.rmtree(home)
            shutil.copytree(shelf / home.name, home, symlinks=True)
            if member != OWNER or not self.is_lost:
                self.federation.reopen(member)


def publish(world: World) -> None:
    """Add a case and publish it, and renew one that is out."""
    node = world.federation[OWNER]
    (case,) = cases.add_cases(node, [world.record()], "test", world.federation.folder)
    publishing.publish(node, [case.case_id, world.kept[0]], "test")


def pull(world: World) -> None:
    """Pull a new case, a new version and an erasure, which were waiting."""
    world.federation.pull(PEER, OWNER)


def erase(world: World) -> None:
    """Erase a case and purge it, at the owner."""
    node = world.federation[OWNER]
    with suppress(NodeError):  # where it was erased before the crash
        publishing.erase(node, world.kept[1], "test")
    erasure.purge(node)


def purge(world: World) -> None:
    """Pull an erasure, purge what it hid, and tell the owner."""
    node = world.federation[PEER]
    world.federation.pull(PEER, OWNER)
    erasure.purge(node)
    world.federation.pull(PEER, OWNER)


def restore(world: World) -> None:
    """Put a backup back, and let the node learn what happened since."""
    federation = world.federation
    if world.is_lost:
        backup.restore(world.backup, world.key, federation[OWNER].config.home, federation.clock())
    recovery.recover(federation.reopen(OWNER))


def _news(world: World) -> None:
    publish(world)
    publishing.erase(world.federation[OWNER], world.kept[1], "test")


def _an_erasure(world: World) -> None:
    publishing.erase(world.federation[OWNER], world.kept[1], "test")


def _a_lost_machine(world: World) -> None:
    backup.back_up(world.federation[OWNER], world.backup, world.key[1])
    _news(world)
    pull(world)
    home = world.federation[OWNER].config.home
    world.federation[OWNER].engine.dispose()
    shutil.rmtree(home)
    home.mkdir()


WORK: dict[str, tuple[Callable[[World], None], Callable[[World], None]]] = {
    "publish": (lambda world: None, publish),
    "pull": (_news, pull),
    "erase": (lambda world: None, erase),
    "purge": (_an_erasure, purge),
    "restore": (_a_lost_machine, restore),
}
"""What is done before, and what is killed."""


def run(only: Sequence[str] = (), most: int | None = None) -> dict[str, Any]:
    """Kill the work at its writes.

    Args:
        only: some of WORK; all of it when empty.
        most: points of each piece of work; every one when None.

    Returns:
        How many points there are and were tried, how many records were lost, and what else was wrong, by
        piece of work.
    """
    started = time.monotonic()
    found: dict[str, Any] = {"points": 0, "tried": 0, "lost": 0, "wrong": [], "writes": {}}
    with tempfile.TemporaryDirectory(prefix="gmcn-crashes-") as name:
        folder = Path(name)
        create_sealing_file(folder / "backup.pem", b"a passphrase")
        key = load_sealing_file(folder / "backup.pem", b"a passphrase")
        world = World(Federation(folder / "network", [FR, DE]), folder / "a.backup", key)
        published = world.federation.publish(OWNER, *(world.record() for _ in range(3)))
        world.kept = [case.case_id for case in published]
        pull(world)
        world.save(folder / "begin")
        for work in only or WORK:
            before, do = WORK[work]
            world.load(folder / "begin")
            before(world)
            world.save(folder / work)
            _campaign(world, folder / work, work, do, most, found)
        world.federation.close()
    found["seconds"] = time.monotonic() - started
    return found


def run_apart(only: Sequence[str], most: int | None, telling: Connection) -> None:
    """Kill the work at its writes, in a process that was forked for it (`tests.forking`), and tell what `run`
    returns."""
    telling.send(run(only, most))


def _campaign(
    world: World, shelf: Path, work: str, do: Callable[[World], None], most: int | None, found: dict[str, Any]
) -> None:
    writes = json.loads(_in_child(world, shelf, do, None))
    points = list(range(len(writes) + 1))
    tried = sorted(random.sample(points, min(most, len(points)))) if most else points
    found["writes"][work] = len(writes)
    found["points"] += len(points)
    found["tried"] += len(tried)
    for point in tried:
        _in_child(world, shelf, do, point)
        where = f"{work}, killed before write {point} ({(*writes, 'the end')[point]})"
        wrong, lost = _recover(world, do)
        found["wrong"] += [f"{where}: {problem}" for problem in wrong]
        found["lost"] += lost


def _in_child(world: World, shelf: Path, do: Callable[[World], None], at: int | None) -> bytes:
    """Do the work in a process of its own, which ends before a write. Returns the writes that it made."""
    world.load(shelf)
    reading_end, writing_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading_end)
        random.seed(str(shelf))  # the same pictures each time, so that the same writes come
        _die_working(world, do, at, writing_end)
    os.close(writing_end)
    with os.fdopen(reading_end, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not killed and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(told.decode())
    return told


def _die_working(world: World, do: Callable[[World], None], at: int | None, pipe: int) -> None:
    signal.alarm(_SECONDS)
    try:
        trip = Trip(at)
        trip.arm()
        do(world)
        os.write(pipe, json.dumps(trip.writes).encode())
        os.kill(os.getpid(), signal.SIGKILL)  # the end of the work is a point like any other
    except BaseException:
        os.write(pipe, traceback.format_exc().encode())
    os._exit(1)


def _recover(world: World, do: Callable[[World], None]) -> tuple[list[str], int]:
    """Open both nodes anew, look, do the work again, and let the two agree.

    Returns:
        What is wrong, and how many records are lost.
    """
    federation = world.federation
    wrong = list[str]()
    if world.is_lost:
        federation.reopen(PEER)
    else:
        wrong = [problem for member in (OWNER, PEER) for problem in problems(federation.reopen(member))]
    do(world)
    nodes = owner, peer = federation[OWNER], federation[PEER]
    for _ in range(2):
        wrong += _complaints(federation)
        for node in nodes:
            erasure.purge(node)
    wrong += [problem for node in nodes for problem in problems(node)]
    with reading(owner.engine) as conn:
        published = {case.case_id for case in register.list_cases(conn, register.PUBLISHED, 1000)}
        known = {case.case_id for case in register.list_cases(conn, None, 1000)}
        left = len(documents.find_documents(conn, world.kept[1]))
    for where, holds in (("shown", _shown(federation)), ("held", _held(peer))):
        if holds != published:
            wrong.append(f"the owner has {len(published)} cases out, {len(holds)} are {where} at the peer")
    if world.kept[1] not in published and left:
        wrong.append("an erased document is left")
    return wrong, len(set(world.kept) - known)


def _complaints(federation: Federation) -> list[str]:
    report = federation.pull(PEER, OWNER)
    return [report.error, *report.refused] if report.error or report.refused else []


def _shown(federation: Federation) -> set[str]:
    with reading(federation[PEER].engine) as conn:
        return {hit.case_id for hit in find(conn, Query(today=federation.clock().date(), limit=200))}


def _held(node: Node) -> set[str]:
    return {case for case, (state, _) in case_states(node, OWNER).items() if state == "held"}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1:-1], int(sys.argv[-1]) or None), indent=1))  # noqa: T201 - its answer
