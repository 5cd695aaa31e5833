"""What commands print: tables and lines for people, one JSON value for programs, progress on terminals.

Guarantees: with `--json` standard output holds exactly one JSON value; progress and remarks go to standard
error; texts that came from elsewhere cannot steer the terminal or the layout.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import click
import orjson
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from node.cli.base.hints import as_typed_here
from protocol.signs import is_readable

_PIPE_WIDTH = 200
"""Characters in a line of a table that no terminal shows."""

_FOLDED_COLUMNS = 3
"""Tables of so many columns fold their texts where the line is short."""

SEXES: Mapping[str, int] = {"unknown": 0, "male": 1, "female": 2, "not_applicable": 9}
"""Words for the codes of ISO 5218, which a case states."""

Tell = Callable[[str, str, int, int], None]
"""`tell(who, what, done, total)`: a total of 0 is not known."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value and nothing else.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
    click.echo(orjson.dumps(value, default=_as_json, option=options).decode())


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print a table on standard output."""
    print_rich(Rows(columns, rows, title))


def print_record(values: Mapping[str, Any]) -> None:
    """Print the fields of a case's record or part on standard output."""
    print_table(("field", "value"), [(name, readable_field(name, item)) for name, item in values.items()])


def print_rich(value: RenderableType) -> None:
    """Print something of rich's on standard output."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)
    console.print(value)


class Rows:
    """A table of texts, times and numbers: in columns where these fit, else every row as a block of lines.

    Columns that are folded to a few letters each can be read by nobody; a table of two or three is folded,
    because its last one holds sentences.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
        self._columns = columns
        self._rows = [tuple(Text(shown(cell)) for cell in row) for row in rows]
        self._title = Text(title, style="bold") if title else None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render for the width that there is."""
        table = self._table()
        needed = console.measure(table, options=options.update(max_width=_PIPE_WIDTH)).maximum
        if len(self._columns) <= _FOLDED_COLUMNS or needed <= options.max_width:
            yield table
            return
        if self._title:
            yield self._title
        for row in self._rows:
            yield Text()
            yield Text.assemble((f"{self._columns[0]}  ", "dim"), (row[0].plain, "bold"))
            yield self._block(row)

    def _table(self) -> Table:
        table = Table(
            *self._columns, title=self._title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
        )
        for column in table.columns:
            column.overflow = "fold"
        for row in self._rows:
            table.add_row(*row)
        return table

    def _block(self, row: Sequence[Text]) -> Table:
        lines = Table.grid(padding=(0, 1, 0, 2), pad_edge=True)
        lines.add_column(style="dim", no_wrap=True)
        lines.add_column(overflow="fold")
        for name, cell in zip(self._columns[1:], row[1:], strict=True):
            if cell.plain not in ("", "-"):
                lines.add_row(name, cell)
        return lines


def say(text: str = "") -> None:
    """Print a line on standard output."""
    click.echo(as_typed_here(text))


def remark(text: str) -> None:
    """Print a line on standard error: what a person wants to know and a program does not."""
    click.echo(as_typed_here(text), err=True)


def shown(value: Any) -> str:
    """Write a value for a table."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case list() | tuple():
            return ", ".join(shown(item) for item in value) or "-"
        case _:
            return safe(str(value))


def safe(text: str) -> str:
    """Replace what could steer a terminal or turn the reading direction; line breaks and tabs stay."""
    return "".join(char if char in "\n\t" or is_readable(char) else "�" for char in text)


def readable(value: Any) -> str:
    """Write a value of a case for people: texts with their language, objects and lists without brackets."""
    match value:
        case dict() if value and all(map(_is_text, value.values())):
            return "\n".join(
                f"{item['text']} [{lang}{'' if item['origin'] == 'original' else ', ' + item['origin']}]"
                for lang, item in value.items()
            )
        case dict():
            return ", ".join(
                f"{name} {_on_one_line(readable_field(name, item))}" for name, item in value.items()
            )
        case list() if any(isinstance(item, dict) for item in value):
            return "\n".join(f"- {readable(item)}" for item in value)
        case list():
            return ", ".join(readable(item) for item in value)
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def utc_time(moment: datetime | None) -> str:
    """Write a moment in UTC, or that there was none."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"


@contextmanager
def progress_bars() -> Iterator[Tell]:
    """Give a function that shows progress, one bar for each `who`; silent unless a terminal is watching."""
    if not sys.stderr.isatty():
        yield lambda who, what, done, total: None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(who: str, what: str, done: int, total: int) -> None:
            if who not in tasks:
                tasks[who] = bars.add_task("", total=None)
            description = Text.assemble(safe(who), " ", (what, "dim")).plain
            bars.update(tasks[who], description=description, completed=done, total=total or None)

        yield tell


def _is_text(value: Any) -> bool:
    """Tell whether it is a text in one language; a field that no schema knows may only look like one."""
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("text", "origin"))


def readable_field(name: str, value: Any) -> str:
    """Write a field of a case for people."""
    if name == "sex" and isinstance(value, int):
        return next((word for word, code in SEXES.items() if code == value), str(value))
    return readable(value)


def _on_one_line(text: str) -> str:
    return text.replace("\n", " / ")


def _as_json(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case Mapping():
            return dict(value)
        case set() | frozenset():
            return sorted(value)
        case tuple() if hasattr(value, "_asdict"):
            return value._asdict()
        case _:
            return str(value)
