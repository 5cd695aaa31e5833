"""The form of a case against the schema of cases: nothing that a record can hold is forgotten."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from node.web.console.cases.form import read_typed, type_record
from node.web.console.cases.sections import EVERY_SECTION, Item, Leaf, Rows
from tests.factories import lang_text, sample_full_record

ELSEWHERE = {
    "photos": "photographs are added, cut and described on a page of their own",
    "companions[].photos": "photographs of companions are on the same page",
    "outcome": "how a case ended is asked where it is closed",
    "outcome_date": "how a case ended is asked where it is closed",
    **dict.fromkeys(
        ("birth_place.lat", "birth_place.lon", "birth_place.radius_m"),
        "nobody searches where a child was born, and a position would only look exact",
    ),
    "alert.area.polygon": "a border is drawn where alerts are made; the form keeps what is there",
}
"""What a record has and the form has not, each with the reason."""

SAMPLES = {
    "at_risk_preventive": {
        "names": [{"full": "Ana", "kind": "legal"}],
        "sex": 2,
        "birth": "2014",
        "nationalities": ["BR"],
        "destinations": [{"country": "PT", "region": lang_text(pt="Porto"), "confidence": "low"}],
        "until": "2026-12-31",
    },
    "external_refs": [{"system": "interpol", "value": "2026/1"}],
}


def load(name: str) -> dict[str, Any]:
    return dict(json.loads(files("schemas").joinpath(name).read_text()))


CASE = load("case.v1.json")
TERMS = {**load("terms.v1.json")["$defs"], **CASE["$defs"]}


def resolve(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give a schema with everything that it refers to."""
    yield schema
    if "$ref" in schema:
        yield from resolve(TERMS[schema["$ref"].rpartition("/")[2]])


def keyword(schema: Mapping[str, Any], name: str) -> Any:
    return next((one[name] for one in resolve(schema) if name in one), None)


def differences(schema: Mapping[str, Any], item: Item, path: str) -> Iterator[str]:
    """Give what of a field the form does not have, or has otherwise."""
    if isinstance(item, Leaf):
        enum = keyword(keyword(schema, "items") or schema, "enum")
        if enum is not None and {str(code) for code in enum} != set(item.codes):
            yield f"{path}: other codes than {enum}"
    elif isinstance(item, Rows) and item.texts:
        if TERMS["LangText"] not in resolve(schema) or item.most != TERMS["LangText"]["maxProperties"]:
            yield f"{path}: is no text in languages"
    elif isinstance(item, Rows):
        if item.most != keyword(schema, "maxItems"):
            yield f"{path}: other than {keyword(schema, 'maxItems')} rows"
        yield from missing(keyword(schema, "items"), item.fields, f"{path}[].")
    else:
        yield from missing(schema, item.fields, f"{path}.", item.fixed)


def missing(
    schema: Mapping[str, Any],
    items: Sequence[Item],
    path: str = "",
    fixed: Collection[str] = (),
) -> Iterator[str]:
    """Give the paths of the properties of an object that are not among these fields, and the other way."""
    properties = {name: inner for one in resolve(schema) for name, inner in one.get("properties", {}).items()}
    by_name = {item.name: item for item in items}
    yield from (path + name for name in properties.keys() - by_name.keys() - set(fixed))
    yield from (f"{path}{name}: not in the schema" for name in by_name.keys() - properties.keys())
    for name in properties.keys() & by_name.keys():
        yield from differences(properties[name], by_name[name], path + name)


def test_every_field_of_a_record_is_in_the_form_or_left_out_for_a_reason() -> None:
    items = [item for section in EVERY_SECTION for item in section.items]
    assert set(missing(CASE, items)) == ELSEWHERE.keys()


@pytest.mark.parametrize("name", sorted({*sample_full_record(), *SAMPLES}))
def test_a_field_that_is_typed_anew_is_the_same(name: str) -> None:
    """Type the whole field into an empty form: what comes of it is what was in the record."""
    record = {**sample_full_record(), **SAMPLES}
    if name in ELSEWHERE:
        return
    expected = json.loads(json.dumps(record[name]).replace('Z"', '+00:00"'))
    if name == "alert":
        del expected["area"]["polygon"]
    if name == "companions":
        for companion in expected:
            companion.pop("photos", None)
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        typed = type_record({name: expected}, "UTC")
        assert read_typed(typed, {}, "UTC")[name] == expected


@pytest.mark.parametrize(("value", "typed"), [(["FR", "PT"], "FR, PT"), ([], "–"), ("all", ""), (None, "")])
def test_where_a_case_is_shown_is_typed(value: Any, typed: str) -> None:
    record = {} if value is None else {"show_in": value}
    form = type_record(record, "UTC")
    assert form["show_in"] == typed
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        read = read_typed({**form, "show_in": "-" if typed == "–" else typed}, {}, "UTC")["show_in"]
        assert read == (value if typed else None)
        assert read_typed(form, record, "UTC")["show_in"] == value
