"""Sitting down at a desk of the sandbox with a browser, and keeping pictures of what is seen there.

With GMCN_PICTURES naming a folder they are kept, for docs/officers.md and docs/families.md: `make pictures`.
"""

import io
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from playwright.sync_api import Page, expect

from node.cli import main
from node.sandbox.desks import PASSWORD
from node.sandbox.world import World
from tests.node.web.console.browser.conftest import check_accessible

_SCALE = 900 / 1280  # a desk's screen is shown so wide
_TALLEST = 1700  # pixels of the page that is on a picture


def keeps_pictures() -> bool:
    """Whether pictures are kept."""
    return "GMCN_PICTURES" in os.environ


def keep(page: Page, name: str, tallest: int = _TALLEST) -> None:
    """Look at a page as somebody with a screen reader would, and keep a small picture of its beginning.

    Args:
        tallest: pixels of the page that is on it.
    """
    check_accessible(page)
    if folder := os.environ.get("GMCN_PICTURES"):
        whole = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        shown = whole.convert("RGB").crop((0, 0, whole.width, min(whole.height, tallest)))
        size = (round(shown.width * _SCALE), round(shown.height * _SCALE))
        small = shown.resize(size, Image.Resampling.LANCZOS)
        small.quantize(64).save(Path(folder) / f"{name}.png", optimize=True)


def sit_down(world: World, page: Page, member: str, role: str) -> str:
    """Sign somebody in, after whoever sat there before, and return where the console is."""
    url = world.console(member)
    page.context.clear_cookies()
    page.goto(url)
    page.get_by_label("Name").fill(role)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    told = CliRunner().invoke(main, ["--home", str(world.home(member)), "user", "code", role])
    assert told.exit_code == 0, told.output
    page.get_by_role("textbox", name="Code").fill(told.stdout.split()[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Due today")).to_be_visible()
    return url


def see_again(page: Page, address: str, text: str) -> None:
    """Look until something that another country's node sends is there."""
    for _ in range(120):  # a message that did not get through is sent again, ever more rarely
        page.goto(address)
        if page.get_by_text(text).count():
            return
        page.wait_for_timeout(1000)
    pytest.fail(f"{text} does not come")
