"""node/domain/site/look.py: what may stand in `site.toml`, and that writing and reading it are the same."""

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.site.contrast import LEAST, contrast
from node.domain.site.look import (
    GROUNDS,
    MAX_BYTES,
    Colours,
    Look,
    Numbers,
    OwnPage,
    check_look,
    format_look,
    parse_look,
    say_in,
)
from node.domain.site.prose import parse_prose
from node.errors import InvalidInput

LINES = st.text("aZ9é孫م\"\\'[]#=\u200c ", max_size=12).map(str.strip)
TEXTS = st.lists(LINES, max_size=4).map("\n".join).map(str.strip)
SAID = LINES.filter(bool)
LANGUAGE = st.sampled_from(["en", "fr", "ar"])
COUNTRIES = st.sampled_from(["FR", "DE", "XK"])
NUMBERS = st.sampled_from(["", "112", "+33140"])


def in_languages(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(LANGUAGE, texts, max_size=2)


def own_page(slug: str) -> st.SearchStrategy[OwnPage]:
    said = st.dictionaries(LANGUAGE, st.tuples(SAID, TEXTS.filter(bool)), min_size=1, max_size=2)
    return said.map(
        lambda both: OwnPage(
            slug,
            {language: title for language, (title, _) in both.items()},
            {language: text for language, (_, text) in both.items()},
        )
    )


LOOKS = st.builds(
    Look,
    names=in_languages(SAID),
    intro=in_languages(TEXTS.filter(bool)),
    languages=st.lists(LANGUAGE, unique=True, max_size=4).map(tuple),
    countries=st.lists(COUNTRIES, unique=True, max_size=4).map(tuple),
    colours=st.none() | st.just(Colours("#0e4a5a", "#8fd0e2")),
    hotlines=st.dictionaries(COUNTRIES, st.builds(Numbers, NUMBERS, NUMBERS, LINES), max_size=3),
    pages=st.tuples(own_page("about"), own_page("us-2")) | st.just(()),
)


@given(LOOKS)
def test_what_was_written_is_read(look: Look) -> None:
    assert parse_look(format_look(look).encode()) == look


def test_the_example_of_the_guide_is_a_look_with_everything_in_it() -> None:
    guide = (Path(__file__).parents[4] / "docs/site.md").read_text("utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    look = parse_look(example.encode())
    assert all(getattr(look, field.name) for field in dataclasses.fields(Look))
    links = [
        run.address
        for block in parse_prose(look.pages[0].texts["fr"])
        for line in block.lines
        for run in line
    ]
    assert "https://police.fr.example/" in links


def test_nothing_at_all_is_a_look() -> None:
    assert parse_look(b"") == Look()


def problems_of(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse_look(text.encode())
    return list(caught.value.problems)


def test_every_problem_is_said_at_once() -> None:
    text = """
        theme = "dark"
        languages = ["en", "tlh"]
        countries = ["FRA"]
        [names]
        xx = "A"
        en = "a\\tb"
        [colours]
        light = "#ffff00"
        dark = "red"
        [hotlines.FR]
        hotline = "116 000"
        fax = "1"
        [hotlines."../etc"]
        hotline = "116000"
        [[pages]]
        slug = "../about"
        [pages.title]
        en = "About"
        [pages.text]
        fr = "Nous"
    """
    found = "\n".join(problems_of(text))
    for place in (
        "site.toml: 'theme'", "languages: 'tlh'", "countries: 'FRA'", "names: 'xx'", "names.en: has letters",
        "colours.light: #ffff00", "colours.dark: a colour", "hotlines.FR.hotline", "hotlines.FR: 'fax'",
        "hotlines: '../etc'", "pages[1].slug", "pages[1]: title and text",
    ):  # fmt: skip
        assert place in found, (place, found)


@pytest.mark.parametrize("scheme", list(GROUNDS))
def test_a_colour_that_is_hard_to_read_is_refused_with_one_that_is_not(scheme: str) -> None:
    colours = {"light": "#0e4a5a", "dark": "#8fd0e2"} | {scheme: "#808080"}
    (problem,) = problems_of(f"[colours]\nlight = '{colours['light']}'\ndark = '{colours['dark']}'")
    better = problem.rpartition("take ")[2]
    assert contrast(better, GROUNDS[scheme]) >= LEAST
    check_look(Look(colours=dataclasses.replace(Colours("#0e4a5a", "#8fd0e2"), **{scheme: better})))


@pytest.mark.parametrize("slug", ["", "..", "../x", "a/b", "A", "a--b", "-a", "a b", "é", "a" * 41, "a\n"])
def test_a_page_has_an_address_that_leads_nowhere_else(slug: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be taken"):
        check_look(Look(pages=[OwnPage(slug, {"en": "A"}, {"en": "B"})]))


@pytest.mark.parametrize("number", ["1", "12;3", "javascript:1", "116 000", "+", "1" * 16, "١١٦", "+1+2"])
def test_a_number_is_digits(number: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be taken"):
        check_look(Look(hotlines={"FR": Numbers(number)}))


@pytest.mark.parametrize(
    "text",
    [
        "a = ",
        "\xff",
        f"a = {'9' * 10_000}",
        f"a = {'[' * 5_000}",
        "names = 3",
        "names = {en = 3}",
        "pages = 3",
        "pages = [3]",
        "[[pages]]\nslug = 3",
        "colours = 1",
        "colours = {light = 1}",
        "hotlines = []",
        "hotlines = {FR = 3}",
        "hotlines = {FR = {hotline = 116000}}",
        "hotlines = {FR = {hotline = []}}",
        "languages = 'en'",
        "languages = [['en']]",
        "languages = ['en', 'en']",
        "names = {en = '\u202eevil'}",
    ],
)
def test_what_is_no_look_is_refused_and_nothing_else_happens(text: str) -> None:
    data = text.encode("latin-1") if text == "\xff" else text.encode()
    with pytest.raises(InvalidInput):
        parse_look(data)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 1 MB"):
        parse_look(b"#" * (MAX_BYTES + 1))
    many = [OwnPage(f"p{number}", {"en": "A"}, {"en": "B"}) for number in range(21)]
    for look in (
        Look(names={"en": "a" * 81}),
        Look(intro={"en": "a" * 601}),
        Look(pages=[OwnPage("a", {"en": "A"}, {"en": "a" * 20_001})]),
        Look(pages=many),
        Look(pages=[many[0], many[0]]),
    ):
        with pytest.raises(InvalidInput, match="cannot be taken"):
            check_look(look)


def test_a_text_is_said_in_the_language_that_there_is() -> None:
    assert say_in({"fr": "Bonjour", "en": "Hello"}, "fr") == ("Bonjour", "fr")
    assert say_in({"fr": "Bonjour", "en": "Hello"}, "ar") == ("Hello", "en")
    assert say_in({"fr": "Bonjour"}, "ar") == ("Bonjour", "fr")
    assert say_in({}, "ar") == ("", "ar")
