"""Choosing on a map where a child was last seen.

The map stands in the page, and what is looked at is kept in the draft, encrypted like the rest of it: no
address and no log holds a place. Everything works by sending the form; a script only spares the new page.

Guarantees: the case's own fields change when the place is used, and not before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from node.domain.maps.geometry import zoom_for
from node.domain.permissions import Permission
from node.errors import NotFound
from node.services import maps
from node.services.maps import Spot
from node.services.register import drafts
from node.services.register.drafts import Draft, Typed
from node.web.board import Board, read_degrees
from node.web.cases.maps import country_names, say_place
from node.web.cases.text import show_country
from node.web.console.base.forms import Form, kept_fields
from node.web.console.base.guard import needs, person, this_node
from node.web.languages import show_number
from node.web.maps import HEIGHT, WIDTH, draw_area, draw_middle, draw_pin, draw_svg
from node.web.writing import line

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
_METRES_PER_DEGREE = 111_195
_CLOSE = 6
_LARGEST_M = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftBoard(Board):
    """The map beside the fields of a draft.

    Attributes:
        precision: metres, or `COUNTRY`.
        begun: the coordinates in the form when somebody came from it; this map is old once others are there.
        asked: the name that was looked for.
    """

    begun: str
    precision: str
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
        known = precision.isdecimal() and len(precision) < 8 and int(precision) <= _LARGEST_M
        board = cls(begun=begun, lat=lat, lon=lon, precision=precision if known else "1000")
        if board.pin:
            return board.centred()
        country = str(seen.get("country", "")).strip()
        code = next((code for code, name in country_names().items() if country in (code, name)), "")
        view = maps.view_of_country(code or this_node().entry().country, WIDTH, HEIGHT)
        return replace(board, middle_lat=view.lat, middle_lon=view.lon, zoom=zoom_for(view.span))

    @property
    def radius_m(self) -> int:
        """How large the area around the pin is; 0 where it is not drawn."""
        return int(self.precision) if self.precision.isdecimal() else 0

    def centred(self) -> Self:
        """Look at the pin, from so far that the area around it is seen."""
        lat, lon = self.pin or (self.middle_lat, self.middle_lon)
        zoom = min(self.zoom or _CLOSE, zoom_for(3 * self.radius_m / _METRES_PER_DEGREE))
        return replace(self, middle_lat=round(lat, 4), middle_lon=round(lon, 4), zoom=zoom)

    def going_to(self, spot: Spot) -> Self:
        """Go to a place that was found, and show no others any more."""
        board = Board.going_to(self, spot)
        return replace(board, asked="")


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
    board, form = DraftBoard.of(draft), PlaceForm()
    form.precision.choices = _precisions(board)
    if not form.validate_on_submit():
        if request.method == "GET" and kept_fields() is None:
            form.process(data=asdict(board))
        return _show(draft, board, form)
    board = _typed(board, form)
    if request.form.get("do") == "use":
        return _use(draft, board, form)
    board = board.done(request.form, _found(board))
    drafts.keep_draft(node, person(), draft_id, lambda typed: {**typed, KEPT: asdict(board)})
    return redirect(url_for(".choose", draft_id=draft.id, _anchor="board"), 303)


def _check_degrees(text: str, most: int, other: str, wrong: str) -> None:
    if not text and not other:
        return
    try:
        read_degrees(text, most)
    except ValueError:
        raise ValidationError(wrong) from None


def _precisions(board: DraftBoard) -> list[SelectChoice]:
    """Give the choices: what was typed elsewhere stays one of them."""
    own = board.precision
    choices = [SelectChoice(value, label) for value, label in PRECISIONS]
    if own in dict(PRECISIONS):
        return choices
    return [SelectChoice(own, _("within %(metres)s m", metres=show_number(int(own)))), *choices]


def _typed(board: DraftBoard, form: PlaceForm) -> DraftBoard:
    """Take over what was typed; a place that was typed anew is looked at."""
    lat, lon = form.lat.data, form.lon.data
    moved = (lat, lon, form.precision.data) != (board.lat, board.lon, board.precision)
    board = replace(board, lat=lat, lon=lon, precision=form.precision.data, asked=form.asked.data)
    return board.centred() if moved and board.pin else board


def _use(draft: Draft, board: DraftBoard, form: PlaceForm) -> Response | str:
    """Write the place into the fields of the case."""
    country = ""
    if board.precision == COUNTRY:
        place = {"lat": "", "lon": "", "radius_m": ""}
    elif board.pin is None:
        form.lat.errors = [_("Press on the map, or type where it is.")]
        return _show(draft, board, form)
    else:
        lat, lon = board.pin
        place = {
            "lat": f"{lat:g}" if abs(lat) < 1e-4 else str(lat),
            "lon": str(lon),
            "radius_m": board.precision,
        }
        country = maps.say_where(lat, lon).country
    drafts.keep_draft(this_node(), person(), draft.id, lambda typed: _with_place(typed, place, country))
    flash(_("The place is in the form now. It is stored with the case when you finish the form."))
    section = url_for("case_drafts.section", draft_id=draft.id, key="disappearance", _anchor="last_seen")
    if request.headers.get("HX-Request"):  # a script sent it, and would look for the map in the other page
        return Response(status=204, headers={"HX-Redirect": section})
    return redirect(section, 303)


def _with_place(typed: Typed, place: Mapping[str, str], country: str) -> Typed:
    """Lay a place over what was typed, and its country where none is; the map has done its work then."""
    seen = {**(typed.get("last_seen") or {}), **place}
    seen["country"] = seen.get("country") or country
    rest = {name: value for name, value in typed.items() if name != KEPT}
    return {**rest, "last_seen": seen}


def _show(draft: Draft, board: DraftBoard, form: PlaceForm) -> str:
    view, pin = board.view, board.pin
    marks = [draw_middle(view)]
    if pin is not None and board.precision != COUNTRY:
        marks += [draw_area(maps.draw_circle(view, *pin, board.radius_m)), draw_pin(view, *pin)]
    return render_template(
        "cases/place.html",
        form=form,
        draft=draft,
        svg=draw_svg(maps.draw_map(view), show_country, marks),
        said=say_place(*pin) if pin and board.precision != COUNTRY else _("There is no pin on the map."),
        middle=say_place(view.lat, view.lon),
        asked=board.asked,
        found=[(spot, show_country(spot.country)) for spot in _found(board)],
        is_closest=board.is_closest,
        is_widest=board.is_widest,
    )


def _found(board: DraftBoard) -> list[Spot]:
    return maps.find_spots(board.asked, country_names())
