"""What a peer may be given, and what is taken from it: the other side of `pulling`.

Guarantees: a caller is who its token says, for this very request; a feed is opened only to members that
something is exchanged with, and a police feed does not exist for anybody else: the same checks are made, and
the same error raised, as for an audience that nobody ever heard of; nothing hidden, expired, superseded or
kept from a member is ever given to it; a write is honoured once. How any of it is said over HTTP is left to
`node.web.federation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from node.errors import Conflict, NodeError, NotAllowed, NotFound, PeerUnavailable
from node.runtime import Node
from node.services.standing import Exchange, exchange_with, exchanges
from node.store.database import writing
from node.store.federation import peers, receipts
from node.store.published import documents, feed_cases, feeds, photographs
from node.store.register import cases
from node.store.staff import access
from protocol.answers import Absence, Given
from protocol.encoding import parse_time
from protocol.errors import Malformed, NotAuthorized, ProtocolError
from protocol.leaf import CaseState
from protocol.receipt import ERASED, HELD, Receipt, verify_receipt
from protocol.tiles import TileRef, tile_width
from protocol.token import LEEWAY, Request, verify_request
from schemas import SchemaError

MAX_RINGS = 60
"""How often a member may ring in a minute. A ring costs one conditional request, whatever has changed."""

_MINUTE = timedelta(minutes=1)
_SCHEME = "bearer "


class NotIdentified(NotAllowed):
    """Who is asking is not known: there is no token, or one that proves nothing."""


class TooOften(NodeError):
    """The same is asked more often than is allowed.

    Args:
        wait_seconds: after which it may be asked again.
    """

    def __init__(self, message: str, next_step: str, wait_seconds: int, **values: object) -> None:
        super().__init__(message, next_step, **values)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class Caller:
    """A member whose token was verified, and what may be exchanged with it."""

    request: Request
    exchange: Exchange

    @property
    def member(self) -> str:
        """Who is calling."""
        return self.request.issuer


def caller_of(
    node: Node, conn: Connection, authorization: str, method: str, path: str, body: bytes
) -> Caller:
    """Tell who is calling, by the token that the request carries.

    Args:
        authorization: the header of that name; empty when there is none.
        path: as sent, with its query if any, below the address that the roster has for this node.
        body: as sent.

    Raises:
        NotIdentified: no token, or not one for this very request.
        NotFound: this node has not joined a network.
    """
    roster = node.network().roster
    if authorization[: len(_SCHEME)].lower() != _SCHEME:
        raise NotIdentified("A member's request token is needed.", "Send it as `Authorization: Bearer`.")
    token = authorization[len(_SCHEME) :].strip()
    try:
        request = verify_request(token, node.member, method, path, body, roster.token_key, node.now())
        return Caller(request, exchange_with(conn, node, request.issuer))
    except ProtocolError as error:
        raise NotIdentified(f"{error}.", "Make a fresh token for each request.") from None


def open_feed(
    node: Node, conn: Connection, audience: str, caller: Caller | NotIdentified, *, leaves: bool = False
) -> feeds.FeedRow:
    """Open one of this node's feeds to a caller.

    Args:
        caller: or why it is not known who is calling.
        leaves: whether it is about the log itself and not about documents: a member that is suspended or has
            lapsed may still read that, and in an exercise anybody may, of the `network` feed.

    Raises:
        NotFound: there is no such feed for this caller; a police feed is for nobody but those it is exchanged
            with.
        NotIdentified: the feed is for members, and who is calling is not known.
        NotAllowed: the caller is a member with whom this is not exchanged, with the reason.
    """
    if isinstance(caller, Caller):
        open_to: Sequence[str] = caller.exchange.leaves if leaves else caller.exchange.audiences
    else:
        open_to = ("network",) if leaves and node.network().policy.exercise else ()
    if audience == "network" and audience not in open_to:
        raise not_exchanged(caller) if isinstance(caller, Caller) else caller
    row = feeds.find_feed(conn, node.member, audience) if audience in open_to else None
    if row is None or row.note is None:
        raise NotFound("There is no such feed here.")
    if row.state == feeds.BEHIND:  # its head is one that it has left behind: to a reader that would be a lie
        raise PeerUnavailable("This node is fetching its own past.", "Ask again in a while.")
    return row


def read_tile(conn: Connection, row: feeds.FeedRow, ref: TileRef) -> bytes:
    """Return a tile or bundle that the published tree has, or has had at a smaller size.

    Raises:
        NotFound: the tree never had it.
    """
    have = tile_width(ref.level or 0, ref.index, row.published_size())
    data = feeds.read_file(conn, row.id, ref) if ref.width <= have else None
    if data is None:
        raise NotFound("The log has no such tile.")
    return data


def answer_documents(
    node: Node, conn: Connection, row: feeds.FeedRow, caller: Caller, digests: Sequence[bytes]
) -> list[tuple[bytes, Given | Absence]]:
    """Answer for each digest with its document, or why there is none for this caller."""
    found = documents.answer_digests(conn, row.id, digests, node.now().date())
    direct = cases.kept_from_some(conn, {case for case, _, _ in found.values()})
    kept_from = cases.excluded_cases(conn, caller.member, direct) if direct else set()
    answers: list[tuple[bytes, Given | Absence]] = []
    for digest in digests:
        case, state, body = found.get(digest, ("", "", b""))
        given = Given(body, direct=case in direct)
        answers.append((digest, _answer(state, given, restricted=case in kept_from)))
    return answers


def list_readers(node: Node, conn: Connection, audience: str) -> list[str]:
    """List the members that an own feed is open to: others hand it on to these alone."""
    return [other.member.id for other in exchanges(conn, node) if audience in other.leaves]


def find_photograph(
    node: Node, conn: Connection, row: feeds.FeedRow, caller: Caller, sha256: str
) -> photographs.Photograph:
    """Find a photograph by the reference that a live document of this feed has to it.

    Raises:
        NotFound: no document that this caller may read refers to it.
    """
    found = photographs.find_photograph(conn, row.id, sha256, node.now().date())
    kept_from = cases.excluded_cases(conn, caller.member, {case for case, _ in found})
    for case, photograph in found:
        if case not in kept_from:
            return photograph
    raise NotFound("There is no such photograph here.")


def take_receipt(node: Node, caller: Caller, token: str) -> None:
    """Take a peer's receipt about cases of one of this node's feeds, whole or not at all.

    Raises:
        ProtocolError: it is not a receipt by this caller, or promises what cannot be.
        NotAllowed: nothing is exchanged with the caller.
        Conflict: the request was honoured before.
    """
    receipt = read_receipt(node, caller, token)
    with writing(node.engine) as conn:
        take_once(conn, node, caller, "receipt")
        keep_receipt(conn, node, caller, receipt, token)


def read_receipt(node: Node, caller: Caller, token: str) -> Receipt:
    """Verify a peer's receipt, as far as its bytes tell; raises like `take_receipt`."""
    if not caller.exchange.leaves:
        raise not_exchanged(caller)
    network = node.network()
    receipt = verify_receipt(token, node.member, network.roster.token_key_now(node.now()))
    if receipt.issuer != caller.member:
        raise NotAuthorized("receipt: signed by another member than the one that sends it")
    try:
        network.schemas.check("receipt", receipt.claims)
    except SchemaError as error:
        raise Malformed(f"receipt: {error.problems[0]}") from None
    return receipt


def keep_receipt(conn: Connection, node: Node, caller: Caller, receipt: Receipt, token: str) -> None:
    """Hold a receipt against the feed that it is about, and keep it; raises like `take_receipt`."""
    row = _feed_of(node, conn, caller, receipt.origin)
    known = feed_cases.lookup_cases(conn, row.id, [item["case"] for item in receipt.items])
    promises = {item["case"]: _promise(item, receipt, known.get(item["case"])) for item in receipt.items}
    news = receipts.record_promises(conn, row.id, caller.member, list(promises.values()))
    if receipt.kind == ERASED and news:
        receipts.keep_statement(conn, caller.member, token, node.now())


def take_ring(node: Node, caller: Caller) -> None:
    """Take a ring of the doorbell: the peer is pulled at once.

    Raises:
        NotAllowed: nothing is exchanged with the caller.
        TooOften: it has rung MAX_RINGS times within a minute.
        Conflict: the request was honoured before.
    """
    if not caller.exchange.leaves:
        raise not_exchanged(caller)
    now = node.clock()
    with writing(node.engine) as conn:
        if access.count_requests(conn, caller.member, "ring", now - _MINUTE) >= MAX_RINGS:
            raise TooOften("The doorbell was rung too often.", "Ring again in a minute.", 60)
        take_once(conn, node, caller, "ring")
        peers.ring(conn, caller.member, now)


def not_exchanged(caller: Caller) -> NotAllowed:
    """Say why a caller gets nothing."""
    return NotAllowed(f"Nothing is exchanged with {caller.member}: {caller.exchange.reason}.")


def _answer(state: str, given: Given, *, restricted: bool) -> Given | Absence:
    match state:
        case feed_cases.HELD:
            return "restricted" if restricted else given
        case "superseded" | "erased" | "expired":
            return state
        case _:
            return "unknown"


def take_once(conn: Connection, node: Node, caller: Caller, action: str) -> None:
    """Honour a request that changes something, with the caller's transaction.

    Raises:
        Conflict: it was honoured before.
    """
    request = caller.request
    forget_at = request.expires + LEEWAY
    if not access.take_request(conn, caller.member, request.token_id, action, node.clock(), forget_at):
        raise Conflict("This request was honoured before.", "Make a fresh token for each request.")


def _feed_of(node: Node, conn: Connection, caller: Caller, origin: str) -> feeds.FeedRow:
    """Return the feed that a receipt is about; one that the caller may not know of is as good as none."""
    for audience in caller.exchange.leaves:
        row = feeds.find_feed(conn, node.member, audience)
        if row is not None and row.origin == origin:
            return row
    raise NotAuthorized("receipt: not about a feed that is exchanged with its sender")


def _promise(item: dict[str, Any], receipt: Receipt, state: CaseState | None) -> receipts.Promise:
    """Hold one item against the feed.

    Raises:
        NotAuthorized: the feed never had this case.
        Malformed: a version that was not published yet, or another document than was published.
    """
    if state is None:
        raise NotAuthorized("receipt: about a case that this feed never had")
    if item["version"] > state.version:
        raise Malformed("receipt: about a version that was not published yet")
    if receipt.kind == HELD:
        live = item["version"] == state.version
        if live and (state.digest is None or item["digest"] != state.digest.hex()):
            raise Malformed("receipt: holds another document than the one that was published")
    return receipts.Promise(
        item["case"],
        receipt.issuer,
        item["version"],
        held_at=_time(item, "held_at"),
        hidden_at=_time(item, "hidden_at"),
        purged_at=_time(item, "purged_at"),
        nothing_held=item.get("nothing_held", False),
    )


def _time(item: dict[str, Any], name: str) -> datetime | None:
    return parse_time(item[name], f"receipt {name}") if name in item else None
