"""The documents and photographs behind live leaves, own and foreign alike.

Guarantees: a document stands here only under the version of its case that the feed has as the newest;
`purge_cases` leaves no row of it. The photographs' bytes are `adapters.blobs`; the search rows are `search`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import metadata, upsert
from node.store.feeds import ERASED, EXPIRED, GONE, HELD, RESTRICTED, WANTED, WITHHELD, feed, feed_case
from protocol.leaf import PUT, Leaf

SMALL = "small"
FULL = "full"

document = sa.Table(
    "document",
    metadata,
    sa.Column("case_key", sa.ForeignKey("feed_case.id"), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

published = sa.Table(
    "published",
    metadata,
    sa.Column("feed_id", sa.ForeignKey("feed.id"), primary_key=True),
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("case_key", sa.ForeignKey("feed_case.id"), nullable=False),
)

photograph = sa.Table(
    "photograph",
    metadata,
    sa.Column("case_key", sa.ForeignKey("feed_case.id"), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("rendition", sa.String, nullable=False),
    sa.Column("media_type", sa.String, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False, default=""),
    sa.Index("ix_photograph_sha256", "sha256"),
)
sa.Index("ix_photograph_state", photograph.c.state, photograph.c.rendition)

loose_photograph = sa.Table(
    "loose_photograph",
    metadata,
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
)
"""Photographs of which something stopped referring to them: their bytes go unless something else still
does."""

_CHUNK = 500


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


@dataclass(frozen=True, slots=True)
class Photograph:
    """A rendition that a live document refers to.

    Attributes:
        rendition: SMALL or FULL.
        size: bytes, as the document says.
        state: WANTED, HELD, REFUSED or WITHHELD.
    """

    case_key: int
    sha256: str
    rendition: str
    media_type: str
    width: int
    height: int
    size: int
    state: str

    def describe(self) -> dict[str, Any]:
        """Return what its document says of it."""
        return {
            "sha256": self.sha256,
            "media_type": self.media_type,
            "width": self.width,
            "height": self.height,
            "bytes": self.size,
        }


def want_again(conn: Connection, feed_id: int, now: datetime) -> None:
    """Ask anew for documents that were withheld, or kept from this member, a while ago."""
    c = feed_case.c
    due = sa.and_(c.feed_id == feed_id, c.state.in_((WITHHELD, RESTRICTED)), c.retry_at <= now)
    conn.execute(feed_case.update().where(due).values(state=WANTED))


def want_documents(conn: Connection, feed_id: int, now: datetime, limit: int) -> list[WantedDocument]:
    """Return live leaves that lack their document and are due, the newest first."""
    c = feed_case.c
    query = (
        sa.select(c.id, c.case_id, c.version, c.digest, c.expires, c.leaf_at, c.retry_at)
        .where(c.feed_id == feed_id, c.state == WANTED, sa.or_(c.retry_at.is_(None), c.retry_at <= now))
        .order_by(c.place.desc())
        .limit(limit)
    )
    return [
        WantedDocument(
            key, Leaf(PUT, case, version, digest, date.fromisoformat(expires), at, b""), retry_at is not None
        )
        for key, case, version, digest, expires, at, retry_at in conn.execute(query)
    ]


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
    for item in wanted:
        done = conn.execute(
            feed_case.update()
            .where(
                feed_case.c.id == item.case_key,
                feed_case.c.version == item.leaf.version,
                feed_case.c.state == WANTED,
            )
            .values(state=state, reason=reason, retry_at=retry_at)
        )
        if done.rowcount == 1:
            changed.append(item.case_key)
    return changed


def still_wanted(conn: Connection, wanted: Sequence[WantedDocument]) -> set[int]:
    """Return the keys of those cases whose newest leaf is still the one asked for."""
    versions = {item.case_key: item.leaf.version for item in wanted}
    keys = list(versions)
    current: set[int] = set()
    for start in range(0, len(keys), _CHUNK):
        query = sa.select(feed_case.c.id, feed_case.c.version).where(
            feed_case.c.id.in_(keys[start : start + _CHUNK]), feed_case.c.state == WANTED
        )
        current.update(key for key, version in conn.execute(query) if versions[key] == version)
    return current


def store_documents(
    conn: Connection, bodies: Iterable[tuple[int, bytes]], photographs: Iterable[Photograph]
) -> None:
    """Store documents and what photographs they refer to, in the place of what the cases had before.

    Args:
        bodies: key of the case, bytes of its document.
        photographs: of all these documents.
    """
    pairs = list(bodies)
    if not pairs:
        return
    keys = [key for key, _ in pairs]
    upsert(conn, document, [{"case_key": key, "body": body} for key, body in pairs], ("case_key",))
    for start in range(0, len(keys), _CHUNK):
        here = feed_case.c.id.in_(keys[start : start + _CHUNK])
        conn.execute(feed_case.update().where(here).values(state=HELD, reason="", retry_at=None, owed=True))
    _drop_photographs(conn, keys)
    refs = {
        (item.case_key, item.sha256): {
            "case_key": item.case_key,
            "sha256": item.sha256,
            "rendition": item.rendition,
            "media_type": item.media_type,
            "width": item.width,
            "height": item.height,
            "size": item.size,
            "state": item.state,
            "reason": "",
        }
        for item in photographs
    }
    if refs:
        conn.execute(photograph.insert(), list(refs.values()))


def remember_published(conn: Connection, feed_id: int, digests: Iterable[tuple[bytes, int]]) -> None:
    """Remember which own case each digest was published for, so that an old one can be answered."""
    rows = [{"feed_id": feed_id, "digest": digest, "case_key": key} for digest, key in digests]
    if rows:
        conn.execute(published.insert(), rows)


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


def case_keys(conn: Connection, feed_id: int, cases: Sequence[str]) -> dict[str, int]:
    """Return the keys of the cases of a feed."""
    keys: dict[str, int] = {}
    for start in range(0, len(cases), _CHUNK):
        query = sa.select(feed_case.c.case_id, feed_case.c.id).where(
            feed_case.c.feed_id == feed_id, feed_case.c.case_id.in_(cases[start : start + _CHUNK])
        )
        keys.update((case, key) for case, key in conn.execute(query))
    return keys


def find_documents(conn: Connection, case_id: str) -> list[HeldDocument]:
    """Return the live documents of one case: at most one of each audience, the network's first."""
    return list(_held(conn, sa.and_(feed.c.member == _owner(case_id), feed_case.c.case_id == case_id)))


def find_shown(conn: Connection, audience: str, case_ids: Sequence[str]) -> list[ShownDocument]:
    """Return the live documents of some cases in the feeds of one audience, own and foreign."""
    rows: list[ShownDocument] = []
    for start in range(0, len(case_ids), _CHUNK):
        chunk = case_ids[start : start + _CHUNK]
        asked = {"audience": audience, "case_ids": chunk, "members": sorted(set(map(_owner, chunk)))}
        for case_id, member, state, expires, body in conn.execute(_FIND_SHOWN, asked):
            if state == HELD:
                rows.append(ShownDocument(case_id, member, date.fromisoformat(expires), body))
    return rows


def iterate_documents(conn: Connection, feed_id: int, above: int, limit: int) -> list[HeldDocument]:
    """Return live documents of a feed in the order of their keys, beginning above one."""
    return list(_held(conn, sa.and_(feed_case.c.feed_id == feed_id, feed_case.c.id > above), limit))


def cases_without_document(conn: Connection, feed_id: int) -> list[str]:
    """Return the cases of a feed whose document should be here and is not."""
    query = (
        sa.select(feed_case.c.case_id)
        .outerjoin(document, document.c.case_key == feed_case.c.id)
        .where(feed_case.c.feed_id == feed_id, feed_case.c.state == HELD, document.c.case_key.is_(None))
    )
    return list(conn.execute(query).scalars())


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


def ending_cases(conn: Connection, feed_id: int, last: date) -> list[tuple[date, str]]:
    """Return the live cases of a feed whose last day is this one or before: the day and the case."""
    c = feed_case.c
    query = sa.select(c.expires, c.case_id).where(
        c.feed_id == feed_id, c.state == HELD, c.expires <= last.isoformat()
    )
    return [(date.fromisoformat(row[0]), row[1]) for row in conn.execute(query)]


def cases_to_purge(conn: Connection, limit: int) -> list[int]:
    """Return the keys of hidden cases of whose content something may still be here, the longest hidden
    first."""
    c = feed_case.c
    query = sa.select(c.id).where(c.state.in_(GONE), c.purged_at.is_(None)).order_by(c.hidden_at).limit(limit)
    return list(conn.execute(query).scalars())


def delete_content(conn: Connection, keys: Sequence[int]) -> None:
    """Delete the documents of cases and what photographs they refer to, whose bytes are loose from then
    on."""
    _drop_photographs(conn, keys)
    _delete(conn, document, document.c.case_key, keys)


def loosen_photographs(conn: Connection, member: str, hashes: Iterable[str]) -> None:
    """Note that something stopped referring to photographs of a member."""
    rows = [{"member": member, "sha256": sha256} for sha256 in sorted(set(hashes))]
    if rows:
        upsert(conn, loose_photograph, rows, ("member", "sha256"))


def loose_photographs(conn: Connection, limit: int) -> list[tuple[str, str]]:
    """Return member and hash of photographs that may have to go."""
    rows = conn.execute(sa.select(loose_photograph.c.member, loose_photograph.c.sha256).limit(limit))
    return [(row[0], row[1]) for row in rows]


def loose_among(conn: Connection, member: str, hashes: Sequence[str]) -> set[str]:
    """Return those of a member's photographs that are loose."""
    query = sa.select(loose_photograph.c.sha256).where(
        loose_photograph.c.member == member, loose_photograph.c.sha256.in_(hashes)
    )
    return set(conn.execute(query).scalars())


def settle_photographs(conn: Connection, settled: Sequence[tuple[str, str]]) -> None:
    """Forget loose photographs whose bytes are gone, or that something refers to after all."""
    for member, sha256 in settled:
        conn.execute(
            loose_photograph.delete().where(
                loose_photograph.c.member == member, loose_photograph.c.sha256 == sha256
            )
        )


def mark_purged(conn: Connection, keys: Sequence[int], now: datetime) -> None:
    """Write down that nothing is left of the content of hidden cases."""
    for start in range(0, len(keys), _CHUNK):
        conn.execute(
            feed_case.update()
            .where(feed_case.c.id.in_(keys[start : start + _CHUNK]))
            .values(purged_at=now, owed=True)
        )


def owners_of(conn: Connection, keys: Sequence[int]) -> set[str]:
    """Return the members whose feeds these cases are of."""
    owners: set[str] = set()
    for start in range(0, len(keys), _CHUNK):
        of_these = feed_case.c.id.in_(keys[start : start + _CHUNK])
        query = sa.select(feed.c.member).join(feed_case, feed_case.c.feed_id == feed.c.id).where(of_these)
        owners.update(conn.execute(query.distinct()).scalars())
    return owners


def referenced(conn: Connection, member: str, hashes: Sequence[str]) -> set[str]:
    """Return those photographs of a member that a document still refers to."""
    found: set[str] = set()
    for start in range(0, len(hashes), _CHUNK):
        query = _photographs_of(member).where(photograph.c.sha256.in_(hashes[start : start + _CHUNK]))
        found.update(row.sha256 for row in conn.execute(query))
    return found


def find_photograph(conn: Connection, feed_id: int, sha256: str, today: date) -> list[tuple[str, Photograph]]:
    """Return the cases of a feed, live on that day, that refer to a photograph, each with the reference."""
    query = (
        sa.select(feed_case.c.case_id, *_PHOTO_COLUMNS)
        .join(feed_case, feed_case.c.id == photograph.c.case_key)
        .where(
            photograph.c.sha256 == sha256,
            feed_case.c.feed_id == feed_id,
            feed_case.c.state.not_in(GONE),
            feed_case.c.expires >= today.isoformat(),
        )
    )
    return [(row[0], Photograph(*row[1:])) for row in conn.execute(query)]


def want_photographs(conn: Connection, feed_id: int, rendition: str, limit: int) -> list[Photograph]:
    """Return renditions of live documents of a feed that are not here yet, the newest documents first."""
    query = (
        sa.select(*_PHOTO_COLUMNS)
        .join(feed_case, feed_case.c.id == photograph.c.case_key)
        .where(
            photograph.c.state == WANTED,
            photograph.c.rendition == rendition,
            feed_case.c.feed_id == feed_id,
            feed_case.c.state.not_in(GONE),
        )
        .order_by(feed_case.c.place.desc())
        .limit(limit)
    )
    return [Photograph(*row) for row in conn.execute(query)]


def want_photographs_again(conn: Connection, feed_id: int, rendition: str) -> None:
    """Ask anew for renditions of a feed that their owner did not give."""
    of_feed = sa.select(feed_case.c.id).where(feed_case.c.feed_id == feed_id)
    conn.execute(
        photograph.update()
        .where(
            photograph.c.state == WITHHELD,
            photograph.c.rendition == rendition,
            photograph.c.case_key.in_(of_feed),
        )
        .values(state=WANTED)
    )


def set_photograph_state(conn: Connection, item: Photograph, state: str, reason: str = "") -> int:
    """Say how it stands with a rendition. Returns 0 when its document is gone meanwhile."""
    done = conn.execute(
        photograph.update()
        .where(photograph.c.case_key == item.case_key, photograph.c.sha256 == item.sha256)
        .values(state=state, reason=reason)
    )
    return int(done.rowcount)


def photographs_of_case(conn: Connection, case_key: int) -> list[Photograph]:
    """Return every rendition that a case's document refers to."""
    return [
        Photograph(*row)
        for row in conn.execute(sa.select(*_PHOTO_COLUMNS).where(photograph.c.case_key == case_key))
    ]


def bytes_held(conn: Connection, rendition: str) -> int:
    """Return how many bytes the held foreign renditions of one kind take."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(photograph.c.size), 0))
        .join(feed_case, feed_case.c.id == photograph.c.case_key)
        .join(feed, feed.c.id == feed_case.c.feed_id)
        .where(photograph.c.state == HELD, photograph.c.rendition == rendition, sa.not_(feed.c.own))
    )
    return int(conn.execute(query).scalar_one())


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
_PHOTO_COLUMNS = (
    photograph.c.case_key,
    photograph.c.sha256,
    photograph.c.rendition,
    photograph.c.media_type,
    photograph.c.width,
    photograph.c.height,
    photograph.c.size,
    photograph.c.state,
)


def _owner(case_id: str) -> str:
    """Name the member whose case it is: a feed holds no other's, and is found by its member's index."""
    return case_id.partition("/")[0]


def _photographs_of(member: str) -> sa.Select[Any]:
    return (
        sa.select(photograph.c.sha256)
        .join(feed_case, feed_case.c.id == photograph.c.case_key)
        .join(feed, feed.c.id == feed_case.c.feed_id)
        .where(feed.c.member == member)
    )


def _held(
    conn: Connection, condition: sa.ColumnElement[bool], limit: int | None = None
) -> Iterable[HeldDocument]:
    c = feed_case.c
    query = (
        sa.select(
            c.id, c.feed_id, feed.c.member, feed.c.audience, feed.c.own,
            c.case_id, c.version, c.digest, c.expires, c.leaf_at, document.c.body,
        )
        .join(feed, feed.c.id == c.feed_id)
        .join(document, document.c.case_key == c.id)
        .where(condition, c.state == HELD)
        .order_by(feed.c.audience, c.id)
        .limit(limit)
    )  # fmt: skip
    for row in conn.execute(query):
        yield HeldDocument(*row[:8], date.fromisoformat(row[8]), row[9], row[10])


def _drop_photographs(conn: Connection, keys: Sequence[int]) -> None:
    for start in range(0, len(keys), _CHUNK):
        of_these = photograph.c.case_key.in_(keys[start : start + _CHUNK])
        query = (
            sa.select(feed.c.member, photograph.c.sha256)
            .join(feed_case, feed_case.c.id == photograph.c.case_key)
            .join(feed, feed.c.id == feed_case.c.feed_id)
            .where(of_these)
        )
        dropped = conn.execute(query).all()
        for member in {row[0] for row in dropped}:
            loosen_photographs(conn, member, [row[1] for row in dropped if row[0] == member])
        if dropped:
            conn.execute(photograph.delete().where(of_these))


def _delete(conn: Connection, table: sa.Table, column: sa.ColumnElement[Any], keys: Sequence[int]) -> None:
    for start in range(0, len(keys), _CHUNK):
        conn.execute(table.delete().where(column.in_(keys[start : start + _CHUNK])))
