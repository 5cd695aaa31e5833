"""Who may exchange what with this node today: the roster's word, the endorsement, and this node's own
acceptance.

Guarantees: the same answer serves both directions; a member gets nothing, and nothing is taken from it,
unless the roster lists it as active, its endorsement stands (an NGO), and this node's administrator has
accepted its present keys: for `police` always, for `network` at the latest after the policy's days of notice.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from node.runtime import Node
from node.store import peers
from protocol.endorsement import Standing, State, standing
from protocol.roster import Audience, Member

EXPIRED_POLICE = timedelta(days=30)
"""How long past the roster's expiry police exchange goes on."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What may be exchanged with one member.

    Attributes:
        standing: by roster and endorsement.
        accepted: whether this node's administrator accepted its present keys.
        audiences: of the feeds whose documents may be read and served; empty when none.
        leaves: of the feeds whose leaves may be read and served. Between members of whom one is suspended or
            has lapsed these go on, so that erasures are still honoured on both sides; after a restore they
            come before everything else.
        reason: in plain words, why it is not all of them; empty when it is.
    """

    member: Member
    standing: Standing
    accepted: bool
    audiences: tuple[Audience, ...]
    leaves: tuple[Audience, ...]
    reason: str


def exchange_with(conn: Connection, node: Node, member_id: str) -> Exchange:
    """Tell what may be exchanged with a member now.

    Raises:
        NotAuthorized: the roster does not list it.
    """
    network, now = node.network(), node.now()
    member = network.roster.member(member_id)
    own = network.roster.member(node.member)
    # Only an NGO has an endorsement that could be withdrawn; this is asked at every request.
    withdrawals = peers.list_withdrawals(conn) if "ngo" in (member.kind, own.kind) else []
    stands = standing(member, network.roster, withdrawals, now)
    peer = peers.find_peer(conn, member_id)
    accepted = peer is not None and peer.accepted == network.fingerprints[member_id]
    own_standing = standing(own, network.roster, withdrawals, now)
    if State.REMOVED in (stands.state, own_standing.state):
        gone = stands if stands.state is State.REMOVED else own_standing
        return Exchange(member, stands, accepted, (), (), gone.reason)
    audiences: list[Audience] = []
    reasons = []
    if accepted or (peer is not None and now >= peer.seen_at + timedelta(days=network.policy.notice_days)):
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
    if stands.state is not State.ACTIVE:
        return Exchange(member, stands, accepted, (), leaves, f"{stands.reason}: only erasures are exchanged")
    if own_standing.state is not State.ACTIVE:
        reason = f"this node's own standing: {own_standing.reason}; only erasures are exchanged"
        return Exchange(member, stands, accepted, (), leaves, reason)
    if peer is not None and peer.unheard:
        reason = "this node was restored, and what it has erased since is not known until it was pulled"
        return Exchange(member, stands, accepted, (), leaves, reason)
    return Exchange(member, stands, accepted, leaves, leaves, "; ".join(reasons))


def see_members(conn: Connection, node: Node) -> None:
    """Note every member of the roster and the keys that it has there; others are new from this moment."""
    for member, shown in node.network().fingerprints.items():
        if member != node.member:
            peers.see_peer(conn, member, shown, node.now())
