"""Which signs people write with."""

import pytest

from protocol.signs import is_readable


@pytest.mark.parametrize("text", ["", "Zoë", "می\u200cخواهم", "क्\u200dष", "a\u00a0b", "加藤 千尋"])
def test_what_people_write(text: str) -> None:
    assert is_readable(text)


@pytest.mark.parametrize("text", ["a\x00", "a\nb", "a\u202eb", "\u2066a", "\ufeffa", "a\u200fb"])
def test_what_they_do_not(text: str) -> None:
    assert not is_readable(text)
