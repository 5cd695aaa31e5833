"""Cases and changes of cases that somebody has begun to type and not finished.

Guarantees: what is typed is kept as it was typed, right or wrong, encrypted and for its author alone, until
it is finished, thrown away, or was not touched for 30 days; a change is laid over what others have changed
meanwhile field by field, and never over a field that they changed too unless its author chose so.
"""

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt
from node.services.people.sessions import actor_of
from node.services.register import cases as register
from node.services.register.cases import CaseSource
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.register import cases, drafts
from node.store.register.cases import CaseFile
from node.store.register.drafts import DraftRow
from node.store.staff.people import Person
from schemas import Problem, SchemaError

LIFE = timedelta(days=30)
"""How long something unfinished waits for its author."""

MAX_BYTES = 1 << 20
MAX_DRAFTS = 50
MAX_ALL_BYTES = 4 << 20
"""The most that one person has begun at a time: a list of it opens all of it."""

_USE = "case-draft"

Typed = dict[str, Any]
"""What was typed: texts, in lists and by name; what they mean is known to whoever shows the form."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Something that its author has begun.

    Attributes:
        case_id: the case that it changes; empty for a new one.
        revision: of that case, which the change was made from; 0 for a new one.
    """

    id: str
    case_id: str
    revision: int
    typed: Typed
    updated_at: datetime

    @property
    def ends_at(self) -> datetime:
        """When it is forgotten unless it is touched."""
        return self.updated_at + LIFE


@dataclass(frozen=True, slots=True)
class Merge:
    """A change beside what has become of the case meanwhile.

    Attributes:
        case: as it stands now; None for a new one.
        base: the record that the change was made from.
        changes: whole fields that the author changed, by name; None takes one out.
        theirs: fields that somebody else changed since.
    """

    case: CaseFile | None
    base: Mapping[str, Any]
    changes: Mapping[str, Any]
    theirs: Collection[str]

    @property
    def disputed(self) -> list[str]:
        """The fields that both changed, and not to the same value."""
        now = self.case.record if self.case else {}
        return sorted(
            name for name in self.theirs if name in self.changes and self.changes[name] != now.get(name)
        )


def begin_case(node: Node, person: Person, typed: Typed) -> Draft:
    """Begin a new case.

    Raises:
        Conflict: its author has begun too many.
    """
    return _begin(node, person, "", 0, typed)


def begin_change(node: Node, person: Person, case: CaseFile, typed: Typed) -> Draft:
    """Begin to change a case, or go on with the change that the same person has begun already. Whoever does
    reads the record, which is in the journal first.

    Raises:
        Conflict: the case is erased, or its author has begun too many.
    """
    entry = JournalEntry(node.clock(), actor_of(person), "case.open", case.case_id, sorted(case.record))
    with writing(node.engine) as conn:
        write_journal(conn, entry)
        row = drafts.find_draft_of(conn, person.id, case.case_id)
    return _open(node, row) if row else _begin(node, person, case.case_id, case.revision, typed)


def find_draft(node: Node, person: Person, draft_id: str) -> Draft:
    """Return what somebody has begun.

    Raises:
        NotFound: there is nothing of theirs under this id.
    """
    with reading(node.engine) as conn:
        return _found(node, drafts.find_draft(conn, person.id, draft_id))


def list_drafts(node: Node, person: Person, limit: int = MAX_DRAFTS) -> list[Draft]:
    """Return what somebody has begun, the last touched first."""
    with reading(node.engine) as conn:
        rows = drafts.list_drafts(conn, person.id, limit)
    return [_open(node, row) for row in rows]


def keep_draft(node: Node, person: Person, draft_id: str, change: Callable[[Typed], Typed]) -> Draft:
    """Change what is typed.

    Args:
        change: given what is there now, which another request of the same author may have changed since a
            page was shown; returns what is to be there.

    Raises:
        NotFound: it was finished or thrown away meanwhile.
        InvalidInput: it is too much.
        Conflict: with what else its author has begun it is too much.
    """
    now = node.clock()
    with writing(node.engine) as conn:
        found = _found(node, drafts.find_draft(conn, person.id, draft_id))
        typed = change(found.typed)
        sealed = _seal(node, person.id, draft_id, typed)
        _check_room(conn, person, draft_id, len(sealed))
        drafts.change_draft(conn, draft_id, sealed, now)
    return replace(found, typed=typed, updated_at=now)


def drop_draft(node: Node, draft: Draft) -> None:
    """Throw something unfinished away."""
    with writing(node.engine) as conn:
        drafts.drop_draft(conn, draft.id)


def forget_old(node: Node) -> None:
    """Forget what nobody has come back to in its time."""
    with writing(node.engine) as conn:
        drafts.drop_old_drafts(conn, node.clock() - LIFE)


def base_of(node: Node, draft: Draft) -> Mapping[str, Any]:
    """Return the record that a change was made from; an empty one for a new case."""
    with reading(node.engine) as conn:
        return cases.find_revision(conn, draft.case_id, draft.revision) or {}


def problems_of(node: Node, record: Mapping[str, Any]) -> Sequence[Problem]:
    """Hold a record against the schema of cases; nothing is stored."""
    try:
        node.network().schemas.check("case", record)
    except SchemaError as error:
        return error.problems
    return ()


def merge_draft(node: Node, person: Person, draft: Draft, fields: Mapping[str, Any]) -> Merge:
    """Hold a change against the case as it is now. Whoever does reads what others have changed since, which
    is in the journal first.

    Args:
        fields: every field that the form knows, by name, with the value it has in the form; None for none.

    Raises:
        NotFound: the case is not in the register any more.
    """
    if not draft.case_id:
        return Merge(None, {}, {name: value for name, value in fields.items() if value is not None}, ())
    with writing(node.engine) as conn:
        case = cases.get_case(conn, draft.case_id)
        base = cases.find_revision(conn, draft.case_id, draft.revision) or {}
        names = base.keys() | case.record.keys()
        theirs = {name for name in names if base.get(name) != case.record.get(name)}
        if theirs:
            entry = JournalEntry(node.clock(), actor_of(person), "case.open", case.case_id, sorted(theirs))
            write_journal(conn, entry)
    changes = {name: value for name, value in fields.items() if value != base.get(name)}
    return Merge(case, base, changes, theirs)


def finish_draft(
    node: Node, draft: Draft, merge: Merge, chosen: Mapping[str, str], actor: str
) -> CaseFile | None:
    """Make a case of a draft, or change its case.

    Args:
        chosen: "mine" or "theirs" for every field that both changed.

    Returns:
        The case; None where there was nothing to change.

    Raises:
        Conflict: fields that both changed are not chosen between, or the case changed once more; or a new
            one was finished or thrown away meanwhile.
        InvalidInput: with every problem of the record.
    """
    if merge.case is None:

        def drop(conn: Connection, _: Sequence[CaseFile]) -> None:
            if not drafts.drop_draft(conn, draft.id):  # a second press of the button makes no second case
                raise Conflict(
                    "There is nothing unfinished of yours here.", "It was finished or thrown away."
                )

        (case,) = register.import_cases(node, [CaseSource(merge.changes, _NO_FILES)], actor, drop)
        return case
    if any(chosen.get(name) not in ("mine", "theirs") for name in merge.disputed):
        raise Conflict("Somebody else changed the same fields.", "Choose for each which version stays.")
    changes = {name: value for name, value in merge.changes.items() if chosen.get(name) != "theirs"}
    made = None
    if changes:
        made = register.change_case(
            node, merge.case.case_id, changes, actor, _NO_FILES, revision=merge.case.revision
        )
    drop_draft(node, draft)
    return made


_NO_FILES = Path("/nonexistent")
"""A draft names no files: photographs are added on their own."""


def _begin(node: Node, person: Person, case_id: str, revision: int, typed: Typed) -> Draft:
    draft_id, now = secrets.token_urlsafe(12), node.clock()
    sealed = _seal(node, person.id, draft_id, typed)
    with writing(node.engine) as conn:
        if case_id and cases.get_case(conn, case_id).status == cases.ERASED:
            raise Conflict("The case is erased, and an erased case never returns.", "Add it as a new case.")
        _check_room(conn, person, draft_id, len(sealed))
        drafts.add_draft(conn, DraftRow(draft_id, person.id, case_id, revision, sealed, now))
    return Draft(draft_id, case_id, revision, typed, now)


def _check_room(conn: Connection, person: Person, draft_id: str, size: int) -> None:
    """Check that somebody may have a draft of a size beside their others."""
    count, taken = drafts.size_of_others(conn, person.id, draft_id)
    if count >= MAX_DRAFTS or taken + size > MAX_ALL_BYTES:
        raise Conflict("You have too much unfinished.", "Finish some of it, or throw it away.")


def _seal(node: Node, person_id: str, draft_id: str, typed: Typed) -> bytes:
    data = json.dumps(typed).encode()
    if len(data) > MAX_BYTES:
        raise InvalidInput("This is more than a case can hold.", "Leave some of it out.")
    return encrypt(node, _USE, f"{person_id} {draft_id}", data)


def _found(node: Node, row: DraftRow | None) -> Draft:
    if row is None:
        raise NotFound("There is nothing unfinished of yours here.", "It was finished or thrown away.")
    return _open(node, row)


def _open(node: Node, row: DraftRow) -> Draft:
    data = decrypt(node, _USE, f"{row.person_id} {row.id}", row.content)
    return Draft(row.id, row.case_id, row.revision, json.loads(data), row.updated_at)
