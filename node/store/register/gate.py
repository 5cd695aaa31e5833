"""Requests to let a case out of the house: what was asked, answered and decided, and what went out past a
decision and is still to be reviewed.

Guarantees: a request speaks of one revision of a record and of one content, by its digest; who had a part in
it is written down with it; what was decided stays readable when the case is erased, but for the answers and
the digest, which go with it. Who may decide is `node.services.disclosure.gate`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.errors import NotFound
from node.store.database import Moment, chunks, metadata, upsert
from protocol.encoding import format_json, parse_object

OPEN = "open"
APPROVED = "approved"
REFUSED = "refused"
OVERRIDDEN = "overridden"  # published in an emergency, without an approval
TAKEN_BACK = "taken back"
VOID = "void"  # the record, or what would leave of it, is not what was asked for any more

STATES = (OPEN, APPROVED, REFUSED, OVERRIDDEN, TAKEN_BACK, VOID)

_MAX_ANSWERS = 1 << 16

gate_request = sa.Table(
    "gate_request",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("case_file.case_id"), nullable=False, index=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("answers", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("decided_by", sa.String, nullable=False, default=""),
    sa.Column("decided_at", Moment),
    sa.Column("reason", sa.String, nullable=False, default=""),
    sa.Column("version", sa.Integer),
    sa.Column("review_due", Moment),
    sa.Column("reviewed_by", sa.String, nullable=False, default=""),
    sa.Column("reviewed_at", Moment),
    sa.Column("upheld", sa.Boolean),
    sa.Column("review_reason", sa.String, nullable=False, default=""),
)

gate_party = sa.Table(
    "gate_party",
    metadata,
    sa.Column("request", sa.ForeignKey("gate_request.id"), primary_key=True),
    sa.Column("person", sa.String, primary_key=True),
)
"""Who had a part in what a request asks for, and therefore decides nothing about it."""


@dataclass(frozen=True, slots=True)
class GateRequest:
    """One request to publish a case.

    Attributes:
        revision: of the record that it speaks of.
        answers: to the questions of `domain.gate`; empty once the case is erased.
        digest: of what would leave (`domain.changes.digest`); empty once the case is erased.
        state: OPEN, APPROVED, REFUSED, OVERRIDDEN, TAKEN_BACK or VOID.
        reason: of who refused or overrode it.
        version: that was published with it; None while nothing was.
        review_due: by when somebody else looks at an override; None when it is none.
        upheld: what that review came to.
        parties: who had a part in it (`domain.gate.person_of`): wrote what leaves, asked, or published it.
    """

    id: int
    case_id: str
    revision: int
    answers: Mapping[str, Any]
    digest: bytes
    author: str
    asked_at: datetime
    state: str
    decided_by: str
    decided_at: datetime | None
    reason: str
    version: int | None
    review_due: datetime | None
    reviewed_by: str
    reviewed_at: datetime | None
    upheld: bool | None
    review_reason: str
    parties: Collection[str]


def add_request(
    conn: Connection,
    *,
    case_id: str,
    revision: int,
    answers: Mapping[str, Any],
    digest: bytes,
    author: str,
    parties: Collection[str],
    now: datetime,
) -> GateRequest:
    """Store a request."""
    done = conn.execute(
        gate_request.insert().values(
            case_id=case_id,
            revision=revision,
            answers=format_json(dict(answers)),
            digest=digest,
            author=author,
            asked_at=now,
            state=OPEN,
        )
    )
    assert done.inserted_primary_key is not None
    number: int = done.inserted_primary_key[0]
    add_parties(conn, number, parties)
    return get_request(conn, number)


def add_parties(conn: Connection, number: int, people: Collection[str]) -> None:
    """Note who else had a part in a request."""
    rows = [{"request": number, "person": person} for person in sorted(people)]
    upsert(conn, gate_party, rows, ("request", "person"))


def get_request(conn: Connection, number: int) -> GateRequest:
    """Return a request by its number.

    Raises:
        NotFound: there is none.
    """
    found = _select(conn, gate_request.c.id == number)
    if not found:
        raise NotFound("There is no such request.", "List them with `gmcn gate list`.")
    return found[0]


def list_requests(
    conn: Connection,
    states: Sequence[str] = STATES,
    case_id: str | None = None,
    limit: int | None = 100,
    offset: int = 0,
) -> list[GateRequest]:
    """Return requests, the newest first."""
    of_case = sa.true() if case_id is None else gate_request.c.case_id == case_id
    return _select(conn, gate_request.c.state.in_(states), of_case, limit=limit, offset=offset)


def count_requests(conn: Connection, states: Sequence[str]) -> int:
    """Count the requests that stand so."""
    query = sa.select(sa.func.count()).select_from(gate_request).where(gate_request.c.state.in_(states))
    return int(conn.execute(query).scalar_one())


def unreviewed(conn: Connection, limit: int | None = None) -> list[GateRequest]:
    """Return the overrides that nobody has reviewed, the newest first."""
    return _select(conn, *_to_review(""), limit=limit)


def due_reviews(conn: Connection, beside: str, limit: int) -> list[tuple[datetime, int, str]]:
    """Return the overrides that nobody has reviewed, the first due first: until when, number and case.

    Args:
        beside: leave out those in which this person had a part (`domain.gate.person_of`); none when empty.
    """
    return _waiting(conn, gate_request.c.review_due, _to_review(beside), limit)


def due_decisions(conn: Connection, beside: str, limit: int) -> list[tuple[datetime, int, str]]:
    """Return the requests that wait, the first asked first: since when, number and case; `beside` as
    with `due_reviews`."""
    return _waiting(conn, gate_request.c.asked_at, _to_decide(beside), limit)


def count_due(conn: Connection, beside: str) -> tuple[int, int]:
    """Count what `due_reviews` and `due_decisions` would return of lists without end."""
    reviews, decisions = (
        conn.execute(sa.select(sa.func.count()).select_from(gate_request).where(*which)).scalar_one()
        for which in (_to_review(beside), _to_decide(beside))
    )
    return int(reviews), int(decisions)


def _to_review(beside: str) -> list[sa.ColumnElement[bool]]:
    return [gate_request.c.state == OVERRIDDEN, gate_request.c.reviewed_at.is_(None), *_without(beside)]


def _to_decide(beside: str) -> list[sa.ColumnElement[bool]]:
    return [gate_request.c.state == OPEN, *_without(beside)]


def _without(person: str) -> list[sa.ColumnElement[bool]]:
    """Leave out the requests in which somebody had a part."""
    mine = sa.exists().where(gate_party.c.request == gate_request.c.id, gate_party.c.person == person)
    return [~mine] if person else []


def find_approved(conn: Connection, case_id: str) -> GateRequest | None:
    """Return the newest request of a case that a second person has let out, before or after the fact."""
    found = _select(conn, gate_request.c.case_id == case_id, _approved(), limit=1)
    return found[0] if found else None


def find_published(conn: Connection, case_id: str) -> GateRequest | None:
    """Return the newest request by which a case was published, with an approval or without."""
    which = gate_request.c.state.in_((APPROVED, OVERRIDDEN))
    found = _select(conn, gate_request.c.case_id == case_id, which, limit=1)
    return found[0] if found else None


def change_request(conn: Connection, number: int, **values: Any) -> None:
    """Change state, decided_by, decided_at, reason, version, review_due, or what a review came to."""
    conn.execute(gate_request.update().where(gate_request.c.id == number).values(**values))


def void_open(conn: Connection, case_id: str) -> bool:
    """End the request that waits for a decision on a case. Returns whether there was one."""
    waiting = sa.and_(gate_request.c.case_id == case_id, gate_request.c.state == OPEN)
    return bool(conn.execute(gate_request.update().where(waiting).values(state=VOID)).rowcount)


def empty_requests(conn: Connection, case_id: str) -> None:
    """Delete of the requests about a case what they say of the child; that there were some stays."""
    void_open(conn, case_id)
    mine = gate_request.c.case_id == case_id
    conn.execute(gate_request.update().where(mine).values(answers=b"{}", digest=b""))


def move_about(conn: Connection, old: str, new: str) -> None:
    """Let what was asked about a case be about another: the same one, which goes on under a new id."""
    conn.execute(gate_request.update().where(gate_request.c.case_id == old).values(case_id=new))


def _approved() -> sa.ColumnElement[bool]:
    return sa.or_(gate_request.c.state == APPROVED, gate_request.c.upheld.is_(True))


def _waiting(
    conn: Connection, moment: sa.Column[datetime], which: Sequence[sa.ColumnElement[bool]], limit: int
) -> list[tuple[datetime, int, str]]:
    c = gate_request.c
    query = sa.select(moment, c.id, c.case_id).where(*which).order_by(moment, c.id).limit(limit)
    return [(at, number, case_id) for at, number, case_id in conn.execute(query)]


def _select(
    conn: Connection,
    *conditions: sa.ColumnElement[bool],
    limit: int | None = None,
    offset: int = 0,
) -> list[GateRequest]:
    query = sa.select(gate_request).where(*conditions).order_by(gate_request.c.id.desc())
    rows = conn.execute(query.limit(limit).offset(offset)).all()
    parties: dict[int, set[str]] = {row.id: set() for row in rows}
    for some in chunks(list(parties)):
        for number, person in conn.execute(sa.select(gate_party).where(gate_party.c.request.in_(some))):
            parties[number].add(person)
    return [_request(row, parties[row.id]) for row in rows]


def _request(row: sa.Row[Any], parties: Collection[str]) -> GateRequest:
    values = dict(row._mapping)
    values["answers"] = parse_object(values["answers"], "answers", _MAX_ANSWERS)
    return GateRequest(**values, parties=frozenset(parties))
