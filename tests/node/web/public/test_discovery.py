"""What search engines are told."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from node.config import SiteConfig
from node.web.public import make_site_app
from protocol.policy import Policy
from tests.node.web.public.conftest import Site, open_site

SPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def addresses(site: Site, path: str) -> list[str]:
    answer = site.browser().get(path)
    assert answer.status_code == 200
    tree = ElementTree.fromstring(answer.text)  # noqa: S314 - this program's own
    return [found.text or "" for found in tree.iter(f"{SPACE}loc")]


def test_every_child_that_is_shown_is_in_the_site_map(site: Site) -> None:
    shown = {site.publish(), site.publish(own=False)}
    site.publish(show_in=["PL"])
    parts = addresses(site, "/sitemap.xml")
    assert parts == ["http://localhost/sitemap-lists.xml", "http://localhost/sitemap-0.xml"]
    assert {found.partition("/child/")[2] for found in addresses(site, "/sitemap-0.xml")} == shown
    assert "http://localhost/en/newest" in addresses(site, "/sitemap-lists.xml")
    for address in addresses(site, "/sitemap-lists.xml") + addresses(site, "/sitemap-0.xml"):
        assert site.browser().get(address.removeprefix("http://localhost")).status_code == 200
    assert site.browser().get("/sitemap-7.xml").status_code == 404
    assert site.browser().get(f"/sitemap-{'9' * 30}.xml").status_code == 404


def test_addresses_for_others_are_those_of_the_settings_whatever_a_request_says(site: Site) -> None:
    case_id = site.publish()
    config = replace(site.node.config, site=SiteConfig(address="https://missing.example"))
    app = make_site_app(replace(site.node, config=config))
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in (f"/en/child/{case_id}", "/sitemap.xml", "/robots.txt", "/sitemap-0.xml"):
        answer = app.test_client().get(path, headers=headers)
        assert "https://missing.example/" in answer.text
        assert "evil" not in answer.text


def test_programs_are_told_what_to_leave_alone(site: Site) -> None:
    robots = site.browser().get("/robots.txt")
    assert "Disallow: /*/search" in robots.text
    assert "Sitemap: http://localhost/sitemap.xml" in robots.text
    assert "max-age=" in robots.headers["Cache-Control"]


def test_nothing_of_an_exercise_is_to_be_found(tmp_path: Path) -> None:
    site = open_site(tmp_path, Policy(exercise=True))
    assert "Disallow: /\n" in site.browser().get("/robots.txt").text
    for path in ("/en/", f"/en/child/{site.publish()}", "/en/nothing"):
        page = site.browser().get(path).text
        assert '<meta name="robots" content="noindex, nofollow">' in page
        assert "EXERCISE" in page
    site.federation.close()
