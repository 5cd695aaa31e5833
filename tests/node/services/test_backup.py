"""Backup and restore: one state of a whole node, encrypted, back in a new home or not at all."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy import Engine

from node.adapters import archive
from node.adapters.keystore import create_sealing_file, load_sealing_file
from node.adapters.trust import TrustStore
from node.errors import Conflict, InvalidInput, NodeError, NotFound
from node.runtime import Node, open_node
from node.services import backup, publishing, staff
from node.services.backup import Restored
from node.store import access, feeds, marks, peers
from node.store.copying import count_rows
from node.store.database import open_database, reading
from node.store.tables import metadata
from tests.conftest import new_pg_database
from tests.factories import sample_record
from tests.federation import DE, FR, Federation, StandInTrust
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
    token = staff.create_token(node, "desk", "open", 30, "test") if hasattr(staff, "create_token") else None
    made = backup.back_up(node, tmp_path / "a.backup", key[1])
    assert (made.damaged, made.not_after) == (0, federation.clock() + timedelta(days=30))
    before = rows_of(node.engine)
    url = request.getfixturevalue("other_pg_url") if kind == "postgresql" else backup.IN_HOME
    told = restore(federation, made.path, key, tmp_path / "new", database=url)
    assert (told.member, told.rows, told.photographs) == (OWNER, made.rows, made.photographs)
    assert told.photographs == len(list(node.blobs.iterate(OWNER))) + len(list(node.blobs.iterate(PEER)))
    back = open_restored(federation, tmp_path / "new")
    try:
        after = rows_of(back.engine)
        changed = {name for name in before if before[name] != after[name]}
        assert changed <= {"mark", "feed", "peer", "journal", "staff_token"}
        assert token is None or len(after["staff_token"]) == 1
        for purpose in ("token", "cosigner"):
            assert back.keys.public(purpose) == node.keys.public(purpose)  # type: ignore[arg-type]
        with reading(back.engine) as conn:
            assert marks.find_mark(conn, marks.RESTORED) is not None
            assert {row.state for row in feeds.list_feeds(conn) if row.own} == {feeds.BEHIND}
            assert all(peer.unheard for peer in peers.list_peers(conn))
            assert all(token.revoked_at for token in access.list_staff_tokens(conn))
        assert problems(back) == []
        assert os.stat(tmp_path / "new").st_mode & 0o777 == 0o700
        assert os.stat(tmp_path / "new" / "keys" / "token.pem").st_mode & 0o777 == 0o600
    finally:
        back.engine.dispose()


@pytest.fixture
def other_pg_url(pg_server: str) -> Iterator[str]:
    with new_pg_database(pg_server) as address:
        yield address
