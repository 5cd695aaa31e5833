"""Feeds: what programs that follow the site are told, whatever a peer wrote, and what they are not told."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from node.config import SiteConfig
from node.services.site import showing
from node.services.site.showing import SiteQuery
from node.web.public import make_site_app
from protocol.policy import Policy
from tests.factories import lang_text
from tests.node.web.console.test_hostile_cases import OVERRIDE, SCRIPT
from tests.node.web.public.conftest import Site, open_site
from tests.node.web.public.test_gone import NAME, NAMED, erase, withdraw

ATOM = "{http://www.w3.org/2005/Atom}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
FEEDS = ("/en/feed/newest.atom", "/en/feed/newest.json", "/en/feed/alerts.atom", "/en/feed/alerts.json")
BROKEN = "a\uffffb\ufffe c\u2028d\x85e]]>f&amp;g<g xml:lang='x'>h</summary></feed>"


def atom_of(site: Site, name: str = "newest", query: str = "") -> Element:
    answer = site.browser().get(f"/en/feed/{name}.atom{query}")
    assert (answer.status_code, answer.content_type) == (200, "application/atom+xml; charset=utf-8")
    assert b"<!" not in answer.data
    return ElementTree.fromstring(answer.data)  # noqa: S314 - this program's own


def json_of(site: Site, name: str = "newest", query: str = "") -> dict[str, Any]:
    answer = site.browser().get(f"/en/feed/{name}.json{query}")
    assert (answer.status_code, answer.content_type) == (200, "application/feed+json")
    feed: dict[str, Any] = json.loads(answer.data)
    return feed


def text_of(entry: Element, name: str) -> str:
    found = entry.find(ATOM + name)
    assert found is not None
    return found.text or ""


def link_of(entry: Element, rel: str) -> Element:
    (found,) = (link for link in entry.findall(f"{ATOM}link") if link.get("rel") == rel)
    return found


def ids(site: Site, name: str = "newest", query: str = "") -> list[str]:
    """Return the ids of a feed, which are the same in both forms."""
    written = [text_of(entry, "id") for entry in atom_of(site, name, query).iter(f"{ATOM}entry")]
    assert written == [item["id"] for item in json_of(site, name, query)["items"]]
    return written


def test_a_feed_names_children_of_all_members_with_photograph_and_time(site: Site) -> None:
    own, foreign = site.publish(language="uk"), site.publish(own=False)
    assert sorted(ids(site)) == sorted(f"http://localhost/en/child/{case_id}" for case_id in (own, foreign))
    feed = atom_of(site)
    entry = next(each for each in feed.iter(f"{ATOM}entry") if text_of(each, "id").endswith(own))
    assert text_of(entry, "title") == "Dmytro Shevchuk"
    assert "Missing since 30 Sept 2026" in text_of(entry, "summary")
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "Organisation police.fr.example"
    assert link_of(entry, "alternate").get("href") == text_of(entry, "id")
    photograph = link_of(entry, "enclosure")
    answer = site.browser().get(str(photograph.get("href")).removeprefix("http://localhost"))
    assert (answer.status_code, answer.content_type) == (200, photograph.get("type"))
    assert len(answer.data) == int(str(photograph.get("length")))
    assert text_of(feed, "updated") == text_of(entry, "updated") == "2026-11-21T12:00:00Z"
    assert link_of(feed, "self").get("href") == text_of(feed, "id") == "http://localhost/en/feed/newest.atom"


def test_a_json_feed_says_the_same(site: Site) -> None:
    case_id = site.publish(language="uk")
    feed = json_of(site)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == "http://localhost/en/feed/newest.json"
    (item,) = feed["items"]
    assert item["url"] == f"http://localhost/en/child/{case_id}"
    assert item["title"] == "Dmytro Shevchuk"
    assert item["date_modified"] == "2026-11-21T12:00:00Z"
    assert item["attachments"][0]["mime_type"] == "image/jpeg"
    assert item["image"] == item["attachments"][0]["url"]
    assert datetime.fromisoformat(item["date_modified"]).tzinfo


def test_a_time_moves_on_when_a_case_changes_and_an_empty_feed_has_one_too(site: Site) -> None:
    assert text_of(atom_of(site), "updated") == "2026-11-21T00:00:00Z"
    site.publish()
    site.federation.clock.advance(days=1)
    site.publish(names=[{"full": "B", "kind": "legal"}])
    feed = atom_of(site)
    written = [text_of(entry, "updated") for entry in feed.iter(f"{ATOM}entry")]
    assert sorted(written) == ["2026-11-21T12:00:00Z", "2026-11-22T12:00:00Z"]
    assert text_of(feed, "updated") == max(written)


def test_a_text_is_in_the_language_that_it_says(site: Site) -> None:
    site.publish(circumstances=lang_text(fr="Disparue à la gare."), names=[
        {"full": "مريم", "kind": "legal", "lang": "ar"}
    ])  # fmt: skip
    (entry,) = atom_of(site).iter(f"{ATOM}entry")
    content, title = entry.find(f"{ATOM}content"), entry.find(f"{ATOM}title")
    assert content is not None
    assert title is not None
    assert (content.text, content.get(LANG)) == ("Disparue à la gare.", "fr")
    assert (title.text, title.get(LANG)) == ("مريم", "ar")


def test_a_feed_can_be_of_one_country_and_of_alerts(site: Site) -> None:
    own, foreign = site.publish(), site.publish(own=False)
    alerted = site.publish_full()
    assert ids(site, query="?country=DE") == [f"http://localhost/en/child/{foreign}"]
    assert ids(site, "alerts") == [f"http://localhost/en/child/{alerted}"]
    assert ids(site, "alerts", "?country=DE") == []
    (item,) = json_of(site, "alerts")["items"]
    assert item["tags"] == ["alert"]
    assert json_of(site, query="?country=DE")["feed_url"].endswith("/newest.json?country=DE")
    assert any(own in address for address in ids(site, query="?country=FR"))


@pytest.mark.parametrize(
    "path",
    [
        "newest.atom?country=XX", "newest.json?country=fr", "newest.rss", "other.atom", "other.json",
        "..%2fnewest.atom", f"newest.json?country={'F' * 5_000}", "newest.atom?country=%00",
    ],
)  # fmt: skip
def test_a_feed_that_there_is_not(site: Site, path: str) -> None:
    answer = site.browser().get(f"/en/feed/{path}")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("text", [SCRIPT, BROKEN, OVERRIDE, "<![CDATA[x]]>"])
def test_whatever_a_peer_wrote_a_feed_is_well_formed_and_holds_text(site: Site, own: bool, text: str) -> None:
    site.publish(
        own=own,
        names=[{"full": text, "kind": "legal", "lang": "en"}],
        circumstances=lang_text(en=text),
        last_seen={"country": "FR", "place": lang_text(fr=text)},
    )
    legal = re.sub("[\uffff\ufffe]", "", text)
    (entry,) = atom_of(site).iter(f"{ATOM}entry")
    assert text_of(entry, "content") == legal
    assert {child.tag for child in entry.iter()} <= {
        ATOM + name
        for name in ("entry", "id", "title", "updated", "author", "name", "link", "summary", "content")
    }
    assert {child.get("type") for child in entry.iter()} <= {None, "text/html", "image/jpeg"}  # never markup
    (item,) = json_of(site)["items"]
    assert text in item["content_text"] or text == OVERRIDE
    assert "content_html" not in item


def test_a_letter_that_xml_forbids_breaks_no_feed_even_if_the_schema_let_it_through(site: Site) -> None:
    site.publish()
    (shown,), total = showing.find_children(site.node, SiteQuery())
    forbidden = "".join(map(chr, (*range(9), 11, 12, *range(14, 32))))
    public = {**shown.public, "circumstances": lang_text(en=f"a{forbidden}b")}
    with patch.object(showing, "find_children", return_value=([replace(shown, public=public)], total)):
        (entry,) = atom_of(site).iter(f"{ATOM}entry")
        assert text_of(entry, "content") == "ab"
        assert json_of(site)["items"]


def test_nothing_but_the_public_part_is_in_a_feed(site: Site) -> None:
    notes = {"notes": "Kanarienvogel", "reference": "Kanarienvogel-7"}
    site.publish_full(**notes)
    site.publish_full(own=False, **notes)
    for path in FEEDS:
        data = site.browser().get(path).data
        assert b"Shevchuk" in data
        for secret in (b"Kanarienvogel", b"salt", b"49.83", b"2011-08"):
            assert secret not in data


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("end", [erase, withdraw])
def test_a_case_that_ended_is_in_no_feed_and_nothing_says_that_it_was(
    site: Site, own: bool, end: Callable[[Site, str], None]
) -> None:
    empty = {path: site.browser().get(path).data for path in FEEDS}
    case_id = site.publish(own=own, **NAMED)
    before = site.browser().get(FEEDS[0])
    assert NAME in before.text
    end(site, case_id)
    site.pull()
    asked = {"If-None-Match": before.headers["ETag"]}
    assert site.browser().get(FEEDS[0], headers=asked).status_code == 200
    assert {path: site.browser().get(path).data for path in FEEDS} == empty


def test_a_feed_may_be_kept_for_minutes_and_costs_little_while_nothing_changed(site: Site) -> None:
    site.publish()
    for path in FEEDS:
        first = site.browser().get(path)
        assert first.headers["Cache-Control"] == "public, max-age=300, must-revalidate"
        assert first.headers["Access-Control-Allow-Origin"] == "*"
        assert "Set-Cookie" not in first.headers
        again = site.browser().get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_every_page_leads_to_the_feeds(site: Site) -> None:
    site.publish()
    for path in ("/en/", "/en/newest", "/en/alerts", "/en/nothing"):
        page = site.browser().get(path).text
        assert sorted(
            re.findall(r'rel="alternate" type="[^"]+" title="[^"]+" href="([^"]+)"', page)
        ) == sorted(FEEDS)
    assert 'href="/en/feed/newest.atom?country=FR"' in site.browser().get("/en/country/FR").text
    assert "feed/newest.atom?" not in site.browser().get("/en/country/XX").text


def test_addresses_in_a_feed_are_those_of_the_settings(site: Site) -> None:
    site.publish()
    config = replace(site.node.config, site=SiteConfig(address="https://missing.example"))
    browser = make_site_app(replace(site.node, config=config)).test_client()
    for path in FEEDS[:2]:
        text = browser.get(path, headers={"Host": "evil.example"}).text
        assert "https://missing.example/en/child/" in text
        assert "https://missing.example/photo/" in text
        assert "evil" not in text


def test_the_feeds_of_an_exercise_say_so(tmp_path: Path) -> None:
    site = open_site(tmp_path, Policy(exercise=True))
    assert text_of(atom_of(site), "title").startswith("EXERCISE · ")
    assert json_of(site)["title"].startswith("EXERCISE · ")
    site.federation.close()
