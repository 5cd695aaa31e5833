"""The command `gmcn`: one module a subject, over the same use cases that the node itself runs.

Guarantees: no command knows more than its arguments, its output and the use case it calls; errors are words
and an exit code (`base.failures`), never a traceback; what a script reads is on standard output and nothing
else is. Personal data is printed by the commands that were asked for it, and by no other.

A command's module is imported when the command is used, and not before: the trust client, the database and
the image library take longer to load than most commands take to run, and `gmcn --help` needs none of them.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from node.cli.base.failures import EXIT_CODES, catch

DEFAULT_HOME = Path("~/.gmcn")

SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Become and stay a member": {
        "init": ("home", "Make a new node in a folder."),
        "join": ("home", "Join a network: write the request, then take its signed files."),
        "member": ("members", "See the other members and accept their keys."),
        "keys": ("keys", "See this member's own keys, replace one, go on after a theft."),
        "endorse": ("members", "Endorse an NGO of this country, or take that back."),
    },
    "Own cases": {
        "case": ("cases", "Add, change and look at the cases of this register."),
        "publish": ("publishing", "Publish cases, or their newest records."),
        "gate": ("gate", "Ask for a publication, approve or refuse one."),
        "due": ("due", "See what is to be done, the most urgent first."),
        "renew": ("publishing", "Give published cases a new term of life."),
        "erase": ("publishing", "Erase a case everywhere, for good."),
        "erasures": ("erasures", "See who has hidden and purged what was erased."),
        "leads": ("leads", "Work on what is told about cases."),
        "messages": ("messages", "Read, answer and send sealed messages between members."),
    },
    "Find": {
        "search": ("search", "Find cases, own and foreign together."),
        "show": ("search", "Open one case."),
        "verify": ("verify", "Check a proof that a member's site gives, without asking anybody."),
    },
    "Run the node": {
        "serve": ("serve", "Run the node: serve peers, staff and the public, pull, expire, erase."),
        "site": ("site", "Serve the public site apart from the node, see and change how it looks."),
        "pull": ("pull", "Pull peers now."),
        "bundle": ("bundles", "Carry updates to and from a member without a line, as files."),
        "status": ("status", "Show what is held of whom, how fresh, and what failed."),
        "evidence": ("evidence", "See what proves that a member has shown two faces, and decide."),
        "audit": ("audit", "See who did what, take a copy of the journal, check one."),
        "fsck": ("fsck", "Verify everything on the disk again."),
        "backup": ("backup", "Write an encrypted copy of the whole node."),
        "backup-key": ("backup", "Make the key that opens backups."),
        "restore": ("backup", "Put a backup back into a new home."),
        "recover": ("recover", "Ask the peers for this node's own past, after a restore."),
        "token": ("tokens", "Make and revoke tokens for the search API."),
        "user": ("users", "Add people to the console, and help those who cannot sign in."),
    },
    "Coordinate a network, or try one": {
        "network": ("network", "Make and run a network: members, keys, policy."),
        "sandbox": ("sandbox", "Build a whole network on this machine, with invented cases."),
    },
}
"""Every command by subject: the module that it stands in, and one line on it. A test holds the lines to the
commands."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the command line says about every command.

    Attributes:
        home: the node's folder.
        debug: whether unexpected errors show where in the program they came from.
    """

    home: Path
    debug: bool


class Commands(click.Group):
    """The commands of `SECTIONS`, each imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of `SECTIONS`."""
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        for names in SECTIONS.values():
            if cmd_name in names:
                command: click.Command = getattr(_load(names[cmd_name][0]), cmd_name.replace("-", "_"))
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        for section, names in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, line) for name, (_, line) in names.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong becomes words and an exit code."""
        with catch(ctx):
            return super().invoke(ctx)


def _load(name: str) -> ModuleType:
    """Import a command's module.

    What comes with it stays: to look for garbage among it takes an eighth of the time of starting.
    """
    looking = gc.isenabled()
    gc.disable()
    try:
        return import_module(f"node.cli.{name}")
    finally:
        if looking:
            gc.enable()


def walk(command: click.Command, ctx: click.Context) -> Iterator[tuple[click.Context, click.Command]]:
    """Walk over a command and everything below it, each with a context that knows its full name."""
    yield ctx, command
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from walk(below, click.Context(below, info_name=name, parent=ctx))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="GMCN_HOME",
    default=DEFAULT_HOME,
    show_default=True,
    show_envvar=True,
    help="The node's folder.",
)
@click.option("--debug", is_flag=True, help="Show where in the program an error came from.")
@click.version_option(package_name="gmcn-node", message="gmcn %(version)s")
@click.pass_context
def main(ctx: click.Context, home: Path, debug: bool) -> None:
    """Run a node of the Global Missing Children's Network.

    A node publishes its member's cases, holds verified copies of everyone else's, and finds a child in all of
    them from its own disk. Every command explains itself with examples: gmcn COMMAND --help.

    \b
    Examples:
      gmcn --home /srv/gmcn init police.fr.example
      gmcn case add case.json
      gmcn search "Олена Шевченко" --missing-within 2
    """
    ctx.obj = Invocation(home.expanduser(), debug)


__all__: Sequence[str] = ("DEFAULT_HOME", "SECTIONS", "Invocation", "main", "walk")
