"""backup-key, backup, restore, recover: what a person types before and after a loss."""

import json
import re
import shlex
import shutil
from pathlib import Path

from tests.node.cli.conftest import FR, KE, Town, gmcn, gmcn_without_terminal

PAGE = (Path(__file__).parents[3] / "docs" / "operating" / "backup.md").read_text("utf-8")
SECRET = {"GMCN_PASSPHRASE": "a long passphrase"}


def made_key(folder: Path) -> Path:
    result = gmcn(folder, "backup-key", str(folder / "backup.pem"), **SECRET)
    assert result.exit_code == 0
    assert "Copy" in result.stdout
    return folder / "backup.pub"


def test_a_lost_home_comes_back(town: Town, tmp_path: Path) -> None:
    public = made_key(tmp_path)
    case = town.published(FR)
    town.run(KE, "pull")
    (tmp_path / "backups").mkdir()
    made = town.json(FR, "backup", "--key", str(public), "--keep", "2", str(tmp_path / "backups"))
    assert made["rows"] > 10
    new, key = tmp_path / "new", str(tmp_path / "backup.pem")
    said = gmcn(new, "restore", made["path"], "--key", key, **SECRET)
    assert said.exit_code == 0, said.stderr
    assert f"Restored {FR} of" in said.stdout
    assert "Staff tokens were revoked" in said.stderr
    refused = gmcn(new, "show", case)
    assert refused.exit_code == 5
    assert "was restored" in refused.stderr
    status = gmcn(new, "status")
    assert status.exit_code == 0
    assert "restored from a backup" in " ".join(status.stdout.split())

    recovered = gmcn(new, "recover")
    assert recovered.exit_code == 0, recovered.stderr
    assert "Fetched 0 entries" in recovered.stdout
    assert gmcn(new, "show", case).exit_code == 0
    assert "nothing to recover" in gmcn(new, "recover").stdout
    assert json.loads(gmcn(new, "recover", "--json").stdout) is None
    assert gmcn(new, "recover", "--noted").exit_code == 0


def test_every_command_of_the_page_works_in_its_order(town: Town, tmp_path: Path) -> None:
    case = town.published(FR)
    town.run(KE, "pull")
    (tmp_path / "backups").mkdir()
    homes = {"elsewhere": tmp_path / "nobody", "node": town.home(FR), "new": tmp_path / "new"}
    blocks = re.findall(r"^```sh (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    for where, commands in blocks:
        for line in commands.splitlines()[1:]:  # below who types it
            (made,) = (tmp_path / "backups").glob("*") if "yesterday" in line else (tmp_path,)
            words = [_said(word, tmp_path, made) for word in shlex.split(line)[1:]]
            result = gmcn(homes[where], *words, **SECRET)
            assert result.exit_code == 0, (line, result.output)
    assert gmcn(homes["new"], "show", case).exit_code == 0


def _said(word: str, folder: Path, made: Path) -> str:
    names = {"backup.pem", "backup.pub", "backups", "new"}
    return str(made) if word == "yesterday.backup" else str(folder / word) if word in names else word


def test_what_a_restore_refuses_is_said_with_the_next_step(town: Town, tmp_path: Path) -> None:
    public, key = made_key(tmp_path), str(tmp_path / "backup.pem")
    path = tmp_path / "a.backup"
    town.run(FR, "backup", str(path), code=2)  # no key is configured
    town.run(FR, "backup", "--key", key, str(path), code=2)  # the private half
    town.run(FR, "backup", "--key", str(public), str(path))
    town.run(FR, "backup", "--key", str(public), str(path), code=5)
    there = gmcn(town.home(KE), "restore", str(path), "--key", key, **SECRET)
    assert (there.exit_code, f"backup of {FR}" in there.stderr) == (5, True)
    home = ["--home", str(tmp_path / "new")]
    assert gmcn(tmp_path, "restore", str(tmp_path / "none"), *home, "--key", key, **SECRET).exit_code == 3
    wrong = gmcn(tmp_path, "restore", str(path), *home, "--key", key, GMCN_PASSPHRASE="another passphrase")
    assert (wrong.exit_code, "passphrase is not the one" in wrong.stderr) == (2, True)
    path.write_bytes(path.read_bytes()[:-1])
    cut = gmcn(tmp_path, "restore", str(path), *home, "--key", key, **SECRET)
    assert (cut.exit_code, "altered or cut off" in cut.stderr) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_passphrase_that_is_in_no_backup_is_asked_for(tmp_path: Path, town: Town) -> None:
    public, key = made_key(tmp_path), str(tmp_path / "backup.pem")
    secret = tmp_path / "secret"
    secret.write_text("a long passphrase", "utf-8")
    secret.chmod(0o600)
    home = tmp_path / "home"
    assert gmcn(home, "init", "police.jp.example", "--passphrase-file", str(secret)).exit_code == 0
    root = str(town.folder / "net" / "metadata" / "1.root.json")
    assert (
        gmcn(
            home, "join", "accept", root, "--url", town.url, "--yes", GMCN_PULL_PRIVATE_ADDRESSES="true"
        ).exit_code
        == 0
    )
    path = tmp_path / "a.backup"
    assert gmcn(home, "backup", str(path), GMCN_BACKUP_KEY=str(public)).exit_code == 0
    secret.unlink()
    shutil.rmtree(home)
    said = gmcn(home, "restore", str(path), "--key", key, **SECRET)
    assert said.exit_code == 0
    assert f"put it back into {secret}" in said.stderr


def test_without_a_terminal_it_is_said_how_else_a_passphrase_is_given(tmp_path: Path) -> None:
    file = tmp_path / "backup.pem"
    refused = gmcn_without_terminal(tmp_path, "backup-key", str(file))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines() == [
        f"Error: Passphrase of {file}: there is no terminal here to ask for it at.",
        "Next: Give it with --passphrase-file, or in GMCN_PASSPHRASE.",
    ]
    assert not file.exists()
