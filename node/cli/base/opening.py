"""The node that a command works on, and who is at the keyboard."""

import functools
import os
import pwd
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import click
from sqlalchemy.exc import OperationalError

from node.cli import Invocation
from node.errors import PeerUnavailable
from node.runtime import Node, open_node
from node.services.witnesses.witnessing import check_not_restored
from node.store.database import reading
from node.store.migrate import migrate

P = ParamSpec("P")
R = TypeVar("R")

_SHOWING = ("case", "publish", "gate", "due", "renew", "erase", "search", "show")
"""What shows or changes cases: after a restore nothing of it before what was erased since is gone."""


def pass_node(command: Callable[Concatenate[Node, P], R]) -> Callable[P, R]:
    """Open the node in `--home` for a command, and close it afterwards.

    The database is brought to the form of this version of the program first, so that the commands before the
    first `serve` of an upgrade do not stumble over the old one.
    """

    @functools.wraps(command)
    def opened(*args: P.args, **kwargs: P.kwargs) -> R:
        invocation = click.get_current_context().find_object(Invocation)
        assert invocation is not None
        node = open_node(invocation.home)
        try:
            migrate(node.engine)
            if click.get_current_context().find_root().invoked_subcommand in _SHOWING:
                with reading(node.engine) as conn:
                    check_not_restored(conn)
            return command(node, *args, **kwargs)
        except OperationalError as error:  # what it says may quote a row
            raise PeerUnavailable(
                "The database does not answer.",
                "Check that it runs and has room, and that database.url in node.toml is right.",
            ) from error
        finally:
            node.engine.dispose()
            node.http.close()

    return opened


def actor() -> str:
    """Name who is at the keyboard, for the journal."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container may run under a number without a name
        return f"cli:{os.getuid()}"
