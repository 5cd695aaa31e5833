"""How new what is known of a feed is, and by whose word.

Guarantees: whoever replays an old head, or keeps the newer ones from this node, cannot make it look fresh:
the times are those of the witnesses' cosignatures, which an owner renews every hour. Of a head that no quorum
of witnesses has signed only the owner itself says that it is the newest; then what counts is when it last
said so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from node.services.witnesses.witnessing import Witnesses, witnessed_at
from node.store.published.feeds import FeedRow

FRESH = timedelta(hours=2)
"""How long a head stays fresh: one hourly renewal may get lost."""

SILENT = timedelta(hours=24)
"""After which a feed counts as silent: its owner, or the line to it, has been gone for a day."""

State = Literal["fresh", "stale", "silent"]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new the head of a feed is.

    Attributes:
        witnessed: whether a quorum of witnesses has signed it; None where the policy names none.
        vouched_at: until when it is known to have been the newest: by the quorum, otherwise by the owner's
            last answer; None when there was none.
    """

    state: State
    witnessed: bool | None
    vouched_at: datetime | None


def freshness_of(row: FeedRow, asked: Witnesses, reached_at: datetime | None, now: datetime) -> Freshness:
    """Tell how new the published head of a feed is.

    Args:
        asked: the witnesses of the feed.
        reached_at: when its owner last answered.
    """
    signed_at = witnessed_at(row.note, asked) if row.note is not None else None
    vouched_at = reached_at if signed_at is None else signed_at
    age = SILENT if vouched_at is None else now - vouched_at
    state: State = "fresh" if age < FRESH else "stale" if age < SILENT else "silent"
    return Freshness(state, signed_at is not None if asked.members else None, vouched_at)
