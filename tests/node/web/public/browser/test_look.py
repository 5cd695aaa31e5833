"""The site in a real browser: usable by everybody, narrow and wide, in either direction, and light."""

from itertools import product

import pytest
from playwright.sync_api import Page, expect

from node.services.disclosure import publishing
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.public.browser.conftest import SCHEMES, check_look
from tests.node.web.public.conftest import Site

WIDTHS = (360, 1_200)
MAX_FIRST_VISIT = 150_000


def addresses(case_id: str) -> list[str]:
    child = f"child/{case_id}"
    return ["", child, "newest", "alerts", "countries", "search?country=FR", "long-term", "no-such-page"]


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(page: Page, served: tuple[Site, str]) -> None:
    site, url = served
    for address in addresses(site.publish_full(own=False)):
        page.goto(f"{url}/en/{address}")
        for width, scheme in product(WIDTHS, SCHEMES):
            check_look(page, width, scheme)


def test_what_is_wrong_in_one_look_only_is_found(page: Page) -> None:
    page.set_content(
        "<html lang=en><title>Photographs</title><style>body { background: white }"
        "@media (prefers-color-scheme: dark) { body { background: black; color: white } p { color: #555 } }"
        "[dir=rtl] p { width: 400px }</style>"
        "<main><h1>Photographs</h1><p>Dark words</p></main>"
    )
    check_look(page, 360, "light")
    with pytest.raises(AssertionError, match="color-contrast"):
        check_look(page, 360, "dark")
    check_look(page, 1_200, "light", "rtl")
    with pytest.raises(AssertionError, match="wider than the screen"):
        check_look(page, 360, "light", "rtl")


def test_from_right_to_left(page: Page, served: tuple[Site, str]) -> None:
    site, url = served
    case_id = site.publish_full(own=False)
    for address in addresses(case_id):
        page.goto(f"{url}/en/{address}")
        check_look(page, 360, "light", "rtl")
        start = page.get_by_role("link", name="Search", exact=True).bounding_box()
        assert start is not None
        assert start["x"] > 180, address  # the first word of the navigation stands on the right


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_axe_finds_nothing_where_a_poster_is_checked(
    page: Page, served: tuple[Site, str], language: str, direction: str
) -> None:
    site, url = served
    real, over = (site.publish_full().partition("/")[2] for _ in range(2))
    publishing.publish(site.node, [f"{site.node.member}/{real}"], "test")
    publishing.withdraw(site.node, f"{site.node.member}/{over}", "test")
    for address, status in (
        (f"poster/{real}?v=2", 200),
        (f"poster/{real}?v=1", 200),  # an older one
        (f"poster/{real}?v=9", 200),  # one that never was
        (f"poster/{over}", 410),
        (f"poster/{'a' * 26}", 404),
        ("check", 200),
    ):
        answer = page.goto(f"{url}/{language}/{address}")
        assert answer is not None
        assert answer.status == status, address
        expect(page.locator("html")).to_have_attribute("dir", direction)
        for scheme in SCHEMES:
            check_look(page, 360, scheme)


def test_a_child_is_found_by_another_spelling_and_is_gone_when_the_owner_ends_the_case(
    page: Page, served: tuple[Site, str]
) -> None:
    site, url = served
    case_id = site.publish(own=False, language="uk")
    page.goto(url)
    page.get_by_label("Name").fill("Дмитро Шевчук")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status")).to_contain_text("1 result.")
    assert "name" not in page.url
    page.get_by_role("link", name="Dmytro Shevchuk").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dmytro Shevchuk")
    expect(page.get_by_role("link", name="I have seen this child")).to_be_visible()
    expect(page.get_by_role("link", name="Call 116000")).to_have_attribute("href", "tel:116000")
    publishing.withdraw(site.peer, case_id, "test", {"outcome": "recovered_safe"})
    site.pull()
    answer = page.reload()  # a browser keeps a page for a minute, as any cache may
    assert answer is not None
    assert answer.status == 410
    expect(page.get_by_role("heading", level=1)).to_have_text("This page is no longer here")


def test_the_form_is_used_with_the_keyboard_and_says_what_is_wrong(
    page: Page, served: tuple[Site, str]
) -> None:
    _site, url = served
    page.goto(f"{url}/en/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_text("More options").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Place").fill("Lviv")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Give something else, too: a name, a country or an age.")).to_be_visible()
    expect(page.get_by_label("Place")).to_have_attribute("aria-invalid", "true")
    check_accessible(page)


def test_a_first_visit_is_light(page: Page, served: tuple[Site, str]) -> None:
    site, url = served
    loaded: list[int] = []
    page.on("response", lambda answer: loaded.append(len(answer.body()) if answer.ok else 0))
    case_id = site.publish_full(own=False)
    for address in (f"child/{case_id}", "search?country=DE"):
        loaded.clear()
        page.goto(f"{url}/en/{address}", wait_until="networkidle")
        assert 5_000 < sum(loaded) < MAX_FIRST_VISIT, address
