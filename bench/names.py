"""How well names are found across scripts: recall and precision on `bench/names/corpus.json`.

Every name of the corpus is stored in one of its spellings, among distractors made of other given and family
names, and looked for in its other spellings, through the same search that a node answers with.

    python -m bench.names            a table
    python -m bench.names --json     one object
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import cycle, islice
from pathlib import Path

from sqlalchemy import Connection

from node.domain.searchable import SearchEntry, entry_of
from node.store.database import metadata, open_database, reading, writing
from node.store.search.finding import find
from node.store.search.index import create_indexes, index_many, search_entry, search_text
from node.store.search.query import Query

CORPUS = Path(__file__).parent / "names" / "corpus.json"
GOAL = 0.9
_FIRST = 10


def row(case: str, name: str) -> SearchEntry:
    """Make the row of a case of which only the name is known."""
    return entry_of(
        {"case": case, "updated_at": "2026-01-01T00:00:00Z"},
        {"names": [{"full": name}]},
        source="replica",
        feed_id=1,
        owner="police.xa.example",
        country="XA",
        status="published",
    )


def measure(distractors: int, rounds: int) -> dict[str, float]:
    """Store, ask, and count.

    Args:
        distractors: how many other names lie around.
        rounds: how often all is done, each time with other spellings stored and asked.
    """
    corpus = json.loads(CORPUS.read_text(encoding="utf-8"))
    groups: list[list[str]] = corpus["groups"]
    others = [
        f"{one} {two}" for one in corpus["distractors"]["given"] for two in corpus["distractors"]["family"]
    ]
    random.Random(1).shuffle(others)
    others = corpus["distractors"]["whole"] + list(islice(cycle(others), distractors))
    asked = found = first = answered = 0
    started = time.perf_counter()
    for turn in range(rounds):
        stored = [(turn * 5 + number) % len(group) for number, group in enumerate(groups)]
        rows = [row(f"other/{at}", name) for at, name in enumerate(others)]
        rows += [
            row(f"group/{n}", group[at]) for n, (group, at) in enumerate(zip(groups, stored, strict=True))
        ]
        random.Random(turn).shuffle(rows)  # who is looked for is neither the newest nor the oldest
        with _indexed(rows) as connection:
            for number, group in enumerate(groups):
                for at in range(turn % 3, len(group), 3):
                    if at == stored[number]:
                        continue
                    query = Query(today=date(2026, 1, 1), name=group[at], limit=_FIRST)
                    hits = [hit.case_id for hit in find(connection, query)]
                    asked += 1
                    answered += bool(hits)
                    found += f"group/{number}" in hits
                    first += hits[:1] == [f"group/{number}"]
    return {
        "names": len(groups),
        "spellings": sum(map(len, groups)),
        "distractors": len(others),
        "questions": asked,
        "recall_at_10": round(found / asked, 4),
        "precision_at_1": round(first / answered, 4),
        "goal_recall_at_10": GOAL,
        "seconds": round(time.perf_counter() - started, 1),
    }


@contextmanager
def _indexed(rows: Iterable[SearchEntry]) -> Iterator[Connection]:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/names.db")
        with writing(engine) as connection:
            metadata.create_all(connection, tables=[search_entry, search_text])
            create_indexes(connection)
            index_many(connection, rows)
        with reading(engine) as connection:
            yield connection
        engine.dispose()


def main() -> int:
    """Measure, print, and say by the exit code whether the goal is met."""
    parser = argparse.ArgumentParser(description="Recall and precision of names across scripts.")
    parser.add_argument(
        "--distractors", type=int, default=5_000, help="other names in the search (default 5000)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="stored spellings to try (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    result = measure(options.distractors, options.rounds)
    if options.json:
        print(json.dumps(result))
    else:
        for field, value in result.items():
            print(f"{field.replace('_', ' '):<20}{value:>10}")
    return 0 if result["recall_at_10"] >= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
