"""Passwords: which are good enough, and their argon2 hashes.

Guarantees: a check takes as long for somebody who does not exist; no more than two are computed at a time, so
that a crowd at the door costs time and not memory.
"""

import secrets
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from node.errors import InvalidInput

MIN_LENGTH = 12
MAX_LENGTH = 200

# OWASP's first choice where memory is scarce: 19 MiB and two passes, 20 to 40 ms on an old computer.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Of a password that nobody knows any more, by the same parameters.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$f9Sjq6g9xLRxqQ0ykUs2Vw$KJ9rO5hsG+9LS/D+ihn5LUbhHH2VlSYQiq/XiJk5WzI"
# The memory is the process's, and so is this.
_AT_ONCE = BoundedSemaphore(2)
# Without letters and digits that are taken for each other on paper.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def generate_secret(groups: int = 4) -> str:
    """Draw a secret that can be read out and typed: groups of five letters and digits, 24 bits each."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(groups))


def hash_password(password: str) -> str:
    """Return the hash that is kept of a password."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_password(password: str, kept: str | None) -> bool:
    """Tell whether a password is the one whose hash was kept; None stands for somebody who does not exist."""
    with _AT_ONCE:
        try:
            _HASHER.verify(kept or _NOBODY, password[:MAX_LENGTH])
            return kept is not None
        except (VerificationError, InvalidHashError):
            return False


def check_password_rules(password: str, *names: str) -> None:
    """Check that a password is good enough to be set: long, not one key pressed many times, no name in it.

    Raises:
        InvalidInput: it is not, with all that is wrong.
    """
    problems = []
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        problems.append(f"password: must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    if len(set(password)) < 6:
        problems.append("password: must have at least 6 different characters")
    if any(len(name) > 3 and name.casefold() in password.casefold() for name in names):
        problems.append("password: must not contain the name")
    if problems:
        raise InvalidInput("This password cannot be used.", "Three or four words make a good one.", problems)
