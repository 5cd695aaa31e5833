"""`gmcn erasures`: the owner's ledger of what it erased."""

import click

from node.cli.base.opening import pass_node
from node.cli.base.output import json_option, print_json, print_table, say
from node.runtime import Node
from node.services.disclosure import ledger
from node.services.disclosure.ledger import Answer, Erasure

_SHOWN = 50


@click.command()
@click.argument("case_id", required=False)
@click.option("--open", "open_only", is_flag=True, help="Only what not everybody has purged yet.")
@json_option
@pass_node
def erasures(node: Node, case_id: str | None, open_only: bool, as_json: bool) -> None:
    """See who has hidden and who has purged what this member erased, withdrew or let expire.

    Every member that reads the feed owes its signed word: that the case is hidden, then that nothing is left
    of it, or that it never had it. Who is late by the network's policy is marked, and reminded by itself.

    \b
    Examples:
      gmcn erasures
      gmcn erasures --open
      gmcn erasures police.fr.example/pbt6vl5cz7kkr5wxbkx4qf6cni --json
    """
    found = ledger.list_erasures(node, case_id, open_only=open_only)
    if as_json:
        print_json(found)
    elif not found:
        say("Nothing has ended." if case_id or not open_only else "Everybody has purged what was erased.")
    else:
        rows = [_row(entry, answer) for entry in found[:_SHOWN] for answer in entry.answers]
        title = f"The newest {_SHOWN} of {len(found)} erasures" if len(found) > _SHOWN else ""
        columns = ("case", "feed", "ended", "since", "member", "says", "hidden", "purged", "late")
        print_table(columns, rows, title)


def _row(entry: Erasure, answer: Answer) -> tuple[object, ...]:
    return (
        entry.case_id,
        entry.audience,
        entry.state,
        entry.ended_at,
        answer.member,
        answer.state,
        answer.hidden_at,
        answer.purged_at,
        "overdue" if answer.overdue else "",
    )
