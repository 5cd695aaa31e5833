"""The members on a map of the world: where each is, and how it stands, in a shape and not in colour alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import cos, hypot, pi, sin
from types import MappingProxyType
from typing import Any

from babel import Locale
from flask import url_for
from flask_babel import get_locale, lazy_gettext
from flask_babel import gettext as _
from markupsafe import Markup

from node.domain.maps.geometry import Dot, View, span_of, wrap
from node.services import maps
from node.services.maps import Map
from node.services.status.outlook import MemberOverview, Outlook
from node.web.languages import said
from node.web.maps import HEIGHT, WIDTH, draw_svg

_SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "own": "M0-9l2.6 6 6.4.6-4.8 4.3 1.4 6.3L0 4.9l-5.6 3.3 1.4-6.3L-9-2.4l6.4-.6z",
        "fresh": "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0z",
        "stale": "M0-9l9 9-9 9-9-9z",
        "silent": "M0-9l9 16H-9z",
        "stopped": "M-8-8h16v16h-16zm3 5l3 3-3 3 2 2 3-3 3 3 2-2-3-3 3-3-2-2-3 3-3-3z",
        "other": "M-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0zm4 0a4 4 0 1 1 8 0a4 4 0 1 1-8 0z",
    }
)
"""Outlines of the marks around their middle, in units of the picture."""

_SHAPE_OF: Mapping[Outlook, str] = MappingProxyType(
    {
        Outlook.FRESH: "fresh",
        Outlook.STALE: "stale",
        Outlook.SILENT: "silent",
        Outlook.DOWN: "silent",
        Outlook.STOPPED: "stopped",
        Outlook.QUARANTINED: "stopped",
    }
)

_LEGEND: Mapping[str, Any] = MappingProxyType(
    {
        "own": lazy_gettext("this member"),
        "fresh": lazy_gettext("fresh"),
        "stale": lazy_gettext("stale"),
        "silent": lazy_gettext("silent, or not reached"),
        "stopped": lazy_gettext("stopped or quarantined"),
        "other": lazy_gettext("not accepted, not active, or nothing yet"),
    }
)
_APART = 22.0


@dataclass(frozen=True, slots=True)
class MemberMap:
    """The members on a map.

    Attributes:
        legend: each mark that is there, drawn, with what it means.
        missing: names of members whose country no map has.
    """

    svg: Markup
    legend: Sequence[tuple[Markup, str]]
    missing: Sequence[str]


def draw_members(
    own_country: str, members: Sequence[MemberOverview], names: Mapping[Outlook, Any]
) -> MemberMap:
    """Draw every member, and this one."""
    places = [(found, maps.place_of_country(found.peer.country)) for found in members]
    home = maps.place_of_country(own_country)
    shown = _base(_view([place for _found, place in places if place] + ([home] if home else [])))
    marks: list[Markup] = []
    used: set[str] = set()
    taken: list[Dot] = []
    if home:
        used.add("own")
        marks.append(_mark("own", _free(_above(shown.view.project(*home)), taken)))
    for found, place in places:
        if place is None:
            continue
        shape = _SHAPE_OF.get(found.outlook, "other")
        used.add(shape)
        there = _above(shown.view.project(*place))
        dot = _free(there, taken)
        about = _("%(name)s: %(state)s", name=said(found.peer.names), state=names[found.outlook])
        address = url_for("federation.show", member_id=found.peer.member)
        lead = Markup('<path class="lead" d="M{:.0f} {:.0f}L{:.0f} {:.0f}"/>').format(*there, *dot)
        marks.append(
            (lead if dot != there else Markup(""))
            + Markup('<a href="{}" aria-label="{}"><title>{}</title>{}</a>').format(
                address, about, about, _mark(shape, dot)
            )
        )
    svg = draw_svg(shown, _country, marks, _("Map of the members"), group=True)
    legend = [(_sample(shape), str(text)) for shape, text in _LEGEND.items() if shape in used]
    return MemberMap(svg, legend, [said(found.peer.names) for found, place in places if place is None])


def _country(code: str) -> str:
    return str((get_locale() or Locale("en")).territories.get(code, code))


@lru_cache(8)
def _base(view: View) -> Map:
    """Draw what is under the members, without towns: it changes only when members come and go."""
    return replace(maps.draw_map(view), towns=())


def _view(places: Sequence[tuple[float, float]]) -> View:
    """Choose the closest view that shows all of these places."""
    widest = View.around(10, 10, span_of(0), WIDTH, HEIGHT)
    if not places:
        return widest
    lats = [lat for lat, _lon in places]
    lat, lon = (min(lats) + max(lats)) / 2, min(range(-180, 180, 5), key=lambda lon: _reach(lon, places))
    for zoom in reversed(range(5)):
        view = View.around(lat, lon, span_of(zoom), WIDTH, HEIGHT)
        if all(_is_inside(view, *place) for place in places):
            return view
    return View.around(10, 10, 360, WIDTH, WIDTH // 2)


def _reach(lon: float, places: Sequence[tuple[float, float]]) -> float:
    """Return how far the furthest place is from a meridian, in degrees."""
    return max(abs(wrap(there - lon)) for _lat, there in places)


def _is_inside(view: View, lat: float, lon: float) -> bool:
    x, y = view.project(lat, lon)
    return 30 <= x <= view.width - 30 and 20 <= y <= view.height - 20


def _above(dot: Dot) -> Dot:
    """Leave the name of the country readable."""
    return dot[0], dot[1] - 16


def _free(dot: Dot, taken: list[Dot]) -> Dot:
    """Find room for a mark: where it belongs, else as near to it as nobody is yet."""
    for ring in range(12):
        for step in range(max(1, 6 * ring)):
            angle = 2 * pi * step / max(1, 6 * ring)
            there = dot[0] + ring * _APART / 2 * cos(angle), dot[1] + ring * _APART / 2 * sin(angle)
            if all(hypot(there[0] - x, there[1] - y) >= _APART for x, y in taken):
                taken.append(there)
                return there
    return dot


def _mark(shape: str, dot: Dot) -> Markup:
    return Markup('<path class="mark {}" transform="translate({:.0f} {:.0f})" d="{}"/>').format(
        shape, *dot, _SHAPES[shape]
    )


def _sample(shape: str) -> Markup:
    return Markup('<svg class="sample" viewBox="0 0 24 24" aria-hidden="true">{}</svg>').format(
        _mark(shape, (12, 12))
    )
