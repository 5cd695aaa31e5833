"""Which name and which words of a case a reader gets first."""

import pytest

from node.web.cases.choice import choose_words, order_names

DMYTRO = {"full": "Дмитро Шевчук", "kind": "legal", "lang": "uk"}
IN_LATIN = {"full": "Dmytro Shevchuk", "kind": "legal", "lang": "uk", "transliteration_of": "Дмитро Шевчук"}
NICKNAME = {"full": "Dima", "kind": "nickname", "lang": "en"}
NICKNAME_IN_ARABIC = {"full": "ديما", "kind": "nickname", "transliteration_of": "Dima"}
IN_ARABIC = {"full": "دميترو", "kind": "legal", "script": "Arab", "transliteration_of": "Дмитро Шевчук"}


@pytest.mark.parametrize(
    ("language", "first"),
    [("uk", "Дмитро Шевчук"), ("ru", "Дмитро Шевчук"), ("en", "Dmytro Shevchuk"), ("ar", "Dmytro Shevchuk"),
     ("ja", "Dmytro Shevchuk")],
)  # fmt: skip
def test_who_cannot_read_a_name_gets_it_in_latin_letters(language: str, first: str) -> None:
    ordered = order_names([DMYTRO, IN_LATIN, NICKNAME], language)
    assert ordered[0]["full"] == first
    assert ordered[1:] == [name for name in (DMYTRO, IN_LATIN, NICKNAME) if name is not ordered[0]]


def test_a_spelling_in_the_readers_script_is_better_still() -> None:
    names = [DMYTRO, IN_LATIN, NICKNAME, NICKNAME_IN_ARABIC, IN_ARABIC]
    assert order_names(names, "ar")[0] is IN_ARABIC


def test_another_name_never_stands_for_the_principal_one() -> None:
    for language in ("en", "ar", "el"):
        assert order_names([DMYTRO, NICKNAME, NICKNAME_IN_ARABIC], language)[0] is DMYTRO


def test_the_owner_says_by_which_name_a_child_is_known() -> None:
    for kind in ("nickname", "alias", "of another year"):
        known = {"full": "Діма", "kind": kind, "lang": "uk"}
        assert order_names([known, DMYTRO], "uk") == [known, DMYTRO]
        assert order_names([known, DMYTRO, IN_LATIN], "en")[0] is known
    assert order_names([NICKNAME, DMYTRO, IN_LATIN], "uk") == [NICKNAME, DMYTRO, IN_LATIN]
    assert order_names([], "uk") == []


def said(origin: str = "human", text: str = "words") -> dict[str, str]:
    return {"text": text, "origin": origin}


@pytest.mark.parametrize(
    ("languages", "reader", "chosen"),
    [
        (("uk", "en", "pt-BR"), "pt", "pt-BR"),
        (("uk", "ar", "ru", "en"), "bg", "uk"),
        (("uk", "ru"), "ru", "ru"),
        (("uk", "en", "fr"), "ar", "en"),
        (("uk", "fr"), "ar", "fr"),
        (("uk", "th"), "ar", "uk"),
        (("de", "en", "fr"), "it", "en"),
        (("de", "fr"), "it", "de"),
        (("zh-Hant", "zh-Hans"), "zh", "zh-Hans"),
        (("uk-Latn", "uk"), "ru", "uk"),
    ],
)
def test_words_that_the_reader_reads_best(languages: tuple[str, ...], reader: str, chosen: str) -> None:
    texts = {tag: said("human" if at else "original") for at, tag in enumerate(languages)}
    assert choose_words(texts, reader) == chosen
    assert choose_words(dict(reversed(texts.items())), reader) == chosen


def test_what_a_program_wrote_comes_first_in_the_readers_language_alone() -> None:
    texts = {"uk": said("original"), "en": said("machine"), "fr": said("machine")}
    assert choose_words(texts, "fr") == "fr"
    assert choose_words(texts, "ar") == "uk"


def test_words_whose_language_nobody_has_told_are_known_by_their_letters() -> None:
    texts = {"und": said("original", "Зникла"), "fr": said()}
    assert choose_words(texts, "ar") == "fr"
    assert choose_words(texts, "ru") == "und"
