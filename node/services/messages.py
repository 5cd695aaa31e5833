"""Sealed messages to and from other members (protocol README, "Messages").

    written    sealed to the receiver and stored, in the transaction of whoever writes it
    delivered  signed and sent by a job, in order for each receiver, until the receiver's word is here
    taken      verified, opened once to see that it can be, and stored sealed; then acknowledged

Guarantees: a message that was written is delivered at least once, or a person is told why not; one that came
is there once, however often it comes; nothing of what is said is ever stored unsealed. What a type of message
does is left to others: one that nobody here knows is kept and shown.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from node.errors import Conflict, InvalidInput, NotAllowed, NotFound, PeerUnavailable
from node.runtime import KeylessNode, Node
from node.services.serving import Caller, TooOften, not_exchanged, take_once
from node.services.standing import exchange_with, other_member
from node.services.witnesses.witnessing import MAX_CLOCK_ERROR, clock_offset
from node.store import leads
from node.store.database import reading, writing
from node.store.federation import messages
from node.store.federation.messages import MessageRow
from node.store.journal import JournalEntry, write_journal
from node.store.published import endings
from protocol.errors import Malformed, NotAuthorized, ProtocolError
from protocol.fields import Fields
from protocol.member import Member
from protocol.message import (
    MAX_LIFE,
    Address,
    Content,
    Message,
    format_acknowledgement,
    format_message,
    open_content,
    seal_content,
    verify_acknowledgement,
    verify_message,
)
from protocol.token import LEEWAY

MAX_OPEN_BYTES = 128 << 20
"""How many sealed bytes of one sender may wait here for a person."""

MAX_OPEN = 10_000
"""How many messages of one sender may wait so: all that belong to an offer are looked at together."""

PARTS = ("handover-photograph",)
"""Types that are parts of another message and nothing by themselves to a person."""

_BACKOFF = timedelta(seconds=5)
_WAIT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Opened:
    """A message and what it says.

    Attributes:
        content: None when it is not here, or sealed for another to open.
    """

    row: MessageRow
    content: Content | None


def write_message(
    conn: Connection,
    node: KeylessNode,
    receiver: Member,
    kind: str,
    content: Content,
    life: timedelta = MAX_LIFE,
    *,
    case_id: str = "",
    token_id: str = "",
) -> str:
    """Seal a message and put it into the outbox with the caller's transaction; return its id.

    One to this member itself is put where those lie that have come: for what writes without a key, and what
    the keys open.

    Args:
        case_id: the case whose erasure takes what is said along, where the message does not name it itself.
        token_id: its id, where it has to be one that is known elsewhere; a random one when empty.

    Raises:
        InvalidInput: it is too long.
    """
    address = Address(kind, node.member, receiver.id, token_id or secrets.token_urlsafe(16))
    try:
        sealed = seal_content(receiver.sealing_keys[-1], content, address)
    except Malformed as error:
        raise InvalidInput(
            "The message cannot be sent: %(reason)s.", "Shorten it.", reason=str(error)
        ) from None
    messages.add_message(
        conn,
        outgoing=receiver.id != node.member,
        member=receiver.id,
        token_id=address.token_id,
        kind=kind,
        sealed=sealed,
        case_id=case_id or content.case,
        re=content.re,
        now=node.clock(),
        expires_at=node.now() + life,
    )
    return address.token_id


def send_message(node: Node, member_id: str, kind: str, content: Content, actor: str) -> MessageRow:
    """Write a message for people to read; a job delivers it.

    Raises:
        NotFound: the roster lists no such member.
        NotAllowed: nothing is exchanged with it.
        InvalidInput: the type or a member of the object is of another form, or it is too long.
    """
    try:
        Address(kind, node.member, member_id, "_" * 8).check()
        content.check()
    except Malformed as error:
        raise InvalidInput(
            "The message cannot be sent: %(reason)s.", "Mend what is named here.", reason=str(error)
        ) from None
    with writing(node.engine, durable=True) as conn:
        token_id = write_message(conn, node, open_member(conn, node, member_id), kind, content)
        write_journal(conn, JournalEntry(node.clock(), actor, "message.send", content.case, [kind]))
        row = messages.find_message(conn, outgoing=True, member=member_id, token_id=token_id)
        assert row is not None
        return row


def open_member(conn: Connection, node: KeylessNode, member_id: str) -> Member:
    """Return a member to whom messages may go now.

    Raises:
        NotFound: the roster lists no such member.
        NotAllowed: nothing is exchanged with it.
    """
    member, exchange = other_member(node, member_id), exchange_with(conn, node, member_id)
    if not exchange.audiences:
        raise NotAllowed(
            "Nothing is exchanged with %(member)s: %(reason)s.", member=member_id, reason=exchange.reason
        )
    return member


def take_message(node: Node, caller: Caller, data: bytes) -> str:
    """Take a message, and return the signed word for it: the same word for one that came before.

    Raises:
        ProtocolError: it is not a whole message by this caller for this node, or cannot be opened.
        NotAllowed: nothing is exchanged with the caller.
        Conflict: the request was honoured before.
        TooOften: too much of the caller waits here already.
    """
    if not caller.exchange.audiences:
        raise not_exchanged(caller)
    message = verify_message(data, node.member, node.network().roster.token_key_now(node.now()), node.now())
    if message.address.issuer != caller.member:
        raise NotAuthorized("message: signed by another member than the one that sends it")
    content = message.open(node.opening_keys())
    with writing(node.engine, durable=True) as conn:  # what is acknowledged must survive a power cut
        take_once(conn, node, caller, "message")
        received = _store(conn, node, message, content)
    return format_acknowledgement(node.token_signer(), message, received, node.now())


def _store(conn: Connection, node: Node, message: Message, content: Content) -> datetime:
    """Store a message unless it is here, and return when it came first."""
    sender, token_id = message.address.issuer, message.address.token_id
    known = messages.find_message(conn, outgoing=False, member=sender, token_id=token_id)
    if known is not None:
        if known.digest != message.digest or known.kind != message.address.kind:
            raise Malformed("message: another one with this id came before")
        return known.at
    count, size = messages.open_of(conn, sender)
    if count >= MAX_OPEN or size + len(message.sealed) > MAX_OPEN_BYTES:
        raise TooOften(
            "Too many messages of this member wait for a person here.",
            "Send them again later, or ask by telephone.",
            _WAIT_SECONDS,
        )
    messages.add_message(
        conn,
        outgoing=False,
        member=sender,
        token_id=token_id,
        kind=message.address.kind,
        sealed=message.sealed,
        case_id=content.case,
        re=content.re,
        now=node.now(),
        expires_at=message.expires,
    )
    if message.address.kind not in PARTS:
        kinds = [message.address.kind]
        entry = JournalEntry(node.clock(), f"member {sender}", "message.receive", content.case, kinds)
        write_journal(conn, entry)
    return node.now()


def due(node: Node) -> list[str]:
    """Return the members to whom something is to be sent now."""
    with reading(node.engine) as conn:
        return messages.due_members(conn, node.clock())


def deliver(node: Node, member_id: str, check_going_on: Callable[[], None] = lambda: None) -> str:
    """Send a member what waits for it, in order, until it has everything or one cannot be delivered.

    Args:
        check_going_on: called before each message; raises to end.

    Returns:
        Why it does not have everything; empty when it has.
    """
    refused = ""
    while True:
        check_going_on()
        with reading(node.engine) as conn:
            row = messages.next_to_send(conn, member_id)
            sealed = messages.sealed_content(conn, row.id) if row else None
        if row is None or sealed is None:
            return refused
        try:
            word = _send(node, row, sealed)
        except InvalidInput as error:
            refused = error.message
            with writing(node.engine) as conn:
                messages.refuse(conn, row.id, refused)
        except (NotAllowed, NotFound, PeerUnavailable, ProtocolError) as error:
            reason = str(error)
            with writing(node.engine) as conn:
                messages.postpone(conn, row.id, _next_try(node, row), reason)
            return reason
        else:
            with writing(node.engine) as conn:
                messages.keep_acknowledgement(conn, row.id, word, node.clock())


def _send(node: Node, row: MessageRow, sealed: bytes) -> str:
    """Send one message, and return the receiver's word for it.

    Raises:
        InvalidInput: the receiver refuses it for good.
        NotFound, NotAllowed, PeerUnavailable, ProtocolError: it cannot be delivered now.
    """
    with reading(node.engine) as conn:
        member = open_member(conn, node, row.member)
    address = Address(row.kind, node.member, member.id, row.token_id)
    message = format_message(node.token_signer(), address, sealed, row.expires_at, node.now())
    word = node.peers.send_message(member, message)
    verify_acknowledgement(word, address, row.digest, node.network().roster.token_key_now(node.now()))
    return word.decode("ascii")


def _next_try(node: Node, row: MessageRow) -> datetime:
    longest = timedelta(seconds=node.config.pull.backoff_seconds)
    pause: timedelta = min(_BACKOFF * 2 ** min(row.tries, 16), longest)
    return node.clock() + pause


def hurry(node: Node, member_id: str) -> None:
    """Send at once what waits for a member that has just given a sign of life."""
    with reading(node.engine) as conn:
        waiting = messages.next_to_send(conn, member_id)
    if waiting is not None and waiting.tries:
        with writing(node.engine) as conn:
            messages.send_again(conn, member_id, node.clock())


def retry(node: Node, number: int) -> str:
    """Have a message sent again that waits or was refused; return its receiver.

    Raises:
        NotFound: there is no such message.
        Conflict: it is not to be sent.
    """
    with writing(node.engine) as conn:
        row = messages.get_message(conn, number)
        if not messages.send_again(conn, row.member, node.clock(), number):
            raise Conflict(
                "The message is %(state)s.",
                "Only one that waits or was refused is sent again.",
                state=row.state,
            )
        return row.member


def read_message(node: Node, number: int, actor: str) -> Opened:
    """Return a message, and what it says if it came here; the reading is in the journal.

    Raises:
        NotFound: there is no such message.
        Malformed: none of the keys here opens it any more.
    """
    with writing(node.engine) as conn:
        row = messages.get_message(conn, number)
        content = open_row(conn, node, row)
        if content is not None:
            write_journal(conn, JournalEntry(node.clock(), actor, "message.read", row.case_id, [row.kind]))
    return Opened(row, content)


def open_row(conn: Connection, node: Node, row: MessageRow) -> Content | None:
    """Open a message that came here; None when its content is gone, or it was sent.

    Raises:
        Malformed: none of the keys here opens it any more.
    """
    sealed = None if row.outgoing else messages.sealed_content(conn, row.id)
    if sealed is None:
        return None
    return open_content(
        node.keys.all_sealing(), sealed, Address(row.kind, row.member, node.member, row.token_id)
    )


def attend(
    node: Node, row: MessageRow, what: str, act: Callable[[Connection, Node, MessageRow, Fields], None]
) -> None:
    """Deal with a message that needs no person, in one transaction; one that is not of the form is closed.

    Args:
        what: the message in a word, for what is said of its form.
        act: what is done about it; a `ProtocolError` of it closes the message, with that as the reason.
    """
    with writing(node.engine, durable=True) as conn:
        try:
            content = open_row(conn, node, messages.get_message(conn, row.id))
            if content is not None:
                act(conn, node, row, Fields(content.body, what))
        except ProtocolError as error:
            messages.settle(conn, [row.id], messages.CLOSED, node.clock(), str(error))


def list_messages(node: Node, *, outgoing: bool | None, everything: bool, limit: int) -> list[MessageRow]:
    """Return messages, the newest first, but for those that are parts of others.

    Args:
        everything: also those with which nothing is to be done any more.
    """
    states = () if everything else messages.OPEN
    with reading(node.engine) as conn:
        return messages.list_messages(conn, outgoing=outgoing, states=states, hidden=PARTS, limit=limit)


def close(node: Node, number: int, actor: str) -> None:
    """End a message that somebody has dealt with, or that is not to be sent after all: its content goes.

    Raises:
        NotFound: there is no such message.
        Conflict: it is at its end already.
    """
    with writing(node.engine) as conn:
        row = messages.get_message(conn, number)
        state = messages.CANCELLED if row.outgoing else messages.CLOSED
        if not messages.settle(conn, [number], state, node.clock()):
            raise Conflict("The message is %(state)s already.", "There is nothing to close.", state=row.state)
        write_journal(conn, JournalEntry(node.clock(), actor, "message.close", row.case_id, [row.kind]))


def expire(node: Node) -> None:
    """End what has outlived itself, and forget what cannot come again; not by a clock that is wrong.

    What is about another member's erased case goes here too: it may have come after the erasure, or be about
    a case of which no document was ever here to be purged.
    """
    offset = clock_offset(node)
    if offset is not None and abs(offset) > MAX_CLOCK_ERROR:
        return
    now = node.clock()
    with writing(node.engine) as conn:
        messages.lapse(conn, now)
        messages.erase_about(conn, endings.ended_ids(conn, messages.cases_told_of(conn), now), now)
        leads.erase_about(conn, endings.ended_ids(conn, leads.cases_told_of(conn), now))
        messages.forget(conn, now - LEEWAY)
