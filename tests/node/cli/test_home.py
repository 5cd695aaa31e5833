"""From nothing to a member: init, join, member, endorse."""

import json
import stat
from pathlib import Path

from node.config import load_config
from tests.node.cli.conftest import FR, JP, KE, NETWORK, NGO, Town, gmcn


def test_init_makes_a_private_home_and_says_what_comes_next(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = gmcn(home, "init", FR, "--set", "pull.interval_seconds=60", "--set", "log.form=json")
    assert result.exit_code == 0
    assert f"Made the node of {FR}" in result.stdout
    assert f"gmcn --home {home} join request" in result.stdout
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    config = load_config(home, {})
    assert (config.pull.interval_seconds, config.log.form, config.server.port) == (60, "json", 8440)


def test_init_writes_every_setting_with_its_default(tmp_path: Path) -> None:
    home = tmp_path / "home"
    gmcn(home, "init", FR)
    text = (home / "node.toml").read_text("utf-8")
    assert "# interval_seconds = 300" in text
    assert load_config(home, {}).home == home


def test_init_uses_the_passphrase_file_from_then_on(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("a long passphrase", "utf-8")
    secret.chmod(0o600)
    made = json.loads(gmcn(tmp_path / "home", "init", FR, "--passphrase-file", str(secret), "--json").stdout)
    assert made["member"] == FR
    assert set(made["public_keys"]) == {"feed-network", "feed-police", "token"}
    assert load_config(tmp_path / "home", {}).keys.passphrase_file == str(secret)
    assert not (tmp_path / "home" / "keys" / "secret").exists()


def test_init_makes_a_node_on_postgresql(town: Town, tmp_path: Path, pg_url: str) -> None:
    home = tmp_path / "home"
    settings = ["--set", f"database.url={pg_url}", "--set", "pull.private_addresses=true"]
    assert gmcn(home, "init", JP, *settings).exit_code == 0
    assert not (home / "node.db").exists()
    root = str(town.folder / "net" / "metadata" / "1.root.json")
    assert gmcn(home, "join", "accept", root, "--url", town.url, "--yes").exit_code == 0
    assert gmcn(home, "token", "create", "desk").exit_code == 0
    checked = gmcn(home, "fsck", "--json")
    assert checked.exit_code == 0, checked.stderr
    assert json.loads(checked.stdout)["findings"] == []


def test_init_refuses_a_folder_with_something_in_it(new_home: Path) -> None:
    result = gmcn(new_home, "init", FR)
    assert result.exit_code == 5
    assert "is not empty" in result.stderr


def test_init_names_every_wrong_setting_and_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = gmcn(home, "init", "Police France", "--set", "server.port=lots", "--set", "pull.workers=99")
    assert result.exit_code == 2
    for key in ("member", "server.port", "pull.workers"):
        assert key in result.stderr
    assert not home.exists()


def test_init_refuses_settings_that_there_are_not(tmp_path: Path) -> None:
    result = gmcn(tmp_path / "home", "init", FR, "--set", "pull.speed=9", "--set", "no-equals-sign")
    assert result.exit_code == 2
    assert "no-equals-sign" in result.stderr
    result = gmcn(tmp_path / "home", "init", FR, "--set", "pull.speed=9")
    assert "pull.speed" in result.stderr


def test_a_request_that_breaks_a_rule_says_which(new_home: Path) -> None:
    result = gmcn(
        new_home, "join", "request", "--network", NETWORK, "--country", "FR", "--kind", "law_enforcement",
        "--name", "fr=Police", "--address", "ftp://police", "--duty-phone", "+33144556677",
        "--duty-email", "duty@police.fr.example", "--duty-language", "fr",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "address" in result.stderr
    assert result.stdout == ""


def test_a_request_shows_the_fingerprint_that_the_coordinator_sees(town: Town) -> None:
    request = town.run(
        FR, "join", "request", "--network", NETWORK, "--country", "FR", "--kind", "law_enforcement",
        "--name", "en=Other name", "--address", town.addresses[FR], "--duty-phone", "+33144556677",
        "--duty-email", "duty@police.fr.example", "--duty-language", "en",
    )  # fmt: skip
    seen = {item["member"]: item["fingerprint"] for item in town.json(KE, "member", "list")}
    assert seen[FR] in request.stderr


def test_a_listed_member_changes_its_entry_by_another_request(town: Town) -> None:
    request = town.request(KE, "--name", "sw=Polisi", "--duty-hours", "weekdays")
    town.coordinate("rekey", str(town.folder / "net"), str(request))
    town.run(FR, "join", "refresh")
    seen = {item["member"]: item for item in town.json(FR, "member", "list")}
    assert seen[KE]["names"]["sw"] == "Polisi"
    assert seen[KE]["accepted"] is True


def test_new_keys_are_vouched_for_by_the_old_and_accepted_anew_by_everybody(town: Town) -> None:
    before = {item["member"]: item["fingerprint"] for item in town.json(FR, "member", "list")}[KE]
    site = "https://missing.police.ke.example"
    new_keys = ("--new-key", "token", "--new-key", "feed-network", "--new-key", "sealing")
    request = town.request(KE, *new_keys, "--site", site)
    town.published(KE)  # with the old keys, which the list still has
    town.coordinate("rekey", str(town.folder / "net"), str(request))
    for member in (KE, FR, NGO):
        town.run(member, "join", "refresh")
    case = town.published(KE)
    found = {item["member"]: item for item in town.json(FR, "member", "list")}[KE]
    assert found["fingerprint"] != before
    assert found["site"] == site
    assert (found["accepted"], found["audiences"]) == (False, [])
    assert "not accepted" in town.run(FR, "status").stdout
    read_out = town.run(KE, "member", "fingerprint").stdout
    for member in (FR, NGO):
        town.run(member, "member", "accept", KE, "--fingerprint", read_out)
    town.run(FR, "pull", KE)
    assert town.json(FR, "show", case)["source"] == "replica"


def test_joining_takes_a_root_file_whose_fingerprint_is_the_one_that_was_read_out(
    town: Town, new_home: Path
) -> None:
    root = town.folder / "net" / "metadata" / "1.root.json"
    arguments = ["join", "accept", str(root), "--url", town.url]
    wrong = gmcn(new_home, *arguments, "--fingerprint", "0000-1111")
    assert wrong.exit_code == 5
    assert not (new_home / "trust" / "pinned.root.json").exists()
    stopped = gmcn(new_home, *arguments, stdin="n\n")
    assert stopped.exit_code == 130
    heard = "".join(line for line in stopped.stderr.splitlines() if line.count("-") == 15).strip()
    joined = gmcn(
        new_home,
        *arguments,
        "--fingerprint",
        heard.upper().replace("-", " "),
        GMCN_PULL_PRIVATE_ADDRESSES="1",
    )
    assert joined.exit_code == 0, joined.output
    assert f"Joined {NETWORK}" in joined.stdout
    again = gmcn(new_home, *arguments, "--yes", GMCN_PULL_PRIVATE_ADDRESSES="1")
    assert again.exit_code == 5


def test_joining_refuses_what_is_no_root_file(new_home: Path) -> None:
    other = new_home / "other.json"
    other.write_text("{}", "utf-8")
    result = gmcn(new_home, "join", "accept", str(other), "--url", "https://coordinator.example", "--yes")
    assert result.exit_code == 2
    assert "no root file" in result.stderr
    missing = gmcn(
        new_home, "join", "accept", "nothing.json", "--url", "https://coordinator.example", "--yes"
    )
    assert missing.exit_code == 3


def test_joining_says_when_the_coordinator_does_not_answer(town: Town, new_home: Path) -> None:
    root = str(town.folder / "net" / "metadata" / "1.root.json")
    result = gmcn(
        new_home,
        "join",
        "accept",
        root,
        "--url",
        "http://127.0.0.1:1",
        "--yes",
        GMCN_PULL_PRIVATE_ADDRESSES="1",
    )
    assert result.exit_code == 6


def test_a_newcomer_is_told_that_it_is_not_on_the_list(town: Town, tmp_path: Path) -> None:
    home = tmp_path / "home"
    gmcn(home, "init", "police.jp.example", "--set", "pull.private_addresses=true")
    root = str(town.folder / "net" / "metadata" / "1.root.json")
    joined = gmcn(home, "join", "accept", root, "--url", town.url, "--yes", "--json")
    assert json.loads(joined.stdout)["listed"] is False
    refreshed = gmcn(home, "join", "refresh")
    assert "is not on the list yet" in refreshed.stdout
    for command in (["status"], ["member", "list"], ["pull"], ["member", "fingerprint"]):
        result = gmcn(home, *command)
        assert result.exit_code == 4, command
        assert "is not a member of this network yet" in result.stderr


def test_members_are_listed_with_what_is_exchanged_and_the_fingerprint(town: Town) -> None:
    found = {item["member"]: item for item in town.json(FR, "member", "list")}
    assert found[KE]["audiences"] == ["network", "police"]
    assert found[NGO]["audiences"] == ["network"]
    assert found[NGO]["standing"]["state"] == "active"
    text = town.run(FR, "member", "list").stdout
    assert found[KE]["fingerprint"] in text
    assert "endorsed by police.fr.example" in text


def test_a_member_is_accepted_by_its_fingerprint_however_it_is_grouped(town: Town) -> None:
    present = {item["member"]: item["fingerprint"] for item in town.json(FR, "member", "list")}[KE]
    town.run(FR, "member", "accept", KE, "--fingerprint", present.upper().replace("-", " "))
    asked = town.run(FR, "member", "accept", KE, stdin=f"{present}\n")
    assert "Accepted the keys" in asked.stdout


def test_a_wrong_fingerprint_is_refused(town: Town) -> None:
    wrong = town.run(FR, "member", "accept", KE, "--fingerprint", "aaaa-bbbb", code=5)
    assert "another fingerprint" in wrong.stderr
    town.run(FR, "member", "accept", "police.zz.example", "--fingerprint", "aaaa", code=3)


def test_members_are_never_accepted_unseen_outside_an_exercise(town: Town) -> None:
    result = town.run(FR, "member", "accept", "--all", "--yes", code=4)
    assert "exercise" in result.stderr
    town.run(FR, "member", "accept", code=2)


def test_only_the_police_endorse_and_only_what_was_endorsed_is_withdrawn(town: Town) -> None:
    town.run(NGO, "endorse", "other.fr.example", "--agreement", "none", code=4)
    town.run(KE, "endorse", NGO, "--agreement", "MoU", code=4)
    town.run(KE, "endorse", NGO, "--withdraw", code=3)
    town.run(FR, "endorse", NGO, code=2)
