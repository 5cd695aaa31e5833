"""The live table: who owns what, who holds what of whom, how fresh that is, and what failed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from node.sandbox.plan import MEMBERS, Plan
from node.sandbox.world import World
from node.services.status import PeerStatus, Status
from node.store.published.feed_cases import HELD
from node.store.published.feeds import OPEN

_OWNERS = tuple(plan for plan in MEMBERS if plan.owns_cases)
_STALE_SECONDS = 20


def render(
    statuses: Mapping[str, Status],
    processes: Mapping[str, int | None],
    lately: Sequence[str],
    hints: Sequence[str],
    world: World,
    now: datetime,
) -> RenderableType:
    """Lay everything out.

    Args:
        statuses, processes: of each member's node; the number of its process, None when it does not run.
        lately: what happened, the newest last.
        hints: what can be typed in another terminal.
    """
    failed = _failures(statuses)
    return Group(
        Text(
            f"EXERCISE · every child in this network is invented · {now:%H:%M:%S} UTC",
            "bold",
        ),
        _table(statuses, processes, now),
        Text(
            "of XX: cases of that country that are held, seconds since it was reached",
            "dim",
        ),
        _addresses(world),
        Text("what failed", "bold"),
        *(Text(f"  {line}", "red", no_wrap=True, overflow="ellipsis") for line in failed),
        *(() if failed else (Text("  nothing", "green"),)),
        Text("lately", "bold"),
        *(Text(f"  {line}", no_wrap=True, overflow="ellipsis") for line in lately or ("nothing yet",)),
        Text("try it in another terminal (docs/sandbox.md has more)", "bold"),
        *(Text(f"  {line}", "cyan") for line in hints),
        Text(f"Ctrl-C stops it; the same command goes on with {world.folder} · EXERCISE", "bold"),
    )


def _table(statuses: Mapping[str, Status], processes: Mapping[str, int | None], now: datetime) -> Table:
    """Draw a line for each node: its live cases, how many it holds of each owner and how many seconds ago it
    asked, and its process."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("node", no_wrap=True)
    table.add_column("owns", justify="right")
    for plan in _OWNERS:
        table.add_column(f"of {plan.country}", justify="right", no_wrap=True)
    table.add_column("photos", justify="right", no_wrap=True)
    table.add_column("process", justify="right")
    for plan in MEMBERS:
        found, number = statuses[plan.id], processes[plan.id]
        table.add_row(
            plan.id,
            str(found.register.get("published", 0)) if plan.owns_cases else "-",
            *(_held(found, owner, statuses[owner.id], now) for owner in _OWNERS),
            f"{found.storage['photographs_bytes'] / 1e6:.1f} MB",
            Text(str(number)) if number else Text("down", "red"),
        )
    return table


def _addresses(world: World) -> Table:
    """Name where each member is met in a browser."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("in a browser", "public site", "console"):
        table.add_column(title, no_wrap=True)
    for plan in MEMBERS:
        table.add_row(plan.id, Text(world.site(plan.id), "cyan"), Text(world.console(plan.id), "cyan"))
    return table


def _held(at: Status, owner: Plan, original: Status, now: datetime) -> Text:
    """Tell how many of an owner's live cases a node holds, and how long ago it last asked."""
    peer = next((peer for peer in at.peers if peer.member == owner.id), None)
    if peer is None:
        return Text("own", "dim")
    if not peer.audiences:
        return Text("nothing" if peer.standing == "active" else peer.standing, "red")
    count = sum(feed.states.get(HELD, 0) for feed in peer.feeds if feed.audience == "network")
    live = sum(feed.states.get(HELD, 0) for feed in original.own if feed.audience == "network")
    if peer.reached_at is None:
        return Text(f"{count}  …", "yellow")
    seconds = max(0, int((now - peer.reached_at).total_seconds()))
    if peer.error or any(feed.state != OPEN for feed in peer.feeds):
        colour = "red"
    else:
        colour = "green" if count == live and seconds < _STALE_SECONDS else "yellow"
    return Text(f"{count} {seconds:>2}s", colour)


def _failures(statuses: Mapping[str, Status]) -> list[str]:
    """Name what is wrong, once, and who sees it."""
    seen: dict[str, list[str]] = {}
    for found in statuses.values():
        if found.standing.state != "active":  # which is why it exchanges nothing with anybody
            seen[f"{found.member} is {found.standing.state}: {found.standing.reason}"] = ["by its own word"]
            continue
        for peer in found.peers:
            if peer.audiences and (reason := _reason(peer)):
                seen.setdefault(f"{peer.member}: {reason}", []).append(found.member)
    return [f"{what} ({', '.join(who)})" for what, who in seen.items()]


def _reason(peer: PeerStatus) -> str:
    broken = next((feed for feed in peer.feeds if feed.state != OPEN), None)
    if broken is not None:
        return f"{broken.state}: {broken.reason}"
    return peer.error
