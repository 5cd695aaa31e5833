"""Names across scripts: what the same name must share, and what different names must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.names.similarity import MAX_NAME, fold, key_score, name_keys, readings


def score(query: str, names: list[str]) -> float:
    return key_score(name_keys([query]), name_keys(names))


def bones(name: str) -> str:
    """Return the consonants of a name as it is first read."""
    return name_keys([name])[0].skeleton


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Olena   SHEVCHENKO ", "olena shevchenko"),
        ("Олена Шевченко", "olena shevchenko"),
        ("Søren Åberg", "soren aberg"),
        ("ＴＡＮＡＫＡ　Ｈａｒｕｔｏ", "tanaka haruto"),
        ("Jean-Pierre O'Neill", "jean pierre oneill"),
        ("Al-Rashid", "al rashid"),
        ("أحمد", fold("احمد")),
        ("فاطمة", fold("فاطمه")),
        ("Γιώργος Παπαδόπουλος", fold("ΓΙΩΡΓΟΣ ΠΑΠΑΔΟΠΟΥΛΟΣ")),
        ("王小明", fold("王 小明")),
        ("欧阳娜", "ouyang na"),
        ("สมชาย เพชรรัตน์", "smchay phechrrat"),
        ("", ""),
        ("🧒🏽 ‮", ""),
    ],
)
def test_fold(text: str, expected: str) -> None:
    assert fold(text) == expected


@pytest.mark.parametrize(
    "spellings",
    [
        ("Shevchenko", "Шевченко", "Chevtchenko", "Schewtschenko", "Szewczenko", "Σεβτσένκο", "शेवचेंको"),
        ("Mohammed", "محمد", "Мохаммед", "মোহাম্মদ", "Մուհամմադ"),
        ("Ivanov", "Иванов", "إيفانوف", "Iwanow", "Ιβάνοφ"),
        ("Beridze", "ბერიძე", "Беридзе", "Μπερίτζε"),
        ("Haddad", "حداد", "Хаддад"),
        ("Ming", "Мин", "หมิง"),
        ("Xiaoming", "Сяомин", "เสี่ยวหมิง"),
    ],
)
def test_one_skeleton_for_many_spellings(spellings: tuple[str, ...]) -> None:
    assert len({bones(spelling) for spelling in spellings}) == 1


def test_article_is_no_consonant() -> None:
    assert bones("الرشيد") == bones("al-Rashid") == bones("ar-Rashid") == bones("Rashid")


def test_han_is_read_in_other_languages() -> None:
    assert "tanaka haruto" in readings("田中はると")
    assert "sato taro" in readings("佐藤太郎")
    assert "kim minsu" in readings("金民秀")
    assert "nguyen vanminh" in readings("阮文明")
    assert readings("王芳")[0] == "wang fang"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("Olena Shevchenko", ["Олена Шевченко"]),
        ("Shevchenko Olena", ["Олена Шевченко"]),
        ("محمد الرشيد", ["Mohamed Errachid", "Mohammed al-Rashid"]),
        ("Kim Min-su", ["김민수"]),
        ("Тарас", ["Taras Melnyk"]),
        ("Ана", ["Мара Иванова", "Ana"]),
    ],
)
def test_same_person(query: str, names: list[str]) -> None:
    assert score(query, names) > 0.75


def test_other_people_score_less() -> None:
    assert score("Olena Shevchenko", ["Arjun Patel"]) < 0.4
    assert score("Olena Shevchenko", ["Olena Tkachenko"]) < score("Olena Shevchenko", ["Олена Шевченко"])
    assert score("Olena", []) == 0.0
    assert score("🧒", ["Olena"]) == 0.0


@given(st.text(max_size=400))
def test_any_text_has_a_fold(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert all(char.isalnum() or char == " " for char in folded)
    for key in name_keys([text]):
        assert key.fold
        assert "|" not in key.fold + key.skeleton


@given(st.text(max_size=60), st.text(max_size=60))
def test_score_is_between_none_and_one(query: str, name: str) -> None:
    assert 0.0 <= score(query, [name]) <= 1.0
    if fold(query):
        assert score(query, [query]) == 1.0


def test_only_the_first_characters_are_read() -> None:
    assert len(fold("a" * 1_000_000)) == MAX_NAME
