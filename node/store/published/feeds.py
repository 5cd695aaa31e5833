"""Feeds on disk, own and foreign alike: head, leaves and tiles.

Guarantees: a head changes only when it is still the one that the change was made from (compare-and-swap on
its size), and all that goes with it in the same transaction. Where each case stands is `feed_cases`, the
documents are `documents`; what a change means is left to the services.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.errors import Conflict
from node.store.database import Moment, metadata, upsert
from node.store.published.feed_cases import feed_case
from protocol.checkpoint import parse_checkpoint
from protocol.feed import FeedHead, Growth
from protocol.note import parse_note
from protocol.tiles import WIDTH, TileRef, cut_bundle
from protocol.tlog import HASH_SIZE, Frontier
from protocol.verification import FeedState

OPEN = "open"
QUARANTINED = "quarantined"
SPLIT = "split"
BEHIND = "behind"


feed = sa.Table(
    "feed",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("member", sa.String, nullable=False),
    sa.Column("audience", sa.String, nullable=False),
    sa.Column("origin", sa.String, nullable=False, unique=True),
    sa.Column("own", sa.Boolean, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.LargeBinary),
    sa.Column("pending", sa.LargeBinary),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("newer_head", sa.LargeBinary),
    sa.Column("advanced_at", Moment),
    sa.Column("through", sa.String, nullable=False, default=""),
    sa.Column("readers", sa.Text),
    sa.Column("readers_at", Moment),
    sa.Column("pruned", sa.LargeBinary, nullable=False, default=b""),
    sa.Column("minimum", sa.BigInteger, nullable=False, default=0),
    sa.Column("skipped_by", sa.String, nullable=False, default=""),
    sa.UniqueConstraint("member", "audience"),
)

feed_bundle = sa.Table(
    "feed_bundle",
    metadata,
    sa.Column("feed_id", sa.ForeignKey("feed.id"), primary_key=True),
    sa.Column("place", sa.BigInteger, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

feed_tile = sa.Table(
    "feed_tile",
    metadata,
    sa.Column("feed_id", sa.ForeignKey("feed.id"), primary_key=True),
    sa.Column("level", sa.Integer, primary_key=True),
    sa.Column("place", sa.BigInteger, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# Built once: they are part of every pull, of every publication, or of every request that a peer makes.
_ADD_FEED = feed.insert()
_FIND_FEED = sa.select(feed).where(
    feed.c.member == sa.bindparam("member"), feed.c.audience == sa.bindparam("audience")
)
_LIST_FEEDS = sa.select(feed).order_by(feed.c.own.desc(), feed.c.member, feed.c.audience)
_OWN_FEEDS = sa.select(feed).where(feed.c.own).order_by(feed.c.audience)
_SET_FEED = feed.update().where(feed.c.id == sa.bindparam("of_feed"))
_SAME_SIZE = feed.c.size == sa.bindparam("old_size")
_SAME_NOTE = feed.c.note.is_not_distinct_from(sa.bindparam("old_note"))
_MOVE_FEED = _SET_FEED.where(_SAME_SIZE, _SAME_NOTE)
_PUBLISH_NOTE = _MOVE_FEED.where(
    feed.c.state == OPEN, feed.c.pending.is_not_distinct_from(sa.bindparam("old_pending"))
)
_UNMOVED = sa.select(feed.c.id).where(feed.c.id == sa.bindparam("of_feed"), _SAME_SIZE, _SAME_NOTE)
_READ_BUNDLE = sa.select(feed_bundle.c.data).where(
    feed_bundle.c.feed_id == sa.bindparam("feed_id"), feed_bundle.c.place == sa.bindparam("place")
)
_READ_TILE = sa.select(feed_tile.c.data).where(
    feed_tile.c.feed_id == sa.bindparam("feed_id"),
    feed_tile.c.level == sa.bindparam("level"),
    feed_tile.c.place == sa.bindparam("place"),
)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A feed as it is known here.

    Attributes:
        size: leaves verified and committed; of an own feed also those that are not published yet.
        note: the newest signed checkpoint; None before the first. Of an own feed the one that is published.
        pending: the newest signed checkpoint of an own feed while it is not published; None otherwise.
        state: OPEN, QUARANTINED (the owner broke the protocol; asked again later), SPLIT (two faces: stopped
            until a person decides) or BEHIND (an own feed that others know further than this node does:
            nothing is signed until its newest head was fetched).
        reason: why it is not open, in plain words.
        newer_head: of an own feed that is BEHIND, the signed checkpoint that shows it, where there is one.
        through: who handed it on when it was read last; empty when it was its owner.
        readers: the members that its owner has it open to, one a line; None when the owner has not said so
            yet.
        readers_at: when it said so last.
        minimum, pruned: the index of the first entry that is still here, and the frontier up to it.
        skipped_by: who, not its owner, said that the entries before were past their life; empty when nobody,
            or when its owner was asked since.
    """

    id: int
    member: str
    audience: str
    origin: str
    own: bool
    size: int
    frontier: bytes
    note: bytes | None
    pending: bytes | None
    state: str
    reason: str
    newer_head: bytes | None
    advanced_at: datetime | None
    through: str
    readers: str | None
    readers_at: datetime | None
    pruned: bytes
    minimum: int
    skipped_by: str

    @property
    def complete(self) -> bool:
        """Whether all leaves on its cases are known here: none was pruned, and it succeeds no other feed."""
        return self.minimum == 0 and self.origin == f"{self.member}/{self.audience}"

    def beginning(self) -> Frontier:
        """Return the tree up to the first entry that is still here."""
        return Frontier.parse(self.minimum, self.pruned)

    @property
    def newest_note(self) -> bytes | None:
        """The newest signed checkpoint, published or not."""
        return self.pending or self.note

    def known(self) -> FeedState:
        """Return what verification starts from."""
        return FeedState(self.origin, Frontier.parse(self.size, self.frontier), self.note)

    def published_size(self) -> int:
        """Return how many leaves the published checkpoint covers: more may be stored, and none is served."""
        if self.pending is None:
            return self.size
        return 0 if self.note is None else parse_checkpoint(parse_note(self.note).text).size


def ensure_feed(conn: Connection, member: str, audience: str, origin: str, *, own: bool) -> FeedRow:
    """Return a member's feed, made empty if it is not known yet."""
    found = find_feed(conn, member, audience)
    if found is None:
        values = {
            "member": member,
            "audience": audience,
            "origin": origin,
            "own": own,
            "size": 0,
            "frontier": b"",
            "state": OPEN,
            "reason": "",
        }
        conn.execute(_ADD_FEED, values)
        found = find_feed(conn, member, audience)
        assert found is not None
    return found


def find_feed(conn: Connection, member: str, audience: str) -> FeedRow | None:
    """Return a member's feed, or None when nothing of it was ever seen."""
    row = conn.execute(_FIND_FEED, {"member": member, "audience": audience}).one_or_none()
    return FeedRow(*row) if row else None


def was_stored(conn: Connection, member: str, audience: str, case_id: str) -> bool:
    """Tell whether content of a case was ever here by a member's feed."""
    query = (
        sa.select(feed_case.c.id)
        .join(feed, feed.c.id == feed_case.c.feed_id)
        .where(feed.c.member == member, feed.c.audience == audience, feed_case.c.case_id == case_id)
    )
    return conn.execute(query.where(feed_case.c.stored)).first() is not None


def list_feeds(conn: Connection) -> list[FeedRow]:
    """Return every feed, own ones first."""
    return [FeedRow(*row) for row in conn.execute(_LIST_FEEDS)]


def own_feeds(conn: Connection) -> list[FeedRow]:
    """Return the own feeds."""
    return [FeedRow(*row) for row in conn.execute(_OWN_FEEDS)]


def load_head(conn: Connection, row: FeedRow, frontier: Frontier) -> FeedHead:
    """Return what is needed to add to an own feed behind a frontier of it."""
    edge: list[bytes] = []
    level, width = 0, frontier.size
    while width:
        partial = TileRef(level, width // WIDTH, width % WIDTH)
        edge.append(read_file(conn, row.id, partial) or b"" if partial.width else b"")
        level, width = level + 1, width // WIDTH
    last = TileRef(None, frontier.size // WIDTH, frontier.size % WIDTH)
    bundle = read_file(conn, row.id, last) or b"" if last.width else b""
    return FeedHead(row.origin, frontier, tuple(edge), bundle)


def store_growth(
    conn: Connection, row: FeedRow, growth: Growth, note: bytes, now: datetime, *, publish: bool = True
) -> None:
    """Store what an addition to an own feed wrote, and its new head.

    Args:
        publish: whether the head is published by this; otherwise it is pending until `publish_note`.

    Raises:
        Conflict: somebody else has added to the feed meanwhile; nothing is stored.
    """
    published, pending = (note, None) if publish else (row.note, note)
    _advance(conn, row, growth.head.frontier, published, pending, now)
    write_files(conn, row.id, growth.files)


def publish_note(conn: Connection, row: FeedRow, note: bytes) -> None:
    """Publish the newest head of an own feed, with the cosignatures that it has by now.

    Nothing happens where the feed was stopped, has grown or was published meanwhile.
    """
    values = {"note": note, "pending": None}
    conn.execute(_PUBLISH_NOTE, {**_as_it_was(row), "old_pending": row.pending, **values})


def store_update(conn: Connection, row: FeedRow, state: FeedState, now: datetime) -> None:
    """Store the new head of a foreign feed, or how far a large update has come (without a note), and open it
    again if it was quarantined.

    Raises:
        Conflict: another pull was faster; nothing is stored.
    """
    _advance(conn, row, state.frontier, state.note, None, now)


def check_unmoved(conn: Connection, row: FeedRow) -> None:
    """Make sure that a feed is where it was when `row` was read.

    Raises:
        Conflict: it has moved on.
    """
    if conn.execute(_UNMOVED, _as_it_was(row)).first() is None:
        raise _moved()


def set_back(conn: Connection, reached: FeedRow, row: FeedRow) -> None:
    """Let a feed end again where it ended before an update that went wrong.

    Raises:
        Conflict: it is not any more where that update has left it.
    """
    values = {
        "size": row.size,
        "frontier": row.frontier,
        "note": row.note,
        "minimum": row.minimum,
        "pruned": row.pruned,
        "skipped_by": row.skipped_by,
    }
    changed = conn.execute(_MOVE_FEED, {**_as_it_was(reached), **values})
    if changed.rowcount != 1:
        raise _moved()


def write_files(conn: Connection, feed_id: int, files: Iterable[tuple[TileRef, bytes]]) -> None:
    """Store tiles and bundles, each with its whole present content, over what they were."""
    tiles, bundles = [], []
    for ref, data in files:
        if ref.level is None:
            bundles.append({"feed_id": feed_id, "place": ref.index, "data": data})
        else:
            tiles.append({"feed_id": feed_id, "level": ref.level, "place": ref.index, "data": data})
    if bundles:
        upsert(conn, feed_bundle, bundles, ("feed_id", "place"))
    if tiles:
        upsert(conn, feed_tile, tiles, ("feed_id", "level", "place"))


def read_file(conn: Connection, feed_id: int, ref: TileRef) -> bytes | None:
    """Return a tile or bundle of the given width, cut from a wider one where it has grown since; None when
    there is none."""
    if ref.level is None:
        asked = {"feed_id": feed_id, "place": ref.index}
        data: bytes | None = conn.execute(_READ_BUNDLE, asked).scalar_one_or_none()
        return data if data is None or ref.width == WIDTH else cut_bundle(data, ref.width)
    asked = {"feed_id": feed_id, "level": ref.level, "place": ref.index}
    data = conn.execute(_READ_TILE, asked).scalar_one_or_none()
    return data if data is None else data[: ref.width * HASH_SIZE]


def begin_successor(conn: Connection, row: FeedRow, origin: str, ahead: int) -> None:
    """Let a feed go on under a new origin, as an empty log that inherits its table of cases.

    Args:
        ahead: how much higher the versions are than those of the newest leaves that are here, at the most.
    """
    for table in (feed_bundle, feed_tile):
        conn.execute(table.delete().where(table.c.feed_id == row.id))
    values = {
        "origin": origin,
        "size": 0,
        "frontier": b"",
        "note": None,
        "pending": None,
        "state": OPEN,
        "reason": "",
        "newer_head": None,
        "pruned": b"",
        "minimum": 0,
        "skipped_by": "",
    }
    conn.execute(_SET_FEED, {"of_feed": row.id, **values})
    inherited = {"place": -1, "version": feed_case.c.version + ahead}
    conn.execute(feed_case.update().where(feed_case.c.feed_id == row.id).values(**inherited))


def prune(conn: Connection, feed_id: int, beginning: Frontier) -> None:
    """Leave off the entries before a place at the beginning of a bundle; hash tiles stay."""
    conn.execute(
        feed_bundle.delete().where(
            feed_bundle.c.feed_id == feed_id, feed_bundle.c.place < beginning.size // WIDTH
        )
    )
    values = {"minimum": beginning.size, "pruned": beginning.format()}
    conn.execute(_SET_FEED, {"of_feed": feed_id, **values})


def set_feed_state(
    conn: Connection, feed_id: int, state: str, reason: str = "", newer_head: bytes | None = None
) -> None:
    """Say whether a feed is followed, and if not, why.

    Args:
        newer_head: of BEHIND, the note that shows it.
    """
    values = {"state": state, "reason": reason, "newer_head": newer_head}
    conn.execute(_SET_FEED, {"of_feed": feed_id, **values})


def set_through(conn: Connection, feed_id: int, name: str) -> None:
    """Note who handed a feed on when it was read last; empty for its owner."""
    conn.execute(_SET_FEED, {"of_feed": feed_id, "through": name})


def set_skipped(conn: Connection, feed_id: int, name: str) -> None:
    """Note by whose word alone a feed begins late here; empty for nobody's but its owner's."""
    conn.execute(_SET_FEED, {"of_feed": feed_id, "skipped_by": name})


def set_readers(conn: Connection, feed_id: int, readers: Sequence[str], now: datetime) -> None:
    """Note the members that a feed's owner has it open to."""
    values = {"readers": "\n".join(sorted(readers)), "readers_at": now}
    conn.execute(_SET_FEED, {"of_feed": feed_id, **values})


def note_tag(note: bytes | None) -> str:
    """Return the ETag of a checkpoint (protocol README, "HTTP interface"); empty without one."""
    return "" if note is None else f'"{hashlib.sha256(note).hexdigest()[:32]}"'


def _advance(
    conn: Connection,
    row: FeedRow,
    frontier: Frontier,
    note: bytes | None,
    pending: bytes | None,
    now: datetime,
) -> None:
    values = {
        "size": frontier.size,
        "frontier": frontier.format(),
        "note": note,
        "pending": pending,
        "state": OPEN,
        "reason": "",
        "advanced_at": now,
    }
    changed = conn.execute(_MOVE_FEED, {**_as_it_was(row), **values})
    if changed.rowcount != 1:
        raise _moved()


def _as_it_was(row: FeedRow) -> dict[str, Any]:
    return {"of_feed": row.id, "old_size": row.size, "old_note": row.note}


def _moved() -> Conflict:
    return Conflict("The feed has moved on meanwhile.", "Try again: it starts from the newer head.")
