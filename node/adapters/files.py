"""Files and folders that several processes share and a loss of power may hit.

Guarantees: a file that `write_whole` wrote is there whole or not at all; of those that take a folder's `turn`
one goes on at a time, in other processes too.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, in a folder that is made when missing, over what it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    sync(unfinished)
    unfinished.replace(path)


def sync(path: Path) -> None:
    """Have the content of a file, or the names in a folder, on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def free_bytes(folder: Path) -> int:
    """Return how much the disk of a folder has left for this process."""
    return shutil.disk_usage(folder).free


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait for whoever has the turn in a folder, and have it for the block."""
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
