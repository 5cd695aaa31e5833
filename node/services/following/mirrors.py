"""Handing on what is held of other members' feeds, and whom to ask for it when an owner does not answer.

Guarantees: a feed is handed on only to members that both its owner and this node have it open to, with the
same answer for a police feed that may not be known of as for a member that nobody ever heard of; what its
owner keeps from anybody, what is hidden, and what is past its life is handed on to nobody, but that the owner
itself gets back all that is held of its own. Who may read an own feed is `serving`.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from node.errors import NotFound
from node.runtime import Node
from node.services.serving import Caller, NotIdentified, not_exchanged
from node.services.standing import Exchange, exchange_with, exchanges
from node.store.federation import peers
from node.store.published import documents, feed_cases, feeds, photographs
from protocol.answers import Absence, Given
from protocol.errors import ProtocolError
from protocol.member import Member

MAX_MIRRORS = 3
"""How many mirrors are asked, one after the other, when an owner does not answer."""

_DISTRUST = timedelta(days=1)


def open_mirror(
    node: Node,
    conn: Connection,
    owner: str,
    audience: str,
    caller: Caller | NotIdentified,
    *,
    leaves: bool = False,
) -> feeds.FeedRow:
    """Open the replica of another member's feed to a caller.

    Args:
        caller: or why it is not known who is calling.
        leaves: whether it is about the log itself and not about documents; see `serving.open_feed`.

    Raises:
        NotFound: there is no such feed here for this caller, or its owner has not said that it is open to it.
        NotIdentified: the feed is for members, and who is calling is not known.
        NotAllowed: the caller is a member with whom this is not exchanged, with the reason.
    """
    may_read = isinstance(caller, Caller) and audience in _open_to(caller.exchange, leaves=leaves)
    if audience == "network" and not may_read:
        raise not_exchanged(caller) if isinstance(caller, Caller) else caller
    row = feeds.find_feed(conn, owner, audience)
    if (
        not isinstance(caller, Caller)
        or not may_read
        or row is None
        or row.own
        or row.note is None
        or row.state == feeds.SPLIT
        or audience not in _handed_on(_exchange(conn, node, owner), leaves=leaves)
        or not (caller.member == owner or caller.member in (row.readers or "").split("\n"))
    ):
        raise NotFound("There is no such feed here.")
    return row


def answer_documents(
    node: Node, conn: Connection, row: feeds.FeedRow, caller: Caller, digests: Sequence[bytes]
) -> list[tuple[bytes, Given | Absence]]:
    """Answer for each digest with the document that is held here, or that there is none for this caller."""
    held = documents.held_digests(conn, row.id, digests, node.now().date())
    answers: list[tuple[bytes, Given | Absence]] = []
    for digest in digests:
        body, direct = held.get(digest, (b"", False))
        if not body:
            answers.append((digest, "unknown"))
        elif direct and caller.member != row.member:
            answers.append((digest, "restricted"))
        else:
            answers.append((digest, Given(body, direct)))
    return answers


def find_photograph(
    node: Node, conn: Connection, row: feeds.FeedRow, caller: Caller, sha256: str
) -> photographs.Photograph:
    """Find a photograph by the reference that a live document held here has to it.

    Raises:
        NotFound: no document that may be handed on to this caller refers to it.
    """
    found = [item for _, item in photographs.find_photograph(conn, row.id, sha256, node.now().date())]
    direct = documents.direct_cases(conn, [item.case_key for item in found])
    for item in found:
        if item.state == feed_cases.HELD and (item.case_key not in direct or caller.member == row.member):
            return item
    raise NotFound("There is no such photograph here.")


def choose_mirrors(conn: Connection, node: Node, owner: Member, audience: str) -> list[Member]:
    """Choose whom to ask for a feed whose owner does not answer: the law-enforcement members of its country,
    which a member behind a firewall hands its feed to, and then whoever was reached last."""
    found: list[tuple[bool, float, Member]] = []
    known = {peer.member: peer for peer in peers.list_peers(conn)}
    for exchange in exchanges(conn, node):
        member, peer = exchange.member, known.get(exchange.member.id)
        if member.id == owner.id or peer is None or peer.failures:
            continue
        if peer.false_at is not None and node.clock() < peer.false_at + _DISTRUST:
            continue
        if audience in exchange.leaves:
            partner = (member.country, member.kind) == (owner.country, "law_enforcement")
            reached = peer.reached_at.timestamp() if peer.reached_at else 0.0
            found.append((not partner, -reached, member))
    return [member for _, _, member in sorted(found, key=lambda item: item[:2])[:MAX_MIRRORS]]


def _exchange(conn: Connection, node: Node, owner: str) -> Exchange | None:
    try:
        return exchange_with(conn, node, owner)
    except ProtocolError:
        return None


def _handed_on(exchange: Exchange | None, *, leaves: bool) -> Sequence[str]:
    if exchange is None:
        return ()
    return exchange.leaves if leaves else exchange.shown


def _open_to(exchange: Exchange, *, leaves: bool) -> Sequence[str]:
    return exchange.leaves if leaves else exchange.audiences
