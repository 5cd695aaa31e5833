"""`gmcn publish`, `renew` and `erase`: what leaves the house and what comes back out of the network."""

from typing import Any

import click

from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, remark, safe, say, yes_option
from node.errors import InvalidInput
from node.runtime import Node
from node.services.disclosure import gate, publishing
from node.services.disclosure.publishing import Published
from node.services.endings import erasure
from node.services.register import cases
from node.store.register.cases import DRAFT, ERASED, PUBLISHED, WITHDRAWN

_MOST_DRAFTS = 100_000
_ERASED = {
    PUBLISHED: "Erased.",
    WITHDRAWN: "Erased from the register; it had left the network when it was withdrawn.",
    ERASED: "It was erased before.",
}

no_ring_option = click.option(
    "--no-ring", is_flag=True, help="Do not ring the peers; they pull by themselves later."
)


@click.command()
@click.argument("case_ids", nargs=-1, metavar="[CASE]...")
@click.option("--all-drafts", is_flag=True, help="Every case that is a draft.")
@no_ring_option
@json_option
@pass_node
def publish(node: Node, case_ids: tuple[str, ...], all_drafts: bool, no_ring: bool, as_json: bool) -> None:
    """Publish cases, or the newest records of cases that are published.

    All of them are published, or none when one is not right. Then every peer is rung, so that it pulls at
    once; one that cannot be reached pulls by itself later.

    Where `gate.required` is set in node.toml, nothing new leaves the house so: ask with `gmcn gate request`.

    \b
    Examples:
      gmcn publish police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
      gmcn publish --all-drafts
    """
    if bool(case_ids) == all_drafts:
        raise InvalidInput("Name the cases, or say --all-drafts.", "See `gmcn case list`.")
    if all_drafts:
        case_ids = tuple(case.case_id for case in cases.list_cases(node, DRAFT, _MOST_DRAFTS, 0))
    _publish(node, case_ids, no_ring=no_ring, as_json=as_json)


@click.command()
@click.argument("case_ids", nargs=-1, metavar="[CASE]...")
@click.option(
    "--within", type=click.IntRange(0, 3660), metavar="DAYS", help="Every case whose life ends so soon."
)
@no_ring_option
@json_option
@pass_node
def renew(node: Node, case_ids: tuple[str, ...], within: int | None, no_ring: bool, as_json: bool) -> None:
    """Give published cases a new term of life, from today on.

    Every summary expires; peers delete it then, whether this node is in reach or not. Look at each case
    before you renew it: what is published again is its newest record.

    \b
    Examples:
      gmcn renew police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
      gmcn renew --within 14
    """
    if bool(case_ids) == (within is not None):
        raise InvalidInput("Name the cases, or say --within DAYS.", "See `gmcn case list`.")
    if within is not None:
        case_ids = tuple(publishing.due_for_renewal(node, within))
    drafts = [case_id for case_id in case_ids if cases.get_case(node, case_id).status == DRAFT]
    if drafts:
        raise InvalidInput("A draft cannot be renewed.", "Use `gmcn publish`.", drafts)
    _publish(node, case_ids, no_ring=no_ring, as_json=as_json)


@click.command()
@click.argument("case_id", metavar="CASE")
@no_ring_option
@yes_option
@json_option
@pass_node
def erase(node: Node, case_id: str, no_ring: bool, yes: bool, as_json: bool) -> None:
    """Erase a case everywhere, for good: out of the network, and out of the register with every revision.

    Peers hide it at once and then delete it to the last byte; `gmcn case receipts` shows who has. To take a
    case out of the network and keep its record, use `gmcn case withdraw` or `close`.

    \b
    Example:
      gmcn erase police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
    """
    found = cases.get_case(node, case_id)
    if not yes:
        remark(f"{case_id} is {found.status}. Its record, its photographs and every revision will be gone.")
        click.confirm("Erase it for good?", abort=True, err=True)
    publishing.erase(node, case_id, actor())
    tidy(node)
    rung = ring(node, no_ring=no_ring or found.status != PUBLISHED, quiet=as_json)
    if as_json:
        print_json({"case": case_id, "status": "erased", "rung": rung})
    elif found.status == DRAFT:
        say("Erased. It had never left the house.")
    else:
        say(f"{_ERASED[found.status]}\nWho has deleted it by now:\n  gmcn case receipts {case_id}")


def ring(node: Node, *, no_ring: bool, quiet: bool) -> list[dict[str, Any]]:
    """Ring the peers and say who was reached.

    Args:
        quiet: leave the saying to the caller.

    Returns:
        For each of them whether it was reached, and why not.
    """
    rung = {} if no_ring else publishing.ring_peers(node)
    if rung and not quiet:
        missed = {member: reason for member, reason in rung.items() if reason}
        remark(f"Rang {len(rung) - len(missed)} of {len(rung)} peers.")
        for member, reason in missed.items():
            remark(f"  {member} was not reached and pulls later: {safe(reason)}")
    return [{"member": member, "reached": not reason, "reason": reason} for member, reason in rung.items()]


def say_published(item: Published) -> None:
    """Say what went out of a case."""
    versions = ", ".join(f"{audience} version {number}" for audience, number in item.versions.items())
    say(f"{item.case_id}  {versions or 'nothing leaves the house'}  live until {item.expires or '-'}")


def published_as_json(item: Published) -> dict[str, Any]:
    """Give what went out of a case, for programs."""
    return {"case": item.case_id, "versions": item.versions, "expires": item.expires}


def tidy(node: Node) -> None:
    """Delete at once what was erased here, rather than at the running node's next round."""
    erasure.purge(node)


def _publish(node: Node, case_ids: tuple[str, ...], *, no_ring: bool, as_json: bool) -> None:
    chosen = list(dict.fromkeys(case_ids))
    out = gate.publish_again if node.config.gate.required else publishing.publish
    published = out(node, chosen, actor()) if chosen else []
    rung = ring(node, no_ring=no_ring or not published, quiet=as_json)
    if as_json:
        print_json({"published": [published_as_json(item) for item in published], "rung": rung})
        return
    if not published:
        say("There is nothing to publish.")
    for item in published:
        say_published(item)
