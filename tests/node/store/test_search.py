"""The search on both databases: what is found, in which order, and what an erasure leaves behind."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event, text

from node.domain.searchable import EVERYBODY, SearchEntry, entry_of
from node.errors import InvalidInput
from node.store.database import metadata, open_database, scrub, writing
from node.store.search import finding, public
from node.store.search.finding import count, find, find_and_count
from node.store.search.index import (
    create_indexes,
    drop_indexes,
    hide_feed,
    index_many,
    purge,
    remove_many,
    search_entry,
    search_text,
)
from node.store.search.names import _FEW
from node.store.search.public import list_public, list_public_parts
from node.store.search.query import Query
from tests.databases import new_pg_database

TODAY = date(2026, 11, 21)


def entry(
    case: str, name: str = "", *, feed: int | None = 1, status: str = "live", **public: Any
) -> SearchEntry:
    """Make a row; what is not given is absent from the summary."""
    if name:
        public["names"] = [{"full": name}]
    head = {"case": case, "updated_at": public.pop("updated_at", "2026-11-01T00:00:00Z")}
    country = public.pop("country", "FR")
    return entry_of(
        head,
        public,
        source="own" if feed is None else "replica",
        feed_id=feed,
        owner=f"police.{country.lower()}.example",
        country=country,
        status=status,
    )


def said(words: str, tag: str = "en") -> dict[str, Any]:
    return {tag: {"text": words, "origin": "original"}}


def create(engine: Engine) -> None:
    with writing(engine) as connection:
        metadata.create_all(connection, tables=[search_entry, search_text])
        create_indexes(connection)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The tables of the search, once of each kind; no test leaves a row in them."""
    with ExitStack() as stack:
        address = f"sqlite:///{tmp_path_factory.mktemp('search') / 'node.db'}"
        if request.param == "postgresql":
            address = stack.enter_context(new_pg_database(request.getfixturevalue("pg_server")))
        engine = open_database(address)
        create(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def connection(shared: Engine) -> Iterator[Connection]:
    with writing(shared) as opened:
        yield opened
        opened.rollback()


def cases(connection: Connection, **wanted: Any) -> list[str]:
    query = Query(today=TODAY, **wanted)
    found = [hit.case_id for hit in find(connection, query)]
    assert count(connection, query) == len(found)
    return found


def test_an_empty_summary_is_found_by_nothing_but_its_head(connection: Connection) -> None:
    index_many(connection, [entry("a/1")])
    assert cases(connection) == ["a/1"]
    for wanted in ({"sex": 1}, {"age_min": 0}, {"missing_within_years": 200}, {"near": (0, 0, 20_000_000)}):
        assert cases(connection, **wanted) == []


def test_filters(connection: Connection) -> None:
    lyon = {"country": "FR", "lat": 45.76, "lon": 4.84, "radius_m": 5_000, "place": said("Lyon")}
    index_many(
        connection,
        [
            entry(
                "a/1",
                sex=1,
                missing_since="2024-03-05",
                age_at_disappearance={"min": 7, "max": 7, "unit": "year"},
            ),
            entry("a/2", sex=2, missing_since="2010~", category="runaway", photos=[{}], country="UA"),
            entry(
                "a/3",
                last_seen=lyon,
                age_at_disappearance={"min": 8, "max": 10, "unit": "month"},
                status="held",
            ),
            entry("own/1", feed=None),
        ],
    )
    assert cases(connection, sex=2) == ["a/2"]
    assert cases(connection, country="UA") == ["a/2"]
    assert cases(connection, owner="police.ua.example") == ["a/2"]
    assert cases(connection, category="runaway") == ["a/2"]
    assert cases(connection, has_photo=True) == ["a/2"]
    assert cases(connection, status="held") == ["a/3"]
    assert cases(connection, seen_in="FR") == ["a/3"]
    assert cases(connection, countries=["FR"], seen_in="FR") == ["a/3"]
    assert set(cases(connection, countries=["UA", "FR"])) >= {"a/2", "a/3"}
    assert cases(connection, countries=["UA"]) == ["a/2"]
    assert cases(connection, countries=["XX"]) == []
    assert cases(connection, source="own") == ["own/1"]
    assert cases(connection, missing_within_years=3) == ["a/1"]
    assert cases(connection, age_min=7, age_max=7) == ["a/1"]
    assert cases(connection, age_max=0) == ["a/3"]
    assert cases(connection, age_min=9, age_max=10, age_when="now") == ["a/1"]
    assert cases(connection, age_max=8, age_when="now") == []
    assert cases(connection, near=(45.7, 4.9, 10_000)) == ["a/3"]
    assert cases(connection, near=(43.3, 5.37, 10_000)) == []


def test_near_reaches_across_the_date_line(connection: Connection) -> None:
    index_many(connection, [entry("a/1", last_seen={"lat": -17.0, "lon": 179.9})])
    assert cases(connection, near=(-17.0, -179.9, 30_000)) == ["a/1"]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("Red jacket, blue jeans", "JACK red"),
        ("Куртка красная", "красная"),
        ("Zuletzt in Köln gesehen", "koln"),
        ("最后一次在北京市海淀区出现", "海淀"),
        ("最后一次在北京市海淀区出现", "京"),
        ("新宿駅の近くで", "駅の"),
        ("เห็นครั้งสุดท้ายที่สถานีรถไฟ", "สถานี"),
        ("लड़की ने लाल कोट पहना", "लड़की"),
        ("شوهد آخر مرة قرب المحطة", "المحطة"),
    ],
)
def test_words_of_any_script(connection: Connection, words: str, asked: str) -> None:
    index_many(connection, [entry("a/1", circumstances=said(words)), entry("a/2", clothing=said("nothing"))])
    assert cases(connection, text=asked) == ["a/1"]
    assert cases(connection, text=asked + " nowhere") == []


def test_place_is_apart_from_text_and_known_in_latin(connection: Connection) -> None:
    index_many(
        connection,
        [
            entry("a/1", last_seen={"place": said("Київ")}),
            entry("a/2", circumstances=said("phoned from Kiiv")),
        ],
    )
    assert cases(connection, place="kiiv") == ["a/1"]
    assert cases(connection, place="Київ") == ["a/1"]
    assert set(cases(connection, text="kiiv")) == {"a/1", "a/2"}


def test_newest_first_and_pages_do_not_overlap(connection: Connection) -> None:
    rows = [entry(f"a/{day:02}", updated_at=f"2026-10-{day:02}T00:00:00Z") for day in (3, 1, 2, 5, 4)]
    index_many(connection, rows)
    assert cases(connection) == ["a/05", "a/04", "a/03", "a/02", "a/01"]
    pages = [find(connection, Query(today=TODAY, limit=2, offset=at)) for at in (0, 2, 4, 6)]
    assert [hit.case_id for page in pages for hit in page] == ["a/05", "a/04", "a/03", "a/02", "a/01"]


@pytest.mark.parametrize(
    "asked", ["Олена Шевченко", "Shevchenko Olena", "Szewczenko", "올레나 셰우첸코", "אולנה שבצ'נקו"]
)
def test_names_across_scripts(connection: Connection, asked: str) -> None:
    others = ["Arjun Patel", "王小明", "Olha Tkachuk", "Maria Garcia", "يوسف دمير"]
    index_many(connection, [entry(f"b/{name}", name) for name in others])
    index_many(connection, [entry("a/1", "Olena Shevchenko", sex=2)])
    assert cases(connection, name=asked)[0] == "a/1"
    assert cases(connection, name=asked, sex=2) == ["a/1"]
    assert "a/1" not in cases(connection, name=asked, sex=1)


def test_many_of_one_name_do_not_hide_the_filtered_one(connection: Connection) -> None:
    index_many(connection, [entry("a/first", "Maria Garcia", country="MT")])
    index_many(connection, [entry(f"b/{n}", "Maria Garcia") for n in range(2_500)])
    assert cases(connection, name="Мария Гарсия", country="MT") == ["a/first"]


@pytest.mark.parametrize(
    ("called", "asked"),
    [
        ("Park Jiyoung", "Park Ji-young"),
        ("Park Ji-young", "Park Jiyoung"),
        ("Abdurrahman Haddad", "عبد الرحمن حداد"),
        ("عبد الرحمن حداد", "Abdurrahman Haddad"),
        ("Li Bingbing", "Li Bing Bing"),
        ("A. Garcia", "A. L. Garcia"),
        ("Fatma Ben Ali", "파티마 베날리"),
        ("Cecilia Lima", "Cecilia Carvalho Lima"),
    ],
)
def test_many_who_share_one_word_do_not_hide_who_is_called_so(
    connection: Connection, called: str, asked: str
) -> None:
    index_many(connection, [entry("a/first", called)])
    words = [*called.split(), *asked.split()]
    index_many(connection, [entry(f"b/{n}", f"{words[n % len(words)]} Mzhavanadze") for n in range(1_000)])
    assert find(connection, Query(today=TODAY, name=asked, limit=1))[0].case_id == "a/first"


def test_one_word_of_three_is_enough_where_few_have_it(connection: Connection) -> None:
    index_many(connection, [entry("a/1", "Carvalho"), entry("a/2", "Iris Blom")])
    assert cases(connection, name="Cecilia Carvalho Lima") == ["a/1"]


def test_one_word_of_three_is_not_looked_at_where_enough_have_two(connection: Connection) -> None:
    index_many(connection, [entry("a/1", "Carvalho")])
    index_many(connection, [entry(f"b/{n}", "Cecilia Lima") for n in range(_FEW)])
    found = find(connection, Query(today=TODAY, name="Cecilia Carvalho Lima", limit=100))
    assert {hit.case_id for hit in found} == {f"b/{n}" for n in range(_FEW)}


def test_what_is_an_article_when_read_together_is_a_name_all_the_same(connection: Connection) -> None:
    index_many(connection, [entry("a/1", "A L"), entry("a/2", "Iris Blom")])
    assert cases(connection, name="A. L.") == ["a/1"]


def test_indexing_again_replaces(connection: Connection) -> None:
    assert index_many(connection, [entry("a/1", "Olena"), entry("a/1", "Arjun")]) == 1
    index_many(connection, [entry("a/1", "Mariam", circumstances=said("station"))])
    index_many(connection, [entry("a/1", "Daniel", feed=2), entry("a/1", "Thabo", feed=None)])
    assert cases(connection, name="Olena") == []
    assert cases(connection, name="Arjun") == []
    assert cases(connection, name="Mariam") == ["a/1"]
    assert len(cases(connection)) == 3


def test_hidden_rows_are_not_found(connection: Connection) -> None:
    index_many(connection, [entry("a/1", "Olena"), entry("a/2", "Olena"), entry("a/3", "Olena", feed=2)])
    assert hide_feed(connection, 1) == 2
    assert cases(connection, name="Olena") == cases(connection) == ["a/3"]
    assert hide_feed(connection, 1, hidden=False) == 2
    assert set(cases(connection)) == {"a/1", "a/2", "a/3"}


def test_removal(connection: Connection) -> None:
    index_many(connection, [entry("a/1", "Olena"), entry("a/2", "Olena"), entry("own/1", "Olena", feed=None)])
    assert remove_many(connection, "replica", 1, ["a/1"]) == 1
    assert remove_many(connection, "replica", 1, ["a/1", "own/1"]) == 0
    assert set(cases(connection, name="Olena")) == {"a/2", "own/1"}
    assert remove_many(connection, "own", None, ["own/1"]) == 1
    assert cases(connection) == ["a/2"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "a" * 1_000_000},
        {"text": "a" * 1_000_000},
        {"place": "北" * 1_000_000},
        {"country": "F\x00"},
        {"limit": 0},
        {"limit": 201},
        {"offset": -1},
        {"near": (91, 0, 1)},
        {"near": (float("nan"), 0, 1)},
        {"age_min": -1},
    ],
)
def test_impossible_questions_are_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        Query(today=TODAY, **wanted)
    assert len(refused.value.problems) == 1
    assert "aaa" not in refused.value.problems[0]


HOSTILE = [
    '"',
    "' OR 1=1 --",
    "NEAR(a b)",
    "names_fold:x",
    "* ^ + -",
    "a AND NOT",
    "\x00",
    "a\x00b",
    "🧒🏽",
    "\ud800",
    "%_\\",
    "§",
    "|",
    # Latin letters and consonants of these are many times as long.
    "张" * 200,
    "ξ" * 200,
    "㍿" * 200,
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_questions_find_nothing_and_break_nothing(connection: Connection, hostile: str) -> None:
    index_many(connection, [entry("a/1", "Zoe Quist", last_seen={"place": said("Umeå")})])
    for field in ("name", "text", "place"):
        assert cases(connection, **{field: hostile}) == []


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_are_indexed_and_break_nothing(connection: Connection, hostile: str) -> None:
    index_many(connection, [entry("a/1", hostile.replace("\x00", "").replace("\ud800", ""))])
    assert cases(connection, name=hostile) in ([], ["a/1"])
    assert cases(connection) == ["a/1"]


def _sqlite(path: Path) -> Engine:
    engine = open_database(f"sqlite:///{path}")
    create(engine)
    return engine


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=120))
@example("\x00")
def test_any_text_can_be_indexed_and_asked(tmp_path: Path, words: str) -> None:
    path = tmp_path / "any.db"
    path.unlink(missing_ok=True)
    engine = _sqlite(path)
    with writing(engine) as connection:
        row = entry("a/1", words, circumstances=said(words), last_seen={"place": said(words)})
        index_many(connection, [row])
        for field in ("name", "text", "place"):
            find(connection, Query(today=TODAY, **{field: words}))
        remove_many(connection, "replica", 1, ["a/1"])
    purge(engine)
    engine.dispose()


def _terms(connection: Connection) -> set[str]:
    connection.execute(text("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, search_fts, row)"))
    terms = set(connection.execute(text("SELECT term FROM terms")).scalars())
    connection.execute(text("DROP TABLE temp.terms"))
    return terms


SECRET = entry(
    "a/gone",
    "Xzibqorwin Vyxhudgam",
    circumstances=said("qvajzerty wukmopsid"),
    last_seen={"place": said("Ykvzoburg")},
)
# Folds, skeletons, words and the case id, as they would lie in a file in small letters.
TRACES = ("xzib", "bqor", "vyxh", "hudg", "qvaj", "wukm", "ykvz", "a/gone", "xzi", "vyx", "qva", "ykv")
BONES = tuple(word.lower() for word in SECRET.names_skeleton.split())


@pytest.mark.parametrize("kept", [0, 40])
def test_erasure_leaves_nothing_in_the_file(tmp_path: Path, kept: int) -> None:
    engine = _sqlite(tmp_path / "node.db")
    others = [entry(f"b/{n}", f"Maria Garcia {n}", circumstances=said("red")) for n in range(kept)]
    for batch in (others, [SECRET], [entry("b/last", "Ana Lima")]):
        with writing(engine) as connection:
            index_many(connection, batch)
    with writing(engine) as connection:
        assert {"¬xzibqorwin", "¬vyxhudgam", "qvajzerty", "§ykvzoburg"} <= _terms(connection)
        assert {f"¤{word}" for word in BONES} <= _terms(connection)
        assert remove_many(connection, "replica", 1, ["a/gone"]) == 1
    purge(engine)
    with writing(engine) as connection:
        left = _terms(connection)
    assert scrub(engine)
    engine.dispose()
    assert not {term for term in left if any(trace in term for trace in TRACES + BONES)}
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir()).lower()
    for trace in TRACES + BONES:
        assert trace.encode() not in raw, trace


def test_erasure_leaves_nothing_in_the_files_of_postgresql(pg_url: str) -> None:
    engine = open_database(pg_url)
    create(engine)
    with writing(engine) as connection:
        index_many(connection, [entry(f"b/{n}", f"Maria Garcia {n}") for n in range(40)])
        index_many(connection, [SECRET])
    scrub(engine)
    # The directory of this database alone: the write-ahead log beside it turns over by the server's settings.
    with engine.connect() as connection:
        folder = connection.execute(text("SHOW data_directory")).scalar_one()
        number = connection.execute(
            text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar_one()
    files = Path(folder) / "base" / str(number)
    assert TRACES[0].encode() in _raw(engine, files)
    with writing(engine) as connection:
        assert remove_many(connection, "replica", 1, ["a/gone"]) == 1
    purge(engine)
    scrub(engine)
    raw = _raw(engine, files)
    engine.dispose()
    for trace in TRACES[:8]:
        assert trace.encode() not in raw, trace


def _raw(engine: Engine, files: Path) -> bytes:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
    return b"".join(path.read_bytes() for path in files.iterdir()).lower()


def test_indexes_come_and_go(connection: Connection) -> None:
    drop_indexes(connection)
    create_indexes(connection)
    index_many(connection, [entry("a/1", "Olena")])
    assert cases(connection, name="Olena") == ["a/1"]


def test_the_public_gets_who_went_missing_last_and_a_count_that_stops(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MAX_COUNT", 4)
    rows = [
        entry(f"a/{day}", missing_since=f"2026-10-{day:02}", sex=1 + day % 2, circumstances=said("red"))
        for day in range(1, 10)
    ]
    index_many(connection, [row._replace(shown_to=EVERYBODY) for row in rows])
    index_many(connection, [entry("staff/1", sex=1, circumstances=said("red"))])
    for words in (None, "red"):  # by the index of those who went missing last, and by words
        asked = {"today": TODAY, "public": True, "text": words, "limit": 2}
        pages = [find_and_count(connection, Query(**asked, offset=at)) for at in (0, 2, 8, 10)]
        shown = [[hit.case_id for hit in hits] for hits, _total in pages]
        assert shown == [["a/9", "a/8"], ["a/7", "a/6"], ["a/1"], []]
        assert [total for _hits, total in pages] == [4, 4, 9, 4]  # the end is known once it is seen
        boys = Query(**asked, sex=1)
        assert [hit.case_id for hit in find(connection, boys)] == ["a/8", "a/6"]
        assert count(connection, boys) == 4
    long_gone = Query(today=TODAY, public=True, missing_for_years=1)
    assert find_and_count(connection, long_gone) == ([], 0)


def test_the_index_of_the_public_answers_filters_alone(tmp_path: Path) -> None:
    engine = _sqlite(tmp_path / "node.db")
    asked = Query(
        today=TODAY, public=True, country="FR", seen_in="FR", countries=["FR"], sex=1, category="runaway",
        missing_within_years=3, missing_for_years=1, age_min=3, age_max=6,
    )  # fmt: skip
    statements: list[tuple[str, Any]] = []
    with writing(engine) as connection:
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2:4]))
        find_and_count(connection, asked)
        (walk,) = statements
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {walk[0]}", walk[1]).all()
    engine.dispose()
    assert any("USING COVERING INDEX ix_search_entry_since" in row[3] for row in plan), plan


def test_parts_without_anything_public_are_not_listed(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public, "PART_ROWS", 3)
    assert list_public_parts(connection) == []
    shown = [entry(f"a/{number}")._replace(shown_to=EVERYBODY) for number in range(9)]
    index_many(connection, shown[:4])
    index_many(connection, [entry(f"staff/{number}") for number in range(6)])
    index_many(connection, shown[4:])
    parts = {part: list_public(connection, part) for part in list_public_parts(connection)}
    assert [case for listed in parts.values() for case, _changed in listed] == [f"a/{n}" for n in range(9)]
    assert all(parts.values())
    assert set(parts) < set(range(max(parts) + 1))


def test_many_of_one_name_are_all_found_newest_first(connection: Connection) -> None:
    rows = [entry(f"a/{n:02}", "Maria Garcia", updated_at=f"2026-10-{n:02}T00:00:00Z") for n in range(1, 21)]
    index_many(connection, [*rows, entry("b/1", "Mario Garcez")])
    found = cases(connection, name="Мария Гарсия", limit=21)
    assert found[:20] == [f"a/{n:02}" for n in range(20, 0, -1)]
