"""Handing a case over to another member (protocol README, "Handing over a case").

    old owner                        new owner
    offer      --------------->
               --- photographs ->
                                     accept: stored, published and answered in one transaction
               <---------------      answer
    sees the new case in its feed,
    then withdraws its own

Guarantees: every step is one transaction, with the message that tells of it in the outbox, so that a crash
anywhere goes on at the next start; the old case is withdrawn only after the new one is live; of a case at
most one offer can be accepted; whatever the other side sends changes nothing but what this page says.
"""

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import Connection

from node.domain.renditions import renditions_in
from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.disclosure.own_feeds import signing
from node.services.messages import attend, open_member, write_message
from node.services.register.cases import check_stays, index_cases
from node.services.standing import exchange_with
from node.store.database import reading, writing
from node.store.federation import messages, peers
from node.store.federation.messages import MessageRow
from node.store.journal import JournalEntry, write_journal
from node.store.published import feed_cases, feeds
from node.store.register import cases, handovers
from node.store.register.cases import CaseFile
from node.store.register.handovers import Handover
from protocol.errors import ProtocolError
from protocol.fields import Fields
from protocol.leaf import check_case_id
from protocol.member import Member
from protocol.message import Content

OFFER = "handover"
PHOTOGRAPH = "handover-photograph"
CANCEL = "handover-cancel"
ANSWER = "handover-answer"

PIECE_BYTES = 1 << 19
"""How much of a photograph one message holds: less than the megabyte that many proxies take at most."""
MAX_PHOTOGRAPHS_BYTES = 64 << 20
"""The most that the photographs of a case may have together: half of what a member holds of one sender."""
OFFER_LIFE = timedelta(days=30)

_ACTOR = "handover"
MAX_REASON = 500


def offer_case(node: Node, case_id: str, member_id: str, actor: str) -> Handover:
    """Offer a case to another member, with its record and photographs; a job delivers it.

    Raises:
        NotFound: the case is not in the register, or the roster lists no such member.
        Conflict: the case is withdrawn or erased, or offered already, or a photograph is missing.
        NotAllowed: its keys are not accepted, nothing is exchanged with it, the case is kept from it, or it
            may not read all of it.
        InvalidInput: it is too large.
    """
    with writing(node.engine, durable=True) as conn:
        case = cases.get_case(conn, case_id)
        if case.status not in (cases.DRAFT, cases.PUBLISHED):
            raise Conflict(
                "The case is %(state)s.",
                "Only a draft or a published case is handed over.",
                state=case.status,
            )
        _check_free(conn, node, case_id)
        member = _new_owner(conn, node, case, member_id)
        body = {
            "case": case_id,
            "record": case.record,
            "published": case.status == cases.PUBLISHED,
            "kept_from": cases.excluded_members(conn, case_id),
        }
        token_id = write_message(conn, node, member, OFFER, Content(body), OFFER_LIFE)
        _write_photographs(conn, node, member, case, token_id)
        now = node.clock()
        handovers.add_handover(
            conn,
            giving=True,
            member=member_id,
            offer=token_id,
            case_id=case_id,
            state=handovers.OFFERED,
            now=now,
            expires_at=node.now() + OFFER_LIFE,
        )
        write_journal(conn, JournalEntry(now, actor, "case.offer", case_id, [member_id]))
        return _given(conn, member_id, token_id)


def take_back(node: Node, case_id: str, actor: str) -> Handover:
    """Take back the offer of a case. A member that has accepted it meanwhile keeps it all the same.

    One that accepted it and never published it can be left waiting too: a person has to have a way out.

    Raises:
        Conflict: it is not offered.
    """
    with writing(node.engine, durable=True) as conn:
        given = handovers.giving_of(conn, case_id, handovers.GIVING_OPEN)
        if given is None:
            raise Conflict("The case is not offered to anybody.", "See `gmcn case show`.")
        _cancel(conn, node, given, "the offer was taken back")
        write_journal(conn, JournalEntry(node.clock(), actor, "case.keep", case_id, [given.member]))
        return _given(conn, given.member, given.offer)


def proceed(node: Node) -> None:
    """Take the answers that have come, and do what is next with every case on its way."""
    with reading(node.engine) as conn:
        rows = messages.unattended(conn, (ANSWER,))
    for row in rows:
        with suppress(NodeError):  # it cannot be done now, is tried again, and holds up nothing else
            attend(node, row, "answer", _take_answer)
    with reading(node.engine) as conn:
        given = handovers.open_givings(conn)
    for item in given:
        try:
            _go_on(node, item)
        except (NodeError, ProtocolError) as error:
            if item.reason != str(error):
                with writing(node.engine) as conn:
                    handovers.change_handover(conn, item.id, reason=str(error))


def way_of(node: Node, case_id: str) -> tuple[Handover | None, Handover | None]:
    """Return how an own case came from another member, and how it is going to another; None where not."""
    with reading(node.engine) as conn:
        return handovers.origin_of(conn, case_id), handovers.giving_of(conn, case_id, handovers.STATES)


def list_possible(node: Node, case_id: str) -> list[Member]:
    """Return the members that a case may be offered to now, by their ids.

    Raises:
        NotFound: the case is not in the register.
    """
    found = []
    with reading(node.engine) as conn:
        case = cases.get_case(conn, case_id)
        for member in node.network().roster.members:
            if member.id != node.member:
                with suppress(NotAllowed, NotFound):
                    found.append(_new_owner(conn, node, case, member.id))
    return sorted(found, key=lambda member: member.id)


def _check_free(conn: Connection, node: Node, case_id: str) -> None:
    """Check that no other member can accept a case, or has accepted it.

    Raises:
        Conflict: one can.
    """
    check_stays(conn, case_id)
    given = handovers.giving_of(conn, case_id, (handovers.CANCELLED,))
    if given is not None and given.answered_at is None and given.expires_at > node.clock():
        raise Conflict(
            "%(member)s has not confirmed yet that the offer to it does not stand any more.",
            "It does so by itself once it is reached; offer the case again then.",
            member=given.member,
        )


def _new_owner(conn: Connection, node: Node, case: CaseFile, member_id: str) -> Member:
    """Return a member that may have all of a case.

    Raises:
        NotFound, NotAllowed: see `offer_case`.
    """
    member = open_member(conn, node, member_id)
    if not exchange_with(conn, node, member_id).accepted:
        raise NotAllowed(
            "The keys of %(member)s are not accepted here.",
            "A private record goes only to a member whose keys were checked: `gmcn member accept`.",
            member=member_id,
        )
    if member_id in cases.excluded_members(conn, case.case_id):
        raise NotAllowed("The case is kept from %(member)s.", "See `gmcn case exclude`.", member=member_id)
    schemas = node.network().schemas
    open_to_all = {name for part in ("public", "network") for name in schemas.fields("summary", part)}
    police = set(schemas.fields("supplement", "police")) - open_to_all
    if member.kind != "law_enforcement" and (found := sorted(police & case.record.keys())):
        raise NotAllowed(
            "%(member)s may not read what is for law enforcement alone: %(fields)s.",
            "Hand the case to a law-enforcement member, or take those fields out with `gmcn case change`.",
            member=member_id,
            fields=", ".join(found),
        )
    return member


def _write_photographs(conn: Connection, node: Node, member: Member, case: CaseFile, offer: str) -> None:
    """Put the photographs of a case into the outbox, behind the offer.

    Raises:
        Conflict: one of them is missing here.
        InvalidInput: they are too large together.
    """
    renditions = renditions_in(case.record)
    if sum(int(item["bytes"]) for item in renditions.values()) > MAX_PHOTOGRAPHS_BYTES:
        raise InvalidInput(
            "The photographs have more than %(most)s MB together.",
            "Take some out of the record first, with `gmcn case change`.",
            most=MAX_PHOTOGRAPHS_BYTES >> 20,
        )
    for sha256 in renditions:
        data = node.blobs.get(node.member, sha256)
        if data is None:
            raise Conflict("A photograph of the case is missing here.", "Run `gmcn fsck`.")
        for offset in range(0, len(data), PIECE_BYTES):
            body = {"case": case.case_id, "re": offer, "sha256": sha256, "offset": offset}
            content = Content(body, data[offset : offset + PIECE_BYTES])
            write_message(conn, node, member, PHOTOGRAPH, content, OFFER_LIFE)


def _given(conn: Connection, member: str, offer: str) -> Handover:
    given = handovers.find_offer(conn, giving=True, member=member, offer=offer)
    assert given is not None
    return given


def _cancel(conn: Connection, node: Node, given: Handover, reason: str) -> None:
    """End an offer that was made, and tell the member that it was made to.

    The message is about no case: it must still reach its receiver when what is about the case was erased.
    """
    _settle_sent(conn, node, given, messages.CANCELLED)
    handovers.change_handover(conn, given.id, state=handovers.CANCELLED, reason=reason)
    member = node.network().roster.member(given.member)
    write_message(conn, node, member, CANCEL, Content({"re": given.offer, "reason": reason}))


def _settle_sent(conn: Connection, node: Node, given: Handover, state: str) -> None:
    """End what of an offer is not delivered yet."""
    offer = messages.find_message(conn, outgoing=True, member=given.member, token_id=given.offer)
    parts = messages.belonging_to(conn, outgoing=True, member=given.member, re=given.offer)
    numbers = [part.id for part in (offer, *parts) if part is not None]
    messages.settle(conn, numbers, state, node.clock())


def _take_answer(conn: Connection, node: Node, row: MessageRow, fields: Fields) -> None:
    """Write down what a member says to an offer.

    An acceptance counts also when the offer has ended meanwhile: there must not be two owners.

    Raises:
        Malformed, NotAuthorized: it is not of the form, or names a case that is not the member's.
    """
    given = handovers.find_offer(conn, giving=True, member=row.member, offer=row.re)
    if given is None or given.state in handovers.GIVEN:
        messages.settle(conn, [row.id], messages.CLOSED, node.clock(), "there is no such offer")
        return
    now = node.clock()
    if fields.boolean("accepted"):
        new_case = fields.text("new_case")
        check_case_id(new_case, row.member)
        handovers.change_handover(
            conn,
            given.id,
            state=handovers.ACCEPTED,
            other_case=new_case,
            published=fields.boolean("published"),
            answered_at=now,
            reason="",
        )
        _settle_sent(conn, node, given, messages.CANCELLED)
        messages.settle(conn, [row.id], messages.ACCEPTED, now)
        peers.ring(conn, row.member, now)  # its feed tells when the new case is live
        return
    reason = fields.text("reason", most=MAX_REASON) if fields.has("reason") else ""
    state = handovers.DECLINED if given.state == handovers.OFFERED else given.state
    handovers.change_handover(conn, given.id, state=state, answered_at=now, reason=given.reason or reason)
    messages.settle(conn, [row.id], messages.DECLINED, now, reason)


def _go_on(node: Node, given: Handover) -> None:
    """Take the next step with a case that is offered or accepted, if it is time."""
    if given.state == handovers.ACCEPTED:
        with reading(node.engine) as conn:
            ready = not given.published or _is_announced(conn, given)
        if ready:
            _let_go(node, given)
        return
    with writing(node.engine, durable=True) as conn:
        case = cases.get_case(conn, given.case_id)
        offer = messages.find_message(conn, outgoing=True, member=given.member, token_id=given.offer)
        if _given(conn, given.member, given.offer).state != handovers.OFFERED:
            return
        if case.status not in (cases.DRAFT, cases.PUBLISHED):
            _cancel(conn, node, given, "the case has ended")
        elif given.expires_at <= node.clock():
            _end(conn, node, given, handovers.LAPSED, "there was no answer")
        elif offer is not None and offer.state == messages.REFUSED:
            _end(conn, node, given, handovers.DECLINED, offer.reason)
        elif refused := _refused_part(conn, given):
            _cancel(conn, node, given, f"a photograph was refused: {refused}")


def _refused_part(conn: Connection, given: Handover) -> str:
    """Return why a photograph of an offer was refused; empty when none was."""
    parts = messages.belonging_to(conn, outgoing=True, member=given.member, re=given.offer)
    return next((part.reason for part in parts if part.state == messages.REFUSED), "")


def _end(conn: Connection, node: Node, given: Handover, state: str, reason: str) -> None:
    handovers.change_handover(conn, given.id, state=state, reason=reason, answered_at=node.clock())
    _settle_sent(conn, node, given, messages.CANCELLED)


def _is_announced(conn: Connection, given: Handover) -> bool:
    """Tell whether the new owner's feeds, as pulled, have the new case. That it is gone again is its own
    affair."""
    rows = [feeds.find_feed(conn, given.member, audience) for audience in ("network", "police")]
    return any(row is not None and feed_cases.lookup_cases(conn, row.id, [given.other_case]) for row in rows)


def _let_go(node: Node, given: Handover) -> None:
    """Withdraw the old case, and write down where it went."""
    with signing(node) as conn:
        if _given(conn, given.member, given.offer).state != handovers.ACCEPTED:
            return
        case, now = cases.get_case(conn, given.case_id), node.clock()
        if case.status == cases.PUBLISHED:
            publishing.withdraw_within(conn, node, case.case_id, _ACTOR, {})
        elif case.status == cases.DRAFT:
            cases.set_status(conn, case.case_id, cases.WITHDRAWN, now)
            index_cases(conn, node, [cases.get_case(conn, case.case_id)])
        handovers.change_handover(conn, given.id, state=handovers.DONE)
        fields = [given.member, given.other_case]
        write_journal(conn, JournalEntry(now, _ACTOR, "case.hand-over", case.case_id, fields))
    publishing.ring_peers(node)
