"""Earlier trees of foreign feeds: the last few are kept, on either database."""

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from node.store.database import reading, writing
from node.store.federation import waypoints
from node.store.published import feeds
from protocol.tlog import EMPTY, leaf_hash
from protocol.verification import FeedState

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def grow(conn: Connection, member: str, size: int) -> None:
    """Let a feed come to a size."""
    row = feeds.ensure_feed(conn, member, "network", f"{member}/network", own=member == "own.example")
    frontier = EMPTY.extended(leaf_hash(bytes([number])) for number in range(size))
    feeds.store_update(conn, row, FeedState(row.origin, frontier, b"note %d" % size), NOW)


def kept(conn: Connection, origin: str) -> list[int]:
    query = waypoints.waypoint.select().where(waypoints.waypoint.c.origin == origin)
    return sorted(row.size for row in conn.execute(query))


def test_the_last_trees_of_each_foreign_feed_are_kept(engine: Engine) -> None:
    with writing(engine) as conn:
        for size in range(1, 13):
            grow(conn, "one.example", size * 3)
            if size < 3:
                grow(conn, "other.example", size)
            grow(conn, "own.example", size)
            waypoints.remember_trees(conn)
            waypoints.remember_trees(conn)
    with reading(engine) as conn:
        assert kept(conn, "one.example/network") == [size * 3 for size in range(5, 13)]
        assert kept(conn, "other.example/network") == [1, 2]
        assert kept(conn, "own.example/network") == []
        for size, found in ((36, 36), (35, 33), (16, 15), (14, 0), (1 << 62, 36)):
            tree = waypoints.nearest_tree(conn, "one.example/network", size)
            assert tree == EMPTY.extended(leaf_hash(bytes([number])) for number in range(found))
        assert waypoints.nearest_tree(conn, "none.example/network", 5) == EMPTY
