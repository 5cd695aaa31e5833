"""The way in, as somebody new goes it: by keyboard and mouse, in a real browser."""

import os
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from node.domain.permissions import Role
from node.services.people import accounts
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.console.conftest import PASSWORD, Console

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is

NEW_PASSWORD = "four words on paper"


def picture(page: Page, name: str) -> None:
    """Keep a picture of a page, if GMCN_PICTURES names a folder for them."""
    if folder := os.environ.get("GMCN_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_new_administrator_signs_in_and_adds_somebody(served: tuple[Console, str], page: Page) -> None:
    console, url = served
    _, password = accounts.add_person(console.node, "mina", "Mina Haddad", [Role.ADMINISTRATOR], "test")

    page.goto(url)
    expect(page).to_have_url(f"{url}/sign-in")
    expect(page.get_by_text("EXERCISE")).to_be_visible()
    page.get_by_label("Name").fill("mina")
    page.get_by_label("Password").fill("something else 1")
    page.get_by_role("button", name="Continue").click()
    check_accessible(page)
    picture(page, "sign-in-wrong")
    page.get_by_label("Name").fill("Mina")
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{url}/sign-in/second-factor")
    check_accessible(page)
    picture(page, "second-factor")
    assert page.locator(".qr-box svg").bounding_box() is not None
    key = page.locator(".key").inner_text().replace(" ", "")
    authenticator = pyotp.TOTP(key)
    page.get_by_role("textbox", name="Code").fill("000 000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This is not the code")
    page.get_by_role("textbox", name="Code").fill(authenticator.at(int(console.node.clock().timestamp())))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    check_accessible(page)
    picture(page, "recovery-codes")
    codes = page.locator(".codes code").all_inner_texts()
    assert len(set(codes)) == 10
    page.get_by_role("link", name="I have them, go on").click()

    expect(page).to_have_url(f"{url}/account/password")
    page.get_by_label("Present password").fill(password)
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password again").fill("another one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This is not the same as above")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    check_accessible(page)
    picture(page, "password-wrong")
    page.get_by_label("Present password").fill(password)
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password again").fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Due today")).to_be_visible()
    check_accessible(page)
    picture(page, "home")

    page.get_by_role("link", name="People").click()
    check_accessible(page)
    picture(page, "people")
    page.get_by_role("link", name="Add a person").click()
    page.get_by_role("button", name="Add the person").click()
    check_accessible(page)
    picture(page, "new-person-wrong")
    page.get_by_label("Name to sign in with").fill("leila")
    page.get_by_label("Full name").fill("ليلى حداد")
    page.get_by_label("Operator").check()
    page.get_by_role("button", name="Add the person").click()
    check_accessible(page)
    expect(page.get_by_text("The password is shown only now.")).to_be_visible()
    picture(page, "new-password")
    assert accounts.find_person_by_name(console.node, "leila").roles == {Role.OPERATOR}

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.get_by_label("Name").fill("mina")
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{url}/sign-in/code")
    check_accessible(page)
    page.get_by_role("textbox", name="Code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{url}/")


def test_a_form_outlives_its_session(served: tuple[Console, str], page: Page) -> None:
    console, url = served
    page.goto(f"{url}/people/new")
    sign_in(console, page, Role.ADMINISTRATOR)
    expect(page).to_have_url(f"{url}/people/new")
    page.get_by_label("Name to sign in with").fill("leila")
    page.get_by_label("Full name").fill("ليلى حداد")
    page.get_by_label("Approver").check()
    console.federation.clock.advance(minutes=45)
    page.get_by_role("button", name="Add the person").click()

    expect(page.get_by_text("What you had entered is kept")).to_be_visible()
    check_accessible(page)
    picture(page, "signed-out")
    sign_in(console, page, Role.ADMINISTRATOR)
    expect(page.get_by_text("It is as you left it")).to_be_visible()
    expect(page).to_have_url(f"{url}/people/new")
    check_accessible(page)
    picture(page, "kept-form")
    expect(page.get_by_label("Full name")).to_have_value("ليلى حداد")
    expect(page.get_by_label("Approver")).to_be_checked()
    expect(page.get_by_label("Operator")).not_to_be_checked()
    page.get_by_role("button", name="Add the person").click()
    expect(page.get_by_text("The password is shown only now.")).to_be_visible()
    assert accounts.find_person_by_name(console.node, "leila").roles == {Role.APPROVER}


def sign_in(console: Console, page: Page, role: Role) -> None:
    """Go the way in as somebody who has been here before."""
    page.get_by_label("Name").fill(str(role))
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Code").fill(console.code())
    page.keyboard.press("Enter")
