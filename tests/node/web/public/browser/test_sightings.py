"""Somebody has seen a child, and tells it on a telephone, with a script and without."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from node.services.leads import inbox
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.public.conftest import Site
from tests.node.web.public.test_sightings import drawn

PHONE = {"width": 360, "height": 740}
SECONDS = 20


def fill_in(page: Page, site: Site, url: str, case_id: str) -> None:
    page.goto(f"{url}/en/child/{case_id}")
    page.get_by_role("link", name="I have seen this child").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("I have seen this child")
    expect(page.get_by_role("link", name="Call 112")).to_have_attribute("href", "tel:112")
    site.federation.clock.advance(seconds=SECONDS)
    page.get_by_label("What did you see?").fill("She bought bread.")
    page.get_by_label("Day").fill("2026-11-20")
    page.get_by_label("Where was that?").fill("Gare du Nord")


def check_phone(page: Page) -> None:
    """Check that axe finds nothing, and that nothing is wider than the telephone."""
    check_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_sighting_with_map_and_photograph(served: tuple[Site, str], page: Page, tmp_path: Path) -> None:
    site, url = served
    case_id = site.publish()
    (tmp_path / "seen.jpg").write_bytes(drawn())
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a dict is what it takes
    fill_in(page, site, url, case_id)
    check_phone(page)
    page.get_by_label("Photograph").set_input_files(tmp_path / "seen.jpg")
    page.get_by_role("button", name="Show it on a map").click()
    page.get_by_label("Find a town or a country").fill("Lyon")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="Lyon, France").click()
    expect(page.get_by_text("near Lyon, France").first).to_be_visible()
    before = page.get_by_role("status").last.inner_text()
    page.locator("#map-narrow").click(position={"x": 20, "y": 20})
    expect(page.get_by_role("status").last).not_to_have_text(before)
    check_phone(page)
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you. It is sent.")
    expect(page.locator(".receipt")).to_have_text(re.compile(r"[0-9]{4}(-[0-9]{4}){3}"))
    check_phone(page)
    receipt = page.locator(".receipt").inner_text()
    page.reload()
    expect(page.locator(".receipt")).to_have_text(receipt)
    inbox.take(site.node)
    (lead,) = inbox.list_leads(site.node)
    assert (lead.token_id, lead.details["place"]) == (receipt, "Gare du Nord")
    assert 44 < lead.details["lat"] < 48
    assert inbox.read(site.node, lead.id, "Roy").pictures == [0]  # the map has not cost the picture


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sighting_without_a_script(served: tuple[Site, str], chromium: Browser, scheme: str) -> None:
    site, url = served
    case_id = site.publish(own=False)
    context = chromium.new_context(
        locale="en-GB",
        java_script_enabled=False,
        viewport=PHONE,  # type: ignore[arg-type]  # a dict is what it takes
        color_scheme=scheme,  # type: ignore[arg-type]  # one of two texts
    )
    page = context.new_page()
    fill_in(page, site, url, case_id)
    page.get_by_role("button", name="Show it on a map").click()
    page.get_by_role("button", name="Put the pin in the middle", exact=True).click()
    expect(page.get_by_role("button", name="Take the pin away")).to_be_visible()
    expect(page.get_by_label("What did you see?")).to_have_value("She bought bread.")
    page.get_by_label("What did you see?").fill("")
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.get_by_role("alert")).to_contain_text("Please look at what is marked below.")
    expect(page.get_by_label("Day")).to_have_value("2026-11-20")
    page.get_by_label("What did you see?").fill("She bought milk.")
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.locator(".receipt")).to_have_text(re.compile(r"[0-9]{4}(-[0-9]{4}){3}"))
    context.close()
