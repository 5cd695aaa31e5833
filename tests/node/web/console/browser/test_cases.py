"""An operator enters a case in a real browser, in English and in Arabic."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from node.domain.permissions import Role
from node.services.register import cases as register
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.console.browser.test_look import choose_language
from tests.node.web.console.conftest import Console, picture

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture of a page, if GMCN_PICTURES names a folder for them."""
    if folder := os.environ.get("GMCN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def add_photographs(console: Console, page: Page, language: str) -> None:
    """Add two photographs and something else, describe one, and cut it by drawing a frame."""
    files = [console.federation.folder / name for name in ("child.png", "other.png", "letter.png")]
    for file, data in zip(files, (picture(), picture(), b"Dear Sir"), strict=True):
        file.write_bytes(data)
    expect(page.locator(".drop [role=status]")).to_be_visible()
    page.locator("input[type=file]").set_input_files(files)
    expect(page.locator(".drop [role=status]")).to_contain_text("letter.png")
    page.locator("form button.main").click()
    expect(page.locator(".album img")).to_have_count(2)
    expect(page.get_by_role("alert")).to_contain_text("letter.png")
    check_accessible(page)
    keep_picture(page, f"photographs-{language}")
    page.set_viewport_size({"width": 360, "height": 740})
    keep_picture(page, f"photographs-phone-{language}")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("a[href$='/0/0']").click()
    page.locator("#alt-0-lang").fill("en")
    page.locator("#alt-0-text").fill("A boy with a cap")
    check_accessible(page)
    keep_picture(page, f"photograph-{language}")
    page.locator("button.main").click()
    expect(page.get_by_alt_text("A boy with a cap")).to_be_visible()
    page.locator("a[href$='/0/0/cut']").click()
    expect(page.locator(".cut img")).to_have_js_property("complete", True)
    box = page.locator(".cut").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.7, steps=4)
    page.mouse.up()
    expect(page.locator("#left")).to_have_value("25")
    expect(page.locator("#bottom")).to_have_value("30")
    check_accessible(page)
    keep_picture(page, f"cut-{language}")
    page.locator("button.main").click()
    expect(page.locator(".album img")).to_have_count(2)
    first = page.locator(".album img").first
    shape = first.evaluate("image => image.decode().then(() => image.naturalWidth / image.naturalHeight)")
    assert shape == pytest.approx((360 * 0.5) / (450 * 0.6), rel=0.05)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_case_is_entered_in_a_browser(served: tuple[Console, str], page: Page, language: str) -> None:
    console, url = served
    name, value = console.cookie(Role.OPERATOR)
    page.context.add_cookies([{"name": name, "value": value, "url": url}])
    page.goto(f"{url}/cases")
    choose_language(page, language)
    check_accessible(page)
    page.goto(f"{url}/cases/new")
    page.locator("#names-0-full").fill("Шевчук Дмитро")
    page.locator("#birth").fill("some day")
    page.locator("#sex").select_option("1")
    page.locator("#birth").press("Enter")  # is as good as the button: it saves, and removes no row
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#birth")).to_have_value("some day")
    check_accessible(page)
    keep_picture(page, f"case-child-wrong-{language}")
    page.locator("#birth").fill("2014~")
    page.locator("#age_at_disappearance-min").fill("12")
    page.locator("button[name=add][value=names]").click()
    expect(page.locator("#names-1-full")).to_be_visible()
    expect(page.get_by_text("Shevchuk Dmitro")).to_be_visible()
    page.locator("#names-0-lang").fill("uk")
    page.locator("#names-0-full").press("End")
    page.locator("#names-0-full").press_sequentially(" ")
    # As long as a person presses: nothing may put another button in its place meanwhile.
    page.locator("button[name=spell]", has_text="Shevchuk Dmytro").click(delay=400)
    expect(page.locator("#names-1-full")).to_have_value("Shevchuk Dmytro")
    expect(page.locator("#names-1-script")).to_have_value("Latn")
    page.locator("#birth").fill("2014-13")
    expect(page.locator("#birth-said .error-text")).to_be_visible()
    page.locator("#birth").fill("2014~")
    expect(page.locator("#birth-said .error-text")).not_to_be_visible()
    expect(page.locator("#birth-said")).to_contain_text("2014")
    check_accessible(page)
    keep_picture(page, f"case-names-{language}")
    page.locator("#names-1-full").fill("Dmytro")
    page.locator("button[name=remove][value=names-0]").click()
    expect(page.locator("#names-0-full")).to_have_value("Dmytro")
    expect(page.locator("#birth")).to_have_value("2014~")
    check_accessible(page)
    page.locator("button.main").click()
    page.locator("#missing_since").fill("2026-11-02 17:30")
    page.locator("#last_seen-country").fill("UA")
    page.locator("#circumstances-0-lang").fill("en")
    page.locator("#circumstances-0-text").fill("Did not come home.")
    check_accessible(page)
    keep_picture(page, f"case-disappearance-{language}")
    page.locator("button.main").click()
    page.locator("#height-min").fill("140")
    check_accessible(page)
    page.locator("button.main").click()
    check_accessible(page)
    page.locator("button.main").click()
    page.locator("#contacts-0-value").fill("+33 1 44 55 66 77")
    page.locator("#authority-name-0-lang").fill("fr")
    page.locator("#authority-name-0-text").fill("Police")
    page.locator("#authority-kind").select_option("police")
    page.locator("#consent-basis").select_option("parental")
    page.locator("#consent-scope-network").check()
    page.locator("#consent-date").fill("2026-11-02")
    check_accessible(page)
    page.locator("button.main").click()
    page.locator("#risk-level").select_option("medium")
    page.locator("#risk-assessed_at").fill("2026-11-03 09:00")
    page.locator("#risk-assessed_by_role").fill("duty officer")
    page.locator("button.main").click()
    page.locator("#show_in").fill("-")
    page.locator("#show_in").press("Tab")
    expect(page.locator("#show_in-said")).not_to_be_empty()
    page.locator("#show_in").fill("")
    check_accessible(page)
    page.locator("button.main").click()
    page.locator("#review_due").fill("2026-12-03")
    page.locator("button.main").click()
    expect(page.get_by_role("alert")).to_be_visible()  # purge_by is missing
    check_accessible(page)
    keep_picture(page, f"case-check-{language}")
    page.locator(".message.error a").first.click()
    page.locator("#purge_by").fill("2044-01-01")
    page.locator("button.main").click()
    check_accessible(page)
    page.locator("button.main").click()
    expect(page).to_have_url(re.compile(r"/cases/[a-z2-7]{26}$"))
    (case,) = register.list_cases(console.node, None, 10, 0)
    assert case.record["names"][0]["full"] == "Dmytro"
    check_accessible(page)
    page.goto(f"{page.url}/photographs")
    add_photographs(console, page, language)
    page.goto(page.url.removesuffix("/photographs"))
    page.locator(".album img").first.scroll_into_view_if_needed()
    expect(page.locator(".album img").first).to_have_js_property("complete", True)
    assert page.evaluate("document.querySelector('.album img').naturalWidth") > 0
    check_accessible(page)
    keep_picture(page, f"case-{language}")
    page.set_viewport_size({"width": 360, "height": 740})
    keep_picture(page, f"case-phone-{language}")
    page.goto(f"{url}/cases")
    keep_picture(page, f"cases-phone-{language}")
