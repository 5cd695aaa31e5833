"""Sheets: the sizes of posters, and how what stands on one is handed to its templates (`layouts/`).

Guarantees: a template gets texts as data and the program's own drawings, never markup; a place is drawn no
finer than the public part has it.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import segno

from node.domain.maps.geometry import Dot, View
from node.services import maps
from node.services.site.poster_column import Column, Text, say

STYLES = ("classic", "action")

_MAP = (480, 300)
_MAP_DEGREES = 2.2  # of latitude across: about 240 km, so that people see where it is
_MOST_TOWNS = 7
_RING = 24
_LEAST_RADIUS_M = 1_000
_DECIMALS = 2
# Letters of one fact, and of the story: no sheet has room for more, and to lay out all that a peer may write
# would take seconds.
_MOST_LETTERS, _MOST_OF_STORY = 300, 2_000
_QUIET = 4  # modules of white around the code, as readers ask for (ISO/IEC 18004)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A size.

    Attributes:
        width, height: in points, of which there are 72 to the inch; for a screen, in pixels.
        pixels_per_inch: of a picture of it.
        unit: what a template measures with, so that it looks alike on every size.
    """

    width: float
    height: float
    pixels_per_inch: float
    unit: float


_MM = 72 / 25.4

FORMATS: Mapping[str, Sheet] = MappingProxyType(
    {
        "A4": Sheet(210 * _MM, 297 * _MM, 120, 1.0),
        "Letter": Sheet(612, 792, 120, 0.98),
        "A3": Sheet(297 * _MM, 420 * _MM, 85, 1.414),
        "1080x1080": Sheet(1080, 1080, 72, 1.6),
        "1080x1920": Sheet(1080, 1920, 72, 1.9),
        "1200x630": Sheet(1200, 630, 72, 1.28),
        "preview": Sheet(210 * _MM, 297 * _MM, 44, 1.0),
    }
)
"""Three sizes of paper; three of pictures: a square, a telephone held upright, what stands beside a link; and
what whoever chooses looks at."""

PAPER = ("A4", "Letter", "A3")
SCREENS = ("1080x1080", "1080x1920", "1200x630")

PREVIEW = "preview"
"""The smallest: what the A4 will look like."""


@cache
def read_layouts() -> Mapping[str, str]:
    """Read the templates. They never change while the program runs."""
    folder = files(__package__).joinpath("layouts")
    return {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".typ")}


def lay_out(
    style: str,
    form: str,
    columns: Sequence[Column],
    contacts: Sequence[Mapping[str, str]],
    sizes: Sequence[tuple[int, int]],
    address: str,
    place: Mapping[str, Any] | None,
    *,
    plain: bool = False,
) -> dict[str, Any]:
    """Return what the templates read.

    Args:
        columns: one for each language, the first in front.
        contacts: of the owner: `kind`, and `value` as it is to be read.
        sizes: of the pictures, width and height.
        address: what the code leads to.
        place: where the child was last seen, for a map; None for a sheet without.
        plain: whether texts of the case are in plain Latin letters: where no font will do.
    """
    sheet = FORMATS[form]
    return {
        "style": style,
        "paper": form not in SCREENS,
        "width": sheet.width,
        "height": sheet.height,
        "unit": sheet.unit,
        "columns": [_column(column, plain=plain) for column in columns],
        "contacts": [dict(contact) for contact in contacts],
        "sizes": [list(size) for size in sizes],
        "address": address,
        "code": draw_code(address),
        "map": _draw_map(place) if place and style == "action" and form not in SCREENS else None,
    }


def draw_code(address: str) -> str:
    """Draw an address as a QR code, SVG. A quarter of it may be dirty."""
    out = io.BytesIO()
    code = segno.make(address, micro=False, error="m", boost_error=True)
    code.save(out, kind="svg", border=_QUIET, dark="#000", light="#fff", xmldecl=False, svgns=True)
    return out.getvalue().decode()


def _column(column: Column, *, plain: bool) -> dict[str, Any]:
    def own(text: str) -> dict[str, Any]:
        return say(Text(text), column.language)

    def of_case(text: Text, most: int = _MOST_LETTERS) -> dict[str, Any]:
        return say(_shorten(text, most), column.language, plain=plain)

    return {
        **own(""),
        **{
            name: own(getattr(column, name))["text"]
            for name in ("headline", "ask", "warning", "scan", "exercise")
        },
        "appeal": say(Text(column.appeal), column.language, plain=plain)["text"],
        "names": [said for name in column.names if (said := of_case(name))["text"]],
        "facts": [[own(name), of_case(value)] for name, value in column.facts],
        "brief": [[own(name), of_case(value)] for name, value in column.brief],
        "story": [own(column.story[0]), of_case(column.story[1], _MOST_OF_STORY)],
        "small": [own(line)["text"] for line in column.small],
        "hours": [own(hours)["text"] for hours in column.hours],
        "pictures": [
            {"caption": own(picture.caption)["text"], "alt": own(picture.alt)["text"] or column.headline}
            for picture in column.pictures
        ],
    }


def _shorten(text: Text, most: int) -> Text:
    return text if len(text.text) <= most else Text(f"{text.text[:most].rstrip()}…", text.language)


def _draw_map(place: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the area in which a child was last seen: a picture without words, and the names that go on it."""
    lat, lon = round(place["lat"], _DECIMALS), round(place["lon"], _DECIMALS)
    radius = max(_LEAST_RADIUS_M, int(place.get("radius_m", 0)))
    view = View.around(lat, lon, _MAP_DEGREES, *_MAP)
    drawn = maps.draw_map(view)
    x, y = view.project(lat, lon)
    area = _path([maps.draw_circle(view, lat, lon, radius)], closed=True)
    land = _path(drawn.drawing.land, closed=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {view.width} {view.height}">',
        f'<rect width="{view.width}" height="{view.height}" fill="#d3dfe6"/>',
        f'<path d="{land}" fill="#fff" fill-rule="evenodd" stroke="#777" stroke-width="1"/>',
        f'<path d="{_path(drawn.drawing.borders)}" fill="none" stroke="#777" stroke-dasharray="4 3"/>',
        f'<path d="{area}" fill="#000" fill-opacity=".15" stroke="#000" stroke-width="2"/>',
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="16" fill="none" stroke="#000" stroke-width="4"/>',
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="#000"/></svg>',
    ]
    return {
        "drawing": "".join(parts),
        "towns": list(_towns(drawn, (x, y))),
        "width": view.width,
        "height": view.height,
    }


def _towns(drawn: maps.Map, middle: Dot) -> Iterator[dict[str, Any]]:
    """Choose towns whose names do not run into each other or over the edge, the largest first; one in the
    ring around the middle has its name outside of it."""
    taken: list[tuple[float, float]] = []
    for town, (x, y) in drawn.towns:
        room = 13 * 0.6 * len(town.name) + 12
        free = all(abs(y - other_y) > 22 or abs(x - other_x) > 130 for other_x, other_y in taken)
        if free and 8 < x < drawn.view.width - room and 14 < y < drawn.view.height - 14:
            taken.append((x, y))
            near = abs(x - middle[0]) < _RING and abs(y - middle[1]) < _RING
            yield {"name": town.name, "x": x, "y": y, "aside": middle[0] - x + _RING if near else 7}
        if len(taken) >= _MOST_TOWNS:
            return


def _path(lines: Iterable[Sequence[Dot]], *, closed: bool = False) -> str:
    end = "z" if closed else ""
    return "".join("M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in dots) + end for dots in lines)
