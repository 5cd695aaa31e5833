"""The owner's register: the private records of its own cases, every revision of them, and whom a case is kept
from.

Guarantees: a change is stored with the revision that it was made from (compare-and-swap), and the revision
before it stays until the case is erased; a change ends the request to publish what was there before. Records
are JSON texts of the form `schemas/case.v1.json`; what of them leaves the house is decided elsewhere.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.domain.lifecycle import due_days
from node.errors import Conflict, NotFound
from node.store.database import Moment, chunks, metadata, upsert
from node.store.register import clocks, gate
from node.store.scrubbing import note_deletion
from protocol.encoding import format_json, parse_object

DRAFT = "draft"
PUBLISHED = "published"
WITHDRAWN = "withdrawn"
ERASED = "erased"
STATUSES = (DRAFT, PUBLISHED, WITHDRAWN, ERASED)

MAX_RECORD_BYTES = 1 << 20

case_file = sa.Table(
    "case_file",
    metadata,
    sa.Column("case_id", sa.String, primary_key=True),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("withdrawn_at", Moment),
    sa.Column("disclosed", sa.LargeBinary),
    sa.Column("category", sa.String),
    sa.Column("review_due", sa.String(10)),
    sa.Column("reference", sa.String, index=True),
    # Hold what the register is narrowed by, so that a page of it is found and counted without looking at
    # records: of one status, and of all.
    sa.Index("ix_case_file_status", "status", "updated_at", "case_id", "category", "review_due"),
    sa.Index("ix_case_file_register", "updated_at", "case_id", "status", "category", "review_due"),
)

case_revision = sa.Table(
    "case_revision",
    metadata,
    sa.Column("case_id", sa.ForeignKey("case_file.case_id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
)

case_exclusion = sa.Table(
    "case_exclusion",
    metadata,
    sa.Column("case_id", sa.ForeignKey("case_file.case_id"), primary_key=True),
    sa.Column("member", sa.String, primary_key=True),
)

case_photograph = sa.Table(
    "case_photograph",
    metadata,
    sa.Column("case_id", sa.ForeignKey("case_file.case_id"), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True, index=True),
)
"""Renditions that any revision of a case names; their bytes stay until the case is emptied."""

# Built once: they are part of almost all that is done with a case.
_ADD_CASE = case_file.insert()
_FIND_CASE = sa.select(case_file).where(case_file.c.case_id == sa.bindparam("case_id"))
_SET_CASE = case_file.update().where(case_file.c.case_id == sa.bindparam("of_case"))
_CHANGE_CASE = _SET_CASE.where(case_file.c.revision == sa.bindparam("of_revision"))
_ADD_REVISION = case_revision.insert()
_EXCLUDED = sa.select(case_exclusion.c.member).where(case_exclusion.c.case_id == sa.bindparam("case_id"))


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One own case.

    Attributes:
        status: DRAFT, PUBLISHED, WITHDRAWN (out of the network, kept here while it can be undone) or ERASED
            (an empty shell).
        revision: rises by one with each change, from 1.
        record: the private record.
        disclosed: digest of what left the house last (`domain.changes.digest`); None when nothing has, or
            when it is not known here, as after a restore.
    """

    case_id: str
    status: str
    revision: int
    record: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    withdrawn_at: datetime | None
    disclosed: bytes | None


def add_case(conn: Connection, case_id: str, record: dict[str, Any], actor: str, now: datetime) -> CaseFile:
    """Store a new case as a draft."""
    row = {
        "case_id": case_id,
        "status": DRAFT,
        "revision": 1,
        "record": format_json(record),
        "created_at": now,
        "updated_at": now,
        **_copied(record),
    }
    conn.execute(_ADD_CASE, row)
    clocks.set_clocks(conn, case_id, due_days(record))
    _keep_revision(conn, case_id, 1, record, actor, now)
    return get_case(conn, case_id)


def move_case(conn: Connection, old: str, new: str, now: datetime) -> CaseFile:
    """Let a case go on under a new id, as a draft: with every revision of its record and who made it, its
    photographs, whom it is kept from, and what was asked for it. The old id is left without them, for
    `empty_case`."""
    case = get_case(conn, old)
    add_case(conn, new, case.record, "", now)
    # The first revision of a new case makes room for all that it had.
    conn.execute(case_revision.delete().where(case_revision.c.case_id == new))
    conn.execute(_SET_CASE, {"of_case": new, "revision": case.revision})
    for table in (case_revision, case_photograph, case_exclusion):
        conn.execute(table.update().where(table.c.case_id == old).values(case_id=new))
    gate.move_about(conn, old, new)
    return get_case(conn, new)


def change_case(
    conn: Connection, case_id: str, revision: int, record: dict[str, Any], actor: str, now: datetime
) -> CaseFile:
    """Store a changed record as the next revision.

    Args:
        revision: the one that the change was made from.

    Raises:
        Conflict: somebody else has changed the case meanwhile.
    """
    values = {
        "revision": revision + 1,
        "record": format_json(record),
        "updated_at": now,
        **_copied(record),
    }
    done = conn.execute(_CHANGE_CASE, {"of_case": case_id, "of_revision": revision, **values})
    if done.rowcount != 1:
        raise Conflict(
            "The case was changed by somebody else meanwhile.", "Read it again and repeat the change."
        )
    clocks.set_clocks(conn, case_id, due_days(record))
    _keep_revision(conn, case_id, revision + 1, record, actor, now)
    gate.void_open(conn, case_id)
    return get_case(conn, case_id)


def get_case(conn: Connection, case_id: str) -> CaseFile:
    """Return one case.

    Raises:
        NotFound: it is not in the register.
    """
    row = conn.execute(_FIND_CASE, {"case_id": case_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such case in this register.", "List the cases with `gmcn case list`.")
    return _case(row)


def reference_key(record: Mapping[str, Any]) -> str | None:
    """Return what tells whether two records have the same file number: its letters and digits."""
    return "".join(str(record.get("reference", "")).casefold().split()) or None


def get_cases(conn: Connection, case_ids: Collection[str]) -> dict[str, CaseFile]:
    """Return those of some cases that are in the register."""
    found: dict[str, CaseFile] = {}
    for some in chunks(list(case_ids)):
        rows = conn.execute(sa.select(case_file).where(case_file.c.case_id.in_(some)))
        found.update((row.case_id, _case(row)) for row in rows)
    return found


def list_cases(
    conn: Connection, status: str | None = None, limit: int = 100, offset: int = 0
) -> list[CaseFile]:
    """Return cases, the most recently changed first."""
    query = sa.select(case_file).order_by(case_file.c.updated_at.desc(), case_file.c.case_id)
    if status is not None:
        query = query.where(case_file.c.status == status)
    return [_case(row) for row in conn.execute(query.limit(limit).offset(offset))]


def count_cases(conn: Connection) -> dict[str, int]:
    """Count the cases by status."""
    query = sa.select(case_file.c.status, sa.func.count()).group_by(case_file.c.status)
    return {row[0]: row[1] for row in conn.execute(query)}


def set_status(conn: Connection, case_id: str, status: str, now: datetime) -> None:
    """Set where a case stands in its life; withdrawing starts the time in which it can be undone."""
    withdrawn_at = now if status == WITHDRAWN else None
    values = {"status": status, "updated_at": now, "withdrawn_at": withdrawn_at}
    conn.execute(_SET_CASE, {"of_case": case_id, **values})


def set_published(conn: Connection, case_id: str, disclosed: bytes, now: datetime) -> None:
    """Write down that a case left the house, with the digest of what did."""
    set_status(conn, case_id, PUBLISHED, now)
    conn.execute(_SET_CASE, {"of_case": case_id, "disclosed": disclosed})


def keep_photographs(conn: Connection, case_id: str, hashes: Iterable[str]) -> None:
    """Note which renditions a record names, beside those that earlier revisions named."""
    rows = [{"case_id": case_id, "sha256": sha256} for sha256 in sorted(set(hashes))]
    if rows:
        upsert(conn, case_photograph, rows, ("case_id", "sha256"))


def photographs_kept(conn: Connection, hashes: Iterable[str]) -> set[str]:
    """Return those of the renditions that a case of the register names."""
    query = sa.select(case_photograph.c.sha256).where(case_photograph.c.sha256.in_(list(hashes)))
    return set(conn.execute(query).scalars())


def empty_case(conn: Connection, case_id: str, now: datetime) -> list[str]:
    """Erase the content of a case: its record and every revision. The bare id stays, so that it never
    returns.

    Returns:
        The renditions that it named.
    """
    mine = case_photograph.c.case_id == case_id
    hashes = list(conn.execute(sa.select(case_photograph.c.sha256).where(mine)).scalars())
    conn.execute(case_photograph.delete().where(mine))
    conn.execute(case_revision.delete().where(case_revision.c.case_id == case_id))
    conn.execute(case_exclusion.delete().where(case_exclusion.c.case_id == case_id))
    gate.empty_requests(conn, case_id)
    clocks.set_clocks(conn, case_id, ())
    note_deletion(conn, erased=True)
    values = {"status": ERASED, "record": b"{}", "updated_at": now, "withdrawn_at": None, "disclosed": None}
    conn.execute(_SET_CASE, {"of_case": case_id, **values, **_copied({})})
    return hashes


def exclude_members(conn: Connection, case_id: str, members: Iterable[str]) -> None:
    """Set the members that a case is kept from, in the place of those set before. It ends the request to
    publish the case, which named others."""
    gate.void_open(conn, case_id)
    conn.execute(case_exclusion.delete().where(case_exclusion.c.case_id == case_id))
    rows = [{"case_id": case_id, "member": member} for member in dict.fromkeys(members)]
    if rows:
        conn.execute(case_exclusion.insert(), rows)


def excluded_cases(conn: Connection, member: str, cases: Iterable[str]) -> set[str]:
    """Return those of the cases that are kept from a member."""
    query = sa.select(case_exclusion.c.case_id).where(
        case_exclusion.c.member == member, case_exclusion.c.case_id.in_(list(cases))
    )
    return set(conn.execute(query).scalars())


def kept_from_some(conn: Connection, cases: Iterable[str]) -> set[str]:
    """Return those of the cases that are kept from any member."""
    query = sa.select(case_exclusion.c.case_id).where(case_exclusion.c.case_id.in_(list(cases)))
    return set(conn.execute(query).scalars())


def excluded_members(conn: Connection, case_id: str) -> list[str]:
    """Return the members that a case is kept from."""
    return sorted(conn.execute(_EXCLUDED, {"case_id": case_id}).scalars())


def list_revisions(conn: Connection, case_id: str) -> list[tuple[int, datetime, str, dict[str, Any]]]:
    """Return every revision of a case, the oldest first: number, time, who, record."""
    query = (
        sa.select(case_revision).where(case_revision.c.case_id == case_id).order_by(case_revision.c.revision)
    )
    return [
        (row.revision, row.at, row.actor, parse_object(row.record, "record", MAX_RECORD_BYTES))
        for row in conn.execute(query)
    ]


def authors_since(conn: Connection, case_id: str, revision: int) -> set[str]:
    """Return who has made the revisions of a case after one."""
    c = case_revision.c
    later = sa.select(c.actor).where(c.case_id == case_id, c.revision > revision)
    return set(conn.execute(later).scalars())


def find_revision(conn: Connection, case_id: str, revision: int) -> dict[str, Any] | None:
    """Return the record of one revision of a case, if there is one."""
    mine = sa.and_(case_revision.c.case_id == case_id, case_revision.c.revision == revision)
    data = conn.execute(sa.select(case_revision.c.record).where(mine)).scalar_one_or_none()
    return None if data is None else parse_object(data, "record", MAX_RECORD_BYTES)


def _keep_revision(
    conn: Connection, case_id: str, revision: int, record: dict[str, Any], actor: str, now: datetime
) -> None:
    row = {"case_id": case_id, "revision": revision, "record": format_json(record), "at": now, "actor": actor}
    conn.execute(_ADD_REVISION, row)


def _case(row: sa.Row[Any]) -> CaseFile:
    values = {name: value for name, value in row._mapping.items() if name not in _COPIED}
    values["record"] = parse_object(values["record"], "record", MAX_RECORD_BYTES)
    return CaseFile(**values)


def _copied(record: dict[str, Any]) -> dict[str, Any]:
    """Return what of a record stands in columns, too; a moment counts as its day."""
    return {
        "category": record.get("category"),
        "review_due": record.get("review_due", "")[:10] or None,
        "reference": reference_key(record),
    }


_COPIED = tuple(_copied({}))
