"""The encrypted file of a backup: a header that anybody can read and nobody can change, and records behind
it.

    gmcn-backup/1
    {"member": …, "network": …, "made_at": …, "not_after": …, "key": …}
    the file's own key, sealed to the backup key (`protocol.sealed`; the two lines above are its info)
    chunks of 64 KiB, each with its tag; what they hold is compressed records

Guarantees: memory does not grow with the file, in either direction; a record is handed out only after the
chunk that it ends in was verified; a file that was altered, cut off, continued or put together from two ends
as InvalidInput, and so does one that was encrypted to another key. Who wrote it is not proven: anybody can
encrypt to a public key. The format is decision 0012; what the records hold is for
`services.safekeeping.backup`.
"""

import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from node.adapters.keystore import key_id
from node.errors import InvalidInput
from protocol.encoding import format_json, format_time, parse_object, parse_time
from protocol.errors import Malformed
from protocol.member import parse_member_id
from protocol.member_keys import SealingKey
from protocol.sealed import SEALING_OVERHEAD, open_sealed, seal

MAX_RECORD_BYTES = 64 << 20

_MAGIC = b"gmcn-backup/1\n"
_MAX_HEADER = 4096
_KEY_BYTES = 32
_CHUNK = 64 << 10
_TAG = 16
_PIECE = 1 << 20  # what is unpacked at once, however well it was packed
_LEVEL = 1  # of compression: what a copy costs is mostly this


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says of itself.

    Attributes:
        not_after: the last moment at which it may be restored: it may hold what was erased since.
        key: id of the backup key that it is encrypted to.
    """

    member: str
    network: str
    made_at: datetime
    not_after: datetime
    key: str


class ArchiveWriter:
    """Writes a backup, record after record.

    Args:
        public: the backup key's public half.
    """

    def __init__(self, file: IO[bytes], header: Header, public: bytes) -> None:
        lines = _format_header(header)
        key = secrets.token_bytes(_KEY_BYTES)
        self._file = file
        self._cipher = ChaCha20Poly1305(key)  # used for this file alone, so that counting makes nonces
        self._count = 0
        self._packer = zlib.compressobj(_LEVEL)
        self._plain = bytearray()
        file.write(lines + seal(SealingKey(header.key, public), key, lines))

    def add(self, kind: int, data: bytes) -> None:
        """Add a record.

        Args:
            kind: 0 to 255.
        """
        assert len(data) <= MAX_RECORD_BYTES
        self._plain += self._packer.compress(bytes([kind]) + len(data).to_bytes(4, "big"))
        self._plain += self._packer.compress(data)
        while len(self._plain) > _CHUNK:  # what fills one exactly may be the last
            self._write_chunk(self._plain[:_CHUNK], last=False)
            del self._plain[:_CHUNK]

    def finish(self) -> None:
        """End the file. Without this it is one that was cut off."""
        self._plain += self._packer.flush()
        while len(self._plain) > _CHUNK:
            self._write_chunk(self._plain[:_CHUNK], last=False)
            del self._plain[:_CHUNK]
        self._write_chunk(self._plain, last=True)

    def _write_chunk(self, plain: bytes | bytearray, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._count, last=last), bytes(plain), None))
        self._count += 1


def read_header(file: IO[bytes]) -> Header:
    """Read the header at the beginning of a file. Nothing of it is verified before `read_records`.

    Raises:
        InvalidInput: it is no backup.
    """
    lines = file.readline(len(_MAGIC) + 1) + file.readline(_MAX_HEADER)
    try:
        if not lines.startswith(_MAGIC) or not lines.endswith(b"\n"):
            raise Malformed("no backup")
        values = parse_object(lines[len(_MAGIC) :], "backup header", _MAX_HEADER)
        header = Header(
            parse_member_id(values.get("member"), "member"),
            str(values.get("network")),
            parse_time(values.get("made_at"), "made_at"),
            parse_time(values.get("not_after"), "not_after"),
            str(values.get("key")),
        )
        if _format_header(header) != lines:
            raise Malformed("backup header: not in its one form")
    except Malformed as error:
        raise InvalidInput(
            f"This is no backup of a node that this program can read: {error}.", "Choose another file."
        ) from None
    return header


def read_records(
    file: IO[bytes], header: Header, key: MLKEM768X25519PrivateKey
) -> Iterator[tuple[int, bytes]]:
    """Give the records behind a header that was just read.

    Args:
        key: the backup key's private half.

    Raises:
        InvalidInput: encrypted to another key, altered or cut off. What was given before is genuine and may
            not be all: only an iteration that ends by itself has been through the whole file.
    """
    sealed = file.read(_KEY_BYTES + SEALING_OVERHEAD)
    try:
        cipher = ChaCha20Poly1305(open_sealed([key], sealed, _format_header(header)))
    except (Malformed, ValueError):
        raise _altered() from None
    unpacker = zlib.decompressobj()
    held = bytearray()
    for chunk in _read_chunks(file, cipher):
        pieces, full = chunk, True
        while pieces or full:
            try:
                plain = unpacker.decompress(pieces, _PIECE)
            except zlib.error:
                raise _altered() from None
            pieces, full = unpacker.unconsumed_tail, len(plain) == _PIECE
            held += plain
            yield from _cut_records(held)
    if held or not unpacker.eof or unpacker.unused_data:
        raise _altered()


def check_key(header: Header, public: bytes) -> None:
    """Check that a backup is encrypted to a key.

    Raises:
        InvalidInput: it is encrypted to another.
    """
    if header.key != key_id(public):
        raise InvalidInput(
            f"This backup is encrypted to another key: {header.key}, and this one is {key_id(public)}.",
            "Use the key whose .pub file the node was given when the backup was made.",
        )


def _read_chunks(file: IO[bytes], cipher: ChaCha20Poly1305) -> Iterator[bytes]:
    """Verify and decrypt chunk after chunk, looking ahead for which is the last."""
    count, following = 0, file.read(_CHUNK + _TAG)
    while True:
        chunk, following = following, file.read(_CHUNK + _TAG)
        try:
            yield cipher.decrypt(_nonce(count, last=not following), chunk, None)
        except InvalidTag:
            raise _altered() from None
        count += 1
        if not following:
            return


def _cut_records(held: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take the whole records from the front of what was unpacked."""
    while len(held) >= 5:
        size = int.from_bytes(held[1:5], "big")
        if size > MAX_RECORD_BYTES:
            raise _altered()
        if len(held) < 5 + size:
            return
        yield held[0], bytes(held[5 : 5 + size])
        del held[: 5 + size]


def _format_header(header: Header) -> bytes:
    values = {
        "member": header.member,
        "network": header.network,
        "made_at": format_time(header.made_at),
        "not_after": format_time(header.not_after),
        "key": header.key,
    }
    return _MAGIC + format_json(values) + b"\n"


def _nonce(count: int, *, last: bool) -> bytes:
    """Number a chunk, so that none can be moved, left out or put in; the last says that it is the last."""
    return count.to_bytes(11, "big") + bytes([last])


def _altered() -> InvalidInput:
    return InvalidInput(
        "This backup was altered or cut off, or is encrypted to another key: it does not decrypt.",
        "Take another one, and find out how this one was damaged.",
    )
