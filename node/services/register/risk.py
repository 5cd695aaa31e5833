"""The risk to a child: assessed by a person, with a day on which it is assessed anew.

Guarantees: the assessment that counts is the one in the record, which members' staff see once it is
published; the ones before are the record's revisions, and no second list could say otherwise. Which are due
is `due`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.domain.lifecycle import RISK_REVIEWS
from node.errors import InvalidInput
from node.runtime import Node
from node.services.register import cases as register
from node.store.database import reading
from node.store.register import cases
from node.store.register.cases import CaseFile
from protocol.encoding import format_time


@dataclass(frozen=True, slots=True)
class Assessment:
    """One assessment of a risk.

    Attributes:
        risk: as the record has it: level, factors, when, in what role, when again.
        revision: of the record that brought it.
        who: wrote it, and `at` what time.
    """

    risk: dict[str, Any]
    revision: int
    who: str
    at: datetime


def assess(
    node: Node,
    case_id: str,
    level: str,
    factors: Sequence[str],
    role: str,
    who: str,
    *,
    next_review: datetime | None = None,
    revision: int | None = None,
) -> CaseFile:
    """Assess the risk to a child anew. Peers see it once the case is published again.

    Args:
        role: in which it is assessed, such as "duty_officer"; never a name.
        next_review: when it is to be assessed again; when None, as soon as its level asks for.
        revision: of the record that whoever assesses it has seen; the newest when None.

    Raises:
        NotFound: the case is not in the register.
        Conflict: it was changed meanwhile, is erased, or is on its way to another member.
        InvalidInput: there is no such level, factor or role, or the review is not ahead.
    """
    now = node.now()
    if next_review is not None and next_review <= now:
        raise InvalidInput("The next review must be ahead.", "Choose a later day.")
    due = next_review or now + RISK_REVIEWS.get(level, RISK_REVIEWS["high"])
    risk = {
        "level": level,
        "factors": list(dict.fromkeys(factors)),
        "assessed_at": format_time(now),
        "next_review": format_time(due),
        "assessed_by_role": role,
    }
    return register.change_case(node, case_id, {"risk": risk}, who, node.scratch(), revision)


def list_assessments(node: Node, case_id: str) -> list[Assessment]:
    """Return every assessment of the risk to a child, the newest first.

    Raises:
        NotFound: the case is not in the register.
    """
    with reading(node.engine) as conn:
        cases.get_case(conn, case_id)
        revisions = cases.list_revisions(conn, case_id)
    found: list[Assessment] = []
    for number, at, who, record in revisions:
        risk = record.get("risk")
        if risk is not None and (not found or risk != found[-1].risk):
            found.append(Assessment(risk, number, who, at))
    return found[::-1]
