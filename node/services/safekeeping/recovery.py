"""Back into one's own past: after a restore, and for a machine that was copied, resumed or rolled back.

    ask        every member what it has of the own feeds: the newest head is the newest under this key
    extend     the own feed by the entries that the mirrors have, up to that head
    obey       what was erased meanwhile goes from the register, the search and the disk
    complete   documents and photographs from the mirrors; `losses` has what cannot be had
    hear       after a restore: what everybody else has erased meanwhile

Guarantees: nothing is believed but what a key of this member's that counts now has signed and what continues
the own entries: whoever has one that was replaced long ago could else write this member's past;
a feed stays stopped while a larger head is known than can be fetched, and while too few members were heard;
after a restore no page is shown before the erasures are honoured, and no replica of a member that was not
heard. Any step may be cut off: the next call goes on from the database.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from sqlalchemy import Connection

from node.adapters.peers import Refused
from node.errors import NodeError, PeerUnavailable
from node.runtime import Node
from node.services.endings import erasure
from node.services.following import pulling, replicas
from node.services.following.sources import PeerSource, held_against, mirror_source
from node.services.following.spooling import open_spool, read_spool, spool_entries
from node.services.members import membership
from node.services.progress import Progress, no_progress
from node.services.safekeeping.losses import ACTOR, Losses, add_losses, find_losses, sort_losses, unheard
from node.services.site.indexing import forget_published, index_published
from node.services.standing import exchanges
from node.store import marks
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.published import documents, feed_cases, feeds, photographs, statements
from node.store.published.documents import WantedDocument
from node.store.published.feeds import FeedRow
from node.store.published.photographs import FULL, SMALL, Photograph, photographs_in
from node.store.register import cases
from node.store.search.index import remove_many
from protocol.answers import MAX_DIGESTS, Given
from protocol.checkpoint import Checkpoint, verify_checkpoint
from protocol.document import verify_document
from protocol.errors import BadProof, ProtocolError
from protocol.feed import Growth, check_edge, grow
from protocol.feed_entry import Audience, FeedEntry
from protocol.leaf import CaseState, Leaf
from protocol.member import Member
from protocol.tiles import WIDTH, parse_bundle, read_nodes
from protocol.tlog import tree_root
from protocol.verification import FeedState, FeedUpdate, replay

SUCCESSOR = (
    "Nothing can be signed on this feed any more. Ask the coordinator to freeze it where the peers have it; "
    "`gmcn keys succeed` then asks for its successor, which goes on with the same cases: see "
    "docs/operating/backup.md."
)
"""What is left to do when the own past cannot be had back."""

_ASK_SECONDS = 10.0
_THREADS = 8


class NotRecovered(NodeError):
    """The own past is not back yet; nothing is signed, and the next call tries again."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What one recovery brought back."""

    leaves: int
    documents: int
    photographs: int
    unheard: tuple[str, ...]
    losses: Losses


def is_needed(node: Node) -> bool:
    """Tell whether this node was restored, or is behind its own past."""
    with reading(node.engine) as conn:
        restored = marks.find_mark(conn, marks.RESTORED) is not None
        return restored or any(row.state == feeds.BEHIND for row in feeds.own_feeds(conn))


def recover(node: Node, progress: Progress = no_progress, *, with_few: bool = False) -> Recovered | None:
    """Bring the own feeds to the newest head that the members know, and honour what was erased meanwhile.

    Args:
        with_few: believe whoever answers, even when most do not. The newest head may then be known only to
            those that are silent, and going on without it splits the feed for good.

    Returns:
        None when there was nothing to do.

    Raises:
        NotRecovered: it could not be done now, with the reason; also in `status`.
    """
    if not is_needed(node):
        return None
    with suppress(NodeError, ProtocolError):  # the list of members may be as old as the backup
        membership.refresh(node)
    rows = _stopped_feeds(node)
    leaves = stored = pictures = 0
    failed: NotRecovered | None = None
    for row in rows:
        try:
            mirrors, brought = _extend(node, row, progress, with_few=with_few)
        except NotRecovered as error:
            failed = failed or error
            with writing(node.engine) as conn:
                feeds.set_feed_state(conn, row.id, feeds.BEHIND, error.message.rstrip("."), row.newer_head)
            continue
        leaves += brought
        sources = [mirror_source(node, member, row.member, row.audience) for member in mirrors]
        stored += _complete(node, row, sources, progress)
        pictures += _fetch_photographs(node, row, sources)
    if failed is not None:
        raise failed
    _honour_others(node, progress)
    while sort_losses(node):
        pass
    with writing(node.engine) as conn:
        for row in rows:
            feeds.set_feed_state(conn, row.id, feeds.OPEN)
        marks.clear_mark(conn, marks.RESTORED)
        write_journal(conn, JournalEntry(node.clock(), ACTOR, "node.recover"))
        return Recovered(leaves, stored, pictures, tuple(unheard(conn)), find_losses(conn))


def _stopped_feeds(node: Node) -> list[FeedRow]:
    """Return the own feeds that are behind; after a restore also those that had not begun in the backup."""
    with writing(node.engine) as conn:
        listed: tuple[FeedEntry, ...] = ()
        if marks.find_mark(conn, marks.RESTORED) is not None:
            with suppress(NodeError):  # not a member yet
                listed = node.entry().feeds
        for entry in listed:
            if feeds.find_feed(conn, node.member, entry.audience) is None:
                row = feeds.ensure_feed(conn, node.member, entry.audience, entry.origin, own=True)
                feeds.set_feed_state(conn, row.id, feeds.BEHIND, "it is not known yet whether it has begun")
        return [row for row in feeds.own_feeds(conn) if row.state == feeds.BEHIND]


# --- Ask ---


@dataclass(frozen=True, slots=True)
class _Told:
    """A head of an own feed that a member has, under this member's own signature.

    Attributes:
        mirror: whether it hands on the entries up to it.
    """

    member: Member
    checkpoint: Checkpoint
    note: bytes
    mirror: bool


@dataclass
class _Answers:
    """What the members that may read an own feed have of it: heads, nothing at all, or no answer."""

    told: list[_Told] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def check_enough(self, row: FeedRow, *, with_few: bool) -> None:
        """Check that the newest head is among what was told, as far as that can be known.

        Raises:
            NotRecovered: nobody answered, or not most of those who may know it.
        """
        heard = {item.member.id for item in self.told}
        if row.newest_note is None:  # of a feed that may never have begun, to have nothing is an answer
            heard |= set(self.nothing)
        nobody_to_ask = not (heard or self.nothing or self.silent)
        if (heard and (with_few or len(heard) > len(self.silent))) or (nobody_to_ask and with_few):
            return
        silent = f" ({', '.join(sorted(self.silent))})" if self.silent else ""
        raise NotRecovered(
            f"{len(heard)} members have told their newest head of {row.origin}, and {len(self.silent)} do "
            f"not answer{silent}: the newest may be with those.",
            "It is tried again by itself. When they are gone for good: `gmcn recover --with-few`.",
        )


def _ask_all(node: Node, row: FeedRow, entry: FeedEntry) -> _Answers:
    """Ask every member that may read a feed for its newest head."""
    with reading(node.engine) as conn:
        asked = [other.member for other in exchanges(conn, node) if row.audience in other.leaves]
    found = _Answers()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="recover") as threads:
        answers = threads.map(lambda member: _ask(node, member, row, entry), asked)
        for member, answer in zip(asked, answers, strict=True):
            if answer is None:
                found.silent.append(member.id)
            elif answer:
                found.told += answer
            else:
                found.nothing.append(member.id)
    return found


def _ask(node: Node, member: Member, row: FeedRow, entry: FeedEntry) -> list[_Told] | None:
    """Ask one member; None when it does not answer."""
    source = mirror_source(node, member, row.member, row.audience)
    found = list[_Told]()
    try:
        for mirror in (True, False):
            with suppress(ProtocolError, Refused):
                note = (
                    source.get_checkpoint("")
                    if mirror
                    else node.peers.get_cosigned(member, row.origin, _ASK_SECONDS)
                )
                checkpoint, _ = verify_checkpoint(note or b"", entry.keys_at(node.now()))
                if checkpoint.origin == row.origin:
                    found.append(_Told(member, checkpoint, note or b"", mirror))
    except PeerUnavailable:
        return None
    return found


def _newest(row: FeedRow, entry: FeedEntry, told: Sequence[_Told]) -> Checkpoint:
    """Return the newest head that anybody knows, or that stopped this feed: by a key that counted then.

    Raises:
        NotRecovered: there are two of the same size.
    """
    heads = [item.checkpoint for item in told]
    with suppress(ProtocolError):
        heads.append(verify_checkpoint(row.newer_head or b"", entry.every_key)[0])
    newest = max(heads, key=lambda head: head.size)
    if any(head.size == newest.size and head.root != newest.root for head in heads):
        raise NotRecovered(
            f"The peers have two different heads of {row.origin} with {newest.size} entries, both under this "
            "member's key: somebody else has that key, or two nodes have signed at the same time.",
            SUCCESSOR,
        )
    return newest


# --- Extend ---


def _extend(node: Node, row: FeedRow, progress: Progress, *, with_few: bool) -> tuple[list[Member], int]:
    """Bring an own feed to the newest head that is known.

    Returns:
        The members that hand it on, those with the newest head first, and how many entries were added.

    Raises:
        NotRecovered: too few answered, or what they have cannot be had or does not continue the own feed.
    """
    entry = _entry(node, row)
    answers = _ask_all(node, row, entry)
    answers.check_enough(row, with_few=with_few)
    if not answers.told:
        return [], 0
    newest = _newest(row, entry, answers.told)
    mirrors = sorted((item for item in answers.told if item.mirror), key=lambda item: -item.checkpoint.size)
    brought = 0
    if newest.size > row.size:
        brought = _extend_from(node, row, entry, newest, mirrors, progress)
    elif _root_at(node, row, newest.size) != newest.root:
        raise _forked(row, newest)
    return [item.member for item in mirrors], brought


def _extend_from(
    node: Node,
    row: FeedRow,
    entry: FeedEntry,
    newest: Checkpoint,
    mirrors: Sequence[_Told],
    progress: Progress,
) -> int:
    reasons = list[str]()
    forked = False
    for item in mirrors:
        if item.checkpoint.size < newest.size:
            continue
        source = mirror_source(node, item.member, row.member, row.audience)
        try:
            return _bring_entries(node, row, entry, item.note, source, progress)
        except BadProof:
            forked = True
        except (ProtocolError, PeerUnavailable) as error:
            reasons.append(f"{item.member.id}: {error}".rstrip("."))
    if forked:
        raise _forked(row, newest)
    raise NotRecovered(
        f"{row.origin} has {newest.size} entries elsewhere and {row.size} here, and nobody hands them on"
        f"{': ' + '; '.join(reasons) if reasons else ''}.",
        f"It is tried again by itself. If nobody ever will: {SUCCESSOR}",
    )


def _bring_entries(
    node: Node, row: FeedRow, entry: FeedEntry, note: bytes, source: PeerSource, progress: Progress
) -> int:
    """Fetch the entries behind the own ones, hold them against the signed root, and commit them with all that
    follows from them.

    Raises:
        BadProof: they do not continue the own entries.
        ProtocolError: the source does not give what it announces.
        PeerUnavailable: it does not answer.
    """
    known = FeedState(row.origin, row.known().frontier, row.newest_note)
    update = FeedUpdate(known, note, entry.keys_at(node.now()))
    with open_spool(node) as spool:
        spool_entries(source, update, spool, progress)
        with writing(node.engine) as conn:
            _commit(conn, node, row, update, note, spool)
    return update.checkpoint.size - row.size


def _commit(
    conn: Connection, node: Node, row: FeedRow, update: FeedUpdate, note: bytes, spool: IO[bytes]
) -> None:
    """Store entries, tiles, head and case table, and what was erased by them, in one transaction."""
    now, head = node.clock(), feeds.load_head(conn, row, row.known().frontier)
    check_edge(head)
    erased, changed = dict[str, None](), dict[str, None]()
    for ref, data in read_spool(update, spool):
        place = head.frontier.size
        entries = parse_bundle(data, ref.width)[place - ref.index * WIDTH :]
        growth = grow(head, entries)
        head = growth.head
        feeds.write_files(conn, row.id, growth.files)
        followed = replay(
            entries, place, row.member, lambda found: feed_cases.lookup_cases(conn, row.id, found), now
        )
        erased |= dict.fromkeys(_follow(conn, node, row, followed))
        changed |= dict.fromkeys(leaf.case for leaf, _ in followed)
    ended = feed_cases.lookup_cases(conn, row.id, list(changed))
    add_losses(conn, node, erased=list(erased), changed=[case for case in changed if not ended[case].erased])
    feeds.store_growth(conn, row, Growth(head, ()), note, now)
    feeds.set_feed_state(conn, row.id, feeds.BEHIND, "its documents are fetched from the peers")


def _follow(
    conn: Connection, node: Node, row: FeedRow, followed: Sequence[tuple[Leaf, CaseState]]
) -> list[str]:
    """Let own cases stand where some leaves of the own feed have left them, in the register too.

    Returns:
        The cases that were taken out of the register.
    """
    now = node.clock()
    feed_cases.store_cases(conn, row.id, followed, feed_cases.WANTED, now)
    last = {leaf.case: after for leaf, after in followed}
    keys = feed_cases.case_keys(conn, row.id, list(last))
    statements.drop_statements(conn, list(keys.values()))
    changed = [keys[case] for case, after in last.items() if not after.erased]
    documents.delete_content(conn, changed)  # of a version before: it must not be given for the newest
    if row.audience == "network":
        forget_published(conn, list(last))
    digests = [(leaf.digest, keys[leaf.case]) for leaf, _ in followed if leaf.digest is not None]
    documents.remember_published(conn, row.id, digests)
    erased, emptied = [case for case, after in last.items() if after.erased], list[str]()
    for case in cases.get_cases(conn, erased).values():
        if case.status != cases.ERASED:
            remove_many(conn, "own", None, [case.case_id])
            photographs.loosen_photographs(conn, node.member, cases.empty_case(conn, case.case_id, now))
            write_journal(conn, JournalEntry(now, ACTOR, "case.erase", case.case_id))
            emptied.append(case.case_id)
    return emptied


def _root_at(node: Node, row: FeedRow, size: int) -> bytes:
    with reading(node.engine) as conn:
        nodes = read_nodes(row.size, lambda ref: feeds.read_file(conn, row.id, ref) or b"")
        return tree_root(size, nodes)


def _entry(node: Node, row: FeedRow) -> FeedEntry:
    """Return what the roster says of an own feed.

    Raises:
        NotRecovered: it lists another in its place.
    """
    audience: Audience = "police" if row.audience == "police" else "network"
    entry = node.entry().feed(audience)
    if entry.origin != row.origin:
        raise NotRecovered(f"The roster has replaced {row.origin} by {entry.origin}.", SUCCESSOR)
    return entry


def _forked(row: FeedRow, newest: Checkpoint) -> NotRecovered:
    return NotRecovered(
        f"The entries that this node has of {row.origin} are not those that it has signed: the peers have "
        f"another past, of {newest.size} entries.",
        SUCCESSOR,
    )


# --- Complete ---


def _complete(node: Node, row: FeedRow, sources: Sequence[PeerSource], progress: Progress) -> int:
    """Fetch the documents of own cases that are not here. Returns how many."""
    stored = 0
    for source in sources:
        lacking = 0
        with suppress(PeerUnavailable, ProtocolError):
            while True:
                with reading(node.engine) as conn:
                    wanted = documents.want_documents(conn, row.id, node.clock(), MAX_DIGESTS, lacking)
                if not wanted:
                    break
                with held_against(source.name):
                    answers = source.get_documents([item.leaf.digest or b"" for item in wanted])
                good = [
                    (item, answer.body)
                    for item, answer in zip(wanted, answers, strict=True)
                    if isinstance(answer, Given)
                ]
                _store_documents(node, row, good)
                stored += len(good)
                lacking += len(wanted) - len(good)
                progress("documents", stored, 0)
    with writing(node.engine) as conn:
        while wanted := documents.want_documents(conn, row.id, node.clock(), MAX_DIGESTS):
            reason = "no member that was asked has this document any more"
            documents.set_case_states(conn, wanted, feed_cases.WITHHELD, reason)
            add_losses(conn, node, undocumented=[item.leaf.case for item in wanted])
    return stored


def _store_documents(node: Node, row: FeedRow, good: Sequence[tuple[WantedDocument, bytes]]) -> None:
    """Store own documents, whose digests are right.

    Raises:
        ProtocolError: one is not what this node could have published.
    """
    named, published = list[Photograph](), list[dict[str, Any]]()
    for item, body in good:
        published.append(verify_document(body, item.leaf, row.audience).parts)
        named += photographs_in(item.case_key, published[-1], feed_cases.WANTED)
    with writing(node.engine) as conn:
        documents.store_documents(conn, [(item.case_key, body) for item, body in good], named)
        if row.audience == "network":
            index_published(conn, node, published)
        for photo in named:
            if node.blobs.has(row.member, photo.sha256):
                photographs.set_photograph_state(conn, photo, feed_cases.HELD)


def _fetch_photographs(node: Node, row: FeedRow, sources: Sequence[PeerSource]) -> int:
    kept = 0
    for source in sources:
        for rendition in (SMALL, FULL):
            with suppress(PeerUnavailable, ProtocolError):
                kept += replicas.fetch_photographs(node, source, row, rendition)
    return kept


# --- Hear ---


def _honour_others(node: Node, progress: Progress) -> None:
    """After a restore: honour what everybody has erased since. Of those who do not answer nothing is shown
    until they do."""
    with reading(node.engine) as conn:
        asked = unheard(conn) if marks.find_mark(conn, marks.RESTORED) else []
    with ThreadPoolExecutor(node.config.pull.workers, thread_name_prefix="recover") as threads:
        for done, _ in enumerate(threads.map(partial(_hear, node), asked), 1):
            progress("members", done, len(asked))
    erasure.expire(node)
    while erasure.purge(node):
        pass


def _hear(node: Node, member: str) -> None:
    with suppress(NodeError):  # one that is not in the roster any more
        pulling.pull(node, member)
