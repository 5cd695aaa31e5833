"""Whole networks in a folder, for tests: a coordinator with two key holders, and HTTP without a network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.adapters.http import Answer, HttpClient
from node.adapters.repository import Holder
from node.errors import PeerUnavailable
from node.services.coordinator import network, signing
from protocol.joining import format_join_request
from protocol.policy import Policy
from tests.members import MemberKeys, public

COORDINATOR = "https://coordinator.example"


def now() -> datetime:
    """Real time: tuf's client reads the machine's clock itself."""
    return datetime.now(UTC).replace(microsecond=0)


def join_request(keys: MemberKeys, network_name: str = "Test network", **options: Any) -> str:
    entry = keys.entry(options.pop("endorsement", None))
    entry = replace(entry, token_keys=tuple(replace(key, since=now()) for key in entry.token_keys))
    return format_join_request(entry, network_name, keys.token, keys.proving, now(), "request-1", **options)


@dataclass
class Coordinator:
    """A network in a folder, whose key holders sign at once."""

    folder: Path
    policy: Policy = field(default_factory=Policy)
    holders: dict[str, Ed25519PrivateKey] = field(
        default_factory=lambda: {name: Ed25519PrivateKey.generate() for name in ("ana", "bob")}
    )

    def create(self, members: Iterable[MemberKeys] = ()) -> "Coordinator":
        people = [Holder(name, public(key)) for name, key in self.holders.items()]
        network.create_network(self.folder, "Test network", people, people, 2, now(), self.policy)
        for member in members:
            network.admit(self.folder, join_request(member), now())
        return self.publish()

    def publish(self, at: datetime | None = None) -> "Coordinator":
        for key in self.holders.values():
            signing.sign_change(self.folder, key)
        signing.publish(self.folder, at or now())
        return self

    @property
    def root(self) -> bytes:
        return (self.folder / "metadata" / "1.root.json").read_bytes()

    def files(self) -> dict[str, bytes]:
        """What is served, by path."""
        found = {}
        for part in ("metadata", "targets"):
            for path in (self.folder / part).rglob("*.json"):
                found[f"/{path.relative_to(self.folder)}"] = path.read_bytes()
        return found


class Web(HttpClient):
    """Answers from memory instead of the network. A source that is not known is down."""

    def __init__(self, sources: Mapping[str, Mapping[str, bytes | int]]) -> None:
        self.sources = {url: dict(files) for url, files in sources.items()}
        self.asked: list[str] = []

    def fetch(self, method: str, url: str, *, limit: int, deadline: float, **options: Any) -> Answer:
        self.asked.append(url)
        for source, files in self.sources.items():
            if url.startswith(source):
                found = files.get(url.removeprefix(source), 404)
                if isinstance(found, int):
                    return Answer(found, {}, b"")
                if len(found) > limit:
                    raise PeerUnavailable("Its answer is longer than is allowed.")
                return Answer(200, {}, found)
        raise PeerUnavailable("It cannot be reached.")
