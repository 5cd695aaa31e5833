"""A console on a real socket, for a real browser to look at."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from node.config import ConsoleConfig
from tests.node.web.console.conftest import Console, open_console
from tests.serving import serving

# axe 4.12 takes a third to a half of its time to read the same few colours again at every word; 4.14 does
# not, but is not in the package yet.
_READ_COLOURS_ONCE = """;(() => {
  const { Color } = axe.commons.color, { parseString } = Color.prototype, known = new Map();
  Color.prototype.parseString = function (text) {
    if (!known.has(text)) known.set(text, new Color(parseString.call(this, text)));
    const { r, g, b, alpha } = known.get(text);
    return Object.assign(this, { r, g, b, alpha });
  };
})();"""
_AXE = Axe().axe_script + _READ_COLOURS_ONCE
# Only what it finds is described, and sent here: the rest is most of its time. Nothing is fetched before:
# of the rules that ask for it one is experimental and off, the other is about sound that plays by itself.
_FIND = "axe.run({resultTypes: ['violations'], preload: false}).then(found => found.violations)"


@contextmanager
def serve_console(folder: Path) -> Iterator[tuple[Console, str]]:
    """Give a console of an exercise, and where it is served."""
    with open_console(folder, exercise=True) as console, serve(console) as url:
        yield console, url


@contextmanager
def serve(console: Console, port: int = 0) -> Iterator[str]:
    """Serve a console, and tell where."""
    with serving(console.node, console=ConsoleConfig(enabled=True, port=port)) as server:
        yield server.console_url


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Console, str]]:
    with serve_console(tmp_path) as made:
        yield made


def check_accessible(page: Page) -> None:
    """Check that axe finds nothing on a page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
        page.add_init_script(_AXE)  # for the pages that follow: to send it each time takes longer
    found = page.evaluate(_FIND)
    assert found == [], f"{page.url}\n{json.dumps(found, indent=1)}"
