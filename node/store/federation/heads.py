"""The newest head of each foreign feed that is verified here: one store for pulls and for witnessing.

Guarantees: a head only ever takes the place of the one that its proof began with (compare-and-swap), and
never of a larger one, so that a pull and a witness's answer at the same moment cannot leave two histories
behind. Whether a head is consistent with the one before is for the callers to have verified. How far the
entries of a feed were pulled is in `published.feeds`, and may be behind its head.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.errors import Conflict
from node.store.database import Moment, metadata, upsert
from protocol.checkpoint import Checkpoint

head = sa.Table(
    "head",
    metadata,
    sa.Column("feed_id", sa.ForeignKey("feed.id"), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.LargeBinary, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("cosigned", sa.LargeBinary),
    sa.Column("cosigned_at", Moment),
)

_FIND = sa.select(head).where(head.c.feed_id == sa.bindparam("feed_id"))
_LIST = sa.select(head)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest verified head of a feed.

    Attributes:
        size, root: leaves, and the 32-byte root over them.
        note: the signed note as received, with every signature line that it came with.
        seen_at: when it was last received.
        cosigned: the last note that this node has cosigned, with that cosignature; None before the first. A
            pull may have brought a larger head since.
        cosigned_at: when.
    """

    feed_id: int
    size: int
    root: bytes
    note: bytes
    seen_at: datetime
    cosigned: bytes | None
    cosigned_at: datetime | None

    def checkpoint(self, origin: str) -> Checkpoint:
        """Return what is known to be signed."""
        return Checkpoint(origin, self.size, self.root)


def newest_head(conn: Connection, feed_id: int) -> Head | None:
    """Return the newest verified head of a feed, or None when none was seen yet."""
    row = conn.execute(_FIND, {"feed_id": feed_id}).one_or_none()
    return Head(*row) if row else None


def advance_head(
    conn: Connection,
    feed_id: int,
    before: Head | None,
    size: int,
    root: bytes,
    note: bytes,
    now: datetime,
) -> None:
    """Put a head in the place of the one that it was proven to continue.

    Args:
        before: what `newest_head` returned when the proof was checked.
        size: not below that of `before`; the same when only the signatures are newer.

    Raises:
        Conflict: the stored head is another one by now; nothing is stored.
    """
    assert before is None or (size, root) == (before.size, before.root) or size > before.size
    if before is None:
        row = {"feed_id": feed_id, "size": size, "root": root, "note": note, "seen_at": now}
        upsert(conn, head, [row], ("feed_id",), keep=tuple(row))  # leaves one that is there as it is
        stored = newest_head(conn, feed_id)
        unchanged = stored is not None and (stored.size, stored.root, stored.note) == (size, root, note)
    else:
        changed = conn.execute(
            head.update()
            .where(head.c.feed_id == feed_id, head.c.size == before.size, head.c.root == before.root)
            .values(size=size, root=root, note=note, seen_at=now)
        )
        unchanged = changed.rowcount == 1
    if not unchanged:
        raise Conflict("A newer head of the feed was seen meanwhile.", "Try again: it starts from that one.")


def keep_cosigned(conn: Connection, feed_id: int, note: bytes, now: datetime) -> None:
    """Keep what this node has cosigned: the newest head with the cosignature.

    Call it in the transaction of `advance_head`, before the cosignature is given to anybody.
    """
    conn.execute(head.update().where(head.c.feed_id == feed_id).values(cosigned=note, cosigned_at=now))


def forget_head(conn: Connection, feed_id: int) -> None:
    """Forget the head of a feed that goes on under another origin."""
    conn.execute(head.delete().where(head.c.feed_id == feed_id))


def list_heads(conn: Connection) -> dict[int, Head]:
    """Return every head by the id of its feed."""
    return {row.feed_id: Head(*row) for row in conn.execute(_LIST)}
