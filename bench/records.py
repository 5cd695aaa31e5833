"""The case records of the benchmarks: invented, deterministic, and about 1.5 kB each once published."""

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from node.sandbox.people import countries, invent_case

_KEPT = (
    "names", "sex", "age_at_disappearance", "missing_since", "last_seen", "category", "circumstances", "eyes",
    "height", "contacts", "birth", "risk", "consent", "authority", "review_due", "purge_by",
)  # fmt: skip

SETTINGS = """
[disclosure]
fields.last_seen_exact = "withhold"
"""
"""Lines of node.toml with which a bench node publishes."""


def bench_records(count: int, now: datetime, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Invent records without photographs, of every country and script that the sandbox has."""
    rng = random.Random(seed)
    places = countries()
    while count:
        record = invent_case(rng.choice(places), rng, now=now)
        if record["category"] in ("unaccompanied_migrant", "family_abduction"):
            continue  # whose summaries are short by the rules
        count -= 1
        kept = {name: record[name] for name in _KEPT if name in record}
        for name in ("circumstances", "clothing"):
            if name in kept:
                kept[name] = dict(list(kept[name].items())[:1])
        kept["contacts"] = kept["contacts"][:1]
        kept["authority"] = {**kept["authority"], "name": dict(list(kept["authority"]["name"].items())[:1])}
        yield kept
