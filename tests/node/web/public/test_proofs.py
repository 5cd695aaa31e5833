"""Is this poster real? What the code on a poster leads to, and what strangers can check."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from node.services.disclosure import issuing, publishing
from node.services.site.checking import check_proof
from node.store import marks
from node.store.database import writing
from protocol.note import VerifierKey
from protocol.roster import parse_roster
from tests.node.web.public.conftest import Site


def opaque(case_id: str) -> str:
    return case_id.rpartition("/")[2]


def test_the_code_leads_to_the_reader_s_language(site: Site) -> None:
    half = opaque(site.publish())
    answer = site.browser().get(f"/p/{half}", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.location) == (302, f"/en/poster/{half}")
    assert "Accept-Language" in answer.headers["Vary"]
    assert site.browser().get(f"/p/{half}?v=3").location == f"/en/poster/{half}?v=3"
    assert site.browser().get(f"/p/{half}?v=%3Cscript%3E").location == f"/en/poster/{half}"


def test_a_real_and_current_poster(site: Site) -> None:
    case_id = site.publish()
    issuing.issue(site.node)
    page = site.browser().get(f"/en/poster/{opaque(case_id)}")
    assert page.status_code == 200
    for words in (
        "Yes, this case is real",
        f"Organisation {site.node.member}",
        "Version 1 of",
        "current until",
    ):
        assert words in page.text
    assert f'href="/proof/{opaque(case_id)}.json"' in page.text
    assert f'href="/en/child/{case_id}"' in page.text
    assert page.text.count('src="/photo/') == 1  # the small one, for comparing
    assert page.text.count('href="/photo/') == 1  # the largest, to be taken along
    assert "Set-Cookie" not in page.headers
    assert "must-revalidate" in page.headers["Cache-Control"]


def test_the_numbers_to_call_are_told_so_that_a_copied_code_helps_no_forger(site: Site) -> None:
    contact = {"kind": "hotline", "value": "116000", "country": "FR", "languages": ["fr"], "hours": "24/7"}
    page = site.browser().get(f"/en/poster/{opaque(site.publish(contacts=[contact]))}")
    assert 'href="tel:116000"' in page.text
    assert "Compare your poster with this page." in page.text


def test_an_older_poster_is_told(site: Site) -> None:
    case_id = site.publish()
    publishing.publish(site.node, [case_id], "test")
    half = opaque(case_id)
    assert "some of what it says may have changed" in site.browser().get(f"/en/poster/{half}?v=1").text
    assert "may have changed" not in site.browser().get(f"/en/poster/{half}?v=2").text


def test_a_version_that_never_was_is_not_trusted(site: Site) -> None:
    page = site.browser().get(f"/en/poster/{opaque(site.publish())}?v=7")
    assert "Do not trust this poster" in page.text
    assert "Yes, this case is real" not in page.text


@pytest.mark.parametrize("end", ["withdraw", "erase"])
def test_a_poster_whose_case_is_over(site: Site, end: str) -> None:
    case_id = site.publish()
    name = "Vitória"
    getattr(publishing, end)(site.node, case_id, "test")
    page = site.browser().get(f"/en/poster/{opaque(case_id)}")
    assert page.status_code == 410
    assert "Please take it down." in page.text
    assert "Thank you for helping." in page.text
    assert page.headers["Cache-Control"] == "no-store"
    for word in (name, "found", "dead", "withdrawn", "closed", opaque(case_id) + '"'):
        assert word not in page.text.partition("<main")[2]
    assert site.browser().get(f"/proof/{opaque(case_id)}.json").status_code == 410


def test_a_poster_of_a_case_that_was_withdrawn_by_mistake_leads_on(site: Site) -> None:
    first = site.publish()
    publishing.publish(site.node, [first], "test")
    browser = site.browser()
    publishing.withdraw(site.node, first, "test")
    assert browser.get(f"/en/poster/{opaque(first)}").status_code == 410
    second = publishing.undo_withdrawal(site.node, first, "test").case_id
    answer = browser.get(f"/en/poster/{opaque(first)}?v=2")
    assert (answer.status_code, answer.location) == (302, f"/en/poster/{opaque(second)}")
    publishing.withdraw(site.node, second, "test")
    third = publishing.undo_withdrawal(site.node, second, "test").case_id
    for old in (first, second):
        assert browser.get(f"/en/poster/{opaque(old)}").location == f"/en/poster/{opaque(third)}"
    assert browser.get(f"/proof/{opaque(first)}.json").status_code == 410
    publishing.erase(site.node, third, "test")
    for old in (first, second, third):
        assert browser.get(f"/en/poster/{opaque(old)}").status_code == 410


@pytest.mark.parametrize("half", ["a" * 26, "A" * 26, "a", "a" * 27, "..", "%2e%2e", "a" * 5000, "'\"<b>"])
def test_a_poster_that_is_not_from_here(site: Site, half: str) -> None:
    page = site.browser().get(f"/en/poster/{half}")
    assert page.status_code == 404
    assert "<b>" not in page.text
    if "." not in half:
        assert "This poster is not from us" in page.text
    assert site.browser().get(f"/proof/{half}.json").status_code == 404


def test_another_member_s_poster_is_not_answered_for(site: Site) -> None:
    half = opaque(site.publish(own=False))
    assert site.browser().get(f"/en/poster/{half}").status_code == 404
    assert site.browser().get(f"/proof/{half}.json").status_code == 404


def test_the_page_of_a_child_leads_to_whoever_answers_for_it(site: Site) -> None:
    own, foreign = site.publish(), site.publish(own=False)
    browser = site.browser()
    assert f'href="/en/poster/{opaque(own)}"' in browser.get(f"/en/child/{own}").text
    assert "/p/" not in browser.get(f"/en/child/{foreign}").text
    address = "https://missing.police.de.example"
    site.federation.announce(site.peer.member, site=address)
    assert browser.get(f"/en/child/{foreign}").status_code == 404  # until its new fingerprint is accepted
    site.federation.accept_all(site.node)
    assert f'href="{address}/p/{opaque(foreign)}"' in browser.get(f"/en/child/{foreign}").text


def test_the_proof_is_checked_with_what_the_site_gives(site: Site) -> None:
    case_id = site.publish()
    issuing.issue(site.node)
    browser = site.browser()
    proof = browser.get(f"/proof/{opaque(case_id)}.json")
    assert proof.content_type == "application/json"
    assert proof.headers["Access-Control-Allow-Origin"] == "*"
    roster = parse_roster(browser.get("/proof/roster.json").data)
    checked = check_proof(proof.data, roster, site.node.now())
    assert (checked.case_id, checked.problem) == (case_id, "")
    page = browser.get(f"/en/poster/{opaque(case_id)}").text
    addresses = re.findall(r'(?:src|href)="(/photo/[^"]+)"', page)
    assert len(set(addresses)) == 2
    assert all(checked.shows(browser.get(address).data) for address in addresses)


def test_the_keys_are_a_jwk_set_and_vkeys(site: Site) -> None:
    case_id = site.publish()
    issuing.issue(site.node)
    browser = site.browser()
    keys = browser.get("/proof/keys.json").json
    assert keys is not None
    statement = json.loads(browser.get(f"/proof/{opaque(case_id)}.json").data)["statement"]
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(statement)["kid"]]
    options = {"verify_exp": False, "verify_iat": False}  # the clock of the test stands
    assert jwt.decode(statement, key.key, algorithms=["EdDSA"], options=options)["case"] == case_id
    vkeys = [VerifierKey.parse(text) for text in keys["vkeys"]]
    assert vkeys == list(site.node.entry().feed("network").keys)


def test_the_example_for_other_programs_works(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[4] / "docs" / "proofs.md").read_text("utf-8")
    (program,) = re.findall(r"^```python statement\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    case_id = site.publish()
    site.federation.clock.now = datetime.now(UTC)  # PyJWT looks at the machine's
    publishing.publish(site.node, [case_id], "test")
    issuing.issue(site.node)
    browser = site.browser()
    small = browser.get(f"/en/poster/{opaque(case_id)}").text.partition('src="')[2].partition('"')[0]
    given = {"proof.json": f"/proof/{opaque(case_id)}.json", "keys.json": "/proof/keys.json"}
    for name, address in {**given, "photograph.jpg": small}.items():
        (tmp_path / name).write_bytes(browser.get(address).data)
    monkeypatch.chdir(tmp_path)
    exec(program, {})  # noqa: S102 - the page's own
    assert capsys.readouterr().out == f"{site.node.member} {case_id} version 2\n"
    (tmp_path / "photograph.jpg").write_bytes(b"another")
    with pytest.raises(AssertionError, match="another photograph"):
        exec(program, {})  # noqa: S102


def test_before_it_is_signed_the_page_is_there_and_the_proof_is_not(site: Site) -> None:
    half = opaque(site.publish())
    page = site.browser().get(f"/en/poster/{half}")
    assert page.status_code == 200
    assert "is not ready" in page.text
    assert site.browser().get(f"/proof/{half}.json").status_code == 503


def test_a_restored_node_answers_for_no_poster(site: Site) -> None:
    half = opaque(site.publish())
    with writing(site.node.engine) as conn:
        marks.set_mark(conn, marks.RESTORED, site.node.now())
    assert site.browser().get(f"/en/poster/{half}").status_code == 503


def test_how_to_check_is_explained(site: Site) -> None:
    page = site.browser().get("/en/check")
    assert page.status_code == 200
    assert "gmcn verify" in page.text
    assert "/proof/roster.json" in page.text
    assert "/proof/keys.json" in page.text
