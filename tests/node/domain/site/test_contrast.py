"""node/domain/site/contrast.py: figures of WCAG's own examples, and colours that end up readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.site.contrast import LEAST, contrast, is_colour, make_readable

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#0000ff", "#ffffff", 8.59),
        ("#808080", "#808080", 1),
    ],
)
def test_known_contrasts(one: str, other: str, expected: float) -> None:
    assert round(contrast(one, other), 2) == expected
    assert contrast(one, other) == contrast(other, one)


@given(COLOURS, st.sampled_from(["#f6f1e7", "#242018", "#ffffff", "#000000"]))
def test_what_is_made_readable_is(colour: str, ground: str) -> None:
    found = make_readable(colour, ground)
    assert is_colour(found)
    assert contrast(found, ground) >= LEAST
    if contrast(colour, ground) >= LEAST:
        assert found == colour


@pytest.mark.parametrize(
    "text", ["", "red", "#FFF", "#ABCDEF", "#12345", "#1234567", "#12345g", "#123456;", "#123456\n"]
)
def test_what_is_no_colour(text: str) -> None:
    assert not is_colour(text)
