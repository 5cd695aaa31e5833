"""The calls that one node makes to another (protocol README, "HTTP interface").

Guarantees: every call carries a fresh token for exactly this request, is bounded in bytes and time, and
returns suspect bytes: nothing is believed here. A peer that does not answer, or refuses, is PeerUnavailable;
one that answers in a form that the protocol does not have is a ProtocolError.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from node.adapters.http import Answer, HttpClient
from node.errors import InvalidInput, PeerUnavailable
from protocol.answers import Absence, Given, format_query, parse_answers
from protocol.encoding import parse_object
from protocol.errors import Malformed, ProtocolError
from protocol.heads import MAX_HEADS_BYTES, Heads, parse_heads
from protocol.member import Member
from protocol.mirror import MAX_READERS_BYTES, parse_readers
from protocol.note import MAX_NOTE_BYTES
from protocol.pruning import MAX_PRUNED_BYTES, Pruned, parse_pruned
from protocol.receipt import MAX_RECEIPT_LENGTH
from protocol.tiles import TileRef
from protocol.token import TokenSigner, sign_request
from protocol.witness import origin_hash

MAX_BUNDLE_BYTES = 1 << 20
MAX_WITHDRAWALS_BYTES = 1 << 20
MAX_DOCUMENTS_BYTES = 17 << 20
MAX_OWED_BYTES = 4 << 20
_DOOR_SECONDS = 5.0
_TAG = re.compile(r'"[A-Za-z0-9_-]{1,64}"', re.ASCII)
_FINAL = (400, 413)  # of a message: what is wrong with it will not change


def feed_path(audience: str) -> str:
    """Return where every member serves its own feed of an audience, below its address."""
    return f"/feeds/{audience}"


def mirror_path(owner: str, audience: str) -> str:
    """Return where a member serves what it holds of another's feed, below its address."""
    return f"/mirrors/{owner}/{audience}"


class PeerClient:
    """Calls to peers in the name of this node's member.

    Args:
        signer: returns the member's token key; asked for at each call, so that a rotated key is used at once.
        deadline: seconds that one call may take.
    """

    def __init__(
        self,
        http: HttpClient,
        signer: Callable[[], TokenSigner],
        clock: Callable[[], datetime],
        deadline: float,
    ) -> None:
        self._http = http
        self._signer = signer
        self._clock = clock
        self._deadline = deadline

    def get_checkpoint(self, member: Member, feed: str, tag: str) -> bytes | None:
        """Ask for the newest checkpoint of a feed; None when it is still the one with this ETag.

        Args:
            feed: where the member serves it: `feed_path` or `mirror_path`, here and below.
            tag: empty when none is known.
        """
        headers = {"If-None-Match": tag} if tag else {}
        answer = self._call(
            member, "GET", f"{feed}/checkpoint", limit=MAX_NOTE_BYTES, headers=headers, also=(304,)
        )
        return None if answer.status == 304 else answer.body

    def get_file(self, member: Member, feed: str, ref: TileRef) -> bytes:
        """Ask for a tile or an entry bundle."""
        return self._call(member, "GET", f"{feed}/{ref.format()}", limit=MAX_BUNDLE_BYTES).body

    def get_pruned(self, member: Member, feed: str, known: int) -> Pruned | None:
        """Ask how to go on behind the first `known` entries of a feed; None when all others are given."""
        answer = self._call(member, "GET", f"{feed}/pruned/{known}", limit=MAX_PRUNED_BYTES, also=(404,))
        return parse_pruned(answer.body, known) if answer.status == 200 else None

    def get_documents(self, member: Member, feed: str, digests: Sequence[bytes]) -> list[Given | Absence]:
        """Ask for documents: for each digest its bytes, or why there is none.

        Raises:
            Malformed: the answer is not one to this question.
        """
        body = format_query(digests)
        answer = self._call(member, "POST", f"{feed}/documents", limit=MAX_DOCUMENTS_BYTES, body=body)
        return parse_answers(answer.body, digests)

    def get_photograph(self, member: Member, feed: str, sha256: str, size: int) -> bytes | None:
        """Ask for a photograph of `size` bytes; None when the peer has none for this member."""
        path = f"{feed}/photographs/{sha256}"
        # One byte more shows that it is another; what is longer still is not read.
        answer = self._call(member, "GET", path, limit=max(size + 1, MAX_NOTE_BYTES), also=(404,))
        return answer.body if answer.status == 200 else None

    def get_readers(self, member: Member, feed: str) -> list[str] | None:
        """Ask for the members that a feed is open to; None when the peer does not say.

        Raises:
            Malformed: the answer is not a list of member ids.
        """
        answer = self._call(member, "GET", f"{feed}/readers", limit=MAX_READERS_BYTES, also=(403, 404))
        return parse_readers(answer.body) if answer.status == 200 else None

    def get_withdrawals(self, member: Member) -> list[str]:
        """Ask for the endorsements that a member has withdrawn.

        Raises:
            Malformed: the answer is not a list of tokens.
        """
        answer = self._call(member, "GET", "/withdrawals", limit=MAX_WITHDRAWALS_BYTES)
        return _tokens(answer.body, "withdrawals", MAX_WITHDRAWALS_BYTES)

    def add_checkpoint(self, member: Member, submission: bytes, deadline: float) -> tuple[int, bytes]:
        """Submit a head to a witness.

        Args:
            submission: the body of `add-checkpoint`.
            deadline: seconds that it may take.

        Returns:
            The status, 200, 409 or 422, and the body that belongs to it.
        """
        answer = self._call(
            member,
            "POST",
            "/witness/add-checkpoint",
            limit=MAX_NOTE_BYTES,
            body=submission,
            headers={"Content-Type": "application/octet-stream"},
            also=(409, 422),
            deadline=deadline,
        )
        return answer.status, answer.body

    def get_cosigned(self, member: Member, origin: str, deadline: float) -> bytes:
        """Ask a witness for the newest head that it has cosigned of a log."""
        path = f"/witness/{origin_hash(origin)}/checkpoint"
        return self._call(member, "GET", path, limit=MAX_NOTE_BYTES, deadline=deadline).body

    def send_receipt(self, member: Member, receipt: str) -> None:
        """Hand a receipt to the owner of a feed."""
        assert len(receipt) <= MAX_RECEIPT_LENGTH
        self._call(
            member,
            "POST",
            "/receipts",
            limit=MAX_NOTE_BYTES,
            body=receipt.encode(),
            headers={"Content-Type": "application/jwt"},
        )

    def send_message(self, member: Member, message: bytes) -> bytes:
        """Hand a message to its receiver, and return what should be an acknowledgement.

        Raises:
            InvalidInput: the receiver refuses it for good, with its reason.
        """
        answer = self._call(
            member,
            "POST",
            "/messages",
            limit=MAX_NOTE_BYTES,
            body=message,
            headers={"Content-Type": "application/vnd.gmcn.message"},
            also=_FINAL,
        )
        if answer.status in _FINAL:
            raise InvalidInput(_refused(answer).message)
        return answer.body

    def get_heads(self, member: Member, tag: str, deadline: float | None = None) -> tuple[str, Heads] | None:
        """Ask which heads and what evidence a member knows; None when it is still what has this tag.

        Args:
            deadline: seconds that it may take, where it is not to be those of every call.

        Returns:
            The tag of the answer, empty when it has none, and the answer.

        Raises:
            Malformed: the answer is not of that form.
        """
        headers = {"If-None-Match": f'"{tag}"'} if tag else {}
        answer = self._call(
            member, "GET", "/heads", limit=MAX_HEADS_BYTES, headers=headers, also=(304,), deadline=deadline
        )
        if answer.status == 304:
            return None
        told = answer.headers.get("etag", "")
        return told.strip('"') if _TAG.fullmatch(told) else "", parse_heads(answer.body)

    def send_evidence(self, member: Member, data: bytes) -> None:
        """Hand evidence of a split view to a member."""
        self._call(member, "POST", "/evidence", limit=MAX_NOTE_BYTES, body=data, deadline=_DOOR_SECONDS)

    def get_receipts(self, member: Member) -> list[str]:
        """Ask a member for the receipts that it owes to this one.

        Raises:
            Malformed: the answer is not a list of tokens.
        """
        answer = self._call(member, "GET", "/receipts", limit=MAX_OWED_BYTES)
        return _tokens(answer.body, "receipts", MAX_OWED_BYTES)

    def settle_receipt(self, member: Member, receipt: str) -> None:
        """Give a member's receipt back to it: it was taken, and is owed no more."""
        headers = {"Content-Type": "application/jwt"}
        body = receipt.encode()
        self._call(member, "POST", "/receipts/settled", limit=MAX_NOTE_BYTES, body=body, headers=headers)

    def send_piece(self, member: Member, token_id: str, index: int, piece: bytes, *, last: bool) -> None:
        """Hand a member the next piece of a bundle."""
        path = f"/bundles/{token_id}/{index}{'/last' if last else ''}"
        headers = {"Content-Type": "application/octet-stream"}
        self._call(member, "PUT", path, limit=MAX_NOTE_BYTES, body=piece, headers=headers)

    def ring(self, member: Member) -> None:
        """Ring a peer's doorbell: there is something new here, pull it now."""
        self._call(member, "POST", "/doorbell", limit=MAX_NOTE_BYTES, deadline=_DOOR_SECONDS)

    def _call(
        self,
        member: Member,
        method: str,
        path: str,
        *,
        limit: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        also: Sequence[int] = (),
        deadline: float | None = None,
    ) -> Answer:
        url = member.address.rstrip("/") + path
        token = sign_request(
            self._signer(),
            member.id,
            method,
            urlsplit(url).path,
            body,
            self._clock(),
            secrets.token_urlsafe(16),
        )
        answer = self._http.fetch(
            method,
            url,
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
            body=body,
            limit=limit,
            deadline=self._deadline if deadline is None else deadline,
        )
        if answer.status // 100 != 2 and answer.status not in also:
            raise _refused(answer)
        return answer


def _tokens(data: bytes, name: str, limit: int) -> list[str]:
    tokens = parse_object(data, name, limit).get(name)
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise Malformed(f"{name}: must be a list of tokens")
    return tokens


REFUSES = "It refuses with "
"""How the reason begins that is kept of a peer that is up and refuses."""


class Refused(PeerUnavailable):
    """A peer that answers, and does not give what it was asked for."""


def _refused(answer: Answer) -> PeerUnavailable:
    """Say why a peer refuses, with what it says itself, cut down to plain printable text."""
    try:
        said = str(parse_object(answer.body, "problem", MAX_NOTE_BYTES).get("detail", ""))
    except ProtocolError:
        said = ""
    plain = "".join(ch for ch in said[:200] if ch.isprintable()).rstrip(" .")
    because = f"{answer.status}{': ' + plain if plain else ''}."
    if answer.status < 500:
        return Refused(f"{REFUSES}{because}", "Ask its operator if this lasts.")
    return PeerUnavailable(f"It answered {because}", "It is asked again by itself.")
