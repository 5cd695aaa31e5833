"""Sightings: what the public tells about a child, sealed at once to the owner of the case.

Guarantees: nothing that was told is stored or logged unsealed, and nobody at this member can read what is
told about another's case; a picture is decoded, stripped and written anew in memory before it is sealed; who
sent something is never known, only for an hour a keyed hash of the network that it came from; the same told
again is taken once, under the same receipt number. Delivering what lies in the outbox, and taking what is
about own cases, needs keys and is for the jobs.

Why there is no riddle for machines and no work for browsers: docs/decisions/0025.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

import orjson
from sqlalchemy import Connection

from node.adapters.images import Prepared
from node.errors import InvalidInput
from node.runtime import KeylessNode
from node.services.leads.letters import LEAD, Letter, format_receipt, parse_letter
from node.services.leads.taking import prepare_picture
from node.services.messages import open_member, write_message
from node.services.serving import TooOften
from node.services.site.showing import find_shown
from node.store import marks
from node.store.database import reading, writing
from node.store.federation import messages
from node.store.journal import JournalEntry, write_journal
from node.store.staff import access
from protocol.errors import ProtocolError
from protocol.member import Member
from protocol.message import Content

MIN_AGE = timedelta(seconds=3)
"""How old a form must be that somebody has filled in: programs are faster, people are not."""

MAX_AGE = timedelta(hours=12)
"""How old a form may be: it may lie open for a night, and is not collected for later."""

MAX_PICTURE_BYTES = 500_000
"""The most bytes of a picture as it is sent on: anybody may send one, and its receiver keeps it."""

ACTOR = "public site"
"""Who did it, in the journal."""

TOO_EARLY, TOO_LATE, USED = "early", "late", "used"

_HOUR = timedelta(hours=1)
_SIGHTING, _FORM = "sighting", "sighting form"
_IPV6_NETWORK = 64  # bits: what one customer of a provider has
_DIGITS = 32  # of a keyed hash, in hexadecimal
_BUSY_SECONDS = 10

# Two hold a picture at once: one of them decodes, since decoding goes one at a time in this process. More
# would take the threads that show children. A bound of the process, not of a node.
_PICTURES = threading.BoundedSemaphore(2)


class StaleForm(InvalidInput):
    """What was filled in cannot be taken under this ticket; it can under the next.

    Args:
        reason: TOO_EARLY, TOO_LATE (or made elsewhere), or USED for something else before.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("The form cannot be taken as it is.", "Send it again.")
        self.reason = reason


class UnfitPicture(InvalidInput):
    """The picture cannot be taken: `__cause__` says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """How something came.

    Attributes:
        address: the network address of whoever sent it, as the socket or the proxy says.
        ticket: what the form was made with; see `make_ticket`.
    """

    address: str
    ticket: str


def make_ticket(node: KeylessNode, case_id: str) -> str:
    """Make what a form about a case carries: when it was made, signed with the site's secret."""
    made = f"{int(node.now().timestamp())}.{secrets.token_hex(8)}"
    return f"{made}.{_keyed(_secret(node), _FORM, case_id, made)}"


def send_sighting(node: KeylessNode, case_id: str, letter: Letter, photograph: bytes, source: Source) -> str:
    """Take what somebody tells about a child, for the owner of the case alone. Returns the receipt number.

    Args:
        photograph: as it came; empty when there is none.

    Raises:
        NotFound, Conflict: the child is not shown here; see `showing.find_shown`.
        InvalidInput: what is told is too long or not of its form.
        UnfitPicture: the picture is none that can be taken.
        StaleForm: the form was made a moment ago, too long ago, or was sent before with something else.
        TooOften: so much was sent from there, about this case or altogether that no more is taken now.
    """
    owner, letter = find_shown(node, case_id).owner, _checked(letter)
    secret = _secret(node)
    receipt = _receipt(secret, case_id, letter, photograph)
    with reading(node.engine) as conn:
        if _is_taken(conn, node, owner, receipt):
            return receipt
    made = _check_ticket(node, secret, case_id, source.ticket)
    _take_turn(node, secret, case_id, source.address)
    picture = _prepare(node, photograph)
    with writing(node.engine, durable=True) as conn:
        if _is_taken(conn, node, owner, receipt):
            return receipt
        if not access.take_request(conn, _FORM, made, _FORM, node.clock(), node.clock() + MAX_AGE):
            raise StaleForm(USED)
        _write(conn, node, owner, case_id, letter, picture, receipt)
    return receipt


def network_of(address: str) -> str:
    """Return what counts as one sender: an IPv4 address, and of IPv6 the network of one customer."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        kept = int(found) >> (128 - _IPV6_NETWORK) << (128 - _IPV6_NETWORK)
        return f"{IPv6Address(kept)}/{_IPV6_NETWORK}"
    return str(found)


def _checked(letter: Letter) -> Letter:
    """Hold what somebody typed to the bounds of what may come from anywhere."""
    try:
        return parse_letter(replace(letter, public=True, own_case="").body, "")
    except ProtocolError as error:
        raise InvalidInput(
            "What was told cannot be taken: %(reason)s.", "Mend what is named here.", reason=str(error)
        ) from None


def _receipt(secret: bytes, case_id: str, letter: Letter, photograph: bytes) -> str:
    """Number what was told by what it says, so that the same gets the same number; others cannot guess it."""
    said = orjson.dumps(letter.body, option=orjson.OPT_SORT_KEYS).decode()
    picture = hashlib.sha256(photograph).hexdigest()
    return format_receipt(bytes.fromhex(_keyed(secret, _SIGHTING, case_id, said, picture)))


def _is_taken(conn: Connection, node: KeylessNode, owner: Member, receipt: str) -> bool:
    outgoing = owner.id != node.member
    return messages.find_message(conn, outgoing=outgoing, member=owner.id, token_id=receipt) is not None


def _check_ticket(node: KeylessNode, secret: bytes, case_id: str, ticket: str) -> str:
    """Check that a form was made here, for this case, and neither just now nor too long ago.

    Returns:
        What it is known by once it has been used.
    """
    made, _, signature = ticket.rpartition(".")
    if not hmac.compare_digest(_keyed(secret, _FORM, case_id, made).encode(), signature.encode()):
        raise StaleForm(TOO_LATE)
    age = node.now().timestamp() - int(made.partition(".")[0])
    if age > MAX_AGE.total_seconds():
        raise StaleForm(TOO_LATE)
    if age < MIN_AGE.total_seconds():
        raise StaleForm(TOO_EARLY)
    return made


def _take_turn(node: KeylessNode, secret: bytes, case_id: str, address: str) -> None:
    """Count a sighting before anything is done that takes time, whatever becomes of it."""
    sender = f"{_SIGHTING} {_keyed(secret, 'sender', network_of(address))}"
    most = node.config.site
    limits = {
        sender: most.sightings_per_address,
        f"{_SIGHTING} {case_id}": most.sightings_per_case,
        _SIGHTING: most.sightings_per_hour,
    }
    with writing(node.engine) as conn:
        if wait := access.take_turn(conn, _SIGHTING, limits, node.clock(), _HOUR):
            raise TooOften("So much was sent that no more is taken now.", "Wait, or telephone.", wait)


def _prepare(node: KeylessNode, photograph: bytes) -> Prepared | None:
    if not photograph:
        return None
    with _picture_turn():
        try:
            return prepare_picture(node, photograph, MAX_PICTURE_BYTES)
        except InvalidInput as error:
            raise UnfitPicture(error.message, error.next_step) from error


@contextmanager
def _picture_turn() -> Iterator[None]:
    if not _PICTURES.acquire(blocking=False):
        raise TooOften("Too many pictures come at once.", "Wait a moment.", _BUSY_SECONDS)
    try:
        yield
    finally:
        _PICTURES.release()


def _write(
    conn: Connection,
    node: KeylessNode,
    owner: Member,
    case_id: str,
    letter: Letter,
    picture: Prepared | None,
    receipt: str,
) -> None:
    """Seal what was told to the owner of the case, and put it where it is sent or taken from."""
    if owner.id != node.member:
        owner = open_member(conn, node, owner.id)
    content = Content({"case": case_id, **letter.body}, picture.full.data if picture else b"")
    write_message(conn, node, owner, LEAD, content, token_id=receipt)
    write_journal(conn, JournalEntry(node.clock(), ACTOR, "sighting.send", case_id, [owner.id]))


def _secret(node: KeylessNode) -> bytes:
    """Return the site's secret, and draw it the first time."""
    with reading(node.engine) as conn:
        mark = marks.find_mark(conn, marks.SITE)
    if mark is None:
        with writing(node.engine, durable=True) as conn:
            mark = marks.find_mark(conn, marks.SITE)  # another process may have been faster
            if mark is None:
                drawn = secrets.token_hex(32)
                marks.set_mark(conn, marks.SITE, node.clock(), drawn)
                return bytes.fromhex(drawn)
    return bytes.fromhex(mark.about)


def _keyed(secret: bytes, *parts: str) -> str:
    """Hash under the site's secret; the parts cannot run into each other."""
    return hmac.new(secret, orjson.dumps(parts), hashlib.sha256).hexdigest()[:_DIGITS]
