"""`gmcn token`: who of this member's staff and programs may use the search API."""

from typing import Any

import click

from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, print_table, remark, say
from node.runtime import Node
from node.services import staff
from node.services.staff import MAX_DAYS, SCOPES
from node.store.staff.access import StaffToken


@click.group()
def token() -> None:
    """Make and revoke tokens for the search API.

    \b
    Example:
      gmcn token create "border desk 3" --scope open --days 90
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default=SCOPES[0],
    show_default=True,
    help="search: find cases and read public parts. open: also network and police parts, for a purpose.",
)
@click.option(
    "--days", type=click.IntRange(1, MAX_DAYS), default=90, show_default=True, help="How long it works."
)
@json_option
@pass_node
def create(node: Node, name: str, scope: str, days: int, as_json: bool) -> None:
    """Make a token and show it, this once: only a hash of it is kept.

    NAME says whose it is: a desk or a program rather than a person.

    \b
    Example:
      gmcn token create "border desk 3" --scope open --days 90
    """
    made = staff.create_token(node, name, scope, days, actor())
    if as_json:
        print_json({"token": made, "name": name, "scope": scope, "days": days})
        return
    say(made)
    remark("This is the only time that it is shown. It is sent as `Authorization: Bearer`.")


@token.command("list")
@json_option
@pass_node
def list_tokens(node: Node, as_json: bool) -> None:
    """List every token that was made, the newest first; none of them is shown.

    \b
    Example:
      gmcn token list
    """
    found = staff.list_tokens(node)
    if as_json:
        print_json([_as_json(item) for item in found])
        return
    rows = [
        (item.id, item.name, item.scope, item.created_at, item.expires_at, item.revoked_at) for item in found
    ]
    print_table(("token", "name", "scope", "made", "works until", "revoked"), rows)


@token.command()
@click.argument("token_id", metavar="TOKEN")
@pass_node
def revoke(node: Node, token_id: str) -> None:
    """End a token now. TOKEN is its id, as `gmcn token list` shows it.

    \b
    Example:
      gmcn token revoke 3f9a0c11d2e4
    """
    staff.revoke_token(node, token_id, actor())
    say(f"Revoked {token_id}.")


def _as_json(item: StaffToken) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "scope": item.scope,
        "created_at": item.created_at,
        "expires_at": item.expires_at,
        "revoked_at": item.revoked_at,
    }
