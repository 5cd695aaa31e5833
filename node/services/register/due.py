"""What is due: everything that a clock or a colleague asks of the people of this node, in one list.

Guarantees: the list is made of what stands in the database, each time anew, so that nothing has to be ticked
off: what was done is not in it any more. It names cases and requests, and nothing of a child.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from node.domain.lifecycle import notices
from node.runtime import Node
from node.store import cases, endings, feeds, gate
from node.store.database import chunks, reading

AHEAD = timedelta(days=7)

APPROVAL = "approval"
OVERRIDE = "override"
KINDS = (
    OVERRIDE,
    APPROVAL,
    "expiry",
    "adulthood",
    "risk",
    "long_term",
    "review",
    "photo",
    "photo_age",
    "purge",
)
"""OVERRIDE: a publication without an approval is to be reviewed. APPROVAL: somebody asks for one. The others
are those of `domain.lifecycle.Notice`."""


@dataclass(frozen=True, slots=True)
class DueItem:
    """One thing to do.

    Attributes:
        kind: one of KINDS.
        due: the day, in UTC; it may have passed.
        at: the moment, where it is not the whole day.
        request: number of the request at the gate that it is about; None where it is about none.
        parties: who had a part in that request (`domain.gate.person_of`), and therefore does not decide.
        message: in English; pages say it by its kind.
    """

    kind: str
    case_id: str
    due: date
    at: datetime | None
    request: int | None
    message: str
    parties: Collection[str] = ()


def list_due(node: Node, ahead: timedelta = AHEAD, kinds: Collection[str] = KINDS) -> list[DueItem]:
    """List what is to be done within a time, the longest due first.

    Args:
        ahead: how long before its day to name something; what waits for a colleague is always named.
        kinds: only these.
    """
    with reading(node.engine) as conn:
        found = [*_at_the_gate(conn), *_of_cases(conn, node, ahead)]
    wanted = [item for item in found if item.kind in kinds]
    return sorted(wanted, key=lambda item: (item.due, KINDS.index(item.kind), item.case_id))


def _at_the_gate(conn: Connection) -> Iterator[DueItem]:
    for item in gate.unreviewed(conn):
        assert item.review_due is not None, "what went out past the gate is to be reviewed"
        yield DueItem(
            OVERRIDE,
            item.case_id,
            item.review_due.date(),
            item.review_due,
            item.id,
            f"Published without an approval: somebody else reviews it by {item.review_due:%Y-%m-%d %H:%M}.",
            item.parties,
        )
    for item in gate.list_requests(conn, [gate.OPEN], limit=None):
        since = f"{item.asked_at:%Y-%m-%d %H:%M}"
        yield DueItem(
            APPROVAL,
            item.case_id,
            item.asked_at.date(),
            item.asked_at,
            item.id,
            f"Waits for an approval since {since}.",
            item.parties,
        )


def _of_cases(conn: Connection, node: Node, ahead: timedelta) -> Iterator[DueItem]:
    now = node.now()
    last = now.date() + ahead
    expires: dict[str, date] = {}
    for row in feeds.own_feeds(conn):
        for day, case_id in endings.ending_cases(conn, row.id, last):
            expires[case_id] = min(day, expires.get(case_id, day))
    found = {case.case_id: case for case in cases.due_cases(conn, [cases.DRAFT, cases.PUBLISHED], last)}
    for some in chunks([case_id for case_id in expires if case_id not in found]):
        found |= cases.get_cases(conn, some)
    for case_id, case in found.items():
        for notice in notices(case.record, expires.get(case_id), now, ahead):
            yield DueItem(notice.kind, case_id, notice.due, None, None, notice.message)
