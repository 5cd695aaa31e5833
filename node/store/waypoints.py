"""What the trees of foreign feeds were a while ago, so that an older head of one can be looked at without
reading the feed from its beginning.

Guarantees: a tree that is kept was verified here, and every later one goes on from it. The last few of each
feed are kept, so that members which are a little behind cost next to nothing.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import metadata
from node.store.feeds import feed
from protocol.tlog import EMPTY, Frontier

waypoint = sa.Table(
    "waypoint",
    metadata,
    sa.Column("origin", sa.String, primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
)

KEPT = 8
"""How many trees of one feed."""


def remember_trees(conn: Connection) -> None:
    """Keep the present tree of every foreign feed, and forget the oldest."""
    known = sa.exists().where(waypoint.c.origin == feed.c.origin, waypoint.c.size == feed.c.size)
    present = sa.select(feed.c.origin, feed.c.size, feed.c.frontier).where(
        feed.c.own.is_(False), feed.c.size > 0, ~known
    )
    conn.execute(waypoint.insert().from_select(["origin", "size", "frontier"], present))
    other = waypoint.alias()
    last = (
        sa.select(other.c.size)
        .where(other.c.origin == waypoint.c.origin)
        .order_by(other.c.size.desc())
        .limit(1)
        .offset(KEPT - 1)
        .scalar_subquery()
    )
    conn.execute(waypoint.delete().where(waypoint.c.size < last))


def nearest_tree(conn: Connection, origin: str, size: int) -> Frontier:
    """Return the largest tree that is kept of a feed and is not larger than this; the empty one when none
    is."""
    query = (
        sa.select(waypoint.c.size, waypoint.c.frontier)
        .where(waypoint.c.origin == origin, waypoint.c.size <= size)
        .order_by(waypoint.c.size.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return Frontier.parse(row.size, row.frontier) if row else EMPTY
