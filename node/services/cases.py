"""The owner's register: cases in, changed, listed, kept from members.

Guarantees: nothing wrong is stored: a bad record is refused with every problem at once, each under its path;
every change is in the journal with who and which fields. Letting a case out of the house is `publishing`.
"""

import base64
import copy
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from node.domain.searchable import entry_of
from node.errors import Conflict, InvalidInput
from node.runtime import Node
from node.services.photographs import hashes_in, import_photographs
from node.store import cases, feeds
from node.store.access import JournalEntry, write_journal
from node.store.cases import CaseFile
from node.store.database import reading, writing
from node.store.search import index_many
from protocol.encoding import format_time, parse_object
from protocol.errors import Malformed
from schemas import SchemaError

_ID_BYTES = 16


def new_case_id(member: str) -> str:
    """Draw a case id: random, so that nothing about the child can be read from it."""
    opaque = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().rstrip("=").lower()
    return f"{member}/{opaque}"


def read_record(data: bytes) -> dict[str, Any]:
    """Read a case file's JSON.

    Raises:
        InvalidInput: it is not one JSON object.
    """
    try:
        return parse_object(data, "case file", cases.MAX_RECORD_BYTES)
    except Malformed as error:
        raise InvalidInput(
            "The case file cannot be read.", "It must be one JSON object: see docs/cases.md.", [str(error)]
        ) from None


def add_cases(node: Node, records: Sequence[Mapping[str, Any]], actor: str, folder: Path) -> list[CaseFile]:
    """Add cases as drafts: all of them, or none when one is wrong.

    Args:
        folder: where the photographs are that the records name.

    Raises:
        InvalidInput: with every problem of every record, each under its path.
    """
    prepared = _prepare_all(node, records, folder)
    now = node.clock()
    added = []
    with writing(node.engine) as conn:
        for record in prepared:
            case = cases.add_case(conn, new_case_id(node.member), record, actor, now)
            cases.keep_photographs(conn, case.case_id, hashes_in(record))
            write_journal(conn, JournalEntry(now, actor, "case.add", case.case_id, sorted(record)))
            added.append(case)
        index_cases(conn, node, added)
    return added


def change_case(
    node: Node,
    case_id: str,
    changes: Mapping[str, Any],
    actor: str,
    folder: Path,
    revision: int | None = None,
) -> CaseFile:
    """Change fields of a case. What is published stays as it is until the case is published again.

    Args:
        changes: whole fields by name; None takes a field out.
        revision: the revision that the change was made from; the newest when None.

    Raises:
        NotFound: it is not in the register.
        Conflict: it was changed meanwhile, or is erased.
        InvalidInput: the changed record would be wrong, with every problem.
    """
    with reading(node.engine) as conn:
        before = cases.get_case(conn, case_id)
    if before.status == cases.ERASED:
        raise Conflict("The case is erased, and an erased case never returns.", "Add it as a new case.")
    merged = {**before.record, **changes}
    record = {name: value for name, value in merged.items() if value is not None}
    (prepared,) = _prepare_all(node, [record], folder)
    now = node.clock()
    with writing(node.engine) as conn:
        case = cases.change_case(
            conn, case_id, before.revision if revision is None else revision, prepared, actor, now
        )
        cases.keep_photographs(conn, case_id, hashes_in(prepared))
        write_journal(conn, JournalEntry(now, actor, "case.change", case_id, sorted(changes)))
        index_cases(conn, node, [case])
    return case


def get_case(node: Node, case_id: str) -> CaseFile:
    """Return an own case.

    Raises:
        NotFound: it is not in the register.
    """
    with reading(node.engine) as conn:
        return cases.get_case(conn, case_id)


def list_cases(node: Node, status: str | None, limit: int, offset: int) -> list[CaseFile]:
    """Return own cases, the most recently changed first.

    Raises:
        InvalidInput: there is no such status.
    """
    if status is not None and status not in cases.STATUSES:
        raise InvalidInput(f"There is no status {status!r}.", f"Choose one of {', '.join(cases.STATUSES)}.")
    with reading(node.engine) as conn:
        return cases.list_cases(conn, status, limit, offset)


def exclude_members(node: Node, case_id: str, members: Iterable[str], actor: str) -> None:
    """Keep a case from members, in the place of those it was kept from before. What they hold already, they
    keep until they pull.

    Raises:
        NotFound: the case is not in the register.
        InvalidInput: the roster lists no such member.
    """
    chosen = list(members)
    known = {member.id for member in node.network().roster.members}
    if unknown := [member for member in chosen if member not in known]:
        raise InvalidInput("The roster lists no such member.", "See `gmcn status` for the members.", unknown)
    with writing(node.engine) as conn:
        cases.get_case(conn, case_id)
        cases.exclude_members(conn, case_id, chosen)
        write_journal(conn, JournalEntry(node.clock(), actor, "case.exclude", case_id, chosen))


def index_cases(conn: Connection, node: Node, found: Sequence[CaseFile]) -> None:
    """Put own cases into the search, whatever their status."""
    country = node.entry().country
    index_many(
        conn,
        [
            entry_of(
                {"case": case.case_id, "updated_at": format_time(case.updated_at), "issuer": node.member},
                case.record,
                source="own",
                feed_id=None,
                owner=node.member,
                country=country,
                status=case.status,
            )
            for case in found
        ],
    )


def published_version(node: Node, case_id: str) -> dict[str, int]:
    """Return the newest version of an own case in each feed that has it, by audience."""
    versions = {}
    with reading(node.engine) as conn:
        for row in feeds.list_feeds(conn):
            if row.own and (state := feeds.lookup_cases(conn, row.id, [case_id]).get(case_id)):
                versions[row.audience] = state.version
    return versions


def _prepare_all(node: Node, records: Sequence[Mapping[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Check records and take their photographs, or refuse them all with every problem."""
    schemas, problems = node.network().schemas, list[str]()
    for number, record in enumerate(records):
        try:
            schemas.check("case", record)
        except SchemaError as error:
            prefix = f"case {number + 1}: " if len(records) > 1 else ""
            problems += [f"{prefix}{problem}" for problem in error.problems]
    if problems:
        raise InvalidInput(
            "The case file is not right, and nothing was stored.", "Mend what is named here.", problems
        )
    return [import_photographs(node, copy.deepcopy(dict(record)), folder) for record in records]
