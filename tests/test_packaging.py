"""What goes into a wheel: all that the program reads at run time, and nothing else that lies about."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("node", "protocol", "schemas")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with private keys lying about where somebody might leave them."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "keys").mkdir()
    for path in (
        "keys/feed-network.pem",
        "node/secret",
        "node/store/token.pem",
        "protocol/a.key",
        "schemas/b.pem",
    ):
        (copy / path).write_text("private", encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel built from that tree."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(target), str(tree)], check=True, timeout=100)
    (built,) = target.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_a_wheel_holds_every_file_of_the_packages(tree: Path, wheel: set[str]) -> None:
    wanted = {
        path.relative_to(tree).as_posix()
        for name in PACKAGES
        for path in (tree / name).rglob("*.*")
        if path.suffix not in {".md", ".pem", ".key"}
    }
    assert wanted - wheel == set()


def test_a_wheel_never_holds_a_key(wheel: set[str]) -> None:
    assert {name for name in wheel if Path(name).suffix in {".pem", ".key"} or "secret" in name} == set()


def test_a_wheel_holds_only_the_packages(wheel: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == set(PACKAGES)


def test_the_locks_name_no_address() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index-url" not in text
        assert "--find-links" not in text


def test_the_peers_lock_names_no_registry() -> None:
    text = (ROOT / "bench" / "peers" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity"') == text.count('"node_modules/')
