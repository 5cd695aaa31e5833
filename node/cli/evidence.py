"""`gmcn evidence`: what proves that a member has shown two faces, and letting its feed go on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from node.adapters.files import write_whole
from node.adapters.trust import TrustStore
from node.cli import Invocation
from node.cli.base.arguments import read_input
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, print_table, remark, say, utc_time
from node.config import load_config
from node.errors import InvalidInput
from node.runtime import Node
from node.services.witnesses import evidence as proofs
from node.services.witnesses.evidence import EvidenceView
from protocol.checkpoint import Checkpoint
from protocol.errors import ProtocolError
from protocol.note import VerifierKey
from protocol.roster import Roster

SHORT = 12
"""Digits of an id that are shown in a list."""


@click.group()
def evidence() -> None:
    """See what proves that a member has shown two faces, and decide.

    A feed stops here as soon as two of its signed heads contradict each other: its owner has told one thing
    to some members and another to others, has lost its data and signed again, or somebody else holds its key.
    Every member is told. Call the owner's duty desk before anything else.

    \b
    Example:
      gmcn evidence list
    """


@evidence.command("list")
@json_option
@pass_node
def list_evidence(node: Node, as_json: bool) -> None:
    """List what is kept, the newest first.

    \b
    Example:
      gmcn evidence list
    """
    found = proofs.list_evidence(node)
    if as_json:
        print_json([_as_json(view) for view in found])
        return
    if not found:
        say("There is no evidence against anybody.")
        return
    rows = [
        (
            view.kept.id[:SHORT],
            view.kept.origin,
            f"{view.smaller.size} and {view.larger.size}",
            _found(view),
            view.kept.found_at,
            view.kept.closed_at or "open",
        )
        for view in found
    ]
    print_table(("id", "feed", "entries", "found", "at", "closed"), rows)


@evidence.command()
@click.argument("prefix", metavar="ID")
@json_option
@pass_node
def show(node: Node, prefix: str, as_json: bool) -> None:
    """Show one piece of evidence: both heads, how it came here, who was told.

    ID is its id, or the beginning of it.

    \b
    Example:
      gmcn evidence show 3f9a01c2b7d4
    """
    view = proofs.find_evidence(node, prefix)
    if as_json:
        print_json(_as_json(view))
        return
    kept = view.kept
    say(f"id        {kept.id}")
    say(f"feed      {kept.origin}")
    say(f"found     {utc_time(kept.found_at)}, {_found(view)}")
    _say_heads(view.smaller, view.larger)
    for delivery in view.deliveries:
        told = f"taken {utc_time(delivery.taken_at)}" if delivery.taken_at else f"not taken: {delivery.error}"
        say(f"told      {delivery.member}: {told}")
    if kept.closed_at:
        say(f"closed    {utc_time(kept.closed_at)} by {kept.closed_by}: {kept.reason}")
    else:
        say("The feed is stopped until this is closed: see `gmcn evidence close --help`.")


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--key",
    "keys",
    metavar="VKEY",
    multiple=True,
    help="The feed's key, as the roster gives it; then no node is needed. May be given several times.",
)
@json_option
@click.pass_obj
def check(invocation: Invocation, file: Path, keys: tuple[str, ...], as_json: bool) -> None:
    """Check evidence in a file, without asking anybody.

    The feed's keys are those in the roster that the node in --home has verified; or those that are given.
    Ends with 0 when the evidence proves that the owner of the key has signed two heads that contradict each
    other.

    \b
    Examples:
      gmcn evidence check split.json
      gmcn evidence check split.json --key "police.fr.example/network+07726a50+ARQ9…"
    """
    data = read_input(file)
    proof, smaller, larger = proofs.check_file(data, _read_keys(keys) or _trusted_roster(invocation.home))
    if as_json:
        print_json({"origin": proof.origin, "smaller": _head(smaller), "larger": _head(larger)})
        return
    say(f"This proves that {proof.origin} has shown two faces.")
    _say_heads(smaller, larger)


@evidence.command()
@click.argument("prefix", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_node
def export(node: Node, prefix: str, file: Path) -> None:
    """Write a piece of evidence into a file, to be handed to whoever has to see it.

    It holds two signed heads and hashes, and nothing about any case.

    \b
    Example:
      gmcn evidence export 3f9a01c2b7d4 split.json
    """
    kept = proofs.find_evidence(node, prefix).kept
    write_whole(file, kept.data)
    remark(f"Written to {file}. Anybody can check it with the key of {kept.origin}, on any machine:")
    for key in proofs.keys_of(node, kept.origin):
        remark(f"  gmcn evidence check {file.name} --key {key.format()}")


@evidence.command()
@click.argument("prefix", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="What was found out, for the journal.")
@pass_node
def close(node: Node, prefix: str, reason: str) -> None:
    """Let the feed go on from what is known of it here: a person has looked, and decided.

    Do this only when the owner has explained both heads over the telephone and the one that is known here is
    the true one. Where its key is in other hands it needs new keys, or a new feed, through the roster
    instead. Everything that is open against the feed is closed with it; the same heads do not stop it again.

    \b
    Example:
      gmcn evidence close 3f9a01c2b7d4 --reason "An old copy of the machine, switched off. Spoke to Ms Koné."
    """
    kept = proofs.close(node, prefix, reason, actor())
    remark(f"Closed. {kept.origin} goes on from what is known of it here.")


def _read_keys(texts: Sequence[str]) -> list[VerifierKey]:
    try:
        return [VerifierKey.parse(text) for text in texts]
    except ProtocolError as error:
        raise InvalidInput(
            f"--key: {error}.", "Copy it whole, as the roster or its owner gives it."
        ) from None


def _trusted_roster(home: Path) -> Roster:
    """Return the roster that the node in a home trusts; its database is not needed."""
    load_config(home)  # says it better than the trust store when there is no node
    return TrustStore(home / "trust").current().roster


def _found(view: EvidenceView) -> str:
    by = view.kept.source
    return {
        proofs.PULL: f"by a pull from {by}",
        proofs.HEADS: f"among the heads of {by}",
        proofs.WITNESS: f"in what {by} wanted cosigned",
        proofs.RECEIVED: f"received from {by}",
    }[view.kept.found]


def _say_heads(smaller: Checkpoint, larger: Checkpoint) -> None:
    for head in (smaller, larger):
        say(f"signed    {head.size} entries, root {head.root.hex()}")


def _head(head: Checkpoint) -> dict[str, Any]:
    return {"size": head.size, "root": head.root.hex()}


def _as_json(view: EvidenceView) -> dict[str, Any]:
    kept = view.kept
    return {
        "id": kept.id,
        "origin": kept.origin,
        "member": kept.member,
        "audience": kept.audience,
        "smaller": _head(view.smaller),
        "larger": _head(view.larger),
        "found": kept.found,
        "source": kept.source,
        "found_at": kept.found_at,
        "deliveries": {
            delivery.member: {"taken_at": delivery.taken_at, "error": delivery.error}
            for delivery in view.deliveries
        },
        "closed_at": kept.closed_at,
        "closed_by": kept.closed_by,
        "reason": kept.reason,
    }
