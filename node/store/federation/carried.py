"""What is remembered of bundles that are carried to and from other members by hand.

Guarantees: none of it is trusted: how far a member has a feed only decides where the next bundle for it
begins, and a receipt that is given back settles what its own signature says.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import metadata, upsert

carried_head = sa.Table(
    "carried_head",
    metadata,
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("origin", sa.String, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
)
"""How far a member said in its last bundle that it has each feed."""

carried_receipt = sa.Table(
    "carried_receipt",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("member", sa.String, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
)
"""Receipts that came in a bundle of a member: they go back in the next one for it, so that it sends them no
more."""


def known_sizes(conn: Connection, member: str) -> dict[str, int]:
    """Return how far a member has each feed, by the feed's origin."""
    query = sa.select(carried_head.c.origin, carried_head.c.size).where(carried_head.c.member == member)
    return {row.origin: row.size for row in conn.execute(query)}


def keep_sizes(conn: Connection, member: str, sizes: Mapping[str, int]) -> None:
    """Note how far a member has each feed."""
    rows = [{"member": member, "origin": origin, "size": size} for origin, size in sizes.items()]
    if rows:
        upsert(conn, carried_head, rows, ("member", "origin"))


def receipts_to_return(conn: Connection, member: str) -> list[str]:
    """Return the receipts of a member that came in its bundles and were not given back yet."""
    query = sa.select(carried_receipt.c.token).where(carried_receipt.c.member == member)
    return list(conn.execute(query.order_by(carried_receipt.c.id)).scalars())


def keep_receipts(conn: Connection, member: str, tokens: Sequence[str]) -> None:
    """Note receipts of a member that came in a bundle, in the place of those before."""
    forget_receipts(conn, member)
    if tokens:
        conn.execute(carried_receipt.insert(), [{"member": member, "token": token} for token in tokens])


def forget_receipts(conn: Connection, member: str) -> None:
    """Forget the receipts of a member: they were given back."""
    conn.execute(carried_receipt.delete().where(carried_receipt.c.member == member))
