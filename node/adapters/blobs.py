"""Photographs on disk, named by owner and hash: `<root>/<owner>/<first two hex digits>/<sha256>`.

A file is there whole or not at all, also after a crash, and is checked against its name whenever it is read.
Only this process' user may read the folder. The same bytes of two owners are two files, so that erasing one
owner's photograph never depends on anybody else's.

`delete` unlinks and does not overwrite first: on flash, on copy-on-write file systems and in snapshots the
overwriting lands elsewhere, and a promise of erasure must not rest on it. What unlinked blocks still hold is
for the disk's encryption, as SECURITY.md says. Which photographs may be kept is for the callers.
"""

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from node.adapters.files import sync
from node.errors import InvalidInput, NodeError
from protocol.member import MAX_MEMBER_ID, MEMBER_ID

# A member id has no path separator, no leading dot and no empty label, and makes a file name.
_OWNER = re.compile(rf"(?=.{{1,{MAX_MEMBER_ID}}}\Z){MEMBER_ID}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")

_INCOMING = ".incoming"  # no owner can have this name
_LOCK = ".lock"  # nor this
_SETTLED_NS = 1_000_000_000  # a folder changed within the clock's grain of its last count is counted again


class Blobs:
    """The photographs below one folder. Safe to use from several threads and processes.

    Args:
        root: made when missing; what crashed writes left in it is removed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / _INCOMING
        self._counted: dict[str, tuple[int, int]] = {}
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._incoming.mkdir(mode=0o700, exist_ok=True)
        self.remove_leftovers()

    def put(self, owner: str, data: bytes, *, durable: bool = True) -> str:
        """Keep a photograph and give its SHA-256; it is on the disk when this returns.

        Args:
            durable: False for many at once, of which the caller brings all to the disk.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(owner, sha256)
        if _read(path) == data:
            return sha256
        folder_is_new = not path.parent.parent.exists()
        path.parent.parent.mkdir(mode=0o700, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        written = self._incoming / secrets.token_hex(16)
        with self._writing(fcntl.LOCK_SH):
            try:
                _write_new(written, data, durable=durable)
                os.replace(written, path)
            except BaseException:
                written.unlink(missing_ok=True)
                raise
        if durable:
            sync(path.parent)
            sync(path.parent.parent)
            if folder_is_new:
                sync(self._root)
        return sha256

    def get(self, owner: str, sha256: str) -> bytes | None:
        """Give a photograph, or None when it is not here.

        Raises:
            NodeError: what is on the disk is no longer what was written.
        """
        data = _read(self._path(owner, sha256))
        if data is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise NodeError(
                f"The stored photograph {sha256} of {owner} is damaged on this disk.",
                "Run `gmcn fsck`, which finds every damaged file.",
            )
        return data

    def has(self, owner: str, sha256: str) -> bool:
        """Tell whether a photograph is here, without reading it."""
        return self._path(owner, sha256).is_file()

    def delete(self, owner: str, sha256: str) -> None:
        """Remove a photograph for good; one that is not here is as good as removed."""
        path = self._path(owner, sha256)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        sync(path.parent)

    def remove_leftovers(self) -> None:
        """Remove what writes that broke off have left; those under way in any process are waited for."""
        if any(self._incoming.iterdir()):
            with self._writing(fcntl.LOCK_EX):  # nobody writes now: whatever is here, nobody will finish
                for name in _names(self._incoming):
                    (self._incoming / name).unlink(missing_ok=True)
            sync(self._incoming)

    @contextmanager
    def _writing(self, how: int) -> Iterator[None]:
        """Hold the lock that tells writes under way from those that broke off."""
        lock = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)  # which also lets go of the lock

    def owners(self) -> Iterator[str]:
        """Name everybody of whom there is, or was, a photograph here."""
        for name in sorted(os.listdir(self._root)):
            if _OWNER.fullmatch(name):
                yield name

    def iterate(self, owner: str) -> Iterator[str]:
        """Give the SHA-256 of every photograph of one owner, in order."""
        for shard in _names(self._owner_folder(owner)):
            for name in _names(self._owner_folder(owner) / shard):
                if _SHA256.fullmatch(name):
                    yield name

    def total_bytes(self) -> int:
        """Tell how many bytes all photographs hold.

        Only folders that changed since the last call are read again, whoever changed them: asking costs one
        `stat` for each two-digit folder.
        """
        total = 0
        for owner in self.owners():
            for shard in _names(self._root / owner):
                total += self._shard_bytes(f"{owner}/{shard}")
        return total

    def _shard_bytes(self, shard: str) -> int:
        folder = self._root / shard
        changed = folder.stat().st_mtime_ns
        counted_at, size = self._counted.get(shard, (-1, 0))
        if counted_at != changed:
            size = 0
            for name in os.listdir(folder):
                with suppress(FileNotFoundError):  # erased meanwhile
                    size += (folder / name).stat().st_size
            if time.time_ns() - changed > _SETTLED_NS:
                self._counted[shard] = (changed, size)
        return size

    def _path(self, owner: str, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise InvalidInput("This is not a photograph's SHA-256: 64 lowercase hex digits are expected.")
        return self._owner_folder(owner) / sha256[:2] / sha256

    def _owner_folder(self, owner: str) -> Path:
        if not _OWNER.fullmatch(owner):
            raise InvalidInput("This is not a member id: a domain name in lowercase is expected.")
        return self._root / owner


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write_new(path: Path, data: bytes, *, durable: bool) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
