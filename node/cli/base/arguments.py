"""What people type: pairs, fingerprints read out over the telephone, files and standard input."""

import os
import sys
import warnings
from collections.abc import Iterable
from getpass import GetPassWarning
from pathlib import Path

import click

from node.adapters.keystore import read_passphrase
from node.errors import InvalidInput, NotFound

MAX_FILE = 64 << 20
STANDARD_INPUT = Path("-")
PASSPHRASE_VARIABLE = "GMCN_PASSPHRASE"  # noqa: S105 - its name

passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help=f"Where the key's passphrase stands; else {PASSPHRASE_VARIABLE}, else it is asked for.",
)


def read_pairs(texts: Iterable[str], what: str) -> dict[str, str]:
    """Read `KEY=VALUE` arguments; the last of two with the same key counts.

    Raises:
        InvalidInput: there is no equals sign, with every such argument.
    """
    given = list(texts)
    if wrong := [text for text in given if "=" not in text]:
        raise InvalidInput(f"A {what} is written as KEY=VALUE.", "Put an equals sign between the two.", wrong)
    return dict(text.split("=", 1) for text in given)


def same_fingerprint(one: str, other: str) -> bool:
    """Compare two fingerprints, however they were grouped or capitalised in writing them down."""
    return _bare(one) == _bare(other)


def read_input(path: Path) -> bytes:
    """Read a file, or standard input where its name is a dash.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it cannot be read, or is too large to be meant.
    """
    if path == STANDARD_INPUT:
        data = sys.stdin.buffer.read(MAX_FILE + 1)
    else:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except FileNotFoundError:
            raise NotFound(f"There is no file {path}.", "Check its name and folder.") from None
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}.", "Check its owner.") from None
    if len(data) > MAX_FILE:
        raise InvalidInput(f"{path} has more than {MAX_FILE >> 20} MiB.", "Split it into several files.")
    return data


def ask_passphrase(file: Path | None, key_file: Path, *, new: bool = False) -> bytes:
    """Find a key file's passphrase: in a file, in the environment, or by asking.

    Args:
        new: whether the key is being made: whoever types it types it twice.

    Raises:
        NotFound, NotAllowed, InvalidInput: see `keystore.read_passphrase` and `ask_secret`.
    """
    if file is not None:
        return read_passphrase(file)
    if found := os.environ.get(PASSPHRASE_VARIABLE):
        return found.encode()
    step = f"Give it with --passphrase-file, or in {PASSPHRASE_VARIABLE}."
    return ask_secret(f"Passphrase of {key_file}", step, new=new).encode()


def ask_secret(what: str, step: str, *, new: bool) -> str:
    """Ask at the terminal for what nobody may see there.

    Args:
        step: how else it can be given.
        new: whether it is made now: whoever types it types it twice.

    Raises:
        InvalidInput: there is no terminal that can hide it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)  # Python would read on, and show what is typed
        try:
            asked: str = click.prompt(what, hide_input=True, confirmation_prompt=new)
        except GetPassWarning:
            raise InvalidInput(f"{what}: there is no terminal here to ask for it at.", step) from None
    return asked


def _bare(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())
