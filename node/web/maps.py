"""What a map looks like: SVG that stands in a page, for every application of this node.

Guarantees: no style and no script inside, colours are the style sheet's (`static/map.css`); every text is
escaped; a map weighs less than 20 kB. It stands in the page itself and has no address of its own, so that no
address says where somebody looked.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from node.domain.maps.geometry import Dot, View
from node.services.maps import Map

WIDTH, HEIGHT = 480, 360
"""Units of the picture: 640 pixels wide on a large screen, and 288 on a small one."""

_MOST_LARGE, _MOST_NAMES = 9, 24
# Height of letters, in units, on small screens and on large ones.
_LARGE, _SMALL = 21.0, 11.5
_LETTER = 0.56
_PIN = "m0 0c-3-8-10-13-10-21a10 10 0 0 1 20 0c0 8-7 13-10 21z"


@dataclass(frozen=True, slots=True)
class _Name:
    """A name on a map.

    Attributes:
        kind: class of the style sheet.
        anchor: "start", "middle" or "end".
        extra: whether there is room for it on large screens only.
    """

    text: str
    dot: Dot
    kind: str
    anchor: str
    extra: bool


def draw_svg(
    drawn: Map,
    name_country: Callable[[str], str],
    marks: Iterable[Markup],
    label: str = "",
    *,
    group: bool = False,
) -> Markup:
    """Draw a map.

    Args:
        marks: what is drawn on top of it.
        label: what it shows, for those who do not see it; without one it is left out for them.
        group: whether there are links among the marks.
    """
    view = drawn.view
    about = Markup('aria-hidden="true"')
    if label:
        about = Markup('role="{}" aria-label="{}"').format("group" if group else "img", label)
    return Markup("").join(
        [
            Markup('<svg class="map" viewBox="0 0 {} {}" direction="ltr" {}>').format(
                view.width, view.height, about
            ),
            Markup('<rect class="sea" width="{}" height="{}"/>').format(view.width, view.height),
            Markup('<path class="land" d="{}"/>').format(_path(drawn.drawing.land, closed=True)),
            Markup('<path class="border" d="{}"/>').format(_path(drawn.drawing.borders)),
            Markup('<g aria-hidden="true">'),
            *_names(drawn, name_country),
            Markup("</g>"),
            *marks,
            Markup("</svg>"),
        ]
    )


def draw_pin(view: View, lat: float, lon: float) -> Markup:
    """Draw a pin at a place."""
    x, y = view.project(lat, lon)
    return Markup(
        '<path class="pin" d="M{:.0f} {:.0f}{}"/><circle class="pin-eye" cx="{:.0f}" cy="{:.0f}" r="3.5"/>'
    ).format(x, y, _PIN, x, y - 21)


def draw_middle(view: View) -> Markup:
    """Draw a cross in the middle."""
    return Markup('<path class="middle" d="M{:.0f} {:.0f}h16m-8-8v16"/>').format(
        view.width / 2 - 8, view.height / 2
    )


def draw_area(dots: Sequence[Dot]) -> Markup:
    """Draw the area within which something lies."""
    return Markup('<path class="area" d="{}"/>').format(_path([dots], closed=True))


def _path(lines: Iterable[Sequence[Dot]], *, closed: bool = False) -> str:
    """Write lines as a path of whole units."""
    parts = []
    for dots in lines:
        x, y = round(dots[0][0]), round(dots[0][1])
        steps = [f"M{x} {y}l"]
        for dot in dots[1:]:
            to_x, to_y = round(dot[0]), round(dot[1])
            if (to_x, to_y) != (x, y):
                steps.append(f"{to_x - x}{' ' if to_y >= y else ''}{to_y - y} ")
                x, y = to_x, to_y
        if len(steps) > 1:
            parts.append("".join(steps).rstrip() + ("z" if closed else ""))
    return "".join(parts)


def _names(drawn: Map, name_country: Callable[[str], str]) -> Iterator[Markup]:
    """Write as many names as there is room for, the most important first."""
    taken = _Taken(drawn.view)
    candidates = list(_candidates(drawn, name_country))
    for size, most, extra in ((_LARGE, _MOST_LARGE, False), (_SMALL, _MOST_NAMES, True)):
        for choices in candidates:
            name = next((one for one in choices if taken.is_free(one, size)), None)
            if name is None or len(taken.names) >= most or taken.has(name):
                continue
            taken.take(_Name(name.text, name.dot, name.kind, name.anchor, extra), size)
    for name in taken.names:
        shown = f"{name.kind} extra" if name.extra else name.kind
        x, y = name.dot
        if name.kind == "town":
            yield Markup('<circle class="{}" cx="{:.0f}" cy="{:.0f}" r="2.5"/>').format(shown, x, y)
        aside = {"start": 6, "middle": 0, "end": -6}[name.anchor]
        yield Markup('<text class="{}" x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text>').format(
            shown, x + aside, y + 4, name.anchor, escape(name.text)
        )


def _candidates(drawn: Map, name_country: Callable[[str], str]) -> Iterator[list[_Name]]:
    """Give every name with the places where it may stand. Countries come first where they are small."""
    wide = drawn.view.span > 20
    countries = [
        [_Name(name_country(code), dot, "country", "middle", False)]
        for code, dot, room in drawn.countries
        if room > _SMALL * (1 if wide else 4)
    ]
    towns = [
        [_Name(town.name, dot, "town", anchor, False) for anchor in ("start", "end")]
        for town, dot in drawn.towns
    ]
    yield from countries
    yield from towns if drawn.view.span < 70 else []


class _Taken:
    """The room that names have taken."""

    def __init__(self, view: View) -> None:
        self.names: list[_Name] = []
        self._boxes: list[tuple[float, float, float, float]] = []
        self._view = view

    def has(self, name: _Name) -> bool:
        """Tell whether this is written already."""
        return any(other.text == name.text and other.dot == name.dot for other in self.names)

    def is_free(self, name: _Name, size: float) -> bool:
        """Tell whether there is room for a name."""
        left, top, right, bottom = _room(name, size)
        if left < 0 or right > self._view.width or top < 0 or bottom > self._view.height:
            return False
        return not any(
            left < box[2] and right > box[0] and top < box[3] and bottom > box[1] for box in self._boxes
        )

    def take(self, name: _Name, size: float) -> None:
        """Write a name."""
        self.names.append(name)
        self._boxes.append(_room(name, size))


def _room(name: _Name, size: float) -> tuple[float, float, float, float]:
    x, y = name.dot
    wide = len(name.text) * size * _LETTER
    left = {"start": x - 3, "middle": x - wide / 2, "end": x - wide - 6}[name.anchor]
    return left, y - size * 0.6, left + wide + (0 if name.anchor == "middle" else 9), y + size * 0.6
