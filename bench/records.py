"""The case records of the benchmarks: invented, deterministic, and about 1.5 kB each once published."""

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from node.sandbox.people import countries, invent_case

_KEPT = (
    "names", "sex", "age_at_disappearance", "missing_since", "last_seen", "category", "circumstances",
    "contacts", "birth", "risk", "consent", "authority", "review_due", "purge_by",
)  # fmt: skip
_NAME = ("full", "kind", "lang", "script", "transliteration_of")

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
        kept["circumstances"] = _first(kept["circumstances"])
        kept["authority"] = {**kept["authority"], "name": _first(kept["authority"]["name"])}
        kept["contacts"] = [{"kind": "police", "value": kept["contacts"][0]["value"]}]
        seen = {key: value for key, value in kept["last_seen"].items() if key != "place"}
        kept["last_seen"] = {**seen, "area": _first(seen["area"])} if "area" in seen else seen
        kept["names"] = [{key: name[key] for key in _NAME if key in name} for name in kept["names"]]
        kept["consent"] = {**kept["consent"], "scope": ["network"]}
        kept["risk"] = {**kept["risk"], "factors": []}
        yield kept


def _first(texts: dict[str, Any]) -> dict[str, Any]:
    """Keep the original of a text, without its translations."""
    return dict(list(texts.items())[:1])
