"""Pages that are kept for a moment: what they save, and that nobody who left is on them."""

import itertools
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from node.services.disclosure import publishing
from node.services.members import membership
from node.services.register import cases
from node.services.site import look
from node.web.public import kept
from node.web.public.kept import KEPT_SECONDS, KeptPages
from tests.node.web.public.conftest import Site
from tests.node.web.public.test_child import photographs_of

NAMED: dict[str, Any] = {"names": [{"full": "Quetzalcoatl Brightwater", "kind": "legal", "lang": "en"}]}
AROUND = (object(),)


@pytest.fixture
def written() -> Iterator[list[str]]:
    """Note which templates are rendered."""
    names: list[str] = []
    render = kept.render_template

    def note(template: str, **values: object) -> str:
        names.append(template)
        return render(template, **values)

    with patch.object(kept, "render_template", note):
        yield names


def test_a_page_is_written_once_for_all_who_ask_for_the_same(site: Site, written: list[str]) -> None:
    case_id = site.publish(**NAMED)
    addresses = (f"/en/child/{case_id}", "/en/newest", "/en/search?country=FR", "/en/", "/en/widget")
    first = [site.browser().get(address) for address in addresses]
    assert len(written) == len(addresses)
    again = [site.browser().get(address) for address in addresses]
    assert len(written) == len(addresses)
    assert [page.data for page in again] == [page.data for page in first]
    assert [page.headers["ETag"] for page in again] == [page.headers["ETag"] for page in first]


@pytest.mark.parametrize("own", [True, False])
def test_who_is_erased_is_on_no_page_that_was_kept(site: Site, own: bool) -> None:
    case_id = site.publish(own=own, **NAMED)
    addresses = (f"/en/child/{case_id}", "/en/newest", "/en/search?years=5", "/en/", "/en/widget")
    assert all("Brightwater" in site.browser().get(address).text for address in addresses)
    publishing.erase(site.node if own else site.peer, case_id, "test")
    site.pull()
    left = [site.browser().get(address) for address in addresses]
    assert left[0].status_code == 410
    assert not any("Brightwater" in page.text for page in left)


def test_whose_owner_may_not_be_shown_is_on_no_page_that_was_kept(site: Site) -> None:
    case_id = site.publish(own=False, **NAMED)
    addresses = (f"/en/child/{case_id}", "/en/newest")
    assert all("Brightwater" in site.browser().get(address).text for address in addresses)
    site.federation.announce(site.peer.member, state="suspended")
    membership.refresh(site.node)
    assert not any("Brightwater" in site.browser().get(address).text for address in addresses)


def test_a_page_follows_what_it_is_made_of(site: Site) -> None:
    until = (site.node.now() + timedelta(hours=1)).isoformat()
    alert = {"level": "amber", "area": {"countries": ["FR"]}, "state": "active"}
    case_id = site.publish(own=False, **NAMED, alert={**alert, "until": until})
    address, browser = f"/en/child/{case_id}", site.browser()
    assert "An alert is out" in browser.get(address).text
    site.federation.clock.advance(hours=2)
    assert "An alert is out" not in browser.get(address).text
    assert "Missing since" in browser.get(address).text
    assert browser.get(address.replace("/en/", "/fr/")).text.startswith('<!doctype html>\n<html lang="fr"')

    (photograph,) = photographs_of(browser.get(address).text)
    sha256 = photograph.rpartition("/")[2].removesuffix(".jpg")
    data = site.node.blobs.get(site.peer.member, sha256)
    assert data
    site.node.blobs.delete(site.peer.member, sha256)
    assert photograph not in browser.get(address).text
    site.node.blobs.put(site.peer.member, data)
    assert photograph in browser.get(address).text

    look.change_look(site.node, "test", names={"en": "Find them"})
    assert "Find them" in browser.get(address).text
    site.federation.announce(site.peer.member, names={"en": "Another name"})
    membership.refresh(site.node)
    assert "Another name" in browser.get(address).text
    changed = {"names": [{"full": "Other", "kind": "legal", "lang": "en"}]}
    cases.change_case(site.peer, case_id, changed, "test", site.federation.folder)
    publishing.publish(site.peer, [case_id], "test")
    site.pull()
    assert "Brightwater" not in browser.get(address).text


def test_how_many_children_a_country_has_is_counted_once_a_minute(site: Site) -> None:
    site.publish(**NAMED)
    first = site.browser().get("/en/countries").data
    site.publish(**NAMED)
    assert site.browser().get("/en/countries").data == first
    later = time.monotonic() + KEPT_SECONDS + 1
    with patch.object(kept.time, "monotonic", lambda: later):
        assert "2 children" in site.browser().get("/en/countries").text


def test_another_day_is_another_page(site: Site) -> None:
    since = (site.node.now() - timedelta(days=3)).date().isoformat()
    address = f"/en/child/{site.publish(**NAMED, missing_since=since)}"
    first = site.browser().get(address).text
    site.federation.clock.advance(days=1)
    assert site.browser().get(address).text != first  # for how long the child has been missing


def test_pages_name_the_host_that_was_asked_for(site: Site) -> None:
    address = f"/en/child/{site.publish(**NAMED)}"
    for host in ("one.example", "two.example"):
        page = site.browser().get(address, base_url=f"http://{host}").text
        assert f'<link rel="canonical" href="http://{host}{address}">' in page


def test_every_process_writes_the_addresses_of_a_page_alike(site: Site) -> None:
    page = site.browser().get("/en/search?years=5&category=runaway&sex=1&country=FR").text
    assert 'href="/fr/search?country=FR&amp;sex=1&amp;years=5&amp;category=runaway"' in page


def test_a_name_that_was_searched_for_is_not_kept(site: Site, written: list[str]) -> None:
    site.publish(**NAMED)
    for _ in range(2):
        assert "Brightwater" in site.browser().post("/en/search", data={"name": "Brightwater"}).text
    assert written == ["search.html"] * 2
    kept_now = site.app.extensions["kept"]._pages
    assert [key[0] for key in kept_now] == ["shell.html"]  # what stands around every page
    assert "Brightwater" not in str(kept_now)


def test_what_somebody_makes_up_takes_no_room_beside_the_pages(site: Site, written: list[str]) -> None:
    site.publish(**NAMED)
    for _ in range(2):
        assert "Brightwater" in site.browser().get(f"/en/newest?made-up={'x' * 10_000}").text
    assert written == ["list.html"] * 2
    assert not site.app.extensions["kept"]._pages


def test_the_answer_to_head_is_given_to_nobody_else(site: Site) -> None:
    address = f"/en/child/{site.publish(**NAMED)}"
    site.browser().head(address)
    assert "hreflang" in site.browser().get(address).text


def test_no_more_is_kept_than_there_is_room_for() -> None:
    pages, asked = KeptPages(most=100), list[int]()
    for number in (1, 2, 3, 4, 4, 1):
        pages.get(AROUND, number, lambda number=number: asked.append(number) or bytes(30))  # type: ignore[misc]
    assert asked == [1, 2, 3, 4, 1]
    assert pages.get(AROUND, "large", lambda: bytes(101)) == bytes(101)
    assert not pages._pages
    assert pages._bytes == 0


def test_nothing_is_kept_longer_than_a_minute() -> None:
    pages, times = KeptPages(), itertools.chain([0.0, 0.0], itertools.repeat(KEPT_SECONDS + 1))
    with patch.object(kept.time, "monotonic", lambda: next(times)):
        pages.get(AROUND, "one", lambda: b"first")
        assert pages.get(AROUND, "two", lambda: b"second") == b"second"
        assert list(pages._pages) == ["two"]
        assert pages._bytes == len(b"second")


def test_what_was_written_before_a_change_is_not_kept_after_it() -> None:
    pages = KeptPages()

    def change_meanwhile() -> bytes:
        pages.get((object(),), "other", lambda: b"new")
        return b"old"

    assert pages.get(AROUND, "page", change_meanwhile) == b"old"
    assert list(pages._pages) == ["other"]
