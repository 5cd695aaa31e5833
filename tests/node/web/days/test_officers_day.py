"""An officer's day over two countries, in a sandbox: real processes, a real browser.
It keeps the pictures of docs/officers.md.
"""

import random
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from node.sandbox.plan import POLICE_FR, POLICE_JP
from node.sandbox.portraits import draw_portrait
from node.sandbox.world import World
from tests.desks import keep, see_again, sit_down

pytestmark = pytest.mark.timeout(400)


def go_on(page: Page) -> None:
    """Press the button that the page is about."""
    with page.expect_navigation():
        page.locator("main form button.main").first.click()


def enter_case(page: Page, url: str, folder: Path) -> str:
    """Enter a case with a photograph, and return its id without the member."""
    page.goto(f"{url}/cases/new")
    page.locator("#names-0-full").fill("Camille Durand")
    page.locator("#names-0-lang").fill("fr")
    page.locator("#sex").select_option("2")
    page.locator("#age_at_disappearance-min").fill("12")
    page.locator("#birth").fill("2014~")
    page.locator("#birth").press("Tab")
    expect(page.locator("#birth-said")).to_contain_text("2014")
    keep(page, "entering")
    go_on(page)
    page.locator("#missing_since").fill("2026-11-02 17:30")
    page.locator("#last_seen-country").fill("FR")
    page.locator("#circumstances-0-lang").fill("fr")
    page.locator("#circumstances-0-text").fill("N'est pas rentrée de l'école.")
    page.locator("button[name=go][value=place]").click()
    page.locator("[name=asked]").fill("Lyon")
    page.get_by_role("button", name="Find").click()
    page.locator("button[value=spot-0]").click()
    expect(page.locator("#where")).to_contain_text("Lyon")
    page.locator("#go-pin").click()
    expect(page.locator("[name=lat]")).not_to_have_value("")
    keep(page, "place")
    page.locator("#go-use").click()
    for name, value in (("contacts-0-value", "+33 1 44 55 66 77"), ("authority-name-0-lang", "fr")):
        _reach(page, name)
        page.locator(f"#{name}").fill(value)
    page.locator("#authority-name-0-text").fill("Police nationale")
    page.locator("#authority-kind").select_option("police")
    page.locator("#consent-basis").select_option("parental")
    for covered in ("public", "network", "photograph"):
        page.locator(f"#consent-scope-{covered}").check()
    page.locator("#consent-date").fill("2026-11-02")
    _reach(page, "risk-level")
    page.locator("#risk-level").select_option("medium")
    page.locator("#risk-assessed_at").fill("2026-11-03 09:00")
    page.locator("#risk-assessed_by_role").fill("duty officer")
    _reach(page, "review_due")
    page.locator("#review_due").fill("2026-12-03")
    page.locator("#purge_by").fill("2044-01-01")
    go_on(page)
    keep(page, "checking")
    go_on(page)
    opaque = page.url.rpartition("/")[2]
    face = folder / "camille.png"
    draw_portrait(random.Random(7), sex=2, age=12, hair={"colour": "brown"}, eyes={"colour": "brown"}).save(
        face
    )
    page.goto(f"{url}/cases/{opaque}/photographs")
    page.locator("input[type=file]").set_input_files(face)
    go_on(page)
    expect(page.locator(".album img")).to_have_count(1)
    keep(page, "photographs")
    return opaque


def _reach(page: Page, field: str) -> None:
    """Save and go on until a field is there."""
    for _ in range(8):
        if page.locator(f"#{field}").count():
            return
        go_on(page)
    pytest.fail(f"there is no {field}")


def propose(page: Page, url: str, opaque: str) -> None:
    page.goto(f"{url}/cases/{opaque}/propose")
    for name, answer in (("publicity", "possible"), ("privacy", "clean"), ("wording", "neutral")):
        page.locator(f'input[name="{name}"][value="{answer}"]').check()
    page.get_by_label("members' public sites").check()
    page.locator('input[name="closing"][value="on_return"]').check()
    keep(page, "proposing")
    page.locator("form.stack button.main").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def find(page: Page, url: str, name: str) -> None:
    """Search until another country's case is found."""
    for _ in range(30):
        page.goto(f"{url}/search")
        page.locator("[name=name]").fill(name)
        page.locator("[name=name]").press("Enter")
        if page.locator("ol.cases").get_by_text(name).count():
            return
        page.wait_for_timeout(2500)  # as often as a person may
    pytest.fail(f"{name} is not found")


def test_a_case_goes_round_the_world_and_is_forgotten_again(world: World, page: Page, tmp_path: Path) -> None:
    url = sit_down(world, page, POLICE_FR.id, "operator")
    opaque = enter_case(page, url, tmp_path)
    propose(page, url, opaque)

    sit_down(world, page, POLICE_FR.id, "approver")
    keep(page, "today")
    page.locator('.due a[href^="/gate/"]').first.click()
    keep(page, "approving")
    page.locator('form[action$="/approve"] button').click()
    expect(page.locator(".badge.good").first).to_be_visible()

    there = sit_down(world, page, POLICE_JP.id, "investigator")
    find(page, there, "Camille Durand")
    keep(page, "found")
    page.locator("ol.cases").get_by_role("link", name="Camille Durand").click()
    page.locator("[name=purpose]").fill("report 4711")
    page.locator("main form.stack button").click()
    keep(page, "foreign")
    page.locator(f"a[href='/leads/about/{POLICE_FR.id}/{opaque}']").click()
    page.locator("[name=text]").fill("A girl like her took the train to Osaka.")
    page.locator("main form.stack button").click()

    sit_down(world, page, POLICE_FR.id, "investigator")
    see_again(page, f"{url}/leads", POLICE_JP.id)
    page.locator("main table a[href^='/leads/']").first.click()
    expect(page.get_by_text("A girl like her took the train to Osaka.")).to_be_visible()
    keep(page, "lead")
    close_case(page, url, opaque)


def close_case(page: Page, url: str, opaque: str) -> None:
    """Close the case, and wait until every member has purged it."""
    page.goto(f"{url}/cases/{opaque}/close")
    page.locator("[name=outcome][value=recovered_safe]").check()
    page.locator("#day").fill("2026-11-20")
    keep(page, "closing")
    page.locator("main form.stack button").click()
    for _ in range(60):
        page.goto(f"{url}/erasures?show=all")
        row = page.locator("tr", has_text=opaque).filter(has_text="network").first
        if row.locator(".badge").count() and row.locator(".badge:not(.good)").count() == 0:
            break
        page.wait_for_timeout(1000)
    else:
        pytest.fail("not every member has purged it")
    keep(page, "ledger")
