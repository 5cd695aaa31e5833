"""Telephone numbers as people write them."""

import pytest

from node.web.cases.telephones import format_telephone


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+33144556677", "+33 144 556 677"),
        ("+12025550143", "+1 202 555 0143"),
        ("+4915112345678", "+49 151 1234 5678"),
        ("+8800000100", "+880 000 0100"),
        ("116000", "116000"),
        ("112", "112"),
        ("+", "+"),
        ("+33-x", "+33-x"),
        ("https://seen.example/+33", "https://seen.example/+33"),
    ],
)
def test_telephone_numbers_can_be_kept_in_mind(number: str, written: str) -> None:
    assert format_telephone(number) == written
    assert written.replace(" ", "") == number
