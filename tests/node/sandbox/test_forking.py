"""The process that forks the sandbox's programs: what they inherit, how they end, and that they do."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import psutil
import pytest

from node.errors import NodeError
from node.sandbox.forking import Forked, Forking

SECONDS = 30.0


@pytest.fixture(scope="module")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    made = Forking(tmp_path_factory.mktemp("label"))
    yield made
    made.close()


def run(forking: Forking, *arguments: str) -> tuple[int, str, str]:
    """Run a command to its end, and return its exit code and what it wrote."""
    with TemporaryFile() as out, TemporaryFile() as err:
        code = forking.start(arguments, out, err).wait(SECONDS)
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


@contextmanager
def waiting(forking: Forking, folder: Path) -> Iterator[Forked]:
    """Give a command that waits for what a file has to say, which is nothing."""
    pipe = folder / f"{len(list(folder.iterdir()))}.fifo"
    os.mkfifo(pipe)
    with (folder / "log").open("ab") as log:
        process = forking.start(["verify", str(pipe)], log, log)
    mute = _open_once_read(pipe)
    try:
        yield process
    finally:
        process.send(signal.SIGKILL)
        process.wait(SECONDS)
        os.close(mute)


def _open_once_read(pipe: Path) -> int:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads from it yet
            time.sleep(0.02)
    pytest.fail("the command does not read")


def ends(pid: int) -> bool:
    """Whether a process that is nobody's child ends soon."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_command_ends_with_its_code_and_its_words(forking: Forking) -> None:
    code, out, err = run(forking, "--version")
    assert (code, out.startswith("gmcn "), err) == (0, True, "")
    code, out, err = run(forking, "--home", "/nowhere", "status")
    assert (code, out, "There is no node in /nowhere" in err) == (2, "", True)
    code, out, err = run(forking, "nonsense")
    assert (code, out, "No such command" in err) == (2, "", True)


def test_several_threads_are_each_told_of_their_own(forking: Forking) -> None:
    commands = [["--version"], ["nonsense"], ["--home", "/nowhere", "status"], ["--help"]] * 4
    with ThreadPoolExecutor(4) as threads:
        codes = list(threads.map(lambda command: run(forking, *command)[0], commands))
    assert codes == [0, 2, 2, 0] * 4


def test_folder_and_environment_are_those_of_the_moment(
    forking: Forking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GMCN_HOME", "here")
    assert "There is no node in here" in run(forking, "status")[2]
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "node.toml").write_text("nonsense = 1\n")
    assert "nonsense" in run(forking, "status")[2]
    monkeypatch.delenv("GMCN_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "else"))
    assert str(tmp_path / "else") in run(forking, "status")[2]


def test_it_forks_without_threads_and_hands_nothing_on(forking: Forking, tmp_path: Path) -> None:
    with waiting(forking, tmp_path) as first:
        parent = psutil.Process(first.pid).parent()
        assert parent is not None
        assert parent.num_threads() == 1
        before = parent.num_fds()
        with waiting(forking, tmp_path) as second:
            assert parent.num_fds() == before + 1
            assert psutil.Process(second.pid).num_fds() <= 4  # the three that all have, and what it reads
            assert os.getsid(second.pid) == second.pid
        end = time.monotonic() + SECONDS
        while parent.num_fds() > before:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_a_process_is_waited_for_and_sent_signals(forking: Forking, tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with waiting(forking, tmp_path) as process:
            assert process.poll() is None
            with pytest.raises(TimeoutError):
                process.wait(0.05)
            process.send(number)
            assert process.wait(SECONDS) == -number
            assert process.poll() == -number
            with pytest.raises(ProcessLookupError):
                os.kill(process.pid, 0)


def test_what_runs_is_told_to_end_when_it_is_closed(tmp_path: Path) -> None:
    forking = Forking(tmp_path)
    with waiting(forking, tmp_path) as process:
        forking.close()
        assert ends(process.pid)
    with pytest.raises(NodeError, match="has ended"):
        run(forking, "--version")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a signal at the parent's death")
def test_what_runs_ends_when_that_which_forked_it_is_killed(tmp_path: Path) -> None:
    forking = Forking(tmp_path)
    with waiting(forking, tmp_path) as process:
        parent = psutil.Process(process.pid).parent()
        assert parent is not None
        parent.kill()
        assert process.wait(SECONDS) > 0
        assert ends(process.pid)
        with pytest.raises(NodeError, match="has ended"):
            run(forking, "--version")
    forking.close()
