"""Rows are added to a form and taken out over a slow line, in a real browser: nothing typed is lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from node.domain.permissions import Role
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.console.browser.test_cases import keep_picture
from tests.node.web.console.browser.test_look import choose_language
from tests.node.web.console.conftest import Console

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


def begin_case(console: Console, url: str, page: Page, language: str = "en") -> list[Route]:
    """Begin a case, whose answers are held back from now on: return where they come to wait."""
    name, value = console.cookie(Role.OPERATOR)
    page.context.add_cookies([{"name": name, "value": value, "url": url}])
    page.goto(f"{url}/cases")
    choose_language(page, language)
    page.goto(f"{url}/cases/new")
    page.locator("#names-0-full").fill("Шевчук Дмитро")
    held: list[Route] = []
    page.route("**/cases/**", lambda route: held.append(route) if is_change(route) else route.continue_())
    return held


def is_change(route: Route) -> bool:
    said = route.request.post_data or ""
    return "add=" in said or "remove=" in said


def next_of(held: list[Route], page: Page) -> Route:
    """Return the request that waits; the page says that it does before it is on its way."""
    while not held:
        page.wait_for_timeout(20)
    return held.pop()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_what_is_typed_before_the_answer_is_not_lost(
    served: tuple[Console, str], page: Page, language: str
) -> None:
    console, url = served
    held = begin_case(console, url, page, language)
    page.locator("button[name=add][value=names]").click()
    expect(page.locator("#wait")).not_to_be_empty()
    check_accessible(page)
    keep_picture(page, f"rows-wait-{language}")
    page.locator("#names-0-given").evaluate("field => field.focus()")
    page.keyboard.type("Dmytro")  # goes nowhere, where everybody sees it
    expect(page.locator("#names-0-given")).to_have_value("")
    next_of(held, page).continue_()
    expect(page.locator("#names-1-full")).to_be_focused()
    expect(page.locator("#wait")).to_be_empty()
    page.keyboard.type("Shevchuk Dmytro")
    expect(page.locator("#names-0-full")).to_have_value("Шевчук Дмитро")
    check_accessible(page)
    page.locator("button[name=remove][value=names-0]").click()
    expect(page.locator("#entry form")).to_have_attribute("inert", "")
    next_of(held, page).continue_()
    expect(page.locator("fieldset#names")).to_be_focused()
    expect(page.locator("#names-0-full")).to_have_value("Shevchuk Dmytro")
    keep_picture(page, f"rows-removed-{language}")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda route: route.abort(), id="none"),
        pytest.param(lambda route: route.fulfill(status=204), id="empty"),
        pytest.param(lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"), id="of a proxy"),
    ],
)
def test_without_an_answer_what_was_typed_is_there(
    served: tuple[Console, str], page: Page, answer: Callable[[Route], None]
) -> None:
    console, url = served
    held = begin_case(console, url, page)
    add = page.locator("button[name=add][value=names]")
    add.click()
    expect(page.locator("#wait")).to_have_text("One moment …")
    answer(next_of(held, page))
    expect(page.locator("#wait")).to_contain_text("There was no answer.")
    expect(add).to_be_focused()
    page.locator("#names-0-given").fill("Dmytro")
    page.context.clear_cookies()  # the session is over
    add.click()
    expect(page.locator("#wait")).not_to_be_empty()
    next_of(held, page).continue_()
    expect(page.locator("#messages [role=alert]")).to_be_visible()
    expect(page.locator("#names-0-given")).to_have_value("Dmytro")
    expect(add).to_be_focused()
    check_accessible(page)
