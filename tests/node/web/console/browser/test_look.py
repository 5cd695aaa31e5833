"""Every page in a real browser: nothing that a screen reader, a keyboard or a phone would stumble over."""

from collections.abc import Iterator
from functools import cache

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from node.domain.permissions import PERMISSIONS, Role
from node.web.console.base.guard import permission_of
from tests.node.web.console.browser.conftest import check_accessible, serve_console
from tests.node.web.console.conftest import Console

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, str]]:
    """One for all tests here: they only look."""
    with serve_console(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ar", "dark")])
def test_nobody_stumbles_over_a_page(
    served: tuple[Console, str], page: Page, language: str, scheme: str, role: Role | None
) -> None:
    """Each page is looked at by the first role that may see it, in each direction of writing and each scheme
    of colours."""
    console, url = served
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    if role is not None:
        name, value = console.cookie(role)
        page.context.add_cookies([{"name": name, "value": value, "url": url}])
    page.goto(f"{url}/sign-in")
    choose_language(page, language)
    looks = [look_at_a_desk, look_on_a_phone]
    for address in pages_of(console, role):
        page.goto(f"{url}{address}")  # in the size that the page before was left in
        for look in looks:
            look(page)
        assert page.evaluate("document.documentElement.lang") == language
        looks.reverse()


def test_what_somebody_stumbles_over_is_found(page: Page) -> None:
    page.set_content(
        "<html lang=en><title>Photographs</title><main><h1>Photographs</h1>"
        "<img src='data:,'><p style='color: #aaa; background: #fff'>Pale words</p><input></main>"
    )
    with pytest.raises(AssertionError) as found:
        check_accessible(page)
    for rule in ("image-alt", "color-contrast", "label"):
        assert f'"id": "{rule}"' in str(found.value)


def test_what_is_wider_than_a_phone_is_found(page: Page) -> None:
    page.set_content(
        "<html lang=en><title>Wide</title><main><h1>Wide</h1><p style='width: 500px'>Words</p></main>"
    )
    look_at_a_desk(page)
    with pytest.raises(AssertionError, match="wider than a phone"):
        look_on_a_phone(page)


def look_at_a_desk(page: Page) -> None:
    resize(page, 1280, 900)
    check_accessible(page)


def look_on_a_phone(page: Page) -> None:
    resize(page, 360, 740)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than a phone"


def resize(page: Page, width: int, height: int) -> None:
    """Give a page a size, unless it has it: it is laid out and drawn anew each time."""
    if page.viewport_size != {"width": width, "height": height}:
        page.set_viewport_size({"width": width, "height": height})


@cache
def pages_of(console: Console, role: Role | None) -> list[str]:
    if role is None:
        return ["/sign-in", "/no/such/page"]
    client = console.browser(role)  # one: /account lists every browser that somebody is signed in with
    return [
        address
        for rule, address in console.addresses()
        if "GET" in (rule.methods or ())
        and first_who_may(console, rule.endpoint) is role
        and is_page(client, address)
    ]


def is_page(client: FlaskClient, address: str) -> bool:
    """Tell whether an address gives a page; not a photograph, nor a file to keep."""
    with client.get(address) as answer:
        return answer.mimetype == "text/html"


def first_who_may(console: Console, endpoint: str) -> Role | None:
    needed = permission_of(console.app, endpoint)
    return next((role for role in Role if needed in PERMISSIONS[role]), None)


def choose_language(page: Page, language: str) -> None:
    page.locator("details.menu summary").click()
    page.locator(f"details.menu button[value={language}]").click()
    expect(page.locator("html")).to_have_attribute("lang", language)
