"""Leads about own cases: taken, read, worked on, decided and answered.

Guarantees: a lead that came is there once, with whatever was wrong with its picture said beside it; it goes
with its case when that is erased; whatever a person does with a lead stands in its history and in the
journal, the journal without a word of what was said.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rapidfuzz.fuzz import token_sort_ratio
from sqlalchemy import Connection

from node.adapters.images import Prepared
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.leads.letters import (
    ANSWER,
    KINDS,
    LEAD,
    MAX_TEXT,
    Letter,
    parse_letter,
    parse_reply,
    read_receipt,
)
from node.services.leads.taking import keep_lead, prepare_picture, take_all
from node.services.messages import open_member, write_message
from node.store import leads
from node.store.database import reading, writing
from node.store.federation import messages
from node.store.federation.messages import MessageRow
from node.store.journal import JournalEntry, write_journal
from node.store.leads import Entry, Lead
from node.store.register import cases, handovers
from protocol.errors import ProtocolError
from protocol.message import Content
from protocol.signs import is_readable

_ALIKE = 85.0  # of 100
_COMPARED = 50  # leads of one case, the newest
_COMPARED_TEXT = 1_000  # characters of each: comparing takes time with the square of it


@dataclass(frozen=True, slots=True)
class LeadView:
    """A lead as a person is shown it.

    Attributes:
        history: the oldest first.
        pictures: which entries have one; 0 is the lead itself.
        delivery: of a lead that was sent: how its message stands, and why.
    """

    lead: Lead
    history: list[Entry]
    pictures: list[int]
    delivery: tuple[str, str] | None


def take(node: Node) -> int:
    """Take the leads that have come as messages. Returns how many."""
    return take_all(node, KINDS, lambda content, row: parse_letter(content.body, row.member), _keep)


def note_down(node: Node, case_id: str, letter: Letter, actor: str, picture: bytes = b"") -> int:
    """Write down a lead that was told to this member's own people. Returns its number.

    Raises:
        NotFound, Conflict: there is no such case here, or it has ended.
        InvalidInput: what is told is too long, or the picture is none.
    """
    letter = _checked(letter)
    prepared = prepare_picture(node, picture)
    with writing(node.engine, durable=True) as conn:
        case = cases.get_case(conn, case_id)
        if case.status == cases.ERASED:
            raise Conflict("The case is erased.", "A lead about it has nowhere to go.")
        number = keep_lead(
            conn,
            letter,
            prepared,
            outgoing=False,
            case_id=case_id,
            kind=LEAD,
            origin=leads.STAFF,
            now=node.clock(),
            by=actor,
        )
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.add", case_id))
    return number


def list_leads(
    node: Node,
    *,
    outgoing: bool | None = False,
    case_id: str = "",
    everything: bool = False,
    assigned_to: str | None = None,
    receipt: str = "",
    limit: int = 100,
    offset: int = 0,
) -> list[Lead]:
    """Return leads, the newest first.

    Args:
        outgoing: those that were sent, those that came, or both when None.
        everything: also those with which nothing is to be done any more.
        assigned_to: only this person's; with an empty text those of nobody.
        receipt: only what the public was given this number for, as it was typed; decided or not.
    """
    wanted = _wanted(outgoing, case_id, assigned_to, receipt, everything=everything)
    with reading(node.engine) as conn:
        return leads.list_leads(conn, **wanted, limit=limit, offset=offset)


def count_leads(
    node: Node,
    *,
    outgoing: bool | None = False,
    case_id: str = "",
    everything: bool = False,
    assigned_to: str | None = None,
    receipt: str = "",
) -> int:
    """Count what `list_leads` would return of a list without end."""
    wanted = _wanted(outgoing, case_id, assigned_to, receipt, everything=everything)
    with reading(node.engine) as conn:
        return leads.count_leads(conn, **wanted)


def find_passed_on(node: Node, receipt: str) -> MessageRow | None:
    """Return how what the public told here about another member's case went to its owner; nobody here can
    read it. None where this node knows no such receipt number, or no more."""
    with reading(node.engine) as conn:
        row = messages.find_sent(conn, read_receipt(receipt))
    return row if row is not None and row.kind == LEAD else None


def count_new(node: Node, person: str = "") -> int:
    """Count the leads that came and about which nothing is decided: those of a person, or of nobody."""
    with reading(node.engine) as conn:
        return leads.count_leads(conn, outgoing=False, states=(leads.NEW,), assigned_to=person)


def list_tasks(node: Node, person: str, limit: int) -> list[Entry]:
    """Return what is to be done about somebody's leads, the most urgent first."""
    with reading(node.engine) as conn:
        return leads.open_tasks(conn, person, limit)


def _wanted(
    outgoing: bool | None, case_id: str, assigned_to: str | None, receipt: str, *, everything: bool
) -> dict[str, Any]:
    return {
        "outgoing": outgoing,
        "case_id": case_id,
        "states": () if everything or outgoing or receipt else leads.OPEN,
        "assigned_to": assigned_to,
        "token_id": read_receipt(receipt),
    }


def read(node: Node, number: int, actor: str) -> LeadView:
    """Return a lead with all that belongs to it; the reading is in the journal.

    Raises:
        NotFound: there is none.
    """
    with writing(node.engine) as conn:
        lead = leads.get_lead(conn, number)
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.read", lead.case_id))
        if lead.unread:
            leads.change_lead(conn, number, unread=False)
        return LeadView(
            lead,
            leads.list_entries(conn, number),
            leads.list_photographs(conn, number),
            delivery_of(conn, lead),
        )


def find_alike(node: Node, lead: Lead) -> list[int]:
    """Return the leads about the same case, of the newest, that say nearly the same, the oldest first."""
    if lead.outgoing:
        return []
    with reading(node.engine) as conn:
        others = leads.list_leads(conn, outgoing=False, case_id=lead.case_id, limit=_COMPARED)
    text = _compared(lead)
    return sorted(
        other.id
        for other in others
        if other.id != lead.id and token_sort_ratio(text, _compared(other), score_cutoff=_ALIKE)
    )


def read_picture(node: Node, number: int, entry: int, actor: str, *, small: bool = False) -> bytes:
    """Return the picture of a lead (entry 0) or of an answer to it, as JPEG; the reading is in the journal.

    Raises:
        NotFound: there is none.
    """
    with writing(node.engine) as conn:
        lead = leads.get_lead(conn, number)
        data = leads.read_photograph(conn, number, entry, small=small)
        if data is None:
            raise NotFound("There is no such picture.", "See `gmcn leads show`.")
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.read", lead.case_id, ["picture"]))
    return data


def delivery_of(conn: Connection, lead: Lead) -> tuple[str, str] | None:
    """Return how the message of a lead that was sent stands, and why; None of one that came."""
    if not lead.outgoing or lead.token_id is None:
        return None
    row = messages.find_message(conn, outgoing=True, member=lead.member, token_id=lead.token_id)
    return (row.state, row.reason) if row else (messages.TAKEN, "")


def assign(node: Node, number: int, person: str, actor: str) -> None:
    """Say who works on a lead; nobody when empty.

    Raises:
        NotFound: there is none.
        InvalidInput: that is no name.
    """
    if len(person) > 100 or not is_readable(person):
        raise InvalidInput("That is no name of a person.", "Give one of at most 100 characters.")
    with writing(node.engine) as conn:
        lead = _incoming(conn, number)
        leads.change_lead(conn, number, assigned_to=person)
        leads.add_entry(conn, number, leads.ASSIGNED, actor, node.clock(), about=person)
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.assign", lead.case_id))


def note(node: Node, number: int, text: str, actor: str) -> None:
    """Add a note to a lead, for this member's own people.

    Raises:
        NotFound: there is none.
        InvalidInput: it is empty or too long.
    """
    _add(node, number, leads.NOTE, actor, text)


def add_task(node: Node, number: int, text: str, due_at: datetime | None, actor: str) -> int:
    """Add something that is to be done about a lead; return the task's number.

    Raises:
        NotFound: there is none.
        InvalidInput: it is empty or too long.
    """
    return _add(node, number, leads.TASK, actor, text, due_at)


def finish_task(node: Node, number: int, actor: str) -> Entry:
    """Note that a task is done.

    Raises:
        NotFound: there is no such task.
    """
    with writing(node.engine) as conn:
        task = leads.finish_task(conn, number, node.clock())
        lead = leads.get_lead(conn, task.lead_id)
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.done", lead.case_id))
    return task


def decide(node: Node, number: int, state: str, reason: str, actor: str) -> None:
    """Decide what a lead is worth. It may be decided anew: nothing is ever merged or thrown away by it.

    Raises:
        NotFound: there is none.
        InvalidInput: it is no such decision, or the reason is missing or too long.
    """
    if state not in leads.DECISIONS:
        raise InvalidInput(
            "There is no decision “%(state)s”.",
            "One of: %(decisions)s.",
            state=state,
            decisions=", ".join(leads.DECISIONS),
        )
    with writing(node.engine) as conn:
        lead = _incoming(conn, number)
        leads.change_lead(conn, number, state=state, duplicate_of=None)
        leads.add_entry(conn, number, leads.DECIDED, actor, node.clock(), _prose(reason), state)
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.decide", lead.case_id, [state]))


def mark_duplicate(node: Node, number: int, of: int, actor: str) -> None:
    """Say that a lead says what another about the same case says.

    Raises:
        NotFound: one of them is not there.
        Conflict: they are about different cases, or each other's duplicates.
    """
    with writing(node.engine) as conn:
        lead, first = _incoming(conn, number), _incoming(conn, of)
        if lead.id == first.id or lead.case_id != first.case_id or first.duplicate_of is not None:
            raise Conflict(
                "A lead can be the duplicate of another about the same case, which is itself no duplicate.",
                "See `gmcn leads list --case %(case)s`.",
                case=lead.case_id,
            )
        leads.change_lead(conn, number, state=leads.DUPLICATE, duplicate_of=of)
        leads.add_entry(conn, number, leads.DECIDED, actor, node.clock(), about=f"{leads.DUPLICATE} {of}")
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.decide", lead.case_id, [leads.DUPLICATE]))


def link(node: Node, number: int, case_id: str, actor: str) -> None:
    """Let a lead be about another own case: it came for the wrong one.

    Raises:
        NotFound: the lead or the case is not there.
        Conflict: the case is erased, or it is about that case already.
    """
    with writing(node.engine) as conn:
        lead = _incoming(conn, number)
        if cases.get_case(conn, case_id).status == cases.ERASED or case_id == lead.case_id:
            raise Conflict("The lead cannot be linked to that case.", "Name another case that is not erased.")
        leads.change_lead(conn, number, case_id=case_id)
        leads.add_entry(conn, number, leads.LINKED, actor, node.clock(), about=lead.case_id)
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.link", case_id, [lead.case_id]))


def answer(node: Node, number: int, text: str, actor: str, *, state: str = "", picture: bytes = b"") -> str:
    """Answer the member that sent a lead; a job delivers it. Returns that member.

    Args:
        state: how the lead stands, if the sender is to know. What became of a child is not for it to say.
        picture: a photograph that was asked for.

    Raises:
        NotFound: there is no such lead, or its sender is not in the roster any more.
        Conflict: it did not come from a member.
        NotAllowed: nothing is exchanged with its sender.
        InvalidInput: the answer is empty or too long, there is no such state, or the picture is none.
    """
    body = {"text": _prose(text), **({"state": state} if state else {})}
    try:
        parse_reply(body)
    except ProtocolError as error:
        raise InvalidInput(
            "The answer cannot be sent: %(reason)s.", "Mend what is named here.", reason=str(error)
        ) from None
    prepared = prepare_picture(node, picture)
    with writing(node.engine, durable=True) as conn:
        lead = _incoming(conn, number)
        if lead.origin != leads.MEMBER or lead.token_id is None:
            raise Conflict("The lead did not come from another member.", "There is nobody to answer here.")
        member = open_member(conn, node, lead.member)
        attachment = prepared.full.data if prepared else b""
        content = Content({"re": lead.token_id, **body}, attachment)
        write_message(conn, node, member, ANSWER, content, case_id=lead.case_id)
        leads.add_entry(conn, number, leads.ANSWER, actor, node.clock(), text, state)
        write_journal(conn, JournalEntry(node.clock(), actor, "lead.answer", lead.case_id, [lead.member]))
    return lead.member


def _keep(
    conn: Connection, node: Node, row: MessageRow, letter: Letter, picture: Prepared | None, wrong: str
) -> str:
    """Make a lead of a message, or send it on; see `take_all`."""
    if not _is_open(conn, row.case_id):
        if letter.public:
            _pass_on(conn, node, row, letter, picture)
        else:
            _send_on(conn, node, row)
        return "the case is not open here"
    if leads.find_lead(conn, outgoing=False, member=row.member, token_id=row.token_id) is not None:
        return "it came before, so long ago that its message was forgotten"
    number = keep_lead(
        conn,
        letter,
        picture,
        outgoing=False,
        case_id=row.case_id,
        kind=row.kind,
        origin=leads.PUBLIC if letter.public else leads.MEMBER,
        now=row.at,
        member=row.member,
        token_id=row.token_id,
    )
    if wrong:
        leads.add_entry(conn, number, leads.NOTE, "", node.clock(), wrong)
    write_journal(conn, JournalEntry(node.clock(), row.member, "lead.come", row.case_id))
    return ""


def _is_open(conn: Connection, case_id: str) -> bool:
    try:
        return cases.get_case(conn, case_id).status != cases.ERASED
    except NotFound:
        return False


def _pass_on(conn: Connection, node: Node, row: MessageRow, letter: Letter, picture: Prepared | None) -> None:
    """Send what the public told to the member that has the case now, if there is one."""
    given = handovers.giving_of(conn, row.case_id, handovers.GIVEN)
    if given is None:
        return
    owner = open_member(conn, node, given.other_case.partition("/")[0])
    if messages.find_message(conn, outgoing=True, member=owner.id, token_id=row.token_id) is not None:
        return
    content = Content({"case": given.other_case, **letter.body}, picture.full.data if picture else b"")
    write_message(conn, node, owner, LEAD, content, token_id=row.token_id)


def _send_on(conn: Connection, node: Node, row: MessageRow) -> None:
    """Tell the sender that its lead has come to the wrong place, and where it should go if it may know."""
    given = handovers.giving_of(conn, row.case_id, handovers.GIVEN)
    text = "The case is not open here any more."
    if given is not None and row.member not in cases.excluded_members(conn, row.case_id):
        text = f"The case goes on as {given.other_case}."
    body = {"re": row.token_id, "text": text}
    write_message(conn, node, open_member(conn, node, row.member), ANSWER, Content(body))


def _incoming(conn: Connection, number: int) -> Lead:
    lead = leads.get_lead(conn, number)
    if lead.outgoing:
        raise NotFound("That lead was sent from here.", "Its owner decides about it; see `gmcn leads show`.")
    return lead


def _add(node: Node, number: int, kind: str, actor: str, text: str, due_at: datetime | None = None) -> int:
    with writing(node.engine) as conn:
        lead = leads.get_lead(conn, number)
        entry = leads.add_entry(conn, number, kind, actor, node.clock(), _prose(text), due_at=due_at)
        write_journal(conn, JournalEntry(node.clock(), actor, f"lead.{kind}", lead.case_id))
    return entry


def _prose(text: str) -> str:
    if not 0 < len(text.strip()) <= len(text) <= MAX_TEXT:
        raise InvalidInput(
            "The text is empty or too long.", "Write 1 to %(most)s characters.", most=f"{MAX_TEXT:,}"
        )
    return text


def _checked(letter: Letter) -> Letter:
    """Hold what a person wrote to the same bounds as what comes from elsewhere."""
    try:
        return parse_letter({"text": letter.text, **letter.details}, "")
    except ProtocolError as error:
        raise InvalidInput(
            "The lead cannot be taken: %(reason)s.", "Mend what is named here.", reason=str(error)
        ) from None


def _compared(lead: Lead) -> str:
    return lead.text[:_COMPARED_TEXT].casefold()
