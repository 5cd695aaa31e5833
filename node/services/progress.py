"""How long work tells how far it is, so that whoever waits sees it go on."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""`progress(what, done, total)`; `what` is a word in the plural, such as "entries" or "photographs"."""


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""
