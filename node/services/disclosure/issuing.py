"""Signing ahead that published cases are current, because the public site has no key.

Guarantees: every live case of the own network feed gets a statement soon after it is published, and a newer
one when half of its time is over; none is signed that this node may not sign a head for: while the feed is
stopped or frozen, the machine was restored, its clock is off, or the member does not stand. A statement never
outlives the last day of its document.
"""

from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection

from node.errors import Conflict
from node.runtime import Node
from node.services.standing import standing_of_own
from node.services.witnesses.witnessing import check_may_sign
from node.store.database import reading, writing
from node.store.published import feeds
from node.store.published.feeds import FeedRow
from node.store.published.statements import LiveCase, Stated, cases_lacking, keep_statements
from protocol.current import format_current
from protocol.endorsement import State
from protocol.feed_entry import Audience
from protocol.token import TokenSigner

LIFE = timedelta(hours=48)
"""How long a statement holds: as long, at the most, an old copy can call something current that is not."""

_ROUND = 500  # signed in one transaction, well below a tenth of a second
_AUDIENCE: Audience = "network"


def issue(node: Node) -> int:
    """Sign what is due, a round of cases at a time. Returns how many statements."""
    standing = standing_of_own(node)
    if standing is None or standing.state is not State.ACTIVE:
        return 0
    signer = node.token_signer()
    with reading(node.engine) as conn:
        if not _due(conn, node, signer, 1):
            return 0
    try:
        check_may_sign(node)
    except Conflict:  # `gmcn status` says why nothing is signed; what was signed before runs out by itself
        return 0
    signed = 0
    while True:
        with writing(node.engine) as conn:
            due = _due(conn, node, signer, _ROUND)
            keep_statements(conn, [_state(one, signer, node.now()) for one in due])
        signed += len(due)
        if len(due) < _ROUND:
            return signed


def _due(conn: Connection, node: Node, signer: TokenSigner, limit: int) -> list[LiveCase]:
    row = feeds.find_feed(conn, node.member, _AUDIENCE)
    if row is None or not _goes_on(node, row):
        return []
    return cases_lacking(conn, row.id, row.published_size(), signer.kid, node.now(), limit)


def _goes_on(node: Node, row: FeedRow) -> bool:
    """Tell whether a feed is the one that the roster lists, and is neither stopped nor frozen."""
    entry = node.entry().feed(_AUDIENCE)
    return row.state == feeds.OPEN and entry.state == "active" and entry.origin == row.origin


def _state(case: LiveCase, signer: TokenSigner, now: datetime) -> Stated:
    over = datetime.combine(case.expires, time(), UTC) + timedelta(days=1)
    until = min(now + LIFE, over)
    token = format_current(signer, case.case_id, case.version, case.digest, until, now)
    renew_at = until if until == over else now + LIFE / 2
    return Stated(case.key, case.version, signer.kid, until, renew_at, token)
