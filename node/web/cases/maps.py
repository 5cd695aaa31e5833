"""Places of a case on a map, and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from node.services import maps
from node.web.cases.text import show_country
from node.web.languages import show_number
from node.web.maps import HEIGHT, WIDTH, draw_area, draw_pin, draw_svg

_AT_M = 3_000


@dataclass(frozen=True, slots=True)
class PlaceMap:
    """A map of one place.

    Attributes:
        caption: what it shows, in words.
    """

    svg: Markup
    caption: str


def map_of(place: Mapping[str, Any] | None) -> PlaceMap | None:
    """Draw where a place of a case lies; None where its coordinates are not known."""
    if not place or "lat" not in place or "lon" not in place:
        return None
    lat, lon, radius = float(place["lat"]), float(place["lon"]), float(place.get("radius_m", 0))
    view = maps.view_of(lat, lon, radius, WIDTH, HEIGHT)
    area = draw_area(maps.draw_circle(view, lat, lon, radius)) if radius else Markup("")
    caption = say_place(lat, lon)
    if radius:
        caption = _("Somewhere within %(metres)s m of %(place)s", metres=show_number(radius), place=caption)
    svg = draw_svg(maps.draw_map(view), show_country, [area, draw_pin(view, lat, lon)], caption)
    return PlaceMap(svg, caption)


def say_place(lat: float, lon: float) -> str:
    """Say where a place is: "48.86 N, 2.35 E; near Paris, France"."""
    north = (
        _("%(degrees)s N", degrees=_degrees(lat)) if lat >= 0 else _("%(degrees)s S", degrees=_degrees(lat))
    )
    east = (
        _("%(degrees)s E", degrees=_degrees(lon)) if lon >= 0 else _("%(degrees)s W", degrees=_degrees(lon))
    )
    position, found = _and(north, east), maps.say_where(lat, lon)
    country = show_country(found.country) if found.country else ""
    if found.town is None:
        return _("%(position)s; in %(country)s", position=position, country=country) if country else position
    town = _and(found.town.name, country) if country else found.town.name
    if found.metres < _AT_M:
        return str(_("%(position)s; near %(town)s", position=position, town=town))
    kilometres = show_number(round(found.metres / 1000))
    return str(
        _(
            "%(position)s; %(kilometres)s km from %(town)s",
            position=position,
            kilometres=kilometres,
            town=town,
        )
    )


def country_names() -> Mapping[str, str]:
    """Return the names of countries in the reader's language, by their codes."""
    names: Mapping[str, str] = (get_locale() or Locale("en")).territories
    return {code: name for code, name in names.items() if len(code) == 2}


def _and(first: str, second: str) -> str:
    return str(_("%(first)s, %(second)s", first=first, second=second))


def _degrees(value: float) -> str:
    return show_number(round(abs(value), 2))
