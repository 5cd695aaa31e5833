"""Photographs on disk: whole or not at all, only below their root, and checked whenever read."""

import hashlib
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from node.adapters.blobs import Blobs
from node.errors import InvalidInput, NodeError

FRANCE, KENYA = "police.fr.example", "ngo.ke.example"


def age(path: Path, seconds: int) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "photographs")


def stored_file(blobs: Blobs, sha256: str, owner: str = FRANCE) -> Path:
    return blobs._path(owner, sha256)


def test_what_was_put_comes_back_under_its_hash(blobs: Blobs) -> None:
    sha256 = blobs.put(FRANCE, b"pixels")
    assert sha256 == hashlib.sha256(b"pixels").hexdigest()
    assert blobs.get(FRANCE, sha256) == b"pixels"
    assert blobs.has(FRANCE, sha256)
    assert list(blobs.iterate(FRANCE)) == [sha256]


def test_same_bytes_of_two_owners_are_erased_apart(blobs: Blobs) -> None:
    sha256 = blobs.put(FRANCE, b"pixels")
    assert blobs.get(KENYA, sha256) is None
    blobs.put(KENYA, b"pixels")
    blobs.delete(FRANCE, sha256)
    assert not blobs.has(FRANCE, sha256)
    assert blobs.get(KENYA, sha256) == b"pixels"
    assert list(blobs.owners()) == [KENYA, FRANCE]


def test_nothing_here_is_no_error(blobs: Blobs) -> None:
    assert blobs.get(FRANCE, "0" * 64) is None
    assert list(blobs.iterate(FRANCE)) == []
    assert list(blobs.owners()) == []
    assert blobs.total_bytes() == 0
    blobs.delete(FRANCE, "0" * 64)


@pytest.mark.parametrize(
    "owner",
    [
        "",
        ".",
        "..",
        ".incoming",
        "../x",
        "a/b",
        "/etc",
        "a..b",
        "-a",
        "a-",
        "A.example",
        "ä.example",
        "a\0b",
        "a\n",
        "a" * 64,
        ".".join(["a" * 60] * 5),
    ],
)
def test_owner_that_is_no_domain_name_is_refused(blobs: Blobs, owner: str) -> None:
    for call in (
        lambda: blobs.put(owner, b"x"),
        lambda: blobs.get(owner, "0" * 64),
        lambda: blobs.has(owner, "0" * 64),
        lambda: blobs.delete(owner, "0" * 64),
        lambda: list(blobs.iterate(owner)),
    ):
        with pytest.raises(InvalidInput):
            call()


@pytest.mark.parametrize(
    "sha256", ["", "0" * 63, "0" * 65, "A" * 64, "../" + "0" * 61, "0" * 64 + "\n", "٠" * 64]
)
def test_name_that_is_no_hash_is_refused(blobs: Blobs, sha256: str) -> None:
    for call in (blobs.get, blobs.has, blobs.delete):
        with pytest.raises(InvalidInput):
            call(FRANCE, sha256)


def test_damage_on_disk_is_told_and_healed_by_putting_again(blobs: Blobs) -> None:
    sha256 = blobs.put(FRANCE, b"pixels")
    stored_file(blobs, sha256).write_bytes(b"pixel?")
    with pytest.raises(NodeError, match="damaged") as caught:
        blobs.get(FRANCE, sha256)
    assert "gmcn fsck" in caught.value.next_step
    blobs.put(FRANCE, b"pixels")
    assert blobs.get(FRANCE, sha256) == b"pixels"


def test_only_this_user_may_read(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put(FRANCE, b"pixels")
    for folder, _, files in os.walk(tmp_path / "photographs"):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in files:
            assert stat.S_IMODE((Path(folder) / name).stat().st_mode) == 0o600


def test_failed_write_leaves_nothing(blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match="No space"):
        blobs.put(FRANCE, b"pixels")
    assert list(blobs.iterate(FRANCE)) == []
    assert list((tmp_path / "photographs" / ".incoming").iterdir()) == []


def test_leftovers_of_a_crash_go_at_once_and_writes_under_way_are_waited_for(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = tmp_path / "photographs" / ".incoming" / "crashed"
    crashed.write_bytes(b"pix")
    replace, cleaners = os.replace, list[threading.Thread]()

    def clean_meanwhile(written: Path, path: Path) -> None:
        cleaners.append(threading.Thread(target=Blobs(tmp_path / "other").remove_leftovers))
        cleaners.append(threading.Thread(target=blobs.remove_leftovers))
        for cleaner in cleaners:
            cleaner.start()
        cleaners[1].join(0.2)
        assert cleaners[1].is_alive()
        replace(written, path)

    monkeypatch.setattr(os, "replace", clean_meanwhile)
    sha256 = blobs.put(FRANCE, b"pixels")
    for cleaner in cleaners:
        cleaner.join()
    assert blobs.get(FRANCE, sha256) == b"pixels"
    assert not crashed.exists()


def test_total_follows_every_change_also_of_another_process(blobs: Blobs, tmp_path: Path) -> None:
    first = blobs.put(FRANCE, b"12345")
    blobs.put(KENYA, b"1234567")
    assert blobs.total_bytes() == 12
    for owner in (FRANCE, KENYA):
        for shard in (tmp_path / "photographs" / owner).iterdir():
            age(shard, 60)
    assert blobs.total_bytes() == 12
    other_process = Blobs(tmp_path / "photographs")
    other_process.delete(FRANCE, first)
    assert blobs.total_bytes() == 7


def test_total_reads_only_folders_that_changed(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = blobs.put(FRANCE, b"12345")
    age(stored_file(blobs, sha256).parent, 60)
    blobs.total_bytes()
    listed: list[object] = []
    list_folder = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(folder) or list_folder(folder))
    assert blobs.total_bytes() == 5
    assert stored_file(blobs, sha256).parent not in listed


def test_many_writers_of_the_same_photograph(blobs: Blobs, tmp_path: Path) -> None:
    data = os.urandom(10_000)
    writers = [threading.Thread(target=blobs.put, args=(FRANCE, data)) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert blobs.get(FRANCE, hashlib.sha256(data).hexdigest()) == data
    assert list((tmp_path / "photographs" / ".incoming").iterdir()) == []
