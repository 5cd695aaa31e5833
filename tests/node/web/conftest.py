"""A real browser, Debian's chromium: one for all tests in a process."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from node.adapters.typesetting import fonts
from tests.desks import keeps_pictures

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")  # the first is a fifth quicker
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    # Hardly a page here lives long enough for its scripts to be worth optimizing: to do it with all of axe
    # was a fifth of a browser's work on a page looked at once, and gains little on one looked at twice.
    "--js-flags=--no-maglev --no-turbofan",
    # The frame of a page stays for the next one of the same site, which it does no more by default: a new one
    # for each was a quarter of all work where every page is looked at, and less where forms are filled in.
    # The other two are Playwright's own, which this replaces.
    "--enable-features=CDPScreenshotNewSurface,SkipListAccountsWithoutGaiaCookies,"
    "RenderDocument:level/crashed-frame",
)

_NO_COMPLAINTS = (
    "the server responded with a status",  # that a test asked for
    "htmx:afterRequest",
    "htmx:sendAbort",  # a request was given up for the next one
    "htmx:sendError",  # a test cut the line
    "net::ERR_FAILED",
)

expect.set_options(timeout=20_000)  # ms; a page may be slow on a machine that does other things, too


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("There is no browser: install Debian's chromium-headless-shell, or chromium.")
    with sync_playwright() as playwright:
        environment = _with_every_script(tmp_path_factory.mktemp("fonts")) if keeps_pictures() else None
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS), env=environment)
        yield browser
        browser.close()


def _with_every_script(folder: Path) -> dict[str, str | float | bool]:
    """Give a browser the fonts of posters, too: names on pictures are in scripts that a machine may lack."""
    folders = "".join(f"<dir>{found}</dir>" for found in fonts.folders())
    file = folder / "fonts.conf"
    file.write_text(f"<fontconfig><include>/etc/fonts/fonts.conf</include>{folders}</fontconfig>")
    return {**os.environ, "FONTCONFIG_FILE": str(file)}


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser that has not been here before, and that hears of every error in the console's
    scripts."""
    context = chromium.new_context(locale="en-GB", color_scheme="light")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [text for text in complaints if not any(known in text for known in _NO_COMPLAINTS)] == []
