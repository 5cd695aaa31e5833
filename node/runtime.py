"""A node as a value: its settings, database, keys, photographs, trust, line to others, and clock.

Guarantees: everything that a use case touches hangs on one `Node`, and nothing on a module, so that several
nodes live in one process; what asks for a `KeylessNode` touches no key. What a node does is `node.services`.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Engine

from node.adapters.blobs import Blobs
from node.adapters.http import HttpClient
from node.adapters.images import PhotographLimits
from node.adapters.keystore import Keystore, Purpose, key_id
from node.adapters.openid import OpenIdProvider
from node.adapters.peers import PeerClient
from node.adapters.prints import Prints
from node.adapters.site_folder import SiteFolder
from node.adapters.trust import Trusted, TrustStore
from node.adapters.typesetting import Typesetter
from node.config import Config, OidcConfig, load_config
from node.domain.disclosure import DisclosurePolicy
from node.errors import NotAllowed, NotFound
from node.store.database import open_database
from protocol.errors import NotAuthorized
from protocol.feed_entry import Audience
from protocol.member import Member, fingerprint
from protocol.note import ED25519, Ed25519Signer
from protocol.policy import Policy
from protocol.roster import Roster
from protocol.token import TokenSigner
from schemas import Schemas

Clock = Callable[[], datetime]

FEED_KEYS: dict[Audience, Purpose] = {"network": "feed-network", "police": "feed-police"}


def system_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Network:
    """What the coordinator's signed files say, as verified last.

    Attributes:
        schemas: the JSON Schemas in force, ready to use.
        expires_at: when the files run out; past it no new member or key is taken.
        version: rises with every change.
        fingerprints: of every member, by its id: what its keys and address are accepted by.
    """

    roster: Roster
    policy: Policy
    schemas: Schemas
    expires_at: datetime
    version: int
    fingerprints: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class KeylessNode:
    """What a node is without its keys and without a line to others: all that its public site may touch."""

    config: Config
    engine: Engine
    blobs: Blobs
    trust: TrustStore
    clock: Clock = system_clock
    typesetter: Typesetter = field(default_factory=Typesetter)
    _networks: dict[str, tuple[Trusted, Network]] = field(default_factory=dict)

    @property
    def member(self) -> str:
        """Whose node this is."""
        return self.config.member

    @cached_property
    def site_folder(self) -> SiteFolder:
        """What the public site looks like, and hands out."""
        return SiteFolder(self.config.home / "site")

    @property
    def country(self) -> str:
        """The country of this member; empty where the roster does not list it."""
        members = self.network().roster.members
        return next((member.country for member in members if member.id == self.member), "")

    @property
    def prints(self) -> Prints:
        """What was made of cases and is kept for a day."""
        return Prints(self.config.home / "prints")

    def now(self) -> datetime:
        """Return the time in whole seconds, as the protocol writes it."""
        return self.clock().replace(microsecond=0)

    def network(self) -> Network:
        """Return what the coordinator's signed files say.

        Raises:
            NotFound: the node has not joined a network.
        """
        trusted = self.trust.current()
        known = self._networks.get("")
        if known is None or known[0] is not trusted:
            same = known is not None and known[0].schemas == trusted.schemas  # compiling them takes a while
            known = (
                trusted,
                Network(
                    trusted.roster,
                    trusted.policy,
                    known[1].schemas if known and same else Schemas.with_overrides(trusted.schemas),
                    trusted.expires_at,
                    trusted.version,
                    {member.id: fingerprint(member) for member in trusted.roster.members},
                ),
            )
            self._networks[""] = known
        return known[1]

    def entry(self) -> Member:
        """Return this member's own entry in the roster.

        Raises:
            NotAllowed: the roster does not list it.
        """
        try:
            return self.network().roster.member(self.member)
        except NotAuthorized:
            raise NotAllowed(
                "%(member)s is not a member of this network yet.",
                "Hand the file that `gmcn join request` writes to the coordinator, and wait for the roster.",
                member=self.member,
            ) from None

    def photograph_limits(self) -> PhotographLimits:
        """Return how large photographs may be, by the network's policy."""
        limits = self.network().policy.limits
        return PhotographLimits(full_bytes=limits.photo_bytes, small_bytes=limits.small_photo_bytes)

    def disclosure(self) -> DisclosurePolicy:
        """Return this member's rules for what leaves the house.

        Raises:
            InvalidInput: they are wrong in the settings.
        """
        return DisclosurePolicy.parse(self.config.disclosure, self.network().schemas)

    def scratch(self) -> Path:
        """Return the folder for temporary files: inside the home, so that nothing of a case is left
        elsewhere."""
        folder = self.config.home / "tmp"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


@dataclass(frozen=True, kw_only=True)
class Node(KeylessNode):
    """One member's node, in one process.

    Attributes:
        vouched: when this process last heard from a witness that the head of an own feed is the newest, by
            the feed's origin. Never on the disk: a copy of this machine must not believe that it has asked.
    """

    keys: Keystore
    http: HttpClient
    vouched: dict[str, datetime] = field(default_factory=dict)
    _providers: dict[tuple[OidcConfig, bool], OpenIdProvider] = field(default_factory=dict)
    _opened: dict[tuple[str, bytes], Ed25519PrivateKey] = field(default_factory=dict, repr=False)
    _derived: dict[tuple[str, bytes], bytes] = field(default_factory=dict, repr=False)

    @property
    def peers(self) -> PeerClient:
        """Calls to peers in this member's name."""
        return PeerClient(self.http, self.token_signer, self.clock, self.config.pull.deadline_seconds)

    @property
    def identity_provider(self) -> OpenIdProvider:
        """The member's own identity provider, which knows for a while what it was told."""
        config, plain = self.config.oidc, self.config.pull.private_addresses
        made = OpenIdProvider(config, plain_http=plain, connect_seconds=self.config.pull.connect_seconds)
        return self._providers.setdefault((config, plain), made)

    def feed_signer(self, audience: Audience) -> Ed25519Signer:
        """Return the key that signs the checkpoints of an own feed: the newest that the roster lists."""
        entry = self.entry().feed(audience)
        return Ed25519Signer(entry.origin, ED25519, self._key(FEED_KEYS[audience], entry.keys[-1].public))

    def head_signers(self, audience: Audience) -> list[Ed25519Signer]:
        """Return the keys that sign the checkpoints of an own feed now: the newest, and those that were
        replaced and still count, as far as they are here."""
        signers = [self.feed_signer(audience)]
        entry = self.entry().feed(audience)
        for key in entry.keys_at(self.now()):
            with suppress(NotFound):  # its private half was destroyed
                private = self._key(FEED_KEYS[audience], key.public)
                signers.append(Ed25519Signer(entry.origin, ED25519, private))
        return list({signer.key: signer for signer in signers}.values())

    def token_signer(self) -> TokenSigner:
        """Return the key that signs this member's tokens: the newest that the roster lists, or the newest
        there is."""
        try:
            public = self.entry().token_keys[-1].public
        except NotAllowed:
            public = self.keys.public("token")
        return TokenSigner(self.member, key_id(public), self._key("token", public))

    def cosigner(self) -> Ed25519Signer:
        """Return the key that this member cosigns other members' checkpoints with."""
        key = self.entry().cosigner
        return Ed25519Signer(key.name, key.kind, self._key("cosigner", key.public))

    def opening_keys(self) -> list[MLKEM768X25519PrivateKey]:
        """Return the keys that open what arrives now: one that was replaced does so until its end."""
        now, listed = self.now(), self.entry().sealing_keys
        in_force = {key.public for key in listed if key.until is None or now < key.until}
        return self.keys.all_sealing(in_force)

    def journal_key(self) -> bytes:
        """Return the secret under which the journal hashes what was looked for: 32 bytes, never stored.

        It outlives every key that is replaced: what was hashed before is to be found again.
        """
        return self._derive("gmcn/journal/1")

    def console_key(self, use: str) -> bytes:
        """Return the console's secret for one use: 32 bytes, never stored."""
        return self._derive(f"gmcn/console/{use}/1")

    def _derive(self, use: str) -> bytes:
        """Return a key of the console's secret, derived once: an import asks for one with every row."""
        secret = self.keys.console_secret()
        if (use, secret) not in self._derived:
            derived = HKDF(hashes.SHA256(), 32, salt=None, info=use.encode()).derive(secret)
            self._derived[use, secret] = derived
        return self._derived[use, secret]

    def _key(self, purpose: Purpose, public: bytes) -> Ed25519PrivateKey:
        """Return a private key, decrypted once: it takes longer than a whole request."""
        if (purpose, public) not in self._opened:
            self._opened[purpose, public] = self.keys.load(purpose, public)
        return self._opened[purpose, public]


def open_keyless_node(home: Path, *, clock: Clock = system_clock) -> KeylessNode:
    """Open what the public site needs of the node in a folder that `gmcn init` made; no key is read.

    Raises:
        InvalidInput: there is none, or its settings are wrong.
    """
    config = load_config(home)
    return KeylessNode(
        config=config,
        engine=open_database(config.database_url),
        blobs=Blobs(home / "photographs"),
        trust=TrustStore(home / "trust"),
        clock=clock,
    )


def open_node(home: Path, *, clock: Clock = system_clock) -> Node:
    """Open the node in a folder that `gmcn init` made.

    Raises:
        InvalidInput: there is none, or its settings are wrong.
        NotFound, NotAllowed: its keys are missing, or others can read them.
    """
    config = load_config(home)
    passphrase = Path(config.keys.passphrase_file) if config.keys.passphrase_file else None
    http = HttpClient(
        private_addresses=config.pull.private_addresses, connect_seconds=config.pull.connect_seconds
    )
    return Node(
        config=config,
        engine=open_database(config.database_url),
        keys=Keystore.open(home / "keys", passphrase),
        blobs=Blobs(home / "photographs"),
        trust=TrustStore(home / "trust"),
        http=http,
        clock=clock,
    )
