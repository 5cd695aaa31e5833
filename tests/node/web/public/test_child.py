"""The page of a child: what it says, in whose words, and where it leads."""

import json
import re
from typing import Any

import pytest

from tests.factories import lang_text
from tests.node.web.public.conftest import Site, draw


def page_of(site: Site, case_id: str, **headers: str) -> str:
    answer = site.browser().get(f"/en/child/{case_id}", headers=headers)
    assert answer.status_code == 200
    return answer.text


def photographs_of(page: str) -> list[str]:
    return re.findall(r'src="(/photo/[^"]+)"', page)


def test_an_own_child_and_one_of_another_member_have_a_page(site: Site) -> None:
    own, foreign = site.publish(), site.publish(own=False)
    assert "This case is of <bdi>Organisation police.fr.example" in page_of(site, own)
    assert "This case is of <bdi>Organisation police.de.example" in page_of(site, foreign)
    for case_id in (own, foreign):
        (photograph,) = photographs_of(page_of(site, case_id))
        answer = site.browser().get(photograph)
        assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
        assert answer.data.startswith(b"\xff\xd8")


def test_a_page_says_all_that_is_public(site: Site) -> None:
    companion = {"role": "companion", "names": [{"full": "Taras Hnatiuk", "kind": "legal"}], "sex": 1}
    page = page_of(site, site.publish_full(companions=[companion]))
    for said in (
        "An alert is out for this child.",
        "Львівська область",
        "Dmytro Shevchuk",
        "Шевчук Дмитро Олексійович",
        "30 Sept 2026",
        "Zaliznychnyi district, Lviv",
        "Did not come back from training.",
        "15 years",
        "140–145 cm (4′ 7″–4′ 9″)",
        "40.5–44 kg (89–97 lb)",
        "худорлявий",
        "freckled",
        "родимка на шиї",
        "чорна куртка",
        "Ukrainian",
        'href="tel:116000"',
        "/seen",
    ):
        assert said in page, said


def test_the_name_that_the_reader_can_read_comes_first(site: Site) -> None:
    page = page_of(site, site.publish(language="ja"))
    assert re.search(r"<h1><bdi[^>]*>Yui Takahashi</bdi></h1>", page)
    assert "高橋 結衣" in page
    nicknamed = {"full": "Rex", "kind": "nickname", "lang": "en"}
    arabic = {"full": "مريم", "kind": "legal", "lang": "ar"}
    page = page_of(site, site.publish(names=[arabic, nicknamed]))
    assert re.search(r"<h1><bdi[^>]*>مريم</bdi></h1>", page)


def test_who_reads_neither_the_name_nor_the_story_gets_them_in_latin_letters(site: Site) -> None:
    told = lang_text(uk="Зникла.") | {"en": {"text": "Went missing.", "origin": "human"}}
    case_id = site.publish(language="uk", circumstances=told, show_in="all")
    page = site.browser().get(f"/ar/child/{case_id}").text
    assert re.search(r"<h1><bdi[^>]*>Dmytro Shevchuk</bdi></h1>", page)
    assert 'lang="en" dir="auto">Went missing.</span>' in page
    assert "Зникла" not in page
    assert "Шевчук" in page


@pytest.mark.parametrize(
    ("language", "height", "weight"),
    [
        ("fr", "140–145 cm", "40,5–44 kg"),
        ("ar", "140–145 سم", "40.5–44 كغم"),
        ("ru", "140–145 см", "40,5–44 кг"),
    ],
)
def test_measures_are_in_the_units_of_the_language(
    site: Site, language: str, height: str, weight: str
) -> None:
    page = site.browser().get(f"/{language}/child/{site.publish_full()}").text
    said = page.replace("\xa0", " ").replace("\u202f", " ")
    assert height in said
    assert weight in said


def test_a_text_that_a_machine_wrote_is_marked(site: Site) -> None:
    told = {
        "uk": {"text": "Не повернувся.", "origin": "original"},
        "en": {"text": "Did not return.", "origin": "machine"},
    }
    page = page_of(site, site.publish(circumstances=told))
    assert 'lang="en" dir="auto">Did not return.</span>' in page
    assert "Translated by a program; nobody has checked it." in page
    page = page_of(site, site.publish(circumstances=lang_text(fr="Disparue.", uk="Зникла.")))
    assert 'lang="fr" dir="auto">Disparue.</span>' in page
    assert "Translated by a program" not in page


def test_how_old_a_child_is_now_is_said_after_a_year(site: Site) -> None:
    age = {"min": 9, "max": 9, "unit": "year"}
    long = page_of(site, site.publish(missing_since="2020-05-01", age_at_disappearance=age, birth="2011"))
    assert "Age today" in long
    assert "15–16 years" in long
    assert "7 years" in long
    assert "Age today" not in page_of(site, site.publish())


@pytest.mark.parametrize(
    ("kind", "value", "link"),
    [
        ("police", "+33144556677", 'href="tel:+33144556677"'),
        ("web", "https://seen.example/a?b=c", 'href="https://seen.example/a?b=c"'),
    ],
)
def test_a_contact_can_be_pressed(site: Site, kind: str, value: str, link: str) -> None:
    page = page_of(site, site.publish(contacts=[{"kind": kind, "value": value}]))
    assert link in page


@pytest.mark.parametrize("page", ["", "/seen"])
def test_a_number_can_be_kept_in_mind(site: Site, page: str) -> None:
    case_id = site.publish(contacts=[{"kind": "police", "value": "+33144556677"}])
    said = site.browser().get(f"/en/child/{case_id}{page}").text
    assert 'href="tel:+33144556677"' in said
    assert '<bdi dir="ltr">+33 144 556 677</bdi>' in said


def test_what_programs_read_says_the_same(site: Site) -> None:
    case_id = site.publish(language="uk", show_in="all")
    page = page_of(site, case_id)
    found = re.search(r'<script type="application/ld\+json">(.+?)</script>', page, re.S)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    assert told["about"]["name"] == "Dmytro Shevchuk"
    assert told["about"]["alternateName"] == ["Шевчук Дмитро Олексійович"]
    assert told["url"] == f"http://localhost/en/child/{case_id}"
    assert f'<link rel="canonical" href="{told["url"]}">' in page
    assert f'<meta property="og:url" content="{told["url"]}">' in page
    preview = re.search(r'property="og:image" content="http://localhost(/photo/[^"]+)"', page)
    assert preview
    assert site.browser().get(preview[1]).status_code == 200
    assert "unavailable_after: 2027" in page


def test_a_photograph_is_there_under_the_case_that_names_it_alone(site: Site) -> None:
    first, second = site.publish(), site.publish(photos=[draw(site.federation.folder, "b.png")])
    (photograph,) = photographs_of(page_of(site, first))
    assert site.browser().get(photograph.replace(first, second)).status_code == 404
    assert site.browser().get(photograph.replace(".jpg", "x.jpg")).status_code == 404


def test_a_photograph_past_its_own_last_day_is_shown_no_more(site: Site) -> None:
    case_id = site.publish(photos=[{**draw(site.federation.folder), "expires_at": "2026-11-25"}])
    (photograph,) = photographs_of(page_of(site, case_id))
    site.federation.clock.advance(days=5)
    assert photographs_of(page_of(site, case_id)) == []
    assert site.browser().get(photograph).status_code == 404


def test_a_page_is_asked_for_again_and_costs_little_while_nothing_changed(site: Site) -> None:
    case_id = site.publish()
    browser = site.browser()
    first = browser.get(f"/en/child/{case_id}")
    assert first.headers["Cache-Control"] == "public, max-age=60, must-revalidate"
    again = browser.get(f"/en/child/{case_id}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    photograph = browser.get(photographs_of(first.text)[0])
    assert photograph.headers["Cache-Control"] == "public, max-age=300, must-revalidate"
    asked = {"If-None-Match": photograph.headers["ETag"]}
    assert browser.get(photographs_of(first.text)[0], headers=asked).status_code == 304


def test_a_child_without_a_name_or_photograph_has_a_page(site: Site) -> None:
    nameless = {"names": None, "missing_since": None, "last_seen": None}
    case_id = site.publish(category="unaccompanied_migrant", **nameless)
    assert "Name not known" in page_of(site, case_id)
    assert photographs_of(page_of(site, site.publish(photos=None))) == []
