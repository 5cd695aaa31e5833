"""docs/operating.md, done: every command of the guide in its order, by a coordinator and two members.

Only what no test can have is put in the place of the guide's words: public addresses become loopback ones,
FINGERPRINT is what the other member would read out, CASE is the one that was added.
"""

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from node.cli import main
from node.config import LogConfig
from node.log import set_up_log
from node.runtime import open_node
from node.web.coordinator import create_coordinator_app
from node.web.process import Server
from tests.node.cli.conftest import free_port
from tests.serving import answering, running

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "operating.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh (\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


class Readers:
    """Who follows the guide, in one folder: the coordinator, and two members."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._ports = {"fr": free_port(), "ke": free_port()}
        self._coordinator = ""
        self._case = ""
        for country in self._ports:
            (folder / country).mkdir()
            shutil.copy(self._case_file(), folder / country / "case.json")

    def follow(self, who: str, commands: str) -> None:
        """Run one block of the guide."""
        countries = (
            ("fr", "ke") if who in ("member", "admit") else ("fr",) if who == "coordinator" else (who,)
        )
        for country in countries:
            label, *lines = commands.strip().splitlines()
            assert label.startswith("# ")  # readers do not see whose block it is otherwise
            for line in lines:
                assert line.startswith("gmcn ")
                self._run(who, country, line)

    def _run(self, who: str, country: str, line: str) -> None:
        if line == "gmcn network serve net":
            return self._serve_files()
        if line == "gmcn serve":
            return self._serve(country)
        words, _, target = line.partition(" > ")
        arguments = [self._said(word, who, country) for word in shlex.split(words)[1:]]
        environment = {
            "GMCN_HOME": str(self._folder / country / "home"),
            "GMCN_SERVER_PORT": str(self._ports.get(country, 0)),
            "GMCN_PULL_PRIVATE_ADDRESSES": "true",
            "GMCN_PASSPHRASE": "a long passphrase",
        }
        result = CliRunner(env=environment).invoke(main, arguments, input="y\n")
        assert result.exit_code == 0, (line, result.stdout, result.stderr)
        if target:
            (self._folder / country / target).write_text(result.stdout, "utf-8")
        if arguments[:2] == ["case", "add"]:
            self._case = result.stdout.strip()
        return None

    def _said(self, word: str, who: str, country: str) -> str:
        """Say a word of the guide as this reader would."""
        files = {
            "net": self._folder / "net",
            "ana.pem": self._folder / "ana.pem",
            "bob.pem": self._folder / "bob.pem",
            "root.json": self._folder / "net" / "metadata" / "1.root.json",
            "request.jwt": self._folder / country / "request.jwt",
            "case.json": self._folder / country / "case.json",
        }
        if word in files:
            return str(files[word])
        if word == "FINGERPRINT":
            return self._read_out("ke" if country == "fr" else "fr")
        word = word.replace("https://gmcn.police.fr.example", f"http://127.0.0.1:{self._ports.get(country)}")
        word = word.replace("https://coordinator.example", self._coordinator).replace("CASE", self._case)
        if who == "member" and country == "ke":
            word = {"FR": "KE", "police.fr.example": "police.ke.example"}.get(word, word)
        return word

    def _read_out(self, country: str) -> str:
        home = str(self._folder / country / "home")
        return str(CliRunner().invoke(main, ["--home", home, "member", "fingerprint"]).stdout)

    def _serve_files(self) -> None:
        self._coordinator = self._stack.enter_context(answering(create_coordinator_app(self._folder / "net")))

    def _serve(self, country: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GMCN_SERVER_PORT", str(self._ports[country]))
            patch.setenv("GMCN_CONSOLE_PORT", "0")
            patch.setenv("GMCN_PULL_PRIVATE_ADDRESSES", "true")
            patch.setenv("GMCN_SITE_ENABLED", "false")
            patch.setenv("GMCN_CONSOLE_ENABLED", "false")  # two nodes on one machine have one port for it
            node = open_node(self._folder / country / "home")
        self._stack.callback(node.http.close)
        self._stack.callback(node.engine.dispose)
        self._stack.enter_context(running(Server(node, lambda: None)))

    def _case_file(self) -> Path:
        (text,) = re.findall(
            r"^```json case\n(.*?)^```$", (DOCS / "cases.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        path = self._folder / "case.json"
        path.write_text(text, "utf-8")
        return path


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[Readers]:
    set_up_log(LogConfig(level="error"))
    with ExitStack() as stack:
        yield Readers(tmp_path, stack)


def test_every_command_of_the_guide_works_in_its_order(readers: Readers) -> None:
    assert len(BLOCKS) > 10
    for who, commands in BLOCKS:
        readers.follow(who, commands)


@pytest.mark.parametrize(
    "page",
    [
        "../README.md", "../SECURITY.md", "../keys/README.md", "api.md", "cases.md", "operating.md",
        "sandbox.md",
        *(f"operating/{path.name}" for path in sorted((DOCS / "operating").glob("*.md"))),
    ],
)  # fmt: skip
def test_a_page_names_only_commands_that_exist(page: str) -> None:
    reference = (DOCS / "commands.md").read_text("utf-8")
    text = (DOCS / page).read_text("utf-8")
    pattern = r"(?:`|^ *|/)gmcn\s(?:--home \S+ )?([a-z][a-z-]*(?:\s[a-z][a-z-]*)?)"
    for words in re.findall(pattern, text, re.MULTILINE):
        command = " ".join(words.split())
        first = command.split()[0]
        known = f"# gmcn {first}\n" in reference
        assert f"# gmcn {command}\n" in reference or (known and f"# gmcn {first} " not in reference), command


def test_the_guide_installs_the_program_as_the_readme_does() -> None:
    found = re.findall(r"(?:^    .*/opt/gmcn.*\n){3}", GUIDE, re.MULTILINE)
    assert found[0] in (DOCS.parent / "README.md").read_text("utf-8")


def test_the_service_of_the_guide_runs_the_node_that_the_guide_makes() -> None:
    (text,) = re.findall(r"^```ini\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert re.findall(r"^\[(\w+)\]$", text, re.MULTILINE) == ["Unit", "Service", "Install"]
    said = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    home = said["ReadWritePaths"]
    assert said["Environment"] == f"GMCN_HOME={home}"
    for line in (
        f"export GMCN_HOME={home}",
        f"--shell /bin/bash {said['User']}",
        "python3 -m venv /opt/gmcn",
    ):
        assert f"{line}\n" in GUIDE
    assert said["ExecStart"] == "/opt/gmcn/bin/gmcn serve"
