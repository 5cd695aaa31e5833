"""Whether the journal is whole: every entry follows from the one before, and the chain reaches the head that
was signed last.

The head is signed daily with the node's token key and kept in the home, apart from the database; its hash
stands in the log, too. A head is signed only where the journal goes on from the one that was signed before.

Guarantees: a byte that was changed, an entry that was removed, put in or moved, and a journal cut short of
the signed head are found, and where. Memory does not grow with the journal. What whoever has the home as well
could do unnoticed, and against which copies it shows: docs/decisions/0017.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from node.adapters.files import write_whole
from node.errors import Conflict, NotAllowed, NotFound
from node.runtime import Node
from node.services.progress import Progress, no_progress
from node.store.database import reading
from node.store.journal import BEGINNING, Line, find_hash, hash_line, last_entry, read_lines
from protocol.encoding import parse_hash
from protocol.errors import Malformed, ProtocolError
from protocol.token import verify_claims

HEAD_TYPE = "gmcn-journal+jwt"
MAX_HEAD = 1_000
"""Characters of a signed head."""

NEXT_STEP = "Change nothing, keep a copy of the database and of the log, and follow docs/operating/audit.md."
"""What to do about a journal that is not as it was signed."""

MAX_PROBLEMS = 20
"""How many breaks are told apart; behind so many nothing is to be learned from more."""

_ROUND = 1_000
_FIRST = -(1 << 40)  # an entry that was put in before the first would have such a number


@dataclass(frozen=True, slots=True)
class Head:
    """A verified head: up to this entry the journal was so at that moment.

    Attributes:
        member: whose journal it is.
        number, hash: of the last entry that it covers.
        token: the signed statement.
    """

    member: str
    number: int
    hash: bytes
    at: datetime
    token: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How the journal stands, as far as one look can tell.

    Attributes:
        last: the number of the newest entry.
        head: the head that was signed last: when it was, the journal was followed up to there. None where
            none was signed, or what is kept cannot be verified.
        problems: in plain words; empty when the journal goes on from that head.
    """

    last: int
    head: Head | None
    problems: list[str]


@dataclass
class Chain:
    """Follows entries in their order, and says what is wrong with them.

    Attributes:
        number, hash: of the entry that was followed last.
        entries: how many were followed.
        problems: what was found, each with the numbers of the entries; at most MAX_PROBLEMS.
        head: the signed head that the entries must pass; None where there is none.
    """

    number: int = 0
    hash: bytes = BEGINNING
    head: Head | None = None
    entries: int = 0
    problems: list[str] = field(default_factory=list)

    def follow(self, line: Line) -> None:
        """Take the next entry. After a break the chain goes on from what stands there."""
        self.entries += 1
        if line.number <= self.number:
            self._found(f"entry {line.number} is not where it belongs")
            return
        if line.number > self.number + 1:
            self._found(f"entries are missing: {self.number + 1} to {line.number - 1}")
        elif line.hash != hash_line(self.hash, line.text):
            self._found(f"entry {line.number} was changed, or the one before it")
        self.number, self.hash = line.number, line.hash
        self._compare()

    def finish(self) -> None:
        """Say that this was the last entry there is."""
        if self.head is not None and self.number < self.head.number:
            self._found(
                f"the journal ends with entry {self.number}, and the head that was signed on "
                f"{self.head.at:%Y-%m-%d %H:%M} UTC has {self.head.number}: the rest was cut off"
            )

    def _compare(self) -> None:
        if self.head is not None and self.number == self.head.number and self.hash != self.head.hash:
            self._found(
                f"entry {self.number} is not the one that was signed on {self.head.at:%Y-%m-%d %H:%M} UTC: "
                "the journal was written anew"
            )

    def _found(self, problem: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


def verify(conn: Connection, node: Node, progress: Progress = no_progress) -> Chain:
    """Follow the whole journal, and hold it against the head that was signed last."""
    chain = Chain()
    try:
        chain.head = read_head(node)
    except ProtocolError as error:
        chain.problems.append(f"{_file(node).name} in the home is not signed by this member: {error}")
    for line in read_entries(conn, _FIRST):
        chain.follow(line)
        if chain.entries % _ROUND == 0:
            progress("journal entries", chain.entries, 0)
    chain.finish()
    return chain


def sign_head(node: Node) -> Head | None:
    """Sign the journal as far as it goes, and keep that in the home; None before this member is listed.

    Where a head was signed before, the entries since must follow from it: a journal that was changed is not
    signed over.

    Raises:
        Conflict: they do not.
    """
    try:
        node.entry()
    except (NotAllowed, NotFound):
        return None
    with reading(node.engine) as conn:
        chain = _since_head(conn, node)
    if chain.problems:
        raise Conflict(
            "The journal is not as it was signed: %(problem)s.", NEXT_STEP, problem=chain.problems[0]
        )
    claims = {"number": chain.number, "hash": chain.hash.hex()}
    token = node.token_signer().sign(HEAD_TYPE, claims, node.now())
    write_whole(_file(node), token.encode("ascii") + b"\n")
    return verify_head(node, token)


def read_head(node: Node) -> Head | None:
    """Return the head that was signed last; None where none was.

    Raises:
        ProtocolError: what is kept is no head that a listed key of this member has signed.
    """
    try:
        with _file(node).open("rb") as file:
            token = file.read(MAX_HEAD + 1).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    head = verify_head(node, token)
    if head.member != node.member:
        raise Malformed("journal head: of another member")
    return head


def verify_head(node: Node, token: str) -> Head:
    """Verify a head of any member by the roster.

    Raises:
        ProtocolError: it is not of the form, or no listed key of that member has signed it.
    """
    claims = verify_claims(token, HEAD_TYPE, "journal head", node.network().roster.token_key, MAX_HEAD)
    number = claims.all.get("number")
    if type(number) is not int or number < 0:
        raise Malformed("journal head: number must be a whole number")
    return Head(claims.issuer, number, parse_hash(claims.all.get("hash"), "journal head"), claims.at, token)


def look(node: Node) -> Standing:
    """Tell how the journal stands, without following it."""
    with reading(node.engine) as conn:
        problems = warnings(conn, node)
        last, _ = last_entry(conn)
    try:
        return Standing(last, read_head(node), problems)
    except ProtocolError:  # is one of the problems
        return Standing(last, None, problems)


def warnings(conn: Connection, node: Node) -> list[str]:
    """Say in plain words when the journal is not as it was signed, as far as one look can tell."""
    try:
        head = read_head(node)
    except ProtocolError as error:
        return [f"The head of the journal is not right: {error}. Run `gmcn fsck`."]
    if head is None or find_hash(conn, head.number) == head.hash:
        return []
    return [
        f"The journal is not as it was signed on {head.at:%Y-%m-%d %H:%M} UTC: somebody has changed the "
        "database. Run `gmcn fsck`."
    ]


def _since_head(conn: Connection, node: Node) -> Chain:
    """Follow the entries since the head that was signed last."""
    try:
        head = read_head(node)
    except ProtocolError:  # its key has left the roster
        head = None
    if head is None:
        number, found = last_entry(conn)
        return Chain(number, found)
    chain = Chain(head.number, head.hash)
    if find_hash(conn, head.number) != head.hash:
        chain.problems.append(f"entry {head.number} is missing or another one")
        return chain
    for line in read_entries(conn, head.number):
        chain.follow(line)
    return chain


def read_entries(conn: Connection, after: int) -> Iterator[Line]:
    """Give the entries behind a number, some at a time."""
    while True:
        count = 0
        for line in read_lines(conn, after, _ROUND):
            after, count = line.number, count + 1
            yield line
        if count < _ROUND:
            return


def _file(node: Node) -> Path:
    return node.config.home / "journal.head"
