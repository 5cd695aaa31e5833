"""References: what stands for somebody whom the identity provider named and to whom no account is linked.

Guarantees: a reference can be read out by telephone, is the same each time, and tells nobody but this node
who it stands for; that is kept encrypted, for a week.
"""

import re
from datetime import timedelta

from sqlalchemy import Connection

from node.domain.openid import Identity
from node.errors import InvalidInput
from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt, keyed_hash
from node.store.database import reading
from node.store.staff import people

KEPT = timedelta(days=7)
"""How long a reference can be used to link an account."""

_USE = "unlinked"
# Without letters and digits that are taken for each other by ear or on paper.
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_SIGNS = f"{_LETTERS}23456789"
_FORM = re.compile(rf"[{_LETTERS}][{_SIGNS}]{{4}}-[{_SIGNS}]{{5}}", re.ASCII)


def of(node: Node, identity: Identity) -> str:
    """Return the reference of somebody: two groups of five letters and digits.

    It begins with a letter: a digit would be moved to its other end in a sentence from right to left.
    """
    drawn = keyed_hash(node, "reference", f"{identity.issuer} {identity.subject}")
    first = _LETTERS[drawn[0] % len(_LETTERS)]
    others = "".join(_SIGNS[byte % len(_SIGNS)] for byte in drawn[1:10])
    return f"{first}{others[:4]}-{others[4:]}"


def is_reference(text: str) -> bool:
    """Tell whether a text has the form of a reference."""
    return _FORM.fullmatch(text.lower()) is not None


def keep(conn: Connection, node: Node, identity: Identity) -> str:
    """Keep whom a reference stands for, and return the reference."""
    reference = of(node, identity)
    sealed = encrypt(node, _USE, reference, f"{identity.issuer} {identity.subject}".encode())
    people.keep_unlinked(conn, reference, sealed, node.clock() + KEPT)
    return reference


def find(node: Node, reference: str) -> Identity:
    """Return whom a reference stands for.

    Raises:
        InvalidInput: nobody, or it is too old.
    """
    reference = reference.lower()
    with reading(node.engine) as conn:
        sealed = people.find_unlinked(conn, reference, node.clock())
    if sealed is None:
        raise InvalidInput(
            "Nobody was refused under this reference within the last days.",
            "Let them sign in once more, and read out what they see.",
            ["subject: is not a reference that was shown within the last 7 days"],
        )
    issuer, _, subject = decrypt(node, _USE, reference, sealed).decode().partition(" ")
    return Identity(issuer, subject)
