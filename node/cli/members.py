"""`gmcn member` and `gmcn endorse`: who else is in the network, and who of them is trusted here."""

from datetime import datetime
from typing import Any, cast

import click

from node.cli.base.arguments import same_fingerprint
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, remark, safe, say, utc_time, yes_option
from node.errors import InvalidInput, NotAllowed
from node.runtime import Node
from node.services.members import membership, succession
from node.services.members.membership import MemberView
from node.services.standing import other_member
from protocol.feed_entry import Audience
from protocol.member import fingerprint


@click.group()
def member() -> None:
    """See the other members and accept their keys.

    The coordinator lists members; this node exchanges nothing with a new one, or with new keys, until its
    administrator has accepted it: police cases always, network cases until the network's days of notice are
    over.

    \b
    Example:
      gmcn member list
    """


@member.command("list")
@json_option
@pass_node
def list_members(node: Node, as_json: bool) -> None:
    """List the other members: standing, what is exchanged with them and why not more, fingerprint.

    \b
    Example:
      gmcn member list
    """
    views = membership.list_members(node)
    if as_json:
        print_json([_as_json(view) for view in views])
        return
    if not views:
        say("The roster lists no other member.")
    for view in views:
        names = ", ".join(safe(name) for name in view.member.names.values())
        say(f"{view.member.id}  {view.member.country}  {view.member.kind.replace('_', ' ')}  {names}")
        say(f"  standing     {view.standing.state}: {view.standing.reason}")
        say(f"  keys         {'accepted' if view.accepted else 'not accepted'}, {_seen(view.seen_at)}")
        say(f"  exchanged    {', '.join(view.audiences) or 'nothing'}")
        if view.reason:
            say(f"  because      {view.reason}")
        say(f"  duty desk    {view.member.duty.phone}  {view.member.duty.email}  {view.member.duty.hours}")
        say(f"  fingerprint  {view.fingerprint}")


@member.command("fingerprint")
@json_option
@pass_node
def own_fingerprint(node: Node, as_json: bool) -> None:
    """Show the fingerprint of this member's own keys, as the list has them: to be read out to others.

    \b
    Example:
      gmcn member fingerprint
    """
    shown = fingerprint(node.entry())
    if as_json:
        print_json({"member": node.member, "fingerprint": shown})
    else:
        say(shown)


@member.command()
@click.argument("member_id", metavar="MEMBER")
@click.argument("audience", type=click.Choice(["network", "police"]))
@click.option("--size", type=click.IntRange(min=0), help="How many leaves; the newest head when not given.")
@click.option("--last", default=10, show_default=True, help="How many leaves to show around it.")
@json_option
@pass_node
def head(node: Node, member_id: str, audience: str, size: int | None, last: int, as_json: bool) -> None:
    """Show where a feed of MEMBER stood at a size, with the leaves around it: to say where it was still good.

    When a feed's key was stolen, its member and its peers look here for the first leaf that the member did
    not write; the coordinator freezes the feed before it. Ask two members: they must tell the same root.

    \b
    Examples:
      gmcn member head police.fr.example network
      gmcn member head police.fr.example network --size 1024
    """
    found, leaves = succession.find_head(node, member_id, cast(Audience, audience), size, last)
    if as_json:
        shown = [
            {"index": place, "kind": leaf.kind, "case": leaf.case, "at": leaf.at} for place, leaf in leaves
        ]
        print_json({"size": found.size, "root": found.root.hex(), "leaves": shown})
        return
    for place, leaf in leaves:
        say(f"  {place:>8}  {utc_time(leaf.at)}  {leaf.kind:<5}  {leaf.case}")
    say(f"--size {found.size} --root {found.root.hex()}")


@member.command()
@click.argument("member_id", metavar="[MEMBER]", required=False)
@click.option(
    "--fingerprint",
    "shown",
    metavar="TEXT",
    help="Of the member's keys, as the member reads it out. Asked for when it is not given.",
)
@click.option("--all", "everyone", is_flag=True, help="Accept every member unseen: in an exercise only.")
@yes_option
@json_option
@pass_node
def accept(
    node: Node, member_id: str | None, shown: str | None, everyone: bool, yes: bool, as_json: bool
) -> None:
    """Accept a member's present keys: from now on it is given, and asked for, what it may have.

    Call the member's duty desk and have the fingerprint of its keys read out: whoever controls the list of
    members could otherwise invent a police force.

    \b
    Examples:
      gmcn member accept police.ke.example --fingerprint "k3ta-7qmx-…"
      gmcn member accept --all --yes          (in a sandbox)
    """
    if (member_id is None) != everyone:
        raise InvalidInput("Name one member, or say --all.", "See `gmcn member list`.")
    accepted = [_accept_one(node, member_id, shown)] if member_id else _accept_all(node, yes=yes)
    if as_json:
        print_json({"accepted": accepted})
        return
    for name in accepted:
        say(f"Accepted the keys of {name}.")


@click.command()
@click.argument("ngo")
@click.option("--agreement", metavar="TEXT", help="The paper that it rests on, such as 'MoU 2026-04'.")
@click.option(
    "--days", type=click.IntRange(1, 1830), default=365, show_default=True, help="How long it holds."
)
@click.option("--withdraw", is_flag=True, help="Take the endorsement back instead.")
@pass_node
def endorse(node: Node, ngo: str, agreement: str | None, days: int, withdraw: bool) -> None:
    """Endorse an NGO of this country, or take that back.

    Writes the endorsement on standard output. A new NGO puts it into its request to join; for one that is
    listed, the coordinator takes it with `gmcn network endorse`. With --withdraw the endorsement that is in
    force ends: every member hears of it from this node, and stops exchanging with the NGO.

    \b
    Examples:
      gmcn endorse ngo.fr.example --agreement "MoU 2026-04" --days 365 > endorsement.jwt
      gmcn endorse ngo.fr.example --withdraw
    """
    if withdraw:
        membership.withdraw_endorsement(node, ngo, actor())
        remark(f"The endorsement of {ngo} is withdrawn. Tell the NGO and the coordinator.")
        return
    if not agreement:
        raise InvalidInput("The endorsement needs the agreement that it rests on.", "Name it: --agreement.")
    say(membership.endorse(node, ngo, agreement, days, actor()))
    remark(f"Endorsed {ngo} for {days} days. Hand the endorsement to the NGO and to the coordinator.")


def _accept_one(node: Node, member_id: str, shown: str | None) -> str:
    present = fingerprint(other_member(node, member_id))
    heard = shown or click.prompt(f"Fingerprint as {member_id} reads it out", err=True)
    exact = present if same_fingerprint(heard, present) else heard
    membership.accept_member(node, member_id, exact, actor())
    return member_id


def _accept_all(node: Node, *, yes: bool) -> list[str]:
    if not node.network().policy.exercise:
        raise NotAllowed(
            "Members are accepted unseen in an exercise only, and this network is none.",
            "Call each of them, and accept it by its fingerprint.",
        )
    waiting = [view for view in membership.list_members(node) if not view.accepted]
    if waiting and not yes:
        remark("\n".join(f"  {view.member.id}  {view.fingerprint}" for view in waiting))
        click.confirm("Accept all of these?", abort=True, err=True)
    for view in waiting:
        membership.accept_member(node, view.member.id, view.fingerprint, actor())
    return [view.member.id for view in waiting]


def _seen(moment: datetime | None) -> str:
    return f"first seen {utc_time(moment)}" if moment else "not seen yet"


def _as_json(view: MemberView) -> dict[str, Any]:
    member = view.member
    return {
        "member": member.id,
        "country": member.country,
        "kind": member.kind,
        "names": member.names,
        "address": member.address,
        "site": member.site,
        "duty": member.duty,
        "standing": view.standing,
        "accepted": view.accepted,
        "audiences": view.audiences,
        "reason": view.reason,
        "seen_at": view.seen_at,
        "fingerprint": view.fingerprint,
    }
