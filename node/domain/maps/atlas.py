"""An atlas: the outlines of land, the borders and the larger towns, and what can be asked of them.

Guarantees: what is drawn of a view is never more than `MAX_DOTS` points of outlines, however ragged a coast;
a country is named for a place only where its outline and the nearest town agree.

Leaves to others: where the data come from, and what the drawing looks like. Outlines are those of their
source and say nothing about whose a place is.

Units: degrees of WGS 84; coordinates of outlines are whole numbers of `Atlas.unit` parts of a degree.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import log10
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.fuzz import ratio

from node.domain.maps.geometry import Box, Dot, View, clip_line, clip_ring, metres_between, thin
from node.domain.names.similarity import fold

MAX_DOTS = 2_200
"""Points of outlines in one drawing: about 12 kB of SVG."""

DETAILS = (0.3, 0.09, 0.02, 0.0)
"""Degrees of a unit of the picture from which each level of detail is drawn, the coarsest first."""

MAX_FOUND = 8

Extent = tuple[float, float, float, float]
"""West, south, east and north, in parts of a degree."""

# Points of a line that are left out together where none is in the view.
_PIECE = 48
# Units of the picture that are drawn beyond its edges, so that no edge of an area is seen there.
_MARGIN = 6
# Units of the picture by which points are thinned out: the first that makes the drawing small enough.
_GAPS = (1.0, 1.5, 2.2, 3.5, 6.0, 12.0, 30.0)
# Units of the picture below which an island is left out.
_SPECK = 1.0
# How alike in percent a town's name must be to what is looked for.
_ALIKE = 78
# What a name that is alike gains by a town with ten times the people, in percent.
_WEIGHT = 6
# The furthest that a town counts as near. A place at sea that is so near to one belongs to its country.
_NEAR_M, _SHORE_M = 300_000, 30_000


class Town(NamedTuple):
    """A town, as far as an atlas knows it.

    Attributes:
        country: ISO 3166-1 alpha-2, as its source has it.
        people: how many live there, about.
    """

    name: str
    country: str
    lat: float
    lon: float
    people: int


class Whereabouts(NamedTuple):
    """What is near a place.

    Attributes:
        town: the nearest, where a larger one counts as nearer; None where there is none within 300 km.
        metres: how far that is.
        country: in which the place lies; empty at sea, and where sources differ.
    """

    town: Town | None
    metres: float
    country: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a view shows of the earth.

    Attributes:
        land: areas; a point is on land where an odd number of them covers it.
        borders: lines between countries.
    """

    land: Sequence[Sequence[Dot]]
    borders: Sequence[Sequence[Dot]]


class Detail:
    """All lines at one level of detail, in pieces that are left out together.

    A line that crosses the antimeridian goes on beyond 180 degrees.

    Attributes:
        turn: 360 degrees.
        xs, ys: of every point, line after line.
        starts: where each piece begins; its last point is the next one's first.
        west, south, east, north: of each piece.
        lines: the first piece of each line.
    """

    def __init__(self, lines: Iterable[tuple[Sequence[int], Sequence[int]]], unit: int) -> None:
        self.turn = 360 * unit
        self.xs, self.ys, self.starts, self.stops, self.lines = (array("i") for _ in range(5))
        self.west, self.south, self.east, self.north = (array("i") for _ in range(4))
        for xs, ys in lines:
            self.lines.append(len(self.starts))
            offset = len(self.xs)
            self.xs.extend(xs)
            self.ys.extend(ys)
            for start in range(0, max(1, len(xs) - 1), _PIECE):
                stop = min(start + _PIECE + 1, len(xs))
                self.starts.append(offset + start)
                self.stops.append(offset + stop)
                self.west.append(min(xs[start:stop]))
                self.east.append(max(xs[start:stop]))
                self.south.append(min(ys[start:stop]))
                self.north.append(max(ys[start:stop]))
        self.lines.append(len(self.starts))

    def pieces(self, line: int) -> range:
        """Give the numbers of a line's pieces; of one that runs backwards, ~number, the last first."""
        if line >= 0:
            return range(self.lines[line], self.lines[line + 1])
        return range(self.lines[~line + 1] - 1, self.lines[~line] - 1, -1)

    def joined(self, ring: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Give lines that follow each other, each with what is added to its xs so that it begins where the
        one before it ended."""
        last: int | None = None
        for line in ring:
            pieces = self.pieces(line)
            begin, end = self.starts[pieces[0]], self.stops[pieces[-1]] - 1
            if line < 0:
                begin, end = self.stops[pieces[0]] - 1, self.starts[pieces[-1]]
            shift = 0 if last is None else round((last - self.xs[begin]) / self.turn) * self.turn
            yield line, shift
            last = self.xs[end] + shift

    def extent(self, ring: Sequence[int]) -> Extent:
        """Return how far lines reach that follow each other."""
        found = [
            (west + shift, south, east + shift, north)
            for line, shift in self.joined(ring)
            for west, south, east, north in [self._extent(line if line >= 0 else ~line)]
        ]
        wests, souths, easts, norths = zip(*found, strict=True)
        return min(wests), min(souths), max(easts), max(norths)

    def is_around(self, ring: Sequence[int], x: float, y: float) -> bool:
        """Tell whether lines that form a ring go around a point: a ray to the east crosses them an odd number
        of times."""
        inside = False
        for line, shift in self.joined(ring):
            for piece in self.pieces(line):
                if self.south[piece] <= y <= self.north[piece] and self.east[piece] + shift >= x:
                    inside ^= self._is_crossed(piece, x - shift, y)
        return inside

    def _extent(self, line: int) -> Extent:
        part = slice(self.lines[line], self.lines[line + 1])
        return min(self.west[part]), min(self.south[part]), max(self.east[part]), max(self.north[part])

    def _is_crossed(self, piece: int, x: float, y: float) -> bool:
        xs, ys, odd = self.xs, self.ys, False
        for dot in range(self.starts[piece], self.stops[piece] - 1):
            here, there = ys[dot], ys[dot + 1]
            if (here > y) != (there > y):
                odd ^= x < xs[dot] + (y - here) / (there - here) * (xs[dot + 1] - xs[dot])
        return odd


@dataclass(frozen=True)
class Atlas:
    """The earth as packaged.

    Attributes:
        unit: parts of a degree in which the coordinates of lines are counted.
        details: every line, the coarsest first.
        land: the outlines of land: numbers of lines, ~number where it runs backwards.
        borders: numbers of the lines between two countries.
        countries: the outlines of each country, by its code.
        labels: where to write a country's name, and how wide it is in degrees.
        towns: the largest first.
    """

    unit: int
    details: Sequence[Detail]
    land: Sequence[Sequence[int]]
    borders: Sequence[int]
    countries: Mapping[str, Sequence[Sequence[int]]]
    labels: Mapping[str, tuple[float, float, float]]
    towns: "Towns"

    def draw(self, view: View) -> Drawing:
        """Draw what a view shows."""
        degrees = view.span / view.width
        detail = self.details[next(at for at, least in enumerate(DETAILS) if degrees >= least)]
        land = list(self._land(detail, view))
        borders = list(self._borders(detail, view))
        for gap in _GAPS:
            land = [ring for ring in (thin(dots, gap) for dots in land) if _is_seen(ring, gap)]
            borders = [thin(dots, gap) for dots in borders]
            if sum(map(len, land)) + sum(map(len, borders)) <= MAX_DOTS:
                break
        return Drawing(land, borders)

    def country_at(self, lat: float, lon: float) -> str:
        """Return in whose outline a place lies; empty where it is none, or one without a code."""
        for code, rings in self.countries.items():
            if self._covers(rings, self._country_extents[code], lat, lon):
                return code
        return ""

    def whereabouts(self, lat: float, lon: float) -> Whereabouts:
        """Say what is near a place."""
        town, metres = self.towns.near(lat, lon)
        country = self.country_at(lat, lon)
        if town is None:
            return Whereabouts(None, 0.0, country)
        at_sea = not country and not self._covers(self.land, self._land_extents, lat, lon)
        if at_sea and metres <= _SHORE_M:
            country = town.country
        return Whereabouts(town, metres, country if country == town.country else "")

    def _covers(
        self, rings: Sequence[Sequence[int]], extents: Sequence[Extent], lat: float, lon: float
    ) -> bool:
        """Tell whether an odd number of rings surrounds a place."""
        fine, y, inside = self.details[-1], lat * self.unit, False
        for ring, (west, south, east, north) in zip(rings, extents, strict=True):
            if south <= y <= north:
                for x in (lon * self.unit, lon * self.unit + fine.turn, lon * self.unit - fine.turn):
                    if west <= x <= east:
                        inside ^= fine.is_around(ring, x, y)
        return inside

    def _land(self, detail: Detail, view: View) -> Iterator[list[Dot]]:
        box = _widened(view)
        for shift, window in self._windows(view):
            for ring, extent in zip(self.land, self._land_extents, strict=True):
                if _meets(extent, window) and _is_large(extent, view, self.unit):
                    dots = self._dots(detail, ring, view, shift, window)
                    if found := dots if _holds(window, extent) else clip_ring(dots, box):
                        yield found

    def _borders(self, detail: Detail, view: View) -> Iterator[list[Dot]]:
        box = _widened(view)
        for shift, window in self._windows(view):
            for line, extent in zip(self.borders, self._border_extents, strict=True):
                if _meets(extent, window):
                    dots = self._dots(detail, (line,), view, shift, window)
                    yield from [dots] if _holds(window, extent) else clip_line(dots, box)

    @cached_property
    def _land_extents(self) -> Sequence[Extent]:
        return [self.details[-1].extent(ring) for ring in self.land]

    @cached_property
    def _country_extents(self) -> Mapping[str, Sequence[Extent]]:
        fine = self.details[-1]
        return {code: [fine.extent(ring) for ring in rings] for code, rings in self.countries.items()}

    @cached_property
    def _border_extents(self) -> Sequence[Extent]:
        return [self.details[-1].extent((line,)) for line in self.borders]

    def _windows(self, view: View) -> Iterator[tuple[int, Extent]]:
        """Give what of the flat earth a view shows, and again where it reaches across the antimeridian.

        Yields: by how many degrees longitudes are shifted; west, south, east and north of what is shown.
        """
        degrees = (view.width / 2 + _MARGIN) / view.scale
        tall = (view.height / 2 + _MARGIN) / view.scale
        wide = min(180.0, degrees / view.stretch)
        for shift in (-360, 0, 360):
            west, east = view.lon - wide - shift, view.lon + wide - shift
            south, north = view.lat - tall, view.lat + tall
            yield shift, (west * self.unit, south * self.unit, east * self.unit, north * self.unit)

    def _dots(
        self,
        detail: Detail,
        ring: Sequence[int],
        view: View,
        shift: int,
        window: Extent,
    ) -> list[Dot]:
        """Bring lines into the picture. Of a piece that lies beyond one side of it, only the ends matter."""
        across = view.scale * view.stretch / self.unit
        down = view.scale / self.unit
        left = view.width / 2 + (shift - view.lon) * view.stretch * view.scale
        top = view.height / 2 + view.lat * view.scale
        xs, ys, found = detail.xs, detail.ys, []
        west, south, east, north = window
        for line, turned in detail.joined(ring):
            begin = left + turned * across
            for piece in detail.pieces(line):
                start, stop = detail.starts[piece], detail.stops[piece]
                beyond = (
                    detail.east[piece] + turned < west
                    or detail.west[piece] + turned > east
                    or detail.north[piece] < south
                    or detail.south[piece] > north
                )
                at: Sequence[int] = (start, stop - 1) if beyond else range(start, stop)
                if line < 0:
                    at = at[::-1]
                found += [(begin + xs[dot] * across, top - ys[dot] * down) for dot in at]
        return found


class Towns:
    """Towns, the largest first, as compactly as they can be asked.

    Args:
        others: names in other languages of each of the largest, with | between them.
    """

    def __init__(
        self,
        names: Sequence[str],
        others: Sequence[str],
        countries: Sequence[str],
        lats: Iterable[int],
        lons: Iterable[int],
        people: Iterable[int],
        unit: int,
    ) -> None:
        self._names, self._others = "\n".join(names), "\n".join(others)
        self._ends = array("I", accumulate(len(name) + 1 for name in names))
        self._countries = "".join(countries)
        self._lats, self._lons, self._people = array("i", lats), array("i", lons), array("i", people)
        self._unit = unit

    def __len__(self) -> int:
        return len(self._lats)

    def __getitem__(self, number: int) -> Town:
        start = self._ends[number - 1] if number else 0
        return Town(
            self._names[start : self._ends[number] - 1],
            self._countries[2 * number : 2 * number + 2],
            self._lats[number] / self._unit,
            self._lons[number] / self._unit,
            self._people[number],
        )

    def seen(self, view: View, most: int) -> list[tuple[Town, Dot]]:
        """Return what a view shows, the largest first, and where; no more than so many."""
        found: list[tuple[Town, Dot]] = []
        tall = view.height / view.scale / 2
        south, north = (view.lat - tall) * self._unit, (view.lat + tall) * self._unit
        for number, lat in enumerate(self._lats):
            if south <= lat <= north:
                x, y = view.project(lat / self._unit, self._lons[number] / self._unit)
                if 0 <= x <= view.width:
                    found.append((self[number], (x, y)))
                    if len(found) == most:
                        break
        return found

    def near(self, lat: float, lon: float) -> tuple[Town | None, float]:
        """Return the nearest town and its distance; one with eight times the people counts as half as far."""
        best, metres, least = None, 0.0, float("inf")
        south, north = (lat - 3) * self._unit, (lat + 3) * self._unit
        for number, at in enumerate(self._lats):
            if south < at < north:
                away = metres_between(lat, lon, at / self._unit, self._lons[number] / self._unit)
                felt = away / self._people[number] ** (1 / 3)
                if away < _NEAR_M and felt < least:
                    best, metres, least = number, away, felt
        return (None, 0.0) if best is None else (self[best], metres)

    def find(self, text: str) -> list[Town]:
        """Find towns by the beginning of a name or by how it sounds, in any script; the likeliest first."""
        asked = fold(text)
        if not asked:
            return []
        sounds, whose = self._sounds
        found = [at for at, sound in enumerate(sounds) if sound.startswith(asked)]
        found.sort(key=lambda at: (sounds[at] != asked, whose[at]))
        if not found or (len(found) < MAX_FOUND and sounds[found[0]] != asked):
            alike = process.extract(asked, sounds, scorer=ratio, limit=5 * MAX_FOUND, score_cutoff=_ALIKE)
            alike.sort(key=lambda one: -one[1] - _WEIGHT * log10(self._people[whose[one[2]]]))
            found += [at for _sound, _score, at in alike]
        return [self[number] for number in list(dict.fromkeys(whose[at] for at in found))[:MAX_FOUND]]

    @cached_property
    def _sounds(self) -> tuple[Sequence[str], Sequence[int]]:
        """Every name as it sounds, and whose it is."""
        sounds, whose = [fold(name) for name in self._names.split("\n")], list(range(len(self)))
        for number, names in enumerate(self._others.split("\n")):
            for name in filter(None, names.split("|")):
                sounds.append(fold(name))
                whose.append(number)
        return sounds, array("I", whose)


def _widened(view: View) -> Box:
    return (-_MARGIN, -_MARGIN, view.width + _MARGIN, view.height + _MARGIN)


def _meets(extent: Extent, window: Extent) -> bool:
    west, south, east, north = extent
    return west <= window[2] and east >= window[0] and south <= window[3] and north >= window[1]


def _holds(window: Extent, extent: Extent) -> bool:
    west, south, east, north = extent
    return window[0] <= west and east <= window[2] and window[1] <= south and north <= window[3]


def _is_large(extent: Extent, view: View, unit: int) -> bool:
    """Tell whether an area is more than a speck of the picture."""
    west, south, east, north = extent
    across, down = (east - west) * view.stretch, north - south
    return max(across, down) * view.scale / unit >= _SPECK


def _is_seen(ring: Sequence[Dot], gap: float) -> bool:
    """Tell whether something of an area is left that is worth drawing."""
    return len(ring) > 3 and max(dot[0] for dot in ring) - min(dot[0] for dot in ring) >= gap
