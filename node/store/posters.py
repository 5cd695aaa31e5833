"""The posters that were made, so that they can be recalled: a poster on a wall outlives its case.

Guarantees: a row names a case by its id and holds nothing of it; it stays when the case is erased.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata

poster = sa.Table(
    "poster",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("style", sa.String, primary_key=True),
    sa.Column("form", sa.String, primary_key=True),
    sa.Column("languages", sa.String, primary_key=True),
    sa.Column("first_at", Moment, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Index("ix_poster_last_at", "last_at"),
)


@dataclass(frozen=True, slots=True)
class PosterRow:
    """A poster of one version of a case.

    Attributes:
        form: size and kind of file, such as "A4.pdf".
        languages: separated by spaces, the first in front.
        first_at, last_at: when it was made.
        times: how often it was made; one file serves everybody for a day.
    """

    case_id: str
    version: int
    style: str
    form: str
    languages: str
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True, slots=True)
class PostersOfCase:
    """What was made of a case.

    Attributes:
        newest: the newest version that a poster was made of.
        kinds: how many different posters there are.
        times: how often one was made.
    """

    case_id: str
    newest: int
    kinds: int
    times: int
    first_at: datetime
    last_at: datetime


def note_poster(
    conn: Connection, case_id: str, version: int, style: str, form: str, languages: str, now: datetime
) -> None:
    """Write down that a poster was made."""
    c = poster.c
    this = sa.and_(
        c.case_id == case_id,
        c.version == version,
        c.style == style,
        c.form == form,
        c.languages == languages,
    )
    again = conn.execute(poster.update().where(this).values(last_at=now, times=c.times + 1))
    if not again.rowcount:
        values = (case_id, version, style, form, languages, now, now, 1)
        names = (column.name for column in poster.columns)
        conn.execute(poster.insert().values(dict(zip(names, values, strict=True))))


def list_posters(conn: Connection, case_id: str) -> list[PosterRow]:
    """Return every poster that was made of a case, the latest first."""
    query = sa.select(poster).where(poster.c.case_id == case_id).order_by(poster.c.last_at.desc())
    return [PosterRow(*row) for row in conn.execute(query)]


def list_cases_with_posters(conn: Connection, limit: int, offset: int = 0) -> list[PostersOfCase]:
    """Return the cases that posters were made of, the latest poster first."""
    c = poster.c
    last = sa.func.max(c.last_at)
    query = (
        sa.select(
            c.case_id,
            sa.func.max(c.version),
            sa.func.count(),
            sa.func.sum(c.times),
            sa.func.min(c.first_at).label("first_at"),
            last.label("last_at"),
        )
        .group_by(c.case_id)
        .order_by(last.desc(), c.case_id)
        .limit(limit)
        .offset(offset)
    )
    return [PostersOfCase(*row) for row in conn.execute(query)]
