"""Sealed messages, sent and received: the outbox, the inbox, and which ids were seen.

Guarantees: a message is there once, by its sender and id, also after its content is gone; what was said stays
sealed, as it was sent; settling a message deletes its content in the same statement. Who may send how much,
and what a message does, is decided elsewhere.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.errors import NotFound
from node.store.database import Moment, chunks, metadata
from node.store.scrubbing import note_deletion

# Of messages that were sent:
WAITING = "waiting"  # for the receiver's word; tried again until then
TAKEN = "taken"
REFUSED = "refused"  # for good, by the receiver; a person may have it tried again
# Of messages that came:
NEW = "new"  # nobody has dealt with it
CLOSED = "closed"
ACCEPTED = "accepted"
DECLINED = "declined"
# Of both:
CANCELLED = "cancelled"  # by its sender
LAPSED = "lapsed"  # its life was over first
ERASED = "erased"  # the case that it was about was erased

OPEN = (WAITING, REFUSED, NEW)
"""States in which the content is kept."""

message = sa.Table(
    "message",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("outgoing", sa.Boolean, nullable=False),
    sa.Column("member", sa.String, nullable=False),
    sa.Column("token_id", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("case_id", sa.String, nullable=False),
    sa.Column("re", sa.String, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False, default=""),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("next_at", Moment),
    sa.Column("settled_at", Moment),
    sa.Column("acknowledgement", sa.Text, nullable=False, default=""),
    sa.UniqueConstraint("outgoing", "member", "token_id"),
    sa.Index("ix_message_state", "outgoing", "state", "member", "id"),
    sa.Index("ix_message_case_id", "case_id"),
)

_SUMMARY = [column for column in message.c if column.name != "sealed"]


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message, without its content.

    Attributes:
        id: its number in this node; messages of one receiver are sent in this order.
        member: the other side.
        digest, size: of the sealed bytes.
        case_id, re: what it is about and what it belongs to; empty when nothing.
        at: when it was written, or came first.
        reason: in plain words, why it stands as it does.
        tries: how often it was sent in vain.
        next_at: when it is sent again.
        settled_at: since when there is nothing more to do, and no content.
        acknowledgement: the receiver's signed word.
    """

    id: int
    outgoing: bool
    member: str
    token_id: str
    kind: str
    digest: bytes
    size: int
    case_id: str
    re: str
    at: datetime
    expires_at: datetime
    state: str
    reason: str
    tries: int
    next_at: datetime | None
    settled_at: datetime | None
    acknowledgement: str


def add_message(
    conn: Connection,
    *,
    outgoing: bool,
    member: str,
    token_id: str,
    kind: str,
    sealed: bytes,
    case_id: str,
    re: str,
    now: datetime,
    expires_at: datetime,
) -> int:
    """Store a message, to be sent or dealt with, and return its number."""
    done = conn.execute(
        message.insert().values(
            outgoing=outgoing,
            member=member,
            token_id=token_id,
            kind=kind,
            digest=hashlib.sha256(sealed).digest(),
            sealed=sealed,
            size=len(sealed),
            case_id=case_id,
            re=re,
            at=now,
            expires_at=expires_at,
            state=WAITING if outgoing else NEW,
            next_at=now if outgoing else None,
        )
    )
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def find_message(conn: Connection, *, outgoing: bool, member: str, token_id: str) -> MessageRow | None:
    """Return a message by its other side and id, whether its content is still here or not."""
    c = message.c
    query = sa.select(*_SUMMARY).where(c.outgoing == outgoing, c.member == member, c.token_id == token_id)
    row = conn.execute(query).one_or_none()
    return MessageRow(*row) if row else None


def find_sent(conn: Connection, token_id: str) -> MessageRow | None:
    """Return the newest message that was sent under an id, to whomever."""
    c = message.c
    query = sa.select(*_SUMMARY).where(c.outgoing, c.token_id == token_id).order_by(c.id.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return MessageRow(*row) if row else None


def get_message(conn: Connection, number: int) -> MessageRow:
    """Return a message by its number.

    Raises:
        NotFound: there is none.
    """
    row = conn.execute(sa.select(*_SUMMARY).where(message.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("There is no such message here.", "List them with `gmcn messages list`.")
    return MessageRow(*row)


def list_messages(
    conn: Connection,
    *,
    outgoing: bool | None = None,
    states: Collection[str] = (),
    hidden: Collection[str] = (),
    limit: int = 100,
) -> list[MessageRow]:
    """Return messages, the newest first.

    Args:
        states: only those that stand so; all when empty.
        hidden: kinds that are left out.
    """
    query = sa.select(*_SUMMARY).order_by(message.c.id.desc()).limit(limit)
    if outgoing is not None:
        query = query.where(message.c.outgoing == outgoing)
    if states:
        query = query.where(message.c.state.in_(states))
    if hidden:
        query = query.where(message.c.kind.not_in(hidden))
    return [MessageRow(*row) for row in conn.execute(query)]


def list_new(conn: Connection, kind: str, limit: int) -> list[MessageRow]:
    """Return the messages of a kind that came and that nobody has dealt with, the first to end first."""
    query = sa.select(*_SUMMARY).where(*_new(kind)).order_by(message.c.expires_at, message.c.id)
    return [MessageRow(*row) for row in conn.execute(query.limit(limit))]


def count_new(conn: Connection, kind: str) -> int:
    """Count what `list_new` would return of a list without end."""
    query = sa.select(sa.func.count()).select_from(message).where(*_new(kind))
    return int(conn.execute(query).scalar_one())


def _new(kind: str) -> tuple[sa.ColumnElement[bool], ...]:
    return sa.not_(message.c.outgoing), message.c.state == NEW, message.c.kind == kind


def belonging_to(conn: Connection, *, outgoing: bool, member: str, re: str) -> list[MessageRow]:
    """Return the messages of one side that belong to another message, in the order in which they came."""
    c = message.c
    query = sa.select(*_SUMMARY).where(c.outgoing == outgoing, c.member == member, c.re == re)
    return [MessageRow(*row) for row in conn.execute(query.order_by(c.id))]


def unattended(conn: Connection, kinds: Collection[str]) -> list[MessageRow]:
    """Return messages of some kinds that came and that nobody has looked at, the oldest first."""
    c = message.c
    query = sa.select(*_SUMMARY).where(sa.not_(c.outgoing), c.state == NEW, c.kind.in_(kinds), c.reason == "")
    return [MessageRow(*row) for row in conn.execute(query.order_by(c.id))]


def remark(conn: Connection, number: int, reason: str) -> None:
    """Say why a message waits for a person."""
    conn.execute(message.update().where(message.c.id == number).values(reason=reason))


def sealed_content(conn: Connection, number: int) -> bytes | None:
    """Return what a message says, sealed; None when it is gone."""
    return conn.execute(sa.select(message.c.sealed).where(message.c.id == number)).scalar_one_or_none()


def due_members(conn: Connection, now: datetime) -> list[str]:
    """Return the members to whom something is to be sent now: the oldest message for each decides."""
    c = message.c
    oldest = sa.select(sa.func.min(c.id)).where(c.outgoing, c.state == WAITING).group_by(c.member)
    query = sa.select(c.member).where(c.id.in_(oldest), c.next_at <= now).order_by(c.next_at)
    return list(conn.execute(query).scalars())


def next_to_send(conn: Connection, member: str) -> MessageRow | None:
    """Return the oldest message that waits for a member's word."""
    c = message.c
    query = sa.select(*_SUMMARY).where(c.outgoing, c.state == WAITING, c.member == member)
    row = conn.execute(query.order_by(c.id).limit(1)).one_or_none()
    return MessageRow(*row) if row else None


def postpone(conn: Connection, number: int, next_at: datetime, reason: str) -> None:
    """Note that sending a message has failed, and when it is tried again."""
    _change_waiting(conn, number, tries=message.c.tries + 1, next_at=next_at, reason=reason)


def refuse(conn: Connection, number: int, reason: str) -> None:
    """Note that a message was refused for good; its content stays for a person to decide."""
    _change_waiting(conn, number, state=REFUSED, next_at=None, reason=reason)


def keep_acknowledgement(conn: Connection, number: int, token: str, now: datetime) -> None:
    """Note that the receiver has a message; its content goes."""
    note_deletion(conn)
    _change_waiting(
        conn, number, state=TAKEN, sealed=None, next_at=None, reason="", settled_at=now, acknowledgement=token
    )


def send_again(conn: Connection, member: str, now: datetime, number: int | None = None) -> int:
    """Make what waits for a member, or one refused message, due now. Returns how many there were."""
    c = message.c
    wanted = sa.and_(c.outgoing, c.member == member, c.state == WAITING)
    if number is not None:
        wanted = sa.and_(c.id == number, c.outgoing, c.state.in_((WAITING, REFUSED)))
    done = conn.execute(message.update().where(wanted).values(state=WAITING, next_at=now))
    return int(done.rowcount)


def settle(conn: Connection, numbers: Sequence[int], state: str, now: datetime, reason: str = "") -> int:
    """End messages that are open, and delete their content. Returns how many were."""
    settled = 0
    for some in chunks(numbers):
        open_ones = sa.and_(message.c.id.in_(some), message.c.state.in_(OPEN))
        settled += _end(conn, open_ones, state, now, reason)
    return settled


def cases_told_of(conn: Connection) -> list[str]:
    """Return the cases about which messages still say something."""
    c = message.c
    query = sa.select(c.case_id).distinct().where(c.state.in_(OPEN), c.case_id != "", c.sealed.is_not(None))
    return list(conn.execute(query).scalars())


def erase_about(conn: Connection, cases: Sequence[str], now: datetime) -> int:
    """Delete what messages say about erased cases, sent and received. Returns how many said something."""
    erased = 0
    for some in chunks(cases):
        about = sa.and_(message.c.case_id.in_(some), message.c.sealed.is_not(None))
        erased += _end(conn, about, ERASED, now)
    return erased


def move_about(conn: Connection, old: str, new: str) -> None:
    """Let what is about a case be about another: an own one that goes on under a new id."""
    conn.execute(message.update().where(message.c.case_id == old).values(case_id=new))


def lapse(conn: Connection, now: datetime) -> int:
    """End what is open and has outlived itself. Returns how many."""
    return _end(conn, sa.and_(message.c.expires_at <= now, message.c.state.in_(OPEN)), LAPSED, now)


def forget(conn: Connection, before: datetime) -> None:
    """Forget messages whose life ended before a moment, so long ago that they cannot come again."""
    c = message.c
    conn.execute(message.delete().where(c.expires_at < before, c.state.not_in(OPEN)))


def find_damaged(conn: Connection) -> list[MessageRow]:
    """Return the messages whose sealed bytes are not those that were written or came."""
    numbers = conn.execute(sa.select(message.c.id).where(message.c.state.in_(OPEN))).scalars().all()
    damaged = []
    for number in numbers:  # one at a time: together they may be larger than the memory
        row = get_message(conn, number)
        if hashlib.sha256(sealed_content(conn, number) or b"").digest() != row.digest:
            damaged.append(row)
    return damaged


def open_of(conn: Connection, member: str) -> tuple[int, int]:
    """Return how many messages of one sender nobody has dealt with, and how many sealed bytes they have."""
    c = message.c
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(c.size), 0)).where(
        sa.not_(c.outgoing), c.state == NEW, c.member == member
    )
    count, size = conn.execute(query).one()
    return int(count), int(size)


def count_open(conn: Connection, hidden: Collection[str]) -> dict[str, int]:
    """Count by state the messages with which something is to be done, but for hidden kinds."""
    query = (
        sa.select(message.c.state, sa.func.count())
        .where(message.c.state.in_(OPEN), message.c.kind.not_in(hidden))
        .group_by(message.c.state)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def _change_waiting(conn: Connection, number: int, **values: Any) -> None:
    """Change a message that still waits: it may have been taken, cancelled or erased meanwhile."""
    conn.execute(message.update().where(message.c.id == number, message.c.state == WAITING).values(**values))


def _end(conn: Connection, which: sa.ColumnElement[bool], state: str, now: datetime, reason: str = "") -> int:
    values = {"state": state, "sealed": None, "next_at": None, "settled_at": now, "reason": reason}
    ended = int(conn.execute(message.update().where(which).values(**values)).rowcount)
    if ended:
        note_deletion(conn, erased=state == ERASED)
    return ended
