"""What a member says of a document that it hands out: which it is, in which language, under which licence.

Guarantees: a verified statement was signed by the member that it names, about the very bytes that have its
hash. Whether the document is one that anybody should read is left to whoever signs.
Specification: README, "Resources".
"""

from dataclasses import dataclass
from datetime import date, datetime

from protocol.encoding import parse_date, parse_hash
from protocol.errors import Malformed
from protocol.signs import is_readable
from protocol.token import FindKey, TokenSigner, verify_claims

RESOURCE_TYPE = "gmcn-resource+jwt"
MAX_RESOURCE_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class Resource:
    """What is said of a document.

    Attributes:
        digest: SHA-256 of its bytes.
        media_type: such as "application/pdf".
        language: BCP 47.
        licence: an SPDX identifier, or words.
        topic: a short code of the member's.
        review: from this day on somebody should have looked again whether it still holds.
    """

    digest: bytes
    media_type: str
    title: str
    language: str
    licence: str
    topic: str
    review: date


@dataclass(frozen=True, slots=True)
class SignedResource:
    """A verified statement: who said it, and when."""

    issuer: str
    at: datetime
    resource: Resource


def format_resource(signer: TokenSigner, resource: Resource, now: datetime) -> str:
    """Sign what a member says of a document."""
    claims = {
        "sha256": resource.digest.hex(),
        "media_type": resource.media_type,
        "title": resource.title,
        "language": resource.language,
        "licence": resource.licence,
        "topic": resource.topic,
        "review": resource.review.isoformat(),
    }
    return signer.sign(RESOURCE_TYPE, claims, now)


def verify_resource(token: str, find: FindKey) -> SignedResource:
    """Verify who has said what of a document.

    Raises:
        Malformed: not such a statement.
        BadSignature, NotAuthorized: see `token.verify_claims`.
    """
    claims = verify_claims(token, RESOURCE_TYPE, "resource", find, MAX_RESOURCE_LENGTH)
    texts = {name: claims.text(name) for name in ("media_type", "title", "language", "licence", "topic")}
    if not all(is_readable(text) for text in texts.values()):
        raise Malformed("resource: its texts must be of one line each")
    resource = Resource(
        digest=parse_hash(claims.all.get("sha256"), "resource sha256"),
        review=parse_date(claims.all.get("review"), "resource review"),
        **texts,
    )
    return SignedResource(claims.issuer, claims.at, resource)
