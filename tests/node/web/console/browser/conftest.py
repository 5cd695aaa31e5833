"""A console on a real socket, and a real browser that looks at it: Debian's chromium."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from node.config import ConsoleConfig, ServerConfig
from node.web.process import Server
from protocol.policy import Policy
from tests.node.web.console.conftest import Console, open_console

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")  # the first is a fifth quicker
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)


expect.set_options(timeout=20_000)  # ms; a page may be slow on a machine that does other things, too


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("There is no browser: install Debian's chromium-headless-shell, or chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def serve_console(folder: Path) -> Iterator[tuple[Console, str]]:
    """Give a console of an exercise, and where it is served."""
    with open_console(folder, Policy(exercise=True)) as console, serve(console) as url:
        yield console, url


@contextmanager
def serve(console: Console, port: int = 0) -> Iterator[str]:
    """Serve a console, and tell where."""
    config = replace(
        console.node.config, server=ServerConfig(port=0), console=ConsoleConfig(enabled=True, port=port)
    )
    server = Server(replace(console.node, config=config), lambda: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.console_url
    server.stop()
    thread.join()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Console, str]]:
    with serve_console(tmp_path) as made:
        yield made


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
    assert [text for text in complaints if "the server responded with a status" not in text] == []


def check_accessible(page: Page) -> None:
    """Check that axe finds nothing on a page. Only what it finds is described, which halves its time."""
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
