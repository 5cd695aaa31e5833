"""An administrator's and an auditor's morning, in a real browser: a new member, evidence, erasures, the
journal."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from node.domain.permissions import Role
from node.services.audit.exports import check_export
from node.services.disclosure import publishing
from node.services.members import membership
from node.store.database import writing
from node.store.federation import peers
from tests.factories import sample_record
from tests.federation import DE, FR
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.console.browser.test_look import choose_language
from tests.node.web.console.browser.test_sign_in import picture
from tests.node.web.console.conftest import Console, keep_evidence

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


def enter(console: Console, url: str, page: Page, role: Role, language: str) -> None:
    """Be signed in, in a language."""
    name, value = console.cookie(role)
    page.context.add_cookies([{"name": name, "value": value, "url": url}])
    page.goto(url)
    choose_language(page, language)


def look_at(page: Page, name: str) -> None:
    """Check a page, also as a phone shows it, and keep pictures."""
    for kind, width in (("", 1280), ("-phone", 360)):
        page.set_viewport_size({"width": width, "height": 800})
        check_accessible(page)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} px too wide"
        picture(page, f"{name}{kind}")
    page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.parametrize("language", ["en", "ar"])
def test_an_administrators_morning(served: tuple[Console, str], page: Page, language: str) -> None:
    console, url = served
    cases = console.federation.publish(FR[0], *(sample_record("ar", photos=None) for _ in range(2)))
    console.federation.publish(DE[0], sample_record("uk", photos=None))
    console.federation.pull(FR[0], DE[0])
    console.federation.pull(DE[0], FR[0])
    publishing.erase(console.node, cases[0].case_id, "test")
    kept = keep_evidence(console.federation, FR[0], DE[0])
    with writing(console.node.engine) as conn:
        peers.accept_peer(conn, DE[0], "", console.node.clock())
    enter(console, url, page, Role.ADMINISTRATOR, language)
    look_at(page, f"federation-today-{language}")

    page.locator('.due a[href$="/accept"]').click()
    look_at(page, f"federation-accept-{language}")
    page.locator("form.stack button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page, f"federation-accept-wrong-{language}")
    page.get_by_role("checkbox").check()
    page.locator("form.stack button").click()
    expect(page).to_have_url(f"{url}/federation/members/{DE[0]}")
    assert membership.list_members(console.node)[0].accepted
    look_at(page, f"federation-member-{language}")

    page.goto(f"{url}/federation")
    page.locator('form[action="/federation/pull"] button').click()
    expect(page).to_have_url(f"{url}/federation")
    look_at(page, f"federation-members-{language}")
    page.locator('a[href="/erasures"]').click()
    look_at(page, f"federation-erasures-{language}")

    page.goto(f"{url}/evidence/{kept}")
    look_at(page, f"federation-evidence-{language}")
    page.locator(f'a[href="/evidence/{kept}/close"]').click()
    page.locator("textarea").fill("An old copy of the machine. Spoke to the duty officer.")
    look_at(page, f"federation-evidence-close-{language}")
    page.locator("form.stack button").click()
    expect(page).to_have_url(f"{url}/evidence/{kept}")


def test_the_table_comes_anew_by_itself(served: tuple[Console, str], page: Page) -> None:
    console, url = served
    enter(console, url, page, Role.ADMINISTRATOR, "en")
    page.goto(f"{url}/federation")
    expect(page.locator("#members")).to_contain_text("Nothing yet")
    page.locator("#members tbody a").focus()
    console.federation.publish(DE[0], sample_record("uk", photos=None))
    console.federation.pull(FR[0], DE[0])
    page.evaluate("htmx.ajax('GET', '/federation', {source: '#members'})")
    expect(page.locator("#members")).to_contain_text("Fresh")
    expect(page.locator("#members")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == f"member-{DE[0]}"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_an_auditors_morning(served: tuple[Console, str], page: Page, language: str, tmp_path: Path) -> None:
    console, url = served
    enter(console, url, page, Role.AUDITOR, language)
    page.goto(f"{url}/audit")
    look_at(page, f"audit-{language}")
    page.locator("#term").fill("…")
    page.locator("form.stack button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page, f"audit-wrong-{language}")
    page.locator("#term").fill("")
    page.locator("#action").fill("member.accept")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#action")).to_have_value("member.accept")
    assert "member.accept" not in page.url

    page.goto(f"{url}/audit/export")
    look_at(page, f"audit-export-{language}")
    with page.expect_download() as download:
        page.locator("form.stack button").click()
    file = tmp_path / "journal.jsonl"
    download.value.save_as(file)
    with file.open("rb") as opened:
        assert check_export(console.node, opened).problems == []


def test_a_page_that_asks_by_itself_says_once_that_nobody_is_signed_in(
    served: tuple[Console, str], page: Page
) -> None:
    console, url = served
    page.clock.install()
    enter(console, url, page, Role.ANALYST, "en")
    page.goto(f"{url}/federation")
    page.context.clear_cookies()
    said = page.locator("#messages [role=alert]")
    for again in (False, True):
        with page.expect_response("**/federation") as answered:
            page.clock.run_for(31_000)
        assert answered.value.status == 401
        page.clock.run_for(1_000)  # in which it is put into the page
        expect(said).to_contain_text("You were signed out")
        assert said.get_attribute("data-seen") == ("yes" if again else None)  # the same as before, said once
        said.evaluate("alert => { alert.dataset.seen = 'yes' }")
    expect(page.locator("#members")).to_be_visible()
