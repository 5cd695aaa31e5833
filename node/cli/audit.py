"""`gmcn audit`: who did what, by the journal; a copy of it for an auditor, and checking such a copy."""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

import click

from node.adapters.files import sync
from node.cli.base.failures import DAMAGED
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import (
    json_option,
    print_json,
    print_table,
    progress_bars,
    remark,
    safe,
    say,
    utc_time,
)
from node.errors import InvalidInput
from node.runtime import Node
from node.services.audit.exports import Exported, check_export, export_journal
from node.services.audit.searching import list_entries
from node.store.journal import NumberedEntry, Wanted

_STDOUT = Path("-")
_MOST = 1 << 53
_moment = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def audit() -> None:
    """See who did what with personal data, when and why, by the node's journal.

    It holds case ids, names of fields and keyed hashes of what was searched for, never what a case says.
    Every look at it is in it, too. `gmcn fsck` tells whether it is whole.

    \b
    Examples:
      gmcn audit list --case CASE
      gmcn audit export journal.jsonl
    """


@audit.command("list")
@click.option("--actor", "who", metavar="WHO", help="Who did it, such as cli:amina or `token 3f9a0c11d2e4`.")
@click.option("--action", metavar="ACTION", help="What was done: case.open, or case for all about cases.")
@click.option("--case", "case_id", metavar="CASE", help="About this case.")
@click.option("--field", metavar="NAME", help="Names this field, part, member or feed.")
@click.option("--purpose", metavar="TEXT", help="With these words in what was given as the purpose.")
@click.option("--term", default="", metavar="WORDS", help="Searches for all of these words, in any script.")
@click.option("--since", type=_moment, metavar="TIME", help="From this day or moment on (UTC).")
@click.option("--until", type=_moment, metavar="TIME", help="Before this day or moment (UTC).")
@click.option(
    "--before", type=click.IntRange(0, _MOST), metavar="NUMBER", help="With a smaller number: the next page."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True,
              help="At most so many.")  # fmt: skip
@json_option
@pass_node
def list_(
    node: Node,
    /,
    who: str | None,
    term: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
    **conditions: Any,
) -> None:
    """List entries of the journal, the newest first. Conditions narrow the result.

    What was searched for stands in the journal as keyed hashes; with --term this node hashes the words in the
    same way, and shows who asked for them. A dash reads them from standard input.

    \b
    Examples:
      gmcn audit list --case police.ua.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
      gmcn audit list --actor cli:amina --action case.open --since 2026-11-01
      gmcn audit list --term "Олена Шевченко"
    """
    wanted = Wanted(actor=who, since=_aware(since), until=_aware(until), **conditions)
    words = sys.stdin.readline().strip() if term == "-" else term
    found = list_entries(node, wanted, actor(), words, limit)
    if as_json:
        print_json([_as_json(item) for item in found])
        return
    rows = [
        (
            item.number,
            utc_time(item.entry.at),
            item.entry.actor,
            item.entry.action,
            item.entry.case_id,
            list(item.entry.fields),
            item.entry.purpose,
        )
        for item in found
    ]
    print_table(("number", "when", "who", "action", "case", "what", "purpose"), rows)
    if len(found) == limit:
        remark(f"There may be more: --before {found[-1].number}")


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--after", type=click.IntRange(0, _MOST), default=0, metavar="NUMBER",
              help="Begin behind this entry, where the last export ended.")  # fmt: skip
@json_option
@pass_node
def export(node: Node, file: Path, after: int, as_json: bool) -> None:
    """Write the journal into FILE, or to standard output (-), and sign its head: JSON, one entry a line.

    Keep exports where nobody who runs the node can change them: they show whether it was written anew since.
    Ends with 8 when the journal is not as it was signed; then it is written as it is, and not signed.

    \b
    Examples:
      gmcn audit export /media/stick/journal.jsonl
      gmcn audit export --after 48213 - | gzip > since-march.jsonl.gz
    """
    if file == _STDOUT and as_json:
        raise InvalidInput("Standard output takes the export, or --json.", "Leave one of them out.")
    with progress_bars() as tell:
        write = partial(export_journal, node, actor=actor(), after=after, progress=partial(tell, node.member))
        done = write(sys.stdout.buffer) if file == _STDOUT else _write_whole(file, write)
    if as_json:
        print_json(done)
    else:
        remark(f"Entries {done.after + 1} to {done.last}. The next export: --after {done.last}")
    if done.problem:
        remark(f"It is not signed: {done.problem} Run `gmcn fsck`.")
        click.get_current_context().exit(DAMAGED)


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
@click.pass_context
@pass_node
def check(node: Node, ctx: click.Context, file: Path, as_json: bool) -> None:
    """Check a FILE that `gmcn audit export` wrote, of any member: that nothing in it was changed, left out or
    put in, and that the member signed it. No line is needed.

    Where it is of this node's own journal, that is compared as well: it must still go through the same
    entries. Ends with 8 when something is wrong.

    \b
    Example:
      gmcn audit check journal.jsonl
    """
    with file.open("rb") as opened, progress_bars() as tell:
        checked = check_export(node, opened, partial(tell, node.member))
    if as_json:
        print_json(checked)
    else:
        say(f"member   {safe(checked.member)}")
        say(f"entries  {checked.after + 1} to {checked.last}")
        say(f"signed   {utc_time(checked.signed_at)}")
        for problem in checked.problems:
            say(f"problem  {safe(problem)}")
        say("Not all is well." if checked.problems else "All is well.")
    if checked.problems:
        ctx.exit(DAMAGED)


def _write_whole(file: Path, write: Callable[[IO[bytes]], Exported]) -> Exported:
    """Have an export written into a file that is there whole or not at all."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as target:
            done = write(target)
        sync(unfinished)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return done


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _as_json(item: NumberedEntry) -> dict[str, Any]:
    entry = item.entry
    return {
        "number": item.number,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "case": entry.case_id,
        "fields": entry.fields,
        "purpose": entry.purpose,
        "terms": entry.terms,
    }
