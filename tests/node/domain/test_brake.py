"""How many erasures a day are more than an owner makes by hand."""

import pytest

from node.domain.brake import is_mass_erasure


@pytest.mark.parametrize(
    ("erased", "live", "mass"),
    [
        (0, 0, False),
        (20, 0, False),
        (21, 0, True),
        (21, 380, True),
        (21, 399, False),  # 5 % of the 420 that were live before
        (22, 399, True),
        (5_000, 95_000, False),
        (5_001, 94_999, True),
    ],
)
def test_twenty_or_one_in_twenty(erased: int, live: int, mass: bool) -> None:
    assert is_mass_erasure(erased, live) is mass
