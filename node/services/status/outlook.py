"""The other members, one by one: how each stands here in one word, and what it holds of this member's cases.

Guarantees: the word is that of the worst that is known; nothing is asked of anybody.
"""

from dataclasses import dataclass
from enum import StrEnum

from node.errors import NotFound
from node.runtime import Node
from node.services.members.membership import list_members
from node.services.status.figures import PeerStatus
from node.services.status.looking import feeds_by_member, look_at_peers
from node.store.database import reading
from node.store.federation import receipts
from node.store.published import feed_cases, feeds
from protocol.member import Duty


class Outlook(StrEnum):
    """How a member stands here, the worst first."""

    STOPPED = "stopped"
    QUARANTINED = "quarantined"
    REMOVED = "removed"
    SUSPENDED = "suspended"
    LAPSED = "lapsed"
    WAITING = "waiting"
    DOWN = "down"
    NEVER = "never"
    SILENT = "silent"
    STALE = "stale"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class MemberOverview:
    """A member as people look at it.

    Attributes:
        outlook: STOPPED: it has shown two faces; QUARANTINED: it broke the protocol; REMOVED, SUSPENDED or
            LAPSED by its standing; WAITING: nobody here has accepted its keys; DOWN: it did not answer when
            it was asked last; NEVER: nothing was pulled yet; else how new its oldest head is.
        held_here, held_there: its cases that are here, and the own ones that it said it holds.
    """

    peer: PeerStatus
    duty: Duty
    outlook: Outlook
    held_here: int
    held_there: int

    @property
    def witnessed(self) -> bool | None:
        """Whether a quorum of witnesses has signed each of its heads; None where the policy names none."""
        said = [feed.freshness.witnessed for feed in self.peer.feeds]
        return None if not said or None in said else all(said)


def list_overviews(node: Node) -> list[MemberOverview]:
    """Return every other member, by its country and id.

    Raises:
        NotFound, NotAllowed: the node has joined no network, or its roster does not list this member.
    """
    return sorted(_look(node), key=lambda overview: (overview.peer.country, overview.peer.member))


def find_overview(node: Node, member_id: str) -> MemberOverview:
    """Return one member.

    Raises:
        NotFound: the roster does not list it.
    """
    for overview in _look(node, member_id):
        return overview
    raise NotFound("The list of members has no such member.", "Go on from the page of all members.")


def _look(node: Node, only: str | None = None) -> list[MemberOverview]:
    """Look at every other member, or at one."""
    views = {view.member.id: view for view in list_members(node) if only in (None, view.member.id)}
    with reading(node.engine) as conn:
        held = receipts.count_held(conn)
        found = look_at_peers(conn, node, views.values(), feeds_by_member(conn, node, only))
    return [
        MemberOverview(
            peer,
            views[peer.member].member.duty,
            _outlook(peer),
            sum(feed.states.get(feed_cases.HELD, 0) for feed in peer.feeds),
            held.get(peer.member, 0),
        )
        for peer in found
    ]


def _outlook(peer: PeerStatus) -> Outlook:
    states = {feed.state for feed in peer.feeds}
    if feeds.SPLIT in states:
        return Outlook.STOPPED
    if peer.lying or states - {feeds.OPEN}:
        return Outlook.QUARANTINED
    if peer.standing != "active":
        return Outlook(peer.standing)
    if not peer.accepted:
        return Outlook.WAITING
    if peer.failures:
        return Outlook.DOWN
    if not peer.feeds or peer.reached_at is None:
        return Outlook.NEVER
    ages = {feed.freshness.state for feed in peer.feeds}
    return next(state for state in (Outlook.SILENT, Outlook.STALE, Outlook.FRESH) if state in ages)
