"""fsck: every kind of damage is found and named, and what is whole is not complained of."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy import Connection

from node.services.disclosure import publishing
from node.services.safekeeping import integrity
from node.store.database import upsert, writing
from node.store.published import documents, feed_cases, feeds, photographs
from tests.databases import pg_address
from tests.factories import sample_record
from tests.federation import DE, FR, START, Federation
from tests.liars import problems

POLICE, PEER = FR[0], DE[0]
BUNDLE = 260


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """More than a bundle of leaves of the French police, and their replicas; no test leaves damage behind."""
    folder = tmp_path_factory.mktemp("integrity")
    if request.param == "sqlite":
        made = Federation(folder, [FR, DE])
        yield _filled(made)
        made.close()
        return
    server = request.getfixturevalue("pg_server")
    with pg_address(server) as first, pg_address(server) as second:
        made = Federation(folder, [FR, DE], databases={POLICE: first, PEER: second})
        yield _filled(made)
        made.close()


def _filled(federation: Federation) -> Federation:
    Image.new("RGB", (300, 400), "red").save(federation.folder / "red.png")
    photographs = [{"kind": "photo", "file": "red.png"}]
    federation.clock.advance(minutes=1)
    _, second = federation.publish(
        POLICE, sample_record("ar", photos=photographs), sample_record("uk", photos=None, reference=None)
    )
    again = [second.case_id] * (BUNDLE - 3)
    publishing.publish(federation[POLICE], again, "test")
    publishing.erase(federation[POLICE], second.case_id, "test")
    assert federation.pull(PEER, POLICE).error == ""
    return federation


def test_what_is_whole(shared: Federation) -> None:
    told: list[str] = []
    report = integrity.check(shared[POLICE], lambda what, done, total: told.append(what))
    assert (report.findings, report.feeds, report.photographs) == ([], 2, 2)
    assert report.leaves >= BUNDLE
    assert set(told) == {"leaves", "documents"}
    report = integrity.check(shared[PEER])
    assert (report.findings, report.feeds, report.photographs) == ([], 4, 1)


Damage = Callable[[Connection, int], None]


def flipped(column: sa.Column[bytes], where: Callable[[int], sa.ColumnElement[bool]], at: int = -1) -> Damage:
    """Flip one bit in a stored value."""

    def damage(conn: Connection, feed_id: int) -> None:
        condition = where(feed_id)
        data = bytearray(conn.execute(sa.select(column).where(condition).limit(1)).scalar_one())
        data[at] ^= 1
        table = column.table
        assert isinstance(table, sa.Table)
        conn.execute(table.update().where(condition).values({column.name: bytes(data)}))

    return damage


def set_to(table: sa.Table, where: Callable[[int], sa.ColumnElement[bool]], **values: object) -> Damage:
    return lambda conn, feed_id: (conn.execute(table.update().where(where(feed_id)).values(values)), None)[1]


def deleted(table: sa.Table, where: Callable[[int], sa.ColumnElement[bool]]) -> Damage:
    return lambda conn, feed_id: (conn.execute(table.delete().where(where(feed_id))), None)[1]


def this_feed(feed_id: int) -> sa.ColumnElement[bool]:
    return feeds.feed.c.id == feed_id


def bundle(place: int) -> Callable[[int], sa.ColumnElement[bool]]:
    c = feeds.feed_bundle.c
    return lambda feed_id: sa.and_(c.feed_id == feed_id, c.place == place)


def tile(level: int, place: int) -> Callable[[int], sa.ColumnElement[bool]]:
    c = feeds.feed_tile.c
    return lambda feed_id: sa.and_(c.feed_id == feed_id, c.level == level, c.place == place)


def case(*states: str) -> Callable[[int], sa.ColumnElement[bool]]:
    c = feed_cases.feed_case.c
    return lambda feed_id: sa.and_(c.feed_id == feed_id, c.state.in_(states))


def of_live(column: sa.ColumnElement[int]) -> Callable[[int], sa.ColumnElement[bool]]:
    return lambda feed_id: column.in_(
        sa.select(feed_cases.feed_case.c.id).where(
            feed_cases.feed_case.c.feed_id == feed_id, case(feed_cases.HELD)(feed_id)
        )
    )


LIVE, GONE = case(feed_cases.HELD), case(feed_cases.ERASED)
DOCUMENT = of_live(documents.document.c.case_key)

DAMAGES: dict[str, tuple[Damage, str]] = {
    "note": (flipped(feeds.feed.c.note, this_feed, -5), "signature"),
    "no note": (set_to(feeds.feed, this_feed, note=None), "signed head is missing"),
    "frontier": (flipped(feeds.feed.c.frontier, this_feed), "signed"),
    "frontier too short": (set_to(feeds.feed, this_feed, frontier=b"x" * 32), "frontier"),
    "size": (set_to(feeds.feed, this_feed, size=BUNDLE - 1), "frontier"),
    "origin": (set_to(feeds.feed, this_feed, origin=f"{POLICE}/other"), "not the signed one"),
    # the last digit of the first leaf's time, which stays a digit
    "full bundle": (flipped(feeds.feed_bundle.c.data, bundle(0), 205), "signed root"),
    "last bundle": (flipped(feeds.feed_bundle.c.data, bundle(1)), "tile/entries/001.p/4"),
    "length in a bundle": (flipped(feeds.feed_bundle.c.data, bundle(0), 1), "tile/entries/000"),
    "no bundle": (deleted(feeds.feed_bundle, bundle(0)), "tile/entries/000 is missing"),
    "document": (flipped(documents.document.c.body, DOCUMENT, 300), "digest"),
    "no document": (deleted(documents.document, DOCUMENT), "its document is missing"),
    "no photograph row": (
        deleted(photographs.photograph, of_live(photographs.photograph.c.case_key)),
        "not the photographs",
    ),
    "version": (set_to(feed_cases.feed_case, LIVE, version=9), "otherwise"),
    "digest": (flipped(feed_cases.feed_case.c.digest, LIVE), "otherwise"),
    "expires": (set_to(feed_cases.feed_case, LIVE, expires="2031-01-01"), "otherwise"),
    "time": (set_to(feed_cases.feed_case, LIVE, leaf_at=START), "otherwise"),
    "case id": (set_to(feed_cases.feed_case, LIVE, case_id=f"{POLICE}/{'a' * 26}"), "in none of its leaves"),
    "case id gone": (set_to(feed_cases.feed_case, LIVE, case_id=f"{POLICE}/{'a' * 26}"), "is missing"),
    "an erased case lives": (
        set_to(feed_cases.feed_case, GONE, state=feed_cases.HELD),
        "is erased and stands as held",
    ),
}
OWN_DAMAGES: dict[str, tuple[Damage, str]] = {
    "tile": (flipped(feeds.feed_tile.c.data, tile(0, 0), 99), "tile/0/000 does"),
    "last tile": (flipped(feeds.feed_tile.c.data, tile(0, 1)), "tile/0/001.p/4"),
    "upper tile": (flipped(feeds.feed_tile.c.data, tile(1, 0)), "tile/1/000.p/1"),
    "no tile": (deleted(feeds.feed_tile, tile(1, 0)), "tile/1/000.p/1"),
    "a live case is erased": (
        set_to(feed_cases.feed_case, LIVE, state=feed_cases.ERASED),
        "stands as erased",
    ),
}


@pytest.mark.parametrize(
    ("member", "name"),
    [*((m, name) for m in (POLICE, PEER) for name in DAMAGES), *((POLICE, name) for name in OWN_DAMAGES)],
)
def test_damage_is_found_and_named(shared: Federation, member: str, name: str) -> None:
    damage, named = {**DAMAGES, **OWN_DAMAGES}[name]
    node = shared[member]
    with writing(node.engine) as conn:
        row = feeds.find_feed(conn, POLICE, "network")
        assert row is not None
        saved = {
            table: [dict(each._mapping) for each in conn.execute(table.select())]
            for table in (
                feeds.feed, feeds.feed_bundle, feeds.feed_tile, feed_cases.feed_case,
                documents.document, documents.published, photographs.photograph,
            )
        }  # fmt: skip
        damage(conn, row.id)
    try:
        found = problems(node)
    finally:
        with writing(node.engine) as conn:
            for table, rows in saved.items():
                if rows:
                    upsert(conn, table, rows, [column.name for column in table.primary_key])
    assert any(named in problem for problem in found), found
    assert problems(node) == []


def test_a_damaged_missing_or_stray_photograph(shared: Federation) -> None:
    node = shared[PEER]
    (sha256,) = node.blobs.iterate(POLICE)
    (path,) = Path(node.config.home).rglob(sha256)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    assert any("a photograph is damaged" in problem for problem in problems(node))
    path.unlink()
    assert any("a photograph is missing" in problem for problem in problems(node))
    path.write_bytes(whole)
    stray = node.blobs.put(POLICE, b"nobody's")
    assert any(f"{stray} belongs to no case" in problem for problem in problems(node))
    node.blobs.delete(POLICE, stray)
    assert problems(node) == []


def test_findings_say_what_to_do(shared: Federation) -> None:
    with writing(shared[PEER].engine) as conn:
        row = feeds.find_feed(conn, POLICE, "network")
        assert row is not None
        note = row.note
        conn.execute(feeds.feed.update().where(feeds.feed.c.id == row.id).values(note=b"x"))
    (finding,) = integrity.check(shared[PEER]).findings
    with writing(shared[PEER].engine) as conn:
        conn.execute(feeds.feed.update().where(feeds.feed.c.id == row.id).values(note=note))
    assert (finding.where, "gmcn pull" in finding.next_step) == (f"{POLICE}/network", True)
