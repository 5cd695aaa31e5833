"""What a member can do to the public sites of others with its true keys, within what its schemas let pass."""

from pathlib import Path
from typing import Any

import pytest

from node.services.site.showing import MAX_ALERTS
from tests.factories import Parts, sample_photo
from tests.federation import DE, FR
from tests.liars import Liar
from tests.node.web.public.conftest import Site, open_site

PHOTOS = [{"kind": "photo", "renditions": [sample_photo()["renditions"][0]]}]


def lying(site: Site) -> Liar:
    """Let the peer lie."""
    made = Liar(site.federation, DE[0])
    site.federation.wire.faults[DE[0]] = [made.fault]
    return made


@pytest.fixture
def liar(site: Site) -> Liar:
    """Give a peer that lies."""
    return lying(site)


def out(**changes: Any) -> dict[str, Any]:
    """Say that an alert is out."""
    return {"state": "active", "level": "amber", "area": {"countries": ["FR"]}, **changes}


def announce(site: Site, liar: Liar, number: int = 1, **public: Any) -> list[str]:
    """Let the peer publish whatever it says of so many children, and give the ids of the cases."""

    def change(parts: Parts) -> None:
        parts["head"]["show_in"] = "all"
        parts["public"] |= public

    for each in range(1, number + 1):
        liar.put(each, change=change)
    site.federation.pull(FR[0], DE[0])
    return [liar.case(each) for each in range(1, number + 1)]


@pytest.mark.parametrize("day", ["2027-02-30", "2026-02-30"])
def test_an_alert_until_a_day_that_there_is_not_breaks_no_page(site: Site, liar: Liar, day: str) -> None:
    (case,) = announce(site, liar, alert=out(until=f"{day}T10:00:00Z"), photos=PHOTOS)
    browser = site.browser()
    for address in (
        *("/en/", "/en/alerts", "/en/newest", f"/en/child/{case}", f"/en/child/{case}/widget"),
        *("/en/widget?list=alerts", "/en/feed/alerts.atom", "/en/feed/newest.json", "/api/v1/alerts"),
    ):
        assert browser.get(address).status_code == 200, address
    assert (case in browser.get("/en/alerts").text) is (day > "2026-11")


def test_alerts_that_have_ended_take_no_place_from_others(site: Site, liar: Liar) -> None:
    """They are newer than any that is out, and more than a list has."""
    real = site.publish(alert=out(), missing_since="2026-11-01")
    ended = out(until="2026-11-21T11:59:59Z")
    announce(site, liar, MAX_ALERTS + 1, alert=ended, missing_since="2026-11-21", photos=PHOTOS)
    browser = site.browser()
    assert real in browser.get("/en/alerts").text
    assert real in browser.get("/en/feed/alerts.atom").text
    assert browser.get("/api/v1/alerts").json["total"] == 1  # type: ignore[index]


def test_a_member_with_many_alerts_leaves_room_for_those_of_others(site: Site, liar: Liar) -> None:
    """They are newer than any other, and more than a list has."""
    real = [site.publish(alert=out(), missing_since=day) for day in ("2026-11-01", "2026-11-02")]
    announce(site, liar, MAX_ALERTS + 1, alert=out(), missing_since="2026-11-21", photos=PHOTOS)
    browser = site.browser()
    listed = [found["case"] for found in browser.get("/api/v1/alerts").json["results"]]  # type: ignore[index]
    assert len(listed) == MAX_ALERTS
    assert [listed.index(case) for case in real] == [3, 1]
    assert all(case in browser.get("/en/alerts").text for case in real)


@pytest.mark.parametrize("letter", ["张", "ξ", "㍿"])
def test_a_name_that_is_many_times_as_long_in_latin_letters_stops_no_pull_and_no_search(
    tmp_path: Path, database_url: str, letter: str
) -> None:
    site = open_site(tmp_path / "site", databases={FR[0]: database_url})
    name = letter * 200
    (case,) = announce(site, lying(site), names=[{"kind": "legal", "full": name}], photos=PHOTOS)
    found = site.browser().post("/en/search", data={"name": name[:100]})
    assert found.status_code == 200, found.text
    assert case in found.text
    site.federation.close()
