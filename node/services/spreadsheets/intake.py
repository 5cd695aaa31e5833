"""A spreadsheet comes in: looked over once, kept encrypted, its columns mapped to fields.

Guarantees: a file belongs to one person, and stands nowhere but encrypted in the database, for a day at the
longest; what is shown of it while it is mapped was found when it came in: it is not read for each page.
"""

import json
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from node.adapters.tables.sheet import CSV, Reading, change_encoding, guess_reading, read_rows
from node.domain.lifecycle import UNDO_WINDOW
from node.domain.spreadsheets.columns import DATED, MAX_WORDS, TARGETS, ColumnMapping, suggest_columns
from node.domain.spreadsheets.conversion import orders_of, unknown_words
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt
from node.services.serving import TooOften
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.register import imports
from node.store.register.imports import ImportRow
from node.store.staff import access
from node.store.staff.people import Person
from protocol.signs import only_readable

LIFE = timedelta(days=1)
"""How long a file waits for whoever maps its columns, and how long the rows that were wrong are kept."""

MAX_OPEN = 5
"""The most files that one person has on the way at a time."""

MAX_UPLOADS = 20
"""The most files that one person hands in within an hour."""

_HOUR = timedelta(hours=1)
_SAMPLES = 3
_MAX_SAMPLE = 80
_MAX_WORD = 60
_SHORTEST_DATE = 8  # characters, as in 5/3/2014
_MAX_DISTINCT = 200_000  # characters of all columns together
_USE = "case-import"


@dataclass(frozen=True, slots=True)
class Import:
    """A spreadsheet on its way, as its owner sees it.

    Attributes:
        name: of the file.
        headers: of its columns, each once; a column without one has an empty header.
        samples: the first cells of each column; none once it is imported.
        distinct: the words of each column that has few of them; none once it is imported.
        orders: by column, the orders of day and month that its dates can have been written in.
        formulas: how many cells have the value of a formula.
        update: whether cases that are in the register already are changed.
        problem: why the import ended early; empty where it did not.
    """

    row: ImportRow
    name: str
    reading: Reading
    headers: tuple[str, ...]
    samples: Sequence[Sequence[str]]
    distinct: Mapping[int, Sequence[str]]
    orders: Mapping[int, Sequence[str]]
    formulas: int
    mapping: ColumnMapping
    update: bool = False
    problem: str = ""

    @property
    def id(self) -> str:
        """What it is called in addresses."""
        return self.row.id

    @property
    def can_be_undone(self) -> bool:
        """Whether it is through, and something of it may still be taken back."""
        return self.row.state == imports.DONE

    def unknown_words(self) -> dict[str, list[str]]:
        """Name the words that stand in columns of codes, and are neither known nor translated yet."""
        found = {}
        for name, column in self.mapping.columns.items():
            if TARGETS[name].codes and column in self.distinct:
                words = unknown_words(name, self.distinct[column], self.mapping)
                if words:
                    found[name] = words
        return found

    def orders_of_dates(self) -> set[str]:
        """Return the orders of day and month that all dates of the file can have been written in; an empty
        set where none of them is written so."""
        dated = [
            set(self.orders[column])
            for name, column in self.mapping.columns.items()
            if TARGETS[name].kind in DATED and column in self.orders
        ]
        if not dated:
            return set()
        return set.intersection(*dated) or {"dmy", "mdy"}

    def open_questions(self) -> list[str]:
        """Name what has to be said before the rows can be tried: fields, "language" or "dates"."""
        questions = self.mapping.missing()
        if not self.mapping.language:
            questions.append("language")
        if self.orders_of_dates() and not self.mapping.dates:
            questions.append("dates")
        return questions


def take_file(node: Node, person: Person | None, name: str, data: bytes, language: str, actor: str) -> Import:
    """Take a spreadsheet in: look it over, guess what its columns are, keep it encrypted.

    Args:
        person: whose it is; None for the command line.
        language: that its texts are probably in.

    Raises:
        InvalidInput: it is no spreadsheet, or one that cannot be imported; nothing is kept.
        Conflict, TooOften: the same person has too many on the way, or has handed in too many.
    """
    _take_turn(node, person)
    found = _survey(data, guess_reading(data))
    now, import_id = node.clock(), secrets.token_hex(8)
    row = ImportRow(
        import_id, person.id if person else None, actor, imports.MAPPING, b"", 0, 0, now, now + LIFE
    )
    mapping = ColumnMapping(suggest_columns(found["headers"]), language=language)
    shown = only_readable(name)[:200]
    made = _settle_dates(_import_of(row, {**found, "name": shown, "mapping": asdict(mapping)}))
    sealed = replace(row, content=seal_import(node, made), total=int(found["total"]))
    with writing(node.engine) as conn:
        imports.add_import(conn, sealed, encrypt(node, _USE, f"file {import_id}", data))
        write_journal(conn, JournalEntry(now, actor, "import.upload", purpose=import_id))
    return replace(made, row=sealed)


def find_import(node: Node, person: Person | None, import_id: str) -> Import:
    """Return an import of a person, or of the command line.

    Raises:
        NotFound: there is none of theirs under this id.
    """
    with reading(node.engine) as conn:
        row = imports.find_import(conn, import_id)
    if row is None or row.person_id != (person.id if person else None):
        raise NotFound("There is no import of yours here.", "It is finished, or was thrown away.")
    return open_import(node, row)


def list_imports(node: Node, person: Person | None) -> list[Import]:
    """Return the imports of a person, or of the command line, the newest first."""
    with reading(node.engine) as conn:
        rows = imports.list_imports(conn, person.id if person else None, 4 * MAX_OPEN)
    return [open_import(node, row) for row in rows]


def change_reading(
    node: Node, found: Import, *, encoding: str = "", delimiter: str = "", sheet: str = ""
) -> None:
    """Read a file anew, in another way; the guesses about its columns are made anew, too.

    Raises:
        InvalidInput: it cannot be read so; everything stays as it is.
        Conflict: the import is further already.
    """
    data = read_file(node, found)
    read = found.reading
    if read.kind == CSV:
        if encoding and encoding != read.encoding:
            read = change_encoding(data, read, encoding)
        elif delimiter:
            read = replace(read, delimiter=delimiter)
    elif sheet:
        read = replace(read, sheet=sheet)
    survey = _survey(data, read)
    mapping = ColumnMapping(suggest_columns(survey["headers"]), language=found.mapping.language)
    made = _import_of(found.row, {**survey, "name": found.name, "mapping": asdict(mapping)})
    _store(node, found, _settle_dates(made), total=int(survey["total"]))


def set_mapping(node: Node, found: Import, mapping: ColumnMapping) -> Import:
    """Keep what becomes of the columns; what was tried before is forgotten.

    Raises:
        Conflict: the import is further already.
    """
    changed = _settle_dates(replace(found, mapping=mapping))
    return _store(node, found, changed)


def _store(node: Node, found: Import, changed: Import, total: int | None = None) -> Import:
    if found.row.state not in (imports.MAPPING, imports.CHECKED, imports.FAILED):
        raise Conflict("The rows are being worked on.", "Wait until that is done.")
    content = seal_import(node, changed)
    with writing(node.engine) as conn:
        if not imports.change_import(conn, found.row, imports.MAPPING, content=content, total=total):
            raise Conflict("The import has changed meanwhile.", "Look at it again.")
        imports.drop_rows(conn, found.id, (imports.GOOD, imports.WRONG, imports.HERE))
    row = replace(found.row, state=imports.MAPPING, done=0, content=content)
    return replace(changed, row=row if total is None else replace(row, total=total))


def start_check(node: Node, found: Import) -> None:
    """Have the rows tried.

    Raises:
        InvalidInput: something has to be said first.
        Conflict: they are being worked on.
    """
    if questions := found.open_questions():
        raise InvalidInput(
            "Something is to be filled in before the rows can be tried.",
            "Say for each of these which column has it, or what is the same for every row.",
            questions,
        )
    found = _store(node, found, found)
    _go_on(node, found, imports.CHECKING)


def start_import(node: Node, found: Import, *, update: bool) -> None:
    """Have the good rows put into the register, as cases that are not published.

    Args:
        update: whether the cases that are there already are changed to what their rows say.

    Raises:
        Conflict: the rows were not tried.
    """
    if found.row.state != imports.CHECKED:
        raise Conflict("The rows were not tried yet.", "Have them tried first.")
    # What shows cells goes now: from here on an import can outlive the cases that its file speaks of.
    kept = replace(found, update=update, samples=(), distinct={}, orders={})
    _go_on(node, found, imports.IMPORTING, content=seal_import(node, kept))


def start_undo(node: Node, found: Import, actor: str) -> None:
    """Have everything taken back that an import made.

    Raises:
        Conflict: it is not through, or something of it was published.
    """
    if not found.can_be_undone:
        raise Conflict("This import cannot be undone.", "It is not through, or was undone already.")
    with reading(node.engine) as conn:
        published, _ = imports.count_touched(conn, found.id)
    if published:
        raise Conflict(
            "Some of these cases were published, so that the import cannot be undone as one.",
            "Close or erase the cases one by one.",
        )
    _go_on(
        node, found, imports.UNDOING, entry=JournalEntry(node.clock(), actor, "import.undo", purpose=found.id)
    )


def throw_away(node: Node, found: Import, actor: str) -> None:
    """Forget a file and everything that was done with it; cases that were made of it stay.

    Raises:
        Conflict: its rows are being imported.
    """
    if found.row.state in (imports.IMPORTING, imports.UNDOING):
        raise Conflict("The rows are being worked on.", "Wait until that is done.")
    with writing(node.engine) as conn:
        imports.drop_import(conn, found.id)
        write_journal(conn, JournalEntry(node.clock(), actor, "import.forget", purpose=found.id))


def forget_old(node: Node) -> None:
    """Forget files that nobody came back to, and of imports that are through what their time is over for."""
    now = node.clock()
    with writing(node.engine) as conn:
        imports.drop_old_imports(conn, now)
        imports.drop_old_rows(conn, now - LIFE + UNDO_WINDOW)


def read_file(node: Node, found: Import) -> bytes:
    """Return the file itself.

    Raises:
        Conflict: it is gone.
    """
    with reading(node.engine) as conn:
        sealed = imports.read_file(conn, found.id)
    if sealed is None:
        raise Conflict("The file is not here any more.", "Upload it again.")
    return decrypt(node, _USE, f"file {found.id}", sealed)


def open_import(node: Node, row: ImportRow) -> Import:
    """Decrypt what is known of an import."""
    return _import_of(row, json.loads(decrypt(node, _USE, f"import {row.id}", row.content)))


def seal_row(node: Node, import_id: str, number: int, content: Mapping[str, Any]) -> bytes:
    """Encrypt what is known of a row."""
    return encrypt(node, _USE, f"row {import_id} {number}", json.dumps(content).encode())


def open_row(node: Node, import_id: str, number: int, sealed: bytes) -> dict[str, Any]:
    """Decrypt what `seal_row` was given."""
    found: dict[str, Any] = json.loads(decrypt(node, _USE, f"row {import_id} {number}", sealed))
    return found


def _take_turn(node: Node, person: Person | None) -> None:
    if person is None:
        return
    with writing(node.engine) as conn:
        waiting = [row for row in imports.list_imports(conn, person.id, 100) if row.state in imports.OPEN]
        if len(waiting) >= MAX_OPEN:
            raise Conflict("You have too many files on the way.", "Import them first, or throw some away.")
        if access.take_turn(conn, "import", {f"person {person.id}": MAX_UPLOADS}, node.clock(), _HOUR):
            raise TooOften("You have uploaded too many files within an hour.", "Wait a little.", 600)


def _survey(data: bytes, read: Reading) -> dict[str, Any]:
    """Look a file over: its headers, and what tells what its columns are."""
    rows = read_rows(data, read)
    first = next(rows, None)
    if first is None:
        raise InvalidInput("The file is empty.", "Choose the file with the cases.")
    width, total, formulas = len(first.cells), 0, 0
    samples: list[list[str]] = []
    distinct: dict[int, dict[str, None]] = defaultdict(dict)
    orders: dict[int, set[str]] = {}
    for row in rows:
        width, total, formulas = max(width, len(row.cells)), total + 1, formulas + row.formulas
        for place, cell in enumerate(row.cells):
            if not cell:
                continue
            words = distinct[place]
            if cell in words:  # and what it tells was noted then
                continue
            if len(words) <= MAX_WORDS:
                words[cell[: _MAX_WORD + 1]] = None
            if len(cell) >= _SHORTEST_DATE and cell[0].isdecimal() and (read_orders := orders_of([cell])):
                orders[place] = orders.get(place, read_orders) & read_orders
        if len(samples) < _SAMPLES:
            samples.append([cell[:_MAX_SAMPLE] for cell in row.cells])
    if not total:
        raise InvalidInput(
            "The file has a row of headers, and no row below it.", "Choose the file with the cases."
        )
    return {
        "reading": asdict(read),
        "headers": _unique([*first.cells, *[""] * (width - len(first.cells))]),
        "samples": samples,
        "distinct": _few(distinct),
        "orders": {place: sorted(found) for place, found in orders.items()},
        "formulas": formulas,
        "total": total,
    }


def _few(distinct: Mapping[int, Mapping[str, None]]) -> dict[int, list[str]]:
    kept, size = {}, 0
    for place, words in sorted(distinct.items(), key=lambda item: len(item[1])):
        size += sum(map(len, words))
        if (
            len(words) <= MAX_WORDS
            and all(len(word) <= _MAX_WORD for word in words)
            and size <= _MAX_DISTINCT
        ):
            kept[place] = list(words)
    return kept


def _unique(headers: Sequence[str]) -> list[str]:
    """Give each header once: a mapping is kept by them."""
    seen: dict[str, int] = {}
    made = []
    for header in headers:
        text = " ".join(header.split())[:100]
        seen[text] = seen.get(text, 0) + 1
        made.append(f"{text} {seen[text]}" if text and seen[text] > 1 else text)
    return made


def _settle_dates(found: Import) -> Import:
    """Choose the order of day and month where the dates themselves tell it."""
    orders = found.orders_of_dates()
    if len(orders) == 1 and not found.mapping.dates:
        return replace(found, mapping=replace(found.mapping, dates=next(iter(orders))))
    return found


def _go_on(
    node: Node, found: Import, state: str, *, content: bytes | None = None, entry: JournalEntry | None = None
) -> None:
    with writing(node.engine) as conn:
        if not imports.change_import(conn, found.row, state, content=content):
            raise Conflict("The import has changed meanwhile.", "Look at it again.")
        if entry is not None:
            write_journal(conn, entry)


def seal_import(node: Node, found: Import) -> bytes:
    """Encrypt what is known of an import."""
    content = {
        "name": found.name,
        "reading": asdict(found.reading),
        "headers": found.headers,
        "samples": found.samples,
        "distinct": found.distinct,
        "orders": found.orders,
        "formulas": found.formulas,
        "mapping": asdict(found.mapping),
        "update": found.update,
        "problem": found.problem,
    }
    return encrypt(node, _USE, f"import {found.id}", json.dumps(content).encode())


def _import_of(row: ImportRow, content: Mapping[str, Any]) -> Import:
    read = dict(content["reading"])
    return Import(
        row=row,
        name=content["name"],
        reading=Reading(**{**read, "sheets": tuple(read["sheets"])}),
        headers=tuple(content["headers"]),
        samples=content["samples"],
        distinct={int(place): words for place, words in content["distinct"].items()},
        orders={int(place): orders for place, orders in content["orders"].items()},
        formulas=content["formulas"],
        mapping=ColumnMapping(**content["mapping"]),
        update=content.get("update", False),
        problem=content.get("problem", ""),
    )
