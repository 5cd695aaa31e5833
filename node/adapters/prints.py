"""Files that were made of cases and can be made again: `<root>/<member>/<opaque>/<version>-<day>-<name>`.

Guarantees: a file is there whole or not at all; only this process' user may read the folder; nothing here
is kept that `stale` has named and `remove` was given. Safe to use from several threads and
processes, of which one at a time, the callers see to it, writes or removes.
"""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

_PART = re.compile(r"[a-z0-9.-]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9+.-]+", re.ASCII)


class Prints:
    """The files below one folder, which is made when the first is kept."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def get(self, case_id: str, version: int, day: date, name: str) -> bytes | None:
        """Return a file; None where it is not here."""
        try:
            return self._path(case_id, version, day, name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, case_id: str, version: int, day: date, name: str, data: bytes) -> None:
        """Keep a file."""
        path = self._path(case_id, version, day, name)
        for folder in (self._root, path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        unfinished.replace(path)

    def cases(self) -> list[str]:
        """Name the cases of which there are files."""
        with suppress(FileNotFoundError):
            return [
                f"{member}/{opaque}"
                for member in sorted(os.listdir(self._root))
                for opaque in sorted(os.listdir(self._root / member))
            ]
        return []

    def stale(self, live: Mapping[str, int], today: date) -> list[Path]:
        """Return the files of other cases and versions than these, of other days, and what a crash left.

        Args:
            live: the version that may be kept, by case.
        """
        return [
            self._root / case_id / name
            for case_id in self.cases()
            for name in os.listdir(self._root / case_id)
            if not name.startswith(f"{live.get(case_id, 0)}-{today.isoformat()}-")
        ]

    def remove(self, paths: Iterable[Path]) -> None:
        """Remove files, and the folders of cases of which none is left."""
        for path in paths:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # there are others in it
                path.parent.rmdir()

    def trim(self, most_bytes: int) -> None:
        """Remove the oldest files until what is left takes no more than so many bytes."""
        files = []
        for case_id in self.cases():
            for entry in os.scandir(self._root / case_id):
                status = entry.stat()
                files.append((status.st_mtime_ns, status.st_size, entry.path))
        files.sort()
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= most_bytes:
                return
            self.remove([Path(path)])
            total -= size

    def _path(self, case_id: str, version: int, day: date, name: str) -> Path:
        member, _, opaque = case_id.partition("/")
        if not (_PART.fullmatch(member) and _PART.fullmatch(opaque) and _NAME.fullmatch(name)):
            raise ValueError("this makes no file name")
        if member[0] == "." or opaque[0] == "." or name[0] == ".":
            raise ValueError("this makes no file name")
        return self._root / member / opaque / f"{version}-{day.isoformat()}-{name}"
