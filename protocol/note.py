"""Signed notes and the keys that sign them (C2SP signed-note).

Guarantees: a note is read in its one accepted form; `verify_note` returns only signatures that a given key
really made. Which keys are to be trusted, and what the text means, is left to the callers. Specification:
README, "Signed notes".
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.encoding import format_base64, parse_base64
from protocol.errors import BadSignature, Malformed

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_SIGNATURES = 64
MAX_NOTE_BYTES = 1 << 16

_NAME = re.compile(r"[^\s+\x00-\x20\x7f\ud800-\udfff]{1,255}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_HEX_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name; its text form is the vkey `name+hexid+base64(kind || public)`.

    Attributes:
        kind: ED25519 (0x01) for a log's signature, COSIGNATURE (0x04) for a witness's.
        public: 32 bytes, RFC 8032.
    """

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || newline || kind || public)."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Read a vkey.

        Raises:
            Malformed: wrong form, an unknown kind of key, or a key id that does not belong.
        """
        name, _, rest = vkey.partition("+")
        hex_id, _, material = rest.partition("+")
        if not _NAME.fullmatch(name) or not _HEX_ID.fullmatch(hex_id):
            raise Malformed("verifier key: not of the form name+id+key")
        data = parse_base64(material, "verifier key", 33)
        key = cls(name, data[0], data[1:])
        if key.kind not in (ED25519, COSIGNATURE):
            raise Malformed("verifier key: of a kind that is not known here")
        if key.key_id.hex() != hex_id:
            raise Malformed("verifier key: its id is not that of its name and key")
        return key

    def format(self) -> str:
        """Write the vkey."""
        return f"{self.name}+{self.key_id.hex()}+{format_base64(bytes([self.kind]) + self.public)}"

    def check(self, message: bytes, signature: bytes) -> None:
        """Check one Ed25519 signature.

        Raises:
            BadSignature: this key did not sign these bytes.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise BadSignature(f"the signature of {self.name} does not verify") from None


class Signer(Protocol):
    """Whoever can add a line to a note. The private key stays with it."""

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Make a 64-byte Ed25519 signature."""
        ...


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """A signer with its private key in memory."""

    name: str
    kind: int
    private: Ed25519PrivateKey

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Make a 64-byte Ed25519 signature."""
        return self.private.sign(message)


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note: who says it signed, and the bytes after the key id. Nothing is verified yet."""

    name: str
    key_id: bytes
    data: bytes

    def of(self, key: VerifierKey) -> bool:
        """Tell whether the line claims to be by this key."""
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. `text` ends in a newline; the signatures are claims until verified."""

    text: bytes
    signatures: tuple[Signature, ...]


def parse_note(data: bytes) -> Note:
    """Read a signed note.

    Raises:
        Malformed: too long, not UTF-8, control characters, no signature lines, more than MAX_SIGNATURES, or a
            bad line.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise Malformed(f"signed note: longer than {MAX_NOTE_BYTES} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("signed note: not UTF-8") from None
    if _CONTROL.search(whole):
        raise Malformed("signed note: holds control characters")
    text, blank, below = whole.rpartition("\n\n")
    if not blank or not below.endswith("\n"):
        raise Malformed("signed note: no signature lines")
    lines = below[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(f"signed note: more than {MAX_SIGNATURES} signatures")
    return Note((text + "\n").encode(), tuple(_parse_signature(line) for line in lines))


def format_note(note: Note) -> bytes:
    """Write a note with its signature lines in their order."""
    lines = (f"\u2014 {sig.name} {format_base64(sig.key_id + sig.data)}\n" for sig in note.signatures)
    return note.text + b"\n" + "".join(lines).encode()


def sign_text(text: bytes, signer: Signer) -> Signature:
    """Sign a note's text (ending in a newline) with a plain Ed25519 key."""
    return Signature(signer.key.name, signer.key.key_id, signer.sign(text))


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> VerifierKey:
    """Verify a note against keys of kind ED25519 and return the first key that signed.

    Raises:
        BadSignature: a line claims to be by one of the keys and does not verify, or none of the keys signed.
    """
    signer: VerifierKey | None = None
    for key in keys:
        for line in note.signatures:
            if line.of(key):
                key.check(note.text, line.data)
                signer = signer or key
    if signer is None:
        raise BadSignature("no trusted key has signed this note")
    return signer


def _parse_signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, material = rest.partition(" ")
    if dash != "\u2014" or not _NAME.fullmatch(name):
        raise Malformed("signed note: a signature line is not of the form '\u2014 name base64'")
    data = parse_base64(material, "signature line")
    if len(data) < 5:
        raise Malformed("signed note: a signature is too short")
    return Signature(name, data[:4], data[4:])
