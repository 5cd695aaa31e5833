"""Telling what one has seen: the form, the map in it, and the receipt.

Guarantees: nothing of what is told stands in an address, a cookie or a cache; whatever is refused comes back
as it was filled in, but for the picture, which no browser keeps, and says how to go on; all of it works
without a script. What is sent twice is taken once, so that the page with the receipt may be loaded again.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_name
from flask import Blueprint, current_app, make_response, render_template, request
from flask.blueprints import BlueprintSetupState
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from node.adapters.images import MOVING, TOO_MANY_BYTES, TOO_MANY_PIXELS, TOO_SMALL
from node.domain.maps.geometry import ZOOMS, zoom_for
from node.errors import InvalidInput
from node.runtime import KeylessNode
from node.services import maps
from node.services.leads.letters import MAX_LINE, MAX_TEXT, Letter
from node.services.maps import Spot
from node.services.serving import TooOften
from node.services.site import showing, sightings
from node.services.site.look import numbers_of
from node.services.site.showing import Shown
from node.services.site.sightings import TOO_EARLY, USED, Source, StaleForm, UnfitPicture
from node.web.board import Board, read_degrees
from node.web.cases.maps import country_names, say_place
from node.web.cases.text import show_country
from node.web.languages import said
from node.web.maps import HEIGHT, WIDTH, draw_middle, draw_pin, draw_svg
from node.web.public.cards import names_of
from node.web.public.child import contacts_of
from node.web.public.request import POLICY, case_id_of, this_look, this_node
from node.web.writing import line, prose

pages = Blueprint("sightings", __name__)

MAX_PICTURE_FORM = 32 << 20
"""How large the form may be: a picture that is too large is then still answered beside its field."""

MAX_LIGHT_FORM = 1 << 20
"""How large a form may be that any number of people send at once. A few larger ones fill a small machine."""

_MOBILE = "112"  # leads a mobile telephone to the emergency service of wherever it is (3GPP TS 22.101)

MAX_ASKED = 80
"""Characters of a place that is looked for."""

TRAP = "website"
"""A field that people do not see: whatever fills it in is a program."""

_PATIENCE_SECONDS = 1.0
_LINES = ("place", "contact", "seen_on", "seen_at", "asked")
_POLICY = "; ".join((*POLICY, "script-src 'self'", "connect-src 'self'"))  # for seen.js, which sends the map


@pages.record_once
def _prepare(state: BlueprintSetupState) -> None:
    node: KeylessNode = state.app.extensions["node"]
    most = 2 if node.config.site.threads > 2 else 1
    state.app.extensions["room_for_pictures"] = threading.BoundedSemaphore(most)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody has filled in.

    Attributes:
        typed: the fields, as far as they can be printed.
        board: the map; None while nobody has asked for it.
        picture: the photograph, as it came.
        problems: what is wrong, by field; of the whole under an empty name.
    """

    typed: Mapping[str, str] = field(default_factory=dict)
    board: Board | None = None
    picture: bytes = b""
    problems: dict[str, str] = field(default_factory=dict)


@pages.route("/<language:language>/child/<member>/<opaque>/seen", methods=["GET", "POST"])
def tell(member: str, opaque: str) -> Response:
    """Show the form, do what its map is told, or take what was told."""
    shown = showing.find_shown(this_node(), case_id_of(member, opaque))
    if request.method != "POST":
        return _show(shown, Told())
    with _room():
        return _answer(shown)


@contextmanager
def _room() -> Iterator[None]:
    """Have room in memory for a form, for the block.

    Raises:
        TooOften: those with a photograph have taken it all, and go on.
    """
    if (request.content_length or 0) <= MAX_LIGHT_FORM:
        yield
        return
    room: threading.BoundedSemaphore = current_app.extensions["room_for_pictures"]
    if not room.acquire(timeout=_PATIENCE_SECONDS):
        raise TooOften("Too many pictures come at once.", "Wait a moment.", 5)
    try:
        yield
    finally:
        room.release()


def _answer(shown: Shown) -> Response:
    """Read the form, and do what it says."""
    if request.mimetype == "multipart/form-data":  # of any other form nothing bounds the fields
        request.max_content_length = MAX_PICTURE_FORM
    told, do = _read(), request.form.get("do", "send")
    if do == "enter":  # the key of that name: within the map it means to find what was typed there
        do = "find" if told.typed["asked"] else "send"
    if do != "send":
        return _show(shown, _pressed(told, do), request.form.get("ticket", ""))
    _check(told)
    if told.problems:
        return _show(shown, told, request.form.get("ticket", ""), 400)
    return _send(shown, told)


def _send(shown: Shown, told: Told) -> Response:
    source = Source(request.remote_addr or "", request.form.get("ticket", ""))
    try:
        receipt = sightings.send_sighting(this_node(), shown.case_id, _letter(told), told.picture, source)
    except StaleForm as error:
        told.problems[""] = _stale(error)
        return _show(shown, told, source.ticket if error.reason == TOO_EARLY else "", 400)
    except UnfitPicture as error:
        told.problems["picture"] = _unfit(error)
        return _show(shown, told, status=400)
    except InvalidInput:
        told.problems["text"] = _("This cannot be sent as it is. Write it in plain letters.")
        return _show(shown, told, status=400)
    except TooOften as error:
        told.problems[""] = _wait(error.wait_seconds)
        response = _show(shown, told, source.ticket, 429)
        response.headers["Retry-After"] = str(error.wait_seconds)
        return response
    return _page("sent.html", shown, receipt=receipt, reachable=bool(told.typed["contact"]))


# --- What was filled in ---


def _read() -> Told:
    """Read the form, and cut nothing off: what is too long is told."""
    form = request.form
    typed = {name: line(form.get(name)) for name in _LINES}
    typed["text"] = prose(form.get("text"))
    sent, picture = request.files.get("picture"), b""
    if sent is not None and sent.filename:
        picture = sent.stream.read(this_node().photograph_limits().input_bytes + 1)
    return Told(typed, _read_board(form), picture)


def _read_board(form: Mapping[str, str]) -> Board | None:
    """Read the map as it was; None where there was none."""
    if "zoom" not in form:
        return None
    try:
        middle = read_degrees(form["middle_lat"], 90), read_degrees(form["middle_lon"], 180)
        zoom = max(0, min(ZOOMS - 1, int(form["zoom"][:3])))
        pin = line(form.get("lat")), line(form.get("lon"))
    except (KeyError, ValueError):
        return _first_board()
    board = Board(lat=pin[0], lon=pin[1], middle_lat=middle[0], middle_lon=middle[1], zoom=zoom)
    return board if board.pin else Board(middle_lat=middle[0], middle_lon=middle[1], zoom=zoom)


def _first_board() -> Board:
    """Look at the country whose site it is: most of its readers are there."""
    view = maps.view_of_country(this_node().entry().country, WIDTH, HEIGHT)
    return Board(middle_lat=view.lat, middle_lon=view.lon, zoom=zoom_for(view.span))


def _pressed(told: Told, do: str) -> Told:
    """Do what a button of the map says."""
    board = told.board or _first_board()
    if do == "unpin":
        board = Board(middle_lat=board.middle_lat, middle_lon=board.middle_lon, zoom=board.zoom)
    else:
        board = board.done({**request.form, "do": do}, _found(told))
    typed = {**told.typed, "asked": told.typed["asked"] if do == "find" else ""}
    return Told(typed, board, told.picture)


def _found(told: Told) -> list[Spot]:
    return maps.find_spots(told.typed.get("asked", "")[:MAX_ASKED], country_names())


def _check(told: Told) -> None:
    """Say what is wrong with what was filled in."""
    typed, problems = told.typed, told.problems
    if not typed["text"]:
        problems["text"] = _("Write what you saw.")
    for name, most in (("text", MAX_TEXT), ("place", MAX_LINE), ("contact", MAX_LINE)):
        if len(typed[name]) > most:
            problems[name] = _("Use at most %(most)s characters.", most=most)
    try:
        _moment(typed)
    except ValueError:
        problems["seen_on"] = _("Write the day like 2026-05-31, and the time like 14:30.")
    else:
        if typed["seen_on"] and date.fromisoformat(typed["seen_on"]) > _now().date() + timedelta(days=1):
            problems["seen_on"] = _("This day has not come yet.")
    if request.form.get(TRAP):
        problems[TRAP] = _("Leave this empty, and press Send again.")


def _letter(told: Told) -> Letter:
    lat, lon = told.board.pin if told.board and told.board.pin else (None, None)
    typed = told.typed
    return Letter(typed["text"], _moment(typed), typed["place"], lat, lon, typed["contact"])


def _moment(typed: Mapping[str, str]) -> str:
    """Write when the child was seen as letters do; empty where nobody said.

    Raises:
        ValueError: it is no day of these times, or a time without one.
    """
    if not typed["seen_on"]:
        if typed["seen_at"]:
            raise ValueError("a time without a day")
        return ""
    day = date.fromisoformat(typed["seen_on"])
    if not 1900 <= day.year < 2100:
        raise ValueError("not a day of these times")
    if not typed["seen_at"]:
        return day.isoformat()
    at = time.fromisoformat(typed["seen_at"]).replace(second=0, microsecond=0, tzinfo=None)
    return datetime.combine(day, at, _zone()).isoformat(timespec="seconds")


def _zone() -> ZoneInfo:
    return ZoneInfo(this_node().config.site.timezone)


def _now() -> datetime:
    return this_node().clock().astimezone(_zone())


# --- What is answered ---


def _stale(error: StaleForm) -> str:
    if error.reason == TOO_EARLY:
        return str(_("That was very fast. Wait a few seconds, and press Send again."))
    if error.reason == USED:
        return str(_("You have sent something with this page before. To send this, too, press Send again."))
    return str(_("This page was open for too long. Press Send again."))


def _unfit(error: UnfitPicture) -> str:
    match getattr(error.__cause__, "reason", ""):
        case str(reason) if reason == TOO_MANY_BYTES:
            most = this_node().photograph_limits().input_bytes // 1_000_000
            return str(_("This picture is larger than %(most)s MB. Choose a smaller one.", most=most))
        case str(reason) if reason == TOO_MANY_PIXELS:
            return str(_("This picture has too many pixels. Choose a smaller one."))
        case str(reason) if reason == TOO_SMALL:
            return str(_("This picture is too small to show anybody. Choose a larger one."))
        case str(reason) if reason == MOVING:
            return str(_("This is a moving picture. Choose one that stands still."))
    return str(_("This is no photograph that can be read. Choose a JPEG, PNG or WebP picture."))


def _wait(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return str(
        ngettext(
            "This was not taken: too much is sent now. Call, or press Send again in %(num)d minute.",
            "This was not taken: too much is sent now. Call, or press Send again in %(num)d minutes.",
            minutes,
        )
    )


def _show(shown: Shown, told: Told, ticket: str = "", status: int = 200) -> Response:
    """Show the form as it was filled in.

    Args:
        ticket: that of the form that was sent, where it still counts; a new one when empty.
    """
    if told.picture and "picture" not in told.problems:
        told.problems["picture"] = _("Choose the picture again: it was not kept.")
    return _page(
        "seen.html",
        shown,
        status,
        told=told,
        typed=told.typed,
        problems=told.problems,
        ticket=ticket or sightings.make_ticket(this_node(), shown.case_id),
        zone=get_timezone_name(_now(), locale=get_locale()),
        today=_now().date().isoformat(),
        trap=TRAP,
        most={"text": MAX_TEXT, "line": MAX_LINE, "asked": MAX_ASKED},
        **_map(told),
    )


def _map(told: Told) -> dict[str, Any]:
    """Draw the map, if somebody has asked for it."""
    board = told.board
    if board is None:
        return {"board": None}
    view, pin = board.view, board.pin
    marks = [draw_middle(view), *([draw_pin(view, *pin)] if pin else [])]
    return {
        "board": board,
        "svg": draw_svg(maps.draw_map(view), show_country, marks),
        "pin_place": say_place(*pin) if pin else "",
        "middle_place": say_place(view.lat, view.lon),
        "found": [(spot, show_country(spot.country)) for spot in _found(told)],
    }


def _page(template: str, shown: Shown, status: int = 200, **values: Any) -> Response:
    """Make a page that no cache keeps and no machine indexes."""
    page = render_template(
        template,
        shown=shown,
        names=names_of(shown),
        owner=said(shown.owner.names),
        contacts=contacts_of(shown),
        police=numbers_of(this_look(), this_node().country).emergency,
        mobile=_MOBILE,
        **values,
    )
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Content-Security-Policy"] = _POLICY
    return response
