"""Where each case of each feed stands, own and foreign alike.

Guarantees: it is written together with the leaves that it follows from (`feeds`). The end of cases is
`endings`; what a change means is left to the services.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, chunks, metadata, upsert
from protocol.leaf import CaseState, Leaf

WANTED = "wanted"
HELD = "held"
REFUSED = "refused"
WITHHELD = "withheld"
RESTRICTED = "restricted"
ERASED = "erased"
EXPIRED = "expired"
GONE = (ERASED, EXPIRED)
"""States in which nothing of a case may be shown, served or kept."""

feed_case = sa.Table(
    "feed_case",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("feed_id", sa.ForeignKey("feed.id"), nullable=False),
    sa.Column("case_id", sa.String, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary),
    sa.Column("expires", sa.String(10), nullable=False),
    sa.Column("leaf_at", Moment, nullable=False),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False, default=""),
    sa.Column("retry_at", Moment),
    sa.Column("stored", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("hidden_at", Moment),
    sa.Column("purge_from", Moment),
    sa.Column("emptied_at", Moment),
    sa.Column("purged_at", Moment),
    sa.Column("owed", sa.Boolean, nullable=False),
    sa.UniqueConstraint("feed_id", "case_id"),
)
"""Where each case of each feed stands.

stored      whether content of it was ever here
hidden_at   since when nothing of it is shown, served or found
purge_from  before which its content waits (`domain.brake`); at once when empty
emptied_at  when the content left the tables and the blob store
purged_at   when it was gone from the database's files as well
owed        foreign: the owner was not told yet of what is so here; own: not all peers have confirmed yet
"""

sa.Index("ix_feed_case_state", feed_case.c.feed_id, feed_case.c.state, feed_case.c.place)
sa.Index("ix_feed_case_expires", feed_case.c.feed_id, feed_case.c.expires)
sa.Index(
    "ix_feed_case_hidden",
    feed_case.c.hidden_at,
    sqlite_where=sa.text("hidden_at IS NOT NULL"),
    postgresql_where=sa.text("hidden_at IS NOT NULL"),
)
sa.Index(
    "ix_feed_case_unpurged",
    feed_case.c.hidden_at,
    sqlite_where=sa.text("hidden_at IS NOT NULL AND purged_at IS NULL"),
    postgresql_where=sa.text("hidden_at IS NOT NULL AND purged_at IS NULL"),
)
sa.Index("ix_feed_case_digest", feed_case.c.digest)
sa.Index(
    "ix_feed_case_owed", feed_case.c.feed_id, sqlite_where=sa.text("owed"), postgresql_where=sa.text("owed")
)

_ENDING = ("state", "reason", "retry_at", "hidden_at", "purge_from", "emptied_at", "purged_at", "owed")

# Built once: they are part of every pull, or of every publication.
_LOOK_UP = sa.select(
    feed_case.c.case_id, feed_case.c.version, feed_case.c.digest, feed_case.c.expires, feed_case.c.place
).where(
    feed_case.c.feed_id == sa.bindparam("feed_id"),
    feed_case.c.case_id.in_(sa.bindparam("cases", expanding=True)),
)
_FIND_KEYS = sa.select(feed_case.c.case_id, feed_case.c.id).where(
    feed_case.c.feed_id == sa.bindparam("feed_id"),
    feed_case.c.case_id.in_(sa.bindparam("cases", expanding=True)),
)
_ITERATE = sa.select(
    feed_case.c.case_id,
    feed_case.c.version,
    feed_case.c.digest,
    feed_case.c.expires,
    feed_case.c.place,
    feed_case.c.leaf_at,
    feed_case.c.state,
).where(feed_case.c.feed_id == sa.bindparam("feed_id"))


@dataclass(frozen=True, slots=True)
class KeptCase:
    """One case of a feed: what its newest leaf said, when that was made, and the case's state here."""

    case_id: str
    state_of_leaves: CaseState
    leaf_at: datetime
    state: str


def lookup_cases(conn: Connection, feed_id: int, cases: Sequence[str]) -> dict[str, CaseState]:
    """Return where the history of each of these cases stands; those that the feed never had are absent."""
    states: dict[str, CaseState] = {}
    for some in chunks(cases):
        rows = conn.execute(_LOOK_UP, {"feed_id": feed_id, "cases": some})
        for case, version, digest, expires, place in rows:
            states[case] = CaseState(version, digest, date.fromisoformat(expires), place)
    return states


def case_keys(conn: Connection, feed_id: int, cases: Sequence[str]) -> dict[str, int]:
    """Return the keys of the cases of a feed."""
    keys: dict[str, int] = {}
    for some in chunks(cases):
        rows = conn.execute(_FIND_KEYS, {"feed_id": feed_id, "cases": some})
        keys.update((case, key) for case, key in rows)
    return keys


def iterate_cases(conn: Connection, feed_id: int) -> Iterator[KeptCase]:
    """Give every case of a feed as it stands here."""
    rows = conn.execute(_ITERATE, {"feed_id": feed_id})
    for case, version, digest, expires, place, leaf_at, state in rows:
        yield KeptCase(case, CaseState(version, digest, date.fromisoformat(expires), place), leaf_at, state)


def store_cases(
    conn: Connection, feed_id: int, followed: Iterable[tuple[Leaf, CaseState]], state: str, now: datetime
) -> None:
    """Store where cases stand after leaves. Of several leaves of one case the last counts.

    Args:
        state: of a case with content: WANTED for a foreign feed, HELD for the own. Without content it is
            ERASED, hidden now.
    """
    last = {leaf.case: (leaf, after) for leaf, after in followed}
    ended = [case for case, (_, after) in last.items() if after.erased]
    again = {case for case, before in lookup_cases(conn, feed_id, ended).items() if before.erased}
    rows = [
        {
            "feed_id": feed_id,
            "case_id": case,
            "version": after.version,
            "digest": after.digest,
            "expires": after.expires.isoformat(),
            "leaf_at": leaf.at,
            "place": after.index,
            "state": ERASED if after.erased else state,
            "reason": "",
            "retry_at": None,
            "hidden_at": now if after.erased else None,
            "purge_from": None,
            "emptied_at": None,
            "purged_at": None,
            "owed": after.erased,
        }
        for case, (leaf, after) in last.items()
    ]
    key = ("feed_id", "case_id")
    if news := [row for row in rows if row["case_id"] not in again]:
        upsert(conn, feed_case, news, key)
    if known := [row for row in rows if row["case_id"] in again]:  # a successor repeats it: it stays as it is
        upsert(conn, feed_case, known, key, keep=_ENDING)


def has_live_before(conn: Connection, feed_id: int, place: int, last: date) -> bool:
    """Tell whether the newest leaf of a case that lives on behind `last` stands before a place."""
    c = feed_case.c
    query = sa.select(c.id).where(
        c.feed_id == feed_id, c.place < place, c.expires > last.isoformat(), c.digest.is_not(None)
    )
    return conn.execute(query.limit(1)).first() is not None


def set_back_cases(conn: Connection, feed_id: int, states: Iterable[tuple[Leaf, CaseState]]) -> None:
    """Let cases stand again where earlier leaves have left them; what is here of them is for the caller."""
    rows = [
        {
            "of_case": leaf.case,
            "version": state.version,
            "digest": state.digest,
            "expires": state.expires.isoformat(),
            "leaf_at": leaf.at,
            "place": state.index,
        }
        for leaf, state in states
    ]
    names = ("version", "digest", "expires", "leaf_at", "place")
    change = (
        feed_case.update()
        .where(feed_case.c.feed_id == feed_id, feed_case.c.case_id == sa.bindparam("of_case"))
        .values({name: sa.bindparam(name, type_=feed_case.c[name].type) for name in names})
    )
    if rows:
        conn.execute(change, rows)


def count_states(conn: Connection) -> dict[tuple[int, str], int]:
    """Count the cases of each feed by their state."""
    query = sa.select(feed_case.c.feed_id, feed_case.c.state, sa.func.count()).group_by(
        feed_case.c.feed_id, feed_case.c.state
    )
    return {(row[0], row[1]): row[2] for row in conn.execute(query)}
