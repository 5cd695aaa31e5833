"""The fast validator and the reference reach one verdict, on good documents and on mutations of them."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from schemas import SchemaError
from tests.factories import (
    SAMPLES,
    SCHEMAS,
    sample_case_id,
    sample_full_record,
    sample_record,
    sample_summary,
    sample_supplement,
)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Match as ECMA-262 does, on which JSON Schema rests: to Python `$` also stands before a last newline."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError("does not match")


Reference = extend(Draft202012Validator, {"pattern": _pattern})
REFERENCE = {kind: Reference(SCHEMAS.schema(kind)) for kind in SCHEMAS.kinds}

CASE = sample_case_id()
RECEIPT = {
    "iss": "police.fr.example",
    "aud": "police.br.example",
    "iat": 1795000000,
    "jti": "0a1b2c3d4e5f",
    "origin": "police.br.example/network",
}
LEAF = {
    "case": CASE,
    "version": 3,
    "expires": "2027-05-20",
    "at": "2026-11-21T12:00:00Z",
    "nonce": "AAECAwQFBgcICQoLDA0ODw==",
}
GOOD: list[tuple[str, Any]] = [
    *(("summary", sample_summary(language)) for language in SAMPLES),
    *(("supplement", sample_supplement(language)) for language in SAMPLES),
    *(("case", sample_record(language)) for language in SAMPLES),
    ("case", sample_full_record()),
    ("leaf", {**LEAF, "kind": "put", "digest": "0f" * 32}),
    ("leaf", {**LEAF, "kind": "erase"}),
    (
        "receipt",
        {
            **RECEIPT,
            "kind": "held",
            "items": [{"case": CASE, "version": 3, "digest": "0f" * 32, "held_at": "2026-11-21T12:00:09Z"}],
        },
    ),
    (
        "receipt",
        {
            **RECEIPT,
            "kind": "erased",
            "items": [
                {"case": CASE, "version": 4, "hidden_at": "2026-11-21T12:00:09Z"},
                {
                    "case": CASE,
                    "version": 4,
                    "hidden_at": "2026-11-21T12:00:09Z",
                    "purged_at": "2026-11-21T12:00:10Z",
                    "nothing_held": True,
                },
            ],
        },
    ),
]

ODDITIES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    9.0,
    0.5,
    91,
    10**12,
    10**25,
    "",
    " ",
    "x",
    "all",
    "put",
    "held",
    "machine",
    "unaccompanied_migrant",
    "2014",
    "2014-03-05\n",
    "2014-02-30",
    "201X~",
    "../2014",
    "2013/..",
    "2026-11-21T12:00:00Z",
    "2026-11-21T12:00:00+01:00",
    "٢٠١٤",
    "police.fr.example",
    "PT",
    "pt-BR",
    "pt_br",
    "+4412",
    "https://a.example/",
    "a\x00b",
    "é" * 201,
    "x" * 4001,
    "\U0001f600",
    [],
    [[]],
    ["FR"],
    [1, True, 1.0],
    {},
    {"text": "x", "origin": "original"},
    {"pt": {"text": "x", "origin": "original"}},
    {"state": "active"},
]
NAMES = ["birth", "outcome", "police", "digest", "unheard_of", "Maria Silva", "ja", "lat", "text"]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Walk every place in a document but its top."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


PLACES = [list(places(value)) for _, value in GOOD]


def agree(kind: str, value: Any) -> None:
    if REFERENCE[kind].is_valid(value):
        SCHEMAS.check(kind, value)
    else:
        with pytest.raises(SchemaError) as caught:
            SCHEMAS.check(kind, value)
        assert caught.value.problems


@pytest.mark.parametrize(("kind", "value"), GOOD)
def test_good_documents_are_good_to_both(kind: str, value: Any) -> None:
    SCHEMAS.check(kind, value)
    assert REFERENCE[kind].is_valid(value)


def test_every_kind_of_this_page_has_a_good_document() -> None:
    assert {kind for kind, _ in GOOD} == {"summary", "supplement", "case", "leaf", "receipt"}


def draw_oddity(data: st.DataObject) -> Any:
    """Draw one of the oddities, as an object of its own: later mutations may put one into itself."""
    return copy.deepcopy(data.draw(st.sampled_from(ODDITIES)))


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_mutations_get_one_verdict(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(GOOD) - 1))
    kind, value = GOOD[index][0], copy.deepcopy(GOOD[index][1])
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(PLACES[index]))
        holder = value
        try:
            for step in way:
                holder = holder[step]
            match data.draw(st.sampled_from(["replace", "delete", "add", "move", "double"])):
                case "replace":
                    holder[last] = draw_oddity(data)
                case "delete":
                    del holder[last]
                case "add":
                    holder[last][data.draw(st.sampled_from(NAMES))] = draw_oddity(data)
                case "move":
                    holder[last] = copy.deepcopy(value[next(iter(value))])
                case "double":
                    holder[last].append(copy.deepcopy(holder[last][0]))
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # an earlier mutation took this place away
    agree(kind, value)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(SCHEMAS.kinds)),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
        max_leaves=8,
    ),
)
def test_any_json_gets_one_verdict(kind: str, value: Any) -> None:
    agree(kind, value)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["birth", "missing_since", "review_due"]),
    st.from_regex(r"[0-9X/.~?%:TZ+-]{0,26}", fullmatch=True),
)
def test_dates_get_one_verdict(field: str, text: str) -> None:
    agree("case", sample_record(**{field: text}))
