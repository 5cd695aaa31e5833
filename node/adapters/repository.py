"""A network's TUF repository in a folder, with at most one change that waits for signatures.

Guarantees: nothing is published without the signatures that the root in force demands; what a key holder
signs is the very content that the change carries, which is checked before the signature is made; publishing
and refreshing can be cut off at any moment and run again. What the files say, and who may be in them, is left
to the services.

    metadata/, targets/   what is served: consistent snapshots, timestamp.json written last
    change.json           the staged change; key holders sign copies of it, wherever they are
    keys/                 the online key, which can renew the expiry of what is published and nothing else
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Key, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from node.adapters.files import turn, write_whole
from node.adapters.keystore import create_key_file, load_key_file, read_private, write_private
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound

Role = Literal["root", "targets"]
ROLES: tuple[Role, ...] = ("root", "targets")

ROOT_LIFE = timedelta(days=365)
TARGETS_LIFE = timedelta(days=182)
ONLINE_LIFE = timedelta(days=7)

_HOLDER = "x-gmcn-holder"
_MAX_CHANGE = 32 << 20
_KEPT_SNAPSHOTS = 5


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who keeps a key of the network: a name for people, and the public half (32 bytes)."""

    name: str
    public: bytes


@dataclass(frozen=True, slots=True)
class Signatures:
    """How far the signing of one staged file is.

    Attributes:
        signed: names of those whose signature it has.
        waiting: names of those who can still sign.
        missing: how many more are needed.
    """

    signed: tuple[str, ...]
    waiting: tuple[str, ...]
    missing: int


class Change:
    """A staged change: the new signed files as far as they are signed, with all that they speak of.

    It stands in one file, so that it can be handed to people who never meet.

    Attributes:
        root, targets: None where it does not change that file.
        files: the content of every target that is new, by path.
        root_before, files_before: what is published now, as the coordinator says.
    """

    def __init__(
        self,
        root: Metadata[Root] | None,
        targets: Metadata[Targets] | None,
        files: Mapping[str, bytes],
        root_before: Metadata[Root] | None,
        files_before: Mapping[str, bytes],
    ) -> None:
        self.root = root
        self.targets = targets
        self.files = dict(files)
        self.root_before = root_before
        self.files_before = dict(files_before)

    @classmethod
    def read(cls, path: Path) -> "Change":
        """Read a change, and check that its targets file speaks of the very content that it carries.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it is no change, or its content is not what would be signed.
        """
        try:
            data = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(
                f"{path} is not there.", "Name the folder of a network, or a copy of change.json."
            ) from None
        try:
            if len(data) > _MAX_CHANGE:
                raise ValueError
            value = json.loads(data)
            change = cls(
                _metadata(value["root"], Root),
                _metadata(value["targets"], Targets),
                {name: text.encode() for name, text in value["files"].items()},
                _metadata(value["root_before"], Root),
                {name: text.encode() for name, text in value["files_before"].items()},
            )
            change._check_content()
        except (RepositoryError, ValueError, KeyError, TypeError, AttributeError):
            raise InvalidInput(
                f"{path} is no change of a network, or was altered.", "Ask the coordinator for a fresh copy."
            ) from None
        return change

    def write(self, path: Path) -> None:
        """Write the change, whole or not at all."""
        value = {
            "root": self.root and self.root.to_dict(),
            "targets": self.targets and self.targets.to_dict(),
            "files": {name: data.decode() for name, data in self.files.items()},
            "root_before": self.root_before and self.root_before.to_dict(),
            "files_before": {name: data.decode() for name, data in self.files_before.items()},
        }
        write_whole(path, json.dumps(value, indent=1, ensure_ascii=False).encode())

    @property
    def root_in_force(self) -> Root:
        """The root that says who may sign the targets: the staged one where there is one."""
        newest = self.root or self.root_before
        if newest is None:
            raise InvalidInput("The change speaks of no root.", "Ask the coordinator for a fresh copy.")
        return newest.signed

    def sign(self, key: Ed25519PrivateKey) -> list[Role]:
        """Add one key holder's signature to every staged file that it may sign, and name these."""
        signer = CryptoSigner(key)
        key_id = signer.public_key.keyid
        signed: list[Role] = []
        if self.root and any(key_id in root.roles[Root.type].keyids for root in self._root_signers()):
            self.root.sign(signer, append=True)
            signed.append("root")
        if self.targets and key_id in self.root_in_force.roles[Targets.type].keyids:
            self.targets.sign(signer, append=True)
            signed.append("targets")
        return signed

    def merge(self, copy: "Change") -> None:
        """Take over the signatures that a copy of this very change has gathered.

        Raises:
            Conflict: it is a copy of another change.
        """
        for own, other in ((self.root, copy.root), (self.targets, copy.targets)):
            if (own and own.signed_bytes) != (other and other.signed_bytes):
                raise Conflict(
                    "The copy is of another change than the one that is staged now.",
                    "Send a fresh copy of change.json round; every change begins its signatures anew.",
                )
            if own and other:
                own.signatures |= self._verified_signatures(other)

    def signatures(self, role: Role) -> Signatures | None:
        """Tell how far the signing of a role's file is; None when the change does not touch it."""
        if role == "targets":
            if self.targets is None:
                return None
            found = self.root_in_force.get_verification_result(
                role, self.targets.signed_bytes, self.targets.signatures
            )
            return Signatures(_names(found.signed), _names(found.unsigned), found.missing)
        if self.root is None:
            return None
        before = self.root_before.signed if self.root_before else None
        both = self.root.signed.get_root_verification_result(
            before, self.root.signed_bytes, self.root.signatures
        )
        return Signatures(
            _names(both.signed), _names(both.unsigned), max(both.first.missing, both.second.missing)
        )

    def _verified_signatures(self, copy: Metadata[Any]) -> dict[str, Signature]:
        """Return the signatures of a copy that verify: another would stand in the place of the right one."""
        keys = {key_id: key for root in self._root_signers() for key_id, key in root.keys.items()}
        found = {}
        for key_id, signature in copy.signatures.items():
            with suppress(UnverifiedSignatureError, KeyError):
                keys[key_id].verify_signature(signature, copy.signed_bytes)
                found[key_id] = signature
        return found

    def _root_signers(self) -> list[Root]:
        return [metadata.signed for metadata in (self.root, self.root_before) if metadata]

    def _check_content(self) -> None:
        # All of it, not only what is new: a listed file that nobody can see must not be signed along.
        if self.targets:
            content = {**self.files_before, **self.files}
            for path, file in self.targets.signed.targets.items():
                file.verify_length_and_hashes(content[path])


class Repository:
    """The repository in one folder. Commands on it take turns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        self._keys = folder / "keys"
        self.change_path = folder / "change.json"

    @classmethod
    def create(
        cls,
        folder: Path,
        root: Sequence[Holder],
        targets: Sequence[Holder],
        threshold: int,
        files: Mapping[str, bytes],
        now: datetime,
    ) -> "Repository":
        """Make a repository whose first root and targets wait for their signatures.

        Args:
            threshold: how many holders must sign, of root and of targets alike.
            files: every target, by path.

        Raises:
            Conflict: the folder is there already, and not empty.
            InvalidInput: one key stands twice, or there are fewer than the threshold.
        """
        if folder.exists() and any(folder.iterdir()):
            raise Conflict(f"{folder} is not empty.", "Choose another folder for the new network.")
        repository = cls(folder)
        first = Root(expires=now + ROOT_LIFE)
        for role, holders in (("root", root), ("targets", targets)):
            for holder in holders:
                first.add_key(_key(holder), role)
            first.roles[role].threshold = threshold
        _check_roles(first)
        folder.mkdir(parents=True, exist_ok=True)
        repository._keys.mkdir(mode=0o700)
        repository._add_online_key(first)
        repository._metadata.mkdir()
        repository._targets.mkdir()
        listed = Targets(expires=now + TARGETS_LIFE)
        listed.targets = {path: TargetFile.from_data(path, data, ["sha256"]) for path, data in files.items()}
        Change(Metadata(first), Metadata(listed), files, None, {}).write(repository.change_path)
        return repository

    @classmethod
    def open(cls, folder: Path) -> "Repository":
        """Open a repository.

        Raises:
            NotFound: there is none.
        """
        if not (folder / "metadata").is_dir():
            raise NotFound(f"There is no network in {folder}.", "Make one with `gmcn network init`.")
        return cls(folder)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the repository for one command, waiting for the one before it."""
        with turn(self._folder):
            yield

    @property
    def metadata_folder(self) -> Path:
        """What is to be served below `/metadata/`."""
        return self._metadata

    @property
    def targets_folder(self) -> Path:
        """What is to be served below `/targets/`."""
        return self._targets

    def published_root(self) -> Metadata[Root] | None:
        """Return the newest published root; None before the first publication."""
        versions = [int(path.name.partition(".")[0]) for path in self._metadata.glob("*.root.json")]
        return _load(self._metadata / f"{max(versions)}.root.json", Root) if versions else None

    def published_timestamp(self) -> Metadata[Timestamp] | None:
        """Return the published timestamp; None before the first publication."""
        path = self._metadata / "timestamp.json"
        return _load(path, Timestamp) if path.exists() else None

    def published_snapshot(self) -> Metadata[Snapshot] | None:
        """Return the published snapshot; None before the first publication."""
        timestamp = self.published_timestamp()
        if timestamp is None:
            return None
        return _load(self._metadata / f"{timestamp.signed.snapshot_meta.version}.snapshot.json", Snapshot)

    def published_targets(self) -> Metadata[Targets] | None:
        """Return the published list of targets; None before the first publication."""
        snapshot = self.published_snapshot()
        if snapshot is None:
            return None
        return _load(self._metadata / f"{snapshot.signed.meta['targets.json'].version}.targets.json", Targets)

    def published_files(self) -> dict[str, bytes]:
        """Return every published target by path; empty before the first publication."""
        targets = self.published_targets()
        listed = targets.signed.targets if targets else {}
        return {path: (self._targets / _served_name(file)).read_bytes() for path, file in listed.items()}

    def change(self) -> Change | None:
        """Return the staged change, if there is one."""
        return Change.read(self.change_path) if self.change_path.exists() else None

    def files(self) -> dict[str, bytes]:
        """Return every target as it will be once the staged change is published."""
        change = self.change()
        return {**self.published_files(), **(change.files if change else {})}

    def stage_files(self, files: Mapping[str, bytes], now: datetime) -> None:
        """Add files to the staged change, whose signatures begin anew."""
        change = self._next_change()
        published = self.published_targets()
        listed = Targets(version=published.signed.version + 1 if published else 1, expires=now + TARGETS_LIFE)
        change.files.update(files)
        everything = {**change.files_before, **change.files}
        listed.targets = {
            path: TargetFile.from_data(path, data, ["sha256"]) for path, data in everything.items()
        }
        change.targets = Metadata(listed)
        change.write(self.change_path)

    def stage_root(self, edit: Callable[[Root], None], now: datetime) -> None:
        """Change the staged root, whose signatures begin anew; the targets too where their signers change.

        Raises:
            InvalidInput: too few keys would be left, or one key would stand twice.
        """
        change = self._next_change()
        published = self.published_root()
        newest = change.root or published
        assert newest is not None  # the first change has one
        root = Metadata[Root].from_bytes(newest.to_bytes()).signed
        root.version = published.signed.version + 1 if published else 1
        root.expires = now + ROOT_LIFE
        edit(root)
        _check_roles(root)
        signers_before = published.signed.roles[Targets.type] if published else None
        change.root = Metadata(root)
        change.write(self.change_path)
        if root.roles[Targets.type] != signers_before:
            self.stage_files({}, now)

    def add_online_key(self, root: Root) -> None:
        """Make a fresh online key, and let the root list it in place of the old one."""
        self._add_online_key(root)

    def publish(self, now: datetime) -> None:
        """Publish the staged change.

        Raises:
            NotFound: nothing is staged.
            NotAllowed: signatures are missing; says how many, and whose.
        """
        change = self.change()
        if change is None:
            raise NotFound(
                "Nothing is staged.", "Stage a change first, for example with `gmcn network admit`."
            )
        for role in ROLES:
            signatures = change.signatures(role)
            if signatures and signatures.missing:
                raise NotAllowed(
                    f"The staged {role} file needs {signatures.missing} more of the signatures by "
                    f"{', '.join(signatures.waiting)}.",
                    "Let them sign with `gmcn network sign`, here or on a copy of change.json.",
                )
        targets = change.targets or self.published_targets()
        assert targets is not None  # the first change has all
        # All but the timestamp has its version or hash in its name, and is asked for only once it is
        # announced.
        for path, file in targets.signed.targets.items():
            if path in change.files:
                write_whole(self._targets / _served_name(file), change.files[path])
        if change.targets:
            write_whole(self._metadata / f"{targets.signed.version}.targets.json", targets.to_bytes())
        if change.root:
            write_whole(self._metadata / f"{change.root.signed.version}.root.json", change.root.to_bytes())
        self._announce(change.root_in_force, targets.signed.version, now)
        self.change_path.unlink()

    def refresh(self, now: datetime) -> None:
        """Sign what is published again with the online key, so that it does not run out.

        Raises:
            NotFound: nothing is published yet, or the online key is not here.
        """
        root, targets = self.published_root(), self.published_targets()
        if root is None or targets is None:
            raise NotFound(
                "Nothing is published yet.", "Sign the first change and run `gmcn network publish`."
            )
        self._announce(root.signed, targets.signed.version, now)

    def discard(self) -> None:
        """Forget the staged change.

        Raises:
            Conflict: it is the network's first.
        """
        if self.published_root() is None:
            raise Conflict("A network's first change cannot be discarded.", "Sign it, or remove the folder.")
        self.change_path.unlink(missing_ok=True)

    def _announce(self, root: Root, targets_version: int, now: datetime) -> None:
        targets = (self._metadata / f"{targets_version}.targets.json").read_bytes()
        signer = self._online_signer(root)
        before = self.published_timestamp()
        snapshot = Snapshot(expires=now + ONLINE_LIFE)
        snapshot.version = before.signed.snapshot_meta.version + 1 if before else 1
        snapshot.meta = {"targets.json": _meta(targets_version, targets)}
        signed_snapshot = Metadata(snapshot)
        signed_snapshot.sign(signer)
        data = signed_snapshot.to_bytes()
        write_whole(self._metadata / f"{snapshot.version}.snapshot.json", data)
        timestamp = Timestamp(expires=now + ONLINE_LIFE)
        timestamp.version = before.signed.version + 1 if before else 1
        timestamp.snapshot_meta = _meta(snapshot.version, data)
        signed_timestamp = Metadata(timestamp)
        signed_timestamp.sign(signer)
        write_whole(self._metadata / "timestamp.json", signed_timestamp.to_bytes())
        # A reader that began before this moment still finds the snapshot that it was told of.
        (self._metadata / f"{snapshot.version - _KEPT_SNAPSHOTS}.snapshot.json").unlink(missing_ok=True)

    def _next_change(self) -> Change:
        return self.change() or Change(None, None, {}, self.published_root(), self.published_files())

    def _add_online_key(self, root: Root) -> None:
        secret = self._keys / "secret"
        if not secret.exists():
            write_private(secret, b64encode(token_bytes(32)))
        unnamed = self._keys / "new.pem"
        unnamed.unlink(missing_ok=True)  # left by a command that was cut off, and listed nowhere
        private = create_key_file(unnamed, read_private(secret), stretch=False)
        key = _key(Holder("online", private.public_key().public_bytes_raw()))
        unnamed.rename(self._keys / f"{key.keyid}.pem")
        for role in (Timestamp.type, Snapshot.type):
            for old in list(root.roles[role].keyids):
                root.revoke_key(old, role)
            root.add_key(key, role)

    def _online_signer(self, root: Root) -> CryptoSigner:
        (key_id,) = root.roles[Timestamp.type].keyids
        private = load_key_file(self._keys / f"{key_id}.pem", read_private(self._keys / "secret"))
        return CryptoSigner(private)


def add_holder(root: Root, role: Role, holder: Holder) -> None:
    """Let a further key sign a role's file."""
    root.add_key(_key(holder), role)


def remove_holder(root: Root, role: Role, name: str) -> None:
    """Take away a key's right to sign a role's file.

    Args:
        name: the holder's name, or the beginning of the key id.

    Raises:
        InvalidInput: none or several are meant.
    """
    found = [
        key_id
        for key_id in root.roles[role].keyids
        if holder_name(root.keys[key_id]) == name or key_id.startswith(name)
    ]
    if len(found) != 1:
        raise InvalidInput(
            f"{len(found)} holders of a {role} key are called {name}.",
            "See the names with `gmcn network show`.",
        )
    root.revoke_key(found[0], role)


def holder_name(key: Key) -> str:
    """Return the name of a key's holder for people: as the root gives it, else the beginning of the key
    id."""
    return str(key.unrecognized_fields.get(_HOLDER, key.keyid[:16]))


def _key(holder: Holder) -> SSlibKey:
    key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(holder.public))
    key.unrecognized_fields[_HOLDER] = holder.name
    return key


def _check_roles(root: Root) -> None:
    for role in ROLES:
        listed, threshold = len(root.roles[role].keyids), root.roles[role].threshold
        if listed < threshold:
            raise InvalidInput(
                f"{threshold} signatures would be needed on {role}, and there would be {listed} keys.",
                "Add keys, or lower the threshold.",
            )


def _names(keys: Mapping[str, Key]) -> tuple[str, ...]:
    return tuple(sorted(holder_name(key) for key in keys.values()))


def _served_name(file: TargetFile) -> str:
    """Return the name under which a consistent snapshot serves a target: its path, with the hash before the
    last step."""
    (name,) = file.get_prefixed_paths()
    return name


def _meta(version: int, data: bytes) -> MetaFile:
    return MetaFile.from_data(version, data, ["sha256"])


def _load(path: Path, kind: type[Any]) -> Metadata[Any]:
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
    except (OSError, RepositoryError):
        raise InvalidInput(f"{path} is damaged.", "Restore the network's folder from its backup.") from None
    if not isinstance(metadata.signed, kind):
        raise InvalidInput(f"{path} is of another kind.", "Restore the network's folder from its backup.")
    return metadata


def _metadata(value: dict[str, Any] | None, kind: type[Any]) -> Metadata[Any] | None:
    if value is None:
        return None
    metadata: Metadata[Any] = Metadata.from_dict(value)
    if not isinstance(metadata.signed, kind):
        raise ValueError
    return metadata
