"""Frames on the page of a newspaper, in a real browser: another origin, and either direction of writing."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from node.services.disclosure import publishing
from node.web.public import app
from tests.node.web.public.browser.conftest import SCHEMES, check_look
from tests.node.web.public.conftest import Site


class _Quiet(SimpleHTTPRequestHandler):
    """Says nothing, and lets a page be kept for days, as a newspaper's cache does."""

    def log_message(self, *_: object) -> None:
        """Write no log."""

    def end_headers(self) -> None:
        """Add what caches read."""
        self.send_header("Cache-Control", "public, max-age=604800, immutable")
        super().end_headers()


@contextmanager
def newspaper(folder: Path, lines: str, direction: str = "ltr") -> Iterator[str]:
    """Print an article with the lines that were copied, and tell where it is read."""
    folder.mkdir(exist_ok=True)
    article = f'<!doctype html><html lang="en" dir="{direction}"><title>News</title><main><h1>News</h1>'
    (folder / "index.html").write_text(article + lines, "utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/index.html"  # the site is 127.0.0.1: another origin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def copied(page: Page, url: str, query: str = "") -> list[str]:
    """Copy the lines from the page for partners: those for a frame, and those for the script."""
    page.goto(f"{url}/en/partners{query}")
    return page.locator("pre code").all_inner_texts()


pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def _a_minute_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the minute for which the site's pages may be kept be over at once; the newspaper's own goes on."""
    monkeypatch.setattr(app, "PAGE_SECONDS", 0)


def framed(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


@pytest.mark.parametrize("way", [0, 1])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_a_newspaper_shows_children_until_the_case_ends(
    page: Page, served: tuple[Site, str], tmp_path: Path, way: int, direction: str
) -> None:
    site, url = served
    case_id = site.publish(own=False, language="uk")
    page.set_viewport_size({"width": 360, "height": 800})
    with newspaper(tmp_path / "news", copied(page, url)[way], direction) as address:
        page.goto(address)
        expect(framed(page).get_by_text("Dmytro Shevchuk")).to_be_visible()
        assert page.locator("iframe").get_attribute("title") == "Missing children"
        frame = next(each for each in page.frames if each.url.startswith(url))
        frame.evaluate(f"document.documentElement.dir = '{direction}'")
        assert not frame.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        picture = framed(page).locator("img").first
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
        assert page.context.cookies() == []
        publishing.erase(site.peer, case_id, "test")
        site.pull()
        page.goto(address)
        expect(framed(page).get_by_text("There is nobody on this list now.")).to_be_visible()
        expect(framed(page).get_by_text("Dmytro Shevchuk")).to_have_count(0)


def test_a_frame_leads_out_of_itself(page: Page, served: tuple[Site, str], tmp_path: Path) -> None:
    site, url = served
    case_id = site.publish(own=False, language="uk")
    frame = f'<iframe src="{url}/en/child/{case_id}/widget" title="A child" height="400"></iframe>'
    with newspaper(tmp_path / "news", frame) as address:
        page.goto(address)
        framed(page).locator(".cards a").click()
        page.wait_for_url(f"{url}/en/child/{case_id}")
        publishing.erase(site.peer, case_id, "test")
        site.pull()
        page.goto(address)
        expect(framed(page).get_by_text("This page is no longer here")).to_be_visible()


def test_the_script_puts_one_child_into_a_page(page: Page, served: tuple[Site, str], tmp_path: Path) -> None:
    site, url = served
    case_id = site.publish(own=False, language="uk")
    lines = copied(page, url)[1].replace("data-height", f'data-child="{case_id}" data-height')
    with newspaper(tmp_path / "news", lines) as address:
        page.goto(address)
        expect(framed(page).get_by_text("I have seen this child")).to_be_visible()


def test_no_other_page_can_be_framed(chromium: Browser, served: tuple[Site, str], tmp_path: Path) -> None:
    _site, url = served
    with (
        newspaper(tmp_path / "news", f'<iframe src="{url}/en/newest" title="x"></iframe>') as address,
        closing(chromium.new_page()) as page,
    ):
        with page.expect_console_message(lambda said: "frame-ancestors 'none'" in said.text):
            page.goto(address)
        expect(framed(page).get_by_text("Missing most recently")).to_have_count(0)


def test_axe_finds_nothing_in_a_frame(page: Page, served: tuple[Site, str]) -> None:
    site, url = served
    case_id = site.publish_full()
    for path, narrow in (
        ("widget", 240),
        (f"child/{case_id}/widget", 240),
        ("widget?count=99", 240),
        ("partners", 360),
    ):
        page.goto(f"{url}/en/{path}")
        for width, scheme, direction in product((narrow, 1_200), SCHEMES, ("ltr", "rtl")):
            check_look(page, width, scheme, direction)
