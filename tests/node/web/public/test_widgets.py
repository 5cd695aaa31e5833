"""Frames for the pages of others: what stands in them, who may frame what, and that they empty themselves."""

import html
import re
from collections.abc import Callable

import pytest

from node.web.public.request import LANGUAGES
from node.web.public.widgets import MAX_COUNT
from tests.node.web.console.test_hostile_cases import OVERRIDE, SCRIPT, Looked
from tests.node.web.public.conftest import Site
from tests.node.web.public.test_gone import NAME, NAMED, erase, withdraw


def children_in(site: Site, query: str = "") -> list[str]:
    answer = site.browser().get(f"/en/widget{query}")
    assert answer.status_code == 200
    return re.findall('<a href="/en/child/([^"]+)"', answer.text)


def test_a_frame_has_the_children_that_are_asked_for(site: Site) -> None:
    own, foreign = site.publish(photos=None), site.publish(own=False, photos=None)
    alerted = site.publish_full()
    assert set(children_in(site)) == {own, foreign, alerted}
    assert children_in(site, "?country=DE") == [foreign]
    assert children_in(site, "?list=alerts") == [alerted]
    assert children_in(site, "?list=alerts&country=DE") == []
    assert len(children_in(site, "?count=2")) == 2
    assert children_in(site, "?country=&count=1&list=newest") == children_in(site)[:1]


@pytest.mark.parametrize(
    "query",
    [
        "count=0",
        f"count={MAX_COUNT + 1}",
        "count=x",
        "count=٣",
        "count=",
        "list=all",
        "country=XX",
        "count=1e1",
    ],
)
def test_a_frame_that_there_is_not_is_answered_with_one(site: Site, query: str) -> None:
    answer = site.browser().get(f"/en/widget?{query}")
    assert answer.status_code in (400, 404)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    assert site.browser().get(f"/en/partners?{query}").status_code == answer.status_code


def test_only_frames_may_stand_in_the_pages_of_others(site: Site) -> None:
    case_id = site.publish()
    for path in ("/en/widget", f"/en/child/{case_id}/widget", f"/en/child/{case_id[:-1]}7/widget"):
        answer = site.browser().get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors *" in policy
        assert "default-src 'none'" in policy
        assert "form-action 'none'" in policy
        assert "script" not in policy
        assert "Set-Cookie" not in answer.headers
        assert "X-Frame-Options" not in answer.headers
        assert "<script" not in answer.text
        assert "<form" not in answer.text
        assert '<base target="_top">' in answer.text
        assert len(answer.data) < 12_000
    for path in ("/en/", "/en/partners", f"/en/child/{case_id}", "/en/newest", "/en/nothing", "/xx/widget"):
        assert "frame-ancestors 'none'" in site.browser().get(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("end", [erase, withdraw])
def test_a_frame_empties_itself_when_the_case_ends(
    site: Site, own: bool, end: Callable[[Site, str], None]
) -> None:
    case_id = site.publish(own=own, **NAMED)
    browser = site.browser()
    for path in ("/en/widget", f"/en/child/{case_id}/widget"):
        first = browser.get(path)
        assert NAME in first.text
        assert first.headers["Cache-Control"] == "public, max-age=60, must-revalidate"
    end(site, case_id)
    site.pull()
    again = browser.get("/en/widget", headers={"If-None-Match": browser.get("/en/newest").headers["ETag"]})
    assert "There is nobody on this list now." in again.text
    gone = browser.get(f"/en/child/{case_id}/widget")
    assert gone.status_code == 410
    assert gone.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors *" in gone.headers["Content-Security-Policy"]
    assert "This page is no longer here" in gone.text
    assert '<base target="_top">' in gone.text
    assert NAME not in gone.text
    assert "<nav" not in gone.text


@pytest.mark.parametrize("text", [SCRIPT, OVERRIDE])
def test_what_a_peer_wrote_is_only_text_in_a_frame(site: Site, text: str) -> None:
    case_id = site.publish(own=False, names=[{"full": text, "kind": "legal", "lang": "en"}])
    for path in ("/en/widget", f"/en/child/{case_id}/widget"):
        looked = Looked(site.browser().get(path).text)
        assert looked.wrong == []
        assert looked.loose() == []


def snippets(page: str) -> list[str]:
    return [html.unescape(each) for each in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.S)]


def test_the_lines_to_copy_lead_to_what_they_say(site: Site) -> None:
    case_id = site.publish(own=False)
    page = site.browser().get("/en/partners?country=DE&count=3&list=newest").text
    frame, script = snippets(page)
    address = re.search('src="http://localhost([^"]+)"', frame)
    assert address
    assert html.unescape(address[1]) == "/en/widget?country=DE&count=3"
    assert case_id in site.browser().get(html.unescape(address[1])).text
    assert re.findall('data-([a-z]+)="([^"]+)"', script) == [
        ("language", "en"),
        ("country", "DE"),
        ("count", "3"),
        ("title", "Missing children"),
        ("height", "480"),
    ]
    source = re.search('src="http://localhost([^"]+)"', script)
    assert source
    answer = site.browser().get(source[1])
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert len(answer.data) < 2_000
    assert "data-list" in snippets(site.browser().get("/en/partners?list=alerts").text)[1]


def test_an_ending_to_copy_reads_from_left_to_right_in_every_language(site: Site) -> None:
    for language in LANGUAGES:
        page = site.browser().get(f"/{language}/partners").text
        assert page.count('<code dir="ltr">/widget</code>') == 1, language


def test_every_page_leads_to_the_page_for_partners(site: Site) -> None:
    assert '<a href="/en/partners">' in site.browser().get("/en/").text
    assert "/en/partners</loc>" in site.browser().get("/sitemap-lists.xml").text
