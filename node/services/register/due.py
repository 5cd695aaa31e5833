"""What is due: everything that a clock or a colleague asks of the people of this node, in one list.

Guarantees: the list is made of what stands in the database, each time anew, so that nothing has to be ticked
off: what was done is not in it any more. It names cases and requests, and nothing of a child.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from node.domain.lifecycle import notices
from node.runtime import Node
from node.store.database import reading
from node.store.published import endings
from node.store.register import cases, clocks, gate

AHEAD = timedelta(days=7)

MOST = 1_000
"""Beyond which nothing is counted or listed: whoever has so much to do sees no further."""

APPROVAL = "approval"
OVERRIDE = "override"
EXPIRY = "expiry"
KINDS = (
    OVERRIDE,
    APPROVAL,
    EXPIRY,
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
        message: in English; pages say it by its kind.
    """

    kind: str
    case_id: str
    due: date
    at: datetime | None
    request: int | None
    message: str


def list_due(
    node: Node,
    ahead: timedelta = AHEAD,
    kinds: Collection[str] = KINDS,
    *,
    decider: str = "",
    limit: int = MOST,
    offset: int = 0,
) -> list[DueItem]:
    """List what is to be done within a time, the longest due first; what is at the gate first on its day.

    Args:
        ahead: how long before its day to name something; what waits for a colleague is always named.
        kinds: only these.
        decider: leave out at the gate what this person (`domain.gate.person_of`) had a part in.
        limit, offset: the part of the list that is wanted.
    """
    last = node.now().date() + ahead
    with reading(node.engine) as conn:
        # Each source gives no more than could be shown, in the order of the list.
        found = [
            *_at_the_gate(conn, kinds, decider, offset + limit),
            *_of_cases(conn, kinds, last, offset + limit),
        ]
        shown = sorted(found, key=_order)[offset : offset + limit]
        return _described(conn, node, shown, ahead)


def count_due(
    node: Node, ahead: timedelta = AHEAD, kinds: Collection[str] = KINDS, *, decider: str = ""
) -> int:
    """Count what `list_due` would list without end; no further than `MOST`."""
    last = node.now().date() + ahead
    with reading(node.engine) as conn:
        reviews, decisions = gate.count_due(conn, decider)
        number = clocks.count_days(conn, _asked(kinds, last), MOST)
        number += reviews if OVERRIDE in kinds else 0
        number += decisions if APPROVAL in kinds else 0
        number += endings.count_endings(conn, last, MOST) if EXPIRY in kinds else 0
    return min(number, MOST)


def _at_the_gate(conn: Connection, kinds: Collection[str], decider: str, most: int) -> Iterator[DueItem]:
    for at, number, case_id in gate.due_reviews(conn, decider, most) if OVERRIDE in kinds else ():
        said = f"Published without an approval: somebody else reviews it by {at:%Y-%m-%d %H:%M}."
        yield DueItem(OVERRIDE, case_id, at.date(), at, number, said)
    for at, number, case_id in gate.due_decisions(conn, decider, most) if APPROVAL in kinds else ():
        said = f"Waits for an approval since {at:%Y-%m-%d %H:%M}."
        yield DueItem(APPROVAL, case_id, at.date(), at, number, said)


def _of_cases(conn: Connection, kinds: Collection[str], last: date, most: int) -> Iterator[DueItem]:
    for day, kind, case_id in clocks.list_days(conn, _asked(kinds, last), most):
        yield DueItem(kind, case_id, day, None, None, "")
    for day, case_id in endings.first_endings(conn, last, most) if EXPIRY in kinds else ():
        yield DueItem(EXPIRY, case_id, day, None, None, "")


def _asked(kinds: Collection[str], last: date) -> clocks.Wanted:
    return clocks.Wanted(kinds, (cases.DRAFT, cases.PUBLISHED), last)


def _order(item: DueItem) -> tuple[Any, ...]:
    if item.request is not None:
        return item.due, 0, KINDS.index(item.kind), item.at, item.request
    return item.due, 1, item.kind, item.case_id


def _described(conn: Connection, node: Node, found: Sequence[DueItem], ahead: timedelta) -> list[DueItem]:
    """Say of cases what their records say."""
    about = cases.get_cases(conn, [item.case_id for item in found if item.request is None])
    said: dict[tuple[str, str], str] = {}
    for item in found:
        if item.case_id in about:
            expires = item.due if item.kind == EXPIRY else None
            for notice in notices(about[item.case_id].record, expires, node.now(), ahead):
                said.setdefault((item.case_id, notice.kind), notice.message)
    return [replace(item, message=item.message or said[item.case_id, item.kind]) for item in found]
