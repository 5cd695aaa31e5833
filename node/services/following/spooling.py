"""New entries of a feed between the source that gives them and the tables: on the disk.

Guarantees: nothing is read back before the whole of it was held against the signed root; memory does not grow
with an update, and no source can fill the disk.
"""

import tempfile
from collections.abc import Iterator
from typing import IO

from node.runtime import Node
from node.services.following.prefetch import fetch_ahead
from node.services.following.sources import Source
from node.services.progress import Progress
from protocol.errors import Malformed
from protocol.tiles import WIDTH, TileRef
from protocol.verification import FeedState, FeedUpdate

_IN_MEMORY = 1 << 20
MAX_PULL_BYTES = 1 << 30
"""The most that one step of a feed may bring, four million leaves: no peer can fill the disk."""


def open_spool(node: Node) -> IO[bytes]:
    """Make room for new entries, which is gone once it is closed."""
    return tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(node.scratch()))


def spool_entries(source: Source, update: FeedUpdate, spool: IO[bytes], progress: Progress) -> FeedState:
    """Bring the new entries onto the disk, and hold the tree against the signed root.

    Raises:
        BadProof: they do not lead to it.
        ProtocolError: the source does not give what it announces, or too much.
        PeerUnavailable: it does not answer.
    """
    for ref, data in fetch_ahead(source.get_file, update.bundles()):
        update.feed(data)
        spool.write(len(data).to_bytes(4, "big") + data)
        if spool.tell() > MAX_PULL_BYTES:
            raise Malformed(f"feed: more than {MAX_PULL_BYTES} bytes of new entries at once")
        progress("entries", ref.index * WIDTH + ref.width, update.checkpoint.size)
    return update.finish()


def read_spool(update: FeedUpdate, spool: IO[bytes]) -> Iterator[tuple[TileRef, bytes]]:
    """Give the bundles that were brought, in their order."""
    spool.seek(0)
    for ref in update.bundles():
        yield ref, spool.read(int.from_bytes(spool.read(4), "big"))
