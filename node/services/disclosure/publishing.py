"""Letting a case out of the house: publish, renew, withdraw, undo, erase.

    register -> domain.disclosure -> protocol.document -> protocol.feed -> store, all of it in one transaction
    -> services.witnesses.witnessing: the signed heads are published once their witnesses were asked

Guarantees: what goes out fits its JSON Schema, is covered by a signed checkpoint, and is committed before
anybody can see it; a feed is only ever grown from the head that is on the disk, and only while nobody knows a
newer one. Ringing the peers comes after the commit and cannot undo it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from node.domain.lifecycle import can_undo, is_over, is_paused
from node.errors import Conflict, InvalidInput, PeerUnavailable
from node.runtime import Node
from node.services.disclosure.leaving import leaving_within
from node.services.disclosure.own_feeds import FeedWriter, frozen_feeds, own_audiences, signing
from node.services.leads import sending
from node.services.register.cases import index_cases, new_case_id, void_request
from node.services.site.indexing import forget_published
from node.services.standing import exchanges
from node.store import leads, marks
from node.store.database import reading, writing
from node.store.federation import messages
from node.store.journal import JournalEntry, write_journal
from node.store.published import continued, documents, endings, feeds, photographs
from node.store.register import cases, clocks, drafts, gate, handovers, imports
from node.store.register.cases import CaseFile
from node.store.search.index import remove_many
from node.store.staff import people
from protocol.document import split_document
from protocol.errors import ProtocolError
from schemas import SchemaError

_CLOCK = "node"  # who acts where no person does


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication put into the feeds: the version of the case by audience, and the last day of its
    life."""

    case_id: str
    versions: dict[str, int]
    expires: date | None


class NotAsApproved(Conflict):
    """What would leave is not what was approved."""


class NoDraft(Conflict):
    """The case is a draft no more."""


def check_within(conn: Connection, node: Node, case: CaseFile) -> None:
    """Check that a case could be published now, with the caller's transaction; see `publish`."""
    (leaving,) = leaving_within(conn, node, [_publishable(case)])
    for audience in own_audiences(node):
        if parts := leaving.by(audience):
            FeedWriter(conn, node, audience, [case.case_id]).put(case, leaving.parts["head"], parts)


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
    if frozen := frozen_feeds(conn, node):
        raise Conflict(
            "%(feeds)s is frozen: nothing is published in it any more.",
            "Ask for its successor: `gmcn keys succeed`. Erasing and withdrawing work meanwhile.",
            feeds=", ".join(row.origin for row in frozen),
        )
    found = [_publishable(cases.get_case(conn, case_id)) for case_id in case_ids]
    leave = dict(zip(case_ids, leaving_within(conn, node, found), strict=True))
    digests = {case_id: leaving.digest for case_id, leaving in leave.items()}
    if approved is not None and digests != approved:
        raise NotAsApproved(
            "What would leave the house is not what was approved, and nothing was published.",
            "Look at it again, and ask for its approval anew.",
        )
    versions: dict[str, dict[str, int]] = {case.case_id: {} for case in found}
    expires: dict[str, date] = {}
    for audience in own_audiences(node):
        writer = FeedWriter(conn, node, audience, list(leave))
        for case in found:
            leaving = leave[case.case_id]
            if parts := leaving.by(audience):
                state = writer.put(case, leaving.parts["head"], parts)
                versions[case.case_id][audience] = state.version
                expires[case.case_id] = max(state.expires, expires.get(case.case_id, state.expires))
            elif writer.is_live(case.case_id):
                writer.erase(case.case_id)
        writer.commit()
    now = node.clock()
    for case in found:
        leaving = leave[case.case_id]
        cases.set_published(conn, case.case_id, leaving.digest, now)
        fields = [f"{name}.{key}" for name, part in leaving.parts.items() if name != "head" for key in part]
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
        raise Conflict("The case is not published.", "There is nothing to withdraw.")
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
    """Publish a withdrawn case again, under a new id: an erased id never returns. All that it was goes on
    with it, also a review that is due.

    Args:
        as_it_was: publish it only if nothing else would leave than left last, and that was not published in
            an emergency that nobody has found to be one; otherwise it becomes a draft, which has no versions,
            and goes through the gate.

    Raises:
        NotFound: it is not in the register.
        Conflict: it is not withdrawn, or was longer than 3 days ago, or another member has it now.
        InvalidInput: what would go out does not fit its schema any more; it stays withdrawn.
    """
    now = node.clock()
    with signing(node) as conn:
        case = cases.get_case(conn, case_id)
        if case.status != cases.WITHDRAWN or case.withdrawn_at is None:
            raise Conflict("The case is not withdrawn.", "There is nothing to undo.")
        if (gone := handovers.giving_of(conn, case_id, handovers.GIVEN)) is not None:
            raise Conflict(
                "The case was handed over to %(member)s, whose case it is now: %(case)s.",
                "Ask that member.",
                member=gone.member,
                case=gone.other_case,
            )
        if not can_undo(case.withdrawn_at, now):
            raise Conflict("The case was withdrawn more than 3 days ago.", "Add it as a new case.")
        again = cases.move_case(conn, case_id, new_case_id(node.member), now)
        continued.note_continued(conn, case_id, again.case_id)
        drafts.move_about(conn, case_id, again.case_id)
        messages.move_about(conn, case_id, again.case_id)
        leads.move_about(conn, case_id, again.case_id)
        write_journal(conn, JournalEntry(now, actor, "case.undo", again.case_id))
        _empty(conn, node, case)
        if as_it_was and not _leaves_as_approved(conn, node, again, case.disclosed):
            index_cases(conn, node, [again])
            return Published(again.case_id, {}, None)
        ask_to_ring(conn, node)
        return publish_within(conn, node, [again.case_id], actor)[0]


def erase(node: Node, case_id: str, actor: str, *, only_draft: bool = False) -> None:
    """Erase a case everywhere: out of the network, and out of the register with every revision of it.

    Args:
        only_draft: erase it only if nobody has published it meanwhile.

    Raises:
        NotFound: it is not in the register.
        NoDraft: it is a draft no more, and only a draft was to be erased.
    """
    with signing(node) as conn:
        case = cases.get_case(conn, case_id)
        if only_draft and case.status != cases.DRAFT:
            raise NoDraft("The case is a draft no more.", "Close or erase the cases one by one.")
        _erase_from_feeds(conn, node, case_id)
        _empty(conn, node, case)
        continued.forget_continued(conn, case_id)
        messages.erase_about(conn, [case_id], node.clock())
        leads.erase_about(conn, [case_id])
        sending.erase_naming(conn, node, case_id)
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
        for audience in own_audiences(node):
            writer = FeedWriter(conn, node, audience, shown)
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


def _leaves_as_approved(conn: Connection, node: Node, case: CaseFile, before: bytes | None) -> bool:
    """Tell whether what would leave of a case is what left last, by its digest, and that was not published in
    an emergency that nobody has found to be one."""
    last = gate.find_published(conn, case.case_id)
    past_approval = last is not None and last.state == gate.OVERRIDDEN and not last.upheld
    return not past_approval and leaving_within(conn, node, [case])[0].digest == before


def _publishable(case: CaseFile) -> CaseFile:
    if case.status == cases.WITHDRAWN:
        raise Conflict("The case is withdrawn.", "Undo the withdrawal with `gmcn case undo`, or add it anew.")
    if case.status == cases.ERASED:
        raise Conflict("The case is erased, and an erased case never returns.", "Add it as a new case.")
    return case


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
    for audience in own_audiences(node):
        writer = FeedWriter(conn, node, audience, [case_id])
        if writer.is_live(case_id):
            writer.erase(case_id)
            writer.commit()
    for row in frozen_feeds(conn, node):  # nothing of it is given any more; its successor tells the peers
        endings.hide_cases(conn, row.id, [case_id], node.clock())
        forget_published(conn, [case_id])


def _empty(conn: Connection, node: Node, case: CaseFile) -> None:
    """Take a case out of the register and the search; its photographs go with the next purge."""
    remove_many(conn, "own", None, [case.case_id])
    hashes = cases.empty_case(conn, case.case_id, node.clock())
    begun = drafts.drop_drafts_about(conn, case.case_id)
    people.drop_forms_about(conn, {case.case_id.partition("/")[2], *begun})
    imports.drop_imports_about(conn, case.case_id)
    photographs.loosen_photographs(conn, node.member, hashes)
