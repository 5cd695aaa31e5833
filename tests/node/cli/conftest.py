"""A small network made and used by the command itself: a coordinator and three nodes, over real sockets."""

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from waitress import create_server

from node.cli import main
from node.config import LogConfig
from node.log import set_up_log
from node.runtime import Node, open_node
from node.web.coordinator import create_coordinator_app
from node.web.process import Server
from tests.factories import sample_record

FR, KE, NGO, JP = "police.fr.example", "police.ke.example", "ngo.fr.example", "police.jp.example"
COUNTRIES = {FR: "FR", KE: "KE", NGO: "FR"}
NETWORK = "Test network"


def gmcn(home: Path, *args: str, stdin: str | None = None, **environment: str) -> Result:
    """Run the command in a home."""
    result = CliRunner(env=environment).invoke(main, ["--home", str(home), *args], input=stdin)
    assert "Traceback" not in result.output
    return result


def gmcn_without_terminal(home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a home as a program would that types twice what it is asked for."""
    command = [sys.executable, "-c", "from node.cli import main; main()", "--home", str(home), *args]
    environment = {name: value for name, value in os.environ.items() if name != "GMCN_PASSPHRASE"}
    return subprocess.run(
        command,
        input="a long passphrase\n" * 2,
        capture_output=True,
        text=True,
        env=environment,
        start_new_session=True,  # or it would find the terminal of whoever runs the tests
    )


def free_port() -> int:
    """Find a port for a node that must be able to tell its address before it listens.

    It is below those that systems give to whoever asks for any (32768 and up, or 49152): tests beside this
    one ask for thousands, and would have taken it until the node listens. It is also below those of the
    sandbox, and each worker has a share of its own: what one has found, no other finds meanwhile.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = 10_000 // workers
    while True:
        port = 10_000 + worker * share + secrets.randbelow(share)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@dataclass
class Town:
    """The network in a folder.

    Attributes:
        url: where the coordinator's files are.
        addresses: where each member's node listens.
        nodes: those that are served, by member.
    """

    folder: Path
    url: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    def home(self, member: str) -> Path:
        return self.folder / member

    def run(self, member: str, *args: str, code: int = 0, stdin: str | None = None) -> Result:
        """Run the command as a member, and hold its exit code."""
        result = gmcn(self.home(member), *args, stdin=stdin)
        assert result.exit_code == code, (args, result.stdout, result.stderr)
        return result

    def json(self, member: str, *args: str, code: int = 0) -> Any:
        """Run the command as a member, and read the one JSON value that it prints."""
        return json.loads(self.run(member, *args, "--json", code=code).stdout)

    def coordinate(self, *args: str) -> None:
        """Stage a change, let both key holders sign it, and publish it."""
        net = str(self.folder / "net")
        commands = [
            args,
            *(("sign", net, "--key", str(self.folder / key), "--yes") for key in ("ana.pem", "bob.pem")),
            ("publish", net),
        ]
        for command in commands:
            result = gmcn(self.folder / "nobody", "network", *command, GMCN_PASSPHRASE="a long passphrase")
            assert result.exit_code == 0, (command, result.output)

    def request(self, member: str, *more: str) -> Path:
        """Write a member's request to join into a file."""
        kind = "ngo" if member == NGO else "law_enforcement"
        result = self.run(
            member, "join", "request", "--network", NETWORK, "--country", COUNTRIES[member], "--kind", kind,
            "--name", f"en=Organisation {member}", "--address", self.addresses[member],
            "--duty-phone", "+33144556677", "--duty-email", f"duty@{member}", "--duty-language", "en", *more,
        )  # fmt: skip
        path = self.folder / f"{member}.jwt"
        path.write_text(result.stdout, "utf-8")
        return path

    def case_file(self, language: str = "uk", **changes: Any) -> Path:
        """Write a case file; without photographs, unless they are among the changes."""
        path = self.folder / f"case-{len(list(self.folder.glob('case-*.json')))}.json"
        record = sample_record(language, **{"photos": None, **changes})
        path.write_text(json.dumps(record, ensure_ascii=False), "utf-8")
        return path

    def draft(self, member: str, language: str = "uk", **changes: Any) -> str:
        """Add a case, and return its id."""
        added = self.json(member, "case", "add", str(self.case_file(language, **changes)))
        return str(added["case"])

    def published(self, member: str, language: str = "uk", **changes: Any) -> str:
        """Add and publish a case, and return its id."""
        case = self.draft(member, language, **changes)
        self.run(member, "publish", case, "--no-ring")
        return case


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The network with three members that have accepted each other."""
    set_up_log(LogConfig(level="error"))
    town = Town(tmp_path_factory.mktemp("town"))
    with ExitStack() as stack:
        for member in (FR, KE, NGO):
            port = free_port()
            town.addresses[member] = f"http://127.0.0.1:{port}"
            settings = ["--set", "pull.private_addresses=true", "--set", f"server.port={port}",
                        "--set", "console.enabled=false", "--set", "site.enabled=false"]  # fmt: skip
            made = gmcn(town.home(member), "init", member, *settings)
            assert made.exit_code == 0, made.output
        result = gmcn(
            town.folder / "nobody", "network", "init", str(town.folder / "net"), "--name", NETWORK,
            "--root-key", str(town.folder / "ana.pem"), "--root-key", str(town.folder / "bob.pem"),
            GMCN_PASSPHRASE="a long passphrase",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        _serve_files(town, stack)
        net = str(town.folder / "net")
        for member in (FR, KE):
            town.coordinate("admit", net, str(town.request(member)))
            root = str(town.folder / "net" / "metadata" / "1.root.json")
            town.run(member, "join", "accept", root, "--url", town.url, "--yes")
            _serve(town, member, stack)
        endorsement = town.folder / "endorsement.jwt"
        text = town.run(FR, "endorse", NGO, "--agreement", "MoU 2026-04").stdout
        endorsement.write_text(text, "utf-8")
        town.coordinate("admit", net, str(town.request(NGO, "--endorsement", str(endorsement))))
        town.run(NGO, "join", "accept", root, "--url", town.url, "--yes")
        _serve(town, NGO, stack)
        for member in (FR, KE, NGO):
            town.run(member, "join", "refresh")
            for other in town.json(member, "member", "list"):
                town.run(member, "member", "accept", other["member"], "--fingerprint", other["fingerprint"])
        yield town


def _serve(town: Town, member: str, stack: ExitStack) -> None:
    node = open_node(town.home(member))
    server = Server(node, lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    town.nodes[member] = node
    stack.callback(node.http.close)
    stack.callback(node.engine.dispose)
    stack.callback(thread.join)
    stack.callback(server.stop)


def _serve_files(town: Town, stack: ExitStack) -> None:
    server: Any = create_server(create_coordinator_app(town.folder / "net"), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    town.url = f"http://127.0.0.1:{server.effective_port}"
    stack.callback(thread.join)
    stack.callback(server.close)


@pytest.fixture
def new_home(tmp_path: Path) -> Path:
    """A node that has not joined a network."""
    home = tmp_path / "home"
    assert gmcn(home, "init", JP).exit_code == 0
    return home
