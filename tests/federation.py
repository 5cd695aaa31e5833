"""A little federation in temporary folders: real nodes with real keys, feeds and databases.

    federation = Federation(tmp_path, [("police.fr.example", "FR", "law_enforcement"), ...])
    published = federation.publish("police.fr.example", sample_record("ar"))
    federation.pull("police.de.example", "police.fr.example")

What is not real is at the edges: the clock stands until it is moved; the coordinator hands out its files
without signatures (`StandInTrust`); and calls between nodes go through a `Wire` that leads straight into the
other's application, and on which things can go wrong. `sockets=True` makes the calls real: each node is
served by waitress on a port of its own, and reached by the real HTTP client.
"""

import gzip
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest.mock import patch
from urllib.parse import urlsplit

from werkzeug.test import Client

from node.adapters.http import Answer, HttpClient
from node.adapters.trust import Trusted, TrustStore
from node.config import FILE_NAME, LogConfig
from node.errors import PeerUnavailable
from node.log import set_up_log
from node.runtime import Node, open_node
from node.services.disclosure import publishing
from node.services.disclosure.publishing import Published
from node.services.following import pulling
from node.services.following.pulling import PullReport
from node.services.members import membership
from node.services.members.membership import Applicant
from node.services.register import cases
from node.store.database import scrub
from node.web.federation import make_federation_app
from node.web.process import Server
from protocol.answers import Absence, Given, format_answers, parse_answers, parse_query
from protocol.errors import ProtocolError
from protocol.joining import verify_join_request
from protocol.jws import parse_statement
from protocol.member import Member, fingerprint
from protocol.policy import Policy
from protocol.roster import Roster
from protocol.token import MAX_TOKEN_LENGTH, REQUEST_TYPE, sign_request
from tests.databases import copy_pg_database, load_file, migrate_copy

START = datetime(2026, 11, 21, 12, tzinfo=UTC)

FR = ("police.fr.example", "FR", "law_enforcement")
DE = ("police.de.example", "DE", "law_enforcement")
NGO = ("ngo.fr.example", "FR", "ngo")


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **units: float) -> None:
        """Move on: `clock.advance(days=3)`."""
        self.now += timedelta(**units)


class Coordinator:
    """Whoever signs the roster; every node reads it when it refreshes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.trusted = Trusted(Roster("Test network", START, ()), Policy(), {}, START, 0, {})
        self.files: dict[str, bytes] = {"1.root.json": b'{"signed": "root"}\n' * 100}

    def announce(self, *members: Member, policy: Policy | None = None) -> None:
        """Change entries, add new ones, or set the policy."""
        old = self.trusted
        entries = {member.id: member for member in (*old.roster.members, *members)}
        self.trusted = replace(
            old,
            roster=replace(old.roster, members=tuple(entries.values())),
            policy=policy or old.policy,
            expires_at=self._clock() + timedelta(days=7),
            version=old.version + 1,
        )


class StandInTrust:
    """What one node has read of the coordinator's files."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._known = coordinator.trusted

    def refresh(self, urls: Iterable[str], http: HttpClient) -> Trusted:
        """Read the newest files."""
        self._known = self._coordinator.trusted
        return self._known

    def current(self) -> Trusted:
        """Return what was read last."""
        return self._known

    def metadata_file(self, name: str) -> bytes | None:
        """Return a file that the node serves on."""
        return self._coordinator.files.get(name)

    target_file = metadata_file


@dataclass(frozen=True)
class Call:
    """One request on the wire."""

    method: str
    member: str
    path: str
    body: bytes
    deadline: float
    caller: str = ""


Ask = Callable[[], Answer]
Fault = Callable[[Call, Ask], Answer]


class Wire:
    """Stands in for `HttpClient`: leads calls into the applications, past what goes wrong on the way.

    Attributes:
        faults: by member called; each may ask, change what comes back, or raise PeerUnavailable.
        calls: every one that was made, with the status that came back.
    """

    def __init__(self) -> None:
        self.apps: dict[str, Any] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.calls: list[tuple[Call, int]] = []

    def fetch(
        self,
        method: str,
        url: str,
        *,
        limit: int,
        deadline: float,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Make a call as `HttpClient.fetch` does."""
        parts = urlsplit(url)
        caller = _caller_of((headers or {}).get("Authorization", ""))
        call = Call(method, parts.hostname or "", parts.path, body, deadline, caller)

        def ask() -> Answer:
            sent = {"Accept-Encoding": "gzip", **(headers or {})}
            response = Client(self.apps[call.member], use_cookies=False).open(
                parts.path, method=method, headers=sent, data=body
            )
            data = response.get_data()
            response.close()
            plain = gzip.decompress(data) if response.headers.get("Content-Encoding") == "gzip" else data
            lower = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, lower, plain)

        for fault in self.faults.get(call.member, []):
            ask = _behind(fault, call, ask)
        answer = ask()
        self.calls.append((call, answer.status))
        if len(answer.body) > limit:
            raise PeerUnavailable("Its answer is longer than is allowed.")
        return answer


def _caller_of(authorization: str) -> str:
    """Read who says in its token that it calls; empty where there is none to read."""
    with suppress(ProtocolError):
        token = authorization.removeprefix("Bearer ")
        claims = parse_statement(token, REQUEST_TYPE, "token", MAX_TOKEN_LENGTH).claims
        return str(claims.get("iss", ""))
    return ""


def _behind(fault: Fault, call: Call, ask: Ask) -> Ask:
    return lambda: fault(call, ask)


def down(call: Call, ask: Ask) -> Answer:
    """A member that cannot be reached."""
    raise PeerUnavailable("It cannot be reached.")


def down_for(*members: str) -> Fault:
    """A member that some cannot reach."""
    return lambda call, ask: down(call, ask) if call.caller in members else ask()


def slow(seconds: float) -> Fault:
    """A member that takes its time."""

    def fault(call: Call, ask: Ask) -> Answer:
        if seconds > call.deadline:
            raise PeerUnavailable("It did not answer in time.")
        return ask()

    return fault


def dropping(after: int) -> Fault:
    """A line that is cut after some answers, for good."""
    left = iter(range(after))

    def fault(call: Call, ask: Ask) -> Answer:
        if next(left, None) is None:
            raise PeerUnavailable("Its answer was cut off or could not be read.")
        return ask()

    return fault


def tampering(part: str, change: Callable[[bytes], bytes]) -> Fault:
    """Somebody who changes the answers to calls whose path has a part in it."""

    def fault(call: Call, ask: Ask) -> Answer:
        answer = ask()
        return replace(answer, body=change(answer.body)) if part in call.path else answer

    return fault


def withholding(*digests: bytes) -> Fault:
    """An owner that announces documents and does not give them; all of them when none is named."""

    def fault(call: Call, ask: Ask) -> Answer:
        answer = ask()
        if not call.path.endswith("/documents") or answer.status != 200:
            return answer
        asked = parse_query(call.body)
        answers = zip(asked, parse_answers(answer.body, asked), strict=True)
        kept: list[tuple[bytes, Given | Absence]] = [
            (d, "unknown" if not digests or d in digests else given) for d, given in answers
        ]
        return replace(answer, body=format_answers(kept))

    return fault


class _Apps(dict[str, Any]):
    """The application of each node, made when it is first called: many tests never call some."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make
        self._lock = threading.Lock()  # Python 3.11 cannot compile in two threads at once, as making one does

    def __missing__(self, member: str) -> Any:
        with self._lock:
            if member not in self:
                self[member] = self._make(member)
            return self[member]


class _Prepared(NamedTuple):
    """A federation as it was built.

    Attributes:
        files: of every home: place below the federation's folder, mode, and content; None for a folder.
    """

    trusted: Trusted
    files: list[tuple[str, int, bytes | None]]


_PREPARED: dict[str, _Prepared] = {}
"""What was built in this process, by everything in which one can differ from another."""


@dataclass
class Federation:
    """Nodes of one network. `federation[member]` is a node.

    Args:
        members: id, country and kind of each. An NGO is endorsed by the first law-enforcement member of its
            country.
        accepted: whether every node has accepted every other.
        sockets: whether calls go over real sockets; close the federation then.
        databases: address of the database of each member that does not have a SQLite file in its home.
        settings: further lines of every node.toml.
        rung: whose doorbell was rung, in order; `on_ring` is then called, by member.
    """

    folder: Path
    members: Sequence[tuple[str, str, str]] = (FR, DE, NGO)
    policy: Policy = field(default_factory=Policy)
    accepted: bool = True
    sockets: bool = False
    settings: str = "[pull]\nprivate_addresses = true\n"
    databases: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    wire: Wire = field(default_factory=Wire)
    rung: list[str] = field(default_factory=list)
    on_ring: dict[str, Callable[[], None]] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_up_log(LogConfig(level="error"))
        self._drawn = 0
        self._begun: _Prepared | None = None
        self.coordinator = Coordinator(self.clock)
        self._servers: dict[str, tuple[Server, threading.Thread]] = {}
        self.wire.apps = _Apps(self._make_app)
        self._copy(self._prepare())
        if self.sockets:
            self._listen()

    def _prepare(self) -> _Prepared:
        """Build a federation like this one, unless one was built before, and take it apart."""
        which = self._which()
        if which not in _PREPARED:
            with tempfile.TemporaryDirectory() as name:
                built = copy(self)
                built.folder, built.sockets, built.nodes = Path(name), False, {}
                built.wire, built.coordinator, built.rung = Wire(), Coordinator(self.clock), []
                built.wire.apps = _Apps(built._make_app)
                built._build()
                _PREPARED[which] = built._take_apart()
        return _PREPARED[which]

    def _take_apart(self) -> _Prepared:
        """Close this federation, and give what it was."""
        for node in self.nodes.values():
            assert scrub(node.engine)
        self.close()
        files = [
            (str(path.relative_to(self.folder)), path.stat().st_mode & 0o777, _content(path))
            for path in sorted(self.folder.rglob("*"))
        ]
        return _Prepared(self.coordinator.trusted, files)

    def _build(self) -> None:
        for member, _, _ in self.members:
            self._make_node(member)
        self.coordinator.announce(*(self._join(*member) for member in self.members), policy=self.policy)
        self.refresh()
        for member, country, kind in self.members:
            if kind == "ngo":
                endorser = next(m for m, *rest in self.members if rest == [country, "law_enforcement"])
                token = membership.endorse(self[endorser], member, "Agreement 1", 365, "test")
                self.announce(member, endorsement=token)
        if self.accepted:
            for node in self.nodes.values():
                self.accept_all(node)

    def _copy(self, prepared: _Prepared) -> None:
        """Take everything from a federation that was built before: every test needs some."""
        self.coordinator.trusted = prepared.trusted
        for place, mode, data in prepared.files:
            path = self.folder / place
            if data is None:
                path.mkdir(mode, parents=True, exist_ok=True)
            else:
                path.write_bytes(data)
                path.chmod(mode)
        for member, url in self.databases.items():
            home = self.folder / member
            if url.startswith("sqlite"):
                (home / "node.db").rename(urlsplit(url).path.removeprefix("/"))
            else:
                name = sha256((home / "node.db").read_bytes()).hexdigest()[:32]
                copy_pg_database(url, name, partial(load_file, home / "node.db"))
                (home / "node.db").unlink()
            with (home / FILE_NAME).open("a", encoding="utf-8") as settings:
                settings.write(_database_settings(url))
        for member, _, _ in self.members:
            self._open_node(member)

    def _which(self) -> str:
        return repr((self.members, self.policy, self.accepted, self.settings, self.clock()))

    def _listen(self) -> None:
        """Serve every node, and let the roster lead there."""
        members = self.coordinator.trusted.roster.members
        self.coordinator.announce(
            *(replace(member, address=self._address(self[member.id])) for member in members)
        )
        self.refresh()
        if self.accepted:
            for node in self.nodes.values():
                self.accept_all(node)

    def twin(self, folder: Path, databases: Mapping[str, str] | None = None) -> "Federation":
        """Give another federation that is as this one was when it had its first twin: what takes long is then
        done once for many tests. Only of SQLite, without sockets, and when every node has read the
        coordinator's newest files.

        Args:
            databases: of the twin, which may be of either kind.
        """
        if self._begun is None:
            self._begun = self._take_apart()
        made = copy(self)
        folder.mkdir(exist_ok=True)
        made.folder, made.nodes, made.rung, made.on_ring = folder, {}, [], {}
        made.databases, made._begun = databases or {}, None
        made.clock, made.wire = Clock(self.clock()), Wire()
        made.coordinator = Coordinator(made.clock)
        made.wire.apps = _Apps(made._make_app)
        made._copy(self._begun)
        return made

    def __getitem__(self, member: str) -> Node:
        return self.nodes[member]

    def refresh(self) -> None:
        """Let every node read the coordinator's newest files."""
        for node in self.nodes.values():
            membership.refresh(node)

    def announce(self, member: str, **changes: Any) -> None:
        """Change an entry of the roster, and let every node read it."""
        entry = self.coordinator.trusted.roster.member(member)
        self.coordinator.announce(replace(entry, **changes))
        self.refresh()

    def accept_all(self, node: Node) -> None:
        """Let a node's administrator accept every other member's present keys."""
        for other in node.network().roster.members:
            if other.id != node.member:
                membership.accept_member(node, other.id, fingerprint(other), "test")

    def publish(self, member: str, *records: dict[str, Any]) -> list[Published]:
        """Add cases to a member's register and publish them."""
        node = self[member]
        added = cases.add_cases(node, records, "test", self.folder)
        return publishing.publish(node, [case.case_id for case in added], "test")

    def pull(self, member: str, owner: str) -> PullReport:
        """Let a member pull another."""
        return pulling.pull(self[member], owner)

    def ask(
        self,
        caller: str | None,
        owner: str,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Make one call as a member, or as nobody, and give the bare answer.

        Args:
            token: the one to send; a right and fresh one when None.
        """
        sent = dict(headers or {})
        if token is None and caller is not None:
            token = self.token(caller, owner, method, path, body)
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        url = self[owner].entry().address + path
        http = self[owner].http
        return http.fetch(method, url, limit=20_000_000, deadline=20, headers=sent, body=body)

    def token(
        self,
        caller: str,
        owner: str,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        at: datetime | None = None,
        token_id: str = "",
    ) -> str:
        """Sign a request token of a member."""
        self._drawn += 1
        signer = self[caller].token_signer()
        token_id = token_id or f"test-token-{self._drawn}"
        return sign_request(signer, owner, method, path, body, at or self.clock(), token_id)

    def save(self, member: str) -> Path:
        """Copy a node's database, as a backup would."""
        node = self[member]
        assert scrub(node.engine)
        self._drawn += 1
        return Path(shutil.copy(node.config.home / "node.db", self.folder / f"backup-{self._drawn}.db"))

    def restore(self, member: str, saved: Path) -> None:
        """Put a copy back in the place of a node's database: it rolls back, and forks when it goes on."""
        node = self[member]
        node.engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            (node.config.home / f"node.db{suffix}").unlink(missing_ok=True)
        shutil.copy(saved, node.config.home / "node.db")

    def reopen(self, member: str) -> Node:
        """Open a node anew from its home, as after the end of its process. Not over sockets."""
        self[member].engine.dispose()
        self._open_node(member)
        return self[member]

    def stop(self, member: str) -> None:
        """Stop the server of a member."""
        server, thread = self._servers.pop(member)
        server.stop()
        thread.join()

    def start(self, member: str) -> None:
        """Open a node anew from its home and serve it where it was served before, over sockets."""
        port = urlsplit(self.coordinator.trusted.roster.member(member).address).port or 0
        self._open_node(member)
        config = self[member].config
        node = replace(self[member], config=replace(config, server=replace(config.server, port=port)))
        self._address(node)

    def close(self) -> None:
        """Stop the servers and close the databases."""
        for member in list(self._servers):
            self.stop(member)
        for node in self.nodes.values():
            node.engine.dispose()
            if self.sockets:
                node.http.close()

    def _make_node(self, member: str) -> None:
        off = "[console]\nenabled = false\n[site]\nenabled = false\n"
        settings = f"{self.settings}[server]\nport = 0\n{off}"
        with patch.object(membership, "migrate", migrate_copy):
            membership.init_home(self.folder / member, member, settings)
        self._open_node(member)

    def _open_node(self, member: str) -> None:
        node = replace(
            open_node(self.folder / member, clock=self.clock),
            trust=cast(TrustStore, StandInTrust(self.coordinator)),
        )
        self.nodes[member] = node if self.sockets else replace(node, http=cast(HttpClient, self.wire))
        self.wire.apps.pop(member, None)

    def _make_app(self, member: str) -> Any:
        return make_federation_app(self[member], lambda: self._ring(member))

    def _ring(self, member: str) -> None:
        self.rung.append(member)
        self.on_ring.get(member, lambda: None)()

    def _join(self, member: str, country: str, kind: str) -> Member:
        node = self[member]
        duty = {"phone": "+33144556677", "email": f"duty@{member}", "languages": ["en"], "hours": "24/7"}
        names = {"en": f"Organisation {member}"}
        applicant = Applicant(member, country, kind, names, self._address(node), duty)
        request = membership.join_request(node, applicant, "Test network")
        return verify_join_request(request, self.clock()).member

    def _address(self, node: Node) -> str:
        if not self.sockets:
            return f"https://{node.member}"
        server = Server(node, lambda: self._ring(node.member))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        self._servers[node.member] = (server, thread)
        return server.url


def _database_settings(url: str) -> str:
    return f'[database]\nurl = "{url}"\nrewrite_hours = 1\n'


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
