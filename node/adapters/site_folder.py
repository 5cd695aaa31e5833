"""The folder of the public site: `site.toml`, the logo, and the library's documents beside it.

    site.toml              how the site looks; people may edit it
    logo.png               made by `images.prepare_logo`
    library/<sha256>.pdf   or .txt, as it was handed in
    library/<sha256>.jws   what the member has signed of it

Guarantees: a file is there whole or not at all; what changes is seen by every process at its next request,
without a restart. A `site.toml` that cannot be read leaves the site as it was, and the log says so.
"""

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

import structlog

from node.adapters import files
from node.domain.site.look import MAX_BYTES, Look, format_look, parse_look
from node.errors import InvalidInput, NotFound

Kind = Literal["pdf", "txt"]

MAX_DOCUMENT_BYTES = 5_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KINDS: tuple[Kind, ...] = ("pdf", "txt")
_MAX_STATEMENT = 16_384

_SETTLED_NS = 1_000_000_000  # what changed within the clock's grain of its last reading is read again

_Stamp = tuple[int, int, int]
_T = TypeVar("_T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Filed:
    """A document in the folder, and the statement beside it; nothing of it is verified.

    Attributes:
        size: in bytes.
    """

    sha256: str
    kind: Kind
    size: int
    statement: str


@dataclass(frozen=True, slots=True)
class Logo:
    """The logo, a PNG.

    Attributes:
        data: empty where there is none.
        version: changes when it does.
    """

    data: bytes
    version: str


class _Watched(Generic[_T]):
    """What is made of a file or a folder, and made again once that has changed.

    Args:
        make: given what was made before; None the first time.
    """

    def __init__(self, path: Path, make: Callable[[_T | None], _T]) -> None:
        self._path, self._make = path, make
        self._made: _T | None = None
        self._stamp: _Stamp | None = None
        self._lock = threading.Lock()

    def get(self) -> _T:
        """Return what is made of it now."""
        stamp = _stamp(self._path)
        with self._lock:
            if self._made is None or stamp != self._stamp or not _is_settled(stamp):
                self._made, self._stamp = self._make(self._made), stamp
            return self._made


class SiteFolder:
    """The folder `site` in a node's home; it need not be there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._library = path / "library"
        self._look = _Watched(path / "site.toml", self._look_again)
        self._logo = _Watched(path / "logo.png", self._read_logo)
        self._documents = _Watched(self._library, lambda _before: sorted(_list(self._library), key=_hash))

    def look(self) -> Look:
        """Return how the site looks now; as it was where the file cannot be read any more."""
        return self._look.get()

    def read_look(self) -> Look:
        """Read how the site looks, from the file as it stands.

        Raises:
            InvalidInput: it cannot be shown; every problem at once.
        """
        try:
            with (self._path / "site.toml").open("rb") as file:
                return parse_look(file.read(MAX_BYTES + 1))
        except FileNotFoundError:
            return Look()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for whoever is changing something in the folder, and have the turn for the block."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with files.turn(self._path):
            yield

    def write_look(self, look: Look) -> None:
        """Write how the site looks from now on."""
        files.write_whole(self._path / "site.toml", format_look(look).encode())

    def logo(self) -> Logo:
        """Return the logo."""
        return self._logo.get()

    def write_logo(self, data: bytes | None) -> None:
        """Write the logo; None removes it."""
        if data is None:
            (self._path / "logo.png").unlink(missing_ok=True)
        else:
            files.write_whole(self._path / "logo.png", data)

    def list_documents(self) -> list[Filed]:
        """List the documents of the library that a statement stands beside."""
        return self._documents.get()

    def read_document(self, sha256: str, kind: Kind) -> bytes:
        """Read a document whole.

        Raises:
            NotFound: it is not there, or no longer the one that it is called.
        """
        path = self._library / f"{sha256}.{kind}"
        if _SHA256.fullmatch(sha256) and kind in _KINDS:
            with suppress(FileNotFoundError):
                data = path.read_bytes()
                if hashlib.sha256(data).hexdigest() == sha256:
                    return data
                log.error("a document of the library is damaged on the disk", hash=sha256)
        raise NotFound("There is no such document.", "Look at the list of documents.")

    def write_document(self, data: bytes, kind: Kind, statement: str) -> None:
        """Put a document into the library, or another statement beside one that is there."""
        sha256 = hashlib.sha256(data).hexdigest()
        files.write_whole(self._library / f"{sha256}.{kind}", data)
        files.write_whole(self._library / f"{sha256}.jws", statement.encode())
        files.sync(self._library)

    def remove_document(self, sha256: str) -> None:
        """Take a document out of the library."""
        if _SHA256.fullmatch(sha256):
            for ending in ("jws", *_KINDS):
                (self._library / f"{sha256}.{ending}").unlink(missing_ok=True)

    def _look_again(self, before: Look | None) -> Look:
        try:
            return self.read_look()
        except (InvalidInput, OSError) as error:
            log.warning(
                "the look of the site cannot be read and stays as it was, see gmcn site check",
                error=type(error).__name__,
            )
            return before or Look()

    def _read_logo(self, _before: Logo | None) -> Logo:
        try:
            data = (self._path / "logo.png").read_bytes()
        except OSError:
            return Logo(b"", "")
        return Logo(data, hashlib.sha256(data).hexdigest()[:12])


def _hash(filed: Filed) -> str:
    return filed.sha256


def _list(folder: Path) -> Iterator[Filed]:
    for path in folder.glob("*.jws"):
        if not _SHA256.fullmatch(path.stem):
            continue
        for kind in _KINDS:
            with suppress(FileNotFoundError, UnicodeDecodeError):
                size = path.with_suffix(f".{kind}").stat().st_size
                with path.open("rb") as file:
                    yield Filed(path.stem, kind, size, file.read(_MAX_STATEMENT).decode("ascii"))
                break


def _stamp(path: Path) -> _Stamp | None:
    """Return what tells one state of a file or folder from the next; None where it is not to be seen."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _is_settled(stamp: _Stamp | None) -> bool:
    return stamp is None or time.time_ns() - stamp[0] > _SETTLED_NS
