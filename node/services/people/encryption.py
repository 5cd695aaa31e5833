"""What the console encrypts for itself: second factors, forms that outlived a session, cookies.

Guarantees: AES-256-GCM under a key of its use, derived from the key folder; what was encrypted for one
purpose or person opens for no other.
"""

import hashlib
import hmac
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.errors import InvalidInput
from node.runtime import Node

_NONCE = 12


def encrypt(node: Node, use: str, about: str, data: bytes) -> bytes:
    """Encrypt some bytes.

    Args:
        use: what they are, such as "second-factor": each has a key of its own.
        about: whose they are; they open only for the same.
    """
    nonce = token_bytes(_NONCE)
    return nonce + AESGCM(node.console_key(use)).encrypt(nonce, data, about.encode())


def decrypt(node: Node, use: str, about: str, data: bytes) -> bytes:
    """Return what `encrypt` was given.

    Raises:
        InvalidInput: it was encrypted elsewhere, for another use or person, or changed since.
    """
    try:
        return AESGCM(node.console_key(use)).decrypt(data[:_NONCE], data[_NONCE:], about.encode())
    except (InvalidTag, ValueError):
        raise InvalidInput(
            "What was encrypted here cannot be opened.", "Restore the key folder from its backup."
        ) from None


def keyed_hash(node: Node, use: str, text: str) -> bytes:
    """Hash a text so that only this node can tell whether another is the same: 32 bytes."""
    return hmac.digest(node.console_key(use), text.encode("utf-8", "surrogatepass"), hashlib.sha256)
