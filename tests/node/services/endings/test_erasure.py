"""Hiding, expiring and purging: what is promised to be gone is gone to the last byte."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from node.runtime import Node
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.following import pulling
from node.services.register import cases as register
from node.store import scrubbing
from node.store.database import reading
from node.store.federation import peers
from node.store.published import documents, endings, feed_cases, feeds
from node.store.search.finding import find
from node.store.search.query import Query
from tests.factories import lang_text, sample_record
from tests.federation import DE, FR, Federation
from tests.forensics import NAMES, Secret
from tests.liars import case_states, dump, find_feed, problems

POLICE, PEER = FR[0], DE[0]
NAME = NAMES["Latn"]


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE], databases={PEER: database_url})
    yield made
    made.close()


@pytest.fixture
def on_files(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE])
    yield made
    made.close()


def record(federation: Federation, *photographs: str, **changes: object) -> dict[str, object]:
    """Write a case of a child of a name that nothing else has, with photographs in these colours."""
    for colour in photographs:
        Image.new("RGB", (300, 400), colour).save(federation.folder / f"{colour}.png")
    return sample_record(
        "pt",
        names=[{"full": NAME, "kind": "legal", "lang": "en", "script": "Latn"}],
        photos=[{"kind": "photo", "file": f"{colour}.png"} for colour in photographs] or None,
        **changes,
    )


def everything(home: Path) -> bytes:
    """Read every file below a home, and a bit of what lies between them."""
    return b"\n".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def traces(data: bytes, photographs: list[bytes]) -> list[str]:
    """Tell whether the name, and which photographs, stand in some bytes."""
    found = sorted(Secret((NAME,), ()).kinds_of(data))
    return found + ["photograph" for photograph in photographs if photograph[100:160] in data]


def photographs_of(node: Node, owner: str) -> list[bytes]:
    return [node.blobs.get(owner, sha256) or b"" for sha256 in node.blobs.iterate(owner)]


def purged_at(node: Node) -> set[datetime | None]:
    with reading(node.engine) as conn:
        return set(conn.execute(select(feed_cases.feed_case.c.purged_at)).scalars())


def found(node: Node, federation: Federation) -> set[str]:
    with reading(node.engine) as conn:
        return {hit.case_id for hit in find(conn, Query(today=federation.clock().date()))}


def test_after_the_purge_the_files_of_both_homes_hold_nothing_of_the_child(on_files: Federation) -> None:
    federation = on_files
    federation.publish(POLICE, sample_record("ar", photos=None))
    (case,) = federation.publish(POLICE, record(federation, "red"))
    federation.pull(PEER, POLICE)
    owner, peer = federation[POLICE], federation[PEER]
    pictures = photographs_of(owner, POLICE)
    assert len(photographs_of(peer, POLICE)) == 1
    for node in (owner, peer):
        assert "name" in traces(everything(node.config.home), pictures)

    publishing.erase(owner, case.case_id, "test")
    federation.pull(PEER, POLICE)
    assert case.case_id not in found(peer, federation)
    for node in (owner, peer):
        assert erasure.purge(node) == 2
        assert traces(everything(node.config.home), pictures) == []
        assert problems(node) == []
        assert erasure.purge(node) == 0

    federation.pull(PEER, POLICE)  # brings the receipts
    for holding in register.holdings(owner, case.case_id):
        assert holding.erased
        assert holding.hidden_at == holding.purged_at == federation.clock()


def test_a_superseded_version_leaves_nothing_behind_either(on_files: Federation) -> None:
    (case,) = on_files.publish(POLICE, record(on_files, "red"))
    on_files.pull(PEER, POLICE)
    pictures = photographs_of(on_files[PEER], POLICE)
    names = [{"full": "Ann Other", "kind": "legal", "lang": "en", "script": "Latn"}]
    register.change_case(
        on_files[POLICE], case.case_id, {"names": names, "photos": None}, "test", on_files.folder
    )
    publishing.publish(on_files[POLICE], [case.case_id], "test")
    on_files.pull(PEER, POLICE)
    erasure.purge(on_files[PEER])
    assert photographs_of(on_files[PEER], POLICE) == []
    assert traces(everything(on_files[PEER].config.home), pictures) == []


def test_nothing_is_promised_while_a_reader_keeps_the_log(on_files: Federation) -> None:
    (case,) = on_files.publish(POLICE, record(on_files))
    on_files.pull(PEER, POLICE)
    publishing.erase(on_files[POLICE], case.case_id, "test")
    peer = on_files[PEER]
    with reading(peer.engine) as conn:
        documents.find_documents(conn, case.case_id)
        on_files.pull(PEER, POLICE)
        assert erasure.purge(peer) == 0
    on_files.pull(PEER, POLICE)
    assert all(holding.purged_at is None for holding in register.holdings(on_files[POLICE], case.case_id))
    assert erasure.purge(peer) == 2
    assert traces(everything(peer.config.home), []) == []


def test_a_case_expires_by_the_own_clock_on_the_day_after_its_last(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, record(federation, "red"))
    federation.pull(PEER, POLICE)
    peer, last = federation[PEER], case.expires
    assert last is not None
    federation.clock.now = federation.clock.now.replace(
        year=last.year, month=last.month, day=last.day, hour=23, minute=59
    )
    assert erasure.expire(peer) == 0
    assert found(peer, federation) == {case.case_id}
    federation.clock.advance(minutes=1)
    assert erasure.expire(peer) == 2
    assert found(peer, federation) == set()
    assert {state for state, _ in case_states(peer, POLICE).values()} == {feed_cases.EXPIRED}
    assert erasure.purge(peer) == 2
    assert photographs_of(peer, POLICE) == []
    assert erasure.expire(peer) == 0
    assert problems(peer) == []

    assert erasure.expire(federation[POLICE]) == 2
    erasure.purge(federation[POLICE])
    assert register.get_case(federation[POLICE], case.case_id).record["names"]  # the register keeps it
    assert problems(federation[POLICE]) == []


def test_an_expired_case_comes_back_when_its_owner_renews_it(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, record(federation))
    federation.pull(PEER, POLICE)
    federation.clock.advance(days=200)
    for node in federation.nodes.values():
        erasure.expire(node)
        erasure.purge(node)
    federation.coordinator.announce()
    federation.refresh()
    publishing.publish(federation[POLICE], [case.case_id], "test")
    assert federation.pull(PEER, POLICE).documents == 2
    assert found(federation[PEER], federation) == {case.case_id}
    assert problems(federation[POLICE]) == problems(federation[PEER]) == []


def test_a_photograph_of_two_cases_outlives_the_erasure_of_one(federation: Federation) -> None:
    first, second = federation.publish(POLICE, record(federation, "red"), record(federation, "red"))
    federation.pull(PEER, POLICE)
    owner, peer = federation[POLICE], federation[PEER]
    assert (len(photographs_of(owner, POLICE)), len(photographs_of(peer, POLICE))) == (2, 1)
    publishing.erase(owner, first.case_id, "test")
    federation.pull(PEER, POLICE)
    for node in (owner, peer):
        erasure.purge(node)
    assert (len(photographs_of(owner, POLICE)), len(photographs_of(peer, POLICE))) == (2, 1)
    assert problems(owner) == problems(peer) == []
    publishing.erase(owner, second.case_id, "test")
    federation.pull(PEER, POLICE)
    for node in (owner, peer):
        erasure.purge(node)
    assert photographs_of(owner, POLICE) == photographs_of(peer, POLICE) == []


def test_a_removed_members_replicas_go_when_the_policy_says(federation: Federation) -> None:
    peer = federation[PEER]
    [published] = federation.publish(POLICE, record(federation))
    federation.pull(PEER, POLICE)
    federation.announce(POLICE, state="removed", removed_at=federation.clock())
    days = peer.network().policy.removal_days
    federation.clock.advance(days=days - 1)
    assert erasure.expire(peer) == 0
    federation.clock.advance(days=1)
    assert erasure.expire(peer) == 2  # summary and supplement
    assert erasure.purge(peer) == 2
    assert case_states(peer, POLICE)[published.case_id][0] == feed_cases.EXPIRED
    assert problems(peer) == []
    assert published.case_id not in found(peer, federation)


def test_the_owner_is_due_as_soon_as_there_is_a_receipt_for_the_purge(federation: Federation) -> None:
    peer = federation[PEER]
    [published] = federation.publish(POLICE, record(federation))
    pulling.pull(peer, POLICE)
    publishing.erase(federation[POLICE], published.case_id, "test")
    pulling.pull(peer, POLICE)
    with reading(peer.engine) as conn:
        assert peers.due_peers(conn, federation.clock()) == []
    erasure.purge(peer)
    with reading(peer.engine) as conn:
        assert peers.due_peers(conn, federation.clock()) == [POLICE]


def test_no_case_counts_as_purged_before_all_photographs_are_gone(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = federation.publish(POLICE, record(federation, "red", "green", "blue"))
    publishing.erase(federation[POLICE], case.case_id, "test")
    monkeypatch.setattr(erasure, "_ROUND", 2)
    assert erasure.purge(federation[POLICE]) == 2
    assert photographs_of(federation[POLICE], POLICE) == []


@pytest.mark.parametrize(
    "step", ["delete_content", "purge_search", "_delete_photographs", "mark_emptied", "scrub", "mark_purged"]
)
def test_a_purge_that_breaks_off_is_finished_by_the_next(
    federation: Federation, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    (case,) = federation.publish(POLICE, record(federation, "red"))
    federation.pull(PEER, POLICE)
    publishing.erase(federation[POLICE], case.case_id, "test")
    federation.pull(PEER, POLICE)
    peer = federation[PEER]

    def crash(*args: object) -> None:
        raise MemoryError

    module, name = {
        "delete_content": (documents, "delete_content"),
        "scrub": (scrubbing, "scrub"),
        "mark_emptied": (endings, "mark_emptied"),
        "mark_purged": (endings, "mark_purged"),
    }.get(step, (erasure, step))
    with monkeypatch.context() as broken:
        broken.setattr(module, name, crash)
        with pytest.raises(MemoryError):
            erasure.purge(peer)
    assert purged_at(peer) == {None}
    federation.clock.advance(hours=5)
    erasure.purge(peer)
    assert purged_at(peer) == {federation.clock()}
    with reading(peer.engine) as conn:
        assert conn.execute(documents.document.select()).all() == []
    assert photographs_of(peer, POLICE) == []
    assert problems(peer) == []


def test_a_purge_without_work_writes_nothing(federation: Federation) -> None:
    federation.publish(POLICE, record(federation, circumstances=lang_text(en="x")))
    federation.pull(PEER, POLICE)
    before = dump(federation[PEER])
    federation.clock.advance(seconds=timedelta(days=1).total_seconds())
    assert (erasure.expire(federation[PEER]), erasure.purge(federation[PEER])) == (0, 0)
    assert dump(federation[PEER]) == before
    assert find_feed(federation[PEER], POLICE).state == feeds.OPEN
