"""Sealed messages from member to member: who sent which sealed bytes to whom, and the receiver's signed word
that it has them (JWT, EdDSA).

Guarantees: a verified message was signed by its sender for this receiver, over exactly these sealed bytes,
and has not outlived itself; a verified acknowledgement is the receiver's, for exactly this message. What is
inside is hidden by `protocol.sealed`; which types there are is open, and what a type means is left to the
callers, as is taking a message once. Specification: README, "Messages".
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from protocol.encoding import format_json, parse_hash, parse_object
from protocol.errors import BadProof, Malformed, NotAuthorized
from protocol.fields import Fields
from protocol.jws import parse_claim_time
from protocol.member_keys import SealingKey
from protocol.sealed import SEALING_OVERHEAD, open_sealed, seal, sealing_info
from protocol.token import LEEWAY, Claims, FindKey, TokenSigner, verify_claims

MESSAGE_TYPE = "gmcn-message+jwt"
ACKNOWLEDGEMENT_TYPE = "gmcn-acknowledgement+jwt"
MAX_STATEMENT = 4096
"""The most characters of the statement around the sealed bytes, and of an acknowledgement."""
MAX_SEALED_BYTES = 1 << 21
MAX_MESSAGE_BYTES = MAX_STATEMENT + 1 + MAX_SEALED_BYTES
MAX_CONTENT_BYTES = MAX_SEALED_BYTES - SEALING_OVERHEAD
MAX_LIFE = timedelta(days=90)
"""How long after it was written a message may still be delivered, and its id must be remembered."""

_KIND = re.compile(r"[a-z][a-z0-9.-]{0,63}", re.ASCII)
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_MAX_NAME = 300


@dataclass(frozen=True, slots=True)
class Address:
    """What sealed bytes are bound to.

    Attributes:
        kind: the type of the message: `[a-z][a-z0-9.-]*`, at most 64 characters.
        issuer, audience: who sends and who receives.
        token_id: chosen by the sender at random, 8 to 64 of `[A-Za-z0-9_-]`.
    """

    kind: str
    issuer: str
    audience: str
    token_id: str

    def check(self) -> None:
        """Check type and id.

        Raises:
            Malformed: one of them is of another form.
        """
        fields = Fields({"type": self.kind, "jti": self.token_id}, "message")
        fields.text("type", _KIND)
        fields.text("jti", _TOKEN_ID)

    @property
    def info(self) -> bytes:
        """What the bytes are sealed for."""
        return sealing_info(self.kind, self.issuer, self.audience, self.token_id)


@dataclass(frozen=True, slots=True)
class Content:
    """What is inside.

    Attributes:
        body: an object; its members depend on the type, but for `case` and `re`.
        attachment: bytes that are no JSON, such as those of a photograph.
    """

    body: Mapping[str, Any]
    attachment: bytes = b""

    def check(self) -> None:
        """Check the members that mean the same in every type.

        Raises:
            Malformed: `case` or `re` is no short text.
        """
        for name in ("case", "re"):
            if name in self.body:
                Fields(self.body, "message").text(name, most=_MAX_NAME)

    @property
    def case(self) -> str:
        """The case that it is about; empty when it is about none."""
        return _name(self.body, "case")

    @property
    def re(self) -> str:
        """The id of the message that it answers or belongs to; empty when there is none."""
        return _name(self.body, "re")


@dataclass(frozen=True, slots=True)
class Message:
    """A verified message, still sealed.

    Attributes:
        at: when the sender signed it, which may be long after it was written.
        expires: from when on it is not delivered any more.
        digest: SHA-256 of the sealed bytes.
    """

    address: Address
    at: datetime
    expires: datetime
    digest: bytes
    sealed: bytes

    def open(self, keys: Iterable[MLKEM768X25519PrivateKey]) -> Content:
        """Open it with whichever of the receiver's keys it was sealed to.

        Raises:
            Malformed: none of them opens it, or what is inside is not of the form.
        """
        return open_content(keys, self.sealed, self.address)


def seal_content(key: SealingKey, content: Content, address: Address) -> bytes:
    """Seal what a message says: one line of JSON, and the attachment behind it.

    Raises:
        Malformed: it is too long, or nothing can be sealed to such a key.
    """
    plain = format_json(dict(content.body)) + b"\n" + content.attachment
    if len(plain) > MAX_CONTENT_BYTES:
        raise Malformed(f"message: {len(plain)} bytes, at most {MAX_CONTENT_BYTES} are allowed")
    return seal(key, plain, address.info)


def open_content(keys: Iterable[MLKEM768X25519PrivateKey], sealed: bytes, address: Address) -> Content:
    """Open what `seal_content` has sealed.

    Raises:
        Malformed: none of the keys opens it for this address, or it is not a line of JSON with `case` and
            `re` of the right form.
    """
    line, newline, attachment = open_sealed(keys, sealed, address.info).partition(b"\n")
    if not newline:
        raise Malformed("message: its content must begin with a line of JSON")
    content = Content(parse_object(line, "message", MAX_CONTENT_BYTES), attachment)
    content.check()
    return content


def format_message(
    signer: TokenSigner, address: Address, sealed: bytes, expires: datetime, now: datetime
) -> bytes:
    """Sign sealed bytes as a message to be sent now.

    Args:
        expires: at most MAX_LIFE after it was written; every attempt to deliver it says the same.
    """
    claims = {
        "aud": address.audience,
        "exp": int(expires.timestamp()),
        "jti": address.token_id,
        "type": address.kind,
        "sha256": hashlib.sha256(sealed).hexdigest(),
    }
    return signer.sign(MESSAGE_TYPE, claims, now).encode() + b"\n" + sealed


def verify_message(data: bytes, receiver: str, find: FindKey, now: datetime) -> Message:
    """Verify who sent a message, and that it is for this receiver and whole.

    Raises:
        Malformed: too long, no statement of this kind before the first newline, or a claim of another form.
        BadSignature: the key did not sign it.
        BadProof: the sealed bytes are not those that were signed for.
        NotAuthorized: for another receiver, from the future, past its life, or its life is too long.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise Malformed(f"message: {len(data)} bytes, at most {MAX_MESSAGE_BYTES} are allowed")
    statement, newline, sealed = data.partition(b"\n")
    if not newline or len(sealed) > MAX_SEALED_BYTES:
        raise Malformed("message: must be a statement, a newline, and the sealed bytes")
    claims = verify_claims(_ascii(statement), MESSAGE_TYPE, "message", find, MAX_STATEMENT)
    fields = Fields(claims.all, "message")
    address = Address(fields.text("type"), claims.issuer, fields.text("aud"), fields.text("jti"))
    address.check()
    if address.audience != receiver:
        raise NotAuthorized("message: for another member")
    digest = parse_hash(fields.get("sha256"), "message.sha256")
    if hashlib.sha256(sealed).digest() != digest:
        raise BadProof("message: the sealed bytes are not those that were signed for")
    expires = parse_claim_time(fields.get("exp"), "message exp")
    _check_life(claims, expires, now)
    return Message(address, claims.at, expires, digest, sealed)


def format_acknowledgement(signer: TokenSigner, message: Message, received: datetime, now: datetime) -> str:
    """Sign that a message is kept, for its sender.

    Args:
        received: when it came first; it may have come again.
    """
    claims = {
        "aud": message.address.issuer,
        "jti": message.address.token_id,
        "sha256": message.digest.hex(),
        "received": int(received.timestamp()),
    }
    return signer.sign(ACKNOWLEDGEMENT_TYPE, claims, now)


def verify_acknowledgement(data: bytes, address: Address, digest: bytes, find: FindKey) -> datetime:
    """Verify a receiver's word that it keeps a message, and return since when.

    Args:
        address, digest: of the message that was sent.

    Raises:
        Malformed: not a statement of this kind, or a claim of another form.
        BadSignature: the key did not sign it.
        NotAuthorized: by somebody else, for somebody else, or for another message.
    """
    claims = verify_claims(_ascii(data), ACKNOWLEDGEMENT_TYPE, "acknowledgement", find, MAX_STATEMENT)
    expected = {"aud": address.issuer, "jti": address.token_id, "sha256": digest.hex()}
    if claims.issuer != address.audience or any(claims.all.get(k) != v for k, v in expected.items()):
        raise NotAuthorized("acknowledgement: for another message, or by another member")
    return parse_claim_time(claims.all.get("received"), "acknowledgement received")


def _check_life(claims: Claims, expires: datetime, now: datetime) -> None:
    if claims.at - LEEWAY > now:
        raise NotAuthorized("message: from the future; check both clocks")
    if expires + LEEWAY <= now:
        raise NotAuthorized("message: it has outlived itself")
    if expires > now + MAX_LIFE + LEEWAY:
        raise NotAuthorized(f"message: lives longer than {MAX_LIFE.days} days")


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("message: not a statement") from None


def _name(body: Mapping[str, Any], name: str) -> str:
    return str(body.get(name, ""))
