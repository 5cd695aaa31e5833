"""A place is chosen on the map in a real browser: pressed, dragged, by keyboard, and without a script."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Error, Page, Route, expect

from node.domain.permissions import Role
from node.services.register import drafts
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.console.browser.test_cases import keep_picture
from tests.node.web.console.browser.test_look import choose_language
from tests.node.web.console.conftest import Console

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


def open_map(console: Console, url: str, page: Page, language: str = "en") -> None:
    """Sign an operator in, and open the map of what they have not finished."""
    name, value = console.cookie(Role.OPERATOR)
    page.context.add_cookies([{"name": name, "value": value, "url": url}])
    page.goto(f"{url}/cases")
    choose_language(page, language)
    page.goto(f"{url}/cases/unfinished/{console.entered.draft.id}/disappearance")
    page.locator("button[name=go][value=place]").click()
    expect(page.locator(".map-board .map")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_pin_is_placed_in_a_browser(served: tuple[Console, str], page: Page, language: str) -> None:
    console, url = served
    open_map(console, url, page, language)
    check_accessible(page)
    keep_picture(page, f"map-{language}")
    page.locator("#asked").fill("Marseille")
    page.locator("#asked").press("Enter")
    expect(page.locator("button[value=spot-0]")).to_contain_text("Marseille")
    check_accessible(page)
    page.locator("button[value=spot-0]").click()
    expect(page.locator("#where")).to_contain_text("Marseille")
    expect(page.locator("#said")).to_contain_text("Marseille")  # a screen reader says it
    begun = page.locator("#lat").input_value()
    page.locator("#map-wide").click(position={"x": 320, "y": 140})
    expect(page.locator("#lat")).not_to_have_value(begun)
    pressed = float(page.locator("#lat").input_value())
    assert pressed > float(begun)
    pin = page.locator(".map .pin").bounding_box()
    board = page.locator("#map-wide").bounding_box()
    assert pin is not None
    assert board is not None
    assert abs(pin["x"] + pin["width"] / 2 - board["x"] - 320) < 4  # its point is where it was pressed
    assert abs(pin["y"] + pin["height"] - board["y"] - 140) < 4
    page.mouse.move(board["x"] + 300, board["y"] + 300)
    page.mouse.down()
    page.mouse.move(board["x"] + 200, board["y"] + 250, steps=4)
    page.mouse.up()
    expect(page.locator(".map .pin")).to_have_attribute("d", re.compile(r"^M16\d "))
    assert float(page.locator("#lat").input_value()) == pressed  # dragging moves the map, not the pin
    page.locator("#map-wide").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#lat")).not_to_have_value(str(pressed))
    middle = page.locator("#lon").input_value()
    for key in ("+", "ArrowRight"):
        shown = page.locator(".map .land").get_attribute("d")
        page.locator("#map-wide").press(key)
        expect(page.locator(".map .land")).not_to_have_attribute("d", shown or "")
        expect(page.locator("#map-wide")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#lon")).not_to_have_value(middle)
    assert float(page.locator("#lon").input_value()) > float(middle)
    small = page.locator(".map .area").get_attribute("d")
    page.locator("#precision").select_option("50000")
    expect(page.locator(".map .area")).not_to_have_attribute("d", small or "")
    expect(page.locator(".map .area")).to_be_visible()
    check_accessible(page)
    keep_picture(page, f"map-region-{language}")
    assert page.url.removesuffix("#board").endswith("/place")  # no address says where
    page.locator("#go-use").click()
    expect(page.locator("#last_seen-radius_m")).to_have_value("50000")
    check_accessible(page)


def test_a_button_that_is_pressed_before_the_map_has_come_is_heard(
    served: tuple[Console, str], page: Page
) -> None:
    console, url = served
    open_map(console, url, page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "do=use" in (route.request.post_data or ""):
            route.continue_()
        else:
            held.append(route)

    page.route("**/place", hold)
    page.locator("#precision").select_option("50000")
    page.locator("#go-use").click()
    for route in held:
        with suppress(Error):  # it was given up for the button
            route.continue_()
    expect(page.locator("#last_seen-radius_m")).to_have_value("50000")
    assert held


def test_a_pin_is_placed_without_a_script(served: tuple[Console, str], chromium: Browser) -> None:
    console, url = served
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    open_map(console, url, page)
    begun = page.locator("#lat").input_value()
    page.locator("#map-narrow").click(position={"x": 144, "y": 30})
    expect(page.locator("#lat")).not_to_have_value(begun)
    assert float(page.locator("#lat").input_value()) > float(begun)
    with page.expect_navigation():
        page.locator("#go-south").click()
    page.locator("#map-narrow").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert float(page.locator("#lat").input_value()) < float(begun)
    page.locator("#lat").fill("somewhere")
    page.locator("#lat").press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#lat")).to_have_value("somewhere")
    page.locator("#lat").fill("43,3")
    page.locator("#lon").fill("5,37")
    page.locator("#lon").press("Enter")
    expect(page.locator("#where")).to_contain_text("near Marseille, France")
    with page.expect_navigation():
        page.locator("#go-use").click()
    assert "checked" not in page.url
    (draft,) = drafts.list_drafts(console.node, console.people[Role.OPERATOR])
    assert draft.typed["last_seen"]["lat"] == "43.3"
    context.close()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_maps_of_cases_and_members_are_accessible(
    served: tuple[Console, str], page: Page, language: str
) -> None:
    console, url = served
    name, value = console.cookie(Role.OPERATOR)
    page.context.add_cookies([{"name": name, "value": value, "url": url}])
    opaque = console.entered.case.case_id.partition("/")[2]
    page.goto(f"{url}/cases")
    choose_language(page, language)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for number, address in enumerate(
            (f"/cases/{opaque}", f"/foreign/{console.told.foreign}", "/federation")
        ):
            page.goto(f"{url}{address}")
            expect(page.locator("figure .map")).to_be_visible()
            check_accessible(page)
            keep_picture(page, f"map-{number}-{language}-{scheme}")
    page.locator(".map a").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/federation/members/"))
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{url}/federation")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
