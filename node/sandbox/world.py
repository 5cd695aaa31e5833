"""A whole network in a folder: a coordinator, members with their homes, invented cases with drawn faces.

    sandbox.json       what was built; written last, so that half a network is never taken for one
    coordinator/       the network's signed files, served as they are
    keyholders/        one folder a person: the key that signs the list of members, and its passphrase
    members/<id>/      the homes of the nodes, as `gmcn init` makes them
    try/               a case file with its picture for each member, to be added by hand
    logs/              what the nodes say while they run

Guarantees: every home, key, request, endorsement and case goes the way that a real one goes, through
`node.services`; what a member knows of another it has read from the network's signed files. Nothing is
written outside the folder.
"""

import fcntl
import json
import random
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.adapters.keystore import (
    create_key_file,
    load_key_file,
    read_passphrase,
    signing_public,
    write_private,
)
from node.adapters.repository import Holder
from node.errors import Conflict, NodeError, NotFound
from node.runtime import Node, open_node
from node.sandbox import desks
from node.sandbox.people import Record, invent_case
from node.sandbox.plan import (
    AGREEMENT,
    ENDORSEMENT_DAYS,
    KEY_HOLDERS,
    MEMBERS,
    NETWORK,
    QUORUM,
    THRESHOLD,
    Plan,
    plan_of,
)
from node.sandbox.portraits import draw_portrait
from node.sandbox.processes import Processes, running
from node.services.coordinator import network, signing
from node.services.disclosure import leaving, publishing
from node.services.members import membership
from node.services.members.membership import Applicant
from node.services.register import cases
from node.store.register.cases import PUBLISHED
from protocol.policy import Policy

ACTOR = "sandbox"
COORDINATOR = "coordinator"
PULL_SECONDS = 3

_MADE = "sandbox.json"
_BUILDING = "building"
_FORMAT = 3
_SEED = 1
_MOST = 1_000
_MONTHS = 12
_PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections: what is free now is free at the next start too."""

Told = Callable[[str], None]


@dataclass(frozen=True)
class World:
    """A network that was built.

    Attributes:
        ports: on loopback, of the COORDINATOR and of every member.
        consoles, sites: ports of every member's console, and of its public site.
        cases: how many each member was given.
    """

    folder: Path
    ports: Mapping[str, int]
    consoles: Mapping[str, int]
    sites: Mapping[str, int]
    cases: int

    @property
    def coordinator(self) -> Path:
        """The folder of the network's signed files."""
        return self.folder / "coordinator"

    @property
    def logs(self) -> Path:
        """The folder with what each program says."""
        return self.folder / "logs"

    def home(self, member: str) -> Path:
        """The home of a member's node."""
        return self.folder / "members" / member

    def address(self, name: str) -> str:
        """Where a member's node is reached, or the COORDINATOR."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def console(self, member: str) -> str:
        """Where a member's console is."""
        return f"http://127.0.0.1:{self.consoles[member]}"

    def site(self, member: str) -> str:
        """Where a member's public site is."""
        return f"http://127.0.0.1:{self.sites[member]}"

    def start(self, processes: Processes, name: str) -> None:
        """Start the program of a member, or of the COORDINATOR, without waiting for it."""
        if name == COORDINATOR:
            processes.start(name, ["network", "serve", self.coordinator, "--port", str(self.ports[name])])
        else:
            processes.start(name, ["--home", self.home(name), "serve"])

    def wait(self, processes: Processes, name: str) -> None:
        """Wait until the program of a member, or of the COORDINATOR, answers.

        Raises:
            NodeError: it ended, or does not answer for long.
        """
        path = "/metadata/timestamp.json" if name == COORDINATOR else "/health"
        processes.wait_until_answering(name, self.address(name) + path)

    def start_all(self, processes: Processes) -> None:
        """Start the coordinator, unless it runs since the building, and every node, and wait until all of
        them answer."""
        for name in self.ports:
            if not processes.is_running(name):
                self.start(processes, name)
        for name in self.ports:
            self.wait(processes, name)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the right to run the network.

        Raises:
            Conflict: another process has it.
        """
        with (self.folder / _MADE).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Conflict(
                    f"The sandbox in {self.folder} runs already.",
                    "Stop that one, or choose another --folder.",
                ) from None
            yield

    @contextmanager
    def open_nodes(self) -> Iterator[dict[str, Node]]:
        """Open every member's node, for looking at it and for what its operator does, beside its process."""
        nodes = {plan.id: open_node(self.home(plan.id)) for plan in MEMBERS}
        try:
            yield nodes
        finally:
            for node in nodes.values():
                node.engine.dispose()
                node.http.close()


def open_world(folder: Path) -> World | None:
    """Return the network in a folder; None when there is none yet.

    Raises:
        Conflict: there is something else in the folder.
    """
    try:
        made = json.loads((folder / _MADE).read_text("utf-8"))
    except FileNotFoundError:
        if folder.exists() and any(folder.iterdir()) and not (folder / _BUILDING).exists():
            raise Conflict(
                f"{folder} is not empty and holds no sandbox.", "Choose another folder with --folder."
            ) from None
        return None
    if made["format"] != _FORMAT:
        raise Conflict(
            f"{folder} was built by another version of this program.", "Remove it, or choose another folder."
        )
    return World(folder.resolve(), made["ports"], made["consoles"], made["sites"], made["cases"])


@contextmanager
def run_world(folder: Path, number: int, told: Told) -> Iterator[tuple[World, Processes]]:
    """Give the network in a folder, built if there is none yet; see `build_world`."""
    world = open_world(folder)
    if world is None:
        with build_world(folder, number, told) as built:
            yield built
    else:
        with world.hold(), running(world.logs) as processes:
            yield world, processes


@contextmanager
def build_world(
    folder: Path, number: int, told: Told = lambda what: None
) -> Iterator[tuple[World, Processes]]:
    """Build a network, and give it, held, with the place from which its programs are started: to make
    another such place takes longer than to start a program. The coordinator's runs already.

    Args:
        folder: empty, not there yet, or with a network whose building was cut off.
        number: of cases for each member that owns some.
        told: what is being done, in a few words.

    Raises:
        Conflict: there is something else in the folder.
    """
    if open_world(folder) is not None:
        raise Conflict(f"{folder} holds a sandbox already.", "Run it as it is, or remove the folder.")
    folder = folder.resolve()
    _clear(folder)
    free = iter(_free_ports(1 + 3 * len(MEMBERS)))
    ports = {name: next(free) for name in (COORDINATOR, *(plan.id for plan in MEMBERS))}
    consoles, sites = ({plan.id: next(free) for plan in MEMBERS} for _ in range(2))
    world = World(folder, ports, consoles, sites, number)
    with running(world.logs) as processes:
        try:
            _build(world, processes, told)
        except BaseException:
            _clear(folder)  # with the logs: the coordinator's program goes on writing to one without a name
            raise
        with world.hold():
            yield world, processes


def _build(world: World, processes: Processes, told: Told) -> None:
    told("making the coordinator's keys and the nodes' homes")
    keys = _make_network(world)
    with _made_homes(world, processes) as nodes:
        told("admitting the members, and the NGO with its endorsement")
        _admit_all(world, nodes, keys)
        _accept_all(nodes)
        told("adding people to the consoles")
        for node in nodes.values():
            desks.add_people(node, ACTOR)
        for plan in MEMBERS:
            if plan.owns_cases:
                told(f"inventing cases and drawing faces for {plan.id}")
                _fill(world, plan, nodes[plan.id])
    made = {
        "format": _FORMAT,
        "ports": dict(world.ports),
        "consoles": dict(world.consoles),
        "sites": dict(world.sites),
        "cases": world.cases,
    }
    (world.folder / _MADE).write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    (world.folder / _BUILDING).unlink()


def add_invented(node: Node, rng: random.Random, number: int) -> str:
    """Invent one more case of a member, and add it to its register as a draft.

    Args:
        number: see `invent_for`.

    Returns:
        Its id.
    """
    with tempfile.TemporaryDirectory(dir=node.scratch()) as folder:
        record = invent_for(plan_of(node.member), rng, number, Path(folder), _now())
        (added,) = cases.add_cases(node, [record], ACTOR, Path(folder))
    return added.case_id


def invent_for(plan: Plan, rng: random.Random, number: int, folder: Path, now: datetime) -> Record:
    """Invent a case of a member, draw its picture into a folder, and return the record that names it.

    Args:
        number: every second case is of a family of the member's own country, the others in turn of those that
            its plan names.
    """
    origin = plan.origins[number // 2 % len(plan.origins)] if number % 2 and plan.origins else ""
    record = invent_case(plan.country, rng, now=now, origin=origin)
    if record["category"] == "unaccompanied_migrant" and not origin and plan.origins:  # nobody is one at home
        record = invent_case(plan.country, rng, now=now, origin=plan.origins[0])
    age = record["age_at_disappearance"]["max"] / (
        _MONTHS if record["age_at_disappearance"]["unit"] == "month" else 1
    )
    portrait = draw_portrait(
        rng,
        sex=record["sex"],
        age=age,
        hair=record["hair"],
        eyes=record["eyes"],
        complexion=record["complexion"],
        glasses=any(mark["kind"] == "glasses" for mark in record.get("marks", ())),
    )
    name = f"{rng.getrandbits(64):016x}.jpg"
    portrait.save(folder / name, "JPEG", quality=88)
    record["photos"] = [
        {
            "kind": "composite",
            "taken": record["missing_since"][:4],
            "age_depicted": int(age),
            "primary": True,
            "alt": {"en": {"text": "EXERCISE – drawn face of an invented child", "origin": "original"}},
            "rights_holder": "GMCN exercise",
            "licence": "free for exercises",
            "file": name,
        }
    ]
    return record


def _own_name(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return a child's name as its family writes it, and in Latin letters."""
    names = record.get("names") or [{"full": ""}]
    latin = next((name["full"] for name in names if name.get("script") == "Latn"), names[0]["full"])
    return names[0]["full"], latin


def choose_name(node: Node) -> tuple[str, str, str]:
    """Choose a published case whose name peers see and is not written in Latin letters: the first by
    alphabet, which is the same in every sandbox.

    Returns:
        Its id, the name as the family writes it, and that in Latin letters.

    Raises:
        NotFound: there is none.
    """
    found = []
    for case in cases.list_cases(node, PUBLISHED, _MOST, 0):
        own, latin = _own_name(case.record)
        if own != latin and "names" in leaving.preview(node, case.case_id, ACTOR).parts.get("public", ()):
            found.append((latin, own, case.case_id))
    if not found:
        raise NotFound(f"{node.member} has published no such case.", "Build the sandbox with more --cases.")
    latin, own, case_id = min(found)
    return case_id, own, latin


def _clear(folder: Path) -> None:
    """Empty a folder that this module may have begun to fill, and mark it as being filled."""
    if folder.exists():
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / _BUILDING).touch()


def _free_ports(count: int) -> list[int]:
    """Find ports on loopback that nobody listens on."""
    found: list[int] = []
    for port in secrets.SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise NodeError("There are too few free ports on 127.0.0.1.", "Stop some programs and try again.")


def _make_network(world: World) -> list[Ed25519PrivateKey]:
    """Make the network, and return the keys that sign its changes: each is opened once, since that is
    slow."""
    holders = []
    for name in KEY_HOLDERS:
        place = world.folder / "keyholders" / name
        place.mkdir(mode=0o700, parents=True)
        passphrase = secrets.token_urlsafe(24).encode()
        write_private(place / "passphrase", passphrase + b"\n")
        holders.append(Holder(name, signing_public(create_key_file(place / "key.pem", passphrase))))
    policy = Policy(exercise=True)
    network.create_network(world.coordinator, NETWORK, holders, holders, THRESHOLD, _now(), policy)
    places = [world.folder / "keyholders" / name for name in KEY_HOLDERS[:THRESHOLD]]
    keys = [load_key_file(place / "key.pem", read_passphrase(place / "passphrase")) for place in places]
    _sign_and_publish(world, keys)
    return keys


def _sign_and_publish(world: World, keys: Sequence[Ed25519PrivateKey]) -> None:
    """Let the key holders sign what the coordinator has staged, and publish it."""
    for key in keys:
        signing.sign_change(world.coordinator, key)
    signing.publish(world.coordinator, _now())


@contextmanager
def _made_homes(world: World, processes: Processes) -> Iterator[dict[str, Node]]:
    """Make every home, meanwhile what starts programs imports them, and start the coordinator's."""
    for plan in MEMBERS:
        membership.init_home(world.home(plan.id), plan.id, _settings(plan, world))
    world.start(processes, COORDINATOR)
    world.wait(processes, COORDINATOR)
    with world.open_nodes() as nodes:
        yield nodes


def _settings(plan: Plan, world: World) -> str:
    """Write the lines of node.toml: short times, so that something is to be seen, and peers on loopback."""
    lines = [
        "# A node of the sandbox: EXERCISE, every child here is invented.",
        "[server]",
        f"port = {world.ports[plan.id]}",
        "[console]",
        f"port = {world.consoles[plan.id]}",
        "[site]",
        f"port = {world.sites[plan.id]}",
        "[pull]",
        f"interval_seconds = {PULL_SECONDS}",
        f"backoff_seconds = {PULL_SECONDS}",
        "private_addresses = true",
    ]
    if plan.neutral:
        texts = ", ".join(
            f"{lang} = {json.dumps(text, ensure_ascii=False)}" for lang, text in plan.neutral.items()
        )
        lines += ["[disclosure]", f"neutral_text = {{ {texts} }}"]
    return "\n".join(lines) + "\n"


def _admit_all(world: World, nodes: Mapping[str, Node], keys: Sequence[Ed25519PrivateKey]) -> None:
    """Admit law enforcement first: an NGO needs the endorsement of one that is a member."""
    root = (world.coordinator / "metadata" / "1.root.json").read_bytes()
    for plan in MEMBERS:
        if plan.kind == "law_enforcement":
            _request(world, plan, nodes[plan.id])
    _sign_and_publish(world, keys)
    endorsers = {plan.endorser for plan in MEMBERS if plan.endorser}
    for endorser in endorsers:
        membership.join(nodes[endorser], root, [world.address(COORDINATOR)])
    for plan in MEMBERS:
        if plan.endorser:
            endorsement = membership.endorse(
                nodes[plan.endorser], plan.id, AGREEMENT, ENDORSEMENT_DAYS, ACTOR
            )
            _request(world, plan, nodes[plan.id], endorsement)
    network.set_policy(world.coordinator, _witnesses(), _now())
    _sign_and_publish(world, keys)
    for member, node in nodes.items():
        if member in endorsers:
            membership.refresh(node)
        else:
            membership.join(node, root, [world.address(COORDINATOR)])


def _witnesses() -> dict[str, str]:
    """Let every law-enforcement member be a witness; as many as QUORUM of the others have to cosign."""
    names = ",".join(plan.id for plan in MEMBERS if plan.kind == "law_enforcement")
    settings = {f"witnesses.{audience}": names for audience in ("network", "police")}
    return settings | {f"quorum.{audience}": str(QUORUM) for audience in ("network", "police")}


def _request(world: World, plan: Plan, node: Node, endorsement: str | None = None) -> None:
    duty = {
        "phone": plan.phone,
        "email": f"duty@{plan.id}",
        "languages": list(plan.languages),
        "hours": "24/7",
    }
    applicant = Applicant(
        plan.id,
        plan.country,
        plan.kind,
        plan.names,
        world.address(plan.id),
        duty,
        endorsement,
        world.site(plan.id),
    )
    network.admit(world.coordinator, membership.join_request(node, applicant, NETWORK), _now())


def _accept_all(nodes: Mapping[str, Node]) -> None:
    """Let every administrator accept every other member, as after a round of telephone calls."""
    for node in nodes.values():
        for view in membership.list_members(node):
            membership.accept_member(node, view.member.id, view.fingerprint, ACTOR)


def _fill(world: World, plan: Plan, node: Node) -> None:
    """Give a member its cases and publish them; one more is left as a file, to be added by hand."""
    rng = random.Random(f"{_SEED} {plan.id}")  # the same children in every sandbox
    with tempfile.TemporaryDirectory(dir=node.scratch()) as drawn:
        records = [invent_for(plan, rng, number, Path(drawn), _now()) for number in range(world.cases)]
        added = cases.add_cases(node, records, ACTOR, Path(drawn))
    publishing.publish(node, [case.case_id for case in added], ACTOR)
    kept = world.folder / "try" / plan.id
    kept.mkdir(parents=True)
    record = invent_for(plan, rng, world.cases, kept, _now())
    (kept / "case.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
