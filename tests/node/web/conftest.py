"""A real browser, Debian's chromium, and a sandbox as anybody starts it: each is one for all tests in a
process."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from node.sandbox.plan import MEMBERS, POLICE_UA
from node.sandbox.world import World, choose_name, open_world
from tests.desks import GMCN, Spared

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


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Spared]]:
    """A sandbox whose nodes, consoles and sites run, and a child of Ukraine."""
    folder = tmp_path_factory.mktemp("sandbox") / "net"
    command = [*GMCN, "sandbox", "--folder", str(folder), "--cases", "4", "--seconds", "800"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            world = _wait_for(folder)
            with world.open_nodes() as nodes:  # at once, as the sandbox does: later cases are not spared
                spared = Spared(*choose_name(nodes[POLICE_UA.id]))
            yield world, spared
        finally:
            process.terminate()


@pytest.fixture
def world(running: tuple[World, Spared]) -> World:
    """The network."""
    return running[0]


@pytest.fixture
def spared(running: tuple[World, Spared]) -> Spared:
    """A child of Ukraine, whose case the sandbox itself neither changes nor closes."""
    return running[1]


def _wait_for(folder: Path) -> World:
    end = time.monotonic() + 200
    while time.monotonic() < end:
        time.sleep(0.5)
        world = open_world(folder) if (folder / "logs").exists() else None
        if world and all(_answers(world.console(plan.id)) for plan in MEMBERS):
            return world
    pytest.fail("the sandbox does not start")


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False
