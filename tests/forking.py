"""Processes of the tests' own, forked from one that has imported the program, and has no threads: to start an
interpreter for each takes longer than what most of them do."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

_PRELOAD = ["tests.crashes", "tests.crashing"]


def fork(work: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Connection]:
    """Let a process work.

    Args:
        work: a function of a module, given the arguments and a connection on which to tell something.

    Returns:
        The process, and where to hear what it tells: `EOFError` says that it has ended.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    told, telling = context.Pipe(duplex=False)
    with telling:
        process = context.Process(target=work, args=(*arguments, telling), daemon=True)
        process.start()
    return process, told
