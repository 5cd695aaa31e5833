"""What differs between two contents, and what counts as leaving for the first time."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.changes import (
    ADDED,
    CHANGED,
    REMOVED,
    RESTRICTING,
    SAME,
    FieldChange,
    adds_nothing,
    compare,
    digest,
)
from tests.factories import SCHEMAS

scalars = st.sampled_from([None, True, 0, 1, "a", "b"])
names = st.sampled_from(["x", "y"])
inner = scalars | st.lists(scalars, max_size=2) | st.dictionaries(names, scalars, max_size=2)
values = inner | st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2)
fields = st.dictionaries(st.sampled_from(["names", "photos", "risk", "sex"]), values, max_size=4)
contents = st.dictionaries(st.sampled_from(["public", "network", "police"]), fields, max_size=3)


def photo(**about: Any) -> dict[str, Any]:
    return {"photos": [{"renditions": [{"sha256": "a"}], **about}]}


def place(**about: Any) -> dict[str, Any]:
    return {"last_seen": {"country": "FR", **about}}


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
        (photo(allowed_uses=["poster"]), photo(), False),
        (photo(allowed_uses=["poster", "web"]), photo(allowed_uses=["poster"]), True),
        (photo(allowed_uses=["poster"]), photo(allowed_uses=["web"]), False),
        (photo(expires_at="2026-12-01"), photo(), False),
        (photo(licence="press only"), photo(), False),
        (photo(taken="2014"), photo(), False),
        (photo(alt="a boy"), photo(), True),
        (photo(expires_at="2026-12-01"), {}, True),
        (
            {"destinations": [{"country": "FR", "confidence": "low"}]},
            {"destinations": [{"country": "FR"}]},
            False,
        ),
        ({"alert": {"state": "active", "until": "2026-12-01"}}, {"alert": {"state": "active"}}, False),
        ({"companions": [{"role": "companion", "sex": 1}]}, {"companions": [{"sex": 1}]}, False),
        ({"companions": [{"role": "companion", "sex": 1}]}, {"companions": [{"role": "companion"}]}, True),
        (place(lat=48.5, lon=2.5, radius_m=9000), place(lat=48.5, lon=2.5), False),
        (place(lat=48.5, lon=2.5, radius_m=9000), place(), True),
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


TELLING = {
    *("given", "family", "lang", "script", "order", "system"),  # of a name
    *("place", "subdivision", "lat", "lon", "region", "country", "polygon"),
    *("colour", "length", "style", "value", "text", "description", "body_part", "codes"),
    *("alt", "primary", "photos", "names", "sex", "age", "relation"),
    *("languages", "hours", "make", "model", "plate", "partner_le", "given_by_role"),
    *("factors", "next_review", "hague_states", "custody_order", "central_authority"),
    *("nationalities", "destinations"),
}
"""Members without which an object says less, and nothing else."""


def test_of_every_member_that_may_be_missing_it_is_known_whether_it_narrows_the_rest() -> None:
    """A new member of the schemas fails here until somebody has decided."""
    kinds = (SCHEMAS.schema(kind)["$defs"] for kind in ("summary", "supplement"))
    found = {name for kind in kinds for part in kind.values() for name in _optional(part)}
    assert found - RESTRICTING.keys() == TELLING
    assert not TELLING & RESTRICTING.keys()


def _optional(schema: Any) -> set[str]:
    """Give the members of the objects in a schema that need not be there."""
    if isinstance(schema, list):
        return {name for item in schema for name in _optional(item)}
    if not isinstance(schema, dict):
        return set()
    own = schema.get("properties", {}).keys() - set(schema.get("required", ()))
    narrowing = ("if", "then", "else", "not", "prefixItems")
    parts = [value for name, value in schema.items() if name not in narrowing]
    return own | {name for value in parts for name in _optional(value)}


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
