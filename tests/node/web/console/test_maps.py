"""Maps: a place chosen without a script, shown on the pages of cases, and the members' states in shapes."""

import re
import time
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from node.domain.permissions import Role
from node.services.register import drafts
from node.services.status.outlook import Outlook, list_overviews
from node.web.console.cases.place import KEPT
from node.web.console.federation.map import draw_members
from node.web.console.federation.members import NAMES
from tests.federation import DE
from tests.node.web.console.conftest import Console, csrf_token, send
from tests.node.web.console.test_cases import CHILD, DISAPPEARANCE, add_case, begin

PLACE = {"asked": "", "lat": "", "lon": "", "precision": "1000"}


def open_place(console: Console, **fields: Any) -> tuple[FlaskClient, str]:
    """Begin a case, type something into its second section, and go to the map; say where that is."""
    client = console.browser(Role.OPERATOR)
    where = begin(client, **CHILD)
    answer = send(client, f"{where}disappearance", **{**DISAPPEARANCE, **fields}, go="place")
    assert answer.status_code == 303
    assert answer.location == f"{where}place"
    return client, answer.location


def typed(console: Console) -> dict[str, Any]:
    """Return what the operator has typed into the newest draft."""
    return drafts.list_drafts(console.node, console.people[Role.OPERATOR])[0].typed


def do(client: FlaskClient, where: str, **fields: Any) -> TestResponse:
    """Send the form as the page shows it, with changes, and give the page that follows."""
    page = client.get(where)
    shown = dict(re.findall(r'<input[^>]* name="(asked|lat|lon)"[^>]* value="([^"]*)"', page.text))
    chosen = re.search(r'<option selected value="([^"]+)"', page.text)
    data = {**PLACE, **shown, "precision": chosen[1] if chosen else "1000", **fields}
    answer = client.post(where, data={"csrf_token": csrf_token(page), **data})
    if answer.status_code == 303 and answer.location.startswith(where):
        return client.get(where)
    return answer


def said(page: TestResponse) -> str:
    found = re.search(r'<strong id="where">([^<]*)', page.text)
    assert found, page.text
    return unescape(found[1])


def test_a_pin_is_placed_by_pressing_on_the_map(console: Console) -> None:
    client, where = open_place(console, **{"last_seen-lat": "", "last_seen-lon": "", "last_seen-country": ""})
    page = client.get(where)
    assert said(page) == "There is no pin on the map."
    page = do(client, where, do="spot-0", asked="Львів")
    assert said(page) == "49.84 N, 24.02 E; near Lviv, Ukraine"
    page = do(client, where, **{"wide.x": "320", "wide.y": "40"})  # the middle of the map, and far up
    north = said(page)
    assert north.startswith("5")
    page = do(client, where, do="spot-0", asked="Lviv")
    page = do(client, where, **{"narrow.x": "144", "narrow.y": "18"})  # the same on a phone
    assert said(page) == north
    page = do(
        client, where, **{"wide.x": "0", "wide.y": "0"}
    )  # a keyboard presses the corner, and means the middle
    assert said(page) == "49.84 N, 24.02 E; near Lviv, Ukraine"
    assert typed(console)["last_seen"]["lat"] == ""  # not before it is used
    answer = do(client, where, do="use", precision="5000")
    assert answer.location.endswith("/disappearance#last_seen")
    seen = typed(console)["last_seen"]
    assert (seen["lat"][:5], seen["lon"][:5], seen["radius_m"], seen["country"]) == (
        "49.83",
        "24.02",
        "5000",
        "UA",
    )
    assert KEPT not in typed(console)
    assert typed(console)["circumstances"][1]["text"] == "Did not come home."


def test_a_map_is_moved_by_buttons_and_the_pin_put_in_its_middle(console: Console) -> None:
    client, where = open_place(console)
    assert "49.8 N, 24 E" in said(client.get(where))
    begun = typed(console).get(KEPT)
    assert begun is None  # looking keeps nothing
    for button in ("farther", "east", "east", "north", "closer", "pin"):
        page = do(client, where, do=button)
    kept = typed(console)[KEPT]
    assert float(kept["lat"]) > 50
    assert float(kept["lon"]) > 26
    assert said(page) != "49.8 N, 24 E; near Lviv, Ukraine"
    page = do(client, where, do="drag", **{"drag.x": "100", "drag.y": "-50"})
    assert typed(console)[KEPT]["middle_lon"] < kept["middle_lon"]
    assert typed(console)[KEPT]["middle_lat"] < kept["middle_lat"]
    for _times in range(12):
        page = do(client, where, do="closer")
    assert re.search(r'value="closer" disabled', page.text)
    for _times in range(12):
        page = do(client, where, do="farther")
    assert re.search(r'value="farther" disabled', page.text)


def test_what_is_typed_into_the_form_later_is_what_the_map_shows(console: Console) -> None:
    client, where = open_place(console)
    do(client, where, do="spot-0", asked="Madrid")
    assert "Madrid" in said(client.get(where))  # kept, though not used
    section = where.replace("/place", "/disappearance")
    send(client, section, **{**DISAPPEARANCE, "last_seen-lat": "30.04", "last_seen-lon": "31.24"}, go="place")
    assert "Cairo" in said(client.get(where))


def test_places_are_found_by_name_in_any_language_and_never_in_an_address(console: Console) -> None:
    client, where = open_place(console)
    page = do(client, where, do="find", asked="Москва")
    assert re.search(r'value="spot-0"><bdi>Moscow</bdi>, Russia', page.text)
    assert 'value="Москва"' in page.text
    page = do(client, where, do="find", asked="Germ")
    assert re.search(r'value="spot-0">Germany', page.text)
    page = do(client, where, do="spot-0", asked="Germ")
    assert "49.8 N" in said(page)  # a country is looked at; the pin stays
    page = do(client, where, do="find", asked="zzzzqqq")
    assert "Nothing was found" in page.text
    answer = client.post(
        where, data={"csrf_token": csrf_token(page), **PLACE, "asked": "Paris", "do": "find"}
    )
    assert answer.location == f"{where}#board"


@pytest.mark.parametrize(
    ("lat", "lon", "wrong"),
    [
        ("north", "3", "from -90 to 90"),
        ("91", "3", "from -90 to 90"),
        ("nan", "3", "from -90 to 90"),
        ("", "3", "from -90 to 90"),
        ("3", "", "from -180 to 180"),
        ("3", "181", "from -180 to 180"),
        ("3", "1e400", "from -180 to 180"),
        ("", "", "Press on the map, or type where it is."),
    ],
)
def test_wrong_numbers_are_told_beside_their_field_and_kept(
    console: Console, lat: str, lon: str, wrong: str
) -> None:
    client, where = open_place(console, **{"last_seen-lat": "", "last_seen-lon": ""})
    page = do(client, where, do="use", lat=lat, lon=lon)
    assert page.status_code == 200
    assert wrong in unescape(page.text)
    assert f'value="{lat}"' in page.text
    assert 'aria-invalid="true"' in page.text
    assert typed(console)["last_seen"]["lat"] == ""


def test_forged_fields_do_nothing(console: Console) -> None:
    client, where = open_place(console)
    for fields in (
        {"do": "spot-99"},
        {"do": "spot-x", "asked": "Paris"},
        {"do": "spot-²", "asked": "Paris"},
        {"do": "drag", "drag.x": "9" * 50, "drag.y": "x"},
        {"do": "nothing"},
        {"wide.x": "-99999999", "wide.y": "99999999"},
        {"asked": "\x00<script>"},
    ):
        page = do(client, where, **fields)
        assert page.status_code == 200
        assert "<script>" not in page.text
    page = do(client, where, precision="1e9")
    assert "Choose one of the list." in page.text
    other = console.browser(Role.INVESTIGATOR)
    assert other.get(where).location == "/cases"


@pytest.mark.parametrize("radius", ["00000001" + "9" * 100, "00000001" + "9" * 5_000, "-5", "1e9", "٣" * 9])
def test_a_radius_that_is_none_breaks_no_map(console: Console, radius: str) -> None:
    client, where = open_place(console, **{"last_seen-radius_m": radius})
    assert client.get(where).status_code == 200


def test_only_the_country_may_be_known(console: Console) -> None:
    client, where = open_place(console)
    page = do(client, where, do="look", precision="country")
    assert 'class="pin"' not in page.text
    assert said(page) == "There is no pin on the map."
    do(client, where, do="use", precision="country")
    seen = typed(console)["last_seen"]
    assert (seen["lat"], seen["lon"], seen["radius_m"]) == ("", "", "")


def test_a_radius_that_was_typed_elsewhere_stays_a_choice(console: Console) -> None:
    client, where = open_place(console, **{"last_seen-radius_m": "250"})
    page = client.get(where)
    assert '<option selected value="250">within 250 m</option>' in page.text
    do(client, where, do="use")
    assert typed(console)["last_seen"]["radius_m"] == "250"


def test_what_was_typed_is_there_again_after_signing_in(console: Console) -> None:
    client, where = open_place(console)
    token = csrf_token(client.get(where))
    console.federation.clock.advance(hours=13)
    answer = client.post(
        where, data={"csrf_token": token, **PLACE, "lat": "12.5", "lon": "13.5", "do": "look"}
    )
    assert answer.location == "/sign-in"
    console.sign_in(client, console.people[Role.OPERATOR])
    assert 'value="12.5"' in client.get(where).text


def test_a_case_shows_where_its_child_was_last_seen_and_how_exactly(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    place = {"country": "FR", "lat": 43.3, "lon": 5.37, "radius_m": 2500}
    _case, address = add_case(console, last_seen=place)
    page = client.get(address).text
    assert 'class="area"' in page
    assert "Somewhere within 2,500 m of 43.3 N, 5.37 E; near Marseille, France" in page
    assert "The borders drawn here take no side" in page
    _case, address = add_case(console, last_seen={"country": "FR"})
    assert 'class="map"' not in client.get(address).text


def test_a_foreign_case_shows_no_more_than_its_parts(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    address = f"/foreign/{console.told.foreign}"
    page = client.get(address).text
    assert page.count('class="map"') == 1
    send(client, f"{address}/purpose", purpose="border check")
    page = client.get(address).text
    assert page.count('class="map"') == 2
    assert page.index("Opened for") < page.rindex('class="map"')


def test_the_members_are_on_a_map_in_shapes_and_in_the_table(console: Console) -> None:
    page = console.browser(Role.AUDITOR).get("/federation").text
    assert re.search(rf'<a href="/federation/members/{DE[0]}" aria-label="[^"]*: (Nothing yet|Fresh)"', page)
    assert 'class="mark own"' in page
    assert '<th role="rowheader"' in page


def test_marks_differ_in_shape_never_cover_each_other_and_leave_nobody_out(console: Console) -> None:
    (found,) = list_overviews(console.node)
    members = [
        replace(found, outlook=outlook, peer=replace(found.peer, names={"en": f"Member {outlook}"}))
        for outlook in Outlook
    ]
    strange = replace(found, peer=replace(found.peer, country="QQ", names={"en": "Nowhere"}))
    with console.app.test_request_context("/federation"):
        drawn = draw_members("FR", [*members, strange], NAMES)
    dots = [
        tuple(map(int, dot))
        for dot in re.findall(r'class="mark [^>]*translate\((-?\d+) (-?\d+)\)', drawn.svg)
    ]
    assert len(dots) == len(Outlook) + 1
    assert len(set(dots)) == len(dots)
    assert drawn.missing == ["Nowhere"]
    shapes = dict(re.findall(r'class="mark (\w+)"[^>]* d="([^"]+)"', drawn.svg))
    assert len(set(shapes.values())) == len(shapes) == 6
    assert len(drawn.legend) == 6


def test_a_map_takes_the_server_little_time(console: Console) -> None:
    """60 ms are promised; the median of several, since others use this machine, too."""
    client, where = open_place(console)
    for address in (where, "/federation"):
        times = []
        for _ in range(7):
            begun = time.thread_time()
            client.get(address)
            times.append(time.thread_time() - begun)
        assert sorted(times)[3] < 0.06, address
