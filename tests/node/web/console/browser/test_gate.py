"""The way of a case out of the house in a real browser: proposed, approved, published."""

import pytest
from playwright.sync_api import Page, expect

from node.domain.permissions import Role
from node.services.register import cases as register
from tests.factories import sample_record
from tests.node.web.console.browser.test_federation import enter, look_at
from tests.node.web.console.conftest import Console

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


@pytest.mark.parametrize("language", ["en", "ar"])
def test_one_proposes_another_approves_and_it_is_published(
    served: tuple[Console, str], page: Page, language: str
) -> None:
    console, url = served
    node = console.node
    (case,) = register.add_cases(node, [sample_record("pt", photos=None)], "test", node.scratch())
    opaque = case.case_id.partition("/")[2]
    enter(console, url, page, Role.OPERATOR, language)
    page.goto(f"{url}/cases/{opaque}")
    page.locator(f'a[href="/cases/{opaque}/risk"]').click()
    look_at(page, f"gate-risk-{language}")
    page.go_back()
    page.locator(f'a[href="/cases/{opaque}/propose"]').click()
    look_at(page, f"gate-propose-{language}")
    page.locator("form.stack button.main").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page, f"gate-propose-wrong-{language}")
    for name, answer in (("publicity", "possible"), ("privacy", "clean"), ("wording", "neutral")):
        page.locator(f'input[name="{name}"][value="{answer}"]').check()
    page.locator('input[name="closing"][value="on_return"]').check()
    expect(page.locator("#weighed li")).to_have_count(1)  # told as one answers, and nothing asked for yet
    page.locator("form.stack button.main").click()
    expect(page).to_have_url(f"{url}/gate/1")
    expect(page.locator('form[action$="/approve"]')).to_have_count(0)
    look_at(page, f"gate-request-own-{language}")

    enter(console, url, page, Role.APPROVER, language)
    look_at(page, f"gate-today-{language}")
    page.locator('.due a[href="/gate/1"]').click()
    look_at(page, f"gate-request-{language}")
    page.locator('form[action$="/approve"] button').click()
    expect(page.locator(".badge.good").first).to_be_visible()
    assert register.get_case(node, case.case_id).status == "published"
    look_at(page, f"gate-approved-{language}")
    page.goto(f"{url}/cases/due?show=long-term")
    look_at(page, f"gate-long-term-{language}")
