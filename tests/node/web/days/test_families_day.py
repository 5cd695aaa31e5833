"""A child of Ukraine is found on France's site, by somebody who reads Arabic: a poster, its code, a sighting,
and the end of the case, in a sandbox: real processes, a real browser. It keeps the pictures of the guide
docs/families.md.

What is pressed is found by addresses, fields and roles: the words are in other languages.
"""

import io
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from node.sandbox.plan import POLICE_FR, POLICE_UA
from node.sandbox.portraits import draw_portrait
from node.sandbox.world import World, choose_name
from tests.desks import keep, sit_down
from tests.node.web.console.browser.conftest import check_accessible

pytestmark = pytest.mark.timeout(400)

READS, SECOND = "ar", "en"
_SEEN = "She asked for the way to the station."
_PATIENT_MS = 3_500  # a form that comes back sooner is taken for a program's
_GONE_SECONDS = 30
_POSTERS = ("classic-A4.png", "classic-A4.pdf", "action-A4.png", "action-1080x1080.png")
_LISTS = (
    "newest",
    "country/UA",
    "feed/newest.atom",
    "feed/newest.json",
    "widget?country=UA&count=12",
)
"""What shows several children, in any language."""

_TALLEST, _WITH_MAP = 1_100, 2_000  # pixels of a page on a picture


@pytest.fixture
def reader(chromium: Browser) -> Iterator[Page]:
    """A page of a browser whose owner reads Arabic."""
    context = chromium.new_context(locale=READS, viewport={"width": 900, "height": 900}, color_scheme="light")
    yield context.new_page()
    context.close()


def look(page: Page, name: str, tallest: int = _TALLEST) -> None:
    """Look at a page in Arabic, written from right to left, and keep a picture."""
    expect(page.locator("html")).to_have_attribute("lang", READS)
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    keep(page, f"site-{name}", tallest)


def look_in_english(page: Page, address: str) -> None:
    """Look at a page in another language, and come back."""
    page.goto(address.replace(f"/{READS}/", f"/{SECOND}/"))
    expect(page.locator("html")).to_have_attribute("lang", SECOND)
    check_accessible(page)
    page.goto(address)


def find(page: Page, site: str, language: str, name: str, case_id: str) -> None:
    """Search for the child, also before the other country's cases have come."""
    for _ in range(30):
        page.goto(f"{site}/{language}/")
        page.locator("form.search [name=name]").fill(name)
        page.locator("form.search [name=name]").press("Enter")
        expect(page.get_by_role("status")).to_be_visible()
        assert name not in page.url
        if page.locator(f"ul.cards a[href='/{language}/child/{case_id}']").count():
            return
        page.wait_for_timeout(1000)
    pytest.fail(f"{name} is not found")


def print_poster(page: Page) -> str:
    """Make a poster as PNG, and return the address in its code."""
    page.locator("a[href$='/poster']").click()
    for picture in page.locator(".posters img").all():
        picture.scroll_into_view_if_needed()  # and so begins to be loaded
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("it => it.naturalWidth") > 0
    look(page, "posters")
    address = page.locator("a[href*='/poster/classic-A4.png']").get_attribute("href")
    made = page.request.get(f"{_site_of(page)}{address}")
    assert made.headers["content-type"] == "image/png"
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(made.body())).convert("L"))
    return str(code.text)


def _site_of(page: Page) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"


def tell(page: Page, folder: Path) -> str:
    """Tell what was seen, with a place on the map and a photograph, and return the receipt number."""
    photograph = folder / "seen.jpg"
    face = draw_portrait(random.Random(7), sex=2, age=9, hair={"colour": "black"}, eyes={"colour": "brown"})
    face.resize((300, 300)).save(photograph)
    page.locator("a[href$='/seen']").first.click()
    page.locator("#text").fill(_SEEN)
    page.locator("#place").fill("Gare de Lyon")
    page.locator("button[name=do][value=map]").click()
    page.locator("#asked").fill("Lyon")
    page.locator("#do-find").click()
    page.locator("button[value=spot-0]").click()
    expect(page.locator("#do-unpin")).to_be_visible()
    page.locator("#picture").set_input_files(photograph)
    look(page, "telling", _WITH_MAP)
    page.wait_for_timeout(_PATIENT_MS)
    page.locator("button[value=send]").click()
    expect(page.locator(".receipt")).to_have_text(re.compile(r"[0-9]{4}(-[0-9]{4}){3}"))
    look(page, "told")
    return page.locator(".receipt").inner_text()


def read_lead(officer: Page, console: str, receipt: str) -> None:
    """Read at the owner what came from the public."""
    for _ in range(60):
        officer.goto(f"{console}/leads")
        officer.locator("#receipt").fill(receipt)
        officer.locator("#receipt").press("Enter")
        if officer.locator("main table a[href^='/leads/']").count():
            break
        officer.wait_for_timeout(1000)
    officer.locator("main table a[href^='/leads/']").first.click()
    expect(officer.get_by_text(_SEEN)).to_be_visible()
    expect(officer.locator("main img")).to_have_js_property("complete", True)
    keep(officer, "site-lead", _TALLEST)


def addresses_of(page: Page, world: World, case_id: str) -> list[str]:
    """Return every address on both countries' sites that shows something of the child, and of nobody
    else."""
    opaque = case_id.partition("/")[2]
    owner = world.site(POLICE_UA.id)
    found = {f"{owner}/p/{opaque}", f"{owner}/proof/{opaque}.json"}
    for site in (world.site(POLICE_FR.id), owner):
        found.add(f"{site}/api/v1/cases/{case_id}")
        for language in (READS, SECOND):
            child_page = f"{site}/{language}/child/{case_id}"
            parts = ("seen", "poster", "widget", *(f"poster/{file}" for file in _POSTERS))
            found |= {child_page, *(f"{child_page}/{part}" for part in parts)}
            page.goto(child_page)
            sources = [str(img.get_attribute("src")) for img in page.locator(".child img").all()]
            preview = page.locator("meta[property='og:image']").get_attribute("content")
            found |= {preview or "", *(site + source for source in sources)}
    return sorted(found)


def answers(page: Page, addresses: list[str]) -> dict[str, int]:
    """Ask for addresses past the browser's own cache, and return what each was answered."""
    return {address: page.request.get(address).status for address in addresses}


def named_in_lists(page: Page, world: World, case_id: str) -> set[str]:
    """Return the lists, feeds and frames on both countries' sites that name the child."""
    sites = [world.site(member) for member in (POLICE_FR.id, POLICE_UA.id)]
    lists = [f"{site}/{language}/{name}" for site in sites for language in (READS, SECOND) for name in _LISTS]
    lists += [f"{site}/api/v1/cases" for site in sites]
    found = set()
    for address in lists:
        answer = page.request.get(address)
        assert answer.status == 200, address
        if case_id in answer.text():
            found.add(address)
    assert found in (set(), set(lists))
    return found


def close_case(officer: Page, console: str, case_id: str) -> None:
    """Close the case at the owner's console."""
    officer.goto(f"{console}/cases/{case_id.partition('/')[2]}/close")
    officer.locator("[name=outcome][value=recovered_safe]").check()
    officer.locator("#day").fill("2026-11-20")
    officer.locator("main form.stack button").click()
    officer.wait_for_load_state()


def test_a_child_is_found_on_another_countrys_site_and_nothing_is_left_when_the_case_is_over(
    world: World, reader: Page, page: Page, tmp_path: Path
) -> None:
    with world.open_nodes() as nodes:
        case_id, _own, name = choose_name(nodes[POLICE_UA.id])
    here = world.site(POLICE_FR.id)
    reader.goto(here)
    assert reader.url == f"{here}/{READS}/"
    look(reader, "start")
    look_in_english(reader, reader.url)
    find(reader, here, SECOND, name, case_id)
    check_accessible(reader)
    find(reader, here, READS, name, case_id)
    look(reader, "found")

    child_page = f"{here}/{READS}/child/{case_id}"
    reader.locator(f"ul.cards a[href='/{READS}/child/{case_id}']").click()
    expect(reader).to_have_url(child_page)
    look(reader, "child")
    for part in ("", "/poster", "/seen"):
        look_in_english(reader, child_page + part)
    reader.goto(child_page)
    code = print_poster(reader)
    assert code.startswith(f"{world.site(POLICE_UA.id)}/p/{case_id.partition('/')[2]}?v=")
    answer = reader.goto(code)
    assert answer is not None
    assert answer.status == 200  # real, and current
    expect(reader.locator(f"a[href='/{READS}/child/{case_id}']")).to_be_visible()
    look(reader, "real")
    look_in_english(reader, reader.url)
    reader.goto(child_page)
    receipt = tell(reader, tmp_path)

    console = sit_down(world, page, POLICE_UA.id, "operator")
    read_lead(page, console, receipt)

    shown = addresses_of(reader, world, case_id)
    assert set(answers(reader, shown).values()) == {200}
    assert named_in_lists(reader, world, case_id)
    close_case(page, console, case_id)
    end = time.monotonic() + _GONE_SECONDS
    while (left := {url for url, status in answers(reader, shown).items() if status != 410}) and (
        time.monotonic() < end
    ):
        reader.wait_for_timeout(500)
    assert left == set()
    assert not named_in_lists(reader, world, case_id)
    for site in (here, world.site(POLICE_UA.id)):
        for language in (SECOND, READS):
            reader.goto(f"{site}/{language}/")
            reader.locator("form.search [name=name]").fill(name)
            reader.locator("form.search [name=name]").press("Enter")
            expect(reader.get_by_role("status")).to_be_visible()
            expect(reader.locator(f"a[href$='{case_id}']")).to_have_count(0)
    for address, picture in ((code, "over"), (child_page, "gone")):
        reader.goto(address)
        answer = reader.reload()  # a browser keeps a page for a minute, as any cache may
        assert answer is not None
        assert answer.status == 410
        look(reader, picture)
        look_in_english(reader, reader.url)
