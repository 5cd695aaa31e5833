"""Members that lie with their true keys, and ways to see what that did to a node."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, select

from node.adapters.http import Answer
from node.runtime import Node
from node.services.safekeeping import integrity
from node.store.database import metadata, reading
from node.store.published import feed_cases, feeds
from node.store.published.feeds import FeedRow
from protocol.answers import Absence, Given, format_answers, parse_query
from protocol.checkpoint import sign_checkpoint
from protocol.document import digest_parts
from protocol.encoding import format_json, format_time
from protocol.feed import FeedHead, grow
from protocol.feed_entry import Audience
from protocol.leaf import ERASE, PUT, Leaf
from protocol.note import format_note
from protocol.tiles import WIDTH, TileRef, bundles_between, format_bundle, parse_bundle, parse_tile_path
from protocol.tlog import HASH_SIZE
from tests.factories import Parts, sample_case_id, sample_summary
from tests.federation import Ask, Call, Federation

Change = Callable[[Parts], object]

_NOTES = ("peer", "seen_request", "comparison", "feed.state", "feed.reason", "feed.evidence")


@dataclass
class Liar:
    """A member whose feed says whatever a test wants, signed with its true key. It begins as the honest feed.

    `liar.fault` goes onto the wire: `federation.wire.faults[member] = [liar.fault]`.

    Attributes:
        entries: the leaves that it serves.
        answers: what it answers when asked for a document, by digest; asked for others it is honest.
        proves: whether it also gives the hash tiles of what it says, by which another past can be proven.
    """

    federation: Federation
    member: str
    audience: Audience = "network"
    entries: list[bytes] = field(default_factory=list)
    answers: dict[bytes, bytes | Absence] = field(default_factory=dict)
    proves: bool = False

    def __post_init__(self) -> None:
        row = find_feed(self.federation[self.member], self.member, self.audience)
        with reading(self.federation[self.member].engine) as conn:
            for ref in bundles_between(0, row.size):
                self.entries += parse_bundle(feeds.read_file(conn, row.id, ref) or b"", ref.width)

    @property
    def now(self) -> datetime:
        return self.federation.clock().replace(microsecond=0)

    def case(self, number: int) -> str:
        """Name one of its invented cases."""
        return sample_case_id(number, self.member)

    def say(
        self,
        kind: str,
        case: str,
        version: int = 1,
        digest: bytes | None = None,
        expires: date | None = None,
        at: datetime | None = None,
    ) -> None:
        """Add a leaf, whatever it says."""
        at = at or self.now
        expires = expires or at.date() + timedelta(days=180)
        self.entries.append(Leaf(kind, case, version, digest, expires, at, b"n" * 16).format())

    def erase(self, case: str, version: int = 2) -> None:
        self.say(ERASE, case, version)

    def put(
        self,
        number: int,
        version: int = 1,
        *,
        change: Change = lambda parts: None,
        tamper: Callable[[bytes], bytes] = lambda body: body,
        **leaf: Any,
    ) -> bytes:
        """Announce a document and have it ready.

        Args:
            change: made to the parts before they are written and announced.
            tamper: made to the bytes that are given, after they were announced.
            leaf: what the leaf says instead of the right thing.

        Returns:
            The digest that was announced.
        """
        expires = self.now.date() + timedelta(days=180)
        parts = sample_summary(
            "uk", number, self.member, version, format_time(self.now), expires.isoformat(), photos=None
        )
        change(parts)
        body = b"".join(format_json(part) + b"\n" for part in parts.values())
        digest = digest_parts([hashlib.sha256(line).digest() for line in body.split(b"\n")[:-1]])
        said = {"case": self.case(number), "version": version, "digest": digest, "expires": expires, **leaf}
        self.say(PUT, **said)
        self.answers[said["digest"]] = tamper(body)
        return digest

    def checkpoint(self, size: int | None = None) -> bytes:
        """Sign the head of what it says, or of the beginning of it."""
        signer = self.federation[self.member].feed_signer(self.audience)
        head = grow(FeedHead(signer.name), self.entries[:size]).head
        return format_note(sign_checkpoint(head.checkpoint(), signer))

    def fault(self, call: Call, ask: Ask) -> Answer:
        feed = f"/feeds/{self.audience}/"
        if not call.path.startswith(feed):
            return ask()
        path = call.path.removeprefix(feed)
        if path == "checkpoint":
            return Answer(200, {}, self.checkpoint())
        if path == "documents":
            return self._documents(parse_query(call.body), ask)
        if path.startswith("tile/" if self.proves else "tile/entries/"):
            return Answer(200, {}, self._file(parse_tile_path(path)))
        return ask()

    def _file(self, ref: TileRef) -> bytes:
        if ref.level is None:
            first = ref.index * WIDTH
            return format_bundle(self.entries[first : first + ref.width])
        files = dict(grow(FeedHead(f"{self.member}/{self.audience}"), self.entries).files)
        return next(
            data[: ref.width * HASH_SIZE]
            for made, data in files.items()
            if (made.level, made.index) == (ref.level, ref.index) and made.width >= ref.width
        )

    def _documents(self, asked: list[bytes], ask: Ask) -> Answer:
        if not any(digest in self.answers for digest in asked):
            return ask()
        given = [(digest, self.answers.get(digest, "unknown")) for digest in asked]
        answers = [(digest, Given(said) if isinstance(said, bytes) else said) for digest, said in given]
        return Answer(200, {}, format_answers(answers))


def answering(part: str, body: bytes, status: int = 200) -> Callable[[Call, Ask], Answer]:
    """Somebody who answers calls whose path has a part in it with bytes of its own."""

    def fault(call: Call, ask: Ask) -> Answer:
        return Answer(status, {}, body) if part in call.path else ask()

    return fault


def find_feed(node: Node, member: str, audience: str = "network") -> FeedRow:
    with reading(node.engine) as conn:
        row = feeds.find_feed(conn, member, audience)
    assert row is not None
    return row


def case_states(node: Node, member: str, audience: str = "network") -> dict[str, tuple[str, str]]:
    """Tell the state and the reason of every case of a feed."""
    row, c = find_feed(node, member, audience), feed_cases.feed_case.c
    with reading(node.engine) as conn:
        rows = conn.execute(select(c.case_id, c.state, c.reason).where(c.feed_id == row.id))
        return {case: (state, reason) for case, state, reason in rows}


def dump(node: Node) -> dict[str, list[str]]:
    """Give every row of a database, but for what is known of how pulling goes."""
    with reading(node.engine) as conn:
        return {name: sorted(map(repr, conn.execute(query))) for name, query in _everything().items()}


@cache
def _everything() -> dict[str, Select[Any]]:
    return {
        table.name: select(*(column for column in table.c if str(column) not in _NOTES))
        for table in metadata.tables.values()
        if table.name not in _NOTES
    }


def problems(node: Node) -> list[str]:
    """Re-verify everything that a node holds."""
    return [f"{finding.where}: {finding.problem}" for finding in integrity.check(node).findings]
