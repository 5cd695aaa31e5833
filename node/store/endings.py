"""The end of cases in feeds, own and foreign alike: which are near it, hidden, and purged.

Guarantees: a case of whose content something may still be here is hidden and not marked purged. Deleting is
`documents`, `photographs` and `search`.
"""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import chunks
from node.store.feeds import ERASED, EXPIRED, GONE, HELD, feed, feed_case


def ending_cases(conn: Connection, feed_id: int, last: date) -> list[tuple[date, str]]:
    """Return the live cases of a feed whose last day is this one or before: the day and the case."""
    c = feed_case.c
    query = sa.select(c.expires, c.case_id).where(
        c.feed_id == feed_id, c.state == HELD, c.expires <= last.isoformat()
    )
    return [(date.fromisoformat(row[0]), row[1]) for row in conn.execute(query)]


def expire_cases(conn: Connection, today: date, now: datetime) -> list[tuple[int, str]]:
    """Hide every case whose life is over, owner reachable or not. Returns the feed and id of each."""
    due = sa.and_(feed_case.c.expires < today.isoformat(), feed_case.c.state.not_in(GONE))
    expired = [
        (row[0], row[1])
        for row in conn.execute(sa.select(feed_case.c.feed_id, feed_case.c.case_id).where(due))
    ]
    if expired:
        conn.execute(feed_case.update().where(due).values(state=EXPIRED, hidden_at=now, owed=True))
    return expired


def end_feed(conn: Connection, feed_id: int, now: datetime) -> list[tuple[int, str]]:
    """Hide every case of a feed whose member is gone for good. Returns the feed and id of each."""
    live = sa.and_(feed_case.c.feed_id == feed_id, feed_case.c.state.not_in(GONE))
    ended = [(feed_id, case) for case in conn.execute(sa.select(feed_case.c.case_id).where(live)).scalars()]
    if ended:
        conn.execute(feed_case.update().where(live).values(state=EXPIRED, hidden_at=now, owed=False))
    return ended


def hide_cases(conn: Connection, feed_id: int, cases: Sequence[str], now: datetime) -> None:
    """Hide cases that a feed has erased, whatever else is wrong with the feed.

    Version and digest stay where the leaves that were accepted have left them, so that the erasure itself can
    still be accepted once nothing else is wrong.
    """
    for some in chunks(cases):
        conn.execute(
            feed_case.update()
            .where(
                feed_case.c.feed_id == feed_id,
                feed_case.c.case_id.in_(some),
                feed_case.c.state.not_in(GONE),
            )
            .values(state=ERASED, hidden_at=now, owed=True)
        )


def hidden_ahead(conn: Connection, feed_id: int, cases: Sequence[str]) -> set[str]:
    """Return those of the cases that `hide_cases` has hidden before their erasure was accepted."""
    hidden: set[str] = set()
    for some in chunks(cases):
        query = sa.select(feed_case.c.case_id).where(
            feed_case.c.feed_id == feed_id,
            feed_case.c.case_id.in_(some),
            feed_case.c.state == ERASED,
            feed_case.c.digest.is_not(None),
        )
        hidden.update(conn.execute(query).scalars())
    return hidden


def cases_to_purge(conn: Connection, limit: int) -> list[int]:
    """Return the keys of hidden cases of whose content something may still be here, the longest hidden
    first."""
    c = feed_case.c
    query = sa.select(c.id).where(c.state.in_(GONE), c.purged_at.is_(None)).order_by(c.hidden_at).limit(limit)
    return list(conn.execute(query).scalars())


def mark_purged(conn: Connection, keys: Sequence[int], now: datetime) -> None:
    """Write down that nothing is left of the content of hidden cases."""
    for some in chunks(keys):
        conn.execute(feed_case.update().where(feed_case.c.id.in_(some)).values(purged_at=now, owed=True))


def owners_of(conn: Connection, keys: Sequence[int]) -> set[str]:
    """Return the members whose feeds these cases are of."""
    owners: set[str] = set()
    for some in chunks(keys):
        of_these = feed_case.c.id.in_(some)
        query = sa.select(feed.c.member).join(feed_case, feed_case.c.feed_id == feed.c.id).where(of_these)
        owners.update(conn.execute(query.distinct()).scalars())
    return owners
