"""Importing a spreadsheet in a real browser, left to right and right to left: nothing for axe to find."""

import pytest
from playwright.sync_api import Page, expect

from node.domain.permissions import Role
from node.services.spreadsheets import work
from tests.node.services.spreadsheets.tables import FIXED, HEADERS, row, table
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.console.browser.test_cases import keep_picture
from tests.node.web.console.browser.test_look import choose_language
from tests.node.web.console.conftest import Console

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_spreadsheet_is_imported_in_a_browser(
    served: tuple[Console, str], page: Page, language: str
) -> None:
    console, url = served
    name, value = console.cookie(Role.OPERATOR)
    page.context.add_cookies([{"name": name, "value": value, "url": url}])
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{url}/cases/import")
    choose_language(page, language)
    look(page, f"import-file-{language}")
    data = table(row(1), row(2, Sex="W"), row(3, Country="?"), headers=[*HEADERS[:-1], "<b>x</b>"])
    page.set_input_files("#file", {"name": "list.csv", "mimeType": "text/csv", "buffer": data})
    page.locator("form button.main").click()
    page.locator("#column-7").select_option("height")
    look(page, f"import-columns-{language}")
    page.locator("button.main[value=on]").click()
    fill(page)
    page.locator("#word-sex-0").select_option("2")
    page.locator(place_of("contacts.value")).fill("no number")
    page.locator("#save").press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator(place_of("contacts.value"))).to_have_value("no number")
    look(page, f"import-questions-{language}")
    page.locator(place_of("contacts.value")).fill(FIXED["contacts.value"])
    page.locator("button.main").click()
    expect(page.locator("progress")).to_be_visible()
    look(page, f"import-running-{language}")
    work.proceed(console.node)
    expect(page.locator("table")).to_be_visible()  # the page asks anew by itself
    page.set_viewport_size({"width": 1000, "height": 740})
    look(page, f"import-tried-{language}")
    page.locator("form button.main").click()
    expect(page.locator("progress")).to_be_visible()
    work.proceed(console.node)
    expect(page.locator("table")).to_be_visible()
    look(page, f"import-done-{language}")
    page.locator("a[href$='/undo']").click()
    look(page, f"import-undo-{language}")


def place_of(name: str) -> str:
    return "#fixed-" + name.replace(".", "\\.")


def fill(page: Page) -> None:
    """Answer what no column says."""
    for name, text in (FIXED | {"consent.basis": "le_duty"}).items():
        if name in ("authority.kind", "consent.basis", "risk.level"):
            page.locator(place_of(name)).select_option(text)
        elif name == "consent.scope":
            page.locator(f"{place_of(name)}-network").check()
        else:
            page.locator(place_of(name)).fill(text)


def look(page: Page, name: str) -> None:
    """Check a page, also that nothing of it lies beyond the edge, and keep a picture of it."""
    check_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
    keep_picture(page, name)
