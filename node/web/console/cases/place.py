"""Choosing on a map where a child was last seen.

The map stands in the page, and what is looked at is kept in the draft, encrypted like the rest of it: no
address and no log holds a place. Everything works by sending the form; a script only spares the new page.

Guarantees: the case's own fields change when the place is used, and not before.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, log10
from typing import Any, Self

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from node.domain.geometry import ZOOMS, View, span_of, zoom_for
from node.domain.permissions import Permission
from node.errors import NotFound
from node.services import maps
from node.services.register import drafts
from node.services.register.drafts import Draft
from node.web.cases.text import show_country
from node.web.console.base.forms import Form, kept_fields
from node.web.console.base.guard import needs, person, this_node
from node.web.console.base.writing import line
from node.web.console.cases.maps import country_names, say_place
from node.web.languages import show_number
from node.web.maps import HEIGHT, WIDTH, draw_area, draw_middle, draw_pin, draw_svg

pages = Blueprint("case_place", __name__)

KEPT = "on_map"
"""Where in a draft it is kept what somebody looks at."""

COUNTRY = "country"
PRECISIONS: Sequence[tuple[str, Any]] = (
    ("50", lazy_gettext("exactly here, within 50 m")),
    ("1000", lazy_gettext("about here, within 1 km")),
    ("5000", lazy_gettext("somewhere in this town, within 5 km")),
    ("50000", lazy_gettext("somewhere in this region, within 50 km")),
    (COUNTRY, lazy_gettext("only the country is known")),
)
_PIXELS = {"wide": 640, "narrow": 288}
"""How wide the map is that was pressed: see map.css."""

_METRES_PER_DEGREE = 111_195
_STEPS = {"west": (-1, 0), "east": (1, 0), "north": (0, -1), "south": (0, 1)}
_CLOSE = 6
_LARGEST_M = 1_000_000


@dataclass(frozen=True, slots=True)
class Board:
    """The map as somebody left it, and the pin on it.

    Attributes:
        lat, lon: of the pin, as typed; empty where there is none.
        precision: metres, or `COUNTRY`.
        middle_lat, middle_lon, zoom: of the view.
        begun: the coordinates in the form when somebody came from it; this map is old once others are there.
        asked: the name that was looked for.
    """

    begun: str
    lat: str
    lon: str
    precision: str
    middle_lat: float
    middle_lon: float
    zoom: int
    asked: str = ""

    @classmethod
    def of(cls, draft: Draft) -> Self:
        """Return what was kept in a draft; else what its fields say."""
        seen = draft.typed.get("last_seen") or {}
        begun = " ".join(str(seen.get(name, "")) for name in ("lat", "lon", "radius_m"))
        kept = draft.typed.get(KEPT)
        if kept and kept["begun"] == begun:
            return cls(**kept)
        lat, lon = str(seen.get("lat", "")), str(seen.get("lon", ""))
        precision = str(seen.get("radius_m", "")) or "1000"
        known = precision.isdecimal() and int(precision[:8]) <= _LARGEST_M
        board = cls(begun, lat, lon, precision if known else "1000", 0, 0, 0)
        if board.pin:
            return board.centred()
        country = str(seen.get("country", "")).strip()
        code = next((code for code, name in country_names().items() if country in (code, name)), "")
        view = maps.view_of_country(code or this_node().entry().country, WIDTH, HEIGHT)
        return replace(board, middle_lat=view.lat, middle_lon=view.lon, zoom=zoom_for(view.span))

    @property
    def pin(self) -> tuple[float, float] | None:
        """Where the pin is; None where there is none."""
        try:
            return read_degrees(self.lat, 90), read_degrees(self.lon, 180)
        except ValueError:
            return None

    @property
    def radius_m(self) -> int:
        """How large the area around the pin is; 0 where it is not drawn."""
        return int(self.precision) if self.precision.isdecimal() else 0

    @property
    def view(self) -> View:
        """What is shown."""
        return View.around(self.middle_lat, self.middle_lon, span_of(self.zoom), WIDTH, HEIGHT)

    def looking(self, view: View) -> Self:
        """Look elsewhere."""
        return replace(self, middle_lat=round(view.lat, 4), middle_lon=round(view.lon, 4))

    def centred(self) -> Self:
        """Look at the pin, from so far that the area around it is seen."""
        lat, lon = self.pin or (self.middle_lat, self.middle_lon)
        zoom = min(self.zoom or _CLOSE, zoom_for(3 * self.radius_m / _METRES_PER_DEGREE))
        return replace(self, middle_lat=round(lat, 4), middle_lon=round(lon, 4), zoom=zoom)

    def pinned(self, lat: float, lon: float) -> Self:
        """Put the pin somewhere, as exactly as this view can tell."""
        digits = max(1, ceil(-log10(self.view.span / WIDTH)))
        return replace(self, lat=f"{lat:.{digits}f}", lon=f"{lon:.{digits}f}")


class PlaceForm(Form):
    """What is typed beside the map."""

    asked = StringField(
        lazy_gettext("Find a town or a country"),
        [Length(max=80, message=lazy_gettext("Use at most %(max)d characters."))],
        filters=[line],
        render_kw={"autocomplete": "off"},
    )
    lat = StringField(
        lazy_gettext("Latitude"),
        description=lazy_gettext("Degrees, like -23.55. South of the equator with a minus."),
        filters=[line],
        render_kw={"autocomplete": "off", "inputmode": "decimal", "dir": "ltr"},
    )
    lon = StringField(
        lazy_gettext("Longitude"),
        description=lazy_gettext("Degrees, like -46.63. West of Greenwich with a minus."),
        filters=[line],
        render_kw={"autocomplete": "off", "inputmode": "decimal", "dir": "ltr"},
    )
    precision = SelectField(
        lazy_gettext("How exactly is it known?"), validate_choice=False, render_kw={"data-resend": ""}
    )

    def validate_lat(self, field: StringField) -> None:
        """Check that it is a latitude, and not alone."""
        _check_degrees(field.data, 90, self.lon.data, _("Write degrees from -90 to 90, like -23.55."))

    def validate_lon(self, field: StringField) -> None:
        """Check that it is a longitude, and not alone."""
        _check_degrees(field.data, 180, self.lat.data, _("Write degrees from -180 to 180, like -46.63."))

    def validate_precision(self, field: SelectField) -> None:
        """Check that it is one of the list."""
        if field.data not in [choice.value for choice in field.choices]:
            raise ValidationError(_("Choose one of the list."))


@pages.route("/cases/unfinished/<draft_id>/place", methods=["GET", "POST"])
@needs(Permission.WRITE_CASES)
def choose(draft_id: str) -> Response | str:
    """Show the map, and keep what was done to it."""
    node = this_node()
    try:
        draft = drafts.find_draft(node, person(), draft_id)
    except NotFound:
        flash(_("This is not unfinished any more, or it is somebody else's."), "warning")
        return redirect(url_for("cases.index"), 303)
    board, form = Board.of(draft), PlaceForm()
    form.precision.choices = _precisions(board)
    if not form.validate_on_submit():
        if request.method == "GET" and kept_fields() is None:
            form.process(data=asdict(board))
        return _show(draft, board, form)
    board = _typed(board, form)
    if request.form.get("do") == "use":
        return _use(draft, board, form)
    drafts.keep_draft(node, person(), draft, {**draft.typed, KEPT: asdict(_done(board))})
    return redirect(url_for(".choose", draft_id=draft.id, _anchor="board"), 303)


def read_degrees(text: str, most: int) -> float:
    """Read degrees that somebody typed.

    Raises:
        ValueError: they are none, or too many.
    """
    degrees = float(text.replace(",", ".").removesuffix("°"))
    if not -most <= degrees <= most:
        raise ValueError("out of range")
    return degrees


def _check_degrees(text: str, most: int, other: str, wrong: str) -> None:
    if not text and not other:
        return
    try:
        read_degrees(text, most)
    except ValueError:
        raise ValidationError(wrong) from None


def _precisions(board: Board) -> list[SelectChoice]:
    """Give the choices: what was typed elsewhere stays one of them."""
    own = board.precision
    choices = [SelectChoice(value, label) for value, label in PRECISIONS]
    if own in dict(PRECISIONS):
        return choices
    return [SelectChoice(own, _("within %(metres)s m", metres=show_number(int(own)))), *choices]


def _typed(board: Board, form: PlaceForm) -> Board:
    """Take over what was typed; a place that was typed anew is looked at."""
    lat, lon = form.lat.data, form.lon.data
    moved = (lat, lon, form.precision.data) != (board.lat, board.lon, board.precision)
    board = replace(board, lat=lat, lon=lon, precision=form.precision.data, asked=form.asked.data)
    return board.centred() if moved and board.pin else board


def _done(board: Board) -> Board:
    """Do what a button says, or a press on the map."""
    do, view = request.form.get("do", ""), board.view
    if spot := _pressed():
        return board.pinned(*view.locate(*spot))
    if do in _STEPS:
        right, down = _STEPS[do]
        return board.looking(view.moved(right * WIDTH / 3, down * HEIGHT / 3))
    if do in ("closer", "farther"):
        step = 1 if do == "closer" else -1
        return replace(board, zoom=max(0, min(ZOOMS - 1, board.zoom + step)))
    if do == "pin":
        return board.pinned(view.lat, view.lon)
    if do == "drag":
        return board.looking(view.moved(-_number("drag.x"), -_number("drag.y")))
    if do.startswith("spot-"):
        return _go_to(board, do.removeprefix("spot-"))
    return board


def _go_to(board: Board, number: str) -> Board:
    """Go to a place that was found: to a town with the pin, to a country without."""
    found = maps.find_spots(board.asked, country_names())
    if not number.isascii() or not number.isdecimal() or int(number[:3]) >= len(found):
        return board
    spot = found[int(number[:3])]
    board = replace(board, middle_lat=spot.lat, middle_lon=spot.lon, zoom=zoom_for(spot.span), asked="")
    return replace(board, lat=f"{spot.lat:.3f}", lon=f"{spot.lon:.3f}") if spot.name else board


def _pressed() -> tuple[float, float] | None:
    """Return where the map was pressed, in units of the picture. A keyboard presses its corner: the middle is
    meant then."""
    for name, pixels in _PIXELS.items():
        if f"{name}.x" in request.form:
            x, y = _number(f"{name}.x"), _number(f"{name}.y")
            if (x, y) == (0, 0):
                return WIDTH / 2, HEIGHT / 2
            return x * WIDTH / pixels, y * WIDTH / pixels
    return None


def _number(name: str) -> float:
    text = request.form.get(name, "")
    return (
        float(max(-2000, min(2000, int(text)))) if text.removeprefix("-").isdecimal() and len(text) < 9 else 0
    )


def _use(draft: Draft, board: Board, form: PlaceForm) -> Response | str:
    """Write the place into the fields of the case."""
    seen = dict(draft.typed.get("last_seen") or {})
    if board.precision == COUNTRY:
        seen |= {"lat": "", "lon": "", "radius_m": ""}
    elif board.pin is None:
        form.lat.errors = [_("Press on the map, or type where it is.")]
        return _show(draft, board, form)
    else:
        lat, lon = board.pin
        seen |= {
            "lat": f"{lat:g}" if abs(lat) < 1e-4 else str(lat),
            "lon": str(lon),
            "radius_m": board.precision,
        }
        seen["country"] = seen.get("country") or maps.say_where(lat, lon).country
    typed = {name: value for name, value in draft.typed.items() if name != KEPT}
    drafts.keep_draft(this_node(), person(), draft, {**typed, "last_seen": seen})
    flash(_("The place is in the form now. It is stored with the case when you finish the form."))
    section = url_for("case_drafts.section", draft_id=draft.id, key="disappearance", _anchor="last_seen")
    if request.headers.get("HX-Request"):  # a script sent it, and would look for the map in the other page
        return Response(status=204, headers={"HX-Redirect": section})
    return redirect(section, 303)


def _show(draft: Draft, board: Board, form: PlaceForm) -> str:
    view, pin = board.view, board.pin
    marks = [draw_middle(view)]
    if pin is not None and board.precision != COUNTRY:
        marks += [draw_area(maps.draw_circle(view, *pin, board.radius_m)), draw_pin(view, *pin)]
    found = maps.find_spots(board.asked, country_names())
    return render_template(
        "cases/place.html",
        form=form,
        draft=draft,
        svg=draw_svg(maps.draw_map(view), show_country, marks),
        said=say_place(*pin) if pin and board.precision != COUNTRY else _("There is no pin on the map."),
        middle=say_place(view.lat, view.lon),
        asked=board.asked,
        found=[(spot, show_country(spot.country)) for spot in found],
        is_closest=board.zoom == ZOOMS - 1,
        is_widest=board.zoom == 0,
    )
