"""Lists of children."""

import re

from tests.node.web.public.conftest import Site


def named(site: Site, address: str) -> list[str]:
    answer = site.browser().get(address)
    assert answer.status_code == 200
    return re.findall(r"<strong><bdi[^>]*>([^<]+)</bdi></strong>", answer.text)


def publish(site: Site, name: str, **changes: object) -> str:
    return site.publish(names=[{"full": name, "kind": "legal", "lang": "en"}], **changes)  # type: ignore[arg-type]


def test_who_went_missing_last_comes_first(site: Site) -> None:
    publish(site, "Second", missing_since="2026-05-05")
    publish(site, "Fourth", missing_since="2019")
    publish(site, "First", missing_since="2026-11-20T23:30:00+09:00", own=False)
    publish(site, "Third", missing_since="2025-01")
    assert named(site, "/en/newest") == ["First", "Second", "Third", "Fourth"]
    assert named(site, "/en/") == ["First", "Second", "Third", "Fourth"]
    assert named(site, "/en/long-term") == ["Third", "Fourth"]


def test_a_day_that_is_still_to_come_gains_nothing(site: Site) -> None:
    publish(site, "Liar", missing_since="2099-01-01", own=False)
    site.federation.clock.advance(days=2)
    publish(site, "Honest", missing_since="2026-11-23")
    assert named(site, "/en/newest") == ["Honest", "Liar"]


def test_an_alert_is_listed_while_it_is_out(site: Site) -> None:
    alert = {"level": "amber", "area": {"countries": ["FR"]}}
    until = "2026-11-22T20:00:00+02:00"
    publish(site, "Out", alert={**alert, "state": "active"}, own=False)
    publish(site, "Over", alert={**alert, "state": "active", "until": until})
    publish(site, "Cancelled", alert={**alert, "state": "cancelled"})
    assert sorted(named(site, "/en/alerts")) == ["Out", "Over"]
    site.federation.clock.advance(days=2)
    assert named(site, "/en/alerts") == ["Out"]


def test_countries_are_counted_and_lead_to_their_children(site: Site) -> None:
    publish(site, "French")
    publish(site, "German", own=False)
    publish(site, "German too", own=False)
    publish(site, "Elsewhere", own=False, show_in=["PL"])
    page = site.browser().get("/en/countries").text
    assert re.search(r'href="/en/country/DE">Germany</a> <span class="note">2 children', page)
    assert re.search(r'href="/en/country/FR">France</a> <span class="note">1 child<', page)
    assert sorted(named(site, "/en/country/DE")) == ["German", "German too"]
    for code in ("XX", "de", "..", "D" * 900):
        assert site.browser().get(f"/en/country/{code}").status_code == 404


def test_a_list_without_anybody_says_so(site: Site) -> None:
    assert "There is nobody on this list now." in site.browser().get("/en/alerts").text
    assert site.browser().get("/en/newest?page=2").status_code == 404


def test_a_list_has_pages(site: Site) -> None:
    for number in range(13):
        publish(site, f"Child {number}", photos=None)
    assert 'rel="next" href="/en/newest?page=2"' in site.browser().get("/en/newest").text
    assert len(named(site, "/en/newest?page=2")) == 1
    assert 'rel="prev" href="/en/country/FR?page=1"' in site.browser().get("/en/country/FR?page=2").text
