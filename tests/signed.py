"""A federation under a real coordinator: its files are signed by two holders, and every node follows them by
TUF's rules, from the coordinator or from each other.

    federation = SignedFederation(tmp_path, [FR, DE])
    federation.coordinate(network.freeze, POLICE, "network", head)

The federation's clock begins at the machine's time, which is what tuf's client reads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from node.adapters.http import HttpClient
from node.config import LogConfig
from node.log import set_up_log
from node.runtime import open_node
from node.services.coordinator import network
from node.services.members import membership
from node.services.members.membership import Applicant
from node.web.coordinator import create_coordinator_app
from node.web.federation import make_federation_app
from tests import networks
from tests.federation import Clock, Federation
from tests.networks import COORDINATOR


@dataclass
class SignedFederation(Federation):
    """See the module. An NGO is endorsed by the first law-enforcement member of its country."""

    clock: Clock = field(default_factory=lambda: Clock(networks.now()))

    def __post_init__(self) -> None:
        set_up_log(LogConfig(level="error"))
        self._drawn = 0
        self._servers = {}
        self.net = networks.Coordinator(self.folder / "net", policy=self.policy).create()
        self.wire.apps[COORDINATOR.removeprefix("https://")] = create_coordinator_app(self.net.folder)
        for kind in ("law_enforcement", "ngo"):
            for member in self.members:
                if member[2] == kind:
                    self._make_node(member[0])
                    self.coordinate(network.admit, self._request(*member))
                    membership.join(self[member[0]], self.net.root, [COORDINATOR])
        self.refresh()
        if self.accepted:
            for node in self.nodes.values():
                self.accept_all(node)

    def coordinate(self, change: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Stage a change, let both holders sign it, and publish it. No node has read it yet."""
        result = change(self.net.folder, *arguments, self.clock.now, **options)
        self.net.publish()
        return result

    def join_later(self, member: str, country: str, kind: str) -> None:
        """Admit a newcomer, who accepts everybody and is accepted by everybody."""
        self._make_node(member)
        self.coordinate(network.admit, self._request(member, country, kind))
        membership.join(self[member], self.net.root, [COORDINATOR])
        self.refresh()
        for node in self.nodes.values():
            self.accept_all(node)

    def _make_node(self, member: str) -> None:
        home = self.folder / member
        membership.init_home(home, member, f"{self.settings}[server]\nport = 0\n")
        self.nodes[member] = replace(open_node(home, clock=self.clock), http=cast(HttpClient, self.wire))
        self.wire.apps[member] = make_federation_app(self.nodes[member], lambda: self._ring(member))

    def _request(self, member: str, country: str, kind: str) -> str:
        duty = {"phone": "+33144556677", "email": f"duty@{member}", "languages": ["en"], "hours": "24/7"}
        endorsement = None
        if kind == "ngo":
            endorser = next(m for m, *rest in self.members if rest == [country, "law_enforcement"])
            endorsement = membership.endorse(self[endorser], member, "Agreement 1", 365, "test")
        applicant = Applicant(
            member, country, kind, {"en": f"Organisation {member}"}, f"https://{member}", duty, endorsement
        )
        return membership.join_request(self[member], applicant, "Test network")
