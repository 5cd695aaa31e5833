"""Maps that are drawn here, of data that came with the program: nobody else learns where somebody looks.

Guarantees: nothing is asked of another host; nothing is kept of what was looked at.

Leaves to others: what a map looks like, and its words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node.adapters.world import load_atlas
from node.domain.maps.atlas import MAX_FOUND, Drawing, Town, Whereabouts
from node.domain.maps.geometry import EARTH_M, Dot, View, circle, span_of, zoom_for
from node.domain.names.similarity import fold

MOST_TOWNS = 60
"""Towns of a view that a map may choose from, the largest."""

_METRES_PER_DEGREE = EARTH_M * 3.141592653589793 / 180
# The closest views of a place: with a town near enough to tell where that is, and without.
_CLOSE, _LONELY = 8, 6
_NEAR_M = 30_000
# How much wider than a circle a view is that shows where it lies.
_ROOM = 5


@dataclass(frozen=True, slots=True)
class Map:
    """A view and what it shows.

    Attributes:
        towns: the largest first, with where they are in the picture.
        countries: their codes, where their names go, and how much room there is for them.
    """

    view: View
    drawing: Drawing
    towns: Sequence[tuple[Town, Dot]]
    countries: Sequence[tuple[str, Dot, float]]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that was found by its name.

    Attributes:
        name: empty for a country.
        span: width in degrees of a view that shows it.
        people: how many live there, about; 0 where that is not told.
    """

    name: str
    country: str
    lat: float
    lon: float
    span: float
    people: int = 0


def prepare() -> None:
    """Do once what the first map and the first search for a place would otherwise wait for."""
    draw_map(view_of(0, 0, 0, 1, 1))
    load_atlas().towns.find("a")


def draw_map(view: View) -> Map:
    """Draw what a view shows."""
    atlas = load_atlas()
    left, top, right, bottom = view.frame
    names = []
    for code, (lat, lon, size) in atlas.labels.items():
        x, y = view.project(lat, lon)
        if left <= x <= right and top <= y <= bottom:
            names.append((code, (x, y), size * view.scale))
    names.sort(key=lambda name: -name[2])
    return Map(view, atlas.draw(view), atlas.towns.seen(view, MOST_TOWNS), names)


def draw_circle(view: View, lat: float, lon: float, radius_m: float) -> list[Dot]:
    """Draw where within a view a place lies that is known so exactly."""
    return circle(view, lat, lon, radius_m)


def view_of(lat: float, lon: float, radius_m: float, width: int, height: int) -> View:
    """Choose the view that shows where a circle lies: what is around it, and all of it."""
    found = say_where(lat, lon)
    closest = _CLOSE if found.town and found.metres < _NEAR_M else _LONELY
    zoom = min(closest, zoom_for(_ROOM * 2 * radius_m / _METRES_PER_DEGREE))
    return View.around(lat, lon, span_of(zoom), width, height)


def view_of_country(code: str, width: int, height: int) -> View:
    """Choose the view that shows a country; the widest where it is not known."""
    label = load_atlas().labels.get(code)
    if label is None:
        return View.around(0, 0, span_of(0), width, height)
    lat, lon, size = label
    return View.around(lat, lon, span_of(zoom_for(2.5 * size)), width, height)


def place_of_country(code: str) -> tuple[float, float] | None:
    """Return where a country's name stands on maps; None for one that no map has."""
    label = load_atlas().labels.get(code)
    return None if label is None else (label[0], label[1])


def say_where(lat: float, lon: float) -> Whereabouts:
    """Say what is near a place."""
    return load_atlas().whereabouts(lat, lon)


def find_spots(text: str, countries: Mapping[str, str]) -> list[Spot]:
    """Find towns and countries by a name in any script, the likeliest first.

    Args:
        countries: names of countries by their codes, in the reader's language.
    """
    atlas, asked = load_atlas(), fold(text)
    if not asked:
        return []
    spots = []
    for code, (lat, lon, size) in atlas.labels.items():
        if code in countries and fold(countries[code]).startswith(asked):
            spots.append(Spot("", code, lat, lon, span_of(zoom_for(2.5 * size))))
    towns = [
        Spot(town.name, town.country, town.lat, town.lon, span_of(6), town.people)
        for town in atlas.towns.find(text)
    ]
    return [*spots[:3], *towns][:MAX_FOUND]
