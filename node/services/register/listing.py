"""The register as its people see it: a list with conditions, and what can still be undone."""

from collections.abc import Sequence
from datetime import date

from node.domain.lifecycle import UNDO_WINDOW
from node.errors import InvalidInput
from node.runtime import Node
from node.services.search import finding
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.register import cases, handovers, listing
from node.store.register.cases import CaseFile
from node.store.register.listing import Wanted
from node.store.search.query import Query

MAX_FOUND = 25


def list_register(
    node: Node,
    limit: int,
    offset: int,
    actor: str,
    *,
    status: str | None = None,
    category: str | None = None,
    review_by: date | None = None,
) -> tuple[list[CaseFile], int]:
    """Return a part of the register, the most recently changed first, and how many cases fit in all. It has
    the children's names, so that who reads it is in the journal, with the conditions.

    Args:
        limit, offset: the part that is wanted, in whole pages; beyond the end it is the last one.
        status: all but erased ones when None.

    Raises:
        InvalidInput: there is no such status.
    """
    if status is not None and status not in cases.STATUSES:
        raise InvalidInput("There is no such state of a case.", "Choose one of the list.")
    wanted = Wanted(status, category, review_by)
    given = {"status": status, "category": category, "review_by": review_by}
    entry = JournalEntry(
        node.clock(), actor, "case.list", fields=[name for name, value in given.items() if value is not None]
    )
    with writing(node.engine) as conn:
        total = listing.count_register(conn, wanted)
        last = max(0, total - 1) // limit * limit
        found = listing.list_register(conn, wanted, limit, min(offset, last))
        if found:
            write_journal(conn, entry)
    return found, total


def find_own(node: Node, name: str, text: str, actor: str) -> tuple[Sequence[CaseFile], int]:
    """Find own cases by a name in any script or by words, at most `MAX_FOUND`, and say how many there are.

    Raises:
        InvalidInput: what is looked for is too long.
    """
    query = Query(
        today=node.clock().date(), name=name or None, text=text or None, source="own", limit=MAX_FOUND
    )
    hits, total = finding.find_hits(node, query, actor)
    ids = [hit.case_id for hit in hits]
    with reading(node.engine) as conn:
        found = cases.get_cases(conn, ids)
    return [found[case_id] for case_id in ids if case_id in found], total


def undoable(node: Node, limit: int) -> list[CaseFile]:
    """Return the withdrawn cases whose withdrawal can still be taken back, the most urgent first."""
    with reading(node.engine) as conn:
        found = listing.withdrawn_since(conn, node.clock() - UNDO_WINDOW, limit)
        return [case for case in found if handovers.giving_of(conn, case.case_id, handovers.GIVEN) is None]
