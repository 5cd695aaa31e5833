"""Backup and restore: one state of a whole node, encrypted, back in a new home or not at all."""

import json
import os
import shutil
import signal
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from PIL import Image
from sqlalchemy import Engine

from node.adapters import archive
from node.adapters.keystore import create_sealing_file, load_sealing_file
from node.adapters.trust import TrustStore
from node.domain.site.look import Look
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node, open_node
from node.services import staff
from node.services.safekeeping import backup
from node.services.safekeeping.backup import Progress, Restored
from node.services.site import library, look
from node.services.site.library import Facts
from node.store import marks
from node.store.copying import count_rows
from node.store.database import open_database, reading, scrub, snapshot
from node.store.federation import peers
from node.store.journal import read_journal
from node.store.published import feeds
from node.store.staff import access
from node.store.tables import metadata
from tests.factories import sample_record
from tests.federation import DE, FR, START, Federation, StandInTrust
from tests.liars import problems

OWNER, PEER = FR[0], DE[0]
PASSPHRASE = b"a long passphrase"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, bytes]:
    path = tmp_path_factory.mktemp("key") / "backup.pem"
    create_sealing_file(path, PASSPHRASE)
    return load_sealing_file(path, PASSPHRASE)


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    """The owner's database is of either kind; it has own cases with photographs, and holds foreign ones."""
    made = Federation(tmp_path, [FR, DE], databases={OWNER: database_url})
    Image.new("RGB", (200, 300), "red").save(tmp_path / "a.png")
    photographs = [{"kind": "photo", "file": "a.png", "primary": True}]
    made.publish(OWNER, sample_record("ar", photos=photographs), sample_record("uk", photos=None))
    made.publish(PEER, sample_record("ja", photos=photographs))
    made.pull(OWNER, PEER)
    yield made
    made.close()


@pytest.fixture
def on_files(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE])
    made.publish(OWNER, sample_record("ar", photos=None))
    yield made
    made.close()


def rows_of(engine: Engine) -> dict[str, list[Any]]:
    """Read every row of every table."""
    with reading(engine) as conn:
        return {
            table.name: sorted(map(repr, conn.execute(sa.select(table)))) for table in metadata.sorted_tables
        }


def open_restored(federation: Federation, home: Path) -> Node:
    trust = cast(TrustStore, StandInTrust(federation.coordinator))
    return replace(open_node(home, clock=federation.clock), trust=trust)


def restore(federation: Federation, path: Path, key: Any, home: Path, **options: Any) -> Restored:
    return backup.restore(path, key, home, federation.clock(), **options)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_backed_up_comes_back_on_either_database(
    federation: Federation, key: Any, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    node = federation[OWNER]
    staff.create_token(node, "desk", "open", 30, "test")
    made = backup.back_up(node, tmp_path / "a.backup", key[1], actor="test")
    assert (made.damaged, made.not_after) == (0, federation.clock() + timedelta(days=30))
    before = rows_of(node.engine)
    url = request.getfixturevalue("pg_url") if kind == "postgresql" else backup.IN_HOME
    told = restore(federation, made.path, key, tmp_path / "new", database=url)
    assert (told.member, told.rows, told.photographs) == (OWNER, made.rows, made.photographs)
    assert told.photographs == len(list(node.blobs.iterate(OWNER))) + len(list(node.blobs.iterate(PEER)))
    back = open_restored(federation, tmp_path / "new")
    try:
        after = rows_of(back.engine)
        changed = {name for name in before if before[name] != after[name]}
        assert changed <= {"mark", "feed", "peer", "journal", "staff_token"}
        for purpose in ("token", "cosigner"):
            assert back.keys.public(purpose) == node.keys.public(purpose)  # type: ignore[arg-type]
        with reading(back.engine) as conn:
            assert marks.find_mark(conn, marks.RESTORED) is not None
            assert {row.state for row in feeds.list_feeds(conn) if row.own} == {feeds.BEHIND}
            assert all(peer.unheard for peer in peers.list_peers(conn))
            assert [bool(token.revoked_at) for token in access.list_staff_tokens(conn)] == [True]
            done = [(entry.action, entry.actor) for entry in read_journal(conn, limit=2)]
        assert done == [("node.restore", "restore"), ("node.back-up", "test")]
        assert problems(back) == []
        assert os.stat(tmp_path / "new").st_mode & 0o777 == 0o700
        assert os.stat(tmp_path / "new" / "keys" / "token.pem").st_mode & 0o777 == 0o600
    finally:
        back.engine.dispose()


def test_the_public_site_comes_back_as_it_was(on_files: Federation, key: Any, tmp_path: Path) -> None:
    node = on_files[OWNER]
    look.set_look(node, Look(names={"en": "Find them"}), "test")
    facts = Facts(title="A", language="en", licence="CC0-1.0", topic="other", review=START.date())
    sha256 = library.add_document(node, b"Call the police.", facts, "test")
    elsewhere = tmp_path / "logo.png"
    elsewhere.write_bytes(b"logo")
    (node.config.home / "site/logo.png").symlink_to(elsewhere)
    (node.config.home / "site/notes.txt").write_text("ours")
    made = backup.back_up(node, tmp_path / "a.backup", key[1])
    restore(on_files, made.path, key, tmp_path / "new")
    back = open_restored(on_files, tmp_path / "new")
    try:
        assert back.site_folder.look() == node.site_folder.look()
        assert back.site_folder.logo().data == b"logo"
        assert library.read_shown_document(back, sha256)[1] == b"Call the police."
        files = {path.name for path in (tmp_path / "new/site").rglob("*") if path.is_file()}
        assert files == {"site.toml", "logo.png", f"{sha256}.txt", f"{sha256}.jws"}
    finally:
        back.engine.dispose()


# --- What is refused ---


def test_a_backup_that_was_changed_anywhere_is_refused_and_nothing_is_left(
    on_files: Federation, key: Any, tmp_path: Path
) -> None:
    made = backup.back_up(on_files[OWNER], tmp_path / "a.backup", key[1])
    whole = made.path.read_bytes()
    end_of_header = whole.index(b"\n", 20) + 1
    changed = tmp_path / "changed.backup"
    for data in (
        b"",
        whole[:10],
        whole[: end_of_header - 1],
        whole[: end_of_header + 100],
        whole[:-1],
        whole[: -len(whole) // 2],
        whole + b"\0",
        whole + whole[-100:],
        whole.replace(b"Test network", b"Best network"),
        whole.replace(b'"not_after":"2026', b'"not_after":"2027'),
        _flipped(whole, end_of_header + 5),
        _flipped(whole, end_of_header + 1500),
        _flipped(whole, len(whole) - 3),
    ):
        changed.write_bytes(data)
        with pytest.raises(InvalidInput):
            restore(on_files, changed, key, tmp_path / "new")
        assert [path.name for path in tmp_path.iterdir() if "new" in path.name] == []


def test_chunks_cannot_be_left_out_or_moved(tmp_path: Path, key: Any) -> None:
    header = archive.Header(OWNER, "N", START, START, archive.key_id(key[1]))
    path = tmp_path / "a"
    with path.open("wb") as file:
        writer = archive.ArchiveWriter(file, header, key[1])
        for number in range(8):
            writer.add(number, os.urandom(60_000))
        writer.finish()
    whole = path.read_bytes()
    start = whole.index(b"\n", 20) + 1 + 32 + archive.SEALING_OVERHEAD
    size = (64 << 10) + 16
    chunks = [whole[at : at + size] for at in range(start, len(whole), size)]
    assert len(chunks) > 5
    for wrong in (
        chunks[1:],
        chunks[:-1],
        [*chunks[:2], *chunks[3:]],
        [chunks[1], chunks[0], *chunks[2:]],
        [*chunks, chunks[-1]],
    ):
        path.write_bytes(whole[:start] + b"".join(wrong))
        with path.open("rb") as file, pytest.raises(InvalidInput, match="altered or cut off"):
            list(archive.read_records(file, archive.read_header(file), key[0]))
    path.write_bytes(whole)
    with path.open("rb") as file:
        records = list(archive.read_records(file, archive.read_header(file), key[0]))
    assert [kind for kind, _ in records] == list(range(8))


def test_another_program_can_read_a_backup_by_the_description_of_its_format(
    on_files: Federation, key: Any, tmp_path: Path
) -> None:
    """As decision 0012 has it, with nothing of this program."""
    data = backup.back_up(on_files[OWNER], tmp_path / "a.backup", key[1]).path.read_bytes()
    magic, header, rest = data.split(b"\n", 2)
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    cipher = ChaCha20Poly1305(suite.decrypt(rest[:1168], key[0], info=magic + b"\n" + header + b"\n"))
    chunks = [rest[at : at + 65_552] for at in range(1168, len(rest), 65_552)]
    plain = zlib.decompress(
        b"".join(
            cipher.decrypt(number.to_bytes(11, "big") + bytes([number == len(chunks) - 1]), chunk, None)
            for number, chunk in enumerate(chunks)
        )
    )
    kinds, rows = set(), 0
    while plain:
        size = int.from_bytes(plain[1:5], "big")
        kinds.add(plain[0])
        record, plain, kind = plain[5 : 5 + size], plain[5 + size :], plain[0]
        if kind == 3:
            announced, *lines = record.split(b"\n")
            rows += len(lines)
            assert all(len(json.loads(line)) == len(json.loads(announced)["columns"]) for line in lines)
    assert (kinds, json.loads(record)["rows"]) == ({0, 1, 3, 5}, rows)


def test_a_backup_for_somebody_else_says_whose_key_it_needs(
    on_files: Federation, key: Any, tmp_path: Path
) -> None:
    made = backup.back_up(on_files[OWNER], tmp_path / "a.backup", key[1])
    create_sealing_file(tmp_path / "other.pem", PASSPHRASE)
    other = load_sealing_file(tmp_path / "other.pem", PASSPHRASE)
    with pytest.raises(InvalidInput, match=f"another key: {archive.key_id(key[1])}"):
        restore(on_files, made.path, other, tmp_path / "new")
    relabelled = made.path.read_bytes().replace(
        archive.key_id(key[1]).encode(), archive.key_id(other[1]).encode()
    )
    made.path.write_bytes(relabelled)
    with pytest.raises(InvalidInput, match="encrypted to another key"):
        restore(on_files, made.path, other, tmp_path / "new")
    with pytest.raises(InvalidInput, match="cannot be opened"):
        load_sealing_file(tmp_path / "other.pem", b"another passphrase")
    assert not (tmp_path / "new").exists()


def test_a_home_that_is_there_is_never_touched(on_files: Federation, key: Any, tmp_path: Path) -> None:
    made = backup.back_up(on_files[OWNER], tmp_path / "a.backup", key[1])
    for member, reason in ((PEER, f"backup of {OWNER}, and .* home of {PEER}"), (OWNER, "is not empty")):
        home = on_files[member].config.home
        before = sorted(path.name for path in home.iterdir())
        with pytest.raises(Conflict, match=reason):
            restore(on_files, made.path, key, home)
        assert sorted(path.name for path in home.iterdir()) == before
    (tmp_path / "empty").mkdir()
    restore(on_files, made.path, key, tmp_path / "empty")
    assert (tmp_path / "empty" / "node.toml").exists()


def test_a_database_with_rows_is_never_touched(
    on_files: Federation, key: Any, pg_url: str, tmp_path: Path
) -> None:
    made = backup.back_up(on_files[OWNER], tmp_path / "a.backup", key[1])
    restore(on_files, made.path, key, tmp_path / "one", database=pg_url)
    engine = open_database(pg_url)
    with engine.begin() as conn:
        conn.execute(sa.text("DELETE FROM mark"))
    before = rows_of(engine)
    with pytest.raises(Conflict, match="database is not empty"):
        restore(on_files, made.path, key, tmp_path / "two", database=pg_url)
    assert rows_of(engine) == before
    engine.dispose()
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_rows_outside_the_home_go_only_where_somebody_says(
    tmp_path: Path, database_url: str, key: Any
) -> None:
    federation = Federation(tmp_path, [FR, DE], databases={OWNER: database_url})
    try:
        made = backup.back_up(federation[OWNER], tmp_path / "a.backup", key[1])
        with pytest.raises(InvalidInput, match="rows were not in its home"):
            restore(federation, made.path, key, tmp_path / "new")
        restore(federation, made.path, key, tmp_path / "new", database=backup.IN_HOME)
        text = (tmp_path / "new" / "node.toml").read_text("utf-8")
        assert ('url = ""' in text, "port = 0" in text, "private_addresses = true" in text) == (True,) * 3
    finally:
        federation.close()


def test_a_backup_has_a_last_day_because_of_those_who_are_erased_later(
    on_files: Federation, key: Any, tmp_path: Path
) -> None:
    made = backup.back_up(on_files[OWNER], tmp_path / "a.backup", key[1])
    on_files.clock.advance(days=30, seconds=1)
    with pytest.raises(Conflict, match="children whose data had to be gone"):
        restore(on_files, made.path, key, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    restore(on_files, made.path, key, tmp_path / "new", despite_erasures=True)


def test_old_backups_go_and_those_of_others_stay(on_files: Federation, key: Any, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "other.backup").write_text("no backup at all")
    others = backup.back_up_into(on_files[PEER], folder, 2, key[1]).path
    made = []
    for _ in range(4):
        made.append(backup.back_up_into(on_files[OWNER], folder, 3, key[1]))
        on_files.clock.advance(days=1)
    assert made[3].removed == (made[0].path,)
    on_files.clock.advance(days=29)
    last = backup.back_up_into(on_files[OWNER], folder, 9, key[1])
    assert set(last.removed) == {made[1].path, made[2].path}
    assert {path.name for path in folder.iterdir()} == {
        "notes.txt", "other.backup", others.name, made[3].path.name, last.path.name
    }  # fmt: skip
    with pytest.raises(NotFound):
        backup.back_up_into(on_files[OWNER], tmp_path / "none", 3, key[1])


def test_a_backup_is_never_overwritten(on_files: Federation, key: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    path.write_text("precious")
    with pytest.raises(Conflict):
        backup.back_up(on_files[OWNER], path, key[1])
    assert path.read_text() == "precious"
    with pytest.raises(NotFound):
        restore(on_files, tmp_path / "none", key, tmp_path / "new")


# --- While others work, and when it is cut off ---


def test_a_backup_is_one_state_while_others_write(federation: Federation, key: Any, tmp_path: Path) -> None:
    node = federation[OWNER]
    seen: list[int] = []

    def meddle(what: str, done: int, total: int) -> None:
        if not seen:
            federation.publish(OWNER, sample_record("ja", photos=None))
            seen.append(total)

    before = len(rows_of(node.engine)["case_file"])
    made = backup.back_up(node, tmp_path / "a.backup", key[1], meddle)
    assert made.rows == seen[0]
    restore(federation, made.path, key, tmp_path / "new", database=backup.IN_HOME)
    back = open_restored(federation, tmp_path / "new")
    assert len(rows_of(back.engine)["case_file"]) == before
    assert len(rows_of(node.engine)["case_file"]) == before + 1
    assert problems(back) == []
    back.engine.dispose()


def test_nothing_is_rewritten_while_it_is_copied(federation: Federation) -> None:
    node = federation[OWNER]
    with snapshot(node.engine) as conn:
        before = count_rows(conn)
        federation.publish(OWNER, sample_record("ja", photos=None))
        assert not scrub(node.engine)
        assert count_rows(conn) == before
    assert scrub(node.engine)


def test_nothing_half_is_left_wherever_a_backup_is_cut_off(
    on_files: Federation, key: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for step in range(200):
        cut = _cut_at(archive.ArchiveWriter, ("add", "finish"), step)
        try:
            backup.back_up(on_files[OWNER], folder / "a.backup", key[1])
            break
        except _Cut:
            assert list(folder.iterdir()) == []
        finally:
            cut.undo()
    assert step > 10
    restore(on_files, folder / "a.backup", key, tmp_path / "new")


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_nothing_half_is_left_wherever_a_restore_is_cut_off(
    on_files: Federation,
    key: Any,
    place: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    made = backup.back_up(on_files[OWNER], tmp_path / "a.backup", key[1])
    url = request.getfixturevalue("pg_url") if place == "postgresql" else ""
    home = tmp_path / "new"
    for step in range(200):
        cut = _cut_at(backup._Unpacking, ("take", "finish", "close"), step)
        try:
            restore(on_files, made.path, key, home, database=url)
            break
        except _Cut:
            assert not home.exists()
        finally:
            cut.undo()
    assert step > 10
    back = open_restored(on_files, home)
    with reading(back.engine) as conn:
        assert count_rows(conn) > 0
    assert problems(back) == []
    back.engine.dispose()


@pytest.mark.parametrize("what", ["backup", "restore"])
def test_a_killed_process_leaves_nothing_that_looks_whole(
    on_files: Federation, key: Any, what: str, tmp_path: Path
) -> None:
    made = backup.back_up(on_files[OWNER], tmp_path / "a.backup", key[1])
    folder = tmp_path / "out"
    folder.mkdir()
    for delay in (1, 5, 20, 40):
        child = os.fork()
        if child == 0:  # no handler and no `finally` runs after this
            dying = _dying(delay)
            try:
                if what == "backup":
                    backup.back_up(on_files[OWNER], folder / "b", key[1], dying)
                else:
                    restore(on_files, made.path, key, folder / "b", progress=dying)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert not (folder / "b").exists()
    if (folder / "b").is_dir():
        shutil.rmtree(folder / "b")
    (folder / "b").unlink(missing_ok=True)
    if what == "backup":
        backup.back_up(on_files[OWNER], folder / "b", key[1])
    else:
        restore(on_files, made.path, key, folder / "b")
    assert [path.name for path in folder.iterdir()] == ["b"]


class _Cut(BaseException):
    """The end of a process, as far as the code sees it."""


def _dying(after: int) -> Progress:
    count = iter(range(after))

    def tell(what: str, done: int, total: int) -> None:
        if next(count, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    return tell


def _cut_at(kind: type, names: tuple[str, ...], step: int) -> Any:
    """Let the n-th call of some methods end the program, after it was made."""
    count = iter(range(step))
    context = pytest.MonkeyPatch()
    for name in names:
        context.setattr(kind, name, _cutting(getattr(kind, name), count))
    return context


def _cutting(method: Any, count: Iterator[int]) -> Any:
    def cut(*args: Any) -> Any:
        result = method(*args)
        if next(count, None) is None:
            raise _Cut
        return result

    return cut


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
