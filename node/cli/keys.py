"""`gmcn keys`: the member's own keys, made, replaced, and destroyed."""

from typing import cast

import click

from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, remark, say, utc_time, yes_option
from node.runtime import Node
from node.services.members import keys as own
from node.services.members.keys import KeyView
from protocol.feed_entry import Audience
from protocol.joining import verify_join_request
from protocol.member import fingerprint

_NEXT = "Send the request to the coordinator, and read the fingerprint out: it says `gmcn network rekey`."


@click.group()
def keys() -> None:
    """See this member's own keys, replace one, go on after a theft.

    Each kind is replaced alone. The present key stays in use until the list of members has the new one, and
    counts beside it until the end that the coordinator gives it.

    \b
    Examples:
      gmcn keys list
      gmcn keys rotate token > request.jwt
    """


@keys.command("list")
@json_option
@pass_node
def list_keys(node: Node, as_json: bool) -> None:
    """List the keys that are here, and what each counts for now.

    \b
    Example:
      gmcn keys list
    """
    found = own.list_keys(node)
    if as_json:
        print_json([_as_json(key) for key in found])
        return
    for key in found:
        say(f"{key.kind:<13} {key.name}  {_told(key)}")


@keys.command()
@click.argument("kinds", metavar="[KIND]...", nargs=-1, type=click.Choice(own.KINDS))
@pass_node
def rotate(node: Node, kinds: tuple[str, ...]) -> None:
    """Make a fresh key of each KIND, and write the request for it on standard output.

    KIND is feed-network, feed-police, token, cosigner or sealing. Without one the request is written anew for
    keys that wait already. Whatever else the list says of this member stays as it is.

    \b
    Examples:
      gmcn keys rotate token sealing > request.jwt
      gmcn keys rotate feed-network > request.jwt
    """
    _hand_out(node, own.rotate(node, kinds, actor()))


@keys.command()
@click.argument("audience", type=click.Choice(["network", "police"]))
@pass_node
def succeed(node: Node, audience: str) -> None:
    """Ask for the successor of a feed that the coordinator has frozen: its key was stolen, or its leaves were
    lost.

    Makes a fresh key, and writes the request on standard output. Once the list has it this node goes on under
    the new name: every published case gets a new version there, every erased one stays erased.

    \b
    Example:
      gmcn keys succeed network > request.jwt
    """
    _hand_out(node, own.succeed(node, cast(Audience, audience), actor()))


@keys.command()
@yes_option
@json_option
@pass_node
def destroy(node: Node, yes: bool, as_json: bool) -> None:
    """Delete the private keys that count for nothing any more, so that nobody can find them.

    What was sealed to one of them can never be opened again. Delete them from your backups too.

    \b
    Example:
      gmcn keys destroy
    """
    ended = [key for key in own.list_keys(node) if key.state == "ended"]
    if ended and not yes:
        remark("\n".join(f"  {key.kind} {key.name}" for key in ended))
        click.confirm("Delete these for good?", abort=True, err=True)
    gone = own.destroy_ended(node, actor())
    if as_json:
        print_json([_as_json(key) for key in gone])
    else:
        say(f"Deleted {len(gone)} keys." if gone else "Every key that is here counts, or waits to.")


def _hand_out(node: Node, request: str) -> None:
    say(request)
    asked = verify_join_request(request, node.now(), node.network().roster).member
    remark(f"Fingerprint of the keys of {node.member}, to be read out: {fingerprint(asked)}")
    remark(_NEXT)


def _told(key: KeyView) -> str:
    match key.state:
        case "replaced":
            return f"replaced, counts until {utc_time(key.until)}"
        case "waiting":
            return "waits for the list of members to have it"
        case "ended":
            return "ended, counts for nothing: `gmcn keys destroy`"
        case _:
            return key.state


def _as_json(key: KeyView) -> dict[str, object]:
    return {"kind": key.kind, "key": key.name, "state": key.state, "until": key.until}
