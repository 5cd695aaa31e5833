"""Who may exchange what with this node today: the roster's word, the endorsement, and this node's own
acceptance.

Guarantees: the same answer serves both directions; a member gets nothing, and nothing is taken from it,
unless the roster lists it as active, its endorsement stands (an NGO), and this node's administrator has
accepted its present keys: for `police` always, for `network` at the latest after the policy's days of notice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from node.errors import NotAllowed, NotFound
from node.runtime import KeylessNode, Network
from node.store.database import reading
from node.store.federation import peers
from node.store.published import feeds
from node.store.search.index import hide_feed
from protocol.endorsement import Standing, State, Withdrawal, standing
from protocol.errors import NotAuthorized
from protocol.feed_entry import Audience
from protocol.member import Member
from protocol.policy import Policy

EXPIRED_POLICE = timedelta(days=30)
"""How long past the roster's expiry police exchange goes on."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What may be exchanged with one member.

    Attributes:
        standing: by roster and endorsement.
        accepted: whether this node's administrator accepted its present keys.
        audiences: of the feeds whose documents may be read and served; empty when none.
        leaves: of the feeds whose leaves may be read and served. Between members of whom one is suspended,
            has lapsed or was removed lately these go on, so that erasures are still honoured on both sides.
        reason: in plain words, why it is not all of them; empty when it is.
        unheard: this node was restored, and what the member has erased since is not known yet.
    """

    member: Member
    standing: Standing
    accepted: bool
    audiences: tuple[Audience, ...]
    leaves: tuple[Audience, ...]
    reason: str
    unheard: bool = False

    @property
    def shown(self) -> tuple[Audience, ...]:
        """The audiences of its feeds whose replicas may be shown here and handed on."""
        return () if self.unheard else self.audiences


def other_member(node: KeylessNode, member_id: str) -> Member:
    """Return another member, which a person named.

    Raises:
        NotFound: the roster does not list it.
        NotAllowed: it is this node's own, or the roster does not list this node's own.
    """
    if member_id == node.entry().id:
        raise NotAllowed("This is the node's own member.", "Name another one: see `gmcn member list`.")
    try:
        return node.network().roster.member(member_id)
    except NotAuthorized:
        raise NotFound(
            "The roster lists no member %(member)s.", "See `gmcn member list`.", member=member_id
        ) from None


def standing_of_own(node: KeylessNode) -> Standing | None:
    """Tell where this node's own member stands; None where the roster does not list it."""
    try:
        entry = node.entry()
    except NotAllowed:
        return None
    with reading(node.engine) as conn:
        return standing(entry, node.network().roster, peers.list_withdrawals(conn), node.now())


def exchange_with(conn: Connection, node: KeylessNode, member_id: str) -> Exchange:
    """Tell what may be exchanged with a member now.

    Raises:
        NotAuthorized: the roster does not list it.
    """
    network = node.network()
    member, own = network.roster.member(member_id), network.roster.member(node.member)
    # Only an NGO has an endorsement that could be withdrawn; this is asked at every request.
    withdrawals = peers.list_withdrawals(conn) if "ngo" in (member.kind, own.kind) else []
    return _exchange(network, own, member, peers.find_peer(conn, member_id), withdrawals, node.now())


def exchanges(conn: Connection, node: KeylessNode) -> list[Exchange]:
    """Tell what may be exchanged now with every other member of the roster, in its order.

    Raises:
        NotAuthorized: the roster does not list this node's own member.
    """
    network, now = node.network(), node.now()
    own = network.roster.member(node.member)
    known = {peer.member: peer for peer in peers.list_peers(conn)}
    withdrawals = peers.list_withdrawals(conn)
    return [
        _exchange(network, own, member, known.get(member.id), withdrawals, now)
        for member in network.roster.members
        if member.id != own.id
    ]


def _exchange(
    network: Network,
    own: Member,
    member: Member,
    peer: peers.Peer | None,
    withdrawals: Sequence[Withdrawal],
    now: datetime,
) -> Exchange:
    stands = standing(member, network.roster, withdrawals, now)
    accepted = peer is not None and peer.accepted == network.fingerprints[member.id]
    own_standing = standing(own, network.roster, withdrawals, now)
    for one, its_standing in ((member, stands), (own, own_standing)):
        if is_gone(one, network.policy, now):
            return Exchange(member, stands, accepted, (), (), its_standing.reason)
    audiences: list[Audience] = []
    reasons = []
    if accepted or (peer is not None and now >= peer.seen_at + _notice(peer, network.policy)):
        audiences.append("network")
    else:
        reasons.append("its keys are not accepted yet: check them, then `gmcn member accept`")
    if member.kind == own.kind == "law_enforcement":
        if accepted and now < network.expires_at + EXPIRED_POLICE:
            audiences.append("police")
        elif accepted:
            reasons.append("the roster ran out more than 30 days ago, so police exchange has stopped")
        elif audiences:
            reasons.append("police exchange waits for `gmcn member accept`")
    leaves = tuple(audiences)
    if State.REMOVED in (stands.state, own_standing.state):  # one that was expelled learns of no police case
        leaves = tuple(audience for audience in audiences if audience == "network")
    if stands.state is not State.ACTIVE:
        return Exchange(member, stands, accepted, (), leaves, f"{stands.reason}: only erasures are exchanged")
    if own_standing.state is not State.ACTIVE:
        reason = f"this node's own standing: {own_standing.reason}; only erasures are exchanged"
        return Exchange(member, stands, accepted, (), leaves, reason)
    unheard = peer is not None and peer.unheard
    if unheard:
        reasons.append("this node was restored, and shows nothing of it before it was pulled")
    return Exchange(member, stands, accepted, leaves, leaves, "; ".join(reasons), unheard)


def is_gone(member: Member, policy: Policy, now: datetime) -> bool:
    """Tell whether a member was removed so long ago that nothing of it, and nothing of others at it, is
    kept."""
    return member.removed_at is not None and now >= member.removed_at + timedelta(days=policy.removal_days)


def see_members(conn: Connection, node: KeylessNode) -> None:
    """Note every member of the roster and the keys that it has there; others than before are new from this
    moment."""
    network, now = node.network(), node.now()
    days = peers.see_notice(conn, network.policy.notice_days, now)
    known = {peer.member: peer.fingerprint for peer in peers.list_peers(conn)}
    for member_id, fingerprint in network.fingerprints.items():
        if member_id != node.member and known.get(member_id) != fingerprint:
            peers.see_peer(conn, member_id, fingerprint, now, days)


def find_by_standing(conn: Connection, node: KeylessNode) -> None:
    """Let the search find the replicas of those whose cases may be shown now, and of nobody else."""
    shown = {(exchange.member.id, audience) for exchange in _known(conn, node) for audience in exchange.shown}
    for row in feeds.list_feeds(conn):
        if not row.own:
            hide_feed(conn, row.id, hidden=(row.member, row.audience) not in shown)


def may_show(conn: Connection, node: KeylessNode, row: feeds.FeedRow) -> bool:
    """Tell whether the replicas of a feed may be found here now."""
    try:
        return row.audience in exchange_with(conn, node, row.member).shown
    except NotAuthorized:
        return False


def _known(conn: Connection, node: KeylessNode) -> list[Exchange]:
    try:
        return exchanges(conn, node)
    except NotAuthorized:  # this node's own member is not listed: nothing is exchanged with anybody
        return []


def _notice(peer: peers.Peer, policy: Policy) -> timedelta:
    """Return how long a peer's keys wait: a longer notice holds at once, a shorter one for others only."""
    return timedelta(days=max(peer.notice_days, policy.notice_days))
