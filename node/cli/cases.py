"""`gmcn case`: the register of own cases."""

from pathlib import Path
from typing import Any

import click

from node.cli import spreadsheets
from node.cli.base.arguments import STANDARD_INPUT, read_input, read_pairs
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import (
    json_option,
    print_json,
    print_record,
    print_table,
    remark,
    safe,
    say,
    shown,
    yes_option,
)
from node.cli.gate import print_preview
from node.cli.publishing import no_ring_option, ring, tidy
from node.domain.lifecycle import UNDO_WINDOW
from node.errors import InvalidInput
from node.runtime import Node
from node.services import messages
from node.services.disclosure import leaving, ledger, publishing
from node.services.moving import handover
from node.services.register import cases
from node.services.register.cases import CaseSource, CaseStanding, Holding
from node.services.search import finding
from node.store.register.cases import STATUSES
from node.store.register.handovers import Handover
from protocol.encoding import parse_json
from protocol.errors import Malformed

OUTCOMES = ("recovered_safe", "recovered_injured", "recovered_deceased", "reported_in_error", "other")
_MAX_VALUE = 1 << 20
_case_id = click.argument("case_id", metavar="CASE")


@click.group()
def case() -> None:
    """Add, change and look at the cases of this register.

    The register is this member's own and private. Nothing of a case leaves the house before `gmcn publish`,
    and then only what the disclosure policy lets out: `gmcn case preview` shows it field by field.

    \b
    Examples:
      gmcn case add case.json
      gmcn case list --status draft
    """


@case.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@json_option
@pass_node
def add(node: Node, file: Path, as_json: bool) -> None:
    """Add one case from a JSON file, or from standard input (-), as a draft.

    The file is described in docs/cases.md. Photographs are looked for beside it; they are decoded, stripped
    of everything but the picture, and kept in two sizes. When anything is wrong, every problem is named and
    nothing is stored.

    \b
    Examples:
      gmcn case add case.json
      gmcn case add - < case.json
    """
    record = cases.read_record(read_input(file))
    (added,) = cases.add_cases(node, [record], actor(), _folder(file))
    if as_json:
        print_json({"case": added.case_id, "status": added.status, "revision": added.revision})
        return
    say(added.case_id)
    remark("A draft. Next, look at what would leave the house, then publish it:")
    remark(f"  gmcn case preview {added.case_id}\n  gmcn publish {added.case_id}")


@case.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--mapping", help="For a spreadsheet: a mapping's file, or the name of one that was saved.")
@click.option("--suggest", is_flag=True, help="For a spreadsheet: write a mapping to complete.")
@click.option("--dry-run", is_flag=True, help="For a spreadsheet: say what would become of the rows.")
@click.option("--update", is_flag=True, help="For a spreadsheet: change cases that are here already.")
@click.option("--wrong", type=click.Path(path_type=Path), help="For a spreadsheet: where wrong rows go.")
@json_option
@pass_node
def import_(
    node: Node,
    files: tuple[Path, ...],
    mapping: str | None,
    suggest: bool,
    dry_run: bool,
    update: bool,
    wrong: Path | None,
    as_json: bool,
) -> None:
    """Add many cases as drafts, from JSON or from a spreadsheet.

    JSON: all of them, or none when one is wrong. A file holds an array, or one object a line, or a single
    object. Every problem in every file is named at once with its file, case and path.

    A spreadsheet, CSV or XLSX: with a --mapping that says which column is which field. Good rows become
    drafts, the others are told with their reasons. Begin with --suggest.

    \b
    Examples:
      gmcn case import cases.json
      gmcn case import north.jsonl south.jsonl
      gmcn case import cases.xlsx --suggest
      gmcn case import cases.xlsx --mapping mapping.json --wrong wrong.csv
    """
    if suggest or mapping is not None:
        if len(files) != 1:
            raise InvalidInput("A mapping is for one file.", "Import the spreadsheets one by one.")
        if mapping is None:
            spreadsheets.suggest_mapping(node, files[0])
            return
        spreadsheets.import_spreadsheet(
            node, files[0], mapping, update=update, dry_run=dry_run, wrong=wrong, as_json=as_json
        )
        return
    if dry_run or update or wrong is not None:
        raise InvalidInput("That is for a spreadsheet, which needs a mapping.", "Name one with --mapping.")
    _import_json(node, files, as_json=as_json)


def _import_json(node: Node, files: tuple[Path, ...], *, as_json: bool) -> None:
    sources, unreadable = list[CaseSource](), list[str]()
    for file in files:
        try:
            records = cases.read_records(read_input(file))
        except InvalidInput as error:
            unreadable += [f"{file}: {problem}" for problem in error.problems or [error.message]]
            continue
        for number, record in enumerate(records, 1):
            label = f"{file} case {number}" if len(records) > 1 else str(file)
            sources.append(CaseSource(record, _folder(file), label))
    if unreadable:
        raise InvalidInput(
            "Not every file can be read, and nothing was stored.", "See docs/cases.md.", unreadable
        )
    added = cases.import_cases(node, sources, actor())
    if as_json:
        print_json({"cases": [case.case_id for case in added]})
        return
    for case in added:
        say(case.case_id)
    remark(f"{len(added)} drafts. Look at some with `gmcn case preview`. Next:")
    remark("  gmcn publish --all-drafts")


@case.command("undo-import")
@click.argument("import_id", metavar="IMPORT")
@pass_node
def undo_import(node: Node, import_id: str) -> None:
    """Take back everything that `gmcn case import` made of a spreadsheet, within 3 days.

    Cases that it made are erased, cases that it changed are as before; once one of them was published, it
    cannot be taken back as one.

    \b
    Example:
      gmcn case undo-import 4f2a90c17b3e5d68
    """
    spreadsheets.undo_import(node, import_id)


@case.command()
@_case_id
@click.argument("fields", nargs=-1, metavar="[FIELD=JSON]...")
@click.option("--file", type=click.Path(path_type=Path, allow_dash=True), help="A JSON object of fields.")
@click.option(
    "--revision",
    type=int,
    help="The revision that the change was made from: refused if it is not the newest.",
)
@json_option
@pass_node
def change(
    node: Node, case_id: str, fields: tuple[str, ...], file: Path | None, revision: int | None, as_json: bool
) -> None:
    """Change fields of a case: whole fields, as JSON; null takes a field out.

    What is published stays as it is until the case is published again.

    \b
    Examples:
      gmcn case change CASE 'hair={"colour": "black", "length": "short"}' build=null
      gmcn case change CASE --file changes.json --revision 3
    """
    changes = cases.read_record(read_input(file)) if file else {}
    changes |= _read_fields(fields)
    if not changes:
        raise InvalidInput("There is nothing to change.", "Name fields as FIELD=JSON, or a --file.")
    changed = cases.change_case(node, case_id, changes, actor(), _folder(file or STANDARD_INPUT), revision)
    if as_json:
        print_json({"case": case_id, "status": changed.status, "revision": changed.revision})
        return
    say(f"Changed: revision {changed.revision}.")
    if changed.status == "published":
        say(f"Peers see it after:\n  gmcn publish {case_id}")


@case.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only those that stand so.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@click.option("--offset", type=click.IntRange(0), default=0, help="Skip so many.")
@json_option
@pass_node
def list_cases(node: Node, status: str | None, limit: int, offset: int, as_json: bool) -> None:
    """List own cases, the most recently changed first, and what is to be done about them.

    Names are not listed: find a child with `gmcn search`, open a case with `gmcn show`.

    \b
    Example:
      gmcn case list --status published
    """
    found = cases.standing_of(node, cases.list_cases(node, status, limit, offset))
    if as_json:
        print_json([_standing_as_json(item) for item in found])
        return
    rows = [
        (
            item.case.case_id,
            item.case.status,
            item.case.revision,
            item.case.updated_at,
            item.expires,
            item.notices[0].message if item.notices else "",
        )
        for item in found
    ]
    print_table(("case", "status", "revision", "changed", "live until", "to do"), rows)


@case.command()
@_case_id
@json_option
@pass_node
def show(node: Node, case_id: str, as_json: bool) -> None:
    """Show where an own case stands, its private record, and whom it is kept from.

    \b
    Example:
      gmcn case show police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
    """
    found = finding.open_case(node, case_id, actor())
    (standing,) = cases.standing_of(node, [cases.get_case(node, case_id)])
    excluded = cases.excluded_members(node, case_id)
    if as_json:
        ways = _ways(node, case_id)
        kept = {"kept_from": excluded, **ways, "record": found.parts["record"]}
        print_json({**_standing_as_json(standing), **kept})
        return
    say(f"case      {case_id}")
    say(f"status    {standing.case.status}, revision {standing.case.revision}")
    say(f"changed   {shown(standing.case.updated_at)} UTC")
    say(f"published {_versions(standing)}")
    say(f"kept from {shown(excluded)}")
    _print_ways(node, case_id)
    for notice in standing.notices:
        say(f"to do     {notice.message}")
    print_record(found.parts["record"])


@case.command()
@_case_id
@json_option
@pass_node
def preview(node: Node, case_id: str, as_json: bool) -> None:
    """Show field by field what peers would see of a case; nothing is published.

    `public` may be shown to everybody, `network` to members' staff, `police` to law-enforcement members. What
    is not listed stays in the house.

    \b
    Example:
      gmcn case preview police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
    """
    found = leaving.preview(node, case_id, actor())
    if as_json:
        print_json({"case": case_id, **found.parts, "kept_from": found.kept_from, "stays": found.stays})
    else:
        print_preview(found)


@case.command()
@_case_id
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@click.option("--none", "nobody", is_flag=True, help="Keep it from nobody any more.")
@json_option
@pass_node
def exclude(node: Node, case_id: str, members: tuple[str, ...], nobody: bool, as_json: bool) -> None:
    """Keep a case from members, in the place of those it was kept from before.

    They learn that there is a case, not what is in it; what they hold already they keep until they next pull
    a new version.

    \b
    Examples:
      gmcn case exclude CASE police.ke.example
      gmcn case exclude CASE --none
    """
    if bool(members) == nobody:
        raise InvalidInput("Name the members, or say --none.", "See `gmcn member list`.")
    cases.exclude_members(node, case_id, members, actor())
    if as_json:
        print_json({"case": case_id, "kept_from": sorted(set(members))})
    else:
        say(f"Kept from: {', '.join(sorted(set(members))) or 'nobody'}.")


@case.command()
@_case_id
@no_ring_option
@json_option
@pass_node
def withdraw(node: Node, case_id: str, no_ring: bool, as_json: bool) -> None:
    """Take a case out of the network; it stays in the register, and can be undone for 3 days.

    To peers it looks like every other erasure.

    \b
    Example:
      gmcn case withdraw police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
    """
    publishing.withdraw(node, case_id, actor())
    _leave(node, case_id, "Withdrawn", no_ring=no_ring, as_json=as_json)


@case.command()
@_case_id
@click.option(
    "--outcome", required=True, type=click.Choice(OUTCOMES), help="How it ended; never leaves the house."
)
@click.option("--date", "on", metavar="DATE", help="When it ended (EDTF), such as 2026-11-20.")
@no_ring_option
@json_option
@pass_node
def close(node: Node, case_id: str, outcome: str, on: str | None, no_ring: bool, as_json: bool) -> None:
    """Close a case: write down how it ended, and take it out of the network.

    Nobody outside learns the outcome: to peers it looks like every other erasure.

    \b
    Example:
      gmcn case close CASE --outcome recovered_safe --date 2026-11-20
    """
    changes = {"outcome": outcome, **({"outcome_date": on} if on else {})}
    publishing.withdraw(node, case_id, actor(), changes)
    _leave(node, case_id, "Closed", no_ring=no_ring, as_json=as_json)


@case.command()
@_case_id
@no_ring_option
@json_option
@pass_node
def undo(node: Node, case_id: str, no_ring: bool, as_json: bool) -> None:
    """Publish a withdrawn case again, within 3 days: under a new id, since an erased one never returns.

    Where `gate.required` is set, a case of which something else would leave than before becomes a draft.

    \b
    Example:
      gmcn case undo police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
    """
    again = publishing.undo_withdrawal(node, case_id, actor(), as_it_was=node.config.gate.required)
    rung = ring(node, no_ring=no_ring or not again.versions, quiet=as_json)
    if as_json:
        print_json(
            {"case": again.case_id, "versions": again.versions, "expires": again.expires, "rung": rung}
        )
        return
    say(again.case_id)
    if again.versions:
        remark(f"Published again under this new id, live until {again.expires}.")
    else:
        remark(f"A draft under this new id. Next: gmcn gate request {again.case_id}.")


@case.command("hand-over")
@_case_id
@click.option("--to", "member", required=True, help="The member whose case it is to be.")
@yes_option
@json_option
@pass_node
def hand_over(node: Node, case_id: str, member: str, yes: bool, as_json: bool) -> None:
    """Offer a case to another member, with its whole private record and its photographs, sealed.

    Until the member answers, the case stays here as it is and does not change. When it accepts, it publishes
    the case under an id of its own, and this node takes the old one out of the network as soon as it has seen
    the new one. `gmcn case show` tells how far it is.

    \b
    Example:
      gmcn case hand-over CASE --to police.de.example
    """
    record = cases.get_case(node, case_id).record
    if not yes:
        remark(f"{member} would get all {len(record)} fields of the record: {shown(sorted(record))}.")
        click.confirm("Hand it over?", abort=True, err=True)
    offered = handover.offer_case(node, case_id, member, actor())
    _tell_offer(node, offered, as_json=as_json)


@case.command()
@_case_id
@json_option
@pass_node
def keep(node: Node, case_id: str, as_json: bool) -> None:
    """Take back the offer of a case to another member.

    A member that accepts before it learns of this keeps the case, and this node lets it go all the same:
    there are not to be two owners. When a member has accepted and its case never appears, call its duty desk
    first: this ends the waiting, and the case stays here.

    \b
    Example:
      gmcn case keep police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
    """
    _tell_offer(node, handover.take_back(node, case_id, actor()), as_json=as_json)


@case.command()
@_case_id
@click.option("--signed", is_flag=True, help="The receipts of its erasure themselves, one a line.")
@json_option
@pass_node
def receipts(node: Node, case_id: str, signed: bool, as_json: bool) -> None:
    """Show which member holds which version of a case, and who has erased it, by their receipts.

    `newest` is the version that this node has published last, `confirmed` the one that the member has signed
    a receipt for. The version after the last is the erasure. Times are the member's. A signed receipt is a
    JWT that anybody can check with the network's roster.

    \b
    Examples:
      gmcn case receipts police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3
      gmcn case receipts police.fr.example/k3ta7qmxk3ta7qmxk3ta7qmxk3 --signed > erased.txt
    """
    if signed:
        tokens = ledger.list_statements(node, case_id)
        if as_json:
            print_json(tokens)
        elif tokens:
            say("\n".join(tokens))
        else:
            remark("No member has signed a receipt of its erasure yet.")
        return
    found = cases.holdings(node, case_id)
    if as_json:
        print_json(found)
        return
    if not found:
        say("No member was ever given this case: there is nothing to confirm.")
        return
    rows = [
        (
            item.member,
            item.audience,
            _version(item.published, erasure=item.erased),
            _confirmed(item),
            item.held_at,
            item.hidden_at,
            "nothing was held" if item.nothing_held else shown(item.purged_at),
        )
        for item in found
    ]
    columns = ("member", "feed", "newest", "confirmed", "held since", "hidden at", "purged at")
    print_table(columns, rows)


def _version(number: int, *, erasure: bool) -> str:
    return f"erasure (version {number})" if erasure else f"version {number}"


def _confirmed(item: Holding) -> str:
    if item.version is None:
        return "nothing yet"
    return _version(item.version, erasure=item.erased and item.version == item.published)


def _tell_offer(node: Node, offered: Handover, *, as_json: bool) -> None:
    """Send what was decided, and say how that went."""
    reason = messages.deliver(node, offered.member)
    if as_json:
        told = {"told": not reason, "reason": reason}
        print_json({"case": offered.case_id, "member": offered.member, "state": offered.state, **told})
        return
    say(f"{offered.state.capitalize()}: {offered.case_id}")
    if reason:
        remark(f"{offered.member} does not have it yet; see `gmcn messages list`: {safe(reason)}")
    else:
        remark(f"{offered.member} has been told.")


def _ways(node: Node, case_id: str) -> dict[str, Any]:
    """Tell where a case came from and where it goes."""
    came, going = handover.way_of(node, case_id)
    return {
        "came_from": came and {"member": came.member, "case": came.other_case, "at": came.at},
        "goes_to": going
        and {
            "member": going.member,
            "state": going.state,
            "case": going.other_case or None,
            "reason": going.reason,
            "at": going.at,
        },
    }


def _print_ways(node: Node, case_id: str) -> None:
    came, going = handover.way_of(node, case_id)
    if came is not None:
        say(f"came from {came.other_case}")
    if going is not None:
        what = f"{going.state} by {going.member}" if going.answered_at else f"{going.state} to {going.member}"
        say(f"goes to   {what}{', as ' + going.other_case if going.other_case else ''}")
        if going.reason:
            say(f"          {safe(going.reason)}")


def _leave(node: Node, case_id: str, done: str, *, no_ring: bool, as_json: bool) -> None:
    tidy(node)
    rung = ring(node, no_ring=no_ring, quiet=as_json)
    if as_json:
        print_json({"case": case_id, "status": "withdrawn", "rung": rung})
        return
    say(f"{done}. Within {UNDO_WINDOW.days} days it can be undone:\n  gmcn case undo {case_id}")
    say(f"Who has deleted it by now:\n  gmcn case receipts {case_id}")


def _read_fields(fields: tuple[str, ...]) -> dict[str, Any]:
    values, problems = dict[str, Any](), list[str]()
    for name, text in read_pairs(fields, "field").items():
        try:
            values[name] = parse_json(text.encode(), name, _MAX_VALUE)
        except Malformed:
            problems.append(f"{name}: is no JSON; a text stands in quotes: {name}='\"…\"'")
    if problems:
        raise InvalidInput("The changes cannot be read, and nothing was changed.", "Mend them.", problems)
    return values


def _folder(file: Path) -> Path:
    return Path() if file == STANDARD_INPUT else file.parent


def _versions(item: CaseStanding) -> str:
    texts = [f"{audience} version {version}" for audience, version in sorted(item.versions.items())]
    return ", ".join(texts) + (f", live until {item.expires}" if item.expires else "") if texts else "never"


def _standing_as_json(item: CaseStanding) -> dict[str, Any]:
    return {
        "case": item.case.case_id,
        "status": item.case.status,
        "revision": item.case.revision,
        "created_at": item.case.created_at,
        "updated_at": item.case.updated_at,
        "versions": item.versions,
        "expires": item.expires,
        "to_do": item.notices,
    }
