"""The geometry of small maps: a view of the earth, and what of lines and outlines it shows.

Maps are drawn in the equirectangular projection that is true to scale in the middle of the view. It is
linear, so that a click and a step to the side are one multiplication, and it reaches the poles, which
Mercator does not; a view of a country looks as people expect, and a wide one, true at the equator, like any
map of the world.

Guarantees: every longitude is brought to the view's own side of the antimeridian; whatever is clipped lies
inside the box.

Units: degrees of WGS 84, latitude first; points of a picture are (x, y) from its top left corner.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import asin, atan2, cos, degrees, hypot, pi, radians, sin
from typing import Self

Dot = tuple[float, float]
"""A point of a picture: x to the right, y down."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture."""

WIDEST = 240.0
"""The width of the widest view in degrees; each closer one is half as wide."""

ZOOMS = 10
"""How many views there are from the widest, 0, to the closest, about 50 km wide."""

EARTH_M = 6_371_000
_WIDE = 60
"""Degrees across from which a view is true at the equator."""


@dataclass(frozen=True, slots=True)
class View:
    """A rectangle of the earth as a picture.

    Attributes:
        lat, lon: its middle. It never reaches beyond a pole.
        span: its width in degrees of latitude.
        width, height: of the picture.
    """

    lat: float
    lon: float
    span: float
    width: int
    height: int

    @classmethod
    def around(cls, lat: float, lon: float, span: float, width: int, height: int) -> Self:
        """Look at a place; where a pole is near, the middle moves away from it."""
        reach = max(0.0, 90 - span * height / width / 2)
        return cls(max(-reach, min(reach, lat)), wrap(lon), span, width, height)

    @property
    def scale(self) -> float:
        """Units of the picture per degree of latitude."""
        return self.width / self.span

    @property
    def stretch(self) -> float:
        """The width of a degree of longitude over that of one of latitude."""
        return 1.0 if self.span > _WIDE else cos(radians(self.lat))

    @property
    def frame(self) -> Box:
        """The whole picture."""
        return (0.0, 0.0, float(self.width), float(self.height))

    def project(self, lat: float, lon: float) -> Dot:
        """Return where a place is in the picture, on the side that is nearer."""
        east = wrap(lon - self.lon) * self.stretch
        return self.width / 2 + east * self.scale, self.height / 2 - (lat - self.lat) * self.scale

    def locate(self, x: float, y: float) -> tuple[float, float]:
        """Return the place at a point of the picture; beyond a pole, the pole."""
        lat = self.lat - (y - self.height / 2) / self.scale
        lon = self.lon + (x - self.width / 2) / (self.scale * self.stretch)
        return max(-90.0, min(90.0, lat)), wrap(lon)

    def moved(self, right: float, down: float) -> Self:
        """Look at what is so many units of the picture to the right and further down."""
        lat, lon = self.locate(self.width / 2 + right, self.height / 2 + down)
        return self.around(lat, lon, self.span, self.width, self.height)

    def resized(self, width: int, height: int) -> Self:
        """Show the same in a picture of another size."""
        return replace(self, width=width, height=height)


def span_of(zoom: int) -> float:
    """Return the width of a view by its number, from 0, the widest."""
    return float(WIDEST / 2 ** max(0, min(ZOOMS - 1, zoom)))


def zoom_for(span: float) -> int:
    """Return the closest view that is at least so wide."""
    return next((zoom for zoom in reversed(range(ZOOMS)) if span_of(zoom) >= span), 0)


def wrap(lon: float) -> float:
    """Bring a longitude to -180 up to 180, the latter excluded."""
    return (lon + 180) % 360 - 180


def metres_between(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return how far two places are from each other."""
    half_lat, half_lon = radians(other_lat - lat) / 2, radians(other_lon - lon) / 2
    chord = sin(half_lat) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(half_lon) ** 2
    return 2 * EARTH_M * asin(min(1.0, chord**0.5))


def circle(view: View, lat: float, lon: float, radius_m: float, corners: int = 48) -> list[Dot]:
    """Draw all places within a distance of a place: a circle on the earth, whatever the view makes of it."""
    away, here = radius_m / EARTH_M, radians(lat)
    x, _ = view.project(lat, lon)
    dots = []
    for corner in range(corners):
        bearing = 2 * pi * corner / corners
        there = asin(sin(here) * cos(away) + cos(here) * sin(away) * cos(bearing))
        east = atan2(sin(bearing) * sin(away) * cos(here), cos(away) - sin(here) * sin(there))
        y = view.height / 2 - (degrees(there) - view.lat) * view.scale
        dots.append((x + degrees(east) * view.stretch * view.scale, y))
    if abs(lat) + degrees(away) < 90:
        return dots
    dots.sort()  # a pole lies within: every meridian is crossed once, and the area goes on to the pole
    pole = view.height / 2 - ((90 if lat > 0 else -90) - view.lat) * view.scale
    return [*dots, (dots[-1][0], pole), (dots[0][0], pole)]


def clip_ring(dots: Sequence[Dot], box: Box) -> list[Dot]:
    """Cut an area to a box (Sutherland and Hodgman): nothing is left of one that does not meet it."""
    found = list(dots)
    for axis, bound, sign in _sides(box):
        if not found:
            break
        found = list(_cut_area(found, axis, bound, sign))
    return found


def clip_line(dots: Sequence[Dot], box: Box) -> list[list[Dot]]:
    """Cut a line to a box: the pieces of it that are inside, in order (Liang and Barsky)."""
    pieces: list[list[Dot]] = []
    for start, end in pairwise(dots):
        inside = _cut_segment(start, end, box)
        if inside is None:
            continue
        if pieces and pieces[-1][-1] == inside[0]:
            pieces[-1].append(inside[1])
        else:
            pieces.append([*inside])
    return pieces


def thin(dots: Sequence[Dot], gap: float) -> list[Dot]:
    """Leave out what follows a point more closely than a gap; first and last stay."""
    if len(dots) < 3:
        return list(dots)
    kept = [dots[0]]
    x, y = dots[0]
    for dot in dots[1:-1]:
        if abs(dot[0] - x) >= gap or abs(dot[1] - y) >= gap:
            kept.append(dot)
            x, y = dot
    kept.append(dots[-1])
    return kept


def significance(dots: Sequence[Dot]) -> list[float]:
    """Tell of each point of a line how far the line would move without it (Douglas and Peucker).

    Who keeps the points of at least a tolerance has a line that is nowhere further from the whole one, and
    every smaller tolerance only adds points.
    """
    weights = [0.0] * len(dots)
    if dots:
        weights[0] = weights[-1] = float("inf")
    stack = [(0, len(dots) - 1, float("inf"))]
    while stack:
        first, last, most = stack.pop()
        away, furthest = max(
            ((_off(dots[at], dots[first], dots[last]), at) for at in range(first + 1, last)),
            default=(0.0, -1),
        )
        if furthest >= 0:
            weights[furthest] = min(most, away)
            stack += [(first, furthest, weights[furthest]), (furthest, last, weights[furthest])]
    return weights


def _sides(box: Box) -> tuple[tuple[int, float, int], ...]:
    left, top, right, bottom = box
    return (0, left, 1), (0, right, -1), (1, top, 1), (1, bottom, -1)


def _cut_area(dots: Sequence[Dot], axis: int, bound: float, sign: int) -> Iterator[Dot]:
    """Cut an area at one side of a box."""
    before = dots[-1]
    was_inside = (before[axis] - bound) * sign >= 0
    for dot in dots:
        inside = (dot[axis] - bound) * sign >= 0
        if inside != was_inside:
            part = (bound - before[axis]) / (dot[axis] - before[axis])
            crossing = before[1 - axis] + part * (dot[1 - axis] - before[1 - axis])
            yield (bound, crossing) if axis == 0 else (crossing, bound)
        if inside:
            yield dot
        before, was_inside = dot, inside


def _cut_segment(start: Dot, end: Dot, box: Box) -> tuple[Dot, Dot] | None:
    enter, leave = 0.0, 1.0
    for axis, bound, sign in _sides(box):
        gone, step = (start[axis] - bound) * sign, (end[axis] - start[axis]) * sign
        if step == 0:
            if gone < 0:
                return None
        elif step > 0:
            enter = max(enter, -gone / step)
        else:
            leave = min(leave, -gone / step)
    if enter > leave:
        return None
    return _between(start, end, enter, box), _between(start, end, leave, box)


def _between(start: Dot, end: Dot, part: float, box: Box) -> Dot:
    """Return a point of a line; rounding never leads outside the box."""
    left, top, right, bottom = box
    x, y = start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])
    if part in (0.0, 1.0):
        x, y = end if part else start
    return max(left, min(right, x)), max(top, min(bottom, y))


def _off(dot: Dot, first: Dot, last: Dot) -> float:
    """Return how far a point is from a straight line between two others."""
    along, across = last[0] - first[0], last[1] - first[1]
    length = along * along + across * across
    x, y = dot[0] - first[0], dot[1] - first[1]
    part = max(0.0, min(1.0, (x * along + y * across) / length)) if length else 0.0
    return hypot(x - part * along, y - part * across)
