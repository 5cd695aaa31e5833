"""`gmcn init` and `gmcn join`: from nothing to a member."""

from pathlib import Path

import click

from node.cli import Invocation
from node.cli.base.arguments import read_input, read_pairs, same_fingerprint
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, remark, say, yes_option
from node.config import format_settings
from node.errors import Conflict, NotFound
from node.runtime import Node, open_node
from node.services.members import keys, membership
from node.services.members.membership import Applicant
from protocol.joining import verify_join_request
from protocol.member import fingerprint

_PURPOSES = {"feed-network": "network feed", "feed-police": "police feed", "token": "tokens"}
_REQUEST = """\
  gmcn join request --network NETWORK --country CODE --kind KIND \\
    --name LANGUAGE=NAME --address URL --duty-phone PHONE --duty-email EMAIL \\
    --duty-language LANGUAGE > request.jwt"""


@click.command()
@click.argument("member")
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="A setting of node.toml, such as server.port=8450. May be given several times.",
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True),
    help="A file with the passphrase of the private keys. Without it a random secret is made beside them.",
)
@json_option
@click.pass_obj
def init(
    invocation: Invocation,
    member: str,
    settings: tuple[str, ...],
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make a new node in the folder that --home names: settings, database, private keys.

    MEMBER is the organisation's id in the network: its domain, in lower case. The folder must be empty or
    not there yet; it appears whole or not at all, and only this user can read it.

    \b
    Examples:
      gmcn --home /srv/gmcn init police.fr.example
      gmcn --home /srv/gmcn init police.fr.example --set server.port=8450
    """
    home, chosen = invocation.home, read_pairs(settings, "setting")
    if passphrase_file is not None:
        chosen["keys.passphrase_file"] = str(passphrase_file)
    membership.init_home(home, member, format_settings(chosen), passphrase_file)
    node = open_node(home)
    publics = {
        purpose: node.keys.public(purpose).hex() for purpose in ("feed-network", "feed-police", "token")
    }
    if as_json:
        print_json({"home": str(home), "member": member, "public_keys": publics})
        return
    say(f"Made the node of {member} in {home}.")
    for purpose, public in publics.items():
        say(f"  public key, {_PURPOSES[purpose]}: {public}")
    say(f"Next: write the request for the coordinator of the network:\n{_REQUEST}")


@click.group()
def join() -> None:
    """Join a network, or bring its signed files up to date.

    First `request` writes what the coordinator needs to admit this member; then `accept` takes the network's
    first signed file, which you compare with the coordinator by telephone. `refresh` reads the list of
    members anew; a running node does that by itself.

    \b
    Example:
      gmcn join accept root.json --url https://coordinator.example
    """


@join.command()
@click.option("--network", required=True, metavar="NAME", help="The network's name, as its coordinator says.")
@click.option("--country", required=True, metavar="CODE", help="ISO 3166-1 code of two capital letters.")
@click.option("--kind", required=True, type=click.Choice(["law_enforcement", "ngo"]), help="What it is.")
@click.option(
    "--name",
    "names",
    required=True,
    multiple=True,
    metavar="LANGUAGE=TEXT",
    help="The organisation's name in a language (BCP 47). May be given several times.",
)
@click.option("--address", required=True, metavar="URL", help="Where other nodes reach this one: https://…")
@click.option("--site", metavar="URL", help="Where this member's public site is, if it has one: https://…")
@click.option("--duty-phone", required=True, metavar="PHONE", help="Answers day and night: +33144556677.")
@click.option("--duty-email", required=True, metavar="EMAIL", help="Of the duty desk.")
@click.option(
    "--duty-language",
    "languages",
    required=True,
    multiple=True,
    metavar="LANGUAGE",
    help="A language that the duty desk speaks (BCP 47). May be given several times.",
)
@click.option("--duty-hours", default="24/7", show_default=True, metavar="TEXT", help="When it answers.")
@click.option(
    "--endorsement",
    type=click.Path(path_type=Path),
    help="Of an NGO: the file that `gmcn endorse` wrote at a law-enforcement member of its country.",
)
@click.option(
    "--new-key",
    "new_keys",
    multiple=True,
    type=click.Choice(keys.KINDS),
    help="Make a fresh key first, and ask for it. May be given several times.",
)
@pass_node
def request(
    node: Node,
    network: str,
    country: str,
    kind: str,
    names: tuple[str, ...],
    address: str,
    site: str | None,
    duty_phone: str,
    duty_email: str,
    languages: tuple[str, ...],
    duty_hours: str,
    endorsement: Path | None,
    new_keys: tuple[str, ...],
) -> None:
    """Write the request to be admitted, on standard output.

    Hand the file to the coordinator. Its fingerprint is shown beside it: read it out to the coordinator, and
    later to the members who accept your keys.

    A member that is listed already asks in the same way for another name, address or site, and with --new-key
    for another key, which its present one vouches for: the old one stays in use until the list has the new.

    \b
    Examples:
      gmcn join request --network "Missing Children" --country FR --kind law_enforcement \\
        --name fr="Police nationale" --address https://gmcn.police.fr.example \\
        --duty-phone +33144556677 --duty-email duty@police.fr.example \\
        --duty-language fr --duty-language en > request.jwt
    """
    if new_keys:
        keys.make_keys(node, new_keys, actor())
    duty = {"phone": duty_phone, "email": duty_email, "languages": list(languages), "hours": duty_hours}
    applicant = Applicant(
        node.member,
        country,
        kind,
        read_pairs(names, "name"),
        address,
        duty,
        read_input(endorsement).decode("ascii", "replace").strip() if endorsement else None,
        site,
    )
    token = membership.join_request(node, applicant, network)
    say(token)
    roster = node.network().roster if _has_joined(node) else None
    asked = verify_join_request(token, node.now(), roster).member
    remark(f"Fingerprint of the keys of {node.member}, to be read out: {fingerprint(asked)}")
    if _has_joined(node):
        remark("Next: send the request to the coordinator. When it is published: gmcn join refresh")
    else:
        remark("Next: send the request to the coordinator. When this member is admitted:")
        remark("  gmcn join accept root.json --url URL")


@join.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.option(
    "--url",
    "urls",
    required=True,
    multiple=True,
    help="Where metadata/ and targets/ of the network are served. May be given several times.",
)
@click.option("--fingerprint", "expected", metavar="TEXT", help="Of ROOT, as the coordinator reads it out.")
@yes_option
@json_option
@pass_node
def accept(
    node: Node, root: Path, urls: tuple[str, ...], expected: str | None, yes: bool, as_json: bool
) -> None:
    """Trust a network from its root file on, and read its list of members.

    Everything that this node will ever believe of the network hangs on ROOT: compare its fingerprint with the
    coordinator by a line that you trust, not by the one that the file came on.

    \b
    Example:
      gmcn join accept root.json --url https://coordinator.example
    """
    data = read_input(root)
    found = membership.root_fingerprint(data)
    if expected is not None:
        if not same_fingerprint(expected, found):
            raise Conflict(
                f"{root} has another fingerprint than the one given: {found}.",
                "Do not use this file. Ask the coordinator again, by another way.",
            )
    elif not yes:
        remark(f"Fingerprint of {root}:\n  {found}")
        click.confirm("Did the coordinator read out exactly this to you?", abort=True, err=True)
    membership.join(node, data, list(urls))
    network = node.network()
    listed = _is_listed(node)
    if as_json:
        members = len(network.roster.members)
        print_json({"network": network.roster.network, "members": members, "listed": listed})
        return
    say(f"Joined {network.roster.network}: {len(network.roster.members)} members.")
    if listed:
        say("Next: run the node with `gmcn serve`. See the others with `gmcn member list`,")
        say("call each of them, and accept it:\n  gmcn member accept MEMBER --fingerprint TEXT")
    else:
        say(f"{node.member} is not on the list yet. Once the coordinator has published it:")
        say("  gmcn join refresh")


@join.command()
@json_option
@pass_node
def refresh(node: Node, as_json: bool) -> None:
    """Read the network's signed files anew, from the coordinator or from any member that has them.

    \b
    Example:
      gmcn join refresh
    """
    membership.refresh(node)
    network = node.network()
    listed = _is_listed(node)
    if as_json:
        value = {"network": network.roster.network, "version": network.version, "listed": listed}
        print_json({**value, "expires_at": network.expires_at})
        return
    say(f"{network.roster.network}, version {network.version}, good until {network.expires_at:%Y-%m-%d}.")
    if not listed:
        say(f"{node.member} is not on the list yet: ask the coordinator.")


def _is_listed(node: Node) -> bool:
    return any(member.id == node.member for member in node.network().roster.members)


def _has_joined(node: Node) -> bool:
    try:
        node.network()
    except NotFound:
        return False
    return True
