"""`gmcn verify`: checking what a member's site gives as a proof, on any machine, without asking anybody."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from node.adapters.trust import TrustStore
from node.cli import Invocation
from node.cli.base.arguments import read_input
from node.cli.base.failures import CONFLICT, NOT_ALLOWED, PROTOCOL
from node.cli.base.output import json_option, print_json, remark, safe, say, utc_time
from node.config import load_config
from node.domain.site.look import say_in
from node.errors import InvalidInput
from node.runtime import system_clock
from node.services.site.checking import (
    Checked,
    CheckedDocument,
    check_document,
    check_proof,
    is_of_document,
)
from protocol.errors import ProtocolError
from protocol.member import Member
from protocol.note import VerifierKey
from protocol.roster import Roster, parse_roster

_KINDS = {"law_enforcement": "law enforcement", "ngo": "NGO"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--photo",
    "photos",
    metavar="JPG",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A photograph that is said to be of the case; may be given several times.",
)
@click.option(
    "--document",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The document that a statement of a library is said to be about.",
)
@click.option(
    "--against",
    metavar="WHOM",
    help="Who is believed: a node's folder, a roster.json, or a feed's key. Else the folder in --home.",
)
@click.option(
    "--leaf",
    "leaf_file",
    type=click.Path(path_type=Path),
    help="The entry that a tlog-proof is about, where the proof does not carry it.",
)
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    file: Path,
    photos: tuple[Path, ...],
    document: Path | None,
    against: str | None,
    leaf_file: Path | None,
    as_json: bool,
) -> None:
    """Check a proof that a member's site gives, without asking anybody: a proof file, a tlog-proof, or a
    statement (JWT) about a case or about a document of its library. A dash reads it from standard input.

    It says who signed, which case, until when that is current, and who has cosigned; of a document its title,
    licence and day of review. Photographs and documents must be the very files of the site: one that was
    saved again by another program is another file.

    A roster.json is believed as it is: take it from a member that you trust. A feed's key tells nothing about
    how long something is current.

    Ends with 0 when all of it is so and can be relied on; 4 or 5 when it was signed and the member does not
    stand, or it has run out; 7 when something was not signed, or a photograph or document is another one.

    \b
    Examples:
      gmcn verify k3ta7qmxk3ta7qmxk3ta7qmxk3.json
      gmcn verify proof.json --photo photograph.jpg --against roster.json
      gmcn verify leaflet.jws --document leaflet.pdf --against roster.json
      gmcn verify entry.tlog-proof --against "police.fr.example/network+07726a50+ARQ9…"
    """
    invocation = ctx.find_object(Invocation)
    assert invocation is not None
    data, now = read_input(file), system_clock()
    if is_of_document(data):
        if photos:
            raise InvalidInput("A library's statement names no photographs.", "Leave out --photo.")
        ctx.exit(_verify_document(data, document, _read_trust(against, invocation.home), now, as_json))
    if document:
        raise InvalidInput("This is a proof of a case, and about no document.", "Leave out --document.")
    leaf = read_input(leaf_file) if leaf_file else None
    checked = check_proof(data, _read_trust(against, invocation.home), now, leaf)
    shown = {str(photo): _shows(checked, photo) for photo in photos}
    if as_json:
        print_json(_as_json(checked, shown))
    else:
        _say(checked, shown)
    ctx.exit(_code(checked, all(shown.values())))


def _verify_document(
    data: bytes, document: Path | None, trust: Roster | VerifierKey, now: datetime, as_json: bool
) -> int:
    """Check what a member has said of a document of its library. Returns how the command ends."""
    checked = check_document(data, trust, now)
    same = checked.is_about(read_input(document)) if document else None
    code = _code(checked, same is not False)
    if as_json:
        print_json(_document_as_json(checked, same))
    else:
        _say_document(checked, same, now, code)
    return code


def _shows(checked: Checked, photo: Path) -> bool:
    if checked.photographs is None:
        raise InvalidInput(
            f"A {checked.kind} names no photographs.", "Give the proof file, as the site gives it."
        )
    return checked.shows(read_input(photo))


def _read_trust(against: str | None, home: Path) -> Roster | VerifierKey:
    """Read who is to be believed."""
    if against is not None and "+" in against and not Path(against).exists():
        try:
            return VerifierKey.parse(against)
        except ProtocolError as error:
            raise InvalidInput(f"--against: {error}.", "Copy the key whole, as its owner gives it.") from None
    if against is None and not (home / "node.toml").exists():
        raise InvalidInput(
            "There is no node here whose list of members could be believed.",
            "Say --against roster.json, with a list that somebody has given you whom you trust.",
        )
    path = home if against is None else Path(against)
    if path.is_dir() or against is None:
        load_config(path)  # says it better than the trust store when there is no node
        trusted = TrustStore(path / "trust").current()
        if trusted.expires_at <= system_clock():
            remark(
                f"The list of members ran out on {trusted.expires_at:%Y-%m-%d}: keys may have been replaced."
            )
        return trusted.roster
    return parse_roster(read_input(path))


def _code(checked: Checked | CheckedDocument, files_are_same: bool) -> int:
    if not files_are_same:
        return PROTOCOL
    if not checked.stands:
        return NOT_ALLOWED
    return CONFLICT if checked.problem else 0


def _say(checked: Checked, shown: Mapping[str, bool]) -> None:
    say(f"signed by  {_owner(checked.owner, checked.entry)}")
    say(f"case       {checked.case_id}")
    say(f"version    {checked.version}, of {utc_time(checked.at)}")
    if checked.until is not None:
        say(f"current    until {utc_time(checked.until)}")
    elif not checked.problem:
        say("current    not told: that takes a proof file or a statement, and a roster")
    if checked.expires is not None:
        say(f"last day   {checked.expires}")
    if checked.witnesses is not None:
        names = ", ".join(checked.witnesses) or "nobody"
        say(f"cosigned   by {len(checked.witnesses)} other members: {names}")
    for name, found in shown.items():
        say(f"photo      {safe(name)}: {'one of this case' if found else 'NOT one of this case'}")
    _conclude(checked.problem, _code(checked, all(shown.values())))


def _say_document(checked: CheckedDocument, same: bool | None, now: datetime, code: int) -> None:
    said = checked.resource
    due = " (past: it may be out of date)" if said.review <= now.date() else ""
    told = {None: "not compared: name its file with --document", True: "this one", False: "ANOTHER one"}
    say(f"signed by  {_owner(checked.owner, checked.entry)}")
    say(f"title      {safe(said.title)}")
    say(f"language   {safe(said.language)}")
    say(f"licence    {safe(said.licence)}")
    say(f"signed     {utc_time(checked.at)}")
    say(f"review     {said.review}{due}")
    say(f"document   {told[same]}")
    _conclude(checked.problem, code)


def _conclude(problem: str, code: int) -> None:
    if problem:
        say(f"problem    {safe(problem)}")
    say("All is well." if code == 0 else "Do not rely on it.")


def _owner(member: str, entry: Member | None) -> str:
    if entry is None:
        return f"the holder of the key of {member}"
    name = safe(say_in(entry.names, "en")[0])
    return f"{name} ({member}, {_KINDS[entry.kind]}, {entry.country})"


def _as_json(checked: Checked, shown: Mapping[str, bool]) -> dict[str, Any]:
    return {
        "kind": checked.kind,
        "member": checked.owner,
        "case": checked.case_id,
        "version": checked.version,
        "digest": checked.digest.hex(),
        "at": checked.at,
        "current_until": checked.until,
        "last_day": checked.expires,
        "witnesses": checked.witnesses,
        "photographs": shown,
        "stands": checked.stands,
        "problem": checked.problem,
    }


def _document_as_json(checked: CheckedDocument, same: bool | None) -> dict[str, Any]:
    said = checked.resource
    return {
        "kind": "document",
        "member": checked.owner,
        "sha256": said.digest.hex(),
        "media_type": said.media_type,
        "title": said.title,
        "language": said.language,
        "licence": said.licence,
        "topic": said.topic,
        "at": checked.at,
        "review": said.review,
        "document": same,
        "stands": checked.stands,
        "problem": checked.problem,
    }
