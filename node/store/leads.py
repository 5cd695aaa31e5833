"""Leads: what was told about own cases, and what this member told others about theirs, each with its history.

Guarantees: a lead that came as a message is there once; the history of a lead is only ever added to, but for
tasks that are done; erasing what is about a case deletes every lead about it with pictures and history, in
the caller's transaction. What a state means, and who may do what, is `node.services.leads`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from node.errors import NotFound
from node.store.database import Moment, chunks, metadata
from node.store.scrubbing import note_deletion

# Where a lead comes from:
MEMBER = "member"
STAFF = "staff"  # of this member: a telephone call, a visit
PUBLIC = "public"  # somebody who told it on the public site of a member

# How a lead that came stands; of one that was sent, what the owner has said last:
NEW = "new"
POTENTIAL = "potential"
CONFIRMED = "confirmed"
INVALID = "invalid"
REUNITED = "reunited"
REUNITED_ELSEWHERE = "reunited_elsewhere"
DUPLICATE = "duplicate"

DECISIONS = (POTENTIAL, CONFIRMED, INVALID, REUNITED, REUNITED_ELSEWHERE)
"""What a person may decide about a lead, and change again."""

OPEN = (NEW, POTENTIAL, CONFIRMED)
"""States in which something is still to be done."""

# What an entry of a lead's history is:
NOTE, TASK, ASSIGNED, DECIDED, ANSWER, LINKED = "note", "task", "assigned", "decided", "answer", "linked"

lead = sa.Table(
    "lead",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("outgoing", sa.Boolean, nullable=False),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("origin", sa.String, nullable=False),
    sa.Column("member", sa.String, nullable=False, default=""),
    sa.Column("token_id", sa.String),
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.String, nullable=False, default=""),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("assigned_to", sa.String, nullable=False, default=""),
    sa.Column("duplicate_of", sa.Integer),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False, default="{}"),
    sa.Column("unread", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("outgoing", "member", "token_id"),
    sa.Index("ix_lead_state", "outgoing", "state", "id"),
    sa.Index("ix_lead_token_id", "token_id"),
)

sa.Index("ix_lead_unread", lead.c.id, sqlite_where=sa.text("unread"), postgresql_where=sa.text("unread"))

lead_entry = sa.Table(
    "lead_entry",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("lead_id", sa.Integer, sa.ForeignKey("lead.id"), nullable=False, index=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False, default=""),
    sa.Column("about", sa.String, nullable=False, default=""),
    sa.Column("due_at", Moment),
    sa.Column("done_at", Moment),
)

lead_photograph = sa.Table(
    "lead_photograph",
    metadata,
    sa.Column("lead_id", sa.Integer, sa.ForeignKey("lead.id"), primary_key=True),
    sa.Column("entry_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("small", sa.LargeBinary, nullable=False),
    sa.Column("full", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Lead:
    """One lead.

    Attributes:
        outgoing: whether this member told it to a case's owner.
        case_id: an own case when it came, another member's when it was sent.
        kind: the type of the message that carries it, also where none did.
        origin: MEMBER, STAFF or PUBLIC.
        member: the other side, or whose site the public told it on, which may be this member's own; empty
            when there is none.
        token_id: of the message; None when it came otherwise. Of what the public told the receipt number.
        by: the person here who wrote it down or sent it; empty when it came.
        assigned_to: the person who works on it; empty when nobody does.
        duplicate_of: the lead that says the same.
        details: where and when the child was seen and so on; see `node.services.leads.letters`.
        unread: whether an answer to it has come that nobody has looked at.
    """

    id: int
    outgoing: bool
    case_id: str
    kind: str
    origin: str
    member: str
    token_id: str | None
    at: datetime
    by: str
    state: str
    assigned_to: str
    duplicate_of: int | None
    text: str
    details: dict[str, Any]
    unread: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody did with a lead, or is to do.

    Attributes:
        about: who it was assigned to, what was decided or answered, which case or lead it was linked to.
        due_at, done_at: of a task.
    """

    id: int
    lead_id: int
    at: datetime
    by: str
    kind: str
    text: str
    about: str
    due_at: datetime | None
    done_at: datetime | None


def add_lead(
    conn: Connection,
    *,
    outgoing: bool,
    case_id: str,
    kind: str,
    origin: str,
    now: datetime,
    text: str,
    details: dict[str, Any],
    member: str = "",
    token_id: str | None = None,
    by: str = "",
) -> int:
    """Store a lead, and return its number."""
    done = conn.execute(
        lead.insert().values(
            outgoing=outgoing,
            case_id=case_id,
            kind=kind,
            origin=origin,
            member=member,
            token_id=token_id,
            at=now,
            by=by,
            state=NEW,
            text=text,
            details=orjson.dumps(details).decode(),
        )
    )
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def get_lead(conn: Connection, number: int) -> Lead:
    """Return a lead by its number.

    Raises:
        NotFound: there is none.
    """
    row = conn.execute(sa.select(lead).where(lead.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("There is no such lead here.", "List them with `gmcn leads list`.")
    return _lead(row)


def find_lead(conn: Connection, *, outgoing: bool, member: str, token_id: str) -> Lead | None:
    """Return the lead that a message carries."""
    c = lead.c
    query = sa.select(lead).where(c.outgoing == outgoing, c.member == member, c.token_id == token_id)
    row = conn.execute(query).one_or_none()
    return _lead(row) if row else None


def list_leads(
    conn: Connection,
    *,
    outgoing: bool | None = None,
    case_id: str = "",
    states: Collection[str] = (),
    assigned_to: str | None = None,
    token_id: str = "",
    limit: int = 100,
    offset: int = 0,
) -> list[Lead]:
    """Return leads, the newest first.

    Args:
        case_id: about this case only; about any when empty.
        states: only those that stand so; all when empty.
        assigned_to: only this person's; with an empty text those of nobody.
        token_id: only those that this message carried; all when empty.
    """
    wanted = _wanted(outgoing, case_id, states, assigned_to, token_id)
    query = sa.select(lead).where(*wanted).order_by(lead.c.id.desc()).limit(limit).offset(offset)
    return [_lead(row) for row in conn.execute(query)]


def count_leads(
    conn: Connection,
    *,
    outgoing: bool | None = None,
    case_id: str = "",
    states: Collection[str] = (),
    assigned_to: str | None = None,
    token_id: str = "",
) -> int:
    """Count what `list_leads` would return of a list without end."""
    wanted = _wanted(outgoing, case_id, states, assigned_to, token_id)
    return int(conn.execute(sa.select(sa.func.count()).select_from(lead).where(*wanted)).scalar_one())


def _wanted(
    outgoing: bool | None, case_id: str, states: Collection[str], assigned_to: str | None, token_id: str
) -> list[sa.ColumnElement[bool]]:
    c, wanted = lead.c, list[sa.ColumnElement[bool]]()
    if outgoing is not None:
        wanted.append(c.outgoing == outgoing)
    if case_id:
        wanted.append(c.case_id == case_id)
    if states:
        wanted.append(c.state.in_(states))
    if assigned_to is not None:
        wanted.append(c.assigned_to == assigned_to)
    if token_id:
        wanted.append(c.token_id == token_id)
    return wanted


def count_open(conn: Connection) -> int:
    """Count the leads that came and with which something is to be done."""
    return count_leads(conn, outgoing=False, states=OPEN)


def count_unread(conn: Connection) -> int:
    """Count the leads that were sent and to which an answer has come that nobody has looked at."""
    unread = sa.text("unread")  # word for word as its index has it
    return int(conn.execute(sa.select(sa.func.count()).select_from(lead).where(unread)).scalar_one())


def change_lead(conn: Connection, number: int, **values: Any) -> None:
    """Change columns of a lead."""
    conn.execute(lead.update().where(lead.c.id == number).values(**values))


def add_entry(
    conn: Connection,
    number: int,
    kind: str,
    by: str,
    now: datetime,
    text: str = "",
    about: str = "",
    due_at: datetime | None = None,
) -> int:
    """Add to the history of a lead, and return the entry's number."""
    values = {"lead_id": number, "kind": kind, "by": by, "at": now, "text": text, "about": about}
    done = conn.execute(lead_entry.insert().values(**values, due_at=due_at))
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def list_entries(conn: Connection, number: int) -> list[Entry]:
    """Return the history of a lead, the oldest first."""
    query = sa.select(lead_entry).where(lead_entry.c.lead_id == number).order_by(lead_entry.c.id)
    return [Entry(*row) for row in conn.execute(query)]


def open_tasks(conn: Connection, assigned_to: str | None = None, limit: int | None = None) -> list[Entry]:
    """Return the tasks that are not done, the most urgent first, those without a day last.

    Args:
        assigned_to: only those of this person's leads.
        limit: how many at most; all when None.
    """
    c = lead_entry.c
    query = sa.select(lead_entry).where(c.kind == TASK, c.done_at.is_(None))
    if assigned_to is not None:
        query = query.join(lead, lead.c.id == c.lead_id).where(lead.c.assigned_to == assigned_to)
    query = query.order_by(c.due_at.is_(None), c.due_at, c.id).limit(limit)
    return [Entry(*row) for row in conn.execute(query)]


def count_answers(conn: Connection, numbers: Collection[int]) -> dict[int, int]:
    """Count the answers to some leads, by lead; those without one are absent."""
    c = lead_entry.c
    query = (
        sa.select(c.lead_id, sa.func.count())
        .where(c.lead_id.in_(list(numbers)), c.kind == ANSWER)
        .group_by(c.lead_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def finish_task(conn: Connection, number: int, now: datetime) -> Entry:
    """Note that a task is done, and return it; one that was done stays as it is.

    Raises:
        NotFound: there is no such task.
    """
    c = lead_entry.c
    task = sa.and_(c.id == number, c.kind == TASK)
    conn.execute(lead_entry.update().where(task, c.done_at.is_(None)).values(done_at=now))
    row = conn.execute(sa.select(lead_entry).where(task)).one_or_none()
    if row is None:
        raise NotFound("There is no such task.", "See `gmcn leads show` for those of a lead.")
    return Entry(*row)


def keep_photograph(conn: Connection, number: int, small: bytes, full: bytes, entry: int = 0) -> None:
    """Store the picture of a lead, or of an answer to it: two JPEG files, decoded and stripped."""
    values = {"lead_id": number, "entry_id": entry, "small": small, "full": full}
    conn.execute(lead_photograph.insert().values(**values))


def list_photographs(conn: Connection, number: int) -> list[int]:
    """Tell which entries of a lead have a picture; 0 is the lead itself."""
    c = lead_photograph.c
    return list(conn.execute(sa.select(c.entry_id).where(c.lead_id == number).order_by(c.entry_id)).scalars())


def read_photograph(conn: Connection, number: int, entry: int, *, small: bool) -> bytes | None:
    """Return the picture of a lead (entry 0) or of an answer to it; None when it has none."""
    c = lead_photograph.c
    column = c.small if small else c.full
    query = sa.select(column).where(c.lead_id == number, c.entry_id == entry)
    data = conn.execute(query).scalar_one_or_none()
    return bytes(data) if data is not None else None


def cases_told_of(conn: Connection) -> list[str]:
    """Return the other members' cases about which something was told."""
    return list(conn.execute(sa.select(lead.c.case_id).distinct().where(lead.c.outgoing)).scalars())


def erase_about(conn: Connection, cases: Sequence[str]) -> int:
    """Delete every lead about erased cases, sent or received. Returns how many there were."""
    return sum(_erase(conn, lead.c.case_id.in_(some)) for some in chunks(cases))


def sent_naming(conn: Connection, case_id: str) -> list[Lead]:
    """Return the leads that were sent about others' cases and name an own one as perhaps the same child's."""
    named = lead.c.details.contains(f'"own_case":"{case_id}"', autoescape=True)
    return [_lead(row) for row in conn.execute(sa.select(lead).where(lead.c.outgoing, named))]


def erase_leads(conn: Connection, numbers: Sequence[int]) -> None:
    """Delete leads with pictures and history."""
    for some in chunks(numbers):
        _erase(conn, lead.c.id.in_(some))


def move_about(conn: Connection, old: str, new: str) -> None:
    """Let what is about a case, or names it, be about another: an own one that goes on under a new id."""
    conn.execute(lead.update().where(lead.c.case_id == old).values(case_id=new))
    for naming in sent_naming(conn, old):
        details = orjson.dumps({**naming.details, "own_case": new}).decode()
        change_lead(conn, naming.id, details=details)


def _erase(conn: Connection, which: sa.ColumnElement[bool]) -> int:
    numbers = sa.select(lead.c.id).where(which)
    for table in (lead_entry, lead_photograph):
        conn.execute(table.delete().where(table.c.lead_id.in_(numbers)))
    erased = int(conn.execute(lead.delete().where(which)).rowcount)
    if erased:
        note_deletion(conn, erased=True)
    return erased


def _lead(row: sa.Row[Any]) -> Lead:
    values = row._mapping
    return Lead(**{**values, "details": orjson.loads(values["details"])})
