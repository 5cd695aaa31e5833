"""The files of a tiled log (C2SP tlog-tiles): their paths, hash tiles and entry bundles.

Guarantees: a path has one spelling; a tile or bundle that is accepted has exactly the width asked for.
Whether its hashes belong to a signed tree is left to `tlog` and `verification`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from protocol.encoding import parse_decimal
from protocol.errors import Malformed
from protocol.tlog import HASH_SIZE, NodeReader, node_hash

WIDTH = 256
"""Hashes in a full tile, and entries in a full bundle."""

LEVELS = 64
MAX_ENTRY_BYTES = 0xFFFF
INDEXES = (1 << 63) // WIDTH
"""Tiles in the lowest level of the largest tree; indexes stay below, so that a leaf's index fits 63 bits."""

_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TileRef:
    """Where a tile or bundle stands.

    Attributes:
        level: 0 to 63 for hash tiles, None for an entry bundle.
        index: counted from the left within its level.
        width: 1 to 256 hashes or entries; 256 is a full one.
    """

    level: int | None
    index: int
    width: int

    def format(self) -> str:
        """Write the path below the log's prefix, without a leading slash."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        name = "entries" if self.level is None else str(self.level)
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{name}/{'/'.join(reversed(groups))}{partial}"


def parse_tile_path(path: str) -> TileRef:
    """Read a path below the log's prefix.

    Raises:
        Malformed: any spelling but the one `TileRef.format` writes.
    """
    match = _PATH.fullmatch(path)
    if not match:
        raise Malformed("tile path: not of the form tile/<level>/<index>[.p/<width>]")
    name, digits, partial = match.groups()
    ref = TileRef(
        level=None if name == "entries" else parse_decimal(name, "tile level"),
        index=int(digits.replace("/", "").replace("x", "")),
        width=WIDTH if partial is None else parse_decimal(partial, "tile width"),
    )
    in_range = (ref.level or 0) < LEVELS and ref.index < INDEXES and ref.width > 0
    if not in_range or ref.format() != path:
        raise Malformed("tile path: a number out of range or with needless zeros")
    return ref


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes the tile has in a tree of `size` leaves: 0 to 256."""
    return max(0, min(WIDTH, (size >> (8 * level)) - index * WIDTH))


def bundles_between(old: int, new: int) -> Iterable[TileRef]:
    """List the entry bundles that hold the leaves `old` up to `new`, from the left; none when `old` is
    `new`.
    """
    for index in range(old // WIDTH, (new + WIDTH - 1) // WIDTH if old < new else 0):
        yield TileRef(None, index, min(WIDTH, new - index * WIDTH))


def format_bundle(entries: Iterable[bytes]) -> bytes:
    """Write entries, each behind its length as a big-endian uint16.

    Raises:
        Malformed: an entry is longer than 65,535 bytes.
    """
    out = bytearray()
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise Malformed("entry bundle: an entry is too long")
        out += len(entry).to_bytes(2, "big") + entry
    return bytes(out)


def parse_bundle(data: bytes, width: int) -> list[bytes]:
    """Read the entries of a bundle of exactly `width` entries.

    Raises:
        Malformed: truncated, longer, or another number of entries.
    """
    entries, place, end = [], 0, len(data)
    for _ in range(width):
        start = place + 2
        place = start + int.from_bytes(data[place:start], "big")
        if start > end or place > end:
            raise Malformed(f"entry bundle: ends before its {width} entries")
        entries.append(data[start:place])
    if place != end:
        raise Malformed(f"entry bundle: holds more than its {width} entries")
    return entries


def cut_bundle(data: bytes, width: int) -> bytes:
    """Return the first `width` entries of a wider bundle, still as a bundle."""
    place = 0
    for _ in range(width):
        place += 2 + int.from_bytes(data[place : place + 2], "big")
    return data[:place]


def check_tile(data: bytes, ref: TileRef) -> None:
    """Check the length of a hash tile.

    Raises:
        Malformed: it does not hold exactly `ref.width` hashes.
    """
    if len(data) != ref.width * HASH_SIZE:
        raise Malformed(f"hash tile: {len(data)} bytes, must be {ref.width * HASH_SIZE}")


def read_nodes(size: int, fetch: Callable[[TileRef], bytes]) -> NodeReader:
    """Read the node hashes of a tree of `size` leaves out of its tiles.

    Args:
        fetch: returns the bytes of one tile; called at most once a tile.

    Returns:
        A reader for `tlog`; it raises Malformed when a tile has the wrong length or the node is not in the
        tree.
    """
    tiles: dict[tuple[int, int], bytes] = {}

    def tile(level: int, index: int) -> bytes:
        if (level, index) not in tiles:
            ref = TileRef(level, index, tile_width(level, index, size))
            data = fetch(ref)
            check_tile(data, ref)
            tiles[level, index] = data
        return tiles[level, index]

    def read(level: int, index: int) -> bytes:
        if (index + 1) << level > size:
            raise Malformed("tree node: reaches beyond the tree")
        row, inside = divmod(level, 8)
        first = index << inside
        data = tile(row, first // WIDTH)
        start = first % WIDTH * HASH_SIZE
        hashes = [data[i : i + HASH_SIZE] for i in range(start, start + (HASH_SIZE << inside), HASH_SIZE)]
        while len(hashes) > 1:
            hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
        return hashes[0]

    return read
