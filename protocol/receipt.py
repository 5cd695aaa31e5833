"""Receipts: a peer's signed word that it holds a version, or that it has hidden and purged an erased case
(JWT, EdDSA).

Guarantees: a verified receipt was signed by its issuer for this owner and one of its feeds. A receipt is a
promise, not a proof. What the items must hold is said by `schemas/receipt.v1.json`. Specification: README,
"Receipts".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.errors import Malformed, NotAuthorized
from protocol.token import FindKey, TokenSigner, verify_claims

RECEIPT_TYPE = "gmcn-receipt+jwt"
MAX_ITEMS = 256
MAX_RECEIPT_LENGTH = 1 << 17
MAX_OWED = 16
"""How many receipts are given at once to an owner who fetches them."""

HEAD_LENGTH, ITEM_LENGTH = 2048, 512
"""Characters of a receipt, and for each of its items: owners keep receipts, and nobody may pad them."""
HELD = "held"
ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A verified receipt.

    Attributes:
        issuer: the peer that promises.
        kind: HELD or ERASED.
        origin: the feed that the items are of.
        at: when it was signed.
        claims: all of it, to be held against the JSON Schema.
        items: one dict a case and version.
    """

    issuer: str
    kind: str
    origin: str
    at: datetime
    claims: dict[str, Any]
    items: Sequence[dict[str, Any]]


def format_receipt(
    signer: TokenSigner,
    owner: str,
    origin: str,
    kind: str,
    items: Sequence[dict[str, Any]],
    now: datetime,
    token_id: str,
) -> str:
    """Sign a receipt over at most MAX_ITEMS items for the owner of a feed."""
    return signer.sign(
        RECEIPT_TYPE,
        {"aud": owner, "jti": token_id, "kind": kind, "origin": origin, "items": list(items)},
        now,
    )


def verify_receipt(token: str, owner: str, find: FindKey) -> Receipt:
    """Verify a receipt that was sent to a feed's owner.

    Raises:
        Malformed, BadSignature: see `token.verify_claims`; or too many items, padding, or a kind that is not
        known.
        NotAuthorized: meant for another owner, or about a feed that is not this owner's.
    """
    claims = verify_claims(token, RECEIPT_TYPE, "receipt", find, MAX_RECEIPT_LENGTH)
    if claims.all.get("aud") != owner:
        raise NotAuthorized("receipt: for another member")
    kind, origin, items = claims.text("kind"), claims.text("origin"), claims.all.get("items")
    if not origin.startswith(f"{owner}/"):
        raise NotAuthorized("receipt: about a feed of another member")
    if kind not in (HELD, ERASED):
        raise Malformed("receipt: of a kind that is not known here")
    if (
        not isinstance(items, list)
        or len(items) > MAX_ITEMS
        or not all(isinstance(item, dict) for item in items)
    ):
        raise Malformed(f"receipt: must hold at most {MAX_ITEMS} items")
    if len(token) > HEAD_LENGTH + ITEM_LENGTH * len(items):
        raise Malformed("receipt: longer than its items need")
    return Receipt(claims.issuer, kind, origin, claims.at, claims.all, items)
