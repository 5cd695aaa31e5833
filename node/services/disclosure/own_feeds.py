"""The feeds of this member's own: which there are, and the leaves and documents that they are grown by.

Guarantees: what goes into a feed fits its JSON Schema and is covered by a signed checkpoint; a feed is only
ever grown from the head that is on the disk, and only while nobody knows a newer one. Which cases go in, and
when, is left to `publishing`.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection

from node.domain.lifecycle import expiry_day
from node.errors import Conflict, InvalidInput
from node.runtime import Node
from node.services.site.indexing import forget_published, index_published
from node.services.witnesses import witnessing
from node.store.database import chunks, reading, writing
from node.store.published import documents, feed_cases, feeds, statements
from node.store.published.photographs import photographs_in
from node.store.register import cases
from node.store.register.cases import CaseFile
from protocol.checkpoint import sign_checkpoint
from protocol.document import (
    AUDIENCE_SCHEMA,
    SALT_SIZE,
    digest_document,
    format_document,
    split_document,
)
from protocol.encoding import format_time
from protocol.feed import check_edge, grow
from protocol.feed_entry import Audience
from protocol.leaf import ERASE, NONCE_SIZE, PUT, CaseState, Leaf, follow
from protocol.member import AUDIENCES_OF
from protocol.note import VerifierKey, format_note, parse_note
from schemas import SchemaError

Parts = dict[str, dict[str, Any]]
"""Content by part; "head" is the part that every document has."""

PARTS_OF: Mapping[Audience, Sequence[str]] = {"network": ("public", "network"), "police": ("police",)}
"""The parts that a feed takes, beside the head."""


@contextmanager
def signing(node: Node) -> Iterator[Connection]:
    """Give a transaction in which heads of own feeds are signed, and publish them after it.

    Raises:
        Conflict: nothing may be signed now; see `witnessing.check_may_sign`. Or, after the block, a witness
            knows another past of the feed: what the block did is stored, and not published.
    """
    witnessing.check_may_sign(node)
    with writing(node.engine, durable=True) as conn:
        yield conn
    witnessing.publish_pending(node)


def own_audiences(node: Node) -> list[Audience]:
    """Return the audiences of the own feeds that something may be published in."""
    return [feed.audience for feed in node.entry().feeds if feed.state == "active"]


def frozen_feeds(conn: Connection, node: Node) -> list[feeds.FeedRow]:
    """Return the own feeds that the roster has frozen, and nothing goes on for yet."""
    frozen = {feed.origin for feed in map(node.entry().feed, AUDIENCES_OF[node.entry().kind]) if feed.frozen}
    return [row for row in feeds.own_feeds(conn) if row.origin in frozen]


class FeedWriter:
    """Collects the leaves of one own feed, and adds them in one step."""

    def __init__(self, conn: Connection, node: Node, audience: Audience, case_ids: Sequence[str]) -> None:
        self._conn, self._node, self._audience = conn, node, audience
        self._signers = node.head_signers(audience)
        self._row = feeds.ensure_feed(conn, node.member, audience, self._signers[0].name, own=True)
        witnessing.check_not_stopped(self._row)
        self._states = feed_cases.lookup_cases(conn, self._row.id, case_ids)
        self._now = node.now()
        self._followed: list[tuple[Leaf, CaseState]] = []
        self._bodies: dict[str, tuple[bytes, Parts]] = {}

    def is_live(self, case_id: str) -> bool:
        """Whether the feed has content of the case now."""
        state = self._states.get(case_id)
        return state is not None and not state.erased

    def inherited(self) -> list[str]:
        """Return the cases with which the successor of a feed begins, as long as nothing of it is signed."""
        if self._row.newest_note is not None or self._row.complete:
            return []
        states = feed_cases.iterate_cases(self._conn, self._row.id)
        return sorted(kept.case_id for kept in states if kept.state != feed_cases.EXPIRED)

    def is_signed(self) -> bool:
        """Tell whether the newest key has signed the feed's head, and not only one that was replaced."""
        return _is_signed(self._row, self._signers[0].key)

    def put(self, case: CaseFile, head: Mapping[str, Any], parts: Parts) -> CaseState:
        """Add a version of a case.

        Raises:
            InvalidInput: the document does not fit its schema.
            Conflict: the feed has erased the case.
        """
        before = self._states.get(case.case_id)
        if before is not None and before.erased:
            raise Conflict(
                "The %(feed)s feed has erased this case, and an erased case never returns.",
                "Add it as a new case.",
                feed=self._audience,
            )
        version = 1 if before is None else before.version + 1
        life = self._node.network().policy.summary_life_days
        expires = expiry_day(self._now, life, before.expires if before else None)
        whole: Parts = {
            "head": {
                "schema": f"{AUDIENCE_SCHEMA[self._audience]}.0",
                "case": case.case_id,
                "version": version,
                "issued_at": format_time(min(case.created_at, self._now)),
                "updated_at": format_time(self._now),
                "issuer": self._node.member,
                "expires_at": expires.isoformat(),
                **head,
            },
            **parts,
        }
        body = format_document(whole, [secrets.token_bytes(SALT_SIZE) for _ in whole])
        self._check(whole, body)
        self._bodies[case.case_id] = body, whole
        return self._add(PUT, case.case_id, version, digest_document(body), expires)

    def go_on(self) -> None:
        """Say in a successor where its cases stand: of the published ones the document as it is, of the
        others their end. Peers know it already, newcomers learn it from here."""
        keys = feed_cases.case_keys(self._conn, self._row.id, list(self._states))
        held = {one.case_id: one for one in documents.list_documents(self._conn, list(keys.values()))}
        register = cases.get_cases(self._conn, list(self._states))
        for case_id in list(self._states):
            case = register.get(case_id)
            if case is None or case.status != cases.PUBLISHED or not self.is_live(case_id):
                self.erase(case_id)
            elif case_id in held:
                self._repeat(held[case_id])

    def repeat(self, **decided: Any) -> None:
        """Announce the documents of live cases as their next versions, and decide of their heads anew.

        Args:
            decided: members of the head.
        """
        keys = feed_cases.case_keys(self._conn, self._row.id, list(self._states))
        for held in documents.list_documents(self._conn, list(keys.values())):
            if self.is_live(held.case_id):
                self._repeat(held, decided)

    def _repeat(self, held: documents.HeldDocument, decided: Mapping[str, Any] | None = None) -> None:
        """Announce a document as the next version of its case, with fresh salts and nothing else changed than
        what is decided of its head."""
        before = self._states[held.case_id]
        names = ("head", "public", "network") if self._audience == "network" else ("head", "police")
        whole = {
            name: orjson.loads(line) for name, line in zip(names, split_document(held.body), strict=True)
        }
        whole["head"] |= {
            "version": before.version + 1,
            "updated_at": format_time(self._now),
            **(decided or {}),
        }
        body = format_document(whole, [secrets.token_bytes(SALT_SIZE) for _ in whole])
        self._bodies[held.case_id] = body, whole
        self._add(PUT, held.case_id, before.version + 1, digest_document(body), before.expires)

    def erase(self, case_id: str) -> None:
        """Add the erasure of a case that the feed has."""
        before = self._states[case_id]
        self._bodies.pop(case_id, None)
        expires = max(before.expires, self._now.date())
        self._add(ERASE, case_id, before.version + 1, None, expires)

    def commit(self) -> None:
        """Grow the feed and store everything, with the caller's transaction. Where the feed has witnesses the
        head is pending until they were asked."""
        if not self._followed and self.is_signed():
            return
        head = feeds.load_head(self._conn, self._row, self._row.known().frontier)
        check_edge(head)
        growth = grow(head, [leaf.format() for leaf, _ in self._followed])
        note = format_note(sign_checkpoint(growth.head.checkpoint(), *self._signers))
        asked = witnessing.witnesses_of(self._node.network(), self._node.member, self._audience, self._now)
        feeds.store_growth(self._conn, self._row, growth, note, self._node.clock(), publish=not asked.members)
        feed_cases.store_cases(self._conn, self._row.id, self._followed, feed_cases.HELD, self._node.clock())
        keys = feed_cases.case_keys(self._conn, self._row.id, [leaf.case for leaf, _ in self._followed])
        statements.drop_statements(self._conn, list(keys.values()))  # they speak of what was before
        documents.store_documents(
            self._conn,
            [(keys[case], body) for case, (body, _) in self._bodies.items()],
            [
                photo
                for case, (_, whole) in self._bodies.items()
                for photo in photographs_in(keys[case], whole, feed_cases.HELD)
            ],
        )
        if self._audience == "network":
            index_published(self._conn, self._node, [whole for _, whole in self._bodies.values()])
            forget_published(self._conn, [leaf.case for leaf, _ in self._followed if leaf.kind == ERASE])
        digests = [
            (state.digest, keys[leaf.case]) for leaf, state in self._followed if state.digest is not None
        ]
        documents.remember_published(self._conn, self._row.id, digests)

    def _add(self, kind: str, case_id: str, version: int, digest: bytes | None, expires: date) -> CaseState:
        leaf = Leaf(kind, case_id, version, digest, expires, self._now, secrets.token_bytes(NONCE_SIZE))
        place = self._row.size + len(self._followed)
        self._states[case_id] = follow(self._states.get(case_id), leaf, place, complete=self._row.complete)
        self._followed.append((leaf, self._states[case_id]))
        return self._states[case_id]

    def _check(self, whole: Parts, body: bytes) -> None:
        network = self._node.network()
        limit = network.policy.limits.document_bytes
        problems = (
            [f"the document has {len(body)} bytes, at most {limit} are allowed"] if len(body) > limit else []
        )
        salted = {name: {**part, "salt": "A" * 43 + "="} for name, part in whole.items()}
        try:
            network.schemas.check(AUDIENCE_SCHEMA[self._audience].partition("/")[0], salted)
        except SchemaError as error:
            problems += [str(problem) for problem in error.problems]
        if problems:
            raise InvalidInput(
                "What would leave the house is not right, and nothing was published.",
                "Complete the record, or see the disclosure policy in node.toml.",
                problems,
            )


def open_feeds(node: Node) -> None:
    """Sign the heads of the own feeds that were never signed, or not by the newest key, so that peers find
    them. A successor begins with what it inherits."""
    audiences = own_audiences(node)
    with reading(node.engine) as conn:
        signed = [
            _is_signed(feeds.find_feed(conn, node.member, audience), node.head_signers(audience)[0].key)
            for audience in audiences
        ]
    if not all(signed):
        with signing(node) as conn:
            for audience in audiences:
                inherited = FeedWriter(conn, node, audience, []).inherited()
                for some in chunks(inherited) if inherited else [[]]:
                    writer = FeedWriter(conn, node, audience, some)
                    writer.go_on()
                    writer.commit()


def _is_signed(row: feeds.FeedRow | None, key: VerifierKey) -> bool:
    note = row.newest_note if row else None
    return note is not None and any(line.of(key) for line in parse_note(note).signatures)
