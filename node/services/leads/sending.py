"""Leads about other members' cases: told to the owner, and what the owner answers.

Guarantees: a lead that was written reaches the owner, signed and sealed, or a person is told why not (see
`node.services.messages`); what was told and answered is kept here until the case is erased by its owner.
"""

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection

from node.adapters.images import Prepared
from node.errors import Conflict, InvalidInput, NodeError
from node.runtime import Node
from node.services.leads.inbox import delivery_of, prepare_picture
from node.services.leads.letters import (
    ANSWER,
    LEAD,
    PHOTOGRAPH_REQUEST,
    Letter,
    Reply,
    parse_letter,
    parse_reply,
)
from node.services.messages import open_member, open_row, write_message
from node.store import cases, endings, leads, messages
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.leads import Lead
from node.store.messages import MessageRow
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


def take_answers(node: Node) -> int:
    """Take what owners have answered. Returns how many answers there were."""
    with reading(node.engine) as conn:
        rows = messages.unattended(conn, (ANSWER,))
    for row in rows:
        with suppress(NodeError):  # it cannot be done now, is tried again, and holds up nothing else
            _take_answer(node, row)
    return len(rows)


def _send(node: Node, kind: str, case_id: str, letter: Letter, actor: str, picture: Prepared | None) -> int:
    owner = case_id.partition("/")[0]
    body = {"case": case_id, "text": letter.text, **letter.details}
    try:
        check_case_id(case_id, owner)
        parse_letter(body, node.member)
    except ProtocolError as error:
        raise InvalidInput(f"The lead cannot be sent: {error}.", "Mend what is named here.") from None
    with writing(node.engine, durable=True) as conn:
        member = open_member(conn, node, owner)
        if endings.ended_ids(conn, [case_id], node.clock()):
            raise Conflict("That case has ended.", "There is nobody to tell.")
        if letter.own_case:
            cases.get_case(conn, letter.own_case)
        token_id = write_message(
            conn, node, member, kind, Content(body, picture.full.data if picture else b"")
        )
        number = leads.add_lead(
            conn,
            outgoing=True,
            case_id=case_id,
            kind=kind,
            origin=leads.STAFF,
            now=node.clock(),
            text=letter.text,
            details=letter.details,
            member=owner,
            token_id=token_id,
            by=actor,
        )
        if picture is not None:
            leads.keep_photograph(conn, number, picture.small.data, picture.full.data)
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.send", case_id, [kind]))
    return number


def _take_answer(node: Node, row: MessageRow) -> None:
    """Add an answer to the lead that it is about; one to nothing, or that is not of the form, is closed."""
    reason, picture, reply = "", None, Reply("")
    with reading(node.engine) as conn:
        try:
            content = open_row(conn, node, row)
            reply = parse_reply(content.body) if content else reply
        except ProtocolError as error:
            content, reason = None, str(error)
    if content is not None and content.attachment:
        try:
            picture = prepare_picture(node, content.attachment)
        except InvalidInput as error:
            reply = Reply(f"{reply.text}\n[Its picture was not taken: {error.message}]", reply.state)
    with writing(node.engine, durable=True) as conn:
        if messages.get_message(conn, row.id).state != messages.NEW:
            return
        if content is not None and not _keep_answer(conn, node, row, reply, picture):
            reason = "there is no such lead"
        messages.settle(conn, [row.id], messages.CLOSED, node.clock(), reason)


def _keep_answer(
    conn: Connection, node: Node, row: MessageRow, reply: Reply, picture: Prepared | None
) -> bool:
    lead = leads.find_lead(conn, outgoing=True, member=row.member, token_id=row.re)
    if lead is None:
        return False
    entry = leads.add_entry(conn, lead.id, leads.ANSWER, row.member, row.at, reply.text, reply.state)
    if reply.state:
        leads.change_lead(conn, lead.id, state=reply.state)
    if picture is not None:
        leads.keep_photograph(conn, lead.id, picture.small.data, picture.full.data, entry)
    write_journal(conn, JournalEntry(node.clock(), row.member, "lead.answered", lead.case_id))
    return True
