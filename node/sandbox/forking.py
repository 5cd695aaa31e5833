"""A process that has imported the program once, and forks another whenever `gmcn` is to be run.

To import the program takes longer than most commands do: the sandbox would spend more than half of its time
on that. The processes are real ones all the same: each has its own files, sockets and log, and ends with an
exit code or by a signal. In a list of processes all have the command line of the one that forked them.

Guarantees: the process that forks has no threads; whatever it forked is told to end when whoever started it
closes it or is gone, however that ended, and on Linux also when it is itself killed outright.

Python's own `forkserver` is one for a whole program, with the environment of its first use; two threads that
start and await processes of it can take an exit code from each other, and it does not end with a block.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn

from node.errors import NodeError
from schemas.loader import Schemas

_NUMBER = struct.Struct("!i")  # so short a message is never cut in two by a socket between two processes
_PROGRAM = "node.cli"  # named, not imported: what is run stands above the sandbox
_LATE = ("node.web.console", "node.web.public")
"""What `gmcn serve` imports only when its settings say so."""

_LOST = 255
"""The exit code of a process of which nobody can tell how it ended."""


class Forked:
    """A process that runs `gmcn`.

    Attributes:
        pid: its number.
    """

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self._line = line
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, negative when a signal ended it; None while it runs."""
        with suppress(TimeoutError):
            return self.wait(0)
        return None

    def wait(self, seconds: float) -> int:
        """Wait until it has ended, and return its exit code.

        Raises:
            TimeoutError: it has not, after so long.
        """
        if self._code is None:
            if not _is_readable(self._line, seconds):
                raise TimeoutError
            said = self._line.recv(_NUMBER.size)
            self._code = os.waitstatus_to_exitcode(_NUMBER.unpack(said)[0]) if said else _LOST
            self._line.close()
        return self._code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Forking:
    """The process that forks, seen from the one that started it. May be used from several threads.

    Args:
        label: stands in the command line of every process, for whoever looks at a list of them.
    """

    def __init__(self, label: Path) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), str(label)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the process that started it
            )

    def start(self, arguments: Sequence[str], out: IO[bytes], err: IO[bytes]) -> Forked:
        """Run `gmcn` with arguments in a process of its own, here and with the environment as it is now.

        Raises:
            NodeError: the process that forks has ended.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                files = [theirs.fileno(), out.fileno(), err.fileno()]
                socket.send_fds(self._line, [b"+"], files)
            ours.sendall(json.dumps([arguments, str(Path.cwd()), dict(os.environ)]).encode())
            ours.shutdown(socket.SHUT_WR)
            (pid,) = _NUMBER.unpack(ours.recv(_NUMBER.size))
        except (OSError, struct.error):
            ours.close()
            raise NodeError(
                "The process that starts the others has ended.", "What it said is above."
            ) from None
        return Forked(pid, ours)

    def close(self) -> None:
        """Tell all that still run to end."""
        self._line.close()
        self._process.wait()


def _is_readable(line: socket.socket, seconds: float) -> bool:
    waiting = select.poll()
    waiting.register(line, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


class _Server:
    """What the process that forks does.

    Args:
        line: on which it is asked.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._running: dict[int, socket.socket] = {}
        # Waiting for a question ends when a process does.
        self._woken, self._waking = socket.socketpair()
        self._woken.setblocking(False)
        self._waking.setblocking(False)

    def serve(self) -> None:
        """Fork until nobody can ask any more."""
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        waiting = select.poll()
        waiting.register(self._line, select.POLLIN)
        waiting.register(self._woken, select.POLLIN)
        while True:
            ready = {number for number, _ in waiting.poll()}
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
                self._tell_of_ended()
            if self._line.fileno() in ready:
                asked, files, *_ = socket.recv_fds(self._line, 1, 3)
                if not asked:
                    break
                self._fork(*files)
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)

    def _tell_of_ended(self) -> None:
        with suppress(ChildProcessError):  # there is none at all
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                with self._running.pop(pid) as line, suppress(BrokenPipeError):  # nobody waits for it
                    line.sendall(_NUMBER.pack(status))

    def _fork(self, handle: int, out: int, err: int) -> None:
        parent, pid = os.getpid(), os.fork()
        line = socket.socket(fileno=handle)
        if pid == 0:
            for mine in (self._line, self._woken, self._waking, *self._running.values()):
                mine.close()
            _become_gmcn(parent, line, out, err)
        os.close(out)
        os.close(err)
        self._running[pid] = line
        with suppress(BrokenPipeError):
            line.sendall(_NUMBER.pack(pid))


def _become_gmcn(parent: int, line: socket.socket, out: int, err: int) -> NoReturn:
    """Go on as the process that was asked for, to its end."""
    from node.web.process import end_with  # imported before, but after what `_main` begins with

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    end_with(parent)
    for file, place in ((out, 1), (err, 2)):
        os.dup2(file, place)
        os.close(file)
    with line, line.makefile("rb") as question:
        arguments, folder, environment = json.load(question)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["gmcn", *arguments]
    gc.enable()
    import_module(_PROGRAM).main(arguments, prog_name="gmcn")
    raise AssertionError("a command ends with its exit code")


class _Ending:
    """Ends this process once everything else is done that is done at an end: to take apart, object by object,
    what it shares with its parent would copy that first."""

    def __init__(self) -> None:
        self.code = 1

    def leave(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)


def _import_program() -> None:
    """Import what any command may need, but for the sandbox's own, and compile what most use."""
    sections = import_module(_PROGRAM).SECTIONS
    modules = {module for names in sections.values() for module, _ in names.values()} - {"sandbox"}
    for name in (*(f"{_PROGRAM}.{module}" for module in sorted(modules)), *_LATE):
        import_module(name)
    Schemas.packaged()


def _main() -> None:
    ending = _Ending()
    atexit.register(ending.leave)  # first, and so called last
    gc.disable()
    line = socket.socket(fileno=int(sys.argv[1]))
    _import_program()
    gc.freeze()  # a collection would write to what the processes share
    try:
        _Server(line).serve()
        ending.code = 0
    except SystemExit as ended:  # of a process that was forked
        ending.code = ended.code if isinstance(ended.code, int) else 1
        raise


if __name__ == "__main__":
    _main()
