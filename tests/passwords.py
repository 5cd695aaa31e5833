"""Passwords and passphrases cost next to nothing in tests, which hash and check thousands. What they cost in
the program is held by the few that ask for it here."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from argon2 import PasswordHasher

from node.adapters import keystore
from node.services.people import passwords

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_TRUE = {
    passwords: {"_HASHER": passwords._HASHER, "_NOBODY": passwords._NOBODY},
    keystore: {"_COST": keystore._COST},
}


def make_cheap() -> None:
    """Let them cost nothing to stretch, for the rest of the process."""
    passwords._HASHER, passwords._NOBODY = _CHEAP, _CHEAP.hash("nobody's")
    keystore._COST = 1


@contextmanager
def true_cost() -> Iterator[None]:
    """Let them cost what they cost in the program."""
    with ExitStack() as stack:
        for module, values in _TRUE.items():
            stack.enter_context(patch.multiple(module, **values))
        yield
