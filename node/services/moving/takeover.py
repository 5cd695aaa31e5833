"""Taking over a case that another member offers (protocol README, "Handing over a case").

Guarantees: nothing of an offer is believed before it was held against this node's own schemas and limits; an
accepted case is stored, published and answered in one transaction, under an id of this member's own; what was
sent is deleted when the offer ends, however it ends. The other side of it is
`node.services.moving.handover`.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from node.adapters.images import check_rendition
from node.domain.renditions import hashes_in, renditions_in
from node.errors import Conflict, InvalidInput, NodeError, NotFound
from node.runtime import Node
from node.services.disclosure import gate
from node.services.disclosure.own_feeds import signing
from node.services.messages import attend, open_member, open_row, write_message
from node.services.moving.handover import ANSWER, CANCEL, MAX_REASON, OFFER, PHOTOGRAPH
from node.services.register.cases import index_cases, new_case_id
from node.services.register.photographs import expect_import, files_in
from node.store.database import reading, writing
from node.store.federation import messages
from node.store.federation.messages import MessageRow
from node.store.journal import JournalEntry, write_journal
from node.store.published import photographs
from node.store.register import cases, handovers
from node.store.register.cases import CaseFile
from protocol.encoding import parse_hash
from protocol.errors import ProtocolError
from protocol.fields import Fields
from protocol.leaf import check_case_id
from protocol.member import Member, parse_member_id
from protocol.message import Content
from protocol.signs import is_readable
from schemas import SchemaError

_MAX_MEMBERS = 1000
_MOST_BYTES = 1 << 40


@dataclass(frozen=True, slots=True)
class Offer:
    """What an offer says.

    Attributes:
        case_id: under which the old owner has it.
        record: the private record, not yet held against its schema.
        published: whether peers see it now.
        kept_from: members that it is kept from.
    """

    case_id: str
    record: dict[str, Any]
    published: bool
    kept_from: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferView:
    """An offer as a person is shown it; every picture counts in each of its sizes."""

    case_id: str
    record: Mapping[str, Any]
    published: bool
    photographs_here: int
    photographs: int


@dataclass(frozen=True, slots=True)
class TakenOver:
    """An own case that came from another member.

    Attributes:
        versions: by audience, empty when it is a draft.
        to_review: whether more of it went out than this node had seen of it, so that a second person looks.
    """

    case_id: str
    came_from: str
    old_owner: str
    versions: Mapping[str, int]
    to_review: bool


def read_offer(conn: Connection, node: Node, row: MessageRow) -> Offer:
    """Return what an offer says.

    Raises:
        Conflict: the message is no offer, or an offer that does not stand any more.
        Malformed, NotAuthorized: it is not of the form, or not about a case of its sender.
    """
    content = open_row(conn, node, row) if row.kind == OFFER else None
    if content is None:
        raise Conflict("The message is no offer that stands.", "See `gmcn messages list`.")
    fields = Fields(content.body, "offer")
    check_case_id(content.case, row.member)
    fields.object("record")
    kept_from = fields.list("kept_from", parse_member_id, most=_MAX_MEMBERS)
    return Offer(content.case, content.body["record"], fields.boolean("published"), kept_from)


def list_offers(node: Node, limit: int) -> list[MessageRow]:
    """Return the offers that wait for an answer here, the first to end first."""
    with reading(node.engine) as conn:
        return messages.list_new(conn, OFFER, limit)


def count_offers(node: Node) -> int:
    """Count the offers that wait for an answer here."""
    with reading(node.engine) as conn:
        return messages.count_new(conn, OFFER)


def open_offer(node: Node, number: int, actor: str) -> tuple[MessageRow, OfferView | None]:
    """Show an offer that waits for an answer here; the reading is in the journal.

    Returns:
        The message, and what it says; None where it is not right, so that it can only be declined.

    Raises:
        NotFound: no such offer waits here.
    """
    with writing(node.engine) as conn:
        row = messages.get_message(conn, number)
        if row.outgoing or row.kind != OFFER or row.state != messages.NEW:
            raise NotFound("No such offer waits here.", "It was answered, or does not stand any more.")
        write_journal(conn, JournalEntry(node.clock(), actor, "message.read", row.case_id, [row.kind]))
    return row, view_offer(node, row)


def view_offer(node: Node, row: MessageRow) -> OfferView | None:
    """Return an offer as a person is shown it; None when it is not right, or does not stand any more."""
    with reading(node.engine) as conn:
        try:
            offer = _checked(node, conn, row)
        except (Conflict, InvalidInput):
            return None
        here, count = count_photographs(conn, node, row, offer)
    return OfferView(offer.case_id, offer.record, offer.published, here, count)


def count_photographs(conn: Connection, node: Node, row: MessageRow, offer: Offer) -> tuple[int, int]:
    """Tell how many of the photographs of an offer are here whole, and how many there are."""
    pieces, wanted = _pieces(conn, node, row), renditions_in(offer.record)
    return sum(_is_whole(pieces.get(sha256, {}), item) for sha256, item in wanted.items()), len(wanted)


def accept(node: Node, number: int, actor: str) -> TakenOver:
    """Take over the case that a message offers: it is stored under an id of this member's own, published if
    it was, and the old owner told, in one transaction. Where more of it leaves than this node has seen, a
    second person reviews that within 24 hours: only the old owner says that peers have it.

    Raises:
        NotFound: there is no such message.
        Conflict: it is no offer that stands, not everything has come, or nothing may be signed now.
        NotAllowed: nothing is exchanged with the old owner.
        InvalidInput: the record or a photograph is not right by this node's schemas and limits, or the
            consent in the record does not cover what would leave.
    """
    with reading(node.engine) as conn:
        row = messages.get_message(conn, number)
        offer = _checked(node, conn, row)
        _import_photographs(conn, node, row, offer)
    with signing(node) as conn:
        if messages.get_message(conn, number).state != messages.NEW:
            raise Conflict("The offer does not stand any more.", "See `gmcn messages list --all`.")
        old_owner = open_member(conn, node, row.member)
        case = _add(conn, node, row, offer, actor)
        versions: Mapping[str, int] = {}
        to_review = False
        if offer.published:
            published, to_review = gate.publish_taken(conn, node, case, offer.case_id, actor)
            versions = published.versions
            if not versions:
                raise Conflict(
                    "Peers see the case now, and would not by this node's rules of disclosure.",
                    "Change [disclosure] in node.toml, or decline.",
                )
        _settle_offer(conn, node, row, messages.ACCEPTED)
        answer = {
            "re": row.token_id, "accepted": True, "new_case": case.case_id, "published": bool(versions)
        }  # fmt: skip
        write_message(conn, node, old_owner, ANSWER, Content(answer))
    return TakenOver(case.case_id, offer.case_id, row.member, versions, to_review)


def decline(node: Node, number: int, reason: str, actor: str) -> str:
    """Decline an offer; what was sent is deleted, and the old owner told, who is returned.

    Raises:
        NotFound: there is no such message.
        Conflict: it is no offer that stands.
        NotAllowed: nothing is exchanged with the old owner.
        InvalidInput: the reason is too long, or not one line.
    """
    if len(reason) > MAX_REASON or not is_readable(reason):
        raise InvalidInput(
            "The reason cannot be sent.", "Write one line of at most %(most)s characters.", most=MAX_REASON
        )
    with writing(node.engine, durable=True) as conn:
        row = messages.get_message(conn, number)
        if row.kind != OFFER or row.state != messages.NEW:
            raise Conflict("The message is no offer that stands.", "See `gmcn messages list`.")
        old_owner = open_member(conn, node, row.member)
        _settle_offer(conn, node, row, messages.DECLINED, reason)
        _answer_no(conn, node, old_owner, row.token_id, reason)
        write_journal(conn, JournalEntry(node.clock(), actor, "case.decline", row.case_id, [row.member]))
    return row.member


def proceed(node: Node) -> None:
    """End the offers that do not stand any more, and tell their senders so."""
    with reading(node.engine) as conn:
        rows = messages.unattended(conn, (CANCEL,))
    for row in rows:
        with suppress(NodeError):  # it cannot be done now, is tried again, and holds up nothing else
            attend(node, row, "cancellation", _take_cancel)


def _checked(node: Node, conn: Connection, row: MessageRow) -> Offer:
    """Return an offer that may be accepted as it is.

    Raises:
        Conflict, InvalidInput: see `accept`.
    """
    try:
        offer = read_offer(conn, node, row)
        node.network().schemas.check("case", offer.record)
    except ProtocolError as error:
        raise InvalidInput("The offer is not right.", "Decline it, with the reason.", [str(error)]) from None
    except SchemaError as error:
        problems = [str(problem) for problem in error.problems]
        raise InvalidInput("The record is not right.", "Decline it, with the reason.", problems) from None
    if files := files_in(offer.record):
        raise InvalidInput("The record names files.", "Decline it, with the reason.", files)
    return offer


def _import_photographs(conn: Connection, node: Node, row: MessageRow, offer: Offer) -> None:
    """Keep the photographs of an offer, which the case will refer to.

    Raises:
        Conflict: not all of them have come.
        InvalidInput: one is not what the record says, or none that is taken here.
    """
    wanted = renditions_in(offer.record)
    here, count = count_photographs(conn, node, row, offer)
    if here < count:
        raise Conflict(
            "Only %(here)s of %(count)s pictures have come yet.",
            "The rest is sent by itself; try again later.",
            here=here,
            count=count,
        )
    pieces, problems = _pieces(conn, node, row), list[str]()
    expect_import(node, wanted)
    for sha256, item in wanted.items():
        data = b"".join(_attachments(conn, node, pieces[sha256]))
        try:
            check_rendition(data, item, node.photograph_limits())
        except InvalidInput as error:
            problems.append(f"{sha256}: {error.message}")
        else:
            node.blobs.put(node.member, data)
    if problems:
        raise InvalidInput("The photographs are not right.", "Decline, with the reason.", problems)


def _pieces(conn: Connection, node: Node, row: MessageRow) -> dict[str, dict[int, tuple[MessageRow, int]]]:
    """Return the pieces of photographs that belong to an offer: by photograph and offset, with their size.

    What is not of the form is passed over: it is missing, then.
    """
    found: dict[str, dict[int, tuple[MessageRow, int]]] = {}
    for piece in messages.belonging_to(conn, outgoing=False, member=row.member, re=row.token_id):
        if piece.kind != PHOTOGRAPH:
            continue
        try:
            content = open_row(conn, node, piece)
            if content is not None:
                fields = Fields(content.body, "photograph")
                sha256 = parse_hash(fields.get("sha256"), "photograph").hex()
                offset = fields.integer("offset", 0, _MOST_BYTES)
                found.setdefault(sha256, {})[offset] = piece, len(content.attachment)
        except ProtocolError:
            continue
    return found


def _is_whole(pieces: Mapping[int, tuple[MessageRow, int]], item: Mapping[str, Any]) -> bool:
    end = 0
    for offset in sorted(pieces):
        if offset != end:
            return False
        end += pieces[offset][1]
    return end == int(item["bytes"])


def _attachments(
    conn: Connection, node: Node, pieces: Mapping[int, tuple[MessageRow, int]]
) -> Iterator[bytes]:
    for offset in sorted(pieces):
        content = open_row(conn, node, pieces[offset][0])
        yield content.attachment if content else b""  # gone meanwhile: the hash will not be right


def _add(conn: Connection, node: Node, row: MessageRow, offer: Offer, actor: str) -> CaseFile:
    """Store the case of an offer as an own draft, and where it came from.

    Raises:
        Conflict: a photograph was erased with another case meanwhile.
    """
    now = node.clock()
    case = cases.add_case(conn, new_case_id(node.member), offer.record, actor, now)
    hashes = hashes_in(offer.record)
    if not all(node.blobs.has(node.member, sha256) for sha256 in hashes):
        raise Conflict("A photograph was erased with another case meanwhile.", "Accept again.")
    cases.keep_photographs(conn, case.case_id, hashes)
    photographs.settle_expected(conn, node.member, hashes)
    listed = {member.id for member in node.network().roster.members} - {node.member}
    cases.exclude_members(conn, case.case_id, [member for member in offer.kept_from if member in listed])
    handovers.add_handover(
        conn,
        giving=False,
        member=row.member,
        offer=row.token_id,
        case_id=case.case_id,
        other_case=offer.case_id,
        state=handovers.ACCEPTED,
        published=offer.published,
        now=now,
        expires_at=row.expires_at,
    )
    write_journal(conn, JournalEntry(now, actor, "case.take-over", case.case_id, [row.member, offer.case_id]))
    index_cases(conn, node, [case])
    return case


def _settle_offer(conn: Connection, node: Node, row: MessageRow, state: str, reason: str = "") -> None:
    """End an offer that came here, with its photographs."""
    parts = messages.belonging_to(conn, outgoing=False, member=row.member, re=row.token_id)
    numbers = [row.id, *(part.id for part in parts if part.kind == PHOTOGRAPH)]
    messages.settle(conn, numbers, state, node.clock(), reason)


def _answer_no(conn: Connection, node: Node, old_owner: Member, offer: str, reason: str) -> None:
    said = {"reason": reason} if reason else {}
    write_message(conn, node, old_owner, ANSWER, Content({"re": offer, "accepted": False, **said}))


def _take_cancel(conn: Connection, node: Node, row: MessageRow, fields: Fields) -> None:
    """End an offer that its sender does not make any more; one that was accepted stays, and a person is
    told.

    Raises:
        Malformed: it is not of the form.
        NotAllowed: nothing is exchanged with the sender now, so that it cannot be answered.
    """
    reason = fields.text("reason", most=MAX_REASON)
    if handovers.find_offer(conn, giving=False, member=row.member, offer=row.re) is not None:
        messages.remark(conn, row.id, f"of a case that was accepted here: {reason}")
        return
    offer = messages.find_message(conn, outgoing=False, member=row.member, token_id=row.re)
    if offer is None or offer.state != messages.DECLINED:  # else the answer is on its way
        _answer_no(conn, node, open_member(conn, node, row.member), row.re, reason)
    if offer is not None:
        _settle_offer(conn, node, offer, messages.CANCELLED, reason)
    messages.settle(conn, [row.id], messages.CLOSED, node.clock(), reason)
