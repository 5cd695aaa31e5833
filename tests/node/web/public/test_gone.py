"""What is over, paused, expired, hidden or kept for other countries: gone from every page at once."""

from collections.abc import Callable
from typing import Any

import pytest

from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.members import membership
from node.services.register import cases
from node.store import marks
from node.store.database import writing
from tests.factories import sample_record
from tests.node.web.public.conftest import Site
from tests.node.web.public.test_child import photographs_of

NAME = "Quetzalcoatl Brightwater"
NAMED: dict[str, Any] = {
    "names": [{"full": NAME, "kind": "legal", "lang": "en"}],
    "age_at_disappearance": {"min": 17, "max": 17, "unit": "year"},
    "birth": "2009-01",
}


def found_in(site: Site, case_id: str) -> dict[str, bool]:
    """Tell where a child is found."""
    browser = site.browser()
    posted = browser.post("/en/search", data={"name": NAME})
    return {
        "search": case_id in posted.text,
        "newest": NAME in browser.get("/en/newest").text,
        "country": NAME in browser.get("/en/search?years=5").text,
        "sitemap": case_id in browser.get("/sitemap-0.xml").text,
    }


def check_gone(site: Site, case_id: str, status: int) -> None:
    answer = site.browser().get(f"/en/child/{case_id}")
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert NAME not in answer.text
    assert not any(found_in(site, case_id).values()), found_in(site, case_id)


def erase(site: Site, case_id: str) -> None:
    owner = site.node if case_id.startswith(site.node.member) else site.peer
    publishing.erase(owner, case_id, "test")


def withdraw(site: Site, case_id: str) -> None:
    owner = site.node if case_id.startswith(site.node.member) else site.peer
    publishing.withdraw(owner, case_id, "test", {"outcome": "recovered_deceased"})


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("end", [erase, withdraw])
def test_a_case_that_ended_is_gone_with_neutral_words(
    site: Site, own: bool, end: Callable[[Site, str], None]
) -> None:
    case_id = site.publish(own=own, **NAMED)
    assert all(found_in(site, case_id).values())
    (photograph,) = photographs_of(site.browser().get(f"/en/child/{case_id}").text)
    assert site.browser().get(photograph).status_code == 200
    end(site, case_id)
    site.pull()
    check_gone(site, case_id, 410)
    assert site.browser().get(photograph).status_code == 410
    words = site.browser().get(f"/en/child/{case_id}").text.lower()
    assert "no longer here" in words
    for word in ("found", "dead", "died", "safe", "recovered", "erased", "withdrawn"):
        assert word not in words
    erasure.purge(site.node)
    check_gone(site, case_id, 410)


@pytest.mark.parametrize("own", [True, False])
def test_a_case_past_its_last_day_is_gone_before_any_job_ran(site: Site, own: bool) -> None:
    case_id = site.publish(own=own, **NAMED)
    site.federation.clock.advance(days=400)
    answer = site.browser().get(f"/en/child/{case_id}")
    assert answer.status_code == 410
    assert NAME not in site.browser().get("/en/newest").text
    assert case_id not in site.browser().post("/en/search", data={"name": NAME}).text
    erasure.expire(site.node)
    check_gone(site, case_id, 410)


@pytest.mark.parametrize("own", [True, False])
def test_a_case_for_other_countries_is_not_shown_here(site: Site, own: bool) -> None:
    case_id = site.publish(own=own, show_in=["DE", "PL"], **NAMED)
    check_gone(site, case_id, 410)
    here = site.publish(own=own, show_in=["FR"], **NAMED)
    assert all(found_in(site, here).values())


@pytest.mark.parametrize("own", [True, False])
def test_the_page_of_who_is_grown_up_pauses(site: Site, own: bool) -> None:
    case_id = site.publish(own=own, **NAMED)
    assert all(found_in(site, case_id).values())
    site.federation.clock.advance(days=100)
    assert publishing.pause_views(site.node if own else site.peer) == [case_id]
    site.federation.refresh()
    site.pull()
    check_gone(site, case_id, 410)


def test_the_cases_of_a_member_with_whom_nothing_is_exchanged_are_not_shown(site: Site) -> None:
    case_id = site.publish(own=False, **NAMED)
    site.federation.announce(site.peer.member, state="suspended")
    membership.refresh(site.node)
    check_gone(site, case_id, 404)
    site.federation.announce(site.peer.member, state="active")
    site.pull()
    assert all(found_in(site, case_id).values())


def test_what_was_never_published_is_nowhere(site: Site) -> None:
    (draft,) = cases.add_cases(
        site.node, [sample_record("pt", photos=None, **NAMED)], "test", site.federation.folder
    )
    check_gone(site, draft.case_id, 404)
    publishing.publish(site.node, [draft.case_id], "test")
    assert all(found_in(site, draft.case_id).values())
    changed = {"names": [{"full": "Other", "kind": "legal"}]}
    cases.change_case(site.node, draft.case_id, changed, "test", site.federation.folder)
    assert all(found_in(site, draft.case_id).values())  # what was published, not what the register has now


def test_a_node_that_was_restored_shows_nothing_before_it_knows_what_was_erased_since(site: Site) -> None:
    case_id = site.publish(**NAMED)
    with writing(site.node.engine) as conn:
        marks.set_mark(conn, marks.RESTORED, site.node.clock())
    own = case_id.partition("/")[2]
    for address in (
        f"/en/child/{case_id}", f"/en/child/{case_id}/seen", f"/en/child/{case_id}/poster", "/en/newest",
        f"/en/child/{case_id}/poster/classic-A4.pdf", f"/en/poster/{own}", f"/proof/{own}.json", "/en/",
        "/en/search?sex=1", "/en/alerts", "/en/countries", "/en/country/FR", "/sitemap.xml", "/sitemap-0.xml",
    ):  # fmt: skip
        answer = site.browser().get(address)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store"), address
        assert NAME not in answer.text


def test_a_case_of_the_police_alone_is_like_no_case(site: Site) -> None:
    at_risk = {"names": NAMED["names"], "sex": 1, "birth": "2015"}
    for owner in (site.node, site.peer):
        (made,) = site.federation.publish(owner.member, {"at_risk_preventive": at_risk})
        site.pull()
        check_gone(site, made.case_id, 404)
