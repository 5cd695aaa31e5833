"""Searching the site: by what stands in an address, and by what never does."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from node.services.serving import TooOften
from node.web.public.allowance import Allowance
from node.web.public.search import MAX_WORDS
from tests.factories import lang_text
from tests.node.web.public.conftest import Site, open_site


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three children, for tests that change nothing."""
    made = open_site(tmp_path_factory.mktemp("site"))
    made.publish(language="uk")
    made.publish(language="ja", own=False)
    made.publish(language="pt", missing_since="2020-02-01", category="family_abduction")
    yield made
    made.federation.close()


def post(site: Site, **fields: str) -> TestResponse:
    return site.browser().post("/en/search", data=fields)


def cards_of(answer: TestResponse) -> int:
    assert answer.status_code == 200, answer.text
    return answer.text.count('<a href="/en/child/')


def test_a_name_is_found_in_any_script_of_either_member(tmp_path: Path, database_url: str) -> None:
    site = open_site(tmp_path / "site", databases={"police.fr.example": database_url})
    for own in (True, False):
        site.publish(language="uk", own=own)
        site.publish(language="ja", own=own)
    for asked in ("Dmytro Shevchuk", "Дмитро Шевчук", "Dmitri Schewtschuk", "شيفتشوك دميترو"):
        assert cards_of(post(site, name=asked)) == 2, asked
    site.federation.close()


def test_a_name_with_the_joiners_of_its_script_is_found(site: Site) -> None:
    full = "مهدی می\u200cنژاد"
    site.publish(names=[{"full": full, "kind": "legal", "lang": "fa", "script": "Arab"}])
    assert cards_of(post(site, name=full)) == 1


def test_words_and_place_are_found(site: Site) -> None:
    site.publish(language="uk", clothing=lang_text(en="purple anorak"))
    site.publish(language="ja")
    assert cards_of(post(site, text="anorak")) == 1
    assert cards_of(post(site, place="Lviv", country="FR")) == 1
    assert cards_of(post(site, place="Kyoto", sex="1")) == 0


def test_a_place_alone_is_not_searched_for(site: Site) -> None:
    site.publish(language="uk")
    answer = post(site, place="Lviv")
    assert answer.status_code == 400
    assert "Give something else, too: a name, a country or an age." in answer.text
    assert 'value="Lviv"' in answer.text
    assert "/en/child/" not in answer.text


@pytest.mark.parametrize(
    "beside",
    [
        {"age_min": "0"},
        {"age_max": "120"},
        {"age_max": "17"},
        {"text": "."},
        {"name": "?!"},
        {"text": "–", "age_min": "0"},
    ],
)
def test_a_place_beside_what_leaves_nobody_out_is_a_place_alone(site: Site, beside: dict[str, str]) -> None:
    site.publish(language="uk")
    answer = post(site, place="Lviv", **beside)
    assert answer.status_code == 400
    assert "/en/child/" not in answer.text
    asked = {name: int(text) if text.isdigit() else text for name, text in beside.items()}
    assert site.browser().post("/api/v1/search", json={"place": "Lviv", **asked}).status_code == 422


def test_a_place_is_not_found_as_words(site: Site) -> None:
    site.publish(language="uk", clothing=lang_text(en="purple anorak"))
    assert cards_of(post(site, text="Lviv")) == 0
    assert cards_of(post(site, text="anorak", place="Lviv")) == 1


def test_a_name_stands_in_no_address(site: Site) -> None:
    site.publish(language="uk")
    assert cards_of(site.browser().get("/en/search?name=Yui&text=a&place=b")) == 1  # asks for nothing
    answer = post(site, name="Shevchuk", country="FR")
    assert (answer.status_code, answer.location) == (200, None)
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_can_stand_in_an_address_leads_to_one(site: Site) -> None:
    site.publish(language="uk")
    site.publish(language="ja", own=False)
    answer = post(site, country="FR", sex="1", years="5", age_min="14", age_max="16", category="runaway")
    assert answer.status_code == 303
    assert answer.location is not None
    asked = parse_qs(urlsplit(answer.location).query)
    assert asked == {
        "country": ["FR"], "sex": ["1"], "years": ["5"],
        "age_min": ["14"], "age_max": ["16"], "category": ["runaway"],
    }  # fmt: skip
    found = site.browser().get(answer.location)
    assert cards_of(found) == 1
    assert found.headers["Cache-Control"].startswith("public")
    assert 'value="16"' in found.text


@pytest.mark.parametrize(
    ("conditions", "number"),
    [
        ("", 3), ("country=DE", 1), ("country=FR", 2), ("sex=2", 1), ("years=1", 2), ("years=10", 3),
        ("age_min=14", 1), ("age_max=8", 1), ("category=runaway", 2), ("category=family_abduction", 1),
    ],
)  # fmt: skip
def test_every_condition_narrows(looked_at: Site, conditions: str, number: int) -> None:
    assert cards_of(looked_at.browser().get(f"/en/search?{conditions}")) == number


@pytest.mark.parametrize(
    "query",
    [
        "country=XX", "country=fr", "sex=7", "sex=1x", "years=3", "years=-1", "category=x", "age_min=-1",
        "age_max=1e3", "age_min=999", "age_min=9&age_max=8", "page=0", "page=1.5", "page=99999", "age_min=٣",
        f"country={'X' * 5_000}",
    ],
)  # fmt: skip
def test_an_address_that_asks_for_what_there_is_not_is_refused(looked_at: Site, query: str) -> None:
    assert looked_at.browser().get(f"/en/search?{query}").status_code in (400, 404)


@pytest.mark.parametrize("field", ["name", "text", "place"])
def test_a_question_that_is_too_long_is_refused_and_kept_as_far_as_it_may_be(site: Site, field: str) -> None:
    answer = post(site, **{field: "a" * (MAX_WORDS + 1), "sex": "1"})
    assert answer.status_code == 400
    assert f"Use at most {MAX_WORDS} characters." in answer.text
    assert "a" * (MAX_WORDS + 1) not in answer.text


@pytest.mark.parametrize("field", ["name", "text", "place", "country", "page", "nothing"])
def test_a_question_of_a_million_characters_is_not_read(site: Site, field: str) -> None:
    answer = post(site, **{field: "a" * 1_000_000})
    assert answer.status_code == 413
    assert len(answer.data) < 10_000


def test_a_form_of_a_thousand_fields_is_not_read(site: Site) -> None:
    answer = site.browser().post("/en/search", data={f"f{number}": "a" for number in range(1_000)})
    assert answer.status_code in (200, 303, 400, 413)
    assert len(answer.data) < 30_000


@pytest.mark.parametrize("text", ["(qq+)+$", "\x00", "a\x1bb", "%_'\";--", "‮abc", '" OR *', "😀" * 50])
def test_a_question_that_is_no_name_finds_nothing_and_breaks_nothing(looked_at: Site, text: str) -> None:
    for field in ("name", "text"):
        answer = post(looked_at, **{field: text})
        assert answer.status_code in (200, 400), field
        assert "/en/child/" not in answer.text


def test_many_are_given_in_pages(site: Site) -> None:
    for _ in range(13):
        site.publish(photos=None)
    first = post(site, name="João Pedro Nascimento")
    assert cards_of(first) == 12
    assert "13 results." in first.text
    assert '<button name="page" value="2">' in first.text
    assert cards_of(post(site, name="João Pedro Nascimento", page="2")) == 1
    assert cards_of(site.browser().get("/en/search?country=FR&page=2")) == 1


def test_whoever_searches_in_a_loop_waits_and_others_do_not(site: Site) -> None:
    site.publish(language="uk")
    site.app.extensions["allowance"] = Allowance(each=0.01, everybody=100)

    def ask(address: str, **asked: str) -> TestResponse:
        return site.browser().post("/en/search", data=asked, environ_overrides={"REMOTE_ADDR": address})

    answers = [ask(f"2001:db8:1:2::{number}", name="\u4e2d" * 100) for number in range(30)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61
    assert ask("2001:db8:1:3::1", name="Dmytro Shevchuk").status_code == 200
    slow = site.browser().get("/sitemap-0.xml", environ_overrides={"REMOTE_ADDR": "2001:db8:1:2::9"})
    assert slow.status_code == 429
    for page in ("/en/", "/en/search?sex=1", "/en/newest"):
        again = site.browser().get(page, environ_overrides={"REMOTE_ADDR": "2001:db8:1:2::9"})
        assert again.status_code == 200, page


def test_a_crowd_that_searches_leaves_the_machine_to_pages() -> None:
    allowance = Allowance(each=100, everybody=0.01)
    with allowance.spend("a"):
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
    with pytest.raises(TooOften), allowance.spend("b"):
        pass
    allowance._begun -= 60  # a minute later
    with allowance.spend("b"):
        pass
