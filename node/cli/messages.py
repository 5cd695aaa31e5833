"""`gmcn messages`: sealed messages to and from other members."""

from pathlib import Path
from typing import Any

import click

from node.cli.base.arguments import read_input
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, print_record, print_table, remark, safe, say, shown
from node.cli.publishing import no_ring_option, ring
from node.errors import Conflict, InvalidInput
from node.runtime import Node
from node.services import messages as mail
from node.services.messages import Opened
from node.services.moving import takeover
from node.services.moving.handover import OFFER
from node.services.moving.takeover import OfferView
from node.store.federation.messages import MessageRow
from protocol.encoding import parse_object
from protocol.errors import Malformed
from protocol.message import MAX_CONTENT_BYTES, Content

_number = click.argument("number", type=click.IntRange(1), metavar="MESSAGE")


@click.group()
def messages() -> None:
    """Read, answer and send sealed messages between members.

    A message can be opened by its receiver alone. It is sent again until the receiver has signed that it has
    it. What is to be done about a message is for people, but for the steps of handing over a case, which the
    node takes by itself.

    \b
    Examples:
      gmcn messages list
      gmcn messages show 7
    """


@messages.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those with which nothing is to be done.")
@click.option("--sent/--received", "outgoing", default=None, help="Only those that were sent, or that came.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@json_option
@pass_node
def list_messages(node: Node, everything: bool, outgoing: bool | None, limit: int, as_json: bool) -> None:
    """List messages, the newest first: those that wait for a person here, or for their receiver.

    \b
    Examples:
      gmcn messages list
      gmcn messages list --sent --all
    """
    found = mail.list_messages(node, outgoing=outgoing, everything=everything, limit=limit)
    if as_json:
        print_json([_as_json(row) for row in found])
        return
    if not found:
        say("There is no such message." if everything else "Nothing waits for anybody.")
        return
    rows = [
        (
            row.id,
            f"{'to' if row.outgoing else 'from'} {row.member}",
            row.kind,
            row.at,
            row.state,
            row.reason,
            row.case_id,
        )
        for row in found
    ]
    print_table(("message", "member", "type", "at", "state", "why", "about"), rows)


@messages.command()
@_number
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the attachment to a new file.",
)
@json_option
@pass_node
def show(node: Node, number: int, save: Path | None, as_json: bool) -> None:
    """Show a message and, if it came here, what it says. The reading is written into the journal.

    \b
    Examples:
      gmcn messages show 7
      gmcn messages show 7 --save picture.jpg
    """
    opened = mail.read_message(node, number, actor())
    offer = takeover.view_offer(node, opened.row) if _is_offer(opened) else None
    if save is not None:
        _save(opened, save)
    if as_json:
        said = opened.content.body if opened.content else None
        size = len(opened.content.attachment) if opened.content else 0
        print_json({**_as_json(opened.row), "says": said, "attachment_bytes": size, "offer": offer})
        return
    row = opened.row
    say(f"{'to' if row.outgoing else 'from':<10}{row.member}")
    say(f"type      {row.kind}")
    say(f"{'written' if row.outgoing else 'came':<10}{shown(row.at)} UTC")
    say(f"state     {row.state}{': ' + safe(row.reason) if row.reason else ''}")
    if opened.content is None:
        remark("Only its receiver can open it." if row.outgoing else "What it said is gone.")
        return
    _print_content(opened.content, offer)


@messages.command()
@_number
@no_ring_option
@json_option
@pass_node
def accept(node: Node, number: int, no_ring: bool, as_json: bool) -> None:
    """Take over the case that a message offers.

    It becomes a case of this register, under an id of its own; where peers see the old one, it is published
    at once. The old owner is told, and takes its own out of the network when it has seen this one.

    \b
    Example:
      gmcn messages accept 7
    """
    taken = takeover.accept(node, number, actor())
    rung = ring(node, no_ring=no_ring or not taken.versions, quiet=as_json)
    reason = mail.deliver(node, taken.old_owner)
    if as_json:
        told = {"told": not reason, "reason": reason, "rung": rung}
        print_json({"case": taken.case_id, "came_from": taken.came_from, "versions": taken.versions, **told})
        return
    say(taken.case_id)
    remark("Published." if taken.versions else f"A draft. Next:\n  gmcn case preview {taken.case_id}")
    if taken.to_review:
        remark("More of it went out than was seen here: somebody else reviews it within 24 hours (gmcn due).")
    tell_delivery(taken.old_owner, reason)


@messages.command()
@_number
@click.option("--reason", default="", metavar="TEXT", help="Why; the other member reads it.")
@json_option
@pass_node
def decline(node: Node, number: int, reason: str, as_json: bool) -> None:
    """Decline the case that a message offers: what was sent is deleted, and the old owner told.

    \b
    Example:
      gmcn messages decline 7 --reason "The family lives in Spain."
    """
    old_owner = takeover.decline(node, number, reason, actor())
    failed = mail.deliver(node, old_owner)
    if as_json:
        print_json({"message": number, "state": "declined", "told": not failed, "reason": failed})
        return
    say("Declined; what was sent is deleted.")
    tell_delivery(old_owner, failed)


@messages.command()
@click.argument("member")
@click.argument("kind", metavar="TYPE")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--attach", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A file with it."
)
@json_option
@pass_node
def send(node: Node, member: str, kind: str, file: Path, attach: Path | None, as_json: bool) -> None:
    """Send a member a message: a JSON object from a file, or from standard input (-).

    For leads there is `gmcn leads send`; other types are kept and shown to the people there. `case`
    in the object names the case that it is about: what is said is erased with the case.

    \b
    Example:
      echo '{"case": "police.de.example/k3ta…", "note": "…"}' | gmcn messages send police.de.example notice -
    """
    try:
        body = parse_object(read_input(file), "message", MAX_CONTENT_BYTES)
    except Malformed as error:
        raise InvalidInput(
            "The message cannot be read.", "It must be one JSON object.", [str(error)]
        ) from None
    content = Content(body, read_input(attach) if attach else b"")
    row = mail.send_message(node, member, kind, content, actor())
    reason = mail.deliver(node, member)
    if as_json:
        print_json({"message": row.id, "told": not reason, "reason": reason})
        return
    say(str(row.id))
    tell_delivery(member, reason)


@messages.command()
@_number
@json_option
@pass_node
def close(node: Node, number: int, as_json: bool) -> None:
    """End a message that is dealt with, or that is not to be sent after all: what it says is deleted.

    \b
    Example:
      gmcn messages close 7
    """
    mail.close(node, number, actor())
    if as_json:
        print_json({"message": number, "closed": True})
    else:
        say("Closed; what it said is deleted.")


@messages.command()
@_number
@json_option
@pass_node
def retry(node: Node, number: int, as_json: bool) -> None:
    """Send a message again at once that waits, or that its receiver has refused.

    \b
    Example:
      gmcn messages retry 7
    """
    member = mail.retry(node, number)
    reason = mail.deliver(node, member)
    if as_json:
        print_json({"message": number, "told": not reason, "reason": reason})
    else:
        tell_delivery(member, reason)


def _is_offer(opened: Opened) -> bool:
    return opened.content is not None and opened.row.kind == OFFER


def _print_content(content: Content, offer: OfferView | None) -> None:
    """Print what a message says: of an offer its record, of others every member."""
    if offer is not None:
        say(f"pictures  {offer.photographs_here} of {offer.photographs} have come")
        say(f"published {shown(offer.published)}")
    said = offer.record if offer else content.body
    print_record(said)
    if content.attachment:
        say(f"attachment of {len(content.attachment):,} bytes: --save FILE")


def _save(opened: Opened, path: Path) -> None:
    if opened.content is None or not opened.content.attachment:
        raise Conflict("The message has no attachment here.", "See `gmcn messages show`.")
    try:
        with path.open("xb") as file:
            file.write(opened.content.attachment)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None


def tell_delivery(member: str, reason: str) -> None:
    """Say whether a member has what was sent to it.

    Args:
        reason: why it has not; empty when it has.
    """
    if reason:
        remark(f"{member} does not have it yet; see `gmcn messages list`: {safe(reason)}")
    else:
        remark(f"{member} has it.")


def _as_json(row: MessageRow) -> dict[str, Any]:
    return {
        "message": row.id,
        "direction": "sent" if row.outgoing else "received",
        "member": row.member,
        "id": row.token_id,
        "type": row.kind,
        "case": row.case_id or None,
        "re": row.re or None,
        "at": row.at,
        "expires_at": row.expires_at,
        "state": row.state,
        "reason": row.reason,
        "tries": row.tries,
        "next_at": row.next_at,
        "acknowledgement": row.acknowledgement or None,
    }
