"""What the operator of a node should do something about: each in a sentence or two, with the next step."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from node.errors import Conflict
from node.runtime import Node
from node.services.audit import chain
from node.services.disclosure.ledger import Erasure
from node.services.members.membership import MemberView
from node.services.safekeeping import losses
from node.services.status.figures import FeedStatus, PeerStatus, Status
from node.services.witnesses.witnessing import check_clock
from node.store import scrubbing
from node.store.database import reading
from node.store.federation import messages
from node.store.published import documents, endings, feed_cases, feeds
from node.store.register import gate
from protocol.endorsement import State

FALSE_SHOWN = timedelta(days=7)
"""How long it is told that a peer handed on what is not true."""


def find_warnings(
    node: Node, found: Status, views: Iterable[MemberView], erasures: Sequence[Erasure]
) -> list[str]:
    """Tell what needs a person, now that everything else of the status was found.

    Args:
        erasures: own ones that not all peers have confirmed.
    """
    with reading(node.engine) as conn:
        warnings = [*_clock_problem(conn, node), *losses.warnings(conn), *chain.warnings(conn, node)]
        warnings += [*_erasure_warnings(conn, node), *_gate_warnings(conn, node)]
    if stuck := scrubbing.waits_for(node.engine):
        warnings.append(f"PostgreSQL cannot be seen to forget what was erased: {stuck}. See the guide.")
    warnings += _message_warnings(found.messages)
    warnings += _own_warnings(found.own)
    warnings += _overdue_warnings(erasures)
    warnings += _endorsement_warnings(node, views)
    warnings += _network_warnings(node, found)
    warnings += _peer_warnings(found.peers, node.now())
    return warnings


def _clock_problem(conn: Connection, node: Node) -> list[str]:
    try:
        check_clock(conn, node)
    except Conflict as error:
        return [f"{error.message} {error.next_step}"]
    return []


def _own_warnings(own: Sequence[FeedStatus]) -> list[str]:
    warnings = []
    for feed in own:
        if feed.state != feeds.OPEN:
            warnings.append(f"{feed.origin} is {feed.state}: {feed.reason}. Nothing is signed.")
        if feed.freshness.witnessed is False:
            reasons = [f"{answer.member}: {answer.problem}" for answer in feed.witnesses if answer.problem]
            text = f"{feed.origin} is published without the quorum of its witnesses."
            warnings.append(" ".join([text, *reasons]))
    return warnings


def _endorsement_warnings(node: Node, views: Iterable[MemberView]) -> list[str]:
    """Tell the endorser, too, what its endorsements come to: the NGO alone might not be heard."""
    warnings = []
    for view in views:
        stands = view.standing
        if stands.endorser == node.member and stands.warning is not None and stands.until is not None:
            warnings.append(
                f"This member's endorsement of {view.member.id} ends within {stands.warning} days, on "
                f"{stands.until:%Y-%m-%d}: write another with `gmcn endorse`, or tell the NGO that it ends."
            )
    return warnings


def _gate_warnings(conn: Connection, node: Node) -> list[str]:
    late = [item for item in gate.unreviewed(conn) if item.review_due and item.review_due < node.clock()]
    return [
        f"Published without an approval, and not reviewed within 24 hours: {item.case_id}. "
        f"See `gmcn gate show {item.id}`."
        for item in late
    ]


def _message_warnings(mail: Mapping[str, int]) -> list[str]:
    words = {messages.NEW: "that wait for you", messages.REFUSED: "that their receiver refused"}
    return [
        f"Messages {which}: {mail[state]}. See `gmcn messages list`."
        for state, which in words.items()
        if state in mail
    ]


def _overdue_warnings(erasures: Sequence[Erasure]) -> list[str]:
    """Name the members that owe a word about erasures for longer than the policy allows."""
    owed: dict[str, list[datetime]] = {}
    for entry in erasures:
        for answer in entry.answers:
            if answer.overdue:
                owed.setdefault(answer.member, []).append(entry.ended_at)
    return [
        f"{member} has not confirmed {len(times)} erasures, the oldest of {min(times):%Y-%m-%d %H:%M} UTC: "
        "see `gmcn erasures --open`, and ask its duty officer."
        for member, times in sorted(owed.items())
    ]


def _erasure_warnings(conn: Connection, node: Node) -> list[str]:
    """Tell what of others' erasures waits here, and what keeps them from being finished."""
    waiting = endings.count_waiting(conn, node.clock())
    full = documents.count_waiting(conn, node.config.storage.cases_per_member)
    warnings = []
    for row in feeds.list_feeds(conn):
        if row.id in waiting:
            number, until = waiting[row.id]
            warnings.append(
                f"{row.origin} has erased {number} cases within a day. They are hidden, and purged from "
                f"{until:%Y-%m-%d %H:%M} UTC on: ask {row.member} by telephone. If it was not them, the "
                "coordinator can freeze the feed, which brings the cases back."
            )
        if row.id in full:
            warnings.append(
                f"{row.member} has more live cases than storage.cases_per_member allows: {full[row.id]} of "
                f"{row.origin} wait. Raise the setting, or ask why."
            )
    return warnings


def _network_warnings(node: Node, found: Status) -> list[str]:
    """Tell what is wrong with the network's files, and with this member's standing by them."""
    warnings = []
    if found.roster_expires_at <= node.now():
        warnings.append(
            f"The network's signed files ran out on {found.roster_expires_at:%Y-%m-%d %H:%M} UTC: "
            "no new member or key is taken. Ask the coordinator."
        )
    if node.trust.current().turned:
        now_is, here = ("no exercise", "one") if found.exercise else ("an exercise", "none")
        warnings.append(
            f"The network's policy says that it is {now_is}; here it stays {here}, as when this node joined. "
            "Ask the coordinator."
        )
    unseen = [feed.origin for feed in found.own if feed.freshness.witnessed is None]
    if unseen and not found.exercise:
        warnings.append(
            f"The network's policy names no witnesses for {', '.join(unseen)}: nobody sees what is published "
            "there before it is. Ask the coordinator to name some (`gmcn network policy`)."
        )
    if found.standing.state is not State.ACTIVE:
        warnings.append(f"This member's standing is {found.standing.state}: {found.standing.reason}.")
    elif found.standing.warning:
        warnings.append(f"This member is {found.standing.reason}: ask for a new endorsement now.")
    return warnings


def _peer_warnings(peers: Sequence[PeerStatus], now: datetime) -> list[str]:
    warnings = []
    for peer in peers:
        if peer.standing == "active" and not peer.accepted:
            warnings.append(f"{peer.member} waits to be accepted: see `gmcn member list`.")
        if peer.false_at is not None and now < peer.false_at + FALSE_SHOWN:
            warnings.append(
                f"{peer.member} handed on what is not true, on {peer.false_at:%Y-%m-%d %H:%M} UTC: "
                f"{peer.false_reason}. Tell its operator."
            )
        for feed in peer.feeds:
            if feed.state != feeds.OPEN:
                warnings.append(f"{feed.origin} is {feed.state}: {feed.reason}.")
            if feed.freshness.state == "silent" and feed.freshness.vouched_at is not None:
                since = f"{feed.freshness.vouched_at:%Y-%m-%d %H:%M} UTC"
                warnings.append(f"{feed.origin} is silent: nothing newer than {since} has come from it.")
            if feed.skipped_by:
                warnings.append(
                    f"{feed.origin} is incomplete here: {feed.skipped_by}, which handed it on, says that its "
                    f"beginning has ended. It is read again from {peer.member} once that answers."
                )
            if feed.states.get(feed_cases.WITHHELD):
                warnings.append(
                    f"{feed.origin} withholds {feed.states[feed_cases.WITHHELD]} documents that it announces."
                )
    return warnings
