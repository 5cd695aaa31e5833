"""What people type, made into texts."""

import pytest

from node.web.writing import line, prose


def test_what_cannot_be_printed_goes_and_every_space_is_one() -> None:
    assert line("  a\x00b\u202ec\u00a0d\te ") == "abc d e"
    assert line(None) == ""
    assert prose("one\r\n two\x0bthree\n") == "one\ntwo\nthree"


@pytest.mark.parametrize("word", ["می‌خواهم", "क्‍ष"])
def test_letters_that_are_joined_or_parted_stay_so_in_a_text(word: str) -> None:
    assert prose(f"{word}\n{word}") == f"{word}\n{word}"
    assert line(f" {word}") == word
