"""The network's signed files: fetched by the rules of The Update Framework, kept, and served on unchanged.

Guarantees: what `current` returns was signed by the network's keys, followed from the pinned root, and was
never older than what was trusted before; a refresh works on a copy and publishes it whole or not at all, so
that a crash or a lying source leaves what was there. Past its expiry the set is still returned, with the
time: what stops then is for the services to decide. A source that is down or behind is PeerUnavailable, one
that lies a ProtocolError.

    pinned.root.json   what the administrator trusted when joining
    exercise           there when that was an exercise: a network that turns into one later, or out of one,
                       stays for this node what it was
    roots/N.root.json  every root that was followed from there, also when the rest of its refresh failed
    sets/…             verified sets as tuf's client lays them out
    current            a link to the one in force
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from node.adapters.files import sync, turn, write_whole
from node.adapters.http import HttpClient
from node.errors import Conflict, InvalidInput, NotFound, PeerUnavailable
from protocol.errors import BadProof, Malformed, NoQuorum, ProtocolError, Rollback
from protocol.policy import Policy, parse_policy
from protocol.roster import Roster, parse_roster

ROSTER = "roster.json"
POLICY = "policy.json"
MAX_TARGETS = 64
MAX_FILE_BYTES = 5_000_000
"""The most bytes of any one file; tuf's own limit for its largest kind."""

_SECONDS = 60.0
_KEPT_SETS = 3
_SCHEMA = re.compile(r"schemas/([a-z_]{1,40}\.v[1-9][0-9]{0,3}\.json)", re.ASCII)
_ROOT_NAME = re.compile(r"[1-9][0-9]{0,8}\.root\.json", re.ASCII)
_LIMITS = UpdaterConfig(
    max_root_rotations=256, root_max_length=512_000, timestamp_max_length=16_384, snapshot_max_length=64_000
)

S = TypeVar("S", Timestamp, Snapshot, Targets)


@dataclass(frozen=True)
class Trusted:
    """A verified set.

    Attributes:
        schemas: by file name, as signed.
        expires_at: when the first of its signed files runs out.
        version: of the signed list of files; rises with every change of roster, policy or schemas.
        versions: of root, timestamp, snapshot and targets.
        turned: whether the signed policy by now says otherwise about being an exercise than when this node
            joined. `policy` says what it was then.
    """

    roster: Roster
    policy: Policy
    schemas: Mapping[str, bytes]
    expires_at: datetime
    version: int
    versions: Mapping[str, int]
    turned: bool = False


@dataclass(frozen=True)
class _Set:
    """A set that was read and verified: what it says, and where each file stands under the name others ask
    for."""

    root: Root
    trusted: Trusted
    metadata: Mapping[str, Path]
    targets: Mapping[str, Path]


class TrustStore:
    """The verified files of one network, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pinned = folder / "pinned.root.json"
        self._exercise = folder / "exercise"
        self._roots = folder / "roots"
        self._sets = folder / "sets"
        self._current = folder / "current"
        self._known: tuple[str, _Set] | None = None

    def bootstrap(self, root: bytes, urls: Iterable[str], http: HttpClient) -> Trusted:
        """Trust a network from its root file on, once a source proves to be of that network.

        Args:
            root: the bytes of one of the network's root files, checked by the administrator through another
                channel.
            urls: see `refresh`.

        Raises:
            Conflict: a network is trusted here already.
            InvalidInput: the bytes are no root file.
            PeerUnavailable, ProtocolError: see `refresh`; nothing is kept then.
        """
        if self._pinned.exists():
            raise Conflict(
                "This node already trusts a network.", "A node belongs to one network; make another home."
            )
        _read_root(root)
        self._refresh(root, urls, http, _SECONDS)
        self._exercise.unlink(missing_ok=True)  # left by a bootstrap that was cut off
        if _read_set(root, self._current).trusted.policy.exercise:
            write_whole(self._exercise, b"exercise\n")
        write_whole(self._pinned, root)
        return self.current()

    def refresh(self, urls: Iterable[str], http: HttpClient, seconds: float = _SECONDS) -> Trusted:
        """Bring the set up to date from the first source that can prove what it serves.

        Args:
            urls: where `metadata/` and `targets/` stand, in the order in which they are to be asked: the
                coordinator's, then `<address>/tuf` of peers.
            seconds: the most that one source may take.

        Raises:
            NotFound: no network is trusted yet.
            ProtocolError: no source was good, and one lied: the first lie.
            PeerUnavailable: every source was down, or behind what is trusted already.
        """
        try:
            pinned = self._pinned.read_bytes()
        except FileNotFoundError:
            raise _not_joined() from None
        self._refresh(pinned, urls, http, seconds)
        return self.current()

    def current(self) -> Trusted:
        """Return what is trusted, without asking anybody; the same value until it changes.

        Raises:
            NotFound: no network is trusted yet.
            InvalidInput: the files were changed on this disk.
        """
        return self._read_current().trusted

    def metadata_file(self, name: str) -> bytes | None:
        """Return a file for `/tuf/metadata/<name>` as it was signed, or None if there is none of that
        name."""
        if _ROOT_NAME.fullmatch(name):
            path = self._roots / name
            return path.read_bytes() if path.exists() else None
        return self._served(lambda known: known.metadata.get(name))

    def target_file(self, name: str) -> bytes | None:
        """Return a file for `/tuf/targets/<name>`, such as `<sha256>.roster.json`, or None; see above."""
        return self._served(lambda known: known.targets.get(name))

    def _served(self, find: Callable[[_Set], Path | None]) -> bytes | None:
        try:
            path = find(self._read_current())
        except NotFound:
            return None
        # Another process may have published meanwhile; it keeps the sets before its own for readers like this
        # one.
        return path.read_bytes() if path else None

    def _read_current(self) -> _Set:
        try:
            name = os.readlink(self._current)  # all that a request costs, mostly
            if self._known is not None and self._known[0] == name:
                return self._known[1]
            pinned = self._pinned.read_bytes()
        except FileNotFoundError:
            raise _not_joined() from None
        try:
            known = self._as_joined(_read_set(pinned, self._folder / name))
        except (OSError, RepositoryError, ProtocolError) as error:
            raise InvalidInput(
                f"The signed files in {self._folder} were damaged on this disk: {type(error).__name__}.",
                "Restore the folder from its backup, or remove it and join the network again.",
            ) from None
        self._known = name, known
        return known

    def _refresh(self, pinned: bytes, urls: Iterable[str], http: HttpClient, seconds: float) -> None:
        # One at a time, in other processes too: of two at once the slower one would put an older set back.
        self._folder.mkdir(parents=True, exist_ok=True)
        with turn(self._folder):
            self._refresh_from_any(pinned, urls, http, seconds)

    def _refresh_from_any(self, pinned: bytes, urls: Iterable[str], http: HttpClient, seconds: float) -> None:
        lie: ProtocolError | None = None
        down = PeerUnavailable(
            "No source of the network's files is known.", "Name the coordinator's address."
        )
        for url in urls:
            try:
                return self._refresh_from(_Source(http, url, seconds), pinned)
            except ProtocolError as error:
                lie = lie or error
            except PeerUnavailable as error:
                down = error
        raise lie or down

    def _refresh_from(self, source: "_Source", pinned: bytes) -> None:
        with self._scratch() as scratch:
            try:
                source.download(pinned, scratch)
            finally:
                # A root that was followed stays followed: without it, keys that it has revoked would count
                # again.
                if self._pinned.exists():
                    self._keep_roots(scratch)
            found = self._as_joined(_read_set(pinned, scratch))
            _check_root(found.root, found.trusted.policy)
            if not self._is_current(scratch):
                self._keep_roots(scratch)
                self._publish(scratch)

    def _as_joined(self, found: _Set) -> _Set:
        """Hold the network to what it was when this node joined it. In an exercise one key is enough and
        feeds are open to anybody: no signature may turn real cases into that, nor what was accepted there
        into the real thing."""
        if not self._pinned.exists():
            return found
        policy, exercise = found.trusted.policy, self._exercise.exists()
        trusted = replace(
            found.trusted, policy=replace(policy, exercise=exercise), turned=policy.exercise != exercise
        )
        return replace(found, trusted=trusted)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Give a copy of the set in force, with every root known, to work on."""
        self._sets.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="new-", dir=self._sets))
        try:
            if self._current.exists():
                shutil.copytree(self._current, scratch, symlinks=True, dirs_exist_ok=True)
            history = scratch / "metadata" / "root_history"
            history.mkdir(parents=True, exist_ok=True)
            (scratch / "targets").mkdir(exist_ok=True)
            if self._pinned.exists() and self._roots.exists():
                shutil.copytree(self._roots, history, dirs_exist_ok=True)
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)  # gone already where it was published

    def _keep_roots(self, scratch: Path) -> None:
        self._roots.mkdir(exist_ok=True)
        for path in (scratch / "metadata" / "root_history").iterdir():
            if not (self._roots / path.name).exists():
                write_whole(self._roots / path.name, path.read_bytes())

    def _is_current(self, scratch: Path) -> bool:
        """Tell whether nothing was new: the timestamp speaks for all but the root."""
        names = "metadata/timestamp.json", "metadata/root.json"
        pairs = [(self._current / name, scratch / name) for name in names]
        return all(old.exists() and old.read_bytes() == new.read_bytes() for old, new in pairs)

    def _publish(self, scratch: Path) -> None:
        for path in scratch.rglob("*"):
            if path.is_file():
                sync(path)
        published = self._sets / f"set-{time.time_ns()}"
        scratch.rename(published)
        link = self._sets / f"{published.name}.link"
        link.symlink_to(published.relative_to(self._folder))
        link.replace(self._current)
        sync(self._folder)
        for old in sorted(self._sets.glob("set-*"))[:-_KEPT_SETS]:
            shutil.rmtree(old, ignore_errors=True)


class _Source(FetcherInterface):
    """One place that serves the files, asked under one deadline and believed in nothing."""

    def __init__(self, http: HttpClient, url: str, seconds: float) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._ends = time.monotonic() + seconds
        self._asked = ""

    def download(self, pinned: bytes, scratch: Path) -> None:
        """Bring the set in `scratch` up to date.

        Raises:
            PeerUnavailable: it is down, behind, or serves what has run out.
            ProtocolError: it lies.
        """
        try:
            updater = Updater(
                str(scratch / "metadata"),
                f"{self._url}/metadata/",
                str(scratch / "targets"),
                f"{self._url}/targets/",
                fetcher=self,
                config=_LIMITS,
                bootstrap=pinned,
            )
            updater.refresh()
            for target in _known_targets(_read_metadata(scratch, Targets)):
                if not updater.find_cached_target(target):
                    updater.download_target(target)
        except (ProtocolError, OSError):
            raise  # an OSError is this machine's disk, not the source
        except Exception as error:
            # Whatever else tuf or the libraries below it raise is the fault of the bytes that were served.
            raise self._explain(error) from None

    def _fetch(self, url: str) -> Iterator[bytes]:
        self._asked = url.removeprefix(self._url)
        left = self._ends - time.monotonic()
        if left <= 0:
            raise _Down(PeerUnavailable("It did not answer in time.", "It is asked again by itself."))
        try:
            answer = self._http.fetch("GET", url, limit=MAX_FILE_BYTES, deadline=left)
        except PeerUnavailable as error:
            raise _Down(error) from None
        if answer.status != 200:
            raise DownloadHTTPError(f"status {answer.status}", answer.status)
        return iter([answer.body])

    def _explain(self, error: Exception) -> ProtocolError | PeerUnavailable:
        match error:
            case _Down():
                return error.reason
            case DownloadHTTPError():
                return PeerUnavailable(
                    f"It answered {error.status_code} for {self._asked}.", "Tell its operator."
                )
            case BadVersionNumberError() if self._asked == "/metadata/timestamp.json":
                return PeerUnavailable("It is behind what is trusted here.", "Another source is asked.")
            case ExpiredMetadataError():
                return PeerUnavailable(
                    "What it serves has run out.", "The coordinator has to run `gmcn network refresh`."
                )
            case BadVersionNumberError():
                return Rollback(f"{self._asked}: not the version that was announced")
            case UnsignedMetadataError():
                return NoQuorum(f"{self._asked}: not signed by enough of the network's keys")
            case LengthOrHashMismatchError():
                return BadProof(f"{self._asked}: not the file that was signed")
            case DownloadLengthMismatchError():
                return Malformed(f"{self._asked}: longer than it may be")
            case _:
                return Malformed(f"{self._asked}: not of the form that was signed")


class _Down(DownloadError):
    """Carries the reason through tuf, which only lets its own errors pass."""

    def __init__(self, reason: PeerUnavailable) -> None:
        super().__init__(reason.message)
        self.reason = reason


def _read_set(pinned: bytes, folder: Path) -> _Set:
    """Read a set and verify it from the pinned root on, but for its expiry.

    Raises:
        RepositoryError: a signature, version or hash is not right.
        ProtocolError: the roster or the policy breaks its rules.
    """
    root = _follow_roots(pinned, folder / "metadata" / "root_history")
    timestamp = _read_metadata(folder, Timestamp)
    snapshot = _read_metadata(folder, Snapshot)
    targets = _read_metadata(folder, Targets)
    root.verify_delegate(Timestamp.type, timestamp.signed_bytes, timestamp.signatures)
    root.verify_delegate(Snapshot.type, snapshot.signed_bytes, snapshot.signatures)
    root.verify_delegate(Targets.type, targets.signed_bytes, targets.signatures)
    files = {target.path: folder / "targets" / quote(target.path, "") for target in _known_targets(targets)}
    for path, file in files.items():
        targets.signed.targets[path].verify_length_and_hashes(file.read_bytes())
    if not {ROSTER, POLICY} <= files.keys():
        raise Malformed("the network's files hold no roster or no policy")
    versions = {
        signed.type: signed.version for signed in (root, timestamp.signed, snapshot.signed, targets.signed)
    }
    trusted = Trusted(
        roster=parse_roster(files[ROSTER].read_bytes()),
        policy=parse_policy(files[POLICY].read_bytes()),
        schemas={
            match[1]: file.read_bytes() for path, file in files.items() if (match := _SCHEMA.fullmatch(path))
        },
        expires_at=min(
            signed.expires for signed in (root, timestamp.signed, snapshot.signed, targets.signed)
        ),
        version=targets.signed.version,
        versions=versions,
    )
    metadata_files = {
        "timestamp.json": folder / "metadata" / "timestamp.json",
        f"{snapshot.signed.version}.snapshot.json": folder / "metadata" / "snapshot.json",
        f"{targets.signed.version}.targets.json": folder / "metadata" / "targets.json",
    }
    # A consistent snapshot names a target by a hash of its content, in the folder that its path says.
    target_files = {
        name: file
        for path, file in files.items()
        for name in targets.signed.targets[path].get_prefixed_paths()
    }
    return _Set(root, trusted, metadata_files, target_files)


def _follow_roots(pinned: bytes, history: Path) -> Root:
    root = _read_root(pinned)
    while (path := history / f"{root.version + 1}.root.json").exists():
        metadata = Metadata[Root].from_bytes(path.read_bytes())
        for signer in (root, metadata.signed):
            signer.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
        root = metadata.signed
    return root


def _read_root(data: bytes) -> Root:
    """Read a root file that signs itself.

    Raises:
        InvalidInput: it is none.
    """
    try:
        metadata = Metadata[Root].from_bytes(data)
        metadata.signed.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError, AttributeError):
        raise InvalidInput(
            "This is no root file of a network.", "Ask the coordinator for its root.json."
        ) from None
    return metadata.signed


def _check_root(root: Root, policy: Policy) -> None:
    """Hold the network to its own promise: no single person can change who is a member, save in a sandbox.

    Raises:
        NoQuorum: one signature is enough, or one key stands under two names and would be counted twice.
    """
    for name in (Root.type, Targets.type):
        role = root.roles[name]
        if role.threshold < 2 and not policy.exercise:
            raise NoQuorum(f"the network's {name} can be changed with a single key")
    for role in root.roles.values():
        publics = [root.keys[key].keyval["public"] for key in role.keyids]
        if len(set(publics)) != len(publics):
            raise NoQuorum("a key of the network stands under two names")


def _known_targets(targets: Metadata[Targets]) -> list[TargetFile]:
    """List the files that this program knows, among what was signed.

    Raises:
        Malformed: there are too many, or they are too large.
    """
    known = [
        target
        for path, target in targets.signed.targets.items()
        if path in (ROSTER, POLICY) or _SCHEMA.fullmatch(path)
    ]
    if len(known) > MAX_TARGETS or any(target.length > MAX_FILE_BYTES for target in known):
        raise Malformed("the network's files are too many or too large")
    return known


def _read_metadata(folder: Path, kind: type[S]) -> Metadata[S]:
    metadata = Metadata[S].from_bytes((folder / "metadata" / f"{kind.type}.json").read_bytes())
    if not isinstance(metadata.signed, kind):
        raise RepositoryError(f"{kind.type}.json is of another kind")
    return metadata


def _not_joined() -> NotFound:
    return NotFound(
        "This node has not joined a network yet.",
        "Ask to be admitted with `gmcn join request`; then join with `gmcn join accept`.",
    )
