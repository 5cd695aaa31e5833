"""The long part of an import: its rows tried, made into cases, taken back.

Guarantees: nothing of a row leaves the house: it becomes a case that is not published, by the same use case
as any other; the write lock is held for a few rows at a time; what is done is stored with how far it is, so
that a restart goes on where the last process was, and no row becomes two cases. A case that is there already
is changed only where its importer has said so, and never doubled.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from node.adapters.tables.row import Row
from node.adapters.tables.sheet import read_rows
from node.domain.lifecycle import UNDO_WINDOW
from node.domain.spreadsheets.columns import TARGETS
from node.domain.spreadsheets.conversion import (
    NEEDED,
    SEVERAL,
    TWICE,
    UNFIT,
    CellProblem,
    convert_row,
    plan_rows,
)
from node.errors import Conflict, InvalidInput, NodeError, NotFound
from node.log import describe_exception
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.disclosure.publishing import NoDraft
from node.services.progress import Progress, no_progress
from node.services.register import cases as register
from node.services.register.cases import CaseSource
from node.services.spreadsheets.intake import Import, open_import, read_file, seal_import, seal_row
from node.services.spreadsheets.words import sentence
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.register import cases, imports
from node.store.register.cases import CaseFile
from node.store.register.imports import ImportRow, RowResult
from schemas import SchemaError

_TRIED = 200  # rows at a time
_MADE = 25
_WHAT = "rows"
_NO_FILES = Path("/nonexistent")  # a spreadsheet names no photographs
_BROKEN = sentence("Try again. If it happens once more, tell your administrator the time: it is in the log.")
_STEP = re.compile(r"\[[0-9]+\]")

log = structlog.get_logger()


class _Overtaken(Conflict):
    """Somebody else has taken the import on, or thrown it away."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """A row, and what it would be.

    Attributes:
        key: what its reference is compared by; None where it has none.
    """

    row: Row
    record: Mapping[str, Any]
    problems: Sequence[CellProblem]
    key: str | None


def proceed(node: Node) -> None:
    """Do what the imports of people wait for, one after the other."""
    with reading(node.engine) as conn:
        waiting = imports.running_imports(conn)
    for row in waiting:
        try:
            run(node, row.id)
        except Exception as error:  # an error in this program must not hold up the imports of others
            log.error("import failed", error=describe_exception(error))
            _fail(node, row.id, _BROKEN)


def run(node: Node, import_id: str, progress: Progress = no_progress) -> None:
    """Take an import on until it waits for somebody again. One that cannot go on says why."""
    with reading(node.engine) as conn:
        row = imports.find_import(conn, import_id)
    if row is None:
        return
    steps = {imports.CHECKING: _check, imports.IMPORTING: _import, imports.UNDOING: _undo}
    try:
        if row.state in steps:
            steps[row.state](node, open_import(node, row), progress)
    except _Overtaken:
        return
    except NodeError as error:
        _fail(node, import_id, error.message)


# --- Trying ---


def _check(node: Node, found: Import, progress: Progress) -> None:
    seen: dict[str, int] = {}
    rows = _tried_rows(node, found)
    for tried in islice(rows, found.row.done):  # done before a restart
        _note_key(seen, tried)
    while some := list(islice(rows, _TRIED)):
        here = _cases_of(node, some)
        results = [_result_of(node, found, tried, seen, here) for tried in some]
        with writing(node.engine) as conn:
            found = _advance(conn, found, imports.CHECKING, len(some))
            imports.add_rows(conn, found.id, results)
        progress(_WHAT, found.row.done, found.row.total)
    with writing(node.engine) as conn:
        _advance(conn, found, imports.CHECKED, 0)


def _result_of(
    node: Node, found: Import, tried: _Tried, seen: dict[str, int], here: Mapping[str, Sequence[str]]
) -> RowResult:
    """Say what a row would be."""
    problems = list(tried.problems)
    case_id, *others = here.get(tried.key or "", [""])
    if not case_id:
        problems += _misfits(node, found, tried)
    if others:
        problems.append(_of_reference(found, SEVERAL))
    if tried.key and tried.key in seen:
        problems.append(_of_reference(found, TWICE))
    _note_key(seen, tried)
    state = imports.WRONG if problems else imports.HERE if case_id else imports.GOOD
    return _row_result(node, found, tried, state, problems, case_id)


def _row_result(
    node: Node, found: Import, tried: _Tried, state: str, problems: Sequence[CellProblem], case_id: str = ""
) -> RowResult:
    names = tried.record.get("names") or [{}]
    content: dict[str, Any] = {"title": names[0].get("full", ""), "problems": problems}
    if state == imports.WRONG:
        content["cells"] = tried.row.cells
    number = tried.row.number
    return RowResult(number, state, case_id, 0, seal_row(node, found.id, number, content))


def _misfits(node: Node, found: Import, tried: _Tried) -> list[CellProblem]:
    """Hold a record against its schema, but for fields that could not be read at all."""
    known = {problem.target for problem in tried.problems}
    try:
        node.network().schemas.check("case", tried.record)
    except SchemaError as error:
        wrong = {_target_of(one.path): one.message for one in reversed(error.problems)}
        return [
            CellProblem(
                target,
                found.mapping.columns.get(target, -1),
                NEEDED if message.startswith("is missing") else UNFIT,
            )
            for target, message in reversed(wrong.items())
            if target not in known and not (target.startswith("names.") and known & _NAMES)
        ]
    return []


_NAMES = frozenset({"names.full", "names.given", "names.family"})
_TARGET_OF = {"names": "names.full", "age_at_disappearance": "age", "contacts": "contacts.value"}


def _target_of(path: str) -> str:
    """Return the field that a problem's path leads to; where it leads to none, the first of its group."""
    steps = _STEP.sub("", path).split(".")
    for end in range(len(steps), 0, -1):
        name = ".".join(steps[:end])
        if name in TARGETS:
            return name
    first = _TARGET_OF.get(steps[0])
    return first or next((name for name in TARGETS if name.startswith(f"{steps[0]}.")), steps[0])


# --- Importing ---


def _import(node: Node, found: Import, progress: Progress) -> None:
    rows = islice(_tried_rows(node, found), found.row.done, None)
    while some := list(islice(rows, _MADE)):
        wanted = _wanted(node, found, some)
        good = [tried for tried in some if wanted.get(tried.row.number) == imports.GOOD]
        here = _cases_of(node, good)  # somebody may have entered one since
        new = [tried for tried in good if not here.get(tried.key or "")]
        for tried in good:
            if case_ids := here.get(tried.key or ""):
                _store_row(node, found, _row_result(node, found, tried, imports.HERE, (), case_ids[0]))
        if found.update:
            _change_all(node, found, some, wanted)
        found = _make(node, found, new, len(some))
        progress(_WHAT, found.row.done, found.row.total)
    _finish(node, found)


def _wanted(node: Node, found: Import, some: Sequence[_Tried]) -> dict[int, str]:
    """Return what some rows were found to be."""
    states = (imports.GOOD, imports.HERE)
    with reading(node.engine) as conn:
        rows = imports.list_rows(conn, found.id, states, len(some), above=some[0].row.number - 1)
    return {row.number: row.state for row in rows}


def _make(node: Node, found: Import, new: Sequence[_Tried], done: int) -> Import:
    """Make cases of some rows, and note that all up to them are done: all of it, or nothing."""
    ahead = [found]

    def note(conn: Connection, added: Sequence[CaseFile]) -> None:
        ahead[0] = _advance(conn, found, imports.IMPORTING, done)
        for tried, case in zip(new, added, strict=True):
            made = RowResult(tried.row.number, imports.MADE, case.case_id, case.revision)
            imports.change_row(conn, found.id, made)

    sources = [CaseSource(tried.record, _NO_FILES, str(tried.row.number)) for tried in new]
    try:
        register.import_cases(node, sources, found.row.actor, note)
    except InvalidInput:  # a schema has changed since they were tried
        wrong = {tried.row.number: _misfits(node, found, tried) for tried in new}
        if not any(wrong.values()):
            raise
        for tried in new:
            if problems := wrong[tried.row.number]:
                _store_row(node, found, _row_result(node, found, tried, imports.WRONG, problems))
        return _make(node, found, [tried for tried in new if not wrong[tried.row.number]], done)
    return ahead[0]


def _change_all(node: Node, found: Import, some: Sequence[_Tried], wanted: Mapping[int, str]) -> None:
    """Change the cases that some rows are about; a row whose case does not take it becomes a wrong one."""
    rows = [tried for tried in some if wanted.get(tried.row.number) == imports.HERE]
    here = _cases_of(node, rows)
    for tried in rows:
        case_ids = here.get(tried.key or "", [""])
        if code := _change(node, found, tried, case_ids):
            problem = _of_reference(found, code)
            _store_row(node, found, _row_result(node, found, tried, imports.WRONG, [problem], case_ids[0]))


def _change(node: Node, found: Import, tried: _Tried, case_ids: Sequence[str]) -> str:
    """Change the case that a row is about. Returns the code of what keeps it from that; empty if it did."""
    if len(case_ids) > 1:
        return SEVERAL

    def note(conn: Connection, case: CaseFile) -> None:
        changed = RowResult(tried.row.number, imports.CHANGED, case.case_id, case.revision)
        imports.change_row(conn, found.id, changed)

    try:
        register.change_case(node, case_ids[0], tried.record, found.row.actor, _NO_FILES, together=note)
    except (InvalidInput, Conflict, NotFound):
        return UNFIT
    return ""


def _finish(node: Node, found: Import) -> None:
    """Let the file go, and write down what became of it."""
    now = node.clock()
    with writing(node.engine) as conn:
        counts = imports.count_rows(conn, found.id)
        ends = now + UNDO_WINDOW
        if not imports.change_import(conn, found.row, imports.DONE, ends_at=ends):
            raise _overtaken()
        imports.drop_file(conn, found.id)
        told = [f"{state} {count}" for state, count in sorted(counts.items())]
        write_journal(conn, JournalEntry(now, found.row.actor, "import.done", fields=told, purpose=found.id))


# --- Taking back ---


def _undo(node: Node, found: Import, progress: Progress) -> None:
    with reading(node.engine) as conn:
        counts = imports.count_rows(conn, found.id)
    left = counts.get(imports.MADE, 0) + counts.get(imports.CHANGED, 0)
    total = left
    while some := _made_rows(node, found):
        for row in some:
            if row.state == imports.MADE:
                _take_back(node, found, row)
            else:
                _put_back(node, found, row)
            left -= 1
        progress(_WHAT, total - left, total)
    with writing(node.engine) as conn:
        _advance(conn, found, imports.UNDONE, 0)


def _made_rows(node: Node, found: Import) -> list[RowResult]:
    with reading(node.engine) as conn:
        return imports.list_rows(conn, found.id, (imports.MADE, imports.CHANGED), _MADE)


def _take_back(node: Node, found: Import, row: RowResult) -> None:
    """Erase a case that an import made; its row goes with it. One that is published by now stays."""
    try:
        publishing.erase(node, row.case_id, found.row.actor, only_draft=True)
    except NoDraft:
        _store_row(node, found, replace(row, state=imports.KEPT))


def _put_back(node: Node, found: Import, row: RowResult) -> None:
    """Change a case back to what it was before an import, unless somebody has changed it since."""
    with reading(node.engine) as conn:
        case = cases.get_case(conn, row.case_id)
        before = cases.find_revision(conn, row.case_id, row.revision - 1)
    if before is None or case.revision != row.revision or case.status == cases.ERASED:
        _store_row(node, found, replace(row, state=imports.KEPT))
        return
    changes = {name: before.get(name) for name in before.keys() | case.record.keys()}
    changes = {name: value for name, value in changes.items() if value != case.record.get(name)}

    def note(conn: Connection, _: CaseFile) -> None:
        imports.drop_row(conn, found.id, row.number)

    try:
        register.change_case(node, row.case_id, changes, found.row.actor, _NO_FILES, row.revision, note)
    except NodeError:
        _store_row(node, found, replace(row, state=imports.KEPT))


# --- Both ---


def _tried_rows(node: Node, found: Import) -> Iterator[_Tried]:
    """Read the rows below the headers as records."""
    plan = plan_rows(found.mapping, ZoneInfo(node.config.console.timezone))
    rows = read_rows(read_file(node, found), found.reading)
    next(rows, None)
    for row in rows:
        made = convert_row(row.cells, row.faults, plan)
        yield _Tried(row, made.record, made.problems, cases.reference_key(made.record))


def _cases_of(node: Node, some: Sequence[_Tried]) -> dict[str, list[str]]:
    """Return the cases of the register that have the references of some rows."""
    keys = sorted({tried.key for tried in some if tried.key})
    cases_of: dict[str, list[str]] = {}
    with reading(node.engine) as conn:
        for key, case_id in imports.cases_by_reference(conn, keys):
            cases_of.setdefault(key, []).append(case_id)
    return cases_of


def _of_reference(found: Import, code: str) -> CellProblem:
    return CellProblem("reference", found.mapping.columns.get("reference", -1), code)


def _note_key(seen: dict[str, int], tried: _Tried) -> None:
    if tried.key:
        seen.setdefault(tried.key, tried.row.number)


def _store_row(node: Node, found: Import, row: RowResult) -> None:
    with writing(node.engine) as conn:
        imports.change_row(conn, found.id, row)


def _advance(conn: Connection, found: Import, state: str, done: int) -> Import:
    """Note how far an import is, with the caller's transaction."""
    reached = found.row.done + done if state == found.row.state else 0
    if not imports.change_import(conn, found.row, state, done=reached):
        raise _overtaken()
    return replace(found, row=replace(found.row, state=state, done=reached))


def _overtaken() -> _Overtaken:
    return _Overtaken("The import has changed meanwhile.", "Look at it again.")


def _fail(node: Node, import_id: str, problem: str) -> None:
    """Say of an import why it cannot go on. One that has made cases is through: they can be taken back."""
    with writing(node.engine) as conn:
        row: ImportRow | None = imports.find_import(conn, import_id)
        if row is None:
            return
        content = seal_import(node, replace(open_import(node, row), problem=problem))
        if imports.has_made(conn, import_id):
            ends = node.clock() + UNDO_WINDOW if row.state == imports.IMPORTING else None
            imports.change_import(conn, row, imports.DONE, content=content, ends_at=ends)
            imports.drop_file(conn, import_id)
        else:
            imports.change_import(conn, row, imports.FAILED, content=content)
