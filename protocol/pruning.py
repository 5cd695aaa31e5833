"""The pruned beginning of a feed (C2SP tlog-tiles, "Pruning"): what stands for entries that are past their
life.

Guarantees: an entry is prunable only when everything it could say has ended, long enough ago for every peer
to have acted on it by its own clock. That the tree is the same with and without them is proven by the signed
root (`verification`). Specification: README, "Pruning".
"""

from dataclasses import dataclass
from datetime import date, timedelta

from protocol.encoding import format_base64, parse_base64, parse_decimal
from protocol.errors import Malformed
from protocol.leaf import parse_leaf
from protocol.tiles import WIDTH
from protocol.tlog import HASH_SIZE, subtrees

KEPT = timedelta(days=30)
"""How long an entry is still given after its last day."""

MAX_PRUNED_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Pruned:
    """What takes the place of the entries between those that a reader knows and the first that is given.

    Attributes:
        minimum: the index of that first one; whole bundles are pruned.
        hashes: of `tlog.subtrees(known, minimum)`, 32 bytes each.
    """

    minimum: int
    hashes: tuple[bytes, ...]


def is_past_life(entry: bytes, member: str, today: date) -> bool:
    """Tell whether an entry of a member's feed may be pruned. One of an unknown kind never may.

    Raises:
        Malformed, NotAuthorized: see `leaf.parse_leaf`.
    """
    leaf = parse_leaf(entry, member)
    return leaf is not None and leaf.expires + KEPT < today


def format_pruned(pruned: Pruned) -> bytes:
    """Write the number in one line, and each hash in one of its own."""
    lines = [str(pruned.minimum), *map(format_base64, pruned.hashes)]
    return "".join(f"{line}\n" for line in lines).encode()


def parse_pruned(data: bytes, known: int) -> Pruned:
    """Read what `format_pruned` writes, for a reader that knows the first `known` entries.

    Raises:
        Malformed: of another form, not at the beginning of a bundle, or with another number of hashes.
    """
    if len(data) > MAX_PRUNED_BYTES:
        raise Malformed(f"pruned entries: longer than {MAX_PRUNED_BYTES} bytes")
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("pruned entries: not ASCII") from None
    if lines.pop():
        raise Malformed("pruned entries: the last line has no end")
    minimum = parse_decimal(lines[0] if lines else "", "pruned entries")
    if minimum <= known or minimum % WIDTH:
        raise Malformed("pruned entries: not up to the beginning of a later bundle")
    hashes = tuple(parse_base64(line, "pruned entries", HASH_SIZE) for line in lines[1:])
    if len(hashes) != len(subtrees(known, minimum)):
        raise Malformed("pruned entries: another number of hashes than stand for them")
    return Pruned(minimum, hashes)
