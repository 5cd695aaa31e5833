"""A map that is pressed: where it looks, where its pin is, and what each button of its form does.

Guarantees: everything works by sending the form, without a script; whatever a form says, the map stays within
the world.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log10
from typing import Self

from node.domain.maps.geometry import ZOOMS, View, span_of, zoom_for
from node.services.maps import Spot
from node.web.maps import HEIGHT, WIDTH

_PIXELS = {"wide": 640, "narrow": 288}
"""How wide the map is that was pressed: see map.css."""

_STEPS = {"west": (-1, 0), "east": (1, 0), "north": (0, -1), "south": (0, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The map as somebody left it, and the pin on it.

    Attributes:
        lat, lon: of the pin, as typed; empty where there is none.
        middle_lat, middle_lon, zoom: of the view.
    """

    lat: str = ""
    lon: str = ""
    middle_lat: float = 0
    middle_lon: float = 0
    zoom: int = 0

    @property
    def pin(self) -> tuple[float, float] | None:
        """Where the pin is; None where there is none."""
        try:
            return read_degrees(self.lat, 90), read_degrees(self.lon, 180)
        except ValueError:
            return None

    @property
    def view(self) -> View:
        """What is shown."""
        return View.around(self.middle_lat, self.middle_lon, span_of(self.zoom), WIDTH, HEIGHT)

    @property
    def is_closest(self) -> bool:
        """Whether there is nothing closer to see."""
        return self.zoom == ZOOMS - 1

    @property
    def is_widest(self) -> bool:
        """Whether there is nothing more to see."""
        return self.zoom == 0

    def looking(self, view: View) -> Self:
        """Look elsewhere."""
        return replace(self, middle_lat=round(view.lat, 4), middle_lon=round(view.lon, 4))

    def pinned(self, lat: float, lon: float) -> Self:
        """Put the pin somewhere, as exactly as this view can tell."""
        digits = max(1, ceil(-log10(self.view.span / WIDTH)))
        return replace(self, lat=f"{lat:.{digits}f}", lon=f"{lon:.{digits}f}")

    def done(self, form: Mapping[str, str], found: Sequence[Spot]) -> Self:
        """Do what a button says, or a press on the map.

        Args:
            form: as it was sent.
            found: the places that were shown to choose from.
        """
        do, view = form.get("do", ""), self.view
        if spot := _pressed(form):
            return self.pinned(*view.locate(*spot))
        if do in _STEPS:
            right, down = _STEPS[do]
            return self.looking(view.moved(right * WIDTH / 3, down * HEIGHT / 3))
        if do in ("closer", "farther"):
            step = 1 if do == "closer" else -1
            return replace(self, zoom=max(0, min(ZOOMS - 1, self.zoom + step)))
        if do == "pin":
            return self.pinned(view.lat, view.lon)
        if do == "drag":
            return self.looking(view.moved(-_number(form, "drag.x"), -_number(form, "drag.y")))
        number = do.removeprefix("spot-")
        if number != do and number.isascii() and number.isdecimal() and int(number[:3]) < len(found):
            return self.going_to(found[int(number[:3])])
        return self

    def going_to(self, spot: Spot) -> Self:
        """Go to a place that was found: to a town with the pin, to a country without."""
        board = replace(self, middle_lat=spot.lat, middle_lon=spot.lon, zoom=zoom_for(spot.span))
        return replace(board, lat=f"{spot.lat:.3f}", lon=f"{spot.lon:.3f}") if spot.name else board


def read_degrees(text: str, most: int) -> float:
    """Read degrees that somebody typed.

    Raises:
        ValueError: they are none, or too many.
    """
    degrees = float(text.replace(",", ".").removesuffix("°"))
    if not -most <= degrees <= most:
        raise ValueError("out of range")
    return degrees


def _pressed(form: Mapping[str, str]) -> tuple[float, float] | None:
    """Return where the map was pressed, in units of the picture. A keyboard presses its corner: the middle is
    meant then."""
    for name, pixels in _PIXELS.items():
        if f"{name}.x" in form:
            x, y = _number(form, f"{name}.x"), _number(form, f"{name}.y")
            if (x, y) == (0, 0):
                return WIDTH / 2, HEIGHT / 2
            return x * WIDTH / pixels, y * WIDTH / pixels
    return None


def _number(form: Mapping[str, str], name: str) -> float:
    text = form.get(name, "")
    return (
        float(max(-2000, min(2000, int(text)))) if text.removeprefix("-").isdecimal() and len(text) < 9 else 0
    )
