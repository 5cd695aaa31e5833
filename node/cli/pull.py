"""`gmcn pull`: asking peers for news at once, and watching it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import click

from node.cli.base.failures import PROTOCOL, UNAVAILABLE
from node.cli.base.opening import pass_node
from node.cli.base.output import Tell, json_option, print_json, print_table, progress_bars, remark, safe
from node.errors import InvalidInput, PeerUnavailable
from node.runtime import Node
from node.services.endings import erasure
from node.services.following import pulling
from node.services.following.pulling import PullReport
from node.services.members import membership
from node.services.standing import other_member
from protocol.errors import ProtocolError


@click.command()
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@click.option(
    "--all", "everyone", is_flag=True, help="Every member, also those that nothing is exchanged with."
)
@json_option
@click.pass_context
@pass_node
def pull(node: Node, ctx: click.Context, members: tuple[str, ...], everyone: bool, as_json: bool) -> None:
    """Pull peers now, without waiting for their turn: all with whom something is exchanged, or those named.

    The list of members is read anew first. A first pull may take a while; it can be stopped at any moment and
    goes on where it was. What a peer that cannot be reached has is read through members that hold it. Ends
    with 6 when neither was reached and with 7 when somebody broke the protocol.

    \b
    Examples:
      gmcn pull
      gmcn pull police.ke.example --json
    """
    if members and everyone:
        raise InvalidInput("Name the members, or say --all.", "Leave one of them out.")
    roster, roster_lied = _refresh(node)
    chosen = _choose(node, members, everyone=everyone)
    with progress_bars() as tell:
        reports = _pull_all(node, chosen, tell)
    if erasure.purge(node):  # owners are told at once what was deleted, not at the next pull
        reports = [report if report.error else _again(node, report) for report in reports]
    if as_json:
        print_json({"roster": roster, "peers": reports})
    else:
        _print(reports)
    if roster_lied or any(report.lying or report.false for report in reports):
        ctx.exit(PROTOCOL)
    if any(report.error and not report.through for report in reports):
        ctx.exit(UNAVAILABLE)


def _refresh(node: Node) -> tuple[str, bool]:
    """Read the list of members anew; pulling goes on with the one that is known when that fails.

    Returns:
        Why it failed, or nothing, and whether somebody broke the protocol.
    """
    try:
        membership.refresh(node)
    except (PeerUnavailable, ProtocolError) as error:
        remark(f"The list of members was not renewed: {safe(str(error))}")
        return str(error), isinstance(error, ProtocolError)
    return "", False


def _choose(node: Node, members: tuple[str, ...], *, everyone: bool) -> list[str]:
    if members:
        return list(dict.fromkeys(other_member(node, member).id for member in members))
    return [view.member.id for view in membership.list_members(node) if everyone or view.audiences]


def _pull_all(node: Node, members: list[str], tell: Tell) -> list[PullReport]:
    """Pull members, several at once; Ctrl-C ends each at its next safe point."""
    stopping = threading.Event()

    def pull_one(member: str) -> PullReport:
        def progress(what: str, done: int, total: int) -> None:
            if stopping.is_set():
                raise _Stopped
            tell(member, what, done, total)

        return pulling.pull(node, member, progress)

    with ThreadPoolExecutor(node.config.pull.workers) as threads:
        running = [threads.submit(pull_one, member) for member in members]
        try:
            return [future.result() for future in running]
        except BaseException:
            stopping.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _again(node: Node, report: PullReport) -> PullReport:
    later = pulling.pull(node, report.member)
    report.receipts += later.receipts
    return report


class _Stopped(Exception):
    """A pull that ends because the command does."""


def _print(reports: list[PullReport]) -> None:
    rows = [
        (
            report.member,
            report.leaves,
            report.documents,
            report.photographs,
            report.receipts,
            len(report.refused),
            _result(report),
        )
        for report in reports
    ]
    columns = ("member", "entries", "documents", "photographs", "receipts sent", "refused", "result")
    print_table(columns, rows)
    for report in reports:
        for reason in report.refused:
            remark(f"{report.member}, refused: {safe(reason)}")
        for reason in report.false:
            remark(safe(reason))


def _result(report: PullReport) -> str:
    if report.lying:
        return f"broke the protocol: {report.error}"
    if report.through:
        return f"through {', '.join(dict.fromkeys(report.through))}: {report.error}"
    return report.error or "ok"
