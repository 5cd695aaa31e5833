"""A real network on loopback for benchmarks: homes made as an operator makes them, each served by its own
process."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.adapters.repository import Holder
from node.runtime import Node, open_node
from node.services.coordinator import network, signing
from node.services.members import membership
from protocol.policy import Policy

NETWORK = "Benchmark"
_GMCN = "from node.cli import main; main()"
_START_SECONDS = 120
_QUIET = "interval_seconds = 3600\n"  # nothing happens but what a benchmark asks for


@dataclass(frozen=True)
class Home:
    """One member's folder and port."""

    member: str
    folder: Path
    port: int

    def open(self) -> Node:
        """Open the node in this process."""
        return open_node(self.folder)


class Homes:
    """A network whose members trust and accept each other.

    Args:
        settings: further lines of every node.toml.
        witnesses: the members that cosign the heads of all others, and are all demanded.
        own: still further lines, by member.
    """

    def __init__(
        self,
        folder: Path,
        members: Sequence[str],
        settings: str = "",
        witnesses: Sequence[str] = (),
        own: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.homes = [Home(member, folder / member, _free_port()) for member in members]
        holders = {name: Ed25519PrivateKey.generate() for name in ("one", "two")}
        people = [Holder(name, key.public_key().public_bytes_raw()) for name, key in holders.items()]
        now = datetime.now(UTC).replace(microsecond=0)
        coordinator = folder / "coordinator"
        network.create_network(coordinator, NETWORK, people, people, 2, now, Policy(exercise=True))
        for home in self.homes:
            served = f"[server]\nport = {home.port}\n[console]\nport = 0\n[site]\nport = 0\n"
            further = settings + (own or {}).get(home.member, "")
            text = f"{served}[pull]\nprivate_addresses = true\n{_QUIET}{further}"
            membership.init_home(home.folder, home.member, text)
            network.admit(coordinator, membership.join_request(home.open(), _applicant(home), NETWORK), now)
        if witnesses:
            for audience in ("network", "police"):
                named = {f"witnesses.{audience}": ",".join(witnesses)}
                network.set_policy(coordinator, named | {f"quorum.{audience}": str(len(witnesses))}, now)
        for key in holders.values():
            signing.sign_change(coordinator, key)
        signing.publish(coordinator, now)
        with _files(coordinator) as url:
            root = (coordinator / "metadata" / "1.root.json").read_bytes()
            for home in self.homes:
                node = home.open()
                membership.join(node, root, [url])
                for view in membership.list_members(node):
                    membership.accept_member(node, view.member.id, view.fingerprint, "bench")


@contextmanager
def serving(homes: Sequence[Home]) -> Iterator[list[psutil.Process]]:
    """Serve homes, each in a process of its own; they end with the block."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _GMCN, "--home", str(home.folder), "serve"],
            stdout=subprocess.DEVNULL,
            stderr=(home.folder / "serve.log").open("ab"),
        )
        for home in homes
    ]
    try:
        for home in homes:
            _wait_until_up(home)
        yield [psutil.Process(process.pid) for process in started]
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _applicant(home: Home) -> membership.Applicant:
    return membership.Applicant(
        member=home.member,
        country="FR",
        kind="law_enforcement",
        names={"en": home.member},
        address=f"http://127.0.0.1:{home.port}",
        duty={"phone": "+33100000000", "email": "duty@example.org", "languages": ["en"], "hours": "24/7"},
    )


@contextmanager
def _files(folder: Path) -> Iterator[str]:
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_up(home: Home) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if requests.get(f"http://127.0.0.1:{home.port}/health", timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    raise TimeoutError(f"{home.member} did not start: see {home.folder / 'serve.log'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
