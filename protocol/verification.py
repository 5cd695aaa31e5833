"""The reading side of a feed: a state machine that is fed bytes.

    state = FeedState(origin)                             what is known and trusted so far
    update = FeedUpdate(state, checkpoint, keys, seen)    step 2: signature, never smaller, never two faces
    for ref in update.bundles(): update.feed(bytes)       step 3: entries from the stored size on
    state = update.finish()                               the root came out as signed: the past is unchanged
    replay(entries, index, member, lookup, now)           step 4: what the leaves say, in order

Guarantees: after `finish` every entry that was fed is covered by the signed root, and the earlier tree is its
prefix: it was extended, not trusted anew. So is the newest head that was seen elsewhere, where it is not
larger. No clock, socket or store: whoever calls keeps the entries until
`finish`, and commits leaves and head together.
Specification: README, "Pulling".
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from protocol.errors import BadProof, BadSignature, Malformed, Rollback, SplitView
from protocol.leaf import CaseState, Leaf, follow, parse_leaf
from protocol.note import Note, VerifierKey, parse_note
from protocol.pruning import Pruned
from protocol.tiles import WIDTH, TileRef, bundles_between, parse_bundle
from protocol.tlog import EMPTY, Frontier, extend_range, leaf_hash

MAX_AHEAD = timedelta(days=1)
"""How far ahead of the reader's clock a leaf may be: its life is counted from its own time."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is known of a feed.

    Attributes:
        origin: the name that its checkpoints must bear.
        frontier: of the tree that was verified.
        note: the signed checkpoint of that tree as received; None before the first.
    """

    origin: str
    frontier: Frontier = EMPTY
    note: bytes | None = None


class FeedUpdate:
    """One step of a feed from a known state to a newer signed head.

    Args:
        state: what is known.
        data: the checkpoint as received.
        keys: the log's keys by the roster.
        seen: the newest head of this feed that was verified elsewhere, as a signed note: a witness sees heads
            before their entries. An update that reaches it must come out with its root there. One that ends
            before it is no lie: the owner publishes what its witnesses have seen.

    Raises:
        Malformed, BadSignature: not a checkpoint of this feed signed by its keys.
        Rollback: smaller than what is known. Also what an older mirror gives: it is behind, and only the
            owner's own word is held against it.
        SplitView: the same size with another root; both notes are the evidence.
    """

    def __init__(
        self, state: FeedState, data: bytes, keys: Sequence[VerifierKey], seen: bytes | None = None
    ) -> None:
        self.checkpoint: Checkpoint
        self.note: Note
        self.checkpoint, self.note = verify_checkpoint(data, keys)
        self._state, self._data = state, data
        self._frontier = self.start = state.frontier
        if self.checkpoint.origin != state.origin:
            raise BadSignature("checkpoint: of another feed")
        if self.checkpoint.size < state.frontier.size:
            raise Rollback(
                f"checkpoint: {self.checkpoint.size} leaves, {state.frontier.size} are known already"
            )
        if self.unchanged and self.checkpoint.root != state.frontier.root():
            if state.note is None:  # an empty log has one root only, and `parse_checkpoint` holds it to that
                raise BadProof("checkpoint: another root for an empty feed")
            raise SplitView("checkpoint: another root for a size that is known already", state.note, data)
        self._seen: tuple[Checkpoint, bytes] | None = None
        if seen is not None:
            self._seen = parse_checkpoint(parse_note(seen).text), seen
            if self._seen[0].size == self.checkpoint.size and self._seen[0].root != self.checkpoint.root:
                raise SplitView("checkpoint: another root than that of a head seen earlier", seen, data)
        self._fork: tuple[bytes, Frontier] | None = None
        """The head that was seen and the tree at its size, once that has another root."""
        self._behind: list[bytes] = []
        """The hashes of the leaves behind that tree."""

    @property
    def unchanged(self) -> bool:
        """Whether the head has no more leaves than are known."""
        return self.checkpoint.size == self._state.frontier.size

    def bundles(self) -> Iterator[TileRef]:
        """List the entry bundles to feed, in order. The first may begin with entries that are known."""
        yield from bundles_between(self.start.size, self.checkpoint.size)

    def skip(self, pruned: Pruned) -> None:
        """Begin behind entries that are not given any more. To be called before anything is fed.

        What stands for them is unverified until `finish`, as everything is; that the entries which are known
        are continued, and not replaced, is proven with it. `start` is the tree up to the first that is given.

        Raises:
            Malformed: more than the checkpoint covers.
        """
        if pruned.minimum > self.checkpoint.size:
            raise Malformed("pruned entries: more than the checkpoint covers")
        self._frontier = self.start = self.start.joined(pruned.minimum, pruned.hashes)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bundle. One that is refused changes nothing: the same place may be fed again.

        Returns:
            Its entries that are new. They are unverified until `finish`.

        Raises:
            Malformed: not a bundle of the width asked for, or one more than was asked for.
        """
        known = self._frontier.size
        ref = next(iter(bundles_between(known, self.checkpoint.size)), None)
        if ref is None:
            raise Malformed("entry bundle: more than the checkpoint covers")
        entries = parse_bundle(data, ref.width)[known - ref.index * WIDTH :]
        self._extend([leaf_hash(entry) for entry in entries])
        return entries

    def finish(self) -> FeedState:
        """Hold the extended tree against the signed head.

        Returns:
            The new state; with `unchanged`, the known tree under the newest signatures.

        Raises:
            BadProof: bundles are missing, or the root does not come out as signed.
            SplitView: the root does, and at the size of the head that was seen it is another.
        """
        if self._frontier.size != self.checkpoint.size:
            raise BadProof("feed: entries are missing")
        if self._frontier.root() != self.checkpoint.root:
            raise BadProof("feed: its entries do not lead to the signed root")
        if self._fork is not None:
            note, tree = self._fork
            hashes = (*tree.hashes, *self._behind)
            raise SplitView("feed: another past than that of a head seen earlier", note, self._data, hashes)
        return FeedState(self._state.origin, self._frontier, self._data)

    def _extend(self, hashes: list[bytes]) -> None:
        """Add leaves to the tree, with a look at its root where it passes the head that was seen."""
        known = self._frontier.size
        if self._fork is not None:
            extend_range(self._fork[1].size, known, self._behind, hashes)
        elif self._seen is not None and known < self._seen[0].size <= known + len(hashes):
            head, note = self._seen
            ahead = head.size - known
            tree = self._frontier.extended(hashes[:ahead])
            if tree.root() != head.root:
                self._fork = note, tree
                extend_range(head.size, head.size, self._behind, hashes[ahead:])
        self._frontier = self._frontier.extended(hashes)


def replay(
    entries: Sequence[bytes],
    index: int,
    member: str,
    lookup: Callable[[Sequence[str]], dict[str, CaseState]],
    now: datetime,
    *,
    complete: bool = True,
) -> list[tuple[Leaf, CaseState]]:
    """Let verified entries follow the history of their cases.

    Args:
        entries: as `feed` returned them, in order.
        index: of the first of them in the feed.
        member: the feed's owner.
        lookup: given case ids, returns the state of those that the feed has had before these entries.
        now: by the reader's clock; a leaf from further ahead than MAX_AHEAD would outlive every policy.
        complete: whether the feed is known from its beginning; see `leaf.follow`.

    Returns:
        Each known leaf with the state of its case after it. Leaves of unknown kinds are passed over.

    Raises:
        ProtocolError: the first leaf that breaks a rule; see `leaf.parse_leaf` and `leaf.follow`.
    """
    leaves = [
        (index + place, leaf) for place, entry in enumerate(entries) if (leaf := parse_leaf(entry, member))
    ]
    if any(leaf.at > now + MAX_AHEAD for _, leaf in leaves):
        raise Malformed("leaf: from the future; check both clocks")
    states = lookup([leaf.case for _, leaf in leaves])
    followed = []
    for place, leaf in leaves:
        states[leaf.case] = follow(states.get(leaf.case), leaf, place, complete=complete)
        followed.append((leaf, states[leaf.case]))
    return followed
