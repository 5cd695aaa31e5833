"""The live table: who owns what, who holds what of whom, how fresh that is, and what failed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from node.sandbox.plan import MEMBERS, Plan
from node.services.status import PeerStatus, Status
from node.store.feeds import HELD, OPEN

_OWNERS = tuple(plan for plan in MEMBERS if plan.owns_cases)
_STALE_SECONDS = 20


def render(
    statuses: Mapping[str, Status],
    processes: Mapping[str, int | None],
    lately: Sequence[str],
    hints: Sequence[str],
    folder: Path,
    now: datetime,
) -> RenderableType:
    """Lay everything out.

    Args:
        statuses, processes: of each member's node; the number of its process, None when it does not run.
        lately: what happened, the newest last.
        hints: what can be typed in another terminal.
    """
    failed = [line for plan in MEMBERS for line in _failures(statuses[plan.id])]
    return Group(
        Text(
            f"EXERCISE  ·  a network on this machine, every child in it is invented  ·  {now:%H:%M:%S} UTC",
            "bold",
        ),
        _table(statuses, processes, now),
        Text("what failed", "bold"),
        *(Text(f"  {line}", "red") for line in failed or ()),
        *(() if failed else (Text("  nothing", "green"),)),
        Text("lately", "bold"),
        *(Text(f"  {line}") for line in lately or ("nothing yet",)),
        Text("try it in another terminal", "bold"),
        *(Text(f"  {line}", "cyan") for line in hints),
        Text(
            f"everything is in {folder}; Ctrl-C stops it, and the same command goes on with it  ·  EXERCISE",
            "bold",
        ),
    )


def _table(statuses: Mapping[str, Status], processes: Mapping[str, int | None], now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("node")
    table.add_column("owns", justify="right")
    for plan in _OWNERS:
        table.add_column(f"holds of {plan.country}", justify="right")
    table.add_column("photographs", justify="right")
    table.add_column("process", justify="right")
    for plan in MEMBERS:
        found, number = statuses[plan.id], processes[plan.id]
        published = found.register.get("published", 0)
        table.add_row(
            f"{plan.id} ({_kind(plan)})",
            str(published) if plan.owns_cases else "-",
            *(_held(found, owner, statuses[owner.id], now) for owner in _OWNERS),
            f"{found.storage['photographs_bytes'] / 1e6:.1f} MB",
            Text(str(number)) if number else Text("stopped", "red"),
        )
    return table


def _kind(plan: Plan) -> str:
    if plan.kind == "ngo":
        return f"NGO, {plan.country}"
    return f"police, {plan.country}"


def _held(at: Status, owner: Plan, original: Status, now: datetime) -> Text:
    """Tell how many of an owner's live cases a node holds, and how long ago it last asked."""
    peer = next((peer for peer in at.peers if peer.member == owner.id), None)
    if peer is None:
        return Text("own", "dim")
    if not peer.audiences:
        return Text(peer.standing, "red")
    count = sum(feed.states.get(HELD, 0) for feed in peer.feeds if feed.audience == "network")
    live = sum(feed.states.get(HELD, 0) for feed in original.own if feed.audience == "network")
    if peer.reached_at is None:
        return Text(f"{count} never", "yellow")
    seconds = max(0, int((now - peer.reached_at).total_seconds()))
    if peer.error or any(feed.state != OPEN for feed in peer.feeds):
        colour = "red"
    else:
        colour = "green" if count == live and seconds < _STALE_SECONDS else "yellow"
    return Text(f"{count}  {seconds:>2} s", colour)


def _failures(found: Status) -> list[str]:
    """Name what is wrong from one node's view."""
    lines = []
    for peer in found.peers:
        reason = _reason(peer)
        if reason:
            lines.append(f"{found.member} about {peer.member}: {reason}")
    if found.standing.state != "active":
        lines.append(f"{found.member} itself is {found.standing.state}: {found.standing.reason}")
    return lines


def _reason(peer: PeerStatus) -> str:
    broken = next((feed for feed in peer.feeds if feed.state != OPEN), None)
    if broken is not None:
        return f"{broken.state}: {broken.reason}"
    if peer.error:
        return peer.error
    return "" if peer.audiences else peer.reason
