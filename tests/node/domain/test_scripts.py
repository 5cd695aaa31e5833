"""The scripts of languages and of texts."""

import pytest

from node.domain.scripts import reads, script_of, scripts_in


@pytest.mark.parametrize(
    ("language", "script"),
    [("en", "Latn"), ("ar", "Arab"), ("zh", "Hans"), ("zh-Hant", "Hant"), ("ja-Latn", "Latn"), ("sr", "Cyrl"),
     ("zz-Zzzz", "Zzzz"), ("qq", "Latn"), ("uk-latn", "Latn")],
)  # fmt: skip
def test_scripts_of_languages(language: str, script: str) -> None:
    assert script_of(language) == script


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("João 2", {"Latn"}),
        ("高橋 ゆいー", {"Hani", "Hira", "Kana"}),
        ("Анна Smith", {"Cyrl", "Latn"}),
        ("ᐃᓄᒃ", {""}),
        ("12", set()),
    ],
)
def test_scripts_of_texts(text: str, scripts: set[str]) -> None:
    assert scripts_in(text) == scripts


def test_who_reads_what() -> None:
    assert reads("Latn", {"Latn"})
    assert reads("Jpan", {"Hani", "Hira", "Kana"})
    assert not reads("Hans", {"Hani", "Hira"})
    assert not reads("Cyrl", {"Cyrl", "Latn"})
    assert not reads("Latn", {""})
