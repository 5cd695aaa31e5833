"""What a foreign byte can be guilty of.

Everything that a peer, a file or a browser can send ends either as a verified value or as one of these; no
other exception leaves `protocol/`. "The peer lies" is never mixed with "the peer is down": the latter is no
concern of this package.

    ProtocolError
    ├── Malformed          it cannot be read: wrong form, too large, too deep
    ├── BadSignature       no trusted key signed it
    │   └── NoQuorum       too few of the demanded signers
    ├── BadProof           the hashes do not lead to what was signed
    │   └── SplitView      two signed heads that cannot belong to one history; carries both
    ├── Rollback           older than what is already known
    │   └── NotNewest      goes on from another head than the newest; carries the newest one's size
    └── NotAuthorized      the signer is who it says, and may not do this
"""


class ProtocolError(Exception):
    """Something from outside broke the protocol. The message names the rule and never repeats the foreign
    content.
    """


class Malformed(ProtocolError):
    """The bytes are not of the form that the specification gives."""


class BadSignature(ProtocolError):
    """No trusted key has signed this, or a trusted key's signature does not verify."""


class NoQuorum(BadSignature):
    """Fewer distinct trusted signers than the policy asks for."""


class BadProof(ProtocolError):
    """The hashes do not lead to the signed root or digest."""


class SplitView(BadProof):
    """Two validly signed checkpoints of one origin contradict each other.

    Attributes:
        older: the signed note that was already held, as received; never the larger one.
        newer: the signed note that contradicts it, as received.
        hashes: for different sizes, the hashes that prove it to others (`evidence.Evidence`).
    """

    def __init__(self, message: str, older: bytes, newer: bytes, hashes: tuple[bytes, ...] = ()) -> None:
        super().__init__(message)
        self.older = older
        self.newer = newer
        self.hashes = hashes


class Rollback(ProtocolError):
    """Older or smaller than what is already verified."""


class NotNewest(Rollback):
    """It goes on from another head than the newest that is held here.

    Attributes:
        size: of the newest head that is held here.
    """

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


class NotAuthorized(ProtocolError):
    """The signer is known but may not say this."""
