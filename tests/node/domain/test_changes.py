"""What differs between two contents, and what counts as leaving for the first time."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.changes import ADDED, CHANGED, REMOVED, SAME, FieldChange, adds_nothing, compare, digest

scalars = st.sampled_from([None, True, 0, 1, "a", "b"])
names = st.sampled_from(["x", "y"])
inner = scalars | st.lists(scalars, max_size=2) | st.dictionaries(names, scalars, max_size=2)
values = inner | st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2)
fields = st.dictionaries(st.sampled_from(["names", "photos", "risk", "sex"]), values, max_size=4)
contents = st.dictionaries(st.sampled_from(["public", "network", "police"]), fields, max_size=3)


def test_fields_are_set_side_by_side() -> None:
    before = {"public": {"sex": 1, "hair": {"colour": "red"}, "eyes": {"colour": "blue"}}, "police": {"a": 1}}
    after = {"public": {"sex": 1, "hair": {"colour": "black"}, "build": {"value": "slim"}}}
    assert compare(before, after) == [
        FieldChange("public", "sex", SAME, 1, 1),
        FieldChange("public", "hair", CHANGED, {"colour": "red"}, {"colour": "black"}),
        FieldChange("public", "build", ADDED, None, {"value": "slim"}),
        FieldChange("public", "eyes", REMOVED, {"colour": "blue"}, None),
        FieldChange("police", "a", REMOVED, 1, None),
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {}, True),
        ({}, {"a": 1}, False),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": [{"x": 1, "y": 2}, {"x": 3}]}, {"a": [{"x": 3}]}, True),
        ({"a": [{"x": 1, "y": 2}]}, {"a": [{"x": 1}]}, True),
        ({"a": [{"x": 1}, {"y": 2}]}, {"a": [{"x": 1, "y": 2}]}, False),
        ({"show_in": "all"}, {"show_in": ["FR"]}, True),
        ({"show_in": "all"}, {"show_in": []}, True),
        ({"show_in": ["FR", "BE"]}, {"show_in": ["FR"]}, True),
        ({"show_in": ["FR"]}, {"show_in": ["DE"]}, False),
        ({"show_in": []}, {"show_in": "all"}, False),
        ({"show_in": "all"}, {"show_in": "all"}, True),
    ],
)
def test_less_of_the_same_adds_nothing(before: Any, after: Any, expected: bool) -> None:
    assert adds_nothing({"public": before}, {"public": after}) is expected


@given(contents)
def test_the_same_again_adds_nothing(content: dict[str, Any]) -> None:
    again = copy.deepcopy(content)
    assert adds_nothing(content, again)
    assert all(change.change == SAME for change in compare(content, again))
    assert digest(content, ["b", "a"]) == digest(dict(reversed(again.items())), ["a", "b"])


@given(contents, contents)
def test_a_field_that_leaves_for_the_first_time_is_seen(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    if ADDED in {change.change for change in compare(before, after)}:
        assert not adds_nothing(before, after)


@given(contents, st.sets(st.sampled_from(["names", "photos", "risk", "sex"])))
def test_taking_fields_out_adds_nothing(content: dict[str, Any], gone: set[str]) -> None:
    less = {name: {k: v for k, v in part.items() if k not in gone} for name, part in content.items()}
    assert adds_nothing(content, less)


@given(contents, contents)
def test_contents_of_one_digest_do_not_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    if {change.change for change in compare(one, other)} - {SAME}:
        assert digest(one, []) != digest(other, [])


def test_whom_it_is_kept_from_is_part_of_the_digest() -> None:
    assert digest({"public": {}}, []) != digest({"public": {}}, ["police.de.example"])
