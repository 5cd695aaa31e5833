"""`gmcn network` as its users type it."""

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from node.cli import main
from node.cli.base.failures import INVALID, NOT_ALLOWED, NOT_FOUND
from node.cli.network import network
from node.services.coordinator import signing
from node.services.coordinator.network_view import describe
from protocol.endorsement import format_endorsement
from tests.members import MemberKeys
from tests.networks import join_request, now

PASSPHRASE = "correct horse battery"
POLICE = MemberKeys("police.fr.example")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GMCN_PASSPHRASE", PASSPHRASE)
    return tmp_path


def run(*arguments: str, code: int = 0, stdin: str = "") -> Result:
    result = CliRunner().invoke(main, ["network", *arguments], input=stdin)
    assert result.exit_code == code, result.output
    return result


def make_network(*options: str) -> None:
    run("init", "net", "--name", "Test network", "--root-key", "ana.pem", "--root-key", "bob.pem", *options)


def sign_and_publish() -> None:
    for holder in ("ana", "bob"):
        run("sign", "net", "--key", f"{holder}.pem", "--yes")
    run("publish", "net")


def show() -> dict[str, object]:
    value = json.loads(run("show", "net", "--json").stdout)
    assert isinstance(value, dict)
    return value


def test_two_key_holders_at_one_table() -> None:
    make_network()
    assert Path("net/metadata/1.root.json").exists()
    assert Path("ana.pub").exists()
    Path("request.jwt").write_text(join_request(POLICE))
    admitted = json.loads(run("admit", "net", "request.jwt", "--json").stdout)
    assert admitted["id"] == POLICE.id
    assert f"Admits {POLICE.id}" in run("sign", "net", "--key", "ana.pem", stdin="y\n").output
    assert "needs 1 more" in run("publish", "net", code=NOT_ALLOWED).stderr
    signed = json.loads(run("sign", "net", "--key", "bob.pem", "--json").stdout)
    assert signed == {"signed": ["targets"], "missing": {"targets": 0}}
    assert "targets 2" in run("publish", "net").output
    shown = run("show", "net").output
    assert POLICE.id in shown
    assert admitted["fingerprint"] in shown


def test_key_holders_who_never_meet() -> None:
    Path("far").mkdir()
    run("key", "far/bob.pem")
    waiting = run(
        "init", "net", "--name", "Test network", "--root-key", "ana.pem", "--root-key", "far/bob.pub"
    ).output
    assert "waits for signatures" in waiting
    Path("far/change.json").write_bytes(Path("net/change.json").read_bytes())
    assert "Begins the network" in run("show", "far/change.json").output
    run("sign", "far/change.json", "--key", "far/bob.pem", "--yes")
    assert "complete" in run("collect", "net", "far/change.json").output
    run("publish", "net")


def test_who_does_not_agree_does_not_sign() -> None:
    make_network()
    run("policy", "net", "notice_days=14")
    before = Path("net/change.json").read_bytes()
    run("sign", "net", "--key", "ana.pem", stdin="n\n", code=130)
    assert Path("net/change.json").read_bytes() == before


def test_the_life_of_a_member() -> None:
    make_network("--sandbox", "--threshold", "1")
    ngo = MemberKeys("enfants.fr.example", kind="ngo")
    endorsement = format_endorsement(POLICE.signer, ngo.id, "A", now().replace(year=2030), now(), "e-1")
    Path("police.jwt").write_text(join_request(POLICE))
    Path("ngo.jwt").write_text(join_request(ngo, endorsement=endorsement))
    Path("endorsement.jwt").write_text(endorsement)
    run("admit", "net", "police.jwt")
    run("admit", "net", "ngo.jwt")
    run("endorse", "net", "endorsement.jwt")
    run("suspend", "net", POLICE.id)
    run("resume", "net", POLICE.id)
    run("freeze", "net", POLICE.id, "police", "--size", "3", "--root", "00" * 32)
    run("freeze", "net", POLICE.id, "police", "--size", "3", "--root", "zz", code=INVALID)
    run("remove", "net", ngo.id)
    sign_and_publish()
    assert [member["standing"] for member in show()["members"]] == ["active", "removed"]  # type: ignore[attr-defined]
    new = MemberKeys(POLICE.id)
    Path("new.jwt").write_text(join_request(new, previous=POLICE.signer))
    assert "leaves out or alters" in run("rekey", "net", "new.jwt", code=INVALID).stderr
    assert "(EXERCISE)" in run("show", "net").output


def test_rotation_renewal_and_discarding() -> None:
    make_network()
    run("key", "carla.pem")
    run("rotate", "net", "root", "--add", "carla.pub", "--remove", "ana")
    run("rotate", "net", "online")
    run("rotate", "net", "online", "--remove", "ana", code=INVALID)
    run("sign", "net", "--key", "carla.pem", "--yes")
    sign_and_publish()
    run("refresh", "net")
    assert "already" in run("schemas", "net").output
    run("rotate", "net", "targets")
    run("discard", "net")
    assert show()["changes"] == []


def test_mistakes_are_told_with_the_next_step() -> None:
    make_network()
    assert "KEY=VALUE" in run("policy", "net", "notice_days", code=INVALID).stderr
    assert "no network" in run("show", str(Path.cwd()), code=NOT_FOUND).stderr
    assert "cannot be opened" in run("admit", "net", "nothing.jwt", code=NOT_FOUND).stderr
    Path("binary.jwt").write_bytes(b"\xff")
    assert "not what is asked for" in run("admit", "net", "binary.jwt", code=INVALID).stderr
    Path("bad.pub").write_text("{}")
    bad = run("init", "other", "--name", "n", "--root-key", "bad.pub", code=INVALID).stderr
    assert "gmcn network key" in bad
    stranger = run("key", "zoe.pem")
    assert "zoe.pub" in stranger.output
    run("policy", "net", "notice_days=14")
    assert "may sign nothing" in run("sign", "net", "--key", "zoe.pem", "--yes", code=NOT_ALLOWED).stderr


def test_the_passphrase_comes_from_a_file_or_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GMCN_PASSPHRASE")
    run("key", "asked.pem", stdin=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    Path("phrase").write_text(PASSPHRASE)
    Path("phrase").chmod(0o600)
    run("key", "filed.pem", "--passphrase-file", "phrase")
    Path("phrase").chmod(0o644)
    assert "chmod 600" in run("key", "other.pem", "--passphrase-file", "phrase", code=NOT_ALLOWED).stderr


def test_serving_renews_what_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    make_network()
    signing.refresh(Path("net"), now() - timedelta(days=5))
    renewed: list[bool] = []

    def serve(app: object, **options: object) -> None:
        assert (options["host"], options["port"]) == ("127.0.0.1", 8450)
        for _ in range(200):
            if describe(Path("net"), now()).published[3].version == 3:
                renewed.append(True)
                return
            time.sleep(0.05)

    monkeypatch.setattr("waitress.serve", serve)
    assert "http://127.0.0.1:8450" in run("serve", "net").output
    assert renewed == [True]
    (key,) = Path("net/keys").glob("*.pem")
    key.unlink()
    before = Path("net/metadata/timestamp.json").read_bytes()
    monkeypatch.setattr("node.cli.network._now", lambda: now() + timedelta(days=5))
    monkeypatch.setattr("waitress.serve", lambda app, **options: time.sleep(1))
    assert "could not be renewed" in run("serve", "net").stderr
    assert Path("net/metadata/timestamp.json").read_bytes() == before


@pytest.mark.parametrize("name", sorted(network.commands))
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    assert f"gmcn network {name}" in run(name, "--help").output
