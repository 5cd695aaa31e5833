"""The documents behind live leaves, own and foreign alike.

Guarantees: where a case is HELD its document here is that of the newest leaf; while a newer version is on its
way, the one before stays (decision 0007); `delete_content` leaves no row of it. The photographs that it
refers to are `photographs`, the search rows are `search`, and when it has to go is `endings`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import chunks, metadata, upsert
from node.store.published.feed_cases import (
    ERASED,
    EXPIRED,
    GONE,
    HELD,
    RESTRICTED,
    WANTED,
    WITHHELD,
    feed_case,
)
from node.store.published.feeds import feed
from node.store.published.photographs import Photograph, add_photographs, drop_photographs
from node.store.scrubbing import note_deletion
from protocol.leaf import PUT, Leaf

document = sa.Table(
    "document",
    metadata,
    sa.Column("case_key", sa.ForeignKey("feed_case.id"), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("direct", sa.Boolean, nullable=False, default=False),
)
"""`direct`: the owner alone hands it out, since it keeps the case from somebody; not kept for own ones."""

published = sa.Table(
    "published",
    metadata,
    sa.Column("feed_id", sa.ForeignKey("feed.id"), primary_key=True),
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("case_key", sa.ForeignKey("feed_case.id"), nullable=False),
)


@dataclass(frozen=True, slots=True)
class WantedDocument:
    """A live leaf whose document is not here yet; `asked_before` tells whether it was in vain already."""

    case_key: int
    leaf: Leaf
    asked_before: bool = False


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """A live document with its owner and audience."""

    case_key: int
    feed_id: int
    member: str
    audience: str
    own: bool
    case_id: str
    version: int
    digest: bytes
    expires: date
    leaf_at: datetime
    body: bytes


class ShownDocument(NamedTuple):
    """What of a live document a list of results is made from.

    Attributes:
        expires: the last day of its life.
    """

    case_id: str
    member: str
    expires: date
    body: bytes


# Built once: they are part of every pull, most of which find nothing to do, or of every publication.
_WANT_AGAIN = (
    feed_case.update()
    .where(
        feed_case.c.feed_id == sa.bindparam("of_feed"),
        feed_case.c.state.in_((WITHHELD, RESTRICTED)),
        feed_case.c.retry_at <= sa.bindparam("now"),
    )
    .values(state=WANTED)
)
_WANT = (
    sa.select(
        feed_case.c.id,
        feed_case.c.case_id,
        feed_case.c.version,
        feed_case.c.digest,
        feed_case.c.expires,
        feed_case.c.leaf_at,
        feed_case.c.retry_at,
    )
    .where(
        feed_case.c.feed_id == sa.bindparam("feed_id"),
        feed_case.c.state == WANTED,
        sa.or_(feed_case.c.retry_at.is_(None), feed_case.c.retry_at <= sa.bindparam("now")),
    )
    .order_by(feed_case.c.place.desc())
    .limit(sa.bindparam("most"))
    .offset(sa.bindparam("skip"))
)
_WANT_NEWER = _WANT.where(feed_case.c.id.in_(sa.select(document.c.case_key)))
_COUNT = (
    sa.select(sa.func.count())
    .select_from(document.join(feed_case))
    .where(feed_case.c.feed_id == sa.bindparam("feed_id"))
)
_SET_STATE = feed_case.update().where(
    feed_case.c.id == sa.bindparam("of_case"),
    feed_case.c.version == sa.bindparam("of_version"),
    feed_case.c.state == WANTED,
)
_STORED = (
    feed_case.update()
    .where(feed_case.c.id.in_(sa.bindparam("keys", expanding=True)))
    .values(state=HELD, reason="", retry_at=None, owed=True, stored=True)
)
_ANY_DOCUMENT = (
    sa.select(document.c.case_key)
    .where(document.c.case_key.in_(sa.bindparam("keys", expanding=True)))
    .limit(1)
)
_REMEMBER = published.insert()
_HELD = (
    sa.select(
        feed_case.c.id,
        feed_case.c.feed_id,
        feed.c.member,
        feed.c.audience,
        feed.c.own,
        feed_case.c.case_id,
        feed_case.c.version,
        feed_case.c.digest,
        feed_case.c.expires,
        feed_case.c.leaf_at,
        document.c.body,
    )
    .join(feed, feed.c.id == feed_case.c.feed_id)
    .join(document, document.c.case_key == feed_case.c.id)
    .order_by(feed.c.audience, feed_case.c.id)
)
_HELD_AMONG = _HELD.where(feed_case.c.id.in_(sa.bindparam("keys", expanding=True)))
_HELD_OF_CASE = _HELD.where(
    feed.c.member == sa.bindparam("member"),
    feed_case.c.case_id == sa.bindparam("case_id"),
    feed_case.c.state.not_in(GONE),
)
_HELD_ABOVE = _HELD.where(
    feed_case.c.feed_id == sa.bindparam("feed_id"),
    feed_case.c.id > sa.bindparam("above"),
    feed_case.c.state == HELD,
).limit(sa.bindparam("most"))


def want_again(conn: Connection, feed_id: int, now: datetime) -> None:
    """Ask anew for documents that were withheld, or kept from this member, a while ago."""
    conn.execute(_WANT_AGAIN, {"of_feed": feed_id, "now": now})


def want_documents(
    conn: Connection, feed_id: int, now: datetime, limit: int, skip: int = 0, *, newer_only: bool = False
) -> list[WantedDocument]:
    """Return live leaves that lack their document and are due, the newest first.

    Args:
        skip: how many of the newest were asked for in vain just now.
        newer_only: only of cases of which an older version is here.
    """
    query = _WANT_NEWER if newer_only else _WANT
    found = conn.execute(query, {"feed_id": feed_id, "now": now, "most": limit, "skip": skip})
    return [
        WantedDocument(
            key, Leaf(PUT, case, version, digest, date.fromisoformat(expires), at, b""), retry_at is not None
        )
        for key, case, version, digest, expires, at, retry_at in found
    ]


def count_documents(conn: Connection, feed_id: int) -> int:
    """Count the documents that are here of a feed."""
    return conn.execute(_COUNT, {"feed_id": feed_id}).scalar_one()


def count_waiting(conn: Connection, most: int) -> dict[int, int]:
    """Count the live leaves without a document of those foreign feeds of which as many are here as may be."""
    foreign = sa.select(feed_case.c.feed_id, sa.func.count()).select_from(document.join(feed_case).join(feed))
    counts = conn.execute(foreign.where(sa.not_(feed.c.own)).group_by(feed_case.c.feed_id))
    waiting = {}
    for feed_id in [feed_id for feed_id, number in counts if number >= most]:
        c = feed_case.c
        lacking = sa.and_(
            c.feed_id == feed_id, c.state == WANTED, c.id.not_in(sa.select(document.c.case_key))
        )
        waiting[feed_id] = conn.execute(sa.select(sa.func.count()).where(lacking)).scalar_one()
    return {feed_id: number for feed_id, number in waiting.items() if number}


def set_case_states(
    conn: Connection,
    wanted: Sequence[WantedDocument],
    state: str,
    reason: str = "",
    retry_at: datetime | None = None,
) -> list[int]:
    """Say how it stands with documents that were asked for, unless the feed has moved on to another version
    meanwhile.

    Returns:
        The keys of those cases that were still at the version asked for.
    """
    changed = []
    values = {"state": state, "reason": reason, "retry_at": retry_at}
    for item in wanted:
        meant = {"of_case": item.case_key, "of_version": item.leaf.version}
        done = conn.execute(_SET_STATE, {**meant, **values})
        if done.rowcount == 1:
            changed.append(item.case_key)
    return changed


def still_wanted(conn: Connection, wanted: Sequence[WantedDocument]) -> set[int]:
    """Return the keys of those cases whose newest leaf is still the one asked for."""
    versions = {item.case_key: item.leaf.version for item in wanted}
    keys = list(versions)
    current: set[int] = set()
    for some in chunks(keys):
        query = sa.select(feed_case.c.id, feed_case.c.version).where(
            feed_case.c.id.in_(some), feed_case.c.state == WANTED
        )
        current.update(key for key, version in conn.execute(query) if versions[key] == version)
    return current


def store_documents(
    conn: Connection,
    bodies: Iterable[tuple[int, bytes]],
    photographs: Iterable[Photograph],
    direct: Collection[int] = (),
) -> None:
    """Store documents and what photographs they refer to, in the place of what the cases had before.

    Args:
        bodies: key of the case, bytes of its document.
        photographs: of all these documents.
        direct: keys of the cases whose documents nobody but the owner hands out.
    """
    pairs = list(bodies)
    if not pairs:
        return
    keys = [key for key, _ in pairs]
    if _any_document(conn, keys):
        note_deletion(conn)
    rows = [{"case_key": key, "body": body, "direct": key in direct} for key, body in pairs]
    upsert(conn, document, rows, ("case_key",))
    for some in chunks(keys):
        conn.execute(_STORED, {"keys": some})
    drop_photographs(conn, keys)
    add_photographs(conn, photographs)


def _any_document(conn: Connection, keys: Sequence[int]) -> bool:
    return any(conn.execute(_ANY_DOCUMENT, {"keys": some}).first() for some in chunks(keys))


def list_documents(conn: Connection, keys: Sequence[int]) -> list[HeldDocument]:
    """Return the documents that are here of some cases, whatever their state."""
    return [held for some in chunks(keys) for held in _held(conn, _HELD_AMONG, {"keys": some})]


def remember_published(conn: Connection, feed_id: int, digests: Iterable[tuple[bytes, int]]) -> None:
    """Remember which own case each digest was published for, so that an old one can be answered."""
    rows = [{"feed_id": feed_id, "digest": digest, "case_key": key} for digest, key in digests]
    if rows:
        conn.execute(_REMEMBER, rows)


def answer_digests(
    conn: Connection, feed_id: int, digests: Sequence[bytes], today: date
) -> dict[bytes, tuple[str, str, bytes]]:
    """Look up what own documents were asked for by their digests.

    Args:
        today: what is past its life by then is EXPIRED, whether or not `expire_cases` has run.

    Returns:
        For each digest that was ever published: the case, its state (HELD for a live document, "superseded",
        ERASED or EXPIRED), and the body (empty unless HELD). Others are absent.
    """
    c = feed_case.c
    query = (
        sa.select(published.c.digest, c.case_id, c.digest, c.state, c.expires, document.c.body)
        .join(feed_case, feed_case.c.id == published.c.case_key)
        .outerjoin(document, document.c.case_key == feed_case.c.id)
        .where(published.c.feed_id == feed_id, published.c.digest.in_(digests))
    )
    answers: dict[bytes, tuple[str, str, bytes]] = {}
    for digest, case, live, state, expires, body in conn.execute(query):
        if state == ERASED or (body is None and state != EXPIRED):
            answers[digest] = (case, ERASED, b"")
        elif state == EXPIRED or expires < today.isoformat():
            answers[digest] = (case, EXPIRED, b"")
        elif digest != live:
            answers[digest] = (case, "superseded", b"")
        else:
            answers[digest] = (case, HELD, body)
    return answers


def held_digests(
    conn: Connection, feed_id: int, digests: Sequence[bytes], today: date
) -> dict[bytes, tuple[bytes, bool]]:
    """Return those documents of a foreign feed that are held here and live on that day, by their digests: the
    body, and whether its owner alone hands it out."""
    c = feed_case.c
    query = (
        sa.select(c.digest, document.c.body, document.c.direct)
        .join(document, document.c.case_key == c.id)
        .where(c.feed_id == feed_id, c.digest.in_(digests), c.state == HELD, c.expires >= today.isoformat())
    )
    return {digest: (body, direct) for digest, body, direct in conn.execute(query)}


def list_held(
    conn: Connection, feed_id: int, first: int, limit: int, after: tuple[int, int] | None = None
) -> list[tuple[int, int, bytes]]:
    """Return the place, key and digest of cases of a feed whose document is held, the newest first.

    Args:
        first: the first place whose cases are wanted; those without one, of a feed before, come with 0.
        after: place and key of the one that was returned last.
    """
    c = feed_case.c
    query = sa.select(c.place, c.id, c.digest).where(c.feed_id == feed_id, c.state == HELD)
    if first:
        query = query.where(c.place >= first)
    if after is not None:
        place, key = after
        query = query.where(sa.or_(c.place < place, sa.and_(c.place == place, c.id < key)))
    rows = conn.execute(query.order_by(c.place.desc(), c.id.desc()).limit(limit))
    return [(place, key, digest) for place, key, digest in rows]


def direct_cases(conn: Connection, keys: Sequence[int]) -> set[int]:
    """Return the keys of those cases whose document nobody but the owner hands out."""
    query = sa.select(document.c.case_key).where(document.c.case_key.in_(keys), document.c.direct)
    return set(conn.execute(query).scalars())


def find_documents(conn: Connection, case_id: str) -> list[HeldDocument]:
    """Return the documents of one case that may be shown: at most one of each audience, the network's first.

    While a newer version is on its way, the body is still that of the version before, and everything else of
    the newest leaf (decision 0007).
    """
    return list(_held(conn, _HELD_OF_CASE, {"member": _owner(case_id), "case_id": case_id}))


def find_shown(conn: Connection, audience: str, case_ids: Sequence[str]) -> list[ShownDocument]:
    """Return what may be shown of some cases in the feeds of one audience, own and foreign; see
    `find_documents`."""
    rows: list[ShownDocument] = []
    for some in chunks(case_ids):
        asked = {"audience": audience, "case_ids": some, "members": sorted(set(map(_owner, some)))}
        for case_id, member, state, expires, body in conn.execute(_FIND_SHOWN, asked):
            if state not in GONE:
                rows.append(ShownDocument(case_id, member, date.fromisoformat(expires), body))
    return rows


def live_versions(conn: Connection, case_ids: Sequence[str], today: date) -> dict[str, int]:
    """Return the newest version of those of some cases that are live on a day, in their owners' `network`
    feeds."""
    found: dict[str, int] = {}
    for some in chunks(case_ids):
        query = (
            sa.select(feed_case.c.case_id, feed.c.member, feed_case.c.version)
            .join(feed, feed.c.id == feed_case.c.feed_id)
            .where(
                feed.c.audience == "network",
                feed_case.c.case_id.in_(some),
                feed_case.c.state.not_in(GONE),
                feed_case.c.expires >= today.isoformat(),
            )
        )
        found |= {case: version for case, owner, version in conn.execute(query) if owner == _owner(case)}
    return found


def iterate_documents(conn: Connection, feed_id: int, above: int, limit: int) -> list[HeldDocument]:
    """Return live documents of a feed in the order of their keys, beginning above one."""
    return list(_held(conn, _HELD_ABOVE, {"feed_id": feed_id, "above": above, "most": limit}))


def cases_without_document(conn: Connection, feed_id: int) -> list[str]:
    """Return the cases of a feed whose document should be here and is not."""
    query = (
        sa.select(feed_case.c.case_id)
        .outerjoin(document, document.c.case_key == feed_case.c.id)
        .where(feed_case.c.feed_id == feed_id, feed_case.c.state == HELD, document.c.case_key.is_(None))
    )
    return list(conn.execute(query).scalars())


def delete_content(conn: Connection, keys: Sequence[int]) -> None:
    """Delete the documents of cases and what photographs they refer to, whose bytes are loose from then
    on."""
    drop_photographs(conn, keys)
    if keys:
        note_deletion(conn)
    for some in chunks(keys):
        conn.execute(document.delete().where(document.c.case_key.in_(some)))


# Built once: it is part of every search. A condition on the state would make SQLite prefer the index of
# states to the one of cases, and read tens of thousands of rows.
_FIND_SHOWN = (
    sa.select(feed_case.c.case_id, feed.c.member, feed_case.c.state, feed_case.c.expires, document.c.body)
    .join(feed, feed.c.id == feed_case.c.feed_id)
    .join(document, document.c.case_key == feed_case.c.id)
    .where(
        feed.c.audience == sa.bindparam("audience"),
        feed.c.member.in_(sa.bindparam("members", expanding=True)),
        feed_case.c.case_id.in_(sa.bindparam("case_ids", expanding=True)),
    )
)


def _owner(case_id: str) -> str:
    """Name the member whose case it is: a feed holds no other's, and is found by its member's index."""
    return case_id.partition("/")[0]


def _held(conn: Connection, query: sa.Select[Any], asked: dict[str, Any]) -> Iterable[HeldDocument]:
    found = conn.execute(query, asked)
    for key, feed_id, member, audience, own, case, version, digest, expires, at, body in found:
        yield HeldDocument(
            key, feed_id, member, audience, own, case, version, digest, date.fromisoformat(expires), at, body
        )
