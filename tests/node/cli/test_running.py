"""Running a node: serve, pull, status, search, show, fsck, token."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from node.errors import PeerUnavailable
from node.services.following.pulling import PullReport
from node.services.following.replicas import Progress
from node.services.search.finding import Found
from node.store.database import reading
from node.store.journal import read_journal
from protocol.errors import BadSignature
from tests.node.cli.conftest import FR, KE, NGO, Town, gmcn

COMMAND = [sys.executable, "-c", "from node.cli import main; main()"]


def test_serve_runs_until_it_is_told_to_end_and_once_for_each_home(town: Town, tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = ("pull.private_addresses=true", "server.port=0", "console.port=0")
    gmcn(home, "init", "police.jp.example", *(word for item in settings for word in ("--set", item)))
    root = str(town.folder / "net" / "metadata" / "1.root.json")
    assert gmcn(home, "join", "accept", root, "--url", town.url, "--yes").exit_code == 0
    environment = {**os.environ, "GMCN_HOME": str(home)}
    with subprocess.Popen([*COMMAND, "serve"], env=environment, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        try:
            lines = iter(served.stderr.readline, "")  # its jobs write into the log meanwhile
            said = next(line for line in lines if "police.jp.example serves Test network on http" in line)
            url = said.split(" on ")[1].strip().rstrip(".")
            assert requests.get(f"{url}/health", timeout=20).status_code == 200
            said = next(line for line in lines if "Its console is on " in line)
            console = said.split("Its console is on ")[1].strip()
            assert "Sign in" in requests.get(console, timeout=20).text
            second = gmcn(home, "serve")
            assert second.exit_code == 5
            assert f"Another process serves {home} already" in second.stderr
        finally:
            served.send_signal(signal.SIGTERM)
            served.stderr.read()
        assert served.wait(20) == 0


def test_pulling_says_what_came_from_whom(town: Town) -> None:
    town.published(FR)
    text = town.run(KE, "pull").stdout
    assert FR in text
    assert NGO in text
    assert "ok" in text
    town.run(KE, "pull", "police.zz.example", code=3)
    town.run(KE, "pull", FR, "--all", code=2)


@pytest.mark.parametrize(("lying", "code"), [(False, 6), (True, 7)])
def test_pulling_ends_with_another_code_when_a_peer_is_down_and_when_it_lies(
    town: Town, monkeypatch: pytest.MonkeyPatch, lying: bool, code: int
) -> None:
    report = PullReport(FR, error="the root does not come out", lying=lying)
    monkeypatch.setattr("node.services.following.pulling.pull", lambda node, member, progress=None: report)
    result = town.run(KE, "pull", FR, code=code)
    assert "the root does not come out" in result.stdout
    assert ("broke the protocol" in result.stdout) is lying
    assert town.json(KE, "pull", FR, code=code)["peers"][0]["lying"] is lying


@pytest.mark.parametrize(
    ("error", "code"), [(PeerUnavailable("It is down."), 0), (BadSignature("forged"), 7)]
)
def test_pulling_goes_on_with_the_known_list_of_members(
    town: Town, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def refresh(node: object) -> None:
        raise error

    monkeypatch.setattr("node.services.members.membership.refresh", refresh)
    found = town.json(KE, "pull", FR, code=code)
    assert found["roster"] == str(error)
    assert found["peers"][0]["error"] == ""


def test_ctrl_c_ends_a_pull_at_its_next_safe_point(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def pull(node: object, member: str, progress: Progress) -> PullReport:
        if member == NGO:
            begun.wait(20)
            raise KeyboardInterrupt
        begun.set()
        try:
            for place in range(10_000):
                progress("entries", place, 10_000)
                time.sleep(0.01)
        finally:
            ended.set()
        return PullReport(member)

    monkeypatch.setattr("node.services.following.pulling.pull", pull)
    town.run(KE, "pull", NGO, FR, code=130)
    assert ended.is_set()


def test_a_peer_that_is_down_is_told_by_status(town: Town) -> None:
    town.run(KE, "pull")
    found = town.json(KE, "status")
    assert found["member"] == KE
    peers = {peer["member"]: peer for peer in found["peers"]}
    assert peers[FR]["error"] == ""
    assert peers[FR]["reached_at"].endswith("Z")
    text = town.run(KE, "status").stdout
    for word in ("roster", "register", "own feed", "disk", FR, NGO, "withheld"):
        assert word in text
    town.run(KE, "status", "--watch", "--json", code=2)


def test_search_narrows_by_every_condition(town: Town) -> None:
    case = town.published(FR, "pt")
    town.run(KE, "pull", FR)

    def find(*arguments: str) -> list[str]:
        found = town.json(KE, "search", "--limit", "200", *arguments)
        assert found["total"] >= len(found["cases"])
        return [item["case_id"] for item in found["cases"]]

    for condition in (
        ["Joao Pedro Nascimento"],
        ["--country", "FR"],
        ["--seen-in", "BR"],
        ["--sex", "male"],
        ["--missing-within", "3"],
        ["--age", "10-13"],
        ["--category", "runaway"],
        ["--text", "azul bermuda"],
        ["--place", "Salvador"],
        ["--near=-12.95,-38.5,30"],
        ["--owner", FR],
        ["--source", "replica"],
        ["--status", "published"],
    ):
        assert case in find(*condition), condition
    for condition in (
        ["--country", "KE"],
        ["--sex", "female"],
        ["--age", "2"],
        ["--source", "own"],
        ["--near", "48.8,2.3,30"],
        ["--with-photo"],
    ):
        assert case not in find(*condition), condition
    text = town.run(KE, "search", "-", "--owner", FR, stdin="João Pedro\n")
    assert "João Pedro Nascimento da Conceição" in text.stdout
    assert f"gmcn --home {town.home(KE)} show CASE" in text.stderr
    assert "0 of 0 found." in town.run(KE, "search", "--owner", "police.xx.example").stderr


@pytest.mark.parametrize(
    "arguments", [["--age", "old"], ["--age", "8", "--age-now", "9"], ["--near", "here"], ["--limit", "0"]]
)
def test_a_search_that_cannot_be_done_says_why(town: Town, arguments: list[str]) -> None:
    assert "Next:" in town.run(KE, "search", *arguments, code=2).stderr


def test_the_staff_parts_of_a_foreign_case_open_for_a_purpose_that_is_in_the_journal(town: Town) -> None:
    case = town.published(FR, "ar")
    town.run(KE, "pull", FR)
    closed = town.run(KE, "show", case)
    assert "مريم" in closed.stdout
    assert "EG-C-2026-5531" not in closed.stdout
    assert "network, police" in closed.stderr
    town.run(KE, "show", case, "--purpose", "x", code=2)
    opened = town.json(KE, "show", case, "--purpose", "border check, report 4711")
    assert opened["parts"]["police"]["reference"] == "EG-C-2026-5531"
    node = town.nodes[KE]
    with reading(node.engine) as conn:
        entry = read_journal(conn, case)[0]
    assert (entry.action, entry.purpose) == ("case.open", "border check, report 4711")


def test_an_own_case_is_shown_whole(town: Town) -> None:
    case = town.draft(FR)
    assert town.json(FR, "show", case)["parts"]["record"]["reference"] == "12026140050003312"
    assert "(own)" in town.run(FR, "show", case).stdout
    town.run(FR, "show", f"{FR}/{'a' * 26}", code=3)
    town.run(KE, "show", f"{FR}/{'a' * 26}", code=3)


def test_a_text_from_elsewhere_cannot_steer_the_terminal(town: Town) -> None:
    name = {"full": "Eve\u009b31m [red]\u202eevil", "kind": "alias"}
    case = town.published(FR, names=[name])
    town.run(KE, "pull", FR)
    text = town.run(KE, "search", "Eve evil", "--owner", FR).stdout
    assert case[:30] in text
    assert "\u009b" not in text
    assert "\u202e" not in text
    assert "[red]" in text


def test_a_field_that_no_schema_knows_does_not_break_the_list(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer's document may hold any, and be found by every search."""
    public = {"names": [{"full": "Eve", "kind": "legal"}], "last_seen": {"country": "FR", "area": "x"}}
    found = Found(f"{FR}/{'a' * 26}", "replica", FR, "FR", "published", 1.0, public)
    monkeypatch.setattr("node.services.search.finding.find", lambda *_: ([found], 1))
    assert "Eve" in town.run(KE, "search").stdout


def test_fsck_finds_what_is_not_as_it_must_be(town: Town) -> None:
    town.published(NGO)
    assert "all is well" in town.run(NGO, "fsck").stdout
    stray = town.home(NGO) / "photographs"
    node = town.nodes[NGO]
    sha256 = node.blobs.put(NGO, b"left over")
    try:
        assert any(stray.rglob("*"))
        found = town.json(NGO, "fsck", code=8)
        assert [sha256 in item["problem"] for item in found["findings"]] == [True]
        assert "belongs to no case" in town.run(NGO, "fsck", code=8).stdout
    finally:
        node.blobs.delete(NGO, sha256)


def test_a_token_is_shown_once_listed_and_revoked(town: Town) -> None:
    made = town.json(FR, "token", "create", "border desk 3", "--scope", "open", "--days", "7")
    assert made["token"].startswith("gmcn_")
    (listed,) = [item for item in town.json(FR, "token", "list") if item["name"] == "border desk 3"]
    assert listed["revoked_at"] is None
    assert made["token"] not in town.run(FR, "token", "list").stdout
    town.run(FR, "token", "revoke", listed["id"])
    town.run(FR, "token", "revoke", listed["id"], code=3)
    assert "border desk 4" not in town.run(FR, "token", "create", "border desk 4").stdout


def test_watching_goes_on_until_ctrl_c(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("node.cli.status.time.sleep", sleep)
    assert FR in town.run(FR, "status", "--watch", "--every", "0.2").stdout
    assert waited == [0.2, 0.2, 0.2]
