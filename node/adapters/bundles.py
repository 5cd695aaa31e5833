"""Bundles on the disk: written record after record, and read from any place.

Guarantees: memory does not grow with the file in either direction, and nothing of it is ever on the disk
unsealed; a file that was altered, cut off or continued is refused before a byte of it is opened. What the
records say is left to `node.services.following.bundles`; the format is `protocol.bundle`.
"""

import hashlib
import secrets
import shutil
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from protocol.bundle import (
    BUNDLE_TYPE,
    CHUNK_SIZE,
    KEY_SIZE,
    MAX_RECORD_HEADER,
    MAX_STATEMENT,
    SEALED_KEY_SIZE,
    TAG_SIZE,
    BundleStatement,
    Record,
    format_bundle_statement,
    format_record_header,
    open_chunk,
    parse_record_header,
    seal_chunk,
    verify_bundle_statement,
)
from protocol.errors import BadProof, Malformed
from protocol.member_keys import SealingKey
from protocol.sealed import open_sealed, seal, sealing_info
from protocol.token import FindKey, TokenSigner

_SEALED_CHUNK = CHUNK_SIZE + TAG_SIZE
_COPY = 1 << 20


class BundleWriter:
    """Writes a bundle, record after record; `finish` signs it.

    Args:
        scratch: where the sealed records wait for the statement in front of them.
        key: the receiver's sealing key.
    """

    def __init__(self, scratch: Path, signer: TokenSigner, receiver: str, key: SealingKey) -> None:
        self._signer, self._receiver = signer, receiver
        self._token_id = secrets.token_urlsafe(16)
        own = secrets.token_bytes(KEY_SIZE)
        self._cipher = ChaCha20Poly1305(own)
        self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  # closed by `close`
        self._digest = hashlib.sha256()
        self._plain = bytearray()
        self._count = 0
        self._write(seal(key, own, sealing_info(BUNDLE_TYPE, signer.member, receiver, self._token_id)))

    def __enter__(self) -> "BundleWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, path: str, data: bytes) -> None:
        """Add a record."""
        self._plain += format_record_header(path, len(data)) + data
        while len(self._plain) > CHUNK_SIZE:
            self._seal(bytes(self._plain[:CHUNK_SIZE]), last=False)
            del self._plain[:CHUNK_SIZE]

    def finish(self, target: IO[bytes], now: datetime) -> None:
        """Sign the bundle and write it out whole."""
        self._seal(bytes(self._plain), last=True)
        digest = self._digest.digest()
        statement = format_bundle_statement(self._signer, self._receiver, digest, now, self._token_id)
        target.write(statement.encode() + b"\n")
        self._file.seek(0)
        shutil.copyfileobj(self._file, target, _COPY)

    def _seal(self, plain: bytes, *, last: bool) -> None:
        self._write(seal_chunk(self._cipher, self._count, plain, last=last))
        self._count += 1

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


class BundleReader:
    """A bundle whose statement and bytes were verified.

    Args:
        file: open for reading, and able to seek.
        keys: the receiver's sealing keys.

    Raises:
        Malformed, BadSignature, NotAuthorized: see `protocol.bundle.verify_bundle_statement`.
        BadProof: it was altered, or cut off.
    """

    def __init__(
        self,
        file: IO[bytes],
        receiver: str,
        find: FindKey,
        keys: Iterable[MLKEM768X25519PrivateKey],
        now: datetime,
    ) -> None:
        self._file = file
        line = file.readline(MAX_STATEMENT + 1)
        if not line.endswith(b"\n"):
            raise Malformed("bundle: does not begin with a signed statement")
        token = line[:-1].decode("ascii", "replace")
        self.statement: BundleStatement = verify_bundle_statement(token, receiver, find, now)
        if _digest_rest(file) != self.statement.digest:
            raise BadProof("bundle: altered, or cut off")
        self._start = len(line) + SEALED_KEY_SIZE
        body = file.tell() - self._start
        self._count = max(1, -(-body // _SEALED_CHUNK))
        file.seek(len(line))
        info = sealing_info(BUNDLE_TYPE, self.statement.issuer, receiver, self.statement.token_id)
        own = open_sealed(keys, file.read(SEALED_KEY_SIZE), info)
        if len(own) != KEY_SIZE:
            raise Malformed("bundle: its key has another length")
        self._cipher = ChaCha20Poly1305(own)
        self._held: tuple[int, bytes] = -1, b""
        self._size = body - self._count * TAG_SIZE

    def records(self) -> Iterator[tuple[Record, int, int]]:
        """Walk over the records: what each is, and where its bytes begin and how many they are.

        Raises:
            Malformed: the first thing that is no record.
        """
        place = 0
        while place < self._size:
            begun = self.read(place, min(MAX_RECORD_HEADER, self._size - place))
            end = begun.find(b"\n") + 1
            if not end:
                raise Malformed("bundle: a record that is not known")
            record, length = parse_record_header(begun[:end])
            place += end
            if place + length > self._size:
                raise Malformed("bundle: ends inside a record")
            yield record, place, length
            place += length

    def read(self, place: int, length: int) -> bytes:
        """Return bytes of the records.

        Raises:
            Malformed: the chunk is not the one of this place.
        """
        out = bytearray()
        while length:
            index, offset = divmod(place, CHUNK_SIZE)
            piece = self._chunk(index)[offset : offset + length]
            if not piece:
                raise Malformed("bundle: shorter than its chunks are")
            out += piece
            place, length = place + len(piece), length - len(piece)
        return bytes(out)

    def _chunk(self, index: int) -> bytes:
        if self._held[0] != index:
            self._file.seek(self._start + index * _SEALED_CHUNK)
            sealed = self._file.read(_SEALED_CHUNK)
            self._held = index, open_chunk(self._cipher, index, sealed, last=index == self._count - 1)
        return self._held[1]


class PlaceIndex:
    """Where the bytes of each of many hashes begin: 24 bytes a hash, since there are as many as children."""

    def __init__(self) -> None:
        self._keys, self._places, self._lengths = array("Q"), array("Q"), array("Q")

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, digest: bytes, place: int, length: int) -> None:
        """Add a hash. Call `sort` before anything is looked up."""
        self._keys.append(_prefix(digest))
        self._places.append(place)
        self._lengths.append(length)

    def sort(self) -> None:
        """Put the hashes in order."""
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        self._keys = array("Q", map(self._keys.__getitem__, order))
        self._places = array("Q", map(self._places.__getitem__, order))
        self._lengths = array("Q", map(self._lengths.__getitem__, order))

    def find(self, digest: bytes) -> tuple[int, int] | None:
        """Return place and length of a hash, told apart by its first 8 bytes; None when it is not there."""
        at = bisect_left(self._keys, _prefix(digest))
        if at == len(self._keys) or self._keys[at] != _prefix(digest):
            return None
        return self._places[at], self._lengths[at]


def _prefix(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big")


def _digest_rest(file: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while piece := file.read(_COPY):
        digest.update(piece)
    return digest.digest()
