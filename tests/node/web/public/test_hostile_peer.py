"""What a member can do to the public sites of others with its true keys, within what its schemas let pass."""

from typing import Any

import pytest

from tests.factories import Parts
from tests.federation import DE, FR
from tests.liars import Liar
from tests.node.web.public.conftest import Site


@pytest.fixture
def liar(site: Site) -> Liar:
    """Let the peer lie."""
    made = Liar(site.federation, DE[0])
    site.federation.wire.faults[DE[0]] = [made.fault]
    return made


def out(**changes: Any) -> dict[str, Any]:
    """Say that an alert is out."""
    return {"state": "active", "level": "amber", "area": {"countries": ["FR"]}, **changes}


def announce(site: Site, liar: Liar, number: int = 1, **public: Any) -> str:
    """Let the peer publish whatever it says of a child, and give the id of the case."""

    def change(parts: Parts) -> None:
        parts["head"]["show_in"] = "all"
        parts["public"] |= public

    liar.put(number, change=change)
    site.federation.pull(FR[0], DE[0])
    return liar.case(number)


@pytest.mark.parametrize("day", ["2027-02-30", "2026-02-30"])
def test_an_alert_until_a_day_that_there_is_not_breaks_no_page(site: Site, liar: Liar, day: str) -> None:
    photos = [{"kind": "photo", "renditions": [_small()]}]
    case = announce(site, liar, alert=out(until=f"{day}T10:00:00Z"), photos=photos)
    browser = site.browser()
    for address in (
        *("/en/", "/en/alerts", "/en/newest", f"/en/child/{case}", f"/en/child/{case}/widget"),
        *("/en/widget?list=alerts", "/en/feed/alerts.atom", "/en/feed/newest.json", "/api/v1/alerts"),
    ):
        assert browser.get(address).status_code == 200, address
    assert (case in browser.get("/en/alerts").text) is (day > "2026-11")


def _small() -> dict[str, Any]:
    return {"sha256": "ab" * 32, "media_type": "image/jpeg", "width": 240, "height": 300, "bytes": 9876}
