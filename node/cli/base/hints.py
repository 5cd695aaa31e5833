"""The commands that people are told to type next, written so that they can be copied.

Guarantees: wherever a text for people names `gmcn COMMAND`, it names the program as it was started here, and
the home that was given by --home, to the program or to a command that makes one. A home that stands in the
environment is not repeated: it is there for the next command as well.
"""

import re
import shlex
import shutil
import sys
from pathlib import Path

import click
from click.core import ParameterSource

_COMMAND = re.compile(r"\bgmcn (?=([a-z]+(?:-[a-z]+)*)(?: ([a-z]+))?)")
_WITHOUT_HOME = frozenset({"network", "sandbox", "backup-key", "restore", "evidence check"})


def as_typed_here(text: str) -> str:
    """Write every command in a text as it has to be typed where the text is read."""
    ctx = click.get_current_context(silent=True)
    root = ctx.find_root() if ctx else None
    if ctx is None or root is None or not isinstance(root.command, click.Group):
        return text
    names, program, home = set(root.command.list_commands(root)), _program(), _home(ctx, root)

    def typed(match: re.Match[str]) -> str:
        name, below = match[1], f"{match[1]} {match[2]}"
        if name not in names:
            return match[0]
        return f"{program} " if {name, below} & _WITHOUT_HOME else f"{program} {home}"

    return _COMMAND.sub(typed, text)


def _program() -> str:
    """Name the program: by its path where the shell would not find it, or would find another one."""
    started = Path(sys.argv[0])
    found = shutil.which("gmcn")
    if started.name != "gmcn" or (found is not None and Path(found).resolve() == started.resolve()):
        return "gmcn"
    return shlex.quote(str(started))


def _home(*contexts: click.Context) -> str:
    """Name the home that was given: to the command itself, which made it, or else to the program."""
    for ctx in contexts:
        if ctx.get_parameter_source("home") is ParameterSource.COMMANDLINE:
            return f"--home {shlex.quote(str(ctx.params['home']))} "
    return ""
