"""What the trees of foreign feeds were a while ago, so that an older head of one can be looked at without
reading the feed from its beginning.

Guarantees: a tree that is kept was verified here, and every later one goes on from it. The last few of each
feed are kept, so that members which are a little behind cost next to nothing.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import metadata
from node.store.published.feeds import feed
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


_OTHER = waypoint.alias()
_KNOWN = sa.exists().where(waypoint.c.origin == feed.c.origin, waypoint.c.size == feed.c.size)
_REMEMBER = waypoint.insert().from_select(
    ["origin", "size", "frontier"],
    sa.select(feed.c.origin, feed.c.size, feed.c.frontier).where(
        feed.c.own.is_(False), feed.c.size > 0, ~_KNOWN
    ),
)
_LAST = (
    sa.select(_OTHER.c.size)
    .where(_OTHER.c.origin == waypoint.c.origin)
    .order_by(_OTHER.c.size.desc())
    .limit(1)
    .offset(KEPT - 1)
    .scalar_subquery()
)
_FORGET = waypoint.delete().where(waypoint.c.size < _LAST)


def remember_trees(conn: Connection) -> None:
    """Keep the present tree of every foreign feed, and forget the oldest."""
    if conn.execute(_REMEMBER).rowcount:
        conn.execute(_FORGET)


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
