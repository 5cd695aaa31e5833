"""The owner's ledger of what it erased: who has hidden it, who has purged it, who held nothing, who is
silent.

Guarantees: an entry says what peers signed, and is closed only when every member that could hold something
has; a member that owes its word is reminded by its doorbell, often at first and then ever more rarely, until
it has given it. What expired by itself is in the ledger too: peers end it without the owner.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from node.domain.brake import DELAY
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.standing import exchanges
from node.store import marks
from node.store.database import reading, writing
from node.store.federation import peers, receipts
from node.store.federation.receipts import OwnErasure, Promise
from node.store.published import feeds
from protocol.jws import parse_statement
from protocol.member import Member
from protocol.receipt import MAX_RECEIPT_LENGTH, RECEIPT_TYPE

PURGED = "purged"
NOTHING_HELD = "nothing held"
HIDDEN = "hidden"
SILENT = "silent"

_LONGEST = 50  # as many erasures are looked at to tell quickly who is late
_RING_AT_LEAST = timedelta(seconds=2)
_RING_AT_MOST = timedelta(hours=1)
_RING_SHARE = 20  # the pause between reminders is this part of what the peer is late


@dataclass(frozen=True, slots=True)
class Answer:
    """What one member said of one erasure; times are that member's.

    Attributes:
        state: PURGED, NOTHING_HELD, HIDDEN (the purge is still to come) or SILENT.
        overdue: whether it should have said more by the policy's `receipt_hours`.
    """

    member: str
    state: str
    hidden_at: datetime | None
    purged_at: datetime | None
    overdue: bool

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to be said."""
        return self.state in (PURGED, NOTHING_HELD)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One case that has ended in one own feed.

    Attributes:
        state: erased or expired, since `ended_at`.
        answers: one a member that reads the feed, in the order of their ids.
    """

    case_id: str
    audience: str
    state: str
    ended_at: datetime
    answers: tuple[Answer, ...]

    @property
    def waiting(self) -> list[str]:
        """The members that have not said yet that nothing is left."""
        return [answer.member for answer in self.answers if not answer.closed]


def list_statements(node: Node, case_id: str) -> list[str]:
    """Return the receipts that name one erased case, as their members signed them.

    Each is a JWT that anybody can check with the roster, without this node: the proof of the erasure.
    """
    with reading(node.engine) as conn:
        return [token for token in receipts.iterate_statements(conn) if _names(token, case_id)]


def _names(token: str, case_id: str) -> bool:
    items = parse_statement(token, RECEIPT_TYPE, "receipt", MAX_RECEIPT_LENGTH).claims["items"]
    return any(item["case"] == case_id for item in items)


def list_erasures(node: Node, case_id: str | None = None, *, open_only: bool = False) -> list[Erasure]:
    """Return what has ended, the newest first.

    Args:
        case_id: this case alone.
        open_only: only what not everybody has purged.
    """
    with reading(node.engine) as conn:
        found = [entry for _, entry in _entries(conn, node, case_id, None, unconfirmed=open_only)]
    listed = [entry for entry in found if entry.waiting or not open_only]
    return sorted(listed, key=lambda entry: entry.ended_at, reverse=True)


def page_of_erasures(node: Node, limit: int, offset: int = 0, *, open_only: bool = False) -> list[Erasure]:
    """Return some of what has ended, the newest first.

    Args:
        open_only: only what not everybody is known to have purged.
    """
    with reading(node.engine) as conn:
        return _in_order(conn, node, receipts.page_of_erasures(conn, limit, offset, unconfirmed=open_only))


def find_late(node: Node) -> dict[str, datetime]:
    """Return who is late with a word about an erasure, and since when the oldest of those stands; by those
    that have waited longest, so that it is quickly told."""
    with reading(node.engine) as conn:
        found = receipts.page_of_erasures(conn, _LONGEST, unconfirmed=True, oldest_first=True)
        entries = _in_order(conn, node, found)
    late: dict[str, datetime] = {}
    for entry in entries:
        for answer in entry.answers:
            if answer.overdue:
                late.setdefault(answer.member, entry.ended_at)
    return late


def ask_to_remind(node: Node) -> None:
    """Have everybody who owes a word about an erasure rung at the next `remind`, however lately it was."""
    with writing(node.engine) as conn:
        peers.forget_rings(conn)
        marks.set_mark(conn, marks.REMIND, node.clock())


def remind(node: Node, within: timedelta | None = None) -> list[str]:
    """Ring those that owe a word about an erasure and were not rung for a while: every few seconds at first,
    so that one who was away a minute learns of it at once, and hourly in the end; and close what everybody
    has confirmed.

    Args:
        within: look only at what ended so lately, unless somebody asked for more; at everything when None.

    Returns:
        Whom it rang.
    """
    now = node.clock()
    with reading(node.engine) as conn:
        asked = marks.find_mark(conn, marks.REMIND)
        after = None if within is None or asked else now - within
        found = _entries(conn, node, None, after, unconfirmed=True)
        rung = {peer.member: peer.rung_at for peer in peers.list_peers(conn)} if found else {}
    since = owed_since(entry for _, entry in found)
    due = [member for member in sorted(since) if _is_due(since[member], rung.get(member), now)]
    done = [item for item, entry in found if not entry.waiting]
    if due or done or asked:
        with writing(node.engine) as conn:
            marks.clear_mark(conn, marks.REMIND)
            receipts.confirm_erasures(conn, done)
            peers.note_rings(conn, due, now)
    if due:
        publishing.ring_peers(node, only=due)
    return due


def owed_since(entries: Iterable[Erasure]) -> dict[str, datetime]:
    """Return who owes a word, and since when the oldest of the erasures stands."""
    since: dict[str, datetime] = {}
    for entry in entries:
        for answer in entry.answers:
            if answer.state == SILENT or answer.overdue:
                since[answer.member] = min(entry.ended_at, since.get(answer.member, entry.ended_at))
    return since


def _is_due(since: datetime, rung_at: datetime | None, now: datetime) -> bool:
    pause = min(max((now - since) / _RING_SHARE, _RING_AT_LEAST), _RING_AT_MOST)
    return rung_at is None or rung_at > now or rung_at + pause <= now


def _entries(
    conn: Connection, node: Node, case_id: str | None, after: datetime | None, *, unconfirmed: bool
) -> list[tuple[OwnErasure, Erasure]]:
    entries = []
    for row in feeds.list_feeds(conn):
        if row.own:
            items = receipts.own_erasures(conn, row.id, case_id, after, unconfirmed=unconfirmed)
            entries += _of_feed(conn, node, row, items)
    return entries


def _in_order(conn: Connection, node: Node, found: Sequence[tuple[int, OwnErasure]]) -> list[Erasure]:
    """Say who has said what of cases that have ended, each with its feed's id."""
    by_key: dict[int, Erasure] = {}
    for row in feeds.list_feeds(conn):
        items = [item for feed_id, item in found if feed_id == row.id]
        by_key |= {item.case_key: entry for item, entry in _of_feed(conn, node, row, items)}
    return [by_key[item.case_key] for _, item in found]


def _of_feed(
    conn: Connection, node: Node, row: feeds.FeedRow, items: Sequence[OwnErasure]
) -> list[tuple[OwnErasure, Erasure]]:
    """Say who has said what of cases that have ended in one own feed."""
    if not items:
        return []
    late = timedelta(hours=node.network().policy.receipt_hours)
    said = receipts.promises_about(conn, row.id, [item.case_id for item in items])
    readers = _readers(conn, node, row.audience)
    entries = []
    for item in items:
        promises = {promise.member: promise for promise in said.get(item.case_id, ())}
        answers = tuple(
            _answer(item, member.id, promises.get(member.id), node.now() - late)
            for member in readers
            if member.id in promises or member.joined <= item.ended_at
        )
        entries.append((item, Erasure(item.case_id, row.audience, item.state, item.ended_at, answers)))
    return entries


def _answer(item: OwnErasure, member: str, promise: Promise | None, before: datetime) -> Answer:
    """Say where a member stands.

    Args:
        before: what ended before this moment should have been answered.
    """
    # What was promised of an earlier version, which had come to its end there, does not count.
    if promise is None or promise.version < item.version or promise.hidden_at is None:
        return Answer(member, SILENT, None, None, item.ended_at < before)
    if promise.purged_at is None and not promise.nothing_held:  # the brake may hold the purge up
        return Answer(member, HIDDEN, promise.hidden_at, None, item.ended_at < before - DELAY)
    state = NOTHING_HELD if promise.nothing_held else PURGED
    return Answer(member, state, promise.hidden_at, promise.purged_at, False)


def _readers(conn: Connection, node: Node, audience: str) -> list[Member]:
    reading_it = [other.member for other in exchanges(conn, node) if audience in other.leaves]
    return sorted(reading_it, key=lambda member: member.id)
