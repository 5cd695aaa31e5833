"""What is known of each peer beyond the roster: whether this node's administrator accepted it, and how
pulling it goes.

Guarantees: an acceptance names the keys that it was given for; a peer with other keys is not accepted any
more. When a pull is due is decided by `next_at` alone, so that a restart goes on where it was.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from node.store.database import Moment, metadata, upsert
from protocol.endorsement import Withdrawal

peer = sa.Table(
    "peer",
    metadata,
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("fingerprint", sa.String, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("accepted", sa.String, nullable=False, default=""),
    sa.Column("next_at", Moment, nullable=False),
    sa.Column("reached_at", Moment),
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("error", sa.String, nullable=False, default=""),
    sa.Column("lying", sa.Boolean, nullable=False, default=False),
    sa.Column("false_at", Moment),
    sa.Column("false_reason", sa.String, nullable=False, default=""),
    sa.Column("unheard", sa.Boolean, nullable=False, default=False),
    sa.Column("rung_at", Moment),
    sa.Column("notice_days", sa.Integer, nullable=False, default=0),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("days", sa.Integer, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
)
"""The policy's days of notice, each from when this node first saw it."""

withdrawal = sa.Table(
    "withdrawal",
    metadata,
    sa.Column("endorser", sa.String, primary_key=True),
    sa.Column("endorsement", sa.String, primary_key=True),
    sa.Column("issued_at", Moment, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
)

# Built once: they are part of every pull, or of every request that a peer makes.
_FIND_PEER = sa.select(peer).where(peer.c.member == sa.bindparam("member"))
_SET_PEER = peer.update().where(peer.c.member == sa.bindparam("of_member"))
# Since the pull began: that moment is kept, so that the peer is asked again at once.
_RUNG = sa.and_(peer.c.next_at > sa.bindparam("started"), peer.c.next_at <= sa.bindparam("now"))
_LATER = sa.bindparam("later", type_=Moment)
_ASK_LATER = _SET_PEER.values(next_at=sa.case((_RUNG, peer.c.next_at), else_=_LATER))
_FAIL = _ASK_LATER.values(failures=peer.c.failures + 1)
_LIST_PEERS = sa.select(peer).order_by(peer.c.member)
_LIST_NOTICES = sa.select(notice.c.days, notice.c.seen_at).order_by(notice.c.id)
_LIST_WITHDRAWALS = sa.select(withdrawal.c.endorser, withdrawal.c.endorsement, withdrawal.c.issued_at)


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer.

    Attributes:
        fingerprint: of the keys that the roster gives it now; `seen_at` is when they were first seen.
        accepted: the fingerprint that was accepted; empty when none was.
        next_at: when it is to be asked again.
        reached_at: the last attempt that was answered.
        failures: attempts in a row that were not answered.
        error: the last reason, in plain words; empty when all is well.
        lying: whether that reason is a breach of the protocol rather than silence.
        false_at, false_reason: when it last handed on of another member's feed what that member never signed,
            and what that was; None and empty when never.
        unheard: this node was restored from a backup, and what the peer has erased since is not known yet.
        rung_at: when it was last reminded of receipts that it owes.
        notice_days: how long its keys wait at the least, by what was the policy when they were first seen.
    """

    member: str
    fingerprint: str
    seen_at: datetime
    accepted: str
    next_at: datetime
    reached_at: datetime | None
    failures: int
    error: str
    lying: bool
    false_at: datetime | None
    false_reason: str
    unheard: bool
    rung_at: datetime | None
    notice_days: int


def see_peer(conn: Connection, member: str, fingerprint: str, now: datetime, notice_days: int = 0) -> Peer:
    """Return a peer, made or brought up to date with the keys that the roster gives it.

    Args:
        notice_days: see `see_notice`.
    """
    found = find_peer(conn, member)
    seen = {"fingerprint": fingerprint, "seen_at": now, "notice_days": notice_days}
    if found is None:
        conn.execute(peer.insert().values(member=member, next_at=now, **seen))
    elif found.fingerprint != fingerprint:
        conn.execute(_SET_PEER, {"of_member": member, **seen})
    else:
        return found
    found = find_peer(conn, member)
    assert found is not None
    return found


def see_notice(conn: Connection, days: int, now: datetime) -> int:
    """Note the policy's days of notice, and return how many hold for keys that are first seen now.

    A shortened notice holds only after the longer one before it has passed: whoever can change the policy and
    the list could otherwise do both in one step, and nobody would have had notice of anything.
    """
    known: list[tuple[int, datetime]] = [(row.days, row.seen_at) for row in conn.execute(_LIST_NOTICES)]
    if not known or known[-1][0] != days:
        conn.execute(notice.insert().values(days=days, seen_at=now))
        known.append((days, now))
    lingering = [old for (old, _), (_, since) in pairwise(known) if now < since + timedelta(days=old)]
    return max(days, *lingering, 0)


def find_peer(conn: Connection, member: str) -> Peer | None:
    """Return a peer, or None when the roster never named it."""
    row = conn.execute(_FIND_PEER, {"member": member}).one_or_none()
    return Peer(*row) if row else None


def list_peers(conn: Connection) -> list[Peer]:
    """Return every peer by its member id."""
    return [Peer(*row) for row in conn.execute(_LIST_PEERS)]


def accept_peer(conn: Connection, member: str, fingerprint: str, now: datetime) -> None:
    """Write down that the administrator accepted these keys of a member, and pull it at once."""
    values = {"accepted": fingerprint, "next_at": now, "failures": 0}
    conn.execute(_SET_PEER, {"of_member": member, **values})


def keep_withdrawal(conn: Connection, verified: Withdrawal, token: str) -> None:
    """Keep a verified withdrawal of an endorsement, own or foreign, with the token that proves it."""
    row = {
        "endorser": verified.issuer,
        "endorsement": verified.token_id,
        "issued_at": verified.issued,
        "token": token,
    }
    upsert(conn, withdrawal, [row], ("endorser", "endorsement"))


def list_withdrawals(conn: Connection) -> list[Withdrawal]:
    """Return every withdrawal that is known here; each was verified before it was kept."""
    return [Withdrawal(*row) for row in conn.execute(_LIST_WITHDRAWALS)]


def withdrawal_tokens(conn: Connection, endorser: str) -> list[str]:
    """Return the tokens of a member's withdrawals, as it serves them."""
    query = (
        sa.select(withdrawal.c.token)
        .where(withdrawal.c.endorser == endorser)
        .order_by(withdrawal.c.endorsement)
    )
    return list(conn.execute(query).scalars())


def due_peers(conn: Connection, now: datetime) -> list[str]:
    """Return the peers that are to be asked now, the longest due first."""
    query = sa.select(peer.c.member).where(peer.c.next_at <= now).order_by(peer.c.next_at)
    return list(conn.execute(query).scalars())


def ring(conn: Connection, member: str, now: datetime) -> None:
    """Make a peer due now; any sign of life also ends its back-off."""
    conn.execute(_SET_PEER, {"of_member": member, "next_at": now, "failures": 0})


def unhear_peers(conn: Connection, now: datetime) -> None:
    """Write down that it is not known what any peer has erased lately, and ask all of them now."""
    conn.execute(peer.update().values(unheard=True, next_at=now, failures=0))


def hear_peer(conn: Connection, member: str) -> None:
    """Write down that it is known what a peer has erased since this node was restored."""
    conn.execute(_SET_PEER, {"of_member": member, "unheard": False})


def note_rings(conn: Connection, members: Collection[str], now: datetime) -> None:
    """Write down that peers are reminded now."""
    conn.execute(peer.update().where(peer.c.member.in_(members)).values(rung_at=now))


def forget_rings(conn: Connection) -> None:
    """Forget when peers were reminded, so that whoever owes something is due for it."""
    conn.execute(peer.update().values(rung_at=None))


def record_success(conn: Connection, member: str, started: datetime, now: datetime, wait: timedelta) -> None:
    """Write down that a peer answered and kept to the protocol, and when it is next asked.

    A doorbell that rang after the pull began stays due.
    """
    asked = {"of_member": member, "started": started, "now": now, "later": now + wait}
    values = {"reached_at": now, "failures": 0, "error": "", "lying": False}
    conn.execute(_ASK_LATER, {**asked, **values})


def record_failure(
    conn: Connection,
    member: str,
    started: datetime,
    now: datetime,
    wait: timedelta,
    error: str,
    *,
    lying: bool,
) -> None:
    """Write down that a peer could not be pulled, why, and when it is next asked.

    A doorbell that rang after the pull began stays due.
    """
    values: dict[str, Any] = {"error": error, "lying": lying}
    if lying:  # it did answer
        values["reached_at"] = now
    asked = {"of_member": member, "started": started, "now": now, "later": now + wait}
    conn.execute(_FAIL, {**asked, **values})


def record_false(conn: Connection, member: str, reason: str, now: datetime) -> None:
    """Write down that a peer handed on what is not true."""
    conn.execute(_SET_PEER, {"of_member": member, "false_at": now, "false_reason": reason})
