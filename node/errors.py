"""What can go wrong between a person and a node, or a node and its surroundings, in words that say what to do
next.

    NodeError
    ├── NotFound           there is no such thing, or none that the asker may know of
    ├── NotAllowed         there is, and the asker may not
    ├── Conflict           it changed meanwhile, or somebody else is at it
    ├── InvalidInput       what was given cannot be taken; every problem at once
    └── PeerUnavailable    another machine did not answer in time or in full: try again later

A peer that breaks the protocol is a `protocol.errors.ProtocolError`, which shares no base with these: lying
and being down never share a path.
"""

from collections.abc import Sequence


class NodeError(Exception):
    """An error that a person can act on.

    Args:
        message: one plain sentence without personal data, written out where it is raised: the console's
            texts are read from there.
        next_step: what the reader can do about it; may be empty where nothing can be done.
        values: what stands in both for "%(name)s". Where there are none, a percent sign is itself.

    Attributes:
        message, next_step: in English, with the values in them.
        templates: the two as they were written, for whoever translates them.
    """

    def __init__(self, message: str, next_step: str = "", **values: object) -> None:
        self.templates = (message, next_step)
        self.values = values
        self.message, self.next_step = (text % values if values else text for text in self.templates)
        super().__init__(self.message)


class NotFound(NodeError):
    """There is no such thing here."""


class NotAllowed(NodeError):
    """The asker may not do this."""


class Conflict(NodeError):
    """The state is no longer what the asker took it for, or somebody else holds it."""


class InvalidInput(NodeError):
    """What was given cannot be taken.

    Args:
        problems: every problem found, each as "path: what is wrong".
    """

    def __init__(
        self, message: str, next_step: str = "", problems: Sequence[str] = (), **values: object
    ) -> None:
        super().__init__(message, next_step, **values)
        self.problems = tuple(problems)


class PeerUnavailable(NodeError):
    """Another machine did not answer in time or in full."""
