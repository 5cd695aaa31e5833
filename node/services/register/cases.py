"""The owner's register: cases in, changed, listed, kept from members.

Guarantees: nothing wrong is stored: a bad record is refused with every problem at once, each under its path;
every change is in the journal with who and which fields. Letting a case out of the house is `disclosure`.
"""

import base64
import copy
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from node.domain.lifecycle import Notice, notices
from node.domain.renditions import hashes_in
from node.domain.searchable import entry_of
from node.errors import Conflict, InvalidInput
from node.runtime import Node
from node.services.register.photographs import import_photographs
from node.services.standing import exchanges
from node.store.database import reading, writing
from node.store.federation import receipts
from node.store.journal import JournalEntry, write_journal
from node.store.published import feed_cases, feeds, photographs
from node.store.register import cases, gate, handovers
from node.store.register.cases import CaseFile
from node.store.search.index import index_many
from protocol.encoding import format_time, parse_json, parse_object
from protocol.errors import Malformed
from schemas import SchemaError

_ID_BYTES = 16
_MAX_FILE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class CaseSource:
    """A record that was handed in.

    Attributes:
        folder: where the photographs are that it names.
        label: which one it is among several, such as "france.json case 2"; empty when it is the only one.
    """

    record: Mapping[str, Any]
    folder: Path
    label: str = ""


@dataclass(frozen=True, slots=True)
class CaseStanding:
    """Where an own case stands in the network.

    Attributes:
        versions: newest version by audience of the feeds that have it, erased or not.
        expires: last day of its published life; None while it is not published.
        notices: what its owner has to do soon, the most urgent first.
    """

    case: CaseFile
    versions: Mapping[str, int]
    expires: date | None
    notices: Sequence[Notice]


@dataclass(frozen=True, slots=True)
class Holding:
    """What one peer said of one own case in one feed; times are the peer's.

    Attributes:
        published: the newest version there is, and whether that is an erasure.
        version: that the peer spoke of last; None when it has said nothing.
    """

    member: str
    audience: str
    published: int
    erased: bool
    version: int | None
    held_at: datetime | None
    hidden_at: datetime | None
    purged_at: datetime | None
    nothing_held: bool


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


def read_records(data: bytes) -> list[dict[str, Any]]:
    """Read a file of several cases: a JSON array, JSON objects one a line, or a single object.

    Raises:
        InvalidInput: it is none of these, with every line or member that is not.
    """
    text = data.strip()
    try:
        if text.startswith(b"["):
            values = parse_json(text, "case file", _MAX_FILE_BYTES)
        else:
            values = [parse_json(text, "case file", _MAX_FILE_BYTES)]
    except Malformed as error:
        return _read_lines(text, str(error))
    problems = [
        f"case {number}: must be an object" for number, value in _numbered(values) if type(value) is not dict
    ]
    if problems or not values:
        raise InvalidInput(
            "The case file cannot be read.", "See docs/cases.md.", problems or ["there is no case in it"]
        )
    return list(values)


def add_cases(node: Node, records: Sequence[Mapping[str, Any]], actor: str, folder: Path) -> list[CaseFile]:
    """Add cases as drafts: all of them, or none when one is wrong.

    Args:
        folder: where the photographs are that the records name.

    Raises:
        InvalidInput: with every problem of every record, each under its path.
    """
    labels = [f"case {number}" if len(records) > 1 else "" for number, _ in _numbered(records)]
    sources = [CaseSource(record, folder, label) for record, label in zip(records, labels, strict=True)]
    return import_cases(node, sources, actor)


def import_cases(
    node: Node,
    sources: Sequence[CaseSource],
    actor: str,
    together: Callable[[Connection, Sequence[CaseFile]], None] = lambda conn, added: None,
) -> list[CaseFile]:
    """Add cases from several places as drafts: all of them, or none when one is wrong.

    Args:
        together: what belongs to their addition, with the same transaction; what it raises undoes all of it.

    Raises:
        InvalidInput: with every problem of every record, each under its label and path.
    """
    prepared = _prepare_all(node, sources)
    now = node.clock()
    added = []
    with writing(node.engine) as conn:
        for source, record in zip(sources, prepared, strict=True):
            case = cases.add_case(conn, new_case_id(node.member), record, actor, now)
            _keep_photographs(conn, node, case, source.record)
            write_journal(conn, JournalEntry(now, actor, "case.add", case.case_id, sorted(record)))
            added.append(case)
        index_cases(conn, node, added)
        together(conn, added)
    return added


def change_case(
    node: Node,
    case_id: str,
    changes: Mapping[str, Any],
    actor: str,
    folder: Path,
    revision: int | None = None,
    together: Callable[[Connection, CaseFile], None] = lambda conn, changed: None,
) -> CaseFile:
    """Change fields of a case. What is published stays as it is until the case is published again; a request
    to publish it as it was ends.

    Args:
        changes: whole fields by name; None takes a field out.
        revision: the revision that the change was made from; the newest when None.
        together: see `import_cases`.

    Raises:
        NotFound: it is not in the register.
        Conflict: it was changed meanwhile, is erased, or is on its way to another member.
        InvalidInput: the changed record would be wrong, with every problem.
    """
    with reading(node.engine) as conn:
        before = cases.get_case(conn, case_id)
    if before.status == cases.ERASED:
        raise Conflict("The case is erased, and an erased case never returns.", "Add it as a new case.")
    merged = {**before.record, **changes}
    record = {name: value for name, value in merged.items() if value is not None}
    (prepared,) = _prepare_all(node, [CaseSource(record, folder)])
    now = node.clock()
    with writing(node.engine) as conn:
        check_stays(conn, case_id)
        void_request(conn, node, case_id, actor)
        case = cases.change_case(
            conn, case_id, before.revision if revision is None else revision, prepared, actor, now
        )
        _keep_photographs(conn, node, case, record)
        write_journal(conn, JournalEntry(now, actor, "case.change", case_id, sorted(changes)))
        index_cases(conn, node, [case])
        together(conn, case)
    return case


def get_case(node: Node, case_id: str) -> CaseFile:
    """Return an own case, without an entry in the journal: what a person is to read of it is opened with
    `finding.open_case` or `open_fields`.

    Raises:
        NotFound: it is not in the register.
    """
    with reading(node.engine) as conn:
        return cases.get_case(conn, case_id)


def open_fields(node: Node, case_id: str, actor: str, fields: Sequence[str]) -> CaseFile:
    """Return an own case of which a person is about to read these fields.

    Raises:
        NotFound: it is not in the register.
    """
    with writing(node.engine) as conn:
        case = cases.get_case(conn, case_id)
        write_journal(conn, JournalEntry(node.clock(), actor, "case.open", case_id, fields))
    return case


def list_cases(node: Node, status: str | None, limit: int, offset: int) -> list[CaseFile]:
    """Return own cases, the most recently changed first.

    Raises:
        InvalidInput: there is no such status.
    """
    if status is not None and status not in cases.STATUSES:
        raise InvalidInput(
            "There is no status %(status)s.",
            "Choose one of %(known)s.",
            status=repr(status),
            known=", ".join(cases.STATUSES),
        )
    with reading(node.engine) as conn:
        return cases.list_cases(conn, status, limit, offset)


def exclude_members(node: Node, case_id: str, members: Iterable[str], actor: str) -> None:
    """Keep a case from members, in the place of those it was kept from before. What they hold already,
    they keep until the case is published again.

    Raises:
        NotFound: the case is not in the register.
        InvalidInput: the roster lists no such member.
    """
    chosen = list(members)
    known = {member.id for member in node.network().roster.members}
    if unknown := [member for member in chosen if member not in known]:
        raise InvalidInput("The roster lists no such member.", "See `gmcn member list`.", unknown)
    with writing(node.engine) as conn:
        cases.get_case(conn, case_id)
        void_request(conn, node, case_id, actor)
        cases.exclude_members(conn, case_id, chosen)
        write_journal(conn, JournalEntry(node.clock(), actor, "case.exclude", case_id, chosen))


def excluded_members(node: Node, case_id: str) -> list[str]:
    """Return the members that a case is kept from."""
    with reading(node.engine) as conn:
        return cases.excluded_members(conn, case_id)


def check_stays(conn: Connection, case_id: str) -> None:
    """Check that a case is not on its way to another member, who would never see a change of it.

    Raises:
        Conflict: it is.
    """
    going = handovers.giving_of(conn, case_id, handovers.GIVING_OPEN)
    if going is not None:
        raise Conflict(
            "The case is offered to %(member)s, and does not change until that is answered.",
            "Take the offer back with `gmcn case keep %(case)s`.",
            member=going.member,
            case=case_id,
        )


def void_request(conn: Connection, node: Node, case_id: str, actor: str) -> None:
    """End the request to publish a case, because what it speaks of is about to be another."""
    if gate.void_open(conn, case_id):
        write_journal(conn, JournalEntry(node.clock(), actor, "gate.void", case_id))


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


def standing_of(node: Node, found: Sequence[CaseFile]) -> list[CaseStanding]:
    """Tell where own cases stand in the network, and what their owner has to do soon."""
    case_ids = [case.case_id for case in found]
    versions: dict[str, dict[str, int]] = {case_id: {} for case_id in case_ids}
    expires: dict[str, date] = {}
    with reading(node.engine) as conn:
        for row in feeds.list_feeds(conn):
            for case_id, state in feed_cases.lookup_cases(conn, row.id, case_ids).items() if row.own else ():
                versions[case_id][row.audience] = state.version
                if not state.erased:
                    expires[case_id] = max(state.expires, expires.get(case_id, state.expires))
    return [
        CaseStanding(
            case,
            versions[case.case_id],
            expires.get(case.case_id),
            notices(case.record, expires.get(case.case_id), node.now()),
        )
        for case in found
    ]


def holdings(node: Node, case_id: str) -> list[Holding]:
    """Tell what each peer holds of an own case, by its receipts; erased cases too.

    Every member that may read the feed is named, also one that has said nothing yet.

    Raises:
        NotFound: the case is not in the register.
    """
    found = []
    with reading(node.engine) as conn:
        cases.get_case(conn, case_id)
        kept_from = cases.excluded_members(conn, case_id)
        audiences = {other.member.id: other.audiences for other in exchanges(conn, node)}
        for row in feeds.list_feeds(conn):
            state = feed_cases.lookup_cases(conn, row.id, [case_id]).get(case_id) if row.own else None
            if state is None:
                continue
            said = {promise.member: promise for promise in receipts.promises_of(conn, row.id, case_id)}
            readers = {member for member, may_read in audiences.items() if row.audience in may_read} - set(
                kept_from
            )
            for member in sorted(readers | said.keys()):
                told = said.get(member)
                found.append(
                    Holding(
                        member,
                        row.audience,
                        state.version,
                        state.erased,
                        told.version if told else None,
                        told.held_at if told else None,
                        told.hidden_at if told else None,
                        told.purged_at if told else None,
                        told.nothing_held if told else False,
                    )
                )
    return found


def _keep_photographs(conn: Connection, node: Node, case: CaseFile, handed_in: Mapping[str, Any]) -> None:
    """Refer to the photographs of a case, some of which were just imported.

    Args:
        handed_in: the record before the import.

    Raises:
        Conflict: an imported one was erased with another case since.
    """
    hashes = hashes_in(case.record)
    if not all(node.blobs.has(node.member, sha256) for sha256 in hashes - hashes_in(handed_in)):
        raise Conflict(
            "A photograph of the record was erased with another case meanwhile, and nothing was stored.",
            "Do it again.",
        )
    cases.keep_photographs(conn, case.case_id, hashes)
    photographs.settle_expected(conn, node.member, hashes)


def _prepare_all(node: Node, sources: Sequence[CaseSource]) -> list[dict[str, Any]]:
    """Check records and take their photographs, or refuse them all with every problem."""
    schemas, problems = node.network().schemas, list[str]()
    for source in sources:
        try:
            schemas.check("case", source.record)
        except SchemaError as error:
            problems += _labelled(source, map(str, error.problems))
    if problems:
        raise _not_right(problems)
    prepared = []
    for source in sources:
        try:
            prepared.append(import_photographs(node, copy.deepcopy(dict(source.record)), source.folder))
        except InvalidInput as error:
            problems += _labelled(source, error.problems)
    if problems:
        with writing(node.engine) as conn:  # those of the good records go with the next purge
            for record in prepared:
                photographs.loosen_photographs(conn, node.member, hashes_in(record))
        raise _not_right(problems)
    return prepared


def _read_lines(text: bytes, reason: str) -> list[dict[str, Any]]:
    """Read JSON objects one a line.

    Args:
        reason: why the text is no single value; told when it is no lines either.
    """
    records, problems = list[dict[str, Any]](), list[str]()
    lines = [(number, line) for number, line in _numbered(text.splitlines()) if line.strip()]
    for number, line in lines:
        try:
            records.append(parse_object(line, f"line {number}", cases.MAX_RECORD_BYTES))
        except Malformed as error:
            problems.append(str(error))
    if problems:
        raise InvalidInput(
            "The case file cannot be read.",
            "It must be one JSON object, an array of them, or one a line: see docs/cases.md.",
            problems if records else [reason],
        )
    return records


def _not_right(problems: Sequence[str]) -> InvalidInput:
    return InvalidInput(
        "The case file is not right, and nothing was stored.", "Mend what is named here.", problems
    )


def _labelled(source: CaseSource, problems: Iterable[str]) -> list[str]:
    return [f"{source.label}: {problem}" if source.label else problem for problem in problems]


def _numbered(values: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    return enumerate(values, 1)
