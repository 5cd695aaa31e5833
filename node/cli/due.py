"""`gmcn due`: what is to be done, in one list."""

from datetime import timedelta

import click

from node.cli.base.opening import pass_node
from node.cli.base.output import json_option, print_json, print_table, say
from node.runtime import Node
from node.services.register import due as service


@click.command()
@click.option(
    "--within",
    type=click.IntRange(0, 3660),
    default=service.AHEAD.days,
    show_default=True,
    metavar="DAYS",
    help="What is due so soon.",
)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(service.KINDS), help="Only this kind.")
@click.option(
    "--limit",
    type=click.IntRange(1, service.MOST),
    default=200,
    show_default=True,
    metavar="N",
    help="No more than these.",
)
@json_option
@pass_node
def due(node: Node, within: int, kinds: tuple[str, ...], limit: int, as_json: bool) -> None:
    """See what is to be done, the most urgent first.

    Lives that end, reviews of cases and of risks, children who turn 18 or stay missing, photographs that
    expire or grow old, requests that wait for an approval, and what went out without one.

    \b
    Examples:
      gmcn due
      gmcn due --within 0
      gmcn due --kind long_term --within 90
    """
    found = service.list_due(node, timedelta(days=within), kinds or service.KINDS, limit=limit)
    if as_json:
        print_json(found)
    elif not found:
        say("Nothing is due.")
    else:
        rows = [(item.due, item.kind, item.case_id, item.request, item.message) for item in found]
        print_table(("due", "kind", "case", "request", "to do"), rows)
