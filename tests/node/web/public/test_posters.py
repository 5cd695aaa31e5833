"""Posters on the site: the page that offers them, and what is on them."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from werkzeug.test import TestResponse

from node.adapters.typesetting import Typesetter
from node.config import SiteConfig
from node.runtime import KeylessNode
from node.services.disclosure import publishing
from node.services.site.poster_column import Column
from node.services.site.poster_sheet import FORMATS, PAPER, SCREENS, STYLES, lay_out
from node.services.site.posters import Turns, _occasion, find_for_poster
from node.services.site.showing import find_shown
from node.web.public import make_site_app
from node.web.public.poster_text import describe
from node.web.public.posters import address_on_paper
from protocol.policy import Policy
from tests.factories import lang_text, sample_full_record, sample_record
from tests.node.web.public.conftest import Site, draw, open_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all: setting its first poster takes as long as the rest."""
    made = open_site(tmp_path_factory.mktemp("site"))
    yield made
    made.federation.close()


@pytest.fixture(autouse=True)
def many_turns(site: Site) -> None:
    site.app.extensions["poster_turns"] = Turns(1000, 1000)


def photo(site: Site, **more: Any) -> dict[str, Any]:
    return draw(site.federation.folder) | {"allowed_uses": ["poster", "web"]} | more


@pytest.fixture(scope="module")
def case(site: Site) -> str:
    """A child with three pictures, of whom everything is known."""
    older = {"kind": "age_progressed", "age_depicted": 14, "taken": "2026-10", "primary": False}
    return site.publish_full(
        photos=[photo(site), photo(site, **older), photo(site, kind="composite", primary=False)]
    )


def page_of(case: str) -> str:
    member, opaque = case.split("/")
    return f"/en/child/{member}/{opaque}/poster"


def ask(site: Site, case: str, name: str, query: str = "") -> TestResponse:
    return site.browser().get(f"{page_of(case)}/{name}{query}")


def picture(site: Site, case: str, name: str, query: str = "") -> Image.Image:
    answer = ask(site, case, name, query)
    assert answer.status_code == 200
    return Image.open(io.BytesIO(answer.data))


def column(site: Site, case: str, language: str = "en", node: KeylessNode | None = None) -> Column:
    """What a poster says."""
    node = node or site.node
    shown, photos = find_for_poster(node, case)
    with site.app.test_request_context("/en/"):
        return describe(shown, language, _occasion(node, shown, photos))


def words(said: Column) -> str:
    """Everything that a poster says, as the templates get it."""
    return str(lay_out("classic", "A4", [said], [], [], "https://x.example/", None))


# --- Files ---


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [*PAPER, *SCREENS])
def test_a_picture_of_each_size_whose_code_leads_to_the_live_page(
    site: Site, case: str, style: str, size: str
) -> None:
    made = picture(site, case, f"{style}-{size}.png")
    sheet = FORMATS[size]
    scale = sheet.pixels_per_inch / 72
    assert made.size == pytest.approx((sheet.width * scale, sheet.height * scale), abs=1.5)
    if size in SCREENS:
        assert f"{made.width}x{made.height}" == size
    (read,) = zxingcpp.read_barcodes(made.convert("L"))
    assert read.text == f"http://127.0.0.1:8442/p/{case.partition('/')[2]}?v=1"


def test_the_code_of_anothers_case_leads_to_where_its_owner_answers(site: Site, case: str) -> None:
    shown = find_shown(site.node, case)
    owner, opaque = shown.owner, case.partition("/")[2]
    with site.app.test_request_context():
        elsewhere = replace(shown, own=False, owner=replace(owner, site="https://missing.de.example"))
        assert address_on_paper(elsewhere) == f"https://missing.de.example/p/{opaque}?v=1"
        nowhere = replace(shown, own=False, owner=replace(owner, site=None))
        assert address_on_paper(nowhere) == f"http://127.0.0.1:8442/en/child/{case}"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", ["A4", "1080x1080"])
@pytest.mark.parametrize("query", ["", "?with=fr"])
def test_a_pdf_for_those_who_cannot_see_it(
    site: Site, case: str, style: str, size: str, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(site.app.extensions["languages"], "fr", "Français")
    answer = ask(site, case, f"{style}-{size}.pdf", query)
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert b"pdfuaid" in answer.data
    assert b"/StructTreeRoot" in answer.data
    assert answer.data.count(b"/Type/Page/") + answer.data.count(b"/Type /Page\n") <= 1


def test_a_drawing_may_do_nothing(site: Site, case: str) -> None:
    answer = ask(site, case, "classic-A4.svg")
    assert answer.content_type.startswith("image/svg+xml")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert b"<script" not in answer.data


def test_caches_ask_again_and_no_cookie_is_set(site: Site, case: str) -> None:
    answer = ask(site, case, "classic-A4.pdf")
    assert "must-revalidate" in answer.headers["Cache-Control"]
    assert "immutable" not in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["X-Robots-Tag"] == "noindex, noarchive"
    again = site.browser().get(
        f"{page_of(case)}/classic-A4.pdf", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304


def test_a_file_is_never_called_after_a_child(site: Site, case: str) -> None:
    name = ask(site, case, "classic-A4.pdf").headers["Content-Disposition"]
    assert re.fullmatch(r'inline; filename="poster-[a-z2-7]{8}-A4\.pdf"', name)


@pytest.mark.parametrize(
    "name",
    [
        "neon-A4.pdf",
        "classic-A0.pdf",
        "classic-A4.exe",
        "classic-A4",
        "..",
        "%2e%2e",
        "classic-A4.pdf.pdf",
        "a" * 500,
    ],
)
def test_files_that_do_not_exist(site: Site, case: str, name: str) -> None:
    assert ask(site, case, name).status_code == 404


@pytest.mark.parametrize("language", ["xx", "en", "../etc", "e" * 1000, "tlh"])
def test_second_languages_that_there_are_not(site: Site, case: str, language: str) -> None:
    assert ask(site, case, "classic-A4.pdf", f"?with={language}").status_code == 404
    assert site.browser().get(f"{page_of(case)}?with={language}").status_code == 404


def test_in_a_loop_it_answers_when_to_come_again(site: Site, case: str) -> None:
    site.app.extensions["poster_turns"] = Turns(most=1)
    for name in ("classic-A4.pdf", "classic-A4.pdf"):  # the second is kept, and costs no turn
        assert ask(site, case, name).status_code == 200
    ask(site, site.publish(photos=[photo(site)]), "classic-A4.pdf")
    answer = ask(site, site.publish(photos=[photo(site)]), "classic-A4.pdf")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_name_turns_nothing_in_the_title_beside_it(site: Site) -> None:
    case = site.publish(photos=[photo(site)], names=[{"full": "Ann \u202eevil", "kind": "legal"}])
    page = site.browser().get(page_of(case)).text
    assert "<title>Posters: \u2068Ann \u202eevil\u2069 ·" in page


def test_all_of_one_network_are_one_who_asks(site: Site) -> None:
    site.app.extensions["poster_turns"] = Turns(most_each=1)
    made = [site.publish(photos=[photo(site)]) for _ in range(3)]
    statuses = [
        site.browser()
        .get(f"{page_of(case)}/classic-A4.pdf", environ_overrides={"REMOTE_ADDR": address})
        .status_code
        for case, address in zip(made, ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"), strict=True)
    ]
    assert statuses == [200, 429, 200]


def test_another_host_in_the_request_does_not_get_onto_the_paper(site: Site, case: str) -> None:
    made = picture(site, site.publish(photos=[photo(site)]), "action-1080x1080.png")
    (read,) = zxingcpp.read_barcodes(made.convert("L"))
    assert read.text.startswith("http://127.0.0.1:8442/")
    answer = site.browser().get(f"{page_of(case)}/action-A3.png", headers={"Host": "evil.example"})
    (read,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.data)).convert("L"))
    assert "evil" not in read.text


def test_of_another_members_case_the_code_leads_to_the_childs_page_here(site: Site) -> None:
    case = site.publish(own=False, photos=[photo(site)], show_in="all")
    (read,) = zxingcpp.read_barcodes(picture(site, case, "classic-A4.png").convert("L"))
    assert read.text == f"http://127.0.0.1:8442/en/child/{case}"


def test_without_an_address_that_its_code_could_lead_to_there_is_no_poster(site: Site, case: str) -> None:
    other = site.publish(own=False, photos=[photo(site)], show_in="all")
    nowhere = replace(site.node.config, site=SiteConfig(port=0))
    app = make_site_app(replace(site.node, config=nowhere))
    for case_id in (case, other):
        for path in (page_of(case_id), f"{page_of(case_id)}/classic-A4.png"):
            assert app.test_client().get(path).status_code == 404
    named = replace(site.node.config, site=SiteConfig(port=0, address="https://missing.example"))
    app = make_site_app(replace(site.node, config=named))
    assert app.test_client().get(page_of(case)).status_code == 200


# --- Looks ---


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", ["A4", "1080x1920", "1200x630"])
def test_in_grey_every_text_stands_out(site: Site, case: str, style: str, size: str) -> None:
    """A cheap printer has no red and no yellow: the band must be dark beneath white letters, the strip of an
    exercise light beneath black ones."""
    grey = picture(site, case, f"{style}-{size}.png").convert("L")
    columns = [grey.width - 10] if size == "1200x630" else [6, grey.width - 6]
    for x in columns:
        line = [grey.getpixel((x, y)) for y in range(int(grey.height * 0.2))]
        dark = [value for value in line if isinstance(value, int) and value < 110]
        assert len(dark) > grey.height * 0.04, "the band"
    ratio = (255 / 255 + 0.05) / (_luminance(max(set(dark), key=dark.count)) + 0.05)
    assert ratio > 4.5


def _luminance(grey: int) -> float:
    share = grey / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def test_an_exercise_says_so_on_every_poster(tmp_path: Path) -> None:
    exercise = open_site(tmp_path, Policy(exercise=True))
    case = exercise.publish(photos=[photo(exercise)])
    try:
        assert column(exercise, case).exercise.startswith("EXERCISE")
        with Image.open(io.BytesIO(ask(exercise, case, "classic-A4.png").data)) as made:
            assert made.convert("RGB").getpixel((3, 3)) == (255, 212, 0)
    finally:
        exercise.federation.close()


def test_outside_an_exercise_nothing_says_so(site: Site, case: str) -> None:
    assert column(site, case).exercise == ""


# --- Words ---


def test_what_is_not_for_the_public_is_on_no_poster(site: Site, case: str) -> None:
    record = sample_full_record()
    said = words(column(site, case)) + words(column(site, case, "ar"))
    for name in ("birth", "reference"):
        assert str(record[name]) not in said
    for text in record["narrative"].values():
        assert text["text"] not in said
    assert "suspected" not in said


def test_what_a_program_translated_is_on_no_poster(site: Site) -> None:
    story = {
        "pt": {"text": "Saiu de casa.", "origin": "original"},
        "en": {"text": "MACHINE", "origin": "machine"},
        "fr": {"text": "Parti.", "origin": "human"},
    }
    case = site.publish(photos=[photo(site)], circumstances=story)
    assert column(site, case).story[1].text == "Saiu de casa."
    assert column(site, case, "fr").story[1].text == "Parti."


def test_without_the_readers_language_english_is_better_than_none(site: Site) -> None:
    story = lang_text(ja="家を出た。") | {"en": {"text": "Left home.", "origin": "human"}}
    case = site.publish(photos=[photo(site)], circumstances=story)
    said = column(site, case, "de").story[1]
    assert (said.text, said.language) == ("Left home.", "en")


NAMES = [
    {"full": "鈴木 大輔", "kind": "legal", "lang": "ja", "script": "Jpan"},
    {"full": "Suzuki Daisuke", "kind": "legal", "lang": "ja-Latn", "script": "Latn"},
    {"full": "سوزوكي", "kind": "legal", "lang": "ar", "script": "Arab", "transliteration_of": "鈴木 大輔"},
]


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("ja", "鈴木 大輔", "Suzuki Daisuke"),
        ("en", "Suzuki Daisuke", "鈴木 大輔"),
        ("ar", "سوزوكي", "鈴木 大輔"),
        ("ru", "Suzuki Daisuke", "鈴木 大輔"),
        ("zh", "Suzuki Daisuke", "鈴木 大輔"),
    ],
)
def test_the_name_that_readers_can_read_comes_first(
    site: Site, language: str, first: str, second: str
) -> None:
    case = site.publish(photos=[photo(site)], names=NAMES)
    said = column(site, case, language)
    assert [name.text for name in said.names] == [first, second]


def test_a_name_that_no_font_can_write_gives_way_to_its_transliteration(site: Site) -> None:
    names = [
        {"full": "ᐃᓄᒃ", "kind": "legal", "script": "Cans"},
        {"full": "Inuk", "kind": "legal", "script": "Latn"},
    ]
    case = site.publish(photos=[photo(site)], names=names)
    assert [name.text for name in column(site, case, "ar").names] == ["Inuk"]
    assert ask(site, case, "classic-A4.pdf").status_code == 200


@pytest.mark.parametrize(
    ("language", "height"),
    [("en", "150 cm (4′ 11″)"), ("fr", "150 cm"), ("ar", "150 سم"), ("ru", "150 см"), ("el", "150 εκ.")],
)
def test_units_of_the_language(site: Site, language: str, height: str) -> None:
    case = site.publish(photos=[photo(site)], height={"min": 150, "max": 150, "unit": "cm"})
    facts = [value.text for _, value in column(site, case, language).facts]
    assert height in [fact.replace("\xa0", " ").replace("\u202f", " ") for fact in facts]


@pytest.mark.parametrize(
    ("language", "day"),
    [
        ("en", "5 March 2024"),
        ("de", "5. März 2024"),
        ("ja", "2024年3月5日"),
        ("hi", "5 मार्च 2024"),
        ("th", "5 มีนาคม ค.ศ. 2024"),
    ],
)
def test_days_are_written_as_in_the_language(site: Site, language: str, day: str) -> None:
    case = site.publish(photos=[photo(site)], missing_since="2024-03-05")
    assert day in [value.text for _, value in column(site, case, language).facts]


def test_how_old_the_child_is_now(site: Site) -> None:
    age = {"min": 9, "max": 9, "unit": "year"}
    case = site.publish(photos=[photo(site)], age_at_disappearance=age, missing_since="2023-01-01")
    facts = {name: value.text for name, value in column(site, case).facts}
    assert (facts["Age today"], facts["Age then"]) == ("12–13 years", "9 years")
    lately = site.publish(photos=[photo(site)], age_at_disappearance=age, missing_since="2026-10-01")
    facts = {name: value.text for name, value in column(site, lately).facts}
    assert facts["Age"] == "9 years"
    assert "Age today" not in facts


def test_a_drawn_picture_says_so_with_age_and_date(site: Site, case: str) -> None:
    captions = [shown.caption for shown in column(site, case).pictures]
    assert captions[1] == "Drawn older: how the child may look now · 14 years · October 2026"
    assert "drawn from descriptions" in captions[2]


def test_a_hostile_summary_is_only_text(site: Site) -> None:
    evil = '#panic("x") $x$ *b* ] } \\ </svg><script>alert(1)</script> \u202e\u2066 ' + "ﷺ" * 40 + "W" * 120
    case = site.publish(
        own=False,
        show_in="all",
        photos=[photo(site, alt=lang_text(en=evil[:150]))],
        names=[{"full": evil[:200], "kind": "legal"}] * 5,
        circumstances=lang_text(en=(evil * 20)[:3000]),
        clothing=lang_text(en=(evil * 20)[:1500]),
        marks=[{"kind": "scar", "text": lang_text(en=evil[:150])}] * 10,
    )
    for name in ("classic-A4.pdf", "action-A4.svg", "classic-1200x630.png", "action-1080x1920.png"):
        answer = ask(site, case, name)
        assert answer.status_code == 200
        assert b"<script" not in answer.data


def test_a_poster_is_set_of_no_more_text_than_it_has_room_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To lay out all that a summary may hold takes so long that nobody else gets a poster."""
    given: list[Any] = []
    monkeypatch.setattr(Typesetter, "compile", lambda *args, **kwargs: given.append(args[2]) or b"made")
    case = site.publish(
        own=False,
        show_in="all",
        photos=[photo(site)],
        circumstances=lang_text(th="กรุงเทพ" * 500),
        clothing=lang_text(th="กรุงเทพ" * 500),
        marks=[{"kind": "scar", "text": lang_text(th="กรุงเทพ" * 50)}] * 10,
    )
    assert ask(site, case, "classic-A4.pdf").data == b"made"
    (column,) = given[0]["columns"]
    told = sum(len(text["text"]) for fact in [*column["facts"], column["story"]] for text in fact)
    assert 2_500 < told < 4_000


def test_texts_of_nothing_but_what_no_paper_shows_leave_a_poster(site: Site) -> None:
    """PDF/UA takes neither a heading nor a description of a picture without letters."""
    case = site.publish(
        own=False,
        show_in="all",
        photos=[photo(site, alt=lang_text(en=" \u202e"))],
        names=[{"full": "\ue000", "kind": "legal"}, {"full": "\u2069 ", "kind": "alias"}],
    )
    for name in ("classic-A4.pdf", "action-Letter.pdf"):
        assert ask(site, case, name).status_code == 200


# --- The page ---


def test_the_page_offers_every_style_and_size(site: Site, case: str) -> None:
    answer = site.browser().get(page_of(case))
    assert answer.status_code == 200
    for style in STYLES:
        for size in PAPER:
            assert f"{style}-{size}.pdf" in answer.text
        for size in SCREENS:
            assert f"{style}-{size}.png" in answer.text
    child = site.browser().get(page_of(case).removesuffix("/poster"))
    assert page_of(case) in child.text


def test_files_of_two_languages_are_asked_for_together(
    site: Site, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(site.app.extensions["languages"], "ar", "العربية")
    page = site.browser().get(f"{page_of(case)}?with=ar")
    assert "classic-A4.pdf?with=ar" in page.text
    assert '<option value="ar" lang="ar" selected>العربية</option>' in page.text
    assert ask(site, case, "classic-A4.pdf", "?with=ar").status_code == 200


def test_without_consent_there_is_no_page(site: Site) -> None:
    case = site.publish(photos=[photo(site, allowed_uses=["web"])])
    assert site.browser().get(page_of(case)).status_code == 404
    assert ask(site, case, "classic-A4.pdf").status_code == 404


def test_when_the_case_is_over_page_and_files_are_gone(site: Site) -> None:
    case = site.publish(photos=[photo(site)])
    assert ask(site, case, "classic-A4.pdf").status_code == 200
    publishing.erase(site.node, case, "test")
    assert site.browser().get(page_of(case)).status_code == 410
    assert ask(site, case, "classic-A4.pdf").status_code == 410


def test_a_record_in_every_language_of_the_factories(site: Site) -> None:
    for language in ("pt", "ja", "uk"):
        case = site.publish(photos=[photo(site)], language=language)
        assert sample_record(language)["names"][0]["full"] in words(column(site, case))
        assert ask(site, case, "classic-A4.pdf").status_code == 200
