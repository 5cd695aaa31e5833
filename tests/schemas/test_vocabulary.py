"""The schema files themselves: documented throughout, bounded, and safe for any regular-expression engine."""

import json
import re
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.factories import SCHEMAS

FILES = {
    file.name: json.loads(file.read_bytes())
    for file in files("schemas").iterdir()
    if file.name.endswith(".json")
}
OURS = {name: schema for name, schema in FILES.items() if name.split(".")[0] not in ("roster", "policy")}

# The page that says what a summary must express, field by field (case-summary 1.0).
FIELDS = {
    "head": "schema case version issued_at updated_at issuer expires_at show_in adult_decision",
    "public": "names sex age_at_disappearance missing_since last_seen category circumstances height weight"
    " eyes hair build complexion marks clothing languages_spoken photos contacts alert companions",
    "network": "birth last_seen_exact birth_place nationalities destinations companions vehicles risk consent"
    " authority parental links review_due purge_by",
    "police": "reference external_refs medical vulnerabilities custody exploitation narrative"
    " at_risk_preventive",
}


def schemas_in(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk all subschemas that are objects."""
    if isinstance(schema, dict):
        yield where, schema
        for word in ("properties", "$defs"):
            for name, inner in schema.get(word, {}).items():
                yield from schemas_in(inner, f"{where}/{word}/{name}")
        for word in ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else"):
            yield from schemas_in(schema.get(word), f"{where}/{word}")
        for word in ("allOf", "anyOf", "prefixItems"):
            for index, inner in enumerate(schema.get(word, [])):
                yield from schemas_in(inner, f"{where}/{word}/{index}")


ALL = [found for name, schema in OURS.items() for found in schemas_in(schema, name)]
PATTERNS = sorted({schema["pattern"] for _, schema in ALL if "pattern" in schema})


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("summary", "head"),
        ("summary", "public"),
        ("summary", "network"),
        ("supplement", "head"),
        ("supplement", "police"),
    ],
)
def test_each_part_holds_the_fields_of_the_page(kind: str, part: str) -> None:
    assert set(SCHEMAS.fields(kind, part)) == set(FIELDS[part].split())


def test_a_field_of_one_part_is_refused_in_all_others() -> None:
    everything = {name for names in FIELDS.values() for name in names.split()}
    everything |= {"publication_decision", "outcome", "outcome_date", "notes"}
    for kind in ("summary", "supplement"):
        for part, schema in SCHEMAS.schema(kind)["properties"].items():
            if schema is not False:
                refused = {name for name, inner in schema["properties"].items() if inner is False}
                assert refused == everything - set(FIELDS[part].split()), part


def test_a_record_holds_every_field_of_every_part() -> None:
    derived = {"last_seen_exact"}
    shared = {name for part in ("public", "network", "police") for name in FIELDS[part].split()}
    assert shared - derived <= set(SCHEMAS.schema("case")["properties"])


@pytest.mark.parametrize("name", FILES)
def test_files_are_valid_schemas(name: str) -> None:
    Draft202012Validator.check_schema(FILES[name])


def test_every_field_says_what_it_means() -> None:
    for where, schema in ALL:
        for name, inner in schema.get("properties", {}).items():
            if inner is not False and not re.search("/(if|not|then|else|prefixItems)", where):
                assert "description" in inner or "$ref" in inner, f"{where}: {name}"


def test_every_text_list_and_table_is_bounded() -> None:
    for where, schema in ALL:
        if where.endswith("/if"):
            continue  # asks, and allows nothing
        if schema.get("type") == "string":
            # A pattern without * or an open {n,} bounds by itself.
            open_ended = re.search(r"\*|\+|\{\d+,\}", re.sub(r"\[[^]]*\]", "", schema.get("pattern", "*")))
            assert "maxLength" in schema or not open_ended, where
        if schema.get("type") == "array":
            assert "maxItems" in schema, where
        if schema.get("type") in ("integer", "number"):
            assert "minimum" in schema, where
            assert "maximum" in schema, where


def test_every_pattern_comes_with_words() -> None:
    for where, schema in ALL:
        assert "pattern" not in schema or "title" in schema, where


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_plain_and_fast_in_any_engine(pattern: str) -> None:
    assert pattern.isascii()
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert not re.search(r"\(\?|\\[1-9bBdDwWsS]", pattern), (
        "look-around, back-references and classes that differ"
    )
    compiled = re.compile(pattern)
    for hostile in ("a", "2", "a.", "a-", "20", "-2", "2014-03-05/", "X", "https://", "\n", "é"):
        text = hostile * (65536 // len(hostile))
        started = time.process_time()
        compiled.search(text)
        compiled.search(text + "\x00")
        assert time.process_time() - started < 0.1, hostile
