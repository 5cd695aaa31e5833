"""`gmcn sandbox`: a whole network on this machine, to watch, to try, and to check itself."""

import shlex
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import click
from rich.console import Console

from node.cli.base.failures import UNEXPECTED
from node.cli.base.output import json_option, print_json, remark, say
from node.config import LogConfig
from node.errors import InvalidInput
from node.log import set_up_log
from node.sandbox.live import watch
from node.sandbox.story import Report, Step, play
from node.sandbox.world import open_world, run_world

_FOLDER = Path("sandbox")
_UNWATCHED_SECONDS = 60.0


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the network is or will be.  [default: ./sandbox; with --once a temporary folder]",
)
@click.option(
    "--cases",
    "number",
    type=click.IntRange(4, 500),
    default=12,
    show_default=True,
    help="Of each member, when the network is built.",
)
@click.option("--once", is_flag=True, help="Play the whole story by itself, check every step, and end.")
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    metavar="N",
    help="End after so long.  [default: Ctrl-C on a terminal, 60 elsewhere]",
)
@json_option
@click.pass_context
def sandbox(
    ctx: click.Context, folder: Path | None, number: int, once: bool, seconds: float | None, as_json: bool
) -> None:
    """Build a network of invented members and children in a folder, run its nodes, and show what they do.

    A coordinator, four members in four countries that own cases, one of them an NGO, and the police force
    that endorses it. Every case is invented, every face is drawn, and every page says EXERCISE. The nodes
    listen on 127.0.0.1 only; they end with this command, and the same command goes on where it was. See
    docs/sandbox.md.

    \b
    Examples:
      gmcn sandbox
      gmcn sandbox --folder /tmp/network --cases 40
      gmcn sandbox --once --json
    """
    set_up_log(LogConfig(level="error"))
    if once:
        if seconds is not None:
            raise InvalidInput("--once ends when the story does.", "Leave --seconds out.")
        _tell_story(ctx, folder, number, as_json=as_json)
        return
    if as_json:
        raise InvalidInput("--json is for the report of --once.", "Say both, or use `gmcn status --json`.")
    if seconds is None and not sys.stdout.isatty():
        seconds = _UNWATCHED_SECONDS
    folder = folder or _FOLDER
    say(f"EXERCISE: {'going on with' if open_world(folder) else 'building'} the sandbox in {folder}.")
    with suppress(KeyboardInterrupt), run_world(folder, number, _doing) as (world, processes):
        watch(world, processes, seconds, _doing)
    again = "gmcn sandbox" if folder == _FOLDER else f"gmcn sandbox --folder {shlex.quote(str(folder))}"
    say(f"Stopped. Everything is in {folder}; `{again}` goes on with it. EXERCISE.")


def _tell_story(ctx: click.Context, folder: Path | None, number: int, *, as_json: bool) -> None:
    place = folder or Path(tempfile.mkdtemp(prefix="gmcn-sandbox-"))
    kept = folder is not None
    try:
        report = _play_aloud(place, number, aside=as_json)
        kept = kept or not report.ok
    finally:
        if not kept:
            shutil.rmtree(place)
    if as_json:
        print_json({"exercise": True, "ok": report.ok, "seconds": report.seconds, "steps": report.steps})
    if not report.ok:
        remark(f"What every node said is in {place / 'logs'}.")
        ctx.exit(UNEXPECTED)


def _play_aloud(place: Path, number: int, *, aside: bool) -> Report:
    """Play the story, and print every step as it ends: on standard error beside a report for a program."""
    console = Console(stderr=aside, highlight=False, soft_wrap=True)

    def ended(step: Step) -> None:
        mark = "[green]✓[/]" if step.ok else "[red]✗[/]"
        console.print(f"{mark} {step.seconds:6.2f} s  [bold]{step.name:<17}[/] ", end="")
        console.print(step.detail, markup=False)

    console.print(f"EXERCISE: a network of invented members and children, in {place}.", markup=False)
    report = play(place, number, ended)
    ending = "All is well" if report.ok else "Not all is well"
    console.print(f"{ending}, after {report.seconds} s. EXERCISE.", markup=False)
    return report


def _doing(what: str) -> None:
    say(f"  {what} …")
