"""Every page of the site: what each answer has, and what none ever has."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from werkzeug.datastructures import LanguageAccept

from node.runtime import KeylessNode
from node.services.site import showing
from node.web.languages import path_of
from node.web.public.request import LANGUAGES
from schemas import Schemas
from tests.factories import sample_full_record
from tests.node.web.console.test_hostile_cases import OVERRIDE, SCRIPT, WEB, Looked, hostile
from tests.node.web.public.conftest import Site, draw

CANARY = "Kanarienvogel"
MAX_PAGE = 60_000


def addresses(site: Site) -> Iterator[str]:
    """Give every address that a page of the site leads to, beginning with the first, in one language: the
    others have the same pages."""
    others = tuple(f"/{language}/" for language in site.app.extensions["languages"] if language != "en")
    seen, waiting = set[str](), ["/", "/robots.txt", "/sitemap.xml", "/sitemap-0.xml", "/sitemap-lists.xml"]
    while waiting:
        address = waiting.pop(0)
        if address in seen or address.startswith(others):
            continue
        seen.add(address)
        yield address
        answer = site.browser().get(address)
        if answer.location:
            waiting.append(answer.location)
        if answer.mimetype in ("text/html", "application/xml"):
            found = re.findall(r'(?:href|src|content)="(?:http://localhost)?(/[^"#]*)"', answer.text)
            found += re.findall(r"<loc>http://localhost(/[^<]+)</loc>", answer.text)
            waiting += [each.replace("&amp;", "&") for each in found]


def closed_record(record: dict[str, Any]) -> dict[str, Any]:
    """Put a canary into every text that is not public, and return the record."""
    public = Schemas.packaged().keep_known("summary", "public", record).keys() - {"companions"}
    return {
        name: value if name in public or name in _NEEDED else _with_canary(value)
        for name, value in record.items()
    }


_NEEDED = {
    "birth",
    "show_in",
    "adult_decision",
    "last_seen",
    "outcome",
    "outcome_date",
    "review_due",
    "purge_by",
}


_DATA = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.S)


def _with_canary(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: f"{CANARY} {name}" if name in _TEXTS and isinstance(inner, str) else _with_canary(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_canary(item) for item in value]
    return value


_TEXTS = {"text", "full", "make", "model", "colour", "plate", "reason", "value"}


@pytest.mark.parametrize("own", [True, False])
def test_nothing_of_the_closed_parts_is_ever_in_an_answer(site: Site, own: bool) -> None:
    record = closed_record(sample_full_record(photos=[draw(site.federation.folder)], show_in="all"))
    record["last_seen"]["place"] = {"uk": {"text": f"{CANARY} place", "origin": "original"}}
    record |= {"notes": CANARY, "reference": CANARY, "publication_decision": None, "birth": "2011-08-17"}
    record["authority"]["name"] = {"en": {"text": CANARY, "origin": "original"}}
    record = {name: value for name, value in record.items() if value is not None}
    assert str(record).count(CANARY) > 15
    owner = site.node if own else site.peer
    (made,) = site.federation.publish(owner.member, record)
    site.pull()
    walked = list(addresses(site))
    assert f"/en/child/{made.case_id}" in walked
    assert any(address.startswith("/photo/") for address in walked)
    for address in walked:
        answer = site.browser().get(address)
        assert answer.status_code in (200, 302, 404), address  # 404: what others make
        for secret in (CANARY.encode(), b"2011-08", b"49.8398", b"23.9940", b"salt"):
            assert secret not in answer.data, (address, secret)
    for asked in (CANARY, "2011", "Taras", "Octavia"):
        found = site.browser().post("/en/search", data={"name": asked, "text": asked})
        assert made.case_id not in found.text


def test_every_answer_has_what_keeps_a_reader_safe(site: Site) -> None:
    site.publish()
    for address in addresses(site):
        answer = site.browser().get(address)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert ("script-src 'self'" in policy) == address.endswith("/seen")  # for its map
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
        if answer.status_code == 200 and answer.mimetype == "text/html":
            assert len(answer.data) < MAX_PAGE
            assert re.search(r'<html lang="en" dir="ltr">', answer.text)
            assert answer.text.count("<h1>") == 1, address
            others = re.findall(r'(?:src|href)="(https?:[^"]+)"', answer.text)
            allowed = ("http://localhost/", "https://c2sp.org/")  # the second is what a proof is explained by
            assert all(other.startswith(allowed) for other in others)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("text", [SCRIPT, OVERRIDE])
def test_what_a_peer_wrote_is_only_ever_text(site: Site, own: bool, text: str) -> None:
    record = hostile(text, WEB) | {
        "photos": [draw(site.federation.folder) | {"alt": {"en": {"text": text, "origin": "original"}}}],
        "show_in": "all",
        "adult_decision": {"decided_on": "2026-11-01", "by_role": "supervisor", "reason": "b"},
        "publication_decision": {"decided_on": "2026-11-01", "by_role": "supervisor", "reason": "b"},
    }
    record["alert"]["state"] = "active"
    site.publish_full(own=own, **{"at_risk_preventive": None, **record})
    shown = 0
    for address in addresses(site):
        answer = site.browser().get(address)
        if answer.mimetype != "text/html":
            continue
        assert not any("<" in block or ">" in block for block in _DATA.findall(answer.text))
        looked = Looked(
            re.sub(r'<script type="application/ld\+json">.*?</script>', "", answer.text, flags=re.S)
        )
        assert looked.wrong == [], address
        assert looked.loose() == [], address
        shown += "/child/" in address
        assert "javascript:" not in " ".join(re.findall(r'href="([^"]*)"', answer.text))
    assert shown


@pytest.mark.parametrize(
    "path",
    [
        "/xx/", "/xx/newest", "/EN/", "/eng/", "/en/child/police.fr.example/short",
        "/en/child/police.fr.example/../secret", "/en/child/..%2f..%2fetc/passwd",
        "/en/child/../../etc/aaaaaaaaaaaaaaaaaaaaaaaaaa", "/en/child/%2e%2e/aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/en/child/police.fr.example/" + "a" * 26, "/en/child/nobody.example/" + "a" * 26,
        "/en/child/police.fr.example/" + "A" * 26, f"/en/child/{'a' * 9_000}/{'b' * 26}",
        "/photo/police.fr.example/" + "a" * 26 + "/" + "0" * 64 + ".jpg", "/photo/../../../etc/passwd",
        "/static/x/../app.py", "/static/x/..%2fapp.py", "/static/x/base.html", "/en//newest", "/tlh/",
    ],
)  # fmt: skip
def test_an_address_that_leads_nowhere_is_answered_with_a_page(site: Site, path: str) -> None:
    answer = site.browser().get(path)
    assert answer.status_code in (404, 410)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "There is nothing here" in answer.text
    assert "passwd" not in answer.text


@pytest.mark.parametrize("path", ["/", "/nothing", "/en/help"])
def test_who_asks_for_languages_without_end_costs_no_more_than_others(
    site: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0
    match = LanguageAccept._value_matches

    def count(self: LanguageAccept, value: str, item: str) -> bool:
        nonlocal compared
        compared += 1
        return match(self, value, item)

    monkeypatch.setattr(LanguageAccept, "_value_matches", count)
    site.app.extensions["languages"] |= dict.fromkeys(LANGUAGES, "")
    asked = ",".join(["xx"] * 5_000)
    assert site.browser().get(path, headers={"Accept-Language": asked}).status_code < 500
    assert compared < 5_000


@pytest.mark.parametrize("host", ["x" * 5_000, f"{'a' * 64}.example", "a b", "[::1", 'x"><script>', ""])
def test_a_host_that_is_none_is_no_error_of_the_site(site: Site, host: str) -> None:
    for path in ("/", "/en/", "/en/nothing", "/static/x/y"):
        answer = site.browser().get(path, headers={"Host": host})
        assert answer.status_code < 500, path
        assert "script>" not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_first_page_is_in_the_language_of_the_browser_where_there_is_one(
    site: Site, tmp_path: Path
) -> None:
    answer = site.browser().get("/", headers={"Accept-Language": "xx, en;q=0.5"})
    assert (answer.status_code, answer.location) == (302, "/en/")
    assert answer.headers["Vary"] == "Accept-Language"


def test_every_page_leads_to_itself_in_the_other_languages(site: Site) -> None:
    case_id = site.publish()
    evil = "_scheme=javascript&_external=1&_anchor=x&endpoint=y&language=el&self=1&page=1&sex=1"
    for path in (f"child/{case_id}", "newest", "search", ""):
        page = site.browser().get(f"/en/{path}?{evil}")
        assert page.status_code == 200
        links = re.findall(r'href="([^"]*)"[^>]* hreflang="el"', page.text)
        assert [link.partition("?")[0] for link in links] == [f"/el/{path}"]
        alternates = re.findall(r'rel="alternate" hreflang="([a-z]+)" href="([^"]+)"', page.text)
        assert {language for language, _ in alternates} == set(site.app.extensions["languages"])
        assert all(address.startswith("http://localhost/") for _, address in alternates)
        assert "javascript" not in page.text


def test_a_member_that_is_not_listed_shows_nobody_and_says_so_in_plain_words(site: Site) -> None:
    own, other = site.publish(), site.publish(own=False)
    opaque = own.partition("/")[2]
    network = site.node.network()
    others = tuple(member for member in network.roster.members if member.id != site.node.member)
    left = replace(network, roster=replace(network.roster, members=others))
    answers = {
        "/en/": 200, "/en/newest": 200, "/en/countries": 200, "/en/search?sex=1": 200, "/en/help": 200,
        "/en/library": 200, "/en/widget": 200, "/en/feed/newest.atom": 200, "/sitemap.xml": 200,
        f"/en/child/{own}": 503, f"/en/child/{own}/seen": 503, f"/en/child/{own}/posters": 404,
        f"/en/child/{own}/poster": 503, f"/en/child/{own}/widget": 503, f"/en/poster/{opaque}": 503,
        f"/proof/{opaque}.json": 503, "/proof/keys.json": 503, f"/api/v1/cases/{own}": 503,
        f"/en/child/{other}": 404, f"/api/v1/cases/{other}": 404, "/en/nothing": 404,
    }  # fmt: skip
    with patch.object(KeylessNode, "network", lambda node: left):
        for path, status in answers.items():
            answer = site.browser().get(path)
            assert answer.status_code == status, path
            assert own not in re.sub(r'href="[^"]*"|"url":"[^"]*"', "", answer.text), path
            assert "join request" not in answer.text
            if status == 503 and "api" not in path:
                assert "Not available now" in answer.text
    assert site.browser().get(f"/en/child/{own}").status_code == 200


@pytest.mark.parametrize("error", [RuntimeError("secret"), ValueError("secret")])
def test_what_went_wrong_is_said_to_the_log_alone(site: Site, error: Exception) -> None:
    with patch.object(showing, "find_children", side_effect=error):
        answer = site.browser().get("/en/newest")
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_other_methods_are_refused(site: Site) -> None:
    case_id = site.publish()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert site.browser().open(f"/en/child/{case_id}", method=method).status_code == 405


def test_the_style_sheet_is_small_and_kept_for_a_day(site: Site) -> None:
    address = re.search(r'href="(/static/[^"]+\.css)"', site.browser().get("/en/").text)
    assert address
    answer = site.browser().get(address[1])
    assert len(answer.data) < 12_000
    assert "max-age=86400" in answer.headers["Cache-Control"]
    assert not path_of("site", "en").exists()  # English needs no file


def test_a_style_sheet_asked_for_ahead_is_not_kept_as_that_of_the_next_release(site: Site) -> None:
    answer = site.browser().get("/static/0123456789ab/site.css")
    assert (answer.status_code, "max-age=60" in answer.headers["Cache-Control"]) == (200, True)
