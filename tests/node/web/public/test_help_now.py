"""Help now: the numbers of the country where the reader is."""

import re

import pytest

from node.domain.site.look import Numbers
from node.services.site import look
from tests.node.web.public.conftest import Site


def calls(site: Site, path: str = "/en/help", language: str = "") -> list[str]:
    page = site.browser().get(path, headers={"Accept-Language": language} if language else {})
    assert page.status_code == 200
    return re.findall(r'href="tel:([^"]+)"', page.text)


def test_the_numbers_are_those_of_the_country_that_the_reader_chose(site: Site) -> None:
    assert calls(site, "/en/help?country=DE") == ["112", "116000"]
    assert calls(site, "/en/help?country=US", "fr-FR") == ["911", "+18008435678"]
    assert calls(site, "/en/help?country=JP") == ["110"]


def test_before_that_they_are_those_that_the_browser_names_or_of_the_site(site: Site) -> None:
    assert calls(site) == ["112", "116000"]
    assert calls(site, language="en-US,en;q=0.9") == ["911", "+18008435678"]
    assert calls(site, language="zh-Hant-TW") == ["110"]
    assert calls(site, language="en-XX, tlh, -, en--") == ["112", "116000"]
    for path in ("?country=ZZ", "?country=<script>", "?country=" + "A" * 5_000, "?country=%00"):
        assert calls(site, f"/en/help{path}") == ["112", "116000"]


def test_caches_keep_readers_of_several_countries_apart(site: Site) -> None:
    assert "Accept-Language" in site.browser().get("/en/help").headers["Vary"]
    assert "Accept-Language" in site.browser().get("/en/help?country=ZZ").headers["Vary"]
    assert "Accept-Language" not in site.browser().get("/en/help?country=DE").headers.get("Vary", "")


def test_a_member_puts_its_own_numbers_in_their_place(site: Site) -> None:
    look.set_numbers(site.node, "DE", Numbers("110", "", ""), "test")
    look.set_numbers(site.node, "AQ", Numbers("", "+64123", "Base"), "test")
    assert calls(site, "/en/help?country=DE") == ["110"]
    assert calls(site, "/en/help?country=AQ") == ["+64123"]
    look.set_numbers(site.node, "FR", Numbers(), "test")
    assert calls(site) == []
    assert "We know no number for this country." in site.browser().get("/en/help").text


def test_numbers_stay_left_to_right_and_every_page_leads_there(site: Site) -> None:
    assert '<bdi dir="ltr">116000</bdi>' in site.browser().get("/en/help").text
    american = site.browser().get("/en/help?country=US").text
    assert 'href="tel:+18008435678"><bdi dir="ltr">+1 800 843 5678</bdi>' in american
    case_id = site.publish()
    for path in ("/en/", "/en/newest", "/en/library", "/en/none", f"/en/child/{case_id}"):
        assert 'href="/en/help"' in site.browser().get(path).text


@pytest.mark.parametrize(
    ("contacts", "buttons"),
    [
        ([{"kind": "web", "value": "https://police.example/"}], ["Whom to call"]),
        ([{"kind": "police", "value": "+33140000000"}], ["Call"]),
    ],
)
def test_a_child_whose_case_names_no_telephone_leads_there(
    site: Site, contacts: list[dict[str, str]], buttons: list[str]
) -> None:
    case_id = site.publish(contacts=contacts)
    page = site.browser().get(f"/en/child/{case_id}").text
    found = re.findall(r'class="button call"[^>]*>([A-Za-z ]+?)\s*<', page)
    assert [words for words in found if words != "Posters"] == buttons
