"""`gmcn search` and `gmcn show`: finding and opening cases, own and foreign, on this node's own disk."""

import re
import sys
from typing import Any

import click

from node.cli.base.opening import actor, pass_node
from node.cli.base.output import SEXES, json_option, print_json, print_record, print_table, remark, say, shown
from node.errors import InvalidInput
from node.runtime import Node
from node.services.search import finding
from node.services.search.finding import Found
from node.store.search.query import Query

_CATEGORIES = (
    "runaway", "family_abduction", "nonfamily_abduction", "lost_injured_otherwise", "unaccompanied_migrant",
    "thrown_out", "catastrophe", "unidentified_found", "unknown",
)  # fmt: skip
_AGES = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", re.ASCII)
_UNITS = {"year": "y", "month": "m"}
_NAMES_SHOWN = 3
_OPEN_ONE = " Open one:\n  gmcn show CASE --purpose TEXT"


@click.command()
@click.argument("name", required=False)
@click.option("--country", metavar="CODE", help="Of the member that owns the case (ISO 3166-1).")
@click.option("--seen-in", metavar="CODE", help="Country where the child was last seen (ISO 3166-1).")
@click.option("--sex", type=click.Choice(list(SEXES)), help="Of the child.")
@click.option("--missing-within", type=int, metavar="YEARS", help="Disappeared at most so many years ago.")
@click.option("--age", metavar="YEARS", help="Age at disappearance: 8 or 8-12.")
@click.option("--age-now", metavar="YEARS", help="Age today: 8 or 8-12.")
@click.option("--category", type=click.Choice(_CATEGORIES), help="Why the child is missing.")
@click.option("--status", metavar="STATUS", help="Of own cases: draft, published or withdrawn.")
@click.option("--text", metavar="WORDS", help="Words of place, circumstances, marks and clothing.")
@click.option("--place", metavar="WORDS", help="Words of the place alone.")
@click.option("--near", metavar="LAT,LON,KM", help="Last seen within so many kilometres of a point.")
@click.option("--owner", metavar="MEMBER", help="The member that owns the case.")
@click.option("--source", type=click.Choice(["own", "replica"]), help="This register, or others' cases.")
@click.option("--with-photo", is_flag=True, help="Only cases with a photograph.")
@click.option("--limit", type=int, default=20, show_default=True, help="At most so many.")
@click.option("--offset", type=int, default=0, help="Skip so many.")
@json_option
@pass_node
def search(
    node: Node,
    /,
    name: str | None,
    age: str | None,
    age_now: str | None,
    sex: str | None,
    near: str | None,
    with_photo: bool,
    as_json: bool,
    **conditions: Any,
) -> None:
    """Find cases: own ones, and everything that was pulled from peers, together.

    NAME is found in whatever script it is typed and however it was transliterated; a dash reads it from
    standard input, so that it stands in no list of processes. Conditions narrow the result; a case that does
    not state a field is not found by a condition on it. The journal keeps which conditions a search had, with
    keyed hashes of what was looked for, and no more.

    \b
    Examples:
      gmcn search "Mariam Elkhatib" --missing-within 2
      gmcn search --country UA --sex male --age 14-16 --text "jacket station"
      gmcn search --near 50.06,19.94,30 --json
    """
    if age and age_now:
        raise InvalidInput("Ask for --age or for --age-now, not for both.", "Leave one of them out.")
    age_min, age_max = _read_ages(age or age_now)
    query = Query(
        today=node.now().date(),
        name=sys.stdin.readline().strip() if name == "-" else name,
        near=_read_near(near),
        sex=SEXES[sex] if sex else None,
        age_min=age_min,
        age_max=age_max,
        age_when="now" if age_now else "disappearance",
        has_photo=True if with_photo else None,
        missing_within_years=conditions.pop("missing_within"),
        **conditions,
    )
    found, total = finding.find(node, query, actor())
    if as_json:
        print_json({"total": total, "cases": found})
        return
    rows = [
        (
            _names(item),
            f"{item.score:.2f}",
            _sex(item),
            _age(item),
            item.public.get("missing_since"),
            _place(item),
            item.owner,
            item.status,
            item.case_id,
        )
        for item in found
    ]
    columns = ("name", "match", "sex", "age", "missing since", "last seen", "owner", "status", "case")
    if found:
        print_table(columns, rows)
    _mark_exercise(node)
    remark(f"{len(found)} of {total} found.{_OPEN_ONE if found else ''}")


@click.command()
@click.argument("case_id", metavar="CASE")
@click.option(
    "--purpose", default="", metavar="TEXT", help="What it is read for, without names; it is logged."
)
@json_option
@pass_node
def show(node: Node, case_id: str, purpose: str, as_json: bool) -> None:
    """Open one case, own or foreign.

    Of a foreign case the public part is shown; the network and police parts open for a purpose, which is
    written into the journal first.

    \b
    Example:
      gmcn show police.ua.example/k3ta7qmxk3ta7qmxk3ta7qmxk3 --purpose "border check, report 4711"
    """
    opened = finding.open_case(node, case_id, actor(), purpose)
    if as_json:
        print_json(opened)
        return
    say(f"case     {opened.case_id}")
    say(f"owner    {opened.owner}{'' if opened.source == 'replica' else ' (own)'}")
    say(f"status   {opened.status}, version {shown(opened.version)}, live until {shown(opened.expires)}")
    if opened.source == "replica":
        say(f"fresh    its owner was last reached {shown(opened.reached_at)} UTC")
    for name, part in opened.parts.items():
        say(f"\n{name}")
        print_record({field: value for field, value in part.items() if field != "salt"})
    if opened.photographs:
        rows = [
            (item.sha256, item.rendition, item.media_type, item.size, item.state)
            for item in opened.photographs
        ]
        print_table(("photograph", "rendition", "type", "bytes", "state"), rows)
    _mark_exercise(node)
    if opened.withheld:
        remark(f"Closed without a purpose: {', '.join(opened.withheld)}. Open them with --purpose.")


def _mark_exercise(node: Node) -> None:
    """Say where the network is an exercise, so that nobody goes looking for an invented child."""
    if node.network().policy.exercise:
        say("EXERCISE: nobody in this network is a real child.")


def _read_ages(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    match = _AGES.fullmatch(text)
    if match is None:
        raise InvalidInput("An age is a number of years, or two with a dash.", "Such as 8 or 8-12.")
    return int(match[1]), int(match[2] or match[1])


def _read_near(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        lat, lon, kilometres = map(float, text.split(","))
    except ValueError:
        raise InvalidInput("A place is LAT,LON,KM.", "Such as 50.06,19.94,30 with decimal points.") from None
    return lat, lon, kilometres * 1000


def _names(item: Found) -> str:
    return " / ".join(name["full"] for name in item.public.get("names", ())[:_NAMES_SHOWN])


def _sex(item: Found) -> str:
    return next((word for word, code in SEXES.items() if code == item.public.get("sex")), "")


def _age(item: Found) -> str:
    age = item.public.get("age_at_disappearance")
    if not age:
        return ""
    span = f"{age['min']}" if age["min"] == age["max"] else f"{age['min']}-{age['max']}"
    return f"{span} {_UNITS[age['unit']]}"


def _place(item: Found) -> str:
    seen = item.public.get("last_seen", {})
    words = seen.get("place", {})
    text = next((entry["text"] for entry in words.values() if entry["origin"] == "original"), "")
    return ", ".join(part for part in (text, seen.get("country", "")) if part)
