"""What goes wrong, as words on standard error and an exit code that a script can act on.

Guarantees: every problem is named with what to do next; no traceback without `--debug`; no error repeats
personal data: of what was not expected only its kind and place in the program are told, because the text of a
foreign exception may quote a row.
"""

import errno
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from node.cli.base.hints import as_typed_here
from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound, PeerUnavailable
from protocol.errors import ProtocolError

UNEXPECTED = 1
INVALID = 2
NOT_FOUND = 3
NOT_ALLOWED = 4
CONFLICT = 5
UNAVAILABLE = 6
PROTOCOL = 7
DAMAGED = 8
STOPPED = 130

EXIT_CODES: Mapping[int, str] = {
    0: "It was done.",
    UNEXPECTED: "Something unexpected: a fault of the program or of the machine.",
    INVALID: "The command line or what was given is wrong; nothing was changed.",
    NOT_FOUND: "There is no such thing.",
    NOT_ALLOWED: "It may not be done.",
    CONFLICT: "It changed meanwhile, is in another state, or somebody else is at it.",
    UNAVAILABLE: "Another machine did not answer; try again later.",
    PROTOCOL: "A peer or a file broke the protocol; nothing of it was taken.",
    DAMAGED: "fsck or audit found something that is not as it must be.",
    STOPPED: "Stopped by Ctrl-C, or not confirmed.",
}

_CODE_OF: Mapping[type[NodeError], int] = {
    InvalidInput: INVALID,
    NotFound: NOT_FOUND,
    NotAllowed: NOT_ALLOWED,
    Conflict: CONFLICT,
    PeerUnavailable: UNAVAILABLE,
}


@contextmanager
def catch(ctx: click.Context) -> Iterator[None]:
    """End the program in words when something goes wrong in the block."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit):
        raise  # click's own: it prints usage errors and ends with 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        ctx.exit(STOPPED)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # the reader of a pipe has gone; click ends quietly
        _end(ctx, error)
    except Exception as error:
        _end(ctx, error)


def tell(error: Exception) -> int:
    """Say on standard error what went wrong and what to do, and return the exit code."""
    match error:
        case NodeError():
            code = next((code for kind, code in _CODE_OF.items() if isinstance(error, kind)), UNEXPECTED)
            problems = error.problems if isinstance(error, InvalidInput) else ()
            _write(error.message, problems, error.next_step)
        case ProtocolError():
            code = PROTOCOL
            step = "Nothing of it was taken. Ask whoever it came from, by a line that you trust."
            _write(f"This breaks the protocol: {error}.", (), step)
        case OSError(strerror=str() as reason):
            code = UNEXPECTED
            place = f" ({error.filename})" if isinstance(error.filename, str) else ""
            _write(f"The machine refused: {reason}{place}.", (), "Check the disk and the owner of the files.")
        case _:
            code = UNEXPECTED
            step = "This is a fault of the program: report it with what --debug shows, without personal data."
            _write(f"Unexpected: {_describe(error)}.", (), step)
    return code


def _end(ctx: click.Context, error: Exception) -> None:
    code = tell(error)
    if getattr(ctx.obj, "debug", False):
        click.echo("".join(traceback.format_exception(error)), err=True)
    ctx.exit(code)


def _write(message: str, problems: tuple[str, ...], next_step: str) -> None:
    click.echo(f"Error: {as_typed_here(message)}", err=True)
    for problem in problems:
        click.echo(f"  - {problem}", err=True)
    if next_step:
        click.echo(f"Next: {as_typed_here(next_step)}", err=True)


def _describe(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where
