"""What was searched for, as keyed hashes: the same word has the same hash, and only whoever has this node's
key can tell whether it was a certain one.

Words are written as the search compares names: in small Latin letters, without accents or case, so that an
auditor finds who searched for a child however either of them spelt it in its script.
"""

import hmac

from node.domain.names.similarity import readings
from node.runtime import Node

_BYTES = 16  # no two words of one journal share so many by chance


def hash_words(node: Node, text: str) -> list[str]:
    """Hash each word of a name, place or description; of Han, each in all its readings."""
    words = {word for part in text.split() for reading in readings(part) for word in reading.split()}
    return sorted(_hash(node, word) for word in words)


def hash_condition(node: Node, name: str, value: object) -> str:
    """Hash a condition that is no words, such as a sex or a point on the map."""
    return _hash(node, f"{name}={value}")


def _hash(node: Node, term: str) -> str:
    return hmac.digest(node.journal_key(), term.encode(), "sha256")[:_BYTES].hex()
