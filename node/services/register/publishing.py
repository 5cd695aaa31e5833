"""Letting a case out of the house: publish, renew, withdraw, undo, erase.

    register -> domain.disclosure -> protocol.document -> protocol.feed -> store, all of it in one transaction
    -> services.witnessing: the signed heads are published once their witnesses were asked

Guarantees: what goes out fits its JSON Schema, is covered by a signed checkpoint, and is committed before
anybody can see it; a feed is only ever grown from the head that is on the disk, and only while nobody knows a
newer one. Ringing the peers comes after the commit and cannot undo it.
"""

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from node.domain.changes import digest
from node.domain.disclosure import Disclosed, disclose
from node.domain.lifecycle import can_undo, expiry_day, is_over, is_paused
from node.errors import Conflict, InvalidInput, PeerUnavailable
from node.runtime import Node
from node.services.register.cases import index_cases, new_case_id, void_request
from node.services.register.photographs import hashes_in, photographs_in
from node.services.standing import exchanges
from node.services.witnesses import witnessing
from node.store import (
    cases,
    clocks,
    documents,
    drafts,
    endings,
    feeds,
    handovers,
    leads,
    marks,
    messages,
    photographs,
)
from node.store.cases import CaseFile
from node.store.database import chunks, reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.search import remove_many
from protocol.checkpoint import sign_checkpoint
from protocol.document import (
    AUDIENCE_SCHEMA,
    SALT_SIZE,
    digest_document,
    format_document,
    split_document,
)
from protocol.encoding import format_time
from protocol.errors import ProtocolError
from protocol.feed import check_edge, grow
from protocol.leaf import ERASE, NONCE_SIZE, PUT, CaseState, Leaf, follow
from protocol.note import VerifierKey, format_note, parse_note
from protocol.roster import AUDIENCES_OF, Audience
from schemas import SchemaError

Parts = dict[str, dict[str, Any]]

_PARTS_OF: Mapping[Audience, Sequence[str]] = {"network": ("public", "network"), "police": ("police",)}
_CLOCK = "node"  # who acts where no person does


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication put into the feeds: the version of the case by audience, and the last day of its
    life."""

    case_id: str
    versions: dict[str, int]
    expires: date | None


def preview(node: Node, case_id: str, actor: str) -> Disclosed:
    """Show what of a case would leave the house, as peers would see it; nothing is published.

    Raises:
        NotFound: it is not in the register.
    """
    with writing(node.engine) as conn:
        case = cases.get_case(conn, case_id)
        entry = JournalEntry(node.clock(), actor, "case.preview", case_id, sorted(case.record))
        write_journal(conn, entry)
    return disclose(case.record, node.disclosure(), schemas=node.network().schemas, now=node.now())


@dataclass(frozen=True, slots=True)
class Leaving:
    """What leaves the house of a case now.

    Attributes:
        parts: see `parts_of`.
        kept_from: members that get nothing of it.
        digest: of both.
    """

    parts: Mapping[str, Mapping[str, Any]]
    kept_from: Sequence[str]
    digest: bytes


class NotAsApproved(Conflict):
    """What would leave is not what was approved."""


def parts_of(node: Node, disclosed: Disclosed) -> Parts:
    """Choose the parts that own feeds take of what the policy lets out, "head" with what the owner decides of
    it."""
    parts: Parts = {"head": disclosed.head}
    for audience in _own_audiences(node):
        parts |= _parts(disclosed, audience)
    return parts


def leaving_within(conn: Connection, node: Node, case: CaseFile) -> Leaving:
    """Tell what would leave of a case, were it published now."""
    return _leaving(conn, node, case, _disclose_all(node, [case])[0])


def check_within(conn: Connection, node: Node, case: CaseFile) -> None:
    """Check that a case could be published now, with the caller's transaction; see `publish`."""
    (leaving,) = _disclose_all(node, [_publishable(case)])
    for audience in _own_audiences(node):
        if parts := _parts(leaving, audience):
            _Writer(conn, node, audience, [case.case_id]).put(case, leaving.head, parts)


def publish(node: Node, case_ids: Sequence[str], actor: str) -> list[Published]:
    """Publish the newest records of cases, or renew them: all of them, or none when one is wrong.

    Nobody is asked: that is `gate`.

    Raises:
        NotFound: a case is not in the register.
        Conflict: a case is withdrawn or erased.
        InvalidInput: what would go out does not fit its schema, with every problem.
        NotAllowed: this member is not in the roster.
    """
    with signing(node) as conn:
        return publish_within(conn, node, case_ids, actor)


def publish_within(
    conn: Connection,
    node: Node,
    case_ids: Sequence[str],
    actor: str,
    approved: Mapping[str, bytes] | None = None,
) -> list[Published]:
    """Publish with the caller's transaction, which `signing` gave; see `publish`.

    Args:
        approved: digest of what may leave by case; None where nobody was asked.

    Raises:
        NotAsApproved: something else would leave.
    """
    if frozen := _frozen_feeds(conn, node):
        raise Conflict(
            f"{', '.join(row.origin for row in frozen)} is frozen: nothing is published in it any more.",
            "Ask for its successor: `gmcn keys succeed`. Erasing and withdrawing work meanwhile.",
        )
    found = [_publishable(cases.get_case(conn, case_id)) for case_id in case_ids]
    disclosed = _disclose_all(node, found)
    leave = {
        case.case_id: _leaving(conn, node, case, leaving).digest
        for case, leaving in zip(found, disclosed, strict=True)
    }
    if approved is not None and leave != approved:
        raise NotAsApproved(
            "What would leave the house is not what was approved, and nothing was published.",
            "Look at it again, and ask for its approval anew.",
        )
    versions: dict[str, dict[str, int]] = {case.case_id: {} for case in found}
    expires: dict[str, date] = {}
    for audience in _own_audiences(node):
        writer = _Writer(conn, node, audience, [case.case_id for case in found])
        for case, leaving in zip(found, disclosed, strict=True):
            parts = _parts(leaving, audience)
            if parts:
                state = writer.put(case, leaving.head, parts)
                versions[case.case_id][audience] = state.version
                expires[case.case_id] = max(state.expires, expires.get(case.case_id, state.expires))
            elif writer.is_live(case.case_id):
                writer.erase(case.case_id)
        writer.commit()
    now = node.clock()
    for case, leaving in zip(found, disclosed, strict=True):
        cases.set_published(conn, case.case_id, leave[case.case_id], now)
        fields = [f"{name}.{key}" for name, part in _named(leaving) for key in part]
        write_journal(conn, JournalEntry(now, actor, "case.publish", case.case_id, fields))
    index_cases(conn, node, [cases.get_case(conn, case.case_id) for case in found])
    return [Published(case.case_id, versions[case.case_id], expires.get(case.case_id)) for case in found]


def due_for_renewal(node: Node, days: int) -> list[str]:
    """Return the published cases whose life ends within so many days, the first to end first."""
    last = node.now().date() + timedelta(days=days)
    with reading(node.engine) as conn:
        own = [row for row in feeds.list_feeds(conn) if row.own]
        ending = sorted(item for row in own for item in endings.ending_cases(conn, row.id, last))
    return list(dict.fromkeys(case_id for _, case_id in ending))


def withdraw(node: Node, case_id: str, actor: str, changes: Mapping[str, Any] | None = None) -> None:
    """Take a case out of the network; it stays in the register, and can be undone for 3 days.

    From outside it looks like any other erasure: nobody learns from it how the case ended.

    Args:
        changes: fields of the record to set with it, such as `outcome` when the case is closed.

    Raises:
        NotFound: it is not in the register.
        Conflict: it is not published.
    """
    with signing(node) as conn:
        withdraw_within(conn, node, case_id, actor, changes or {})


def withdraw_within(
    conn: Connection, node: Node, case_id: str, actor: str, changes: Mapping[str, Any]
) -> None:
    """Withdraw with the caller's transaction, which `signing` gave; see `withdraw`."""
    case = cases.get_case(conn, case_id)
    if case.status != cases.PUBLISHED:
        raise Conflict(f"The case is not published: it is {case.status}.", "There is nothing to withdraw.")
    now = node.clock()
    void_request(conn, node, case_id, actor)
    _erase_from_feeds(conn, node, case_id)
    if changes:
        check_record(node, {**case.record, **changes})
        cases.change_case(conn, case_id, case.revision, {**case.record, **changes}, actor, now)
    cases.set_status(conn, case_id, cases.WITHDRAWN, now)
    write_journal(conn, JournalEntry(now, actor, "case.withdraw", case_id, sorted(changes)))
    index_cases(conn, node, [cases.get_case(conn, case_id)])


def undo_withdrawal(node: Node, case_id: str, actor: str, *, as_it_was: bool = False) -> Published:
    """Publish a withdrawn case again, under a new id: an erased id never returns.

    Args:
        as_it_was: publish it only if nothing else would leave than left last; otherwise it becomes a draft,
            which has no versions, and goes through the gate.

    Raises:
        NotFound: it is not in the register.
        Conflict: it is not withdrawn, or was longer than 3 days ago, or another member has it now.
        InvalidInput: what would go out does not fit its schema any more; it stays withdrawn.
    """
    now = node.clock()
    with signing(node) as conn:
        case = cases.get_case(conn, case_id)
        if case.status != cases.WITHDRAWN or case.withdrawn_at is None:
            raise Conflict(f"The case is not withdrawn: it is {case.status}.", "There is nothing to undo.")
        if (gone := handovers.giving_of(conn, case_id, handovers.GIVEN)) is not None:
            raise Conflict(
                f"The case was handed over to {gone.member}, whose case it is now: {gone.other_case}.",
                "Ask that member.",
            )
        if not can_undo(case.withdrawn_at, now):
            raise Conflict("The case was withdrawn more than 3 days ago.", "Add it as a new case.")
        again = cases.add_case(conn, new_case_id(node.member), case.record, actor, now)
        cases.keep_photographs(conn, again.case_id, hashes_in(case.record))
        cases.exclude_members(conn, again.case_id, cases.excluded_members(conn, case_id))
        write_journal(conn, JournalEntry(now, actor, "case.undo", again.case_id))
        _empty(conn, node, case)
        messages.move_about(conn, case_id, again.case_id)
        leads.move_about(conn, case_id, again.case_id)
        if as_it_was and leaving_within(conn, node, again).digest != case.disclosed:
            index_cases(conn, node, [again])
            return Published(again.case_id, {}, None)
        ask_to_ring(conn, node)
        return publish_within(conn, node, [again.case_id], actor)[0]


def erase(node: Node, case_id: str, actor: str) -> None:
    """Erase a case everywhere: out of the network, and out of the register with every revision of it.

    Raises:
        NotFound: it is not in the register.
    """
    with signing(node) as conn:
        case = cases.get_case(conn, case_id)
        _erase_from_feeds(conn, node, case_id)
        _empty(conn, node, case)
        messages.erase_about(conn, [case_id], node.clock())
        leads.erase_about(conn, [case_id])
        write_journal(conn, JournalEntry(node.clock(), actor, "case.erase", case_id))


def purge_register(node: Node) -> list[str]:
    """Erase the withdrawn cases whose last day in the register is over. One that is published then is left to
    its owner, who is told.

    Returns:
        The cases.
    """
    now = node.now()
    with reading(node.engine) as conn:
        wanted = clocks.Wanted(["purge"], [cases.WITHDRAWN], now.date())
        due = cases.get_cases(conn, clocks.due_cases(conn, wanted)).values()
    over = [
        case.case_id
        for case in due
        if is_over(case.record, now) and not (case.withdrawn_at and can_undo(case.withdrawn_at, now))
    ]
    for case_id in over:
        erase(node, case_id, _CLOCK)
    return over


def pause_views(node: Node) -> list[str]:
    """Let the public views of children who are grown up pause: of each the document goes out again with
    nothing changed but that no public site may show it. A person's decision ends the pause.

    Returns:
        The cases.
    """
    now = node.now()
    with reading(node.engine) as conn:
        wanted = clocks.Wanted(["adulthood"], [cases.PUBLISHED], now.date())
        due = cases.get_cases(conn, clocks.due_cases(conn, wanted)).values()
        grown = [case.case_id for case in due if is_paused(case.record, now)]
        shown = _shown_somewhere(conn, node, grown)
    if not shown:
        return []
    with signing(node) as conn:
        shown = _shown_somewhere(conn, node, shown)
        for audience in _own_audiences(node):
            writer = _Writer(conn, node, audience, shown)
            writer.repeat(show_in=[])
            writer.commit()
        for case_id in shown:
            write_journal(conn, JournalEntry(node.clock(), _CLOCK, "case.pause", case_id, ["head.show_in"]))
    return shown


def ask_to_ring(conn: Connection, node: Node) -> None:
    """Have the peers rung by a job soon after the caller's transaction, which is of somebody who waits."""
    marks.set_mark(conn, marks.RING, node.clock())


def ring_asked(node: Node) -> dict[str, str]:
    """Ring the peers if somebody asked for it; see `ring_peers`."""
    with reading(node.engine) as conn:
        asked = marks.find_mark(conn, marks.RING)
    if asked is None:
        return {}
    with writing(node.engine) as conn:
        marks.clear_mark(conn, marks.RING)
    return ring_peers(node)


def ring_peers(
    node: Node,
    progress: Callable[[str, str], None] = lambda member, outcome: None,
    only: Collection[str] | None = None,
) -> dict[str, str]:
    """Ring every peer that may read this node's feeds, so that they pull at once.

    Args:
        only: of these members.

    Returns:
        For each of them why it was not reached; empty when it was. They pull by themselves later.
    """
    with reading(node.engine) as conn:
        open_to = [other.member for other in exchanges(conn, node) if other.leaves]
    open_to = [member for member in open_to if only is None or member.id in only]

    def ring(index: int) -> tuple[str, str]:
        try:
            node.peers.ring(open_to[index])
        except (PeerUnavailable, ProtocolError) as error:
            return open_to[index].id, str(error)
        return open_to[index].id, ""

    if not open_to:
        return {}
    with ThreadPoolExecutor(min(8, len(open_to)), thread_name_prefix="ring") as threads:
        outcomes = dict(threads.map(ring, range(len(open_to))))
    for member, outcome in outcomes.items():
        progress(member, outcome)
    return outcomes


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


class _Writer:
    """Collects the leaves of one own feed, and adds them in one step."""

    def __init__(self, conn: Connection, node: Node, audience: Audience, case_ids: Sequence[str]) -> None:
        self._conn, self._node, self._audience = conn, node, audience
        self._signers = node.head_signers(audience)
        self._row = feeds.ensure_feed(conn, node.member, audience, self._signers[0].name, own=True)
        witnessing.check_not_stopped(self._row)
        self._states = feeds.lookup_cases(conn, self._row.id, case_ids)
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
        states = feeds.iterate_cases(self._conn, self._row.id)
        return sorted(kept.case_id for kept in states if kept.state != feeds.EXPIRED)

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
                f"The {self._audience} feed has erased this case, and an erased case never returns.",
                "Add it as a new case.",
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
        keys = feeds.case_keys(self._conn, self._row.id, list(self._states))
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
        keys = feeds.case_keys(self._conn, self._row.id, list(self._states))
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
        feeds.store_cases(self._conn, self._row.id, self._followed, feeds.HELD, self._node.clock())
        keys = feeds.case_keys(self._conn, self._row.id, list(self._bodies))
        documents.store_documents(
            self._conn,
            [(keys[case], body) for case, (body, _) in self._bodies.items()],
            [
                photo
                for case, (_, whole) in self._bodies.items()
                for photo in photographs_in(keys[case], whole, feeds.HELD)
            ],
        )
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
    audiences = _own_audiences(node)
    with reading(node.engine) as conn:
        signed = [
            _is_signed(feeds.find_feed(conn, node.member, audience), node.head_signers(audience)[0].key)
            for audience in audiences
        ]
    if not all(signed):
        with signing(node) as conn:
            for audience in audiences:
                inherited = _Writer(conn, node, audience, []).inherited()
                for some in chunks(inherited) if inherited else [[]]:
                    writer = _Writer(conn, node, audience, some)
                    writer.go_on()
                    writer.commit()


def _is_signed(row: feeds.FeedRow | None, key: VerifierKey) -> bool:
    note = row.newest_note if row else None
    return note is not None and any(line.of(key) for line in parse_note(note).signatures)


def _own_audiences(node: Node) -> list[Audience]:
    return [feed.audience for feed in node.entry().feeds if feed.state == "active"]


def _frozen_feeds(conn: Connection, node: Node) -> list[feeds.FeedRow]:
    """Return the own feeds that the roster has frozen, and nothing goes on for yet."""
    frozen = {feed.origin for feed in map(node.entry().feed, AUDIENCES_OF[node.entry().kind]) if feed.frozen}
    return [row for row in feeds.own_feeds(conn) if row.origin in frozen]


def _publishable(case: CaseFile) -> CaseFile:
    if case.status == cases.WITHDRAWN:
        raise Conflict("The case is withdrawn.", "Undo the withdrawal with `gmcn case undo`, or add it anew.")
    if case.status == cases.ERASED:
        raise Conflict("The case is erased, and an erased case never returns.", "Add it as a new case.")
    return case


def _disclose_all(node: Node, found: Sequence[CaseFile]) -> list[Disclosed]:
    policy, schemas, now = node.disclosure(), node.network().schemas, node.now()
    return [disclose(case.record, policy, schemas=schemas, now=now) for case in found]


def _named(leaving: Disclosed) -> list[tuple[str, dict[str, Any]]]:
    parts = (("public", leaving.public), ("network", leaving.network), ("police", leaving.police))
    return [(name, part) for name, part in parts if part is not None]


def _parts(leaving: Disclosed, audience: Audience) -> Parts:
    return {name: part for name, part in _named(leaving) if name in _PARTS_OF[audience]}


def _leaving(conn: Connection, node: Node, case: CaseFile, disclosed: Disclosed) -> Leaving:
    parts, kept_from = parts_of(node, disclosed), cases.excluded_members(conn, case.case_id)
    return Leaving(parts, kept_from, digest(parts, kept_from))


def _shown_somewhere(conn: Connection, node: Node, case_ids: Sequence[str]) -> list[str]:
    """Return those of some published cases that a public site may show."""
    held = [doc for case_id in case_ids for doc in documents.find_documents(conn, case_id)]
    heads = [(doc.case_id, orjson.loads(split_document(doc.body)[0])) for doc in held]
    return list(dict.fromkeys(case_id for case_id, head in heads if head["show_in"] != []))


def check_record(node: Node, record: Mapping[str, Any]) -> None:
    """Hold a record against its schema.

    Raises:
        InvalidInput: it does not fit, with every problem.
    """
    try:
        node.network().schemas.check("case", record)
    except SchemaError as error:
        raise InvalidInput(
            "The case would not be right.",
            "Mend what is named here.",
            [str(problem) for problem in error.problems],
        ) from None


def _erase_from_feeds(conn: Connection, node: Node, case_id: str) -> None:
    for audience in _own_audiences(node):
        writer = _Writer(conn, node, audience, [case_id])
        if writer.is_live(case_id):
            writer.erase(case_id)
            writer.commit()
    for row in _frozen_feeds(conn, node):  # nothing of it is given any more; its successor tells the peers
        endings.hide_cases(conn, row.id, [case_id], node.clock())


def _empty(conn: Connection, node: Node, case: CaseFile) -> None:
    """Take a case out of the register and the search; its photographs go with the next purge."""
    remove_many(conn, "own", None, [case.case_id])
    hashes = cases.empty_case(conn, case.case_id, node.clock())
    drafts.drop_drafts_about(conn, case.case_id)
    photographs.loosen_photographs(conn, node.member, hashes)
