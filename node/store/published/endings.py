"""The end of cases in feeds, own and foreign alike: which are near it, hidden, and purged.

Guarantees: a case of whose content something may still be here is hidden and not marked purged. A hidden case
is emptied (out of the tables and the blob store) and then purged (out of the database's files too); only mass
erasure puts off the first. Deleting is `documents`, `photographs`, `search` and `scrubbing`.
"""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.domain.brake import DELAY, WINDOW, is_mass_erasure
from node.store.database import chunks
from node.store.published.feed_cases import ERASED, EXPIRED, GONE, HELD, WANTED, case_keys, feed_case
from node.store.published.feeds import feed
from node.store.published.statements import drop_statements

_UNPURGED = sa.text("hidden_at IS NOT NULL AND purged_at IS NULL")  # word for word as their index has it
_IN_FILES = sa.and_(_UNPURGED, feed_case.c.emptied_at.is_not(None))


def ending_cases(conn: Connection, feed_id: int, last: date) -> list[tuple[date, str]]:
    """Return the live cases of a feed whose last day is this one or before: the day and the case."""
    c = feed_case.c
    query = sa.select(c.expires, c.case_id).where(
        c.feed_id == feed_id, c.state == HELD, c.expires <= last.isoformat()
    )
    return [(date.fromisoformat(row[0]), row[1]) for row in conn.execute(query)]


def first_endings(conn: Connection, last: date, limit: int) -> list[tuple[date, str]]:
    """Return the live cases of this node's own feeds whose last day is this one or before, the first to end
    first: the first of their last days, and the case."""
    ending = _own_endings(last)
    query = sa.select(ending).order_by(ending.c.day, ending.c.case_id).limit(limit)
    return [(date.fromisoformat(row.day), row.case_id) for row in conn.execute(query)]


def count_endings(conn: Connection, last: date, most: int) -> int:
    """Count what `first_endings` would return; no further than `most`."""
    some = sa.select(_own_endings(last)).limit(most).subquery()
    return int(conn.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def _own_endings(last: date) -> sa.Subquery:
    c = feed_case.c
    own = sa.select(feed.c.id).where(feed.c.own)
    return (
        sa.select(c.case_id, sa.func.min(c.expires).label("day"))
        .where(c.feed_id.in_(own), c.state == HELD, c.expires <= last.isoformat())
        .group_by(c.case_id)
        .subquery()
    )


def expire_cases(conn: Connection, today: date, now: datetime, limit: int) -> list[tuple[int, str]]:
    """Hide some cases whose life is over, owner reachable or not. Returns the feed and id of each."""
    due = sa.and_(feed_case.c.expires < today.isoformat(), feed_case.c.state.not_in(GONE))
    return _end(conn, due, now, limit, owed=True)


def hidden_early(conn: Connection, feed_id: int, today: date, limit: int) -> list[int]:
    """Return cases of a feed that were hidden for their age, before their last day was over, and that are
    still here."""
    c = feed_case.c
    early = sa.and_(c.feed_id == feed_id, c.state == EXPIRED, c.expires >= today.isoformat())
    query = sa.select(c.id).where(_UNPURGED, early, c.emptied_at.is_(None)).limit(limit)
    return list(conn.execute(query).scalars())


def unhide_cases(conn: Connection, keys: Sequence[int]) -> None:
    """Let cases be live again, without their documents."""
    live = {"state": WANTED, "reason": "", "retry_at": None, "owed": False}
    never = dict.fromkeys(("hidden_at", "purge_from", "emptied_at", "purged_at"))
    for some in chunks(keys):
        conn.execute(feed_case.update().where(feed_case.c.id.in_(some)).values(**live, **never))


def keep_documents(conn: Connection, keys: Sequence[int]) -> None:
    """Write down that the documents that are here of some cases are those of their newest leaves."""
    for some in chunks(keys):
        conn.execute(feed_case.update().where(feed_case.c.id.in_(some)).values(state=HELD, owed=True))


def cases_from(conn: Connection, feed_id: int, place: int) -> dict[str, int]:
    """Return the cases of a feed whose newest leaf is at a place or behind it, each with its key."""
    c = feed_case.c
    query = sa.select(c.case_id, c.id).where(c.feed_id == feed_id, c.place >= place)
    return {row.case_id: row.id for row in conn.execute(query)}


def forget_cases(conn: Connection, keys: Sequence[int]) -> None:
    """Forget that there ever were cases; their content must be gone."""
    drop_statements(conn, keys)
    for some in chunks(keys):
        conn.execute(feed_case.delete().where(feed_case.c.id.in_(some)))


def end_feed(conn: Connection, feed_id: int, now: datetime, limit: int) -> list[tuple[int, str]]:
    """Hide some cases of a feed whose member is gone for good. Returns the feed and id of each."""
    live = sa.and_(feed_case.c.feed_id == feed_id, feed_case.c.state.not_in(GONE))
    return _end(conn, live, now, limit, owed=False)


def _end(
    conn: Connection, which: sa.ColumnElement[bool], now: datetime, limit: int, *, owed: bool
) -> list[tuple[int, str]]:
    c = feed_case.c
    rows = conn.execute(sa.select(c.id, c.feed_id, c.case_id).where(which).limit(limit)).all()
    drop_statements(conn, [row.id for row in rows])
    for some in chunks([row.id for row in rows]):
        ended = feed_case.update().where(c.id.in_(some))
        conn.execute(ended.values(state=EXPIRED, hidden_at=now, owed=owed))
    return [(row.feed_id, row.case_id) for row in rows]


def hide_cases(conn: Connection, feed_id: int, cases: Sequence[str], now: datetime) -> None:
    """Hide cases that a feed has erased, whatever else is wrong with the feed.

    Version and digest stay where the leaves that were accepted have left them, so that the erasure itself can
    still be accepted once nothing else is wrong.
    """
    drop_statements(conn, list(case_keys(conn, feed_id, cases).values()))
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


def brake(conn: Connection, feed_id: int, now: datetime) -> bool:
    """Let the content of a feed's erasures wait where there were too many within a day (`domain.brake`).

    Returns:
        Whether there were.
    """
    c = feed_case.c
    lately = sa.and_(c.feed_id == feed_id, c.state == ERASED, c.stored, c.hidden_at > now - WINDOW)
    living = sa.and_(c.feed_id == feed_id, c.state.not_in(GONE))
    erased = conn.execute(sa.select(sa.func.count()).where(lately)).scalar_one()
    if not is_mass_erasure(erased, 0):  # mostly; counting the living reads the whole feed
        return False
    if not is_mass_erasure(erased, conn.execute(sa.select(sa.func.count()).where(living)).scalar_one()):
        return False
    waits = sa.type_coerce(c.hidden_at, sa.BigInteger) + int(DELAY.total_seconds() * 1000)
    held_up = sa.and_(lately, c.emptied_at.is_(None), c.purge_from.is_(None))
    conn.execute(feed_case.update().where(held_up).values(purge_from=waits))
    return True


def count_waiting(conn: Connection, now: datetime) -> dict[int, tuple[int, datetime]]:
    """Count by feed the erasures whose content waits for the brake, and until when the first of them does."""
    c = feed_case.c
    query = (
        sa.select(c.feed_id, sa.func.count(), sa.func.min(c.purge_from))
        .where(_UNPURGED, c.purge_from > now, c.emptied_at.is_(None), c.state == ERASED)
        .group_by(c.feed_id)
    )
    return {feed_id: (number, first) for feed_id, number, first in conn.execute(query)}


def cases_to_empty(conn: Connection, now: datetime, limit: int) -> list[int]:
    """Return the keys of hidden cases whose content has to go now, the longest hidden first.

    The brake holds none up past the last day of its life.
    """
    c = feed_case.c
    may_go = sa.or_(c.purge_from.is_(None), c.purge_from <= now, c.expires < now.date().isoformat())
    query = sa.select(c.id).where(_UNPURGED, c.stored, c.emptied_at.is_(None), may_go)
    return list(conn.execute(query.order_by(c.hidden_at).limit(limit)).scalars())


def mark_emptied(conn: Connection, keys: Sequence[int], now: datetime) -> None:
    """Write down that the content of hidden cases left the tables and the blob store; those that have become
    live again meanwhile are passed over."""
    for some in chunks(keys):
        these = sa.and_(feed_case.c.id.in_(some), feed_case.c.hidden_at.is_not(None))
        conn.execute(feed_case.update().where(these).values(emptied_at=now))


def waits_for_scrub(conn: Connection) -> bool:
    """Tell whether content left the tables that may still be in the database's files."""
    query = sa.select(feed_case.c.id).where(_IN_FILES).limit(1)
    return conn.execute(query).first() is not None


def mark_purged(conn: Connection, before: datetime, now: datetime) -> list[int]:
    """Write down that nothing is left of what left the tables before a moment. Returns the keys."""
    gone = sa.and_(_IN_FILES, feed_case.c.emptied_at <= before)
    keys = list(conn.execute(sa.select(feed_case.c.id).where(gone)).scalars())
    conn.execute(feed_case.update().where(gone).values(purged_at=now, owed=True))
    return keys


def foreign_ids(conn: Connection, keys: Sequence[int]) -> list[str]:
    """Return the ids of those of these cases that are other members'."""
    found: list[str] = []
    for some in chunks(keys):
        of_these = sa.and_(feed_case.c.id.in_(some), sa.not_(feed.c.own))
        query = sa.select(feed_case.c.case_id).join(feed, feed_case.c.feed_id == feed.c.id).where(of_these)
        found += conn.execute(query).scalars()
    return found


def ended_ids(conn: Connection, cases: Sequence[str], now: datetime) -> list[str]:
    """Return those of these ids that are of other members' cases which have ended in every feed that had
    them, but for those whose content waits for the brake."""
    c = feed_case.c
    lasting = sa.or_(c.state.not_in(GONE), feed.c.own, sa.and_(c.emptied_at.is_(None), c.purge_from > now))
    found: list[str] = []
    for some in chunks(cases):
        query = sa.select(c.case_id).join(feed, c.feed_id == feed.c.id).where(c.case_id.in_(some))
        having = sa.func.max(sa.case((lasting, 1), else_=0)) == 0
        found += conn.execute(query.group_by(c.case_id).having(having)).scalars()
    return found


def owners_of(conn: Connection, keys: Sequence[int]) -> set[str]:
    """Return the members whose feeds these cases are of."""
    owners: set[str] = set()
    for some in chunks(keys):
        of_these = feed_case.c.id.in_(some)
        query = sa.select(feed.c.member).join(feed_case, feed_case.c.feed_id == feed.c.id).where(of_these)
        owners.update(conn.execute(query.distinct()).scalars())
    return owners
