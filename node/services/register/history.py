"""What an own case was before: who changed which fields when, with the values before and after.

Guarantees: whoever looks is in the journal first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.runtime import Node
from node.store.database import writing
from node.store.journal import JournalEntry, write_journal
from node.store.register import cases


@dataclass(frozen=True, slots=True)
class Change:
    """One revision of a case.

    Attributes:
        actor: who made it, as in the journal.
        fields: those that are other than in the revision before, by name: the value before and after, None
            for none. All of them in the first revision.
    """

    revision: int
    at: datetime
    actor: str
    fields: Mapping[str, tuple[Any, Any]]


def history_of(node: Node, case_id: str, actor: str) -> Sequence[Change]:
    """Return every change of a case, the newest first.

    Raises:
        NotFound: it is not in the register.
    """
    with writing(node.engine) as conn:
        cases.get_case(conn, case_id)
        revisions = cases.list_revisions(conn, case_id)
        write_journal(conn, JournalEntry(node.clock(), actor, "case.open", case_id, ["revisions"]))
    before: Mapping[str, Any] = {}
    changes = []
    for revision, at, by, record in revisions:
        names = [name for name in {**before, **record} if before.get(name) != record.get(name)]
        fields = {name: (before.get(name), record.get(name)) for name in names}
        changes.append(Change(revision, at, by, fields))
        before = record
    return changes[::-1]
