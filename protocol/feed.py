"""The writing side of a feed: leaves in, files of a tiled log and a new head out.

Guarantees: what is written continues the head that was given, and every leaf follows the history of its case.
Storing the result, in one transaction with the head, is left to the caller; until that is done nothing may be
published. Specification: README, "Feeds".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.checkpoint import Checkpoint
from protocol.errors import BadProof, Malformed
from protocol.leaf import MAX_LEAF_BYTES
from protocol.tiles import WIDTH, TileRef, check_tile, format_bundle, parse_bundle, tile_width
from protocol.tlog import EMPTY, HASH_SIZE, Frontier, leaf_hash, node_hash


@dataclass(frozen=True, slots=True)
class FeedHead:
    """All of a feed that is needed to add to it.

    Attributes:
        origin: the log's name.
        frontier: of the whole tree.
        edge: the bytes of the rightmost partial hash tile of each level, from level 0 up; empty where that
            tile is full or absent.
        bundle: the bytes of the rightmost partial entry bundle.
    """

    origin: str
    frontier: Frontier = EMPTY
    edge: tuple[bytes, ...] = ()
    bundle: bytes = b""

    def checkpoint(self) -> Checkpoint:
        """Return the head to be signed."""
        return Checkpoint(self.origin, self.frontier.size, self.frontier.root())


@dataclass(frozen=True, slots=True)
class Growth:
    """What an addition writes.

    Attributes:
        head: after the addition.
        files: every tile and bundle that is new or has grown, each with its whole present content; a narrower
            partial one is a prefix of it.
    """

    head: FeedHead
    files: tuple[tuple[TileRef, bytes], ...]


def check_edge(head: FeedHead) -> None:
    """Check that a stored head is whole, before anything is signed on top of it.

    Raises:
        Malformed: an edge tile or the bundle has not the width that the size asks for.
        BadProof: the edge tiles are not those of the frontier, or the bundle's entries not those of its tile.
    """
    size = head.frontier.size
    edge = head.edge + (b"",) * (_levels(size) - len(head.edge))
    roots: tuple[bytes, ...] = ()
    for level, data in enumerate(edge):
        check_tile(data, TileRef(level, size >> (8 * level + 8), (size >> 8 * level) % WIDTH))
        roots = EMPTY.extended(_hashes(data)).hashes + roots
    entries = parse_bundle(head.bundle, size % WIDTH)
    if roots != head.frontier.hashes or [leaf_hash(entry) for entry in entries] != _hashes(
        b"".join(edge[:1])
    ):
        raise BadProof("feed: the stored tiles do not belong to the stored head")


def grow(head: FeedHead, entries: Sequence[bytes]) -> Growth:
    """Add entries at the end of a feed.

    Args:
        entries: formatted leaves.

    Raises:
        Malformed: an entry is longer than a leaf may be.
    """
    if any(len(entry) > MAX_LEAF_BYTES for entry in entries):
        raise Malformed(f"feed: an entry is longer than {MAX_LEAF_BYTES} bytes")
    old_size = head.frontier.size
    hashes = [leaf_hash(entry) for entry in entries]
    frontier = head.frontier.extended(hashes)
    files = _grown_bundles(head, entries)
    bundle = files[-1][1] if files and files[-1][0].width < WIDTH else (b"" if files else head.bundle)
    edge: list[bytes] = []
    level = 0
    while hashes or level < len(head.edge):
        row, hashes = _grown_tiles(head, level, old_size, hashes)
        files += row
        partial = row[-1][1] if row and row[-1][0].width < WIDTH else (b"" if row else head.edge[level])
        edge.append(partial)
        level += 1
    return Growth(FeedHead(head.origin, frontier, tuple(edge), bundle), tuple(files))


def _grown_bundles(head: FeedHead, entries: Sequence[bytes]) -> list[tuple[TileRef, bytes]]:
    files = []
    size, place = head.frontier.size, 0
    while place < len(entries):
        index, have = divmod(size + place, WIDTH)
        chunk = entries[place : place + WIDTH - have]
        before = head.bundle if have and place == 0 else b""
        files.append((TileRef(None, index, have + len(chunk)), before + format_bundle(chunk)))
        place += len(chunk)
    return files


def _grown_tiles(
    head: FeedHead, level: int, old_size: int, hashes: Sequence[bytes]
) -> tuple[list[tuple[TileRef, bytes]], list[bytes]]:
    """Add hashes to one level; return its changed tiles, and the roots of those that became full, for the
    level above.
    """
    files, roots = [], []
    old_width, place = old_size >> (8 * level), 0
    while place < len(hashes):
        index, have = divmod(old_width + place, WIDTH)
        chunk = hashes[place : place + WIDTH - have]
        before = head.edge[level] if have and place == 0 else b""
        data = before + b"".join(chunk)
        files.append((TileRef(level, index, have + len(chunk)), data))
        if have + len(chunk) == WIDTH:
            roots.append(_full_root(data))
        place += len(chunk)
    return files, roots


def _full_root(data: bytes) -> bytes:
    hashes = _hashes(data)
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def _hashes(data: bytes) -> list[bytes]:
    return [data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE)]


def _levels(size: int) -> int:
    """Count the levels of tiles that a tree of `size` leaves has."""
    level = 0
    while tile_width(level, 0, size):
        level += 1
    return level
