"""Copies of the journal for those who check it elsewhere: JSON lines, the first with the signed head.

    {"journal":"1","member":"police.fr.example","after":0,"hash":"00…","head":"eyJ…"}
    {"entry":{"number":1,"at":"2026-11-21T12:00:00.000Z",…},"hash":"5f…"}

The hash of a line is SHA-256 over `gmcn/journal/1`, a newline, the 32 bytes of the hash before, and the bytes
of `entry` as they stand there.

Guarantees: an export is in the journal before a line of it is written, and in the copy itself; memory does
not grow with it; what is checked was signed by the member that it names, whole and in order, or the problems
are told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO

from sqlalchemy import Connection

from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.audit.chain import MAX_HEAD, Chain, Head, sign_head, verify_head
from node.services.progress import Progress, no_progress
from node.store.database import reading, writing
from node.store.journal import JournalEntry, Line, find_hash, last_entry, read_lines, write_journal
from protocol.encoding import format_json, parse_hash, parse_object
from protocol.errors import Malformed, ProtocolError
from protocol.fields import Fields

_FORM = "1"
_MAX_LINE = 1 << 20
_ROUND = 100
_LINE = re.compile(rb'\{"entry":(\{"number":([0-9]{1,18}),.*\}),"hash":"([0-9a-f]{64})"\}\n', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that was written.

    Attributes:
        after, last: the numbers of the entry before the first, and of the last.
        problem: why the journal could not be signed as it is; empty when it was.
    """

    after: int
    last: int
    problem: str


@dataclass
class Checked:
    """What an export turned out to be.

    Attributes:
        signed_at: when its head was signed; None where that is not proved.
        problems: what is wrong with it.
    """

    member: str
    after: int
    last: int
    signed_at: datetime | None
    problems: list[str] = field(default_factory=list)


def export_journal(
    node: Node, target: IO[bytes], actor: str, after: int = 0, progress: Progress = no_progress
) -> Exported:
    """Write the journal from the entry behind `after` on.

    Raises:
        NotFound: there is no entry of that number.
    """
    done, lines = begin_export(node, actor, after)
    for count, line in enumerate(lines):
        target.write(line)
        progress("journal entries", count, done.last - after)
    return done


def begin_export(node: Node, actor: str, after: int = 0) -> tuple[Exported, Iterator[bytes]]:
    """Note that the journal is exported from the entry behind `after` on, and sign it.

    A journal that does not go on from the head that was signed last is given as it is, and not signed.

    Returns:
        What is exported, and its lines: whoever takes them slowly holds up nothing.

    Raises:
        NotFound: there is no entry of that number.
    """
    with writing(node.engine) as conn:
        before = find_hash(conn, after)
        if before is None:
            raise NotFound(
                "There is no entry %(number)s.", "See `gmcn audit list` for the newest.", number=after
            )
        write_journal(conn, JournalEntry(node.clock(), actor, "audit.export", fields=[f"after {after}"]))
        last, _ = last_entry(conn)
    head, problem = _signed(node)
    if head is not None:
        last = head.number  # what was added meanwhile is covered by it, too
    opening = {"journal": _FORM, "member": node.member, "after": after, "hash": before.hex()}
    signed = {"head": head.token} if head else {}
    first = format_json({**opening, **signed}) + b"\n"
    return Exported(after, last, problem), _format_lines(node, first, after, last)


def check_export(node: Node, file: IO[bytes], progress: Progress = no_progress) -> Checked:
    """Check an export of any member's journal: its hashes, its head by the roster that this node has, and,
    where it is this node's own, whether the journal here still goes through it.

    Raises:
        InvalidInput: it is no export.
    """
    first = file.readline(_MAX_LINE)
    try:
        opening = Fields(parse_object(first.rstrip(b"\n"), "export", _MAX_LINE), "export")
        opening.choice("journal", (_FORM,))
        member, after = opening.text("member"), opening.integer("after", 0, 1 << 53)
        chain = Chain(after, parse_hash(opening.get("hash"), "export"))
        token = opening.text("head", most=MAX_HEAD) if opening.has("head") else ""
    except ProtocolError as error:
        raise InvalidInput(
            "This is no export of a journal: %(reason)s.",
            "Take a file that `gmcn audit export` wrote.",
            reason=str(error),
        ) from None
    _take_head(node, chain, member, token)
    for line in _parse_lines(file, chain):
        chain.follow(line)
        progress("journal entries", chain.entries, 0)
    chain.finish()
    if chain.head is not None and chain.number > chain.head.number:
        chain.problems.append(f"the signed head covers it up to entry {chain.head.number} only")
    if member == node.member:
        with reading(node.engine) as conn:
            _compare(conn, chain)
    return Checked(member, after, chain.number, chain.head.at if chain.head else None, chain.problems)


def _format_lines(node: Node, first: bytes, after: int, last: int) -> Iterator[bytes]:
    yield first
    while after < last:
        with reading(node.engine) as conn:
            some = list(read_lines(conn, after, _ROUND))
        if not some:
            return
        for line in some:
            if line.number > last:
                return
            yield b'{"entry":' + line.text + b',"hash":"' + line.hash.hex().encode() + b'"}\n'
        after = some[-1].number


def _signed(node: Node) -> tuple[Head | None, str]:
    try:
        return sign_head(node), ""
    except Conflict as error:
        return None, error.message


def _take_head(node: Node, chain: Chain, member: str, token: str) -> None:
    """Give the chain the head that it must reach, or say why there is none."""
    try:
        if not token:
            raise Malformed("the journal was not signed when it was exported")
        head = verify_head(node, token)
        if head.member != member:
            raise Malformed(f"its head is signed by {head.member}, and it says that it is of {member}")
        chain.head = head
    except ProtocolError as error:
        chain.problems.append(str(error))


def _parse_lines(file: IO[bytes], chain: Chain) -> Iterator[Line]:
    """Read the entries of an export, up to the first line that is none."""
    while line := file.readline(_MAX_LINE):
        match = _LINE.fullmatch(line)
        if match is None:
            chain.problems.append(f"the line behind entry {chain.number} is no entry")
            return
        yield Line(int(match[2]), match[1], bytes.fromhex(match[3].decode()))


def _compare(conn: Connection, chain: Chain) -> None:
    if find_hash(conn, chain.number) != chain.hash:
        chain.problems.append(
            f"the journal of this node has another entry {chain.number}, or none: it was written anew since, "
            "or this node was restored from a backup that is older"
        )
