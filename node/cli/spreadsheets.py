"""`gmcn case import --mapping`: cases from CSV and XLSX at the command line.

The same use cases as at the console; a file of the command line is kept while it is worked on, and no longer.
"""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from node.cli.base.arguments import read_input
from node.cli.base.opening import actor
from node.cli.base.output import print_json, print_table, progress_bars, remark, say
from node.domain.spreadsheets.columns import ColumnMapping, parse_mapping
from node.domain.spreadsheets.conversion import CellProblem
from node.errors import InvalidInput, NotFound
from node.runtime import Node
from node.services.spreadsheets import intake, mappings, report, work
from node.services.spreadsheets.intake import Import
from node.services.spreadsheets.words import say_problem
from node.store.register import imports
from protocol.encoding import parse_object
from protocol.errors import Malformed

_MAX_MAPPING = 1 << 20
_SHOWN = 20
_ROWS = {
    imports.GOOD: "Good rows, which would become cases",
    imports.MADE: "Cases added",
    imports.CHANGED: "Cases changed",
    imports.HERE: "Rows whose reference is here already, left as they are",
    imports.WRONG: "Wrong rows",
}


def suggest_mapping(node: Node, file: Path) -> None:
    """Write a mapping for a file, as far as its headers tell, to be completed."""
    found = intake.take_file(node, None, file.name, read_input(file), "", actor())
    try:
        mapping = found.mapping
        fixed = {**dict.fromkeys(mapping.missing(), ""), **mapping.fixed}
        words = {name: dict.fromkeys(texts, "") for name, texts in found.unknown_words().items()}
        print_json({**replace(mapping, fixed=fixed, words=words).to_json(found.headers)})
    finally:
        intake.throw_away(node, found, actor())
    remark("Complete it, save it as a file, and give that to --mapping. docs/cases.md says how.")


def import_spreadsheet(
    node: Node, file: Path, mapping: str, *, update: bool, dry_run: bool, wrong: Path | None, as_json: bool
) -> None:
    """Import a spreadsheet with a mapping."""
    found = intake.take_file(node, None, file.name, read_input(file), "", actor())
    try:
        found = intake.set_mapping(node, found, _read_mapping(node, found, mapping))
        _check_answered(found)
        intake.start_check(node, found)
        found = _run(node, found)
        if not dry_run:
            intake.start_import(node, found, update=update)
            found = _run(node, found)
        _tell(node, found, wrong, as_json=as_json)
    finally:
        _forget(node, found, keep=not dry_run)


def undo_import(node: Node, import_id: str) -> None:
    """Take back what an import of the command line made."""
    found = intake.find_import(node, None, import_id)
    intake.start_undo(node, found, actor())
    found = _run(node, found)
    kept = report.count_outcomes(node, found).rows.get(imports.KEPT, 0)
    say("Undone." if not kept else f"Undone, but for {kept} cases that were published or changed meanwhile.")


def _read_mapping(node: Node, found: Import, mapping: str) -> ColumnMapping:
    """Read a mapping from a file, or take the one that was saved under a name."""
    path = Path(mapping)
    if not path.is_file():
        return mappings.load_mapping(node, found, mapping)
    try:
        value: dict[str, Any] = parse_object(read_input(path), "mapping", _MAX_MAPPING)
    except Malformed as error:
        raise InvalidInput(
            "The mapping cannot be read.", "Begin with what --suggest writes.", [str(error)]
        ) from None
    fixed = {name: text for name, text in value.get("fixed", {}).items() if text}
    return parse_mapping({**value, "fixed": fixed}, found.headers)


def _check_answered(found: Import) -> None:
    if questions := found.open_questions():
        raise InvalidInput(
            "The mapping does not say everything that a case needs.",
            "Add each of these to its columns, or to what is fixed for every row.",
            questions,
        )


def _run(node: Node, found: Import) -> Import:
    with progress_bars() as tell:
        work.run(node, found.id, partial(tell, node.member))
    found = intake.find_import(node, None, found.id)
    if found.problem:
        raise InvalidInput(found.problem, "Mend that, and do it again.")
    return found


def _tell(node: Node, found: Import, wrong: Path | None, *, as_json: bool) -> None:
    counts = report.count_outcomes(node, found).rows
    if wrong is not None:
        lines = report.format_wrong(node, found, "What is wrong", partial(say_problem, found), actor())
        with wrong.open("xb") as file:
            file.writelines(lines)
    if as_json:
        print_json({"import": found.id, "rows": counts, "wrong": _wrong_rows(node, found, counts)})
        return
    for state, name in _ROWS.items():
        if state in counts:
            say(f"{name}: {counts[state]}")
    rows = report.list_outcomes(node, found, imports.WRONG, _SHOWN, 0)
    if rows:
        told = [(row.number, _say_all(found, row.problems)) for row in rows]
        print_table(("row", "what is wrong"), told)
    if counts.get(imports.WRONG, 0) > len(rows):
        remark("And more: --wrong FILE writes all of them.")
    if found.row.state == imports.DONE:
        remark("Drafts; nothing has left the house. To take it back, within 3 days:")
        remark(f"  gmcn case undo-import {found.id}")


def _wrong_rows(node: Node, found: Import, counts: dict[str, int]) -> list[dict[str, Any]]:
    rows = report.list_outcomes(node, found, imports.WRONG, counts.get(imports.WRONG, 0), 0)
    return [
        {"row": row.number, "problems": [{"field": one.target, "code": one.code} for one in row.problems]}
        for row in rows
    ]


def _say_all(found: Import, problems: Any) -> str:
    return " ".join(say_problem(found, CellProblem(*problem)) for problem in problems)


def _forget(node: Node, found: Import, *, keep: bool) -> None:
    """Let the file go, and the import with it unless there is something to undo."""
    with suppress(NotFound):
        found = intake.find_import(node, None, found.id)
        if not (keep and found.can_be_undone):
            intake.throw_away(node, found, actor())
