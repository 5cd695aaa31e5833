"""Where a pull reads a feed from: its owner, or somebody who hands it on.

Guarantees: what somebody hands on was held against its hash before it goes any further, so that a lie is
held against who told it: a FalseSource never speaks of the feed or its owner. What the owner has signed is
judged in `protocol.verification`, wherever it was read.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from node.adapters.peers import PeerClient, feed_path, mirror_path
from node.errors import PeerUnavailable
from node.runtime import Node
from protocol.answers import Absence, Given
from protocol.document import digest_document
from protocol.errors import ProtocolError, Rollback, SplitView
from protocol.member import Member
from protocol.pruning import Pruned
from protocol.tiles import TileRef


class FalseSource(ProtocolError):
    """Somebody who hands a feed on gives what its owner never signed. The feed is what it was.

    Args:
        name: who does.
        reason: which rule that breaks.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} hands on what is not true: {reason}")
        self.name = name
        self.reason = reason


class Source(Protocol):
    """One feed, as somebody gives it. What it raises speaks of the source."""

    @property
    def name(self) -> str:
        """Whose words these are, for people."""

    @property
    def owner(self) -> bool:
        """Whether it is the feed's own member, whose word on what it does not give counts."""

    def get_checkpoint(self, tag: str) -> bytes | None:
        """Return the newest checkpoint; None when it is still the one with this ETag."""

    def get_file(self, ref: TileRef) -> bytes:
        """Return a tile or an entry bundle."""

    def get_pruned(self, known: int) -> Pruned | None:
        """Return what stands for entries behind the first `known` that are not given any more; None when all
        are."""

    def get_documents(self, digests: Sequence[bytes]) -> list[Given | Absence]:
        """Return for each digest its document, or why there is none."""

    def get_photograph(self, sha256: str, size: int) -> bytes | None:
        """Return a photograph of `size` bytes; None when there is none for this member."""

    def get_readers(self) -> list[str] | None:
        """Return the members that the owner has the feed open to; None when the owner is not asked."""


@dataclass(frozen=True, slots=True)
class PeerSource:
    """A feed that a member serves: its own, or what it holds of another's.

    Attributes:
        feed: where below the member's address.
    """

    client: PeerClient
    member: Member
    feed: str
    owner: bool

    @property
    def name(self) -> str:
        """The id of the member that is asked."""
        return self.member.id

    def get_checkpoint(self, tag: str) -> bytes | None:
        """See `Source`."""
        return self.client.get_checkpoint(self.member, self.feed, tag)

    def get_file(self, ref: TileRef) -> bytes:
        """See `Source`."""
        return self.client.get_file(self.member, self.feed, ref)

    def get_pruned(self, known: int) -> Pruned | None:
        """See `Source`."""
        return self.client.get_pruned(self.member, self.feed, known)

    def get_documents(self, digests: Sequence[bytes]) -> list[Given | Absence]:
        """See `Source`."""
        answers = self.client.get_documents(self.member, self.feed, digests)
        if not self.owner:
            check_documents(self.name, digests, answers)
        return answers

    def get_photograph(self, sha256: str, size: int) -> bytes | None:
        """See `Source`."""
        data = self.client.get_photograph(self.member, self.feed, sha256, size)
        if data is not None and not self.owner:
            check_photograph(self.name, sha256, data)
        return data

    def get_readers(self) -> list[str] | None:
        """See `Source`."""
        return self.client.get_readers(self.member, self.feed) if self.owner else None


def owner_source(node: Node, member: Member, audience: str) -> PeerSource:
    """Read a feed from the member whose feed it is."""
    return PeerSource(node.peers, member, feed_path(audience), owner=True)


def mirror_source(node: Node, mirror: Member, owner: str, audience: str) -> PeerSource:
    """Read a feed from another member that holds it."""
    return PeerSource(node.peers, mirror, mirror_path(owner, audience), owner=False)


def check_documents(name: str, digests: Sequence[bytes], answers: Sequence[Given | Absence]) -> None:
    """Hold documents that somebody hands on against the digests that they were asked for by.

    Raises:
        FalseSource: one of them is another document.
    """
    for digest, answer in zip(digests, answers, strict=True):
        if isinstance(answer, Given):
            with held_against(name):
                given = digest_document(answer.body)
            if given != digest:
                raise FalseSource(name, "document: not the one that was announced")


def check_photograph(name: str, sha256: str, data: bytes) -> None:
    """Hold a photograph that somebody hands on against the hash that it was asked for by.

    Raises:
        FalseSource: it is another.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise FalseSource(name, "photograph: not the one that was announced")


@contextmanager
def held_against(name: str) -> Iterator[None]:
    """Hold a breach of the protocol against the one who hands a feed on.

    Raises:
        FalseSource: what was given is not what it should be.
        SplitView: the owner has signed two histories; whoever shows that tells the truth.
        PeerUnavailable: what was given is older than what is known: to be behind is no lie.
    """
    try:
        yield
    except (FalseSource, SplitView):
        raise
    except Rollback:
        raise PeerUnavailable(f"{name} is behind what is known here.", "It is asked again later.") from None
    except ProtocolError as error:
        raise FalseSource(name, str(error)) from None


def judged(source: Source) -> AbstractContextManager[None]:
    """Hold what is wrong with an answer against who gave it: the owner, or who hands the feed on."""
    return nullcontext() if source.owner else held_against(source.name)
