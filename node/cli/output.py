"""What commands print: tables and lines for people, one JSON value for programs, progress on terminals.

Guarantees: with `--json` standard output holds exactly one JSON value; progress and remarks go to standard
error; texts that came from elsewhere cannot steer the terminal or the layout.
"""

import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import click
import orjson
from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 200
"""Columns of a table that no terminal shows."""

_JOINERS = "\u200c\u200d"
"""Invisible, and part of how Persian and the Indic scripts are written."""

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
    print_rich(make_table(columns, rows, title))


def print_rich(value: RenderableType) -> None:
    """Print something of rich's on standard output."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    console = Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)
    console.print(value)


def make_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> Table:
    """Make a table of texts, times and numbers."""
    table = Table(
        *columns,
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(shown(cell)) for cell in row))
    return table


def say(text: str = "") -> None:
    """Print a line on standard output."""
    click.echo(text)


def remark(text: str) -> None:
    """Print a line on standard error: what a person wants to know and a program does not."""
    click.echo(text, err=True)


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
    return "".join(char if _is_harmless(char) else "�" for char in text)


def readable(value: Any) -> str:
    """Write a value of a case for people: texts with their language, objects and lists without brackets."""
    match value:
        case dict() if value and all(map(_is_text, value.values())):
            return "\n".join(
                f"{item['text']} [{lang}{'' if item['origin'] == 'original' else ', ' + item['origin']}]"
                for lang, item in value.items()
            )
        case dict():
            return ", ".join(f"{name} {_on_one_line(item)}" for name, item in value.items())
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


def _on_one_line(value: Any) -> str:
    return readable(value).replace("\n", " / ")


def _is_harmless(char: str) -> bool:
    return char in "\n\t" or char in _JOINERS or unicodedata.category(char)[0] != "C"


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
