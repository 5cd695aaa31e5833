"""The folder of the site: what changes in it is seen at once, and what is broken breaks nothing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from node.adapters import site_folder
from node.adapters.site_folder import SiteFolder
from node.domain.site.look import Look, format_look
from node.errors import InvalidInput, NotFound


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[SiteFolder]:
    return SiteFolder(tmp_path / "site")


def age(path: Path) -> None:
    """Let a file be an hour old, so that it is not read again without need."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns - 3_600_000_000_000))


def test_without_a_folder_there_is_nothing(folder: SiteFolder) -> None:
    assert folder.look() == Look()
    assert not folder.logo().data
    assert folder.list_documents() == []
    with pytest.raises(NotFound):
        folder.read_document("0" * 64, "pdf")


def test_a_change_is_seen_by_others_at_once(folder: SiteFolder, tmp_path: Path) -> None:
    other = SiteFolder(tmp_path / "site")
    assert other.look() == Look()
    for name in ("One", "Two"):
        folder.write_look(Look(names={"en": name}))
        assert other.look().names == {"en": name}
    folder.write_logo(b"logo")
    assert other.logo().data == b"logo"
    folder.write_logo(None)
    assert not other.logo().data
    folder.write_document(b"text", "txt", "a.b.c")
    assert [(filed.kind, filed.size, filed.statement) for filed in other.list_documents()] == [
        ("txt", 4, "a.b.c")
    ]
    folder.remove_document(other.list_documents()[0].sha256)
    assert other.list_documents() == []


def test_what_did_not_change_is_not_read_again(folder: SiteFolder, tmp_path: Path) -> None:
    folder.write_look(Look(names={"en": "One"}))
    age(tmp_path / "site/site.toml")
    assert folder.look() is folder.look()


def test_a_file_that_somebody_broke_leaves_the_site_as_it_was(folder: SiteFolder, tmp_path: Path) -> None:
    folder.write_look(Look(names={"en": "One"}))
    assert folder.look().names == {"en": "One"}
    (tmp_path / "site/site.toml").write_text("names = { en = ")
    with patch.object(site_folder, "log") as log:
        assert folder.look().names == {"en": "One"}
        assert SiteFolder(tmp_path / "site").look() == Look()
    said = [call.args[0] for call in log.warning.call_args_list]
    assert len(said) == 2
    assert all("gmcn site check" in event for event in said)
    with pytest.raises(InvalidInput):
        folder.read_look()
    (tmp_path / "site/site.toml").write_text(format_look(Look(names={"en": "Two"})))
    assert folder.look().names == {"en": "Two"}


def test_only_a_document_that_is_what_it_is_called_is_read(folder: SiteFolder, tmp_path: Path) -> None:
    folder.write_document(b"text", "txt", "a.b.c")
    (filed,) = folder.list_documents()
    assert folder.read_document(filed.sha256, "txt") == b"text"
    (tmp_path / "site/library" / f"{filed.sha256}.txt").write_bytes(b"test")
    for sha256 in (filed.sha256, "../../node.toml", "../" + "0" * 61):
        with pytest.raises(NotFound):
            folder.read_document(sha256, "txt")
    (tmp_path / "site/library/notes.jws").write_text("x")
    (tmp_path / "site/library" / f"{'0' * 64}.jws").write_text("x")
    assert [other.sha256 for other in folder.list_documents()] == [filed.sha256]


def test_nobody_else_reads_the_folder(folder: SiteFolder, tmp_path: Path) -> None:
    with folder.turn():
        folder.write_look(Look())
    assert stat.S_IMODE((tmp_path / "site").stat().st_mode) == 0o700
