"""Private keys in files, encrypted at rest.

Guarantees: a key file is made readable by its owner alone in the very call that makes it, is never
overwritten, and is refused as soon as anybody else may read it; the key inside is encrypted under a random
secret of its own folder or under a passphrase that was stretched with scrypt. Which of several keys of a
purpose is in force is for the roster to say: the caller names the public key. What is never done: a private
key in a log, an error or an environment variable.

    keys/           0700
      secret        32 random bytes in base64, unless the settings name a passphrase file
      token.pem     the first key of a purpose
      token.2.pem   its replacement, and so on
      console.pem   what the console encrypts with, and the journal hashes; never in the roster, nor replaced
"""

import base64
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from secrets import token_bytes
from typing import Literal, get_args

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from node.adapters.files import sync
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound

Purpose = Literal["feed-network", "feed-police", "token", "cosigner"]

SIGNING: tuple[Purpose, ...] = get_args(Purpose)
MIN_PASSPHRASE = 12
"""The fewest characters of a passphrase. The generated secret has 43."""

_SEALING = "sealing"
_CONSOLE_FILE = "console.pem"
_OWN_FILE = "secret"
_PEM = re.compile(rb"-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]+-----\n")
_COST = 15  # of scrypt: 2^15 rounds over 32 MB, a tenth of a second
_STRETCHED = re.compile(rb"scrypt ([1-9]|1[0-9]|20): ([A-Za-z0-9+/]{22}==)\n")  # 2^20 are a gigabyte
_MAX_FILE = 1 << 16


class Keystore:
    """The keys of one node, in a folder of their own."""

    def __init__(self, folder: Path, passphrase: bytes | None) -> None:
        self._folder = folder
        self._passphrase = passphrase
        self._opened: dict[tuple[Path, int], tuple[bytes, MLKEM768X25519PrivateKey]] = {}
        self._console: bytes | None = None

    @classmethod
    def create(cls, folder: Path, passphrase_file: Path | None = None) -> "Keystore":
        """Make the folder with one key of every purpose; it appears whole or not at all.

        Args:
            passphrase_file: where the passphrase stands; a random secret is made inside the folder when None.

        Raises:
            Conflict: the folder is there already.
            InvalidInput, NotAllowed, NotFound: see `read_passphrase`.
        """
        if folder.exists():
            raise Conflict(
                f"{folder} is there already.", "Keys are never overwritten; move the folder away first."
            )
        passphrase = read_passphrase(passphrase_file) if passphrase_file else None
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(
            tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent)
        )  # made with mode 0700
        try:
            if passphrase is None:
                write_private(unfinished / _OWN_FILE, base64.b64encode(token_bytes(32)))
            store = cls(unfinished, passphrase)
            for purpose in SIGNING:
                store.add(purpose)
            store.add_sealing()
            write_private(unfinished / _CONSOLE_FILE, store._encrypt(X25519PrivateKey.generate()))
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished)
            raise
        return cls(folder, passphrase)

    @classmethod
    def open(cls, folder: Path, passphrase_file: Path | None = None) -> "Keystore":
        """Open a folder that `create` made.

        Raises:
            NotFound: there is none.
            NotAllowed: others may enter it.
            InvalidInput, NotAllowed, NotFound: see `read_passphrase`.
        """
        try:
            _check_private(folder, folder.stat().st_mode)
        except FileNotFoundError:
            raise NotFound(f"There are no keys in {folder}.", "Make a node with `gmcn init`.") from None
        return cls(folder, read_passphrase(passphrase_file) if passphrase_file else None)

    def add(self, purpose: Purpose) -> bytes:
        """Make a further key of a purpose beside those that are there, and return its public half (32
        bytes)."""
        key = Ed25519PrivateKey.generate()
        write_private(self._next_path(purpose), self._encrypt(key))
        return key.public_key().public_bytes_raw()

    def add_sealing(self) -> bytes:
        """Make a further sealing key, and return its public half (1216 bytes)."""
        # The pair has no serialization of its own: its halves stand in one file, one after the other.
        post_quantum, classical = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        write_private(self._next_path(_SEALING), self._encrypt(post_quantum, classical))
        return _sealing_public((post_quantum, classical))

    def load(self, purpose: Purpose, public: bytes | None = None) -> Ed25519PrivateKey:
        """Return a key of a purpose.

        Args:
            public: the public half of the one that is wanted; the newest when None.

        Raises:
            NotFound: there is no such key here.
            NotAllowed: others may read its file.
            InvalidInput: the file is damaged, or the passphrase is not the one.
        """
        for key in map(self._read_signing, self._paths(purpose)):
            if public is None or signing_public(key) == public:
                return key
        raise NotFound(
            f"The {purpose} key that is asked for is not here.", "Restore the key folder from its backup."
        )

    def all_sealing(self, among: Collection[bytes] | None = None) -> list[MLKEM768X25519PrivateKey]:
        """Return every sealing key, the newest first: what was sealed to an earlier one must still open.

        Each is decrypted once, since a key file never changes. Raises like `load`.

        Args:
            among: the public halves of those that are wanted; all when None.
        """
        files = [(path, path.stat().st_mtime_ns) for path in self._paths(_SEALING)]
        for file in files:
            if file not in self._opened:
                halves = self._read_sealing(file[0])
                self._opened[file] = _sealing_public(halves), MLKEM768X25519PrivateKey(*halves)
        found = [self._opened[file] for file in files]
        return [private for public, private in found if among is None or public in among]

    def public(self, purpose: Purpose) -> bytes:
        """Return the public half (32 bytes) of the newest key of a purpose; raises like `load`."""
        return signing_public(self.load(purpose))

    def sealing_public(self) -> bytes:
        """Return the public half (1216 bytes) of the newest sealing key; raises like `load`."""
        return _sealing_public(next(map(self._read_sealing, self._paths(_SEALING))))

    def publics(self, purpose: str) -> list[bytes]:
        """Return the public halves of every key of a purpose, sealing included, newest first; raises like
        `load`."""
        return [self._public_of(purpose, path) for path in self._paths(purpose)]

    def console_secret(self) -> bytes:
        """Return the secret from which the console's keys are derived: 32 bytes; raises like `load`.

        It stands in the form of a private key, so that it is encrypted as those are. Keys of the roster are
        replaced in time, and what is encrypted here must still open then.
        """
        if self._console is None:
            path = self._folder / _CONSOLE_FILE
            (key,) = _read_keys(path, self._password, 1)
            if not isinstance(key, X25519PrivateKey):
                raise _another_kind(path)
            self._console = key.private_bytes_raw()
        return self._console

    def destroy(self, purpose: str, public: bytes) -> None:
        """Delete a key for good, unless it is the only one of its purpose: something must be left to ask
        with.

        Raises:
            NotFound: there is no such key here.
            Conflict: it is the only one.
        """
        paths = list(self._paths(purpose))
        found = [path for path in paths if self._public_of(purpose, path) == public]
        if not found:
            raise NotFound(f"There is no such {purpose} key here.", "See `gmcn keys list`.")
        if len(paths) == 1:
            raise Conflict(f"This is the only {purpose} key.", "Make another first: `gmcn keys rotate`.")
        (path,) = found
        with path.open("r+b") as file:  # its name alone would leave the bytes on the disk
            file.write(bytes(path.stat().st_size))
        sync(path)
        path.unlink()

    def _public_of(self, purpose: str, path: Path) -> bytes:
        if purpose == _SEALING:
            return _sealing_public(self._read_sealing(path))
        return signing_public(self._read_signing(path))

    def _paths(self, purpose: str) -> Iterator[Path]:
        """List the files of a purpose, newest first.

        Raises:
            NotFound: there is none.
        """
        pattern = re.compile(rf"{purpose}(?:\.([0-9]+))?\.pem")
        found = {
            int(match[1] or 1): path
            for path in self._folder.iterdir()
            if (match := pattern.fullmatch(path.name))
        }
        if not found:
            raise NotFound(
                f"There is no {purpose} key in {self._folder}.", "Restore the folder from its backup."
            )
        return iter([found[number] for number in sorted(found, reverse=True)])

    def _next_path(self, purpose: str) -> Path:
        try:
            newest = next(self._paths(purpose)).name.removesuffix(".pem").partition(".")[2]
        except NotFound:
            return self._folder / f"{purpose}.pem"
        return self._folder / f"{purpose}.{int(newest or 1) + 1}.pem"

    def _encrypt(self, *keys: PrivateKeyTypes) -> bytes:
        if self._passphrase is None:
            return _encrypt(read_private(self._folder / _OWN_FILE), keys)
        return _encrypt_stretched(self._passphrase, keys)

    def _read_signing(self, path: Path) -> Ed25519PrivateKey:
        (key,) = _read_keys(path, self._password, 1)
        return _signing_key(key, path)

    def _read_sealing(self, path: Path) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        return _sealing_halves(_read_keys(path, self._password, 2), path)

    def _password(self) -> bytes:
        return self._passphrase if self._passphrase is not None else read_private(self._folder / _OWN_FILE)


def create_key_file(path: Path, passphrase: bytes, *, stretch: bool = True) -> Ed25519PrivateKey:
    """Make a key in a file of its own; for keys that people keep, such as a network's root keys.

    Args:
        stretch: whether the passphrase is one that a person made up; False for 32 random bytes.

    Raises:
        Conflict: the file is there already.
        InvalidInput: the passphrase is too short.
    """
    _check_passphrase(passphrase)
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, (_encrypt_stretched if stretch else _encrypt)(passphrase, (key,)))
    return key


def load_key_file(path: Path, passphrase: bytes) -> Ed25519PrivateKey:
    """Read a key that `create_key_file` made; raises like `Keystore.load`."""
    (key,) = _read_keys(path, lambda: passphrase, 1)
    return _signing_key(key, path)


def create_sealing_file(path: Path, passphrase: bytes) -> bytes:
    """Make a sealing key in a file of its own, such as one that opens backups, and return its public half
    (1216 bytes); raises like `create_key_file`."""
    _check_passphrase(passphrase)
    halves = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, _encrypt_stretched(passphrase, halves))
    return _sealing_public(halves)


def load_sealing_file(path: Path, passphrase: bytes) -> tuple[MLKEM768X25519PrivateKey, bytes]:
    """Read a key that `create_sealing_file` made, and its public half; raises like `Keystore.load`."""
    halves = _sealing_halves(_read_keys(path, lambda: passphrase, 2), path)
    return MLKEM768X25519PrivateKey(*halves), _sealing_public(halves)


def signing_public(key: Ed25519PrivateKey) -> bytes:
    """Return the public half of a signing key: 32 bytes."""
    return key.public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """Name a public key for the roster: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def read_passphrase(path: Path) -> bytes:
    """Read a passphrase from the first line of a file.

    Raises:
        NotFound: there is no such file.
        NotAllowed: others may read it.
        InvalidInput: it is shorter than MIN_PASSPHRASE.
    """
    passphrase = read_private(path).partition(b"\n")[0].rstrip(b"\r")
    _check_passphrase(passphrase)
    return passphrase


def write_private(path: Path, data: bytes) -> None:
    """Make a file that only its owner may read, with the mode set in the call that makes it.

    Raises:
        Conflict: there is a file of that name already.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Conflict(
            f"{path} is there already.", "Keys are never overwritten; choose another name."
        ) from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> bytes:
    """Read a small file that nobody but its owner may read.

    Raises:
        NotFound: there is no such file, or it cannot be opened.
        NotAllowed: others may read it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise NotFound(
            f"{path} cannot be opened: {error.strerror}.", "Check its name and its owner."
        ) from None
    with os.fdopen(handle, "rb") as file:
        _check_private(path, os.fstat(file.fileno()).st_mode)
        return file.read(_MAX_FILE)


def _check_private(path: Path, mode: int) -> None:
    if stat.S_IMODE(mode) & 0o077:
        wanted = "700" if stat.S_ISDIR(mode) else "600"
        raise NotAllowed(
            f"{path} can be read by other users of this machine, so what it holds may no longer be secret.",
            f"Run `chmod {wanted} {path}`, and replace the keys if anybody else was on this machine.",
        )


def _check_passphrase(passphrase: bytes) -> None:
    if len(passphrase) < MIN_PASSPHRASE:
        raise InvalidInput(
            f"The passphrase is shorter than {MIN_PASSPHRASE} characters.", "Choose a longer one."
        )


def _encrypt(password: bytes, keys: tuple[PrivateKeyTypes, ...]) -> bytes:
    encryption = serialization.BestAvailableEncryption(password)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return b"".join(key.private_bytes(*form, encryption) for key in keys)


def _encrypt_stretched(passphrase: bytes, keys: tuple[PrivateKeyTypes, ...]) -> bytes:
    """Encrypt under a passphrase: PEM's own 2,048 rounds of PBKDF2 are too few for what a person can
    remember. What it cost stands in the file, so that later ones may cost more."""
    salt = token_bytes(16)
    head = b"scrypt %d: %s\n" % (_COST, base64.b64encode(salt))
    return head + _encrypt(_stretch(passphrase, salt, _COST), keys)


def _stretch(passphrase: bytes, salt: bytes, cost: int) -> bytes:
    return base64.b64encode(Scrypt(salt=salt, length=32, n=1 << cost, r=8, p=1).derive(passphrase))


def _read_keys(path: Path, password: Callable[[], bytes], count: int) -> list[PrivateKeyTypes]:
    """Read and decrypt a file of `count` keys."""
    data = read_private(path)
    secret = password()
    if stretched := _STRETCHED.match(data):
        secret = _stretch(secret, base64.b64decode(stretched[2]), int(stretched[1]))
    pems = _PEM.findall(data)
    try:
        keys = [serialization.load_pem_private_key(pem, secret) for pem in pems]
    except (ValueError, TypeError):
        keys = []
    if len(keys) != count:
        raise InvalidInput(
            f"{path} cannot be opened: the passphrase is not the one, or the file is damaged.",
            "Check the passphrase, or restore the file from its backup.",
        )
    return keys


def _signing_key(key: PrivateKeyTypes, path: Path) -> Ed25519PrivateKey:
    if not isinstance(key, Ed25519PrivateKey):
        raise _another_kind(path)
    return key


def _sealing_halves(keys: list[PrivateKeyTypes], path: Path) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    post_quantum, classical = keys
    if not isinstance(post_quantum, MLKEM768PrivateKey) or not isinstance(classical, X25519PrivateKey):
        raise _another_kind(path)
    return post_quantum, classical


def _another_kind(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} holds a key of another kind.", "Restore the file from its backup.")


def _sealing_public(halves: tuple[MLKEM768PrivateKey, X25519PrivateKey]) -> bytes:
    return b"".join(half.public_key().public_bytes_raw() for half in halves)
