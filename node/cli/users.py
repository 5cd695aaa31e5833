"""`gmcn user`: who of this member's people may use the console."""

from typing import Any

import click

from node.cli.base.arguments import ask_secret
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, print_table, remark, say
from node.domain.permissions import Role
from node.errors import NotFound
from node.runtime import Node
from node.services.people import accounts, second_factor
from node.store.staff.people import Person

_ask_option = click.option(
    "--ask-password", is_flag=True, help="Ask for the password instead of drawing one."
)
_role_type = click.Choice([str(role) for role in Role])


@click.group()
def user() -> None:
    """Add people to the console, give them roles, and help those who cannot sign in.

    The first administrator is added here; afterwards the console itself does all of this, too. Where people
    sign in through the member's own identity provider, an account has to be linked to what it calls them.

    \b
    Example:
      gmcn user add ana --full-name "Ana Petit" --role administrator
    """


@user.command()
@click.argument("name")
@click.option("--full-name", required=True, help="As colleagues know them.")
@click.option(
    "--role", "roles", multiple=True, required=True, type=_role_type, help="What they do; may be repeated."
)
@click.option(
    "--oidc-subject",
    default="",
    help="What the identity provider calls them (`sub`), or the reference that it showed them.",
)
@_ask_option
@json_option
@pass_node
def add(
    node: Node,
    name: str,
    full_name: str,
    roles: tuple[str, ...],
    oidc_subject: str,
    ask_password: bool,
    as_json: bool,
) -> None:
    """Add somebody, and show the password that they sign in with once.

    At the first sign-in they set up a second factor and choose a password of their own. The role investigator
    is for members that are police. With --oidc-subject they sign in through the identity provider, and have a
    password only with --ask-password.

    \b
    Examples:
      gmcn user add ana --full-name "Ana Petit" --role administrator
      gmcn user add jo --full-name "Jo Weil" --role operator --role approver --ask-password
      gmcn user add kim --full-name "Kim Roux" --role approver --oidc-subject 8f14e45f-ceea-467f
    """
    given = _ask_password() if ask_password else None
    made, password = accounts.add_person(
        node, name, full_name, [Role(role) for role in roles], actor(), given, oidc_subject
    )
    _show_password(made, password, ask_password, as_json)


@user.command("list")
@json_option
@pass_node
def list_users(node: Node, as_json: bool) -> None:
    """List everybody, disabled ones included.

    \b
    Example:
      gmcn user list
    """
    found = accounts.list_people(node)
    if as_json:
        print_json([_as_json(item) for item in found])
        return
    rows = [
        (
            item.name,
            item.full_name,
            sorted(item.roles),
            item.second_factor is not None,
            item.subject is not None,
            item.signed_in_at,
            item.disabled_at,
        )
        for item in found
    ]
    print_table(("name", "full name", "roles", "second factor", "linked", "last signed in", "disabled"), rows)


@user.command()
@click.argument("name")
@click.argument("roles", nargs=-1, required=True, type=_role_type)
@pass_node
def roles(node: Node, name: str, roles: tuple[str, ...]) -> None:
    """Give somebody ROLES instead of those they had.

    \b
    Example:
      gmcn user roles jo operator approver
    """
    accounts.set_roles(node, _find(node, name).id, [Role(role) for role in roles], actor())
    say(f"{name} is now {', '.join(roles)}.")


@user.command()
@click.argument("name")
@pass_node
def disable(node: Node, name: str) -> None:
    """Sign somebody out everywhere, and let them sign in no more.

    \b
    Example:
      gmcn user disable jo
    """
    accounts.disable(node, _find(node, name).id, actor())
    say(f"{name} can no longer sign in.")


@user.command()
@click.argument("name")
@pass_node
def enable(node: Node, name: str) -> None:
    """Let somebody sign in again who was disabled.

    \b
    Example:
      gmcn user enable jo
    """
    accounts.enable(node, _find(node, name).id, actor())
    say(f"{name} can sign in again.")


@user.command()
@click.argument("name")
@click.argument("subject")
@pass_node
def link(node: Node, name: str, subject: str) -> None:
    """Let somebody sign in through the identity provider, which calls them SUBJECT.

    SUBJECT is their `sub` there, or the reference that they were shown when they tried to sign in. Be sure
    who reads it out to you: whoever it stands for gets the account. They are signed out everywhere.

    \b
    Examples:
      gmcn user link jo 8f14e45f-ceea-467f
      gmcn user link jo k7m2p-x9qrt
    """
    accounts.link(node, _find(node, name).id, subject, actor())
    say(f"{name} signs in through the identity provider.")


@user.command()
@click.argument("name")
@pass_node
def unlink(node: Node, name: str) -> None:
    """Let somebody sign in through the identity provider no more, and sign them out everywhere.

    \b
    Example:
      gmcn user unlink jo
    """
    person = _find(node, name)
    accounts.unlink(node, person.id, actor())
    say(f"{name} no longer signs in through the identity provider.")
    if person.password_hash is None:
        remark("They have no password. Give them one with `gmcn user reset-password`, or link them anew.")


@user.command("reset-password")
@click.argument("name")
@_ask_option
@json_option
@pass_node
def reset_password(node: Node, name: str, ask_password: bool, as_json: bool) -> None:
    """Give somebody a new password to sign in with once, and sign them out everywhere.

    \b
    Example:
      gmcn user reset-password jo
    """
    person = _find(node, name)
    given = _ask_password() if ask_password else None
    password = accounts.reset_password(node, person.id, actor(), given)
    _show_password(person, password, ask_password, as_json)


@user.command("reset-second-factor")
@click.argument("name")
@pass_node
def reset_second_factor(node: Node, name: str) -> None:
    """Forget somebody's second factor and recovery codes: they set up another at the next sign-in.

    Be sure who asks for it: whoever has the password then sets up the new one.

    \b
    Example:
      gmcn user reset-second-factor jo
    """
    accounts.reset_second_factor(node, _find(node, name).id, actor())
    say(f"{name} sets up a new second factor at the next sign-in.")


@user.command()
@click.argument("name")
@pass_node
def code(node: Node, name: str) -> None:
    """Show what somebody's authenticator shows now: in an exercise alone, to try it without one.

    \b
    Example:
      gmcn user code operator
    """
    say(second_factor.show_code(node, _find(node, name)))


def _find(node: Node, name: str) -> Person:
    try:
        return accounts.find_person_by_name(node, name)
    except NotFound as error:
        raise NotFound(error.message, "See `gmcn user list`.") from None


def _ask_password() -> str:
    return ask_secret("Password", "Leave out --ask-password: one is drawn, and shown once.", new=True)


def _show_password(person: Person, password: str, was_asked: bool, as_json: bool) -> None:
    """Show a password this once, unless whoever is at the keyboard has just typed it."""
    if as_json:
        shown = {} if was_asked or not password else {"password": password}
        print_json({"name": person.name, "roles": sorted(person.roles), **shown})
        return
    if not password:
        say(f"{person.name} signs in through the identity provider, and has no password.")
        if person.subject is None:
            remark("Link the account with `gmcn user link`.")
        return
    if was_asked:
        say(f"{person.name} has a new password.")
    else:
        say(password)
        remark("This is the only time that it is shown.")
    remark(f"{person.name} must change it at the next sign-in.")


def _as_json(item: Person) -> dict[str, Any]:
    return {
        "name": item.name,
        "full_name": item.full_name,
        "roles": sorted(item.roles),
        "second_factor": item.second_factor is not None,
        "password": item.password_hash is not None,
        "linked": item.subject is not None,
        "must_change_password": item.must_change,
        "created_at": item.created_at,
        "signed_in_at": item.signed_in_at,
        "disabled_at": item.disabled_at,
    }
