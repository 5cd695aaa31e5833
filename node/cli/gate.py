"""`gmcn gate`: asking for a publication, and deciding on what others ask for."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from node.cli.base.arguments import read_input, read_pairs
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import (
    json_option,
    print_json,
    print_table,
    readable,
    readable_field,
    remark,
    safe,
    say,
    shown,
    utc_time,
)
from node.cli.publishing import no_ring_option, published_as_json, ring, say_published, tidy
from node.domain.gate import QUESTIONS
from node.errors import InvalidInput
from node.runtime import Node
from node.services.disclosure import gate as service
from node.services.disclosure.gate import RequestView
from node.services.disclosure.leaving import Preview
from node.services.disclosure.publishing import Published
from node.services.register import cases
from node.store.register.gate import OPEN, STATES, GateRequest

_number = click.argument("number", type=click.IntRange(1), metavar="NUMBER")
_reason = click.option("--reason", required=True, metavar="TEXT", help="Why, without names; it is kept.")


@click.group()
def gate() -> None:
    """Ask for a publication, approve or refuse one: nothing leaves before a second person has seen it.

    Whoever asks never approves, nor whoever wrote any of it. A request ends as soon as the record, or what
    would leave of it, is another. In an emergency `override` publishes at once; somebody else reviews that
    within 24 hours.

    \b
    Examples:
      gmcn gate questions CASE
      gmcn gate request CASE publicity=no privacy=clean wording=neutral closing=on_return
      gmcn gate list
      gmcn gate show 7
      gmcn gate approve 7
    """


@gate.command()
@click.argument("case_id", metavar="CASE")
@json_option
@pass_node
def questions(node: Node, case_id: str, as_json: bool) -> None:
    """Show what has to be answered before a case is published, and what its record answers already.

    \b
    Example:
      gmcn gate questions police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
    """
    needed, suggested = service.suggest(node, case_id)
    if as_json:
        asked = [{"name": q.name, "form": q.form, "text": q.text, "allowed": q.allowed} for q in needed]
        print_json({"case": case_id, "questions": asked, "suggested": suggested})
        return
    for question in needed:
        say(f"{question.name}: {question.text}")
        for name, meaning in question.allowed.items():
            say(f"  {name}: {meaning}")
        if question.form == "countries":
            say("  all, or country codes such as FR,BE")
        if question.name in suggested:
            say(f"  the record says: {shown(suggested[question.name])}")


@gate.command()
@click.argument("case_id", metavar="CASE")
@click.argument("answers", nargs=-1, metavar="[QUESTION=ANSWER]...")
@click.option("--file", type=click.Path(path_type=Path, allow_dash=True), help="A JSON object of answers.")
@json_option
@pass_node
def request(node: Node, case_id: str, answers: tuple[str, ...], file: Path | None, as_json: bool) -> None:
    """Ask for a case to be published as it is now.

    What the record answers already need not be said again. Several values are separated by commas. Answers
    that refuse are named, and nobody is asked.

    \b
    Examples:
      gmcn gate request CASE publicity=no privacy=clean wording=neutral closing=on_return
      gmcn gate request CASE --file answers.json
    """
    given = cases.read_record(read_input(file)) if file else {}
    given |= _read_answers(answers)
    chosen = {**service.suggest(node, case_id)[1], **given}
    if chosen.get("publicity") == "yes" and "channels" not in given:
        del chosen["channels"]
    asked = service.request(node, case_id, chosen, actor())
    if as_json:
        print_json(_as_json(asked))
        return
    say(f"Request {asked.id}. Nothing has left the house.")
    say(f"Somebody else looks at it and decides: gmcn gate show {asked.id}")


@gate.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that were decided, too.")
@click.option("--case", "case_id", metavar="CASE", help="About this case alone.")
@json_option
@pass_node
def list_requests(node: Node, everything: bool, case_id: str | None, as_json: bool) -> None:
    """List the requests that wait for a decision, the newest first.

    \b
    Examples:
      gmcn gate list
      gmcn gate list --all --case police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
    """
    found = service.list_requests(node, STATES if everything else (OPEN,), case_id)
    if as_json:
        print_json([_as_json(item) for item in found])
        return
    if not found:
        say("Nothing waits for a decision." if not everything else "There is no request.")
        return
    rows = [
        (item.id, item.case_id, item.author, item.asked_at, item.state, item.decided_by, item.version)
        for item in found
    ]
    print_table(("number", "case", "asked by", "at", "state", "decided by", "version"), rows)


@gate.command()
@_number
@json_option
@pass_node
def show(node: Node, number: int, as_json: bool) -> None:
    """Show a request: its answers, and field by field what would leave and what of that is new to peers.

    \b
    Example:
      gmcn gate show 7
    """
    view = service.open_request(node, number, actor())
    if as_json:
        print_json(_view_as_json(view))
        return
    found = view.request
    say(f"request   {found.id}, {found.state}")
    say(f"case      {found.case_id}, revision {found.revision}")
    say(f"asked     {utc_time(found.asked_at)} by {safe(found.author)}")
    if found.decided_at:
        by = f"{utc_time(found.decided_at)} by {safe(found.decided_by)}"
        say(f"decided   {by}: {safe(found.reason)}" if found.reason else f"decided   {by}")
    _say_review(found)
    for question in QUESTIONS:
        if question.name in found.answers:
            say(f"{question.name:<9} {safe(readable(found.answers[question.name]))}")
    for finding in view.findings:
        say(f"{'refuses' if finding.refuses else 'weigh':<9} {finding.message}")
    if view.preview is not None:
        print_preview(view.preview)
        if not view.as_asked:
            remark("What would leave is not what was asked for: a new request is needed.")


@gate.command()
@_number
@no_ring_option
@json_option
@pass_node
def approve(node: Node, number: int, no_ring: bool, as_json: bool) -> None:
    """Approve a request, which publishes the case. Whoever asked for it, or wrote any of it, may not.

    \b
    Example:
      gmcn gate approve 7
    """
    _tell_published(node, service.approve(node, number, actor()), no_ring=no_ring, as_json=as_json)


@gate.command()
@_number
@_reason
@json_option
@pass_node
def refuse(node: Node, number: int, reason: str, as_json: bool) -> None:
    """Refuse a request, and say why.

    \b
    Example:
      gmcn gate refuse 7 --reason "the photograph shows another child"
    """
    service.refuse(node, number, reason, actor())
    _tell(number, "refused", as_json=as_json)


@gate.command()
@_number
@json_option
@pass_node
def take_back(node: Node, number: int, as_json: bool) -> None:
    """Take a request back before it is decided.

    \b
    Example:
      gmcn gate take-back 7
    """
    service.take_back(node, number, actor())
    _tell(number, "taken back", as_json=as_json)


@gate.command()
@_number
@_reason
@no_ring_option
@json_option
@pass_node
def override(node: Node, number: int, reason: str, no_ring: bool, as_json: bool) -> None:
    """Publish in an emergency what nobody has approved; somebody else reviews it within 24 hours.

    \b
    Example:
      gmcn gate override 7 --reason "seen at the border an hour ago"
    """
    published = service.override(node, number, reason, actor())
    _tell_published(node, published, no_ring=no_ring, as_json=as_json)
    remark(f"Somebody else reviews it within 24 hours: gmcn gate review {number}")


@gate.command()
@_number
@click.option(
    "--verdict",
    required=True,
    type=click.Choice(["upheld", "withdraw"]),
    help="It was right; or it was not, and the case is withdrawn.",
)
@_reason
@no_ring_option
@json_option
@pass_node
def review(node: Node, number: int, verdict: str, reason: str, no_ring: bool, as_json: bool) -> None:
    """Settle what was published without an approval. Whoever wrote, asked for or published it may not.

    What was wrong is withdrawn, unless something was approved and published since.

    \b
    Examples:
      gmcn gate review 7 --verdict upheld --reason "the danger was real"
      gmcn gate review 7 --verdict withdraw --reason "the family was not asked"
    """
    upheld = verdict == "upheld"
    withdrawn = service.review(node, number, reason, actor(), upheld=upheld)
    rung = []
    if withdrawn:
        tidy(node)
        rung = ring(node, no_ring=no_ring, quiet=as_json)
    if as_json:
        print_json({"request": number, "upheld": upheld, "withdrawn": withdrawn, "rung": rung})
    else:
        say("Reviewed; the case is withdrawn." if withdrawn else "Reviewed.")


def _read_answers(texts: Iterable[str]) -> dict[str, Any]:
    """Read `QUESTION=ANSWER` arguments, lists with commas."""
    lists = {question.name for question in QUESTIONS if question.form in ("several", "countries")}
    found: dict[str, Any] = dict(read_pairs(texts, "answer"))
    for name in lists & found.keys():
        if found[name] != "all":
            found[name] = [item.strip() for item in found[name].split(",") if item.strip()]
    if unknown := sorted(found.keys() - {question.name for question in QUESTIONS}):
        raise InvalidInput("There is no such question.", "See `gmcn gate questions CASE`.", unknown)
    return found


def _tell(number: int, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"request": number, "state": what})
    else:
        say(f"Request {number} is {what}.")


def _tell_published(node: Node, published: Published, *, no_ring: bool, as_json: bool) -> None:
    rung = ring(node, no_ring=no_ring, quiet=as_json)
    if as_json:
        print_json({**published_as_json(published), "rung": rung})
    else:
        say_published(published)


def _say_review(found: GateRequest) -> None:
    if found.review_due is not None and found.reviewed_at is None:
        say(f"review    due {utc_time(found.review_due)}")
    elif found.reviewed_at is not None:
        verdict = "upheld" if found.upheld else "not upheld"
        by = f"{utc_time(found.reviewed_at)} by {safe(found.reviewed_by)}"
        say(f"review    {verdict}, {by}: {safe(found.review_reason)}")


def print_preview(preview: Preview) -> None:
    """Show part by part what would leave of a case, beside what peers have of it."""
    parts = dict.fromkeys(change.part for change in preview.fields)
    for part in parts:
        rows = [
            (
                change.field,
                change.change,
                readable_field(change.field, change.after) if change.after is not None else "-",
                readable_field(change.field, change.before)
                if change.change in ("changed", "removed")
                else "",
            )
            for change in preview.fields
            if change.part == part
        ]
        print_table((f"{part}: field", "", "as it would be seen", "as peers have it"), rows)
    say(f"kept from {shown(list(preview.kept_from))}")
    say(f"stays     {shown(list(preview.stays))}")


def _as_json(found: GateRequest) -> dict[str, Any]:
    return {"request": found.id, **{name: getattr(found, name) for name in found.__slots__ if name != "id"}}


def _view_as_json(view: RequestView) -> dict[str, Any]:
    preview = view.preview
    return {
        **_as_json(view.request),
        "as_asked": view.as_asked,
        "fields": list(preview.fields) if preview else [],
        "kept_from": list(preview.kept_from) if preview else [],
        "stays": list(preview.stays) if preview else [],
        "findings": [
            {
                "question": found.question,
                "refuses": found.refuses,
                "name": found.name,
                "message": found.message,
                "about": list(found.about),
            }
            for found in view.findings
        ],
    }
