"""What both sides of a lead have in common: its message is taken once, its picture made safe, itself kept.

Guarantees: a message becomes something or is closed with the reason, and neither twice; a picture is decoded
and stripped before it is stored, outside any transaction; one that cannot be taken holds nothing else up.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Connection

from node.adapters.images import PhotographLimits, Prepared, prepare_photograph
from node.errors import InvalidInput, NodeError
from node.runtime import KeylessNode, Node
from node.services.leads.letters import Letter
from node.services.messages import open_row
from node.store import leads
from node.store.database import reading, writing
from node.store.federation import messages
from node.store.federation.messages import MessageRow
from protocol.errors import ProtocolError
from protocol.message import Content

T = TypeVar("T")

MAX_PICTURE_BYTES = 1_900_000
"""The most bytes of a picture beside a message: what is sealed must stay below two megabytes."""


def take_all(
    node: Node,
    kinds: Collection[str],
    parse: Callable[[Content, MessageRow], T],
    keep: Callable[[Connection, Node, MessageRow, T, Prepared | None, str], str],
) -> int:
    """Take the messages of some types that nobody has looked at. Returns how many there were.

    Args:
        parse: reads what one says; a `ProtocolError` of it closes the message, with that as the reason.
        keep: stores it, with its picture, or with why that is not taken; returns why nothing came of it.
    """
    with reading(node.engine) as conn:
        rows = messages.unattended(conn, kinds)
    for row in rows:
        with suppress(NodeError):  # it cannot be done now, is tried again, and holds up nothing else
            _take(node, row, parse, keep)
    return len(rows)


def prepare_picture(node: KeylessNode, data: bytes, most: int = MAX_PICTURE_BYTES) -> Prepared | None:
    """Decode and strip a picture and make it small enough for a message; None when there is none.

    Args:
        most: bytes that it may have then.

    Raises:
        InvalidInput: it is no photograph that can be taken.
    """
    return _prepare(data, node.photograph_limits(), most)


def _prepare(data: bytes, limits: PhotographLimits, most: int = MAX_PICTURE_BYTES) -> Prepared | None:
    limits = replace(limits, full_bytes=min(limits.full_bytes, most))
    return prepare_photograph(data, limits) if data else None


def keep_lead(conn: Connection, letter: Letter, picture: Prepared | None, **values: Any) -> int:
    """Store a lead with its picture, and return its number.

    Args:
        values: see `leads.add_lead`.
    """
    number = leads.add_lead(conn, text=letter.text, details=letter.details, **values)
    if picture is not None:
        leads.keep_photograph(conn, number, picture.small.data, picture.full.data)
    return number


def _take(
    node: Node,
    row: MessageRow,
    parse: Callable[[Content, MessageRow], T],
    keep: Callable[[Connection, Node, MessageRow, T, Prepared | None, str], str],
) -> None:
    with reading(node.engine) as conn:
        content, reason = None, ""
        try:
            content = open_row(conn, node, row)
            said = parse(content, row) if content is not None else None
        except ProtocolError as error:
            said, reason = None, str(error)
    picture, wrong = None, ""
    if said is not None and content is not None:
        try:
            picture = _prepare(content.attachment, node.photograph_limits().for_peers())
        except InvalidInput as error:
            wrong = f"Its picture was not taken: {error.message}"
    with writing(node.engine, durable=True) as conn:
        if messages.get_message(conn, row.id).state != messages.NEW:
            return
        if said is not None:
            reason = keep(conn, node, row, said, picture, wrong)
        messages.settle(conn, [row.id], messages.CLOSED, node.clock(), reason)
