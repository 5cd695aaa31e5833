"""Little federations whose nodes reach each other over real sockets, once with each kind of database."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from werkzeug.test import Client

from node import jobs
from node.adapters.http import Answer
from node.services.register import cases as register
from node.store.database import writing
from node.store.federation import peers
from node.web.federation import make_federation_app
from tests.databases import pg_address
from tests.federation import DE, FR, NGO, Call, Fault, Federation
from tests.serving import answering


@dataclass
class Journey:
    """A federation on sockets, and ways to wait for what it does by itself."""

    federation: Federation

    @contextmanager
    def at_work(self, *members: str) -> Iterator[None]:
        """Let nodes do by themselves what they do."""
        running = {member: jobs.Jobs(self.federation[member]) for member in members}
        self.federation.on_ring = {member: one.wake for member, one in running.items()}
        try:
            for one in running.values():
                one.start()
            yield
        finally:
            self.federation.on_ring = {}
            # One process holds several nodes and goes on: what outlives a node here would meet the next.
            with patch.object(jobs, "_STOP_SECONDS", 60):
                for one in running.values():
                    one.stop()

    def eventually(self, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something holds; the clock of the federation goes on meanwhile."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it did not come about"
            self.federation.clock.advance(seconds=10)
            time.sleep(0.05)

    def ring(self, member: str, owner: str = FR[0]) -> None:
        """Make an owner due to be pulled by a member."""
        with writing(self.federation[member].engine) as conn:
            peers.ring(conn, owner, self.federation.clock())

    def versions(self, case: str, owner: str = FR[0]) -> dict[str, int]:
        """Tell which version of a case each peer holds, by the receipts that the owner has."""
        found = register.holdings(self.federation[owner], case)
        return {
            item.member: item.version
            for item in found
            if item.audience == "network" and item.version is not None and item.held_at is not None
        }

    def purged(self, case: str) -> set[str]:
        """Tell which peers have purged a case from all feeds that they read."""
        found = register.holdings(self.federation[FR[0]], case)
        return {item.member for item in found} - {item.member for item in found if item.purged_at is None}


@pytest.fixture(params=["sqlite", "postgresql"])
def journey(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journey]:
    """The French and the German police and a French NGO."""
    members = [FR, DE, NGO]
    with ExitStack() as stack:
        databases = {}
        if request.param == "postgresql":
            server = request.getfixturevalue("pg_server")
            databases = {member: stack.enter_context(pg_address(server)) for member, _, _ in members}
        federation = Federation(tmp_path, members, sockets=True, databases=databases)
        stack.callback(federation.close)
        yield Journey(federation)


@contextmanager
def served(federation: Federation, member: str, fault: Fault) -> Iterator[None]:
    """Let something go wrong in front of a member's node, which the roster then leads to."""
    app = make_federation_app(federation[member], lambda: None)
    address = federation.coordinator.trusted.roster.member(member).address
    with answering(_Between(app, member, fault)) as url:
        _move(federation, member, url)
        try:
            yield
        finally:
            _move(federation, member, address)


def _move(federation: Federation, member: str, address: str) -> None:
    """Let the roster lead elsewhere, and the others accept that."""
    federation.announce(member, address=address)
    for node in federation.nodes.values():
        if node.member != member:
            federation.accept_all(node)


class _Between:
    """A WSGI application that hands what another answers through a fault."""

    def __init__(self, app: Any, member: str, fault: Fault) -> None:
        self._app, self._member, self._fault = app, member, fault

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        call = Call(environ["REQUEST_METHOD"], self._member, environ["PATH_INFO"], body, 60)

        def ask() -> Answer:
            headers = {"Authorization": environ.get("HTTP_AUTHORIZATION", "")}
            sent = Client(self._app, use_cookies=False).open(
                environ["PATH_INFO"], method=call.method, headers=headers, data=body
            )
            lower = {name.lower(): value for name, value in sent.headers.items()}
            return Answer(sent.status_code, lower, sent.get_data())

        try:
            answer = self._fault(call, ask)
        except Exception:
            start_response("503 Service Unavailable", [])
            return [b""]
        kept = [(name, value) for name, value in answer.headers.items() if name in ("etag", "content-type")]
        start_response(f"{answer.status} -", [*kept, ("Content-Length", str(len(answer.body)))])
        return [answer.body]
