"""The owner's word that a document is the current one, until a moment (JWT, EdDSA).

Guarantees: a verified statement was signed by the owner of the case that it names, and promises for a week at
most: what was withdrawn or replaced is not called current for longer than that by an old copy. Whether the
document is in the owner's feed is left to `proof`. Specification: README, "Proofs".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.encoding import parse_hash
from protocol.errors import Malformed, NotAuthorized
from protocol.jws import parse_claim_time
from protocol.leaf import check_case_id
from protocol.token import LEEWAY, FindKey, TokenSigner, verify_claims

CURRENT_TYPE = "gmcn-current+jwt"
MAX_CURRENT_LENGTH = 4096
MAX_CURRENT_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Current:
    """A verified statement.

    Attributes:
        issuer: the owner of the case.
        version: of the case in the owner's network feed.
        digest: of that version's document (32 bytes).
        at: when it was signed.
        until: from this moment it says nothing any more.
    """

    issuer: str
    case: str
    version: int
    digest: bytes
    at: datetime
    until: datetime

    def check_holds(self, now: datetime) -> None:
        """Check that the document is called current at this moment.

        Raises:
            NotAuthorized: not yet, or not any more.
        """
        if self.at > now + LEEWAY:
            raise NotAuthorized("statement: from the future; check both clocks")
        if self.until <= now:
            raise NotAuthorized(f"statement: ran out at {self.until:%Y-%m-%d %H:%M} UTC")


def format_current(
    signer: TokenSigner, case: str, version: int, digest: bytes, until: datetime, now: datetime
) -> str:
    """Sign that a document of an own case is the current one."""
    claims = {"exp": int(until.timestamp()), "case": case, "version": version, "digest": digest.hex()}
    return signer.sign(CURRENT_TYPE, claims, now)


def verify_current(token: str, find: FindKey) -> Current:
    """Verify who has called which document current, and until when; `check_holds` tells whether that is still
    so.

    Raises:
        Malformed: not such a statement.
        BadSignature: the issuer's key did not sign it.
        NotAuthorized: not by a key that counts, about a case of another member, or for longer than
            MAX_CURRENT_LIFE.
    """
    claims = verify_claims(token, CURRENT_TYPE, "statement", find, MAX_CURRENT_LENGTH)
    case, version = claims.text("case"), claims.all.get("version")
    check_case_id(case, claims.issuer)
    if type(version) is not int or not 1 <= version < 1 << 53:
        raise Malformed("statement: version must be a whole number from 1")
    digest = parse_hash(claims.all.get("digest"), "statement digest")
    until = parse_claim_time(claims.all.get("exp"), "statement exp")
    if not timedelta(0) < until - claims.at <= MAX_CURRENT_LIFE:
        raise NotAuthorized(f"statement: must end within {MAX_CURRENT_LIFE.days} days")
    return Current(claims.issuer, case, version, digest, claims.at, until)
