"""Back into one's own past: after a restore, and for a machine that was copied, resumed or rolled back.

    ask        every member what it has of the own feeds: the newest head is the newest that this key has
    signed extend     the own feed by the entries that the mirrors have, up to that head obey       what was
    erased meanwhile goes from the register, the search and the disk complete   documents and photographs from
    the mirrors; records of what was published meanwhile
    hear       after a restore: what everybody else has erased meanwhile

Guarantees: nothing is believed but what this member's own key has signed and what continues the own entries;
a feed stays stopped while a larger head is known than can be fetched, and while too few members were heard;
after a restore no page is shown before the erasures are honoured, and no replica of a member that was not
heard. What could not be brought back is kept (`Losses`) until a person has noted it. Any step may be cut off:
the next call goes on from the database.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import IO, Any

import orjson
from sqlalchemy import Connection

from node.adapters.peers import Refused
from node.domain.disclosure import disclose
from node.errors import NodeError, PeerUnavailable
from node.runtime import Node
from node.services import erasure, membership, pulling, replicas
from node.services.cases import index_cases
from node.services.photographs import hashes_in, photographs_in
from node.services.prefetch import fetch_ahead
from node.services.sources import PeerSource, held_against, mirror_source
from node.services.standing import exchange_with
from node.store import cases, documents, feeds, marks, peers, photographs
from node.store.access import JournalEntry, write_journal
from node.store.database import reading, writing
from node.store.documents import HeldDocument, WantedDocument
from node.store.feeds import FeedRow
from node.store.photographs import FULL, SMALL, Photograph
from node.store.search import remove_many
from protocol.answers import MAX_DIGESTS, Given
from protocol.checkpoint import Checkpoint, verify_checkpoint
from protocol.document import verify_document
from protocol.errors import BadProof, Malformed, ProtocolError
from protocol.feed import Growth, check_edge, grow
from protocol.leaf import PUT, CaseState, Leaf
from protocol.roster import Audience, FeedEntry, Member
from protocol.tiles import WIDTH, TileRef, parse_bundle, read_nodes
from protocol.tlog import tree_root
from protocol.verification import FeedState, FeedUpdate, replay

Progress = Callable[[str, int, int], None]

SUCCESSOR = (
    "Nothing can be signed on this feed any more. Ask the coordinator to freeze it where the peers have it; "
    "`gmcn keys succeed` then asks for its successor, which goes on with the same cases: see "
    "docs/operating/backup.md."
)
"""What is left to do when the own past cannot be had back."""

_ACTOR = "recovery"
_SHOWN = 5
_WORDS = {
    "erased": (
        "Erased from the register, because it was erased, closed or withdrawn after the backup",
        "If the private record is still needed, add it anew from your files.",
    ),
    "rebuilt": (
        "The private record is lost, and was made anew from what was published",
        "Complete it with `gmcn case change`, and name again the members that it is kept from.",
    ),
    "older": (
        "The record is older than what was published",
        "Compare it with your files and change it before it is published or renewed.",
    ),
    "undocumented": (
        "Published, but no member has the document any more",
        "Publish it again, or erase it.",
    ),
    "unpictured": ("A photograph is lost", "Add it again with `gmcn case change`, and publish."),
}
_SPOOL_IN_MEMORY = 1 << 20
_ASK_SECONDS = 10.0
_ROUND = 200
_THREADS = 8


class NotRecovered(NodeError):
    """The own past is not back yet; nothing is signed, and the next call tries again."""


@dataclass
class Losses:
    """What a person has to look at after a recovery; case ids.

    Attributes:
        erased: erased from the register, because they were erased from the feed after what this node knew.
        rebuilt: records that are only what was published, because the private record is lost.
        older: records that may be older than what was published last.
        undocumented: published, and no member that was asked has the document any more.
        unpictured: a photograph of theirs is lost.
        changed: published after what this node knew, and not sorted into the others yet.
    """

    erased: list[str] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    unpictured: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


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


def losses(conn: Connection) -> Losses:
    """Return what could not be brought back, as far as nobody has noted it."""
    mark = marks.find_mark(conn, marks.RECOVERED)
    told: dict[str, Any] = orjson.loads(mark.about) if mark else {}
    return Losses(**{item.name: told.get(item.name, []) for item in fields(Losses)})


def warnings(conn: Connection) -> list[str]:
    """Say in plain words how a recovery stands, and what people have to look at after it."""
    found, lines = losses(conn), list[str]()
    restored = marks.find_mark(conn, marks.RESTORED)
    if restored is not None:
        lines.append(
            f"This node was restored from a backup of {restored.about}: it shows and signs nothing before "
            "its peers have told what happened since. Let `gmcn serve` run."
        )
    for member in _unheard(conn):
        lines.append(
            f"Nothing of {member} is shown until it was pulled: it may have erased since the backup."
        )
    for name, (what, step) in _WORDS.items():
        some: list[str] = getattr(found, name)
        if some:
            shown = ", ".join(some[:_SHOWN]) + (f" and {len(some) - _SHOWN} more" if some[_SHOWN:] else "")
            lines.append(f"{what}: {shown}. {step} `gmcn recover --noted` ends this remark.")
    return lines


def note_losses(node: Node, actor: str) -> None:
    """Write down that a person has looked at what could not be brought back."""
    with writing(node.engine) as conn:
        marks.clear_mark(conn, marks.RECOVERED)
        write_journal(conn, JournalEntry(node.clock(), actor, "node.note-losses"))


def recover(
    node: Node, progress: Progress = lambda what, done, total: None, *, with_few: bool = False
) -> Recovered | None:
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
                feeds.set_feed_state(conn, row.id, feeds.BEHIND, error.message.rstrip("."), row.evidence)
            continue
        leaves += brought
        sources = [mirror_source(node, member, row.member, row.audience) for member in mirrors]
        stored += _complete(node, row, sources, progress)
        pictures += _fetch_photographs(node, row, sources)
    if failed is not None:
        raise failed
    _honour_others(node, progress)
    while _sort_losses(node):
        pass
    with writing(node.engine) as conn:
        for row in rows:
            feeds.set_feed_state(conn, row.id, feeds.OPEN)
        marks.clear_mark(conn, marks.RESTORED)
        write_journal(conn, JournalEntry(node.clock(), _ACTOR, "node.recover"))
        return Recovered(leaves, stored, pictures, tuple(_unheard(conn)), losses(conn))


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
        others = [member for member in node.network().roster.members if member.id != node.member]
        asked = [other for other in others if row.audience in exchange_with(conn, node, other.id).leaves]
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
                checkpoint, _ = verify_checkpoint(note or b"", entry.every_key)
                if checkpoint.origin == row.origin:
                    found.append(_Told(member, checkpoint, note or b"", mirror))
    except PeerUnavailable:
        return None
    return found


def _newest(row: FeedRow, entry: FeedEntry, told: Sequence[_Told]) -> Checkpoint:
    """Return the newest head that anybody knows, or that stopped this feed.

    Raises:
        NotRecovered: there are two of the same size.
    """
    heads = [item.checkpoint for item in told]
    with suppress(ProtocolError):
        heads.append(verify_checkpoint(row.evidence or b"", entry.every_key)[0])
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
    update = FeedUpdate(known, note, entry.every_key)
    with tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY, dir=str(node.scratch())) as spool:
        for ref, data in fetch_ahead(source.get_file, update.bundles()):
            update.feed(data)
            spool.write(len(data).to_bytes(4, "big") + data)
            if spool.tell() > pulling.MAX_PULL_BYTES:
                raise Malformed(f"feed: more than {pulling.MAX_PULL_BYTES} bytes of new entries at once")
            progress("entries", ref.index * WIDTH + ref.width, update.checkpoint.size)
        update.finish()
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
    for ref, data in _spooled(update, spool):
        place = head.frontier.size
        entries = parse_bundle(data, ref.width)[place - ref.index * WIDTH :]
        growth = grow(head, entries)
        head = growth.head
        feeds.write_files(conn, row.id, growth.files)
        followed = replay(
            entries, place, row.member, lambda found: feeds.lookup_cases(conn, row.id, found), now
        )
        erased |= dict.fromkeys(_follow(conn, node, row, followed))
        changed |= dict.fromkeys(leaf.case for leaf, _ in followed)
    ended = feeds.lookup_cases(conn, row.id, list(changed))
    _note(conn, node, erased=list(erased), changed=[case for case in changed if not ended[case].erased])
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
    feeds.store_cases(conn, row.id, followed, feeds.WANTED, now)
    last = {leaf.case: after for leaf, after in followed}
    keys = feeds.case_keys(conn, row.id, list(last))
    changed = [keys[case] for case, after in last.items() if not after.erased]
    documents.delete_content(conn, changed)  # of a version before: it must not be given for the newest
    digests = [(leaf.digest, keys[leaf.case]) for leaf, _ in followed if leaf.digest is not None]
    documents.remember_published(conn, row.id, digests)
    erased, emptied = [case for case, after in last.items() if after.erased], list[str]()
    for case in cases.get_cases(conn, erased).values():
        if case.status != cases.ERASED:
            remove_many(conn, "own", None, [case.case_id])
            photographs.loosen_photographs(conn, node.member, cases.empty_case(conn, case.case_id, now))
            write_journal(conn, JournalEntry(now, _ACTOR, "case.erase", case.case_id))
            emptied.append(case.case_id)
    return emptied


def _spooled(update: FeedUpdate, spool: IO[bytes]) -> Iterator[tuple[TileRef, bytes]]:
    spool.seek(0)
    for ref in update.bundles():
        yield ref, spool.read(int.from_bytes(spool.read(4), "big"))


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
            documents.set_case_states(conn, wanted, feeds.WITHHELD, reason)
            _note(conn, node, undocumented=[item.leaf.case for item in wanted])
    return stored


def _store_documents(node: Node, row: FeedRow, good: Sequence[tuple[WantedDocument, bytes]]) -> None:
    """Store own documents, whose digests are right.

    Raises:
        ProtocolError: one is not what this node could have published.
    """
    named = list[Photograph]()
    for item, body in good:
        named += photographs_in(
            item.case_key, verify_document(body, item.leaf, row.audience).parts, feeds.WANTED
        )
    with writing(node.engine) as conn:
        documents.store_documents(conn, [(item.case_key, body) for item, body in good], named)
        for photo in named:
            if node.blobs.has(row.member, photo.sha256):
                photographs.set_photograph_state(conn, photo, feeds.HELD)


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
        asked = _unheard(conn) if marks.find_mark(conn, marks.RESTORED) else []
    with ThreadPoolExecutor(node.config.pull.workers, thread_name_prefix="recover") as threads:
        for done, _ in enumerate(threads.map(partial(_hear, node), asked), 1):
            progress("members", done, len(asked))
    erasure.expire(node)
    while erasure.purge(node):
        pass


def _hear(node: Node, member: str) -> None:
    with suppress(NodeError):  # one that is not in the roster any more
        pulling.pull(node, member)


def _unheard(conn: Connection) -> list[str]:
    return [peer.member for peer in peers.list_peers(conn) if peer.unheard]


# --- What is left to people ---


def _sort_losses(node: Node) -> int:
    """Give the register a record of own cases that were published meanwhile, and list what people must look
    at. Returns how many were looked at: some at a time, so that others can write in between."""
    with writing(node.engine) as conn:
        found = losses(conn)
        looked_at, found.changed = found.changed[:_ROUND], found.changed[_ROUND:]
        for case_id in looked_at:
            _sort_loss(conn, node, case_id, found)
        if looked_at:
            _keep(conn, node, found)
    return len(looked_at)


def _sort_loss(conn: Connection, node: Node, case_id: str, found: Losses) -> None:
    docs = documents.find_documents(conn, case_id)
    parts = {name: part for doc in docs for name, part in _parts_of(doc).items()}
    case = cases.get_cases(conn, [case_id]).get(case_id)
    if case is None:
        record = _with_pictures(node, _record_of(parts))
        case = cases.add_case(conn, case_id, record, _ACTOR, node.clock())
        cases.keep_photographs(conn, case_id, hashes_in(case.record))
        index_cases(conn, node, [case])
        found.rebuilt.append(case_id)
    elif docs and not _is_of(node, case.record, parts):
        found.older.append(case_id)
    if case.status != cases.PUBLISHED:
        cases.set_status(conn, case_id, cases.PUBLISHED, node.clock())
    pictures = [photo for doc in docs for photo in photographs.photographs_of_case(conn, doc.case_key)]
    if any(photo.state != feeds.HELD for photo in pictures):
        found.unpictured.append(case_id)


def _parts_of(doc: HeldDocument) -> dict[str, dict[str, Any]]:
    """Read the parts of an own document without their salts, and without the head, which no record has."""
    leaf = Leaf(PUT, doc.case_id, doc.version, doc.digest, doc.expires, doc.leaf_at, b"")
    parts = verify_document(doc.body, leaf, doc.audience).parts
    return {
        name: {key: value for key, value in part.items() if key != "salt"}
        for name, part in parts.items()
        if name != "head"
    }


def _record_of(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Make a private record of what was published: all of it that ever left the house."""
    record = {key: value for part in parts.values() for key, value in part.items()}
    if "last_seen_exact" in record:
        record["last_seen"] = record.pop("last_seen_exact")
    return record


def _with_pictures(node: Node, value: Any) -> Any:
    """Leave out of a record the photographs whose bytes are lost, so that it can be published again."""
    match value:
        case {"renditions": [*renditions]}:
            here = [item for item in renditions if node.blobs.has(node.member, item["sha256"])]
            return {**value, "renditions": here} if here else None
        case dict():
            return {name: _with_pictures(node, item) for name, item in value.items()}
        case list():
            return [kept for item in value if (kept := _with_pictures(node, item)) is not None]
    return value


def _is_of(node: Node, record: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a record leaves the house as what was published: then it was only renewed."""
    try:
        leaving = disclose(record, node.disclosure(), schemas=node.network().schemas, now=node.now())
    except NodeError:
        return False
    now = {"public": leaving.public, "network": leaving.network, "police": leaving.police}
    return all(part == now[name] for name, part in parts.items())


def _note(conn: Connection, node: Node, **told: list[str]) -> None:
    """Add to what a person has to look at."""
    found = losses(conn)
    for name, some in told.items():
        setattr(found, name, list(dict.fromkeys([*getattr(found, name), *some])))
    _keep(conn, node, found)


def _keep(conn: Connection, node: Node, found: Losses) -> None:
    marks.set_mark(conn, marks.RECOVERED, node.clock(), orjson.dumps(asdict(found)).decode())
