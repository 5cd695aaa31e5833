"""A case is found on another country's console, a lead goes to its owner, and the answer comes back: the
whole way in a real browser, left to right and right to left."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from node.domain.permissions import Role
from tests.federation import DE
from tests.node.web.console.browser.conftest import check_accessible, serve
from tests.node.web.console.browser.test_look import choose_language
from tests.node.web.console.browser.test_sign_in import picture
from tests.node.web.console.conftest import Console, carry, console_of

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


def enter(console: Console, url: str, page: Page, language: str, role: Role) -> None:
    """Let somebody sit down at a console."""
    name, value = console.cookie(role)
    page.context.add_cookies([{"name": name, "value": value, "url": url}])
    page.goto(url)
    choose_language(page, language)


def look(page: Page, name: str) -> None:
    """Look at a page on a desk and on a small phone."""
    page.set_viewport_size({"width": 360, "height": 740})
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is {wide} px wider than a phone"
    picture(page, f"{name}-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    check_accessible(page)
    picture(page, name)


def send(page: Page) -> None:
    """Press the button of the form that the page is about."""
    page.locator("main form.stack button").click()
    page.wait_for_load_state()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_lead_goes_there_and_its_answer_comes_back(
    served: tuple[Console, str], page: Page, tmp_path: Path, language: str
) -> None:
    here, url = served
    told = here.told
    seen = tmp_path / "seen.png"
    Image.new("RGB", (300, 300), "teal").save(seen)

    enter(here, url, page, language, Role.INVESTIGATOR)
    page.goto(f"{url}/search")
    look(page, f"search-{language}")
    page.locator("[name=name]").fill("Dmitri Shevchuk")
    page.keyboard.press("Enter")
    expect(page.locator("ol.cases > li")).to_have_count(2)
    look(page, f"results-{language}")
    page.locator(f"a[href='/foreign/{told.foreign}']").click()
    look(page, f"foreign-{language}")
    expect(page.locator("a[href^='tel:']").first).to_be_visible()
    page.locator("[name=purpose]").fill("x")
    send(page)
    look(page, f"purpose-wrong-{language}")
    page.locator("[name=purpose]").fill("border check, report 4711")
    send(page)
    expect(page.locator("#closed h3")).to_have_count(2)
    look(page, f"foreign-open-{language}")

    page.locator(f"a[href='/leads/about/{told.foreign}']").click()
    page.locator("[name=text]").fill("A boy like him bought bread.")
    page.locator("[name=position]").fill("nowhere")
    send(page)
    look(page, f"tell-wrong-{language}")
    expect(page.locator("[name=text]")).to_have_value("A boy like him bought bread.")
    page.locator("[name=position]").fill("48.88, 2.355")
    page.locator("[name=seen_on]").fill("2026-11-20")
    page.locator("[name=seen_at]").fill("14:30")
    page.locator("[name=place]").fill("Gare du Nord")
    page.locator("[name=picture]").set_input_files(seen)
    send(page)
    look(page, f"lead-sent-{language}")
    carry(here.federation)

    there = console_of(here.federation, DE[0])
    with serve(there) as owner_url:
        enter(there, owner_url, page, language, Role.OPERATOR)
        look(page, f"today-{language}")
        page.locator("ul.due a[href='/leads?show=nobody']").click()
        look(page, f"leads-{language}")
        page.locator("main table a[href^='/leads/']").first.click()
        look(page, f"lead-{language}")
        expect(page.get_by_text("A boy like him bought bread.")).to_be_visible()
        with page.expect_navigation():
            page.locator("ul.links button.main").click()
        page.locator("a[href$='/decide']").click()
        page.locator("[value=potential]").check()
        page.locator("[name=text]").fill("It fits.")
        look(page, f"decide-{language}")
        send(page)
        page.locator("a[href$='/answer']").click()
        page.locator("[name=text]").fill("Thank you, our colleagues are on their way.")
        page.locator("[name=state]").select_option("potential")
        send(page)
        look(page, f"lead-answered-{language}")
    carry(here.federation)

    page.goto(f"{url}/leads/sent")
    look(page, f"leads-sent-{language}")
    page.locator("main table a[href^='/leads/']").first.click()
    expect(page.get_by_text("Thank you, our colleagues are on their way.")).to_be_visible()
    look(page, f"lead-with-answer-{language}")
