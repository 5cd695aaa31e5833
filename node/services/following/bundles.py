"""Updates of feeds as files, for members without a line, and what is made of one that was carried here.

    export    what the receiver could have pulled here: entries, documents, small photographs, owed receipts
    import    verified like a pull, for it is one: from a file

Guarantees: a bundle holds nothing that its receiver would not be given over a line, and nobody else can open
it. One that was altered, cut off, made for another member or by nobody of the network, that begins behind a
gap or hands on anything that its owner never signed, changes nothing; it is looked through as a whole before
anything of it is taken. Memory does not grow with a bundle.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from sqlalchemy import Connection

from node.adapters.bundles import BundleReader, BundleWriter, PlaceIndex
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound, PeerUnavailable
from node.runtime import Node
from node.services import serving
from node.services.following import mirrors
from node.services.following.pruning import may_skip, tell_pruned
from node.services.following.pulling import PullReport, hear, read_feed
from node.services.following.replicas import owed_receipts
from node.services.following.sources import FalseSource, held_against
from node.services.progress import Progress, no_progress
from node.services.serving import Caller
from node.services.standing import Exchange, exchange_with, other_member
from node.store import marks
from node.store.database import reading, writing
from node.store.federation import carried, heads, receipts
from node.store.journal import JournalEntry, write_journal
from node.store.published import documents, feed_cases, feeds, photographs
from node.store.published.photographs import SMALL
from protocol.answers import MAX_DIGESTS, Absence, Given
from protocol.bundle import BundleStatement, FeedRecord, format_known, parse_known
from protocol.checkpoint import parse_checkpoint
from protocol.document import digest_document
from protocol.errors import BadProof, Malformed, NotAuthorized, ProtocolError, SplitView
from protocol.mirror import MAX_READERS_BYTES, format_readers, parse_readers
from protocol.note import MAX_NOTE_BYTES, parse_note
from protocol.pruning import MAX_PRUNED_BYTES, Pruned, format_pruned, parse_pruned
from protocol.receipt import verify_receipt
from protocol.roster import MAX_MEMBERS
from protocol.tiles import TileRef, bundles_between
from protocol.token import Request
from protocol.verification import FeedState, FeedUpdate

_MAX_FEEDS = 2 * MAX_MEMBERS
_MAX_PLACES = 1 << 16
"""How many entry bundles (of 16 million leaves), and how many receipts, are noted of one file: whoever writes
it could make them tiny, and any number of them."""

_MAX_RETURNED_BYTES = 32 << 20
"""How many bytes of receipts that came in a bundle are kept to be given back: for some 200,000 cases. Those
beyond come again with the next one."""

_LIMITS = {"checkpoint": MAX_NOTE_BYTES, "readers": MAX_READERS_BYTES, "pruned": MAX_PRUNED_BYTES}


@dataclass
class Exported:
    """What a bundle holds.

    Attributes:
        feeds: the origin of each, with the number of entries of it that are new to the receiver.
    """

    receiver: str
    feeds: dict[str, int] = field(default_factory=dict)
    documents: int = 0
    photographs: int = 0
    receipts: int = 0


@dataclass
class FeedReport(PullReport):
    """What one feed in a bundle brought.

    Attributes:
        audience: which of the member's feeds it is.
    """

    audience: str = field(kw_only=True)


@dataclass
class Imported:
    """What was made of a bundle.

    Attributes:
        issuer: who made it.
        feeds: how reading each feed of it went.
        passed_over: feeds of which nothing was taken, each with the reason.
        receipts: how many that this member's peers owed it were taken.
        refused: receipts that break the protocol, each with its reason.
    """

    issuer: str
    feeds: list[FeedReport] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    receipts: int = 0
    refused: list[str] = field(default_factory=list)


def export_bundle(
    node: Node,
    receiver: str,
    of: Sequence[str],
    target: IO[bytes],
    since: Mapping[str, int] | None = None,
    *,
    actor: str = "",
) -> Exported:
    """Write a bundle for a member.

    Args:
        of: the members whose feeds it holds; none for this member's own and all that are held here.
        target: where it is written, whole and at the end.
        since: how far the receiver has each feed, by its origin; from the first entry on for those that are
            not named. What its own last bundle said when None.
        actor: who does this, for the journal; empty for what the node does by itself.

    Raises:
        NotFound: the roster does not list the receiver.
        NotAllowed: nothing is exchanged with it.
    """
    caller = _caller(node, receiver)
    done = Exported(receiver)
    with reading(node.engine) as conn:
        known = carried.known_sizes(conn, receiver) if since is None else since
        rows = [row for row in feeds.list_feeds(conn) if _is_wanted(row, receiver, of)]
        returned = carried.receipts_to_return(conn, receiver)
    key = caller.exchange.member.sealing_keys[-1]
    with BundleWriter(node.scratch(), node.token_signer(), receiver, key) as writer:
        for row in rows:
            _export_feed(node, writer, row, caller, known.get(row.origin, 0), done)
        _export_receipts(node, writer, receiver, done)
        for number, token in enumerate(returned):
            writer.add(f"returned/{number}", token.encode())
        writer.add("known", format_known(_sizes(node, receiver, done)))
        if actor:
            fields = [receiver, *done.feeds]
            with writing(node.engine) as conn:
                write_journal(conn, JournalEntry(node.clock(), actor, "bundle.export", fields=fields))
        writer.finish(target, node.now())
    with writing(node.engine) as conn:
        carried.forget_receipts(conn, receiver)
    return done


def _caller(node: Node, member: str) -> Caller:
    """Take the other end of a bundle for a caller: it is given what it would be given over a line."""
    other_member(node, member)
    with reading(node.engine) as conn:
        exchange = exchange_with(conn, node, member)
    if not exchange.leaves:
        raise NotAllowed(f"Nothing is exchanged with {member}: {exchange.reason}.", "See `gmcn member list`.")
    return Caller(Request(member, "", node.now()), exchange)


def _is_wanted(row: feeds.FeedRow, receiver: str, of: Sequence[str]) -> bool:
    return row.note is not None and (row.member in of if of else row.member != receiver)


def _open(node: Node, conn: Connection, row: feeds.FeedRow, caller: Caller, *, leaves: bool) -> feeds.FeedRow:
    if row.own:
        return serving.open_feed(node, conn, row.audience, caller, leaves=leaves)
    return mirrors.open_mirror(node, conn, row.member, row.audience, caller, leaves=leaves)


def _export_feed(
    node: Node, writer: BundleWriter, row: feeds.FeedRow, caller: Caller, known: int, done: Exported
) -> None:
    base = f"mirrors/{row.member}/{row.audience}"
    with reading(node.engine) as conn:
        try:
            row = _open(node, conn, row, caller, leaves=True)
        except (NotFound, NotAllowed):
            return
        assert row.note is not None
        size = parse_checkpoint(parse_note(row.note).text).size
        known = known if known <= size else 0
        writer.add(f"{base}/checkpoint", row.note)
        if row.own:
            writer.add(f"{base}/readers", format_readers(serving.list_readers(node, conn, row.audience)))
        begin = known
        with suppress(NotFound):
            pruned = tell_pruned(conn, row, known)
            writer.add(f"{base}/pruned/{known}", format_pruned(pruned))
            begin = pruned.minimum
    for ref in bundles_between(begin, size):
        with reading(node.engine) as conn:
            data = feeds.read_file(conn, row.id, ref)
        assert data is not None
        writer.add(f"{base}/{ref.format()}", data)
    done.feeds[row.origin] = size - known
    if row.audience in caller.exchange.audiences:
        _export_documents(node, writer, row, caller, known, done)


def _export_documents(
    node: Node, writer: BundleWriter, row: feeds.FeedRow, caller: Caller, known: int, done: Exported
) -> None:
    base = f"mirrors/{row.member}/{row.audience}"
    answer = serving.answer_documents if row.own else mirrors.answer_documents
    after: tuple[int, int] | None = None
    while True:
        with reading(node.engine) as conn:
            try:
                _open(node, conn, row, caller, leaves=False)
            except (NotFound, NotAllowed):
                return
            found = documents.list_held(conn, row.id, known, MAX_DIGESTS, after)
            answers = answer(node, conn, row, caller, [digest for _, _, digest in found])
            small = _small_photographs(node, conn, row, caller, [key for _, key, _ in found])
        if not found:
            return
        after = found[-1][0], found[-1][1]
        for digest, given in answers:
            if isinstance(given, Given):
                kind = "direct" if given.direct else "documents"
                writer.add(f"{base}/{kind}/{digest.hex()}", given.body)
                done.documents += 1
        for sha256 in small:
            data = node.blobs.get(row.member, sha256)
            if data is not None:
                writer.add(f"{base}/photographs/{sha256}", data)
                done.photographs += 1


def _small_photographs(
    node: Node, conn: Connection, row: feeds.FeedRow, caller: Caller, keys: Sequence[int]
) -> list[str]:
    find = serving.find_photograph if row.own else mirrors.find_photograph
    given = []
    for key in keys:
        for item in photographs.photographs_of_case(conn, key):
            if item.rendition == SMALL and item.state == feed_cases.HELD:
                with suppress(NotFound):
                    given.append(find(node, conn, row, caller, item.sha256).sha256)
    return given


def _sizes(node: Node, receiver: str, done: Exported) -> dict[str, int]:
    """Tell how far the feeds are held that the receiver owns or is given."""
    with reading(node.engine) as conn:
        rows = feeds.list_feeds(conn)
    return {row.origin: row.size for row in rows if row.member == receiver or row.origin in done.feeds}


def _export_receipts(node: Node, writer: BundleWriter, receiver: str, done: Exported) -> None:
    with reading(node.engine) as conn:
        rows = [row for row in feeds.list_feeds(conn) if row.member == receiver]
    for row in rows:
        for token, items in owed_receipts(node, row):
            writer.add(f"receipts/{done.receipts}", token.encode())
            done.receipts += len(items)


def import_bundle(
    node: Node, file: IO[bytes], progress: Progress = no_progress, *, actor: str = ""
) -> Imported:
    """Take what a bundle brings: verified whole, and then read like a pull.

    Args:
        file: open for reading, and able to seek.
        actor: see `export_bundle`.

    Raises:
        ProtocolError: it is no bundle for this member by another, was altered or cut off, or hands on what is
            not true; nothing has changed.
        NotAllowed: nothing is exchanged with the member that made it.
        InvalidInput: it begins behind a gap, or is older than everything that is known; nothing has changed.
    """
    find = node.network().roster.token_key_now(node.now())
    reader = BundleReader(file, node.member, find, node.opening_keys(), node.now())
    issuer = reader.statement.issuer
    caller = _caller(node, issuer)
    contents = _look_through(reader)
    done = Imported(issuer)
    readable = list(_check_feeds(node, contents, done))
    if not readable and not contents.receipts and not contents.returned:
        raise InvalidInput(
            f"This bundle brings nothing: {'; '.join(done.passed_over) or 'it is empty'}.",
            f"Ask {issuer} for a new one.",
        )
    brought = []
    for source, exchange in readable:
        done.feeds.append(report := _read(node, source, exchange, progress))
        if not report.error and not report.false:
            brought.append(source)
    _hear(node, reader.statement, brought)
    _take_receipts(node, caller, reader, contents, done)
    with writing(node.engine) as conn:
        here = {row.origin for row in feeds.list_feeds(conn)}  # whoever made it could name any number
        known = {origin: size for origin, size in contents.known.items() if origin in here}
        carried.keep_sizes(conn, issuer, known)
        if actor:
            write_journal(conn, JournalEntry(node.clock(), actor, "bundle.import", fields=[issuer]))
    return done


@dataclass
class BundleSource:
    """One feed in a bundle that was looked through.

    Attributes:
        name: who made the bundle.
    """

    reader: BundleReader
    name: str
    member: str
    audience: str
    checkpoint: bytes = b""
    readers: list[str] | None = None
    pruned: dict[int, bytes] = field(default_factory=dict)
    entries: dict[str, tuple[int, int]] = field(default_factory=dict)
    documents: PlaceIndex = field(default_factory=PlaceIndex)
    direct: PlaceIndex = field(default_factory=PlaceIndex)
    photographs: PlaceIndex = field(default_factory=PlaceIndex)
    owner: bool = False

    def get_checkpoint(self, tag: str) -> bytes | None:
        """See `Source`."""
        return None if tag == feeds.note_tag(self.checkpoint) else self.checkpoint

    def get_file(self, ref: TileRef) -> bytes:
        """See `Source`. There are no hash tiles in a bundle."""
        place = self.entries.get(ref.format())
        if place is None:
            raise PeerUnavailable("It is not in the bundle.")
        return self.reader.read(*place)

    def get_documents(self, digests: Sequence[bytes]) -> list[Given | Absence]:
        """See `Source`."""
        return [self._document(digest) for digest in digests]

    def get_photograph(self, sha256: str, size: int) -> bytes | None:
        """See `Source`."""
        place = self.photographs.find(bytes.fromhex(sha256))
        return self.reader.read(*place) if place else None

    def get_readers(self) -> list[str] | None:
        """See `Source`. Only the owner's own bundle says."""
        return self.readers

    def get_pruned(self, known: int) -> Pruned | None:
        """See `Source`."""
        data = self.pruned.get(known)
        return parse_pruned(data, known) if data is not None else None

    def sort(self) -> None:
        """Make ready for looking things up."""
        for index in (self.documents, self.direct, self.photographs):
            index.sort()

    def _document(self, digest: bytes) -> Given | Absence:
        for index, direct in ((self.documents, False), (self.direct, True)):
            place = index.find(digest)
            if place is not None:
                return Given(self.reader.read(*place), direct)
        return "unknown"


@dataclass
class _Contents:
    feeds: dict[tuple[str, str], BundleSource] = field(default_factory=dict)
    receipts: list[tuple[int, int]] = field(default_factory=list)
    returned: list[tuple[int, int]] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)


def _look_through(reader: BundleReader) -> _Contents:
    """Find what is where in a bundle, and hold documents and photographs against their hashes.

    Raises:
        FalseSource: it holds what is not what it is called.
        Malformed: it is not of the form of a bundle.
    """
    found, issuer, noted = _Contents(), reader.statement.issuer, 0
    for record, place, length in reader.records():
        noted += not isinstance(record, FeedRecord) or record.kind == "entries"
        if noted > _MAX_PLACES or len(found.feeds) > _MAX_FEEDS:
            raise Malformed("bundle: more feeds, entry bundles or receipts than a bundle may hold")
        if isinstance(record, FeedRecord):
            key = record.member, record.audience
            source = found.feeds.setdefault(key, BundleSource(reader, issuer, *key))
            with held_against(issuer):
                _note(source, record, place, length)
        elif record.kind == "known":
            found.known = parse_known(reader.read(place, length))
        else:
            (found.receipts if record.kind == "receipts" else found.returned).append((place, length))
    for source in found.feeds.values():
        source.sort()
    return found


def _note(source: BundleSource, record: FeedRecord, place: int, length: int) -> None:
    """Note one record of a feed.

    Raises:
        ProtocolError: it is not what its path says.
    """
    match record.kind:
        case "entries":
            source.entries[f"tile/entries/{record.name}"] = place, length
        case "documents" | "direct":
            digest = bytes.fromhex(record.name)
            if digest_document(source.reader.read(place, length)) != digest:
                raise BadProof("document: not the one that was announced")
            (source.direct if record.kind == "direct" else source.documents).add(digest, place, length)
        case "photographs":
            digest = bytes.fromhex(record.name)
            if hashlib.sha256(source.reader.read(place, length)).digest() != digest:
                raise BadProof("photograph: not the one that was announced")
            source.photographs.add(digest, place, length)
        case kind:
            if length > _LIMITS[kind]:
                raise Malformed(f"bundle: {kind} of more than {_LIMITS[kind]} bytes")
            data = source.reader.read(place, length)
            if kind == "checkpoint":
                source.checkpoint = data
            elif kind == "readers":
                readers = parse_readers(data)  # which only the owner may say: others' are not kept
                source.readers = readers if source.name == source.member else None
            else:
                source.pruned = {int(record.name): data}  # there is one: for what the receiver has


def _check_feeds(node: Node, contents: _Contents, done: Imported) -> Iterator[tuple[BundleSource, Exchange]]:
    """Verify the log of each feed as far as its owner's signature, and give those that bring something.

    Raises:
        FalseSource: one of them is not what its owner has signed.
        InvalidInput: one of them begins behind a gap.
    """
    for source in contents.feeds.values():
        name = f"{source.member}/{source.audience}"
        with reading(node.engine) as conn:
            try:
                exchange = exchange_with(conn, node, source.member)
            except NotAuthorized:
                done.passed_over.append(f"{name}: the roster lists no such member")
                continue
            row = feeds.find_feed(conn, source.member, source.audience)
        if source.audience not in exchange.leaves or source.member == node.member:
            done.passed_over.append(f"{name}: it is not read here")
            continue
        try:
            _check_log(node, source, exchange, row)
        except PeerUnavailable:
            done.passed_over.append(f"{name}: older than what is known here")
        except SplitView:
            yield source, exchange  # reading it keeps the evidence
        else:
            yield source, exchange


def _check_log(node: Node, source: BundleSource, exchange: Exchange, row: feeds.FeedRow | None) -> None:
    entry = next(feed for feed in exchange.member.feeds if feed.audience == source.audience)
    known = row.known() if row is not None else FeedState(entry.origin)
    with reading(node.engine) as conn:
        seen = heads.newest_head(conn, row.id) if row is not None else None
    with held_against(source.name):
        update = FeedUpdate(known, source.checkpoint, entry.keys_at(node.now()), seen.note if seen else None)
        may = not update.unchanged and may_skip(source, source.member, known.frontier.size)
        if may and (pruned := source.get_pruned(known.frontier.size)) is not None:
            update.skip(pruned)
        for ref in update.bundles():
            if ref.format() not in source.entries:
                raise InvalidInput(
                    f"Entries of {entry.origin} are missing in between: {known.frontier.size} are known "
                    "here, and the bundle begins later.",
                    f"Take in the bundle before it first, or ask {source.name} for one with --all.",
                )
            update.feed(source.get_file(ref))
        update.finish()


def _read(node: Node, source: BundleSource, exchange: Exchange, progress: Progress) -> FeedReport:
    report = FeedReport(source.member, through=[source.name], audience=source.audience)
    audience = next(one for one in exchange.leaves if one == source.audience)
    try:
        read_feed(node, exchange, audience, source, report, progress)
    except FalseSource as error:
        report.false.append(str(error))
    except ProtocolError as error:
        report.error, report.lying = str(error), True
    except PeerUnavailable as error:
        report.error = error.message
    except Conflict:
        pass  # a pull was faster: it has what this one would have brought
    return report


def _hear(node: Node, statement: BundleStatement, brought: Sequence[BundleSource]) -> None:
    """After a restore: take the members of whom a bundle brings everything for heard."""
    for member in sorted({source.member for source in brought}):
        with writing(node.engine) as conn:
            hear(conn, node, member, by_owner=_is_told_by_owner(conn, node, member, statement, brought))


def _is_told_by_owner(
    conn: Connection, node: Node, member: str, statement: BundleStatement, brought: Sequence[BundleSource]
) -> bool:
    """Tell whether a member itself has made a bundle since this node was restored, and all feeds of it that
    are held here have come to where they are in it. An older one may lack what it erased in between."""
    put_back = marks.find_mark(conn, marks.PUT_BACK)
    if statement.issuer != member or put_back is None or statement.at < put_back.at:
        return False
    reached = {
        source.audience: parse_checkpoint(parse_note(source.checkpoint).text).size
        for source in brought
        if source.member == member
    }
    held = [row for row in feeds.list_feeds(conn) if row.member == member and row.size]
    return all(row.audience in reached and row.size >= reached[row.audience] for row in held)


def _take_receipts(
    node: Node, caller: Caller, reader: BundleReader, contents: _Contents, done: Imported
) -> None:
    """Take the receipts of a bundle's issuer, and what it gives back of this node's own."""
    taken, length = list[str](), 0
    for token in _tokens(reader, contents.receipts):
        try:
            receipt = serving.read_receipt(node, caller, token)
            with writing(node.engine) as conn:
                serving.keep_receipt(conn, node, caller, receipt, token)
        except ProtocolError as error:
            done.refused.append(str(error))
        else:
            length += len(token)
            if length <= _MAX_RETURNED_BYTES:
                taken.append(token)
            done.receipts += len(receipt.items)
    with writing(node.engine) as conn:
        carried.keep_receipts(conn, caller.member, taken)
    find = node.network().roster.token_key
    for token in _tokens(reader, contents.returned):
        with suppress(ProtocolError), writing(node.engine) as conn:
            receipt = verify_receipt(token, caller.member, find)
            for audience in caller.exchange.leaves:
                row = feeds.find_feed(conn, caller.member, audience)
                if row is not None and (receipt.issuer, receipt.origin) == (node.member, row.origin):
                    receipts.settle_returned(conn, row.id, receipt.items)


def _tokens(reader: BundleReader, places: Sequence[tuple[int, int]]) -> Iterator[str]:
    for place in places:
        yield reader.read(*place).decode("ascii", "replace")
