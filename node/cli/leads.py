"""`gmcn leads`: what was told about own cases, and what is told to the owners of others'."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from node.cli.base.arguments import read_input
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, print_table, readable, safe, say, shown
from node.cli.messages import tell_delivery
from node.errors import Conflict, InvalidInput
from node.runtime import Node
from node.services import messages as mail
from node.services.leads import inbox, sending
from node.services.leads.inbox import LeadView
from node.services.leads.letters import Letter
from node.store.leads import DECISIONS, PUBLIC, Entry, Lead

_number = click.argument("number", type=click.IntRange(1), metavar="LEAD")
_case = click.argument("case_id", metavar="CASE")
_text = click.argument("text", metavar="TEXT")
_picture = click.option(
    "--picture", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A photograph with it."
)


@click.group()
def leads() -> None:
    """Work on what is told about cases.

    A lead about another member's case goes to its owner, sealed, and the owner answers. What others tell
    about own cases waits here for a person, who assigns it, notes what was found out, decides what it is
    worth, and answers.

    \b
    Examples:
      gmcn leads list
      gmcn leads show 7
      gmcn leads send police.de.example/k3ta… "A girl like her was seen at the harbour."
    """


@leads.command("list")
@click.option("--case", "case_id", default="", metavar="CASE", help="Only those about this case.")
@click.option("--sent", is_flag=True, help="Those that were sent to other owners instead.")
@click.option("--all", "everything", is_flag=True, help="Also those that are decided for good.")
@click.option(
    "--receipt", default="", metavar="NUMBER", help="Only what the public was given this number for."
)
@click.option("--of", "person", metavar="PERSON", help="Only those of this person; of nobody with ''.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@json_option
@pass_node
def list_leads(
    node: Node,
    case_id: str,
    sent: bool,
    everything: bool,
    receipt: str,
    person: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List leads, the newest first: those with which something is to be done.

    \b
    Examples:
      gmcn leads list
      gmcn leads list --of "Officer Diaz"
      gmcn leads list --sent
      gmcn leads list --receipt 4711-0815-2342-1234
    """
    found = inbox.list_leads(
        node,
        outgoing=sent,
        case_id=case_id,
        everything=everything,
        assigned_to=person,
        receipt=receipt,
        limit=limit,
    )
    if as_json:
        print_json([_as_json(lead) for lead in found])
        return
    rows = [
        (lead.id, lead.at, lead.kind, _other_side(lead), lead.state, lead.assigned_to, lead.case_id)
        for lead in found
    ]
    headings = ("lead", "at", "type", "to" if sent else "from", "state", "with", "case")
    print_table(headings, rows)


@leads.command()
@_number
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write its picture (JPEG) to a new file.",
)
@click.option(
    "--picture-of", "entry", type=click.IntRange(0), default=0, metavar="ENTRY", help="That of an answer."
)
@json_option
@pass_node
def show(node: Node, number: int, save: Path | None, entry: int, as_json: bool) -> None:
    """Show a lead and what was done with it. The reading is written into the journal.

    \b
    Examples:
      gmcn leads show 7
      gmcn leads show 7 --save picture.jpg
    """
    view = inbox.read(node, number, actor())
    if save is not None:
        _save(inbox.read_picture(node, number, entry, actor()), save)
    if as_json:
        print_json(
            {
                **_as_json(view.lead),
                "history": [_entry_as_json(item) for item in view.history],
                "pictures": view.pictures,
                "delivery": view.delivery,
                "alike": inbox.find_alike(node, view.lead),
            }
        )
        return
    _print_lead(view, inbox.find_alike(node, view.lead))


@leads.command()
@_case
@_text
@click.option(
    "--seen-at", default="", metavar="WHEN", help="A day such as 2026-05-01, or a moment with its zone."
)
@click.option("--place", default="", help="Where, in words.")
@click.option("--at", "point", type=(float, float), metavar="LAT LON", help="Where, in degrees.")
@click.option("--contact", default="", help="How the person who told it can be reached.")
@click.option("--same-as", "own_case", default="", metavar="CASE", help="The own case of the same child.")
@_picture
@json_option
@pass_node
def send(
    node: Node,
    case_id: str,
    text: str,
    seen_at: str,
    place: str,
    point: tuple[float, float] | None,
    contact: str,
    own_case: str,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Tell something about a case: to its owner, or for an own case, to this node's own inbox.

    \b
    Examples:
      gmcn leads send police.de.example/k3ta… "Seen at the harbour." --seen-at 2026-05-01
      gmcn leads send police.de.example/k3ta… "It may be our Ana." --same-as police.fr.example/x2bd…
    """
    lat, lon = point or (None, None)
    letter = Letter(text, seen_at, place, lat, lon, contact, own_case)
    data = read_input(picture) if picture else b""
    if case_id.partition("/")[0] == node.member:
        number = inbox.note_down(node, case_id, letter, actor(), data)
        _tell(number, "", "", as_json=as_json)
        return
    number = sending.send_lead(node, case_id, letter, actor(), data)
    owner = case_id.partition("/")[0]
    _tell(number, owner, mail.deliver(node, owner), as_json=as_json)


@leads.command("request-photograph")
@_case
@click.argument("reason", metavar="WHY")
@json_option
@pass_node
def request_photograph(node: Node, case_id: str, reason: str, as_json: bool) -> None:
    """Ask the owner of a case for a photograph that shows more.

    \b
    Example:
      gmcn leads request-photograph police.de.example/k3ta… "A child at our border may be her."
    """
    number = sending.request_photograph(node, case_id, reason, actor())
    owner = case_id.partition("/")[0]
    _tell(number, owner, mail.deliver(node, owner), as_json=as_json)


@leads.command()
@_number
@click.argument("person", metavar="PERSON")
@json_option
@pass_node
def assign(node: Node, number: int, person: str, as_json: bool) -> None:
    """Say who works on a lead; nobody with ''.

    \b
    Example:
      gmcn leads assign 7 "Officer Diaz"
    """
    inbox.assign(node, number, person, actor())
    _done({"lead": number, "assigned_to": person}, as_json=as_json)


@leads.command()
@_number
@_text
@json_option
@pass_node
def note(node: Node, number: int, text: str, as_json: bool) -> None:
    """Add a note to a lead; nobody outside this member reads it.

    \b
    Example:
      gmcn leads note 7 "The caller sounds sure."
    """
    inbox.note(node, number, text, actor())
    _done({"lead": number}, as_json=as_json)


@leads.command()
@_number
@_text
@click.option("--days", type=click.IntRange(0, 3650), help="In how many days it should be done.")
@json_option
@pass_node
def task(node: Node, number: int, text: str, days: int | None, as_json: bool) -> None:
    """Add something that is to be done about a lead.

    \b
    Example:
      gmcn leads task 7 "Ask for the pictures of the harbour's cameras." --days 1
    """
    due = None if days is None else node.clock() + timedelta(days=days)
    done = inbox.add_task(node, number, text, due, actor())
    _done({"lead": number, "task": done}, f"Task {done}.", as_json=as_json)


@leads.command()
@click.argument("number", type=click.IntRange(1), metavar="TASK")
@json_option
@pass_node
def done(node: Node, number: int, as_json: bool) -> None:
    """Say that a task is done.

    \b
    Example:
      gmcn leads done 12
    """
    finished = inbox.finish_task(node, number, actor())
    _done({"lead": finished.lead_id, "task": number}, as_json=as_json)


@leads.command()
@_number
@click.argument("state", type=click.Choice(DECISIONS))
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stays with the lead.")
@json_option
@pass_node
def decide(node: Node, number: int, state: str, reason: str, as_json: bool) -> None:
    """Decide what a lead is worth. It can be decided anew; nothing is merged or thrown away by it.

    \b
    Example:
      gmcn leads decide 7 invalid --reason "It was another girl: her mother says so."
    """
    inbox.decide(node, number, state, reason, actor())
    _done({"lead": number, "state": state}, as_json=as_json)


@leads.command()
@_number
@click.argument("first", type=click.IntRange(1), metavar="OF")
@json_option
@pass_node
def duplicate(node: Node, number: int, first: int, as_json: bool) -> None:
    """Say that a lead says what another lead about the same case says.

    \b
    Example:
      gmcn leads duplicate 9 7
    """
    inbox.mark_duplicate(node, number, first, actor())
    _done({"lead": number, "duplicate_of": first}, as_json=as_json)


@leads.command()
@_number
@_case
@json_option
@pass_node
def link(node: Node, number: int, case_id: str, as_json: bool) -> None:
    """Let a lead be about another own case: it came for the wrong one.

    \b
    Example:
      gmcn leads link 7 police.fr.example/x2bd…
    """
    inbox.link(node, number, case_id, actor())
    _done({"lead": number, "case": case_id}, as_json=as_json)


@leads.command()
@_number
@_text
@click.option("--state", type=click.Choice(DECISIONS), default=None, help="Also say how the lead stands.")
@_picture
@json_option
@pass_node
def answer(
    node: Node, number: int, text: str, state: str | None, picture: Path | None, as_json: bool
) -> None:
    """Answer the member that sent a lead.

    What became of a child is not for an answer to say.

    \b
    Examples:
      gmcn leads answer 7 "Thank you; our colleagues are on their way." --state potential
      gmcn leads answer 8 "This is from last summer." --picture portrait.jpg
    """
    data = read_input(picture) if picture else b""
    member = inbox.answer(node, number, text, actor(), state=state or "", picture=data)
    _tell(number, member, mail.deliver(node, member), as_json=as_json)


def _print_lead(view: LeadView, alike: Sequence[int]) -> None:
    lead = view.lead
    say(f"case      {lead.case_id}")
    say(f"type      {lead.kind}")
    say(f"{'to' if lead.outgoing else 'from':<10}{_other_side(lead)}")
    if receipt := _receipt_of(lead):
        say(f"receipt   {receipt}")
    say(f"{'written' if lead.outgoing or not lead.member else 'came':<10}{shown(lead.at)} UTC")
    say(f"state     {lead.state}{f' of {lead.duplicate_of}' if lead.duplicate_of else ''}")
    if lead.assigned_to:
        say(f"with      {safe(lead.assigned_to)}")
    if view.delivery is not None:
        state, why = view.delivery
        say(f"delivery  {state}{': ' + safe(why) if why else ''}")
    print_table(
        ("field", "value"),
        [("text", safe(lead.text)), *((name, readable(value)) for name, value in lead.details.items())],
    )
    if view.pictures:
        which = ", ".join(f"entry {entry}" if entry else "the lead" for entry in view.pictures)
        say(f"pictures  {which}: --save FILE")
    if alike:
        say(f"alike     {', '.join(map(str, alike))}")
    if view.history:
        rows = [
            (item.id, item.at, item.by, item.kind, item.about, safe(item.text), _when(item))
            for item in view.history
        ]
        print_table(("entry", "at", "by", "what", "", "text", "until"), rows)


def _other_side(lead: Lead) -> str:
    if lead.origin == PUBLIC:
        return f"the public through {lead.member}"
    return lead.member or lead.by


def _receipt_of(lead: Lead) -> str:
    """Return the number that was given for what the public told; empty for everything else."""
    return (lead.token_id or "") if lead.origin == PUBLIC else ""


def _when(entry: Entry) -> str:
    if entry.done_at is not None:
        return "done"
    return shown(entry.due_at) if entry.due_at else ""


def _save(data: bytes, path: Path) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise Conflict(f"{path} is there already.", "Name another file.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None


def _tell(number: int, member: str, reason: str, *, as_json: bool) -> None:
    """Say that something was written, and whether the other member has it."""
    if as_json:
        print_json({"lead": number, "told": not reason, "reason": reason})
        return
    say(f"Lead {number}.")
    if member:
        tell_delivery(member, reason)


def _done(said: dict[str, Any], text: str = "Done.", *, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        say(text)


def _as_json(lead: Lead) -> dict[str, Any]:
    return {
        "lead": lead.id,
        "direction": "sent" if lead.outgoing else "received",
        "case": lead.case_id,
        "type": lead.kind,
        "origin": lead.origin,
        "member": lead.member or None,
        "receipt": _receipt_of(lead) or None,
        "at": lead.at,
        "by": lead.by or None,
        "state": lead.state,
        "assigned_to": lead.assigned_to or None,
        "duplicate_of": lead.duplicate_of,
        "says": {"text": lead.text, **lead.details},
    }


def _entry_as_json(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.id,
        "at": entry.at,
        "by": entry.by or None,
        "what": entry.kind,
        "about": entry.about or None,
        "text": entry.text,
        "due_at": entry.due_at,
        "done_at": entry.done_at,
    }
