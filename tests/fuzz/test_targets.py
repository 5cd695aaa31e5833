"""Arbitrary bytes for every reader of foreign bytes: nothing but the promised errors comes out."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS


def near(seed: bytes) -> st.SearchStrategy[bytes]:
    """Good bytes with something put in, taken out or replaced."""
    place = st.integers(0, len(seed))
    return st.builds(
        lambda start, length, new: seed[:start] + new + seed[start + length :],
        place,
        st.integers(0, 8),
        st.binary(max_size=8) | st.sampled_from([b'"', b"{", b"[", b",", b":null", b"\n", b"9" * 30, b"-1"]),
    )


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    target.feed(data.draw(st.sampled_from(target.seeds).flatmap(near) | st.binary(max_size=200)))


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].feed(seed)
