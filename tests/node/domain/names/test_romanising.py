"""Names in Latin letters, as suggestions: script by script, and whatever else somebody may type."""

import pytest

from node.domain.names.romanising import suggest_spellings


@pytest.mark.parametrize(
    ("name", "language", "spelled"),
    [
        ("Шевчук Дмитро Олексійович", "uk", ["Shevchuk Dmytro Oleksiiovych"]),
        ("Єва Згурська", "", ["Yeva Zghurska"]),
        ("Щербаков Юрий", "ru", ["Shcherbakov Iurii", "Shcherbakov Yuriy"]),
        ("Евгений", "", ["Evgenii", "Yevgeniy"]),
        ("София Георгиева", "bg", ["Sofia Georgieva"]),
        ("Ђорђе Петровић", "sr", ["Đorđe Petrović"]),
        ("Ελένη Παπαδοπούλου", "el", ["Eleni Papadopoulou"]),
        ("Ευάγγελος Μπότσαρης", "", ["Evangelos Botsaris"]),
        ("محمد أحمد", "ar", ["Muhammad Ahmad"]),
        ("فَاطِمَة الحداد", "ar", ["Fatima Al-Haddad"]),
        ("נועה כהן", "he", ["Noa Cohen"]),
        ("प्रिया शर्मा", "hi", ["Priya Sharma"]),
        ("अमित सिंह", "hi", ["Amit Singh"]),
        ("สมชาย ใจดี", "th", ["Somchai Chaidi"]),
        ("สุภาพร จันทร์โอชา", "th", ["Suphaphon Chanocha"]),
        ("王小明", "zh", ["Wang Xiaoming"]),
        ("欧阳娜娜", "zh-Hans", ["Ouyang Nana"]),
        ("佐藤健", "ja", ["Sato Ken", "Zuo Tengjian"]),
        ("佐藤 けん", "ja", ["Sato Ken"]),
        ("タナカ・ユウコ", "ja", ["Tanaka Yuko"]),
        ("김민준", "ko", ["Kim Minjun", "Gim Minjun"]),
        ("საბა", "ka", ["Saba"]),
        ("Ольга O'Neil", "ru", ["Olga O'Neil"]),
    ],
)
def test_a_name_is_spelled_as_its_passport_may(name: str, language: str, spelled: list[str]) -> None:
    assert [one.text for one in suggest_spellings(name, language)] == spelled


@pytest.mark.parametrize("name", ["كوثر", "زهير الحداد", "זלמן"])
def test_vowels_that_nobody_wrote_are_not_made_up(name: str) -> None:
    (spelling,) = suggest_spellings(name)
    assert not spelling.whole
    assert spelling.system == ""


def test_what_is_by_a_system_says_which() -> None:
    assert suggest_spellings("Юрий", "ru")[0].system == "ICAO 9303"
    assert suggest_spellings("さとう", "ja")[0].system == "Hepburn"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Müller Jörg",
        "Łukasz",
        "12",
        "\0",
        "\ud800",
        "\u202eabc",
        "🙂",
        "-",
        "์",
        "่",
        "ə",
        "्",
        "अ्" * 90,
    ],
)
def test_what_needs_or_bears_no_spelling_breaks_nothing(name: str) -> None:
    for spelling in suggest_spellings(name):
        assert spelling.text.isprintable()


@pytest.mark.parametrize("letters", ["กขคงจ", "เแโใไ", "าิีุู", "अआकखि", "가나다", "王小明", "محمد", "αυγμπ"])
def test_a_long_name_takes_no_time(letters: str) -> None:
    for spelling in suggest_spellings(letters * 20_000):
        assert len(spelling.text) < 2_000
