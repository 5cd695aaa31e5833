"""Passwords in tests are hashed at the least cost: every test of people hashes and checks several."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from argon2 import PasswordHasher

from node.services.people import passwords


@contextmanager
def cheap_passwords() -> Iterator[None]:
    """Let passwords cost nothing to hash and to check."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with patch.multiple(passwords, _HASHER=hasher, _NOBODY=hasher.hash("nobody's")):
        yield
