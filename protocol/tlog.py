"""Merkle trees of RFC 6962: hashes, the frontier, inclusion and consistency proofs.

Guarantees: proofs are made and checked exactly as RFC 6962 section 2.1 (and RFC 9162 section 2.1.3 for
checking) says, with SHA-256. Where the hashes of a tree are kept is left to the callers, who hand in a
`NodeReader`. All hashes are 32 bytes; sizes and indexes count leaves.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from protocol.errors import BadProof, Malformed

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""`reader(level, index)`: the hash of the complete subtree over the leaves `index << level` up to `(index +
1) << level`.
"""


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All of a tree that is needed to add to it: the roots of its complete subtrees, largest first (a compact
    range from 0).

    Attributes:
        size: number of leaves.
        hashes: one 32-byte root for each 1 bit of `size`, from the highest bit down.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, size: int, data: bytes) -> "Frontier":
        """Read the hashes written by `format`.

        Raises:
            Malformed: their number does not fit the size.
        """
        if size < 0 or len(data) != HASH_SIZE * size.bit_count():
            raise Malformed("frontier: its hashes do not fit its size")
        return cls(size, tuple(data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE)))

    def format(self) -> bytes:
        """Write the hashes one after the other."""
        return b"".join(self.hashes)

    def extended(self, leaf_hashes: Iterable[bytes]) -> "Frontier":
        """Return the frontier of this tree with more leaves behind it."""
        size, stack = self.size, list(self.hashes)
        for current in leaf_hashes:
            carry = size
            while carry & 1:
                current = node_hash(stack.pop(), current)
                carry >>= 1
            stack.append(current)
            size += 1
        return Frontier(size, tuple(stack))

    def joined(self, end: int, hashes: Sequence[bytes]) -> "Frontier":
        """Return the frontier of this tree with the leaves up to `end` behind it.

        Args:
            hashes: of `subtrees(size, end)`, from the left.

        Raises:
            Malformed: another number of them.
        """
        size, stack = self.size, list(self.hashes)
        places = subtrees(size, end)
        if len(hashes) != len(places):
            raise Malformed("tree: its hashes do not fit its size")
        for (level, index), current in zip(places, hashes, strict=True):
            while index & 1:
                current = node_hash(stack.pop(), current)
                index >>= 1
            stack.append(current)
            size += 1 << level
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """Compute the root of the tree; SHA-256 of nothing when it is empty."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


EMPTY = Frontier()
"""The frontier of a tree without leaves."""


def subtrees(low: int, high: int) -> list[tuple[int, int]]:
    """List the complete subtrees over the leaves `low` up to `high`, from the left and as few as there can be
    (a compact range): the level and index of each, as a `NodeReader` takes them.
    """
    places = []
    while low < high:
        level = (high - low).bit_length() - 1
        if low:
            level = min(level, (low & -low).bit_length() - 1)
        places.append((level, low >> level))
        low += 1 << level
    return places


def extend_range(low: int, high: int, hashes: list[bytes], leaf_hashes: Iterable[bytes]) -> None:
    """Add leaves to the hashes of `subtrees(low, high)`, in place."""
    for current in leaf_hashes:
        index, span = high, 1
        while index & 1 and (index - 1) * span >= low:
            current = node_hash(hashes.pop(), current)
            index, span = index >> 1, span << 1
        hashes.append(current)
        high += 1


def tree_root(size: int, read: NodeReader) -> bytes:
    """Compute the root over the first `size` leaves."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """Make the audit path of the leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1), leaf
    side first.

    Raises:
        BadProof: there is no such leaf.
    """
    if not 0 <= index < size:
        raise BadProof(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, read))
            high = middle
        else:
            path.append(_range_root(low, middle, read))
            low = middle
    path.reverse()
    return path


def consistency_proof(old: int, new: int, read: NodeReader) -> list[bytes]:
    """Make the proof that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 6962 section
    2.1.2).

    Raises:
        BadProof: `old` is larger than `new`.
    """
    if not 0 <= old <= new:
        raise BadProof(f"a tree of {old} is no prefix of a tree of {new}")
    if old in (0, new):
        return []
    proof: list[bytes] = []
    low, high, whole = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_root(middle, high, read))
            high = middle
        else:
            proof.append(_range_root(low, middle, read))
            low, whole = middle, False
    if not whole:
        proof.append(_range_root(low, high, read))
    proof.reverse()
    return proof


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash stands at `index` under the root of a tree of `size` leaves (RFC 9162 section
    2.1.3.2).

    Raises:
        BadProof: it does not, or the proof has the wrong length.
    """
    if not 0 <= index < size:
        raise BadProof(f"leaf {index} is not in a tree of {size}")
    place, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise BadProof("inclusion proof: too long")
        if place & 1 or place == last:
            current = node_hash(sibling, current)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or current != root:
        raise BadProof("inclusion proof: does not lead to the root")


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the first tree is a prefix of the second (RFC 9162 section 2.1.4.2).

    Raises:
        BadProof: it is not, or the proof has the wrong length.
    """
    if not 0 <= old <= new:
        raise BadProof(f"a tree of {old} is no prefix of a tree of {new}")
    if old in (0, new):
        if proof or (old_root != new_root if old == new else old_root != EMPTY_ROOT):
            raise BadProof("consistency proof: does not fit the sizes")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise BadProof("consistency proof: too short")
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    of_old = of_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise BadProof("consistency proof: too long")
        if place & 1 or place == last:
            of_old, of_new = node_hash(sibling, of_old), node_hash(sibling, of_new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            of_new = node_hash(of_new, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or of_old != old_root or of_new != new_root:
        raise BadProof("consistency proof: does not lead to both roots")


def _split(count: int) -> int:
    """Return the largest power of two below `count` (which is at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(low: int, high: int, read: NodeReader) -> bytes:
    """Compute the root over the leaves `low` to `high`, where `low` is aligned to the largest complete
    subtree.
    """
    parts: list[bytes] = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append(read(level, low >> level))
        low += 1 << level
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root
