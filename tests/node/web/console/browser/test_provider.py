"""The way in through an identity provider on another site, in a real browser with everything it forbids."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from node.config import OidcConfig, PullConfig
from node.domain.permissions import Role
from node.services.people import accounts
from tests.node.web.console.browser.conftest import check_accessible, serve
from tests.node.web.console.browser.test_look import choose_language
from tests.node.web.console.conftest import Console, open_console
from tests.providers import CLIENT, SECRET, IdentityProvider

pytestmark = pytest.mark.timeout(300)  # a browser, on whatever machine there is


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Console, str, IdentityProvider]]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    back = f"http://127.0.0.1:{port}/sign-in/provider/answer"
    with open_console(tmp_path, exercise=True) as console:
        there = IdentityProvider(
            console.node.clock, asks=True, host="localhost", redirect_uri=back, claims={"amr": ["mfa"]}
        )
        secret = tmp_path / "client-secret"
        secret.write_text(SECRET, "utf-8")
        secret.chmod(0o600)
        oidc = OidcConfig(there.issuer, CLIENT, str(secret), "Police account", amr="mfa")
        config = replace(console.node.config, oidc=oidc, pull=PullConfig(private_addresses=True))
        console = replace(console, node=replace(console.node, config=config))
        with serve(console, port) as url:
            yield console, url, there
        there.close()


def look(page: Page, name: str) -> None:
    """Look at a page in both directions of writing; keep pictures if GMCN_PICTURES names a folder."""
    for language in ("ar", "en"):
        choose_language(page, language)
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            check_accessible(page)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{name} is {wide} px wider than a phone"
            if folder := os.environ.get("GMCN_PICTURES"):
                page.screenshot(path=Path(folder) / f"{name}-{language}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 800})


def go_there(page: Page, there: IdentityProvider) -> None:
    """Sign in at the provider, which asks."""
    page.get_by_role("link", name="Sign in with Police account").click()
    page.wait_for_url(f"{there.issuer}/authorize?*")
    page.get_by_role("button", name="Yes, it is me").click()


def test_an_officer_comes_in_is_signed_out_and_finds_the_form_again(
    served: tuple[Console, str, IdentityProvider], page: Page
) -> None:
    console, url, there = served
    there.subject = "mina-there"
    page.goto(url)
    look(page, "provider-sign-in")
    go_there(page, there)
    expect(page).to_have_url(f"{url}/sign-in")  # nothing of the answer is in the address
    said = page.get_by_text("Read this reference out")
    expect(said).to_be_visible()
    reference = said.inner_text().rpartition(" ")[2]
    check_accessible(page)

    administrator = console.people[Role.ADMINISTRATOR]
    accounts.link(console.node, administrator.id, reference, "test")
    page.goto(f"{url}/people/new")
    go_there(page, there)
    expect(page).to_have_url(f"{url}/people/new")
    page.get_by_label("Name to sign in with").fill("leila")
    page.get_by_label("Full name").fill("ليلى حداد")
    page.get_by_label("Identity at the provider").fill("leila-there")
    page.get_by_label("Approver").check()
    look(page, "provider-new-person")

    page.get_by_label("Name to sign in with").fill("leila")
    page.get_by_label("Full name").fill("ليلى حداد")
    page.get_by_label("Identity at the provider").fill("leila-there")
    page.get_by_label("Approver").check()
    console.federation.clock.advance(minutes=45)
    page.get_by_role("button", name="Add the person").click()
    expect(page.get_by_text("What you had entered is kept")).to_be_visible()
    go_there(page, there)
    expect(page.get_by_text("It is as you left it")).to_be_visible()
    expect(page.get_by_label("Full name")).to_have_value("ليلى حداد")
    page.get_by_role("button", name="Add the person").click()
    expect(page.get_by_text("is added, and has no password")).to_be_visible()
    look(page, "provider-person")
    page.get_by_role("link", name="Link to the identity provider", exact=True).click()
    look(page, "provider-link")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    look(page, "provider-signed-out")
    page.get_by_role("link", name="Sign out of Police account, too").click()
    expect(page).to_have_url(f"{url}/sign-in")
    assert there.asked[-1] == "/realms/police/logout"
    go_there(page, there)
    expect(page.get_by_role("heading", name="Due today")).to_be_visible()
    assert there.asked_for["prompt"] == "login"
