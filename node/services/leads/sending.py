"""Leads about other members' cases: told to the owner, and what the owner answers.

Guarantees: a lead that was written reaches the owner, signed and sealed, or a person is told why not (see
`node.services.messages`); what was told and answered is kept here until the case is erased by
its owner, or the own case that it names is.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from node.adapters.images import Prepared
from node.errors import Conflict, InvalidInput
from node.runtime import Node
from node.services.leads.inbox import delivery_of
from node.services.leads.letters import (
    ANSWER,
    LEAD,
    PHOTOGRAPH_REQUEST,
    Letter,
    Reply,
    parse_letter,
    parse_reply,
)
from node.services.leads.taking import keep_lead, prepare_picture, take_all
from node.services.messages import open_member, write_message
from node.store import leads
from node.store.database import reading, writing
from node.store.federation import messages
from node.store.federation.messages import MessageRow
from node.store.journal import JournalEntry, write_journal
from node.store.leads import Lead
from node.store.published import endings
from node.store.register import cases
from protocol.errors import ProtocolError
from protocol.leaf import check_case_id
from protocol.message import Content


@dataclass(frozen=True, slots=True)
class SentLead:
    """A lead that was sent.

    Attributes:
        delivery: how its message stands, and why.
        answers: how many there are.
    """

    lead: Lead
    delivery: tuple[str, str] | None
    answers: int


def send_lead(node: Node, case_id: str, letter: Letter, actor: str, picture: bytes = b"") -> int:
    """Tell a case's owner something; a job delivers it. Returns the lead's number.

    Raises:
        NotFound: the roster lists no such owner, or `own_case` is not in the register.
        NotAllowed: nothing is exchanged with the owner, or the case is an own one.
        Conflict: the case has ended.
        InvalidInput: it is no case id, what is told is too long, or the picture is none.
    """
    return _send(node, LEAD, case_id, letter, actor, prepare_picture(node, picture))


def request_photograph(node: Node, case_id: str, reason: str, actor: str) -> int:
    """Ask a case's owner for a photograph that shows more. Returns the lead's number.

    Raises:
        See `send_lead`.
    """
    return _send(node, PHOTOGRAPH_REQUEST, case_id, Letter(reason), actor, None)


def list_sent(node: Node, *, case_id: str = "", limit: int, offset: int = 0) -> list[SentLead]:
    """Return the leads that were sent, the newest first, each with how it stands."""
    with reading(node.engine) as conn:
        sent = leads.list_leads(conn, outgoing=True, case_id=case_id, limit=limit, offset=offset)
        answers = leads.count_answers(conn, [lead.id for lead in sent])
        return [SentLead(lead, delivery_of(conn, lead), answers.get(lead.id, 0)) for lead in sent]


def count_unread(node: Node) -> int:
    """Count the leads that were sent and to which an answer has come that nobody has looked at."""
    with reading(node.engine) as conn:
        return leads.count_unread(conn)


def take_answers(node: Node) -> int:
    """Take what owners have answered. Returns how many answers there were."""
    return take_all(node, (ANSWER,), lambda content, row: parse_reply(content.body), _keep_answer)


def erase_naming(conn: Connection, node: Node, case_id: str) -> None:
    """Delete what was told about others' cases and names an own one that is erased; what of it still waits to
    be sent is not sent."""
    told = leads.sent_naming(conn, case_id)
    leads.erase_leads(conn, [lead.id for lead in told])
    for lead in told:
        row = messages.find_message(conn, outgoing=True, member=lead.member, token_id=lead.token_id or "")
        if row is not None:
            messages.settle(conn, [row.id], messages.ERASED, node.clock())


def _send(node: Node, kind: str, case_id: str, letter: Letter, actor: str, picture: Prepared | None) -> int:
    owner = case_id.partition("/")[0]
    body = {"case": case_id, **letter.body}
    try:
        check_case_id(case_id, owner)
        parse_letter(body, node.member)
    except ProtocolError as error:
        raise InvalidInput(
            "The lead cannot be sent: %(reason)s.", "Mend what is named here.", reason=str(error)
        ) from None
    with writing(node.engine, durable=True) as conn:
        member = open_member(conn, node, owner)
        if endings.ended_ids(conn, [case_id], node.clock()):
            raise Conflict("That case has ended.", "There is nobody to tell.")
        if letter.own_case:
            cases.get_case(conn, letter.own_case)
        token_id = write_message(
            conn, node, member, kind, Content(body, picture.full.data if picture else b"")
        )
        number = keep_lead(
            conn,
            letter,
            picture,
            outgoing=True,
            case_id=case_id,
            kind=kind,
            origin=leads.STAFF,
            now=node.clock(),
            member=owner,
            token_id=token_id,
            by=actor,
        )
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.send", case_id, [kind]))
    return number


def _keep_answer(
    conn: Connection, node: Node, row: MessageRow, reply: Reply, picture: Prepared | None, wrong: str
) -> str:
    """Add an answer to the lead that it is about; see `take_all`."""
    lead = leads.find_lead(conn, outgoing=True, member=row.member, token_id=row.re)
    if lead is None:
        return "there is no such lead"
    text = f"{reply.text}\n[{wrong}]" if wrong else reply.text
    entry = leads.add_entry(conn, lead.id, leads.ANSWER, row.member, row.at, text, reply.state)
    leads.change_lead(conn, lead.id, state=reply.state or lead.state, unread=True)
    if picture is not None:
        leads.keep_photograph(conn, lead.id, picture.small.data, picture.full.data, entry)
    write_journal(conn, JournalEntry(node.clock(), row.member, "lead.answered", lead.case_id))
    return ""
