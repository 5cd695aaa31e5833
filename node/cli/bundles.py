"""`gmcn bundle`: updates of feeds as files, for members without a line."""

import os
from functools import partial
from pathlib import Path

import click

from node.adapters.files import sync
from node.cli.base.failures import PROTOCOL, UNAVAILABLE
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, print_table, progress_bars, remark, safe, say
from node.runtime import Node
from node.services.endings import erasure
from node.services.following import bundles
from node.services.following.bundles import Imported


@click.group()
def bundle() -> None:
    """Carry updates to and from a member without a line: what it could have pulled, as a file for it alone.

    \b
    Examples:
      gmcn bundle export --for police.ke.example /media/stick/for-kenya.bundle
      gmcn bundle import /media/stick/for-us.bundle
    """


@bundle.command("export")
@click.option("--for", "receiver", required=True, metavar="MEMBER", help="Who alone can open it.")
@click.option("--of", "members", multiple=True, metavar="MEMBER",
              help="Whose feeds it holds, once for each; all that are here if not given.")  # fmt: skip
@click.option("--all", "whole", is_flag=True,
              help="From the first entry on, whatever the member has said that it has.")  # fmt: skip
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@pass_node
def export(
    node: Node, receiver: str, members: tuple[str, ...], whole: bool, file: Path, as_json: bool
) -> None:
    """Write FILE for a member: entries, documents, small photographs and receipts, sealed to it and signed.

    It holds what that member could have pulled from here, and nothing else. It begins where the member's own
    last bundle said that it stands, or at the beginning.

    \b
    Examples:
      gmcn bundle export --for police.ke.example /media/stick/for-kenya.bundle
      gmcn bundle export --for ngo.fr.example --of police.fr.example --all for-ngo.bundle
    """
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as target:
            done = bundles.export_bundle(
                node, receiver, members, target, {} if whole else None, actor=actor()
            )
        sync(unfinished)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    if as_json:
        print_json(done)
        return
    print_table(("feed", "new entries"), list(done.feeds.items()))
    say(f"{done.documents} documents, {done.photographs} photographs, {done.receipts} receipts in {file}.")


@bundle.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
@click.pass_context
@pass_node
def import_(node: Node, ctx: click.Context, file: Path, as_json: bool) -> None:
    """Take in FILE, which another member made for this one: verified like a pull.

    A file that was altered or cut off, is for somebody else, or begins behind a gap is refused with the
    reason, and nothing has changed. Ends with 7 when a feed in it breaks the protocol.

    \b
    Example:
      gmcn bundle import /media/stick/for-us.bundle
    """
    with file.open("rb") as opened, progress_bars() as tell:
        done = bundles.import_bundle(node, opened, partial(tell, node.member), actor=actor())
    erasure.purge(node)
    if as_json:
        print_json(done)
    else:
        _print(done)
    if any(report.lying or report.false for report in done.feeds) or done.refused:
        ctx.exit(PROTOCOL)
    if any(report.error for report in done.feeds):
        ctx.exit(UNAVAILABLE)


def _print(done: Imported) -> None:
    rows = [
        (
            f"{report.member}/{report.audience}",
            report.leaves,
            report.documents,
            report.photographs,
            len(report.refused),
            "; ".join(report.false) or report.error or "ok",
        )
        for report in done.feeds
    ]
    print_table(("feed", "entries", "documents", "photographs", "refused", "result"), rows)
    say(f"Made by {done.issuer}, with {done.receipts} receipts for this member.")
    for reason in (*done.passed_over, *done.refused):
        remark(f"Not taken: {safe(reason)}")
