"""The earth as packaged with this program: `world.json.gz`. `SOURCES.txt` says whose data it is, `making` how
it is made.

Guarantees: it is read once, and only when somebody looks at a map.
"""

import gzip
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import accumulate, compress
from typing import Any

import orjson

from node.domain.maps.atlas import DETAILS, Atlas, Detail, Towns

FILE = "world.json.gz"


@cache
def load_atlas() -> Atlas:
    """Read the atlas. It never changes while the program runs, so everybody shares one."""
    held: dict[str, Any] = orjson.loads(gzip.decompress(files(__package__).joinpath(FILE).read_bytes()))
    towns = held["towns"]
    return Atlas(
        unit=held["unit"],
        details=[Detail(_read_lines(held, level), held["unit"]) for level in range(len(DETAILS))],
        land=held["land"],
        borders=held["borders"],
        countries=held["countries"],
        labels={code: (lat, lon, size) for code, (lat, lon, size) in held["labels"].items()},
        towns=Towns(
            towns["names"],
            towns["others"],
            towns["countries"],
            accumulate(towns["lats"]),
            accumulate(towns["lons"]),
            (people * 1000 for people in towns["thousands"]),
            held["unit"],
        ),
    )


def _read_lines(held: Mapping[str, Any], level: int) -> Iterator[tuple[list[int], list[int]]]:
    """Read the points of every line that belong to a level of detail.

    A point is written as its steps to the east and to the north from the one before it, and the coarsest
    level that has it.
    """
    kept = held["levels"].encode().translate(bytes(chr(at) <= str(level) for at in range(256)))
    start = 0
    for size in held["sizes"]:
        part = slice(start, start + size)
        xs, ys = (compress(accumulate(held[name][part]), kept[part]) for name in ("east", "north"))
        yield list(xs), list(ys)
        start += size
