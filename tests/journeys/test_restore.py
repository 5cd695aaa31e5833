"""A node is lost and restored from yesterday's backup while the others run, and is itself again by itself:
over real sockets, on both databases."""

import shutil
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from node.adapters.keystore import create_sealing_file, load_sealing_file
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.register import cases as register
from node.services.safekeeping import backup, recovery
from node.store.database import reading
from node.store.published import feeds
from node.store.register import cases
from node.store.search.finding import find
from node.store.search.query import Query
from tests.databases import new_pg_database
from tests.factories import sample_record
from tests.federation import DE, FR, NGO
from tests.forensics import invent_child
from tests.journeys.conftest import Journey
from tests.liars import problems

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


def test_a_node_restored_from_yesterday_rejoins_by_itself(
    journey: Journey, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    federation = journey.federation
    create_sealing_file(tmp_path / "backup.pem", b"a long passphrase")
    key = load_sealing_file(tmp_path / "backup.pem", b"a long passphrase")
    Image.new("RGB", (640, 800), "red").save(tmp_path / "a.png")
    child = invent_child(tmp_path)
    kept, erased = federation.publish(POLICE, sample_record("uk", photos=None), child.record)
    secret = child.secret(federation[POLICE])
    made = backup.back_up(federation[POLICE], tmp_path / "a.backup", key[1]).path
    with journey.at_work(POLICE, PEER, HELPER):
        federation.clock.advance(hours=20)
        publishing.erase(federation[POLICE], erased.case_id, "test")
        photographs = [{"kind": "photo", "file": "a.png", "primary": True}]
        (fresh,) = federation.publish(POLICE, sample_record("ja", photos=photographs))
        publishing.publish(federation[POLICE], [kept.case_id], "test")
        journey.eventually(lambda: journey.versions(kept.case_id) == {PEER: 2, HELPER: 2})
        journey.eventually(lambda: journey.versions(fresh.case_id) == {PEER: 1, HELPER: 1})

    federation.stop(POLICE)
    federation[POLICE].engine.dispose()
    federation[POLICE].http.close()
    home = federation[POLICE].config.home
    shutil.rmtree(home)
    with ExitStack() as stack:
        url = ""
        if federation.databases:
            url = stack.enter_context(new_pg_database(request.getfixturevalue("pg_server")))
        backup.restore(made, key, home, federation.clock(), database=url)
        federation.start(POLICE)
        node = federation[POLICE]
        stack.callback(node.engine.dispose)
        assert recovery.is_needed(node)
        with journey.at_work(POLICE, PEER, HELPER):
            journey.eventually(lambda: not recovery.is_needed(node))
            assert found(journey, node) == {kept.case_id, fresh.case_id}
            assert register.get_case(node, erased.case_id).status == cases.ERASED
            publishing.publish(node, [kept.case_id, fresh.case_id], "test")
            publishing.ring_peers(node)
            journey.eventually(lambda: journey.versions(kept.case_id) == {PEER: 3, HELPER: 3})
            journey.eventually(lambda: journey.versions(fresh.case_id) == {PEER: 2, HELPER: 2})
            for member in (PEER, HELPER):
                journey.eventually(partial(is_followed, journey, member))
        for member in (POLICE, PEER, HELPER):
            assert problems(federation[member]) == []
        if not federation.databases:
            assert [secret.traces(federation[member].config.home) for member in federation.nodes] == [[]] * 3


def found(journey: Journey, node: Node) -> set[str]:
    with reading(node.engine) as conn:
        return {hit.case_id for hit in find(conn, Query(today=journey.federation.clock().date()))}


def is_followed(journey: Journey, member: str) -> bool:
    """Tell whether a member follows the feeds of the restored one, and has seen no lie."""
    with reading(journey.federation[member].engine) as conn:
        rows = [row for row in feeds.list_feeds(conn) if row.member == POLICE]
    assert all(row.state != feeds.SPLIT for row in rows)
    return {row.state for row in rows} == {feeds.OPEN}
