"""A site of one's own in a real browser: its colours, logo and pages, help and library, for everybody."""

from dataclasses import replace

from playwright.sync_api import Page, expect

from node.domain.site.look import Colours, Look, OwnPage
from node.services.site import library, look
from tests.node.services.site.test_library import FACTS, PDF
from tests.node.web.console.conftest import picture
from tests.node.web.public.browser.conftest import Scheme, check_look
from tests.node.web.public.conftest import Site

PAGES = ("", "help", "help?country=AQ", "library", "page/about")
LOOKS: tuple[tuple[int, Scheme, str], ...] = (
    (360, "light", "ltr"),
    (360, "dark", "rtl"),
    (1_200, "light", "rtl"),
    (1_200, "dark", "ltr"),
)
TEXT = "# Who\nWe [look](https://look.example/) for children.\n\n- by day\n- by night"


def make_own(site: Site) -> None:
    page = OwnPage("about", {"en": "About us"}, {"en": TEXT})
    colours = Colours("#7a1f3d", "#ffb3c7")
    names, intro = {"en": "Find them"}, {"en": "Look at the faces, and call."}
    look.set_look(site.node, Look(names, intro, colours=colours, pages=(page,)), "test")
    look.set_logo(site.node, picture(), "test")
    library.add_document(site.node, PDF, FACTS, "test")
    late = replace(FACTS, title="ماذا تفعل", language="ar", review=site.node.now().date())
    library.add_document(site.node, "اتصل بالشرطة".encode(), late, "test")


def test_nobody_stumbles_over_it(page: Page, served: tuple[Site, str]) -> None:
    site, url = served
    make_own(site)
    case_id = site.publish_full(own=False)
    for address in (*PAGES, f"child/{case_id}"):
        page.goto(f"{url}/en/{address}")
        for width, scheme, direction in LOOKS:
            check_look(page, width, scheme, direction)


def test_the_colours_are_the_members_and_the_logo_is_seen(page: Page, served: tuple[Site, str]) -> None:
    site, url = served
    make_own(site)
    page.goto(f"{url}/en/")
    colour = page.get_by_role("button", name="Search").evaluate("it => getComputedStyle(it).backgroundColor")
    assert colour == "rgb(122, 31, 61)"
    expect(page.locator("img.logo")).to_have_js_property("complete", True)
    assert page.locator("img.logo").evaluate("it => it.naturalWidth") > 0


def test_somebody_finds_whom_to_call(page: Page, served: tuple[Site, str]) -> None:
    _site, url = served
    page.goto(url)
    page.get_by_role("link", name="Help now").first.click()
    page.get_by_label("The country where you are").select_option(label="Japan")
    page.get_by_role("button", name="Show the numbers").click()
    expect(page.get_by_role("link", name="110")).to_have_attribute("href", "tel:110")
    page.emulate_media(media="print")
    expect(page.get_by_role("link", name="110")).to_be_visible()
    expect(page.get_by_role("button", name="Show the numbers")).to_be_hidden()
