"""A public site on a real socket, for a real browser to look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page

from node.config import SiteConfig
from protocol.policy import Policy
from tests.node.web.console.browser.conftest import check_accessible
from tests.node.web.public.conftest import Site, open_site
from tests.serving import serving

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@contextmanager
def serve_site(site: Site) -> Iterator[str]:
    """Serve a site, and tell where."""
    with serving(site.node, site=SiteConfig(port=0)) as server:
        yield server.site_url


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """The site of an exercise."""
    site = open_site(tmp_path, Policy(exercise=True))
    with serve_site(site) as url:
        yield site, url
    site.federation.close()


def check_look(page: Page, width: int, scheme: Scheme, direction: str | None = None) -> None:
    """Look at a page that is open in another width, scheme of colours or direction of writing: axe finds
    nothing, and nothing is wider than the screen."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    if direction is not None:
        page.evaluate(f"document.documentElement.dir = '{direction}'")
    check_accessible(page)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the screen"
