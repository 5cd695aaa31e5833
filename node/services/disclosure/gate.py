"""The gate: nothing leaves the house before a second person has seen what does.

    request -> approve (publishes) | refuse | take back | override (publishes) -> review within 24 hours

Guarantees: whoever asked, or wrote any of what nobody has approved yet, never approves; what was approved is
what is published, to the byte of every field and for the same readers, or nothing is; a request ends as soon
as the record, or what would leave of it, is another; an override is reviewed by somebody who had no part in
it; every step is in the journal. What is shown is made by the code that publishes, and nothing else
(`leaving`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from node.domain import gate as rules
from node.domain.changes import adds_nothing
from node.domain.disclosure import DisclosurePolicy
from node.domain.gate import Finding, Question
from node.errors import Conflict, InvalidInput, NotAllowed
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.disclosure.leaving import (
    Leaving,
    Preview,
    get_living,
    leaving_within,
    parts_by,
    preview_within,
    published_parts,
)
from node.services.disclosure.own_feeds import signing
from node.services.disclosure.publishing import NotAsApproved, Published
from node.services.register.cases import check_stays, index_cases, void_request
from node.services.search.finding import check_purpose
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.register import cases, gate
from node.store.register.cases import CaseFile
from node.store.register.gate import GateRequest

_ACTIONS = {
    gate.APPROVED: "gate.approve",
    gate.REFUSED: "gate.refuse",
    gate.OVERRIDDEN: "gate.override",
    gate.TAKEN_BACK: "gate.take-back",
    gate.VOID: "gate.void",
}


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as whoever decides sees it.

    Attributes:
        preview: what would leave now; None once there is nothing to decide.
        findings: what is to be weighed.
        as_asked: whether that is what was asked for.
    """

    request: GateRequest
    preview: Preview | None
    findings: Sequence[Finding]
    as_asked: bool


def suggest(node: Node, case_id: str) -> tuple[list[Question], dict[str, Any]]:
    """Give the questions that a case needs an answer to, and the answers that its record holds already.

    Raises:
        NotFound: it is not in the register.
        Conflict: it is erased.
    """
    with reading(node.engine) as conn:
        record = get_living(conn, case_id).record
    suggested = rules.suggest(record)
    return rules.needed(suggested, record), suggested


def weigh(node: Node, case_id: str, answers: Mapping[str, Any]) -> list[Finding]:
    """Say what would refuse a request with these answers, and what its approver would have to weigh.

    Raises:
        NotFound: the case is not in the register.
        Conflict: it is erased.
        InvalidInput: answers are missing, or none that are allowed; with every problem.
    """
    with reading(node.engine) as conn:
        case = get_living(conn, case_id)
        return _weigh(node, _decided_record(answers, case), answers)


def list_hindrances(node: Node, case_id: str) -> list[Finding]:
    """Say what refuses to publish a case, whatever is answered.

    Raises:
        NotFound: the case is not in the register.
        Conflict: it is erased.
    """
    with reading(node.engine) as conn:
        case = get_living(conn, case_id)
        return list(rules.hindrances_of(case.record, leaving_within(conn, node, [case])[0].parts))


def request(
    node: Node, case_id: str, answers: Mapping[str, Any], who: str, revision: int | None = None
) -> GateRequest:
    """Ask for a case to be published as it is now. Where its answers say so, its record is changed first.

    A request that waits already ends: this one stands in its place.

    Args:
        revision: of the record that whoever asks has seen; the newest when None.

    Raises:
        NotFound: the case is not in the register.
        Conflict: it was changed meanwhile, is withdrawn, erased, or on its way to another member.
        InvalidInput: answers are missing, not allowed or refuse, or what would leave does not fit its schema;
            with every problem.
    """
    now = node.clock()
    with writing(node.engine) as conn:
        case = get_living(conn, case_id)
        if revision not in (None, case.revision):
            raise Conflict(
                "The case was changed by somebody else meanwhile.", "Look at it again, and ask then."
            )
        record = _decided_record(answers, case)
        refused = [found for found in _weigh(node, record, answers) if found.refuses]
        if refused:
            raise InvalidInput(
                "The case may not leave the house with these answers.",
                "Mend what is named here.",
                [f"{found.question}: {found.message}" for found in refused],
            )
        void_request(conn, node, case_id, who)
        if record != case.record:
            check_stays(conn, case_id)
            publishing.check_record(node, record)
            case = cases.change_case(conn, case_id, case.revision, record, who, now)
            write_journal(conn, JournalEntry(now, who, "case.change", case_id, ["show_in"]))
            index_cases(conn, node, [case])
        publishing.check_within(conn, node, case)
        asked = gate.add_request(
            conn,
            case_id=case_id,
            revision=case.revision,
            answers=answers,
            digest=leaving_within(conn, node, [case])[0].digest,
            author=who,
            parties=_authors(conn, case_id, who),
            now=now,
        )
        write_journal(conn, JournalEntry(now, who, "gate.request", case_id, sorted(answers)))
    return asked


def list_requests(
    node: Node,
    states: Sequence[str] = (gate.OPEN,),
    case_id: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[GateRequest]:
    """Return requests, the newest first."""
    with reading(node.engine) as conn:
        return gate.list_requests(conn, states, case_id, limit, offset)


def count_requests(node: Node, states: Sequence[str] = (gate.OPEN,)) -> int:
    """Count what `list_requests` would return of a list without end."""
    with reading(node.engine) as conn:
        return gate.count_requests(conn, states)


def list_unreviewed(node: Node, limit: int = 100) -> list[GateRequest]:
    """Return what was published without an approval and is still to be reviewed, the newest first."""
    with reading(node.engine) as conn:
        return gate.unreviewed(conn, limit)


def open_request(node: Node, number: int, who: str) -> RequestView:
    """Show a request and, while it waits, what would leave by it.

    Raises:
        NotFound: there is no such request.
    """
    with writing(node.engine) as conn:
        found = gate.get_request(conn, number)
        write_journal(conn, JournalEntry(node.clock(), who, "gate.open", found.case_id))
        if found.state != gate.OPEN:
            return RequestView(found, None, (), as_asked=False)
        case = cases.get_case(conn, found.case_id)
        shown = preview_within(conn, node, case)
        findings = _weigh(node, case.record, found.answers)
    return RequestView(found, shown, findings, as_asked=shown.digest == found.digest)


def approve(node: Node, number: int, who: str) -> Published:
    """Approve a request, which publishes the case.

    Raises:
        NotFound: there is no such request.
        NotAllowed: whoever asked, or wrote any of what is new, may not approve.
        Conflict: it does not wait any more, what would leave is not what was asked for, or nothing may be
            signed now.
        InvalidInput: what would go out does not fit its schema.
    """
    return _publish(node, number, who, gate.APPROVED)


def refuse(node: Node, number: int, reason: str, who: str) -> None:
    """Refuse a request.

    Raises:
        NotFound: there is no such request.
        Conflict: it does not wait any more.
        InvalidInput: the reason is too short to mean anything, or too long.
    """
    check_purpose(reason)
    _settle(node, number, who, gate.REFUSED, reason)


def take_back(node: Node, number: int, who: str) -> None:
    """Take a request back, which is for whoever asked; anybody else refuses it.

    Raises:
        NotFound: there is no such request.
        NotAllowed: somebody else asked.
        Conflict: it does not wait any more.
    """
    _settle(node, number, who, gate.TAKEN_BACK)


def override(node: Node, number: int, reason: str, who: str) -> Published:
    """Publish in an emergency what nobody has approved; somebody else reviews it within 24 hours.

    Raises:
        NotFound, Conflict, InvalidInput: see `approve`; or the reason is too short, or too long.
    """
    check_purpose(reason)
    return _publish(node, number, who, gate.OVERRIDDEN, reason)


def publish_taken(
    conn: Connection, node: Node, case: CaseFile, came_from: str, who: str
) -> tuple[Published, bool]:
    """Publish a case that was taken over from another member, with the caller's transaction, which `signing`
    gave. Nobody has to look at what this node has seen of it under the id from which it came; where more
    leaves, somebody else reviews it within 24 hours.

    Returns:
        What was published, and whether it is to be reviewed.

    Raises:
        Conflict, InvalidInput: see `publish_again`.
    """
    (leaving,) = leaving_within(conn, node, [case])
    _check_covered([case], {case.case_id: leaving})
    (published,) = publishing.publish_within(conn, node, [case.case_id], who)
    known = adds_nothing(published_parts(conn, came_from), leaving.parts)
    if not known:
        now = node.clock()
        asked = gate.add_request(
            conn,
            case_id=case.case_id,
            revision=case.revision,
            answers={},
            digest=leaving.digest,
            author=who,
            parties={rules.person_of(who)},
            now=now,
        )
        reason = f"taken over: {came_from}"
        version = max(published.versions.values(), default=None)
        due = now + rules.REVIEW_WITHIN
        _decide(conn, node, asked, who, gate.OVERRIDDEN, reason, version=version, review_due=due)
    return published, not known


def review(node: Node, number: int, reason: str, who: str, *, upheld: bool) -> bool:
    """Settle an override after the fact.

    Args:
        upheld: whether it was right. If it was not, and nothing was approved for the case since, the case is
            withdrawn if it is still out.

    Returns:
        Whether the case was withdrawn.

    Raises:
        NotFound: there is no such request.
        NotAllowed: whoever wrote, asked or published may not review it.
        Conflict: there is nothing to be reviewed.
        InvalidInput: the reason is too short to mean anything, or too long.
    """
    check_purpose(reason)
    if upheld:
        with writing(node.engine) as conn:
            _note_review(conn, node, number, reason, who, upheld=True)
        return False
    with signing(node) as conn:
        found = _note_review(conn, node, number, reason, who, upheld=False)
        case = cases.get_case(conn, found.case_id)
        approved = gate.find_approved(conn, case.case_id)
        out = case.status == cases.PUBLISHED and (approved is None or approved.id < number)
        if out:
            publishing.withdraw_within(conn, node, case.case_id, who, {})
    return out


def publish_again(node: Node, case_ids: Sequence[str], who: str) -> list[Published]:
    """Publish cases of which nothing would leave that has not left already: to renew their lives, or to show
    less. Nobody has to approve that: all of them, or none.

    Raises:
        NotFound: see `publishing.publish`.
        Conflict: something new would leave of some, which needs an approval; or see `publishing.publish`.
        InvalidInput: their consent does not cover what would leave, or see `publishing.publish`; with every
            problem.
    """
    with signing(node) as conn:
        found = [cases.get_case(conn, case_id) for case_id in case_ids]
        leaving = dict(zip(case_ids, leaving_within(conn, node, found), strict=True))
        new = [
            case_id
            for case_id, item in leaving.items()
            if not adds_nothing(published_parts(conn, case_id), item.parts)
        ]
        if new:
            raise Conflict(
                "Something new would leave the house, which a second person approves: %(cases)s.",
                "Ask for it with `gmcn gate request %(first)s`.",
                cases=", ".join(new),
                first=new[0],
            )
        _check_covered(found, leaving)
        approved = {case_id: item.digest for case_id, item in leaving.items()}
        publishing.ask_to_ring(conn, node)
        return publishing.publish_within(conn, node, case_ids, who, approved)


# --- Deciding ---


def _check_covered(found: Sequence[CaseFile], leaving: Mapping[str, Leaving]) -> None:
    """Check that the consent in the records of cases covers what would leave of them.

    Raises:
        InvalidInput: it does not, with every problem.
    """
    refused = [
        f"{case.case_id}: {hindrance.message}"
        for case in found
        for hindrance in rules.hindrances_of(case.record, leaving[case.case_id].parts)
    ]
    if refused:
        raise InvalidInput(
            "What the consent in the record does not cover is not published again.",
            "Mend what is named here, or withdraw the case.",
            refused,
        )


def _publish(node: Node, number: int, who: str, state: str, reason: str = "") -> Published:
    """Publish what a request asks for, and settle it, in one transaction.

    Raises:
        NotAllowed: whoever asked would approve it.
        Conflict: something else would leave; the request ends.
    """
    try:
        with signing(node) as conn:
            asked = _waiting(conn, number)
            if state == gate.APPROVED and rules.person_of(who) in asked.parties:
                raise NotAllowed(
                    "Whoever asked for a publication, or wrote any of it, may not approve it.",
                    "Ask a colleague; in an emergency, publish with `gmcn gate override`.",
                )
            approved = {asked.case_id: asked.digest}
            (published,) = publishing.publish_within(conn, node, [asked.case_id], who, approved)
            values: dict[str, Any] = {"version": max(published.versions.values(), default=None)}
            if state == gate.OVERRIDDEN:
                values["review_due"] = node.clock() + rules.REVIEW_WITHIN
                gate.add_parties(conn, number, [rules.person_of(who)])
            _decide(conn, node, asked, who, state, reason, **values)
            publishing.ask_to_ring(conn, node)
            return published
    except NotAsApproved:
        _settle(node, number, who, gate.VOID)
        raise Conflict(
            "What would leave the house now is not what was asked for, and nothing was published.",
            "Look at it again, and make a new request.",
        ) from None


def _settle(node: Node, number: int, who: str, state: str, reason: str = "") -> None:
    with writing(node.engine) as conn:
        asked = _waiting(conn, number)
        if state == gate.TAKEN_BACK and rules.person_of(asked.author) != rules.person_of(who):
            raise NotAllowed("Only whoever asked takes a request back.", "Refuse it, and say why.")
        _decide(conn, node, asked, who, state, reason)


def _decide(
    conn: Connection, node: Node, asked: GateRequest, who: str, state: str, reason: str, **values: Any
) -> None:
    now = node.clock()
    gate.change_request(conn, asked.id, state=state, decided_by=who, decided_at=now, reason=reason, **values)
    write_journal(conn, JournalEntry(now, who, _ACTIONS[state], asked.case_id, purpose=reason))


def _waiting(conn: Connection, number: int) -> GateRequest:
    found = gate.get_request(conn, number)
    if found.state != gate.OPEN:
        raise Conflict("The request does not wait any more.", "See `gmcn gate list`.")
    return found


def _note_review(
    conn: Connection, node: Node, number: int, reason: str, who: str, *, upheld: bool
) -> GateRequest:
    found = gate.get_request(conn, number)
    if found.state != gate.OVERRIDDEN or found.reviewed_at is not None:
        raise Conflict("There is nothing to be reviewed.", "See `gmcn due`.")
    if rules.person_of(who) in found.parties:
        raise NotAllowed("Whoever wrote, asked for or published it may not review it.", "Ask a colleague.")
    now = node.clock()
    gate.change_request(conn, number, reviewed_by=who, reviewed_at=now, upheld=upheld, review_reason=reason)
    write_journal(conn, JournalEntry(now, who, "gate.review", found.case_id, purpose=reason))
    return found


def _authors(conn: Connection, case_id: str, who: str) -> set[str]:
    """Return who wrote what of a case no second person has let out yet, and whoever asks for it."""
    approved = gate.find_approved(conn, case_id)
    wrote = cases.authors_since(conn, case_id, approved.revision if approved else 0)
    return {rules.person_of(actor) for actor in (who, *wrote)}


# --- Answers ---


def _decided_record(answers: Mapping[str, Any], case: CaseFile) -> dict[str, Any]:
    """Give the record as the answers decide it.

    Raises:
        InvalidInput: they are not of the right form.
    """
    if problems := rules.problems_of(answers, case.record):
        raise InvalidInput(
            "The questions of the gate are not answered.", "Answer what is named here.", problems
        )
    record = {**case.record, **rules.changes_of(answers, case.record)}
    return {name: value for name, value in record.items() if value is not None}


def _weigh(node: Node, record: Mapping[str, Any], answers: Mapping[str, Any]) -> list[Finding]:
    schemas = node.network().schemas
    own, default = (
        parts_by(node, record, policy) for policy in (node.disclosure(), DisclosurePolicy.parse({}, schemas))
    )
    return rules.findings_of(answers, record, own, default)
