"""Join requests: how an organisation asks to be put on the roster, or to have its keys replaced.

Guarantees: whoever made a verified request holds the private half of its token key, of every key of its
active feeds and of its cosigner, so nobody is listed under another's key; and, where the request says so, of
a token key that the roster lists already. Whether the organisation is what it says is for the coordinator's
people to find out. Specification: README, "Join requests".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.encoding import format_base64, format_time, parse_base64
from protocol.errors import Malformed, NotAuthorized
from protocol.jws import parse_claim_time, parse_statement
from protocol.member import Member, format_member, parse_member
from protocol.member_keys import TokenKey
from protocol.note import ED25519, VerifierKey
from protocol.roster import Roster
from protocol.signs import is_readable
from protocol.token import LEEWAY, TokenSigner

JOIN_TYPE = "gmcn-join+jwt"
LIFE = timedelta(days=30)
"""How long a coordinator has to act on a request."""

MAX_REQUEST = 1 << 16

_CLAIMS = {"iss", "iat", "exp", "jti", "network", "member", "proofs"}
_OF_THE_COORDINATOR = ("state", "joined", "removed_at")


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A verified request.

    Attributes:
        member: the entry asked for; active, joined when the request was made.
        previous_kid: the token key of the present roster that vouches for the new keys; None when none does.
    """

    member: Member
    network: str
    token_id: str
    previous_kid: str | None


def format_join_request(
    member: Member,
    network: str,
    token_key: Ed25519PrivateKey,
    other_keys: Iterable[Ed25519PrivateKey],
    now: datetime,
    token_id: str,
    previous: TokenSigner | None = None,
) -> str:
    """Sign a request to be listed as `member`, which must have one token key.

    Args:
        network: the name of the network that it is meant for.
        other_keys: the private keys of its active feeds and its cosigner, in any order.
        token_id: 16 fresh random bytes, as text.
        previous: the token key that the roster lists now, when keys are to be replaced and it is still there.

    Raises:
        Malformed: a private key is missing.
    """
    private = {key.public_key().public_bytes_raw(): key for key in other_keys}
    proofs = {}
    for key in _keys_to_prove(member):
        if key.public not in private:
            raise Malformed(f"join request: the private key of {key.name} is missing")
        message = _proof(key.format(), member, token_id)
        proofs[key.format()] = format_base64(private[key.public].sign(message))
    entry = {name: value for name, value in format_member(member).items() if name not in _OF_THE_COORDINATOR}
    claims: dict[str, Any] = {
        "exp": int((now + LIFE).timestamp()),
        "jti": token_id,
        "network": network,
        "member": entry,
        "proofs": proofs,
    }
    if previous:
        signature = previous.private.sign(_proof(f"token {previous.kid}", member, token_id))
        claims["previous"] = {"kid": previous.kid, "signature": format_base64(signature)}
    return TokenSigner(member.id, _only_token_key(member).kid, token_key).sign(JOIN_TYPE, claims, now)


def verify_join_request(token: str, now: datetime, roster: Roster | None = None) -> JoinRequest:
    """Verify a request.

    Args:
        roster: the present one, needed where a listed key vouches for the new ones.

    Raises:
        Malformed: not a request, or its entry breaks a rule of the roster.
        BadSignature: a key was not proven, or the vouching key did not sign.
        NotAuthorized: from the future, run out, or vouched for by a key that the roster does not list.
    """
    statement = parse_statement(token, JOIN_TYPE, "join request", MAX_REQUEST)
    claims = statement.claims
    if set(claims) - {"previous"} != _CLAIMS or not isinstance(claims["proofs"], dict):
        raise Malformed(f"join request: its claims must be {', '.join(sorted(_CLAIMS))}")
    issued = parse_claim_time(claims["iat"], "join request iat")
    member = _parse_entry(claims["member"], issued)
    token_key = _only_token_key(member)
    if claims["iss"] != member.id or statement.kid != token_key.kid:
        raise Malformed("join request: must be signed by the member and the token key that it asks for")
    statement.verify(token_key.public)
    if issued > now + LEEWAY:
        raise NotAuthorized("join request: from the future; check both clocks")
    expires = parse_claim_time(claims["exp"], "join request exp")
    if expires - issued > LIFE:
        raise NotAuthorized(f"join request: may live {LIFE.days} days; ask for a new one")
    if expires <= now:
        raise NotAuthorized("join request: has run out; ask for a new one")
    token_id, network = _text(claims, "jti"), _text(claims, "network")
    keys = list(_keys_to_prove(member))
    if len(claims["proofs"]) > len(keys):
        raise Malformed("join request: proves a key that it does not ask for")
    for key in keys:
        signature = parse_base64(claims["proofs"].get(key.format(), ""), "join request proof", 64)
        key.check(_proof(key.format(), member, token_id), signature)
    previous_kid = (
        _verify_previous(claims["previous"], member, token_id, roster, now) if "previous" in claims else None
    )
    return JoinRequest(member, network, token_id, previous_kid)


def _parse_entry(value: Any, issued: datetime) -> Member:
    """Read the entry, to which the coordinator adds what only it can say."""
    if not isinstance(value, dict) or any(name in value for name in _OF_THE_COORDINATOR):
        raise Malformed(
            f"join request: the member must be an object without {', '.join(_OF_THE_COORDINATOR)}"
        )
    member = parse_member({**value, "state": "active", "joined": format_time(issued)}, "join request member")
    retired = [feed.retired for feed in member.feeds if feed.state == "active"]
    if any((*retired, member.retired_cosigners)):
        raise Malformed(
            "join request: asks for replaced keys, which nobody proves; the coordinator adds them"
        )
    return member


def _verify_previous(value: Any, member: Member, token_id: str, roster: Roster | None, now: datetime) -> str:
    if not isinstance(value, dict) or not isinstance(kid := value.get("kid"), str):
        raise Malformed("join request: previous must hold kid and signature")
    if roster is None:
        raise NotAuthorized("join request: vouched for by a key that no roster lists")
    # Only VerifierKey.check knows how to check 64 bytes; the name is for the error text.
    key = VerifierKey(member.id, ED25519, roster.token_key(member.id, kid, now))
    signature = parse_base64(value.get("signature", ""), "join request previous", 64)
    key.check(_proof(f"token {kid}", member, token_id), signature)
    return kid


def _keys_to_prove(member: Member) -> Iterator[VerifierKey]:
    """List the keys that sign for the member; those of a frozen feed may be lost, and sign nothing any
    more."""
    for feed in member.feeds:
        if feed.state == "active":
            yield from feed.keys
    yield member.cosigner


def _proof(purpose: str, member: Member, token_id: str) -> bytes:
    """Say that the holder of one key wants it in the request that this token key signs under this id.

    The first line is no origin and no cosignature header, so that these bytes can never be taken for another
    statement.
    """
    token_public = format_base64(_only_token_key(member).public)
    return f"gmcn-join/1\n{purpose}\n{member.id}\n{token_id}\n{token_public}\n".encode()


def _only_token_key(member: Member) -> TokenKey:
    if len(member.token_keys) != 1:
        raise Malformed("join request: must ask for exactly one token key")
    return member.token_keys[0]


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not 0 < len(value) <= 200 or not is_readable(value):
        raise Malformed(f"join request: {name} must be a text")
    return value
