"""`gmcn fsck`: verifying everything on the disk again."""

from functools import partial

import click

from node.cli.base.failures import DAMAGED
from node.cli.base.opening import pass_node
from node.cli.base.output import json_option, print_json, print_table, progress_bars, say, utc_time
from node.runtime import Node
from node.services.safekeeping import integrity


@click.command()
@json_option
@click.pass_context
@pass_node
def fsck(node: Node, ctx: click.Context, as_json: bool) -> None:
    """Verify everything on the disk again: heads, entries, documents, photographs, own and foreign, and the
    journal.

    Nothing is changed. Ends with 8 when something is not as it must be, and names what to do about it.

    \b
    Example:
      gmcn fsck
    """
    with progress_bars() as tell:
        report = integrity.check(node, partial(tell, node.member))
    if as_json:
        print_json(report)
    else:
        say(
            f"{report.feeds} feeds, {report.leaves} entries, {report.documents} documents, "
            f"{report.photographs} photographs, {report.journal} entries of the journal: "
            f"{'not all is well' if report.findings else 'all is well'}"
        )
        say(f"The head of the journal was signed last: {utc_time(report.journal_signed_at)}.")
        if report.findings:
            rows = [(item.where, item.problem, item.next_step) for item in report.findings]
            print_table(("where", "problem", "next"), rows)
    if report.findings:
        ctx.exit(DAMAGED)
