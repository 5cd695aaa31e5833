"""The sandbox as a newcomer runs it: the whole story in real processes, then the same folder gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tlog_scales import tiles as their_tiles
from tlog_scales.backend import make_backend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey

from node.cli import main
from node.sandbox.plan import MEMBERS, POLICE_FR
from node.sandbox.world import open_world

pytestmark = pytest.mark.timeout(600)

STEPS = [
    "build", "start", "publish", "pull", "photographs", "stranger", "search",
    "site", "site: sighting", "site: over", "change", "doorbell", "erase",
    "peer down", "liar: rollback", "liar: two faces", "liar: other texts", "restored", "endorsement", "fsck",
]  # fmt: skip
GMCN = [sys.executable, "-c", "from node.cli import main; main(prog_name='gmcn')"]


@dataclass
class Told:
    folder: Path
    code: int
    report: dict[str, Any]
    errors: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("story") / "net"
    command = [*GMCN, "sandbox", "--once", "--json", "--cases", "4", "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, timeout=500, check=False)
    return Told(folder, done.returncode, json.loads(done.stdout or b"{}"), done.stderr.decode())


def test_the_story_comes_out_well(told: Told) -> None:
    steps = told.report["steps"]
    assert [step for step in steps if not step["ok"]] == [], told.errors
    assert [step["name"] for step in steps] == STEPS
    assert told.report["ok"] is True
    assert told.report["exercise"] is True
    assert told.code == 0
    assert all(step["detail"] and step["seconds"] >= 0 for step in steps)


def test_an_independent_reader_verifies_the_feeds(told: Told) -> None:
    world = open_world(told.folder)
    assert world is not None
    with world.open_nodes() as nodes:
        roster = nodes[POLICE_FR.id].network().roster
        for plan in MEMBERS:
            reader = TilesReader(make_backend(str(told.folder / "saved" / plan.id)))
            head = reader.get_checkpoint()
            head.verify(Vkey.from_string(roster.member(plan.id).feed("network").keys[-1].format()))
            assert head.origin == f"{plan.id}/network"
            if head.size:
                assert reader.calculate_root_hash() == head.root_hash
            for index in range(head.size):
                proof = reader.get_inclusion_proof(index, head.size)
                proof.check(their_tiles.leaf_hash(reader.get_entry(index)), head.root_hash)


def test_nothing_of_the_story_runs_on(told: Told) -> None:
    assert _processes_of(told.folder) == []


def test_the_same_folder_is_gone_on_with_and_shown(told: Told) -> None:
    command = [*GMCN, "sandbox", "--folder", str(told.folder), "--seconds", "6"]
    done = subprocess.run(command, capture_output=True, timeout=200, check=True)
    text = done.stdout.decode()
    assert text.startswith("EXERCISE: going on with")
    assert text.rstrip().endswith("EXERCISE.")
    for plan in MEMBERS:
        assert plan.id in text
    assert "what failed" in text
    assert "search " in text
    assert _processes_of(told.folder) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a signal at the parent's death")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_every_process_ends_with_it(told: Told, number: signal.Signals) -> None:
    with _shown(told.folder) as process:
        _wait(lambda: len(_processes_of(told.folder)) > len(MEMBERS) + 2)  # one forks the others
        process.send_signal(number)
        process.wait(60)
        _wait(lambda: not _processes_of(told.folder))
        if number is not signal.SIGKILL:
            assert process.returncode == 0


def test_what_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    for arguments in (["--json"], ["--once", "--seconds", "5"], ["--cases", "0"]):
        done = _told_at_once("--folder", str(tmp_path / "net"), *arguments)
        assert done.exit_code == 2
        assert done.stderr
    (tmp_path / "thesis.txt").write_text("mine")
    done = _told_at_once("--once", "--json", "--folder", str(tmp_path))
    report = json.loads(done.stdout)
    assert done.exit_code == 1
    assert report["ok"] is False
    assert "is not empty" in report["steps"][0]["detail"]
    assert "is not empty" in done.stderr  # whoever waits sees each step as it ends
    assert (tmp_path / "thesis.txt").exists()


def _told_at_once(*arguments: str) -> Result:
    """Run the command in this process: it ends before it starts another."""
    return CliRunner().invoke(main, ["sandbox", *arguments])


def _shown(folder: Path) -> "subprocess.Popen[bytes]":
    command = [*GMCN, "sandbox", "--folder", str(folder), "--seconds", "300"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _processes_of(folder: Path) -> list[int]:
    """Find the processes whose command line names a folder: the sandbox, what forks its programs, and these,
    which have the same line as that."""
    return [number for number, line in _command_lines() if str(folder) in line and number != os.getpid()]


def _command_lines() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue


def _wait(come: Any) -> None:
    end = time.monotonic() + 60
    while not come():
        assert time.monotonic() < end
        time.sleep(0.2)
