"""Copying a whole node away while it serves, and putting such a copy back into a new home.

    backup     settings, keys, trust, the public site's look and library, one state of the database, the
               photographs that it refers to
    restore    the same into a folder that appears whole or not at all, marked as restored

Guarantees: a backup is encrypted from its first byte, appears under its name only when it is complete, and
has a last day, because it holds children whose data may be erased later; a restore changes nothing unless the
whole file was verified; what it put back shows, serves and signs nothing before `recovery` has asked the
peers what happened since. Memory does not grow with the node.
"""

import fcntl
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import IO

import orjson
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import IntegrityError

from node.adapters.archive import ArchiveWriter, Header, check_key, read_header, read_records
from node.adapters.blobs import Blobs
from node.adapters.files import sync
from node.adapters.keystore import key_id
from node.config import FILE_NAME, Config, parse_config
from node.errors import Conflict, InvalidInput, NodeError, NotFound
from node.runtime import Node
from node.services.progress import Progress, no_progress
from node.store import marks, scrubbing
from node.store.copying import Loader, count_rows, dump, is_empty
from node.store.database import begin_writing, open_database, reading, snapshot, writing
from node.store.federation import peers
from node.store.journal import JournalEntry, write_journal
from node.store.migrate import current_revision, knows, migrate
from node.store.published import feeds, photographs
from node.store.register import cases
from node.store.staff import access, people
from protocol.encoding import format_time

SUFFIX = ".backup"
IN_HOME = "sqlite"
"""Says of a restored node's database that it is to be a SQLite file in the home."""

_SOURCES = "sources.txt"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9._%-]*"  # no dot at its front: no way leads up or out
_PLACE = re.compile(rf"sources\.txt|keys/{_NAME}|(?:trust|site)(?:/{_NAME})+", re.ASCII)
_LINK = re.compile(rf"{_NAME}/{_NAME}", re.ASCII)
_HASHES = 500


class _Kind(IntEnum):
    """What a record of the archive is: BEGIN, files, rows, photographs, END."""

    BEGIN, FILE, LINK, ROWS, PHOTOGRAPH, END = range(6)


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made.

    Attributes:
        damaged: photographs that are not in it because they are damaged on this disk.
        removed: older backups that went.
    """

    path: Path
    bytes: int
    rows: int
    photographs: int
    damaged: int
    not_after: datetime
    removed: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """A home that was put back.

    Attributes:
        passphrase_file: where the settings say that the keys' passphrase stands, which is in no backup; empty
            where the keys need none.
    """

    home: Path
    member: str
    network: str
    made_at: datetime
    rows: int
    photographs: int
    passphrase_file: str


def back_up(
    node: Node, path: Path, public: bytes, progress: Progress = no_progress, *, actor: str = "node"
) -> Made:
    """Write a backup of the node, which may go on serving, into a new file.

    Args:
        public: the public half of the key that will open it.
        actor: who does this, for the journal.

    Raises:
        Conflict: there is such a file already, or another backup is being written there.
    """
    if path.exists():
        raise Conflict(f"{path} is there already.", "A backup is never overwritten; choose another name.")
    now = node.now()
    header = Header(
        node.member,
        node.network().roster.network,
        now,
        now + timedelta(days=node.config.backup.days),
        key_id(public),
    )
    with _appearing(path) as file:
        with writing(node.engine) as conn:
            write_journal(conn, JournalEntry(node.clock(), actor, "node.back-up", fields=[key_id(public)]))
        writer = ArchiveWriter(file, header, public)
        rows, pictures, damaged = _write(node, writer, progress)
        writer.finish()
    return Made(path, path.stat().st_size, rows, pictures, damaged, header.not_after)


def back_up_into(
    node: Node,
    folder: Path,
    keep: int,
    public: bytes,
    progress: Progress = no_progress,
    *,
    actor: str = "node",
) -> Made:
    """Write a backup into a folder under a name of its own, and remove older ones of this member.

    Args:
        keep: how many stay, with the new one; those past their last day go in any case.
        actor: see `back_up`.

    Raises:
        NotFound: there is no such folder.
        Conflict: see `back_up`.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", "Make it, or name another.")
    name = f"{node.member}-{node.now():%Y%m%dT%H%M%SZ}{SUFFIX}"
    made = back_up(node, folder / name, public, progress, actor=actor)
    removed = prune(folder, node.member, keep, node.now())
    return Made(
        made.path, made.bytes, made.rows, made.photographs, made.damaged, made.not_after, tuple(removed)
    )


def prune(folder: Path, member: str, keep: int, now: datetime) -> list[Path]:
    """Remove a member's backups in a folder past their last day, and all but the newest; return which."""
    found: list[tuple[Header, Path]] = []
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(InvalidInput, OSError), path.open("rb") as file:
            header = read_header(file)
            if header.member == member:
                found.append((header, path))
    found.sort(key=lambda one: one[0].made_at, reverse=True)
    gone = [path for place, (header, path) in enumerate(found) if place >= keep or header.not_after < now]
    for path in gone:
        path.unlink()
    return gone


def restore(
    path: Path,
    key: tuple[MLKEM768X25519PrivateKey, bytes],
    home: Path,
    now: datetime,
    *,
    database: str = "",
    despite_erasures: bool = False,
    progress: Progress = no_progress,
) -> Restored:
    """Put a backup back into a new home.

    Args:
        key: the backup key, and its public half.
        home: not there yet, or an empty folder.
        database: where the rows go: the address of an empty database, or IN_HOME; where the backup's settings
            have them in the home when empty.
        despite_erasures: take a backup past its last day, which may hold what had to be gone by then.

    Raises:
        NotFound: there is no such file.
        Conflict: the home is not empty, or another member's; the database is not empty; the backup is too
            old.
        InvalidInput: the file is no backup, was altered or cut off, or is encrypted to another key.
    """
    with _opened(path) as file:
        header = read_header(file)
        _check_home(home, header)
        _check_age(header, now, despite_erasures=despite_erasures)
        check_key(header, key[1])
        with _appearing_folder(home) as folder:
            size = path.stat().st_size
            unpacked = _Unpacking(folder, home, header, database, now)
            try:
                for kind, data in read_records(file, header, key[0]):
                    unpacked.take(kind, data)
                    progress("bytes", file.tell(), size)
                unpacked.finish()
            except (
                ValueError,
                KeyError,
                TypeError,
                IntegrityError,
            ):  # forged: the public half is enough
                raise _not_whole() from None
            finally:
                unpacked.close()
    return Restored(
        home,
        header.member,
        header.network,
        header.made_at,
        unpacked.rows,
        unpacked.photographs,
        unpacked.settings().keys.passphrase_file,
    )


# --- Writing ---


def _write(node: Node, writer: ArchiveWriter, progress: Progress) -> tuple[int, int, int]:
    """Write everything. Returns how many rows and photographs, and how many photographs are damaged."""
    rows = pictures = damaged = 0
    with snapshot(node.engine) as conn:
        total = count_rows(conn)
        writer.add(_Kind.BEGIN, orjson.dumps({"revision": current_revision(conn)}))
        for name, path in _files(node.config.home):
            if path.is_symlink():
                writer.add(_Kind.LINK, name.encode() + b"\n" + os.readlink(path).encode())
            else:
                writer.add(_Kind.FILE, name.encode() + b"\n" + path.read_bytes())
        for announced, batch, count in dump(conn):
            writer.add(_Kind.ROWS, announced + b"\n" + batch)
            rows += count
            progress("rows", rows, total)
        for owner, sha256 in _referenced(conn, node):
            try:
                data = node.blobs.get(owner, sha256)
            except NodeError:
                damaged += 1
                continue
            if data is not None:  # otherwise it was erased meanwhile
                writer.add(_Kind.PHOTOGRAPH, f"{owner} {sha256}\n".encode() + data)
                pictures += 1
                progress("photographs", pictures, 0)
    writer.add(_Kind.END, orjson.dumps({"rows": rows, "photographs": pictures}))
    return rows, pictures, damaged


def _files(home: Path) -> Iterator[tuple[str, Path]]:
    """List the files of a home that are neither database, photographs nor passing; the settings first."""
    yield FILE_NAME, home / FILE_NAME
    trust = home / "trust"
    paths = [
        home / _SOURCES,
        *sorted((home / "keys").iterdir()),
        trust / "pinned.root.json",
        trust / "exercise",
    ]
    paths += sorted((trust / "roots").glob("*.json"))
    current = trust / "current"
    if current.is_symlink():
        target = trust / os.readlink(current)  # stays while others are published beside it
        paths += [*sorted(path for path in target.rglob("*") if path.is_file()), current]
    for path in paths:
        if path.is_file() or path.is_symlink():
            yield str(path.relative_to(home)), path
    site = home / "site"
    for path in (site / "site.toml", site / "logo.png", *sorted((site / "library").glob("[0-9a-f]*"))):
        if path.is_file():
            yield (
                str(path.relative_to(home)),
                path.resolve(),
            )  # where it lies elsewhere, it lies here afterwards


def _referenced(conn: Connection, node: Node) -> Iterator[tuple[str, str]]:
    """List the photographs on the disk that the database refers to: no other would ever be erased again."""
    for owner in node.blobs.owners():
        hashes = list[str]()
        for sha256 in [*node.blobs.iterate(owner), None]:
            if sha256 is not None:
                hashes.append(sha256)
            if len(hashes) == _HASHES or (sha256 is None and hashes):
                known = photographs.referenced(conn, owner, hashes)
                if owner == node.member:
                    known |= cases.photographs_kept(conn, hashes)
                yield from ((owner, one) for one in hashes if one in known)
                hashes = []


@contextmanager
def _appearing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that appears under its name when the block ends well, and not at all otherwise."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        raise NotFound(f"There is no folder {path.parent}.", "Make it, or name another.") from None
    with os.fdopen(handle, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(handle), os.stat(unfinished)):
                raise FileNotFoundError  # whoever had it has just finished
        except OSError:
            raise Conflict(f"Another backup is being written to {path}.", "Wait for it.") from None
        try:
            file.truncate()  # what a killed one left
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.link(unfinished, path)
        except FileExistsError:
            raise Conflict(
                f"{path} is there already.", "A backup is never overwritten; choose another name."
            ) from None
        finally:
            unfinished.unlink()
        sync(path.parent)


# --- Restoring ---


class _Unpacking:
    """Fills a folder, and a database, with the records of a backup.

    Args:
        folder: to be filled; it becomes `home` at the end.
        database: see `restore`.
    """

    def __init__(self, folder: Path, home: Path, header: Header, database: str, now: datetime) -> None:
        self._folder, self._home, self._header = folder, home, header
        self._database, self._now = database, now
        self._blobs = Blobs(folder / "photographs")
        self._revision = ""
        self._config: Config | None = None
        self._engine: Engine | None = None
        self._conn: Connection | None = None
        self._loader: Loader | None = None
        self._there_already = False
        self._ended = False
        self.rows = self.photographs = 0

    def settings(self) -> Config:
        """Return the settings of the backup, with the database's new place."""
        if self._config is None:
            raise _not_whole()
        return self._config

    def take(self, kind: int, data: bytes) -> None:
        """Take the next record.

        Raises:
            InvalidInput: it does not belong there.
        """
        first, _, rest = data.partition(b"\n")
        match kind:
            case _ if self._ended:
                raise _not_whole()
            case _Kind.BEGIN:
                self._revision = str(orjson.loads(data)["revision"])
            case _Kind.FILE if first.decode() == FILE_NAME:
                self._take_settings(rest.decode())
            case _Kind.FILE:
                _write_file(self._place(first), rest)
            case _Kind.LINK if _LINK.fullmatch(rest.decode()):
                self._place(first).symlink_to(rest.decode())
            case _Kind.ROWS:
                self._load(first, rest)
            case _Kind.PHOTOGRAPH:
                owner, _, sha256 = first.decode().partition(" ")
                if self._blobs.put(owner, rest, durable=False) != sha256:
                    raise _not_whole()
                self.photographs += 1
            case _Kind.END:
                self._ended = orjson.loads(data) == {"rows": self.rows, "photographs": self.photographs}
            case _:
                raise _not_whole()

    def finish(self) -> None:
        """Mark the database as restored and commit it; after this only the folder's name is missing."""
        if not self._ended or self._conn is None or self._loader is None or self._engine is None:
            raise _not_whole()
        if not self._there_already:
            self._loader.finish()
            _mark_restored(self._conn, self._header, self._now)
        self._conn.commit()
        self._conn.close()
        self._conn = None
        migrate(self._engine)

    def close(self) -> None:
        """Let go of the database; what is not committed is rolled back."""
        if self._conn is not None:
            self._conn.close()
        if self._engine is not None:
            self._engine.dispose()

    def _take_settings(self, text: str) -> None:
        url = parse_config(self._home, tomllib.loads(text), {}).database.url
        if url and not self._database:
            raise InvalidInput(
                "The node's rows were not in its home, and may still be where they were.",
                "Say where they go: --database with the address of an empty database, or --database sqlite.",
            )
        wanted = "" if self._database in ("", IN_HOME) else self._database
        if wanted != url:
            text = _with_database(text, wanted)
        self._config = parse_config(self._home, tomllib.loads(text), {})
        if self._config.member != self._header.member or self._config.database.url != wanted:
            raise _not_whole()
        _write_file(self._folder / FILE_NAME, text.encode())
        self._open_database(wanted or f"sqlite:///{self._folder / 'node.db'}")

    def _open_database(self, url: str) -> None:
        if not knows(self._revision):
            raise Conflict(
                "The backup was written by a newer version of this program.",
                "Install that version, or a newer one.",
            )
        self._engine = open_database(url)
        if not is_empty(self._engine):
            self._there_already = _is_restored_from(self._engine, self._header)
            if not self._there_already:
                raise Conflict(
                    "The database is not empty.", "Make a new one, and name that; nothing was changed."
                )
        else:
            migrate(self._engine, self._revision)
        self._conn = self._engine.connect()
        begin_writing(self._conn)
        self._loader = Loader(self._conn)

    def _load(self, announced: bytes, rows: bytes) -> None:
        if self._conn is None or self._loader is None:
            raise _not_whole()
        if self._there_already:
            self.rows += rows.count(b"\n") + 1
            return
        self.rows += self._loader.load(announced, rows)
        if self._conn.dialect.name == "sqlite":
            self._conn.commit()  # the file is not in its place yet, and its log stays small
            begin_writing(self._conn)

    def _place(self, name: bytes) -> Path:
        place = name.decode()
        if not _PLACE.fullmatch(place):
            raise _not_whole()
        path = self._folder / place
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path


def _write_file(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


@contextmanager
def _appearing_folder(home: Path) -> Iterator[Path]:
    """Give a folder that takes the place of `home` when the block ends well, and is gone otherwise."""
    home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = home.with_name(f".{home.name}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)  # what a killed one left
    folder.mkdir(mode=0o700)
    try:
        yield folder
        os.sync()
        os.rename(folder, home)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    sync(home.parent)


def _check_home(home: Path, header: Header) -> None:
    settings = home / FILE_NAME
    if settings.is_file():
        with suppress(tomllib.TOMLDecodeError, UnicodeDecodeError):
            member = tomllib.loads(settings.read_text("utf-8")).get("member")
            if member != header.member:
                raise Conflict(
                    f"This is a backup of {header.member}, and {home} is the home of {member}.",
                    "Choose the backup of that member, or another home.",
                )
    if home.exists() and any(home.iterdir()):
        raise Conflict(f"{home} is not empty.", "Choose a new folder with --home; nothing was changed.")


def _check_age(header: Header, now: datetime, *, despite_erasures: bool) -> None:
    if now > header.not_after and not despite_erasures:
        raise Conflict(
            f"This backup of {header.made_at:%Y-%m-%d} could be restored until {header.not_after:%Y-%m-%d}: "
            "it may hold children whose data had to be gone by then.",
            "Use a newer one; or, when nothing newer is left and the peers can tell what was erased since, "
            "--despite-erasures.",
        )


def _is_restored_from(engine: Engine, header: Header) -> bool:
    """Tell whether a database was filled from this very backup by a restore that was killed before its home
    had its name."""
    if not inspect(engine).has_table(marks.mark.name):
        return False
    with reading(engine) as conn:
        mark = marks.find_mark(conn, marks.RESTORED)
    return mark is not None and mark.about == format_time(header.made_at)


def _mark_restored(conn: Connection, header: Header, now: datetime) -> None:
    """Write down what is not known any more: what was published, erased, revoked and heard since."""
    made = f"{header.made_at:%Y-%m-%d %H:%M} UTC"
    marks.set_mark(conn, marks.RESTORED, now, format_time(header.made_at))
    marks.set_mark(conn, marks.PUT_BACK, now)
    marks.clear_mark(conn, marks.RECOVERED)
    marks.clear_mark(conn, scrubbing.SCRUBBED)  # which was about other files
    for row in feeds.list_feeds(conn):
        if row.own:
            reason = f"restored from a backup of {made}; the peers are asked what was published since"
            feeds.set_feed_state(conn, row.id, feeds.BEHIND, reason)
    peers.unhear_peers(conn, now)
    access.revoke_staff_tokens(conn, now)
    people.end_all_sessions(conn)
    write_journal(conn, JournalEntry(now, "restore", "node.restore", purpose=f"backup of {made}"))


def _with_database(text: str, url: str) -> str:
    """Put another address of the database into settings, and leave the rest as it stands."""
    line = f"url = {orjson.dumps(url).decode()}"
    section = re.search(r"^\[database\][^\n]*\n((?:(?!\[)[^\n]*\n?)*)", text, re.MULTILINE)
    if section is None:
        return f"{text.rstrip()}\n\n[database]\n{line}\n"
    body = re.sub(r"^[ \t]*url[ \t]*=[^\n]*\n?", "", section[1], flags=re.MULTILINE)
    return f"{text[: section.start(1)]}{line}\n{body}{text[section.end(1) :]}"


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(f"{path} cannot be opened: {error.strerror}.", "Check its name and owner.") from None
    with file:
        yield file


def _not_whole() -> InvalidInput:
    return InvalidInput(
        "This backup decrypts, and does not hold what a backup holds.",
        "Take another one; nothing was changed.",
    )
