"""Members with real keys, for tests that need a roster."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.feed_entry import FeedEntry
from protocol.member import AUDIENCES_OF, Duty, Kind, Member
from protocol.member_keys import SealingKey, TokenKey
from protocol.note import COSIGNATURE, ED25519, VerifierKey
from protocol.roster import Roster
from protocol.token import TokenSigner

JOINED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 20, 14, tzinfo=UTC)


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass
class MemberKeys:
    """The private keys of one member, and the entry that lists their public halves."""

    id: str
    country: str = "FR"
    kind: Kind = "law_enforcement"
    address: str = ""
    site: str | None = None
    feeds: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    token: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    cosigner: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    sealing: tuple[MLKEM768PrivateKey, X25519PrivateKey] = field(
        default_factory=lambda: (MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())
    )

    def __post_init__(self) -> None:
        for audience in AUDIENCES_OF[self.kind]:
            self.feeds.setdefault(audience, Ed25519PrivateKey.generate())

    @property
    def kid(self) -> str:
        return f"{self.id}-{public(self.token).hex()[:8]}"

    @property
    def signer(self) -> TokenSigner:
        return TokenSigner(self.id, self.kid, self.token)

    @property
    def proving(self) -> list[Ed25519PrivateKey]:
        return [*self.feeds.values(), self.cosigner]

    def entry(self, endorsement: str | None = None) -> Member:
        origins = {audience: f"{self.id}/{audience}" for audience in AUDIENCES_OF[self.kind]}
        return Member(
            id=self.id,
            country=self.country,
            kind=self.kind,
            state="active",
            names={"en": f"Organisation {self.id}"},
            address=self.address or f"https://node.{self.id}",
            duty=Duty("+33144556677", f"duty@{self.id}", ("fr", "en"), "24/7"),
            feeds=tuple(
                FeedEntry(audience, origin, (VerifierKey(origin, ED25519, public(self.feeds[audience])),))
                for audience, origin in origins.items()
            ),
            token_keys=(TokenKey(self.kid, public(self.token), JOINED),),
            cosigner=VerifierKey(self.id, COSIGNATURE, public(self.cosigner)),
            sealing_keys=(
                SealingKey(
                    f"{self.id}-seal", b"".join(half.public_key().public_bytes_raw() for half in self.sealing)
                ),
            ),
            endorsement=endorsement,
            joined=JOINED,
            site=self.site,
        )


def make_roster(*members: Member) -> Roster:
    return Roster("Test network", JOINED, members)
