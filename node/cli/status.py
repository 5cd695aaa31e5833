"""`gmcn status`: how this node and its line to every peer stand."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from node.adapters.peers import REFUSES
from node.cli.base.hints import as_typed_here
from node.cli.base.opening import pass_node
from node.cli.base.output import Rows, json_option, print_json, print_rich, safe
from node.errors import InvalidInput
from node.runtime import Node
from node.services import status as standing
from node.services.status import FeedStatus, PeerStatus, Status
from node.store.published.feed_cases import ERASED, EXPIRED, HELD, REFUSED, RESTRICTED, WANTED, WITHHELD

_COLUMNS = (
    "member", "standing", "exchanged", "held", "wanted", "refused", "withheld", "restricted", "gone",
    "newest head", "reached", "problem",
)  # fmt: skip
_ERASURES_SHOWN = 20

Exchanged = Mapping[str, Sequence[str]]
"""The audiences whose documents are exchanged, by member."""


@click.command()
@click.option("--watch", is_flag=True, help="Stay, and show changes as they come; Ctrl-C ends it.")
@click.option("--every", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, metavar="SECONDS",
              help="With --watch: how often to look.")  # fmt: skip
@json_option
@pass_node
def status(node: Node, watch: bool, every: float, as_json: bool) -> None:
    """Show what this node owns, what it holds of whom, how fresh that is, and what failed and why.

    \b
    Examples:
      gmcn status
      gmcn status --watch
      gmcn status --json
    """
    if watch and as_json:
        raise InvalidInput("--watch is for people and --json for programs.", "Leave one of them out.")
    found = standing.status(node)
    if as_json:
        print_json(found)
    elif watch:
        _watch(node, found, every)
    else:
        print_rich(render(found, node.now()))


def render(found: Status, now: datetime) -> RenderableType:
    """Lay a status out for people."""
    end = f"{found.roster_expires_at:%Y-%m-%d %H:%M} UTC"
    exercise = "  ·  EXERCISE" if found.exercise else ""
    exchanged = {peer.member: peer.audiences for peer in found.peers}
    parts: list[RenderableType] = [
        Text(f"{found.member}  ·  {safe(found.network)}{exercise}", "bold"),
        Text(f"standing   {found.standing.state}: {found.standing.reason}"),
        Text(f"roster     version {found.roster_version}, good until {end}"),
        Text(f"register   {_counts(found.register) or 'empty'}"),
        *(Text(f"own feed   {_own_feed(feed)}") for feed in found.own),
        *(Text(f"evidence   {proof[:12]} against {origin}", "red") for proof, origin in found.evidence),
        Text(f"disk       {_storage(found)}"),
        Rows(_COLUMNS, [_peer(peer, exchanged, now) for peer in found.peers]),
    ]  # fmt: skip
    parts += [Text(f"! {as_typed_here(safe(warning))}", "yellow") for warning in found.warnings]
    if found.erasures_waiting:
        rows = [(case, since, members) for case, since, members in found.erasures_waiting[:_ERASURES_SHOWN]]
        title = f"{len(found.erasures_waiting)} erasures that not every peer has confirmed"
        parts.append(Rows(("case", "since", "waiting for"), rows, title))
    return Group(*parts)


def _watch(node: Node, found: Status, every: float) -> None:
    with Live(render(found, node.now()), auto_refresh=False, screen=False) as live:
        try:
            while True:
                time.sleep(every)
                live.update(render(standing.status(node), node.now()), refresh=True)
        except KeyboardInterrupt:
            return


def _peer(peer: PeerStatus, exchanged: Exchanged, now: datetime) -> tuple[object, ...]:
    def count(*states: str) -> int | str:
        return sum(feed.states.get(state, 0) for feed in peer.feeds for state in states) or ""

    return (
        peer.member,
        peer.standing if peer.accepted else f"{peer.standing}, not accepted",
        list(peer.audiences),
        count(HELD) or 0,
        count(WANTED),
        count(REFUSED),
        count(WITHHELD),
        count(RESTRICTED),
        count(ERASED, EXPIRED),
        _heads(peer.feeds),
        _ago(peer.reached_at, now),
        _problem(peer, exchanged),
    )


def _heads(held: list[FeedStatus]) -> str:
    """Say how new the heads of a peer's feeds are: once where they agree, or for each audience."""
    said = {feed.audience: _freshness(feed) for feed in held}
    if len(set(said.values())) <= 1:
        return next(iter(said.values()), "")
    return "; ".join(f"{audience} {words}" for audience, words in said.items())


def _freshness(feed: FeedStatus) -> str:
    words = {True: "witnessed, ", False: "unwitnessed, ", None: ""}[feed.freshness.witnessed]
    return words + feed.freshness.state


def _problem(peer: PeerStatus, exchanged: Exchanged) -> str:
    """Say what is wrong with a peer: with its feeds, with its line, or why not all is exchanged."""
    broken = [f"{feed.audience} {feed.state}: {feed.reason}" for feed in peer.feeds if feed.reason]
    if peer.lying:
        return f"broke the protocol: {peer.error}"
    known = [*(feed.reason for feed in peer.feeds), peer.reason]
    if peer.error and not any(reason and reason in peer.error for reason in known):
        is_up = peer.error.startswith(REFUSES)
        broken.append(peer.error if is_up else f"{_line(peer, exchanged)}: {peer.error}")
    return "; ".join(broken) or peer.reason


def _line(peer: PeerStatus, exchanged: Exchanged) -> str:
    """Say that a peer is down, and who hands on what it has; one that may take no part hands on erasures."""
    through = []
    for feed in peer.feeds:
        if feed.through:
            both = {*peer.audiences} & {*exchanged.get(feed.through, ())}
            through.append(feed.through if feed.audience in both else f"{feed.through} (erasures only)")
    return f"down, read through {', '.join(dict.fromkeys(through))}" if through else "down"


def _own_feed(feed: FeedStatus) -> str:
    waiting = f", {feed.unpublished} not published yet" if feed.unpublished else ""
    witnessed = {True: ", witnessed", False: ", unwitnessed", None: ""}[feed.freshness.witnessed]
    return f"{feed.origin}: {feed.size} entries{waiting}{witnessed}, {_counts(feed.states) or 'no cases'}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))


def _storage(found: Status) -> str:
    photographs, full, cap = (
        found.storage[name] / 1e6
        for name in ("photographs_bytes", "full_foreign_bytes", "full_foreign_cap_bytes")
    )
    return f"photographs {photographs:,.1f} MB, of them full-size ones of peers {full:,.1f} of {cap:,.0f} MB"


def _ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
