"""What a member makes of its site: name, colours, logo, languages, countries, pages of its own."""

import io
import re
from unittest.mock import patch

import pytest
from babel.support import Translations
from PIL import Image

from node.domain.site.look import Colours, Look, Numbers, OwnPage
from node.services.site import look
from node.web import languages
from tests.node.web.console.test_hostile_cases import OVERRIDE, SCRIPT
from tests.node.web.public.conftest import Site

ABOUT = OwnPage(
    "about", {"en": "About us"}, {"en": "# Who\nWe [look](https://look.example/).\n\n- day\n- night"}
)


def test_the_name_and_the_colours_change_without_a_restart(site: Site) -> None:
    browser = site.browser()
    assert "Find them" not in browser.get("/en/").text
    colours = Colours("#7a1f3d", "#ffb3c7")
    look.change_look(site.node, "test", names={"en": "Find them"}, intro={"en": "We look."}, colours=colours)
    page = browser.get("/en/").text
    assert "<title>Missing children · Find them</title>" in page
    assert "We look." in page
    assert '<meta name="theme-color" content="#7a1f3d">' in page
    (address,) = re.findall(r'href="(/static/[^"]+/colours.css)"', page)
    sheet = browser.get(address)
    assert sheet.mimetype == "text/css"
    assert "--link: #7a1f3d" in sheet.text
    assert "--link: #ffb3c7" in sheet.text
    look.change_look(site.node, "test", colours=Colours("#7a1f3e", "#ffb3c7"))
    assert address not in browser.get("/en/").text
    look.set_look(site.node, Look(), "test")
    assert browser.get(address).status_code == 404


def test_the_logo(site: Site) -> None:
    assert site.browser().get("/static/x/logo.png").status_code == 404
    made = io.BytesIO()
    Image.new("RGB", (300, 100), "red").save(made, "JPEG")
    look.set_logo(site.node, made.getvalue(), "test")
    (address,) = re.findall(r'class="logo" src="([^"]+)"', site.browser().get("/en/newest").text)
    answer = site.browser().get(address)
    assert (answer.mimetype, answer.headers["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert answer.data.startswith(b"\x89PNG")


def test_only_the_languages_that_were_chosen_are_offered_in_their_order(site: Site) -> None:
    texts = {"en": "English", "fr": "Français", "ar": "العربية"}
    with (
        patch.dict(site.app.extensions, {"languages": texts}),
        patch.object(languages, "load_texts", lambda *_: Translations()),
    ):
        assert site.browser().get("/", headers={"Accept-Language": "en"}).location == "/en/"
        look.change_look(site.node, "test", languages=("fr", "el", "en"))
        assert site.browser().get("/", headers={"Accept-Language": "el"}).location == "/fr/"
        assert site.browser().get("/ar/").status_code == 404
        look.change_look(site.node, "test", languages=("el",))  # there are no texts in it yet
        assert site.browser().get("/", headers={"Accept-Language": "ar"}).location == "/ar/"


def test_only_children_of_the_countries_that_were_chosen_are_shown(site: Site) -> None:
    own, seen = (
        {"en": {"text": "Paris", "origin": "original"}},
        {"en": {"text": "Oslo", "origin": "original"}},
    )
    here = site.publish(last_seen={"country": "UA", "place": own})
    there = site.publish(own=False, last_seen={"country": "NO", "place": seen})
    browser = site.browser()
    assert browser.get(f"/en/child/{there}").status_code == 200
    for countries, shown in (((), True), (("IT",), False), (("DE", "IT"), True), (("NO",), True)):
        look.change_look(site.node, "test", countries=countries)
        assert browser.get(f"/en/child/{here}").status_code == 200
        assert browser.get(f"/en/child/{there}").status_code == (200 if shown else 410), countries
        for path in ("/en/", "/en/newest", "/en/search?sex=1", "/en/search?sex=2", "/sitemap-0.xml"):
            if there in browser.get(path).text:
                assert shown, path
                break
        else:
            assert not shown
        assert ("/en/country/DE" in browser.get("/en/countries").text) is shown
        assert here in browser.get("/en/newest").text


def test_a_page_of_ones_own(site: Site) -> None:
    look.set_page(site.node, ABOUT, "test")
    browser = site.browser()
    assert 'href="/en/page/about"' in browser.get("/en/").text
    page = browser.get("/en/page/about")
    assert "<h2>Who</h2>" in page.text
    assert '<a href="https://look.example/" rel="noopener noreferrer">look</a>' in page.text
    assert "<li>night</li>" in page.text
    assert "/en/page/about" in browser.get("/sitemap-lists.xml").text
    for path in ("/en/page/none", "/en/page/..", "/en/page/%2e%2e%2fsite.toml"):
        assert browser.get(path).status_code == 404


@pytest.mark.parametrize("text", [SCRIPT, OVERRIDE.replace("\u202e", ""), "[x](javascript:alert(1))"])
def test_what_stands_in_the_file_is_only_ever_text(site: Site, text: str) -> None:
    text = "".join(letter for letter in text if letter.isprintable())[:70]
    page = OwnPage("about", {"en": text}, {"en": f"# {text}\n- {text}\n\n{text}"})
    hostile = Look({"en": text}, {"en": text}, hotlines={"FR": Numbers("112", "116000", text)}, pages=[page])
    look.set_look(site.node, hostile, "test")
    for path in ("/en/", "/en/help?country=FR", "/en/page/about", "/en/library", "/en/none"):
        answer = site.browser().get(path)
        assert "<script" not in answer.text.replace('<script type="application/ld+json">', "")
        assert not re.search(r'href="(?!/|#|http://localhost/|tel:)', answer.text), path
        assert "<img src=x" not in answer.text


def test_a_file_that_somebody_broke_does_not_stop_the_site(site: Site) -> None:
    look.change_look(site.node, "test", names={"en": "Find them"})
    assert "Find them" in site.browser().get("/en/").text
    path = site.node.config.home / "site/site.toml"
    for text in ("names = {", "[names]\nen = 3", "\x00", "languages = ["):
        path.write_text(text)
        answer = site.browser().get("/en/")
        assert answer.status_code == 200
        assert "Find them" in answer.text


def test_the_site_never_writes_into_its_folder(site: Site) -> None:
    look.change_look(site.node, "test", names={"en": "Find them"})
    folder = site.node.config.home / "site"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for path in ("/en/", "/en/help", "/en/library", "/en/countries"):
        site.browser().get(path)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
