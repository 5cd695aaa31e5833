"""Which signs people write with."""

import pytest

from protocol.signs import is_readable, only_readable


@pytest.mark.parametrize("text", ["", "Zoë", "می\u200cخواهم", "क्\u200dष", "a\u00a0b", "加藤 千尋"])
def test_what_people_write(text: str) -> None:
    assert is_readable(text)


@pytest.mark.parametrize("text", ["a\x00", "a\nb", "a\u202eb", "\u2066a", "\ufeffa", "a\u200fb"])
def test_what_they_do_not(text: str) -> None:
    assert not is_readable(text)


def test_of_any_text_what_people_write_is_kept() -> None:
    assert only_readable("a\x00b\u202ec\u00a0d\te\u2028f\u3000g") == "abc d e f g"
    assert only_readable("می\u200cخواهم\n\t", "\n") == "می\u200cخواهم\n "
