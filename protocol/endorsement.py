"""Endorsements: by what right an NGO is in the network, and where each member stands today.

Guarantees: a verified endorsement was made by an active law-enforcement member for an NGO of its own country
and has not run out; a verified withdrawal was made by a member of the roster. `standing` puts these and the
roster together. What a node does with a member that has lapsed is left to the node. Specification: README,
"Roster and endorsements".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from protocol.errors import Malformed, NotAuthorized, ProtocolError
from protocol.jws import parse_claim_time
from protocol.member import MAX_ENDORSEMENT, Member
from protocol.roster import Roster
from protocol.token import LEEWAY, Claims, TokenSigner, verify_claims

ENDORSEMENT_TYPE = "gmcn-endorsement+jwt"
WITHDRAWAL_TYPE = "gmcn-withdrawal+jwt"
WARNING_DAYS: tuple[Literal[7], Literal[30]] = (7, 30)
"""How many days ahead both sides are told that an endorsement runs out."""


@dataclass(frozen=True, slots=True)
class Endorsement:
    """A verified endorsement.

    Attributes:
        issuer: the law-enforcement member that endorses.
        subject: the NGO.
        token_id: its `jti`, by which it is withdrawn.
        agreement: the paper between the two that it rests on.
        expires: from this moment it holds no more.
    """

    issuer: str
    subject: str
    token_id: str
    agreement: str
    issued: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A verified withdrawal: `issuer` takes back the endorsement of this `jti`."""

    issuer: str
    token_id: str
    issued: datetime


class State(StrEnum):
    """Where a member stands."""

    ACTIVE = "active"
    LAPSED = "lapsed"
    SUSPENDED = "suspended"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands at one moment.

    Attributes:
        reason: in plain words.
        until: when its endorsement runs out; None when nothing is known to end it.
        warning: 30 or 7 when the endorsement runs out within that many days.
        endorser: who has made the endorsement that holds; None without one.
    """

    state: State
    reason: str
    until: datetime | None = None
    warning: Literal[7, 30] | None = None
    endorser: str | None = None


def format_endorsement(
    signer: TokenSigner, subject: str, agreement: str, expires: datetime, now: datetime, token_id: str
) -> str:
    """Sign an endorsement.

    Args:
        subject: the NGO's member id.
        agreement: a name of the paper that it rests on, without anything personal in it.
        token_id: a fresh random `jti`.
    """
    claims = {"sub": subject, "exp": int(expires.timestamp()), "jti": token_id, "agreement": agreement}
    return signer.sign(ENDORSEMENT_TYPE, claims, now)


def verify_endorsement(token: str, roster: Roster, now: datetime) -> Endorsement:
    """Verify an endorsement against a roster that lists both members.

    Raises:
        Malformed: not an endorsement, or with claims that it does not have.
        BadSignature: the endorser's key did not sign it.
        NotAuthorized: not by an active law-enforcement member of the country of an NGO, by a key that was not
        in force then, from the future, or run out.
    """
    claims = verify_claims(token, ENDORSEMENT_TYPE, "endorsement", roster.token_key, MAX_ENDORSEMENT)
    _check_claims(claims, "endorsement", {"iss", "sub", "iat", "exp", "jti", "agreement"})
    endorsement = Endorsement(
        issuer=claims.issuer,
        subject=claims.text("sub"),
        token_id=claims.text("jti"),
        agreement=claims.text("agreement"),
        issued=claims.at,
        expires=parse_claim_time(claims.all["exp"], "endorsement exp"),
    )
    endorser, subject = roster.member(endorsement.issuer), roster.member(endorsement.subject)
    if endorser.kind != "law_enforcement" or subject.kind != "ngo" or endorser.country != subject.country:
        raise NotAuthorized("endorsement: must be by a law-enforcement member for an NGO of its own country")
    if endorser.state != "active":
        raise NotAuthorized(f"endorsement: {endorser.id}, who made it, is {endorser.state}")
    if endorsement.issued > now + LEEWAY:
        raise NotAuthorized("endorsement: from the future; check both clocks")
    if endorsement.expires <= now:
        raise NotAuthorized(f"endorsement: ran out on {endorsement.expires:%Y-%m-%d}")
    return endorsement


def format_withdrawal(signer: TokenSigner, token_id: str, now: datetime) -> str:
    """Sign the withdrawal of the endorsement of this `jti`."""
    return signer.sign(WITHDRAWAL_TYPE, {"endorsement": token_id}, now)


def verify_withdrawal(token: str, roster: Roster) -> Withdrawal:
    """Verify a withdrawal. It counts only against an endorsement by the same issuer.

    Raises:
        Malformed: not a withdrawal, or with claims that it does not have.
        BadSignature: the issuer's key did not sign it.
        NotAuthorized: not by a key that a member of the roster had then.
    """
    claims = verify_claims(token, WITHDRAWAL_TYPE, "withdrawal", roster.token_key, MAX_ENDORSEMENT)
    _check_claims(claims, "withdrawal", {"iss", "iat", "endorsement"})
    return Withdrawal(claims.issuer, claims.text("endorsement"), claims.at)


def standing(member: Member, roster: Roster, withdrawals: Iterable[Withdrawal], now: datetime) -> Standing:
    """Tell where a member stands: what the roster says, and for an NGO what its endorsement says."""
    if member.state != "active":
        return Standing(State(member.state), f"the coordinator has {member.state} this member")
    if member.kind == "law_enforcement":
        return Standing(State.ACTIVE, "a law-enforcement member")
    if member.endorsement is None:
        return Standing(State.LAPSED, "no law-enforcement member of its country endorses it")
    try:
        endorsement = verify_endorsement(member.endorsement, roster, now)
    except ProtocolError as error:
        return Standing(State.LAPSED, str(error))
    if endorsement.subject != member.id:
        return Standing(State.LAPSED, "its endorsement is that of another member")
    for withdrawal in withdrawals:
        if (withdrawal.issuer, withdrawal.token_id) == (endorsement.issuer, endorsement.token_id):
            return Standing(State.LAPSED, f"{endorsement.issuer} has withdrawn its endorsement")
    left = endorsement.expires - now
    warning = next((days for days in WARNING_DAYS if left <= timedelta(days=days)), None)
    reason = f"endorsed by {endorsement.issuer} until {endorsement.expires:%Y-%m-%d}"
    return Standing(State.ACTIVE, reason, endorsement.expires, warning, endorsement.issuer)


def _check_claims(claims: Claims, what: str, names: set[str]) -> None:
    if set(claims.all) != names:
        raise Malformed(f"{what}: its claims must be {', '.join(sorted(names))}")
