"""The photographs that live documents refer to, own and foreign alike, and those that may have to go.

Guarantees: a photograph that something stops referring to is loose from that transaction on, so that its
bytes are found and deleted whatever happens in between. The bytes are `adapters.blobs`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.domain.renditions import photographs_of
from node.store.database import Moment, chunks, metadata, upsert
from node.store.published.feed_cases import GONE, HELD, WANTED, WITHHELD, feed_case
from node.store.published.feeds import feed

SMALL = "small"
FULL = "full"

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
    sa.Column("due_at", Moment),
)
"""Photographs of which something stopped referring to them, or nothing does yet: their bytes go, not before
`due_at` where there is one, unless something refers to them then."""

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
_WITH_OWNER = (
    sa.select(feed.c.member, photograph.c.sha256)
    .join(feed_case, feed_case.c.id == photograph.c.case_key)
    .join(feed, feed.c.id == feed_case.c.feed_id)
)

# Built once: they are part of every document that is stored or shown.
_OF_CASE = sa.select(*_PHOTO_COLUMNS).where(photograph.c.case_key == sa.bindparam("case_key"))
_OF_THESE = photograph.c.case_key.in_(sa.bindparam("keys", expanding=True))
_FIND_THESE = _WITH_OWNER.where(_OF_THESE)
_DROP_THESE = photograph.delete().where(_OF_THESE)


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


def photographs_in(case_key: int, parts: Mapping[str, Mapping[str, Any]], state: str) -> list[Photograph]:
    """List the renditions that a document names, anywhere in it; the smallest of each photograph is its small
    one."""
    found: list[Photograph] = []
    for part in parts.values():
        for _, photo in photographs_of(part):
            renditions = sorted(photo.get("renditions", ()), key=lambda rendition: int(rendition["bytes"]))
            for index, item in enumerate(renditions):
                found.append(
                    Photograph(
                        case_key=case_key,
                        sha256=item["sha256"],
                        rendition=FULL if index else SMALL,
                        media_type=item["media_type"],
                        width=int(item["width"]),  # 1.0 is a whole number to a schema
                        height=int(item["height"]),
                        size=int(item["bytes"]),
                        state=state,
                    )
                )
    return found


def photographs_of_case(conn: Connection, case_key: int) -> list[Photograph]:
    """Return every rendition that a case's document refers to."""
    return [Photograph(*row) for row in conn.execute(_OF_CASE, {"case_key": case_key})]


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


# Built once: they are part of every pull, most of which find nothing to do.
_WANT = (
    sa.select(*_PHOTO_COLUMNS)
    .join(feed_case, feed_case.c.id == photograph.c.case_key)
    .where(
        photograph.c.state == WANTED,
        photograph.c.rendition == sa.bindparam("of_rendition"),
        feed_case.c.feed_id == sa.bindparam("feed_id"),
        feed_case.c.state.not_in(GONE),
    )
    .order_by(feed_case.c.place.desc(), photograph.c.case_key, photograph.c.sha256)
    .limit(sa.bindparam("most"))
    .offset(sa.bindparam("skip"))
)
_WANT_AGAIN = (
    photograph.update()
    .where(
        photograph.c.state == WITHHELD,
        photograph.c.rendition == sa.bindparam("of_rendition"),
        photograph.c.case_key.in_(
            sa.select(feed_case.c.id).where(feed_case.c.feed_id == sa.bindparam("feed_id"))
        ),
    )
    .values(state=WANTED)
)


def want_photographs(
    conn: Connection, feed_id: int, rendition: str, limit: int, skip: int = 0
) -> list[Photograph]:
    """Return renditions of live documents of a feed that are not here yet, the newest documents first.

    Args:
        skip: how many of them were asked for in vain just now.
    """
    asked = {"feed_id": feed_id, "of_rendition": rendition, "most": limit, "skip": skip}
    return [Photograph(*row) for row in conn.execute(_WANT, asked)]


def want_photographs_again(conn: Connection, feed_id: int, rendition: str) -> None:
    """Ask anew for renditions of a feed that their owner did not give."""
    conn.execute(_WANT_AGAIN, {"feed_id": feed_id, "of_rendition": rendition})


def set_photograph_state(conn: Connection, item: Photograph, state: str, reason: str = "") -> int:
    """Say how it stands with a rendition. Returns 0 when its document is gone meanwhile."""
    done = conn.execute(
        photograph.update()
        .where(photograph.c.case_key == item.case_key, photograph.c.sha256 == item.sha256)
        .values(state=state, reason=reason)
    )
    return int(done.rowcount)


def bytes_held(conn: Connection, rendition: str) -> int:
    """Return how many bytes the held foreign renditions of one kind take."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(photograph.c.size), 0))
        .join(feed_case, feed_case.c.id == photograph.c.case_key)
        .join(feed, feed.c.id == feed_case.c.feed_id)
        .where(photograph.c.state == HELD, photograph.c.rendition == rendition, sa.not_(feed.c.own))
    )
    return int(conn.execute(query).scalar_one())


def referenced(conn: Connection, member: str, hashes: Sequence[str]) -> set[str]:
    """Return those photographs of a member that a document still refers to."""
    found: set[str] = set()
    for some in chunks(hashes):
        query = _WITH_OWNER.where(feed.c.member == member, photograph.c.sha256.in_(some))
        found.update(row.sha256 for row in conn.execute(query))
    return found


def add_photographs(conn: Connection, items: Iterable[Photograph]) -> None:
    """Store what photographs documents refer to; one that a document names twice counts once."""
    rows = {
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
        for item in items
    }
    if rows:
        conn.execute(photograph.insert(), list(rows.values()))


def drop_photographs(conn: Connection, keys: Sequence[int]) -> None:
    """Forget what photographs the documents of cases refer to: they are loose from then on."""
    for some in chunks(keys):
        dropped = conn.execute(_FIND_THESE, {"keys": some}).all()
        for member in {row.member for row in dropped}:
            loosen_photographs(conn, member, [row.sha256 for row in dropped if row.member == member])
        if dropped:
            conn.execute(_DROP_THESE, {"keys": some})


def loosen_photographs(conn: Connection, member: str, hashes: Iterable[str]) -> None:
    """Note that something stopped referring to photographs of a member."""
    _loosen(conn, member, hashes, None)


def expect_photographs(conn: Connection, member: str, hashes: Iterable[str], due_at: datetime) -> None:
    """Note photographs whose bytes are about to be written for something that is not there yet, so that they
    are found should it never come.

    Args:
        due_at: from when on they may go. Those that are loose already keep their own time.
    """
    _loosen(conn, member, hashes, due_at)


def _loosen(conn: Connection, member: str, hashes: Iterable[str], due_at: datetime | None) -> None:
    rows = [{"member": member, "sha256": sha256, "due_at": due_at} for sha256 in sorted(set(hashes))]
    if rows:
        upsert(conn, loose_photograph, rows, ("member", "sha256"), keep=("due_at",) if due_at else ())


def loose_photographs(conn: Connection, now: datetime, limit: int) -> list[tuple[str, str]]:
    """Return member and hash of photographs that may have to go by now."""
    c = loose_photograph.c
    due = sa.or_(c.due_at.is_(None), c.due_at <= now)
    rows = conn.execute(sa.select(c.member, c.sha256).where(due).limit(limit))
    return [(row[0], row[1]) for row in rows]


def settle_expected(conn: Connection, member: str, hashes: Iterable[str]) -> None:
    """Forget expected photographs that something refers to now."""
    c = loose_photograph.c
    for some in chunks(sorted(set(hashes))):
        conn.execute(
            loose_photograph.delete().where(c.member == member, c.sha256.in_(some), c.due_at.is_not(None))
        )


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
