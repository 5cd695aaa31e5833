"""`gmcn recover`: asking the peers for this node's own past."""

from functools import partial

import click

from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, progress_bars, say
from node.runtime import Node
from node.services.safekeeping import losses, recovery
from node.store.database import reading


@click.command()
@click.option(
    "--with-few",
    is_flag=True,
    help="Believe whoever answers. If only the silent ones know the newest head, the feed splits for good.",
)
@click.option("--noted", is_flag=True, help="What could not be brought back was looked at: end the remarks.")
@json_option
@pass_node
def recover(node: Node, with_few: bool, noted: bool, as_json: bool) -> None:
    """Ask the peers for this node's own past, after a restore.

    It learns its newest head from them, fetches its own entries and documents, and honours what was erased
    meanwhile; until that is done nothing is shown, served or signed. A running `gmcn serve` does this by
    itself, every few seconds, also for a machine that was copied, resumed or set back.

    \b
    Examples:
      gmcn recover
      gmcn recover --with-few
      gmcn recover --noted
    """
    if noted:
        losses.note_losses(node, actor())
        return
    with progress_bars() as tell:
        done = recovery.recover(node, partial(tell, node.member), with_few=with_few)
    if as_json:
        print_json(done)
    elif done is None:
        say("There is nothing to recover: no newer head of this node is known.")
    else:
        say(f"Fetched {done.leaves} entries, {done.documents} documents and {done.photographs} photographs.")
        with reading(node.engine) as conn:
            for line in losses.warnings(conn):
                say(line)
